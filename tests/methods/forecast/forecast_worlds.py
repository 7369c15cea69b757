"""Simulated regions whose coverage follows S-curves with a random walk, and others that do not."""

from __future__ import annotations

import numpy as np

from steelyard.methods.forecast.curves import curve


def bass(seed, regions=31, years=12, walk=0.006):
    """(R, T) coverage: p lognormal(log .012, .4), q normal(.55, .1), ceiling uniform(.85, 1), a random walk of sd .006 a year."""
    dice = np.random.default_rng(seed)
    ceiling = dice.uniform(0.85, 1, regions)
    parameters = np.stack(
        [dice.normal(np.log(0.012), 0.4, regions), np.log(dice.normal(0.55, 0.1, regions)), np.log(ceiling / (1 - ceiling))], axis=1
    )  # fmt: skip
    path = curve(parameters, years, np.zeros(regions))[:, 1:]
    return np.clip(path + np.cumsum(dice.normal(0, walk, (regions, years)), axis=1), 0, 1)


def gompertz(seed, regions=31, years=12):
    """(R, T) coverage of another shape, with errors of reporting and one year in ten unheard."""
    dice = np.random.default_rng(seed)
    late, pace = dice.uniform(3, 6, (regions, 1)), dice.uniform(0.25, 0.5, (regions, 1))
    path = dice.uniform(0.8, 1, (regions, 1)) * np.exp(-late * np.exp(-pace * np.arange(1, years + 1)))
    seen = np.clip(path + dice.normal(0, 0.01, path.shape), 0, 1)
    gaps = dice.random(seen.shape) < 0.1
    gaps[:, -1] = False
    return np.where(gaps, np.nan, seen)
