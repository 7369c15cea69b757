"""Exact limits of how many of a stratum's firms hold, from a sample drawn without replacement.

A number K of holding firms is inside the limits unless what was found would be too rare to either side: P(X >= x | K) or P(X <= x | K)
below half of what confidence leaves, X hypergeometric (Wright 1991, Exact Confidence Bounds when Sampling from Small Finite
Universes). It covers at least as often as stated; with everybody inspected it is a point.
"""

from __future__ import annotations

import numpy as np


def limits(
    found: np.ndarray, size: np.ndarray, among: np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """(H,) least and greatest number of firms that hold, of ``among`` (H,), where ``found`` (H,) of ``size`` (H,) inspected do."""
    found, size, among = (np.asarray(each, dtype=np.int64) for each in (found, size, among))
    high = _greatest(found, size, among, (1 - confidence) / 2)
    low = among - _greatest(size - found, size, among, (1 - confidence) / 2)
    return low, high


def _greatest(found: np.ndarray, size: np.ndarray, among: np.ndarray, tail: float) -> np.ndarray:
    """The greatest K for which finding at most ``found`` has a chance above ``tail``; the chance falls with K."""
    from scipy.stats import hypergeom  # noqa: PLC0415  - heavy

    low, high = found.copy(), among - size + found
    while (low < high).any():
        middle = (low + high + 1) // 2
        inside = hypergeom.cdf(found, among, middle, size) > tail
        low, high = np.where(inside, middle, low), np.where(inside, high, middle - 1)
    return low
