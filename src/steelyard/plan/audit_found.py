"""What inspections found at the firms of a draw: which count, which do not and why, and the Figures that stand on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from steelyard.catalog.rules import rule_items
from steelyard.errors import InputError
from steelyard.model.leaf import Leaf
from steelyard.model.period import iso, moment
from steelyard.plan.audit_frame import Coverage
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.take.audit import Step, sealed_in
from steelyard.take.draw import read_inspection
from steelyard.take.inspection import Assessor, assessors_of

SHOWN = 16


@dataclass(frozen=True)
class Found:
    """An inspection that counts, and the Figure that stands on it: its digest, grade and flags, and the level that it proves."""

    firm: str
    leaf: Leaf
    figure: bytes
    grade: str
    flags: tuple[str, ...]
    level: float


@dataclass
class Findings:
    """By firm the inspection that counts; ``refused`` with a sentence each; firms inspected and not drawn; visits after the first."""

    found: dict[str, Found] = field(default_factory=dict)
    refused: list[InputError] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Visit:
    """One inspection of a firm: the document's leaf and seal, the visit (µs UTC), whether every item was asked."""

    firm: str
    leaf: Leaf
    step: Step
    at: int
    full: bool


def findings(home: Home, coverage: Coverage, drawing: Step, drawn: Collection[str], *, partial: bool) -> Findings:
    """The first inspection of each drawn firm that was sealed after the draw by a trusted key, and the Figure standing on it.

    ``partial`` counts inspections that asked a part of the items, too: the firm is taken at its word for the others.
    """
    out = Findings()
    needed = _needed(home, coverage.of)
    assessors = {one.key: one for one in assessors_of(home)}
    counted: dict[str, _Visit] = {}
    for visit in _visits(home, needed):
        if visit.firm not in drawn:
            if visit.step.seal > drawing.seal:
                out.outside.append(visit.firm)
        elif why := _wrong(home, visit, drawing, assessors, partial=partial):
            out.refused.append(why)
        elif visit.firm in counted:
            out.again.append(visit.firm)
        else:
            counted[visit.firm] = visit
    _with_figures(home, coverage, counted, out)
    return out


def _needed(home: Home, measure: str) -> set[str]:
    """The items that a measure, and those that it reads, ask."""
    return {item for one in home.catalog.in_order([measure]) for item in rule_items(one.rule)}


def _visits(home: Home, needed: set[str]) -> Iterable[_Visit]:
    """The inspections of a home that answer any of some items, the first sealed first."""
    for leaf in home.leaves(kind="inspection"):
        said = leaf.header["source"]["inspection"]
        if asked := needed & set(said["drawn"]):
            full = asked == needed or len(said["drawn"]) == said["among"]
            yield _Visit(leaf.header["subjects"][0], leaf, Step(leaf, *sealed_in(home, leaf)), leaf.start, full)


def _wrong(
    home: Home, visit: _Visit, drawing: Step, assessors: Mapping[str, Assessor], *, partial: bool
) -> InputError | None:  # fmt: skip
    """Why an inspection of a drawn firm does not count; None where it does."""
    name = visit.leaf.digest.hex()[:SHOWN]
    if why := _untrusted(home, visit, assessors):
        return InputError("SY875", visit.firm, inspection=name, why=why)
    day, first = (moment(at).astimezone(home.zone).date() for at in (visit.at, drawing.at))
    if visit.step.seal < drawing.seal or day < first:
        return InputError(
            "SY874", visit.firm, inspection=name, sealed=iso(visit.step.at), day=day, drawn=iso(drawing.at)
        )
    if not (visit.full or partial):
        said = visit.leaf.header["source"]["inspection"]
        return InputError("SY878", visit.firm, inspection=name, asked=len(said["drawn"]), among=said["among"])
    return None


def _untrusted(home: Home, visit: _Visit, assessors: Mapping[str, Assessor]) -> str:
    """What speaks against an inspection's seal: the key, or the bytes; empty where nothing does."""
    signer = visit.leaf.header["source"]["inspection"]["signer"]
    known = assessors.get(signer)
    if known is None:
        return f"key {signer[:SHOWN]}… unknown"
    if known.state == "revoked" and known.at <= visit.step.at:
        return f"key {signer[:SHOWN]}… revoked {iso(known.at)}"
    try:
        read_inspection((home.path / visit.leaf.path).read_bytes(), visit.leaf.path)
    except (InputError, OSError) as error:
        return error.say() if isinstance(error, InputError) else str(error)
    return ""


def _with_figures(home: Home, coverage: Coverage, counted: Mapping[str, _Visit], out: Findings) -> None:
    """Put to each inspection the Figure of its firm that stands on it; one without is named (SY879)."""
    standing = _standing(home, coverage.of, counted)
    for firm, visit in counted.items():
        if row := standing.get(firm):
            out.found[firm] = Found(firm, visit.leaf, row["digest"], row["grade"], tuple(row["flags"]), row["low"])
        else:
            month = f"{moment(visit.at).astimezone(home.zone):%Y-%m}"
            out.refused.append(InputError("SY879", firm, inspection=visit.leaf.digest.hex()[:SHOWN], home=home.path,
                                          measure=coverage.of, month=month))  # fmt: skip


def _standing(home: Home, measure: str, counted: Mapping[str, _Visit]) -> dict[str, dict[str, Any]]:
    """For each firm the Figure of the earliest and shortest period among those that stand on its inspection's answers."""
    answers = {firm: {leaf.digest for leaf in home.leaves(kind="answers", source=bytes.fromhex(visit.leaf.header["source"]["sha256"]))}
               for firm, visit in counted.items()}  # fmt: skip
    out: dict[str, dict[str, Any]] = {}
    sets: dict[bytes, set[bytes]] = {}
    for row in _figures(home, measure, counted):
        if row["inputs"] not in sets:
            sets[row["inputs"]] = set(home.inputs_of(row["inputs"]) or ())
        if row["subject"] not in out and sets[row["inputs"]] & answers[row["subject"]]:
            out[row["subject"]] = row
    return out


def _figures(home: Home, measure: str, firms: Collection[str]) -> list[dict[str, Any]]:
    """Current Figures that this home weighed of some firms, those of the earliest and then shortest period first."""
    if not firms:
        return []
    with engine(home.path) as opened:
        at_rest.view(home, opened, "current_levels", measure, None, within=False)
        opened.register("inspected", pa.table({"firm": pa.array(sorted(firms), pa.string())}))
        sql = """SELECT subject, digest, grade, flags, low, inputs FROM current_levels JOIN inspected ON firm = subject
                 WHERE home = '' ORDER BY subject, "end", start DESC"""
        return list(opened.arrow(sql).to_pylist())
