"""Small programs in whole firms: all of a small problem, or one region's firms near their margin while all others are held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from steelyard.methods.choose.books import books
from steelyard.methods.choose.cohorts import gather, program
from steelyard.methods.choose.highs import solve
from steelyard.methods.choose.prices import Prices, reduced
from steelyard.methods.choose.problem import Problem, only

SMALL = 2_000  # firms by years up to which the whole problem is solved as it is
SECONDS = 5.0  # of one program
LOCAL = 150  # firms of a region that are planned anew
NODES = 50  # of a region's program: a count, not a time, so that the plan is the same on any machine
CLOSE = 1e-4  # a gap of a region's program that is left


def exact(problem: Problem, nodes: int | None = None, gap: float = 0.0) -> tuple[np.ndarray, float] | None:
    """Years of the firms (n,) by the program in whole firms, and its bound; None where it found none in its time."""
    relaxed = program(problem, gather(problem, np.arange(problem.firms)))
    count = problem.firms * problem.years
    whole = replace(relaxed, whole=np.arange(len(relaxed.costs)) < count)
    found = solve(whole, seconds=SECONDS, gap=gap, nodes=nodes, tolerance=1e-9)
    if found.values is None:
        return None
    picked = found.values[:count].reshape(problem.firms, problem.years)
    return np.where(picked.max(axis=1) > 0.5, picked.argmax(axis=1), -1), found.bound


def mended(problem: Problem, year: np.ndarray, prices: Prices) -> np.ndarray:
    """Years (n,) where each region with a limit overrun is planned anew, up to the first that cannot be."""
    held = books(problem, year)
    stuck = (held.capacity_over() > 0).any(axis=1) | (held.short() > 0).any(axis=1)
    for region in np.flatnonzero(stuck).tolist():
        firms = _near(problem, region, prices)
        found = exact(_rest(problem, year, region, firms), NODES, CLOSE)
        if found is None:
            break
        year[firms] = found[0]
    return year


def _near(problem: Problem, region: int, prices: Prices) -> np.ndarray:
    """The firms of a region between being funded and not, cheap ones first among equals."""
    firms = np.flatnonzero(problem.region == region)
    margin = np.abs(reduced(problem, prices, firms).min(axis=1)) + problem.cost[firms] * problem.price.mean()
    return firms[np.argsort(margin, kind="stable")[:LOCAL]]


def _rest(problem: Problem, year: np.ndarray, region: int, firms: np.ndarray) -> Problem:
    """What these firms of a region may use of its limits once all others are held."""
    others = year.copy()
    others[firms] = -1
    held = books(problem, others)
    reached = held.done[[region], :-1] @ problem.counts_for()
    in_all = problem.counting @ held.done[:, :-1] @ problem.counts_for()
    return replace(
        only(problem, firms), region=np.zeros(len(firms), dtype=np.int32), budget=problem.budget - held.spent[:-1],
        capacity=problem.capacity[[region]] - held.used[[region], :-1], floors=problem.floors[[region]] - reached,
        total=np.maximum(problem.total - in_all, 0.0), aside=int(not problem.counting[region]),
    )  # fmt: skip
