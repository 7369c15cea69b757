"""Times that a source writes as text or by its wall clock, to microseconds UTC; shared by connectors."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard.connect.base import Connection, setting
from steelyard.errors import InputError
from steelyard.model.period import iso, micros

EARLIEST, LATEST = 0, 7_258_118_400_000_000  # 1970 and 2200, µs UTC
GRACE = 86_400_000_000  # clocks differ: a day ahead is not yet the future
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")


class MomentError(ValueError):
    """Not a time that can be used: a code of ``errors.toml`` and the facts beside column and value."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def zone_of(connection: Connection) -> ZoneInfo | None:
    """The setting ``zone``, in which times without an offset are read; raises InputError SY601."""
    name = setting(connection, "zone", str, None)
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError("SY601", connection.name, field="zone", why="write it as in Asia/Shanghai") from None


def from_text(text: str, zone: ZoneInfo | None) -> int:
    """µs UTC of an ISO 8601 time; one without an offset is read in the zone.

    Raises MomentError SY319 (not a time), SY320, SY321 (a change of clocks), SY668 (no offset and no zone).
    """
    if not _SHAPE.match(text):
        raise MomentError("SY319", hint="")
    try:
        return of(datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", text.strip())), zone)
    except (ValueError, OverflowError) as error:
        raise error if isinstance(error, MomentError) else MomentError("SY319", hint="") from None


def of(when: datetime, zone: ZoneInfo | None) -> int:
    """µs UTC of a time with an offset, or of a wall clock's in the zone; raises MomentError SY320, SY321, SY668."""
    if when.tzinfo:
        return micros(when.astimezone(UTC))
    if zone is None:
        raise MomentError("SY668")
    first, last = (when.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == last.utcoffset():
        return micros(first.astimezone(UTC))
    skipped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != when
    facts = {"zone": zone.key, "before": first.strftime("%z"), "after": last.strftime("%z")}
    raise MomentError("SY320" if skipped else "SY321", **facts)


def within(at: int, now: int) -> int:
    """The time itself; raises MomentError SY322 outside 1970 to 2200, SY323 more than a day after now (µs UTC)."""
    if not EARLIEST <= at < LATEST:
        raise MomentError("SY322")
    if at > now + GRACE:
        raise MomentError("SY323", now=iso(now))
    return at
