"""Parquet files: every column as text, so that one set of checks serves all formats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from steelyard.errors import InputError
from steelyard.model.table import Table
from steelyard.refusal import Refusal
from steelyard.tabular.header import Header, demand, match, spellings
from steelyard.tabular.raw import Raw, settle

MOST_BYTES = 2 << 30
MOST_CELLS = 500_000_000


def read_parquet(path: Path, table: Table) -> Raw:
    """Reads a Parquet file; ``row`` counts from 1. Raises InputError SY201, SY203, SY204, SY205, SY207."""
    where = str(path)
    try:
        with parquet.ParquetFile(path) as file:
            _refuse_bomb(file.metadata, where)
            known = [n for n in file.schema_arrow.names if match([n], spellings(table)).known]
            header = _header(file.schema_arrow.names, table, where)
            return replace(raw_of(file.read(columns=known), table, where), ignored=header.ignored)
    except (pa.ArrowException, OSError) as error:
        raise InputError("SY201", where, reason=str(error)) from None


def raw_of(rows: pa.Table, table: Table, where: str) -> Raw:
    """Arrow rows as if they had come in a file; ``row`` counts from 1. Raises InputError SY204, SY205, SY211."""
    header = _header(rows.column_names, table, where)
    cells = {known: _text(rows[n]) for n, known in enumerate(header.names) if known}
    refused: list[Refusal] = []
    columns = settle(cells, np.arange(1, rows.num_rows + 1, dtype=np.int64), refused)
    return Raw(columns, refused, "parquet", "", header.ignored)


def _refuse_bomb(metadata: parquet.FileMetaData, where: str) -> None:
    if metadata.num_rows == 0:
        raise InputError("SY207", where)
    unfolded = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if unfolded > MOST_BYTES or metadata.num_rows * metadata.num_columns > MOST_CELLS:
        raise InputError("SY203", where, bytes=unfolded, ratio=round(unfolded / max(1, metadata.serialized_size)))


def _header(names: list[str], table: Table, where: str) -> Header:
    header = match(names, spellings(table))
    if not header.known:
        raise InputError("SY204", where, table=table.name, names=", ".join(table.names))
    demand(header.known, table, where)
    if len(set(header.known)) < len(header.known):
        raise InputError("SY211", where, columns=", ".join(sorted(set(header.known))))
    return header


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Zoned timestamps as ISO 8601 with Z, unzoned ones without an offset; anything else by Arrow's own words."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        plain = column.cast(pa.timestamp("us"), safe=False).cast(pa.string())
        iso = pc.replace_substring(plain, " ", "T")
        return pc.binary_join_element_wise(iso, "Z", "") if kind.tz else iso
    return column.cast(pa.string())
