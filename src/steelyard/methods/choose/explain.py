"""Why a plan is as it is: what binds and its price, what more of it buys, why this firm and not that, what changed between two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose import chains
from steelyard.methods.choose.cohorts import relax
from steelyard.methods.choose.leader_first import ChainPlan
from steelyard.methods.choose.leader_master import master
from steelyard.methods.choose.plan import Plan
from steelyard.methods.choose.prices import Prices, bound, reduced

WORTH = 1e-7  # of the dearest price of a kind: less is what a solver leaves


@dataclass(frozen=True)
class Priced:
    """One limit: ``kind`` is budget, capacity, floor or total; ``region`` and ``year`` count from 0 (region None: a budget or a total).

    ``price``: what one more unit of it is worth (of a floor: what one firm more costs), in units of the objective.
    """

    kind: str
    region: int | None
    year: int
    price: float
    used: float
    limit: float


@dataclass(frozen=True)
class Buys:
    """What more money or provider-days are worth: ``at_prices`` no plan gains more in parts; ``gains`` once prices have moved."""

    at_prices: float
    gains: float


@dataclass(frozen=True)
class Standing:
    """One firm in a year: money counted, what its budget and provider-days are priced at, what its weight and its floors earn.

    ``reduced`` is the sum of the first three less the last two; below 0 it is worth funding. ``year`` -1: not funded (``best``
    is then the year that it would come nearest in).
    """

    firm: int
    year: int
    best: int
    money: float
    budget: float
    days: float
    weight: float
    floors: float
    reduced: float


@dataclass(frozen=True)
class Moved:
    """From one plan to another: firms ``added``, ``dropped``, ``shifted`` to another year; what changed in sums and prices."""

    added: np.ndarray
    dropped: np.ndarray
    shifted: np.ndarray
    value: float
    cost: float
    weight: float
    by_region: np.ndarray
    prices: tuple[tuple[Priced, float], ...]


def binding(plan: Plan | ChainPlan) -> list[Priced]:
    """The limits of a price above 0, by kind, the dearest first."""
    found = [one for one in priced(plan, plan.prices) if one.price > 0]
    return sorted(found, key=lambda one: (one.kind, -one.price))


def priced(plan: Plan | ChainPlan, prices: Prices) -> list[Priced]:
    """Every limit with its price, what the plan uses, and the limit."""
    problem = plan.problem
    budget, capacity, floors = (_cleared(part) for part in (prices.budget, prices.capacity, prices.floors))
    found = [Priced("budget", None, t, float(budget[t]), float(plan.spent[t]), float(problem.budget[t]))
             for t in range(len(problem.budget))]  # fmt: skip
    for r, t in np.ndindex(*capacity.shape):
        found.append(
            Priced("capacity", r, t, float(capacity[r, t]), float(plan.used[r, t]), float(problem.capacity[r, t]))
        )
    for r, f in np.ndindex(*floors.shape):
        year = int(problem.by[f])
        found.append(
            Priced("floor", r, year, float(floors[r, f]), float(plan.reached[r, f]), float(problem.floors[r, f]))
        )
    if isinstance(plan, Plan) and len(prices.total):
        found += [Priced("total", None, int(by), float(price), float(done), float(wanted)) for by, price, done, wanted in
                  zip(plan.problem.by, _cleared(prices.total), plan.reached_in_all, plan.problem.total, strict=True)]  # fmt: skip
    return found


def _cleared(prices: np.ndarray) -> np.ndarray:
    """Prices without what a solver leaves."""
    return np.where(prices > max(WORTH * prices.max(initial=0.0), 1e-9), prices, 0.0)


def buys(plan: Plan | ChainPlan, money: np.ndarray | None = None, work: np.ndarray | None = None) -> Buys | None:
    """What ``money`` (T,) and ``work`` (R, T), in units of capacity, more would take off the plan's value: at its prices, and solved anew.

    Negative amounts take away; None where the limits can then no longer be met.
    """
    problem = plan.problem
    more = np.zeros(problem.years) if money is None else np.asarray(money, dtype=float)
    wider = np.zeros_like(problem.capacity) if work is None else np.asarray(work, dtype=float)
    at_prices = float(plan.prices.budget @ more + (plan.prices.capacity * wider).sum())
    budget, capacity = np.maximum(problem.budget + more, 0.0), np.maximum(problem.capacity + wider, 0.0)
    if isinstance(plan, ChainPlan):
        chained = master(replace(plan.problem, budget=budget, capacity=capacity))
        return None if chained is None else Buys(at_prices, chains.bound(plan.problem, plan.prices) - chained.bound)
    anew = relax(replace(plan.problem, budget=budget, capacity=capacity))
    return None if anew is None else Buys(at_prices, bound(plan.problem, plan.prices) - anew.bound)


def standing(plan: Plan, firm: int, year: int | None = None) -> Standing:
    """Why a firm stands where it does: the parts of its reduced cost in its own year (or ``year``), not funded: in its best."""
    problem, prices = plan.problem, plan.prices
    rows = reduced(problem, prices, np.array([firm]))[0]
    own, best = int(plan.year[firm]), int(rows.argmin())
    at = year if year is not None else own if own >= 0 else best
    region, cost = int(problem.region[firm]), float(problem.cost[firm] * problem.share[problem.group[firm], at])
    return Standing(
        firm, own, best, cost * problem.price[at], cost * prices.budget[at], problem.days[firm] * prices.capacity[region, at],
        problem.weight[firm] * problem.worth[at], float(prices.earned(problem)[region, at]), float(rows[at]),
    )  # fmt: skip


def compare(before: Plan, after: Plan) -> Moved:
    """What differs between two plans over the same firms; prices that moved, the most moved first (each with its former price)."""
    had, has = before.year >= 0, after.year >= 0
    regions = before.problem.regions
    more, fewer = (np.bincount(before.problem.region[which], minlength=regions) for which in (has & ~had, had & ~has))
    former = {(one.kind, one.region, one.year): one.price for one in priced(before, before.prices)}
    moved = [(one, former.get((one.kind, one.region, one.year), 0.0)) for one in priced(after, after.prices)]
    moved = [pair for pair in moved if abs(pair[0].price - pair[1]) > 1e-6 * max(abs(pair[0].price), abs(pair[1]))]
    moved.sort(key=lambda pair: -abs(pair[0].price - pair[1]))
    return Moved(
        np.flatnonzero(has & ~had), np.flatnonzero(had & ~has), np.flatnonzero(had & has & (before.year != after.year)),
        after.value - before.value, after.cost - before.cost, after.weight - before.weight, more - fewer, tuple(moved),
    )  # fmt: skip
