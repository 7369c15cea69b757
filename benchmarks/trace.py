"""Milliseconds to trace one Figure among many, bytes on disk a Figure, Figures sealed a second.

Made-up but well-formed Figures are digested, sealed and kept in batches, each a segment; then Figures drawn evenly are
traced without the bytes of their leaf. Target: 20 ms among 10 million. The rival layout is a SQLite table with the
digest, which is random, as primary key: how many rows a second it takes, and how many bytes a row, at a smaller count.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from common import folder, say

from steelyard.evidence.merkle import root
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.model.leaf import Leaf
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.ledger import inputs
from steelyard.store.rows import schema_of
from steelyard.take import keep_rows
from steelyard.trace import trace

BATCH = 1_000_000
PERIODS = 100
HOUR = 3_600_000_000
MEASURE = "iso22400/oee"
SOURCE = {"file": "bench", "sha256": "00" * 32, "sheet": "", "read": 1}
Columns = dict[str, list[Any]]


def a_leaf(home: Home) -> Leaf:
    """One sealed leaf for all Figures to stand on."""
    states = home.catalog.table("machine_states")
    row = {"unit": "M-0", "start": 0, "end": HOUR, "state": "production", "reason": None, "row": 2}
    fields = [field for field in schema_of(states) if field.name != "leaf"]
    rows = pa.Table.from_pylist([row], pa.schema(fields))
    return keep_rows(home, [(states, rows)], SOURCE, synthetic=True)[0]


def columns(first: int, count: int, method: bytes, below: bytes) -> Columns:
    """Figures ``first`` to ``first + count``: a hundred hours of each machine."""
    numbers = range(first, first + count)
    draw = random.Random(first).random
    values = [draw() for _ in numbers]
    starts = [1_700_000_000_000_000 + n % PERIODS * HOUR for n in numbers]
    return {
        "subject": [f"M-{n // PERIODS:08d}" for n in numbers], "measure": [MEASURE] * count,
        "start": starts, "end": [start + HOUR for start in starts],
        "value": values, "low": [value * 0.9 for value in values], "high": [value * 1.1 for value in values],
        "heard": [3240.0] * count, "among": [3600.0] * count, "grade": ["measured"] * count,
        "estimated": [False] * count, "flags": [("synthetic",)] * count, "method": [method] * count,
        "inputs": [below] * count, "replaces": [None] * count,
    }  # fmt: skip


def fill(home: Home, figures: int, draws: int) -> tuple[float, list[bytes]]:
    """Digest, seal and keep; returns the seconds, without those in which the numbers were made up, and some digests."""
    leaf = a_leaf(home)
    below = root([leaf.digest])
    with home.ledger.write() as connection:
        method = home.keep_method(connection, {"measure": MEASURE, "made_up": "for a benchmark"})
        connection.execute(inputs.insert().values(root=below, digests=leaf.digest))
    chosen: list[bytes] = []
    seconds = 0.0
    for first in range(0, figures, BATCH):
        made = columns(first, min(BATCH, figures - first), method, below)
        begun = time.perf_counter()
        made["digest"] = list(figure_digests(made))
        with home.ledger.write() as connection:
            seal = home.seal(connection, "figures", made["digest"])
            at_rest.keep(home, connection, pa.table(made, schema=SCHEMA), seal)
        seconds += time.perf_counter() - begun
        chosen += random.Random(first).sample(made["digest"], min(len(made["digest"]), -(-draws * BATCH // figures)))
    random.Random(1).shuffle(chosen)
    return seconds, chosen[:draws]


def times(home: Home, digests: list[bytes]) -> tuple[list[float], list[float]]:
    """Milliseconds of each trace, ascending: on the clock, and of processor time; every one must verify."""
    clock, processor = [], []
    for digest in digests:
        begun, worked = time.perf_counter(), time.process_time()
        node = trace(home, digest, leaf_bytes=False)
        clock.append(1000 * (time.perf_counter() - begun))
        processor.append(1000 * (time.process_time() - worked))
        if node.state != "SHOWN":
            raise RuntimeError(f"{digest.hex()}: {node.state} {node.why}")
    return sorted(clock), sorted(processor)


def rival(below: Path, figures: int) -> dict[str, Any]:
    """Insert Figures into SQLite by digest, in transactions of 100,000."""
    names = [name for name in SCHEMA.names if name not in ("estimated", "flags", "replaces")]
    path = below / "rival.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    listed = ", ".join(f'"{name}"' for name in names[1:])
    connection.execute(f"CREATE TABLE figures (digest BLOB PRIMARY KEY, {listed}) WITHOUT ROWID")
    marks = ", ".join("?" * len(names))
    seconds = 0.0
    for first in range(0, figures, 100_000):
        made = columns(first, min(100_000, figures - first), bytes(32), bytes(32))
        made["digest"] = list(figure_digests(made))
        rows = list(zip(*(made[name] for name in names), strict=True))
        begun = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO figures VALUES ({marks})", rows)
        connection.execute("COMMIT")
        seconds += time.perf_counter() - begun
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return {
        "name": "SQLite, digest as primary key; neither digested nor sealed", "figures": figures,
        "rows_per_second": round(figures / seconds), "bytes_per_figure": round(path.stat().st_size / figures, 1),
    }  # fmt: skip


def main() -> None:
    """Fill a home, trace some of it, and fill the rival."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--figures", type=int, default=10_000_000)
    asked.add_argument("--traces", type=int, default=200)
    asked.add_argument("--rival", type=int, default=1_000_000)
    given = asked.parse_args()
    with folder(None) as below:
        with Home.create(below / "home", name="bench", kind="factory") as home:
            seconds, digests = fill(home, given.figures, given.traces)
        size = sum(f.stat().st_size for f in (below / "home" / "lake" / "figures").iterdir())
        with Home.open(below / "home") as home:
            first = times(home, digests[:1])[0][0]
            took, worked = times(home, digests)
        against = rival(below, given.rival)
    say("trace", {
        "figures": given.figures, "target_ms": 20, "traces": len(took), "first_ms": round(first, 2),
        "median_ms": round(statistics.median(took), 2), "p95_ms": round(took[int(0.95 * (len(took) - 1))], 2),
        "median_processor_ms": round(statistics.median(worked), 2),
        "p95_processor_ms": round(worked[int(0.95 * (len(worked) - 1))], 2),
        "bytes_per_figure": round(size / given.figures, 1), "sealed_per_second": round(given.figures / seconds),
        "rival": against,
    })  # fmt: skip


if __name__ == "__main__":
    main()
