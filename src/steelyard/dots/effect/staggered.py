"""Units that begin at different times: staggered difference-in-differences, with everything that may speak against it beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.dots.effect.claims import alongside
from steelyard.dots.effect.columns import plain
from steelyard.dots.effect.doubt import doubts, grading
from steelyard.dots.effect.panel import Loaded, columns, load
from steelyard.errors import UsageError
from steelyard.methods.effect import adjusted, aggregate, bands, staggered
from steelyard.methods.effect.aggregate import Aggregate, se
from steelyard.methods.effect.panel import Panel
from steelyard.methods.effect.staggered import Estimate

LEVEL = 0.95
Z = 1.959963984540054
FEW = 30  # clusters below which the normal interval is too short


def answer(panel: pa.Table, options: Mapping[str, Any]) -> dict[str, Any]:
    """The effect on units of a long panel that begin treatment at different times.

    Options: columns ``unit``, ``time``, ``outcome``, and ``cohort`` (first treated time; 0 or empty = never) or ``treated`` (0, 1);
    ``covariates``, ``cluster``; ``controls`` (never, notyet), ``estimator`` (dr, ipw, regression: alike without covariates), ``base``
    (varying, universal), ``exposure`` (Table unit, group), ``lottery``, ``claims``, ``seed``. Cells compare units seen at both times; where
    units lack times, what the complete ones say stands in ``attrition``. Raises UsageError SY754, and the errors of ``effect_panel``,
    ``staggered.estimate`` and ``adjusted.estimate``.
    """
    controls = _choice(options, "controls", staggered.CONTROLS)
    base = _choice(options, "base", staggered.BASES)
    estimator = _choice(options, "estimator", adjusted.ESTIMATORS)
    held = columns(panel, options)
    del panel
    loaded = load(held, options)
    found = estimate(loaded.panel, controls, base, estimator)
    out = (
        _head(loaded, found, options, (controls, base, estimator))
        | _effects(found)
        | _band(found, int(options.get("seed") or 0))
    )
    out |= doubts(loaded, found, lambda p: estimate(p, controls, base, estimator))
    out |= grading(out, lottery=bool(options.get("lottery")))
    return out | alongside(options)


def _choice(options: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    chosen = str(options.get(name) or known[0])
    if chosen not in known:
        raise UsageError("SY754", option=f"--{name}", value=chosen, known=", ".join(known))
    return chosen


def estimate(panel: Panel, controls: str, base: str, estimator: str) -> Estimate:
    """By sums of cohorts where there are no covariates, else by the estimator that was asked for."""
    if panel.covariates is None:
        return staggered.estimate(panel, controls, base)
    return adjusted.estimate(panel, controls, base, estimator)


def around(att: float, error: float) -> dict[str, float | None]:
    """An effect with its standard error and interval for JSON; without a standard error there is no interval."""
    told = error > 0
    return {"att": plain(att), "se": plain(error) if told else None,
            "low": plain(att - Z * error) if told else None, "high": plain(att + Z * error) if told else None}  # fmt: skip


def _head(loaded: Loaded, found: Estimate, options: Mapping[str, Any], chosen: tuple[str, str, str]) -> dict[str, Any]:
    panel = loaded.panel
    clustered = panel.cluster is not None
    return {
        "design": "staggered", "outcome": options["outcome"], "method": f"Callaway-Sant'Anna, {chosen[2]}", "estimator": chosen[2],
        "controls": chosen[0], "base": chosen[1], "covariates": list(options.get("covariates") or []),
        "n_units": panel.units, "n_treated": int((panel.cohort > 0).sum()), "n_never": int((panel.cohort == 0).sum()),
        "periods": [int(t) for t in panel.times],
        "interval": {"kind": "pointwise normal, influence functions", "level": LEVEL, "cluster": options.get("cluster") if clustered else None,
                     "clusters": found.clusters, "few_clusters": clustered and found.clusters < FEW},
        "missing": {"rows": loaded.rows, "outcome_empty": loaded.empty, "cells": int(np.isnan(panel.outcome).sum()),
                    "always_treated_dropped": panel.always, "treated_after_last": panel.later,
                    "cells_without_comparison": [{"group": g, "time": t} for g, t in found.empty]},
        "exposed": loaded.exposed,
    }  # fmt: skip


def _effects(found: Estimate) -> dict[str, Any]:
    ways = {
        "simple": aggregate.simple,
        "dynamic": aggregate.dynamic,
        "group": aggregate.group,
        "calendar": aggregate.calendar,
    }
    return {name: _aggregated(found, way(found)) for name, way in ways.items()} | {"att_gt": _cells(found)}


def _aggregated(found: Estimate, whole: Aggregate) -> dict[str, Any]:
    errors = se(found, whole.rows)
    by = [
        {"key": int(key)} | around(float(att), float(error))
        for key, att, error in zip(whole.keys, whole.atts, errors, strict=True)
    ]
    return around(whole.att, float(se(found, whole.row))) | {"by": by}


def _cells(found: Estimate) -> list[dict[str, Any]]:
    cells, errors = found.cells, found.se
    return [
        {"group": int(cells.group[k]), "time": int(found.times[cells.time[k]]), "base": int(found.times[cells.base[k]])}
        | around(float(found.att[k]), float(errors[k]))
        | {"treated": int(found.treated[k]), "controls": int(found.controls[k])}
        for k in np.flatnonzero(cells.asked)
    ]


def _band(found: Estimate, seed: int) -> dict[str, Any]:
    """Bands for the event study that hold for all its times at once."""
    whole = aggregate.dynamic(found)
    critical = bands.sup_t(whole.rows @ found.covariance @ whole.rows.T, LEVEL, seed)
    errors = se(found, whole.rows)
    by = [{"key": int(key), "low": plain(att - critical * error), "high": plain(att + critical * error)}
          for key, att, error in zip(whole.keys, whole.atts, errors, strict=True)]  # fmt: skip
    return {"bands": {"kind": "simultaneous, Gaussian multiplier bootstrap", "level": LEVEL, "critical": critical, "draws": bands.DRAWS,
                      "seed": seed, "by": by}}  # fmt: skip
