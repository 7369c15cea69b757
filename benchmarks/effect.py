"""A staggered effect on 500,000 firms x 10 years, from a Parquet file to the JSON, beside a library that does the estimate alone.

``python effect.py [firms] [rival firms]``. The rival, diff-diff, is measured where it is installed. Both run in processes of their own,
on one core, and are told the same panel; ours reads the file and makes all that the command prints, the rival its estimate and event study.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import sys
import time
from pathlib import Path

YEARS = 10


def panel(path: Path, firms: int) -> None:
    """Seven cohorts, 44 % never treated, an effect of 0.05 that grows by as much each year."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    dice = np.random.default_rng(1)
    years = np.arange(2015, 2015 + YEARS)
    cohort = dice.choice([0, *range(2017, 2024)], firms, p=[0.44] + [0.08] * 7)
    outcome = dice.standard_normal((firms, YEARS)) * 0.3 + dice.standard_normal((firms, 1)) + np.linspace(0, 0.5, YEARS)
    since = years - cohort[:, None]
    outcome += np.where((cohort[:, None] > 0) & (since >= 0), 0.05 * (1 + since), 0)
    columns = {
        "firm": np.repeat(np.arange(firms) + 10**8, YEARS),
        "year": np.tile(years, firms),
        "y": outcome.ravel(),
        "g": np.repeat(cohort, YEARS),
    }
    parquet.write_table(pa.table(columns), path)


def ours(path: str) -> dict[str, object]:
    """The command, from its imports to its JSON."""
    from steelyard.cli.main import main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main(["effect", path, "--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--json"])
    found = json.loads(out.getvalue())
    return {"simple": found["simple"]["att"], "se": found["simple"]["se"], "grade": found["grade"]}


def rival(path: str) -> dict[str, object]:
    """The same estimate by diff-diff."""
    import diff_diff
    import pandas as pd

    found = diff_diff.CallawaySantAnna().fit(
        pd.read_parquet(path), outcome="y", unit="firm", time="year", first_treat="g"
    )
    return {"simple": float(found.overall_att), "se": float(found.overall_se), "version": diff_diff.__version__}


def inner(who: str, path: str) -> None:
    """Run one of the two and print what it took; CPU seconds count the imports too."""
    start = time.perf_counter()
    found = {"ours": ours, "rival": rival}[who](path)
    took = {"cpu_seconds": round(time.process_time(), 2), "wall_seconds": round(time.perf_counter() - start, 2)}
    from common import peak_mib

    print(json.dumps({**took, "peak_mib": peak_mib(), **found}))


def main(firms: int = 500_000, rivals: int = 0) -> None:
    """Make the panel and measure both, ours again at the rival's size where that is another."""
    from common import alone, folder, say

    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    )  # one core each
    with folder(None) as place:
        path = place / "panel.parquet"
        panel(path, firms)
        found: dict[str, object] = {"firms": firms, "years": YEARS, "ours": alone(__file__, "ours", str(path))}
        if importlib.util.find_spec("diff_diff"):
            if rivals and rivals != firms:
                panel(path, rivals)
            found |= {
                "rival": "diff-diff",
                "rival_firms": rivals or firms,
                "theirs": alone(__file__, "rival", str(path)),
            }
            if rivals and rivals != firms:
                found["ours_at_rival_firms"] = alone(__file__, "ours", str(path))
        say("effect", found)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in ("ours", "rival"):
        inner(sys.argv[1], sys.argv[2])
    else:
        main(*map(int, sys.argv[1:3]))
