"""Many DATA messages at once: the bytes of plain metrics are read by columns with numpy, not one by one.

Reading a metric of a parsed message in Python costs four to six attribute accesses, ten times the parsing itself. Here each
field of all metrics of a batch is read in one step. Whatever is not plain (null, historical, properties, types other than
numbers, booleans and short texts, names or aliases the birth did not tell, anything malformed) makes its whole message *odd*:
it goes the general way, through protobuf, so that nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from steelyard.connect.sparkplug import values as of

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

NAME, ALIAS, TIME, TYPE, HISTORICAL, TRANSIENT, NULL = 0x0A, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38
INT, LONG, FLOAT, DOUBLE, BOOLEAN, TEXT = 0x50, 0x58, 0x65, 0x69, 0x70, 0x7A
TAGS = (
    dict.fromkeys(of.FIELDS["int_value"], INT) | dict.fromkeys(of.FIELDS["long_value"], LONG)
    | {of.FLOAT: FLOAT, of.DOUBLE: DOUBLE, of.BOOLEAN: BOOLEAN}
    | dict.fromkeys(of.FIELDS["string_value"], TEXT)
)  # fmt: skip
_LATEST = 2**52  # ms
_ENDS = np.array([0x80 << 8 * n for n in range(8)], np.uint64)
_SEVENS = np.uint64(0x7F7F7F7F7F7F7F7F)
_TOPS = np.uint64(0x8080808080808080)


class Slots(NamedTuple):
    """What births told, as columns: of each slot the inlet's signal, the data type, the tag of its value, and its bits where it has a sign."""

    signal: npt.NDArray[np.int32]
    datatype: npt.NDArray[np.int32]
    tag: npt.NDArray[np.int32]
    bits: npt.NDArray[np.int64]
    alias: npt.NDArray[np.int32]  # base of a device + alias -> slot, -1 where there is none


class Known(NamedTuple):
    """Where a device's metrics are found: names to slots, and the span of its aliases in ``Slots.alias``."""

    names: Mapping[bytes, int]
    base: int
    width: int


class Columns(NamedTuple):
    """Of each metric its message, slot, time (µs) and number; of each message its seq (-1: none), time (ms), and whether it is odd."""

    message: Longs
    slot: Longs
    at: Longs
    value: npt.NDArray[np.float64]
    texts: dict[int, str]
    seq: list[int]
    stamp: list[int]
    odd: list[bool]


def decode(raws: Sequence[bytes], known: Sequence[Known], slots: Slots) -> Columns:
    """Read messages by columns; rows of odd messages are in there too and mean nothing."""
    starts, counts, seqs, heads, bad = _walk(raws)
    data = b"".join(raws) + bytes(24)
    buffer = _Buffer(data)
    begin = np.array(starts[0], np.int64)
    fields = _Fields(buffer, begin, np.minimum(np.array(starts[1], np.int64), buffer.limit))
    fields.read()
    message = np.repeat(np.arange(len(raws)), counts)
    odd = fields.odd
    slot = _slots(data, fields, known, message, slots)
    odd |= slot < 0
    slot[odd] = 0
    odd |= (slots.tag[slot] != fields.tag) | ((fields.type >= 0) & (fields.type != slots.datatype[slot]))
    stamp = buffer.varint(np.array(heads, np.int64))[0].view(np.int64)
    at = np.where(fields.at < 0, stamp[message], fields.at)
    odd |= (at <= 0) | (at >= _LATEST)
    value = _numbers(fields, slots.bits[slot], odd)
    texts = _texts(data, fields, odd)
    each = np.array(bad)
    each[message[odd]] = True
    return Columns(message, slot, at * 1000, value, texts, seqs, stamp.tolist(), each.tolist())


