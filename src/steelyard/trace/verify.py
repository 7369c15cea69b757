"""Verify a whole home: every seal and its chain, every leaf, every Figure, every set of inputs, every text of a method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.evidence import merkle
from steelyard.evidence.canonical import canonical, plain
from steelyard.evidence.record import figure_digests
from steelyard.evidence.seal import signed
from steelyard.store import digests as digests_at_rest
from steelyard.store import figures as at_rest
from steelyard.store.home import Home, leaf_of
from steelyard.store.lake import ROW_GROUP, file_hash
from steelyard.store.ledger import inputs, leaves, methods, offers, seals, sections, segments
from steelyard.trace.checks import Checks, columns_of, same_method


@dataclass(frozen=True)
class Fault:
    """One broken node: its kind, its digest or path, and why; ``beneath`` marks what only stands on a broken node."""

    kind: str
    name: str
    why: str
    beneath: bool = False


@dataclass
class Verdict:
    """How many of each kind were looked at, and every fault."""

    looked_at: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults

    def count(self, kind: str, number: int = 1) -> None:
        self.looked_at[kind] = self.looked_at.get(kind, 0) + number


def verify(home: Home) -> Verdict:
    """Look at everything that rests in a home; memory is bounded by one segment's row group."""
    verdict = Verdict()
    checks = Checks(home)
    for faults in (_seals(checks, verdict), _leaves(checks, verdict), _segments(checks, verdict), _sets(home, verdict),
                   _methods(home, verdict), _offers(home, verdict), _inspections(home, verdict)):  # fmt: skip
        verdict.faults.extend(faults)
    verdict.faults.extend(_standing_on(home, verdict))
    return verdict


def _seals(checks: Checks, verdict: Verdict) -> Iterator[Fault]:
    before = bytes(32)
    for number, seal in sorted(checks.seals.items()):
        verdict.count("seal")
        why = checks.seal(number, seal.root)
        if not why and seal.previous != before:
            why = "the seal before it was taken out or changed"
        if why:
            yield Fault("seal", str(number), why)
        before = seal.digest


def _leaves(checks: Checks, verdict: Verdict) -> Iterator[Fault]:
    for row in checks.home.ledger.all(sa.select(leaves)):
        verdict.count("leaf")
        leaf, why = checks.look_at_leaf(row)
        if why:
            yield Fault("leaf", leaf.digest.hex(), why)
    for number, seal in checks.seals.items():
        if seal.kind == "leaves" and checks.leaf_seal(number):
            yield Fault("seal", str(number), "leaves under it were taken out or changed")


@dataclass
class _Met:
    """What the Figures of all segments name, so that what is missing is seen."""

    seals: set[int] = field(default_factory=set)
    inputs: set[bytes] = field(default_factory=set)
    methods: set[bytes] = field(default_factory=set)


def _segments(checks: Checks, verdict: Verdict) -> Iterator[Fault]:
    home = checks.home
    met = _Met()
    for segment in home.ledger.all(sa.select(segments)):
        verdict.count("segment")
        path = home.path / segment.path
        if not path.is_file():
            yield Fault("segment", segment.path, "its bytes are missing")
            continue
        if file_hash(path) != segment.sha256:
            yield Fault("segment", segment.path, "its bytes were changed")
        try:
            yield from _figures(checks, segment, verdict, met)
        except (OSError, ValueError, pa.ArrowException) as error:
            yield Fault("segment", segment.path, f"it cannot be read: {error}")
    yield from _missing(checks, met)


def _missing(checks: Checks, met: _Met) -> Iterator[Fault]:
    """Seals without their Figures; Figures without the text of their method or the set of their inputs."""
    for number, seal in checks.seals.items():
        if seal.kind in ("figures", "taken") and number not in met.seals:
            yield Fault("seal", str(number), "the Figures under it were taken out")
    sets = {row.root for row in checks.home.ledger.all(sa.select(inputs.c.root))}
    texts = {row.digest for row in checks.home.ledger.all(sa.select(methods.c.digest))}
    yield from (Fault("inputs", root.hex(), "the set is missing") for root in sorted(met.inputs - sets))
    yield from (Fault("method", name.hex(), "its text is missing") for name in sorted(met.methods - texts))


def _figures(checks: Checks, segment: Any, verdict: Verdict, met: _Met) -> Iterator[Fault]:
    home = checks.home
    covered: dict[int, list[bytes]] = {}
    kept = {row.seal: row.home for row in home.ledger.all(sa.select(sections).where(sections.c.segment == segment.id))}
    measures: set[str] = set()
    starts: set[int] = set()
    ends: set[int] = set()
    with pq.ParquetFile(home.path / segment.path) as parquet:
        for batch in parquet.iter_batches(ROW_GROUP):
            rows = batch.to_pylist()
            verdict.count("figure", len(rows))
            for row, anew in zip(rows, figure_digests(columns_of(rows)), strict=True):
                covered.setdefault(row["seal"], []).append(row["digest"])
                if row["digest"] != anew:
                    yield Fault("figure", row["digest"].hex(), "its record is not what its digest says")
                met.methods.add(row["method"])
                if not kept.get(row["seal"]):
                    met.inputs.add(row["inputs"])
            measures.update(row["measure"] for row in rows)
            starts.add(min(row["start"] for row in rows))
            ends.add(max(row["end"] for row in rows))
    met.seals |= kept.keys()
    said = (segment.rows, {segment.measure}, segment.start, segment.end)
    if said != (sum(map(len, covered.values())), measures, min(starts), max(ends)):
        yield Fault("segment", segment.path, "its ledger row is not what it holds")
    yield from _sections(checks, segment, covered, kept)


