"""Which nodes to seed so that they and those they point to weigh most, under a budget: greedy by gain per cost, and a bound.

Greedy: Nemhauser, Wolsey and Fisher 1978; lazily: Leskovec et al. 2007 (CELF); with a budget the better of it and the best single
node is at least (1 - 1/e)/2 of the best (Khuller, Moss and Naor 1999). The bound found afterwards is far better, and printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

from steelyard.errors import InputError, UsageError
from steelyard.methods.choose.problem import finite

STEPS = 12  # of the bound towards the linear program's
REACH = 0.5  # of the first step, as a share of a node's weight


@dataclass(frozen=True)
class Network:
    """``n`` nodes; the edges of node ``i`` are ``ends[begins[i]:begins[i + 1]]``, each once and none to itself."""

    begins: np.ndarray
    ends: np.ndarray

    @property
    def nodes(self) -> int:
        return len(self.begins) - 1

    @cached_property
    def turned(self) -> tuple[np.ndarray, np.ndarray]:
        """The same with every edge reversed."""
        begins, ends = kernels().turned(self.begins, self.ends)
        return begins, ends


@dataclass(frozen=True)
class Seeds:
    """``picked`` nodes in order; ``value`` the weight that they cover, at most ``bound``, which no choice passes.

    ``spent`` money; ``ratio`` value by bound; ``looks`` how often a node was weighed, a node on average.
    """

    picked: np.ndarray
    value: float
    bound: float
    spent: float
    looks: float

    @property
    def ratio(self) -> float:
        """At least this share of the best is reached; 1 where there is nothing to reach."""
        return self.value / self.bound if self.bound > 0 else 1.0


def kernels() -> ModuleType:
    """The compiled loops; raises UsageError SY774 where numba is not installed."""
    try:
        from steelyard.methods.choose import spread_kernels  # noqa: PLC0415  - an extra, and heavy
    except ImportError as error:
        raise UsageError("SY774") from error
    return spread_kernels


def network(nodes: int, start: np.ndarray, end: np.ndarray) -> Network:
    """A network of edges from ``start`` (m,) to ``end`` (m,), numbers from 0; twins and loops are left out. Raises InputError SY773."""
    for edge_ends in (start, end):
        if len(edge_ends) and not 0 <= edge_ends.min() <= edge_ends.max() < nodes:
            raise InputError("SY773", nodes=nodes, low=int(edge_ends.min()), high=int(edge_ends.max()))
    both = np.asarray(start, dtype=np.int64) * nodes + end
    both = both[np.asarray(start) != end]
    both.sort()
    both = both[np.diff(both, prepend=-1) != 0]
    first = both // max(nodes, 1)
    begins = np.concatenate([[0], np.cumsum(np.bincount(first, minlength=nodes))]).astype(np.int64)
    return Network(begins, (both - first * nodes).astype(np.int32))


def seeds(graph: Network, weight: np.ndarray, cost: np.ndarray, budget: float, steps: int = STEPS) -> Seeds:
    """Nodes to seed within ``budget``; ``weight`` (n,) what covering a node is worth, ``cost`` (n,) of seeding it, above 0.

    Raises InputError SY770 (negative or not a number), SY771 (shapes, a cost of 0), UsageError SY774 (numba is missing).
    """
    weight, cost = np.asarray(weight, dtype=float), np.asarray(cost, dtype=float)
    for name, values in (("weight", weight), ("cost", cost)):
        if values.shape != (graph.nodes,):
            raise InputError("SY771", name=name, found=values.shape, wanted=(graph.nodes,))
        finite(name, values)
    finite("budget", np.array([budget], dtype=float))
    if (cost <= 0).any():
        raise InputError("SY771", name="cost", found=0, wanted="> 0")
    loops = kernels()
    picked, covered, looks = loops.greedy(graph.begins, graph.ends, *graph.turned, weight, cost, float(budget))
    value, alone = float(weight[covered].sum()), loops.sums(graph.begins, graph.ends, weight)
    single = int(np.where(cost <= budget, alone, -1.0).argmax()) if graph.nodes else 0
    high = _bound(graph, weight, cost, budget, np.where(covered, 0.0, weight), steps)
    if graph.nodes and cost[single] <= budget and alone[single] > value:
        picked, value = np.array([single]), float(alone[single])
    return Seeds(picked, value, max(high, value), float(cost[picked].sum()), looks / max(graph.nodes, 1))


def _bound(
    graph: Network, weight: np.ndarray, cost: np.ndarray, budget: float, credit: np.ndarray, steps: int
) -> float:
    """The least upper bound met on the way from the greedy choice's own to that of the linear program.

    ``credit`` (n,) is the part of a node's weight that those who cover it share, each in full; the rest is granted. For any credit
    the granted weight and the best fractional knapsack of credits bound every choice. Without what the greedy choice covers it is
    Leskovec's online bound. Credit falls where the knapsack covers a node more than once, and rises where it does not.
    """
    least = np.inf
    for step in range(steps + 1):
        gains = kernels().sums(graph.begins, graph.ends, credit)
        share = _knapsack(gains, cost, budget)
        least = min(least, float((weight - credit).sum() + (share * gains).sum()))
        often = kernels().sums(*graph.turned, share)
        credit = np.clip(credit + REACH / (1.0 + step) * weight * np.clip(1.0 - often, -1.0, 1.0), 0.0, weight)
    return least


def _knapsack(gains: np.ndarray, cost: np.ndarray, budget: float) -> np.ndarray:
    """(n,) the share of each node in the best fractional knapsack."""
    order = np.argsort(-gains / cost)
    before = np.cumsum(cost[order]) - cost[order]
    share = np.empty(len(cost))
    share[order] = np.clip((budget - before) / cost[order], 0.0, 1.0)
    return share
