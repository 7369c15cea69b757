"""Leaders who decide whether targets can be met at all, and one who leads several chains."""

from __future__ import annotations

import numpy as np
import pytest
from choose_worlds import ask, chosen_of, led_chains
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.methods.choose import joint
from steelyard.plan import choose
from steelyard.plan.choose_check import check
from steelyard.plan.choose_first import First, led
from steelyard.plan.choose_words import lines
from steelyard.plan.compare import compare

SPILL = {"leader": {"saving": 0.3}}


def asked(make, budgets, targets, **changed):
    years = dict(zip((2027, 2028, 2029), budgets, strict=True))
    return ask(make, without=("capacity", "floors"), budget=years, targets=targets, spillover=SPILL, **changed)


def test_a_target_that_only_a_leader_in_the_first_year_can_meet_is_met(make):
    home = led_chains(make, 20)
    found, told = chosen_of(home, asked(make, (1_000_000, 700_000, 700_000), {2029: 1.0}))
    assert (told["met"], told["least_short"], told["total"]["funded"][2029]) == (True, None, 21)
    assert next(row["year"] for row in told["choices"] if row["subject"] == "LEAD") == 2027
    assert check(found.world, told["choices"]) == []


def test_where_the_years_chosen_first_meet_nothing_leaders_of_the_first_year_are_tried(make, monkeypatch):
    monkeypatch.setattr(
        choose, "leaders_first", lambda world, items: First("leaders", "Dantzig-Wolfe", 0.0, np.array([2]))
    )
    home = led_chains(make, 20)
    _, told = chosen_of(home, asked(make, (1_000_000, 700_000, 700_000), {2029: 1.0}))
    assert (told["met"], told["least_short"]) == (True, None)


@pytest.mark.parametrize("budgets", [(2_536_044, 1_234_118, 2_619_265), (3_000_000, 3_000_000, 3_000_000)])
def test_one_who_leads_two_chains_is_paid_once_and_the_bound_is_below_the_plan(make, budgets):
    home = led_chains(make, 23, 15)
    found, told = chosen_of(home, asked(make, budgets, {2027: 0.23, 2028: 0.41, 2029: 0.86}))
    world, items, way = found.world, found.items, found.way
    raw = joint.bound(choose._untaught(world, items), way.plan.prices, choose._padded(led(world), items))
    assert told["met"]
    assert raw <= way.value * (1 + 1e-6)
    assert check(world, told["choices"]) == []


def test_one_who_leads_two_chains_goes_in_the_earliest_of_his_years(make):
    home = led_chains(make, 3, 2)
    found, _ = chosen_of(home, asked(make, (3_000_000, 3_000_000, 3_000_000), {2029: 0.5}))
    world, items = found.world, found.items
    for years in ([2, 1], [-1, 1], [1, -1]):
        whole, held = choose._held(world, items, np.array(years), found.way.pilots)
        number = [one.id for one in world.firms].index("LEAD")
        cheap = whole.share[whole.group[: len(world.firms)]][world.chain >= 0]
        assert held[number] == 1
        assert cheap.tolist() == [[1.0, 1.0, 0.7]] * 5


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 4), min_size=3, max_size=3), st.integers(5, 9))
def test_the_bound_of_one_who_leads_two_chains_is_never_above_the_plan(make_two, budgets, tenths):
    make, home = make_two
    found, told = chosen_of(home, asked(make, [400_000 * one for one in budgets], {2029: tenths / 10}))
    if told["met"]:
        world, items, way = found.world, found.items, found.way
        raw = joint.bound(choose._untaught(world, items), way.plan.prices, choose._padded(led(world), items))
        assert raw <= way.value * (1 + 1e-6)


@pytest.fixture
def make_two(make):
    return make, led_chains(make, 6, 4)


def test_what_is_not_proven_out_of_reach_is_not_said_to_be(make):
    home = led_chains(make, 20)
    _, told = chosen_of(home, asked(make, (100_000, 100_000, 100_000), {2029: 1.0}))
    unproven = told | {"least_short": 0}
    zh, en = "\n".join(lines(unproven, "zh")), "\n".join(lines(unproven, "en"))
    assert told["least_short"] > 0
    assert "没有找到全部达到的方案，但未证明达不到" in zh
    assert "有目标或下限达不到" not in zh
    assert "that none exists is not proven" in en
    assert "the best plan that misses as few" in en
    assert "certified" not in en
    _, enough = chosen_of(home, asked(make, (3_000_000, 3_000_000, 3_000_000), {2029: 0.5}))
    plain = [one | {"total": one["total"] | {"coverage": {}}, "regions": []} for one in (unproven, told, enough)]
    assert compare(plain[0], plain[1])["same_unit"]
    assert not compare(plain[0], plain[2])["same_unit"]
