"""The lake: immutable Parquet files, written whole (temporary name, fsync, rename), and the one seam to the engines that read them.

DuckDB, embedded, is the engine of every home; ``engine(folder, "spark://host:7077")`` gives Spark behind the same methods.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from steelyard.errors import UsageError
from steelyard.store.address import HERE, Address

ROW_GROUP = 8_192
LARGE, LARGE_GROUP = 250_000, 65_536  # rows from which a file is scanned rather than looked up in, and its row groups
MEMORY = "640MB"  # a weigh stays under 1 GiB with Arrow and Python beside the engine


def write_parquet(path: Path, table: pa.Table, *, fast: bool = False) -> bytes:
    """Write a table durably under a new name; returns the SHA-256 of the file's bytes.

    ``fast`` is for files that soon make way for others: little compression, no statistics.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    if fast:
        words = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
        pq.write_table(table, partial, compression="lz4", use_dictionary=words, write_statistics=False)
    else:
        size = ROW_GROUP if table.num_rows < LARGE else LARGE_GROUP
        pq.write_table(table, partial, compression="zstd", row_group_size=size, write_statistics=True)
    return keep(partial, path)


def write_bytes(path: Path, data: bytes) -> bytes:
    """Write bytes durably under a new name; returns their SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    return keep(partial, path)


def keep(partial: Path, path: Path) -> bytes:
    """Make a written file durable and visible under its name at once."""
    with partial.open("rb") as handle:
        seen = file_hash(partial)
        os.fsync(handle.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return seen


def file_hash(path: Path) -> bytes:
    """SHA-256 of a file, a block at a time."""
    hashed = sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            hashed.update(block)
    return hashed.digest()


class Refused(Exception):  # noqa: N818  - it is what an engine says of a statement, no fault of the program
    """What an engine other than DuckDB says of a statement that it does not run."""


class Engine(Protocol):
    """What the verbs ask of an SQL engine over a home's Parquet files. All texts are SELECTs in DuckDB's dialect.

    Not shared between threads. Statements that fail raise one of ``EngineError``.
    """

    def view(self, name: str, sql: str) -> None:
        """Name a SELECT; what it reads is what its names mean now."""

    def hold(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a SELECT once and keep its rows under a name, on disk when they are many."""

    def closure(self, name: str, sql: str) -> None:
        """Hold the transitive closure of the pairs (subject, "of") of a SELECT, each pair once; circles end."""

    def register(self, name: str, table: pa.Table) -> None:
        """Name an Arrow table."""

    def files(self, name: str, paths: Sequence[Path], empty: pa.Schema | None = None) -> None:
        """Name the rows of some Parquet files of one shape; of none, an empty table of that shape."""

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of a SELECT as one Arrow table."""

    def batches(self, sql: str, rows: int = 1 << 17) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT, at most ``rows`` in a batch."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT as tuples, for small results."""

    def tables_of(self, sql: str) -> set[str]:
        """The names that a SELECT reads; raises ValueError when it is not exactly one SELECT."""

    def close(self) -> None:
        """Give back what the engine holds."""


_WHOLE = "CAST(trunc(CAST(x AS DOUBLE)) AS BIGINT)"
_PARTS = f"CAST(trunc((CAST(x AS DOUBLE) - trunc(CAST(x AS DOUBLE))) * {1 << 62}) AS BIGINT)"
TOTAL = f"""CREATE MACRO total(x) AS (
    CAST(CAST(sum({_WHOLE}) + sum({_PARTS}) // {1 << 62} AS BIGINT) AS DOUBLE)
    + CAST(CAST(sum({_PARTS}) % {1 << 62} AS BIGINT) AS DOUBLE) / {1 << 62})"""
"""The sum of doubles that does not depend on their order: whole numbers and 2^-62ths are summed as integers, rounded at the end.

|x| and the sum < 2^63; what is finer than 2^-62 is cut off; NULL is skipped; NaN and infinity raise. No FILTER, DISTINCT, OVER.
"""


