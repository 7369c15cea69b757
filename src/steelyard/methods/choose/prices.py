"""Prices of budgets, provider-days and floors, and the bound that any of them certify.

Source of the bound: Lagrangian relaxation; for any prices >= 0 each firm takes the year, or none, of least reduced cost, and the
sum of these less the prices' worth of the limits lies below every plan (Geoffrion 1974). It is the LP's bound at the best prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from steelyard.methods.choose.problem import Problem

BLOCK = 32_768  # firms of one block: what is unfolded by years at one time


@dataclass(frozen=True)
class Prices:
    """What one more unit is worth: of money ``budget`` (T,), of provider-days ``capacity`` (R, T); and what one firm more in a
    floor costs, ``floors`` (R, F), or in a total, ``total`` (F,), empty without totals. All at least 0, in units of the objective.
    """

    budget: np.ndarray
    capacity: np.ndarray
    floors: np.ndarray
    total: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def clipped(self, problem: Problem) -> Prices:
        """Without what solvers leave below 0, floors at most at their penalty."""
        return Prices(
            np.maximum(self.budget, 0.0), np.maximum(self.capacity, 0.0), np.clip(self.floors, 0.0, problem.penalty),
            np.clip(self.total, 0.0, problem.penalty),
        )  # fmt: skip

    def earned(self, problem: Problem) -> np.ndarray:
        """(R, T) what a firm funded earns by the floors that it counts towards."""
        floors = self.floors + problem.counting[:, None] * self.total if len(self.total) else self.floors
        rows: np.ndarray = floors @ problem.counts_for().T
        return rows

    def of_limits(self, problem: Problem) -> float:
        """The prices' worth of all limits: what relaxing them takes off the bound."""
        paid = self.budget @ problem.budget + (self.capacity * problem.capacity).sum()
        wanted = self.total @ problem.total if len(self.total) else 0.0
        return float(paid - (self.floors * problem.floors).sum() - wanted)


def nothing(problem: Problem) -> Prices:
    """All prices 0."""
    return Prices(np.zeros(problem.years), np.zeros_like(problem.capacity), np.zeros_like(problem.floors))


def reduced(problem: Problem, prices: Prices, firms: np.ndarray | slice) -> np.ndarray:
    """(m, T) what each firm's funding in each year counts, all prices paid and earned; below 0: worth it."""
    region = problem.region[firms]
    pays = problem.share * (problem.price + prices.budget)
    rows: np.ndarray = problem.cost[firms][:, None] * (pays if len(pays) == 1 else pays[problem.group[firms]])
    if prices.capacity.any():
        rows += problem.days[firms][:, None] * prices.capacity[region]
    if problem.worth.any():
        rows -= problem.weight[firms][:, None] * problem.worth
    rows -= prices.earned(problem)[region]
    return rows


def blocks(count: int) -> Iterator[slice]:
    """Runs of at most ``BLOCK`` firms."""
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def best(problem: Problem, prices: Prices) -> tuple[np.ndarray, np.ndarray]:
    """(n,) the year of least reduced cost of each firm, NEVER where none is below 0; and (n,) that cost, at most 0."""
    year, least = np.full(problem.firms, -1, dtype=np.int8), np.zeros(problem.firms)
    for block in blocks(problem.firms):
        rows = reduced(problem, prices, block)
        first = rows.argmin(axis=1)
        lowest = rows[np.arange(len(rows)), first]
        year[block] = np.where(lowest < 0, first, -1)
        least[block] = np.minimum(lowest, 0.0)
    return year, least


def bound(problem: Problem, prices: Prices) -> float:
    """The certified lower bound of every plan's value at these prices (made at least 0 before)."""
    at = prices.clipped(problem)
    return float(best(problem, at)[1].sum() - at.of_limits(problem))


def gap(value: float, bound: float) -> float:
    """How far a value may lie above the least one, as a share of it; 0 where both are 0."""
    return (value - bound) / max(abs(value), 1e-12) if value != bound else 0.0
