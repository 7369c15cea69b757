"""Monthly bundles of many homes verified and kept by one: firms a second. Each home is one firm with some Figures in its bundle.

The bundles are made by the code that packs any home's, each signed by a key of its own, and rest in files as a stick would bring them;
making them is not timed. Target: 2,000 firms a second on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common import alone, folder, peak_mib, say

MONTH = "2026-09"


def made(below: Path, homes: int, figures: int, seed: int) -> None:
    """A province's home that trusts so many firms, and a bundle of each."""
    from steelyard.examples.homes import Province

    if (below / "stick").exists():
        return
    province = Province(below, seed=seed, figures=figures)
    province.trust(homes)
    (below / "stick.partial").mkdir()
    for firm in range(homes):
        (below / "stick.partial" / f"{firm:06d}.steelyard").write_bytes(province.bundle(firm, MONTH))
    province.close()
    (below / "stick.partial").rename(below / "stick")


def kept(below: Path) -> None:
    """Take them all; prints what it took."""
    from steelyard.share import receive_many
    from steelyard.share.receive import Received
    from steelyard.store.home import Home

    paths = sorted((below / "stick").iterdir())
    shutil.rmtree(below / "home", ignore_errors=True)
    shutil.copytree(below / "province", below / "home")

    def read() -> Iterator[tuple[str, bytes]]:
        for path in paths:
            yield path.name, path.read_bytes()

    with Home.open(below / "home") as home:
        assert home.catalog.tables  # a home that hears has read its standards
        begun, spent = time.perf_counter(), _spent()
        outcomes = receive_many(home, read())
        seconds, spent = time.perf_counter() - begun, _spent() - spent
        taken = [one for one in outcomes if isinstance(one, Received) and not one.already]
        again = time.perf_counter()
        repeated = receive_many(home, read())
        again = time.perf_counter() - again
        assert all(isinstance(one, Received) and one.already for one in repeated)
        assert home.figures().num_rows == sum(one.figures for one in taken)
    print(json.dumps({
        "kept": len(taken), "figures": sum(one.figures for one in taken), "bytes": sum(path.stat().st_size for path in paths),
        "seconds": round(seconds, 2), "firms_per_second": round(len(taken) / seconds),
        "seconds_of_processors": round(spent, 2), "seconds_the_second_time": round(again, 2),
        "peak_mb": peak_mib(),

    }))  # fmt: skip


def _spent() -> float:
    """Seconds of all processors, of helpers that ended, too: what it would take on a machine without others."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Make the bundles, then keep them in a process of its own."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--homes", type=int, default=10_000)
    asked.add_argument("--figures", type=int, default=20)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--folder", help="work here, and leave it; bundles that are there already are used again")
    asked.add_argument("--kept", action="store_true", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.kept:
        kept(Path(given.folder))
        return
    found: dict[str, Any]
    with folder(given.folder) as below:
        made(below, given.homes, given.figures, given.seed)
        found = alone(__file__, "--kept", "--folder", str(below))
    say("homes", {"homes": given.homes, "figures_each": given.figures, "target_firms_per_second": 2_000, **found})


if __name__ == "__main__":
    main()
