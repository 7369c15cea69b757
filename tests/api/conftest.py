from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest
from starlette.applications import Starlette

from steelyard.api import Homes, routes

with warnings.catch_warnings():  # starlette prefers another name of httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent.parent / "console"))
import stand_in
import world


@pytest.fixture(scope="session")
def home_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("api") / "home"
    world.build(path).close()
    return path


@pytest.fixture
def api(home_path, monkeypatch):
    """A program at the HTTP API of a small home."""
    module = ModuleType("steelyard.trace")
    module.trace = stand_in.trace
    monkeypatch.setitem(sys.modules, "steelyard.trace", module)
    homes = Homes(home_path)
    with TestClient(Starlette(routes=routes(homes))) as client:
        yield client
    homes.close()
