"""Rows a second of ``take`` for the province's answers as CSV, against the loop that one would write by hand.

The rival reads the same file with ``csv.DictReader`` and checks each row by itself (subject, item, time, grade, key
twice), without storing anything: it does less than ``take``, which also checks values, writes, hashes and seals.
Target: 300,000.
"""

from __future__ import annotations

import argparse
import csv
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from common import folder, say

from steelyard.examples.pearl import files, province
from steelyard.model.figure import GRADES
from steelyard.store.home import Home
from steelyard.take import take


def steelyard(below: Path, file: Path) -> dict[str, Any]:
    """One ``take`` into a new home."""
    with Home.create(below / "home", name="bench", kind="region") as home:
        begun = time.perf_counter()
        taken = take(home, file, table="answers", synthetic=True)
        seconds = time.perf_counter() - begun
    return {"rows": taken.read, "stored": taken.stored, "seconds": round(seconds, 2),
            "rows_per_second": round(taken.read / seconds)}  # fmt: skip


def by_hand(file: Path, items: frozenset[str]) -> dict[str, Any]:
    """The rival: one dict a row."""
    begun = time.perf_counter()
    seen: set[tuple[str, str, str]] = set()
    rows = good = 0
    with file.open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            rows += 1
            key = (row["subject"], row["item"], row["at"])
            datetime.fromisoformat(row["at"])
            if row["subject"] and row["item"] in items and row["grade"] in GRADES and key not in seen:
                seen.add(key)
                good += 1
    seconds = time.perf_counter() - begun
    return {"name": "csv.DictReader and checks row by row, nothing stored", "rows": rows, "good": good,
            "seconds": round(seconds, 2), "rows_per_second": round(rows / seconds)}  # fmt: skip


def main() -> None:
    """Write the file, take it, and let the rival read it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=1)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    with folder(None) as below:
        answers = {"answers": province.firms(given.scale, given.seed)["answers"]}
        file = files.write(answers, below / "files", scale=given.scale, seed=given.seed)[0]
        del answers
        found = steelyard(below, file)
        with Home.open(below / "home") as home:
            items = frozenset(home.catalog.items)
        megabytes = round(file.stat().st_size / 1e6, 1)
        rival = by_hand(file, items)
    say("take", {"megabytes": megabytes, "target_rows_per_second": 300_000, **found, "rival": rival})


if __name__ == "__main__":
    main()
