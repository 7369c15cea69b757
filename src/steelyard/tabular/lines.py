"""JSON lines: one flat object per line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from steelyard.errors import InputError
from steelyard.model.table import Table
from steelyard.refusal import Refusal
from steelyard.tabular.header import demand, spellings
from steelyard.tabular.raw import CELL_BYTES, Raw, settle
from steelyard.tabular.text import clean

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)
DEEP = 64


class _NestedError(ValueError):
    """A value that is itself an object or a list; the argument is its key."""


def read_lines(path: Path, table: Table) -> Raw:
    """Reads a file of JSON lines; raises InputError SY205, SY207, SY210 (one JSON document instead of lines)."""
    text = clean(path.read_bytes(), str(path))
    if text.data.lstrip()[:1] == b"[":
        raise InputError("SY210", str(path))
    refused = list(text.refused)
    gathered = _Gathered(table)
    for number, line in enumerate(text.data.split(b"\n"), 1):
        if line.strip():
            _take(line, number, gathered, refused)
    demand([name for name, cells in gathered.cells.items() if any(c is not None for c in cells)], table, str(path))
    cells = {name: pa.chunked_array([pa.array(column, pa.string())]) for name, column in gathered.cells.items()}
    columns = settle(cells, np.array(gathered.rows, dtype=np.int64), refused)
    ignored = sorted(k for k in gathered.ignored if not k.startswith("refused_"))
    return Raw(columns, sorted(refused, key=lambda r: r.row), "jsonl", text.encoding, ignored)


class _Gathered:
    """Columns as they grow, line by line."""

    def __init__(self, table: Table) -> None:
        self.spelled = spellings(table)
        self.names: dict[str, str | None] = {}
        self.cells: dict[str, list[str | None]] = {c.name: [] for c in table.columns}
        self.rows: list[int] = []
        self.ignored: set[str] = set()

    def name(self, key: str) -> str | None:
        """The table's name for a key, remembered."""
        if key not in self.names:
            self.names[key] = self.spelled.get(key.strip().lower())
            if self.names[key] is None:
                self.ignored.add(key)
        return self.names[key]

    def add(self, number: int, record: dict[str, str | None]) -> None:
        for name, column in self.cells.items():
            column.append(record.get(name))
        self.rows.append(number)


def _take(line: bytes, number: int, gathered: _Gathered, refused: list[Refusal]) -> None:
    shown = line[:CELL_BYTES].decode("utf-8", "replace")
    try:
        found = _object.decode(line)
        record = {}
        for key, value in found.items():
            if name := gathered.name(key):
                record[name] = _scalar(key, bytes(value))
    except _NestedError as nested:
        refused.append(Refusal(number, str(nested), shown, "SY307"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        code = "SY307" if _deep(line) else "SY306"
        refused.append(Refusal(number, "", shown, code, {"reason": str(error)} if code == "SY306" else {}))
    else:
        gathered.add(number, record)


def _deep(line: bytes) -> bool:
    return max(line.count(b"["), line.count(b"{")) > DEEP


def _scalar(key: str, value: bytes) -> str | None:
    """Text of a string, the digits of a number as they stand, true and false as words; null is None."""
    first = value[:1]
    if first == b'"':
        return _string.decode(value)
    if first in b"{[":
        raise _NestedError(key)
    return None if value == b"null" else value.decode()
