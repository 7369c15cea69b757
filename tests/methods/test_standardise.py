"""Direct standardisation: what places would show at the same mix, with intervals that cover and ranks that hold together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from steelyard.errors import InputError
from steelyard.methods.standardise import standardise


def rows(counts: dict[tuple[int, int], tuple[int, int]]):
    """Firms of {(place, stratum): (how many reach, of how many)} as arrays stratum, place, value."""
    out = [
        (stratum, place, 1.0 if n < reach else 0.0)
        for (place, stratum), (reach, among) in counts.items()
        for n in range(among)
    ]
    stratum, place, value = (np.array(column) for column in zip(*out, strict=True))
    return stratum, place, value


TABLE = {(0, 0): (72, 80), (0, 1): (8, 20), (1, 0): (19, 20), (1, 1): (40, 80)}
"""Large firms (stratum 0) reach far more often; place 0 is full of them. Place 1 is better in both strata, and looks worse plainly."""


def test_a_city_of_large_firms_is_not_praised_for_its_mix_worked_by_hand():
    made = standardise(*rows(TABLE))
    assert made.raw == pytest.approx([0.80, 0.59])
    assert made.value == pytest.approx(
        [0.5 * 0.90 + 0.5 * 0.40, 0.5 * 0.95 + 0.5 * 0.50]
    )  # the standard has 100 of either
    assert made.common == pytest.approx(0.5 * 91 / 100 + 0.5 * 48 / 100)
    assert (made.heard.tolist(), made.covered.tolist(), made.unheard) == ([100, 100], [1.0, 1.0], 0.0)


def test_a_given_standard_population_weighs_the_strata():
    made = standardise(*rows(TABLE), standard=np.array([30, 90]))
    assert made.value == pytest.approx([0.25 * 0.90 + 0.75 * 0.40, 0.25 * 0.95 + 0.75 * 0.50])


def test_standardised_to_its_own_mix_a_place_shows_its_plain_value():
    assert standardise(*rows(TABLE), standard=np.array([80, 20])).value[0] == pytest.approx(0.80)


def test_a_stratum_that_a_place_lacks_is_taken_at_the_value_of_all_and_the_share_covered_is_told():
    made = standardise(*rows({(0, 0): (8, 10), (1, 0): (4, 10), (1, 1): (3, 20)}))
    assert made.covered == pytest.approx([0.5, 1.0])
    assert made.value == pytest.approx([0.5 * 0.8 + 0.5 * 0.15, 0.5 * 0.4 + 0.5 * 0.15])


def test_a_place_that_covers_less_than_half_of_the_standard_is_not_ranked():
    made = standardise(*rows({(0, 0): (9, 9), (1, 0): (1, 20), (1, 1): (1, 40), (2, 0): (19, 20), (2, 1): (39, 40)}))
    assert made.best.tolist() == [0, 2, 1]
    assert made.worst.tolist() == [0, 2, 1]


def test_a_place_without_firms_has_no_value_and_no_rank():
    made = standardise(*rows(TABLE), places=3)
    assert np.isnan([made.raw[2], made.value[2], made.low[2], made.high[2]]).all()
    assert (made.heard[2], made.covered[2], made.best[2]) == (0, 0.0, 0)


def test_strata_of_which_nobody_was_heard_are_left_out_of_all_and_told():
    made = standardise(*rows(TABLE), standard=np.array([50, 50, 100]))
    assert made.unheard == pytest.approx(0.5)
    assert made.value == pytest.approx(standardise(*rows(TABLE)).value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_places_with_the_same_rates_are_equal_whatever_their_mix(data):
    strata, places = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 5))
    reach = [data.draw(st.integers(0, 4)) for _ in range(strata)]
    counts = {
        (p, s): (reach[s] * k, 4 * k)
        for p in range(places)
        for s in range(strata)
        if (k := data.draw(st.integers(0, 6)))
    }
    if not counts:
        return
    made = standardise(*rows(counts), places=places)
    known = ~np.isnan(made.value)
    assert made.value[known] == pytest.approx(made.common)
    assert (made.low[known] <= made.value[known] + 1e-9).all()
    assert (made.value[known] <= made.high[known] + 1e-9).all()
    assert set(made.best) <= {0, 1}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 1), st.integers(1, 3)), min_size=1, max_size=40
    )
)
def test_values_are_those_of_exact_fractions_summed_by_hand(found):
    stratum, place, value, weight = (np.array(column) for column in zip(*found, strict=True))
    made = standardise(stratum, place, value.astype(float), weight.astype(float))
    whole = {s: sum(w for t, _, _, w in found if t == s) for s in set(stratum.tolist())}

    def mean(keep) -> Fraction:
        return Fraction(sum(w * v for t, p, v, w in found if keep(t, p)), sum(w for t, p, _, w in found if keep(t, p)))

    for one in set(place.tolist()):
        parts = Fraction(0)
        for s, size in whole.items():
            here = any(t == s and p == one for t, p, _, _ in found)
            parts += size * mean(lambda t, p, s=s, here=here: t == s and (not here or p == one))  # noqa: B023
        assert made.value[one] == pytest.approx(float(parts / sum(whole.values())))


def test_the_order_of_firms_changes_nothing():
    stratum, place, value = rows(TABLE)
    order = np.random.default_rng(1).permutation(len(value))
    one, other = standardise(stratum, place, value), standardise(stratum[order], place[order], value[order])
    for name in ("value", "low", "high", "best", "worst"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))


@pytest.mark.parametrize(("found", "size"), [(0, 7), (3, 10), (45, 50), (5, 5)])
def test_over_one_stratum_the_interval_is_wilson_s(found, size):
    made = standardise(*rows({(0, 0): (found, size)}))
    low, high = proportion_confint(found, size, 0.05, "wilson")
    assert (made.low[0], made.high[0]) == pytest.approx((low, high), abs=1e-12)


def test_over_one_stratum_the_interval_of_a_mean_is_student_s():
    value = np.array([1.0, 2.0, 2.5, 4.0, 3.0])
    made = standardise(np.zeros(5, int), np.zeros(5, int), value, share=False)
    wanted = stats.ttest_1samp(value, 0).confidence_interval(0.95)
    assert (made.low[0], made.high[0]) == pytest.approx((wanted.low, wanted.high))


def drawn(rng, strata: int, firms: float, places: int):
    """Counts (P, S) and true shares (P, S) of places of differing mixes, and the standard's weights (S,)."""
    weight = rng.dirichlet(np.ones(strata))
    count = np.maximum(rng.poisson(firms * strata * weight * rng.gamma(2, 0.5, (places, strata))), 1)
    rate = np.clip(rng.uniform(0.2, 0.9) + rng.normal(0, 0.12, strata) + rng.normal(0, 0.03, (places, 1)), 0.02, 0.98)
    return weight, count, rate


