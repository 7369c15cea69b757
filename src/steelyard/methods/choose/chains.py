"""Supply chains whose leader goes first: what is to be planned, and its linear program over (leader's year, suppliers' year).

A column says: the leader of this chain in year ``s`` or never, all its suppliers in year ``t`` or never. A mix of columns of one
chain with the same ``s`` is a plan with a whole leader; mixes over ``s`` are what the bound allows (Dantzig and Wolfe 1960).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.choose.highs import INFINITE, Program
from steelyard.methods.choose.prices import Prices
from steelyard.methods.choose.problem import finite, inside, settled, shaped


@dataclass(frozen=True)
class Chains:
    """``C`` chains, ``T`` years, ``R`` regions, ``F`` floors; ``penalty`` is what a supplier short of a floor counts (infinite: none may be).

    ``region`` (C,); ``suppliers`` (C,) whole firms; ``leader`` (C,) money for the leader; ``supplier`` (C,) money for one supplier;
    ``saving`` (C,) share of it that falls away once the leader was done in an earlier year; ``budget`` (T,) money; ``capacity``
    (R, T) suppliers a year; ``floors`` (R, F) suppliers done by the end of year ``by`` (F,); ``price`` (T,) what money of each year
    counts.
    """

    region: np.ndarray
    suppliers: np.ndarray
    leader: np.ndarray
    supplier: np.ndarray
    saving: np.ndarray
    budget: np.ndarray
    capacity: np.ndarray
    floors: np.ndarray
    by: np.ndarray
    price: np.ndarray
    penalty: float = INFINITE

    @property
    def count(self) -> int:
        return len(self.suppliers)

    @property
    def years(self) -> int:
        return len(self.budget)

    def money(self) -> np.ndarray:
        """(C, T+1, T+1) money of all suppliers of a chain by the leader's year and theirs; the last of each: never."""
        years = self.years
        after = np.arange(years + 1)[None, :] > np.arange(years + 1)[:, None]
        shares = 1.0 - self.saving[:, None, None] * after
        shares[:, :, years] = 0.0
        paid: np.ndarray = shares * (self.suppliers * self.supplier)[:, None, None]
        return paid

    def counts_for(self) -> np.ndarray:
        """(T, F): 1 where a supplier done in that year counts towards that floor."""
        return (np.arange(self.years)[:, None] <= self.by).astype(float)


ARRAYS = [field.name for field in fields(Chains) if field.name != "penalty"]


def chains(**given: np.ndarray) -> Chains:
    """Chains whose arrays fit; floors rounded up and capacities down to whole suppliers.

    Raises InputError SY770 (negative or not a number), SY771 (shapes, a saving above 1, parts of suppliers), SY772 (a floor in a region without chains).
    """
    arrays: dict[str, Any] = {name: np.asarray(given[name]) for name in ARRAYS}
    made = Chains(**arrays)
    count, years, regions = made.count, made.years, len(made.capacity)
    shaped(made, region=(count,), leader=(count,), supplier=(count,), saving=(count,), price=(years,), capacity=(regions, years),
           floors=(regions, len(made.by)))  # fmt: skip
    for name in ("suppliers", "leader", "supplier", "saving", "budget", "capacity", "floors", "price"):
        finite(name, getattr(made, name))
    inside("region", made.region, regions)
    inside("by", made.by, years)
    for name, wrong, wanted in (("saving", made.saving > 1, "0…1"), ("suppliers", made.suppliers % 1 != 0, "whole")):
        if wrong.any():
            raise InputError("SY771", name=name, found=getattr(made, name)[int(np.argmax(wrong))], wanted=wanted)
    settled(made.region, made.floors)
    return replace(made, floors=np.ceil(made.floors - 1e-9), capacity=np.floor(made.capacity + 1e-9))


def reduced(world: Chains, prices: Prices) -> np.ndarray:
    """(C, T+1, T+1) what each column counts, all prices paid and earned."""
    pays = np.append(world.price + prices.budget, 0.0)
    earned = prices.capacity - prices.floors @ world.counts_for().T
    by_year = np.concatenate([earned, np.zeros((len(earned), 1))], axis=1)[world.region] * world.suppliers[:, None]
    rows: np.ndarray = world.money() * pays + by_year[:, None, :] + (world.leader[:, None] * pays)[:, :, None]
    return rows


@dataclass(frozen=True)
class Columns:
    """Some columns of the program: the chain, the leader's year and the suppliers' year of each (``T``: never)."""

    chain: np.ndarray
    leads: np.ndarray
    follows: np.ndarray

    @staticmethod
    def where(kept: np.ndarray) -> Columns:
        """The columns marked in a mask (C, T+1, T+1); that with nobody ever is none."""
        kept = kept.copy()
        kept[:, -1, -1] = False
        return Columns(*np.nonzero(kept))


def program(world: Chains, columns: Columns) -> Program:
    """Minimal cost over shares of columns, then suppliers short: rows chains (share at most 1), budgets, capacities, floors."""
    count, years, regions, floors = world.count, world.years, len(world.capacity), len(world.by)
    chain, leads, follows = columns.chain, columns.leads, columns.follows
    column, region = np.arange(len(chain)), world.region[chain]
    pays = np.append(world.price, 0.0)
    money, leader = world.money()[chain, leads, follows], np.where(leads < years, world.leader[chain], 0.0)
    first, second = leads < years, follows < years
    at_once = leads == follows
    alone = second & ~at_once
    begin = count + years + regions * years
    parts = [
        (chain, column, np.ones(len(chain))),
        (count + leads[first], column[first], (leader + np.where(at_once, money, 0.0))[first]),
        (count + follows[alone], column[alone], money[alone]),
        (count + years + region[second] * years + follows[second], column[second], world.suppliers[chain[second]]),
    ]
    for floor, by in enumerate(world.by):
        inside = follows <= by
        parts.append((begin + region[inside] * floors + floor, column[inside], world.suppliers[chain[inside]]))
    soft = world.floors.size if np.isfinite(world.penalty) else 0
    parts.append((begin + np.arange(soft), len(chain) + np.arange(soft), np.ones(soft)))
    rows, places, values = (np.concatenate(each) for each in zip(*parts, strict=True))
    costs = leader * pays[leads] + money * pays[follows]
    return Program(
        np.concatenate([costs, np.full(soft, world.penalty)]), np.full(len(chain) + soft, INFINITE),
        np.concatenate([np.full(begin, -INFINITE), world.floors.ravel()]),
        np.concatenate([np.ones(count), world.budget, world.capacity.ravel(), np.full(regions * floors, INFINITE)]),
        (rows, places, values),
    )  # fmt: skip


def prices_of(world: Chains, duals: np.ndarray) -> Prices:
    """The prices among the duals of the program's rows, at least 0."""
    years, regions = world.years, len(world.capacity)
    budget, capacity, floors = np.split(duals[world.count : world.count + years * (regions + 1) + world.floors.size],
                                        [years, years + regions * years])  # fmt: skip
    return Prices(np.maximum(-budget, 0.0), np.maximum(-capacity.reshape(regions, years), 0.0),
                  np.clip(floors.reshape(regions, len(world.by)), 0.0, world.penalty))  # fmt: skip


def bound(world: Chains, prices: Prices) -> float:
    """The certified lower bound of every plan's cost at these prices: each chain takes its best column, or none."""
    least = np.minimum(reduced(world, prices).min(axis=(1, 2)), 0.0).sum()
    paid = (
        prices.budget @ world.budget + (prices.capacity * world.capacity).sum() - (prices.floors * world.floors).sum()
    )
    return float(least - paid)
