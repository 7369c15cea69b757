"""Canonical bytes (RFC 8785) and the digests over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import rfc8785


def canonical(document: Any) -> bytes:
    """RFC 8785 bytes of a JSON document; raises ValueError on what JSON cannot say (NaN, integers beyond 2^53)."""
    return rfc8785.dumps(document)


def is_canonical(document: Any, text: bytes) -> bool:
    """Whether JSON text is the RFC 8785 bytes of the document that was read from it.

    Where neither escapes nor fractions nor keys beyond ASCII occur, msgspec writes the very same bytes, ten times as fast.
    """
    try:
        if b"\\" not in text and _plainly(document):
            return msgspec.json.encode(document, order="sorted") == text
        return canonical(document) == text
    except (ValueError, RecursionError):  # what is nested too deep is nobody's header
        return False


def _plainly(document: Any) -> bool:
    if isinstance(document, dict):
        return all(key.isascii() and _plainly(value) for key, value in document.items())
    if isinstance(document, list):
        return all(map(_plainly, document))
    if isinstance(document, int):
        return -(2**53) < document < 2**53
    return document is None or isinstance(document, str)


def digest(document: Any) -> bytes:
    """SHA-256 over the canonical bytes of a JSON document."""
    return sha256(canonical(document)).digest()


def number(value: float) -> str:
    """A double as RFC 8785 writes it: ``repr`` where the two agree, which they do but for exponents and whole numbers."""
    text = repr(value)
    if "e" in text or "n" in text:  # exponents; nan and inf, which the slow path refuses
        return rfc8785.dumps(value).decode()
    return "0" if text in ("-0.0", "0.0") else text.removesuffix(".0")


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


def plain(document: bytes, most: int = 1 << 20) -> Any:
    """Read JSON that came from outside; raises ValueError on anything but small, well-formed JSON."""
    if len(document) > most:
        raise ValueError(f"a document of {len(document)} bytes; at most {most} are read")
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
