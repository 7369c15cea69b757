"""CSV, whatever its delimiter: Arrow reads what is well formed, a careful reader names what is not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from steelyard.errors import InputError
from steelyard.model.table import Table
from steelyard.refusal import Refusal
from steelyard.tabular.header import DEPTH, Header, find, match, spellings
from steelyard.tabular.raw import CELL_BYTES, Raw, settle
from steelyard.tabular.text import clean

DELIMITERS = ",;\t|"
SPACES = (b" ", b"\t", "\u3000".encode(), "\xa0".encode())
SPAN = 1000  # lines that one quoted cell may cover before its quote counts as never closed
BATCH = 100_000
ROOM = 1 << 24  # characters of one cell that the careful reader will hold before it says how long it is


def read_csv(path: Path, table: Table) -> Raw:
    """Reads a delimited file; raises InputError SY204, SY205, SY207, SY211."""
    text = clean(path.read_bytes(), str(path))
    start, delimiter, header = _head(text.data, table, str(path))
    body = _after(text.data, start)
    refused = list(text.refused)
    quick = _quick(body, header, delimiter, start + 1, refused)
    cells, rows = quick or _careful(body, header, delimiter, start + 1, refused)
    trim = any(space in body for space in SPACES)
    columns = settle(cells, rows, refused, trim=trim)
    if columns.num_rows == 0 and not refused:
        raise InputError("SY207", str(path))
    return Raw(columns, sorted(refused, key=lambda r: r.row), "csv", text.encoding, header.ignored)


def _head(data: bytes, table: Table, where: str) -> tuple[int, str, Header]:
    """The line number of the header, the delimiter that splits it into most known names, and what it names."""
    top = data[: 1 << 20].decode("utf-8", "ignore").split("\n")
    lines = [(number, line) for number, line in enumerate(top[: DEPTH * 2], 1) if line.strip()]
    spelled = spellings(table)

    def known(delimiter: str) -> int:
        return max((len(match(_split(line, delimiter), spelled).known) for _, line in lines), default=0)

    delimiter = max(DELIMITERS, key=known)
    at, header = find([_split(line, delimiter) for _, line in lines], table, where)
    return lines[at][0], delimiter, header


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line[:ROOM]], delimiter=delimiter), [])


def _after(data: bytes, lines: int) -> bytes:
    """What follows the first so many lines."""
    at = 0
    for _ in range(lines):
        at = data.find(b"\n", at) + 1
        if at == 0:
            return b""
    return data[at:]


Cells = tuple[dict[str, pa.ChunkedArray], npt.NDArray[np.int64]]


def _quick(body: bytes, header: Header, delimiter: str, first: int, refused: list[Refusal]) -> Cells | None:
    """Arrow's reader; None where the line of a row, or what a malformed row says, cannot be told."""
    quoted = b'"' in body
    rows = _lines(body, first, quoted=quoted)
    split = quoted and len(rows) < len(_lines(body, first, quoted=False))
    wrong: list[arrow_csv.InvalidRow] = []
    read = _arrow(body, header, delimiter, split, None)
    if read is None and not split:
        read = _arrow(body, header, delimiter, split, wrong)
    if read is None or len(rows) != read.num_rows + len(wrong):
        return None
    kept = _without(rows, wrong, body, first, refused) if wrong else rows
    return None if kept is None else ({name: read[name] for name in header.known}, kept)


def _without(
    rows: npt.NDArray[np.int64], wrong: list[arrow_csv.InvalidRow], body: bytes, first: int, refused: list[Refusal]
) -> npt.NDArray[np.int64] | None:
    """The lines of the well-formed rows; None when Arrow's count of rows and ours do not lead to the same line."""
    texts = body.split(b"\n")
    found = []
    for row in wrong:
        line = int(rows[row.number - 1]) if row.number and row.number <= len(rows) else first
        text = texts[line - first].decode()
        if text != row.text or text.count('"') % 2:
            return None
        facts: dict[str, object] = {"found": row.actual_columns, "expected": row.expected_columns}
        found.append(Refusal(line, "", text[:CELL_BYTES], "SY301", facts))
    refused += found
    return rows[~np.isin(rows, [r.row for r in found])]


