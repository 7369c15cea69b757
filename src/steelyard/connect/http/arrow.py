"""Arrow streams of strangers: looked at before they unfold, checked before a buffer of theirs is followed."""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.types as kinds

_HEADER, _COMPRESSION, _DATA = 2, 3, 1  # fields of Message, RecordBatch, DictionaryBatch in Arrow's Message.fbs
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_PLAIN = (
    kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_string, kinds.is_large_string, kinds.is_timestamp,
    kinds.is_date, kinds.is_decimal,
)  # fmt: skip


class ArrowError(ValueError):
    """A stream that is not read, and why."""


def read(body: bytes, most_rows: int, most_columns: int) -> pa.Table:
    """The rows of an Arrow IPC stream of single values, validated in full.

    Compressed streams are refused, for 16 MiB can unfold to any size; so are types whose rows take no room. Raises ArrowError,
    and OverflowError beyond ``most_rows``.
    """
    try:
        _uncompressed(body)
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            _typed(stream.schema, most_columns)
            batches, rows = [], 0
            for batch in stream:
                rows += batch.num_rows
                if rows > most_rows:
                    raise OverflowError(rows)
                batch.validate(full=True)
                batches.append(batch)
            return _flat(pa.Table.from_batches(batches, stream.schema))
    except (pa.ArrowException, struct.error, IndexError, OSError, UnicodeDecodeError) as error:
        raise ArrowError(str(error).splitlines()[0][:200]) from None


def _typed(schema: pa.Schema, most: int) -> None:
    if len(schema) > most or len(set(schema.names)) < len(schema):
        raise ArrowError(f"{len(schema)} columns")
    for field in schema:
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        if not any(fits(kind) for fits in _PLAIN):
            raise ArrowError(f"{field.name}: {field.type}")


def _flat(table: pa.Table) -> pa.Table:
    """Dictionaries as what they stand for."""
    for place, field in enumerate(table.schema):
        if kinds.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


def _uncompressed(body: bytes) -> None:
    """Walks the messages of a stream by their frames; raises ArrowError where one is compressed."""
    place = 0
    while place + 8 <= len(body):
        mark, size = struct.unpack_from("<Ii", body, place)
        if mark != 0xFFFFFFFF:
            raise ArrowError("no Arrow stream")
        if size == 0:
            return
        if size < 0 or place + 8 + size > len(body):
            raise ArrowError("cut off")
        kind, length = _message(body[place + 8 : place + 8 + size])
        if length < 0 or kind not in (_SCHEMA, _DICTIONARY, _BATCH):
            raise ArrowError("no Arrow stream")
        place += 8 + size + length


def _message(data: bytes) -> tuple[int, int]:
    """The kind of a message and the bytes of its body; raises ArrowError where the body is compressed."""
    root = struct.unpack_from("<I", data)[0]
    kind = data[at] if (at := _field(data, root, 1)) else 0
    length = struct.unpack_from("<q", data, at)[0] if (at := _field(data, root, 3)) else 0
    if kind in (_DICTIONARY, _BATCH):
        batch = _table(data, root, _HEADER)
        batch = _table(data, batch, _DATA) if kind == _DICTIONARY else batch
        if _field(data, batch, _COMPRESSION):
            raise ArrowError("compressed")
    return kind, length


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table stands; 0 where it is left out."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if not 0 <= vtable <= len(data) - 4 or 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _table(data: bytes, table: int, number: int) -> int:
    at = _field(data, table, number)
    if not at:
        raise ArrowError("no Arrow stream")
    return int(at + struct.unpack_from("<I", data, at)[0])
