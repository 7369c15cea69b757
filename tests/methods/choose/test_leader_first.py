"""Leaders before suppliers: against the best of all plans of tiny chains, and by their own certificate in larger worlds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.methods.choose.chains import Chains, bound, chains, reduced
from steelyard.methods.choose.leader_first import lead, shortfall
from steelyard.methods.choose.leader_master import master
from steelyard.methods.choose.prices import Prices


def tiny(seed: int) -> Chains:
    """Two or three chains of one to three suppliers, one region, two years and a floor."""
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 4))
    suppliers = random.integers(1, 4, count).astype(float)
    supplier, leader = random.uniform(1, 3, count), random.uniform(0.2, 1.5, count)
    all_money = float((suppliers * supplier).sum() + leader.sum())
    return chains(
        region=np.zeros(count, dtype=int), suppliers=suppliers, leader=leader, supplier=supplier, saving=random.uniform(0.1, 0.6, count),
        budget=all_money * random.uniform(0.3, 0.9, 2), capacity=np.full((1, 2), np.ceil(0.7 * suppliers.sum())),
        floors=np.array([[np.floor(0.3 * suppliers.sum()), np.floor(random.uniform(0.5, 1) * suppliers.sum())]]), by=np.array([0, 1]),
        price=np.array([1.0, 0.95]),
    )  # fmt: skip


def world(count: int, seed: int) -> Chains:
    """Chains of Pareto sizes over some regions, limits that bind."""
    random = np.random.default_rng(seed)
    suppliers = np.minimum(np.ceil((random.pareto(1.1, count) + 1) * 20), 2000)
    supplier, region = 1.5 * random.lognormal(0, 0.3, count), random.integers(0, 5, count)
    of_region = np.bincount(region, suppliers, 5)
    return chains(
        region=region, suppliers=suppliers, leader=20 + 0.03 * suppliers * random.lognormal(0, 0.3, count), supplier=supplier,
        saving=random.uniform(0.15, 0.45, count), budget=np.full(7, 0.17 * (supplier * suppliers).sum()),
        capacity=np.repeat(0.26 * of_region[:, None], 7, axis=1), floors=np.column_stack([0.8 * of_region, 0.98 * of_region]),
        by=np.array([3, 6]), price=0.96 ** np.arange(7),
    )  # fmt: skip


def counted(made: Chains, leads: np.ndarray, done: np.ndarray) -> float | None:
    """What a plan costs, chain by chain; None where it does not keep the limits."""
    spent, used = np.zeros(made.years), np.zeros(made.capacity.shape)
    for chain, year in enumerate(leads):
        if year >= 0:
            spent[year] += made.leader[chain]
        for at in range(made.years):
            cheaper = made.saving[chain] if 0 <= year < at else 0.0
            spent[at] += done[chain, at] * made.supplier[chain] * (1 - cheaper)
            used[made.region[chain], at] += done[chain, at]
    reached = np.array([[row[: by + 1].sum() for by in made.by] for row in used])
    kept = (
        (spent <= made.budget * (1 + 1e-9)).all() and (used <= made.capacity).all() and (reached >= made.floors).all()
    )
    whole = (done.sum(axis=1) <= made.suppliers).all() and (done >= 0).all()
    return float(spent @ made.price) if kept and whole else None


def best(made: Chains) -> float | None:
    """The least cost of all plans with whole leaders and suppliers."""
    options = [
        [(year, a, b) for year in (-1, 0, 1) for a in range(int(n) + 1) for b in range(int(n) + 1 - a)]
        for n in made.suppliers
    ]
    costs = (
        counted(made, np.array([o[0] for o in pick]), np.array([o[1:] for o in pick])) for pick in product(*options)
    )
    return min((cost for cost in costs if cost is not None), default=None)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_a_tiny_plan_is_the_best_of_all_plans(seed):
    made = tiny(seed)
    found, truth = lead(made), best(made)
    assert (found is None) == (truth is None)
    if found is not None:
        assert counted(made, found.leads, found.done) == pytest.approx(truth)
        assert found.bound <= truth + 1e-6


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_any_prices_give_a_lower_bound(seed):
    made, random = tiny(seed), np.random.default_rng(seed)
    truth = best(made)
    prices = Prices(random.exponential(0.2, 2), random.exponential(0.2, (1, 2)), random.exponential(1.0, (1, 2)))
    if truth is not None:
        assert bound(made, prices) <= truth + 1e-9


@pytest.mark.parametrize("seed", [0, 1])
def test_chains_are_planned_in_whole_firms_within_half_a_percent(seed):
    made = world(150, seed)
    found = lead(made)
    assert found.feasible
    assert counted(made, found.leads, found.done) == pytest.approx(found.value)
    assert found.bound == pytest.approx(bound(made, found.prices))
    assert 0 <= found.gap <= 5e-3


def test_columns_are_added_until_none_lies_below():
    made = world(100, 2)
    top = master(made)
    own = np.minimum(reduced(made, top.prices).min(axis=(1, 2)), 0)
    used = np.zeros(made.count)
    np.add.at(
        used,
        top.columns.chain,
        top.share * reduced(made, top.prices)[top.columns.chain, top.columns.leads, top.columns.follows],
    )
    assert used.sum() == pytest.approx(own.sum(), abs=1e-4 * abs(top.bound))


def test_a_leader_goes_first_where_that_saves_more_than_he_costs():
    made = replace(world(30, 3), leader=np.full(30, 1e-3), saving=np.full(30, 0.4))
    found = lead(made)
    after = found.leads[:, None] < np.arange(made.years)
    assert (found.done * (after & (found.leads >= 0)[:, None])).sum() > 0.8 * found.done.sum()


def test_limits_that_cannot_be_kept_have_no_plan():
    made = world(50, 4)
    assert lead(replace(made, budget=made.budget * 0)) is None


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_where_they_cannot_it_is_said_how_many_suppliers_are_short_and_what_binds(share):
    made = world(80, 6)
    poor = replace(made, budget=made.budget * share)
    found = shortfall(poor)
    assert counted(replace(poor, floors=found.plan.problem.floors), found.plan.leads, found.plan.done) is not None
    assert 0 < found.least <= found.short.sum() <= 1.05 * found.least + 5
    assert (found.prices.budget > 0).all()


@pytest.mark.parametrize(("code", "changed"), [
    ("SY770", {"leader": np.full(50, -1.0)}), ("SY771", {"saving": np.full(50, 1.5)}), ("SY771", {"price": np.ones(2)}), ("SY771", {"suppliers": np.full(50, 1.5)}),
    ("SY772", {"region": np.zeros(50, dtype=int)}),
])  # fmt: skip
def test_bad_input_is_refused(code, changed):
    with pytest.raises(InputError) as refused:
        chains(**(vars(world(50, 5)) | changed))
    assert refused.value.code == code


def test_the_benchmark_prints_json_where_its_limits_cannot_be_met():
    script = Path(__file__).parents[3] / "benchmarks" / "leader_first.py"
    done = subprocess.run([sys.executable, str(script), "--chains", "3"], check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    assert told["short"] > 0
    assert not told["feasible"]
