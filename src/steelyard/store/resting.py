"""Rows that come in against those that rest: which repeat what is there, which correct it, which are superseded at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from steelyard.model.table import Table
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import leaves, tails
from steelyard.store.rows import schema_of

Bools = npt.NDArray[np.bool_]
_AGE = "[CAST(r.leaf = 0 AS BIGINT), r.leaf, r.row]"  # tails are newer than leaves, and number their rows in order


def compare(home: Home, table: Table, rows: pa.Table, span: tuple[int, int]) -> tuple[Bools, Bools]:
    """For each row whether the newest that rests with its key equals it, and whether its key rests at all."""
    same, key = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    with engine(home.path) as opened:
        opened.files("rests", _files(home, table, span), schema_of(table))
        opened.register("incoming", _comparable(table, rows))
        found = opened.rows(
            f"SELECT i.place, arg_max({_all_equal(_content(table), 'r')}, {_AGE}) FROM incoming i JOIN rests r "
            f"ON {_all_equal(keys_of(table), 'r')} GROUP BY i.place"
        )
    for place, equals in found:
        key[place], same[place] = True, equals
    return same, key


def superseded(table: Table, rows: pa.Table) -> list[tuple[int, bool]]:
    """Places of rows whose key comes again later among these rows, and whether the next says the same."""
    keys = ", ".join(f'"{name}"' for name in keys_of(table))
    with engine() as opened:
        opened.register("incoming", _comparable(table, rows))
        return opened.rows(
            f"WITH again AS (SELECT place, lead(place) OVER (PARTITION BY {keys} ORDER BY place) AS next FROM incoming) "
            f"SELECT a.place, {_all_equal(_content(table), 'n')} FROM again a JOIN incoming i ON i.place = a.place "
            "JOIN incoming n ON n.place = a.next ORDER BY a.place"
        )


def keys_of(table: Table) -> tuple[str, ...]:
    """The columns that name a row; all of them where several contents stand side by side."""
    return table.names if table.keep_all else table.key


def _content(table: Table) -> list[str]:
    return [name for name in table.names if name != "received"]


def _all_equal(names: tuple[str, ...] | list[str], other: str) -> str:
    return " AND ".join(f'i."{name}" IS NOT DISTINCT FROM {other}."{name}"' for name in names)


def _comparable(table: Table, rows: pa.Table) -> pa.Table:
    """The columns that are compared, absent ones as null, each row with its place."""
    shape = schema_of(table)
    nothing = {name: pa.nulls(len(rows), shape.field(name).type) for name in _content(table)}
    held = {name: rows[name] if name in rows.column_names else nothing[name] for name in nothing}
    return pa.table(held | {"place": pa.array(range(len(rows)), pa.int64())})


def _files(home: Home, table: Table, span: tuple[int, int]) -> list[Path]:
    """Files of leaves and tails, as they are at one moment, that can hold rows of a span."""
    found = []
    with home.ledger.snapshot() as connection:
        for kept in (leaves, tails):
            query = sa.select(kept.c.path).where(
                kept.c.kind == table.name, kept.c.start < span[1], kept.c.end > span[0], kept.c.rows > 0
            )
            found += [home.path / row.path for row in connection.execute(query)]
    return found
