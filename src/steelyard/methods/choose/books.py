"""A plan's books while firms move between years: what is spent, used and reached, what is overrun, and what a move changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.choose.problem import Problem

ROOM = 1e-9  # of a limit: sums of doubles do not end on the last digit


@dataclass
class Books:
    """``place`` (n,) year of each firm, ``T`` where it is not funded; ``spent`` (T+1,), ``used`` and ``done`` (R, T+1) follow it."""

    problem: Problem
    place: np.ndarray
    spent: np.ndarray
    used: np.ndarray
    done: np.ndarray

    def move(self, firm: int, to: int) -> None:
        """Put one firm into another year, or into none (``T``)."""
        problem, region, old = self.problem, self.problem.region[firm], self.place[firm]
        for year, sign in ((old, -1.0), (to, 1.0)):
            self.spent[year] += sign * self._paid(np.array([firm]))[0, year]
            self.used[region, year] += sign * problem.days[firm]
            self.done[region, year] += sign
        self.place[firm] = to

    def budget_over(self) -> np.ndarray:
        """(T,) money above each budget, at least 0."""
        over: np.ndarray = np.maximum(self.spent[:-1] - self.problem.budget, 0.0)
        return over

    def capacity_over(self) -> np.ndarray:
        """(R, T) provider-days above capacity, at least 0."""
        over: np.ndarray = np.maximum(self.used[:, :-1] - self.problem.capacity, 0.0)
        return over

    def short(self) -> np.ndarray:
        """(R, F) firms short of each floor, at least 0."""
        missing: np.ndarray = np.maximum(self.problem.floors - self.done[:, :-1] @ self.problem.counts_for(), 0.0)
        return missing

    def total_short(self) -> np.ndarray:
        """(F,) firms short of each total, at least 0."""
        reached = self.problem.counting @ self.done[:, :-1] @ self.problem.counts_for()
        missing: np.ndarray = np.maximum(self.problem.total - reached, 0.0)
        return missing

    def kept(self) -> bool:
        """Whether every limit holds; floors with a penalty need not."""
        floors = np.isfinite(self.problem.penalty) or not (self.short().any() or self.total_short().any())
        money = ROOM * (self.problem.budget + self.problem.cost.sum() / max(self.problem.firms, 1))
        days = ROOM * (self.problem.capacity + self.problem.days.sum() / max(self.problem.firms, 1))
        return bool(floors and (self.budget_over() <= money).all() and (self.capacity_over() <= days).all())

    def changes(self, region: int, firms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, T+1) twice: what putting each of these firms of a region into each year adds to all overruns (in mean firms), and to
        the firms short of floors. The year in which a firm is adds nothing.
        """
        problem, old = self.problem, self.place[firms]
        money = _overrun(self.spent, problem.budget, self._paid(firms), old)
        days = np.broadcast_to(problem.days[firms][:, None], money.shape)
        days = _overrun(self.used[region], problem.capacity[region], days, old)
        of_money, of_days = problem.cost.mean() + 1e-300, problem.days.mean() + 1e-300
        return money / of_money + days / of_days, self._shortfalls(region)[old]

    def _shortfalls(self, region: int) -> np.ndarray:
        """(T+1, T+1) change of firms short when one goes from year to year."""
        counts = np.vstack([self.problem.counts_for(), np.zeros(len(self.problem.by))])
        by_move = counts[None, :, :] - counts[:, None, :]
        changed = _short_by(self.problem.floors[region], self.done[region] @ counts, by_move)
        if self.problem.total.any() and self.problem.counting[region]:
            changed += _short_by(self.problem.total, self.problem.counting @ self.done @ counts, by_move)
        return changed

    def _paid(self, firms: np.ndarray) -> np.ndarray:
        """(m, T+1) money of each firm in each year, 0 in none."""
        problem = self.problem
        share = np.concatenate([problem.share, np.zeros((len(problem.share), 1))], axis=1)
        paid: np.ndarray = problem.cost[firms][:, None] * share[problem.group[firms]]
        return paid


def _short_by(floors: np.ndarray, reached: np.ndarray, by_move: np.ndarray) -> np.ndarray:
    """(T+1, T+1) change of firms short of floors (F,) when ``by_move`` (T+1, T+1, F) is added to what is reached."""
    changed: np.ndarray = (np.maximum(floors - reached - by_move, 0.0) - np.maximum(floors - reached, 0.0)).sum(axis=2)
    return changed


def _overrun(held: np.ndarray, limit: np.ndarray, amount: np.ndarray, old: np.ndarray) -> np.ndarray:
    """(m, T+1) change of the overrun of a limit when each amount (m, T+1) goes from its old year into each year."""
    limits = np.append(limit, np.inf)
    excess = np.where(np.isinf(limits), -np.inf, held - limits)
    now = np.maximum(excess, 0.0)
    firms = np.arange(len(old))
    left = np.maximum(excess[old] - amount[firms, old], 0.0) - now[old]
    rows: np.ndarray = np.maximum(excess + amount, 0.0) - now + left[:, None]
    rows[firms, old] = 0.0
    return rows


def books(problem: Problem, year: np.ndarray) -> Books:
    """The books of a plan; ``year`` (n,) as in a plan: NEVER where a firm is not funded."""
    years, regions = problem.years, problem.regions
    place = np.where(year < 0, years, year).astype(np.int64)
    cell = problem.region * (years + 1) + place
    shape = (regions, years + 1)
    used, done = (np.bincount(cell, of, regions * (years + 1)).reshape(shape) for of in (problem.days, None))
    return Books(problem, place, np.bincount(place, problem.paid(year), years + 1), used, done.astype(float))
