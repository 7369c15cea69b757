"""Which signals a block of samples holds and from when to when: written into its footer, so that nobody scans it to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from steelyard.model.leaf import Leaf
from steelyard.model.table import Table
from steelyard.store.lake import Engine

SPANS = b"steelyard.spans"


def series(table: Table) -> tuple[str, ...]:
    """What a series of instants is told apart by: the key without the time."""
    return tuple(name for name in table.key if name != table.start)


def with_spans(table: Table | None, rows: pa.Table) -> pa.Table:
    """The same rows; of a table with a lookback their schema carries the first and last instant (µs UTC) of each series."""
    if table is None or not table.lookback or not rows.num_rows:
        return rows
    names = series(table)
    found = rows.select([*names, table.start]).group_by(names).aggregate([(table.start, "min"), (table.start, "max")])
    said = pa.table({**{name: found[name].cast(pa.string()) for name in names}, "first": found[f"{table.start}_min"],
                     "last": found[f"{table.start}_max"]}).sort_by([(name, "ascending") for name in names])  # fmt: skip
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, said.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(said.combine_chunks())
    return rows.replace_schema_metadata({**(rows.schema.metadata or {}), SPANS: sink.getvalue().to_pybytes()})


def name_spans(opened: Engine, table: Table, leaves: Sequence[Leaf], folder: Path) -> None:
    """Name ``TABLE__spans``: series, leaf, first and last instant; of blocks without a note by looking into their rows."""
    noted, bare = [], []
    for leaf in leaves:
        metadata = pq.read_schema(folder / leaf.path).metadata or {}
        if SPANS in metadata:
            said = pa.ipc.open_stream(metadata[SPANS]).read_all()
            noted.append(said.append_column("leaf", pa.repeat(pa.scalar(leaf.id, pa.int32()), said.num_rows)))
        else:
            bare.append(leaf.id)
    columns = ", ".join(f'"{name}"' for name in series(table))
    empty = pa.schema([*((name, pa.string()) for name in series(table)), ("first", pa.int64()), ("last", pa.int64()),
                       ("leaf", pa.int32())])  # fmt: skip
    opened.register(f"{table.name}__noted", pa.concat_tables([empty.empty_table(), *noted]))
    scanned = ""
    if bare:
        scanned = (f'UNION ALL SELECT {columns}, min("{table.start}") AS first, max("{table.start}") AS last, leaf FROM "{table.name}" '
                   f"WHERE leaf IN ({', '.join(map(str, bare))}) GROUP BY {columns}, leaf")  # fmt: skip
    opened.hold(f"{table.name}__spans", f'SELECT {columns}, first, last, leaf FROM "{table.name}__noted" {scanned}')
