"""Totals over regions, costs that another's example lowers, and the bound over leaders and pilots: against all plans of tiny worlds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import nation, tiny

from steelyard.errors import InputError
from steelyard.methods.choose import joint, plan
from steelyard.methods.choose.explain import binding, priced
from steelyard.methods.choose.plan import choose
from steelyard.methods.choose.prices import Prices
from steelyard.methods.choose.prices import bound as lower
from steelyard.methods.choose.problem import Problem, problem
from steelyard.methods.choose.shortfall import least_short, shortfall


def shared(seed: int) -> Problem:
    """Five firms in two regions and two years; a total; two groups, one of which pays less in the second year."""
    random = np.random.default_rng(seed)
    world = tiny(seed)
    return replace(
        world, floors=np.minimum(world.floors, 1.0), total=np.array([1.0, float(random.integers(1, 5))]),
        group=random.integers(0, 2, 5).astype(np.int32), share=np.array([[1.0, 1.0], [1.0, 0.6]]),
    )  # fmt: skip


def worth(world: Problem, year: np.ndarray, cost: np.ndarray) -> float | None:
    """What a plan counts if each firm pays ``cost`` (n, T), firm by firm; None where it keeps not every limit."""
    spent, used, reached = np.zeros(world.years), np.zeros(world.capacity.shape), np.zeros(world.floors.shape)
    value = 0.0
    for firm, at in enumerate(year):
        if at >= 0:
            spent[at] += cost[firm, at]
            used[world.region[firm], at] += world.days[firm]
            reached[world.region[firm]] += at <= world.by
            value += cost[firm, at] * world.price[at] - world.weight[firm] * world.worth[at]
    counted = reached[: world.regions - world.aside].sum(axis=0)
    near = 1 + 1e-9
    kept = (
        (spent <= world.budget * near).all() and (used <= world.capacity * near).all()
        and (reached >= world.floors).all() and (counted >= world.total).all()
    )  # fmt: skip
    return value if kept else None


def plans(world: Problem):
    return map(np.array, product(range(-1, world.years), repeat=world.firms))


def best_of(world: Problem) -> float | None:
    cost = world.cost[:, None] * world.share[world.group]
    return min((value for year in plans(world) if (value := worth(world, year, cost)) is not None), default=None)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_with_totals_and_shares_a_tiny_plan_is_the_best_of_all_plans(seed, most):
    world = shared(seed).most() if most else shared(seed)
    truth, found = best_of(world), choose(world)
    assert (found is None) == (truth is None)
    if found is not None:
        assert found.value == pytest.approx(truth, abs=1e-6)
        assert found.bound <= truth + 1e-6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_without_the_whole_program_it_is_kept_and_never_better_than_the_best(seed):
    world = shared(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SMALL", 0)
        found = choose(world)
    if found is not None:
        cost = world.cost[:, None] * world.share[world.group]
        assert worth(world, found.year, cost) == pytest.approx(found.value)
        assert found.bound - 1e-6 <= best_of(world) <= found.value + 1e-6


def test_the_least_shortfall_counts_totals_too():
    world = replace(shared(3), budget=np.array([0.0, 0.0]))
    found = shortfall(world)
    assert found.least == least_short(world) == world.floors.sum() + world.total.sum()
    assert found.total_short.tolist() == world.total.tolist()


def test_a_target_over_all_regions_is_met_where_it_is_cheapest():
    world = nation(3_000, 1)
    floors = np.floor(world.floors * 0.5)
    total = np.ceil(0.9 * world.floors.sum(axis=0))
    found = choose(replace(world, floors=floors, total=total))
    assert found.feasible
    assert (found.reached_in_all >= total).all()
    assert found.gap <= 1e-3
    assert found.value < choose(replace(world, floors=np.ceil(0.9 * world.floors))).value
    assert {one.kind for one in binding(found)} >= {"total"}
    assert [one.limit for one in priced(found, found.prices) if one.kind == "total"] == total.tolist()


def test_regions_aside_count_towards_no_total():
    world = problem(np.array([0, 1]), np.array([5.0, 1.0]), np.zeros(2), np.array([10.0]), np.zeros((2, 1)), np.zeros((2, 1)), np.array([0]),
                    total=np.array([1.0]), aside=1)  # fmt: skip
    assert choose(world).year.tolist() == [0, -1]


def test_firms_that_pay_less_later_wait():
    count = 400
    random = np.random.default_rng(0)
    cost = random.lognormal(0, 0.5, count)
    world = problem(np.zeros(count, dtype=int), cost, np.ones(count), np.full(2, cost.sum()), np.full((1, 2), count), np.array([[count]]), np.array([1]),
                    group=np.arange(count) % 2, share=np.array([[1.0, 1.0], [1.0, 0.5]]), price=np.array([1.0, 0.9]))  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SMALL", 0)
        found = choose(world)
    assert found.spent.sum() == pytest.approx(world.paid(found.year).sum())
    assert (found.year == 1).all()
    assert found.value == pytest.approx(0.9 * (cost[::2].sum() + 0.5 * cost[1::2].sum()))


@pytest.mark.parametrize(("code", "changed"), [
    ("SY771", {"total": np.array([1.0, 2.0])}), ("SY770", {"total": np.array([-1.0])}), ("SY771", {"group": np.array([0, 1])}),
    ("SY770", {"share": np.array([[1.0, -0.5]])}), ("SY771", {"share": np.array([[1.0]])}),
])  # fmt: skip
def test_bad_totals_and_shares_are_refused(code, changed):
    given_whole = {"region": np.array([0, 0]), "cost": np.ones(2), "days": np.ones(2), "budget": np.ones(2), "capacity": np.ones((1, 2)),
                   "floors": np.zeros((1, 1)), "by": np.array([1])}  # fmt: skip
    with pytest.raises(InputError) as refused:
        problem(**(given_whole | changed))
    assert refused.value.code == code


# leaders and pilots

LED = joint.Led(np.array([-1, 0, 0, -1, -1]), np.array([0]), np.array([0.4]))
TAUGHT = joint.Taught(np.array([-1, 0, -1, 0, 0]), 0.3, 3.0)


def costs(world: Problem, year: np.ndarray, pilots: tuple[int, ...], *, led: bool, taught: bool) -> np.ndarray:
    """(n, T) what each firm pays if leaders and pilots go in these years."""
    cost = np.repeat(world.cost[:, None], world.years, axis=1)
    for firm in range(world.firms):
        for at in range(world.years):
            if led and LED.chain[firm] >= 0 and 0 <= year[LED.leader[0]] < at:
                cost[firm, at] *= 0.6
            if taught and TAUGHT.cell[firm] >= 0 and pilots and firm not in pilots and at > 0:
                cost[firm, at] *= 0.7
    return cost


def best_joint(world: Problem, *, led: bool, taught: bool) -> float | None:
    """The best of all plans, leaders' years and sets of pilots (firms of the first year that the pilots' money pays)."""
    found = []
    for year in plans(world):
        able = [firm for firm in range(world.firms) if TAUGHT.cell[firm] >= 0 and year[firm] == 0]
        some = [()] + [(firm,) for firm in able if world.cost[firm] <= TAUGHT.budget] if taught else [()]
        found += [worth(world, year, costs(world, year, pilots, led=led, taught=taught)) for pilots in some]
    return min((one for one in found if one is not None), default=None)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(True, False), (False, True), (True, True)]), st.booleans())
def test_any_prices_give_a_bound_over_all_years_of_leaders_and_all_pilots(seed, parts, most):
    led, taught = parts
    world, random = (tiny(seed).most() if most else tiny(seed)), np.random.default_rng(seed)
    prices = Prices(random.exponential(0.3, 2), random.exponential(0.05, (2, 2)), random.exponential(2, (2, 2)))
    truth = best_joint(world, led=led, taught=taught)
    if truth is not None:
        assert joint.bound(world, prices, LED if led else None, TAUGHT if taught else None) <= truth + 1e-9


def test_without_leaders_and_pilots_it_is_the_usual_bound():
    world = nation(3_000, 1)
    prices = choose(world).prices
    assert joint.bound(world, prices) == pytest.approx(lower(world, prices))


def test_a_leader_whose_followers_save_more_than_he_costs_is_told_to_go_first():
    cost = np.array([1.0, *[10.0] * 9])
    world = problem(
        np.zeros(10, dtype=int),
        cost,
        np.ones(10),
        np.full(2, 100.0),
        np.full((1, 2), 10.0),
        np.array([[10.0]]),
        np.array([1]),
    )
    led = joint.Led(np.array([-1, *[0] * 9]), np.array([0]), np.array([0.4]))
    prices = Prices(np.zeros(2), np.zeros((1, 2)), np.array([[10.0]]))
    assert joint.leads(world, prices, led).tolist() == [0]
    assert joint.bound(world, prices, led) == pytest.approx(1 - 10 + 9 * (6 - 10) + 100)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_one_who_leads_two_chains_counts_once_at_any_prices(seed):
    world, random = tiny(seed), np.random.default_rng(seed)
    both = joint.Led(np.array([-1, 0, 1, -1, -1]), np.array([0, 0]), np.array([0.4, 0.2]))
    prices = Prices(random.exponential(0.3, 2), random.exponential(0.05, (2, 2)), random.exponential(2, (2, 2)))
    found = []
    for year in plans(world):
        cost = np.repeat(world.cost[:, None], 2, axis=1)
        if year[0] == 0:
            cost[1, 1], cost[2, 1] = 0.6 * world.cost[1], 0.8 * world.cost[2]
        found.append(worth(world, year, cost))
    truth = min((one for one in found if one is not None), default=None)
    if truth is not None:
        assert joint.bound(world, prices, both) <= truth + 1e-9
    assert len(set(joint.leads(world, prices, both).tolist())) == 1
