"""The record of a Figure: its fields, and the digest over their canonical bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa

from steelyard.evidence.canonical import canonical, number

SCHEMA = pa.schema([
    ("digest", pa.binary(32)), ("subject", pa.string()), ("measure", pa.string()), ("start", pa.int64()), ("end", pa.int64()),
    ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("heard", pa.float64()), ("among", pa.float64()),
    ("grade", pa.string()), ("estimated", pa.bool_()), ("flags", pa.list_(pa.string())), ("method", pa.binary(32)),
    ("inputs", pa.binary(32)), ("replaces", pa.binary(32)),
])  # fmt: skip
"""A Figure's fields, with its digest. Times are microseconds UTC; see ``model.figure`` for the rest."""
RECORD = (
    "subject", "measure", "start", "end", "value", "low", "high", "heard", "among",
    "grade", "estimated", "flags", "method", "inputs", "replaces",
)  # fmt: skip
"""The fields of a Figure that its digest covers."""


def figure_record(fields: dict[str, Any]) -> bytes:
    """Canonical bytes of one Figure, the slow and plain way: the law that ``figure_digests`` must keep."""
    record = {name: fields[name] for name in RECORD}
    for name in ("method", "inputs", "replaces"):
        record[name] = record[name] and record[name].hex()
    record["flags"] = list(record["flags"])
    return canonical(record)


def figure_digests(columns: Mapping[str, Sequence[Any]]) -> Iterator[bytes]:
    """SHA-256 digests of many Figures, given column by column (names of ``RECORD``; digests as bytes, flags as tuples).

    The same bytes as ``figure_record`` makes, written as one template per row.
    """
    rows = zip(
        _numbers(columns["among"]),
        columns["end"],
        _text(columns["estimated"]),
        _text(columns["flags"]),
        _text(columns["grade"]),
        _numbers(columns["heard"]),
        _numbers(columns["high"]),
        _hex(columns["inputs"]),
        _numbers(columns["low"]),
        _text(columns["measure"]),
        _hex(columns["method"]),
        _hex(columns["replaces"]),
        columns["start"],
        _text(columns["subject"]),
        _numbers(columns["value"]),
        strict=True,
    )
    for (
        among,
        end,
        est,
        flags,
        grade,
        heard,
        high,
        inputs,
        low,
        measure,
        method,
        replaces,
        start,
        subject,
        value,
    ) in rows:
        yield sha256(
            f'{{"among":{among},"end":{end},"estimated":{est},"flags":{flags},"grade":{grade},"heard":{heard},'
            f'"high":{high},"inputs":{inputs},"low":{low},"measure":{measure},"method":{method},'
            f'"replaces":{replaces},"start":{start},"subject":{subject},"value":{value}}}'.encode()
        ).digest()


def _text(values: Iterable[Any]) -> list[str]:
    """JSON text of each value; equal values are encoded once."""
    known: dict[Any, str] = {}
    out = []
    for value in values:
        text = known.get(value)
        if text is None:
            text = known[value] = canonical(list(value) if isinstance(value, tuple) else value).decode()
        out.append(text)
    return out


def _numbers(values: Iterable[float]) -> list[str]:
    """``number`` of each value; levels, counts and shares recur, so equal ones are written once."""
    known: dict[float, str] = {}
    return [known.get(value) or known.setdefault(value, number(value)) for value in values]


def _hex(values: Iterable[bytes | None]) -> list[str]:
    return ["null" if value is None else f'"{value.hex()}"' for value in values]
