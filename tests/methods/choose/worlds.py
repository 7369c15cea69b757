"""Small worlds to plan in, and the best plan by trying all."""

from __future__ import annotations

from itertools import product

import numpy as np

from steelyard.methods.choose.problem import Problem, problem

REGIONS, YEARS = 31, 7


def nation(firms: int, seed: int) -> Problem:
    """Regions of unequal size, few large firms, five limits that bind; at least cost."""
    random = np.random.default_rng(seed)
    region = random.choice(REGIONS, firms, p=random.dirichlet(np.full(REGIONS, 2.0)))
    size = random.choice(3, firms, p=[0.8, 0.16, 0.04])
    cost = np.array([0.8, 2.5, 9.0])[size] * random.lognormal(0, 0.45, firms)
    days = np.array([20.0, 55.0, 160.0])[size] * random.lognormal(0, 0.25, firms)
    count = np.bincount(region, minlength=REGIONS)
    budget = np.array([0.2, 0.22, 0.23, 0.22, 0.12, 0.1, 0.1]) * cost.sum()
    capacity = np.bincount(region, days, REGIONS)[:, None] * np.array([0.2, 0.24, 0.27, 0.27, 0.15, 0.13, 0.13])
    floors = np.column_stack([0.8 * count, 0.98 * count])
    weight = random.choice([1.0, 1.5, 3.0], firms)
    return problem(
        region, cost, days, budget, capacity, floors, np.array([3, 6]), weight, price=0.93 ** np.arange(YEARS)
    )


def tiny(seed: int, firms: int = 5) -> Problem:
    """Two regions, two years, limits that may or may not be kept."""
    random = np.random.default_rng(seed)
    region = random.integers(0, 2, firms)
    region[:2] = 0, 1
    cost, days = random.uniform(0.5, 4, firms).round(2), random.uniform(5, 40, firms).round(1)
    floors = np.floor(np.bincount(region, minlength=2)[:, None] * random.uniform(0, 1.2, (2, 2)))
    floors = np.sort(np.minimum(floors, np.bincount(region, minlength=2)[:, None]), axis=1)
    return problem(
        region, cost, days, cost.sum() * random.uniform(0.1, 0.8, 2), np.bincount(region, days)[:, None] * random.uniform(0.2, 1, (2, 2)),
        floors, np.array([0, 1]), random.choice([1.0, 2.0], firms), price=np.array([1.0, 0.9]),
    )  # fmt: skip


def kept(world: Problem, year: np.ndarray) -> bool:
    """Whether a plan keeps budgets, provider-days and floors, counted firm by firm."""
    spent, used, reached = np.zeros(world.years), np.zeros(world.capacity.shape), np.zeros(world.floors.shape)
    for firm, at in enumerate(year):
        if at >= 0:
            spent[at] += world.cost[firm]
            used[world.region[firm], at] += world.days[firm]
            reached[world.region[firm]] += at <= world.by
    near = 1 + 1e-9
    return bool(
        (spent <= world.budget * near).all()
        and (used <= world.capacity * near).all()
        and (reached >= world.floors).all()
    )


def best(world: Problem) -> float | None:
    """The least value of all plans that keep the limits; None where none does."""
    plans = map(np.array, product(range(-1, world.years), repeat=world.firms))
    return min((float(world.values(year).sum()) for year in plans if kept(world, year)), default=None)


def fewest_short(world: Problem) -> int:
    """The fewest firms missing from floors of all plans within budgets and provider-days."""
    least = int(world.floors.sum())
    for year in map(np.array, product(range(-1, world.years), repeat=world.firms)):
        spent = np.bincount(year[year >= 0], world.cost[year >= 0], world.years)
        used = np.zeros(world.capacity.shape)
        np.add.at(used, (world.region[year >= 0], year[year >= 0]), world.days[year >= 0])
        if (spent <= world.budget).all() and (used <= world.capacity).all():
            done = np.zeros(world.capacity.shape)
            np.add.at(done, (world.region[year >= 0], year[year >= 0]), 1)
            least = min(least, int(np.maximum(world.floors - done @ world.counts_for(), 0).sum()))
    return least
