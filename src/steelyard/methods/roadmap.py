"""The cheapest set and order of solutions that reaches a goal under budget, needs and time: exact, by HiGHS.

First the set is chosen under limits that every calendar keeps (work that fits, cost in all); where a calendar for that set is
found, it is the cheapest of all. Else set and calendar are chosen in one program. Of calendars the one that ends first counts,
then the one with the least sum of ends.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from steelyard.methods.goal import Way, value
from steelyard.methods.milp import Found, minimise
from steelyard.methods.programme import HIGH, LOW, MID, QUARTERS, Programme, Solution, Task

__all__ = [
    "HIGH",
    "LOW",
    "MID",
    "Bind",
    "Plan",
    "Roadmap",
    "Solution",
    "Task",
    "calendar_ends",
    "missing",
    "rest",
    "roadmap",
    "shortfall",
    "solve",
]  # fmt: skip
SECONDS = 30.0
LONGEST = 40  # quarters: how far ahead is looked for what more time would allow


@dataclass(frozen=True)
class Plan:
    """Which solutions begin in which quarter, earliest first; their cost, and a certified lower bound of the least cost.

    ``proven`` says that the two meet. ``short`` is the sum of the shares by which hurdles are missed: 0 where the goal is reached.
    """

    starts: dict[int, int]
    cost: float
    bound: float
    proven: bool
    short: Fraction = Fraction(0)

    @property
    def chosen(self) -> frozenset[int]:
        """The solutions of the plan."""
        return frozenset(self.starts)

    @property
    def gap(self) -> float:
        """How far the cost may lie above the least one, as a share of it."""
        return 0.0 if self.proven else (self.cost - self.bound) / max(self.cost, 1e-9)

    def ends(self, task: Task) -> int:
        """The quarter before which all is done; 0 where nothing is to do."""
        return max((begin + task.solutions[one].quarters() for one, begin in self.starts.items()), default=0)


@dataclass(frozen=True)
class Bind:
    """What would do if a limit were lifted: ``budget``, ``time`` or both; the plan that then reaches the goal."""

    lifted: str
    plan: Plan
    quarters: int


@dataclass(frozen=True)
class Roadmap:
    """The plan and what explains it; without a plan that reaches the goal, the nearest one and what binds.

    ``second`` is the cheapest plan that does without one at least of those chosen; ``later`` the plan when nothing begins in the
    first year, ``much_later`` that with one more year to end where the deadline cannot be kept; ``at`` the sets chosen at the
    low and the high end of costs.
    """

    plan: Plan | None
    timed_out: bool
    second: Plan | None = None
    later: Plan | None = None
    much_later: Plan | None = None
    at: dict[int, Plan | None] = field(default_factory=dict)
    nearest: Plan | None = None
    binds: tuple[Bind, ...] = ()


def roadmap(task: Task, seconds: float = SECONDS) -> Roadmap:
    """Plan, next best, price of waiting, both ends of costs; or the nearest plan and what binds. ``seconds`` bound each solve."""
    plan, timed_out = solve(task, seconds=seconds)
    if plan is None:
        if timed_out:
            return Roadmap(None, timed_out=True)
        return Roadmap(None, timed_out=False, nearest=nearest(task, seconds), binds=tuple(_binds(task, seconds)))
    waiting = replace(task, first=task.first + QUARTERS)
    longer = replace(waiting, quarters=task.quarters + QUARTERS)
    with ThreadPoolExecutor() as pool:  # the solver lets other threads run
        second = pool.submit(solve, task, cut=plan.chosen, seconds=seconds) if plan.starts else None
        ends = {end: pool.submit(solve, task, end, seconds=seconds, start=plan.chosen) for end in (LOW, HIGH)}
        later = _again(waiting, plan, seconds)
        much_later = None if later else _again(longer, plan, seconds)
        at = {end: job.result()[0] for end, job in ends.items()}
        return Roadmap(plan, timed_out, second.result()[0] if second else None, later, much_later, at)


def solve(task: Task, end: int = MID, cut: frozenset[int] = frozenset(), seconds: float = SECONDS,
          start: frozenset[int] = frozenset()) -> tuple[Plan | None, bool]:  # fmt: skip
    """The cheapest plan at one end of costs, not holding all of ``cut``; None where there is none; and whether time ran out.

    ``start`` is a set to begin the search from.
    """
    if task.first >= task.quarters:
        return None, False
    return _solve(task, seconds, end=end, cut=cut, start=start)


def _again(task: Task, plan: Plan, seconds: float) -> Plan | None:
    """The cheapest plan of a task that allows less than the one for which ``plan`` is cheapest: the same set, where it still fits."""
    same = _calendar(task, plan.chosen, MID, time.monotonic() + seconds) if task.quarters > task.first else None
    if plan.proven and same is not None:
        return replace(plan, starts=_ordered(task, same))
    return solve(task, seconds=seconds)[0]


def nearest(task: Task, seconds: float = SECONDS) -> Plan | None:
    """The plan within all limits that misses the goal by the least sum of shares, and of those the cheapest."""
    closest, _ = _solve(task, seconds, soft=True)
    if closest is None:
        return None
    return _solve(task, seconds, soft=True, most_short=float(closest.short) + 1e-7)[0] or closest


def _solve(task: Task, seconds: float, end: int = MID, cut: frozenset[int] = frozenset(), *, soft: bool = False,
           most_short: float | None = None, start: frozenset[int] = frozenset()) -> tuple[Plan | None, bool]:  # fmt: skip
    until = time.monotonic() + seconds
    rough = Programme(task, end, cut, soft, most_short)
    begin = {column: float(one in start) for one, column in enumerate(rough.picked)} if start else None
    found = minimise(rough.program, seconds, begin)
    if found.values is None:
        return None, found.timed_out
    chosen = _pruned(task, _picked(rough, found), end)
    starts = _calendar(task, chosen, end, until)
    if starts is None:
        rough_bound = found.bound
        full = Programme(task, end, cut, soft, most_short)
        full.calendar(range(len(task.solutions)), task.quarters)
        found = minimise(full.program, until - time.monotonic())
        if found.values is None:
            return None, found.timed_out
        found = replace(found, bound=max(found.bound, rough_bound))
        chosen = _pruned(task, _picked(full, found), end)
        begun = _begun(full, found)
        starts = _calendar(task, chosen, end, until) or {one: begun[one] for one in chosen}
    return _plan(task, starts, end, found, soft=soft), found.timed_out


def _plan(task: Task, starts: dict[int, int], end: int, found: Found, *, soft: bool) -> Plan:
    short = shortfall(task, starts)
    if short and not soft:
        raise ArithmeticError("the solver's plan misses its own goal")
    cost = sum(task.solutions[one].cost[end] for one in starts)
    ordered = dict(
        sorted(starts.items(), key=lambda item: (item[1], item[1] + task.solutions[item[0]].quarters(), item[0]))
    )
    return Plan(ordered, cost, min(found.bound, cost), not found.timed_out, short)


def _ordered(task: Task, starts: dict[int, int]) -> dict[int, int]:
    return dict(
        sorted(starts.items(), key=lambda item: (item[1], item[1] + task.solutions[item[0]].quarters(), item[0]))
    )


def _picked(programme: Programme, found: Found) -> frozenset[int]:
    assert found.values is not None  # noqa: S101  - callers have looked
    return frozenset(np.flatnonzero(found.values[: len(programme.picked)] > 0.5).tolist())


def _begun(programme: Programme, found: Found) -> dict[int, int]:
    values = found.values
    assert values is not None  # noqa: S101  - callers have looked
    return {one: quarter for one, begins in programme.begun.items() for quarter, column in begins.items()
            if values[column] > 0.5}  # fmt: skip


def _pruned(task: Task, chosen: frozenset[int], end: int) -> frozenset[int]:
    """Without what costs nothing and does nothing: the solver may leave it in."""
    for one in sorted(chosen):
        kept = rest(task, chosen, one)
        idle = all(task.solutions[other].cost[end] == 0 for other in chosen - kept)
        if idle and shortfall(task, kept) <= shortfall(task, chosen):
            chosen = kept
    return chosen


def _calendar(task: Task, chosen: frozenset[int], end: int, until: float) -> dict[int, int] | None:
    """When each begins, ending as early as can be; None where they do not fit, or time ran out before one was found."""
    if not chosen:
        return {}
    lengths = {one: task.solutions[one].quarters() for one in chosen}
    earliest = task.earliest()
    work = task.first + math.ceil(sum(lengths.values()) / task.at_once)
    least = max(work, *(earliest[one] + length for one, length in lengths.items()))
    members = sorted(chosen)
    renumbered = {one: number for number, one in enumerate(members)}
    part = replace(task, ways=((),), solutions=tuple(
        replace(task.solutions[one], needs=tuple(renumbered[need] for need in task.solutions[one].needs))
        for one in members))  # fmt: skip
    for deadline in range(least, task.quarters + 1):
        programme = Programme(part, end)
        programme.program.lows[: len(members)] = [1.0] * len(members)
        programme.program.costs[: len(members)] = [0.0] * len(members)
        programme.calendar(range(len(members)), deadline, early=True)
        found = minimise(programme.program, until - time.monotonic())
        if found.values is not None:
            return {members[one]: quarter for one, quarter in _begun(programme, found).items()}
        if found.timed_out:
            return None
    return None


def _binds(task: Task, seconds: float) -> Iterable[Bind]:
    """Each single limit that, lifted, lets the goal be reached; both where neither alone does."""
    free = {"budget": None, "yearly": None}
    longer = max(task.quarters, LONGEST)
    limited = task.budget is not None or task.yearly is not None
    trials = {"budget": replace(task, **free)} if limited else {}  # type: ignore[arg-type]
    trials |= {"time": replace(task, quarters=longer)}
    if limited:
        trials["both"] = replace(task, quarters=longer, **free)  # type: ignore[arg-type]
    done = False
    for lifted, trial in trials.items():
        plan = None if done and lifted == "both" else solve(trial, seconds=seconds)[0]
        if plan:
            done = True
            yield Bind(lifted, plan, plan.ends(trial))


def missing(way: Way, held: Collection[int]) -> list[Fraction]:
    """By how much each hurdle of a way is missed; 0 where it is cleared."""
    return [max(Fraction(0), hurdle.least - value(hurdle.node, held)) for hurdle in way]


def shortfall(task: Task, chosen: Collection[int]) -> Fraction:
    """The sum of the shares by which the hurdles of the nearest way are missed once some solutions are done."""
    held = after(task, chosen)
    return min(
        sum((gap / hurdle.least for gap, hurdle in zip(missing(way, held), way, strict=True) if gap), Fraction(0))
        for way in task.ways
    )


def after(task: Task, chosen: Iterable[int]) -> frozenset[int]:
    """The states that hold once some solutions are done."""
    return task.held.union(*(task.solutions[one].gives for one in chosen))


def rest(task: Task, chosen: frozenset[int], one: int) -> frozenset[int]:
    """What is left of a plan without one solution: those that need it, through others too, fall with it."""
    return chosen - _fallen(task, chosen, one)


def _fallen(task: Task, chosen: frozenset[int], one: int) -> frozenset[int]:
    """A solution and all chosen ones that need it, through others too."""
    fallen = {one}
    while more := {n for n in chosen - fallen if fallen & {*task.solutions[n].needs}}:
        fallen |= more
    return frozenset(fallen)


def calendar_ends(task: Task, plan: Plan) -> tuple[int, int, int]:
    """The quarter before which all is done if every duration is at its low, mid or high end, the order kept."""
    return (_ends(task, plan, LOW), plan.ends(task), _ends(task, plan, HIGH))


def _ends(task: Task, plan: Plan, end: int) -> int:
    ended: dict[int, int] = {}
    for one in plan.starts:
        ready = max((ended[need] for need in task.solutions[one].needs), default=task.first)
        lanes = sorted(ended.values(), reverse=True)[: task.at_once]
        begin = max(ready, lanes[-1] if len(lanes) == task.at_once else task.first)
        ended[one] = begin + task.solutions[one].quarters(end)
    return max(ended.values(), default=0)