def _sections(checks: Checks, segment: Any, covered: dict[int, list[bytes]], kept: dict[int, str]) -> Iterator[Fault]:
    for number in sorted(kept.keys() | covered.keys()):
        why = checks.seal(number, merkle.root(covered.get(number, [])))
        if not why and (checks.seals[number].kind == "taken") != bool(kept.get(number)):
            why = "the home that its Figures came from was changed"
        if why:
            yield Fault("seal", str(number), f"{segment.path}: {why}")
    roots = digests_at_rest.section_roots(checks.home, segment.path)
    if any(checks.seals[n].root != root for n, root in roots.items() if n in checks.seals):
        yield Fault("index", segment.path, "its index of digests was changed")


def _sets(home: Home, verdict: Verdict) -> Iterator[Fault]:
    for row in home.ledger.all(sa.select(inputs)):
        verdict.count("inputs")
        if merkle.root([row.digests[i : i + 32] for i in range(0, len(row.digests), 32)]) != row.root:
            yield Fault("inputs", row.root.hex(), "the set is not what its root says")


def _methods(home: Home, verdict: Verdict) -> Iterator[Fault]:
    for row in home.ledger.all(sa.select(methods)):
        verdict.count("method")
        if why := same_method(row.digest, row.document):
            yield Fault("method", row.digest.hex(), why)


def _offers(home: Home, verdict: Verdict) -> Iterator[Fault]:
    for row in home.ledger.all(sa.select(offers)):
        verdict.count("offer")
        if not signed(home.public_key, row.document.encode(), row.signature):
            yield Fault("offer", row.id, "it is not what this home signed")


def _standing_on(home: Home, verdict: Verdict) -> Iterator[Fault]:
    """The leaves and Figures that stand, directly or not, on what was found broken."""
    broken = {bytes.fromhex(f.name) for f in verdict.faults if f.kind in ("leaf", "figure", "inputs", "method")}
    broken |= _roots(home, {int(fault.name) for fault in verdict.faults if fault.kind == "seal"})
    broken |= _seals_over(home, broken)
    seen = set(broken)
    made_from = _made_from(home) if broken else {}
    while broken:
        above = {digest for one in broken for digest in made_from.get(one, ())} - seen
        yield from (
            Fault("leaf", digest.hex(), "it stands on something broken", beneath=True) for digest in sorted(above)
        )
        seen |= above
        roots = broken | {
            row.root for row in home.ledger.all(sa.select(inputs))
            if any(row.digests[i : i + 32] in broken for i in range(0, len(row.digests), 32))
        }  # fmt: skip
        figures = set(at_rest.standing_on(home, roots)) - seen
        seen |= figures
        yield from (
            Fault("figure", digest.hex(), "it stands on something broken", beneath=True) for digest in sorted(figures)
        )
        broken = above | figures | _seals_over(home, figures)


def _seals_over(home: Home, figures: set[bytes]) -> set[bytes]:
    """The roots of the seals under which some Figures lie: a roll-up of very many names those."""
    return _roots(home, {place.seal for place in digests_at_rest.places(home, figures).values()}) if figures else set()


def _roots(home: Home, numbers: set[int]) -> set[bytes]:
    query = sa.select(seals.c.root).where(seals.c.number.in_(numbers), seals.c.kind.in_(("figures", "taken")))
    return {row.root for row in home.ledger.all(query)}


def _made_from(home: Home) -> dict[bytes, list[bytes]]:
    """For each leaf those that were made from it: answers from documents, machine states from samples."""
    out: dict[bytes, list[bytes]] = {}
    for row in home.ledger.all(sa.select(leaves)):
        try:
            parents = [bytes.fromhex(parent) for parent in leaf_of(row).header["source"].get("parents", ())]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # its header is broken itself, and named as such
        for parent in parents:
            out.setdefault(parent, []).append(row.digest)
    return out


def _inspections(home: Home, verdict: Verdict) -> Iterator[Fault]:
    """Answers that claim an inspection without the assessor's own signature over them."""
    for leaf in home.leaves(kind="inspection"):
        verdict.count("inspection")
        said = leaf.header["source"]["inspection"]
        path = home.path / leaf.path
        if path.is_file() and not _signed_as_said(path.read_bytes(), said):
            yield Fault(
                "inspection", leaf.digest.hex(), "the signature is not that of the assessor whom its header names"
            )


def _signed_as_said(data: bytes, said: dict[str, Any]) -> bool:
    try:
        document = plain(data, 16 << 20)
        message, signature = canonical(document["inspection"]), document["signature"]
        return (document["inspection"]["signer"], signature) == (said["signer"], said["signature"]) and signed(
            bytes.fromhex(said["signer"]), message, bytes.fromhex(signature)
        )
    except (ValueError, KeyError, TypeError):
        return False
