"""The imputation estimator of Borusyak, Jaravel and Spiess (2024), Revisiting Event-Study Designs, Rev. Econ. Studies 91(6).

Unit and time effects are fitted on untreated observations alone; the effect is the mean of what treated ones have beyond them. Unit
effects are swept out in closed form, so the time effects come from one T x T system: exact least squares, whatever n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.panel import Panel


@dataclass(frozen=True)
class Imputed:
    """The mean effect on treated observations, its standard error (by unit or cluster), and how many could be imputed, of how many."""

    att: float
    se: float
    used: int
    treated: int


def swept(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rows less their mean over ``seen``; 0 where not seen. ``values`` (m, T), ``seen`` (m, T) bool."""
    held = np.where(seen, values, 0.0)
    mean = held.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    held -= mean[:, None] * seen
    return held


def gram(seen: np.ndarray) -> np.ndarray:
    """(T, T) sum over units of the matrix that sweeps out a unit's mean over its seen times."""
    weight = seen.astype(float)
    per = weight / np.maximum(weight.sum(axis=1), 1.0)[:, None]
    found: np.ndarray = np.diag(weight.sum(axis=0)) - weight.T @ per
    return found


def _blocks(panel: Panel) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Rows, their outcomes, and which of those are seen and untreated."""
    for group in panel.groups:
        first = panel.column(group.cohort) if group.cohort else len(panel.times)
        for rows in group.blocks():
            outcome = panel.outcome[rows]
            free = ~np.isnan(outcome)
            free[:, first:] = False
            yield rows, outcome, free


@dataclass(frozen=True)
class _Treated:
    """What treated observations have beyond their unit and time: for each cohort (2, T) sums and counts; ``pull`` (T,) how an estimate of
    their total leans on the time effects; ``wanted``: treated observations seen, imputed or not.
    """

    cohorts: dict[int, np.ndarray]
    pull: np.ndarray
    wanted: int

    @property
    def used(self) -> int:
        return int(sum(sums[1].sum() for sums in self.cohorts.values()))

    def means(self, cohort: int) -> np.ndarray:
        """(T,) mean effect of a cohort at each time."""
        sums = self.cohorts.get(cohort, np.zeros((2, len(self.pull))))
        found: np.ndarray = sums[0] / np.maximum(sums[1], 1)
        return found


def impute(panel: Panel) -> Imputed:
    """The effect over all treated observations of units that were seen untreated, at times at which untreated units were seen."""
    size = len(panel.times)
    system, right = np.zeros((size, size)), np.zeros(size)
    for _, outcome, free in _blocks(panel):
        system += gram(free)
        right += swept(outcome, free).sum(axis=0)
    inverse = np.linalg.pinv(system, rcond=1e-11, hermitian=True)
    effects = inverse @ right
    known = np.diag(system) > 0
    treated = _treated(panel, effects, known)
    used = treated.used
    if not used:
        return Imputed(float("nan"), float("nan"), 0, treated.wanted)
    att = float(sum(sums[0].sum() for sums in treated.cohorts.values())) / used
    return Imputed(att, _se(panel, effects, known, treated, inverse @ treated.pull / used), used, treated.wanted)


def _treated(panel: Panel, effects: np.ndarray, known: np.ndarray) -> _Treated:
    cohorts: dict[int, np.ndarray] = {}
    pull, wanted = np.zeros(len(effects)), 0
    for rows, outcome, free in _blocks(panel):
        cohort = int(panel.cohort[rows.start])
        if cohort == 0:
            continue
        hit = _hit(outcome, free, known)
        sums = np.stack([_beyond(outcome, free, hit, effects).sum(axis=0), hit.sum(axis=0)])
        cohorts[cohort] = cohorts.get(cohort, 0) + sums
        pull += sums[1] - (free * _leaning(free, hit)).sum(axis=0)
        wanted += int((~np.isnan(outcome) & ~free).sum())
    return _Treated(cohorts, pull, wanted)


def _hit(outcome: np.ndarray, free: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Treated observations that can be imputed."""
    found: np.ndarray = ~np.isnan(outcome) & ~free & free.any(axis=1, keepdims=True) & known
    return found


def _leaning(free: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """(m, 1) how much of a unit's treated observations rests on each of its untreated ones."""
    found: np.ndarray = (hit.sum(axis=1) / np.maximum(free.sum(axis=1), 1))[:, None]
    return found


def _beyond(outcome: np.ndarray, free: np.ndarray, hit: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """What outcomes have beyond a unit's own untreated mean and the time effects, where ``hit``, else 0."""
    rest = outcome - effects
    mean = np.where(free, rest, 0.0).sum(axis=1) / np.maximum(free.sum(axis=1), 1)
    return np.where(hit, rest - mean[:, None], 0.0)


def _se(panel: Panel, effects: np.ndarray, known: np.ndarray, treated: _Treated, pull: np.ndarray) -> float:
    """The conservative standard error of their section 4.3: residuals of untreated observations, and of treated ones from the mean
    of their cohort and time, weighted as the estimator weighs outcomes. ``pull`` (T,) the weights through the time effects.
    """
    scores: np.ndarray = np.zeros(panel.units)
    for rows, outcome, free in _blocks(panel):
        cohort = int(panel.cohort[rows.start])
        scores[rows] = -(swept(outcome - effects, free) @ pull)
        if cohort:
            hit = _hit(outcome, free, known)
            rest = np.where(hit, _beyond(outcome, free, hit, effects) - treated.means(cohort), 0.0)
            scores[rows] += rest.sum(axis=1) / treated.used
    if panel.cluster is not None:
        scores = np.bincount(panel.cluster, scores)
    return float(np.sqrt(scores @ scores))
