"""The growing end of a home: one writer commits what connections bring in groups, and cuts durable rows into sealed leaves.

A commit is one Parquet file per table (a *tail*) and one transaction of the ledger: rows, counters, resume positions and
findings become durable together. A cut turns tails into leaves under one seal. A row that rests already is `repeated`; one
whose key rests with another content goes into a leaf of its own that `corrects`, so that readers of the rest need not compare.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.connect.base import HISTORICAL, QUALITIES
from steelyard.model.leaf import Leaf
from steelyard.model.table import Table
from steelyard.store.arrived import Arrived, Rows
from steelyard.store.block import Block
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import engine, write_parquet
from steelyard.store.ledger import leaves, tails
from steelyard.store.rows import schema_of
from steelyard.store.signals import Signals
from steelyard.store.standing import keep_standing, watched

DAY = 86_400_000_000
LEAF_ROWS = 1_000_000
SUPERSEDED = "SY606"
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Tail:
    """Rows about to rest: of one table, one grade, synthetic or not, correcting or not; ``by`` counts them by connection."""

    kind: str
    rows: pa.Table
    grade: str
    synthetic: bool
    corrects: bool
    by: dict[str, int]


class Stream:
    """The one writer of a home's stream. ``signal`` may be asked from any thread; ``commit`` and ``cut`` from one."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.samples = home.catalog.table("samples")
        self.signals = Signals(home.ledger)
        self._resume()

    def _resume(self) -> None:
        """Newest times of what rests in tails: they were not noted at a cut. Files that no ledger row names are swept."""
        known = {row.path for row in self.home.ledger.all(sa.select(tails.c.path))}
        for path in (self.home.path / "lake" / "tail").glob("*.parquet"):
            if path.relative_to(self.home.path).as_posix() not in known:
                path.unlink()
        with engine(self.home.path) as opened:
            listed = self.home.ledger.all(sa.select(tails.c.path).where(tails.c.kind == "samples"))
            opened.files("loose", [self.home.path / row.path for row in listed], schema_of(self.samples))
            for subject, signal, newest in opened.rows('SELECT subject, signal, max("at") FROM loose GROUP BY ALL'):
                number = self.signals.number("", subject, signal, "")
                self.signals.move(np.array([number]), np.array([newest]))

    def signal(self, connection: str, subject: str, name: str, unit: str = "") -> int:
        """The number of a signal."""
        return self.signals.number(connection, subject, name, unit)

    def commit(self, arrived: Sequence[Arrived]) -> int:
        """Make all that arrived durable in one transaction; returns rows stored. Calls ``then`` of each part after that."""
        parts = [
            *self._samples(arrived),
            *(tail for one in arrived for part in one.tables for tail in self._rows(one, part)),
        ]
        written = [_write(self.home, tail) for tail in parts]
        with self.home.ledger.write() as connection:
            fresh = self.signals.save(connection)
            spans = keep_standing(connection, arrived)
            written += [_write(self.home, tail) for tail in _watches(self.home, spans)]
            if written:
                connection.execute(tails.insert(), written)
        self.signals.saved(fresh)
        for one in arrived:
            for call in one.then:
                call()
        return sum(row["rows"] for row in written)

    # samples

    def _samples(self, arrived: Sequence[Arrived]) -> list[Tail]:
        found = []
        for synthetic in (False, True):
            chosen = [one for one in arrived if one.synthetic == synthetic and one.values]
            if chosen:
                found += self._sorted(chosen, synthetic=synthetic)
        return found

    def _sorted(self, arrived: Sequence[Arrived], *, synthetic: bool) -> list[Tail]:
        """All values in the order of signal and time, without those that rest already."""
        block = Block.of(arrived)
        block = block.take(np.lexsort((block.at, block.signals)))
        block = block.take(self._last_of_equals(block, arrived))
        late = np.flatnonzero(block.at <= self.signals.newest[block.signals])
        keep, corrects = np.ones(len(block), bool), np.zeros(len(block), bool)
        if len(late):
            same, key = self._rests(self.samples, self._table(block.take(late)))
            keep[late[same]] = False
            corrects[late[key & ~same]] = True
            _count(arrived, block.origin[late[same]], "repeated")
        _count(arrived, block.origin[keep], "stored")
        self._move(block, arrived)
        tails_of = ((keep & ~corrects, False), (keep & corrects, True))
        return [self._tail(block.take(np.flatnonzero(mask)), arrived, synthetic=synthetic, corrects=flag)
                for mask, flag in tails_of if mask.any()]  # fmt: skip

    def _tail(self, block: Block, arrived: Sequence[Arrived], *, synthetic: bool, corrects: bool) -> Tail:
        counts = np.bincount(block.origin, minlength=len(arrived)).tolist()
        by = {one.connection: n for one, n in zip(arrived, counts, strict=True) if n}
        return Tail("samples", self._table(block), self.samples.grade, synthetic, corrects, by)

    def _last_of_equals(self, block: Block, arrived: Sequence[Arrived]) -> npt.NDArray[np.int64]:
        """Places without those that the same signal said again at the same instant: equal ones repeat, others are superseded."""
        again = (block.signals[1:] == block.signals[:-1]) & (block.at[1:] == block.at[:-1])
        if not again.any():
            return np.arange(len(block))
        for place in np.flatnonzero(again).tolist():
            one = arrived[block.origin[place]]
            if block.content(place) == block.content(place + 1):
                one.repeated += 1
            else:
                one.refuse(SUPERSEDED, str(block.content(place)[0] or block.content(place)[1]),
                            1, {"signal": self.signals.names[block.signals[place]]})  # fmt: skip
        return np.flatnonzero(np.append(~again, True))

    def _move(self, block: Block, arrived: Sequence[Arrived]) -> None:
        """Note the newest time of each signal, and from it how far each device's clock is ahead of ours."""
        ends = np.flatnonzero(np.append(block.signals[1:] != block.signals[:-1], True))
        self.signals.move(block.signals[ends].astype(np.int64), block.at[ends])
        ends = ends[block.quality[ends] != HISTORICAL]
        subjects = self.signals.device_of[block.signals[ends]].tolist()
        both = zip(
            subjects, block.origin[ends].tolist(), block.at[ends].tolist(), block.received[ends].tolist(), strict=True
        )
        for subject, origin, at, received in both:
            clocks, name = arrived[origin].clocks, self.signals.subjects[subject]
            if name not in clocks or at > clocks[name][0]:
                clocks[name] = (at, at - received)

    def _table(self, block: Block) -> pa.Table:
        subject, signal = self.signals.columns(block.signals.astype(np.int64))
        quality = pa.DictionaryArray.from_arrays(pa.array(block.quality.astype(np.int8)), pa.array(QUALITIES))
        return pa.table({
            "subject": subject, "signal": signal, "at": block.at, "value": pa.array(block.value, from_pandas=True),
            "text": block.text if block.text is not None else pa.nulls(len(block), pa.string()), "quality": quality,
            "received": block.received,
        })  # fmt: skip

    # rows of any table

    def _rows(self, one: Arrived, part: Rows) -> list[Tail]:
        table = self.home.catalog.table(part.table)
        same, key = self._rests(table, part.rows)
        one.repeated += int(same.sum())
        one.stored += int((~same).sum())
        if part.then:
            one.then.append(lambda: part.then(part.rows.num_rows) if part.then else None)
        chosen = ((~same & ~key, False), (~same & key, True))
        return [Tail(part.table, part.rows.filter(pa.array(mask)), part.grade, one.synthetic, flag, {one.connection: int(mask.sum())})
                for mask, flag in chosen if mask.any()]  # fmt: skip

    def _rests(self, table: Table, rows: pa.Table) -> tuple[Bools, Bools]:
        """For each row whether it rests already as it is, and whether its key rests."""
        span = span_of(table, rows)
        with engine(self.home.path) as opened:
            opened.files("rests", _files(self.home, table, span), schema_of(table))
            names = [name for name in table.names if name != "received"]
            held = rows.select([n for n in names if n in rows.column_names])
            for name in set(names) - set(held.column_names):
                held = held.append_column(name, pa.nulls(len(rows), schema_of(table).field(name).type))
            opened.register("incoming", held.append_column("place", pa.array(range(rows.num_rows), pa.int64())))
            equal = " AND ".join(f'i."{name}" IS NOT DISTINCT FROM r."{name}"' for name in names)
            keys = " AND ".join(f'i."{name}" = r."{name}"' for name in table.key)
            found = opened.rows(
                f"SELECT i.place, bool_or({equal}) FROM incoming i JOIN rests r ON {keys} GROUP BY i.place"
            )
        same, key = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for place, equals in found:
            key[place], same[place] = True, equals
        return same, key

    # cut

    def cut(self) -> list[Leaf]:
        """Turn all tails into sealed leaves, one for each table, grade and UTC day, at most ``LEAF_ROWS`` rows each."""
        made = cut(self.home)
        if made:
            with self.home.ledger.write() as connection:
                self.signals.save_newest(connection)
        return made


