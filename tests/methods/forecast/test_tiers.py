"""Firms over tiers: smoothed rates, the closed form, and worlds of single firms that agree with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steelyard.errors import InputError
from steelyard.methods.forecast import tiers

COUNTS = arrays(np.int64, (4, 3, 4), elements=st.integers(0, 500))
SIZE = np.array([0, 0, 1, 1])


def world(seed, groups=12, tier_count=4, firms=40_000, years=7):
    """Rates, firms and entries of a made-up nation."""
    dice = np.random.default_rng(seed)
    moved = dice.multinomial(200, dice.dirichlet(np.ones(tier_count + 1), tier_count), size=(groups, tier_count))
    rate = tiers.rates(moved, np.arange(groups) % 3)
    cells = groups * tier_count
    now = dice.multinomial(firms, np.full(cells, 1 / cells)).reshape(groups, tier_count)
    return rate, now, dice.integers(0, 50, (years, groups, tier_count))


@given(COUNTS)
@settings(max_examples=50, deadline=None)
def test_rows_add_to_one_and_no_rate_is_zero(seen):
    rate = tiers.rates(seen, SIZE)
    assert rate.sum(axis=2) == pytest.approx(np.ones((4, 3)), abs=1e-12)
    assert (rate > 0).all()


def test_rows_with_many_firms_are_their_own_and_empty_ones_are_their_sizes():
    seen = np.zeros((3, 1, 2))
    seen[0, 0], seen[1, 0] = [900_000, 100_000], [0, 0]
    seen[2, 0] = [20_000, 80_000]
    rate = tiers.rates(seen, np.array([0, 0, 1]))
    assert rate[0, 0] == pytest.approx([0.9, 0.1], abs=1e-4)
    assert rate[1, 0] == pytest.approx([0.9, 0.1], abs=1e-3)
    assert rate[2, 0] == pytest.approx([0.2, 0.8], abs=1e-2)


def test_the_closed_form_is_the_power_of_the_rates():
    rate, now, entering = world(1)
    course = tiers.expected(rate, now, entering * 0)
    for group in range(len(now)):
        step = np.vstack([rate[group], np.eye(5)[4]])
        after = np.append(now[group], 0) @ np.linalg.matrix_power(step, 7)
        assert np.append(course.firms[7, group], course.left[7, group]) == pytest.approx(after)


def test_a_simulated_world_is_within_four_standard_errors_of_the_closed_form_in_every_cell():
    rate, now, entering = world(2)
    expected, seen = tiers.expected(rate, now, entering), tiers.simulate(rate, now, entering, seed=5)
    away = (seen.firms - expected.firms)[1:] / expected.error[1:]
    assert np.abs(away).max() < 4
    assert away.std() == pytest.approx(1, abs=0.15)
    assert (seen.firms[0] == expected.firms[0]).all()


def test_errors_are_those_of_many_worlds():
    rate, now, entering = world(3, groups=1, firms=400, years=3)
    worlds = np.stack([tiers.simulate(rate, now, entering, seed).firms[3, 0] for seed in range(600)])
    assert worlds.std(axis=0) == pytest.approx(tiers.expected(rate, now, entering).error[3, 0], rel=0.12)


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_no_firm_is_lost_or_made(seed):
    rate, now, entering = world(seed, groups=3, firms=500, years=4)
    whole = now.sum() + np.concatenate([[0], np.cumsum(entering.sum(axis=(1, 2)))])
    for course in (tiers.expected(rate, now, entering), tiers.simulate(rate, now, entering, seed)):
        assert course.firms.sum(axis=(1, 2)) + course.left.sum(axis=1) == pytest.approx(whole)


def test_a_seed_makes_one_world():
    rate, now, entering = world(4, firms=900)
    one, two, other = (tiers.simulate(rate, now, entering, seed).firms for seed in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_moves_are_counted_by_group_and_tier_and_those_who_left():
    group, before, after = (np.array(each) for each in ([0, 0, 1, 1], [0, 0, 1, 1], [1, 1, -1, 0]))
    seen = tiers.counts(group, before, after, 2, 2)
    assert seen.sum() == 4
    assert (seen[0, 0, 1], seen[1, 1, 2], seen[1, 1, 0]) == (2, 1, 1)


def refused(ask):
    with pytest.raises(InputError) as found:
        ask()
    return found.value.code


def test_what_cannot_be_is_refused():
    one = np.zeros(1, int)
    rate, now, entering = world(0, groups=2, firms=9)
    assert refused(lambda: tiers.counts(one, one, one + 5, 1, 2)) == "SY788"
    assert refused(lambda: tiers.counts(one, one, np.zeros(2, int), 1, 2)) == "SY783"
    assert refused(lambda: tiers.rates(np.full((1, 2, 3), -1.0), one)) == "SY781"
    assert refused(lambda: tiers.rates(np.zeros((1, 2, 2)), one)) == "SY783"
    assert refused(lambda: tiers.expected(rate, now - 9, entering)) == "SY781"
    assert refused(lambda: tiers.simulate(rate, now[:1], entering, 1)) == "SY783"


def test_moves_with_a_number_of_firms_are_as_many_moves():
    group, before, after, many = (np.array(each) for each in ([0, 1, 0], [0, 1, 0], [1, -1, 1], [3, 2, 4]))
    one = tiers.counts(group, before, after, 2, 2, many)
    two = tiers.counts(*(np.repeat(each, many) for each in (group, before, after)), 2, 2)
    assert (one == two).all()
    assert one.sum() == 9


def test_as_many_enter_each_year_as_did_on_average():
    entering = tiers.arrivals(np.array([[6, 0], [3, 9]]), past=3, years=2)
    assert (entering == np.array([[2, 0], [1, 3]])).all()
    assert entering.shape == (2, 2, 2)
    assert refused(lambda: tiers.arrivals(np.zeros((1, 1)), past=0, years=1)) == "SY785"


def test_groups_together_are_their_sum_and_their_errors_those_of_many_worlds():
    rate, now, entering = world(6, groups=4, firms=300, years=3)
    firms, error, left = tiers.together(tiers.expected(rate, now, entering))
    worlds = np.stack([tiers.simulate(rate, now, entering, seed).firms[3].sum(axis=0) for seed in range(500)])
    assert worlds.mean(axis=0) == pytest.approx(firms[3], rel=0.05)
    assert worlds.std(axis=0) == pytest.approx(error[3], rel=0.15)
    assert firms.sum(axis=1) + left == pytest.approx(
        now.sum() + np.concatenate([[0], np.cumsum(entering.sum(axis=(1, 2)))])
    )
    part, _, _ = tiers.together(tiers.expected(rate, now, entering), np.array([1]))
    assert part[0] == pytest.approx(now[1])


def test_the_share_that_reached_is_of_the_firms_there_are_and_unknown_without_any():
    share = tiers.reached(np.array([[6.0, 3.0, 1.0], [0.0, 0.0, 0.0]]), 1)
    assert share[0] == pytest.approx(0.4)
    assert np.isnan(share[1])
    low, high = tiers.between(np.array([10.0, 1.0]), np.array([2.0, 2.0]))
    assert (low[1], low[0] + high[0]) == (0, pytest.approx(20))


def test_a_rate_of_leaving_does_not_rise_because_stayers_are_silent():
    """Of 100,000 firms a tenth leave, which the roster tells of each; of those that stay half are heard again."""
    dice = np.random.default_rng(3)
    firms, left = 100_000, 10_000
    heard = dice.binomial(firms - left, 0.5)
    seen = np.array([[[heard, left]]])
    assert tiers.rates(seen, np.zeros(1, dtype=int))[0, 0, 1] > 0.17
    known = tiers.as_heard(seen, np.array([[firms - left - heard]]))
    assert tiers.rates(known, np.zeros(1, dtype=int))[0, 0, 1] == pytest.approx(0.1, abs=1e-4)
    assert (tiers.as_heard(seen, np.zeros((1, 1))) == seen).all()
    nobody = tiers.as_heard(np.array([[[0, 5]]]), np.array([[7.0]]))
    assert nobody.tolist() == [[[0, 0]]]
