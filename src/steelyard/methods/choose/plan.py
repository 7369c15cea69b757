"""Which firms to fund in which year: a plan of whole firms that keeps every limit, with its certified gap."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose.books import Books, books
from steelyard.methods.choose.cohorts import Relaxed, relax, solved
from steelyard.methods.choose.fill import place, settle
from steelyard.methods.choose.prices import Prices, gap
from steelyard.methods.choose.problem import Problem, only
from steelyard.methods.choose.whole import SMALL, exact, mended

TRIES = 6
ENOUGH = 1e-4  # a gap that needs no further moves


@dataclass(frozen=True)
class Plan:
    """``year`` (n,) from 0, -1 for a firm not funded; ``value`` in the problem's objective, ``bound`` below every plan's value.

    ``spent`` (T,) money, ``used`` (R, T) provider-days, ``reached`` and ``short`` (R, F) firms, ``total_short`` (F,) of all regions;
    ``feasible``: every limit holds.
    ``rounds`` tells how often limits were tightened by the measured overrun of rounding.
    """

    problem: Problem
    year: np.ndarray
    prices: Prices
    value: float
    bound: float
    feasible: bool
    spent: np.ndarray
    used: np.ndarray
    reached: np.ndarray
    short: np.ndarray
    total_short: np.ndarray
    rounds: int = 0

    @property
    def gap(self) -> float:
        """How far the value may lie above the least one, as a share of it; 0 where both are 0."""
        return gap(self.value, self.bound)

    @property
    def cost(self) -> float:
        """Money of the plan, each year's counted at 1."""
        return float(self.spent.sum())

    @property
    def reached_in_all(self) -> np.ndarray:
        """(F,) firms that count towards the totals."""
        counted: np.ndarray = self.problem.counting @ self.reached
        return counted

    @property
    def weight(self) -> float:
        """Weight of the firms funded."""
        return float(self.problem.weight[self.year >= 0].sum())


def choose(problem: Problem) -> Plan | None:
    """A plan of least value within a certified gap, all limits kept; None where none was found (``shortfall`` says what binds)."""
    able = fundable(problem)
    found = _choose(only(problem, able))
    return None if found is None else widened(problem, found, able)


def fundable(problem: Problem) -> np.ndarray:
    """(n,) whether a firm alone fits into some year's budget and its region's provider-days; others are never funded."""
    able = np.zeros(problem.firms, dtype=bool)
    for year, budget in enumerate(problem.budget):
        paid = problem.cost * problem.share[problem.group, year]
        able |= (paid <= budget) & (problem.days <= problem.capacity[problem.region, year])
    return able


def widened(problem: Problem, plan: Plan, able: np.ndarray) -> Plan:
    """The plan of the firms that are able, over all firms."""
    year = np.full(problem.firms, -1, dtype=np.int8)
    year[able] = plan.year
    whole = replace(plan.problem, region=problem.region, cost=problem.cost, days=problem.days, weight=problem.weight,
                    group=problem.group)  # fmt: skip
    return replace(plan, problem=whole, year=year)


def _choose(problem: Problem) -> Plan | None:
    relaxed = relax(problem)
    if relaxed is None:
        return None
    small = exact(problem) if problem.firms * problem.years <= SMALL else None
    if small is not None:
        return written(problem, small[0], replace(relaxed, bound=max(small[1], relaxed.bound)))
    return _filled(problem, relaxed)


def _filled(problem: Problem, relaxed: Relaxed) -> Plan | None:
    """Whole firms along the flows; limits tightened by the measured overrun, for as long as some cannot be kept."""
    tight, flows = problem, relaxed
    enough = relaxed.bound + ENOUGH * abs(relaxed.bound)
    for rounds in range(TRIES):
        rough = place(problem, flows)
        year, feasible = settle(problem, rough, relaxed.prices, enough)
        if not feasible:
            year, feasible = settle(problem, mended(problem, year, relaxed.prices), relaxed.prices, enough)
        if feasible:
            return written(problem, year, relaxed, rounds)
        tight = tightened(tight, books(problem, rough))
        again = solved(tight, relaxed.cohorts)
        if again is None:
            return None
        flows = replace(relaxed, flow=again[0])
    return None


def tightened(problem: Problem, rough: Books) -> Problem:
    """The problem with each limit tightened by what rounding overran it, measured."""
    budget = np.maximum(problem.budget - rough.budget_over(), 0.0)
    capacity = np.maximum(problem.capacity - rough.capacity_over(), 0.0)
    return replace(problem, budget=budget, capacity=capacity, floors=problem.floors + rough.short(),
                   total=problem.total + rough.total_short())  # fmt: skip


def written(problem: Problem, year: np.ndarray, relaxed: Relaxed, rounds: int = 0) -> Plan:
    """The plan of these years with all its sums, counted afresh."""
    sums = books(problem, year)
    value = float(problem.values(year).sum())
    if np.isfinite(problem.penalty):
        value += float(problem.penalty * (sums.short().sum() + sums.total_short().sum()))
    reached = sums.done[:, :-1] @ problem.counts_for()
    return Plan(problem, year.astype(np.int8), relaxed.prices, value, min(relaxed.bound, value), sums.kept(), sums.spent[:-1],
                sums.used[:, :-1], reached, sums.short(), sums.total_short(), rounds)  # fmt: skip
