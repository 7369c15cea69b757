"""The growing end of a home: one writer commits what connections bring in groups, and cuts durable rows into sealed leaves.

A commit is one Parquet file per table (a *tail*) and one transaction of the ledger: rows, counters, resume positions and
findings become durable together. A cut turns tails into leaves under one seal. A row that rests already is `repeated`; one
whose key rests with another content goes into a leaf of its own that `corrects`, so that readers of the rest need not compare.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
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
from steelyard.store.ledger import tails
from steelyard.store.resting import compare, keys_of, superseded
from steelyard.store.rows import schema_of
from steelyard.store.signals import Signals, note_newest
from steelyard.store.standing import keep_standing, watched

DAY = 86_400_000_000
LEAF_ROWS = 1_000_000
SUPERSEDED = "SY606"


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
        self._written = 0
        self._resume()

    def _resume(self) -> None:
        """Newest times of what rests in tails: they are noted at a cut. Files that no ledger row names are swept."""
        known = {row.path for row in self.home.ledger.all(sa.select(tails.c.path))}
        for path in (self.home.path / "lake" / "tail").glob("*.parquet"):
            if path.relative_to(self.home.path).as_posix() not in known:
                path.unlink()
        listed = self.home.ledger.all(sa.select(tails.c.path).where(tails.c.kind == "samples"))
        if listed:  # an engine that is not opened takes no memory
            with engine(self.home.path) as opened:
                opened.files("loose", [self.home.path / row.path for row in listed], schema_of(self.samples))
                for subject, signal, newest in opened.rows('SELECT subject, signal, max("at") FROM loose GROUP BY ALL'):
                    number = self.signals.number("", subject, signal, "")
                    self.signals.move(np.array([number]), np.array([newest]))
        listed = self.home.ledger.all(sa.select(tails.c.path))
        numbers = (pq.read_table(self.home.path / row.path, columns=["row"])["row"] for row in listed)
        self._written = max((pc.max(each).as_py() for each in numbers), default=0)

    def signal(self, connection: str, subject: str, name: str, unit: str = "") -> int:
        """The number of a signal."""
        return self.signals.number(connection, subject, name, unit)

    def commit(self, arrived: Sequence[Arrived]) -> int:
        """Make all that arrived durable in one transaction; returns rows stored. Calls ``then`` of each part after that.

        Where it raises, nothing was kept and nothing of ``arrived`` has changed: it may be tried again.
        """
        arrived = [
            replace(one, refused=dict(one.refused), then=list(one.then), clocks=dict(one.clocks)) for one in arrived
        ]
        written = [self._write(tail) for tail in (*self._samples(arrived), *self._tables(arrived))]
        with self.home.ledger.write() as connection:
            fresh = self.signals.save(connection)
            spans = keep_standing(connection, arrived)
            written += [self._write(tail) for tail in _watches(self.home, spans)]
            if written:
                connection.execute(tails.insert(), written)
        self.signals.saved(fresh)
        for call in (call for one in arrived for call in one.then):
            with suppress(Exception):  # an acknowledgement that does not arrive: the peer will deliver again
                call()
        return sum(row["rows"] for row in written)

    def _write(self, tail: Tail) -> dict[str, Any]:
        """Write a tail with row numbers that go on from the last one's: what came later has the higher."""
        row = _write(self.home, tail, self._written)
        self._written += tail.rows.num_rows
        return row

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
            rows = self._table(block.take(late))
            same, key = compare(self.home, self.samples, rows, span_of(self.samples, rows))
            keep[late[same]] = False
            corrects[late[key & ~same]] = True
            _count(arrived, block.origin[late[same]], "repeated")
        _count(arrived, block.origin[keep], "stored")
        self._move(block, arrived)
        tails_of = ((keep & ~corrects, False), (keep & corrects, True))
        return [self._tail(block.take(np.flatnonzero(mask)), arrived, synthetic=synthetic, corrects=flag)
                for mask, flag in tails_of if mask.any()]  # fmt: skip

    def _tail(self, block: Block, arrived: Sequence[Arrived], *, synthetic: bool, corrects: bool) -> Tail:
        by = _by(arrived, block.origin)
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

    def _tables(self, arrived: Sequence[Arrived]) -> list[Tail]:
        """Rows that arrived, by table, grade and whether synthetic, in the order in which they came."""
        groups: dict[tuple[str, str, bool], list[tuple[int, Rows]]] = {}
        for place, one in enumerate(arrived):
            for part in one.tables:
                groups.setdefault((part.table, part.grade, one.synthetic), []).append((place, part))
        return [tail for key, parts in groups.items() for tail in self._rows(*key, parts, arrived)]

    def _rows(self, name: str, grade: str, synthetic: bool, parts: Sequence[tuple[int, Rows]],
              arrived: Sequence[Arrived]) -> list[Tail]:  # fmt: skip
        table = self.home.catalog.table(name)
        rows = pa.concat_tables([part.rows for _, part in parts], promote_options="default")
        origin = np.repeat([place for place, _ in parts], [part.rows.num_rows for _, part in parts]).astype(np.int32)
        last = np.ones(len(rows), bool)
        for place, equals in superseded(table, rows):
            last[place] = False
            if equals:
                arrived[origin[place]].repeated += 1
            else:
                key = rows.slice(place, 1).select(keys_of(table)).to_pylist()[0]
                arrived[origin[place]].refuse(SUPERSEDED, str(list(key.values())), 1, {"signal": name})
        same, key_rests = compare(self.home, table, rows, span_of(table, rows))
        kept = last & ~same
        _count(arrived, origin[last & same], "repeated")
        _count(arrived, origin[kept], "stored")
        _answer(parts, kept, arrived)
        chosen = ((kept & ~key_rests, False), (kept & key_rests, True))
        return [Tail(name, rows.filter(pa.array(mask)), grade, synthetic, flag, _by(arrived, origin[mask]))
                for mask, flag in chosen if mask.any()]  # fmt: skip

    # cut

    def cut(self) -> list[Leaf]:
        """Turn all tails into sealed leaves, one for each table, grade and UTC day, at most ``LEAF_ROWS`` rows each."""
        return cut(self.home)


