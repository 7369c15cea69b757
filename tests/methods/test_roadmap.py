"""The cheapest roadmap, against an oracle that tries every set and every calendar of small instances."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.methods.goal import Gate, Hurdle, Node, Steps, Sum, states_of, value, ways
from steelyard.methods.roadmap import (
    HIGH,
    LOW,
    MID,
    Plan,
    Solution,
    Task,
    after,
    calendar_ends,
    missing,
    rest,
    roadmap,
    shortfall,
    solve,
)

STATES = range(6)
TENTH = Fraction(1, 10)


def same(amount: float) -> tuple[float, float, float]:
    return (amount, amount, amount)


def spent(task: Task, begins: dict[int, int], year: int, end: int = MID) -> float:
    """What a calendar costs in a year."""
    lengths = {one: task.solutions[one].quarters() for one in begins}
    return sum(task.solutions[one].cost[end] / lengths[one]
               * sum(4 * year <= q < 4 * year + 4 for q in range(begin, begin + lengths[one]))
               for one, begin in begins.items())  # fmt: skip


def fits(task: Task, chosen: tuple[int, ...], end: int = MID) -> bool:
    """Whether some calendar keeps needs, capacity, deadline and yearly budget: every begin of each is tried."""
    lengths = {one: task.solutions[one].quarters() for one in chosen}

    def place(begins: dict[int, int], left: list[int]) -> bool:
        if not left:
            limit = task.yearly
            return limit is None or all(
                spent(task, begins, year, end) <= limit + 1e-9 for year in range(task.quarters // 4 + 1)
            )
        one, rest = left[0], left[1:]
        ready = max((begins[need] + lengths[need] for need in task.solutions[one].needs), default=task.first)
        for begin in range(ready, task.quarters - lengths[one] + 1):
            running = [
                sum(b <= q < b + lengths[o] for o, b in begins.items()) for q in range(begin, begin + lengths[one])
            ]
            if max(running) < task.at_once and place({**begins, one: begin}, rest):
                return True
        return False

    return place({}, sorted(chosen))  # solutions need only those numbered before them


def every_plan(task: Task, end: int = MID) -> list[tuple[int, ...]]:
    """All sets within every limit, cheapest first."""
    found = []
    for size in range(len(task.solutions) + 1):
        for chosen in combinations(range(len(task.solutions)), size):
            closed = all({*task.solutions[one].needs} <= {*chosen} for one in chosen)
            cost = sum(task.solutions[one].cost[end] for one in chosen)
            if closed and (task.budget is None or cost <= task.budget) and fits(task, chosen, end):
                found.append(chosen)
    return sorted(found, key=lambda chosen: sum(task.solutions[one].cost[end] for one in chosen))


sums = st.builds(
    lambda constant, weights: Sum(Fraction(constant, 10), tuple((Fraction(w, 10), s) for s, w in weights.items())),
    st.integers(0, 3), st.dictionaries(st.sampled_from(STATES), st.integers(1, 9), min_size=2, max_size=6),
)  # fmt: skip


def hurdles(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Hurdle]:
    return st.builds(lambda node, least: Hurdle(node, Fraction(least, 10)), nodes, st.integers(1, 14))


def above(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    gates = st.lists(
        st.tuples(st.integers(1, 4), st.lists(hurdles(nodes), min_size=1, max_size=2)), min_size=1, max_size=3
    )
    shares = st.lists(sums.map(capped), min_size=2, max_size=3)
    return st.one_of(
        gates.map(lambda steps: Gate(tuple((Fraction(worth), tuple(tests)) for worth, tests in steps))),
        shares.map(lambda parts: Steps(8 * TENTH, tuple(parts))),
        st.lists(st.tuples(st.integers(1, 5), nodes), min_size=1, max_size=2).map(
            lambda parts: Sum(parts=tuple((Fraction(w, 5), node) for w, node in parts))),
    )  # fmt: skip


def capped(node: Sum) -> Sum:
    """A sum of at most 1, as satisfactions are."""
    whole = node.constant + sum(weight for weight, _ in node.states)
    return Sum(node.constant / whole, tuple((weight / whole, state) for weight, state in node.states))


trees = st.one_of(above(st.one_of(sums, above(sums))), above(sums), sums)


@st.composite
def solutions(draw: st.DrawFn) -> tuple[Solution, ...]:
    made = []
    for number in range(draw(st.integers(2, 5))):
        low, more, most = draw(st.integers(0, 9)), draw(st.integers(0, 5)), draw(st.integers(0, 9))
        months = draw(st.integers(1, 8))
        needs = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number and draw(st.booleans()) else set()
        gives = draw(st.frozensets(st.sampled_from(STATES), min_size=1, max_size=2))
        made.append(
            Solution(f"m{number}", (low, low + more, low + more + most), same(months), tuple(sorted(needs)), gives)
        )
    return tuple(made)


def reachable(dice: random.Random, held: frozenset[int], everything: frozenset[int]) -> Node:
    """A gate, or a sum with a gate or with levels in it, whose hurdles lie between what is held and what can come to be."""

    def plain() -> Sum:
        return Sum(
            Fraction(dice.randint(0, 3), 10),
            tuple((Fraction(dice.randint(1, 9), 10), s) for s in dice.sample(STATES, 4)),
        )

    def hurdle() -> Hurdle:
        node = plain()
        low, top = value(node, held), value(node, everything)
        return Hurdle(node, low + (top - low) * Fraction(dice.randint(1, 5), 5) + (TENTH if top == low else 0))

    def gate() -> Gate:
        return Gate(
            tuple(
                (Fraction(dice.randint(1, 3)), (hurdle(), *([hurdle()] if dice.random() < 0.5 else [])))
                for _ in range(3)
            )
        )

    inside = dice.choice([gate(), Steps(8 * TENTH, (capped(plain()), capped(plain())))])
    return dice.choice([gate(), inside, Sum(parts=((Fraction(1, 2), plain()), (Fraction(1, 3), inside)))])


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    """A goal between what is held and what all solutions together come to; limits that often bind."""
    made, held = draw(solutions()), draw(st.frozensets(st.sampled_from(STATES), max_size=1))
    dice = random.Random(draw(st.integers(0, 10**6)))
    everything = held.union(*(one.gives for one in made))
    node = reachable(dice, held, everything)
    low, top = value(node, held), value(node, everything)
    least = low + (top - low) * Fraction(dice.randint(2, 5), 5) + (TENTH if top == low else 0)
    reach = ways(node, least) or [(Hurdle(Sum(states=((Fraction(1), 9),)), Fraction(1)),)]
    cost = sum(one.cost[MID] for one in made)
    budget, yearly = (
        cost * dice.choice(parts) / 10 or None if dice.random() < 0.5 else None for parts in ((3, 5, 8, 10), (2, 3, 6))
    )
    return Task(made, tuple(reach), held, draw(st.integers(3, 7)), draw(st.integers(1, 2)), budget, yearly)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks())
def test_the_plan_is_the_cheapest_of_all_sets_and_calendars(task: Task):
    allowed = every_plan(task)
    reaching = [chosen for chosen in allowed if shortfall(task, chosen) == 0]
    plan, timed_out = solve(task)
    assert not timed_out
    assert (plan is None) == (not reaching)
    if plan:
        assert plan.cost == sum(task.solutions[one].cost[MID] for one in reaching[0])
        assert plan.proven
        assert tuple(sorted(plan.chosen)) in allowed
        assert shortfall(task, plan.chosen) == 0
        assert kept(task, plan.starts)


def kept(task: Task, starts: dict[int, int]) -> bool:
    """Whether a calendar keeps every limit."""
    lengths = {one: task.solutions[one].quarters() for one in starts}
    needs = all(
        starts[need] + lengths[need] <= begin for one, begin in starts.items() for need in task.solutions[one].needs
    )
    room = all(
        sum(begin <= q < begin + lengths[one] for one, begin in starts.items()) <= task.at_once
        for q in range(task.quarters)
    )
    within = all(task.first <= begin and begin + lengths[one] <= task.quarters for one, begin in starts.items())
    paid = task.yearly is None or all(
        spent(task, starts, year) <= task.yearly + 1e-6 for year in range(task.quarters // 4 + 1)
    )
    return needs and room and within and paid


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks())
def test_where_the_goal_is_out_of_reach_the_nearest_plan_misses_it_by_the_least(task: Task):
    found = roadmap(task)
    if found.plan is not None:
        return
    allowed = every_plan(task)
    least = min(shortfall(task, chosen) for chosen in allowed)
    assert found.nearest is not None
    assert found.nearest.short == least
    cheapest = next(chosen for chosen in allowed if shortfall(task, chosen) == least)
    assert found.nearest.cost == sum(task.solutions[one].cost[MID] for one in cheapest)
    for bind in found.binds:
        assert shortfall(task, bind.plan.chosen) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tasks())
def test_the_next_best_is_the_cheapest_that_does_without_some_of_those_chosen(task: Task):
    found = roadmap(task)
    if found.plan is None or not found.plan.starts:
        return
    others = [
        chosen for chosen in every_plan(task) if shortfall(task, chosen) == 0 and not found.plan.chosen <= {*chosen}
    ]
    assert (found.second is None) == (not others)
    if found.second:
        assert found.second.cost == sum(task.solutions[one].cost[MID] for one in others[0])
        assert found.second.cost >= found.plan.cost


@settings(max_examples=200, deadline=None)
@given(trees, st.frozensets(st.sampled_from(STATES)), st.integers(1, 30))
def test_one_way_is_cleared_exactly_where_the_tree_reaches_the_value(node: Node, held: frozenset[int], tenths: int):
    least = tenths * TENTH
    cleared = any(not any(missing(way, held)) for way in ways(node, least))
    assert cleared == (value(node, held) >= least)


@settings(max_examples=100, deadline=None)
@given(trees, st.frozensets(st.sampled_from(STATES)), st.sampled_from(STATES))
def test_one_more_state_never_lowers_a_value(node: Node, held: frozenset[int], more: int):
    assert value(node, held | {more}) >= value(node, held)
    assert value(node, held) == value(node, held & states_of(node))


@pytest.mark.parametrize(("levels", "score"), [
    ([1, 1, 0.55], 2.55), ([1, 1, 0.8], 3), ([0.8, 0.8, 0.8, 0.55], 3.55), ([1, 1, 1, 0.71], 3.71), ([0.79, 1, 1], 0.79), ([], 0),
])  # fmt: skip
def test_levels_count_one_by_one_until_the_first_that_is_not_met(levels, score):
    node = Steps(8 * TENTH, tuple(Sum(Fraction(str(level))) for level in levels))
    assert value(node, ()) == Fraction(str(score))


def chain(count: int, months: float = 3, **limits) -> Task:
    """Each needs the one before; all are wanted."""
    made = tuple(Solution(f"m{n}", (8, 10, 15), (months, months, 2 * months), (n - 1,) if n else (), frozenset({n}))
                 for n in range(count))  # fmt: skip
    goal = Sum(states=tuple((Fraction(1), n) for n in range(count)))
    return Task(made, tuple(ways(goal, Fraction(count))), frozenset(), **{"quarters": 12, **limits})


def test_what_is_needed_ends_before_what_needs_it_begins():
    assert solve(chain(3, 4))[0].starts == {0: 0, 1: 2, 2: 4}


def test_only_so_many_run_at_once():
    many = replace(chain(4), solutions=tuple(replace(one, needs=()) for one in chain(4).solutions))
    assert sorted(solve(many)[0].starts.values()) == [0, 0, 1, 1]
    assert sorted(solve(replace(many, at_once=1))[0].starts.values()) == [0, 1, 2, 3]


def test_a_yearly_budget_spreads_a_plan_over_years_and_a_budget_in_all_does_not():
    assert solve(chain(3, yearly=10))[0].starts == {0: 0, 1: 4, 2: 8}
    assert solve(chain(3, budget=30))[0].starts == {0: 0, 1: 1, 2: 2}
    assert solve(chain(3, budget=29))[0] is None


def test_the_limit_that_binds_is_named_with_what_would_do():
    short_of_money = roadmap(chain(3, budget=29))
    assert [(bind.lifted, bind.plan.cost) for bind in short_of_money.binds] == [("budget", 30)]
    assert (short_of_money.nearest.short, short_of_money.nearest.cost) == (Fraction(1, 3), 20)
    short_of_time = roadmap(chain(3, quarters=2))
    assert [(bind.lifted, bind.quarters) for bind in short_of_time.binds] == [("time", 3)]
    assert [bind.lifted for bind in roadmap(chain(3, quarters=2, budget=29)).binds] == ["both"]


def test_a_goal_that_nothing_reaches_is_told_by_what_is_missed_with_no_limit_to_lift():
    task = replace(chain(2), ways=tuple(ways(Sum(states=((Fraction(1), 0), (Fraction(1), 5))), Fraction(2))))
    found = roadmap(task)
    assert (found.plan, found.binds, found.nearest.short) == (None, (), Fraction(1, 2))
    assert found.nearest.chosen == {0}


def test_waiting_a_year_is_solved_anew_and_can_miss_the_deadline():
    found = roadmap(chain(3, quarters=7))
    assert found.later.starts == {0: 4, 1: 5, 2: 6}
    missed = roadmap(chain(3, quarters=6))
    assert (missed.later, missed.much_later.ends(chain(3))) == (None, 7)


def test_a_choice_is_unstable_where_the_other_is_cheaper_at_an_end():
    either = (
        Solution("a", (1, 10, 90), same(3), gives=frozenset({0})),
        Solution("b", (5, 11, 20), same(3), gives=frozenset({0})),
    )
    found = roadmap(Task(either, tuple(ways(Sum(states=((Fraction(1), 0),)), Fraction(1))), frozenset(), 4))
    assert (found.plan.chosen, found.second.cost) == ({0}, 11)
    assert (found.at[LOW].chosen, found.at[HIGH].chosen) == ({0}, {1})


def test_without_one_solution_its_followers_fall_too():
    task = chain(3)
    assert rest(task, frozenset({0, 1, 2}), 1) == {0}
    assert missing(task.ways[0], after(task, {0})) == [2]


def test_ends_are_told_for_durations_at_their_low_and_high_end_too():
    task = chain(3)
    assert calendar_ends(task, solve(task)[0]) == (3, 3, 6)


def test_what_costs_nothing_and_does_nothing_is_not_chosen():
    idle = Solution("idle", same(0), same(3), gives=frozenset({9}))
    task = chain(1)
    assert solve(replace(task, solutions=(*task.solutions, idle)))[0].chosen == {0}


def test_the_gap_is_the_share_of_the_cost_that_could_be_saved_at_most_and_none_once_proven():
    assert Plan({0: 0}, 10, 9, proven=False).gap == pytest.approx(0.1)
    assert Plan({0: 0}, 10, 9.9999999, proven=True).gap == 0


def test_a_solver_without_time_claims_no_proof():
    plan, timed_out = solve(chain(3), seconds=0)
    assert plan is None or plan.proven or plan.bound <= plan.cost
    assert timed_out or plan is not None


def test_a_set_that_fits_no_calendar_gives_way_to_the_cheapest_that_does():
    """In all, the two would fit; but what follows the first falls into the first year, whose budget both together pass."""
    first, after_it = (
        Solution("a", same(10), same(3), gives=frozenset({0})),
        Solution("b", same(10), same(9), (0,), frozenset({1})),
    )
    both = Solution("both", same(21), same(6), gives=frozenset({0, 1}))
    goal = tuple(ways(Sum(states=((Fraction(1), 0), (Fraction(1), 1))), Fraction(2)))
    task = Task((first, after_it, both), goal, frozenset(), 5, yearly=12)
    assert solve(replace(task, yearly=20))[0].chosen == {0, 1}
    assert solve(task)[0].starts == {2: 3}


def test_a_goal_already_reached_needs_nothing():
    plan = solve(replace(chain(2), held=frozenset({0, 1})))[0]
    assert (plan.starts, plan.cost, plan.proven) == ({}, 0, True)
