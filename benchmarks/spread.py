"""Seeding a network for spill-over: seconds and certified ratio with 500,000 nodes, 5 million edges and a budget of 20 %.

World: edges run from nodes of Pareto out-degree (the greatest some 60,000) to nodes of lognormal popularity; weights and costs
are lognormal, costs grow with the root of the degree. A seed covers itself and those that it points to. Targets: 6 s, the ratio printed.
Seconds are those of choosing, edges already sorted; compiling, once a machine, is shown apart. ``--write FILE.parquet`` keeps nodes
with weight, cost and order of picking (-1: not picked), beside it ``FILE.edges.parquet``, and ``FILE.limits.parquet`` with the budget.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from steelyard.methods.choose.spread import Network, Seeds, network, seeds


def world(nodes: int, edges: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Starts and ends of edges, weights and costs of nodes."""
    random = np.random.default_rng(seed)
    degree = random.pareto(1.2, nodes) + 1
    degree = np.minimum(degree * edges / degree.sum(), nodes / 8)
    degree *= 1.2 * edges / degree.sum()  # twins are left out, and then as many as are wanted taken
    start = np.repeat(np.arange(nodes), random.poisson(degree))
    popular = np.cumsum(random.lognormal(0, 2, nodes))
    both = np.unique(start * nodes + np.searchsorted(popular, random.random(len(start)) * popular[-1]))
    both = both[np.sort(random.permutation(len(both))[:edges])]
    cost = random.lognormal(0, 0.5, nodes) * np.sqrt(1 + degree)
    return both // nodes, both % nodes, random.lognormal(0, 1, nodes), cost


def write(graph: Network, weight: np.ndarray, cost: np.ndarray, budget: float, found: Seeds, file: Path) -> None:
    """Nodes, edges, and the budget with what is reached and the bound."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = np.full(graph.nodes, -1)
    order[found.picked] = np.arange(len(found.picked))
    pq.write_table(pa.table({"weight": weight, "cost": cost, "order": order}), file)
    start = np.repeat(np.arange(graph.nodes), np.diff(graph.begins))
    pq.write_table(pa.table({"start": start, "end": graph.ends}), file.with_suffix(".edges.parquet"))
    limits = {"budget": [budget], "spent": [found.spent], "value": [found.value], "bound": [found.bound]}
    pq.write_table(pa.table(limits), file.with_suffix(".limits.parquet"))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500_000)
    parser.add_argument("--edges", type=int, default=5_000_000)
    parser.add_argument("--budget", type=float, default=0.2, help="share of the cost of all nodes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    clock = [time.perf_counter()]
    seeds(network(3, np.array([0]), np.array([1])), np.ones(3), np.ones(3), 1.0)
    clock.append(time.perf_counter())
    start, end, weight, cost = world(options.nodes, options.edges, options.seed)
    clock.append(time.perf_counter())
    graph = network(options.nodes, start, end)
    clock.append(time.perf_counter())
    found = seeds(graph, weight, cost, options.budget * float(cost.sum()))
    clock.append(time.perf_counter())
    compiling, _, sorting, choosing = (round(float(step), 2) for step in np.diff(clock))
    from common import peak_mib, say

    peak = round(peak_mib() * 1.048576, 1)
    if options.write:
        write(graph, weight, cost, options.budget * float(cost.sum()), found, options.write)
    say("spread", {
        "nodes": options.nodes, "edges": len(graph.ends), "greatest_degree": int(np.diff(graph.begins).max()), "seed": options.seed,
        "budget": options.budget, "picked": len(found.picked), "weight_reached": found.value / float(weight.sum()),
        "value": found.value, "bound": found.bound, "ratio": found.ratio, "gap": 1 - found.ratio, "cost": found.spent,
        "feasible": found.spent <= options.budget * float(cost.sum()) * (1 + 1e-9), "looks_a_node": round(found.looks, 2),
        "seconds": choosing, "seconds_sorting_edges": sorting, "seconds_compiling": compiling,
        "peak_mb": peak,
    })  # fmt: skip


if __name__ == "__main__":
    main()