class Embedded:
    """One DuckDB connection in memory, over Arrow tables and the Parquet files below one folder. Not shared between threads.

    A formula comes from a standards folder that anybody may have written: the engine reads no other file and no network.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._con = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "preserve_insertion_order": False})
        self._spill = tempfile.TemporaryDirectory(prefix="steelyard-")
        self._con.execute(f"SET temp_directory='{_quoted(self._spill.name)}'")
        self._con.execute("SET autoinstall_known_extensions=false; SET autoload_known_extensions=false")
        self._con.execute(TOTAL)
        allowed = f"'{_quoted(str(folder.resolve() / 'lake'))}/'" if folder else ""
        self._con.execute(
            f"SET allowed_directories=[{allowed}]; SET enable_external_access=false; SET lock_configuration=true"
        )

    def view(self, name: str, sql: str) -> None:
        """Name a SELECT."""
        self._con.unregister(name)
        self._con.execute(f'CREATE OR REPLACE TEMP VIEW "{name}" AS {sql}')

    def hold(self, name: str, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a SELECT once and keep its rows under a name; spills to disk when they are many."""
        self._con.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}', dict(parameters or {}))

    def closure(self, name: str, sql: str) -> None:
        """Hold the transitive closure of the pairs (subject, "of") of a SELECT, each pair once; circles end."""
        self.hold(name, f"""
            WITH RECURSIVE pairs AS ({sql}),
            above(subject, "of") AS (
                SELECT subject, "of" FROM pairs UNION SELECT a.subject, p."of" FROM above a JOIN pairs p ON p.subject = a."of"
            )
            SELECT subject, "of" FROM above""")  # fmt: skip

    def register(self, name: str, table: pa.Table) -> None:
        """Name an Arrow table."""
        self._con.unregister(name)
        self._con.execute(f'DROP VIEW IF EXISTS "{name}"')
        self._con.register(name, table)

    def files(self, name: str, paths: Sequence[Path], empty: pa.Schema | None = None) -> None:
        """Name the rows of some Parquet files of one shape; of none, an empty table of that shape."""
        if not paths:
            self.register(name, (empty or pa.schema([])).empty_table())
            return
        listed = ", ".join(f"'{_quoted(str(path.resolve()))}'" for path in paths)
        self.view(name, f"SELECT * FROM read_parquet([{listed}])")

    def arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The rows of a SELECT as one Arrow table."""
        return self._con.sql(sql, params=dict(parameters or {})).to_arrow_table()

    def batches(self, sql: str, rows: int = 1 << 17) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT a batch at a time."""
        yield from self._con.sql(sql).to_arrow_reader(rows)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of a SELECT as tuples, for small results."""
        return self._con.execute(sql, dict(parameters or {})).fetchall()

    def tables_of(self, sql: str) -> set[str]:
        """The names that a SELECT reads; raises ValueError when it is not exactly one SELECT."""
        try:
            statements = self._con.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise ValueError("a formula is exactly one SELECT")
            return set(self._con.get_table_names(sql))
        except duckdb.Error as error:
            raise ValueError(str(error)) from error

    def close(self) -> None:
        """Give the memory and the spill folder back."""
        self._con.close()
        self._spill.cleanup()


EngineError = (duckdb.Error, Refused)


@contextmanager
def engine(folder: Path | None = None, at: str = "") -> Iterator[Engine]:
    """An engine over a home's folder, or over Arrow tables alone, that closes by itself.

    ``at`` is empty for DuckDB, else where a Spark is: ``spark://host:7077`` or ``local[2]``; see ``store.address.Address``.
    Raises UsageError when that is not understood, not installed or not reachable.
    """
    opened = _open(folder, at)
    try:
        yield opened
    finally:
        opened.close()


def _open(folder: Path | None, at: str) -> Engine:
    if at in HERE:
        return Embedded(folder)
    address = Address.parse(at)
    try:
        from steelyard.store.spark import Spark  # noqa: PLC0415  - an extra: its packages are not everywhere
    except ImportError as error:
        raise UsageError("SY690", at, missing=error.name or "pyspark") from error
    return Spark(address, folder)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
