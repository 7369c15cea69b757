"""Reads publish responses straight into columns: runs of one scalar type become arrays without an object per value.

The general decoder makes some ten objects for each value, dates among them, which is most of the cost of a
subscription. Its layouts of fixed size (OPC 10000-6, 5.2.2.17) are read here by NumPy; all others by asyncua.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import from_binary, nodeid_from_binary, struct_from_binary

from steelyard.connect.opcua.columns import EPOCH, EXACT, Part, Rows, exact_texts, micros

SCALARS = {1: "?", 2: "i1", 3: "u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 8: "<i8", 9: "<u8", 10: "<f4", 11: "<f8"}
PACKED = {"?": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
          "f4": "f", "f8": "d"}  # fmt: skip
VALUE, STATUS, SOURCE, SERVER, SOURCE_PICO, SERVER_PICO = 1, 2, 4, 8, 16, 32
DATA_CHANGE, STATUS_CHANGE = 811, 820
WINDOW = 64
FEW = 8

Odd = Callable[[int, ua.DataValue, Rows], None]
"""Puts a value that is no plain number into rows: item, value, rows."""


@dataclass(frozen=True)
class Layout:
    """One notification of fixed size: item, mask, and what the mask says follows.

    ``places``: of value, status, source time and server time among its fields, 0 where it has none.
    """

    dtype: np.dtype[Any]
    packed: struct.Struct
    places: tuple[int, ...]
    whole: bool
    time: str
    key: bytes
    valued: bool
    stated: bool

    def matches(self, data: bytes, at: int) -> bool:
        """Whether the notification that begins at ``at`` is of this layout."""
        return data[at + 4 : at + 4 + len(self.key)] == self.key


@cache
def layout(mask: int, encoding: int) -> Layout | None:
    """The layout for a mask and a variant's encoding byte; None where its size is not fixed."""
    if mask >= 64 or (mask & VALUE and encoding not in SCALARS):
        return None
    fields: list[tuple[str, str]] = [("handle", "<u4"), ("mask", "u1")]
    fields += [("encoding", "u1"), ("value", SCALARS[encoding])] if mask & VALUE else []
    fields += [("status", "<u4")] if mask & STATUS else []
    fields += [("source", "<i8")] if mask & SOURCE else []
    fields += [("source_pico", "<u2")] if mask & SOURCE_PICO else []
    fields += [("server", "<i8")] if mask & SERVER else []
    fields += [("server_pico", "<u2")] if mask & SERVER_PICO else []
    time = "source" if mask & SOURCE else "server" if mask & SERVER else ""
    key = bytes((mask, encoding)) if mask & VALUE else bytes((mask,))
    names = [name for name, _ in fields]
    places = tuple(names.index(name) if name in names else 0 for name in ("value", "status", "source", "server"))
    packed = struct.Struct("<" + "".join(PACKED[code.lstrip("<")] for _, code in fields))
    return Layout(
        np.dtype(fields), packed, places, encoding in (8, 9), time, key, bool(mask & VALUE), bool(mask & STATUS)
    )


