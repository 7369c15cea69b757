"""Audits of a simulated nation: what inspections cost against the least, and how often the interval has the truth in it.

``python audit.py [--seed 1] [--regions 31] [--firms 500000] [--draws 2000] [--write FILE]``. Strata are region x size x (claims the
level or not). The overstatement is planted at 1, 5 and 30 % on average, different in each stratum; non-claimers understate by a fifth
of it. Coverage is counted over draws of the planned size (hypergeometric: the law of a draw by hash), and once more over draws that
are made by hash, firm by firm, in a small region. ``--write`` keeps strata, costs, sizes, plants and one draw as Parquet.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import peak_mib, say

from steelyard.methods.audit import estimate, score
from steelyard.methods.audit.allocation import Allocation, allocate, variance
from steelyard.methods.audit.draw import draw

CASES = {0.01: 0.003, 0.05: 0.01, 0.3: 0.02}  # planted overstatement: margin
SLACK = 1e-9


@dataclass(frozen=True)
class Nation:
    """Strata: firms, whether they claim, money per inspection, firms that hold, the rate that was expected of them."""

    among: np.ndarray
    claimed: np.ndarray
    cost: np.ndarray
    holds: np.ndarray
    expected: np.ndarray


def nation(regions: int, firms: int, rate: float, dice: np.random.Generator) -> Nation:
    """Shares of regions Dirichlet(2), sizes .80/.16/.04, a half claims; far regions and large firms are dear to inspect."""
    shares = (
        dice.dirichlet(np.full(regions, 2.0))[:, None, None]
        * np.array([0.8, 0.16, 0.04])[:, None]
        * np.array([0.5, 0.5])
    )
    among = np.maximum(np.round(shares * firms), 1).astype(int).ravel()
    claimed = np.tile([True, False], regions * 3)
    cost = (dice.uniform(1, 3, (regions, 1, 1)) * np.array([1, 2, 5])[:, None] * np.ones(2)).ravel()
    wrong = rate * np.where(claimed, 1, 0.2) * dice.uniform(0.5, 1.5, len(among))
    holds = dice.binomial(among, np.where(claimed, 1 - wrong, wrong))
    return Nation(among, claimed, cost, holds, np.where(claimed, 1 - rate, 0.2 * rate))


def covering(low: np.ndarray, high: np.ndarray, truth: float) -> dict[str, float]:
    """Shares of intervals that have the truth in them, lie above it, lie below it; the mean half-width."""
    above, below = low - SLACK > truth, high + SLACK < truth
    return {"covers": round(1 - float((above | below).mean()), 4), "above": round(float(above.mean()), 4),
            "below": round(float(below.mean()), 4), "half_width": round(float((high - low).mean() / 2), 5)}  # fmt: skip


def one(
    world: Nation, margin: float, draws: int, dice: np.random.Generator
) -> tuple[Allocation, np.ndarray, dict[str, Any]]:
    """Plan, draw many times, and count."""
    begun = time.perf_counter()
    plan = allocate(world.among, variance(world.expected, world.among), world.cost, margin)
    planned = time.perf_counter() - begun
    found = dice.hypergeometric(world.holds, world.among - world.holds, plan.size, size=(draws, len(world.among)))
    begun = time.perf_counter()
    parts = [
        score.limits(some, plan.size, world.among, kind=world.claimed)
        for some in np.array_split(found, max(1, draws // 250))
    ]
    low, high = (np.concatenate(each) for each in zip(*parts, strict=True))
    told = {
        "strata": len(world.among), "inspections": int(plan.size.sum()), "margin": margin, "cost": round(plan.cost, 2),
        "bound": round(plan.bound, 2), "gap": plan.gap, "feasible": bool(plan.margin <= margin * (1 + 1e-9)),
        "seconds": round(planned, 4), **covering(low, high, world.holds.sum() / world.among.sum()),
        "microseconds_an_interval": round((time.perf_counter() - begun) / draws * 1e6),
    }  # fmt: skip
    return plan, found[0], told


def against_brute_force(trials: int, dice: np.random.Generator) -> dict[str, Any]:
    """The worst cost over the least that trying all sizes finds, on small strata."""
    worst = 0.0
    for _ in range(trials):
        among, cost = dice.integers(1, 13, 3), dice.uniform(0.5, 20, 3)
        spread, margin = variance(dice.uniform(0.01, 0.9, 3), among), dice.uniform(0.02, 0.4)
        room = (margin / 1.959963984540054) ** 2 * (1 + 1e-12) + 1e-15
        part = (among / among.sum()) ** 2 * spread
        sizes = np.array(list(itertools.product(*(range(min(2, n), n + 1) for n in among))))
        least = (sizes @ cost)[(part * (1 / sizes - 1 / among)).sum(axis=1) <= room].min()
        worst = max(worst, allocate(among, spread, cost, margin).cost / least - 1)
    return {"trials": trials, "worst_over_least": worst}


def by_hash(draws: int, dice: np.random.Generator) -> dict[str, Any]:
    """Every step as it is done: firms drawn by hash of a seed, inspected, tallied, corrected; 1,500 firms in 8 strata."""
    share = [0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02]
    stratum, claimed = np.sort(dice.choice(8, 1500, p=share)), np.arange(8) < 6
    holds = dice.random(1500) < np.where(claimed, 0.88, 0.05)[stratum]
    among = np.bincount(stratum, minlength=8)
    size = allocate(among, variance(np.where(claimed, 0.9, 0.05), among), np.ones(8), 0.03).size
    firms = [f"91{number:016d}" for number in range(1500)]
    ends = np.empty((draws, 2))
    for number in range(draws):
        drawn = np.flatnonzero(draw(f"seed {number}", firms, stratum, size))
        mask = np.isin(np.arange(1500), drawn)
        made = estimate.tally(stratum, claimed, mask, drawn, holds[drawn])[0]
        found = estimate.shared(made)
        ends[number] = found.low, found.high
    return {"draws": draws, "inspections": int(size.sum()), **covering(*ends.T, holds.mean())}


def kept(path: Path, rows: list[tuple[float, Nation, Allocation, np.ndarray]], seed: int) -> None:
    """Problem and answer, a row a stratum and case."""
    import pyarrow as pa
    from pyarrow import parquet

    parts = [
        pa.table({
            "rate": np.full(len(world.among), rate), "stratum": np.arange(len(world.among)), "firms": world.among, "claimed": world.claimed,
            "cost": world.cost, "variance": variance(world.expected, world.among), "holds": world.holds, "size": plan.size, "found": found,
        })
        for rate, world, plan, found in rows
    ]  # fmt: skip
    told = {str(rate): {"margin": CASES[rate], "cost": plan.cost, "bound": plan.bound} for rate, _, plan, _ in rows}
    whole = pa.concat_tables(parts)
    parquet.write_table(whole.replace_schema_metadata({"seed": str(seed), "cases": json.dumps(told)}), path)


def main() -> None:
    """All cases."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--regions", type=int, default=31)
    asked.add_argument("--firms", type=int, default=500_000)
    asked.add_argument("--draws", type=int, default=2000)
    asked.add_argument("--write", type=Path)
    given = asked.parse_args()
    dice = np.random.default_rng(given.seed)
    cases, rows = {}, []
    for rate, margin in CASES.items():
        world = nation(given.regions, given.firms, rate, dice)
        plan, found, told = one(world, margin, given.draws, dice)
        cases[f"overstated {rate:.0%}"] = told
        rows.append((rate, world, plan, found))
    if given.write:
        kept(given.write, rows, given.seed)
    say("audit", {"seed": given.seed, "firms": given.firms, "regions": given.regions, "draws": given.draws, "cases": cases,
                  "by_hash": by_hash(given.draws, dice), "brute_force": against_brute_force(200, dice),
                  "target": {"covers": [0.93, 0.97], "cost_over_least": 0.02}, "peak_mib": peak_mib()})  # fmt: skip


if __name__ == "__main__":
    main()