def cut(home: Home) -> list[Leaf]:
    """Turn all tails of a home into sealed leaves; any process may, while another one commits.

    Those that correct come after those that they correct.
    """
    with home.ledger.write() as connection:
        if fresh := [_write(home, tail, 0) for tail in _watches(home, watched(connection))]:
            connection.execute(tails.insert(), fresh)
        listed = connection.execute(sa.select(tails).order_by(tails.c.id)).all()
        if not listed:
            return []
        groups: dict[tuple[str, str, int, int], list[Any]] = {}
        for row in listed:
            groups.setdefault((row.kind, row.grade, row.synthetic, row.corrects), []).append(row)
        ordered = sorted(groups, key=lambda key: (key[3], key))
        made = [leaf for key in ordered for leaf in _leaves_of(home, connection, key, groups[key])]
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
        if kind == "samples":
            note_newest(connection, rows)
        by: Counter[str] = Counter()
        for row in files:
            by.update(json.loads(row.connections))
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
            rows = _plain(table, [home.path / one.path for one in batch])
            yield from ((day, batch) for day in _by_day(table, rows))
            batch, size = [], 0
        if row is not None:
            batch.append(row)
            size += row.rows


def _plain(table: Table, files: Sequence[Path]) -> pa.Table:
    """Rows of tails in the order of key columns, texts as dictionaries of the words in use.

    A column is read at a time: memory holds the rows once, as long as they are small.
    """
    order = np.lexsort([_ranks(_column(files, name)) for name in reversed(_order(table))]).astype(np.int32)
    schema, taken = schema_of(table), {}
    for name in table.names:
        wanted, column = schema.field(name).type, _column(files, name)
        if column is None:
            taken[name] = pa.nulls(len(order), wanted)
            continue
        column = column.take(pa.array(order))
        plain = not pa.types.is_dictionary(column.type) and column.type != wanted
        taken[name] = column.cast(wanted) if plain else column
    return pa.table(taken)


