"""A roadmap's choice and calendar as a mixed-integer program; see ``roadmap`` for what is asked of it.

Choice: a binary column a solution; a state holds at most when one that gives it is chosen. Calendar: a binary column a solution
and quarter in which it may begin; a solution begins when those it needs have ended, and at most ``at_once`` run in a quarter.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from steelyard.methods.goal import Gate, Hurdle, Node, Sum, Way
from steelyard.methods.milp import Milp

LOW, MID, HIGH = 0, 1, 2
QUARTERS = 4  # in a year
Span = tuple[float, float, float]
_WIDEST = 10**7  # a row's greatest whole weight; beyond it, weights are divided


@dataclass(frozen=True)
class Solution:
    """One thing that can be done: cost and months as (low, mid, high); the numbers of those it needs; the states it gives."""

    id: str
    cost: Span
    months: Span
    needs: tuple[int, ...] = ()
    gives: frozenset[int] = frozenset()

    def quarters(self, end: int = MID) -> int:
        """Whole quarters that it runs, at least one."""
        return max(1, math.ceil(self.months[end] / 3))


@dataclass(frozen=True)
class Task:
    """What is to be reached (one of ``ways``) from the states ``held``, in ``quarters`` from now, not beginning before ``first``.

    ``budget`` binds the cost in all, ``yearly`` the cost in each year of four quarters, a solution's cost falling evenly on its
    quarters; None: no limit. At most ``at_once`` solutions run at a time. ``needs`` must not run in a circle.
    """

    solutions: tuple[Solution, ...]
    ways: tuple[Way, ...]
    held: frozenset[int]
    quarters: int
    at_once: int = 2
    budget: float | None = None
    yearly: float | None = None
    first: int = 0

    def earliest(self) -> list[int]:
        """The first quarter in which each solution can begin, were nothing else to do."""
        begins: dict[int, int] = {}

        def begin(one: int) -> int:
            if one not in begins:
                after = [begin(need) + self.solutions[need].quarters() for need in self.solutions[one].needs]
                begins[one] = max(after, default=self.first)
            return begins[one]

        return [begin(number) for number in range(len(self.solutions))]


@dataclass
class Programme:
    """Builds the program. ``cut``: at least one of these is not chosen. ``soft``: hurdles may be missed, at a price of the share
    missed, up to ``most_short`` in all, and what is minimised is that price; with ``most_short`` given, the cost.
    """

    task: Task
    end: int = MID
    cut: frozenset[int] = frozenset()
    soft: bool = False
    most_short: float | None = None
    program: Milp = field(default_factory=Milp)
    picked: list[int] = field(default_factory=list)
    begun: dict[int, dict[int, int]] = field(default_factory=dict)
    _states: dict[int, int | None] = field(default_factory=dict)
    _missed: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        priced = not self.soft or self.most_short is not None
        for one in self.task.solutions:
            self.picked.append(self.program.column(one.cost[self.end] if priced else 0.0, whole=True))
        self._choice()
        self._reach_one_way()
        if self._missed and self.most_short is not None:
            self.program.at_most(self._missed, self.most_short)

    def _choice(self) -> None:
        task, program = self.task, self.program
        for number, one in enumerate(task.solutions):
            for need in one.needs:
                program.at_least({self.picked[need]: 1.0, self.picked[number]: -1.0}, 0.0)
        too_late = [n for n, begin in enumerate(task.earliest()) if begin + self._length(n) > task.quarters]
        if too_late:
            program.at_most({self.picked[number]: 1.0 for number in too_late}, 0.0)
        room = task.at_once * (task.quarters - task.first)
        program.at_most({self.picked[n]: float(self._length(n)) for n in range(len(task.solutions))}, room)
        if limit := self._limit():
            program.at_most({c: one.cost[self.end] for c, one in zip(self.picked, task.solutions, strict=True)}, limit)
        if self.cut:
            program.at_most({self.picked[number]: 1.0 for number in self.cut}, len(self.cut) - 1.0)

    def _length(self, number: int) -> int:
        return self.task.solutions[number].quarters()

    def _limit(self) -> float | None:
        task = self.task
        years = math.ceil(task.quarters / QUARTERS) - task.first // QUARTERS
        limits = [task.budget, None if task.yearly is None else task.yearly * years]
        return min((limit for limit in limits if limit is not None), default=None)

    def _reach_one_way(self) -> None:
        ways = self.task.ways
        if len(ways) == 1:
            for hurdle in ways[0]:
                self._clear(hurdle, None, soft=self.soft)
            return
        taken = [self.program.column(whole=True) for _ in ways]
        self.program.at_least(dict.fromkeys(taken, 1.0), 1.0)
        for column, way in zip(taken, ways, strict=True):
            for hurdle in way:
                self._clear(hurdle, column, soft=self.soft)

    def _clear(self, hurdle: Hurdle, only_if: int | None, *, soft: bool = False) -> None:
        """A row that holds a node to its least value, where the column ``only_if`` is 1."""
        terms, constant = self._linear(hurdle.node)
        lacking = hurdle.least - constant
        if lacking <= 0:
            return
        scale = _scale([*terms.values(), lacking])
        row = {column: float(weight * scale) for column, weight in terms.items()}
        if soft:
            price = 1.0 if self.most_short is None else 0.0
            missed = self.program.column(price / float(hurdle.least), float(lacking))
            row[missed] = float(scale)
            self._missed[missed] = 1.0 / float(hurdle.least)
        if only_if is None:
            self.program.at_least(row, float(lacking * scale))
        else:
            self.program.at_least(row | {only_if: -float(lacking * scale)}, 0.0)

    def _linear(self, node: Node) -> tuple[dict[int, Fraction], Fraction]:
        """A node as weights of columns and a constant: what it can be claimed to be worth, never more than it is."""
        if isinstance(node, Sum):
            terms, constant = defaultdict[int, Fraction](Fraction), node.constant
            for weight, state in node.states:
                column = self._state(state)
                if column is None:
                    constant += weight if state in self.task.held else 0
                else:
                    terms[column] += weight
            for weight, part in node.parts:
                inner, inner_constant = self._linear(part)
                constant += weight * inner_constant
                for column, inner_weight in inner.items():
                    terms[column] += weight * inner_weight
            return dict(terms), constant
        return self._gate(node) if isinstance(node, Gate) else self._steps(node.met, node.of)

    def _gate(self, node: Gate) -> tuple[dict[int, Fraction], Fraction]:
        terms: dict[int, Fraction] = {}
        for worth, hurdles in node.steps:
            if worth > node.base:
                column = self.program.column(whole=True)
                terms[column] = worth - node.base
                for hurdle in hurdles:
                    self._clear(hurdle, column)
        self.program.at_most(dict.fromkeys(terms, 1.0), 1.0)
        return terms, node.base

    def _steps(self, met: Fraction, parts: Iterable[Node]) -> tuple[dict[int, Fraction], Fraction]:
        """A level counts 1 when it and those below are met; the first that is not counts its own value."""
        terms: dict[int, Fraction] = {}
        below: int | None = None
        for part in parts:
            whole, some = self.program.column(whole=True), self.program.column()
            self._clear(Hurdle(part, met), whole)
            inner, constant = self._linear(part)
            self.program.at_least({some: -1.0, **{c: float(w) for c, w in inner.items()}}, -float(constant))
            row = {whole: 1.0, some: 1.0} | ({below: -1.0} if below is not None else {})
            self.program.at_most(row, 0.0 if below is not None else 1.0)
            terms |= {whole: Fraction(1), some: Fraction(1)}
            below = whole
        return terms, Fraction(0)

    def _state(self, state: int) -> int | None:
        """The column that says whether a state comes to hold; None where it holds already, or never can."""
        if state not in self._states:
            givers = [self.picked[n] for n, one in enumerate(self.task.solutions) if state in one.gives]
            if state in self.task.held or not givers:
                self._states[state] = None
            elif len(givers) == 1:
                self._states[state] = givers[0]
            else:
                column = self.program.column()
                self.program.at_least({column: -1.0, **dict.fromkeys(givers, 1.0)}, 0.0)
                self._states[state] = column
        return self._states[state]

    def calendar(self, members: Iterable[int], deadline: int, *, early: bool = False) -> None:
        """Add when each of some solutions begins, to end by a quarter; ``early`` minimises the sum of the ends."""
        task, program, earliest = self.task, self.program, self.task.earliest()
        chosen = list(members)
        for one in chosen:
            length = self._length(one)
            self.begun[one] = {
                quarter: program.column(quarter + length if early else 0.0, whole=True)
                for quarter in range(earliest[one], deadline - length + 1)
            }
            program.equal(dict.fromkeys(self.begun[one].values(), 1.0) | {self.picked[one]: -1.0}, 0.0)
        for quarter in range(task.first, deadline):
            program.at_most(dict.fromkeys(self._running(quarter), 1.0), task.at_once)
        for one in chosen:
            for need in task.solutions[one].needs:
                self._after(one, need)
        if task.yearly is not None:
            self._yearly(deadline, task.yearly)

    def _running(self, quarter: int) -> list[int]:
        return [column for one, begins in self.begun.items() for begin, column in begins.items()
                if begin <= quarter < begin + self._length(one)]  # fmt: skip

    def _after(self, one: int, need: int) -> None:
        """By each quarter, what has begun has all that it needs ended."""
        length = self._length(need)
        for quarter in self.begun[one]:
            mine = {column: -1.0 for begin, column in self.begun[one].items() if begin <= quarter}
            ended = {column: 1.0 for begin, column in self.begun[need].items() if begin + length <= quarter}
            self.program.at_least(mine | ended, 0.0)

    def _yearly(self, deadline: int, limit: float) -> None:
        for year in range(self.task.first // QUARTERS, math.ceil(deadline / QUARTERS)):
            quarters = {*range(QUARTERS * year, QUARTERS * (year + 1))}
            spent = {}
            for one, begins in self.begun.items():
                a_quarter = self.task.solutions[one].cost[self.end] / self._length(one)
                for begin, column in begins.items():
                    if inside := len(quarters & {*range(begin, begin + self._length(one))}):
                        spent[column] = a_quarter * inside
            self.program.at_most(spent, limit)


def _scale(numbers: Iterable[Fraction]) -> Fraction:
    """What makes numbers whole and small, so that a row is met exactly or not at all."""
    numbers = list(numbers)
    common = math.lcm(*(number.denominator for number in numbers))
    shared = math.gcd(*(int(number * common) for number in numbers)) or 1
    greatest = max(abs(number) for number in numbers) * common / shared
    return Fraction(common, shared) if greatest <= _WIDEST else Fraction(_WIDEST) / max(map(abs, numbers))
