"""Intervals learnt from past errors: they hold about as often as they say, and know only what was known."""

from __future__ import annotations

import numpy as np
import pytest
from forecast_worlds import bass, gompertz

from steelyard.errors import InputError
from steelyard.methods.forecast import conformal, curves


def test_ninety_percent_intervals_hold_in_88_to_97_percent_of_the_backtest():
    done = [conformal.backtest(curves.series(bass(seed)), 3, origins=(5, 7, 9)) for seed in range(40, 48)]
    assert 0.88 <= np.mean([one.coverage for one in done]) <= 0.97
    by_origin = np.mean([one.covered for one in done], axis=0)
    assert ((by_origin >= 0.86) & (by_origin <= 0.98)).all()
    assert np.mean([one.error for one in done]) <= 0.3 * np.mean([one.linear for one in done])


def test_intervals_hold_where_the_curve_is_of_another_shape_and_years_are_missing():
    done = [conformal.backtest(curves.series(gompertz(seed)), 3, origins=(6, 9)) for seed in range(5)]
    assert 0.88 <= np.mean([one.coverage for one in done]) <= 0.98


def test_what_came_later_changes_no_interval_of_an_earlier_origin():
    known = curves.series(bass(1, years=9))
    other = curves.series(np.hstack([known.seen[:, :6], bass(2, years=9)[:, 6:]]))
    one, two = (conformal.past(series.until(6), 3) for series in (known, other))
    assert (one.ratio == two.ratio).all()


def test_the_factor_is_the_quantile_of_past_errors_with_a_step_for_the_number_of_regions():
    ratio = np.arange(1, 20.0)
    errors = conformal.Errors(ratio, np.arange(19), np.ones(19, int), np.ones(19, int))
    assert errors.factor(0.9) == 18.0  # the 18th of 19: ceil(.9 * 20)
    assert errors.factor(0.95) == 19.0
    assert errors.factor(0.96) == np.inf


def test_errors_that_became_worse_count_alone():
    ratio = np.concatenate([np.full(96, 0.1), np.full(4, 2.0)])
    origin = np.repeat([2, 3, 4, 5, 6], 20)
    errors = conformal.Errors(ratio, np.tile(np.arange(20), 5), origin, np.ones(100, int))
    assert (errors.worse().origin >= 5).all()
    assert conformal.Errors(ratio[::-1], errors.region, origin, errors.horizon).worse().origin.min() == 2


def test_too_few_regions_leave_everything_open():
    known = curves.series(bass(0, regions=1, years=8))
    low, high = conformal.interval(curves.forecast(known, curves.fit(known), 2), conformal.past(known, 2))
    assert (low == 0).all()
    assert (high == 1).all()


def test_intervals_stay_within_0_and_1_around_the_value():
    known = curves.series(bass(9, years=9))
    made = curves.forecast(known, curves.fit(known), 5)
    low, high = conformal.interval(made, conformal.past(known, 3))
    assert ((low >= 0) & (low <= made.value) & (made.value <= high) & (high <= 1)).all()
    wide = conformal.interval(made, conformal.past(known, 3), 0.95)
    assert ((wide[0] <= low) & (high <= wide[1])).all()


def test_a_region_unheard_at_an_origin_is_not_judged_there():
    seen = bass(7, regions=20, years=7)
    seen[3, 4] = np.nan
    errors = conformal.past(curves.series(seen), 2)
    assert 3 not in errors.region[errors.origin == 5]
    assert len(errors.ratio) == 20 * 9 - 2 - 2


def test_an_origin_at_which_nobody_was_heard_is_passed_over():
    seen = bass(7, regions=20, years=7)
    seen[:, 3] = np.nan
    assert 4 not in conformal.past(curves.series(seen), 2).origin


@pytest.mark.parametrize("ask", [
    lambda: conformal.past(curves.series(np.array([[0.1, 0.2]])), 2),
    lambda: conformal.backtest(curves.series(np.array([[0.1, 0.2, 0.3]])), 2),
    lambda: conformal.backtest(curves.series(bass(0)), 2, origins=[12]),
    lambda: conformal.backtest(curves.series(bass(0)), 2, origins=[2]),
])  # fmt: skip
def test_without_a_past_there_is_no_interval(ask):
    with pytest.raises(InputError) as refused:
        ask()
    assert refused.value.code == "SY789"


def test_a_level_in_percent_is_refused():
    with pytest.raises(InputError) as refused:
        conformal.past(curves.series(bass(0, years=4)), 1).factor(90)
    assert refused.value.code == "SY785"
