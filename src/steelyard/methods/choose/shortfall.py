"""Targets that cannot be met: the fewest firms short of the floors, what binds, and a cheap plan that comes that near."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose.cohorts import relax
from steelyard.methods.choose.fill import place, settle
from steelyard.methods.choose.plan import ENOUGH, Plan, fundable, widened, written
from steelyard.methods.choose.prices import Prices
from steelyard.methods.choose.problem import Problem, only
from steelyard.methods.choose.whole import SMALL, exact

DEAR = 100.0  # dearest firms that one firm short counts as, where cost comes second


@dataclass(frozen=True)
class Shortfall:
    """``short`` (R, F) firms missing from each floor in ``plan``, ``total_short`` (F,) from each total; no plan misses fewer than
    ``least`` in all (certified; a firm missing from a floor and a total counts in both).

    ``prices``: by how many firms the least shortfall would fall with one more unit of money or of provider-days: what binds.
    The plan's bound and gap hold among plans that reach as many firms.
    """

    plan: Plan
    short: np.ndarray
    total_short: np.ndarray
    least: int
    prices: Prices


def shortfall(problem: Problem) -> Shortfall:
    """The plan within budgets and capacities that misses the floors by the fewest firms, and of those near the cheapest."""
    able = fundable(problem)
    found = _shortfall(only(problem, able))
    plan = widened(problem, found.plan, able)
    return replace(found, plan=plan)


def _shortfall(problem: Problem) -> Shortfall:
    nothing = np.zeros(problem.years)
    fewest = _soft(replace(problem, price=nothing, worth=nothing, penalty=1.0))
    counted = (
        problem.cost.max(initial=0.0) * problem.price.max() + problem.weight.max(initial=0.0) * problem.worth.max()
    )
    plan = _soft(replace(problem, penalty=DEAR * max(counted, 1.0)))
    least = int(np.ceil(fewest.bound - 1e-6))
    short, total_short = plan.short, plan.total_short
    reached = replace(
        problem, floors=np.minimum(problem.floors, plan.reached), total=np.minimum(problem.total, plan.reached_in_all)
    )
    cheapest = relax(reached)
    plan = written(reached, plan.year, cheapest) if cheapest else replace(plan, problem=reached)
    return Shortfall(plan, short, total_short, least, fewest.prices)


def least_short(problem: Problem) -> int:
    """No plan misses fewer firms than this in all (certified)."""
    nothing = np.zeros(problem.years)
    soft = replace(only(problem, fundable(problem)), price=nothing, worth=nothing, penalty=1.0)
    relaxed = relax(soft)
    return 0 if relaxed is None else int(np.ceil(relaxed.bound - 1e-6))


def _soft(problem: Problem) -> Plan:
    """The plan of a problem whose floors have a penalty: one always exists."""
    relaxed = relax(problem)
    if relaxed is None:
        raise ArithmeticError("a plan that funds nobody keeps every budget")
    small = exact(problem) if problem.firms * problem.years <= SMALL else None
    if small is not None:
        return written(problem, small[0], replace(relaxed, bound=max(small[1], relaxed.bound)))
    enough = relaxed.bound + ENOUGH * abs(relaxed.bound)
    year, _ = settle(problem, place(problem, relaxed), relaxed.prices, enough)
    return written(problem, year, relaxed)
