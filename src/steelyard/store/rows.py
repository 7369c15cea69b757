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
    """One row a key, the one taken last; all rows where no two blocks can hold the same key, or the table keeps all.

    Expects ``NAME__taken`` to be the rows of all blocks, and ``NAME__later`` those of ``later``.
    """
    taken = f'SELECT * FROM "{table.name}__taken"'
    if not may_overlap(leaves):
        return taken
    names = table.names if table.keep_all else table.key
    if later(leaves):
        keys = " AND ".join(f'l."{name}" = t."{name}"' for name in names)
        newer = "(l.leaf > t.leaf OR (l.leaf = t.leaf AND l.row > t.row))"
        return f'{taken} t WHERE NOT EXISTS (SELECT 1 FROM "{table.name}__later" l WHERE {keys} AND {newer})'
    keys = ", ".join(f'"{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in (*table.names, "row", "leaf"))
    return (
        f"SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY {keys} ORDER BY leaf DESC, row DESC) AS newest "
        f'FROM "{table.name}__taken") WHERE newest = 1'
    )


def may_overlap(leaves: Sequence[Leaf]) -> bool:
    """Whether two blocks share both a range of subjects and a span of time, so that one key could stand in both.

    Blocks of the stream that correct nothing hold no key twice: together they are one block.
    """
    spans = [_reach(leaf) for leaf in leaves if not _of_stream(leaf)]
    stream = [_reach(leaf) for leaf in leaves if _of_stream(leaf)]
    if stream:
        first, last, start, end = zip(*stream, strict=True)
        spans.append((min(first), max(last), min(start), max(end)))
    if len(spans) > 64:
        return True
    return any(
        a[0] <= b[1] and b[0] <= a[1] and a[2] < b[3] and b[2] < a[3] for i, a in enumerate(spans) for b in spans[:i]
    )


def later(leaves: Sequence[Leaf]) -> list[Leaf]:
    """The blocks that correct rows of others, where all blocks are the stream's: few rows, so that the many need no sorting."""
    source = [leaf.header["source"] for leaf in leaves]
    if not all(one.get("stream") for one in source):
        return []
    return [leaf for leaf, one in zip(leaves, source, strict=True) if one["corrects"]]


def _of_stream(leaf: Leaf) -> bool:
    source = leaf.header["source"]
    return bool(source.get("stream")) and not source["corrects"]


def _reach(leaf: Leaf) -> tuple[str, str, int, int]:
    first, last = leaf.header["subjects"]
    return first, last, leaf.start, leaf.end
