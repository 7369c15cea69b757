"""Group-time effects given covariates: outcome regression, inverse probability weighting, doubly robust.

Sant'Anna and Zhao (2020), Doubly Robust Difference-in-Differences Estimators, J. Econometrics 219(1): the panel estimators with least
squares and a logit by maximum likelihood, Hajek weights for IPW. Covariates are taken at the earlier time of each cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.effect.panel import Panel
from steelyard.methods.effect.staggered import Cells, Estimate, Part, _named, check, clusters, covariance, plan, roles

ESTIMATORS = ("dr", "ipw", "regression")
TRIM = 0.995  # controls that look treated beyond this are dropped, as in DRDID
STEPS = 50


@dataclass(frozen=True)
class _Sample:
    """One cell's units: ``change`` (m,), ``treated`` (m,) 0.0 or 1.0, ``x`` (m, 1 + p) with a constant first, ``rows`` in the panel."""

    change: np.ndarray
    treated: np.ndarray
    x: np.ndarray
    rows: np.ndarray


def estimate(panel: Panel, controls: str, base: str, estimator: str) -> Estimate:
    """Effects given ``panel.covariates``; units that lack a covariate at a cell's earlier time are not in that cell.

    Raises InputError SY743, SY744 without controls, SY745 where covariates cannot be told apart or tell treated from controls fully.
    """
    cells = planned = plan(panel, base)
    every = role = roles(panel, cells, controls)
    sizes = [group.rows.stop - group.rows.start for group in panel.groups]

    def rows(k: int) -> tuple[np.ndarray, np.ndarray]:
        return _rows(panel, planned, k, np.repeat(every[:, k], sizes))

    counts = np.array([[len(side) for side in rows(k)] for k in range(len(cells.group))], dtype=float).T
    keep = check(panel, cells, counts, controls)
    empty = _named(panel, cells.take(~keep & cells.asked))
    cells, role, counts, asked = cells.take(keep), role[:, keep], counts[:, keep], np.flatnonzero(keep).tolist()
    psi = [np.zeros((np.count_nonzero(row), size)) for row, size in zip(role, sizes, strict=True)]
    att = np.zeros(len(asked))
    for at, k in enumerate(asked):
        sample = _sample(panel, planned, k, *rows(k))
        att[at], found = _METHODS[estimator](sample)
        _keep(panel, psi, role, at, sample.rows, found)
    total = covariance(panel, len(att), _parts(panel, psi, role))
    return Estimate(
        cells, att, counts[0], counts[1], panel.times, panel.cohorts, panel.shares, total, empty, clusters(panel)
    )


def _keep(panel: Panel, psi: list[np.ndarray], role: np.ndarray, at: int, rows: np.ndarray, found: np.ndarray) -> None:
    """Write a cell's influence to the groups that play a part in it; ``psi`` has for each group (its cells, its rows)."""
    whole = np.zeros(panel.units)
    whole[rows] = found * (panel.units / len(rows))
    for group, held, row in zip(panel.groups, psi, role, strict=True):
        if row[at]:
            held[np.count_nonzero(row[:at])] = whole[group.rows]


def _parts(panel: Panel, psi: list[np.ndarray], role: np.ndarray) -> Iterator[Part]:
    for group, held, row in zip(panel.groups, psi, role, strict=True):
        for rows in group.blocks():
            within = slice(rows.start - group.rows.start, rows.stop - group.rows.start)
            yield Part(group.cohort, rows, np.flatnonzero(row), held[:, within].T)


