"""From a diagnosis to the cheapest set and order of solutions that reaches a level, and why this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from steelyard.dots.criteria import States, better, words_of
from steelyard.dots.solutions import Measured, capacity, solutions_of
from steelyard.dots.standing import Aim, Standing, aim, standing
from steelyard.errors import UsageError
from steelyard.methods import roadmap as method
from steelyard.methods.goal import Way, value
from steelyard.methods.programme import HIGH, LOW, QUARTERS, Solution, Task
from steelyard.model.period import Period, iso
from steelyard.store.home import Home

YEARS = 3


@dataclass(frozen=True)
class Limits:
    """What binds a roadmap: ``budget`` in all and ``yearly`` (CNY, None: no limit), ``years`` to end in, how many ``at_once``."""

    budget: float | None = None
    yearly: float | None = None
    years: int = YEARS
    at_once: int | None = None

    def check(self) -> None:
        """Raises UsageError on a limit that allows nothing."""
        for name, limit in (
            ("budget", self.budget),
            ("yearly", self.yearly),
            ("years", self.years),
            ("at_once", self.at_once),
        ):
            if limit is not None and not limit > 0:
                raise UsageError("SY734", field=name, value=limit)


@dataclass(frozen=True)
class Step:
    """One chosen solution: first quarter and the quarter after its last, which answers it raises from what to what.

    ``adds`` is what each criterion gains when it ends, those before it done; ``without`` what each would miss if this one, and
    those that need it, were left out (all zero: it only makes way for others).
    """

    solution: Measured
    begin: int
    end: int
    raises: Mapping[str, tuple[str | None, str]]
    adds: tuple[float, ...]
    without: tuple[float, ...]


@dataclass(frozen=True)
class Course:
    """A roadmap of a subject to a level. ``way`` is the way that the plan reaches, or comes nearest to; ``steps`` are in order.

    ``claims`` counts the held answers of no proven grade that it builds on; ``in_place`` names the solutions that bring nothing new.
    """

    standing: Standing
    aim: Aim
    task: Task
    limits: Limits
    at_once_status: str
    solutions: tuple[Measured, ...]
    in_place: tuple[str, ...]
    found: method.Roadmap
    way: Way
    steps: tuple[Step, ...]

    @property
    def plan(self) -> method.Plan | None:
        """The plan that reaches the target, else the nearest."""
        return self.found.plan or self.found.nearest

    @property
    def claims(self) -> int:
        """How many answers that it builds on are not proven."""
        asked = {item for item, _, _ in self.aim.states.keys}
        return sum(not answer.proven for item, answer in self.standing.told.items() if item in asked)

    def answers_after(self) -> dict[str, str]:
        """The answers that the steps raise, as they stand at the end."""
        return {item: to for step in self.steps for item, (_, to) in step.raises.items()}

    def names(self, plan: method.Plan | None) -> list[str] | None:
        """The ids of a plan's solutions, in order."""
        return None if plan is None else [self.solutions[one].id for one in plan.starts]

    def cost(self, plan: method.Plan) -> tuple[float, float, float]:
        """A plan's cost at its low, middle and high end, CNY."""
        low, mid, high = (sum(self.solutions[one].cost[end] for one in plan.starts) for end in range(3))
        return low, mid, high

    def stable(self, end: int) -> bool | None:
        """Whether the same set is chosen with all costs at that end; None where none is known to be the cheapest within the limits."""
        other = self.found.at.get(end)
        if other is None or not other.proven or self.found.plan is None:
            return None
        return other.chosen == self.found.plan.chosen or other.cost == self.cost(self.found.plan)[end]

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields; costs in CNY, times in quarters from the beginning."""
        known, found, plan = self.standing, self.found, self.plan
        head = {
            "subject": known.subject, "framework": known.framework.id, "start": iso(known.period.start), "end": iso(known.period.end),
            "target": self.aim.target, "level": float(self.aim.level), "unproven_answers": self.claims,
            "budget": self.limits.budget, "yearly": self.limits.yearly, "quarters": self.task.quarters,
            "at_once": self.task.at_once, "at_once_status": self.at_once_status, "known_solutions": len(self.solutions),
            "in_place": list(self.in_place), "reached": found.plan is not None, "timed_out": found.timed_out,
        }  # fmt: skip
        if plan is None:
            return head
        after = method.after(self.task, plan.starts)
        return head | {
            "proven_optimal": plan.proven, "gap": plan.gap, "bound": plan.bound,
            "cost": dict(zip(("low", "mid", "high"), self.cost(plan), strict=True)),
            "ends": dict(zip(("low", "mid", "high"), method.calendar_ends(self.task, plan), strict=True)),
            "criteria": [{"criterion": words_of(hurdle, known.items), "need": float(hurdle.least),
                          "value": float(value(hurdle.node, self.task.held)), "after": float(value(hurdle.node, after))}
                         for hurdle in self.way],
            "steps": [_step_document(step) for step in self.steps], "answers_after": self.answers_after(),
            "stable": {"low": self.stable(LOW), "high": self.stable(HIGH)}, "next_best": self._other(found.second),
            "waiting_a_year": self._other(found.later), "waiting_and_ending_a_year_later": self._other(found.much_later),
            "short_by": [float(gap) for gap in method.missing(self.way, after)],
            "binds": [{"limit": bind.lifted, **self._other(bind.plan), "quarters": bind.quarters} for bind in found.binds],
        }  # fmt: skip

    def _other(self, plan: method.Plan | None) -> Any:
        if plan is None or self.plan is None:
            return None
        costs = dict(zip(("low", "mid", "high"), self.cost(plan), strict=True))
        extra = costs["mid"] - self.cost(self.plan)[1]
        return {"solutions": self.names(plan), "cost": costs, "extra": extra, "ends": plan.ends(self.task),
                "proven_optimal": plan.proven}  # fmt: skip


def _step_document(step: Step) -> dict[str, Any]:
    one = step.solution
    return {
        "solution": one.id, "name": dict(one.names), "status": one.status, "begin": step.begin, "end": step.end,
        "cost": dict(zip(("low", "mid", "high"), one.cost, strict=True)), "needs": list(one.needs),
        "months": dict(zip(("low", "mid", "high"), one.months, strict=True)),
        "raises": {item: {"from": before, "to": to} for item, (before, to) in step.raises.items()},
        "adds": list(step.adds), "without": list(step.without),
    }  # fmt: skip


def roadmap(home: Home, subject: str, framework: str, target: int, limits: Limits, period: Period | None = None,
            seconds: float = method.SECONDS) -> Course:  # fmt: skip
    """The cheapest way of a subject to a level; raises UsageError where it is there already or a limit allows nothing.

    See ``standing`` and ``solutions_of`` for what else is raised. ``seconds`` bound each solve.
    """
    limits.check()
    known = standing(home, subject, framework, period)
    solutions = solutions_of(home, framework)
    aimed = aim(known, target, _numbers(known, solutions))
    if aimed.level >= target:
        raise UsageError("SY736", level=f"{float(aimed.level):g}", target=target)
    left, in_place = _left(solutions, known)
    at_once, status = (limits.at_once, "home") if limits.at_once else capacity(home.catalog)
    task = Task(tuple(_solution(one, left, aimed.states) for one in left), aimed.reach, aimed.states.held(known.values),
                limits.years * QUARTERS, at_once, limits.budget, limits.yearly)  # fmt: skip
    found = method.roadmap(task, seconds)
    plan = found.plan or found.nearest
    way = _nearest_way(task, plan)
    steps = _steps(task, plan, way, left, known) if plan else ()
    return Course(known, aimed, task, limits, status, tuple(left), in_place, found, way, steps)


def _numbers(known: Standing, solutions: Iterable[Measured]) -> dict[str, list[str]]:
    """The values that solutions bring to items that are numbers."""
    found: dict[str, list[str]] = {}
    for one in solutions:
        for item, text in one.gains.items():
            if known.items[item]["mode"] == "number":
                found.setdefault(item, []).append(text)
    return found


def _left(solutions: Iterable[Measured], known: Standing) -> tuple[list[Measured], tuple[str, ...]]:
    """The solutions that bring anything new, needing no others than those; and the ids of those that do not: they count as done."""
    values = known.values
    listed = list(solutions)
    done = {one.id for one in listed
            if one.gains and all(_holds(known.items[item], values.get(item), text) for item, text in one.gains.items())}  # fmt: skip
    left = [
        replace(one, needs=tuple(need for need in one.needs if need not in done))
        for one in listed
        if one.id not in done
    ]
    return left, tuple(sorted(done))


def _holds(item: Mapping[str, Any], answer: str | None, gain: str) -> bool:
    if answer is None:
        return False
    together = better(item, answer, gain)
    return set(together.split("+")) == set(answer.split("+")) or better(item, gain, answer) == answer


def _solution(one: Measured, left: list[Measured], states: States) -> Solution:
    places = {other.id: number for number, other in enumerate(left)}
    return Solution(one.id, one.cost, one.months, tuple(places[need] for need in one.needs), states.held(one.gains))


def _nearest_way(task: Task, plan: method.Plan | None) -> Way:
    held = method.after(task, plan.starts if plan else ())
    return min(task.ways, key=lambda way: sum(
        (gap / hurdle.least for gap, hurdle in zip(method.missing(way, held), way, strict=True) if gap), Fraction(0)))  # fmt: skip


def _steps(task: Task, plan: method.Plan, way: Way, left: list[Measured], known: Standing) -> tuple[Step, ...]:
    values, held, made = known.values, task.held, []
    lengths = {one: task.solutions[one].quarters() for one in plan.starts}
    for one in sorted(
        plan.starts, key=lambda number: (plan.starts[number] + lengths[number], plan.starts[number], number)
    ):
        raises = {}
        for item, text in left[one].gains.items():
            after = better(known.items[item], values.get(item), text)
            if after != values.get(item):
                raises[item] = (values.get(item), after)
        values |= {item: to for item, (_, to) in raises.items()}
        now = held | task.solutions[one].gives
        adds = tuple(float(value(hurdle.node, now) - value(hurdle.node, held)) for hurdle in way)
        rest = method.after(task, method.rest(task, plan.chosen, one))
        without = tuple(map(float, method.missing(way, rest)))
        made.append(Step(left[one], plan.starts[one], plan.starts[one] + lengths[one], raises, adds, without))
        held = now
    return tuple(made)
