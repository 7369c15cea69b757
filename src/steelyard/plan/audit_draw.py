"""Seal an audit's seed, close the claims, and draw the firms to inspect: least cost for a stated margin, chosen by nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.errors import InputError, UsageError
from steelyard.methods import checks
from steelyard.methods.audit.allocation import Allocation, allocate, variance
from steelyard.methods.audit.draw import ranks
from steelyard.model.period import Period, iso
from steelyard.plan.audit_costs import Costs, cost_of
from steelyard.plan.audit_frame import claims, coverage_of, parts_of, place_of, stratum_of
from steelyard.store.home import Home
from steelyard.take import audit as sealed
from steelyard.take.audit import TOLD, Audit

MEASURE = "audit/coverage"
NEWEST = "9999-12-31"
BISECTIONS = 40
PARTED = " / "


@dataclass(frozen=True)
class Wanted:
    """What a draw is to reach: ``margin`` (share) at ``confidence``; within ``budget`` where there is one.

    ``expected`` tells for claims yes, no and unheard the share expected to be wrong; ``earlier`` (wrong, inspected) of strata of an
    earlier audit, by label and claims, on which the expectation leans by ``leaning`` inspections. ``whole`` draws the unheard, too.
    """

    margin: float
    confidence: float
    expected: Mapping[str, float]
    leaning: float
    earlier: Mapping[tuple[str, str], tuple[int, int]]
    costs: Costs
    budget: float | None = None
    whole: bool = False
    outcome: str = ""


@dataclass(frozen=True)
class Frame:
    """The firms that can be drawn, in the order of ids; ``stratum`` (n,) the place of each in ``keys`` (label, claims)."""

    rows: list[dict[str, Any]]
    stratum: np.ndarray
    keys: list[tuple[str, str]]

    @property
    def among(self) -> np.ndarray:
        """(H,) firms of each stratum."""
        return np.bincount(self.stratum, minlength=len(self.keys))


@dataclass(frozen=True)
class Design:
    """Strata with what was expected of them (H,), the cost of one inspection (H,), and the sizes at least cost."""

    expected: np.ndarray
    cost: np.ndarray
    allocation: Allocation


def usual(home: Home, name: str) -> float:
    """A number of ``audit/coverage`` in force; all are ours."""
    return float(home.catalog.measure(MEASURE).parameter(name, NEWEST))


def seal_seed(home: Home, measure: str, period: Period, by: str, *, place: str = "", beacon: str = "") -> Audit:
    """Seal the seed of an audit of a coverage; raises UsageError where the coverage, the parts or the place are none.

    Raises UsageError SY863 while an earlier seed of the same was not drawn from.
    """
    coverage = coverage_of(home, measure, period)
    return sealed.seal_seed(home, place_of(home, place), coverage.name, period, parts_of(by), beacon.strip())


def close(home: Home, of: Audit) -> Audit:
    """Close the claims: what is claimed after this does not count in the audit.

    Raises UsageError SY868 where they were closed already, InputError SY869 where no firm of the place is on the list.
    """
    if of.closing:
        raise UsageError("SY868", audit=of.id, at=iso(of.closing.at))
    coverage = coverage_of(home, of.measure, of.period)
    rows = claims(home, coverage, of.period, of.place)
    if not rows:
        raise InputError("SY869", place=of.place, measure=of.measure, firms=0)
    told = [{name: row[name] for name in TOLD} for row in rows]
    return sealed.seal_claims(home, of, told, synthetic=any(row["synthetic"] for row in rows))


def waiting(home: Home, measure: str, period: Period, place: str) -> Audit:
    """The audit of a coverage, period and place that waits for its claims to be closed or its draw; raises UsageError SY862."""
    found = _same(home, measure, period, place_of(home, place))
    if open_ := [one for one in found if one.drawing is None]:
        return open_[0]
    if found:
        return found[-1]
    raise UsageError("SY862", name=measure, known=", ".join(one.id for one in sealed.audits(home)) or "–")


def _same(home: Home, measure: str, period: Period, place: str) -> list[Audit]:
    return [one for one in sealed.audits(home) if (one.measure, one.period, one.place) == (measure, period, place)]


def frame_of(home: Home, of: Audit, *, whole: bool) -> Frame:
    """The closed claims in strata; raises InputError SY869 where there is nobody to draw."""
    closed = sealed.claims_of(home, of)
    rows = [row for row in closed if whole or row["claims"] != "unheard"]
    if not rows:
        raise InputError("SY869", place=of.place, measure=of.measure, firms=len(closed))
    found = [stratum_of(row, of.by) for row in rows]
    keys = sorted(set(found))
    places = {key: place for place, key in enumerate(keys)}
    return Frame(
        rows, np.array([places[key] for key in found]), [(PARTED.join(key[:-1]) or "–", key[-1]) for key in keys]
    )


def designed(frame: Frame, wanted: Wanted) -> Design:
    """Sizes at least cost for the margin that is wanted; raises InputError SY870 without a cost, SY872 beyond the budget."""
    expected = np.array([_expected(key, wanted) for key in frame.keys])
    paid = np.array([cost_of(wanted.costs, row) for row in frame.rows])
    cost = np.bincount(frame.stratum, paid, len(frame.keys)) / frame.among
    design = _allocated(frame, expected, cost, wanted.margin, wanted.confidence)
    if wanted.budget is not None:
        checks.at_least_zero(budget=np.array([wanted.budget]))
        _within(frame, design, wanted)
    return design


def _expected(key: tuple[str, str], wanted: Wanted) -> float:
    """The share of a stratum's claims that is expected to be wrong: a stated one, and what an earlier audit found."""
    stated = wanted.expected[key[1]]
    checks.between("expected", stated, -1e-9, 1 + 1e-9)
    wrong, inspected = wanted.earlier.get(key, (0, 0))
    return (wrong + wanted.leaning * stated) / (inspected + wanted.leaning) if inspected else stated