def _rows(panel: Panel, cells: Cells, k: int, role: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The treated and the control rows of a cell that were seen at both times, with all covariates at the earlier one."""
    seen = ~np.isnan(panel.outcome[:, cells.time[k]]) & ~np.isnan(panel.outcome[:, cells.base[k]])
    seen &= ~np.isnan(_earlier(panel, cells, k)).any(axis=1)
    return np.flatnonzero(seen & (role > 0)), np.flatnonzero(seen & (role < 0))


def _earlier(panel: Panel, cells: Cells, k: int) -> np.ndarray:
    """(n, p) covariates at the earlier of a cell's two times."""
    if panel.covariates is None:
        return np.empty((panel.units, 0))
    found: np.ndarray = panel.covariates[:, min(cells.time[k], cells.base[k])]
    return found


def _sample(panel: Panel, cells: Cells, k: int, treated: np.ndarray, controls: np.ndarray) -> _Sample:
    rows = np.concatenate([treated, controls])
    change = panel.outcome[rows, cells.time[k]] - panel.outcome[rows, cells.base[k]]
    side = np.concatenate([np.ones(len(treated)), np.zeros(len(controls))])
    return _Sample(change, side, np.column_stack([np.ones(len(rows)), _earlier(panel, cells, k)[rows]]), rows)


def _outcome_model(sample: _Sample) -> tuple[np.ndarray, np.ndarray]:
    """Controls' change by least squares: fitted for all (m,), and the influence (m, 1 + p) of its coefficients."""
    control = 1.0 - sample.treated
    weighted = sample.x * control[:, None]
    gram = weighted.T @ sample.x / len(control)
    if np.linalg.cond(gram) > 1 / np.finfo(float).eps:
        raise InputError("SY745", why="singular")
    inverse = np.linalg.inv(gram)
    fitted = sample.x @ (inverse @ (weighted.T @ sample.change) / len(control))
    return fitted, (weighted * (sample.change - fitted)[:, None]) @ inverse


def _propensity(sample: _Sample) -> tuple[np.ndarray, np.ndarray]:
    """The chance of being treated by a logit (Newton's steps): weights of controls (m,), influence (m, 1 + p) of its coefficients."""
    b = np.zeros(sample.x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(sample.x @ b)))
        hessian = (sample.x * (p * (1 - p))[:, None]).T @ sample.x
        if np.linalg.cond(hessian) > 1 / np.finfo(float).eps:
            raise InputError("SY745", why="separated")
        step = np.linalg.solve(hessian, sample.x.T @ (sample.treated - p))
        b += step
        if np.abs(step).max() < 1e-10 * max(1.0, np.abs(b).max()):
            break
    else:
        raise InputError("SY745", why="separated")
    p = np.minimum(1 / (1 + np.exp(-(sample.x @ b))), 1 - 1e-6)
    odds = np.where(p < TRIM, (1 - sample.treated) * p / (1 - p), 0.0)
    influence = ((sample.treated - p)[:, None] * sample.x) @ np.linalg.inv(hessian) * len(p)
    return odds, influence


def _regression(sample: _Sample) -> tuple[float, np.ndarray]:
    fitted, influence = _outcome_model(sample)
    d, n = sample.treated, len(sample.treated)
    gap = d * (sample.change - fitted)
    att = gap.sum() / d.sum()
    psi = (gap - d * att - influence @ (d @ sample.x / n)) / d.mean()
    return float(att), psi


def _ipw(sample: _Sample) -> tuple[float, np.ndarray]:
    odds, influence = _propensity(sample)
    return _weighed(sample, odds, influence, np.zeros(len(odds)), None)


def _doubly_robust(sample: _Sample) -> tuple[float, np.ndarray]:
    odds, influence = _propensity(sample)
    fitted, of_fit = _outcome_model(sample)
    return _weighed(sample, odds, influence, fitted, of_fit)


def _weighed(sample: _Sample, odds: np.ndarray, of_odds: np.ndarray, fitted: np.ndarray,
             of_fit: np.ndarray | None) -> tuple[float, np.ndarray]:  # fmt: skip
    """Treated units' residual change less that of controls weighted by ``odds``; influence (m,) with both models estimated."""
    d, n, gap = sample.treated, len(odds), sample.change - fitted
    here, there = d @ gap / d.sum(), odds @ gap / odds.sum()
    treated, control = d * (gap - here), odds * (gap - there)
    if of_fit is not None:
        treated = treated - of_fit @ (d @ sample.x / n)
        control = control - of_fit @ (odds @ sample.x / n)
    control = control + of_odds @ ((odds * (gap - there)) @ sample.x / n)
    return float(here - there), treated / d.mean() - control / odds.mean()


_METHODS = {"dr": _doubly_robust, "ipw": _ipw, "regression": _regression}
