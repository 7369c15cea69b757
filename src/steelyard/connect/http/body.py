"""What a post holds: JSON, JSON lines, CSV or Arrow, to samples or to rows of a Table, with a limit to everything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from steelyard.connect.http import arrow
from steelyard.connect.http.samples import Sample
from steelyard.errors import InputError
from steelyard.refusal import Refusal

JSON, LINES, CSV, ARROW = "json", "lines", "csv", "arrow"
MEDIA = {
    "application/json": JSON, "application/x-ndjson": LINES, "application/ndjson": LINES, "application/jsonl": LINES,
    "application/x-jsonlines": LINES, "text/csv": CSV, "application/vnd.apache.arrow.stream": ARROW,
}  # fmt: skip
MOST_COLUMNS = 256
_CELLS = 40  # separators a row, on average, beyond which a post is no table of ours
_samples = msgspec.json.Decoder(list[Sample])
_sample = msgspec.json.Decoder(Sample)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)


class TooLargeError(ValueError):
    """More than is taken at once: how much that is, and of what."""

    def __init__(self, most: int, of: str) -> None:
        super().__init__(most, of)
        self.most = most
        self.of = of


@dataclass
class Rows:
    """``table``: the rows that could be read; ``places``: for each of them its row in the post, from 1 on; those refused."""

    table: pa.Table
    places: list[int]
    refused: list[Refusal] = field(default_factory=list)


def media_of(content_type: str) -> str:
    """JSON, LINES, CSV or ARROW; raises InputError SY673."""
    bare = content_type.partition(";")[0].strip().lower()
    if bare not in MEDIA:
        raise InputError("SY673", media=bare[:80] or "-", known=", ".join(MEDIA))
    return MEDIA[bare]


def samples_of(body: bytes, media: str, most: int) -> tuple[Iterable[tuple[int, Sample]], list[Refusal]]:
    """The samples of a post with their places, and those that are none; raises InputError SY674, TooLargeError."""
    if media == ARROW:
        return _judged(enumerate(_records(_arrow(body, most)), 1))
    if media == CSV:
        raise InputError("SY673", media="text/csv", known=", ".join(name for name in MEDIA if MEDIA[name] != CSV))
    _few(body, media, most)
    if media == JSON and body.lstrip()[:1] == b"[":
        try:
            return enumerate(_samples.decode(body), 1), []
        except (msgspec.DecodeError, RecursionError):
            pass  # one of them is no sample: each by itself, to name it
    return _judged(_raws(body, media))


def rows_of(body: bytes, media: str, most: int) -> Rows:
    """The rows of a post, cells as text or typed; raises InputError SY674, TooLargeError."""
    if media == ARROW:
        table = _arrow(body, most)
        return Rows(table, list(range(1, table.num_rows + 1)))
    _few(body, media, most)
    return _from_csv(body) if media == CSV else _from_json(_raws(body, media))


def _few(body: bytes, media: str, most: int) -> None:
    """A bound on the rows and cells of a text before it is taken apart: each costs a hundred times its bytes."""
    sign = b"{" if media in (JSON, LINES) else b"\n"
    if body.count(sign) > most + 1 or body.count(b",") > most * _CELLS or body.count(b"\n") > most * _CELLS:
        raise TooLargeError(most, "rows")


def _raws(body: bytes, media: str) -> Iterator[tuple[int, bytes]]:
    """Each object of a post as it stands, with its place: the line, or its number in the list."""
    if media == LINES:
        return ((place, line) for place, line in enumerate(body.split(b"\n"), 1) if line.strip())
    if body.lstrip()[:1] != b"[":
        return iter([(1, body)])
    try:
        return ((place, bytes(raw)) for place, raw in enumerate(_list.decode(body), 1))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InputError("SY674", reason=str(error)[:200]) from None


def _judged(raws: Iterable[tuple[int, Any]]) -> tuple[list[tuple[int, Sample]], list[Refusal]]:
    """Samples of JSON texts or of records, and those that are none."""
    samples, refused = [], []
    for place, raw in raws:
        try:
            sample = _sample.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, Sample)
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
            refused.append(_broken(place, raw, error))
        else:
            samples.append((place, sample))
    return samples, refused


def _broken(place: int, raw: Any, error: Exception) -> Refusal:
    shown = raw[:200].decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)[:200]
    return Refusal(place, "", shown, "SY676", {"reason": str(error)[:200]})


def _from_json(raws: Iterable[tuple[int, bytes]]) -> Rows:
    cells: dict[str, list[str | None]] = {}
    places: list[int] = []
    refused: list[Refusal] = []
    for place, raw in raws:
        try:
            record = {key: _scalar(bytes(value)) for key, value in _object.decode(raw).items()}
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            refused.append(_broken(place, raw, error))
            continue
        for key in record.keys() - cells.keys():
            cells[key] = [None] * len(places)
        if len(cells) > MOST_COLUMNS:
            raise InputError("SY674", reason=f"> {MOST_COLUMNS} columns")
        for key, column in cells.items():
            column.append(record.get(key))
        places.append(place)
    return Rows(_strings(cells), places, refused)


def _scalar(value: bytes) -> str | None:
    """A text, the digits of a number as they stand, true and false as words; raises DecodeError on what is nested."""
    if value[:1] == b'"':
        return _string.decode(value)
    if value[:1] in b"{[":
        raise msgspec.DecodeError("an object or a list inside")
    return None if value == b"null" else value.decode()


def _from_csv(body: bytes) -> Rows:
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(lines, [])]
        if not header or len(header) > MOST_COLUMNS or len(set(header)) < len(header):
            raise InputError("SY674", reason=f"header: {', '.join(header)[:100]}")
        return _aligned(header, [(lines.line_num, cells) for cells in lines if any(cells)])
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError("SY674", reason=str(error)[:200]) from None


def _aligned(header: list[str], lines: list[tuple[int, list[str]]]) -> Rows:
    """Rows of as many cells as the header has; others are refused by their line."""
    odd = [Refusal(place, "", ",".join(cells)[:200], "SY676", {"reason": f"{len(cells)} ≠ {len(header)}"})
           for place, cells in lines if len(cells) != len(header)]  # fmt: skip
    good = [(place, cells) for place, cells in lines if len(cells) == len(header)]
    columns = {name: [cells[at].strip() or None for _, cells in good] for at, name in enumerate(header)}
    return Rows(_strings(columns), [place for place, _ in good], odd)


def _strings(cells: dict[str, list[str | None]]) -> pa.Table:
    return pa.table({name: pa.array(column, pa.string()) for name, column in cells.items()})


def _arrow(body: bytes, most: int) -> pa.Table:
    try:
        return arrow.read(body, most, MOST_COLUMNS)
    except OverflowError:
        raise TooLargeError(most, "rows") from None
    except arrow.ArrowError as error:
        raise InputError("SY674", reason=str(error)) from None


def _records(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as a JSON post would say them: times with a zone in µs, others as text; what is null is left out."""
    for place, column in enumerate(table.schema):
        if kinds.is_timestamp(column.type):
            micros = table.column(place).cast(pa.timestamp("us", column.type.tz), safe=False)
            wall = pc.replace_substring(micros.cast(pa.string()), " ", "T") if not column.type.tz else None
            table = table.set_column(place, column.name, micros.cast(pa.int64()) if wall is None else wall)
        elif kinds.is_decimal(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.float64()))
        elif kinds.is_date(column.type):
            table = table.set_column(place, column.name, table.column(place).cast(pa.string()))
    return [{name: cell for name, cell in record.items() if cell is not None} for record in table.to_pylist()]
