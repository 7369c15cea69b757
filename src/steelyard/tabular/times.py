"""Times as people and machines write them, to microseconds UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from steelyard.model.period import iso, micros
from steelyard.model.table import Column
from steelyard.tabular.judged import Context, FaultError, Judged, only, settle

EARLIEST = micros(datetime(1970, 1, 1, tzinfo=UTC))
LATEST = micros(datetime(2200, 1, 1, tzinfo=UTC))
GRACE = 86_400_000_000  # clocks differ: a day ahead is not yet the future
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_LOCAL = f"^{_DAY}(?:[T ]{_CLOCK})?$"
_ZONED = rf"^{_DAY}[T ]{_CLOCK}(?:Z|[+-](?:0\d|1[0-4]):?[0-5]\d)$"
_SHORT = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2]))?$")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")
SMALL = 32


def judge_time(values: pa.Array, column: Column, context: Context) -> Judged:
    """int64 µs UTC. A local time that a clock change skips or repeats is refused, as is one outside 1970–2200 and,
    unless ``column.future``, one more than a day after now.
    """
    most = LATEST - 1 if column.future else min(LATEST - 1, context.now + GRACE)
    typed = _quick(values, context.zone)
    fits = pc.and_(pc.greater_equal(typed, EARLIEST), pc.less_equal(typed, most))
    return settle(values, only(typed, pc.fill_null(fits, fill_value=False)), lambda v: _within(v, most, context))


def _quick(values: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The common spellings all at once; null where a closer look is due."""
    zoned = only(values, pc.match_substring_regex(values, _ZONED))
    local = only(values, pc.match_substring_regex(values, _LOCAL))
    absolute = _cast(zoned, pa.timestamp("us", "UTC")).cast(pa.int64())
    return pc.coalesce(absolute, _localised(_cast(local, pa.timestamp("us")), zone))


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Text to timestamps, null where the calendar has no such day: halves until only the bad ones are left."""
    if values.null_count == len(values):
        return pa.nulls(len(values), kind)
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        if len(values) == 1:
            return pa.nulls(1, kind)
    half = len(values) // 2
    return pa.concat_arrays([_cast(values[:half], kind), _cast(values[half:], kind)])


def _localised(local: pa.Array, zone: ZoneInfo) -> pa.Array:
    """µs UTC of wall-clock times; null where a clock change makes them none or two."""
    nothing = pa.nulls(len(local), pa.int64())
    if local.null_count == len(local):
        return nothing
    try:
        first, last = (
            pc.assume_timezone(local, zone.key, ambiguous=side, nonexistent=side).cast(pa.int64())
            for side in ("earliest", "latest")
        )
    except (pa.ArrowInvalid, TypeError):  # no zone database within Arrow's reach: the closer look has Python's
        return nothing
    return only(first, pc.equal(first, last))


def _within(value: str, most: int, context: Context) -> int:
    at = instant(value, context.zone)
    if not EARLIEST <= at < LATEST:
        raise FaultError("SY322", at=iso(at))
    if at > most:
        raise FaultError("SY323", now=iso(context.now))
    return at


def instant(value: str, zone: ZoneInfo) -> int:
    """µs UTC of one time: ISO 8601 with an offset, local in the zone, a date, YYYY-MM or YYYY (their first instant).

    Raises FaultError SY319 (not a time), SY320 (skipped by a clock change), SY321 (repeated by one), SY322.
    """
    try:
        if short := _SHORT.match(value):
            return local_micros(datetime(int(short[1]), int(short[2] or 1), 1), zone)  # noqa: DTZ001
        when = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", _dashed(value)))
        return micros(when.astimezone(UTC)) if when.tzinfo else local_micros(when, zone)
    except FaultError:
        raise
    except OverflowError:
        raise FaultError("SY322", at=value) from None
    except ValueError:
        raise FaultError("SY319", hint=_hint(value)) from None


def _dashed(value: str) -> str:
    """The value, if it begins as YYYY-MM-DD does; Python would read 20260314 and 2026-W11 too, which may be codes."""
    if len(value) < 10 or value[4] != "-" or value[7] != "-":
        raise ValueError(value)
    return value


def local_micros(when: datetime, zone: ZoneInfo) -> int:
    """µs UTC of a wall-clock time in a zone; midnight that a clock change skips is the first instant of its day."""
    first, last = (when.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == last.utcoffset():
        return micros(first.astimezone(UTC))
    skipped = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != when
    if when.time() == datetime.min.time() and skipped:
        return micros(last.astimezone(UTC)) + _gap(last, first)
    facts = {"zone": zone.key, "before": _offset(first), "after": _offset(last)}
    raise FaultError("SY320" if skipped else "SY321", **facts)


def _gap(last: datetime, first: datetime) -> int:
    """A skipped wall-clock time read with the offset after the change lies before it; the change itself is later."""
    return 0 if last.utcoffset() == first.utcoffset() else _change_after(last)


def _change_after(when: datetime) -> int:
    """µs from a skipped midnight, read with the later offset, to the change of clocks."""
    zone, utc = when.tzinfo, when.astimezone(UTC)
    before = utc.astimezone(zone).utcoffset()
    low, high = 0, 86_400
    while high - low > 1:
        middle = (low + high) // 2
        same = (utc + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if same else (low, middle)
    return high * 1_000_000


def _offset(when: datetime) -> str:
    return when.strftime("%z")[:3] + ":" + when.strftime("%z")[3:5]


def _hint(value: str) -> str:
    """The likely meaning of what is not ISO 8601, for people to confirm; empty where there is none."""
    numbers = re.findall(r"\d+", value[:SMALL])
    if len(numbers) >= 3 and len(numbers[0]) == 4 and int(numbers[1]) <= 12 and int(numbers[2]) <= 31:
        return f"{numbers[0]}-{int(numbers[1]):02}-{int(numbers[2]):02}"
    return ""
