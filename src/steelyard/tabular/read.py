"""Reads a file of any known format against a Table."""

from __future__ import annotations

from pathlib import Path

from steelyard.errors import InputError
from steelyard.model.table import Table
from steelyard.tabular.columnar import read_parquet
from steelyard.tabular.delimited import read_csv
from steelyard.tabular.lines import read_lines
from steelyard.tabular.raw import Raw
from steelyard.tabular.sheet import read_sheet

__all__ = ["FORMATS", "Raw", "read"]

MOST_BYTES = 2 << 30
FORMATS = {
    "csv": (".csv", ".txt", ".tsv"),
    "excel": (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}


def read(path: Path, table: Table, sheet: int | str | None = None) -> Raw:
    """The cells of a file as text, with the lines that are malformed as text refused.

    Raises InputError: SY201 unreadable, SY202 beyond 2 GiB, SY203 unfolds without measure, SY204 no header, SY205 a
    required column is missing, SY206 no such sheet, SY207 nothing in it, SY208 unknown extension, SY210 one JSON
    document instead of lines, SY211 a column named twice.
    """
    kind = next((kind for kind, endings in FORMATS.items() if path.suffix.lower() in endings), "")
    if not kind:
        endings = " ".join(ending for group in FORMATS.values() for ending in group)
        raise InputError("SY208", str(path), extension=path.suffix, extensions=endings)
    _weigh(path)
    if kind == "excel":
        return read_sheet(path, table, sheet)
    if kind == "parquet":
        return read_parquet(path, table)
    return read_csv(path, table) if kind == "csv" else read_lines(path, table)


def _weigh(path: Path) -> None:
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise InputError("SY201", str(path), reason=error.strerror or str(error)) from None
    if size == 0:
        raise InputError("SY207", str(path))
    if size > MOST_BYTES:
        raise InputError("SY202", str(path), bytes=size, most=MOST_BYTES)
