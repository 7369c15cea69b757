"""Registers that lie together are asked for together, and all answers of a round are decoded at once.

What stands where is worked out once: a block knows its addresses, a round the byte indices of each value of each type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.connect.base import BAD, GOOD
from steelyard.connect.modbus.registers import Register

MOST_REGISTERS, MOST_BITS = 125, 2000  # of one request, by the standard
ROUND = 16  # blocks that are decoded and handed over together
EXACT = float(1 << 53)  # beyond this a double is no longer every whole number
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """One request: ``count`` registers or bits of a kind from ``address`` on; ``places`` of its values in the map."""

    unit_id: int
    kind: str
    address: int
    count: int
    places: tuple[int, ...]

    @property
    def payload(self) -> int:
        """Bytes of a full answer."""
        return (self.count + 7) // 8 if self.kind in ("coil", "discrete") else self.count * 2


@dataclass(frozen=True)
class Limits:
    """``hole``: unused addresses between two values that are read along rather than asked around."""

    hole: int = 8
    registers: int = MOST_REGISTERS
    bits: int = MOST_BITS

    def of(self, kind: str) -> int:
        """Most addresses of one request."""
        return self.bits if kind in ("coil", "discrete") else self.registers


def plan(found: Sequence[Register], places: Iterable[int], limits: Limits) -> list[Block]:
    """The fewest requests, in order of unit, kind, address, that read these places; a value is never cut in two."""
    order = sorted(places, key=lambda p: (found[p].unit_id, found[p].kind, found[p].address, found[p].end))
    blocks: list[Block] = []
    run: list[int] = []
    end = 0
    for place in order:
        if run and not _joins(found[run[0]], end, found[place], limits):
            blocks.append(block(found, run))
            run = []
        end = max(end, found[place].end) if run else found[place].end
        run.append(place)
    return [*blocks, block(found, run)] if run else blocks


def _joins(first: Register, end: int, new: Register, limits: Limits) -> bool:
    same = (first.unit_id, first.kind) == (new.unit_id, new.kind)
    near = new.address - end <= limits.hole
    return same and near and max(end, new.end) - first.address <= limits.of(new.kind)


def block(found: Sequence[Register], places: Sequence[int]) -> Block:
    """The block from the first to the last of these places."""
    first = found[places[0]]
    end = max(found[p].end for p in places)
    return Block(first.unit_id, first.kind, first.address, end - first.address, tuple(places))


def rounds(found: Sequence[Register], blocks: Sequence[Block]) -> Iterator[Round]:
    """Rounds of at most ``ROUND`` blocks."""
    for at in range(0, len(blocks), ROUND):
        yield Round(found, blocks[at : at + ROUND])


@dataclass(frozen=True)
class _Numbers:
    """Values of one type: ``slots`` among the round's, ``gather`` (values x bytes) into its buffer."""

    dtype: str
    slots: Ints
    gather: Ints

    def read(self, buffer: Bytes) -> npt.NDArray[np.generic]:
        return buffer[self.gather].view(self.dtype)[:, 0]


