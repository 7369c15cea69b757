"""Figures at rest: immutable Parquet segments of one measure, with a small index of digests beside each.

The index of a segment has a section per seal: the digests in ascending order (32 bytes each), their row numbers in the
segment (4 bytes each, little-endian), and the Merkle roots of aligned blocks. A digest is found by bisection in the mapped
file, and proved under its seal by hashing one block, whatever the size of the whole.
"""

from __future__ import annotations

import mmap
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.evidence import merkle
from steelyard.model.period import Period, iso
from steelyard.store.lake import ROW_GROUP, engine, write_bytes, write_parquet
from steelyard.store.ledger import seals, sections, segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steelyard.evidence.seal import Seal
    from steelyard.store.home import Home
    from steelyard.store.lake import Engine

SCHEMA = pa.schema([
    ("digest", pa.binary(32)), ("subject", pa.string()), ("measure", pa.string()), ("start", pa.int64()), ("end", pa.int64()),
    ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("heard", pa.float64()), ("among", pa.float64()),
    ("grade", pa.string()), ("estimated", pa.bool_()), ("flags", pa.list_(pa.string())), ("method", pa.binary(32)),
    ("inputs", pa.binary(32)), ("replaces", pa.binary(32)),
])  # fmt: skip
AT_REST = pa.schema([*SCHEMA, ("seal", pa.int32())])
CURRENT = pa.schema([*SCHEMA, ("known", pa.int64()), ("home", pa.string())])
COMPACT_AT = 16
_LATEST_FIRST = (
    sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    .order_by(sections.c.home != "", sections.c.seal.desc())
)  # fmt: skip
"""Sections in the order in which ``view`` chooses: of a Figure that rests more than once, the one shown is the one looked at."""
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
        index += _section(digests, rows, roots)
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


def _section(digests: Sequence[bytes], rows: np.ndarray[Any, np.dtype[np.uint32]], roots: list[bytes] | None) -> bytes:
    order = sorted(range(len(digests)), key=digests.__getitem__)
    ascending = [digests[i] for i in order]
    return b"".join(ascending) + rows[order].tobytes() + b"".join(roots or merkle.block_roots(ascending))


@dataclass(frozen=True)
class Place:
    """Where a Figure rests: file, row, and the seal whose root covers it; ``proved`` says whether the index proves it."""

    segment: int
    path: str
    row: int
    seal: int
    origin: str
    proved: bytes


def find(home: Home, digest: bytes) -> tuple[Place, dict[str, Any]] | None:
    """The place and the fields of a Figure, by its digest, without reading other Figures than its row group."""
    for section in home.ledger.all(_LATEST_FIRST):
        if place := _find_in(home.path, section, digest):
            row = read_row(home.path / place.path, place.row)
            return replace(place, origin=row.get("told") or place.origin), row
    return None


def _find_in(folder: Path, section: Any, digest: bytes) -> Place | None:
    with _mapped((folder / section.path).with_suffix(".digests")) as index:
        at = _position(index, section, digest)
        if at is None:
            return None
        return Place(section.segment, section.path, _row_at(index, section, at), section.seal, section.home,
                     _prove(index, section.offset, section.count, at))  # fmt: skip


def _position(index: mmap.mmap, section: Any, digest: bytes) -> int | None:
    """The place of a digest in a section, by bisection; None when it is not there."""
    start, count = section.offset, section.count
    at = bisect_left(range(count), digest, key=lambda i: index[start + 32 * i : start + 32 * i + 32])
    return at if at < count and index[start + 32 * at : start + 32 * at + 32] == digest else None


def _row_at(index: mmap.mmap, section: Any, at: int) -> int:
    rows = section.offset + 32 * section.count + 4 * at
    return int.from_bytes(index[rows : rows + 4], "little")


def _prove(index: mmap.mmap, start: int, count: int, at: int) -> bytes:
    """The root of a section, with the block of one digest hashed anew."""
    blocks = -(-count // merkle.BLOCK)
    roots_at = start + 36 * count
    roots = [index[roots_at + 32 * i : roots_at + 32 * i + 32] for i in range(blocks)]
    block = at // merkle.BLOCK
    first, last = block * merkle.BLOCK, min(count, (block + 1) * merkle.BLOCK)
    roots[block] = merkle.block_roots([index[start + 32 * i : start + 32 * i + 32] for i in range(first, last)])[0]
    return merkle.root_of_blocks(roots)


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as index:
        yield index


def read_row(path: Path, row: int) -> dict[str, Any]:
    """One row of a segment: its row group is read, no more."""
    with pq.ParquetFile(path) as parquet:
        group = parquet.read_row_group(row // ROW_GROUP)
    return dict(group.slice(row % ROW_GROUP, 1).to_pylist()[0])


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
         known_on: int | None = None) -> None:  # fmt: skip
    """Name the current Figures of a measure (``*`` at its end matches any rest) in an engine.

    ``within`` takes all Figures whose period lies in ``period``, else those of exactly that period. What the home weighed itself
    goes before what it was told; of several the one sealed last is current; on ``known_on``, the last sealed by then.
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
    if not _overlap(parts):
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


def places(home: Home, digests: Iterable[bytes]) -> dict[bytes, Place]:
    """Where many Figures rest; those that are nowhere are left out. Their seals are not proved here."""
    left = set(digests)
    out: dict[bytes, Place] = {}
    for section in home.ledger.all(_LATEST_FIRST):
        if not left:
            break
        try:
            with _mapped((home.path / section.path).with_suffix(".digests")) as index:
                for digest in left:
                    if (at := _position(index, section, digest)) is not None:
                        row = _row_at(index, section, at)
                        out[digest] = Place(section.segment, section.path, row, section.seal, section.home, b"")
        except OSError:
            continue  # an index that is not there holds nothing; verify names it
        left -= out.keys()
    return out


def under(home: Home, seal: int) -> list[Any]:
    """The sections under a seal, with the paths of their segments."""
    query = sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    return home.ledger.all(query.where(sections.c.seal == seal))


def rows_under(path: Path, seal: int) -> Iterator[list[dict[str, Any]]]:
    """The Figures of a segment that lie under a seal, a row group at a time."""
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(ROW_GROUP):
            yield batch.filter(pc.equal(batch["seal"], seal)).to_pylist()


def section_roots(home: Home, path: str) -> dict[int, bytes]:
    """The Merkle roots of a segment's sections, every digest hashed anew, by seal."""
    query = sa.select(sections).join(segments, segments.c.id == sections.c.segment).where(segments.c.path == path)
    with _mapped((home.path / path).with_suffix(".digests")) as index:
        return {
            section.seal: merkle.root_of_blocks(merkle.block_roots(
                [index[section.offset + 32 * i : section.offset + 32 * i + 32] for i in range(section.count)]))
            for section in home.ledger.all(query)
        }  # fmt: skip


def beginning_with(home: Home, prefix: str) -> set[bytes]:
    """Digests of Figures that begin with some hex digits; at most two a section are looked at."""
    low = bytes.fromhex(prefix.ljust(64, "0"))
    found: set[bytes] = set()
    query = sa.select(segments.c.path, sections).join(segments, segments.c.id == sections.c.segment)
    for section in home.ledger.all(query):
        with _mapped((home.path / section.path).with_suffix(".digests")) as index:
            start, count = section.offset, section.count
            at = bisect_left(range(count), low, key=lambda i: index[start + 32 * i : start + 32 * i + 32])
            near = (bytes(index[start + 32 * i : start + 32 * i + 32]) for i in range(at, min(count, at + 2)))
            found |= {digest for digest in near if digest.hex().startswith(prefix)}
    return found


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