@pytest.mark.parametrize(("strata", "firms", "share"), [(8, 3, True), (60, 2, True), (30, 6, True), (30, 4, False)])
def test_95_percent_intervals_cover_the_truth_in_about_95_percent_of_draws(strata, firms, share):
    rng = np.random.default_rng(20)
    inside = []
    for _ in range(40):
        weight, count, rate = drawn(rng, strata, firms, 20)
        place, stratum = (np.repeat(at.ravel(), count.ravel()) for at in np.indices(count.shape))
        noise = rng.uniform(size=len(place)) < rate[place, stratum] if share else rng.normal(rate[place, stratum], 0.5)
        made = standardise(stratum, place, noise.astype(float), standard=weight, share=share)
        truth = rate @ weight
        inside.append((made.low <= truth) & (truth <= made.high))
    assert 0.925 <= np.mean(inside) <= 0.98


def test_ranks_hold_together_in_at_least_95_percent_of_draws():
    rng = np.random.default_rng(3)
    held = []
    for _ in range(200):
        weight, count, rate = drawn(rng, 8, 20, 10)
        place, stratum = (np.repeat(at.ravel(), count.ravel()) for at in np.indices(count.shape))
        made = standardise(
            stratum, place, (rng.uniform(size=len(place)) < rate[place, stratum]).astype(float), standard=weight
        )
        true = 1 + (-(rate @ weight)).argsort().argsort()
        held.append(((made.best <= true) & (true <= made.worst)).all())
    assert np.mean(held) >= 0.95


def test_places_far_apart_have_one_rank_each_and_places_alike_share_a_range():
    made = standardise(*rows({(0, 0): (190, 200), (1, 0): (100, 200), (2, 0): (98, 200), (3, 0): (10, 200)}))
    assert list(zip(made.best.tolist(), made.worst.tolist(), strict=True)) == [(1, 1), (2, 3), (2, 3), (4, 4)]


@pytest.mark.parametrize(("wrong", "code"), [
    ({"value": np.array([0.5, 1.5])}, "SY840"), ({"value": np.array([0.5, np.nan])}, "SY840"), ({"weight": np.array([1.0, 0.0])}, "SY840"),
    ({"weight": np.array([1.0, -2.0])}, "SY840"), ({"stratum": np.array([0, -1])}, "SY781"), ({"place": np.array([0])}, "SY783"),
    ({"standard": np.array([0.0])}, "SY841"), ({"confidence": 1.0}, "SY785"),
])  # fmt: skip
def test_what_cannot_be_standardised_is_refused(wrong, code):
    given = {"stratum": np.array([0, 0]), "place": np.array([0, 1]), "value": np.array([0.5, 1.0])} | wrong
    with pytest.raises(InputError) as refused:
        standardise(**given)
    assert refused.value.code == code


def test_nobody_heard_is_refused():
    none = np.zeros(0, int)
    with pytest.raises(InputError) as refused:
        standardise(none, none, np.zeros(0), standard=np.array([5]))
    assert refused.value.code == "SY841"
