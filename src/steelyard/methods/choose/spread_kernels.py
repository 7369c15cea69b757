"""Loops of ``spread`` over graphs, compiled: a module of its own, so that the compiler is imported only where it is needed."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def turned(begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The graph with every edge reversed; ``begins`` (n+1,) where each node's edges begin in ``ends`` (m,)."""
    count = len(begins) - 1
    back_begins = np.zeros(count + 1, np.int64)
    for end in ends:
        back_begins[end + 1] += 1
    for node in range(count):
        back_begins[node + 1] += back_begins[node]
    at = back_begins[:-1].copy()
    back = np.empty(len(ends), np.int32)
    for node in range(count):
        for edge in range(begins[node], begins[node + 1]):
            back[at[ends[edge]]] = node
            at[ends[edge]] += 1
    return back_begins, back


@njit(cache=True)
def sums(begins: np.ndarray, ends: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """(n,) of each node its own amount and that of all it points to."""
    total = amount.copy()
    for node in range(len(begins) - 1):
        for edge in range(begins[node], begins[node + 1]):
            total[node] += amount[ends[edge]]
    return total


@njit(cache=True)
def _sink(heap: np.ndarray, key: np.ndarray, size: int, at: int) -> None:
    """Let one node of a heap (greatest ``key`` first) sink to its place."""
    node = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and key[heap[child + 1]] > key[heap[child]]:
            child += 1
        if key[heap[child]] <= key[node]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = node


@njit(cache=True)
def greedy(begins: np.ndarray, ends: np.ndarray, back_begins: np.ndarray, back: np.ndarray, weight: np.ndarray,
           cost: np.ndarray, budget: float) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Most newly covered weight per cost first, among what the budget left can pay.

    A node's place in the heap may be old and then too high, never too low (gains only fall); it is looked at again when it comes
    to the top. Gains themselves are kept exact: each node that becomes covered is taken off all that would cover it, once.
    Returns nodes picked in order, what is covered (n,), and how often a node was looked at.
    """
    gain = sums(begins, ends, weight)
    key = gain / cost
    heap = np.argsort(-key).astype(np.int32)
    covered = np.zeros(len(weight), np.bool_)
    picked = np.empty(len(weight), np.int32)
    size, count, looks, left = len(weight), 0, 0, budget
    while size > 0:
        node = heap[0]
        looks += 1
        now = max(gain[node], 0.0) / cost[node]
        if now < key[node] and cost[node] <= left:
            key[node] = now
            _sink(heap, key, size, 0)
            continue
        size -= 1
        heap[0] = heap[size]
        if size > 0:
            _sink(heap, key, size, 0)
        if now <= 0.0 or cost[node] > left:
            continue
        left -= cost[node]
        picked[count] = node
        count += 1
        for edge in range(begins[node] - 1, begins[node + 1]):
            other = node if edge < begins[node] else ends[edge]
            if covered[other]:
                continue
            covered[other] = True
            gain[other] -= weight[other]
            for behind in range(back_begins[other], back_begins[other + 1]):
                gain[back[behind]] -= weight[other]
    return picked[:count], covered, looks
