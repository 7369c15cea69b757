"""Verify a bundle by itself, offline: signature, parts, Figures, and the documents of a dossier under their sealed leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.errors import InputError, UsageError, explain
from steelyard.evidence import bundle, merkle
from steelyard.evidence.canonical import digest as digest_of
from steelyard.evidence.canonical import plain
from steelyard.evidence.parts import read_methods, read_table
from steelyard.evidence.policy import Distrust, Rule, Seen, SignedBy
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.evidence.seal import Seal
from steelyard.model.period import iso
from steelyard.trace.checks import columns_of
from steelyard.trace.verify import Fault, Verdict

MOST_JSON = 256 << 20


@dataclass
class Looked:
    """What looking at a bundle said: the signer's key (hex), who it says made it, when (ISO), and the verdict."""

    signer: str = ""
    provider: dict[str, str] = field(default_factory=dict)
    made: str = ""
    verdict: Verdict = field(default_factory=Verdict)


class Anybody:
    """Trusts any signer: whose key it is, the reader compares by another way."""

    def verify(self, seen: Seen) -> None:
        """Always."""


def verify_bundle(path: Path, key: str = "") -> Looked:
    """Verify a bundle's file; with ``key`` (64 hex digits) only that signer is accepted. Raises InputError on a file that is not there."""
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    out = Looked()
    try:
        opened = bundle.unpack(path.read_bytes(), _rule(key), 0)
    except Distrust as why:
        out.verdict.faults.append(
            Fault("bundle", str(why.facts.get("part", path.name)), explain(why.code).what(None, why.facts))
        )
        return out
    header = opened.header
    out.signer, out.made = opened.signer.hex(), iso(header["made"])
    out.provider = {name: str(header["provider"].get(name, "")) for name in ("id", "name", "kind", "subject")}
    out.verdict.count("part", len(opened.parts))
    for faults in (_figures(opened, out.verdict), _documents(opened, out.verdict)):
        out.verdict.faults.extend(faults)
    return out


def _rule(key: str) -> Rule:
    if not key:
        return Anybody()
    try:
        return SignedBy(frozenset({bytes.fromhex(key)}))
    except ValueError as error:
        raise UsageError("SY420", name=key) from error


def _figures(opened: bundle.Bundle, verdict: Verdict) -> Iterator[Fault]:
    """Each Figure against its digest, all against the root, and a text for each method."""
    part = "figures.arrow"
    try:
        rows = read_table(opened.parts[part], SCHEMA).to_pylist()
        anew = list(figure_digests(columns_of(rows))) if rows else []
        part = "methods.arrow"
        told = read_methods(opened.parts[part]).keys()
    except (KeyError, ValueError, TypeError, AttributeError, OSError, pa.ArrowException) as error:
        yield Fault("part", part, f"it cannot be read: {error}")
        return
    verdict.count("figure", len(rows))
    for row, digest in zip(rows, anew, strict=True):
        if row["digest"] != digest:
            yield Fault("figure", row["digest"].hex(), "its record is not what its digest says")
        if row["method"] not in told:
            yield Fault("method", row["method"].hex(), "its text is missing or was changed")
    if merkle.root(anew).hex() != opened.header["root"]:
        yield Fault("bundle", "root", "the Figures are not those under the root that was signed")


def _documents(opened: bundle.Bundle, verdict: Verdict) -> Iterator[Fault]:
    """Each document against its name, and under a leaf that the signer sealed."""
    found = {
        name.removeprefix("documents/"): data for name, data in opened.parts.items() if name.startswith("documents/")
    }
    if "evidence.json" not in opened.parts:
        if found:
            yield Fault("part", "evidence.json", "the seals of the documents are missing")
        return
    try:
        evidence = plain(opened.parts["evidence.json"], MOST_JSON)
        sealed = dict(_seals(evidence, opened.signer, verdict))
        leaves = {leaf["header"]["sha256"]: leaf for leaf in evidence["leaves"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield Fault("part", "evidence.json", f"it cannot be read: {error}")
        return
    for name, data in found.items():
        verdict.count("document")
        if why := _document(name, data, leaves.get(name), sealed):
            yield Fault("document", name, why)


def _seals(evidence: Mapping[str, Any], signer: bytes, verdict: Verdict) -> Iterator[tuple[int, set[str]]]:
    """The seals that hold, are the signer's, and cover exactly the digests that are listed with them."""
    for said in evidence["seals"]:
        verdict.count("seal")
        fields = {name: bytes.fromhex(said[name]) for name in ("root", "signer", "previous", "signature")}
        seal = Seal(said["number"], said["kind"], count=said["count"], at=said["at"], **fields)
        digests = [bytes.fromhex(digest) for digest in said["digests"]]
        if seal.holds() and seal.signer == signer and merkle.root(digests) == seal.root:
            yield seal.number, set(said["digests"])


def _document(name: str, data: bytes, leaf: Mapping[str, Any] | None, sealed: Mapping[int, set[str]]) -> str:
    if sha256(data).hexdigest() != name:
        return "its bytes are not those that its name says"
    if leaf is None or digest_of(leaf["header"]).hex() != leaf["digest"]:
        return "no leaf speaks of it"
    return "" if leaf["digest"] in sealed.get(leaf["seal"], ()) else "its leaf is not under a seal of the signer"
