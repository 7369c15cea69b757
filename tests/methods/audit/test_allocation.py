"""Sizes of inspections: as cheap as anything that brute force finds, and never more than there are firms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from steelyard.errors import InputError
from steelyard.methods.audit.allocation import allocate, variance

Z = 1.959963984540054


def spent(among, spread, size):
    """The variance that sizes leave."""
    return float(((among / among.sum()) ** 2 * spread * (1 / size - 1 / among)).sum())


strata = st.lists(st.tuples(st.integers(1, 13), st.floats(0.01, 0.9), st.floats(0.1, 50)), min_size=1, max_size=3).map(
    lambda rows: tuple(np.array(each) for each in zip(*rows, strict=True))
)


@given(strata, st.floats(0.01, 0.4))
@settings(max_examples=60, deadline=None)
def test_no_whole_sizes_that_keep_the_margin_are_cheaper(rows, margin):
    among, rate, cost = rows
    spread = variance(rate, among)
    found = allocate(among, spread, cost, margin)
    choices = (np.array(size) for size in product(*(range(min(2, n), n + 1) for n in among)))
    least = min(cost @ size for size in choices if Z**2 * spent(among, spread, size) <= margin**2 * (1 + 1e-12) + 1e-15)
    assert found.bound <= least * (1 + 1e-9)
    assert least * (1 - 1e-9) <= found.cost <= least * 1.02
    assert found.margin <= margin * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_many_strata_come_within_two_percent_of_the_convex_optimum_and_of_the_bound(seed):
    dice = np.random.default_rng(seed)
    among, cost = dice.integers(30, 4000, 12), dice.uniform(1, 9, 12)
    spread = variance(dice.uniform(0.02, 0.4, 12), among)
    found = allocate(among, spread, cost, 0.03)
    room = {"type": "ineq", "fun": lambda size: (0.03 / Z) ** 2 - spent(among, spread, size), "jac": None}
    convex = minimize(lambda size: cost @ size, found.size.astype(float), bounds=list(zip([2] * 12, among, strict=True)),
                      constraints=[{k: v for k, v in room.items() if v}], method="SLSQP", options={"ftol": 1e-10})  # fmt: skip
    assert convex.success
    assert found.cost <= 1.02 * convex.fun
    assert found.gap <= 0.02


def test_sizes_go_as_neyman_says_where_no_limit_binds():
    among, cost = np.array([40_000, 10_000, 90_000]), np.array([1.0, 4.0, 9.0])
    spread = variance(np.array([0.1, 0.5, 0.02]), among)
    size = allocate(among, spread, cost, 0.005).size
    wanted = among * np.sqrt(spread / cost)
    assert size / size.sum() == pytest.approx(wanted / wanted.sum(), rel=0.01)


def test_a_margin_of_nothing_asks_for_everybody_and_a_wide_one_for_two_a_stratum():
    among = np.array([5, 1, 40])
    spread = variance(np.array([0.2, 0.2, 0.2]), among)
    assert allocate(among, spread, np.ones(3), 0.0).size.tolist() == [5, 1, 40]
    assert allocate(among, spread, np.ones(3), 1.0).size.tolist() == [2, 1, 2]


def test_inspections_that_cost_nothing_do_not_stop_it():
    among = np.array([50, 50])
    found = allocate(among, variance(np.array([0.2, 0.2]), among), np.array([0.0, 1.0]), 0.1)
    assert found.cost == 12.0
    assert found.margin <= 0.1


@pytest.mark.parametrize(("code", "change"), [
    ("SY781", {"cost": [1, -1]}), ("SY781", {"spread": [np.nan, 1]}), ("SY782", {"among": [0, 4]}), ("SY783", {"cost": [1]}),
    ("SY785", {"confidence": 95}), ("SY785", {"margin": -0.1}), ("SY785", {"margin": 2}),
])  # fmt: skip
def test_what_cannot_be_is_refused(code, change):
    asked = {"among": [9, 4], "spread": [0.2, 0.2], "cost": [1, 1], "margin": 0.1, "confidence": 0.95} | change
    with pytest.raises(InputError) as refused:
        allocate(**{name: np.array(value) if isinstance(value, list) else value for name, value in asked.items()})
    assert refused.value.code == code
    assert refused.value.remedy("zh")
