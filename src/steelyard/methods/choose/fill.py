"""From flows of cohorts to whole firms: each firm into one year, the remainder carried on; then single moves to the last unit.

Firms of a region are placed from the dearest to the cheapest; each goes where money, provider-days and count lag most behind the
flows, so that what is left over at the end is of the size of the cheapest firms.
"""

from __future__ import annotations

import numpy as np

from steelyard.methods.choose.books import Books, books
from steelyard.methods.choose.cohorts import Relaxed
from steelyard.methods.choose.prices import Prices, reduced
from steelyard.methods.choose.problem import Problem

TRACE = 1e-6  # a smaller share of a cohort is what an interior point leaves
CANDIDATES = 2_000  # firms of a region that may be moved: the cheapest, and as many near the margin
MOVES = 400  # of one region in one pass
PASSES = 4


def place(problem: Problem, relaxed: Relaxed) -> np.ndarray:
    """(n,) the year of each firm, NEVER for none, so that sums by region and year follow the flows."""
    shares = _shares(relaxed)
    top = shares.argmax(axis=1)
    sure = shares[np.arange(len(top)), top] > 1.0 - TRACE
    label = relaxed.cohorts.label
    year = top[label].astype(np.int64)
    torn = np.flatnonzero(~sure[label])
    year[torn] = _carried(problem, torn, shares[label[torn]]) if len(torn) else 0
    return np.where(year == problem.years, -1, year)


def _shares(relaxed: Relaxed) -> np.ndarray:
    """(K, T+1) share of each cohort by year, the last for none; traces dropped, sums 1."""
    part = relaxed.flow / relaxed.cohorts.size[:, None]
    part = np.where(part < TRACE, 0.0, part)
    rest = np.maximum(1.0 - part.sum(axis=1, keepdims=True), 0.0)
    whole = np.concatenate([part, np.where(rest < TRACE, 0.0, rest)], axis=1)
    shares: np.ndarray = whole / whole.sum(axis=1, keepdims=True)
    return shares


def _carried(problem: Problem, firms: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(m,) the year (T: none) of each of these firms; regions go in step, each carrying its own remainder."""
    order = np.lexsort((-problem.cost[firms], problem.region[firms]))
    region = problem.region[firms[order]]
    begins = np.flatnonzero(np.diff(region, prepend=-1))
    counts = np.diff(np.append(begins, len(region)))
    traits = np.stack([problem.cost, problem.days, np.ones(problem.firms)])[:, firms]
    traits = (traits / np.maximum(np.median(traits, axis=1, keepdims=True), 1e-300)).T
    lag = np.zeros((len(begins), shares.shape[1], 3))
    chosen = np.empty(len(firms), dtype=np.int64)
    by_length = np.argsort(-counts, kind="stable")
    begins, counts = begins[by_length], counts[by_length]
    going = np.searchsorted(-counts, -np.arange(counts[0]), side="left")
    for step, active in enumerate(going):
        now = order[begins[:active] + step]
        _step(lag[:active], shares[now], traits[now], chosen, now)
    return chosen


def _step(lag: np.ndarray, shares: np.ndarray, traits: np.ndarray, chosen: np.ndarray, firms: np.ndarray) -> None:
    """One firm of each region goes where it makes the squared lag least; ``lag`` (regions, T+1, 3) and ``chosen`` are changed."""
    lag += shares[:, :, None] * traits[:, None, :]
    pull = np.where(shares > 0, np.einsum("rtk,rk->rt", lag, traits), -np.inf)
    to = pull.argmax(axis=1)
    lag[np.arange(len(to)), to] -= traits
    chosen[firms] = to


def settle(problem: Problem, year: np.ndarray, prices: Prices, enough: float) -> tuple[np.ndarray, bool]:
    """Move single firms until every limit holds, then while the plan's value is above ``enough``; returns years and whether all holds."""
    kept = books(problem, year)
    movable = _movable(problem, prices)
    for _ in range(PASSES):
        if kept.kept():
            break
        for region, firms in movable.items():
            _mend(kept, region, firms, prices)
    feasible = kept.kept()
    if feasible:
        _better(kept, movable, enough)
    return np.where(kept.place == problem.years, -1, kept.place), feasible


def _movable(problem: Problem, prices: Prices) -> dict[int, np.ndarray]:
    """Firms of each region to be moved: the cheapest, and those between being funded and not."""
    found = {}
    order = np.argsort(problem.region, kind="stable")
    ends = np.cumsum(np.bincount(problem.region, minlength=problem.regions))
    for region, firms in enumerate(np.split(order, ends[:-1])):
        if len(firms) > 2 * CANDIDATES:
            margin = np.abs(reduced(problem, prices, firms).min(axis=1))
            near = np.argpartition(margin, CANDIDATES)[:CANDIDATES]
            cheap = np.argpartition(problem.cost[firms], CANDIDATES)[:CANDIDATES]
            firms = firms[np.union1d(near, cheap)]  # noqa: PLW2901
        if len(firms):
            found[region] = firms
    return found


def _mend(kept: Books, region: int, firms: np.ndarray, prices: Prices) -> None:
    """Moves that lower overruns and shortfalls, least reduced cost per overrun first."""
    problem = kept.problem
    worth = np.concatenate([reduced(problem, prices, firms), np.zeros((len(firms), 1))], axis=1)
    small = 1e-4 * (np.abs(worth).mean() + 1e-300)
    hard = not np.isfinite(problem.penalty)
    for _ in range(MOVES):
        over, short = kept.changes(region, firms)
        change = over + short if hard else over
        dearer = worth - worth[np.arange(len(firms)), kept.place[firms]][:, None]
        helps = change < -1e-9
        if not helps.any():
            return
        rate = np.where(helps, (np.maximum(dearer, 0.0) + small) / np.where(helps, -change, 1.0), np.inf)
        firm, to = np.unravel_index(int(rate.argmin()), rate.shape)
        kept.move(int(firms[firm]), int(to))


def _better(kept: Books, movable: dict[int, np.ndarray], enough: float) -> None:
    """Moves that keep every limit and lower the plan's value, best first, region by region."""
    value = _value(kept)
    for region, firms in movable.items():
        if value <= enough:
            return
        value += _better_in(kept, region, firms)


def _better_in(kept: Books, region: int, firms: np.ndarray) -> float:
    problem, gained = kept.problem, 0.0
    pays = problem.cost[firms][:, None] * (problem.share * problem.price)[problem.group[firms]]
    counted = pays - problem.weight[firms][:, None] * problem.worth
    counted = np.concatenate([counted, np.zeros((len(firms), 1))], axis=1)
    soft = problem.penalty if np.isfinite(problem.penalty) else 0.0
    for _ in range(MOVES):
        over, short = kept.changes(region, firms)
        change = counted - counted[np.arange(len(firms)), kept.place[firms]][:, None] + soft * short
        allowed = over <= 0 if soft else (over <= 0) & (short <= 0)
        change = np.where(allowed, change, 0.0)
        firm, to = np.unravel_index(int(change.argmin()), change.shape)
        if change[firm, to] > -1e-9:
            break
        kept.move(int(firms[firm]), int(to))
        gained += change[firm, to]
    return gained


def _value(kept: Books) -> float:
    problem = kept.problem
    year = np.where(kept.place == problem.years, -1, kept.place)
    short = problem.penalty * (kept.short().sum() + kept.total_short().sum()) if np.isfinite(problem.penalty) else 0.0
    return float(problem.values(year).sum() + short)
