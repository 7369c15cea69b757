"""From what a driver gives to Arrow: whole numbers and times typed, decimals by their very digits, the rest as text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from steelyard.connect import moments
from steelyard.model.period import iso

_LONG = 400  # digits beyond which a decimal is written with an exponent


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], zone: ZoneInfo | None) -> pa.Table:
    """Rows as a table of the given columns; what a row holds beyond them is left out."""
    return pa.table({name: array([row[place] for row in rows], zone) for place, name in enumerate(names)})


def array(values: list[Any], zone: ZoneInfo | None) -> pa.Array:
    """One column: int64, float64, timestamp (µs, UTC or of a wall clock), else text; None is null."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pa.array(values, pa.int64())
    if kinds == {float}:
        return pa.array(values, pa.float64())
    if kinds == {datetime}:
        return _times(values, zone)
    return pa.array([text(value) for value in values], pa.string())


def _times(values: list[datetime | None], zone: ZoneInfo | None) -> pa.Array:
    bare = [value is not None and value.tzinfo is None for value in values]
    if zone is None and all(naive or value is None for naive, value in zip(bare, values, strict=True)):
        return pa.array(values, pa.timestamp("us"))
    try:
        return pa.array([None if v is None else moments.of(v, zone) for v in values], pa.timestamp("us", "UTC"))
    except moments.MomentError:  # one that a change of clocks skips or repeats is refused by name, the others are not
        return pa.array([_placed(value, zone) for value in values], pa.string())


def _placed(value: datetime | None, zone: ZoneInfo | None) -> str | None:
    try:
        return None if value is None else iso(moments.of(value, zone))
    except moments.MomentError:
        return value.isoformat() + (f" {zone.key}" if zone and value else "") if value else None


def text(value: Any) -> str | None:
    """One value as text: numbers in digits, times in ISO 8601, JSON and arrays as JSON, bytes as text or hex."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _decoded(bytes(value))
    return msgspec.json.encode(value, enc_hook=str).decode() if isinstance(value, (dict, list)) else str(value)


def _digits(value: Decimal) -> str:
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and abs(exponent) < _LONG
    return format(value, "f") if plain else str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()
