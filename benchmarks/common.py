"""What the benchmarks share: the machine's size, a measured subprocess, and the province's home."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steelyard.examples.pearl import files, province
from steelyard.store.home import Home
from steelyard.take import take

QUARTER = "2026Q1"


def machine() -> dict[str, Any]:
    """Cores that this process may use, memory in GiB, processor, Python; the load tells whether others were at work."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {
        "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory, 1), "processor": _processor(),
        "python": platform.python_version(), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def peak_mib() -> float:
    """Most memory this process has held, in MiB.

    Where Linux tells, its own high-water mark: ``ru_maxrss`` of a child that was forked counts its parent's too.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    return round((kib or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024, 1)


def say(name: str, found: dict[str, Any]) -> None:
    """Print a result with the machine's size as JSON."""
    print(json.dumps({"benchmark": name, **found, "machine": machine()}, ensure_ascii=False, indent=1))


def alone(script: str, *arguments: str) -> dict[str, Any]:
    """Run a benchmark's inner part in a process of its own; returns the JSON that it prints."""
    done = subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


@contextmanager
def folder(kept: str | None) -> Iterator[Path]:
    """The folder to work in: the one named, which stays, or a temporary one."""
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as made:
        yield Path(made)


def province_home(below: Path, scale: float, seed: int) -> tuple[Path, dict[str, dict[str, float]]]:
    """The home of a province with its regions and firms taken from files, and per file: rows and seconds of ``take``.

    A home that is there already is used again, without times.
    """
    path = below / "home"
    if path.exists():
        return path, {}
    written = files.write(province.firms(scale, seed), below / "files", scale=scale, seed=seed)
    took = {}
    with Home.create(path, name="广东（合成）", kind="region", subject="CN-440000") as home:
        for file in written:
            begun = time.perf_counter()
            taken = take(home, file, synthetic=True)
            seconds = time.perf_counter() - begun
            took[taken.table] = {
                "rows": taken.read, "refused": taken.rows_refused, "seconds": round(seconds, 2),
                "rows_per_second": round(taken.read / seconds),
            }  # fmt: skip
    return path, took


def write_limits(given: Any, prices: Any, file: Path) -> None:
    """A problem's limits with their prices, beside ``file``: what another program needs to check a plan."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [("budget", None, t, given.budget[t], prices.budget[t]) for t in range(given.years)]
    rows += [
        ("capacity", r, t, given.capacity[r, t], prices.capacity[r, t]) for r, t in np.ndindex(*given.capacity.shape)
    ]
    rows += [
        ("floor", r, int(given.by[f]), given.floors[r, f], prices.floors[r, f])
        for r, f in np.ndindex(*given.floors.shape)
    ]
    rows += [("price", None, t, given.price[t], 0.0) for t in range(given.years)]
    columns = dict(zip(("kind", "region", "year", "limit", "price"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), file.with_suffix(".limits.parquet"))
