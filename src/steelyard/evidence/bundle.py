"""Bundle: one file from home to home. A zip of exactly the parts that its signed header names.

Verified as bytes, in this order, before any part is parsed: (1) sizes and names of the container, (2) the signature over the
header, (3) the policy, (4) each part against the header's SHA-256.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pyarrow as pa

from steelyard.evidence.canonical import canonical, digest, is_canonical, plain
from steelyard.evidence.policy import Distrust, Rule, Seen
from steelyard.evidence.seal import Key, signed

PARTS = ("figures.arrow", "subjects.arrow", "methods.arrow")
MORE = re.compile(r"dossier\.pdf|evidence\.json|documents/[0-9a-f]{64}")
"""What a dossier adds: the page that people read, the seals, and documents named by their SHA-256."""
MOST_BYTES = 1 << 30
MOST_HEADER = 1 << 20
FEW_BYTES = 1 << 15
"""Smaller tables are not compressed: reading them would take longer than sending them."""
METHODS = pa.schema([("digest", pa.binary(32)), ("document", pa.string())])


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: who made it, the header as signed, and its parts' bytes by name."""

    digest: bytes
    signer: bytes
    header: dict[str, Any]
    parts: dict[str, bytes]


def pack(header: dict[str, Any], parts: dict[str, bytes], key: Key) -> bytes:
    """Seal parts under a header (its ``parts`` and ``signer`` are filled here) into the bytes of one file."""
    header = header | {
        "signer": key.public.hex(),
        "parts": {name: {"bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in parts.items()},
    }
    text = canonical(header)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as box:
        for name, data in {"bundle.json": text, "bundle.sig": key.sign(text), **parts}.items():
            box.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def unpack(data: bytes, policy: Rule, now: int) -> Bundle:
    """Verify a bundle's bytes at time ``now`` (microseconds UTC) under a policy; raises Distrust at the first fault."""
    entries = _entries(data)
    text = entries.pop("bundle.json", None)
    signature = entries.pop("bundle.sig", None)
    if text is None or signature is None:
        raise Distrust("SY401", why="bundle.json or bundle.sig is missing")
    header = _header(text)
    signer = bytes.fromhex(header["signer"])
    if not signed(signer, text, signature):
        raise Distrust("SY410", signer=header["signer"])
    policy.verify(Seen(signer, header["made"], header["until"], now))
    _same_parts(header["parts"], entries)
    return Bundle(sha256(data).digest(), signer, header, entries)


def _entries(data: bytes) -> dict[str, bytes]:
    if len(data) > MOST_BYTES:
        raise Distrust("SY402", bytes=len(data), most=MOST_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as box:
            infos = box.infolist()
            _check_container(infos)
            return {info.filename: box.read(info) for info in infos}
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        OverflowError,
        OSError,
    ) as error:
        raise Distrust("SY401", why=str(error)) from error


def _check_container(infos: list[zipfile.ZipInfo]) -> None:
    names = [info.filename for info in infos]
    for name in names:
        if name not in (*PARTS, "bundle.json", "bundle.sig") and not MORE.fullmatch(name):
            raise Distrust("SY403", name=name[:80])
    if len(set(names)) != len(names):
        raise Distrust("SY404")
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        raise Distrust("SY402", bytes=total, most=MOST_BYTES)
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise Distrust("SY401", why="a bundle's parts are stored, not compressed")


_FIELDS: dict[str, type] = {
    "signer": str, "made": int, "until": int, "number": int, "offer": dict, "provider": dict, "parts": dict, "root": str,
    "figures": int,
}  # fmt: skip


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = plain(text, MOST_HEADER)
    except ValueError as error:
        raise Distrust("SY405", why=str(error)) from error
    if not isinstance(header, dict) or not is_canonical(header, text):
        raise Distrust("SY405", why="the header is not canonical JSON")
    for name, kind in _FIELDS.items():
        if not isinstance(header.get(name), kind):
            raise Distrust("SY405", why=f"{name} is missing or not {kind.__name__}")
    if len(header["signer"]) != 64 or not set(header["signer"]) <= set("0123456789abcdef"):
        raise Distrust("SY405", why="signer is not a public key")
    return header


def _same_parts(named: dict[str, Any], found: dict[str, bytes]) -> None:
    if set(named) != set(found):
        raise Distrust("SY406", parts=", ".join(sorted(set(named) ^ set(found))))
    for name, data in found.items():
        if named[name] != {"bytes": len(data), "sha256": sha256(data).hexdigest()}:
            raise Distrust("SY407", part=name)


def table_bytes(table: pa.Table) -> bytes:
    """A table as a part: one Arrow file."""
    out = pa.BufferOutputStream()
    terms = pa.ipc.IpcWriteOptions(compression=None if table.nbytes < FEW_BYTES else "zstd")
    with pa.ipc.new_file(out, table.schema, options=terms) as file:
        file.write_table(table.combine_chunks())
    return bytes(out.getvalue())


def read_table(data: bytes, schema: pa.Schema) -> pa.Table:
    """A part's table with just the columns of a schema. Raises ValueError or ArrowException on anything else, text that is no UTF-8 too."""
    with pa.ipc.open_file(pa.BufferReader(data)) as file:
        if not file.schema.equals(schema):
            raise ValueError(f"other columns: {', '.join(file.schema.names)[:120]}")
        table = file.read_all()
    table.validate(full=True)
    return table


def methods_bytes(documents: Mapping[bytes, Any]) -> bytes:
    """The documents of methods, by their digests, as a part."""
    texts = {name: canonical(document).decode() for name, document in sorted(documents.items())}
    columns = [pa.array(texts, METHODS.field("digest").type), pa.array(texts.values(), pa.string())]
    return table_bytes(pa.table(columns, schema=METHODS))


def read_methods(data: bytes) -> dict[bytes, Any]:
    """The documents of methods that are what their digests say; raises as ``read_table``."""
    table = read_table(data, METHODS)
    told = zip(table["digest"].to_pylist(), map(plain, map(str.encode, table["document"].to_pylist())), strict=True)
    return {name: document for name, document in told if digest(document) == name}
