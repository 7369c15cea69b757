"""The lake: immutable Parquet files, written whole (temporary name, fsync, rename) and read by DuckDB. Floor 3's only SQL engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 8_192
MEMORY = "640MB"  # a weigh stays under 1 GiB with Arrow and Python beside the engine


def write_parquet(path: Path, table: pa.Table) -> bytes:
    """Write a table durably under a new name; returns the SHA-256 of the file's bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial, compression="zstd", row_group_size=ROW_GROUP, write_statistics=True)
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


class Engine:
    """One DuckDB connection in memory, over Arrow tables and the Parquet files below one folder. Not shared between threads.

    A formula comes from a standards folder that anybody may have written: the engine reads no other file and no network.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._con = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "preserve_insertion_order": False})
        self._spill = tempfile.TemporaryDirectory(prefix="steelyard-")
        self._con.execute(f"SET temp_directory='{_quoted(self._spill.name)}'")
        self._con.execute("SET autoinstall_known_extensions=false; SET autoload_known_extensions=false")
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


EngineError = duckdb.Error


@contextmanager
def engine(folder: Path | None = None) -> Iterator[Engine]:
    """An engine over a home's folder, or over Arrow tables alone, that closes by itself."""
    opened = Engine(folder)
    try:
        yield opened
    finally:
        opened.close()


def _quoted(text: str) -> str:
    return text.replace("'", "''")
