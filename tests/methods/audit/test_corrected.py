"""The corrected coverage: its intervals cover as often as they say, and what was not heard widens them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from steelyard.errors import InputError
from steelyard.methods.audit import estimate, exact, score
from steelyard.methods.audit.allocation import allocate, variance
from steelyard.methods.audit.draw import draw

DRAWS = 2000
SLACK = 1e-9


def covering(among, size, holds, draws=DRAWS, kind=None, seed=1):
    """How many of ``draws`` samples have an interval with the truth in it."""
    found = np.random.default_rng(seed).hypergeometric(holds, among - holds, size, size=(draws, len(among)))
    low, high = score.limits(found, size, among, kind=kind)
    truth = holds.sum() / among.sum()
    return float(((low - SLACK <= truth) & (truth <= high + SLACK)).mean())


def region(seed, strata):
    dice = np.random.default_rng(seed)
    return dice, dice.integers(200, 3000, strata)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_a_planted_overstatement_is_covered_in_93_to_97_percent_of_draws_of_the_planned_size(rate):
    dice, among = region(5, 24)
    failing = np.minimum(np.round(among * rate * dice.uniform(0.5, 1.5, 24)).astype(int), among)
    margin = {0.01: 0.01, 0.05: 0.02, 0.3: 0.04}[rate]
    size = allocate(among, variance(np.full(24, rate), among), dice.uniform(1, 5, 24), margin).size
    assert 0.93 <= covering(among, size, among - failing) <= 0.97


def test_firms_drawn_by_hash_and_tallied_one_by_one_are_covered_in_93_to_97_percent_of_2000_draws():
    dice = np.random.default_rng(4)
    stratum = np.repeat(np.arange(6), [260, 180, 120, 80, 40, 20])
    claimed, firms = np.arange(6) < 5, [f"91{number:016d}" for number in range(700)]
    truly = dice.random(700) < np.where(claimed, 0.85, 0.06)[stratum]
    among = np.bincount(stratum)
    size = allocate(among, variance(np.where(claimed, 0.85, 0.06), among), np.ones(6), 0.04).size
    drawn = np.stack([draw(f"seed {number}", firms, stratum, size) for number in range(DRAWS)])
    found = np.stack([(drawn & truly)[:, stratum == each].sum(axis=1) for each in range(6)], axis=1)
    low, high = score.limits(found, size, among, kind=claimed)
    assert 0.93 <= ((low - SLACK <= truly.mean()) & (truly.mean() <= high + SLACK)).mean() <= 0.97
    for number in range(3):
        inspected = np.flatnonzero(drawn[number])
        made, apart = estimate.tally(stratum, claimed, drawn[number], inspected, truly[inspected])
        share = estimate.corrected(made).coverage
        assert (share.low, share.high, apart.size) == (pytest.approx(low[number]), pytest.approx(high[number]), 0)
        assert share.value == pytest.approx((found[number] / size) @ among / 700)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_small_and_large_strata_together_are_covered_as_stated(rate):
    among, size = np.array([4000, 2500, 800, 300, 90, 40, 12, 5]), np.array([120, 90, 60, 40, 20, 12, 6, 4])
    failing = np.round(among * rate * np.random.default_rng(5).uniform(0.5, 1.5, 8)).astype(int)
    assert 0.93 <= covering(among, size, among - failing) <= 0.97


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_forty_tiny_strata_beside_ten_large_ones_are_covered_as_stated(rate):
    dice = np.random.default_rng(2)
    among = np.concatenate([dice.integers(3, 30, 40), dice.integers(500, 5000, 10)])
    size = np.concatenate([np.full(40, 3), np.full(10, 40)])
    assert 0.93 <= covering(among, size, among - dice.binomial(among, rate)) <= 0.97


def test_strata_in_which_nothing_is_wrong_do_not_spoil_it():
    among, size = np.full(4, 1000), np.full(4, 100)
    assert 0.93 <= covering(among, size, among - np.array([80, 0, 0, 0])) <= 0.97


def test_claimers_and_those_who_understate_are_covered_together():
    among, size = np.array([3000, 1500, 400, 80, 2000, 900]), np.array([150, 90, 40, 15, 150, 80])
    holds = np.array([2850, 1400, 350, 70, 60, 90])
    assert 0.93 <= covering(among, size, holds, kind=np.array([1, 1, 1, 1, 0, 0])) <= 0.97


def test_where_hardly_anything_is_found_the_interval_errs_to_the_wide_side():
    dice, among = region(7, 60)
    assert covering(among, np.full(60, 8), among - dice.binomial(among, 0.01)) >= 0.94


def wilson(rate, size, z=1.959963984540054):
    middle, half = rate + z * z / 2 / size, z * np.sqrt(rate * (1 - rate) / size + z * z / 4 / size**2)
    return (middle - half) / (1 + z * z / size), (middle + half) / (1 + z * z / size)


def test_one_large_stratum_at_one_half_is_wilsons_interval():
    low, high = score.limits(np.array([[500]]), np.array([1000]), np.array([10**9]))
    assert (float(low[0]), float(high[0])) == pytest.approx(wilson(0.5, 1000), abs=1e-4)


def middle_p(found, size, among):
    """The numbers K that neither side's chance, half of the finding itself counted, makes rarer than 2.5 %."""
    trial = np.arange(found, among - size + found + 1)
    half = hypergeom.pmf(found, among, trial, size) / 2
    above, below = hypergeom.sf(found, among, trial, size) + half, hypergeom.cdf(found, among, trial, size) - half
    inside = trial[(above > 0.025) & (below > 0.025)]
    return inside[0], inside[-1]


