"""Values of Sparkplug's data types as numbers, texts and qualities. Nothing is rounded without its digits beside it."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import msgspec

from steelyard.connect.base import BAD, GOOD, STALE

(UNKNOWN, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME, TEXT, UUID,
 DATASET, BYTES, FILE, TEMPLATE, PROPERTYSET, PROPERTYSETS) = range(22)  # fmt: skip
NAMES = [
    "Unknown",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
    "UUID",
    "DataSet",
    "Bytes",
    "File",
    "Template",
    "PropertySet",
    "PropertySetList",
    "Int8Array",
    "Int16Array",
    "Int32Array",
    "Int64Array",
    "UInt8Array",
    "UInt16Array",
    "UInt32Array",
    "UInt64Array",
    "FloatArray",
    "DoubleArray",
    "BooleanArray",
    "StringArray",
    "DateTimeArray",
]
BITS = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
BASIC = set(range(INT8, UUID + 1))
_ARRAYS = dict(zip(range(22, 32), "bhiqBHIQfd", strict=True)) | {34: "q"}
_BOOLEANS, _STRINGS = 32, 33
EXACT = 2**53
MOST_TEXT = 65_536  # characters of a text, and of bytes written as base64
QUALITY = {0: BAD, 192: GOOD, 500: STALE}

FIELDS = {
    "int_value": {INT8, INT16, INT32, UINT8, UINT16, UINT32}, "long_value": {INT64, UINT64, DATETIME},
    "float_value": {FLOAT}, "double_value": {DOUBLE}, "boolean_value": {BOOLEAN}, "string_value": {STRING, TEXT, UUID},
    "bytes_value": {BYTES, FILE, *range(22, 35)}, "dataset_value": {DATASET}, "template_value": {TEMPLATE},
}  # fmt: skip
"""Where the specification puts a value of each type."""
_LOOSE = {
    "int_value": FIELDS["int_value"] | FIELDS["long_value"] | {BOOLEAN, FLOAT, DOUBLE},
    "long_value": FIELDS["int_value"] | FIELDS["long_value"] | {BOOLEAN, FLOAT, DOUBLE},
    "float_value": {FLOAT, DOUBLE}, "double_value": {FLOAT, DOUBLE},
}  # fmt: skip


class Unfit(ValueError):  # noqa: N818  - refused with its reason, not raised to a user
    """A value that cannot be kept, and why."""


def told(holder: Any, datatype: int) -> tuple[float, str | None]:
    """Number (NaN: none) and text (None: none) of a metric, parameter or cell of a type; raises Unfit.

    A value in another field than the type's is read where that can only mean one thing.
    """
    field = holder.WhichOneof("value")
    if field is None:
        return math.nan, None
    if datatype not in FIELDS[field] and datatype not in _LOOSE.get(field, ()):
        raise Unfit(f"{field} holds no {type_name(datatype)}")
    return _read(getattr(holder, field), field, datatype)


def _read(value: Any, field: str, datatype: int) -> tuple[float, str | None]:
    if field in ("int_value", "long_value"):
        return number(signed(value, datatype) if datatype in BITS else value)
    if field == "bytes_value":
        return math.nan, short(_bytes(value, datatype))
    if field == "string_value":
        return math.nan, short(value)
    if field == "dataset_value":
        return math.nan, short(_json(dataset(value)))
    if field == "template_value":
        return math.nan, short(_json(template(value)))
    return float(value), None


def signed(value: int, datatype: int) -> int:
    """Two's complement: of its own width, or as wide as the field it came in."""
    bits = BITS[datatype]
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def number(value: int) -> tuple[float, str | None]:
    """A whole number; beyond 2^53 its digits as text beside it."""
    return float(value), None if -EXACT <= value <= EXACT else str(value)


def short(text: str) -> str:
    if len(text) > MOST_TEXT:
        raise Unfit(f"longer than {MOST_TEXT} characters")
    return text


