"""Why a plan is as it is: prices against what more in fact buys, the parts of a firm's standing, two plans side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import nation

from steelyard.methods.choose.chains import chains
from steelyard.methods.choose.explain import binding, buys, compare, standing
from steelyard.methods.choose.leader_first import lead
from steelyard.methods.choose.plan import Plan, choose
from steelyard.methods.choose.prices import reduced


@pytest.fixture(scope="module")
def plan() -> Plan:
    return choose(nation(5_000, 1))


def test_what_binds_is_used_up_and_what_is_left_over_has_no_price(plan):
    found = binding(plan)
    assert {one.kind for one in found} == {"budget", "floor"}
    assert all(abs(one.used - one.limit) <= 0.02 * one.limit + 1 for one in found)
    assert [one.year for one in found if one.kind == "budget"] == [6, 5, 4, 3, 2]


def test_more_money_in_a_dear_year_buys_what_its_price_says_and_never_more(plan):
    money = np.zeros(plan.problem.years)
    money[5] = 0.001 * plan.problem.cost.sum()
    found = buys(plan, money)
    assert 0 < found.gains <= found.at_prices + 1e-3 * abs(found.at_prices) + 2e-5 * plan.value
    assert found.gains == pytest.approx(found.at_prices, rel=0.3)


def test_money_in_a_year_that_has_enough_buys_nothing(plan):
    money = np.zeros(plan.problem.years)
    money[0] = 100.0
    assert buys(plan, money).gains == pytest.approx(0, abs=4e-5 * plan.value)


def test_without_the_money_the_targets_are_out_of_reach(plan):
    assert buys(plan, -0.7 * plan.problem.budget) is None


def test_of_chains_too_it_is_said_what_binds_and_what_more_money_buys():
    count = np.arange(20.0, 30.0)
    many = np.bincount(np.arange(10) % 2, count)
    found = lead(chains(
        region=np.arange(10) % 2, suppliers=count, leader=5 + 0.03 * count, supplier=1 + 0.01 * count, saving=np.full(10, 0.3),
        budget=np.full(4, 0.3 * (count * (1 + 0.01 * count)).sum()), capacity=np.repeat(0.4 * many[:, None], 4, axis=1),
        floors=0.9 * many[:, None], by=np.array([3]), price=0.9 ** np.arange(4),
    ))  # fmt: skip
    bound_by = [one for one in binding(found) if one.kind == "budget"]
    assert bound_by
    money = np.zeros(4)
    money[bound_by[0].year] = 5.0
    more = buys(found, money)
    assert more.at_prices == pytest.approx(5 * bound_by[0].price)
    assert 0 < more.gains <= more.at_prices * (1 + 1e-6) + 1e-6


def test_the_parts_of_a_firms_standing_add_up_to_its_reduced_cost(plan):
    for firm in (0, 17, 4_321):
        found = standing(plan, firm)
        assert found.reduced == pytest.approx(found.money + found.budget + found.days - found.weight - found.floors)
        rows = reduced(plan.problem, plan.prices, np.array([firm]))[0]
        assert found.reduced == pytest.approx(rows[found.year if found.year >= 0 else found.best])


def test_funded_firms_stand_below_those_that_are_not(plan):
    one = int(np.flatnonzero(plan.problem.region == 0)[0])
    region = plan.problem.region == plan.problem.region[one]
    inside = max(standing(plan, firm).reduced for firm in np.flatnonzero(region & (plan.year >= 0)))
    outside = min(standing(plan, firm).reduced for firm in np.flatnonzero(region & (plan.year < 0)))
    assert inside <= outside + 0.5


def test_two_plans_are_compared_by_firms_sums_and_prices(plan):
    poorer = choose(replace(plan.problem, floors=np.floor(0.9 * plan.problem.floors)))
    found = compare(plan, poorer)
    assert len(found.dropped) > 0
    assert found.value < 0
    assert found.value == pytest.approx(poorer.value - plan.value)
    assert found.by_region.sum() == len(found.added) - len(found.dropped)
    after, before = found.prices[0]
    assert after.price != before


def test_a_plan_compared_with_itself_differs_in_nothing(plan):
    found = compare(plan, plan)
    assert (len(found.added), len(found.dropped), len(found.shifted), found.value, found.prices) == (0, 0, 0, 0, ())