@pytest.mark.parametrize(("size", "among"), [(5, 8), (10, 12), (8, 20), (20, 50), (45, 50), (30, 400)])
def test_one_small_stratum_is_within_a_firm_or_two_of_the_exact_limits(size, among):
    found = np.arange(size + 1)
    ends = np.stack(score.limits(found[:, None], np.array([size]), np.array([among])), axis=1) * among
    exactly = np.array([middle_p(each, size, among) for each in found])
    assert np.abs(ends - exactly).max() <= max(1.1, 0.01 * among)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_limits_hold_the_estimate_stay_possible_and_mirror_when_yes_and_no_are_exchanged(rows):
    among = np.array([row[0] for row in rows])
    size = np.minimum([row[1] for row in rows], among)
    found = np.minimum([row[2] for row in rows], size)
    low, high = (float(each[0]) for each in score.limits(found, size, among))
    value = float((among * found / size).sum() / among.sum())
    assert found.sum() / among.sum() - SLACK <= low <= value + SLACK
    assert value - SLACK <= high <= 1 - (size - found).sum() / among.sum() + SLACK
    mirrored = [1 - float(each[0]) for each in score.limits(size - found, size, among)]
    assert [high, low] == pytest.approx(mirrored, abs=1e-6)


@given(st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_exact_limits_are_those_found_by_trying_every_number(among, data):
    size = data.draw(st.integers(0, among))
    found = data.draw(st.integers(0, size))
    low, high = (int(each[0]) for each in exact.limits([found], [size], [among]))
    inside = [k for k in range(found, among - size + found + 1)
              if hypergeom.sf(found - 1, among, k, size) > 0.025 and hypergeom.cdf(found, among, k, size) > 0.025]  # fmt: skip
    assert (low, high) == (inside[0], inside[-1])


def claims(**change):
    plain = {
        "among": [100, 200, 50],
        "drawn": [20, 30, 10],
        "heard": [20, 30, 10],
        "holds": [18, 20, 1],
        "claimed": [1, 1, 0],
    }
    return estimate.sample(*(np.array(values) for values in (plain | change).values()))


def test_everybody_inspected_is_a_point():
    found = estimate.corrected(claims(drawn=[100, 200, 50], heard=[100, 200, 50], holds=[80, 150, 5]))
    assert (found.coverage.low, found.coverage.value, found.coverage.high) == pytest.approx([235 / 350] * 3)
    assert found.reported == pytest.approx(300 / 350)
    assert found.excess.low == pytest.approx(65 / 350)
    assert found.wrong.value == pytest.approx([0.2, 0.25, 0.1])
    assert (found.wrong.low == found.wrong.high).all()


def test_the_value_weighs_strata_by_their_firms_and_others_count_as_not_covered():
    found, more = (estimate.corrected(claims(), others=others) for others in (0, 350))
    assert found.coverage.value == pytest.approx((90 + 200 * 2 / 3 + 5) / 350)
    assert found.holding.value == pytest.approx((90 + 200 * 2 / 3) / 300)
    assert (more.coverage.value, more.coverage.high, more.reported) == pytest.approx(
        (found.coverage.value / 2, found.coverage.high / 2, found.reported / 2)
    )


def test_a_drawn_firm_that_was_not_inspected_widens_the_interval_and_is_said():
    full, part = estimate.corrected(claims()), estimate.corrected(claims(heard=[20, 26, 10], holds=[18, 18, 1]))
    assert part.unheard == 4
    assert part.coverage.low < full.coverage.low
    assert part.coverage.high > full.coverage.high
    assert part.wrong.high[1] > full.wrong.high[1]
    for answers in range(5):
        known = estimate.corrected(claims(holds=[18, 18 + answers, 1])).coverage
        assert part.coverage.low - SLACK <= known.low <= known.high <= part.coverage.high + SLACK


def test_a_stratum_that_nobody_was_drawn_from_could_be_anything():
    found = estimate.corrected(claims(drawn=[20, 30, 0], heard=[20, 30, 0], holds=[18, 20, 0]))
    known = estimate.shared(claims().only(np.array([True, True, False])))
    assert found.unasked == 1
    assert found.coverage.low == pytest.approx(known.low * 300 / 350)
    assert found.coverage.high == pytest.approx((known.high * 300 + 50) / 350)
    assert np.isnan(found.wrong.value[2])
    assert (found.wrong.low[2], found.wrong.high[2]) == (0, 1)


def test_without_any_inspection_the_value_is_unknown_and_not_zero():
    nothing = [0, 0, 0]
    found = estimate.corrected(claims(drawn=nothing, heard=nothing, holds=nothing))
    assert (found.coverage.value, found.coverage.low, found.coverage.high) == (None, 0.0, 1.0)
    drawn = estimate.corrected(claims(heard=nothing, holds=nothing))
    assert (drawn.coverage.value, drawn.coverage.low, drawn.coverage.high) == (None, 0.0, 1.0)


def test_inspections_of_firms_that_were_not_drawn_are_counted_apart():
    stratum, drawn = np.array([0, 0, 0, 1, 1]), np.array([True, True, False, True, False])
    found, apart = estimate.tally(
        stratum, np.array([True, False]), drawn, np.array([0, 2, 3, 0]), np.array([1, 0, 0, 1])
    )
    assert apart.tolist() == [1]
    assert (found.drawn.tolist(), found.heard.tolist(), found.holds.tolist()) == ([2, 1], [1, 1], [1, 0])
    assert found.unheard == 1


def test_two_inspections_of_one_firm_that_differ_are_refused():
    with pytest.raises(InputError) as refused:
        estimate.tally(np.zeros(2, int), np.array([True]), np.array([True, True]), np.array([1, 1]), np.array([1, 0]))
    assert refused.value.code == "SY786"


@pytest.mark.parametrize(("code", "change"), [
    ("SY780", {"drawn": [101, 30, 10]}), ("SY780", {"heard": [21, 30, 10]}), ("SY780", {"holds": [18, 31, 1]}),
    ("SY781", {"holds": [-1, 20, 1]}), ("SY782", {"among": [0, 200, 50], "drawn": [0, 30, 10]}), ("SY783", {"claimed": [1, 1]}),
])  # fmt: skip
def test_numbers_that_cannot_be_are_refused(code, change):
    with pytest.raises(InputError) as refused:
        claims(**change)
    assert refused.value.code == code