def _walk(raws: Sequence[bytes]) -> tuple[tuple[list[int], list[int]], list[int], list[int], list[int], list[bool]]:
    """Of all messages: where metrics begin and end; of each: how many, seq, where its time stands, whether it is malformed."""
    begin: list[int] = []
    ends: list[int] = []
    counts, seqs, heads, bad = [], [], [], []
    offset = 0
    for raw in raws:
        n, i, seq, head, before, wrong = len(raw), 0, -1, -1, len(begin), False
        try:
            while i < n:
                tag = raw[i]
                if tag == 0x12:
                    i += 2
                    size = raw[i - 1]
                    if size > 127:
                        size += (raw[i] << 7) - 128
                        wrong |= raw[i] > 127
                        i += 1
                    begin.append(offset + i)
                    i += size
                    ends.append(offset + i)
                elif tag == 0x18:
                    seq, i = raw[i + 1], i + 2
                    if seq > 127:
                        wrong |= raw[i] > 127
                        seq, i = seq + (raw[i] << 7) - 128, i + 1
                elif tag == 0x08:
                    i += 1
                    head = offset + i
                    while raw[i] > 127:
                        i += 1
                    i += 1
                else:
                    wrong = True
                    break
        except IndexError:
            wrong = True
        counts.append(len(begin) - before)
        seqs.append(seq)
        heads.append(max(head, 0))
        bad.append(wrong or i != n or head < 0)
        offset += n
    return (begin, ends), counts, seqs, heads, bad


class _Buffer:
    """Bytes that can be read as words at any place."""

    def __init__(self, data: bytes) -> None:
        self.bytes = np.frombuffer(data, np.uint8)
        self.limit = len(data) - 16
        self.words: Words = np.ndarray((len(data) - 7,), "<u8", data, 0, (1,))
        self.floats = np.ndarray((len(data) - 3,), "<f4", data, 0, (1,))
        self.doubles = np.ndarray((len(data) - 7,), "<f8", data, 0, (1,))

    def varint(self, at: Longs) -> tuple[Words, Longs]:
        """Variable integers at places, and their sizes in bytes."""
        word = self.words[at]
        stop = ~word & _TOPS
        low = stop & (~stop + np.uint64(1))
        size = np.searchsorted(_ENDS, low) + 1
        word &= (low | (low - np.uint64(1))) & _SEVENS
        word = (word & np.uint64(0x007F007F007F007F)) | ((word & np.uint64(0x7F007F007F007F00)) >> np.uint64(1))
        word = (word & np.uint64(0x00003FFF00003FFF)) | ((word & np.uint64(0x3FFF00003FFF0000)) >> np.uint64(2))
        word = (word & np.uint64(0x000000000FFFFFFF)) | ((word & np.uint64(0x0FFFFFFF00000000)) >> np.uint64(4))
        if not stop.all():
            self._long(word, size, at, stop == 0)
        return word, size

    def _long(self, word: Words, size: Longs, at: Longs, which: Flags) -> None:
        """Those of nine or ten bytes: negative numbers of 64 bits."""
        ninth = self.bytes[at[which] + 8].astype(np.uint64)
        tenth = self.bytes[at[which] + 9].astype(np.uint64)
        more = ninth > np.uint64(127)
        word[which] |= ((ninth & np.uint64(127)) << np.uint64(56)) | np.where(
            more, tenth << np.uint64(63), np.uint64(0)
        )
        size[which] = np.where(more, 10, 9)


