"""The interaction-weighted estimator of Sun and Abraham (2021), Estimating Dynamic Treatment Effects, J. Econometrics 225(2).

One least squares with unit and time effects and an indicator for each cohort at each time but the last one before its treatment;
never-treated units are the reference. The indicators' coefficients, weighted by the cohorts' shares, give one effect. Unit effects are
swept out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.imputation import gram, swept
from steelyard.methods.effect.panel import Group, Panel


@dataclass(frozen=True)
class Interacted:
    """The mean effect over treated cohort-times, weighted by cohorts' observed shares, its clustered standard error, how many."""

    att: float
    se: float
    cells: int


def interact(panel: Panel) -> Interacted | None:
    """None where no unit is never treated: the regression has no reference then.

    The standard error is the sandwich by unit or cluster, without correction for few, at given shares.
    """
    if not (panel.cohort == 0).any():
        return None
    columns = {g: _columns(panel, g, at) for at, g in enumerate(panel.cohorts.tolist())}
    system, right = _normal(panel, columns)
    inverse = np.linalg.pinv(system, rcond=1e-11, hermitian=True)
    beta = inverse @ right
    weights = _weights(panel, columns, len(beta))
    lever = inverse @ weights
    scores = np.concatenate(
        [_scores(panel, group, rows, columns, (beta, lever)) for group in panel.groups for rows in group.blocks()]
    )
    if panel.cluster is not None:
        scores = np.bincount(panel.cluster, scores)
    return Interacted(float(weights @ beta), float(np.sqrt(scores @ scores)), int((weights > 0).sum()))


def _scores(
    panel: Panel, group: Group, rows: slice, columns: dict[int, np.ndarray], fits: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(rows,) what each unit adds to the weighted mean beyond its expectation."""
    beta, lever = (_fitted(panel, group, columns, fit) for fit in fits)
    outcome = panel.outcome[rows]
    found: np.ndarray = swept(outcome - beta, ~np.isnan(outcome)) @ lever
    return found


def _columns(panel: Panel, cohort: int, at: int) -> np.ndarray:
    """(T,) the coefficient of a cohort at each time; -1 at its reference."""
    size = len(panel.times)
    found = size + at * size + np.arange(size)
    found[panel.column(cohort) - 1] = -1
    return found


def _normal(panel: Panel, columns: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations in time effects and indicators; only the blocks of a cohort meet."""
    size = len(panel.times)
    system, right = np.zeros(((1 + len(columns)) * size,) * 2), np.zeros((1 + len(columns)) * size)
    for group in panel.groups:
        for rows in group.blocks():
            outcome = panel.outcome[rows]
            seen = ~np.isnan(outcome)
            block, sums = gram(seen), swept(outcome, seen).sum(axis=0)
            for left, at_left in _places(size, columns.get(group.cohort)):
                right[left] += sums[at_left]
                for top, at_top in _places(size, columns.get(group.cohort)):
                    system[np.ix_(left, top)] += block[np.ix_(at_left, at_top)]
    return system, right


def _places(size: int, own: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where coefficients stand, and at which times: of time effects, and of the cohort's own indicators."""
    times = (np.arange(size), np.arange(size))
    if own is None:
        return [times]
    held = np.flatnonzero(own >= 0)
    return [times, (own[held], held)]


def _fitted(panel: Panel, group: Group, columns: dict[int, np.ndarray], beta: np.ndarray) -> np.ndarray:
    """(T,) time effect plus indicator at each time."""
    size = len(panel.times)
    out: np.ndarray = beta[:size].copy()
    own = columns.get(group.cohort)
    if own is not None:
        out += np.where(own >= 0, beta[own], 0.0)
    return out


def _weights(panel: Panel, columns: dict[int, np.ndarray], size: int) -> np.ndarray:
    """Each treated cohort-time by its share of treated observations."""
    out = np.zeros(size)
    for group in panel.groups:
        if group.cohort:
            first = panel.column(group.cohort)
            seen = (~np.isnan(panel.outcome[group.rows])).sum(axis=0)
            out[columns[group.cohort][first:]] += seen[first:]
    found: np.ndarray = out / out.sum()
    return found
