"""An interval of a share over strata, by the score: the shares that findings do not make too unlikely.

For a trial share the strata have rates near those found that add up to it; it is inside the interval while the estimate lies within
z standard errors of it, the errors taken at these rates and corrected for skewness (as Gart and Nam 1988, 1990, but by the quantile
of a gamma distribution, which stays one where few were found; one stratum without skewness is Wilson's interval; the stratified form
of Wilson's is Yan and Su 2010). Sampling without replacement counts as a sample of ``n (N - 1) / (N - n)``, and a rate stays within
what the firms not inspected could make of it.

Three choices are ours and were made by counting coverage (``benchmarks/audit.py``). The rates lie, by their odds, halfway between the
most likely ones that add up to the share (Miettinen and Nurminen 1985), which with few findings move the strata least inspected and
make intervals too wide, and exponentially tilted ones, which make them too narrow. Each rate leans by one inspection (``LEAN``) on
the rate of its kind. A variance at rates found from n is raised by what it lacks, halfway between rates that lean and such that do
not: 1 / (n - 1) makes intervals of strata with two or three inspections too wide. Where hardly anything is found in all (fewer than
about five), intervals are wider than stated: up to 99 % instead of 95 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEAN = 1.0  # inspections at the kind's common rate that each stratum's findings are joined by
HALVINGS = 48
SAME = 1e-12
STEPS = -16.0, 32.0  # logarithms of the pull that is searched
MOST = 3.0  # skewness
EDGE = 1e-12  # odds of a rate are those of one at least so far from 0 and 1


@dataclass(frozen=True)
class _Findings:
    """``found`` (D, H) and its rates leaning on their kind; ``size`` (D, H), ``among`` (H,), ``weight`` (H,), ``worth`` (D, H)."""

    found: np.ndarray
    leaning: np.ndarray
    size: np.ndarray
    among: np.ndarray
    weight: np.ndarray
    worth: np.ndarray
    skewing: np.ndarray


def limits(found: np.ndarray, size: np.ndarray, among: np.ndarray, confidence: float = 0.95,
           kind: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(D,) least and greatest share of all firms of the strata, for D samples at a time.

    ``found`` (D, H) that hold of ``size`` (D, H) or (H,) inspected, at least one in each stratum, of ``among`` (H,); ``kind`` (H,)
    codes: strata of one kind lean on each other (claimers, non-claimers).
    """
    made = _findings(np.atleast_2d(np.asarray(found, dtype=float)), np.asarray(size, dtype=float),
                     np.asarray(among, dtype=float), np.zeros(len(among), int) if kind is None else kind)  # fmt: skip
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return _limit(made, z, -1.0), _limit(made, z, 1.0)


def _findings(found: np.ndarray, size: np.ndarray, among: np.ndarray, kind: np.ndarray) -> _Findings:
    size = np.broadcast_to(size, found.shape)
    rest = among - size
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(rest > 0, size * (among - 1) / rest, np.inf)
        skewing = np.where(
            rest > 0, (among - 1) * (among - 2 * size) / np.maximum((among - 2) * rest, 1) / worth**2, 0.0
        )
    rates = found / size
    leaning = rates + (_common(found, size, kind) - rates) * LEAN / (worth + LEAN)
    return _Findings(found, leaning, size, among, among / among.sum(), worth, skewing)


def _common(found: np.ndarray, size: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """(D, H) the rate of all inspected firms of each stratum's kind, and of half a firm that holds and half one that does not."""
    same = (kind[:, None] == kind).astype(float)
    rates: np.ndarray = (found @ same + 0.5) / (size @ same + 1)
    return rates


def _limit(made: _Findings, z: float, side: float) -> np.ndarray:
    """(D,) the farthest share to one side (-1 below, 1 above) that is inside."""
    estimate = (made.weight * made.found / made.size).sum(axis=1)
    pull = made.weight / (made.worth + LEAN)
    pull = pull / np.maximum(pull.max(axis=1, keepdims=True), 1e-300)
    low, high = np.full(len(estimate), STEPS[0]), np.full(len(estimate), STEPS[1])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        share, error, skewness = _moments(made, _rates(made, side * np.exp(middle)[:, None] * pull))
        away = side * (share - estimate) / np.maximum(error, 1e-300)
        inside = np.where(error > 0, away <= _quantile(z, -side * skewness), np.abs(share - estimate) < SAME)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    share = _moments(made, _rates(made, side * np.exp(low)[:, None] * pull))[0]
    return np.asarray(np.minimum(share, estimate) if side < 0 else np.maximum(share, estimate))


def _quantile(z: float, skewness: np.ndarray) -> np.ndarray:
    """The normal quantile ``z`` > 0 where there is skewness: Wilson and Hilferty's (1931) of a standardised gamma distribution.

    It rises with skewness up to about ``MOST`` and is held there: beyond, nearly all of the distribution is one point.
    """
    some = np.minimum(np.where(np.abs(skewness) < 1e-4, 1e-4, skewness), MOST)
    found: np.ndarray = 2 / some * (np.maximum(1 - some**2 / 36 + some * z / 6, 0.0) ** 3 - 1)
    return found


def _rates(made: _Findings, pull: np.ndarray) -> np.ndarray:
    """(D, H) rates under a pull towards 1: by odds between the most likely ones and the tilted ones, kept to what is left."""
    leaning = np.clip(made.leaning, EDGE, 1 - EDGE)
    likely = np.clip(_likely(leaning, pull), EDGE, 1 - EDGE)
    odds = (np.log(leaning / (1 - leaning)) + pull + np.log(likely / (1 - likely))) / 2
    rates = 1 / (1 + np.exp(-np.clip(odds, -600, 600)))
    return np.asarray(np.clip(rates, made.found / made.among, 1 - (made.size - made.found) / made.among))


def _likely(leaning: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """The most likely rates under a pull: the root of ``pull p^2 + (1 - pull) p - leaning = 0``."""
    root = np.sqrt((1 - pull) ** 2 + 4 * pull * leaning)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = np.where(pull > 1, (pull - 1 + root) / (2 * pull), 2 * leaning / (1 - pull + root))
    return found


def _lost(worth: np.ndarray) -> np.ndarray:
    """What a variance at rates found from n lacks of the true one, as a share of what it is; nothing in a census.

    Without leaning on others 1 / (n - 1); a rate that leans varies by ``n p (1 - p) / (n + LEAN)^2``, and lacks the less. Halfway.
    """
    with np.errstate(invalid="ignore"):
        leaning = worth / ((worth + LEAN) ** 2 - worth)
    found: np.ndarray = np.where(np.isinf(worth), 0.0, (leaning + 1 / np.maximum(worth - 1, 1)) / 2)
    return found


def _moments(made: _Findings, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(D,) the share that rates add up to, and the standard error and skewness of the estimate under them."""
    spread = rates * (1 - rates)
    parts = made.weight**2 * spread / made.worth
    whole = np.maximum(parts.sum(axis=1), 1e-180)
    raised = parts * (1 + (1 - parts / whole[:, None]) * _lost(made.worth))
    variance = raised.sum(axis=1)
    third = (made.weight**3 * spread * (1 - 2 * rates) * made.skewing).sum(axis=1)
    return (made.weight * rates).sum(axis=1), np.sqrt(variance), third / whole**1.5
