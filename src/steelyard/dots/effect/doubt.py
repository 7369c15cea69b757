"""What may speak against a staggered effect: pre-trends, other estimators, two-way fixed effects, lost units, single cohorts, bounds.

The ladder. A: assigned by lot. B: a staggered comparison whose pre-trend can be tested and is not rejected (p >= 0.05), and whose honest
breakdown is above nought: the interval excludes nought even where trends differ a little after treatment as they did before.
C: a comparison that cannot be tested, or whose breakdown is nought. D: the pre-trend is rejected. A and B are called an effect, C and D
a difference: at C nothing stands in for what would have been but trends that were not shown to be parallel. (Where a matched unit or
controls of one factory stand in for it, as in synthetic and series, C is called an effect.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steelyard.dots.effect.columns import plain
from steelyard.dots.effect.panel import Loaded
from steelyard.methods.effect import aggregate, honest
from steelyard.methods.effect.aggregate import se
from steelyard.methods.effect.attrition import attrition
from steelyard.methods.effect.decomposition import decompose
from steelyard.methods.effect.imputation import impute
from steelyard.methods.effect.panel import Panel
from steelyard.methods.effect.pretrend import pretest
from steelyard.methods.effect.staggered import Estimate
from steelyard.methods.effect.sunab import interact

ALPHA = 0.05
MBARS = (0.0, 0.5, 1.0, 1.5, 2.0)
WINDOW = 12  # periods before and after treatment that honest bounds look at
MACHINE = 1e-12  # an outcome that does not vary has errors of rounding alone
SHOWN = 20  # comparisons of the decomposition that are listed, the heaviest
Again = Callable[[Panel], Estimate]


def doubts(loaded: Loaded, found: Estimate, again: Again) -> dict[str, Any]:
    """Everything beside the estimate; ``again`` estimates another panel in the same way."""
    panel = loaded.panel
    tested = pretest(found)
    return {
        "pretest": {"w": plain(tested.w), "df": tested.df, "p": plain(tested.p)},
        "crosschecks": _crosschecks(panel),
        "bacon": _bacon(panel),
        **_honest(found, panel.size),
        "attrition": _attrition(panel, found, again),
        "cohorts": _cohorts(panel, found),
    }


def _crosschecks(panel: Panel) -> dict[str, Any]:
    imputed, interacted = impute(panel), interact(panel)
    return {
        "imputation": {
            "att": plain(imputed.att),
            "se": plain(imputed.se),
            "imputed": imputed.used,
            "treated": imputed.treated,
        },
        "sun_abraham": None if interacted is None else {"att": plain(interacted.att), "se": plain(interacted.se)},
    }


def _bacon(panel: Panel) -> dict[str, Any] | None:
    """Two-way fixed effects and what they are made of; comparisons with earlier treated cohorts as controls are the harmful ones."""
    found = decompose(panel) if panel.complete.any() else None
    if found is None:
        return None
    heaviest = sorted(found.comparisons, key=lambda c: -c.weight)[:SHOWN]
    return {
        "twfe": plain(found.twfe), "note": "a diagnosis of two-way fixed effects, not the effect", "units": found.units,
        "kinds": {kind: {"weight": float(weight), "att": plain(att)} for kind, (weight, att) in found.kinds().items()},
        "comparisons": [{"kind": c.kind, "treated": c.treated, "control": c.control, "att": plain(c.estimate), "weight": float(c.weight)}
                        for c in heaviest],
    }  # fmt: skip


def _honest(found: Estimate, size: float) -> dict[str, Any]:
    """Bounds on the mean effect after treatment, and on the first. None, and ``no_bounds`` says why: ``no_step`` before the base or
    after it, ``uneven`` times, or ``no_spread``: a standard error that they divide by is nought beside outcomes of ``size``.
    """
    study, gap = aggregate.universal(found), int(found.times[1] - found.times[0])
    held = np.flatnonzero((study.keys >= -(WINDOW + 1) * gap) & (study.keys < WINDOW * gap))
    before = int((study.keys[held] < 0).sum())
    after = len(held) - before
    even = (np.diff(np.insert(study.keys[held], before, -gap)) == gap).all()
    if not before or not after or not even:
        return {"honest": None, "no_bounds": "uneven" if before and after else "no_step"}
    covariance = study.rows[held] @ found.covariance @ study.rows[held].T
    targets = {"average": np.full(after, 1 / after), "first": np.eye(after)[0]}
    if _still(study.atts[held], covariance, before, targets) <= MACHINE * size:
        return {"honest": None, "no_bounds": "no_spread"}
    bounds = {"window": [int(study.keys[held[0]]), int(study.keys[held[-1]])], "base": "universal"} | {
        name: _bounds(honest.Study(study.atts[held], covariance, before, weights)) for name, weights in targets.items()
    }
    return {"honest": bounds, "no_bounds": None}


def _still(atts: np.ndarray, covariance: np.ndarray, before: int, targets: dict[str, np.ndarray]) -> float:
    """The smallest standard error of the effects in question and of the steps from time to time."""
    studies = [honest.Study(atts, covariance, before, weights) for weights in targets.values()]
    rows = honest.steps(studies[0])
    steps = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows, covariance, rows), 0.0))
    return float(min(steps.min(), *(study.sd for study in studies)))


def _bounds(study: honest.Study) -> dict[str, Any]:
    """Relative magnitudes at five Mbar; smoothness at none, half and all of the largest change of slope before treatment."""
    path = np.append(study.beta[: study.before], 0.0)
    bend = float(np.abs(np.diff(path, 2)).max(initial=0.0))
    smooth = [honest.smooth(study, m) for m in (0.0, bend / 2, bend)] if bend else [honest.smooth(study, 0.0)]
    return {
        "att": study.effect,
        "relative_magnitudes": {"by": [_bound(honest.relative(study, mbar), "mbar") for mbar in MBARS], "breakdown": honest.breakdown(study)},
        "smoothness": {"by": [_bound(found, "m") for found in smooth], "breakdown": honest.smooth_breakdown(study)},
    }  # fmt: skip


def _bound(found: honest.Bound, name: str) -> dict[str, Any]:
    return {name: found.m, "low": plain(found.low), "high": plain(found.high)}


def _attrition(panel: Panel, found: Estimate, again: Again) -> dict[str, Any]:
    """Who was lost, by arm, and what the units seen at every time say alone."""
    lost = attrition(panel)
    out: dict[str, Any] = {
        "units": lost.units, "complete": lost.complete, "left": lost.left, "joined_late": lost.joined, "gaps": lost.gaps,
        "unseen_cells": lost.unseen, "left_share": lost.left / lost.units, "left_treated": plain(lost.treated),
        "left_untreated": plain(lost.untreated), "p_equal": plain(lost.p), "used": "all units seen at both times of a comparison",
    }  # fmt: skip
    whole = panel.complete
    if lost.complete == lost.units or not _comparable(panel.cohort[whole]):
        return out | {"complete_only": None}
    other = again(panel.only(whole))
    att, row = aggregate.weighted(other, aggregate.after(other))
    return out | {
        "complete_only": {
            "att": plain(att),
            "se": plain(float(se(other, row))),
            "difference": plain(att - aggregate.simple(found).att),
        }
    }


def _comparable(cohort: np.ndarray) -> bool:
    return bool((cohort == 0).any() and (cohort > 0).any())


def _cohorts(panel: Panel, found: Estimate) -> list[dict[str, Any]]:
    """Each cohort: its own pre-trend test, and what the simple effect is without it; a wrong date or anticipation shows in both.

    Where those not yet treated are controls, it remains one. ``suspect``: its test is rejected at 0.05 shared among the cohorts that can be tested.
    """
    tests = {g: pretest(found, g) for g in found.cohorts.tolist()}
    able = sum(test.df > 0 for test in tests.values())
    whole, row = aggregate.weighted(found, aggregate.after(found))
    out = []
    for g, test in tests.items():
        others = aggregate.after(found) & (found.cells.group != g)
        att, without = aggregate.weighted(found, others) if others.any() else (float("nan"), np.full(len(row), np.nan))
        moved = float(se(found, without - row)) if others.any() else 0.0
        out.append({
            "cohort": g, "units": int((panel.cohort == g).sum()), "pretest": {"w": plain(test.w), "df": test.df, "p": plain(test.p)},
            "suspect": bool(test.df and test.p < ALPHA / able), "without": plain(att),
            "without_se": plain(float(se(found, without))) if others.any() else None,
            "moves": plain(att - whole), "moves_z": plain((att - whole) / moved) if moved > 0 else None,
        })  # fmt: skip
    return out


def grading(out: dict[str, Any], *, lottery: bool) -> dict[str, Any]:
    """The grade on the ladder of this module, why, and whether the words may say effect."""
    tested, bounds = out["pretest"], out["honest"]
    breakdown = bounds["average"]["relative_magnitudes"]["breakdown"] if bounds else None
    if lottery:
        grade, why = "A", "lottery"
    elif tested["df"] and tested["p"] < ALPHA:
        grade, why = "D", "pretrend_rejected"
    elif not tested["df"] or breakdown is None:
        grade, why = "C", "no_spread" if out["no_bounds"] == "no_spread" else "pretrend_untestable"
    else:
        grade, why = ("B", "pretrend_and_bound_hold") if breakdown > 0 else ("C", "breakdown_nought")
    return {
        "grade": grade,
        "grade_reason": why,
        "breakdown": breakdown,
        "wording": "effect" if grade in "AB" else "difference",
    }
