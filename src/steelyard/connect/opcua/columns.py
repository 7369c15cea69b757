"""Values on their way in, by columns: what a notification, a read or a history gave, until the inlet takes them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.connect.base import BAD, GOOD, HISTORICAL, UNCERTAIN, Doubles, Ints

EPOCH = 11_644_473_600_000_000  # µs from 1601 to 1970
EXACT = float(1 << 53)
Handles = npt.NDArray[np.uint32]


def micros(filetime: int) -> int:
    """100 ns since 1601 to µs since 1970; 0 where the server gave none, or that of a clock which was never set."""
    return max(0, filetime // 10 - EPOCH)


@dataclass
class Part:
    """A run of values. ``handle``: which item; ``at``: µs UTC, 0 where the source said none; ``status``: as on the wire."""

    handle: Handles
    at: Ints
    value: Doubles
    status: Handles
    text: list[str | None] | None = None

    def __len__(self) -> int:
        return len(self.handle)

    def only(self, which: npt.NDArray[np.bool_]) -> Part:
        """Those of a mask."""
        texts = None if self.text is None else [text for text, keep in zip(self.text, which, strict=True) if keep]
        return Part(self.handle[which], self.at[which], self.value[which], self.status[which], texts)


@dataclass
class Rows:
    """Single values that come one by one, before they are a Part."""

    handle: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)

    def add(self, handle: int, at: int, value: float, status: int, text: str | None) -> None:
        """One value; ``at`` in µs UTC, 0 if unknown."""
        self.handle.append(handle)
        self.at.append(at)
        self.value.append(value)
        self.status.append(status)
        self.text.append(text)

    def part(self) -> Part:
        """As arrays."""
        texts = self.text if any(text is not None for text in self.text) else None
        return Part(np.array(self.handle, np.uint32), np.array(self.at, np.int64), np.array(self.value, np.float64),
                    np.array(self.status, np.uint32), texts)  # fmt: skip


def exact_texts(whole: npt.NDArray[np.int64] | npt.NDArray[np.uint64]) -> list[str | None] | None:
    """Integers that a double may not hold are kept as text as well; None where there are none."""
    wide = np.abs(whole.astype(np.float64)) >= EXACT
    return [str(n) if w else None for n, w in zip(whole.tolist(), wide.tolist(), strict=True)] if wide.any() else None


def joined(parts: list[Part]) -> Part:
    """Several parts as one, in their order."""
    if len(parts) == 1:
        return parts[0]
    texts: list[str | None] | None = None
    if any(part.text is not None for part in parts):
        texts = [text for part in parts for text in (part.text or [None] * len(part))]
    return Part(np.concatenate([p.handle for p in parts]), np.concatenate([p.at for p in parts]),
                np.concatenate([p.value for p in parts]), np.concatenate([p.status for p in parts]), texts)  # fmt: skip


def qualities(status: Handles, *, historical: bool = False) -> npt.NDArray[np.uint8] | None:
    """Status codes to ``QUALITIES`` by their two severity bits; None where all are good."""
    severity = status >> 30
    if not severity.any() and not historical:
        return None
    found = np.full(len(status), HISTORICAL if historical else GOOD, np.uint8)
    if not historical:
        found[severity == 1] = UNCERTAIN
    found[severity >= 2] = BAD
    return found


def texts_of(part: Part, names: dict[int, dict[int, str]]) -> pa.Array | None:
    """The text column: names of enumerations by item put in, texts of bad values left out; None where there is none."""
    texts = part.text
    if names:
        named = np.isin(part.handle, np.fromiter(names, np.uint32, len(names)))
        if named.any():
            texts = texts or [None] * len(part)
            for place in np.flatnonzero(named & ~np.isnan(part.value)).tolist():
                texts[place] = names[int(part.handle[place])].get(int(part.value[place]), texts[place])
    return None if texts is None else pa.array(texts, pa.string(), mask=part.status >= 1 << 31)