def cut(home: Home) -> list[Leaf]:
    """Turn all tails of a home into sealed leaves; any process may, while another one commits."""
    with home.ledger.write() as connection:
        if fresh := [_write(home, tail) for tail in _watches(home, watched(connection))]:
            connection.execute(tails.insert(), fresh)
        listed = connection.execute(sa.select(tails).order_by(tails.c.id)).all()
        if not listed:
            return []
        groups: dict[tuple[str, str, int, int], list[Any]] = {}
        for row in listed:
            groups.setdefault((row.kind, row.grade, row.synthetic, row.corrects), []).append(row)
        made = [leaf for key, rows in groups.items() for leaf in _leaves_of(home, connection, key, rows)]
        home.seal_leaves(connection, made)
        connection.execute(tails.delete().where(tails.c.id.in_([row.id for row in listed])))
    for row in listed:
        (home.path / row.path).unlink(missing_ok=True)
    return made


def _leaves_of(
    home: Home, connection: sa.Connection, key: tuple[str, str, int, int], listed: list[Any]
) -> Iterable[Leaf]:
    kind, grade, synthetic, corrects = key
    table = home.catalog.table(kind)
    for rows, files in _pieces(home, table, listed):
        by: dict[str, int] = {}
        for row in files:
            for name, count in json.loads(row.connections).items():
                by[name] = by.get(name, 0) + count
        source = {
            "file": "stream", "sha256": sha256(b"".join(row.sha256 for row in files)).hexdigest(), "sheet": "",
            "read": rows.num_rows, "connections": by, "stream": True, "corrects": bool(corrects),
        }  # fmt: skip
        least = pc.min_max(pc.unique(rows[table.subject]).cast(pa.string())).as_py()
        yield home.keep_leaf(connection, kind, rows, span_of(table, rows), (least["min"], least["max"]), grade, source,
                             synthetic=bool(synthetic))  # fmt: skip


