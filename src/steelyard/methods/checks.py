"""Refusals that audits and forecasts share: what is negative, does not fit, or is empty."""

from __future__ import annotations

import numpy as np

from steelyard.errors import InputError


def fit(count: int, **arrays: np.ndarray) -> None:
    """Refuse arrays that have not one entry for each of ``count`` (SY783)."""
    for name, values in arrays.items():
        if values.shape != (count,):
            raise InputError("SY783", name=name, found=values.shape, wanted=(count,))


def at_least_zero(**arrays: np.ndarray) -> None:
    """Refuse negative numbers and such that are none (SY781)."""
    for name, values in arrays.items():
        wrong = ~(np.isfinite(values) & (values >= 0))
        if wrong.any():
            place = int(np.argmax(wrong))
            raise InputError("SY781", name=name, place=place, value=values.flat[place])


def no_more(part: np.ndarray, whole: np.ndarray) -> None:
    """Refuse a stratum of which more is asked than there is (SY780)."""
    over = part > whole
    if over.any():
        stratum = int(np.argmax(over))
        raise InputError("SY780", stratum=stratum, found=int(part[stratum]), among=int(whole[stratum]))


def none_empty(among: np.ndarray) -> None:
    """Refuse strata without firms (SY782)."""
    if not len(among) or (among < 1).any():
        raise InputError("SY782", stratum=int(np.argmax(among < 1)) if len(among) else 0)


def between(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is not strictly between two others (SY785)."""
    if not low < value < high:
        raise InputError("SY785", name=name, value=value, low=low, high=high)
