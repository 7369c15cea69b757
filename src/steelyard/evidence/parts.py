"""The tables in a bundle: Arrow streams that take no more memory than their bytes tell."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pyarrow as pa

from steelyard.evidence.bundle import MOST_BYTES
from steelyard.evidence.canonical import canonical, digest, plain

METHODS = pa.schema([("digest", pa.binary(32)), ("document", pa.string())])
FEW_BYTES = 1 << 15
"""Smaller tables are not packed: reading them would take longer than sending them."""
MOST_TIMES = 64
"""So many times its bytes a part may come to when it is unpacked, and never more than a bundle."""
ZSTD = b"\x28\xb5\x2f\xfd"


def table_bytes(table: pa.Table) -> bytes:
    """A table as a part: an Arrow stream of one block, packed with zstd where it is long."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    whole = out.getvalue()
    return bytes(whole if whole.size < FEW_BYTES else pa.compress(whole, "zstd"))


def read_table(data: bytes, schema: pa.Schema) -> pa.Table:
    """A part's table with just the columns of a schema. Raises ValueError, TypeError, OSError or ArrowException on anything else.

    It takes no more memory than its bytes, unpacked: one block, whose columns are not compressed in themselves.
    """
    whole = _unpacked(data)
    messages = list(islice(pa.ipc.MessageReader.open_stream(whole), 3))
    kinds, blocks = [one.type for one in messages], messages[1:]
    if kinds not in (["schema"], ["schema", "record batch"]) or not all(map(_is_plain, blocks)):
        raise ValueError("a table is one block of plain columns")
    with pa.ipc.open_stream(whole) as stream:  # which looks at each message before it believes it
        if not stream.schema.equals(schema):
            raise ValueError(f"other columns: {', '.join(stream.schema.names)[:120]}")
        table = stream.read_all().replace_schema_metadata(None)
    table.validate(full=True)  # text that is no UTF-8, too
    return table


def _unpacked(data: bytes) -> pa.Buffer:
    if not data.startswith(ZSTD):
        return pa.py_buffer(data)
    most = min(MOST_TIMES * len(data), MOST_BYTES)
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        found = stream.read_buffer(most + 1)
    if found.size > most:
        raise ValueError(f"more than {most} bytes from {len(data)}")
    return found


def _is_plain(message: pa.Message) -> bool:
    """Whether the buffers of a record batch are not compressed, by Arrow's Message.fbs: the message's field 2 is the batch, whose field 3
    says how they are; old writers said it in field 4, for which nothing else is used here.
    """
    data = message.metadata.to_pybytes()
    try:
        start = _follow(data, 0)
        return not _field(data, start, 4) and not _field(data, _follow(data, _field(data, start, 2)), 3)
    except struct.error as error:
        raise ValueError("an Arrow message that ends too early") from error


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table lies; 0 where it is not there."""
    (back,) = struct.unpack_from("<i", data, table)
    (size,) = struct.unpack_from("<H", data, table - back)
    inside = 4 + 2 * number
    (offset,) = struct.unpack_from("<H", data, table - back + inside) if inside < size else (0,)
    return table + offset if offset else 0


def _follow(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])


def methods_bytes(documents: Mapping[bytes, Any]) -> bytes:
    """The documents of methods, by their digests, as a part."""
    texts = {name: canonical(document).decode() for name, document in sorted(documents.items())}
    columns = [pa.array(texts, METHODS.field("digest").type), pa.array(texts.values(), pa.string())]
    return table_bytes(pa.table(columns, schema=METHODS))


def read_methods(data: bytes) -> dict[bytes, dict[str, Any]]:
    """The documents of methods that are what their digests say; raises as ``read_table``."""
    table = read_table(data, METHODS)
    told = zip(table["digest"].to_pylist(), map(plain, map(str.encode, table["document"].to_pylist())), strict=True)
    return {name: document for name, document in told if isinstance(document, dict) and digest(document) == name}
