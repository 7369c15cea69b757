"""Where no causal reading is possible: a difference of means with its interval, before and after or between two groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError


@dataclass(frozen=True)
class Difference:
    """A difference of means, its standard error, its 95 % interval by Student's t, and the degrees of freedom."""

    value: float
    se: float
    low: float
    high: float
    df: float


def paired(before: np.ndarray, after: np.ndarray) -> Difference:
    """After minus before, unit by unit (n,); raises InputError SY769 with fewer than two units."""
    change = after - before
    if len(change) < 2:
        raise InputError("SY769", n=len(change))
    return _student(float(change.mean()), float(change.std(ddof=1) / np.sqrt(len(change))), len(change) - 1)


def between(treated: np.ndarray, untreated: np.ndarray) -> Difference:
    """Mean of the treated minus that of the untreated, variances unequal (Welch 1947); raises InputError SY769 below two in a group."""
    if min(len(treated), len(untreated)) < 2:
        raise InputError("SY769", n=min(len(treated), len(untreated)))
    parts = [group.var(ddof=1) / len(group) for group in (treated, untreated)]
    total = float(sum(parts))
    below = sum(part**2 / (len(group) - 1) for part, group in zip(parts, (treated, untreated), strict=True))
    df = total**2 / float(below) if below else float(len(treated) + len(untreated) - 2)
    return _student(float(treated.mean() - untreated.mean()), float(np.sqrt(total)), df)


def _student(value: float, se: float, df: float) -> Difference:
    from scipy.special import stdtrit  # noqa: PLC0415  - heavy

    half = float(stdtrit(df, 0.975)) * se
    return Difference(value, se, value - half, value + half, df)
