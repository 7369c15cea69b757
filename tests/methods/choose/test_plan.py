"""Plans of whole firms: against the best of all plans in tiny worlds, and by their own certificate in larger ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import best, fewest_short, kept, nation, tiny

from steelyard.errors import InputError
from steelyard.methods.choose import cohorts, plan, shortfall
from steelyard.methods.choose.books import books
from steelyard.methods.choose.fill import place
from steelyard.methods.choose.plan import choose
from steelyard.methods.choose.prices import Prices, bound
from steelyard.methods.choose.problem import Problem, problem


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_a_tiny_plan_is_the_best_of_all_plans(seed, most):
    world = tiny(seed).most() if most else tiny(seed)
    truth, found = best(world), choose(world)
    assert (found is None) == (truth is None)
    if found is not None:
        assert kept(world, found.year)
        assert found.value == pytest.approx(truth, abs=1e-6)
        assert found.bound <= truth + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_without_the_whole_program_a_plan_is_still_kept_and_never_better_than_the_best(seed, most):
    world = tiny(seed).most() if most else tiny(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SMALL", 0)
        found = choose(world)
    if found is not None:
        truth = best(world)
        assert kept(world, found.year)
        assert found.bound - 1e-6 <= truth <= found.value + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_any_prices_give_a_lower_bound(seed):
    world, random = tiny(seed), np.random.default_rng(seed)
    prices = Prices(random.exponential(0.3, 2), random.exponential(0.05, (2, 2)), random.exponential(2, (2, 2)))
    truth = best(world)
    if truth is not None:
        assert bound(world, prices) <= truth + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_least_shortfall_is_the_least_of_all_plans(seed):
    world = tiny(seed)
    found, truth = shortfall.shortfall(world), fewest_short(world)
    assert found.least == truth == int(found.short.sum())
    assert kept(found.plan.problem, found.plan.year)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_five_thousand_firms_are_planned_to_the_last_unit_within_a_thousandth(seed):
    world = nation(5_000, seed)
    found = choose(world)
    assert found.feasible
    assert kept(world, found.year)
    assert 0 <= found.gap <= 1e-3
    assert found.bound == pytest.approx(bound(world, found.prices), abs=1e-6)


def test_reaching_the_most_spends_the_budgets_and_keeps_the_floors():
    world = nation(5_000, 3)
    poor = replace(world, budget=world.budget * 0.3, floors=np.floor(world.floors * 0.3)).most()
    found = choose(poor)
    assert kept(poor, found.year)
    assert found.gap <= 1e-3
    assert found.weight == pytest.approx(-found.value)
    assert found.spent.sum() > 0.99 * poor.budget.sum()


def test_scarce_provider_days_have_prices_and_are_not_exceeded():
    world = nation(5_000, 4)
    random = np.random.default_rng(4)
    scarce = replace(world, capacity=world.capacity * random.uniform(0.6, 0.95, world.capacity.shape))
    found = choose(scarce)
    assert kept(scarce, found.year)
    assert (found.prices.capacity > 1e-4).any()
    assert found.gap <= 2e-3


def test_a_cheaper_world_is_never_dearer():
    world = nation(3_000, 5)
    more = replace(world, budget=world.budget * 1.2)
    assert cohorts.relax(more).bound <= cohorts.relax(world).value * (1 + 1e-6)


def test_cohorts_are_split_until_bound_and_program_meet():
    found = cohorts.relax(nation(5_000, 6))
    assert (found.value - found.bound) / found.value <= cohorts.CLOSE


def test_placing_follows_the_flows_of_each_region_and_year():
    world = nation(5_000, 7)
    flows = cohorts.relax(world)
    wanted = np.zeros(world.capacity.shape)
    np.add.at(wanted, flows.cohorts.region, flows.flow)
    done = books(world, place(world, flows)).done[:, :-1]
    assert np.abs(done - wanted).max() <= 3


def test_limits_are_tightened_by_the_measured_overrun_and_by_no_more():
    world = nation(2_000, 8)
    year = np.zeros(world.firms, dtype=int)
    tight = plan.tightened(world, books(world, year))
    assert tight.budget[0] == pytest.approx(max(world.budget[0] - (world.cost.sum() - world.budget[0]), 0))
    assert (tight.budget[1:] == world.budget[1:]).all()
    assert (tight.capacity[:, 1:] == world.capacity[:, 1:]).all()
    assert (tight.floors == world.floors).all()


def test_targets_out_of_reach_have_no_plan_but_a_shortfall_and_what_binds():
    world = nation(5_000, 9)
    poor = replace(world, budget=world.budget * 0.3)
    assert choose(poor) is None
    found = shortfall.shortfall(poor)
    assert found.plan.feasible
    assert 0 < found.least <= found.short.sum() <= 1.01 * found.least + 3
    assert (found.prices.budget > 0).all()
    assert found.prices.capacity.max() < 1e-6


def test_a_firm_that_fits_into_no_year_is_short_where_all_are_wanted():
    world = nation(5_000, 0)  # one region of 9 firms has one that needs more provider-days than any of its years has
    assert choose(world) is None
    found = shortfall.shortfall(world)
    assert (found.least, found.short.sum()) == (1, 1)
    assert found.plan.gap <= 1e-3


def test_a_budget_of_zero_funds_nobody():
    world = nation(1_000, 10)
    broke = replace(world, budget=np.zeros(world.years))
    found = shortfall.shortfall(broke)
    assert (found.plan.year == -1).all()
    assert found.least == world.floors.sum()
    nobody = choose(replace(broke, floors=np.zeros_like(world.floors)).most())
    assert (nobody.value, nobody.gap, nobody.feasible) == (0, 0, True)


def test_a_region_without_firms_and_without_floors_is_left_alone():
    world = nation(5_000, 1)
    wider = replace(
        world,
        capacity=np.vstack([world.capacity, np.ones((1, world.years))]),
        floors=np.vstack([world.floors, [[0, 0]]]),
    )
    assert choose(wider).value == pytest.approx(choose(world).value, rel=2e-3)


def given_with(**changed) -> Problem:
    whole = {
        "region": np.array([0, 1]), "cost": np.ones(2), "days": np.ones(2), "budget": np.ones(3), "capacity": np.ones((2, 3)),
        "floors": np.zeros((2, 1)), "by": np.array([2]),
    }  # fmt: skip
    return problem(**(whole | changed))


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("SY770", {"cost": np.array([1.0, -1.0])}),
        ("SY770", {"days": np.array([np.nan, 1.0])}),
        ("SY770", {"budget": np.array([1.0, -1.0, 0.0])}),
        ("SY771", {"capacity": np.ones((2, 2))}),
        ("SY771", {"region": np.array([0, 2])}),
        ("SY771", {"by": np.array([3])}),
        ("SY772", {"region": np.array([0, 0]), "floors": np.array([[0.0], [1.0]])}),
    ],
)
def test_bad_input_is_refused(code, changed):
    with pytest.raises(InputError) as refused:
        given_with(**changed)
    assert refused.value.code == code
    assert refused.value.say("zh")


def test_floors_are_rounded_up_to_whole_firms():
    assert given_with(floors=np.array([[0.2], [1.0]])).floors.tolist() == [[1.0], [1.0]]