def _column(files: Sequence[Path], name: str) -> pa.Array | None:
    """One column of all files; none where no file has it."""
    parts = []
    for file in files:
        with pq.ParquetFile(file, memory_map=True) as opened:
            part = opened.read(columns=[name], use_threads=False)
            parts.append(part if part.num_columns else part.append_column(name, pa.nulls(part.num_rows)))
    rows = pa.concat_tables(parts, promote_options="default")[name]
    return None if pa.types.is_null(rows.type) else rows.unify_dictionaries().combine_chunks()


def _order(table: Table) -> list[str]:
    """Signal before subject: values of one meaning lie together, and a formula reads few of them."""
    names = [name for name in ("signal", table.subject) if name in table.names]
    return [*names, *(name for name in table.key if name not in names)]


def _ranks(column: pa.Array) -> npt.NDArray[Any]:
    """Numbers in the order of a column's values."""
    if pa.types.is_dictionary(column.type):
        words = pc.rank(column.dictionary, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int32)
        return np.asarray(words[column.indices.to_numpy()])
    if pa.types.is_string(column.type):
        ranks = pc.rank(column, sort_keys="ascending", tiebreaker="dense")
        return np.asarray(ranks.to_numpy().astype(np.int32))
    return np.asarray(column.to_numpy(zero_copy_only=False))


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


def _numbered(rows: pa.Table, after: int) -> pa.Table:
    """Rows of a tail: of no leaf yet, numbered from ``after`` on."""
    rows = rows.drop_columns(["row"]) if "row" in rows.column_names else rows
    numbers = pa.array(np.arange(after + 1, after + 1 + rows.num_rows), pa.int64())
    return rows.append_column("row", numbers).append_column("leaf", pa.repeat(pa.scalar(0, pa.int32()), rows.num_rows))


def span_of(table: Table, rows: pa.Table) -> tuple[int, int]:
    """The least start and the greatest end of rows (µs UTC)."""
    if not table.start or not rows.num_rows:
        return FOREVER
    ends = rows[table.end] if table.end else rows[table.start]
    return pc.min(rows[table.start]).as_py(), pc.max(ends).as_py() + (0 if table.end else 1)


def _write(home: Home, tail: Tail, after: int) -> dict[str, Any]:
    """Write a tail's file, its rows numbered from ``after`` on; returns its row of the ledger."""
    path = Path("lake") / "tail" / f"{tail.kind}-{uuid4().hex}.parquet"
    seen = write_parquet(home.path / path, _numbered(tail.rows, after), fast=True)
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
            rows = pa.table({
                "subject": pa.array([s[1] for s in mine], pa.string()), "start": pa.array([s[2] for s in mine], pa.int64()),
                "end": pa.array([s[3] for s in mine], pa.int64()),
            })  # fmt: skip
            found.append(Tail("watches", rows, home.catalog.table("watches").grade, synthetic, corrects=False,
                              by=dict(Counter(span[0] for span in mine))))  # fmt: skip
    return found


def _count(arrived: Sequence[Arrived], origin: npt.NDArray[np.int32], name: str) -> None:
    for one, count in zip(arrived, np.bincount(origin, minlength=len(arrived)).tolist(), strict=True):
        setattr(one, name, getattr(one, name) + count)


def _by(arrived: Sequence[Arrived], origin: npt.NDArray[np.int32]) -> dict[str, int]:
    """How many rows each connection brought."""
    counts = np.bincount(origin, minlength=len(arrived)).tolist()
    return {one.connection: count for one, count in zip(arrived, counts, strict=True) if count}


def _answer(parts: Sequence[tuple[int, Rows]], kept: npt.NDArray[np.bool_], arrived: Sequence[Arrived]) -> None:
    """Tell each part that asked, once it is durable, how many of its rows were stored."""
    ends = np.cumsum([part.rows.num_rows for _, part in parts]).tolist()
    for (place, part), end in zip(parts, ends, strict=True):
        if part.then:
            stored = int(kept[end - part.rows.num_rows : end].sum())
            arrived[place].then.append(partial(part.then, stored))
