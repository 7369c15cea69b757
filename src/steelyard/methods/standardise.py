"""Direct standardisation: what places would show if each had the same mix of industries and sizes.

A place's standardised value is the mean over strata of its own values, weighted by a standard population (the firms of all places
together, or one that is given): a place of large firms is not praised for its mix. A stratum that a place does not have is taken at
the value of all places, which neither helps nor harms it; the share of the standard that it does have is told beside.

Intervals of a share are Wilson's (1927) with the effective number of firms in place of their number (Kott and Liu 2009 review it for
weighted and stratified samples; Dean and Pagano 2015 recommend it). A stratum's variance is estimated with its share leaning by one
firm on the place's (``LEAN``), for with one firm in a stratum it would be nought, and raised by what estimating it takes away.
Over one stratum the interval is Wilson's own. Fay and Feuer's (1997) gamma interval, usual for
standardised death rates, takes counts as Poisson and so is too wide for shares that are not small. Intervals of a mean are Student's
with Satterthwaite's degrees of freedom, variances leaning likewise on the place's. They tell of chance alone, as if a place's firms
were drawn from many like them.

Ranks are told as ranges that hold together: two places are distinguished where their intervals do not meet at the confidence
``confidence ** (1 / places)`` each (Klein, Wright and Wieczorek 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks

LEAN = 1.0  # firms at the place's value that each of its strata is joined by, to estimate the variance
COVERED = 0.5  # of the standard population, at least, for a place to be ranked


@dataclass(frozen=True)
class Standardised:
    """Per place (P,): firms heard, plain and standardised value with limits, the share of the standard population it has strata of.

    ``best`` and ``worst`` are the range of its rank, 1 the highest value; 0 for a place that is not ranked: one that covers less than
    ``COVERED``. A place without any firm heard has NaN as values and limits. ``common`` is the value of all places together,
    ``unheard`` the share of the standard population in strata of which no place was heard: they are left out of all.
    """

    heard: np.ndarray
    raw: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    covered: np.ndarray
    best: np.ndarray
    worst: np.ndarray
    common: float
    unheard: float


@dataclass(frozen=True)
class _Cells:
    """(P, S) effective number of firms, their value and its variance within; (S,) weights that add up to 1, values of all places."""

    firms: np.ndarray
    value: np.ndarray
    spread: np.ndarray
    weight: np.ndarray
    common: np.ndarray


def standardise(
    stratum: np.ndarray, place: np.ndarray, value: np.ndarray, weight: np.ndarray | None = None, *,
    standard: np.ndarray | None = None, places: int = 0, share: bool = True, confidence: float = 0.95,
) -> Standardised:  # fmt: skip
    """Standardise the values of n firms by stratum to a standard population.

    ``stratum`` and ``place`` (n,) number strata and places from 0, ``value`` (n,) is 0 to 1 where a ``share`` is asked, ``weight``
    (n,) what each firm counts for. ``standard`` (S,) is the size of each stratum in the standard population, else that of all firms
    here. Raises InputError: SY840 where a number is wrong, SY841 where nobody of the standard population was heard.
    """
    weight = np.ones(len(value)) if weight is None else np.asarray(weight, dtype=float)
    _check(stratum, place, value, weight, share=share, confidence=confidence)
    strata = max(int(stratum.max(initial=-1)) + 1, 0 if standard is None else len(standard))
    shape = (max(places, int(place.max(initial=-1)) + 1), strata)
    cell = place * strata + stratum
    total, squares, sums, second = (
        np.bincount(cell, of, shape[0] * strata).reshape(shape)
        for of in (weight, weight**2, weight * value, weight * value**2)
    )
    size = total.sum(axis=0) if standard is None else np.pad(np.asarray(standard, float), (0, strata - len(standard)))
    cells, unheard = _cells(total, squares, sums, second, size)
    made = _mean(cells)
    chance = NormalDist().inv_cdf((1 + confidence) / 2)
    limits = _share_limits if share else _mean_limits
    low, high = limits(cells, chance)
    covered = _covered(cells)
    ranked = covered >= COVERED
    together = NormalDist().inv_cdf((1 + confidence ** (1 / max(int(ranked.sum()), 1))) / 2)
    best, worst = _ranks(*limits(cells, together), ranked)
    with np.errstate(invalid="ignore"):
        raw = sums.sum(axis=1) / total.sum(axis=1)
    heard = np.bincount(place, minlength=shape[0])
    return Standardised(heard, raw, made, low, high, covered, best, worst, float(cells.weight @ cells.common), unheard)


def _check(
    stratum: np.ndarray, place: np.ndarray, value: np.ndarray, weight: np.ndarray, *, share: bool, confidence: float
) -> None:
    checks.fit(len(value), stratum=stratum, place=place, weight=weight)
    checks.at_least_zero(stratum=stratum, place=place)
    checks.between("confidence", confidence, 0, 1)
    for name, of, fine in (
        ("weight", weight, weight > 0),
        ("value", value, (value >= 0) & (value <= 1) if share else np.isfinite(value)),
    ):
        wrong = ~(np.isfinite(of) & fine)
        if wrong.any():
            raise InputError("SY840", name=name, place=int(np.argmax(wrong)), value=of[wrong][0])


def _cells(
    total: np.ndarray, squares: np.ndarray, sums: np.ndarray, second: np.ndarray, size: np.ndarray
) -> tuple[_Cells, float]:
    all_of_it = total.sum(axis=0)
    known = (all_of_it > 0) & (size > 0)
    if not known.any():
        raise InputError("SY841")
    total, squares, sums, second = (each[:, known] for each in (total, squares, sums, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        firms = np.where(total > 0, total**2 / squares, 0.0)
        value = np.where(total > 0, sums / total, 0.0)
        spread = np.where(total > 0, np.maximum(second / total - value**2, 0.0), 0.0)
    weight = size[known] / size[known].sum()
    return _Cells(firms, value, spread, weight, sums.sum(axis=0) / all_of_it[known]), float(
        1 - size[known].sum() / size.sum()
    )


def _covered(cells: _Cells) -> np.ndarray:
    """(P,) the share of the standard population in strata that a place has."""
    return np.asarray((cells.firms > 0) @ cells.weight)


def _mean(cells: _Cells) -> np.ndarray:
    """(P,) the standardised value; NaN for a place without firms."""
    filled = np.where(cells.firms > 0, cells.value, cells.common)
    return np.where(_covered(cells) > 0, filled @ cells.weight, np.nan)


def _own(cells: _Cells) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P,) value over the strata that a place has, its variance factor's cells (P, S) as weight² / firms, and its covered share."""
    covered = _covered(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(cells.firms > 0, cells.weight / covered[:, None], 0.0)
        factor = np.where(cells.firms > 0, parts**2 / cells.firms, 0.0)
    return (parts * cells.value).sum(axis=1), factor, covered


def _whole(cells: _Cells, covered: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """A limit over the strata that a place has, with those of all places in the strata that it lacks."""
    lacking = np.where(cells.firms > 0, 0.0, cells.common) @ cells.weight
    return np.where(covered > 0, covered * limit + lacking, np.nan)


def _share_limits(cells: _Cells, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """(P,) Wilson's limits with the effective number of firms."""
    own, factor, covered = _own(cells)
    every = cells.firms.sum(axis=1)
    leaning = (cells.firms * cells.value + LEAN * own[:, None]) / (cells.firms + LEAN)
    variance = (factor * leaning * (1 - leaning) * _estimated(cells.firms)).sum(axis=1)
    alike = 1 / np.maximum(factor.sum(axis=1), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        firms = np.where(variance > 0, own * (1 - own) * _estimated(every) / variance, alike)
    firms = np.clip(firms, 1e-9, np.maximum(every, 1e-9))
    middle = (own + chance**2 / (2 * firms)) / (1 + chance**2 / firms)
    half = chance / (1 + chance**2 / firms) * np.sqrt(own * (1 - own) / firms + chance**2 / (4 * firms**2))
    return _whole(cells, covered, np.maximum(middle - half, 0.0)), _whole(
        cells, covered, np.minimum(middle + half, 1.0)
    )


def _estimated(firms: np.ndarray) -> np.ndarray:
    """What a variance of a share estimated from some firms and one at the place's share is too small by."""
    return np.asarray((firms + LEAN) ** 2 / ((firms + LEAN) ** 2 - firms))


def _mean_limits(cells: _Cells, chance: float) -> tuple[np.ndarray, np.ndarray]:
    """(P,) Student's limits, by the tail that a normal quantile stands for."""
    from scipy.special import stdtrit  # noqa: PLC0415  - heavy

    own, factor, covered = _own(cells)
    free = np.maximum(cells.firms - 1, 0.0)
    within = cells.firms * cells.spread
    every = within.sum() / max(free.sum(), 1.0)
    pooled = (within.sum(axis=1) + every) / (free.sum(axis=1) + 1)
    leaning = (within + LEAN * pooled[:, None]) / (free + LEAN)
    parts = factor * leaning
    variance = parts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(variance > 0, variance**2 / (parts**2 / np.maximum(free, LEAN)).sum(axis=1), 1.0)
    half = stdtrit(np.maximum(freedom, 1.0), NormalDist().cdf(chance)) * np.sqrt(variance)
    return _whole(cells, covered, own - half), _whole(cells, covered, own + half)


def _ranks(low: np.ndarray, high: np.ndarray, ranked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P,) least and greatest rank that each ranked place can have: those surely above it, and those not surely below."""
    lows, highs = np.sort(low[ranked]), np.sort(high[ranked])
    best, worst = np.zeros(len(low), int), np.zeros(len(low), int)
    best[ranked] = 1 + len(lows) - np.searchsorted(lows, high[ranked], side="right")
    worst[ranked] = len(highs) - np.searchsorted(highs, low[ranked], side="left")
    return best, worst
