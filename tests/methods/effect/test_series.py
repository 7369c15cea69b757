"""One factory: the filter agrees with statsmodels, and the calibrated interval covers what the nominal one does not."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.errors import InputError
from steelyard.methods.effect import series


def made(seed, before=100, after=24, wander=0.15, effect=6.0):
    """A level that wanders, two untreated lines, and an effect from ``before`` on."""
    rng = np.random.default_rng(seed)
    n = before + after
    controls = 0.3 * rng.normal(size=(n, 2)).cumsum(axis=0) + rng.normal(size=(n, 2))
    y = 50 + wander * rng.normal(size=n).cumsum() + rng.normal(size=n) + controls @ [1, 0.5]
    y[before:] += effect
    return y, controls


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_filter_says_what_statsmodels_says(seed):
    models = pytest.importorskip("statsmodels.tsa.statespace.structural")
    y, controls = made(seed, wander=0.4)
    ours = series.refined(y[:100], controls[:100])
    theirs = models.UnobservedComponents(y[:100], "llevel", exog=controls[:100]).fit(disp=False)
    assert series.expected(ours, controls[100:]) == pytest.approx(
        theirs.get_forecast(24, exog=controls[100:]).predicted_mean, abs=0.02
    )
    assert [ours.noise, ours.noise * ours.ratio] == pytest.approx(theirs.params[:2], rel=0.03)
    assert ours.slopes == pytest.approx(theirs.params[2:], abs=0.02)


def test_the_nominal_interval_covers_too_little_and_the_calibrated_one_covers():
    """120 simulated factories, 100 periods before and 24 after: statsmodels' nominal interval covers about 82 % (33 of 40 published)."""
    found = [series.interrupted(*made(seed), 100) for seed in range(120)]
    errors = np.array([abs(one.effect - 6) for one in found])
    nominal = np.mean(errors < [one.nominal for one in found])
    calibrated = np.mean(errors < [one.half for one in found])
    assert np.mean([one.effect for one in found]) == pytest.approx(6, abs=0.25)
    assert nominal < 0.9
    assert 0.9 <= calibrated <= 0.99


def test_without_controls_the_effect_comes_back_too():
    found = [
        series.interrupted(made(seed)[0] - made(seed)[1] @ [1, 0.5], np.empty((124, 0)), 100).effect
        for seed in range(20)
    ]
    assert np.mean(found) == pytest.approx(6, abs=0.5)


def test_the_calibrated_interval_is_never_narrower_than_the_nominal_one():
    for seed in range(10):
        found = series.interrupted(*made(seed, before=40, after=8), 40)
        assert found.half >= found.nominal
        assert found.stretch >= 1
        assert 5 <= len(found.placebos) <= 2 * series.PLACEBO_DATES


def test_a_unit_of_measure_changes_the_effect_by_its_factor_and_nothing_else():
    y, controls = made(5)
    plain, scaled = series.interrupted(y, controls, 100), series.interrupted(1000 * y, controls, 100)
    assert scaled.effect == pytest.approx(1000 * plain.effect)
    assert scaled.half == pytest.approx(1000 * plain.half, rel=1e-6)


def test_a_series_that_never_moves_has_an_effect_without_doubt():
    y = np.where(np.arange(30) < 20, 5.0, 7.0)
    found = series.interrupted(y, np.empty((30, 0)), 20)
    assert found.effect == pytest.approx(2)
    assert found.half < 1e-6


@pytest.mark.parametrize(("before", "code"), [(11, "SY757"), (124, "SY758")])
def test_a_series_that_cannot_answer_is_refused(before, code):
    with pytest.raises(InputError) as refused:
        series.interrupted(*made(1), before)
    assert refused.value.code == code
