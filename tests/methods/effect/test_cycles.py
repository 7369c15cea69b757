"""Development cycles: planted changes come back, published survival figures are met, the naive mean is shown wrong."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from steelyard.errors import InputError
from steelyard.methods.effect import cycles

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or ROOT.parent / "shared" / "data") / "effect"
published = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published durations are not here: set STEELYARD_TEST_DATA"
)


def rows(name):
    with (DATA / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def projects(seed, n=20_000, ratio=0.7):
    """Log-normal cycles of 400 days, spread 0.5, changed by ``ratio``; begun evenly over the last 860 to 60 days, so 40 % are not finished."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    whole = 400 * np.where(treated, ratio, 1) * np.exp(0.5 * rng.normal(size=n))
    so_far = rng.uniform(60, 860, size=n)
    return np.minimum(whole, so_far), whole <= so_far, treated


def test_a_planted_minus_30_per_cent_with_40_per_cent_unfinished_comes_back():
    found = cycles.compare(*projects(0))
    best = found.models[found.best]
    assert found.censored == pytest.approx(0.4, abs=0.01)
    assert found.best == "lognormal"
    assert 100 * best.ratio == pytest.approx(70, abs=1.5)
    assert best.low < 0.7 < best.high
    assert found.quantiles[0.5] == pytest.approx(0.7, abs=0.02)


def test_the_mean_of_finished_projects_misses_it_by_more_than_five_points():
    found = cycles.compare(*projects(1, n=4000))
    assert found.naive - 0.7 > 0.05
    assert found.untreated.mean_of_finished < 0.8 * 400 * np.exp(0.125)  # the long projects are not in it
    assert found.models["lognormal"].mean_untreated == pytest.approx(400 * np.exp(0.125), rel=0.05)


def test_weibull_durations_are_recognised_as_weibull():
    rng = np.random.default_rng(2)
    treated = np.arange(3000) % 2 == 0
    duration = 300 * np.where(treated, 0.8, 1) * rng.weibull(2, size=3000)
    found = cycles.compare(duration, duration < 500, treated)
    assert found.best == "weibull"
    assert found.models["weibull"].ratio == pytest.approx(0.8, abs=0.04)
    assert found.hazard > 1  # shorter


def test_a_covariate_that_differs_between_the_sides_is_held_fixed():
    rng = np.random.default_rng(3)
    hard = rng.random(4000) < 0.5
    treated = rng.random(4000) < np.where(hard, 0.8, 0.2)  # hard projects were transformed first
    duration = 200 * np.where(treated, 0.7, 1) * np.where(hard, 2, 1) * np.exp(0.4 * rng.normal(size=4000))
    finished = np.ones(4000, dtype=bool)
    alone = cycles.compare(duration, finished, treated)
    beside = cycles.compare(duration, finished, treated, hard[:, None].astype(float))
    assert alone.models[alone.best].ratio > 0.95
    assert beside.models[beside.best].ratio == pytest.approx(0.7, abs=0.03)


def test_the_unit_of_time_does_not_matter():
    duration, finished, treated = projects(4, n=600)
    days, years = (cycles.compare(duration / unit, finished, treated) for unit in (1, 365.25))
    assert years.models["weibull"].ratio == pytest.approx(days.models["weibull"].ratio, rel=1e-5)
    assert years.best == days.best
    assert years.treated.median == pytest.approx(days.treated.median / 365.25)


@published
def test_survival_of_the_lung_study_is_that_of_r():
    lung = rows("lung.csv")
    time, died = np.array([float(r["time"]) for r in lung]), np.array([r["status"] == "1" for r in lung])
    women = np.array([r["sex"] == "2" for r in lung])
    assert cycles.reached(cycles.survival(time, died), 0.5) == 310
    found = cycles.compare(time, died, women)
    assert (found.treated.median, found.untreated.median) == (426, 270)
    assert np.log(found.models["weibull"].ratio) == pytest.approx(0.3956, abs=1e-3)  # survreg(Surv(time, status) ~ sex)
    assert found.hazard == pytest.approx(0.588, abs=1e-3)  # coxph


@published
def test_the_recidivism_study_is_that_of_the_books():
    rossi = rows("rossi.csv")
    beside = np.array([[float(r[name]) for name in ("age", "race", "wexp", "mar", "paro", "prio")] for r in rossi])
    week, arrest, aid = (np.array([float(r[name]) for r in rossi]) for name in ("week", "arrest", "fin"))
    found = cycles.compare(week, arrest == 1, aid == 1, beside)
    assert np.log(found.models["weibull"].ratio) == pytest.approx(0.272, abs=1e-3)  # Allison's and lifelines' figure
    assert found.models["weibull"].se_log == pytest.approx(0.138, abs=1e-3)
    assert np.log(found.hazard) == pytest.approx(-0.379, abs=1e-3)
    assert found.treated.median is None  # fewer than half came back within the year: not reached, and not guessed


@pytest.mark.parametrize(("change", "code"), [
    (lambda d, f, t: (np.where(np.arange(len(d)) == 7, -3.0, d), f, t), "SY760"),
    (lambda d, f, t: (np.where(np.arange(len(d)) == 7, 0.0, d), f, t), "SY760"),
    (lambda d, f, t: (np.where(np.arange(len(d)) == 7, np.nan, d), f, t), "SY760"),
    (lambda d, f, t: (d, f, np.ones_like(t)), "SY761"),
    (lambda d, f, t: (d, f & ~t, t), "SY761"),
    (lambda d, f, t: (d, np.zeros_like(f), t), "SY761"),
    (lambda d, f, t: (np.full(len(d), 90.0), f, t), "SY762"),
    (lambda d, f, t: (d, f, t, t[:, None].astype(float)), "SY762"),
    (lambda d, f, t: (d[:2], np.array([True, True]), np.array([True, False])), "SY762"),
])  # fmt: skip
def test_durations_that_cannot_answer_are_refused(change, code):
    with pytest.raises(InputError) as refused:
        cycles.compare(*change(*projects(0, n=60)))
    assert refused.value.code == code


def test_sides_that_do_not_overlap_have_a_time_ratio_and_no_hazard_ratio():
    rng = np.random.default_rng(5)
    treated = np.arange(40) % 2 == 0
    duration = np.where(treated, 100, 800) * np.exp(0.2 * rng.normal(size=40))
    found = cycles.compare(duration, np.ones(40, dtype=bool), treated)
    assert found.models[found.best].ratio == pytest.approx(1 / 8, rel=0.15)
    assert found.hazard is None
