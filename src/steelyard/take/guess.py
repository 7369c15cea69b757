"""Tells what a file is where the caller did not say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from steelyard.errors import UsageError
from steelyard.model.table import Table

_SHDR = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z?\|")


def is_shdr(path: Path) -> bool:
    """Whether one of a file's first lines looks like an MTConnect adapter's: ``timestamp|key|value``."""
    if path.suffix.lower() not in (".txt", ".log", ".shdr"):
        return False
    with path.open("rb") as handle:
        return any(_SHDR.match(line) for line in handle.read(65_536).splitlines()[:50])


def table_of_file(path: Path, tables: Mapping[str, Table]) -> str:
    """The table whose name stands in the file's, else the one whose required columns the first line names; or UsageError."""
    named = [name for name in tables if name in path.stem]
    if named:
        return max(named, key=len)
    header = _header(path)
    fitting = [table for table in tables.values()
               if {c.name for c in table.columns if c.required} <= header and len(header & set(table.names)) > 1]  # fmt: skip
    if not fitting:
        raise UsageError("SY111", name=path.name)
    return max(fitting, key=lambda table: len(header & set(table.names))).name


def _header(path: Path) -> set[str]:
    with path.open("rb") as handle:
        line = handle.readline(65_536).decode("utf-8-sig", "replace")
    return {part.strip().strip('"').lower() for part in re.split(r"[,;\t|:{}]", line)}
