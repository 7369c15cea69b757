"""Whole leaders, one after the other: chains of most money first, each put into the year that costs the program least.

The year of the greatest share is tried first and kept where the program hardly gets dearer; else the other years that have a share
are tried too. Taking the greatest share of many chains at once is far worse: alike chains would all go to the same year.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from steelyard.methods.choose.chains import Chains, Columns, program, reduced
from steelyard.methods.choose.highs import INFINITE, Solved, Warm
from steelyard.methods.choose.leader_master import Master

NEAR = 0.005, 0.1  # reduced cost, as a share of a chain's money, of leaders' years that may be chosen
CLOSE = 0.02  # the same of suppliers' years, for chains whose leader is not torn between years
HARDLY = 5e-5  # of the program's cost
TRACE = 1e-6
SWEEPS = 6


def whole_leaders(world: Chains, top: Master) -> Iterator[np.ndarray]:
    """The year of each leader (C,), T for never, from few columns, then from more."""
    worth = reduced(world, top.prices)
    for near in NEAR:
        found = _Dive(world, _columns(world, top, worth, near)).leaders()
        if found is not None:
            yield found


def _columns(world: Chains, top: Master, worth: np.ndarray, near: float) -> Columns:
    """Leaders' years near their chain's least reduced cost; with all years of suppliers where there are several, else with those close."""
    used = top.share > 1e-9
    own = top.columns.chain[used], top.columns.leads[used], top.columns.follows[used]
    money = world.suppliers * world.supplier + world.leader
    above = (worth - np.minimum(worth.min(axis=(1, 2)), 0.0)[:, None, None]) / np.maximum(money, 1e-300)[:, None, None]
    states = above.min(axis=2) <= near
    states[own[0], own[1]] = True
    torn = (states.sum(axis=1) > 1) | (near > CLOSE)
    kept = states[:, :, None] & (torn[:, None, None] | (above <= CLOSE))
    kept[:, :, -1] |= states
    kept[own] = True
    return Columns.where(kept)


class _Dive:
    """The program while leaders are put into years; columns are sorted by chain."""

    def __init__(self, world: Chains, columns: Columns) -> None:
        self.world, self.columns = world, columns
        self.warm = Warm(program(world, columns))
        self.begins = np.searchsorted(columns.chain, np.arange(world.count + 1))
        self.held = np.zeros(world.count, dtype=bool)

    def leaders(self) -> np.ndarray | None:
        """(C,) the year of each leader, T for never; None where no year of some leader keeps the limits."""
        now = self.warm.solve()
        money = self.world.suppliers * self.world.supplier
        for _ in range(SWEEPS):
            if now.values is None:
                return None
            mixed = np.flatnonzero((self._mass(now).max(axis=1) < 1.0 - TRACE) & ~self.held)
            if not len(mixed):
                break
            for chain in mixed[np.argsort(-money[mixed], kind="stable")].tolist():
                now = self._hold(chain, now)
        return None if now.values is None else self._mass(now).argmax(axis=1)

    def _mass(self, now: Solved) -> np.ndarray:
        """(C, T+1) the share of each leader's year in its chain; what is left counts as never."""
        assert now.values is not None  # noqa: S101  - callers have looked
        years = self.world.years + 1
        cell = self.columns.chain * years + self.columns.leads
        mass: np.ndarray = np.bincount(cell, now.values, self.world.count * years).reshape(-1, years)
        mass[:, -1] += np.maximum(1.0 - mass.sum(axis=1), 0.0)
        return mass

    def _hold(self, chain: int, now: Solved) -> Solved:
        """The program with this leader in one year, the least dear of those that have a share; without values: none keeps the limits."""
        if now.values is None:
            return now
        mass = self._mass(now)[chain]
        years = [year for year in np.argsort(-mass, kind="stable").tolist() if mass[year] > TRACE]
        if len(years) == 1:
            return now
        best, chosen = Solved(None), years[0]
        for year in years:
            self._put(chain, year)
            found = self.warm.solve()
            if found.values is not None and found.cost < best.cost:
                best, chosen = found, year
            if best.cost <= now.cost + HARDLY * abs(now.cost):
                break
        self._put(chain, chosen)
        self.held[chain] = True
        return best

    def _put(self, chain: int, year: int) -> None:
        """A leader into one year (then all of it is paid), or into none (T)."""
        places = np.arange(self.begins[chain], self.begins[chain + 1])
        there = self.columns.leads[places] == year
        self.warm.bound_columns(places[~there], 0.0)
        self.warm.bound_columns(places[there], INFINITE)
        self.warm.bound_row(chain, 1.0 if year < self.world.years else -INFINITE, 1.0)