def run_length(data: bytes, at: int, most: int, kind: Layout) -> int:
    """How many notifications from ``at`` on are of one layout. Each is checked where the one before it ends."""
    size, run, window = kind.dtype.itemsize, 1, WINDOW
    fitting = min(most, (len(data) - at) // size)
    while run < fitting and kind.matches(data, at + run * size):
        view = np.frombuffer(data, kind.dtype, min(window, fitting - run), at + run * size)
        same = view["mask"] == kind.key[0]
        if kind.valued:
            same &= view["encoding"] == kind.key[1]
        if not same.all():
            return run + int(same.argmin())
        run, window = run + len(view), window * 4
    return run


def part_of(data: bytes, at: int, count: int, kind: Layout) -> Part:
    """So many notifications of one layout, as columns."""
    view = np.frombuffer(data, kind.dtype, count, at)
    value = view["value"].astype(np.float64) if kind.valued else np.full(count, np.nan)
    status = view["status"].copy() if kind.stated else np.zeros(count, np.uint32)
    value[status >= 1 << 31] = np.nan
    times = _times(view, kind, count)
    return Part(view["handle"].copy(), times, value, status, _exact(view["value"], status) if kind.whole else None)


def _exact(whole: Any, status: Any) -> list[str | None] | None:
    """Texts of integers that a double may not hold; none for bad values."""
    return exact_texts(np.where(status >= 1 << 31, whole.dtype.type(0), whole))


def _times(view: Any, kind: Layout, count: int) -> Any:
    if not kind.time:
        return np.zeros(count, np.int64)
    at = view[kind.time] // 10 - EPOCH
    if kind.time == "source" and "server" in (view.dtype.names or ()):
        at = np.where(at > 0, at, view["server"] // 10 - EPOCH)
    return np.maximum(at, 0)


def read_items(data: bytes, at: int, count: int, odd: Odd) -> tuple[list[Part], int]:
    """The notifications of a data change from ``at`` on; returns their parts in order, and where they end."""
    parts: list[Part] = []
    rows = Rows()
    while count:
        kind = layout(data[at + 4], data[at + 5])
        done = run_length(data, at, count, kind) if kind and _looks_long(data, at, kind) else 1
        if kind and done >= FEW:
            parts += [rows.part()] if rows.handle else []
            parts.append(part_of(data, at, done, kind))
            rows, at = Rows(), at + done * kind.dtype.itemsize
        elif kind:
            done, at = 1, _single(data, at, kind, rows)
        else:
            at = _odd_one(data, at, odd, rows)
        count -= done
    return [*parts, rows.part()] if rows.handle else parts, at


def _looks_long(data: bytes, at: int, kind: Layout) -> bool:
    size = kind.dtype.itemsize
    return kind.matches(data, at + size) and kind.matches(data, at + 2 * size)


def _single(data: bytes, at: int, kind: Layout, rows: Rows) -> int:
    """One notification of fixed size, where setting up an array would cost more than the value."""
    got = kind.packed.unpack_from(data, at)
    value, status, source, server = (got[place] if place else 0 for place in kind.places)
    bad = not kind.valued or status >= 1 << 31
    text = str(value) if kind.whole and abs(value) >= EXACT and not bad else None
    rows.add(got[0], micros(source) or micros(server), math.nan if bad else float(value), status, text)
    return at + kind.packed.size


def _odd_one(data: bytes, at: int, odd: Odd, rows: Rows) -> int:
    """One notification of any other shape, by the general decoder."""
    buffer = Buffer(data, at + 4)
    odd(int.from_bytes(data[at : at + 4], "little"), from_binary(ua.DataValue, buffer), rows)
    return buffer.cur_pos


@dataclass(frozen=True)
class Published:
    """One publish response. ``at``: the server's publish time, µs UTC; ``ended``: why its subscription is no more."""

    subscription: int
    sequence: int
    at: int
    parts: list[Part]
    more: bool
    empty: bool
    ended: str = ""


def read_published(body: Buffer, odd: Odd) -> Published:
    """A PublishResponse; raises ua.UaError where the server says that something is wrong."""
    data = bytes(body)
    buffer = Buffer(data)
    nodeid_from_binary(buffer)
    struct_from_binary(ua.ResponseHeader, buffer).ServiceResult.check()
    (subscription, available) = struct.unpack("<Ii", buffer.read(8))
    buffer.skip(4 * max(0, available))
    (more,) = buffer.read(1)
    return read_message(buffer, data, subscription, odd, more=bool(more))


def read_republished(body: Buffer, subscription: int, odd: Odd) -> Published:
    """A RepublishResponse: the one message that was asked for again."""
    data = bytes(body)
    buffer = Buffer(data)
    nodeid_from_binary(buffer)
    struct_from_binary(ua.ResponseHeader, buffer).ServiceResult.check()
    return read_message(buffer, data, subscription, odd, more=False)


def read_message(buffer: Buffer, data: bytes, subscription: int, odd: Odd, *, more: bool) -> Published:
    """A NotificationMessage: its data changes as parts; notifications of other kinds are passed over."""
    sequence, ticks, count = struct.unpack("<Iqi", buffer.read(16))
    parts: list[Part] = []
    ended = ""
    for _ in range(count):
        kind = nodeid_from_binary(buffer).Identifier
        buffer.read(1)
        (length,) = struct.unpack("<i", buffer.read(4))
        if kind == DATA_CHANGE:
            (items,) = struct.unpack_from("<i", data, buffer.cur_pos)
            parts += read_items(data, buffer.cur_pos + 4, items, odd)[0]
        elif kind == STATUS_CHANGE:
            ended = ua.StatusCode(struct.unpack_from("<I", data, buffer.cur_pos)[0]).name
        buffer.skip(max(0, length))
    return Published(subscription, sequence, micros(ticks), parts, more, count <= 0, ended)
