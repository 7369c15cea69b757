"""How a Table's rows rest in Parquet, and the SELECT that shows one row a key."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from steelyard.model.leaf import Leaf
from steelyard.model.table import Table

_TYPES = {"time": pa.int64(), "number": pa.float64(), "integer": pa.int64()}


def schema_of(table: Table) -> pa.Schema:
    """Arrow types of a table's blocks: times as microseconds UTC, then the source row and the leaf's number."""
    fields = [(column.name, _TYPES.get(column.type, pa.string())) for column in table.columns]
    return pa.schema([*fields, ("row", pa.int64()), ("leaf", pa.int32())])


def view_of_table(table: Table, leaves: Sequence[Leaf]) -> str:
    """One row a key, the one taken last; all rows where no two blocks can hold the same key, or the table keeps all."""
    taken = f'SELECT * FROM "{table.name}__taken"'
    if not may_overlap(leaves):
        return taken
    names = table.names if table.keep_all else table.key
    keys = ", ".join(f'"{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in (*table.names, "row", "leaf"))
    return (
        f"SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY leaf DESC, row DESC) AS newest "
        f'FROM "{table.name}__taken") WHERE newest = 1'
    )


def may_overlap(leaves: Sequence[Leaf]) -> bool:
    """Whether two blocks share both a range of subjects and a span of time, so that one key could stand in both."""
    if len(leaves) > 64:
        return True
    spans = [(*leaf.header["subjects"], leaf.start, leaf.end) for leaf in leaves]
    return any(
        a[0] <= b[1] and b[0] <= a[1] and a[2] < b[3] and b[2] < a[3] for i, a in enumerate(spans) for b in spans[:i]
    )
