"""How likely targets are reached by their dates, from forecasts and the errors that earlier ones made.

A single region's chance is counted, not drawn: the share of past errors (over expected ones, times the one expected now) that leaves
it at or above its target; a conformal distribution tells it up to one region in R + 1 (Vovk et al. 2005; Vovk 2019), which is the
interval given. What is asked of several regions together is drawn: regions err together, so a draw takes one past origin and
horizon and, for each region, an error made there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks
from steelyard.methods.forecast.conformal import Errors

DRAWS = 20_000
AT_ONCE = 2_000


@dataclass(frozen=True)
class Chance:
    """The chance that a target is reached, what it is known to be within, and the standard error of drawing it (0: it was counted)."""

    value: float
    low: float
    high: float
    drawn: float


def one(value: float, scale: float, target: float, errors: Errors) -> Chance:
    """The chance that a coverage forecast as ``value`` with expected error ``scale`` is at least ``target``.

    Raises InputError SY785 for a target that is no share, SY789 without past errors.
    """
    _target(target)
    errors = _some(errors)
    share = float((np.clip(value + scale * errors.ratio, 0.0, 1.0) >= target).mean())
    regions = errors.regions
    return Chance(share, share * regions / (regions + 1), (share * regions + 1) / (regions + 1), 0.0)


def together(value: np.ndarray, scale: np.ndarray, weight: np.ndarray, target: float, errors: Errors, *, each: bool = False,
             draws: int = DRAWS, seed: int = 0) -> Chance:  # fmt: skip
    """The chance that regions reach a target: their mean by ``weight`` (firms), or with ``each`` every one of them.

    What it is known to be within has the conformal step of ``one``, and 1.96 standard errors of drawing beside it.

    ``value``, ``scale``, ``weight`` (R,). Raises InputError SY781 (negative weights or none), SY783 (shapes), SY785, SY789 as ``one``.
    """
    _target(target)
    errors = _some(errors)
    checks.fit(len(value), scale=scale, weight=weight)
    checks.at_least_zero(weight=weight, scale=scale)
    if not weight.sum() > 0:
        raise InputError("SY782", stratum=0)
    dice = np.random.default_rng(seed)
    parts = [min(AT_ONCE, draws - begun) for begun in range(0, draws, AT_ONCE)]
    hits = sum(int(_hits(_worlds(value, scale, errors, part, dice), weight, target, each=each).sum()) for part in parts)
    share = hits / draws
    drawn = float(np.sqrt(max(share * (1 - share), 1 / draws) / draws))
    known = errors.regions
    return Chance(
        share,
        max(share * known / (known + 1) - 1.96 * drawn, 0.0),
        min((share * known + 1) / (known + 1) + 1.96 * drawn, 1.0),
        drawn,
    )


def whole(value: np.ndarray, scale: np.ndarray, weight: np.ndarray, errors: Errors, level: float = 0.9, *, draws: int = DRAWS,
          seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """(H,) the mean by ``weight`` (R,) of forecasts (R, H), and its low and high end: regions drawn together, as by ``together``.

    The quantile has the step of ``conformal`` for the number of regions; with too few of them the ends are 0 and 1. Raises InputError as
    ``together``.
    """
    checks.fit(len(value), weight=weight)
    checks.at_least_zero(weight=weight, scale=scale)
    if not weight.sum() > 0:
        raise InputError("SY782", stratum=0)
    errors, share = _some(errors), weight / weight.sum()
    mean, need = share @ value, level * (1 + 1 / max(errors.regions, 1))
    if need > 1:
        return mean, np.zeros_like(mean), np.ones_like(mean)
    dice = np.random.default_rng(seed)
    half = np.array([
        np.quantile(np.abs(_worlds(value[:, at], scale[:, at], errors, draws, dice) @ share - mean[at]), need, method="inverted_cdf")
        for at in range(len(mean))
    ])  # fmt: skip
    return mean, np.clip(mean - half, 0.0, 1.0), np.clip(mean + half, 0.0, 1.0)


def _worlds(value: np.ndarray, scale: np.ndarray, errors: Errors, draws: int, dice: np.random.Generator) -> np.ndarray:
    """(draws, R) coverages: one past origin and horizon for a draw, from it an error for each region."""
    order = np.lexsort((errors.horizon, errors.origin))
    cell = np.stack([errors.origin[order], errors.horizon[order]])
    first = np.flatnonzero(np.concatenate([[True], (np.diff(cell) != 0).any(axis=0)]))
    many = np.diff(np.append(first, len(order)))
    chosen = dice.integers(len(first), size=draws)
    place = first[chosen][:, None] + (dice.random((draws, len(value))) * many[chosen][:, None]).astype(np.int64)
    return np.asarray(np.clip(value + scale * errors.ratio[order][place], 0.0, 1.0))


def _hits(coverage: np.ndarray, weight: np.ndarray, target: float, *, each: bool) -> np.ndarray:
    """(draws,) whether each world reaches the target."""
    if each:
        return np.asarray((coverage[:, weight > 0] >= target).all(axis=1))
    return np.asarray(coverage @ (weight / weight.sum()) >= target)


def _some(errors: Errors) -> Errors:
    if not len(errors.ratio):
        raise InputError("SY789", years=0, wanted=1)
    return errors.worse()


def _target(target: float) -> None:
    if not 0 <= target <= 1:
        raise InputError("SY785", name="target", value=target, low=0, high=1)
