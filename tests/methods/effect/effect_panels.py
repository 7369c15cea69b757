"""Panels for tests: the published ones, and simulated ones whose truth is known."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from steelyard.methods.effect.panel import Panel, make

DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "effect"
published = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published panels are not at {DATA}")


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def matrix(found: list[dict[str, str]], unit: str, time: str, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Values as units by times, both in order; and the times."""
    units = {name: at for at, name in enumerate(sorted({row[unit] for row in found}))}
    times = np.array(sorted({int(row[time]) for row in found}))
    out = np.full((len(units), len(times)), np.nan)
    for row in found:
        out[units[row[unit]], np.searchsorted(times, int(row[time]))] = float(row[value])
    return out, times


def mpdta(**more) -> Panel:
    """County teen employment 2003-07, 500 counties (Callaway and Sant'Anna 2021)."""
    found = rows("mpdta.csv")
    outcome, times = matrix(found, "countyreal", "year", "lemp")
    cohort = matrix(found, "countyreal", "year", "first.treat")[0][:, 0].astype(int)
    if more.pop("covariates", False):
        more["covariates"] = matrix(found, "countyreal", "year", "lpop")[0][:, :, None]
    return make(outcome, times, cohort, **more)


def castle() -> Panel:
    """Homicides and castle-doctrine laws, 50 states 2000-10."""
    found = rows("castle.csv")
    outcome, times = matrix(found, "state", "year", "l_homicide")
    post = matrix(found, "state", "year", "post")[0]
    cohort = np.where(post.any(axis=1), times[post.argmax(axis=1)], 0)
    return make(outcome, times, cohort)


def simulated(
    seed: int, n: int = 120, size: int = 7, effect: float = 1.0, cohorts=(0, 0, 3, 5)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes (n, T) with unit and time effects and serial correlation, times 1..T, cohorts; the effect grows: effect x (1 + e / 2)."""
    dice = np.random.default_rng(seed)
    times = np.arange(1, size + 1)
    cohort = dice.choice(cohorts, n)
    noise = dice.standard_normal((n, size))
    noise[:, 1:] += 0.5 * noise[:, :-1]
    outcome = dice.standard_normal((n, 1)) * 2 + np.sin(times) + noise
    since = times - cohort[:, None]
    outcome += np.where((cohort[:, None] > 0) & (since >= 0), effect * (1 + since / 2), 0.0)
    return outcome, times, cohort
