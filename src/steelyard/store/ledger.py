"""The ledger: what is small and strict. SQLAlchemy Core over SQLite in WAL mode with full synchronisation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, MetaData, String, Table, Text

schema = MetaData()
LedgerError = sa.exc.SQLAlchemyError

home = Table("home", schema, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

seals = Table(
    "seals", schema,
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("count", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("signer", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)  # fmt: skip

leaves = Table(
    "leaves", schema,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("seal", Integer, nullable=False, index=True),
    Column("kind", String, nullable=False, index=True),
    Column("path", String, nullable=False),
    Column("source", LargeBinary, nullable=False, index=True),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("first", String, nullable=False),
    Column("last", String, nullable=False),
    Column("grade", String, nullable=False),
    Column("synthetic", Integer, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("header", Text, nullable=False),
)  # fmt: skip
"""``first`` and ``last`` are the least and greatest subject in the block: with ``start`` and ``end`` they say whether two
blocks can hold the same key."""

segments = Table(
    "segments", schema,
    Column("id", Integer, primary_key=True),
    Column("measure", String, nullable=False, index=True),
    Column("path", String, nullable=False, unique=True),
    Column("rows", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
)  # fmt: skip
"""Parquet files of Figures, one measure each."""

sections = Table(
    "sections", schema,
    Column("segment", Integer, primary_key=True),
    Column("seal", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("home", String, nullable=False, server_default=""),
    Column("start", BigInteger),
    Column("end", BigInteger),
    Column("first", String),
    Column("last", String),
)  # fmt: skip
"""Which seal covers which part of a segment's digest index; ``home`` is where the Figures came from, empty for here. Between
``start`` and ``end``, ``first`` and ``last`` subject lie its Figures (null: of a home that did not note it): where two sections
cannot hold the same key, nobody need look for the newest."""

inputs = Table(
    "inputs", schema,
    Column("id", Integer, primary_key=True),
    Column("root", LargeBinary, nullable=False, unique=True),
    Column("digests", LargeBinary, nullable=False),
)  # fmt: skip
"""The set behind each Figure's ``inputs`` root: 32-byte digests in ascending order, one after the other."""

methods = Table(
    "methods", schema,
    Column("digest", LargeBinary, primary_key=True),
    Column("document", Text, nullable=False),
)  # fmt: skip

takes = Table(
    "takes", schema,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("file", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("read", Integer, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("report", String, nullable=False),
)  # fmt: skip
"""What was taken, row for row: read = stored + refused."""

peers = Table(
    "peers", schema,
    Column("key", LargeBinary, primary_key=True),
    Column("name", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("within_days", Float, nullable=False),
    Column("revoked", BigInteger),
)  # fmt: skip

offers = Table(
    "offers", schema,
    Column("id", String, primary_key=True),
    Column("document", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("packed", Integer, nullable=False, server_default="0"),
)  # fmt: skip

bundles = Table(
    "bundles", schema,
    Column("digest", LargeBinary, primary_key=True),
    Column("provider", String, nullable=False),
    Column("offer", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("subject", String, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("figures", Integer, nullable=False),
    Column("leaf", Integer, nullable=False),
    sa.Index("bundles_by_offer", "provider", "offer", "number"),
)  # fmt: skip
"""Bundles that were kept; several rest in the one document ``leaf``."""

unkept = Table(
    "unkept", schema,
    Column("digest", LargeBinary, primary_key=True),
    Column("code", String, primary_key=True),
    Column("provider", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("offer", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("signer", LargeBinary, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("where", String, nullable=False),
    Column("facts", Text, nullable=False),
)  # fmt: skip
"""Bundles that came and were not kept: repeated (code empty), or refused with a code. Who made one is what it says of itself where its
signature did not hold."""

listening = Table(
    "listening", schema,
    Column("name", String, primary_key=True),
    Column("asked", BigInteger, nullable=False),
    Column("answered", BigInteger, nullable=False),
    Column("next", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("why", Text, nullable=False),
)  # fmt: skip
"""Subscriptions and deliveries: when each was tried last, went well last, is tried next, and what went wrong how often since."""

delivered = Table(
    "delivered", schema,
    Column("to", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("said", String, nullable=False),
)  # fmt: skip
"""Bundles of the outbox that a receiver acknowledged: kept (``said`` empty), had already, or has a newer one (its code)."""

connections = Table(
    "connections", schema,
    Column("name", String, primary_key=True),
    Column("connector", String, nullable=False),
    Column("synthetic", Integer, nullable=False, server_default="0"),
    Column("position", Text, nullable=False, server_default="{}"),
    Column("received", BigInteger, nullable=False, server_default="0"),
    Column("stored", BigInteger, nullable=False, server_default="0"),
    Column("repeated", BigInteger, nullable=False, server_default="0"),
    Column("refused", BigInteger, nullable=False, server_default="0"),
    Column("state", String, nullable=False, server_default="stopped"),
    Column("why", Text, nullable=False, server_default=""),
    Column("beat", BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
"""One way in each: where it will resume, and received = stored + repeated + refused. ``beat`` is when it was last seen alive."""

reasons = Table(
    "reasons", schema,
    Column("connection", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("example", Text, nullable=False),
    Column("facts", Text, nullable=False),
)  # fmt: skip
"""Why values of a connection were refused; the counts add up to its ``refused``."""

findings = Table(
    "findings", schema,
    Column("connection", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("code", String, primary_key=True),
    Column("text", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)  # fmt: skip
"""What peers do against their own standards."""

devices = Table(
    "devices", schema,
    Column("connection", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("since", BigInteger),
    Column("heard", BigInteger),
    Column("skew", BigInteger),
    Column("why", Text, nullable=False, server_default=""),
)  # fmt: skip
"""Devices behind a connection: ``since`` when the session stands without a row of ``watches`` yet (null: offline), the newest
source time, and its clock against ours (µs, positive: ahead)."""

signals = Table(
    "signals", schema,
    Column("id", Integer, primary_key=True),
    Column("connection", String, nullable=False, index=True),
    Column("subject", String, nullable=False),
    Column("signal", String, nullable=False),
    Column("unit", String, nullable=False, server_default=""),
    Column("newest", BigInteger, nullable=False),
    sa.UniqueConstraint("subject", "signal"),
)  # fmt: skip
"""Signals ever heard, and the newest source time of each that rests in a leaf."""

tails = Table(
    "tails", schema,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False, index=True),
    Column("path", String, nullable=False, unique=True),
    Column("sha256", LargeBinary, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("grade", String, nullable=False),
    Column("synthetic", Integer, nullable=False),
    Column("corrects", Integer, nullable=False),
    Column("connections", Text, nullable=False),
)  # fmt: skip
"""Durable rows that are not leaves yet: one file per commit of the stream, until they are cut into sealed leaves."""


class Ledger:
    """One SQLite file. Readers run beside the one writer; a write is one transaction, durable when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self.engine, "connect", _set_pragmas)

    def create(self) -> None:
        """Make all tables that are missing."""
        schema.create_all(self.engine)

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that takes the write lock at once, so that numbers read inside stay true until commit."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """Several reads that see the same moment."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
            connection.rollback()

    def all(self, query: sa.Executable, **values: Any) -> list[Any]:
        """All rows of a query."""
        with self.engine.connect() as connection:
            return list(connection.execute(query, values))

    def one(self, query: sa.Executable, **values: Any) -> Any:
        """The first row of a query, or None."""
        with self.engine.connect() as connection:
            return connection.execute(query, values).first()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is ours to send
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").fetchone()
