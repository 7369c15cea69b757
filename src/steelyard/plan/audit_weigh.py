"""What a draw's inspections make of a reported coverage: corrected with its interval, overstated by stratum, beside what was reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.errors import InputError, UsageError
from steelyard.methods.audit import estimate
from steelyard.methods.audit.estimate import Corrected, Sample
from steelyard.model.figure import GRADES
from steelyard.model.period import iso
from steelyard.plan.audit_draw import MEASURE, usual
from steelyard.plan.audit_found import Findings, findings
from steelyard.plan.audit_frame import Coverage, claims, coverage_of
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.take import audit as sealed
from steelyard.take.audit import Audit, Step
from steelyard.weigh.keep import Weighed
from steelyard.weigh.modelled import Modelled, keep_modelled


@dataclass(frozen=True)
class Reported:
    """What was reported when the claims were closed; ``digest`` is empty where no Figure of the coverage was weighed. ``listed``
    firms were on the roster when the claims were closed, whatever the Figure counted.
    """

    value: float | None
    low: float
    high: float
    heard: int
    among: int
    grade: str
    digest: str
    listed: int


@dataclass(frozen=True)
class Roster:
    """What changed since the claims were closed: firms with another claim (higher, lower), and drawn firms that left the list."""

    raised: list[str]
    lowered: list[str]
    left: list[str]


@dataclass(frozen=True)
class Audited:
    """A draw's result: H strata as sealed (rows of ``audit_strata``), the sample, the correction, and what could not count."""

    audit: Audit
    coverage: Coverage
    reported: Reported
    strata: list[dict[str, Any]]
    sample: Sample
    corrected: Corrected
    findings: Findings
    silent: list[str]
    since: Roster
    confidence: float
    partial: bool

    @property
    def firms(self) -> int:
        """Firms of the frame: those that could be drawn."""
        return int(self.sample.among.sum())

    @property
    def whole(self) -> bool:
        """Whether the unheard could be drawn, too."""
        return any(row["claims"] == "unheard" for row in self.strata)

    @property
    def roster(self) -> tuple[float, float]:
        """Least and greatest share of the whole list: firms outside the frame could be anything."""
        found, share = self.corrected.coverage, self.firms / self.reported.listed
        return found.low * share, found.high * share + 1 - share


def weigh_audit(home: Home, of: Audit, *, confidence: float | None = None, partial: bool = False) -> Audited:
    """Weigh the inspections of a drawn audit; raises UsageError SY865 before the draw."""
    if of.closing is None or of.drawing is None:
        raise UsageError("SY865", audit=of.id)
    coverage = coverage_of(home, of.measure, of.period)
    strata, chosen = sealed.strata_of(home, of), sealed.sample_of(home, of)
    firms = [row["enterprise"] for row in chosen]
    found = findings(home, coverage, of.drawing, set(firms), partial=partial)
    made = _sample(strata, chosen, found, coverage.least)
    sure = usual(home, "confidence") if confidence is None else confidence
    silent = [firm for firm in firms if firm not in found.found]
    closed = sealed.claims_of(home, of)
    since = _since(home, of, coverage, closed, set(firms), found)
    return Audited(of, coverage, _reported(home, of, of.closing, closed), strata, made, estimate.corrected(made, sure), found, silent,
                   since, sure, partial)  # fmt: skip


def _sample(
    strata: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]], found: Findings, least: float
) -> Sample:
    """The counts of each stratum: firms, drawn, inspected, holding the level that the coverage asks."""
    stratum = np.array([row["stratum"] for row in chosen], dtype=np.int64)
    seen = [found.found.get(row["enterprise"]) for row in chosen]
    heard = np.array([one is not None for one in seen], dtype=bool)
    holds = np.array([one is not None and one.level >= least for one in seen], dtype=bool)
    drawn, asked, good = (np.bincount(stratum[each], minlength=len(strata)) for each in (heard | True, heard, holds))
    return estimate.sample(np.array([row["among"] for row in strata]), drawn, asked, good,
                           np.array([row["claims"] == "yes" for row in strata]))  # fmt: skip


def _reported(home: Home, of: Audit, closing: Step, closed: Sequence[Mapping[str, Any]]) -> Reported:
    """The coverage's Figure that was current when the claims were closed; what the claims come to where there was none."""
    rows = home.figures(of.measure, of.place, of.period, known_on=closing.at).to_pylist()
    heard = sum(row["claims"] != "unheard" for row in closed)
    claimed = sum(row["claims"] == "yes" for row in closed)
    if rows:
        row = rows[0]
        return Reported(row["value"], row["low"], row["high"], int(row["heard"]), int(row["among"]), row["grade"],
                        row["digest"].hex(), len(closed))  # fmt: skip
    unheard = len(closed) - heard
    low, high = claimed / len(closed), (claimed + unheard) / len(closed)
    return Reported(claimed / heard if heard else None, low, high, heard, len(closed), "", "", len(closed))