class Round:
    """Some blocks that are read one after another into one buffer, and how their values stand in it.

    ``places``: of each value in the map; ``block_of``: its block; ``spans``: where each block's answer goes.
    """

    def __init__(self, found: Sequence[Register], blocks: Sequence[Block]) -> None:
        self.blocks = tuple(blocks)
        ends = np.cumsum([0, *(b.payload for b in blocks)]).tolist()
        self.spans = [slice(start, end) for start, end in pairwise(ends)]
        self.bytes = int(ends[-1])
        self.places = np.array([p for b in blocks for p in b.places], np.int64)
        self.block_of = np.repeat(np.arange(len(blocks)), [len(b.places) for b in blocks])
        self._values = [found[p] for p in self.places.tolist()]
        starts = [(ends[int(b)], blocks[int(b)].address) for b in self.block_of]
        self._numbers = self._number_groups(starts)
        self._bits = self._bit_group(starts)
        self._strings = [
            (slot, _indices(value, *starts[slot])) for slot, value in enumerate(self._values) if value.text
        ]
        self._words = [(slot, value.words) for slot, value in enumerate(self._values) if value.words]
        self._times, self._over, self._plus = _linear(self._values)

    def _number_groups(self, starts: list[tuple[int, int]]) -> list[_Numbers]:
        by_type: dict[str, list[int]] = {}
        for slot, value in enumerate(self._values):
            if value.dtype:
                by_type.setdefault(value.dtype, []).append(slot)
        return [
            _Numbers(dtype, np.array(slots), np.stack([_indices(self._values[s], *starts[s]) for s in slots]))
            for dtype, slots in by_type.items()
        ]

    def _bit_group(self, starts: list[tuple[int, int]]) -> tuple[Ints, Ints, Ints]:
        """Slots, byte and shift of all single bits."""
        found = []
        for slot, value in enumerate(self._values):
            base, address = starts[slot]
            if value.bits:
                bit = value.address - address
                found.append((slot, base + bit // 8, bit % 8))
            elif value.bit >= 0:
                high, low = _indices(value, base, address).tolist()
                found.append((slot, low if value.bit < 8 else high, value.bit % 8))
        table = np.array(found, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def decode(self, buffer: Bytes) -> tuple[Doubles, pa.Array | None, npt.NDArray[np.uint8] | None]:
        """Value, text and quality per place; what is no finite number is bad and says so as text."""
        raw = np.full(len(self._values), np.nan)
        texts: dict[int, str] = {}
        for group in self._numbers:
            exact = group.read(buffer)
            raw[group.slots] = exact
            if group.dtype in (">i8", ">u8"):
                self._keep_exact(group.slots, exact, raw, texts)
        slots, byte, shift = self._bits
        raw[slots] = buffer[byte] >> shift & 1
        value = raw * self._times / self._over + self._plus
        for slot, words in self._words:
            if np.isfinite(raw[slot]) and int(raw[slot]) in words:
                texts[slot] = words[int(raw[slot])]
        for slot, where in self._strings:
            texts[slot] = buffer[where].tobytes().split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        quality = self._not_finite(value, texts)
        return value, self._column(texts), quality

    def _keep_exact(self, slots: Ints, exact: npt.NDArray[np.generic], raw: Doubles, texts: dict[int, str]) -> None:
        """Whole numbers that a double cannot hold stand as text too."""
        for n in np.flatnonzero(np.abs(raw[slots]) > EXACT).tolist():
            slot = int(slots[n])
            if self._values[slot].scale == 1 and self._values[slot].offset == 0:
                texts[slot] = str(int(exact[n]))

    def _not_finite(self, value: Doubles, texts: dict[int, str]) -> npt.NDArray[np.uint8] | None:
        wrong = ~np.isfinite(value)
        wrong[[slot for slot, _ in self._strings]] = False
        if not wrong.any():
            return None
        for slot in np.flatnonzero(wrong).tolist():
            texts[slot] = str(value[slot])
        value[wrong] = np.nan
        return np.where(wrong, np.uint8(BAD), np.uint8(GOOD))

    def _column(self, texts: dict[int, str]) -> pa.Array | None:
        if not texts:
            return None
        return pa.array([texts.get(slot) for slot in range(len(self._values))], pa.string())


def _indices(value: Register, base: int, address: int) -> Ints:
    """Where the bytes of a value stand, most significant first, in a buffer in which its block begins at ``base``."""
    words = np.arange(value.size * 2).reshape(-1, 2)
    if value.swap_words and not value.text:
        words = words[::-1]
    if value.swap_bytes:
        words = words[:, ::-1]
    return words.reshape(-1) + base + 2 * (value.address - address)


def _linear(values: Sequence[Register]) -> tuple[Doubles, Doubles, Doubles]:
    """Times, over, plus. A scale of 0.1 divides by 10, so that 3 is 0.3 and not 0.30000000000000004."""
    scale = np.array([v.scale for v in values])
    over = np.round(1 / scale)
    tidy = (np.abs(scale) < 1) & (np.abs(over * scale - 1) < 1e-12)
    return np.where(tidy, 1.0, scale), np.where(tidy, over, 1.0), np.array([v.offset for v in values])
