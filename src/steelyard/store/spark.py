"""Spark behind the seam of ``store.lake``: the same texts over the same Parquet files, by a cluster. Needs the extra ``spark``.

Nothing of ours runs on the workers, no Python either: they need Spark and a view of the home's ``lake`` folder.
"""

from __future__ import annotations

import atexit
import logging
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from steelyard.errors import HomeError
from steelyard.store.address import Address
from steelyard.store.lake import Embedded, Refused
from steelyard.store.portable import names_read, portable

MEANING = {  # what a number means must not hang on the cluster's own settings
    "spark.sql.ansi.enabled": "true", "spark.sql.session.timeZone": "UTC", "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.exponentLiteralAsDecimal.enabled": "false", "spark.sql.groupByOrdinal": "true",
    "spark.sql.parser.escapedStringLiterals": "false", "spark.sql.decimalOperations.allowPrecisionLoss": "true",
}  # fmt: skip
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
ALONE = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.sql.shuffle.partitions": "2"}
FEW = 10_000  # rows of a held SELECT that are kept by the driver
WAIT = 5.0  # seconds for a master to answer


class Spark:
    """One session of Spark with its own names, over Arrow tables and the Parquet files below one folder.

    A formula reads registered names only, through the functions of ``store.portable``: no file, no environment, no network.
    """

    def __init__(self, address: Address, folder: Path | None = None) -> None:
        self._address = address
        self._folder = folder.resolve() if folder else None
        self._session = _session(self._address)
        self._names: set[str] = set()
        self._kept: dict[str, list[DataFrame]] = {}

    def view(self, name: str, sql: str) -> None:
        """Name a SELECT; what it reads is what its names mean now."""
        self._name(name, self._frame(sql))

    def hold(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a SELECT and keep its rows: few of them here, many in the workers' memory or on their disks."""
        held = self._frame(sql, parameters)
        with _told():
            held.persist()
            few = held.limit(FEW + 1).toArrow()
        before = [] if name in names_read(sql) else self._kept.pop(name, [])
        if few.num_rows <= FEW:
            self.register(name, few)  # what builds on it need not plan, nor run, all of this again
            before.append(held)
        else:
            self._name(name, held)
            self._kept.setdefault(name, []).append(held)
        _release(before)

    def closure(self, name: str, sql: str) -> None:
        """Hold the transitive closure of the pairs (subject, "of") of a SELECT. They are few: made here, not on the workers."""
        local = Embedded()
        try:
            local.register("pairs", self.arrow(sql))
            local.closure("closed", "SELECT * FROM pairs")
            self.register(name, local.arrow("SELECT * FROM closed"))
        finally:
            local.close()

    def register(self, name: str, table: pa.Table) -> None:
        """Name an Arrow table."""
        with _told():
            self._name(name, self._session.createDataFrame(table.cast(pa.schema([_plain(f) for f in table.schema]))))

    def files(self, name: str, paths: Sequence[Path], empty: pa.Schema | None = None) -> None:
        """Name the rows of some Parquet files of one shape; of none, an empty table of that shape."""
        if not paths:
            self.register(name, (empty or pa.schema([])).empty_table())
            return
        reader = self._session.read
        if empty is not None:
            reader = reader.schema(from_arrow_schema(pa.schema([_plain(f) for f in empty])))
        with _told():
            self._name(name, reader.parquet(*map(self._url, paths)))

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of a SELECT as one Arrow table."""
        with _told():
            return self._frame(sql, parameters).toArrow()

    def batches(self, sql: str, rows: int = 1 << 17) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT, at most ``rows`` in a batch; all are fetched first."""
        yield from self.arrow(sql).to_batches(rows)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT as tuples, for small results."""
        return list(zip(*(column.to_pylist() for column in self.arrow(sql, parameters).columns), strict=True))

    def tables_of(self, sql: str) -> set[str]:
        """The names that a SELECT reads; raises ValueError when it is not one SELECT in the subset of both engines."""
        return set(names_read(sql))

    def close(self) -> None:
        """Give back what is held and named; the connection to the cluster stays for the next engine of this process."""
        for frames in self._kept.values():
            _release(frames)
        with suppress(PySparkException, Py4JError):
            for name in self._names:
                self._session.catalog.dropTempView(name)
        self._kept, self._names = {}, set()

    def _frame(self, sql: str, parameters: Mapping[str, Any] | None = None) -> DataFrame:
        try:
            unknown = names_read(sql) - self._names
            text = portable(sql)
        except ValueError as error:
            raise Refused(str(error)) from error
        if unknown:
            raise Refused(f"there is no table {', '.join(sorted(unknown))}")
        with _told():
            return self._session.sql(text, args=dict(parameters or {}))

    def _name(self, name: str, frame: DataFrame) -> None:
        with _told():
            frame.createOrReplaceTempView(f"`{name}`")
        self._names.add(name)

    def _url(self, path: Path) -> str:
        """A file as the workers see it; what Hadoop would read as a pattern is escaped."""
        whole = path.resolve()
        if self._address.lake and self._folder:
            shown = f"{self._address.lake}/{whole.relative_to(self._folder).as_posix()}"
        else:
            shown = f"file://{whole.as_posix()}"
        return re.sub(r"([\[\]{}*?\\])", r"\\\1", shown)


def stop() -> None:
    """End this process's Spark, its Java process included."""
    context = SparkContext._active_spark_context  # noqa: SLF001  - pyspark has no public way to end its Java process
    if context is not None:
        context.stop()
    gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None  # noqa: SLF001
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()  # the Java process ends with it
        gateway.proc.wait()


def _session(address: Address) -> SparkSession:
    """A session of its own on one context a process; another master ends the one before."""
    conf = SparkConf(loadDefaults=False).setMaster(address.master).setAppName("steelyard")
    alone = ALONE if address.master.startswith("local") else {}
    for key, value in (QUIET | alone | dict(address.settings) | MEANING).items():
        conf.set(key, value)
    context = SparkContext._active_spark_context  # noqa: SLF001
    if context is not None and dict(conf.getAll()).items() - dict(context.getConf().getAll()).items():
        context.stop()
    _reach(address.master)
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).disabled = True  # what Spark says is raised; it need not be printed too
    try:
        session = SparkSession.builder.config(conf=conf).getOrCreate().newSession()
    except (PySparkException, Py4JError, OSError) as error:
        raise HomeError("SY692", address.master, why=_said(error)) from error
    atexit.unregister(stop)
    atexit.register(stop)
    for key, value in MEANING.items():
        session.conf.set(key, value)
    return session


def _reach(master: str) -> None:
    """Raise HomeError when no standalone master answers: Spark itself would ask for a minute."""
    if not master.startswith("spark://"):
        return
    why = ""
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), WAIT).close()
        except (OSError, ValueError, OverflowError) as error:
            why = str(error)
        else:
            return
    raise HomeError("SY692", master, why=why)


@contextmanager
def _told() -> Iterator[None]:
    """What Spark raises, as the seam says it."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise Refused(_said(error)) from error


def _said(error: Exception) -> str:
    """The first line of what Spark says; a page of Java follows it."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _release(frames: Sequence[DataFrame]) -> None:
    for frame in frames:
        with suppress(PySparkException, Py4JError):
            frame.unpersist()


def _plain(column: pa.Field) -> pa.Field:
    """A column in a type that Spark has."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_fixed_size_binary(kind):
        kind = pa.binary()
    elif pa.types.is_null(kind):
        kind = pa.string()
    return pa.field(column.name, kind)
