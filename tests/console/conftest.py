from __future__ import annotations

import sys
import warnings
from types import ModuleType

import pytest

from steelyard.console import app

with warnings.catch_warnings():  # starlette prefers another name of httpx
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

sys.path.insert(0, __file__.rpartition("/")[0])
import stand_in
import world


@pytest.fixture(scope="session")
def home_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("console") / "home"
    world.build(path).close()
    return path


@pytest.fixture
def site(home_path, monkeypatch):
    """A browser on the console, with a trace of every state."""
    module = ModuleType("steelyard.trace")
    module.trace = stand_in.trace
    monkeypatch.setitem(sys.modules, "steelyard.trace", module)
    with TestClient(app(home_path), base_url="http://127.0.0.1:8080", follow_redirects=False) as client:
        yield client
