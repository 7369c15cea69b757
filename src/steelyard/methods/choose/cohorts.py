"""Firms in cohorts, the linear program over cohort and year, and cohorts split where their firms would choose otherwise.

A plan over cohorts funds equal shares of alike firms, so that its cost is one that single firms, in part, can have; its duals are
prices whose Lagrangian bound holds for single firms. What lies between the two is the loss of the cohorts whose firms would, at
those prices, choose otherwise than their mean: these are split by their firms' choice and the program is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose.highs import INFINITE, Program, solve
from steelyard.methods.choose.prices import Prices, best, reduced
from steelyard.methods.choose.problem import Problem

BINS = 6, 3  # of cost, then of provider-days per money
ROUNDS = 8
SPLIT = 0.98  # share of the loss whose cohorts are split in a round
CLOSE = 2e-5  # a loss below this share of the plan's value is left


@dataclass(frozen=True)
class Cohorts:
    """``label`` (n,) the cohort of each firm; of each cohort its ``region``, ``group``, ``size`` and means; all but ``label`` (K,)."""

    label: np.ndarray
    region: np.ndarray
    group: np.ndarray
    size: np.ndarray
    cost: np.ndarray
    days: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Relaxed:
    """``flow`` (K, T) firms of each cohort funded in each year, in parts; the prices and the bound that they certify."""

    cohorts: Cohorts
    flow: np.ndarray
    prices: Prices
    bound: float
    value: float


def first_labels(problem: Problem) -> np.ndarray:
    """(n,) cohorts of each region by cost (bins of equal money and firms), days per money and, where it counts, weight per money."""
    cost_bins, days_bins = BINS
    mean = problem.cost.mean() if problem.firms else 1.0
    spent = np.where(problem.cost > 0, problem.cost, max(mean, 1.0) * 1e-9)
    label = problem.region * len(problem.share) + problem.group
    label = _cut(label, problem.cost, cost_bins, problem.cost + mean)
    label = _cut(label, problem.days / spent, days_bins)
    return _cut(label, problem.weight / spent, days_bins) if problem.worth.any() else label


def _cut(label: np.ndarray, key: np.ndarray, bins: int, mass: np.ndarray | None = None) -> np.ndarray:
    """Each cohort in up to ``bins`` along ``key``, of about equal mass (without one: of equal firms)."""
    order = np.lexsort((key, label))
    sorted_label = label[order]
    heap = np.cumsum(np.ones(len(key)) if mass is None else mass[order])
    first = np.flatnonzero(np.diff(sorted_label, prepend=-1))
    run = np.cumsum(np.diff(sorted_label, prepend=-1) != 0) - 1
    before = np.concatenate([[0.0], heap])[first]
    whole = np.concatenate([heap[first[1:] - 1], heap[-1:]]) - before
    part = np.minimum(((heap - before[run]) / whole[run] * bins * (1 - 1e-9)).astype(np.int64), bins - 1)
    made = np.empty(len(key), dtype=np.int64)
    made[order] = run * bins + part
    return np.unique(made, return_inverse=True)[1]


def gather(problem: Problem, label: np.ndarray) -> Cohorts:
    """The cohorts of labels 0...K-1, none of them empty."""
    size = np.bincount(label).astype(float)
    region, group = np.zeros(len(size), dtype=np.int64), np.zeros(len(size), dtype=np.int64)
    region[label], group[label] = problem.region, problem.group
    cost, days, weight = (np.bincount(label, of) / size for of in (problem.cost, problem.days, problem.weight))
    return Cohorts(label, region, group, size, cost, days, weight)


def of_means(problem: Problem, cohorts: Cohorts) -> Problem:
    """The problem as if each cohort were one mean firm."""
    return replace(problem, region=cohorts.region, cost=cohorts.cost, days=cohorts.days, weight=cohorts.weight,
                   group=cohorts.group)  # fmt: skip


def program(problem: Problem, cohorts: Cohorts) -> Program:
    """The program over cohort and year: rows cohorts, budgets, capacities, floors, totals (where there are any); columns (cohort, year), then firms short."""
    years, regions, floors = problem.years, problem.regions, len(problem.by)
    count = len(cohorts.size)
    cohort, year = np.repeat(np.arange(count), years), np.tile(np.arange(years), count)
    region, column = cohorts.region[cohort], np.arange(count * years)
    begin = count + years + regions * years
    paid = cohorts.cost[:, None] * problem.share[cohorts.group]
    parts = [(cohort, column, np.ones(len(column))), (count + year, column, paid.ravel()),
             (count + years + region * years + year, column, cohorts.days[cohort])]  # fmt: skip
    for floor, by in enumerate(problem.by):
        inside = column[year <= by]
        parts.append((begin + region[inside] * floors + floor, inside, np.ones(len(inside))))
        if problem.total.any():
            counts = inside[region[inside] < regions - problem.aside]
            parts.append((np.full(len(counts), begin + regions * floors + floor), counts, np.ones(len(counts))))
    least = np.concatenate([problem.floors.ravel(), problem.total if problem.total.any() else np.zeros(0)])
    costs = (paid * problem.price - cohorts.weight[:, None] * problem.worth).ravel()
    soft = len(least) if np.isfinite(problem.penalty) else 0
    parts.append((begin + np.arange(soft), len(column) + np.arange(soft), np.ones(soft)))
    rows, columns, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    hard = count + years + regions * years
    return Program(
        np.concatenate([costs, np.full(soft, problem.penalty)]), np.full(len(column) + soft, INFINITE),
        np.concatenate([np.full(hard, -INFINITE), least]),
        np.concatenate([cohorts.size, problem.budget, problem.capacity.ravel(), np.full(len(least), INFINITE)]),
        (rows, columns, values),
    )  # fmt: skip


def solved(problem: Problem, cohorts: Cohorts) -> tuple[np.ndarray, Prices, float] | None:
    """Flows (K, T), prices and value of the program over these cohorts; None where it has no solution."""
    found = solve(program(problem, cohorts), "ipm")
    if found.values is None:
        return None
    count, years, regions = len(cohorts.size), problem.years, problem.regions
    flow = np.maximum(found.values[: count * years], 0.0).reshape(count, years)
    at = np.cumsum([years, regions * years, problem.floors.size])
    budget, capacity, floors, total = np.split(found.duals[count:], at)
    whole = Prices(-budget, -capacity.reshape(regions, years), floors.reshape(regions, len(problem.by)), total)
    return flow, whole.clipped(problem), found.cost


def relax(problem: Problem) -> Relaxed | None:
    """The linear program over firms to within ``CLOSE``: flows by cohort, prices, bound. None where limits cannot be met even in parts."""
    label, top = first_labels(problem), None
    for _ in range(ROUNDS):
        cohorts = gather(problem, label)
        found = solved(problem, cohorts)
        if found is None:
            return None
        flow, prices, value = found
        year, least = best(problem, prices)
        low = float(least.sum() - prices.of_limits(problem))
        kept = top.prices if top is not None and top.bound > low else prices
        top = Relaxed(cohorts, flow, kept, max(low, top.bound if top else low), value)
        if value - top.bound <= CLOSE * abs(value) + 1e-9:
            break
        label = split(problem, cohorts, prices, year, least)
    return top


def split(problem: Problem, cohorts: Cohorts, prices: Prices, year: np.ndarray, least: np.ndarray) -> np.ndarray:
    """(n,) labels where the cohorts that lose most are parted by their firms' choice (``year``, worth ``least``) at these prices."""
    means = of_means(problem, cohorts)
    chosen, lowest = best(means, prices)
    lost = cohorts.size * lowest - np.bincount(cohorts.label, least)
    order = np.argsort(-lost)
    enough = int(np.searchsorted(np.cumsum(lost[order]), SPLIT * lost.sum())) + 1
    parted = np.zeros(len(lost), dtype=bool)
    parted[order[:enough]] = True
    firms = np.flatnonzero(parted[cohorts.label])
    own = cohorts.label[firms]
    rows = np.concatenate([reduced(problem, prices, firms), np.zeros((len(firms), 1))], axis=1)
    content = rows[np.arange(len(firms)), chosen[own]] - least[firms] <= 1e-7 * (1.0 + np.abs(least[firms]))
    part = cohorts.label * (problem.years + 1)
    part[firms] += np.where(content, chosen[own], year[firms]) + 1
    return np.unique(part, return_inverse=True)[1]
