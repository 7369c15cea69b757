"""A panel's file as an Arrow table: the quick way for what is well formed, the careful readers of tabular for the rest."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from steelyard.errors import InputError
from steelyard.model.table import Column, Table
from steelyard.tabular.read import FORMATS, read

DELIMITERS = ",;\t|"
EMPTY = ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"]
MOST_BYTES = 2 << 30


def read_panel(path: Path, wanted: Sequence[str], texts: Sequence[str] = (), floats: Sequence[str] = ()) -> pa.Table:
    """The wanted columns of a file; where one is missing, its head alone, so that whoever asks can name what is near.

    ``texts`` are read as they stand (names of units), ``floats`` as numbers, all else as what it looks like. Raises InputError SY201 to SY211, SY301 to SY309.
    """
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    if path.stat().st_size > MOST_BYTES:
        raise InputError("SY202", str(path), bytes=path.stat().st_size, most=MOST_BYTES)
    kind = path.suffix.lower()
    if kind == ".parquet":
        return _parquet(path, wanted)
    quick = (
        _csv(path, wanted, dict.fromkeys(floats, pa.float64()) | dict.fromkeys(texts, pa.string()))
        if kind in FORMATS["csv"]
        else None
    )
    return quick if quick is not None else _careful(path, wanted)


def _parquet(path: Path, wanted: Sequence[str]) -> pa.Table:
    try:
        with parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            if not set(wanted) <= set(file.schema_arrow.names):
                return file.schema_arrow.empty_table()
            return file.read(columns=list(wanted), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError("SY201", str(path), reason=str(error)) from None


def _head(path: Path) -> tuple[str, list[str]]:
    """The delimiter and the names in the first line of a UTF-8 text; no names where it is another encoding."""
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    try:
        head = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        return ",", []
    delimiter = max(DELIMITERS, key=head.count)
    return delimiter, [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]


def _csv(path: Path, wanted: Sequence[str], types: dict[str, pa.DataType]) -> pa.Table | None:
    """None where the text is not plain UTF-8 with a header in its first line, or a row or a cell is malformed."""
    delimiter, names = _head(path)
    if not set(wanted) <= set(names) or len(set(names)) < len(names):
        return None
    try:
        with arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(wanted), column_types=types, null_values=EMPTY, strings_can_be_null=True
            ),
        ) as reader:  # in a stream, which takes half the memory
            return reader.read_all()
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError):
        return None


def _careful(path: Path, wanted: Sequence[str]) -> pa.Table:
    """Every wanted column as text; the first malformed line is refused with its place."""
    columns = tuple(Column(name, "text", required=True) for name in wanted)
    try:
        raw = read(path, Table("panel", {}, columns, (), ""))
    except InputError as error:
        names = _head(path)[1] if path.suffix.lower() in FORMATS["csv"] and error.code in ("SY204", "SY205") else []
        if not names:
            raise
        return pa.table({name: pa.array([], pa.string()) for name in names})
    if raw.refused:
        first = raw.refused[0]
        raise InputError(
            first.code, f"{path}:{first.row}", row=first.row, column=first.column, value=first.value[:80], **first.facts
        )
    return raw.columns.drop_columns(["row"])