def _arrow(
    body: bytes, header: Header, delimiter: str, split: bool, wrong: list[arrow_csv.InvalidRow] | None
) -> pa.Table | None:
    """The known columns as text. Malformed rows end the reading, or go to ``wrong``, which takes one thread."""
    names = [name or f"\0{i}" for i, name in enumerate(header.names)]
    known = list(header.known)

    def skip(row: arrow_csv.InvalidRow) -> str:
        if wrong is None:
            return "error"
        wrong.append(row)
        return "skip"

    try:
        return arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=4 << 20, use_threads=wrong is None),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=split, invalid_row_handler=skip
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(known, pa.string()),
                include_columns=known,
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None


def _lines(body: bytes, first: int, *, quoted: bool) -> npt.NDArray[np.int64]:
    """The line on which each record starts; a line end within an open quote ends no record, a blank line is none."""
    octets = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    if not body.endswith(b"\n"):
        ends = np.append(ends, len(body))
    lines = np.arange(len(ends))
    if quoted:
        starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
        odd = np.bitwise_xor.reduceat((octets == ord('"')).view(np.uint8), starts)
        lines = lines[np.bitwise_xor.accumulate(odd) == 0]
    ends = ends[lines]
    lines = np.concatenate([[0], lines[:-1] + 1])[: len(ends)]
    blank = np.diff(ends, prepend=-1) == 1
    return np.asarray(lines[~blank] + first, dtype=np.int64)


def _careful(body: bytes, header: Header, delimiter: str, first: int, refused: list[Refusal]) -> Cells:
    """Reads record by record, and refuses those with too many or too few cells or an unclosed quote."""
    wanted = [(name, at) for at, name in enumerate(header.names) if name]
    parts: dict[str, list[pa.Array]] = {name: [] for name, _ in wanted}
    rows: list[int] = []
    batch: list[list[str]] = []

    def flush() -> None:
        for name, at in wanted:
            parts[name].append(pa.array([record[at] for record in batch], pa.string()))
        batch.clear()

    for line, record in _records(body.decode().split("\n"), len(header.names), delimiter, first, refused):
        batch.append(record)
        rows.append(line)
        if len(batch) == BATCH:
            flush()
    flush()
    return {name: pa.chunked_array(p, pa.string()) for name, p in parts.items()}, np.array(rows, dtype=np.int64)


def _records(
    lines: list[str], width: int, delimiter: str, first: int, refused: list[Refusal]
) -> Iterator[tuple[int, list[str]]]:
    """Well-formed records with their line.

    After a malformed one that spans lines, reading resumes at its second line, so that a stray quote costs its own
    line and no other.
    """
    csv.field_size_limit(ROOM)
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        record, end = _one(lines, at, delimiter)
        if record is not None and len(record) == width:
            yield at + first, record
        elif record is not None and end == at + 1:
            facts: dict[str, object] = {"found": len(record), "expected": width}
            refused.append(Refusal(at + first, "", lines[at][:CELL_BYTES], "SY301", facts))
        else:
            refused.append(Refusal(at + first, "", lines[at][:CELL_BYTES], "SY309"))
            end = at + 1
        at = end


def _one(lines: list[str], at: int, delimiter: str) -> tuple[list[str] | None, int]:
    """The record that starts at a line, None if its quote is never closed, and where the next one starts."""
    line = lines[at]
    if '"' not in line:
        return line.split(delimiter), at + 1
    end = at + 1
    while (record := _parsed(line, delimiter)) is None:
        if end >= len(lines) or end - at >= SPAN or len(line) > ROOM:
            return None, at + 1
        line += "\n" + _until_quote(lines, end, at + SPAN)
        end = at + 1 + line.count("\n")
    return record, end


def _until_quote(lines: list[str], start: int, stop: int) -> str:
    """Whole lines up to and with the next one that holds a quote."""
    end = start
    while end < min(stop, len(lines)) - 1 and '"' not in lines[end]:
        end += 1
    return "\n".join(lines[start : end + 1])


def _parsed(record: str, delimiter: str) -> list[str] | None:
    """The cells of a record; None when its last quoted cell is not closed."""
    try:
        return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None
    return next(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter))
