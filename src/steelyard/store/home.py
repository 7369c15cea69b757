"""Home: a folder that holds ledger, lake, keys and its own standards. The only object with a life; passed in, never global."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import sqlalchemy as sa

from steelyard.catalog import Catalog
from steelyard.catalog import load as load_catalog
from steelyard.catalog.catalog import SHIPPED
from steelyard.errors import HomeError, UsageError
from steelyard.evidence.canonical import canonical, digest
from steelyard.evidence.merkle import root
from steelyard.evidence.seal import Key, Seal, fingerprint
from steelyard.model.leaf import Leaf
from steelyard.model.period import Period
from steelyard.model.subject import Subject
from steelyard.model.table import Table
from steelyard.store import figures as at_rest
from steelyard.store import migrations
from steelyard.store.lake import Engine, engine, write_parquet
from steelyard.store.ledger import Ledger, home, inputs, leaves, methods, seals
from steelyard.store.rows import later, schema_of, view_of_table
from steelyard.store.spans import with_spans

KINDS = ("factory", "leader", "park", "region")
FOREVER = (-(2**62), 2**62)  # the span of rows that carry no time


class Home:
    """An opened home. Use ``Home.create`` or ``Home.open``; close it when done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = Ledger(path / "ledger.db")
        self.now: Callable[[], int] = lambda: time.time_ns() // 1000

    @classmethod
    def create(cls, path: Path, *, name: str, kind: str, zone: str = "Asia/Shanghai", subject: str = "") -> Home:
        """Make a new home in a folder that does not exist or is empty; raises UsageError or HomeError."""
        if kind not in KINDS:
            raise UsageError("SY106", name=kind, known=", ".join(KINDS))
        _zone(zone)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise HomeError("SY501", str(path))
        for folder in ("lake", "keys", "standards", "refusals", "outbox", "bundles"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        key = Key.new()
        _write_private(path / "keys" / "home.pem", key.pem())
        made = cls(path)
        made.ledger.create()
        facts = {"name": name, "kind": kind, "zone": zone, "subject": subject, "layout": str(migrations.LAYOUT),
                 "key": key.public.hex()}  # fmt: skip
        with made.ledger.write() as connection:
            connection.execute(home.insert(), [{"key": k, "value": v} for k, v in facts.items()])
        return made

    @classmethod
    def open(cls, path: Path) -> Home:
        """Open a home, migrating an older layout; raises HomeError when it is none, or newer than this program."""
        if not (path / "ledger.db").is_file():
            raise HomeError("SY502", str(path))
        opened = cls(path)
        migrations.migrate(opened.ledger)
        return opened

    def close(self) -> None:
        """Give back the ledger's connections."""
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def facts(self) -> dict[str, str]:
        """Name, kind, zone, own subject, layout and public key, as the ledger says."""
        return {row.key: row.value for row in self.ledger.all(sa.select(home))}

    @property
    def name(self) -> str:
        return self.facts["name"]

    @property
    def kind(self) -> str:
        return self.facts["kind"]

    @property
    def subject_id(self) -> str:
        """The subject that this home is (an enterprise, a park, a region), or empty."""
        return self.facts["subject"]

    @cached_property
    def zone(self) -> ZoneInfo:
        return _zone(self.facts["zone"])

    @property
    def public_key(self) -> bytes:
        return bytes.fromhex(self.facts["key"])

    @property
    def id(self) -> str:
        return fingerprint(self.public_key)

    @cached_property
    def key(self) -> Key:
        """The private key; raises HomeError when it is missing, unreadable, or not the one the ledger knows."""
        try:
            key = Key.load((self.path / "keys" / "home.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise HomeError("SY504", str(self.path / "keys" / "home.pem"), why=str(error)) from error
        if key.public != self.public_key:
            raise HomeError("SY504", str(self.path / "keys" / "home.pem"), why="another home's key")
        return key

    @cached_property
    def catalog(self) -> Catalog:
        """The shipped standards, extended by the home's own folder."""
        return load_catalog((SHIPPED, self.path / "standards"))

    # seal

    def seal(
        self, connection: sa.Connection, kind: str, digests: Sequence[bytes], merkle_root: bytes | None = None
    ) -> Seal:
        """Sign a root over digests inside an open write; the next link of the home's chain of seals."""
        last = connection.execute(sa.select(seals).order_by(seals.c.number.desc()).limit(1)).first()
        before = seal_of(last) if last else None
        unsigned = Seal(
            before.number + 1 if before else 1, kind, merkle_root or root(digests), len(digests), self.now(),
            self.key.public, before.digest if before else bytes(32),
        )  # fmt: skip
        signed = Seal(**{**unsigned.__dict__, "signature": self.key.sign(unsigned.message())})
        connection.execute(seals.insert().values(**signed.__dict__))
        return signed

    # leaves

    def keep_leaf(
        self, connection: sa.Connection, kind: str, rows: pa.Table, span: tuple[int, int], subjects: tuple[str, str],
        grade: str, source: dict[str, Any], *, synthetic: bool,
    ) -> Leaf:  # fmt: skip
        """Write typed rows as an immutable Parquet block and its header; the caller seals it in the same transaction."""
        number = (connection.execute(sa.select(sa.func.max(leaves.c.id))).scalar() or 0) + 1
        path = Path("lake") / kind / f"{number:08d}.parquet"
        stamped = with_spans(self.catalog.tables.get(kind), rows)
        stamped = stamped.append_column("leaf", pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows))
        seen = write_parquet(self.path / path, stamped)
        return self._leaf(connection, number, kind, path, seen, span, subjects, grade, source, rows.num_rows, synthetic)

    def keep_document(self, connection: sa.Connection, kind: str, path: Path, seen: bytes, span: tuple[int, int],
                      subject: str, grade: str, source: dict[str, Any]) -> Leaf:  # fmt: skip
        """Register a document that already rests in the home (a bundle, a contract) as a leaf."""
        number = (connection.execute(sa.select(sa.func.max(leaves.c.id))).scalar() or 0) + 1
        return self._leaf(
            connection, number, kind, path, seen, span, (subject, subject), grade, source, 1, synthetic=False
        )

    def _leaf(self, connection: sa.Connection, number: int, kind: str, path: Path, seen: bytes, span: tuple[int, int],
              subjects: tuple[str, str], grade: str, source: dict[str, Any], rows: int, synthetic: bool) -> Leaf:  # fmt: skip
        header = {
            "kind": kind, "start": str(span[0]), "end": str(span[1]), "grade": grade, "rows": rows, "synthetic": synthetic,
            "sha256": seen.hex(), "bytes": (self.path / path).stat().st_size, "source": source,
            "subjects": list(subjects), "path": path.as_posix(),
        }  # fmt: skip
        leaf = Leaf(number, digest(header), kind, *span, grade, synthetic, rows, path.as_posix(), header)
        connection.execute(leaves.insert().values(
            id=number, digest=leaf.digest, seal=0, kind=kind, path=leaf.path, source=bytes.fromhex(source["sha256"]),
            start=span[0], end=span[1], first=subjects[0], last=subjects[1], grade=grade, synthetic=int(synthetic), rows=rows,
            header=canonical(header).decode(),
        ))  # fmt: skip
        return leaf

    def seal_leaves(self, connection: sa.Connection, taken: Sequence[Leaf]) -> Seal:
        """Put leaves under one seal."""
        made = self.seal(connection, "leaves", [leaf.digest for leaf in taken])
        connection.execute(leaves.update().where(leaves.c.id.in_([leaf.id for leaf in taken])).values(seal=made.number))
        return made

    def leaves(self, *, kind: str | None = None, source: bytes | None = None, digest: bytes | None = None,
               span: tuple[int, int] | None = None) -> list[Leaf]:  # fmt: skip
        """Leaves by kind, source file, digest or a span of time (µs UTC) that they touch, oldest first."""
        query = sa.select(leaves).order_by(leaves.c.id)
        if span:
            query = query.where(leaves.c.start < span[1], leaves.c.end > span[0])
        if kind:
            query = query.where(leaves.c.kind == kind)
        if source:
            query = query.where(leaves.c.source == source)
        if digest:
            query = query.where(leaves.c.digest == digest)
        return [leaf_of(row) for row in self.ledger.all(query)]

    def table_view(self, opened: Engine, name: str, span: Period | None = None) -> list[Leaf]:
        """Name a table's current rows in an engine: one row a key, the one taken last; returns the leaves it reads."""
        table = self.catalog.table(name)
        found = self.leaves(kind=name, span=_reach(table, span))
        found = [leaf for leaf in (found[-1:] if table.whole else found) if leaf.rows]
        opened.files(f"{name}__taken", [self.path / leaf.path for leaf in found], schema_of(table))
        if corrections := later(found):
            opened.files(f"{name}__later", [self.path / leaf.path for leaf in corrections], schema_of(table))
        opened.view(name, view_of_table(table, found))
        return found

    # figures and what stands behind them

    def figures(self, measure: str | None = None, subject: str | None = None, period: Period | None = None, *,
                known_on: int | None = None, kind: str | None = None, most: int | None = None, skip: int = 0) -> pa.Table:  # fmt: skip
        """Current Figures (or those current on ``known_on``, µs UTC), sorted by measure, subject, start.

        ``measure`` and ``subject`` may end in ``*``; ``period`` matches exactly; columns as ``store.figures.CURRENT``.
        """
        return at_rest.current(self, measure, subject, period, known_on=known_on, kind=kind, most=most, skip=skip)

    def method(self, method_digest: bytes) -> dict[str, Any] | None:
        """The document of a method."""
        row = self.ledger.one(sa.select(methods.c.document).where(methods.c.digest == method_digest))
        return json.loads(row.document) if row else None

    def inputs_of(self, input_root: bytes) -> list[bytes] | None:
        """The digests under an inputs root, or None where they rest at another home."""
        row = self.ledger.one(sa.select(inputs.c.digests).where(inputs.c.root == input_root))
        return None if row is None else [row.digests[i : i + 32] for i in range(0, len(row.digests), 32)]

    def keep_method(self, connection: sa.Connection, document: dict[str, Any]) -> bytes:
        """Keep the text of a method under its digest."""
        name = digest(document)
        if not connection.execute(sa.select(methods.c.digest).where(methods.c.digest == name)).first():
            connection.execute(methods.insert().values(digest=name, document=canonical(document).decode()))
        return name

    # subjects

    def subject(self, subject_id: str) -> Subject | None:
        """One subject, or None."""
        found = self._subjects("WHERE id = $id", {"id": subject_id})
        return found[0] if found else None

    def subjects(self, kind: str | None = None, find: str = "", most: int = 50, skip: int = 0) -> list[Subject]:
        """Subjects by kind and by a part of id, name or credit code, sorted by id."""
        where, values = _subject_filter(kind, find)
        return self._subjects(f"{where} ORDER BY id LIMIT {int(most)} OFFSET {int(skip)}", values)

    def count_subjects(self, kind: str | None = None, find: str = "") -> int:
        """How many subjects ``subjects`` would page through."""
        where, values = _subject_filter(kind, find)
        with engine(self.path) as opened:
            self.table_view(opened, "subjects")
            return int(opened.rows(f"SELECT count(*) FROM subjects {where}", values)[0][0])

    def _subjects(self, clause: str, values: dict[str, str]) -> list[Subject]:
        with engine(self.path) as opened:
            self.table_view(opened, "subjects")
            sql = f"SELECT id, kind, name_zh, name_en, uscc, gbt2260, gbt4754 FROM subjects {clause}"
            return [
                Subject(row[0], row[1], row[2] or "", row[3] or "",
                        {k: v for k, v in zip(("uscc", "gbt2260", "gbt4754"), row[4:], strict=True) if v})
                for row in opened.rows(sql, values)
            ]  # fmt: skip

    def holdings(self) -> list[dict[str, Any]]:
        """Per table: rows and blocks taken, the span of time they speak of, when taken last, whether synthetic."""
        query = (
            sa.select(
                leaves.c.kind.label("table"), sa.func.sum(leaves.c.rows).label("rows"), sa.func.count().label("leaves"),
                sa.func.min(leaves.c.start).label("first"), sa.func.max(leaves.c.end).label("last"),
                sa.func.max(seals.c.at).label("taken"), sa.func.max(leaves.c.synthetic).label("synthetic"),
            )
            .join(seals, seals.c.number == leaves.c.seal).group_by(leaves.c.kind).order_by(leaves.c.kind)
        )  # fmt: skip
        found = [dict(row._mapping) for row in self.ledger.all(query)]  # noqa: SLF001  - SQLAlchemy's public name
        for row in found:
            timeless = row["first"] == FOREVER[0]
            row |= {"first": None if timeless else row["first"], "last": None if timeless else row["last"],
                    "synthetic": bool(row["synthetic"])}  # fmt: skip
        return found


def leaf_of(row: Any) -> Leaf:
    """A Leaf from its ledger row."""
    return Leaf(row.id, row.digest, row.kind, row.start, row.end, row.grade, bool(row.synthetic), row.rows, row.path,
                json.loads(row.header))  # fmt: skip


def seal_of(row: Any) -> Seal:
    """A Seal from its ledger row."""
    return Seal(row.number, row.kind, row.root, row.count, row.at, row.signer, row.previous, row.signature)


def _reach(table: Table, span: Period | None) -> tuple[int, int] | None:
    """The times of blocks that can hold rows that count in a span; None: any.

    Instants count as long as the table's lookback says, for ever where it says nothing; plans are read whole.
    """
    if span is None or not table.start or table.calendar or table.whole:
        return None
    if table.end or table.lookback:
        return span.start - table.lookback, span.end + table.lookback
    return FOREVER[0], span.end


def _subject_filter(kind: str | None, find: str) -> tuple[str, dict[str, str]]:
    clauses, values = [], {}
    if kind:
        clauses.append("kind = $kind")
        values["kind"] = kind
    if find:
        fields = ("id", "name_zh", "name_en", "uscc")
        clauses.append("(" + " OR ".join(f"contains(lower(coalesce({f}, '')), lower($find))" for f in fields) + ")")
        values["find"] = find
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError("SY107", name=name) from error


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
