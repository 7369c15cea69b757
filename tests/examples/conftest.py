"""The synthetic world, made once for all tests of it, and the columns that the tables ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import steelyard.examples.pearl
from steelyard.examples.pearl import chain, factory, park_life, province

STANDARDS = Path(steelyard.examples.pearl.__file__).parents[2] / "standards"


@pytest.fixture(scope="session")
def works():
    return factory.simulate(seed=1)


@pytest.fixture(scope="session")
def guangdong():
    return province.firms(scale=0.02, seed=1)


@pytest.fixture(scope="session")
def appliances():
    return chain.suppliers(seed=1)


@pytest.fixture(scope="session")
def shunde(guangdong):
    return park_life.rows(guangdong, seed=1)


@pytest.fixture(scope="session")
def standards():
    return STANDARDS


@pytest.fixture(scope="session")
def wanted():
    """Table name to its column names and its key, from standards/tables."""
    files = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (STANDARDS / "tables").glob("*.yaml")}
    return {name: (list(table["columns"]), table["key"], table["columns"]) for name, table in files.items()}
