"""Reads a database again and again, from where it was read last; nothing is written to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from steelyard.connect import moments
from steelyard.connect.base import Connection, Inlet, Lost, setting
from steelyard.connect.sql import cells, query
from steelyard.connect.sql.mark import Mark
from steelyard.connect.sql.samples import Samples
from steelyard.errors import InputError, explain

READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON", "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}  # fmt: skip
EXTRAS = {"postgresql": "steelyard[postgresql]"}
WAIT_SECONDS = 10
_SETTINGS = (exc.ProgrammingError, exc.DataError, exc.NotSupportedError, exc.InternalError, exc.IntegrityError)


class Connector:
    """One database, one query. Raises InputError SY601, SY660, SY661, SY662, SY663 where the settings do not hold."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.url = _url(connection)
        self.zone = moments.zone_of(connection)
        self.every = float(setting(connection, "every_seconds", (int, float), 30))
        self.batch = max(1, setting(connection, "batch", int, 10_000))
        self.high = setting(connection, "high_water", str, None)
        self.overlap = _overlap(connection)
        self.table = setting(connection, "table", str, None)
        self.samples = None if self.table else Samples.of(connection, self.zone)
        self.columns = _columns(connection) if self.samples is None else self.samples.asked
        text, self.source = (setting(connection, name, str, None) for name in ("query", "from"))
        if (text is None) == (self.source is None):
            raise InputError("SY601", self.name, field="query, from", why="one of them")
        self.query = query.one_select(text, self.name) if text is not None else None

    def run(self, inlet: Inlet) -> None:
        """Read, and read again every so many seconds; raises Lost, InputError SY664, SY665."""
        with self._told(inlet):
            engine = self._engine()
            plan = self._plan(engine, inlet)
            mark = Mark.read(inlet.position, self.high or "", self.overlap)
            while not inlet.stopped.is_set():
                self._read(engine, plan, mark, inlet)
                inlet.stopped.wait(self.every)

    @contextmanager
    def _told(self, inlet: Inlet) -> Iterator[None]:
        """What the driver raises, by who must act: a source that is gone is asked again, a query that never worked is not."""
        try:
            yield
        except _SETTINGS as error:
            if (
                error.connection_invalidated or inlet.position
            ):  # it worked before: a table may be away while it is rebuilt
                raise Lost(_said(error)) from None
            raise InputError("SY665", self.name, reason=_said(error)) from None
        except exc.DBAPIError as error:
            wrong = "no such" in (said := _said(error))  # SQLite has one class for all
            if wrong and not inlet.position:
                raise InputError("SY665", self.name, reason=said) from None
            raise Lost(said) from None
        except exc.SQLAlchemyError as error:
            raise Lost(str(error)) from None

    def _engine(self) -> sa.Engine:
        connect = {"connect_timeout": WAIT_SECONDS} if self.url.get_backend_name() in ("postgresql", "mysql") else {}
        try:
            engine = sa.create_engine(self.url, poolclass=NullPool, connect_args=connect)
        except (ImportError, exc.ArgumentError) as error:
            extra = EXTRAS.get(self.url.get_backend_name(), self.url.drivername)
            raise InputError("SY662", self.name, driver=self.url.drivername, reason=str(error), extra=extra) from None
        if statement := READ_ONLY.get(engine.dialect.name):
            sa.event.listen(engine, "connect", lambda raw, _: raw.cursor().execute(statement))
        return engine

    @contextmanager
    def _reading(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A transaction that cannot write, where the database has such."""
        options = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
        with engine.connect().execution_options(**options) as connection:
            if engine.dialect.name == "oracle":
                connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            yield connection

    def _plan(self, engine: sa.Engine, inlet: Inlet) -> query.Plan:
        of = query.source(self.query, self.source)
        with self._reading(engine) as connection:
            known = query.names(connection, of)
            columns = self.columns or {name: name for name in known}
            found = tuple(query.column(theirs, known, self.name) for theirs in columns.values())
            high = query.column(self.high, known, self.name) if self.high else None
            plan = query.Plan(tuple(columns), found, of, high)
            if high is not None and not inlet.position and connection.execute(plan.without(high)).first():
                self._find(inlet, "SY666")
        return plan

    def _read(self, engine: sa.Engine, plan: query.Plan, mark: Mark, inlet: Inlet) -> None:
        """One reading, in one transaction, batch by batch: memory is bounded by a batch."""
        pending = mark.pending()
        with self._reading(engine) as connection:
            streamed = connection.execution_options(stream_results=True, max_row_buffer=self.batch)
            with streamed.execute(plan.select(mark.since)) as result:
                for rows in result.partitions(self.batch):
                    self._batch(plan, mark, pending, rows, inlet)
                    if inlet.stopped.is_set():
                        return

    def _batch(self, plan: query.Plan, mark: Mark, pending: dict[Any, Any], rows: Sequence[Any], inlet: Inlet) -> None:
        if plan.high is None:
            self._hand(plan, rows, {"column": ""}, inlet)
            return
        if new := mark.fresh([tuple(row) for row in rows], pending):
            self._hand(plan, new, mark.position(), inlet)
        if mark.forgot:
            self._find(inlet, "SY667")

    def _find(self, inlet: Inlet, code: str) -> None:
        inlet.finding(self.name, code, explain(code).what(facts={"value": self.high}))

    def _hand(self, plan: query.Plan, rows: Sequence[Any], position: dict[str, Any] | None, inlet: Inlet) -> None:
        if self.samples:
            self.samples.keep(inlet, rows, position)
        else:
            inlet.rows(self.table, cells.table(plan.names, rows, self.zone), position=position)


def _url(connection: Connection) -> sa.URL:
    """The address with the password from the environment; a SQLite file is opened for reading, and never made."""
    try:
        url = sa.make_url(connection.url)
    except exc.ArgumentError as error:
        raise InputError("SY601", connection.name, field="url", why=str(error)) from None
    if url.password or {"password", "passwd", "pwd"} & {name.lower() for name in url.query}:
        raise InputError("SY661", connection.name)
    if named := setting(connection, "password_env", str, None):
        if named not in os.environ:
            raise InputError("SY660", connection.name, field="password_env", name=named)
        url = url.set(password=os.environ[named])
    return _sqlite(url, connection) if url.get_backend_name() == "sqlite" else url


def _sqlite(url: sa.URL, connection: Connection) -> sa.URL:
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise InputError("SY601", connection.name, field="url", why="sqlite:///FILE")
    path = (connection.folder / Path(url.database)).absolute()
    return url.set(database=path.as_uri(), query={"mode": "ro", "uri": "true"})


def _overlap(connection: Connection) -> float:
    """``overlap_seconds`` for a high water that is a time, ``overlap`` for one that is a number."""
    given = [setting(connection, name, (int, float), 0) for name in ("overlap_seconds", "overlap")]
    if min(given) < 0 or all(given):
        raise InputError("SY601", connection.name, field="overlap, overlap_seconds", why="one of them, 0 or more")
    return float(max(given))


def _columns(connection: Connection) -> dict[str, str]:
    given = setting(connection, "columns", dict, {})
    if not all(isinstance(ours, str) and isinstance(theirs, str) for ours, theirs in given.items()):
        raise InputError("SY601", connection.name, field="columns", why="{our column: their column}")
    return dict(given)


def _said(error: exc.DBAPIError) -> str:
    """The database's own words, without the statement and its values."""
    return " ".join(str(error.orig).split())