class _Fields:
    """The fields of all metrics, read in step: the first field of each, the second of each, and so on."""

    def __init__(self, buffer: _Buffer, begin: Longs, end: Longs) -> None:
        count = len(begin)
        self.buffer = buffer
        self.pos, self.end = begin.copy(), end
        self.odd: Flags = np.zeros(count, np.bool_)
        self.alias = np.full(count, -1, np.int64)
        self.at = np.full(count, -1, np.int64)
        self.type = np.full(count, -1, np.int64)
        self.tag = np.zeros(count, np.int32)
        self.raw = np.zeros(count, np.int64)
        self.value = np.zeros(count)
        self.name = np.full(count, -1, np.int64)  # where it begins
        self.size = np.zeros(count, np.int64)  # of the name
        self.length = np.zeros(count, np.int64)  # of the text

    def read(self) -> None:
        """Read field by field, until all are at their ends."""
        active = np.flatnonzero(self.pos < self.end)
        for _ in range(12):
            if not len(active):
                break
            tags = self.buffer.bytes[self.pos[active]]
            first = int(tags[0])
            if (tags == first).all():
                self._step(first, active)
            else:
                for tag in np.bincount(tags, minlength=256).nonzero()[0].tolist():
                    self._step(tag, active[tags == tag])
            self.odd[active] |= self.pos[active] > self.end[active]
            active = active[(self.pos[active] < self.end[active]) & ~self.odd[active]]
        self.odd |= self.pos != self.end

    def _step(self, tag: int, which: Longs) -> None:
        at = self.pos[which] + 1
        if tag in (FLOAT, DOUBLE):
            source = self.buffer.floats if tag == FLOAT else self.buffer.doubles
            self.value[which] = source[at]
            self.pos[which] = at + (4 if tag == FLOAT else 8)
            self._hold(tag, which)
            return
        raw, size = self.buffer.varint(at)
        found = raw.view(np.int64)
        self.pos[which] = at + size
        if tag in (INT, LONG, BOOLEAN):
            self.raw[which] = found
            self._hold(tag, which)
        elif tag in (NAME, TEXT):
            self._span(tag, which, found, at + size)
        elif tag in (ALIAS, TIME, TYPE):
            (self.alias if tag == ALIAS else self.at if tag == TIME else self.type)[which] = found
        elif tag in (HISTORICAL, NULL):
            self.odd[which] |= found != 0
        elif tag != TRANSIENT:
            self.odd[which] = True

    def _hold(self, tag: int, which: Longs) -> None:
        self.odd[which] |= self.tag[which] != 0  # two values: the general way knows which counts
        self.tag[which] = tag

    def _span(self, tag: int, which: Longs, size: Longs, at: Longs) -> None:
        long = (size < 0) | (size > of.MOST_TEXT)
        size = np.where(long, 0, size)
        self.odd[which] |= long
        self.pos[which] = np.minimum(at + size, self.buffer.limit)
        if tag == NAME:
            self.name[which], self.size[which] = at, size
        else:
            self.raw[which], self.length[which] = at, size
            self._hold(tag, which)


def _slots(data: bytes, fields: _Fields, known: Sequence[Known], message: Longs, slots: Slots) -> Longs:
    """The slot of each metric by alias or by name; -1 where it has both or neither, or the birth did not tell it."""
    base = np.array([one.base for one in known], np.int64)[message]
    width = np.array([one.width for one in known], np.int64)[message]
    good = (fields.alias >= 0) & (fields.alias < width)
    slot = np.full(len(message), -1, np.int64)
    if good.all():
        slot = slots.alias[base + fields.alias].astype(np.int64)
    elif good.any():
        slot[good] = slots.alias[base[good] + fields.alias[good]]
    named = np.flatnonzero((fields.name >= 0) & ~fields.odd)
    if len(named):
        begins, sizes = fields.name[named].tolist(), fields.size[named].tolist()
        found = [
            known[m].names.get(data[b : b + n], -1)
            for m, b, n in zip(message[named].tolist(), begins, sizes, strict=True)
        ]
        slot[named] = np.where(fields.alias[named] < 0, found, -1)
    return slot


def _numbers(fields: _Fields, bits: Longs, odd: Flags) -> npt.NDArray[np.float64]:
    """The number of each metric; whole numbers that a double cannot hold make theirs odd."""
    value = fields.value
    whole = (fields.tag == INT) | (fields.tag == LONG) | (fields.tag == BOOLEAN)
    if whole.any():
        width, tag, raw = bits[whole], fields.tag[whole], fields.raw[whole]
        large = (tag == INT) & ((raw < 0) | (raw > 0xFFFFFFFF)) | (tag == BOOLEAN) & (raw > 1)
        shift = np.where(width > 0, 64 - width, 0)
        raw = raw << shift >> shift
        large |= (raw > of.EXACT) | (raw < -of.EXACT) | ((raw < 0) & (width == 0))
        odd[np.flatnonzero(whole)[large]] = True
        value[whole] = raw
    value[fields.tag == TEXT] = np.nan
    return value


def _texts(data: bytes, fields: _Fields, odd: Flags) -> dict[int, str]:
    rows = np.flatnonzero((fields.tag == TEXT) & ~odd).tolist()
    texts: dict[int, str] = {}
    for row in rows:
        begin = int(fields.raw[row])
        try:
            texts[row] = data[begin : begin + int(fields.length[row])].decode()
        except UnicodeDecodeError:
            odd[row] = True
    return texts