def _pieces(home: Home, table: Table, listed: list[Any]) -> Iterable[tuple[pa.Table, list[Any]]]:
    """Tails together as long as they stay small, then apart by UTC day, in the order of the table's key."""
    batch: list[Any] = []
    size = 0
    for row in [*listed, None]:
        if row is None or (batch and size + row.rows > LEAF_ROWS):
            rows = pa.concat_tables([pq.read_table(home.path / one.path) for one in batch], promote_options="default")
            yield from ((day, batch) for day in _by_day(table, _plain(table, rows)))
            batch, size = [], 0
        if row is not None:
            batch.append(row)
            size += row.rows


def _plain(table: Table, rows: pa.Table) -> pa.Table:
    """In the order of key columns, texts as dictionaries of the words in use, rows numbered anew."""
    schema = schema_of(table)
    rows = (
        rows.select([name for name in table.names if name in rows.column_names]).unify_dictionaries().combine_chunks()
    )
    ordered = rows.take(pa.array(np.lexsort([_ranks(rows[name]) for name in reversed(_order(table))])))
    columns = {}
    for name in table.names:
        wanted = schema.field(name).type
        columns[name] = ordered[name] if name in ordered.column_names else pa.nulls(len(ordered), wanted)
        if not pa.types.is_dictionary(columns[name].type) and columns[name].type != wanted:
            columns[name] = columns[name].cast(wanted)
    return pa.table(columns)


