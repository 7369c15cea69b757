"""Imputation, Sun-Abraham, Goodman-Bacon: published numbers, and least squares written out as the judge."""

from __future__ import annotations

import numpy as np
import pytest
from effect_panels import castle, mpdta, published, simulated

from steelyard.methods.effect import aggregate
from steelyard.methods.effect.decomposition import EARLIER, LATER, NEVER, decompose
from steelyard.methods.effect.imputation import impute
from steelyard.methods.effect.panel import make
from steelyard.methods.effect.staggered import estimate
from steelyard.methods.effect.sunab import interact


@published
def test_imputation_and_sun_abraham_on_county_employment():
    """diff-diff 3.13.0: ImputationDiD -0.04770992 (0.01322249), SunAbraham -0.03995128 (0.01179628, with its correction for few)."""
    imputed, interacted = impute(mpdta()), interact(mpdta())
    assert imputed.att == pytest.approx(-0.04770992, abs=5e-9)
    assert imputed.se == pytest.approx(0.01322249, abs=5e-9)
    assert imputed.used == imputed.treated == 291
    assert interacted.att == pytest.approx(-0.03995128, abs=5e-9)
    assert interacted.se == pytest.approx(0.01179628, rel=0.005)


@published
def test_the_decomposition_of_the_castle_laws():
    """As in the vignette of bacondecomp."""
    found = decompose(castle())
    assert found.twfe == pytest.approx(0.0818116169306, abs=1e-12)
    for kind, (weight, att) in {
        EARLIER: (0.05976, -0.00554),
        LATER: (0.03190, 0.07032),
        NEVER: (0.90834, 0.08796),
    }.items():
        assert found.kinds()[kind] == (pytest.approx(weight, abs=5e-6), pytest.approx(att, abs=5e-6))
    top = max(found.comparisons, key=lambda c: c.weight)
    assert (top.treated, top.control) == (2006, 0)
    assert top.estimate == pytest.approx(0.06823587, abs=5e-9)
    assert top.weight == pytest.approx(0.5923947, abs=5e-8)


def long(outcome):
    """Rows of what was seen: unit, column, value."""
    unit, time = np.nonzero(~np.isnan(outcome))
    return unit, time, outcome[unit, time]


def dummies(codes, size):
    return np.eye(size)[codes]


def solved(columns, values):
    return np.linalg.lstsq(np.hstack(columns), values, rcond=None)[0]


@pytest.mark.parametrize("holes", [0.0, 0.25])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_are_the_least_squares_that_they_say_they_are_with_and_without_holes(seed, holes):
    outcome, times, cohort = simulated(seed, n=50)
    outcome[np.random.default_rng(seed).random(outcome.shape) < holes] = np.nan
    panel = make(outcome, times, cohort)
    unit, time, value = long(outcome)
    n, size = outcome.shape
    treated = (cohort[unit] > 0) & (times[time] >= cohort[unit])

    free = ~treated
    fit = solved([dummies(unit[free], n), dummies(time[free], size)], value[free])
    known = np.isin(unit, unit[free]) & treated
    beyond = value[known] - fit[unit[known]] - fit[n + time[known]]
    found = impute(panel)
    assert found.att == pytest.approx(beyond.mean(), abs=1e-9)
    assert found.used == known.sum()

    cells = [(g, t) for g in (3, 5) for t in times if t != g - 1]
    marks = np.array([(cohort[unit] == g) & (times[time] == t) for g, t in cells], dtype=float).T
    fit = solved([dummies(unit, n), dummies(time, size), marks], value)[n + size :]
    after = np.array([t >= g for g, t in cells])
    assert interact(panel).att == pytest.approx(np.average(fit, weights=marks.sum(axis=0) * after), abs=1e-8)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_comparisons_add_up_to_two_way_fixed_effects(seed):
    outcome, times, cohort = simulated(seed, n=60, cohorts=(0, 2, 4, 6))
    found = decompose(make(outcome, times, cohort))
    unit, time, value = long(outcome)
    treated = ((cohort[unit] > 0) & (times[time] >= cohort[unit])).astype(float)[:, None]
    twfe = solved([dummies(unit, len(cohort)), dummies(time, len(times)), treated], value)[-1]
    assert found.twfe == pytest.approx(twfe, abs=1e-10)
    assert sum(c.weight for c in found.comparisons) == pytest.approx(1)


def test_two_way_fixed_effects_fall_short_of_an_effect_that_grows_and_the_estimators_do_not():
    outcome, times, cohort = simulated(1, n=4000, size=10, effect=1.0, cohorts=(0, 3, 5, 7))
    panel = make(outcome, times, cohort)
    since = (times - cohort[:, None])[(cohort[:, None] > 0) & (times >= cohort[:, None])]
    truth = (1 + since / 2).mean()
    assert decompose(panel).twfe < truth - 0.3
    for att in (impute(panel).att, interact(panel).att, aggregate.simple(estimate(panel)).att):
        assert att == pytest.approx(truth, abs=0.12)


def test_the_error_of_imputation_is_about_the_spread_of_its_estimates():
    found = [impute(make(*simulated(seed, effect=0.5))) for seed in range(200)]
    spread = np.std([one.att - 0.5 * 1.8 for one in found])
    assert np.mean([one.se for one in found]) == pytest.approx(spread, rel=0.25)


def test_clusters_of_one_unit_leave_both_errors_as_they_are():
    outcome, times, cohort = simulated(4)
    alone, named = make(outcome, times, cohort), make(outcome, times, cohort, cluster=np.arange(len(cohort)))
    assert impute(named).se == pytest.approx(impute(alone).se)
    assert interact(named).se == pytest.approx(interact(alone).se)


def test_sun_abraham_needs_never_treated_units():
    assert interact(make(*simulated(5, cohorts=(3, 5)))) is None


def test_cohorts_that_the_panel_has_no_time_between_make_no_comparison():
    """Years 2018, 2020, 2022: cohorts of 2019 and 2020 are one to it; the parts still make up two-way fixed effects."""
    outcome, _, code = simulated(6, n=90, size=4, cohorts=(0, 1, 2, 3))
    times = np.array([2018, 2020, 2022, 2024])
    cohort = np.array([0, 2019, 2020, 2022])[code]
    panel = make(outcome, times, cohort)
    found = decompose(panel)
    assert (2019, 2020) not in {(c.treated, c.control) for c in found.comparisons}
    unit, time = np.divmod(np.arange(outcome.size), len(times))
    treated = ((cohort[unit] > 0) & (times[time] >= cohort[unit])).astype(float)
    twfe = solved([dummies(unit, len(cohort)), dummies(time, len(times)), treated[:, None]], outcome.ravel())[-1]
    assert found.twfe == pytest.approx(twfe, abs=1e-10)
    assert decompose(panel.only(np.isin(panel.cohort, [2019, 2020]))) is None
