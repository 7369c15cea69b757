"""What the benchmarks write is enough for another program to check problem and answer: it is read back and counted with nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[3]
NEAR = 1 + 1e-9


def ran(script, path, *sizes):
    """The JSON that a benchmark prints; its files stand beside ``path``."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), *sizes, "--write", str(path)],
        check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    return json.loads(done.stdout)


def table(path):
    return {name: np.array(column.to_pylist(), dtype=object) for name, column in zip(
        pq.read_schema(path).names, pq.read_table(path).columns, strict=True)}  # fmt: skip


def limits_of(path, kind):
    rows = pq.read_table(path.with_suffix(".limits.parquet")).to_pylist()
    return [(row["region"], row["year"], row["limit"], row["price"]) for row in rows if row["kind"] == kind]


def said(found):
    return {"bound", "cost", "gap", "feasible", "seconds", "peak_mb"} <= found.keys()


@pytest.mark.parametrize("seed", ["1", "7"])
def test_a_plan_of_firms_is_checked_by_its_file_alone(tmp_path, seed):
    path = tmp_path / "plan.parquet"
    found = ran("choose.py", path, "--firms", "5000", "--years", "5", "--seed", seed)
    assert said(found)
    firms = {name: column.astype(float) for name, column in table(path).items()}
    done = firms["year"] >= 0
    for _, year, limit, _ in limits_of(path, "budget"):
        assert firms["cost"][firms["year"] == year].sum() <= limit * NEAR
    for region, year, limit, _ in limits_of(path, "capacity"):
        assert firms["days"][(firms["year"] == year) & (firms["region"] == region)].sum() <= limit * NEAR
    for region, year, limit, _ in limits_of(path, "floor"):
        assert (done & (firms["year"] <= year) & (firms["region"] == region)).sum() >= limit
    price = np.array([limit for _, _, limit, _ in limits_of(path, "price")])
    value = (firms["cost"][done] * price[firms["year"][done].astype(int)]).sum()
    assert value == pytest.approx(found["cost"])
    assert lower(path, firms, price) == pytest.approx(found["bound"], rel=1e-6)
    assert found["gap"] == pytest.approx((value - found["bound"]) / value, abs=1e-9)


def lower(path, firms, price):
    """The Lagrangian bound, from the prices in the file."""
    pays = price + np.array([paid for _, _, _, paid in limits_of(path, "budget")])
    rows = firms["cost"][:, None] * pays
    paid = sum(limit * one for kind in ("budget", "capacity") for _, _, limit, one in limits_of(path, kind))
    for region, year, _, one in limits_of(path, "capacity"):
        rows[firms["region"] == region, year] += one * firms["days"][firms["region"] == region]
    for region, year, limit, one in limits_of(path, "floor"):
        rows[firms["region"] == region, : year + 1] -= one
        paid -= limit * one
    return np.minimum(rows.min(axis=1), 0).sum() - paid


def test_a_plan_of_chains_is_checked_by_its_file_alone(tmp_path):
    path = tmp_path / "chains.parquet"
    found = ran("leader_first.py", path, "--chains", "60", "--years", "5", "--seed", "2")
    assert said(found)
    chains = {name: column.astype(float) for name, column in table(path).items()}
    done = np.column_stack([chains[f"done_{year}"] for year in range(5)])
    assert (done >= 0).all()
    assert (done.sum(axis=1) <= chains["suppliers"]).all()
    cheaper = (np.arange(5) > chains["leads"][:, None]) & (chains["leads"][:, None] >= 0)
    money = done * chains["supplier"][:, None] * (1 - chains["saving"][:, None] * cheaper)
    spent = np.array([money[:, year].sum() + chains["leader"][chains["leads"] == year].sum() for year in range(5)])
    assert all(spent[year] <= limit * NEAR for _, year, limit, _ in limits_of(path, "budget"))
    for region, year, limit, _ in limits_of(path, "capacity"):
        assert done[chains["region"] == region, year].sum() <= limit
    for region, year, limit, _ in limits_of(path, "floor"):
        assert done[chains["region"] == region, : year + 1].sum() >= limit
    assert spent @ np.array([limit for _, _, limit, _ in limits_of(path, "price")]) == pytest.approx(found["cost"])


def test_a_choice_of_seeds_is_checked_by_its_file_alone(tmp_path):
    path = tmp_path / "seeds.parquet"
    found = ran("spread.py", path, "--nodes", "2000", "--edges", "10000", "--seed", "2")
    assert said(found)
    nodes = {name: column.astype(float) for name, column in table(path).items()}
    edges = {name: column.astype(int) for name, column in table(path.with_suffix(".edges.parquet")).items()}
    (limit,) = pq.read_table(path.with_suffix(".limits.parquet")).to_pylist()
    picked = nodes["order"] >= 0
    assert nodes["cost"][picked].sum() == pytest.approx(found["cost"])
    assert found["cost"] <= limit["budget"] * NEAR
    covered = picked.copy()
    covered[edges["end"][picked[edges["start"]]]] = True
    assert nodes["weight"][covered].sum() == pytest.approx(found["value"])
