"""Leaders, pilots and firms of unlike cost together: the year that prices recommend to each leader, and a bound over every choice.

At given prices each chain is a problem of its own: for each year of its leader, or none, every follower takes its best year, dearer
up to the leader's year and cheaper after it. So is each group of peers: with a pilot in the first year, who pays all of his cost, or
without. The least of these are their parts of the Lagrangian bound, in closed form; money for pilots has a price of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.choose.prices import Prices, best, reduced
from steelyard.methods.choose.problem import Problem, only

SEARCH = 60  # steps towards the best price of pilots' money


@dataclass(frozen=True)
class Led:
    """``chain`` (n,) the chain whose leader a firm follows, -1 for none (leaders follow none); ``leader`` (C,) his number among the
    firms; ``saving`` (C,) the part of its cost that a follower is spared in years after its leader's.
    """

    chain: np.ndarray
    leader: np.ndarray
    saving: np.ndarray


@dataclass(frozen=True)
class Taught:
    """``cell`` (n,) the peers that a firm belongs to, -1 for none; ``saving`` the part that they are spared after the first year where
    one of them is a pilot; ``budget`` money for pilots in all.
    """

    cell: np.ndarray
    saving: float
    budget: float


def _pays(problem: Problem, prices: Prices, firms: np.ndarray) -> np.ndarray:
    """(m, T) money of each firm, with its price."""
    paid: np.ndarray = (
        problem.cost[firms][:, None] * (problem.share * (problem.price + prices.budget))[problem.group[firms]]
    )
    return paid


def _spared(problem: Problem, prices: Prices, firms: np.ndarray, taught: Taught | None) -> np.ndarray:
    """(m, T) what each firm counts if a pilot among its peers were there."""
    rows = reduced(problem, prices, firms)
    if taught is not None:
        cells = (taught.cell[firms] >= 0)[:, None]
        rows[:, 1:] -= taught.saving * cells * _pays(problem, prices, firms)[:, 1:]
    return rows


def by_leader(problem: Problem, prices: Prices, led: Led, taught: Taught | None = None) -> np.ndarray:
    """(C, T+1) what each chain counts, prices paid and earned, by its leader's year; the last: never. Pilots are everywhere.

    One who leads several chains goes once, for all of them: each has the sum of his chains' rows, divided by their number.
    """
    years = problem.years
    counted = np.zeros((len(led.leader), years + 1))
    _, of, many = np.unique(led.leader, return_inverse=True, return_counts=True)
    counted[:, :-1] = _spared(problem, prices, led.leader, taught) / many[of, None]
    firms = np.flatnonzero(led.chain >= 0)
    chain = led.chain[firms]
    dear = _spared(problem, prices, firms, taught)
    pays = _pays(problem, prices, firms)
    if taught is not None:
        pays[:, 1:] *= 1.0 - taught.saving * (taught.cell[firms] >= 0)[:, None]
    cheap = dear - led.saving[chain][:, None] * pays
    before = np.minimum(np.minimum.accumulate(dear, axis=1), 0.0)
    after = np.minimum(np.minimum.accumulate(cheap[:, ::-1], axis=1)[:, ::-1], 0.0)
    for year in range(years):
        least = before[:, year] if year + 1 == years else np.minimum(before[:, year], after[:, year + 1])
        counted[:, year] += np.bincount(chain, least, len(led.leader))
    counted[:, -1] += np.bincount(chain, before[:, -1], len(led.leader))
    sums = np.zeros((len(many), years + 1))
    np.add.at(sums, of, counted)
    return np.asarray(sums[of] / many[of, None])


def leads(problem: Problem, prices: Prices, led: Led) -> np.ndarray:
    """(C,) the year of each leader that counts least at these prices, -1 for never."""
    chosen = by_leader(problem, prices, led).argmin(axis=1)
    return np.where(chosen == problem.years, -1, chosen)


def bound(problem: Problem, prices: Prices, led: Led | None = None, taught: Taught | None = None) -> float:
    """The certified lower bound of every plan's value, whatever the leaders' years and the pilots."""
    at = prices.clipped(problem)
    alone = np.ones(problem.firms, dtype=bool)
    low = -at.of_limits(problem)
    if led is not None:
        alone = led.chain < 0
        alone[led.leader] = False
        low += float(by_leader(problem, at, led, taught).min(axis=1).sum())
    firms = np.flatnonzero(alone)
    low += float(best(only(problem, firms), at)[1].sum())
    return low if taught is None else low - _taught(problem, at, taught, firms)


def _taught(problem: Problem, prices: Prices, taught: Taught, alone: np.ndarray) -> float:
    """At most so much do pilots save those who follow no leader; followers can be pilots too, at no more than their cost."""
    inside = np.flatnonzero(taught.cell >= 0)
    if not len(inside):
        return 0.0
    cell = taught.cell[inside]
    with_pilot = np.minimum(_spared(problem, prices, inside, taught).min(axis=1), 0.0)
    rows = reduced(problem, prices, inside)
    mine = np.isin(inside, alone)
    saved = np.bincount(cell, np.where(mine, np.minimum(rows.min(axis=1), 0.0) - with_pilot, 0.0))
    extra = np.where(mine, np.maximum(rows[:, 0] - with_pilot, 0.0), 0.0)
    order = np.argsort(cell, kind="stable")
    begins = np.flatnonzero(np.diff(cell[order], prepend=-1))
    saved, extra, cost = saved[cell[order][begins]], extra[order], problem.cost[inside][order]

    def most(price: float) -> float:
        least = np.minimum.reduceat(extra + price * cost, begins)
        return float(np.maximum(saved - least, 0.0).sum() + price * taught.budget)

    low, high = 0.0, float((saved / np.maximum(np.minimum.reduceat(cost, begins), 1e-9)).max(initial=0.0))
    for _ in range(SEARCH):
        third = (high - low) / 3
        low, high = (low, high - third) if most(low + third) < most(high - third) else (low + third, high)
    return min(most(0.0), most(low), most(high))
