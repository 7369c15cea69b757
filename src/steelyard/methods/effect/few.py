"""Few treated units (parks, chains): synthetic difference-in-differences, synthetic control, difference-in-differences.

Arkhangelsky, Athey, Hirshberg, Imbens, Wager (2021), Synthetic Difference-in-Differences, AER 111(12); Abadie, Diamond, Hainmueller
(2010) for the synthetic control (on outcomes alone). Each cohort has its own synthetic; cohorts are put together by treated cells,
as in Clarke, Pailanir, Athey, Imbens (2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError, UsageError

ESTIMATORS = ("sdid", "sc", "did")
SEARCH = (100, 10_000)  # rounds of the published search, before and after small weights are dropped
FALL = 1e-5  # it stops where a round lowers the mean square by less than the square of so much of sigma
LEAST_PRE = 3  # differences of two steps at least: their spread is the unit of the penalty


@dataclass(frozen=True)
class Fit:
    """One cohort: weights of donors (N,) and of pre-periods (T0,), the gap treated - synthetic (T,), effects (T1,), pre-fit RMSPE."""

    weights: np.ndarray
    times: np.ndarray
    gap: np.ndarray
    effects: np.ndarray
    pre_rmspe: float


@dataclass(frozen=True)
class Estimate:
    """Over all cohorts: the mean effect per treated cell, by periods since treatment (E,), and post over pre RMSPE."""

    att: float
    dynamic: np.ndarray
    pre_rmspe: float
    ratio: float
    fits: dict[int, Fit]


def simplex(paths: np.ndarray, target: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Weights w >= 0 with sum 1 that minimise ``|paths w - target|^2 + ridge |w|^2``, exactly.

    ``paths`` (m, n), ``target`` (m,). As sum w = 1 this is the point of a convex hull nearest to the origin; it is the solution of a
    non-negative least squares problem with one row of ones more, up to scale: for w = s v the best s leaves |Zv|^2 / (1 + |Zv|^2),
    which rises with |Zv|.
    """
    from scipy.optimize import nnls  # noqa: PLC0415  - heavy

    n = paths.shape[1]
    away = paths - target[:, None]
    rows = np.vstack([away, np.sqrt(ridge) * np.eye(n)]) if ridge else away
    scale = np.sqrt(np.square(rows).sum(axis=0).mean()) or 1.0
    found = nnls(np.vstack([rows / scale, np.ones(n)]), np.append(np.zeros(len(rows)), 1.0), maxiter=50 * n)[0]
    weights: np.ndarray = found / found.sum()
    return weights


def searched(paths: np.ndarray, target: np.ndarray, ridge: float, stop: float) -> np.ndarray:
    """Weights of the same problem by the published search (Arkhangelsky et al., appendix: Frank and Wolfe's steps, one vertex at a time).

    It starts from equal weights, drops those below a quarter of the largest after 100 rounds, and ends where a round lowers the sum by
    ``stop`` at most, or after 10 000: near the optimum, not at it. This is what published figures rest on.
    """
    n = paths.shape[1]
    gram, pull = paths.T @ paths + ridge * np.eye(n), paths.T @ target
    rough = _descend(np.full(n, 1 / n), gram, pull, stop, SEARCH[0])
    kept = np.where(rough <= rough.max() / 4, 0.0, rough)
    return _descend(kept / kept.sum(), gram, pull, stop, SEARCH[1])


def _descend(weights: np.ndarray, gram: np.ndarray, pull: np.ndarray, stop: float, rounds: int) -> np.ndarray:
    """Exact steps towards the best vertex; ``held`` is ``gram @ weights``, carried along."""
    held = gram @ weights
    for done in range(rounds):
        slope = held - pull
        best = int(slope.argmin())
        down = float(weights @ slope - slope[best])
        curve = float(gram[best, best] - 2 * held[best] + weights @ held)
        if down <= 0 or curve <= 0:
            break
        step = min(1.0, down / curve)
        weights = (1 - step) * weights
        weights[best] += step
        held = (1 - step) * held + step * gram[best]
        if done and step * (2 * down - step * curve) <= stop:
            break
    return weights


def fit(treated: np.ndarray, donors: np.ndarray, start: int, estimator: str = "sdid", *, exact: bool = False) -> Fit:
    """The synthetic of the mean of ``treated`` (k, T) from ``donors`` (N, T); treated from column ``start`` on.

    ``estimator`` is ``sdid``, ``sc`` or ``did``; ``sdid`` takes its weights from the published search, or where ``exact`` at the optimum. Raises UsageError SY755 on another, InputError SY756 without donors, SY757 where
    fewer than three periods come before, SY758 where none comes after.
    """
    _check(donors, start, treated.shape[1], estimator)
    path = treated.mean(axis=0)
    if estimator == "did":
        weights, times = np.full(len(donors), 1 / len(donors)), np.full(start, 1 / start)
    elif estimator == "sc":
        weights, times = simplex(donors[:, :start].T, path[:start]), np.zeros(start)
    else:
        weights, times = _sdid_weights(path, donors, start, treated.size - len(treated) * start, exact)
    gap = path - weights @ donors
    before = gap[:start] if estimator == "sc" else gap[:start] - gap[:start].mean()
    return Fit(weights, times, gap, gap[start:] - times @ gap[:start], _rms(before))


