"""Peak memory and seconds of ``weigh`` over 10 million input rows, in a process that does nothing else.

``--table answers`` weighs ``sme2024/level`` (31 answers a firm), ``--table machine_states`` ``iso22400/availability``
(10,000 states a machine in a quarter, with shifts). The rows rest as leaves of a million. Target: under 1 GiB.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from common import QUARTER, alone, folder, peak_mib, say

from steelyard.model.period import Period, parse
from steelyard.store.home import Home
from steelyard.store.rows import schema_of
from steelyard.take import keep_rows
from steelyard.weigh import weigh

LEAF = 1_000_000
STATES = 10_000  # of one machine
MEASURE = {"answers": "sme2024/level", "machine_states": "iso22400/availability"}
DAY = 86_400_000_000


def answers(home: Home, first: int, count: int, period: Period) -> dict[str, Any]:
    """Answers number ``first`` and following: each firm answers every item once."""
    asked = {name: item for name, item in home.catalog.items.items() if name[0] in "QS" and name[1:].isdigit()}
    numbers = np.arange(first, first + count)
    random = np.random.default_rng(first)
    choices = [list(map(str, item.get("points", range(int(item.get("levels", 0)) + 1)))) for item in asked.values()]
    width = max(map(len, choices))
    padded = pa.array([(row * width)[:width] for row in choices]).flatten()
    item = numbers % len(asked)
    chosen = pa.array(item * width + random.integers(0, width, count))
    return {
        "subject": firm(numbers // len(asked)), "item": pa.array(list(asked)).take(pa.array(item)),
        "at": np.full(count, period.start), "value": padded.take(chosen),
        "grade": pa.repeat("declared", count), "row": numbers - first + 2,
    }  # fmt: skip


def machine_states(first: int, count: int, period: Period) -> dict[str, Any]:
    """States number ``first`` and following, one after the other without gaps."""
    numbers = np.arange(first, first + count)
    step = (period.end - period.start) // STATES
    start = period.start + numbers % STATES * step
    names = pa.array(["production", "setup", "delay", "waiting", "planned_down", "unknown"])
    return {
        "unit": firm(numbers // STATES), "start": start, "end": start + step, "row": numbers - first + 2,
        "state": names.take(pa.array(np.random.default_rng(first).integers(0, 6, count))),
    }  # fmt: skip


def shifts(units: int, period: Period) -> dict[str, Any]:
    """A shift of 24 hours a day for each machine."""
    days = (period.end - period.start) // DAY
    numbers = np.arange(units * days)
    start = period.start + numbers % days * DAY
    return {"unit": firm(numbers // days), "start": start, "end": start + DAY, "row": numbers + 2,
            "kind": pa.repeat("planned_busy", len(numbers))}  # fmt: skip


def firm(numbers: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Array:
    """Names that sort as their numbers do."""
    return pa.array([f"B-{n:07d}" for n in numbers.tolist()])


def keep(home: Home, name: str, cells: dict[str, Any]) -> None:
    """Rows of a table as one sealed leaf; columns that are not given are empty."""
    table = home.catalog.table(name)
    fields = [field for field in schema_of(table) if field.name != "leaf"]
    count = len(cells["row"])
    full = {f.name: pa.array(cells[f.name], f.type) if f.name in cells else pa.nulls(count, f.type) for f in fields}
    source = {"file": f"bench-{name}", "sha256": "00" * 32, "sheet": "", "read": count}
    keep_rows(home, [(table, pa.table(full))], source, synthetic=True)


def build(path: Path, table: str, rows: int) -> None:
    """A home that holds the rows."""
    with Home.create(path, name="bench", kind="region") as home:
        period = parse(QUARTER, home.zone)
        for first in range(0, rows, LEAF):
            count = min(LEAF, rows - first)
            states = table == "machine_states"
            cells = machine_states(first, count, period) if states else answers(home, first, count, period)
            keep(home, table, cells)
        if table == "machine_states":
            keep(home, "shifts", shifts(-(-rows // STATES), period))


def weigh_once(path: Path, measure: str) -> dict[str, Any]:
    """Weigh one measure for the quarter."""
    with Home.open(path) as home:
        begun = time.perf_counter()
        done = weigh(home, [measure], [parse(QUARTER, home.zone)])
        seconds = time.perf_counter() - begun
    figures = {total.measure: total.made for total in done}
    return {"figures": figures, "seconds": round(seconds, 2), "peak_mib": peak_mib()}


def main() -> None:
    """Build the home, then weigh it in a subprocess."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked.add_argument("--table", choices=sorted(MEASURE), default="answers")
    asked.add_argument("--inner", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inner:
        print(json.dumps(weigh_once(Path(given.inner), MEASURE[given.table])))
        return
    with folder(None) as below:
        build(below / "home", given.table, given.rows)
        found = alone(__file__, "--inner", str(below / "home"), "--table", given.table)
    say("memory", {"table": given.table, "rows": given.rows, "target_mib": 1024, **found})


if __name__ == "__main__":
    main()
