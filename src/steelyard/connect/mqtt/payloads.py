"""JSON payloads to values: bare ones, ``{timestamp_ms, value}`` of the Unified Namespace, and objects of many signals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from steelyard.model.period import micros

TIMES = ("timestamp_ms", "timestamp", "ts", "time")
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
DEEP = 16  # levels of nesting
EXACT = 2**53
_LATEST = 2**62

Value = tuple[str, float, str | None]
"""Name below the topic's signal (empty: itself), number or NaN, text or None."""


class Unreadable(ValueError):  # noqa: N818  - refused with a code, not raised to a user
    """A payload that cannot be read: the code of its refusal and what it was about."""

    def __init__(self, code: str, value: str) -> None:
        super().__init__(code, value)
        self.code, self.value = code, value


@dataclass(frozen=True)
class Reading:
    """How payloads are read: names of the time's field, its unit (auto, s, ms, us, iso), the zone of times without one,
    the field that is the signal itself, whether arrays become one signal each, and whether text without quotes is a value.
    """

    times: tuple[str, ...] = TIMES
    unit: str = "auto"
    zone: str = "UTC"
    value: str = "value"
    arrays: bool = False
    plain: bool = False

    def read(self, payload: bytes) -> tuple[int | None, list[Value]]:
        """The time in µs UTC (None: the payload has none) and the values; raises Unreadable SY610, SY611 or SY612."""
        try:
            document = msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            document = self._text(payload, error)
        if type(document) is not dict:
            return None, list(self._values("", document, 0))
        at = None
        for name in self.times:
            if name in document:
                at = self._time(document.pop(name), name)
                break
        values = [
            found for key, one in document.items() for found in self._values("" if key == self.value else key, one, 1)
        ]
        if not values:
            raise Unreadable("SY611", "{}")
        return at, values

    def _text(self, payload: bytes, error: Exception) -> str:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise Unreadable("SY610", repr(payload[:60])) from error
        if not self.plain or not text.strip():
            raise Unreadable("SY610", text[:60])
        return text

    def _values(self, name: str, one: Any, depth: int) -> Iterator[Value]:
        if isinstance(one, dict | list):
            if depth > DEEP or (isinstance(one, list) and not self.arrays):
                raise Unreadable("SY611", name or "[]")
            below = one.items() if isinstance(one, dict) else ((str(n), element) for n, element in enumerate(one))
            for key, element in below:
                yield from self._values(f"{name}.{key}" if name else key, element, depth + 1)
        else:
            yield (name, *scalar(one))

    def _time(self, told: Any, name: str) -> int:
        try:
            at = self._iso(told) if isinstance(told, str) and not told.isdigit() else self._number(told, name)
        except (ValueError, OverflowError, TypeError) as error:
            raise Unreadable("SY612", str(told)[:60]) from error
        if not 0 < at < _LATEST:
            raise Unreadable("SY612", str(told)[:60])
        return at

    def _iso(self, told: str) -> int:
        when = datetime.fromisoformat(told.strip())
        return micros(when if when.tzinfo else when.replace(tzinfo=ZoneInfo(self.zone)))

    def _number(self, told: Any, name: str) -> int:
        if isinstance(told, bool) or told is None or self.unit == "iso":
            raise ValueError(told)
        number = float(told) if isinstance(told, float) else int(told)
        unit = "ms" if self.unit == "auto" and name == "timestamp_ms" else self.unit
        if unit in UNITS:
            return round(number * UNITS[unit])
        size = abs(number)  # by magnitude: seconds until the year 5138, then ms, µs, ns
        if size < 1e11:
            return round(number * 1_000_000)
        if size < 1e14:
            return round(number * 1_000)
        return round(number) if size < 1e17 else round(number) // 1_000


def scalar(one: Any) -> tuple[float, str | None]:
    """Number and text of one JSON value; a whole number that a double cannot hold keeps its digits as text."""
    if isinstance(one, bool | float):
        return float(one), None
    if isinstance(one, int):
        return (float(one), None) if -EXACT <= one <= EXACT else (_double(one), str(one))
    return math.nan, one


def _double(one: int) -> float:
    try:
        return float(one)
    except OverflowError:
        return math.nan
