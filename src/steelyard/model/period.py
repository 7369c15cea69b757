"""Period: a half-open span of time, written as people write it, held in microseconds UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR = re.compile(r"(\d{4})$")
_QUARTER = re.compile(r"(\d{4})Q([1-4])$")
_MONTH = re.compile(r"(\d{4})-(\d{2})$")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})$")
EACH = ("day", "month", "quarter", "year")


def micros(when: datetime) -> int:
    """Microseconds since 1970 UTC of an aware time, exact."""
    return (when - EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def iso(us: int) -> str:
    """ISO 8601 in UTC: 2026-03-14T00:00:00Z; fractions of a second only where there are any."""
    return moment(us).isoformat().replace("+00:00", "Z")


def local_day(us: int, zone: ZoneInfo) -> str:
    """The day in a zone at a time: 2026-03-14."""
    return moment(us).astimezone(zone).date().isoformat()


@dataclass(frozen=True, order=True)
class Period:
    """Half-open span ``[start, end)`` in microseconds UTC."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period must end after it starts: {iso(self.start)} to {iso(self.end)}")

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1e6

    def last_day(self, zone: ZoneInfo) -> str:
        """The last day in a zone: what is in force on it counts."""
        return local_day(self.end - 1, zone)

    def split(self, each: str, zone: ZoneInfo) -> Iterator[Period]:
        """The days, months, quarters or years of the zone's calendar that this period is made of; edges are cut."""
        marks = [self.start]
        at = moment(self.start).astimezone(zone)
        while (at := _next(at, each, zone)) < moment(self.end):
            marks.append(micros(at.astimezone(UTC)))
        marks.append(self.end)
        return (Period(a, b) for a, b in pairwise(marks))


def _next(at: datetime, each: str, zone: ZoneInfo) -> datetime:
    """The first calendar boundary after ``at``."""
    if each == "day":
        after = at.date() + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=zone)
    months = {"month": 1, "quarter": 3, "year": 12}[each]
    index = at.year * 12 + at.month - 1
    index = index // months * months + months
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=zone)


def parse(text: str, zone: ZoneInfo) -> Period:
    """Read ``2026``, ``2026Q1``, ``2026-03``, ``2026-03-14`` or ``START/END`` (ISO 8601) in a zone.

    A local day is as long as the zone makes it: 23, 24 or 25 hours. Raises ValueError with the accepted forms.
    """
    text = text.strip()
    if "/" in text:
        start, end = text.split("/", 1)
        return Period(micros(instant(start, zone)), micros(instant(end, zone)))
    if m := _YEAR.match(text):
        return _calendar(int(m[1]), 1, 12, zone)
    if m := _QUARTER.match(text):
        return _calendar(int(m[1]), int(m[2]) * 3 - 2, 3, zone)
    if m := _MONTH.match(text):
        return _calendar(int(m[1]), int(m[2]), 1, zone)
    if m := _DAY.match(text):
        day = datetime(int(m[1]), int(m[2]), int(m[3]), tzinfo=zone)
        return Period(micros(day), micros(_next(day, "day", zone)))
    raise ValueError(f"not a period: {text!r}; write 2026, 2026Q1, 2026-03, 2026-03-14 or START/END in ISO 8601")


def _calendar(year: int, month: int, months: int, zone: ZoneInfo) -> Period:
    end = year * 12 + month - 1 + months
    return Period(
        micros(datetime(year, month, 1, tzinfo=zone)),
        micros(datetime(end // 12, end % 12 + 1, 1, tzinfo=zone)),
    )


def instant(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 date or time; without an offset it is local time of ``zone``."""
    when = datetime.fromisoformat(text.strip())
    return when if when.tzinfo else when.replace(tzinfo=zone)


def year_at(us: int, zone: ZoneInfo) -> Period:
    """The year in a zone at a time."""
    return parse(str(moment(us).astimezone(zone).year), zone)


def label(period: Period, zone: ZoneInfo) -> str:
    """The shortest spelling that ``parse`` reads back as the same period."""
    start = moment(period.start).astimezone(zone)
    month = f"{start:%Y-%m}"
    for text in (f"{start:%Y}", f"{start:%Y}Q{(start.month + 2) // 3}", month, f"{start:%Y-%m-%d}"):
        if parse(text, zone) == period:
            return text
    return f"{iso(period.start)}/{iso(period.end)}"