def _check(donors: np.ndarray, start: int, periods: int, estimator: str) -> None:
    if estimator not in ESTIMATORS:
        raise UsageError("SY755", name=estimator, known=", ".join(ESTIMATORS))
    if not len(donors):
        raise InputError("SY756")
    if start < LEAST_PRE:
        raise InputError("SY757", n=start, least=LEAST_PRE)
    if start >= periods:
        raise InputError("SY758")


def _sdid_weights(
    path: np.ndarray, donors: np.ndarray, start: int, cells: int, exact: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Unit and time weights with intercept (by centring) and the published penalties: zeta = (N1 T1)^1/4 sigma, and 1e-6 sigma."""
    before, after = donors[:, :start], donors[:, start:].mean(axis=1)
    sigma = float(np.diff(before, axis=1).std(ddof=1)) if before.size > 2 else 0.0
    centred = before - before.mean(axis=1, keepdims=True)
    problems = (
        (centred.T, path[:start] - path[:start].mean(), np.sqrt(cells) * sigma**2 * start),
        (before - before.mean(axis=0), after - after.mean(), (1e-6 * sigma) ** 2 * len(donors)),
    )
    units, times = (
        simplex(a, b, ridge) if exact else searched(a, b, ridge, (FALL * sigma) ** 2 * len(b))
        for a, b, ridge in problems
    )
    return units, times


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


def estimate(y: np.ndarray, starts: np.ndarray, estimator: str = "sdid", *, exact: bool = False) -> Estimate:
    """The effect on units that are treated from column ``starts`` (n,) of ``y`` (n, T) on; -1 = never treated: a donor.

    Raises as `fit` does, and InputError SY759 where no unit is treated.
    """
    donors, cohorts = y[starts < 0], np.unique(starts[starts >= 0])
    if not len(cohorts):
        raise InputError("SY759", n=0, wanted="≥ 1")
    fits = {int(g): fit(y[starts == g], donors, int(g), estimator, exact=exact) for g in cohorts}
    sizes = {int(g): int((starts == g).sum()) for g in cohorts}
    longest = max(len(found.effects) for found in fits.values())
    sums, counts = np.zeros(longest), np.zeros(longest)
    for g, found in fits.items():
        sums[: len(found.effects)] += sizes[g] * found.effects
        counts[: len(found.effects)] += sizes[g]
    pre = _rms(np.concatenate([np.full(sizes[g], found.pre_rmspe) for g, found in fits.items()]))
    dynamic = sums / counts
    return Estimate(float(sums.sum() / counts.sum()), dynamic, pre, _rms(dynamic) / pre if pre else np.inf, fits)


def placebos(
    y: np.ndarray, starts: np.ndarray, estimator: str = "sdid", most: int = 200, seed: int = 0
) -> list[Estimate]:
    """The same estimate, at exact weights, for donors that were given the treated units' dates; the treated themselves are left out.

    With one treated unit each donor in turn (or ``most`` drawn ones), with several ``most`` random draws. Empty where fewer than two
    donors would remain besides the pretended treated.
    """
    donors, dates = y[starts < 0], starts[starts >= 0]
    if len(donors) < len(dates) + 2:
        return []
    return [
        estimate(donors, _given(len(donors), chosen, dates), estimator, exact=True)
        for chosen in _draws(len(donors), len(dates), most, seed)
    ]


def _draws(donors: int, treated: int, most: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    if treated == 1:
        for one in range(donors) if donors <= most else rng.choice(donors, most, replace=False):
            yield np.array([one])
        return
    for _ in range(most):
        yield rng.choice(donors, treated, replace=False)


def _given(n: int, chosen: np.ndarray, dates: np.ndarray) -> np.ndarray:
    starts = np.full(n, -1)
    starts[chosen] = dates
    return starts


def rank_p(actual: Estimate, pretended: list[Estimate], *, by_ratio: bool) -> tuple[int, float] | None:
    """The rank of the actual effect among actual and placebos (1 = most extreme), and rank over their number.

    By post over pre RMSPE (Abadie) or by the size of the effect; None where there is no placebo.
    """
    if not pretended:
        return None
    size = [one.ratio if by_ratio else abs(one.att) for one in (actual, *pretended)]
    rank = 1 + sum(other >= size[0] for other in size[1:])
    return rank, rank / len(size)


def leave_one_out(y: np.ndarray, starts: np.ndarray, estimator: str = "sdid") -> dict[int, float]:
    """The effect, at exact weights, without one donor, for each donor (row of ``y``) that has weight in any cohort; empty with a single donor."""
    rows = np.flatnonzero(starts < 0)
    if len(rows) < 2:
        return {}
    found = estimate(y, starts, estimator)
    heavy = np.max([one.weights for one in found.fits.values()], axis=0) > 1e-9
    return {int(row): _without(y, starts, int(row), estimator) for row in rows[heavy]}


def _without(y: np.ndarray, starts: np.ndarray, row: int, estimator: str) -> float:
    return estimate(np.delete(y, row, axis=0), np.delete(starts, row), estimator, exact=True).att
