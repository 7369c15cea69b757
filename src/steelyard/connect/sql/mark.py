"""How far a source was read: the high-water value, and which rows from there on were handed over already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from steelyard.errors import InputError

MOST_SEEN = 20_000
"""Rows remembered at the high water. Of more, the oldest are forgotten, read again and found repeated by their key."""
ROUNDED = timedelta(milliseconds=10)  # SQL Server's datetime gives back what differs from what it holds, by up to 3 ms
_PACK: dict[type, tuple[str, Callable[[Any], str]]] = {
    int: ("integer", str), float: ("float", repr), Decimal: ("decimal", str), str: ("text", str),
    datetime: ("time", datetime.isoformat), date: ("date", date.isoformat), bytes: ("bytes", bytes.hex),
}  # fmt: skip
_UNPACK: dict[str, Callable[[str], Any]] = {
    "integer": int, "float": float, "decimal": Decimal, "text": str,
    "time": datetime.fromisoformat, "date": date.fromisoformat, "bytes": bytes.fromhex,
}  # fmt: skip


def pack(value: Any) -> dict[str, str]:
    """A high-water value as JSON that says its type; raises InputError SY601 where its type has no order to go by."""
    if type(value) not in _PACK:
        kinds = ", ".join(kind for kind, _ in _PACK.values())
        raise InputError("SY601", "", field="high_water", why=f"{type(value).__name__}: {kinds}")
    kind, write = _PACK[type(value)]
    return {kind: write(value)}


def unpack(packed: dict[str, str]) -> Any:
    """The value again, of the type that the driver gave."""
    [(kind, text)] = packed.items()
    return _UNPACK[kind](text)


def digest(row: Sequence[Any]) -> str:
    """16 bytes of a row as the driver gave it, in hex."""
    return blake2b(repr(tuple(row)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass
class Mark:
    """``high``: the greatest high-water value handed over; ``seen``: how often each row from ``since`` on was.

    ``overlap`` goes back further: seconds of a time or a date, units of a number. With it, what was committed late with an
    older value is found; rows in the overlap that were handed over before are known by their digests.
    """

    column: str
    overlap: float = 0
    high: Any = None
    seen: dict[Any, Counter[str]] = field(default_factory=dict)
    forgot: bool = False

    @classmethod
    def read(cls, position: dict[str, Any], column: str, overlap: float) -> Mark:
        """From a position; one of another column counts for nothing."""
        if not column or position.get("column") != column:
            return cls(column, overlap)
        seen = {unpack(value): Counter(rows) for value, rows in position["seen"]}
        return cls(column, overlap, unpack(position["high_water"]), seen)

    def position(self) -> dict[str, Any]:
        """The same as JSON."""
        seen = [[pack(value), list(rows.elements())] for value, rows in self.seen.items()]
        return {"column": self.column, "high_water": pack(self.high), "seen": seen}

    @property
    def since(self) -> Any:
        """From which value on the source is read, that one included; None: from its beginning."""
        high = self.high
        if isinstance(high, datetime):
            return high - max(timedelta(seconds=self.overlap), ROUNDED)
        if isinstance(high, date):
            return high - timedelta(seconds=self.overlap)
        if isinstance(high, float):
            return high - self.overlap
        if isinstance(high, (int, Decimal)):
            return high - type(high)(str(int(self.overlap)))
        return high

    def pending(self) -> dict[Any, Counter[str]]:
        """What one reading from ``since`` on will meet again; ``fresh`` takes it off as it comes."""
        return {value: Counter(rows) for value, rows in self.seen.items()}

    def fresh(self, rows: Sequence[Sequence[Any]], pending: dict[Any, Counter[str]]) -> list[Sequence[Any]]:
        """The rows not handed over yet, in order; each row ends with its high-water value."""
        new = [row for row in rows if row[-1] not in pending or not _off(pending[row[-1]], row)]
        if not new:
            return []
        last = max(row[-1] for row in new) if self._ordered(new[-1][-1]) else new[-1][-1]
        if self.high is None or not self._ordered(last) or last > self.high:
            self.high = last
        self._remember(new)
        return new

    @staticmethod
    def _ordered(value: Any) -> bool:
        """Texts stand in the order of the database's collation, not in ours: of them the last one read is the greatest."""
        return not isinstance(value, (str, bytes))

    def _remember(self, new: Sequence[Sequence[Any]]) -> None:
        since = self.since
        self.seen = {value: rows for value, rows in self.seen.items() if self._met_again(value, since)}
        for row in new:
            if self._met_again(row[-1], since):
                self.seen.setdefault(row[-1], Counter())[digest(row)] += 1
        self._bound()

    def _met_again(self, value: Any, since: Any) -> bool:
        return bool(value >= since if self._ordered(value) else value == since)

    def _bound(self) -> None:
        held = sum(rows.total() for rows in self.seen.values())
        while held > MOST_SEEN:
            self.forgot = True
            oldest = min(self.seen) if len(self.seen) > 1 else next(iter(self.seen))
            held -= self.seen.pop(oldest).total()


def _off(pending: Counter[str], row: Sequence[Any]) -> bool:
    """Takes one row off those that are met again; False where it is new."""
    if pending[found := digest(row)] <= 0:
        return False
    pending[found] -= 1
    return True
