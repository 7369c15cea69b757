"""How far parallel trends may fail before a conclusion does: Rambachan and Roth (2023), A More Credible Approach to Parallel Trends,
Rev. Econ. Studies 90(5).

An event study with one base: ``beta`` = (P effects before the base, Q from treatment on), ``covariance`` theirs, ``weights`` (Q,) of the
effect in question. *Relative magnitudes*: a step of the trends' difference after treatment is at most Mbar times the largest step
before it; interval by the conditional least-favourable hybrid test of Andrews, Roth and Pakes (2023). *Smoothness*: the slope of the
trends' difference changes by at most M from step to step; fixed-length interval with the best affine centre.

For relative magnitudes the linear programme of the test has 2 + Q vertices, known in closed form: with q_j the sum of ``weights`` from j
on, the dual's equality X'g = 0 leaves multiples of q on the steps after treatment (up, or down), or a pair of opposite rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
SHARE = 10  # of the test's size goes to the first, least-favourable stage
GRID = 400
MOST = 8.0  # beyond eight times the largest step before treatment no one needs to look


@dataclass(frozen=True)
class Bound:
    """The interval that holds where the assumption holds at ``m``."""

    m: float
    low: float
    high: float


@dataclass(frozen=True)
class Study:
    """An event study: ``beta`` (P + Q,), ``covariance``, P, and ``weights`` (Q,) that add up to the effect in question."""

    beta: np.ndarray
    covariance: np.ndarray
    before: int
    weights: np.ndarray

    @property
    def target(self) -> np.ndarray:
        """(P + Q,) the effect in question as a row."""
        return np.concatenate([np.zeros(self.before), self.weights])

    @property
    def effect(self) -> float:
        return float(self.target @ self.beta)

    @property
    def sd(self) -> float:
        return float(np.sqrt(max(self.target @ self.covariance @ self.target, 0.0)))


def steps(study: Study) -> np.ndarray:
    """(P + Q, P + Q) rows: each effect less the one before it; the base, nought, stands between P and Q."""
    size, p = len(study.beta), study.before
    full = np.insert(np.eye(size), p, 0.0, axis=0)
    return np.diff(full, axis=0)


@dataclass(frozen=True)
class _Moments:
    """Moments ``rows @ beta + slope * theta``, not above nought when theta is the effect; ``rows`` (V, P + Q) scaled, (V, V) covariance."""

    rows: np.ndarray
    slope: np.ndarray
    covariance: np.ndarray
    critical: float


def _moments(study: Study, mbar: float, step: np.ndarray, size: float, normal: np.ndarray) -> _Moments:
    """The vertices where the largest step before treatment is ``step`` (its sign included)."""
    after = steps(study)[study.before :]
    reach = np.cumsum(study.weights[::-1])[::-1]
    spread = [
        np.sqrt(np.einsum("ij,jk,ik->i", r, study.covariance, r)) for r in (after - mbar * step, -after - mbar * step)
    ]
    up = np.where(reach > 0, spread[0], spread[1]) @ np.abs(reach)
    down = np.where(reach > 0, spread[1], spread[0]) @ np.abs(reach)
    slack = mbar * np.abs(reach).sum() * step
    rows = [(study.target - slack) / up, (-study.target - slack) / down]
    if mbar > 0:
        rows += list(-2 * mbar * step / (spread[0] + spread[1])[:, None])
    held = np.array(rows)
    covariance = held @ study.covariance @ held.T
    slope = np.concatenate([[-1 / up, 1 / down], np.zeros(len(rows) - 2)])
    critical = float(np.quantile((normal @ held.T).max(axis=1), 1 - size / SHARE))
    return _Moments(held, slope, covariance, critical)


def _rejects(study: Study, moments: _Moments, theta: np.ndarray, size: float) -> np.ndarray:
    """(n,) whether the hybrid test at ``size`` rejects each ``theta`` (n,)."""
    stats = moments.rows @ study.beta + theta[:, None] * moments.slope
    best = stats.argmax(axis=1)
    eta = stats[np.arange(len(theta)), best]
    variance = np.diag(moments.covariance)
    ratio = moments.covariance[best] / variance[best][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = (stats - ratio * eta[:, None]) / (1 - ratio)
    low = np.where(ratio < 1 - 1e-9, edge, -np.inf).max(axis=1)
    high = np.minimum(np.where(ratio > 1 + 1e-9, edge, np.inf).min(axis=1), moments.critical)
    second = (size - size / SHARE) / (1 - size / SHARE)
    sd = np.sqrt(variance[best])
    critical = np.maximum(0.0, sd * _upper(low / sd, high / sd, second))
    found: np.ndarray = (eta > moments.critical) | (eta > critical)
    return found


def _upper(low: np.ndarray, high: np.ndarray, size: float) -> np.ndarray:
    """The upper ``size`` quantile of a standard normal between ``low`` and ``high``; in logarithms, as both may lie far out."""
    from scipy.special import log_ndtr, ndtri_exp  # noqa: PLC0415  - heavy

    log = np.logaddexp(np.log(size) + log_ndtr(-low), np.log1p(-size) + log_ndtr(-high))
    found: np.ndarray = -ndtri_exp(np.minimum(log, -1e-300))
    return np.where(low >= high, np.inf, found)


def _cases(study: Study, mbar: float, size: float, seed: int) -> list[_Moments]:
    """One set of moments for each step before treatment being the largest, up or down."""
    values, vectors = np.linalg.eigh(study.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((DRAWS, len(values))) @ root.T
    before = steps(study)[: study.before]
    return [_moments(study, mbar, sign * step, size, normal) for step in before for sign in (1.0, -1.0)]


def relative(study: Study, mbar: float, level: float = 0.95, seed: int = 0) -> Bound:
    """The interval of the effect when steps after treatment are at most ``mbar`` times the largest before it. P at least 1."""
    cases = _cases(study, mbar, 1 - level, seed)

    def held(theta: np.ndarray) -> np.ndarray:
        found: np.ndarray = ~np.all([_rejects(study, case, theta, 1 - level) for case in cases], axis=0)
        return found

    before = steps(study)[: study.before]
    noise = np.sqrt(np.einsum("ij,jk,ik->i", before, study.covariance, before))
    reach = np.abs(np.cumsum(study.weights[::-1])).sum()
    wide = 6 * study.sd + mbar * reach * (np.abs(before @ study.beta) + 6 * noise).max()
    return Bound(mbar, *_hull(held, study.effect - wide, study.effect + wide))


def _hull(held: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> tuple[float, float]:
    """The ends of what is held between two bounds: on a grid, then on a finer one around each end."""
    grid = np.linspace(low, high, GRID)
    inside = np.flatnonzero(held(grid))
    if not len(inside):
        return float("nan"), float("nan")
    first, last, step = grid[inside[0]], grid[inside[-1]], grid[1] - grid[0]
    left, right = np.linspace(first - step, first, GRID // 4), np.linspace(last, last + step, GRID // 4)
    return float(left[held(left)].min(initial=first)), float(right[held(right)].max(initial=last))


def breakdown(study: Study, level: float = 0.95, seed: int = 0) -> float:
    """The largest Mbar (to 0.01, up to 8) at which the interval excludes nought; 0 where it never does."""

    def excludes(mbar: float) -> bool:
        zero = np.zeros(1)
        return all(_rejects(study, case, zero, 1 - level)[0] for case in _cases(study, mbar, 1 - level, seed))

    return _largest(excludes, MOST, 0.01)


def _largest(holds: Callable[[float], bool], most: float, fine: float) -> float:
    """The largest value that holds, by bisection down to ``fine``; 0 where nought itself does not."""
    if not holds(0.0):
        return 0.0
    low, high = 0.0, most
    if holds(most):
        return most
    while high - low > fine:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def smooth(study: Study, m: float, level: float = 0.95) -> Bound:
    """The shortest fixed-length interval when the slope of the trends' difference changes by at most ``m`` a step. P at least 1."""
    from scipy.optimize import minimize  # noqa: PLC0415  - heavy

    p = study.before
    scale = study.sd
    places = np.concatenate([np.arange(-p, 0), np.arange(1, len(study.weights) + 1)]).astype(float)
    bend = _bends(places)
    cov = study.covariance / scale**2

    def half(x: np.ndarray) -> float:
        row = np.concatenate([x[:p], study.weights])
        sd = float(np.sqrt(row @ cov @ row))
        return sd * _folded(m / scale * float(x[p:].sum()) / sd, level)

    start = _least_noise(cov, places, study.weights, p)
    weighed = bend.T @ np.concatenate([start, study.weights])
    straight = {"type": "eq", "fun": lambda x: x[:p] @ places[:p] + study.weights @ places[p:],
                "jac": lambda _: np.concatenate([places[:p], np.zeros(bend.shape[1])])}  # fmt: skip
    pull = bend[:p].T
    rest = bend[p:].T @ study.weights
    eye = np.eye(bend.shape[1])
    above = {"type": "ineq", "fun": lambda x: np.concatenate([x[p:] - pull @ x[:p] - rest, x[p:] + pull @ x[:p] + rest]),
             "jac": lambda _: np.block([[-pull, eye], [pull, eye]])}  # fmt: skip
    found = minimize(half, np.concatenate([start, np.abs(weighed)]), method="SLSQP", constraints=[straight, above],
                     options={"maxiter": 500, "ftol": 1e-10})  # fmt: skip
    best = found.x if found.success else np.concatenate([start, np.abs(weighed)])
    centre = float(np.concatenate([best[:p], study.weights]) @ study.beta)
    width = scale * half(best)
    return Bound(m, centre - width, centre + width)


