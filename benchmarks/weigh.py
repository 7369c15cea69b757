"""Seconds, Figures a second and peak memory of weighing and sealing a province.

``sme2024/level`` of every firm (71,996 at scale 1, 31 items each), then ``coverage/sme2024-level2`` of its cities,
province, parks and cluster, in one process that does nothing else. Target: both within 10 s; 100,000 Figures a second
in sets.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import time
from pathlib import Path
from typing import Any

from common import QUARTER, alone, folder, peak_mib, province_home, say

from steelyard.model.period import parse
from steelyard.store.home import Home
from steelyard.weigh import weigh

MEASURES = ("sme2024/level", "coverage/sme2024-level2")


def weigh_once(path: Path) -> dict[str, Any]:
    """Weigh both measures of an opened home; seconds to the end of each, as ``weigh`` reports its progress."""
    marks: list[tuple[str, float]] = []
    with Home.open(path) as home:
        period = parse(QUARTER, home.zone)
        before = peak_mib()
        begun = time.perf_counter()
        done = weigh(home, MEASURES, [period], progress=lambda name: marks.append((name, time.perf_counter())))
        ended = time.perf_counter()
    ends = [at for _, at in marks[1:]] + [ended]
    seconds = {name: end - at for (name, at), end in zip(marks, ends, strict=True)}
    figures = sum(total.made for total in done)
    return {
        "seconds": round(ended - begun, 2), "seconds_before_the_first": round(marks[0][1] - begun, 2),
        "measures": {
            total.measure: {"figures": total.made, "seconds": round(seconds[total.measure], 2),
                            "figures_per_second": round(total.made / seconds[total.measure])}
            for total in done
        },
        "figures": figures, "figures_per_second": round(figures / (ended - begun)),
        "peak_mib": peak_mib(), "peak_mib_before": before,
    }  # fmt: skip


def main() -> None:
    """Build the home, then weigh it in a subprocess."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=1)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", help="a folder in which the home stays; weigh a fresh one to measure")
    asked.add_argument("--profile", action="store_true", help="name the slowest functions on standard error")
    asked.add_argument("--inner", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inner:
        profile = cProfile.Profile() if given.profile else None
        found = profile.runcall(weigh_once, Path(given.inner)) if profile else weigh_once(Path(given.inner))
        if profile:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(22)
        print(json.dumps(found))
        return
    with folder(given.keep) as below:
        path, took = province_home(below, given.scale, given.seed)
        found = alone(__file__, "--inner", str(path), *(["--profile"] if given.profile else []))
    say("weigh", {"scale": given.scale, "target_seconds": 10, **found, "take": took})


if __name__ == "__main__":
    main()
