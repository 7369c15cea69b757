"""Which firms to fund in which year: gap, seconds and memory of a plan over 500,000 firms and 7 years.

World: 31 regions with Dirichlet(2) shares, three sizes of firm, lognormal costs and provider-days, a budget a year, provider-days by
region and year, at least 80 % of every region's firms by year 4 and 98 % by year 7, at least discounted cost. Targets: a certified
gap of at most 0.1 %, every limit kept, 20 s, 300 MB. ``--write FILE.parquet`` keeps firms with their years, and beside it
``FILE.limits.parquet``: every limit with its price, and what money of a year counts.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.methods.choose.plan import Plan, choose
from steelyard.methods.choose.problem import Problem, problem
from steelyard.methods.choose.shortfall import shortfall

REGIONS = 31
MONEY = (0.20, 0.22, 0.23, 0.22, 0.12, 0.10, 0.10)
DAYS = (0.20, 0.24, 0.27, 0.27, 0.15, 0.13, 0.13)
FALLING = (1, 0.97, 0.95, 0.93, 0.92, 0.91, 0.90)


def over(years: int, parts: tuple[float, ...]) -> np.ndarray:
    """The parts of as many years, the last repeated."""
    return np.array([parts[min(year, len(parts) - 1)] for year in range(years)])


def world(firms: int, years: int, seed: int) -> Problem:
    """The generator."""
    random = np.random.default_rng(seed)
    region = random.choice(REGIONS, firms, p=random.dirichlet(np.full(REGIONS, 2.0)))
    size = random.choice(3, firms, p=[0.80, 0.16, 0.04])
    cost = np.array([0.8, 2.5, 9.0])[size] * random.lognormal(0, 0.45, firms)
    days = np.array([20.0, 55.0, 160.0])[size] * random.lognormal(0, 0.25, firms)
    count = np.bincount(region, minlength=REGIONS)
    return problem(
        region, cost, days, over(years, MONEY) * cost.sum(), np.bincount(region, days, REGIONS)[:, None] * over(years, DAYS),
        np.column_stack([0.80 * count, 0.98 * count]), np.array([min(3, years - 1), years - 1]),
        price=0.96 ** np.arange(years) * over(years, FALLING),
    )  # fmt: skip


def measured(found: Problem) -> tuple[Plan, dict[str, Any]]:
    """The plan, or the nearest one, and what it took; the rest of the house is imported only afterwards."""
    begun, worked = time.perf_counter(), time.process_time()
    plan, short = choose(found), 0
    if plan is None:
        nearest = shortfall(found)
        plan, short = nearest.plan, int(nearest.short.sum())
    took, worked = time.perf_counter() - begun, time.process_time() - worked
    from common import peak_mib

    result = {
        "bound": plan.bound, "cost": plan.value, "gap": plan.gap, "feasible": plan.feasible and not short, "short": short,
        "seconds": round(took, 2), "cpu_seconds": round(worked, 2),
        "peak_mb": round(peak_mib() * 1.048576, 1), "tightened": plan.rounds,
    }  # fmt: skip
    return plan, result


def write(plan: Plan, file: Path) -> None:
    """Firms with their years; limits with their prices."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from common import write_limits

    given = plan.problem
    firms = {name: getattr(given, name) for name in ("region", "cost", "days", "weight")}
    pq.write_table(pa.table({**firms, "year": plan.year}), file)
    write_limits(given, plan.prices, file)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firms", type=int, default=500_000)
    parser.add_argument("--years", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    plan, result = measured(world(options.firms, options.years, options.seed))
    if options.write:
        write(plan, options.write)
    from common import say

    say("choose", {"firms": options.firms, "years": options.years, "seed": options.seed, **result})


if __name__ == "__main__":
    main()
