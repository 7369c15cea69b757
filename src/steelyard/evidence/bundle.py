"""Bundle: one file from home to home. A zip of exactly the parts that its signed header names.

Verified as bytes, in this order, before any part is parsed: (1) sizes and names of the container, (2) the signature over the
header, (3) the policy, (4) each part against the header's SHA-256.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from steelyard.evidence.canonical import canonical, is_canonical, plain
from steelyard.evidence.policy import Distrust, Rule, Seen
from steelyard.evidence.seal import Key, signed

PARTS = ("figures.arrow", "subjects.arrow", "methods.arrow")
OLD = {"figures.parquet", "subjects.parquet", "methods.json"}
"""What bundles of format 1 held."""
FORMAT = 2
MORE = re.compile(r"dossier\.pdf|evidence\.json|documents/[0-9a-f]{64}")
"""What a dossier adds: the page that people read, the seals, and documents named by their SHA-256."""
MOST_BYTES = 1 << 30
MOST_HEADER = 1 << 20


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
    if OLD & set(names):
        raise Distrust("SY408", why="format 1")
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
    if header.get("format") != FORMAT:
        raise Distrust("SY408", why=f"format {str(header.get('format'))[:20]}")
    if len(header["signer"]) != 64 or not set(header["signer"]) <= set("0123456789abcdef"):
        raise Distrust("SY405", why="signer is not a public key")
    return header


def _same_parts(named: dict[str, Any], found: dict[str, bytes]) -> None:
    if set(named) != set(found):
        raise Distrust("SY406", parts=", ".join(sorted(set(named) ^ set(found))))
    for name, data in found.items():
        if named[name] != {"bytes": len(data), "sha256": sha256(data).hexdigest()}:
            raise Distrust("SY407", part=name)
