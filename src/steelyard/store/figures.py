"""Figures at rest: immutable Parquet segments of one measure, with an index of digests beside each (see ``digests``)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.evidence.record import SCHEMA
from steelyard.model.period import Period, iso
from steelyard.store.digests import section
from steelyard.store.lake import engine, write_bytes, write_parquet
from steelyard.store.ledger import seals, sections, segments

if TYPE_CHECKING:
    from steelyard.evidence.seal import Seal
    from steelyard.store.home import Home
    from steelyard.store.lake import Engine

AT_REST = pa.schema([*SCHEMA, ("seal", pa.int32())])
CURRENT = pa.schema([*SCHEMA, ("known", pa.int64()), ("home", pa.string())])
COMPACT_AT = 16
TOLD = "*"
"""The origin of a section whose Figures came from several homes: the column ``told`` of its segment names the home of each."""


def keep(
    home: Home,
    connection: sa.Connection,
    figures: pa.Table,
    seal: Seal,
    origin: str = "",
    roots: list[bytes] | None = None,
) -> None:
    """Write Figures of one measure (columns of ``SCHEMA``) under a seal, as a new segment with its index.

    Where ``origin`` is ``TOLD`` they have one more column, ``told``: the id of the home that each came from.
    ``roots`` are the block roots over the ascending digests, where the caller has hashed them for the seal already.
    """
    number = (connection.execute(sa.select(sa.func.max(segments.c.id))).scalar() or 0) + 1
    stamped = figures.append_column("seal", pa.repeat(pa.scalar(seal.number, pa.int32()), figures.num_rows))
    _write(home, connection, number, stamped, {seal.number: origin}, roots)


def _write(
    home: Home,
    connection: sa.Connection,
    number: int,
    figures: pa.Table,
    origins: dict[int, str],
    roots: list[bytes] | None = None,
) -> None:
    shape = _shape(figures.column_names)
    ordered = (
        figures.select(shape.names)
        .cast(shape)
        .sort_by([(name, "ascending") for name in ("subject", "start", "end", "seal")])
    )
    measure = ordered["measure"][0].as_py()
    path = Path("lake") / "figures" / f"{number:08d}.parquet"
    seen = write_parquet(home.path / path, ordered)
    connection.execute(segments.insert().values(
        id=number, measure=measure, path=path.as_posix(), rows=ordered.num_rows, sha256=seen,
        start=pc.min(ordered["start"]).as_py(), end=pc.max(ordered["end"]).as_py(),
    ))  # fmt: skip
    index = bytearray()
    for seal, origin in origins.items():
        rows = np.flatnonzero(ordered["seal"].to_numpy() == seal).astype("<u4")
        part = ordered if len(origins) == 1 else ordered.take(pa.array(rows))
        digests = part["digest"].to_pylist()
        connection.execute(sections.insert().values(
            segment=number, seal=seal, offset=len(index), count=len(digests), home=origin, **_extent(part)))  # fmt: skip
        index += section(digests, rows, roots)
    write_bytes((home.path / path).with_suffix(".digests"), bytes(index))


def _shape(names: Iterable[str]) -> pa.Schema:
    return AT_REST.append(pa.field("told", pa.string())) if "told" in names else AT_REST


def _extent(part: pa.Table) -> dict[str, Any]:
    """Between which times and subjects Figures lie that are in order of both; nothing where two are of one key."""
    subject, start, end = (pc.equal(part[name].slice(1), part[name].slice(0, part.num_rows - 1))
                           for name in ("subject", "start", "end"))  # fmt: skip
    if pc.any(pc.and_(pc.and_(subject, start), end)).as_py():
        return {}
    return {"start": pc.min(part["start"]).as_py(), "end": pc.max(part["end"]).as_py(),
            "first": part["subject"][0].as_py(), "last": part["subject"][-1].as_py()}  # fmt: skip


def current(home: Home, measure: str | None = None, subject: str | None = None, period: Period | None = None, *,
            known_on: int | None = None, kind: str | None = None, most: int | None = None, skip: int = 0) -> pa.Table:  # fmt: skip
    """Current Figures as one Arrow table with the columns of ``CURRENT``; see ``Home.figures``."""
    with engine(home.path) as opened:
        view(home, opened, "current_figures", measure, period, within=False, known_on=known_on)
        clauses, values = ["true"], {}
        if subject is not None:
            clauses.append("starts_with(subject, $subject)" if subject.endswith("*") else "subject = $subject")
            values["subject"] = subject.removesuffix("*")
        if kind:
            home.table_view(opened, "subjects")
            clauses.append("subject IN (SELECT id FROM subjects WHERE kind = $kind)")
            values["kind"] = kind
        page = f" LIMIT {int(most)} OFFSET {int(skip)}" if most is not None else ""
        columns = ", ".join(f'"{name}"' for name in CURRENT.names)
        sql = f"SELECT {columns} FROM current_figures WHERE {' AND '.join(clauses)} ORDER BY measure, subject, start{page}"
        return opened.arrow(sql, values).cast(CURRENT)


def view(home: Home, opened: Engine, name: str, measure: str | None, period: Period | None, *, within: bool,
         known_on: int | None = None, corrected: bool = False) -> None:  # fmt: skip
    """Name the current Figures of a measure (``*`` at its end matches any rest) in an engine.

    ``within`` takes all Figures whose period lies in ``period``, else those of exactly that period. What the home weighed itself
    goes before what it was told; of several the one sealed last is current; on ``known_on``, the last sealed by then. With ``corrected``
    all that rest, whether they are current or not.
    """
    found, parts = _with_sections(home, measure, period)
    shown = _name_rest(home, opened, name, found, {row.segment for row in parts if row.home == TOLD})
    _register_seals(home, opened)
    clauses = ["true"]
    if period:
        clauses.append(f'start >= {period.start} AND "end" <= {period.end}' if within
                       else f'start = {period.start} AND "end" = {period.end}')  # fmt: skip
    if known_on is not None:
        clauses.append(f"known <= {int(known_on)}")
    rows = f'FROM "{name}__rest" r JOIN seals_known k ON k.number = r.seal WHERE {" AND ".join(clauses)}'
    if corrected or not _overlap(parts):
        opened.view(name, f"SELECT {shown} {rows}")
        return
    opened.view(
        name,
        f"""
        SELECT * EXCLUDE (newest) FROM (
            SELECT {shown},
                   row_number() OVER (PARTITION BY subject, measure, start, "end" ORDER BY k.home <> '', r.seal DESC) AS newest
            {rows})
        WHERE newest = 1""",
    )


def _name_rest(home: Home, opened: Engine, name: str, found: Sequence[Any], told: set[int]) -> str:
    """Name the rows of some segments; returns the columns to show of a row ``r`` and its seal ``k``."""
    kept = ", ".join(f'r."{column}"' for column in AT_REST.names)
    if not told:
        opened.files(f"{name}__rest", [home.path / row.path for row in found], AT_REST)
        return f"{kept}, k.known, k.home"
    both = {"own": [row for row in found if row.id not in told], "told": [row for row in found if row.id in told]}
    for part, rows in both.items():
        opened.files(f"{name}__{part}", [home.path / row.path for row in rows], AT_REST)
    columns = ", ".join(f'"{column}"' for column in AT_REST.names)
    opened.view(
        f"{name}__rest",
        f'''SELECT {columns}, CAST(NULL AS VARCHAR) AS told FROM "{name}__own"
        UNION ALL SELECT {columns}, told FROM "{name}__told"''',
    )
    return f"{kept}, k.known, coalesce(r.told, k.home) AS home"


def _with_sections(home: Home, measure: str | None, period: Period | None) -> tuple[Sequence[Any], Sequence[Any]]:
    """Segments, and their sections in the order of times and subjects, of one moment: another process may merge some."""
    with home.ledger.snapshot() as connection:
        found = connection.execute(_of_measure(measure, period)).all()
        query = sa.select(sections).where(sections.c.segment.in_([row.id for row in found]))
        return found, connection.execute(query.order_by(sections.c.start, sections.c.end, sections.c.first)).all()


def _overlap(ordered: Sequence[Any]) -> bool:
    """Whether two sections may hold Figures of one subject for one period."""
    if any(row.first is None for row in ordered):
        return True
    latest = -(1 << 63)
    for one, after in pairwise(ordered):
        latest = max(latest, one.end)
        same = (one.start, one.end) == (after.start, after.end)
        if after.start < latest and not (same and one.last < after.first):
            return True
    return False


def count(home: Home, measure: str, period: Period) -> int:
    """How many Figures of a measure rest here for times that touch a period, corrected ones among them."""
    _, parts = _with_sections(home, measure, period)
    return sum(row.count for row in parts if row.start is None or (row.start < period.end and row.end > period.start))


def _register_seals(home: Home, opened: Engine) -> None:
    query = (
        sa.select(seals.c.number, seals.c.at, seals.c.root, sections.c.home)
        .join(sections, sections.c.seal == seals.c.number)
        .distinct()
    )
    rows = home.ledger.all(query)
    opened.register("seals_known", pa.table({
        "number": pa.array([row.number for row in rows], pa.int32()), "known": pa.array([row.at for row in rows], pa.int64()),
        "home": pa.array([row.home for row in rows], pa.string()), "root": pa.array([row.root for row in rows], pa.binary(32)),
    }))  # fmt: skip


def _segments(home: Home, measure: str | None, period: Period | None) -> list[Any]:
    return home.ledger.all(_of_measure(measure, period))


def _of_measure(measure: str | None, period: Period | None) -> sa.Select[Any]:
    query = sa.select(segments).order_by(segments.c.id)
    if measure and measure.endswith("*"):
        query = query.where(sa.func.substr(segments.c.measure, 1, len(measure) - 1) == measure[:-1])
    elif measure:
        query = query.where(segments.c.measure == measure)
    if period:
        query = query.where(segments.c.start < period.end, segments.c.end > period.start)
    return query


def measures_held(home: Home) -> list[str]:
    """The measures of which there are Figures."""
    return [
        row.measure for row in home.ledger.all(sa.select(segments.c.measure).distinct().order_by(segments.c.measure))
    ]


def compact(home: Home, measure: str, at: int = COMPACT_AT) -> bool:
    """Merge a measure's segments of like size when there are ``at`` or more; seals, digests and rows stay as they were.

    Sizes are alike within a factor of sixteen, so that a Figure is rewritten only a few times however many there are.
    """
    tiers: dict[int, list[Any]] = {}
    for row in _segments(home, measure, None):
        tiers.setdefault((row.rows.bit_length() + 3) // 4, []).append(row)
    found = next((tier for tier in tiers.values() if len(tier) >= at), None)
    if found is None:
        return False
    with home.ledger.write() as connection:
        numbers = [row.id for row in found]
        if len(connection.execute(sa.select(segments.c.id).where(segments.c.id.in_(numbers))).all()) < len(numbers):
            return False  # another process merged them meanwhile
        parts = connection.execute(sa.select(sections).where(sections.c.segment.in_(numbers))).all()
        merged = pa.concat_tables([pq.read_table(home.path / row.path) for row in found], promote_options="default")
        number = (connection.execute(sa.select(sa.func.max(segments.c.id))).scalar() or 0) + 1
        _write(home, connection, number, merged, {part.seal: part.home for part in parts})
        connection.execute(sections.delete().where(sections.c.segment.in_(numbers)))
        connection.execute(segments.delete().where(segments.c.id.in_(numbers)))
    _sweep(home)
    return True


def _sweep(home: Home) -> None:
    """Delete segments that no manifest has named for an hour: a reader of an older manifest has ended by then."""
    kept = {home.path / row.path for row in _segments(home, None, None)}
    before = time.time() - 3600
    for path in (home.path / "lake" / "figures").iterdir():
        if path.with_suffix(".parquet") not in kept and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A Figure's row as JSON: digests in hex, times in ISO 8601 UTC."""
    shown = {
        k: v.hex() if isinstance(v, bytes) else v for k, v in row.items() if k not in ("known", "home", "seal", "told")
    }
    return shown | {"start": iso(row["start"]), "end": iso(row["end"])}


def standing_on(home: Home, roots: set[bytes]) -> list[bytes]:
    """The digests of Figures whose inputs root or method is one of some digests."""
    out: list[bytes] = []
    wanted = pa.array(sorted(roots), pa.binary(32))
    for row in _segments(home, None, None):
        try:
            table = pq.read_table(home.path / row.path, columns=["digest", "inputs", "method"])
        except (OSError, ValueError, pa.ArrowException):
            continue  # it is broken itself, and named as such
        hit = pc.or_(pc.is_in(table["inputs"], wanted), pc.is_in(table["method"], wanted))
        out += table.filter(hit)["digest"].to_pylist()
    return out
