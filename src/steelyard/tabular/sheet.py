"""Excel workbooks, old and new, and OpenDocument sheets."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import python_calamine

from steelyard.errors import InputError
from steelyard.model.table import Table
from steelyard.refusal import Refusal
from steelyard.tabular.header import DEPTH, Header, find
from steelyard.tabular.raw import Raw, settle

MOST_BYTES = 2 << 30
MOST_RATIO = 200
MOST_CELLS = 50_000_000  # a reader holds the rectangle that the outermost cell spans
EXACT = 1e15  # Excel keeps 15 digits: a longer number is no longer what was typed
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"')
_TEXTUAL = ("text", "uscc", "subject", "gbt2260", "gbt4754", "url", "choice")


def read_sheet(path: Path, table: Table, sheet: int | str | None) -> Raw:
    """Reads one sheet (by name, or by place from 0; the first). Raises InputError SY201–SY207, SY211."""
    refuse_bomb(path)
    grid = _grid(path, sheet)
    filled = [(at, row) for at, row in enumerate(grid) if any(cell != "" for cell in row)]
    if not filled:
        raise InputError("SY207", str(path))
    top = [[_text(cell) or "" for cell in row] for _, row in filled[:DEPTH]]
    at, header = find(top, table, str(path))
    return _raw(filled[at + 1 :], header, table)


def refuse_bomb(path: Path) -> None:
    """Raises InputError SY203 on a zip that would unfold beyond 2 GiB, 200 times its size, or 50 million cells."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
            unfolded = sum(part.file_size for part in parts)
            ratio = unfolded / max(1, sum(part.compress_size for part in parts))
            if unfolded > MOST_BYTES or ratio > MOST_RATIO:
                raise InputError("SY203", str(path), bytes=unfolded, ratio=round(ratio))
            for part in parts:
                if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                    _refuse_wide(packed, part, path)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise InputError("SY201", str(path), reason=str(error)) from None


def _refuse_wide(packed: zipfile.ZipFile, part: zipfile.ZipInfo, path: Path) -> None:
    """One far-off cell makes a rectangle of billions: look at the addresses before anything is unfolded."""
    right = bottom = 0
    tail = b""
    with packed.open(part) as stream:
        while block := stream.read(1 << 22):
            block = tail + block
            found = _CELL.findall(block)
            if found:
                right = max(right, *(_column(letters) for letters in {letters for letters, _ in found}))
                bottom = max(bottom, int(found[-1][1]), int(found[0][1]))
            tail = block[-40:]
    if right * bottom > MOST_CELLS:
        raise InputError("SY203", str(path), bytes=right * bottom * 8, ratio=right * bottom)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _grid(path: Path, sheet: int | str | None) -> list[list[Any]]:
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
        wanted = _choose(names, sheet, str(path))
        return list(book.get_sheet_by_name(wanted).to_python(skip_empty_area=False))
    except (python_calamine.CalamineError, python_calamine.PasswordError, OSError) as error:
        raise InputError("SY201", str(path), reason=str(error)) from None


def _choose(names: list[str], sheet: int | str | None, where: str) -> str:
    if sheet is None and names:
        return names[0]
    if isinstance(sheet, str) and sheet in names:
        return sheet
    if sheet is not None and str(sheet).isdecimal() and int(sheet) < len(names):
        return names[int(sheet)]
    raise InputError("SY206", where, sheet="" if sheet is None else sheet, sheets=", ".join(names))


def _raw(filled: list[tuple[int, list[Any]]], header: Header, table: Table) -> Raw:
    refused: list[Refusal] = []
    cells = {}
    for place, name in enumerate(header.names):
        if name is None:
            continue
        values = [(at + 1, row[place]) for at, row in filled]
        if table.column(name).type in _TEXTUAL:
            refused += [
                Refusal(at, name, _text(value) or "", "SY308")
                for at, value in values
                if isinstance(value, float) and abs(value) >= EXACT
            ]
        cells[name] = pa.chunked_array([pa.array([_text(value) for _, value in values], pa.string())])
    rows = np.array([at + 1 for at, _ in filled], dtype=np.int64)
    columns = settle(cells, rows, refused)
    return Raw(columns, sorted(refused, key=lambda r: r.row), "excel", "", header.ignored)


def _text(value: Any) -> str | None:
    """A cell as text: whole floats lose their ``.0``, dates become ISO 8601."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT * 1e3 else repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return None if value is None else str(value)