def type_name(datatype: int) -> str:
    return NAMES[datatype] if 0 <= datatype < len(NAMES) else f"type {datatype}"


def _bytes(data: bytes, datatype: int) -> str:
    if datatype in (BYTES, FILE):
        if len(data) > MOST_TEXT * 3 // 4:
            raise Unfit(f"longer than {MOST_TEXT * 3 // 4} bytes")
        return base64.b64encode(data).decode()
    return _json(array(data, datatype))


def array(data: bytes, datatype: int) -> list[Any]:
    """The elements of a packed array: little endian; booleans as a count and bits, the highest first; strings each ended by 0."""
    if datatype in _ARRAYS:
        size = struct.calcsize(f"<{_ARRAYS[datatype]}")
        if len(data) % size:
            raise Unfit(f"{len(data)} bytes are no {type_name(datatype)}")
        return [one if one == one and abs(one) != math.inf else str(one)  # noqa: PLR0124  - NaN has no JSON
                for one in struct.unpack(f"<{len(data) // size}{_ARRAYS[datatype]}", data)]  # fmt: skip
    if datatype == _BOOLEANS:
        count = int.from_bytes(data[:4], "little")
        if len(data) < 4 or len(data) - 4 != (count + 7) // 8:
            raise Unfit(f"{len(data)} bytes are no {count} booleans")
        return [bool(data[4 + n // 8] >> (7 - n % 8) & 1) for n in range(count)]
    if datatype == _STRINGS and (not data or data.endswith(b"\0")):
        return [part.decode(errors="replace") for part in data.split(b"\0")[:-1]]
    raise Unfit(f"{len(data)} bytes are no {type_name(datatype)}")


def _json(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def plain(holder: Any, datatype: int) -> Any:
    """A value as JSON says it: number, text, boolean or null. Whole numbers keep all digits."""
    field = holder.WhichOneof("value")
    if field is None or getattr(holder, "is_null", False):
        return None
    value = getattr(holder, field)
    if field in ("int_value", "long_value") and datatype in BITS:
        return signed(value, datatype)
    if field in ("float_value", "double_value") and not math.isfinite(value):
        return str(value)
    if field in ("bytes_value", "dataset_value", "template_value"):
        text = _read(value, field, datatype)[1]
        return text if datatype in (BYTES, FILE) else msgspec.json.decode(text or "null")
    return str(value) if field.endswith(("set_value", "sets_value")) else value


def dataset(data: Any) -> dict[str, Any]:
    """A DataSet as JSON; raises Unfit where its columns, types and cells do not go together."""
    names, types = list(data.columns), list(data.types)
    if len(names) != len(types) or any(len(row.elements) != len(types) for row in data.rows):
        raise Unfit("columns, types and cells of the DataSet differ in number")
    rows = [[plain(cell, kind) for cell, kind in zip(row.elements, types, strict=True)] for row in data.rows]
    return {"columns": names, "types": [type_name(kind) for kind in types], "rows": rows}


def template(data: Any) -> dict[str, Any]:
    """A Template as JSON: reference, parameters, members."""
    made: dict[str, Any] = {"template": data.template_ref}
    if data.version:
        made["version"] = data.version
    if data.parameters:
        made["parameters"] = {one.name: plain(one, one.type) for one in data.parameters}
    made["members"] = {one.name: plain(one, one.datatype) for one in data.metrics}
    return made


def quality(metric: Any) -> int:
    """GOOD, BAD or STALE by the metric's property ``Quality``; GOOD where it says nothing. Raises Unfit at another code."""
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key.lower() == "quality":
            code = value.int_value or value.long_value
            if code not in QUALITY:
                raise Unfit(f"quality {code}")
            return QUALITY[code]
    return GOOD


def unit(metric: Any) -> str:
    """The engineering unit that a metric's properties name, or nothing."""
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key.lower().replace(" ", "") in ("engunit", "engineeringunits", "engineeringunit", "unit", "units"):
            return str(value.string_value)
    return ""
