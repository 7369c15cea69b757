"""Leaders before their suppliers: the year of each leader, and how many suppliers of each chain in which year, at least cost.

Columns by pricing in closed form, until the bound and the program meet; then leaders are made whole one after the other; then
suppliers flow again with the leaders held, whole, and within every limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose.chains import Chains, Columns, program
from steelyard.methods.choose.highs import INFINITE, Program, solve
from steelyard.methods.choose.leader_exact import SMALL, exact
from steelyard.methods.choose.leader_exact import columns as columns_of
from steelyard.methods.choose.leader_master import Master, master
from steelyard.methods.choose.leader_whole import whole_leaders
from steelyard.methods.choose.prices import Prices, gap

TRIES = 12
# by which share of what is reached in parts floors are lowered, until whole firms reach them
LESS = 0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1


@dataclass(frozen=True)
class ChainPlan:
    """``leads`` (C,) the leader's year, -1 never; ``done`` (C, T) suppliers by year, whole; ``value`` discounted cost.

    ``spent`` (T,) money; ``used`` (R, T) and ``reached`` (R, F) suppliers; ``feasible``: every limit holds.
    """

    problem: Chains
    leads: np.ndarray
    done: np.ndarray
    prices: Prices
    value: float
    bound: float
    feasible: bool
    spent: np.ndarray
    used: np.ndarray
    reached: np.ndarray

    @property
    def gap(self) -> float:
        """How far the cost may lie above the least one, as a share of it."""
        return gap(self.value, self.bound)


def lead(world: Chains) -> ChainPlan | None:
    """A plan with whole leaders and whole suppliers, and its certified gap; None where none was found."""
    top = master(world)
    if top is None:
        return None
    if columns_of(world) <= SMALL:
        leads, done, found = exact(world)
        if found.values is not None:
            return written(world, leads, done, replace(top, bound=max(top.bound, found.bound)))
        if found.proven:
            return None
    for leads in whole_leaders(world, top):
        flows = whole_suppliers(world, leads)
        if flows is not None:
            return written(world, leads, flows, top)
    return None


@dataclass(frozen=True)
class ChainShortfall:
    """``short`` (R, F) suppliers missing from each floor in ``plan``; no plan misses fewer than ``least`` in all (certified).

    ``prices``: by how many the least shortfall would fall with one more unit of money or capacity: what binds.
    """

    plan: ChainPlan
    short: np.ndarray
    least: int
    prices: Prices


def shortfall(world: Chains) -> ChainShortfall:
    """A plan of chains that comes near the fewest suppliers short of the floors, and what binds."""
    top = master(replace(world, price=np.zeros(world.years), penalty=1.0))
    if top is None:
        raise ArithmeticError("a plan that funds nobody keeps every budget")
    suppliers = np.where(top.columns.follows < world.years, top.share * world.suppliers[top.columns.chain], 0.0)
    reached = np.zeros((len(world.capacity), world.years + 1))
    np.add.at(reached, (world.region[top.columns.chain], top.columns.follows), suppliers)
    for less in (*LESS, 1.0):
        floors = np.floor(np.minimum(world.floors, (1.0 - less) * (reached[:, :-1] @ world.counts_for())))
        plan = lead(replace(world, floors=floors))
        if plan is not None:
            break
    else:
        raise ArithmeticError("a plan that funds nobody keeps every budget")
    short = np.maximum(world.floors - plan.reached, 0.0)
    return ChainShortfall(plan, short, int(np.ceil(top.bound - 1e-6)), top.prices)


def whole_suppliers(world: Chains, leads: np.ndarray) -> np.ndarray | None:
    """(C, T) suppliers by year at least cost with these leaders; limits tightened by what rounding overran, until none is."""
    tight, spare = world, float(world.supplier.mean())
    kept = np.zeros((world.count, world.years + 1, world.years + 1), dtype=bool)
    kept[np.arange(world.count), leads] = True
    columns = Columns.where(kept)
    for _ in range(TRIES):
        found = solve(_held(program(tight, columns), leads, world))
        if found.values is None:
            return None
        done = _rounded(world, columns, found.values)
        spent, used, reached = sums(world, np.where(leads == world.years, -1, leads), done)
        over, above = np.maximum(spent - world.budget, 0.0), np.maximum(used - world.capacity, 0.0)
        short = np.maximum(world.floors - reached, 0.0)
        if not (over > 1e-9 * world.budget).any() and not above.any() and not short.any():
            return done
        tight = replace(
            tight,
            budget=tight.budget - over - spare * (over > 0),
            capacity=tight.capacity - above,
            floors=tight.floors + short,
        )
    return None


def _held(base: Program, leads: np.ndarray, world: Chains) -> Program:
    """Shares of each chain sum to 1 where its leader is done: his money is paid whatever the suppliers do."""
    low = base.row_low.copy()
    low[: world.count] = np.where(leads < world.years, 1.0, -INFINITE)
    return replace(base, row_low=low)


def _rounded(world: Chains, columns: Columns, share: np.ndarray) -> np.ndarray:
    """(C, T) whole suppliers; what is left over in a chain goes where its region's years lag most behind their flows."""
    flow = np.zeros((world.count, world.years + 1))
    np.add.at(flow, (columns.chain, columns.follows), share * world.suppliers[columns.chain])
    flow[:, -1] = np.maximum(world.suppliers - flow[:, :-1].sum(axis=1), 0.0)
    done = np.floor(flow + 1e-6)
    part = np.maximum(flow - done, 0.0)
    part[part < 1e-6] = 0.0
    lag = np.zeros((len(world.capacity), world.years + 1))
    torn = np.flatnonzero(part.any(axis=1))
    for chain in torn[np.argsort(-world.supplier[torn], kind="stable")]:
        here = lag[world.region[chain]]
        here += part[chain]
        for _ in range(round(float(world.suppliers[chain] - done[chain].sum()))):
            to = int(np.where(part[chain] > 0, here, -np.inf).argmax())
            done[chain, to] += 1
            here[to] -= 1
    return done[:, :-1].astype(np.int64)


def sums(world: Chains, leads: np.ndarray, done: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Money by year (T,), suppliers by region and year (R, T), suppliers reached by floor (R, F)."""
    years, known = world.years, leads >= 0
    earlier = (np.arange(years) > leads[:, None]) & known[:, None]
    each = world.supplier[:, None] * (1.0 - world.saving[:, None] * earlier)
    spent = (each * done).sum(axis=0) + np.bincount(leads[known], world.leader[known], years)
    used = np.zeros(world.capacity.shape)
    np.add.at(used, world.region, done)
    return spent, used, used @ world.counts_for()


def written(world: Chains, leads: np.ndarray, done: np.ndarray, top: Master) -> ChainPlan:
    """The plan with all its sums, counted afresh."""
    leads = np.where(leads == world.years, -1, leads)
    spent, used, reached = sums(world, leads, done)
    value = float(spent @ world.price)
    feasible = bool((spent <= world.budget * (1 + 1e-9)).all() and (used <= world.capacity).all()
                    and (reached >= world.floors).all() and (done.sum(axis=1) <= world.suppliers).all())  # fmt: skip
    return ChainPlan(world, leads, done, top.prices, value, min(top.bound, value), feasible, spent, used, reached)