def _order(table: Table) -> list[str]:
    """Signal before subject: values of one meaning lie together, and a formula reads few of them."""
    names = [name for name in ("signal", table.subject) if name in table.names]
    return [*names, *(name for name in table.key if name not in names)]


def _ranks(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        words = pc.rank(array.dictionary, sort_keys="ascending", tiebreaker="dense").to_numpy()
        return np.asarray(words[array.indices.to_numpy()])
    if pa.types.is_string(array.type):
        return np.asarray(pc.rank(array, sort_keys="ascending", tiebreaker="dense").to_numpy())
    return np.asarray(array.to_numpy(zero_copy_only=False))


def _by_day(table: Table, rows: pa.Table) -> Iterable[pa.Table]:
    if not table.start or not rows.num_rows:
        yield rows.append_column("row", _numbers(rows))
        return
    days = rows[table.start].to_numpy() // DAY
    for day in np.unique(days).tolist():
        part = rows.filter(pa.array(days == day)) if (days != day).any() else rows
        yield part.append_column("row", _numbers(part))


def _numbers(rows: pa.Table) -> pa.Array:
    return pa.array(np.arange(1, rows.num_rows + 1), pa.int64())


def _numbered(rows: pa.Table) -> pa.Table:
    rows = rows if "row" in rows.column_names else rows.append_column("row", _numbers(rows))
    return rows.append_column("leaf", pa.repeat(pa.scalar(0, pa.int32()), rows.num_rows))


def span_of(table: Table, rows: pa.Table) -> tuple[int, int]:
    """The least start and the greatest end of rows (µs UTC)."""
    if not table.start or not rows.num_rows:
        return FOREVER
    ends = rows[table.end] if table.end else rows[table.start]
    return pc.min(rows[table.start]).as_py(), pc.max(ends).as_py() + (0 if table.end else 1)


def _files(home: Home, table: Table, span: tuple[int, int]) -> list[Path]:
    """Files of leaves and tails that can hold rows of a span."""
    found = []
    for kept in (leaves, tails):
        query = sa.select(kept.c.path).where(kept.c.kind == table.name, kept.c.start < span[1], kept.c.end > span[0])
        found += [home.path / row.path for row in home.ledger.all(query.where(kept.c.rows > 0))]
    return found


def _write(home: Home, tail: Tail) -> dict[str, Any]:
    """Write a tail's file; returns its row of the ledger."""
    path = Path("lake") / "tail" / f"{tail.kind}-{uuid4().hex}.parquet"
    seen = write_parquet(home.path / path, _numbered(tail.rows), fast=True)
    start, end = span_of(home.catalog.table(tail.kind), tail.rows)
    return {"kind": tail.kind, "path": path.as_posix(), "sha256": seen, "rows": tail.rows.num_rows, "start": start, "end": end,
            "grade": tail.grade, "synthetic": int(tail.synthetic), "corrects": int(tail.corrects),
            "connections": json.dumps(tail.by, ensure_ascii=False)}  # fmt: skip


def _watches(home: Home, spans: Sequence[tuple[str, str, int, int, bool]]) -> list[Tail]:
    """Rows of ``watches`` for sessions that stood, as (connection, subject, start, end, synthetic)."""
    found = []
    for synthetic in (False, True):
        mine = [span for span in spans if span[4] == synthetic and span[2] < span[3]]
        if mine:
            by: dict[str, int] = {}
            for span in mine:
                by[span[0]] = by.get(span[0], 0) + 1
            rows = pa.table({
                "subject": pa.array([s[1] for s in mine], pa.string()), "start": pa.array([s[2] for s in mine], pa.int64()),
                "end": pa.array([s[3] for s in mine], pa.int64()),
            })  # fmt: skip
            found.append(Tail("watches", rows, home.catalog.table("watches").grade, synthetic, corrects=False, by=by))
    return found


def _count(arrived: Sequence[Arrived], origin: npt.NDArray[np.int32], name: str) -> None:
    for one, count in zip(arrived, np.bincount(origin, minlength=len(arrived)).tolist(), strict=True):
        setattr(one, name, getattr(one, name) + count)
