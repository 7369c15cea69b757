"""The chance that a target is reached: counted for one region, drawn for several together."""

from __future__ import annotations

import numpy as np
import pytest
from forecast_worlds import bass
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from steelyard.errors import InputError
from steelyard.methods.forecast import conformal, curves, reach

REGIONS = 2000


def normal_errors(seed=0, common=0.0):
    """Errors of many regions at ten origins; ``common`` is the spread of what all regions of an origin share."""
    dice = np.random.default_rng(seed)
    shared = dice.normal(0, common, 10) if common else np.zeros(10)
    ratio = dice.normal(0, 1, (10, REGIONS)) + shared[:, None]
    return conformal.Errors(
        ratio.ravel(), np.tile(np.arange(REGIONS), 10), np.repeat(np.arange(10), REGIONS), np.ones(10 * REGIONS, int)
    )


@pytest.mark.parametrize("target", [0.6, 0.7, 0.8])
def test_with_normal_errors_it_is_the_normal_chance(target):
    found = reach.one(0.7, 0.05, target, normal_errors())
    assert found.value == pytest.approx(norm.sf(target, 0.7, 0.05), abs=0.012)
    assert found.low <= found.value <= found.high
    assert found.high - found.low == pytest.approx(1 / (REGIONS + 1))
    assert found.drawn == 0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.2))
@settings(max_examples=30, deadline=None)
def test_a_higher_target_is_never_likelier(one, two, scale):
    errors = normal_errors()
    low, high = (reach.one(0.5, scale, target, errors).value for target in sorted((one, two)))
    assert low >= high


def test_regions_together_that_err_by_themselves_are_the_sum_of_normals_within_four_errors():
    value, scale, weight = np.array([0.6, 0.7, 0.8]), np.array([0.05, 0.03, 0.02]), np.array([5.0, 3.0, 2.0])
    found = reach.together(value, scale, weight, 0.69, normal_errors(), draws=40_000)
    share = weight / 10
    truth = norm.sf(0.69, share @ value, np.sqrt((share**2 * scale**2).sum()))
    assert abs(found.value - truth) < 4 * found.drawn + 0.01
    assert found.drawn == pytest.approx(np.sqrt(truth * (1 - truth) / 40_000), rel=0.05)


def test_every_region_reaching_it_is_the_product_and_never_likelier_than_one():
    value, scale = np.array([0.6, 0.7]), np.array([0.05, 0.05])
    both = reach.together(value, scale, np.ones(2), 0.62, normal_errors(), each=True)
    alone = [reach.one(v, s, 0.62, normal_errors()).value for v, s in zip(value, scale, strict=True)]
    assert both.value == pytest.approx(alone[0] * alone[1], abs=0.02)


def test_what_regions_share_is_kept_so_that_many_regions_do_not_average_it_away():
    value, scale = np.full(100, 0.7), np.full(100, 0.05)
    apart, shared = (
        reach.together(value, scale, np.ones(100), 0.72, normal_errors(1, common)).value for common in (0, 2)
    )
    assert apart < 0.01
    assert shared > 0.05


def test_a_region_without_firms_holds_nobody_up():
    found = reach.together(
        np.array([0.9, 0.1]), np.full(2, 0.01), np.array([10.0, 0.0]), 0.8, normal_errors(), each=True
    )
    assert found.value == 1


def test_the_same_seed_gives_the_same_chance_from_a_real_forecast():
    known = curves.series(bass(3, years=8))
    made, errors = curves.forecast(known, curves.fit(known), 2), conformal.past(known, 2)
    asked = (made.value[:, 1], made.scale[:, 1], np.ones(31), float(made.value[:, 1].mean()), errors)
    one, two = (reach.together(*asked, seed=4) for _ in range(2))
    assert one == two
    assert 0 < one.value < 1


@pytest.mark.parametrize(("code", "change"), [
    ("SY785", {"target": 80}), ("SY781", {"weight": np.array([1.0, -1.0])}), ("SY782", {"weight": np.zeros(2)}),
    ("SY783", {"scale": np.ones(3)}),
    ("SY789", {"errors": conformal.Errors(np.zeros(0), np.zeros(0, int), np.zeros(0, int), np.zeros(0, int))}),
])  # fmt: skip
def test_what_cannot_be_is_refused(code, change):
    asked = {
        "value": np.full(2, 0.5),
        "scale": np.full(2, 0.1),
        "weight": np.ones(2),
        "target": 0.6,
        "errors": normal_errors(),
    }
    with pytest.raises(InputError) as refused:
        reach.together(**asked | change)
    assert refused.value.code == code


def test_the_whole_with_errors_of_their_own_has_the_interval_of_a_sum_of_normals():
    value, scale, weight = np.full((50, 2), 0.6), np.full((50, 2), 0.05), np.ones(50)
    mean, low, high = reach.whole(value, scale, weight, normal_errors(), 0.9)
    assert mean == pytest.approx([0.6, 0.6])
    assert high - low == pytest.approx(np.full(2, 2 * 1.645 * 0.05 / np.sqrt(50)), rel=0.05)
    apart, shared = (
        np.diff(reach.whole(value, scale, weight, normal_errors(1, common), 0.9)[1:], axis=0)[0, 0] for common in (0, 2)
    )
    assert shared > 3 * apart


def test_the_whole_of_few_regions_stays_open_and_of_no_firms_is_refused():
    errors = conformal.Errors(np.array([0.5, -0.5]), np.arange(2), np.ones(2, int), np.ones(2, int))
    one = np.full((2, 1), 0.5)
    assert [float(end[0]) for end in reach.whole(one, one / 10, np.ones(2), errors)] == [0.5, 0, 1]
    with pytest.raises(InputError) as refused:
        reach.whole(one, one / 10, np.zeros(2), normal_errors())
    assert refused.value.code == "SY782"


def test_the_chance_of_all_together_is_known_no_better_than_its_few_regions_tell():
    dice = np.random.default_rng(2)
    few = conformal.Errors(
        dice.normal(0, 1, 50), np.tile(np.arange(5), 10), np.repeat(np.arange(10), 5), np.ones(50, dtype=int)
    )
    found = reach.together(np.full(5, 0.7), np.full(5, 0.05), np.ones(5), 0.7, few)
    assert found.high - found.low == pytest.approx(1 / 6 + 2 * 1.96 * found.drawn)
    assert found.low < found.value < found.high
    sure = reach.together(np.full(5, 0.7), np.full(5, 0.05), np.ones(5), 0.0, few)
    assert (sure.value, sure.high) == (1, 1)
    assert sure.low < 5 / 6
