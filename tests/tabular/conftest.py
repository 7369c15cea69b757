"""A bench that writes a file, reads and checks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tabular_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
