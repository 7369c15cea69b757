"""Seeding a network: against the best of all sets in tiny ones, against a plain greedy, and under its bound."""

from __future__ import annotations

import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError, UsageError
from steelyard.methods.choose.spread import Network, network, seeds


def drawn(seed: int, nodes: int, edges: int) -> tuple[Network, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    graph = network(nodes, random.integers(0, nodes, edges), random.integers(0, nodes, edges))
    return graph, random.lognormal(0, 1, nodes), random.lognormal(0, 0.5, nodes)


def covered(graph: Network, picked: list[int], weight: np.ndarray) -> float:
    """Weight of some nodes and of all they point to."""
    reached = set(picked).union(*(graph.ends[graph.begins[node] : graph.begins[node + 1]].tolist() for node in picked))
    return float(weight[sorted(reached)].sum())


def plain_greedy(graph: Network, weight: np.ndarray, cost: np.ndarray, budget: float) -> list[int]:
    """Most gain per cost first, every node weighed every time."""
    picked: list[int] = []
    while True:
        left, now = budget - cost[picked].sum(), covered(graph, picked, weight)
        rates = {
            node: (covered(graph, [*picked, node], weight) - now) / cost[node]
            for node in range(graph.nodes)
            if cost[node] <= left + 1e-12 and node not in picked
        }
        if not rates or max(rates.values()) <= 1e-12:
            return picked
        picked.append(max(rates, key=rates.get))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 1.1))
def test_no_choice_passes_the_bound_and_the_value_is_what_is_covered(seed, share):
    graph, weight, cost = drawn(seed, 8, 14)
    budget = share * cost.sum()
    found = seeds(graph, weight, cost, budget)
    sets = (list(some) for size in range(9) for some in combinations(range(8), size))
    truth = max(covered(graph, some, weight) for some in sets if cost[some].sum() <= budget + 1e-12)
    assert found.value == pytest.approx(covered(graph, found.picked.tolist(), weight))
    assert found.spent <= budget + 1e-9
    assert found.value <= truth + 1e-9
    assert found.bound >= truth - 1e-9
    assert found.value >= truth * (1 - np.exp(-1)) / 2 - 1e-9


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lazy_picks_are_those_of_a_greedy_that_weighs_every_node_every_time(seed):
    graph, weight, cost = drawn(seed, 60, 150)
    budget = 0.2 * cost.sum()
    assert seeds(graph, weight, cost, budget).picked.tolist() == plain_greedy(graph, weight, cost, budget)


def test_steps_towards_the_linear_program_lower_the_bound():
    graph, weight, cost = drawn(7, 20_000, 100_000)
    online = seeds(graph, weight, cost, 0.05 * cost.sum(), steps=0)
    better = seeds(graph, weight, cost, 0.05 * cost.sum())
    assert better.value == online.value
    assert better.bound < 0.9 * online.bound
    assert better.ratio > 0.9


def test_a_dear_node_that_covers_most_is_picked_alone():
    graph = network(102, np.zeros(100, dtype=int), np.arange(1, 101))
    weight, cost = np.ones(102), np.full(102, 1e9)
    cost[0], cost[101] = 100.0, 0.5
    found = seeds(graph, weight, cost, 100.0)
    assert found.picked.tolist() == [0]


def test_twins_and_loops_are_left_out():
    graph = network(3, np.array([0, 0, 1, 2]), np.array([1, 1, 1, 0]))
    assert (graph.begins.tolist(), graph.ends.tolist()) == ([0, 1, 1, 2], [1, 0])
    begins, ends = graph.turned
    assert (begins.tolist(), ends.tolist()) == ([0, 1, 2, 2], [2, 0])


def test_without_money_nobody_is_seeded():
    graph, weight, cost = drawn(1, 20, 40)
    found = seeds(graph, weight, cost, 0.0)
    assert (len(found.picked), found.value, found.bound, found.ratio) == (0, 0, pytest.approx(0), 1)


@pytest.mark.parametrize(("code", "weight", "cost"), [
    ("SY770", [-1, 1, 1], [1, 1, 1]), ("SY770", [1, 1, 1], [1, np.nan, 1]), ("SY771", [1, 1], [1, 1, 1]), ("SY771", [1, 1, 1], [1, 0, 1]),
])  # fmt: skip
def test_bad_input_is_refused(code, weight, cost):
    with pytest.raises(InputError) as refused:
        seeds(network(3, np.array([0]), np.array([1])), np.array(weight), np.array(cost), 1.0)
    assert refused.value.code == code


def test_an_edge_to_a_node_that_is_not_there_is_refused():
    with pytest.raises(InputError) as refused:
        network(3, np.array([0]), np.array([3]))
    assert refused.value.code == "SY773"


def test_without_the_compiler_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "steelyard.methods.choose.spread_kernels", None)
    monkeypatch.delattr("steelyard.methods.choose.spread_kernels", raising=False)
    with pytest.raises(UsageError) as refused:
        seeds(network(3, np.array([0]), np.array([1])), np.ones(3), np.ones(3), 1.0)
    assert refused.value.code == "SY774"
