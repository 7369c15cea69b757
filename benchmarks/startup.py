"""Milliseconds of ``steelyard --help``, against Python that does nothing. Target: 250 ms, median of ten."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from common import say

RUNS = 10


def median_ms(*arguments: str) -> float:
    """Wall time of a Python process, median of ten after one that is not counted."""
    took = []
    for _ in range(RUNS + 1):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        took.append(1000 * (time.perf_counter() - begun))
    return round(statistics.median(took[1:]), 1)


def main() -> None:
    """Both in turn."""
    rival = {"name": "python -c pass", "median_ms": median_ms("-c", "pass")}
    help_ms = median_ms("-m", "steelyard.cli", "--help")
    say("startup", {"runs": RUNS, "target_ms": 250, "median_ms": help_ms, "rival": rival})


if __name__ == "__main__":
    main()
