"""The program over all columns of chains, by adding those of negative reduced cost until bound and program meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.choose.chains import Chains, Columns, bound, prices_of, program, reduced
from steelyard.methods.choose.highs import solve
from steelyard.methods.choose.prices import Prices

ROUNDS = 30
MEET = 1e-6  # a lower gap between program and bound is none


@dataclass(frozen=True)
class Master:
    """The relaxed program at its end: the columns used, the share of each, the prices and the bound."""

    columns: Columns
    share: np.ndarray
    prices: Prices
    bound: float


def master(world: Chains) -> Master | None:
    """The program over all columns, by adding those of negative reduced cost; None where the limits cannot be met even so."""
    years, top = world.years, None
    kept = np.zeros((world.count, years + 1, years + 1), dtype=bool)
    kept[:, 0], kept[:, years] = True, True
    for _ in range(ROUNDS):
        columns = Columns.where(kept)
        found = solve(program(world, columns), "ipm")
        if found.values is None:
            if kept.all():
                return None
            kept[:] = True
            continue
        prices = prices_of(world, found.duals)
        low = bound(world, prices)
        best = top.prices if top is not None and top.bound > low else prices
        top = Master(columns, found.values[: len(columns.chain)], best, max(low, top.bound if top else low))
        if found.cost - top.bound <= MEET * abs(found.cost):
            break
        kept |= _missing(reduced(world, prices), kept)
    return top


def _missing(worth: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The best suppliers' year of each leader's year that lies below the best column a chain has."""
    own = np.minimum(np.where(kept, worth, np.inf).min(axis=(1, 2)), 0.0)
    best = worth.argmin(axis=2)[:, :, None]
    wanted = np.zeros_like(kept)
    below = np.take_along_axis(worth, best, axis=2) < (own - 1e-9 * (1.0 + np.abs(own)))[:, None, None]
    np.put_along_axis(wanted, best, below, axis=2)
    return wanted