def _allocated(frame: Frame, expected: np.ndarray, cost: np.ndarray, margin: float, confidence: float) -> Design:
    return Design(expected, cost, allocate(frame.among, variance(expected, frame.among), cost, margin, confidence))


def _within(frame: Frame, design: Design, wanted: Wanted) -> None:
    """Refuse a margin that costs more than the budget, and tell the least margin that it pays for (SY872)."""
    if wanted.budget is None or design.allocation.cost <= wanted.budget:
        return
    low, high = wanted.margin, 1.0
    can = _allocated(frame, design.expected, design.cost, high, wanted.confidence)
    best = f"{can.allocation.margin:.4f}" if can.allocation.cost <= wanted.budget else "–"
    for _ in range(BISECTIONS if best != "–" else 0):
        middle = (low + high) / 2
        can = _allocated(frame, design.expected, design.cost, middle, wanted.confidence)
        low, high = (low, middle) if can.allocation.cost <= wanted.budget else (middle, high)
        if high - low < high / 1000:
            break
    census = float(frame.among @ design.cost)
    raise InputError("SY872", margin=wanted.margin, cost=f"{design.allocation.cost:g}", budget=f"{wanted.budget:g}",
                     best=best if best == "–" else f"{high:.4f}", census=f"{census:g}")  # fmt: skip


def ready(of: Audit, outcome: str) -> None:
    """Refuse a draw that is not to be: not closed (SY865), a seed sealed after the claims were (SY866), drawn already (SY868), a
    public event named and its outcome not given, or the reverse (SY867).
    """
    if of.drawing:
        raise UsageError("SY868", audit=of.id, at=iso(of.drawing.at))
    if of.closing is None:
        raise UsageError("SY865", audit=of.id)
    if of.seed.seal >= of.closing.seal:
        raise InputError("SY866", audit=of.id, seed=iso(of.seed.at), closed=iso(of.closing.at))
    if bool(of.beacon) != bool(outcome):
        raise UsageError("SY867", audit=of.id, beacon=of.beacon or "–")


def draw(home: Home, of: Audit, wanted: Wanted) -> Audit:
    """Draw the firms to inspect, and seal the draw with its secret."""
    ready(of, wanted.outcome)
    frame = frame_of(home, of, whole=wanted.whole)
    design = designed(frame, wanted)
    secret, told = sealed.secret_of(home, of), sealed.claims_of(home, of)
    digest = sealed.claims_digest(told)
    seed = sealed.seed_of(secret, digest, wanted.outcome)
    facts = {
        "secret": secret, "outcome": wanted.outcome or None, "claims": digest, "margin": wanted.margin,
        "confidence": wanted.confidence, "cost": design.allocation.cost, "bound": design.allocation.bound,
        "reached": design.allocation.margin,
    }  # fmt: skip
    return sealed.seal_draw(home, of, facts, _strata(frame, design), drawn(frame, seed, design.allocation.size))


def drawn(frame: Frame, seed: str, size: np.ndarray) -> list[dict[str, Any]]:
    """The firms with the smallest hashes of each stratum, by stratum and rank."""
    rank = ranks(seed, [row["enterprise"] for row in frame.rows], frame.stratum, len(frame.keys))
    found = np.flatnonzero(rank < size[frame.stratum])
    rows = [(int(frame.stratum[i]), int(rank[i]) + 1, frame.rows[i]["enterprise"]) for i in found]
    return [{"enterprise": firm, "stratum": stratum, "rank": place} for stratum, place, firm in sorted(rows)]


def _strata(frame: Frame, design: Design) -> list[dict[str, Any]]:
    columns: Sequence[Sequence[Any]] = (
        frame.among.tolist(), design.allocation.size.tolist(), design.expected.tolist(), design.cost.tolist(),
    )  # fmt: skip
    return [
        {
            "stratum": place,
            "label": label,
            "claims": said,
            "among": among,
            "size": size,
            "expected": expected,
            "cost": cost,
        }
        for place, ((label, said), among, size, expected, cost) in enumerate(zip(frame.keys, *columns, strict=True))
    ]
