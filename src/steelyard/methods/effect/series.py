"""One factory: an interrupted time series with controls, its interval calibrated on dates at which nothing happened.

The series before the change is a level that wanders, plus untreated series as covariates (local level with regression; Harvey 1989,
Forecasting, Structural Time Series Models and the Kalman Filter); what it foretells for the time after is the counterfactual. The
nominal interval takes the estimated variances for known and covers too little (about 82 % for 95 % on simulated series), so it is widened by how
wrong the same model was on placebo dates before the change. The filter is our own because placebo dates ask for dozens of fits: it runs all
ratios of variances at once; statsmodels is its oracle in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError

LEAST_PRE = 12  # below it no placebo date leaves both a series to learn from and a time to foretell
LEAST_LEARNT = 8
PLACEBO_DATES = 20  # about so many are tried
RATIOS = np.concatenate([[0.0], np.logspace(-5, 2, 36)])  # variance of the level's steps over that of the noise


@dataclass(frozen=True)
class Level:
    """A local level after its last period: level, slopes (k,), noise variance, ratio; in units of the noise: the level's variance, the
    covariance of slopes (k, k); the controls' own levels (k,), and by how much the noise is to be raised for estimated parameters.
    """

    level: float
    slopes: np.ndarray
    noise: float
    ratio: float
    spread: float
    level_x: np.ndarray
    of_slopes: np.ndarray
    unbiased: float
    log_likelihood: float


@dataclass(frozen=True)
class Interrupted:
    """Mean effect per period after the change, nominal and calibrated standard error and 95 % half-width, and the counterfactual (T1,)."""

    effect: float
    nominal: float
    half: float
    se: float
    stretch: float
    df: float
    placebos: np.ndarray
    expected: np.ndarray
    model: Level


def interrupted(y: np.ndarray, controls: np.ndarray, start: int) -> Interrupted:
    """The effect on ``y`` (T,) from period ``start`` on, with untreated series ``controls`` (T, k) as covariates; k may be 0.

    Raises InputError SY757 where fewer than twelve periods come before, SY758 where none comes after.
    """
    if start < LEAST_PRE:
        raise InputError("SY757", n=start, least=LEAST_PRE)
    if start >= len(y):
        raise InputError("SY758")
    model = refined(y[:start], controls[:start])
    effect, plain, se = ahead(model, y[start:], controls[start:])
    errors, windows = placebo_errors(y[:start], controls[:start], len(y) - start)
    stretch = max(1.0, float(np.sqrt(np.square(errors).mean())))
    df = windows + 1
    half = _quantile(df) * stretch * se
    return Interrupted(effect, 1.959964 * plain, half, stretch * se, stretch, df, errors,
                       expected(model, controls[start:]), model)  # fmt: skip


def _quantile(df: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415  - heavy

    return float(stdtrit(df, 0.975))


def placebo_errors(y: np.ndarray, controls: np.ndarray, ahead_by: int) -> tuple[np.ndarray, float]:
    """Errors over standard errors of foretelling from dates before the change, and how many windows without overlap they span.

    A window is as long as the time after the change, at most a third of the time before.
    """
    window = min(ahead_by, len(y) // 3)
    least = max(LEAST_LEARNT, len(y) // 3)
    last = len(y) - window
    errors = []
    for date in range(least, last + 1, max(1, (last - least) // PLACEBO_DATES)):
        model = local_level(y[:date], controls[:date])
        error, _, se = ahead(model, y[date : date + window], controls[date : date + window])
        errors.append(error / se if se else 0.0)
    return np.array(errors), (len(y) - least) / window


def refined(y: np.ndarray, controls: np.ndarray) -> Level:
    """`local_level`, with the best ratio sought between its neighbours too."""
    coarse = local_level(y, controls)
    place = int(np.searchsorted(RATIOS, coarse.ratio))
    fine = np.linspace(RATIOS[max(place - 1, 0)], RATIOS[min(place + 1, len(RATIOS) - 1)], 101)
    return max(coarse, local_level(y, controls, fine), key=lambda model: model.log_likelihood)


def local_level(y: np.ndarray, controls: np.ndarray, ratios: np.ndarray = RATIOS) -> Level:
    """Maximum likelihood over ``ratios`` (G,), slopes and noise concentrated out; ``y`` (T,), ``controls`` (T, k)."""
    steps, spreads, levels, spread = _filter(np.column_stack([y, controls]), ratios)
    weights = 1 / spreads
    of_x, of_y = steps[:, :, 1:], steps[:, :, 0]
    precision = np.einsum("tgi,tgj,tg->gij", of_x, of_x, weights)
    slopes = (np.linalg.pinv(precision) @ np.einsum("tgi,tg,tg->gi", of_x, of_y, weights)[:, :, None])[:, :, 0]
    left = of_y - np.einsum("tgi,gi->tg", of_x, slopes)
    floor = (1e-9 * np.abs(y).max()) ** 2 + np.finfo(
        float
    ).tiny  # a constant series has no noise, and no logarithm of it
    noise = (np.square(left) * weights).mean(axis=0) + floor
    n = len(left)
    likelihood = -0.5 * (n * np.log(2 * np.pi * noise) + np.log(spreads).sum(axis=0) + n)
    best = int(likelihood.argmax())
    beta, of_level = slopes[best], levels[best]
    return Level(float(of_level[0] - of_level[1:] @ beta), beta, float(noise[best]), float(ratios[best]), float(spread[best]),
                 of_level[1:], np.linalg.pinv(precision[best]), n / max(n - len(beta) - 1, 1), float(likelihood[best]))  # fmt: skip


def _filter(columns: np.ndarray, ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The Kalman filter of each column (T, c) at every ratio (G,), diffuse start, in units of the noise variance.

    Returns innovations (T-1, G, c), their variances (T-1, G), the last levels (G, c) and their variances (G,).
    """
    level, spread = np.repeat(columns[:1], len(ratios), axis=0), np.ones(len(ratios))
    steps, spreads = np.empty((len(columns) - 1, *level.shape)), np.empty((len(columns) - 1, len(ratios)))
    for t, row in enumerate(columns[1:]):
        before = spread + ratios
        spreads[t], steps[t] = before + 1, row - level
        gain = before / spreads[t]
        level = level + gain[:, None] * steps[t]
        spread = before * (1 - gain)
    return steps, spreads, level, spread


def expected(model: Level, controls: np.ndarray) -> np.ndarray:
    """What the model foretells for the next periods (h,), given the controls (h, k) there."""
    found: np.ndarray = model.level + controls @ model.slopes
    return found


def ahead(model: Level, y: np.ndarray, controls: np.ndarray) -> tuple[float, float, float]:
    """Mean of actual minus foretold over the next h periods; its nominal standard error; the one that knows of estimated slopes."""
    steps = np.arange(1, len(y) + 1)
    wander = np.minimum.outer(steps, steps).mean()  # the variance of a random walk's mean, per variance of one step
    variance = model.spread + model.ratio * wander + 1 / len(y)
    away = controls.mean(axis=0) - model.level_x
    known = model.noise * variance
    honest = model.noise * model.unbiased * (variance + float(away @ model.of_slopes @ away))
    return float((y - expected(model, controls)).mean()), float(np.sqrt(known)), float(np.sqrt(honest))
