"""Leaders before their suppliers: gap and seconds of a plan over 2,000 chains with 230,000 firms and 7 years.

World: chains of Pareto sizes (20 to 8,000 suppliers) over 31 provinces; a supplier costs 15 to 45 % less once its leader was done in
an earlier year; a budget a year, at most 26 % of a province's suppliers a year, 80 % of them by year 4 and 98 % by year 7, at least
discounted cost. Leaders and suppliers are whole. Targets: a certified gap of at most 0.5 %, 12 s. ``--write FILE.parquet`` keeps
chains, leaders' years (-1: never) and suppliers by year, and beside it ``FILE.limits.parquet``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from steelyard.methods.choose.chains import Chains, chains
from steelyard.methods.choose.leader_first import ChainPlan, lead, shortfall

REGIONS = 31


def world(count: int, years: int, seed: int) -> Chains:
    """The generator."""
    random = np.random.default_rng(seed)
    suppliers = np.minimum(np.ceil((random.pareto(1.1, count) + 1) * 20), 8000)
    leader = 20 + 0.03 * suppliers * random.lognormal(0, 0.3, count)
    supplier = 1.5 * random.lognormal(0, 0.3, count)
    saving = random.uniform(0.15, 0.45, count)
    region = random.integers(0, REGIONS, count)
    of_region = np.bincount(region, suppliers, REGIONS)
    return chains(
        region=region, suppliers=suppliers, leader=leader, supplier=supplier, saving=saving,
        budget=np.full(years, 0.17 * (supplier * suppliers).sum()), capacity=np.repeat(0.26 * of_region[:, None], years, axis=1),
        floors=np.column_stack([0.80 * of_region, 0.98 * of_region]), by=np.array([min(3, years - 1), years - 1]),
        price=0.96 ** np.arange(years),
    )  # fmt: skip


def write(plan: ChainPlan, file: Path) -> None:
    """Chains with their years; limits with their prices."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from common import write_limits

    given = plan.problem
    table = {name: getattr(given, name) for name in ("region", "suppliers", "leader", "supplier", "saving")}
    done = {f"done_{year}": plan.done[:, year] for year in range(given.years)}
    pq.write_table(pa.table({**table, "leads": plan.leads, **done}), file)
    write_limits(given, plan.prices, file)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=2_000)
    parser.add_argument("--years", type=int, default=7)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    made = world(options.chains, options.years, options.seed)
    begun, worked = time.perf_counter(), time.process_time()
    plan, short = lead(made), 0
    if plan is None:
        near = shortfall(made)
        plan, short = near.plan, int(near.short.sum())
    took, work = time.perf_counter() - begun, time.process_time() - worked
    from common import peak_mib, say

    peak = round(peak_mib() * 1.048576, 1)
    if options.write:
        write(plan, options.write)
    say("leader_first", {
        "chains": options.chains, "firms": int(made.suppliers.sum()) + options.chains, "years": options.years, "seed": options.seed,
        "bound": plan.bound, "cost": plan.value, "gap": plan.gap, "feasible": plan.feasible and not short, "short": short, "seconds": round(took, 2),
        "cpu_seconds": round(work, 2), "peak_mb": peak,
    })  # fmt: skip


if __name__ == "__main__":
    main()