def _since(
    home: Home, of: Audit, coverage: Coverage, closed: Sequence[Mapping[str, Any]], drawn: set[str], found: Findings
) -> Roster:
    """Claims of now beside those that were closed; what an inspection itself changed is no changed claim."""
    now = {row["enterprise"]: row for row in claims(home, coverage, of.period, of.place)}
    stands = {one.figure.hex() for one in found.found.values()}
    raised: list[str] = []
    lowered: list[str] = []
    for row in closed:
        other = now.get(row["enterprise"])
        if other and other["figure"] not in (row["figure"], *stands):
            was, is_ = (-1.0 if level is None else level for level in (row["level"], other["level"]))
            if was != is_:
                (raised if is_ > was else lowered).append(row["enterprise"])
    return Roster(raised, lowered, sorted(drawn - now.keys()))


def rates(done: Audited) -> dict[tuple[str, str], tuple[int, int]]:
    """By label and claims of a stratum: how many of its claims were found wrong, of how many inspected."""
    against = np.where(done.sample.claimed, done.sample.heard - done.sample.holds, done.sample.holds)
    return {
        (row["label"], row["claims"]): (int(wrong), int(heard))
        for row, wrong, heard in zip(done.strata, against, done.sample.heard, strict=True)
    }


def notes(done: Audited) -> list[InputError]:
    """What happened since the claims were closed, a sentence each: claims that changed (SY873), drawn firms that left (SY877)."""
    out = []
    for firm in (*done.since.raised, *done.since.lowered):
        way = ("↑", "↓")[firm in done.since.lowered]
        out.append(InputError("SY873", firm, way=way, closed=iso(done.audit.closing.at if done.audit.closing else 0)))
    out += [InputError("SY877", firm, list=done.coverage.roster) for firm in done.since.left]
    return out


def keep(home: Home, done: Audited) -> tuple[Weighed, str]:
    """Seal the corrected coverage as an estimated Figure of ``audit/coverage``, on the claims' and the inspections' Figures.

    Returns what that came to, and the Figure's digest in hex. Raises InputError SY876 where nobody was inspected: what is not known
    has no Figure.
    """
    found = done.corrected.coverage
    if found.value is None:
        raise InputError("SY876", audit=done.audit.id, drawn=int(done.sample.drawn.sum()))
    flags = tuple(word for word, told in (("whole_roster", done.whole), ("unheard", bool(done.silent))) if told)
    result = Modelled(
        done.audit.place, done.audit.period, found.value, found.low, found.high, float(done.sample.heard.sum()), float(done.firms), flags
    )  # fmt: skip
    kept = keep_modelled(home, _named(home, done), [result], _behind(home, done))
    digest = home.figures(kept.measure, done.audit.place, done.audit.period)["digest"][0].as_py()
    return kept, digest.hex()


def _named(home: Home, done: Audited) -> str:
    """The measure with the parameters that were chosen; brackets of the coverage's own are written round."""
    chosen = {"draw": done.audit.id, "of": done.audit.measure.replace("[", "(").replace("]", ")")}
    if done.confidence != usual(home, "confidence"):
        chosen["confidence"] = f"{done.confidence:g}"
    if done.partial:
        chosen["partial"] = "yes"
    return f"{MEASURE}[{','.join(f'{key}={value}' for key, value in sorted(chosen.items()))}]"


def _behind(home: Home, done: Audited) -> pa.Table:
    """What the result rests on: the Figures claimed and found, and the sealed steps, which prove no grade of their own."""
    closing, drawing = done.audit.closing, done.audit.drawing
    steps = [step.leaf for step in (closing, drawing) if step]
    found = done.findings.found.values()
    own = pa.table({
        "digest": pa.array([one.figure for one in found] + [leaf.digest for leaf in steps], pa.binary(32)),
        "grade": [one.grade for one in found] + [GRADES[-1]] * len(steps),
        "flags": pa.array([list(one.flags) for one in found] + [["synthetic"] if leaf.synthetic else [] for leaf in steps],
                          pa.list_(pa.string())),
    })  # fmt: skip
    claimed = [row["figure"] for row in sealed.claims_of(home, done.audit) if row["figure"]]
    with engine(home.path) as opened:
        at_rest.view(home, opened, "below", done.coverage.of, done.audit.period, within=True,
                     known_on=closing.at if closing else None)  # fmt: skip
        opened.register(
            "claimed", pa.table({"figure": pa.array([bytes.fromhex(one) for one in claimed], pa.binary(32))})
        )
        rows = opened.arrow("SELECT digest, grade, flags FROM below JOIN claimed ON figure = digest")
    return pa.concat_tables([rows.cast(own.schema), own])