def smooth_breakdown(study: Study, level: float = 0.95) -> float:
    """The largest M at which the smoothness interval excludes nought, looked for up to four times the effect, to 1/2000 of that."""

    def excludes(m: float) -> bool:
        bound = smooth(study, m, level)
        return bound.low > 0 or bound.high < 0

    most = 4 * abs(study.effect)
    return _largest(excludes, most, most / 2000)


def _bends(places: np.ndarray) -> np.ndarray:
    """(P + Q, P + Q - 1) what a unit change of slope at each inner place adds to the trends' difference, the base and its first step fixed."""
    inner = np.arange(places.min() + 1, places.max())
    ahead = np.where((inner >= 1) & (inner < places[:, None]), places[:, None] - inner, 0.0)
    behind = np.where((inner <= 0) & (inner > places[:, None]), inner - places[:, None], 0.0)
    found: np.ndarray = ahead + behind
    return found


def _least_noise(cov: np.ndarray, places: np.ndarray, weights: np.ndarray, p: int) -> np.ndarray:
    """(P,) weights of least variance that take a straight trend out of the effect."""
    inverse = np.linalg.pinv(cov[:p, :p])
    mean = -inverse @ cov[:p, p:] @ weights
    lever = inverse @ places[:p]
    found: np.ndarray = mean - lever * ((mean @ places[:p] + weights @ places[p:]) / (lever @ places[:p]))
    return found


def _folded(bias: float, level: float) -> float:
    """The quantile of ``|N(bias, 1)|`` at ``level``, by Newton's steps from above."""
    from scipy.special import ndtr, ndtri  # noqa: PLC0415  - heavy

    bias = abs(bias)
    c = bias + float(ndtri(0.5 + level / 2))
    for _ in range(60):
        miss = float(ndtr(c - bias) - ndtr(-c - bias)) - level
        slope = (np.exp(-((c - bias) ** 2) / 2) + np.exp(-((c + bias) ** 2) / 2)) / np.sqrt(2 * np.pi)
        step = miss / slope
        c -= step
        if abs(step) < 1e-13 * c:
            break
    return float(c)
