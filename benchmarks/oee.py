"""OEE and availability per machine and shift over samples: ``weigh`` against a hand-written query on the same files.

250 machines with 4 signals of 100,000 samples each at about 10 s (100 million rows, 35 shifts of 8 hours), 0.5 % of bad quality,
in a real home. Targets: the whole weigh (lineage, digests, seal) within 1.5 times the hand-written query of the same run, below
2 GiB; a shift weighed again after one late row within 1 s.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from common import alone, folder, peak_mib, say

from steelyard.model.period import Period
from steelyard.store.home import FOREVER, Home
from steelyard.weigh import weigh

MACHINES, SAMPLES = 250, 100_000
BEGIN = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
STEP, SHIFT = 10_000_000, 28_800_000_000
HOLD = 300
MEASURES = ("iso22400/oee", "iso22400/availability")
WORDS = np.array(["Execute", "Held", "Aborted", "Suspended", "Idle", "Stopped"])
STATES = {
    "EXECUTE": "production",
    "HELD": "delay",
    "ABORTED": "delay",
    "SUSPENDED": "waiting",
    "IDLE": "waiting",
    "STOPPED": "delay",
}
OFTEN = np.array([0.7, 0.08, 0.05, 0.08, 0.05, 0.04])
ONE_RUN, MADE, GOOD, RESET = (
    90,
    0.9,
    0.98,
    17_000,
)  # samples a run of one word on average; pieces a sample; samples between resets


def machine(number: int, samples: int, seed: int) -> dict[str, np.ndarray]:
    """One machine's signals: instants, words by number, counters with resets, temperature, bad quality."""
    rng = np.random.default_rng((seed, number))
    at = BEGIN + number * 1_000 + np.arange(samples) * STEP + rng.integers(0, STEP // 2, samples)
    lengths = rng.geometric(1 / ONE_RUN, samples // ONE_RUN * 3 + 10)
    word = np.repeat(rng.choice(len(WORDS), len(lengths), p=OFTEN), lengths)[:samples]
    made = (rng.random(samples) < MADE) & (word == 0)
    good = made & (rng.random(samples) < GOOD)
    since = np.arange(samples) // RESET
    return {
        "at": at, "state": word, "total": _running(made, since), "good": _running(good, since),
        "temperature": np.round(rng.normal(60, 5, samples), 1), "bad": rng.random((4, samples)) < 0.005,
    }  # fmt: skip


def _running(steps: np.ndarray, since: np.ndarray) -> np.ndarray:
    total = np.cumsum(steps)
    first = np.searchsorted(since, np.arange(since[-1] + 1))
    before = np.where(first > 0, total[first - 1], 0)
    return (total - before[since]).astype(float)


def slices(machines: int, samples: int, seed: int) -> Iterator[pa.Table]:
    """Rows as a stream cuts them: a slice of time after the other, each sorted by signal, subject, instant."""
    made = [machine(n, samples, seed) for n in range(machines)]
    names = pa.array([f"M{n:03d}" for n in range(machines)])
    signals = ("good", "state", "temperature", "total")
    first, step = BEGIN // SHIFT * SHIFT, SHIFT
    last = max(int(m["at"][-1]) for m in made)
    for start in range(first, last + 1, step):
        cuts = [np.searchsorted(m["at"], (start, start + step)) for m in made]
        parts = [_part(made, cuts, n, signal) for n, signal in enumerate(signals)]
        columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        no_word = columns["word"] < 0
        yield pa.table({
            "subject": pa.DictionaryArray.from_arrays(pa.array(columns["machine"], pa.int32()), names),
            "signal": pa.DictionaryArray.from_arrays(pa.array(columns["signal"], pa.int32()), pa.array(signals)),
            "at": columns["at"], "value": pa.array(columns["value"], mask=~no_word),
            "text": pa.DictionaryArray.from_arrays(pa.array(columns["word"], pa.int32(), mask=no_word), pa.array(WORDS)),
            "quality": pa.DictionaryArray.from_arrays(pa.array(columns["bad"], pa.int32()), pa.array(["good", "bad"])),
            "received": columns["at"] + 20_000, "row": np.arange(len(no_word)),
        })  # fmt: skip


def _part(made: list[dict[str, np.ndarray]], cuts: list[np.ndarray], n: int, signal: str) -> dict[str, np.ndarray]:
    """One signal of all machines in one slice of time."""
    sizes = [b - a for a, b in cuts]
    rows = sum(sizes)

    def cut(key: str) -> np.ndarray:
        return np.concatenate([m[key][a:b] for m, (a, b) in zip(made, cuts, strict=True)])

    return {
        "machine": np.repeat(np.arange(len(made)), sizes), "signal": np.full(rows, n), "at": cut("at"),
        "value": np.zeros(rows) if signal == "state" else cut(signal),
        "word": cut("state") if signal == "state" else np.full(rows, -1),
        "bad": np.concatenate([m["bad"][n, a:b] for m, (a, b) in zip(made, cuts, strict=True)]),
    }  # fmt: skip


def build(path: Path, scale: float, seed: int) -> dict[str, Any]:
    """Make the home: leaves of samples as the stream cuts them, bindings, shifts; returns rows, blocks and seconds."""
    machines, samples = max(2, round(MACHINES * scale**0.5)), max(8_640, round(SAMPLES * scale**0.5))
    begun, rows, blocks = time.perf_counter(), 0, 0
    with Home.create(path, name="oee", kind="factory") as home:
        for part in slices(machines, samples, seed):
            _keep(home, "samples", part)
            rows, blocks = rows + part.num_rows, blocks + 1
        _keep(home, "bindings", bindings(machines))
        _keep(home, "state_words", pa.table({
            "rule": ["packml"] * len(STATES), "role": ["state"] * len(STATES), "word": list(STATES), "state": list(STATES.values()),
            "overrides": pa.array([1000] * len(STATES), pa.int64()), "row": pa.array(range(len(STATES)), pa.int64()),
        }))  # fmt: skip
        _keep(home, "shifts", calendar(machines, blocks))
    return {
        "rows": rows,
        "blocks": blocks,
        "machines": machines,
        "shifts": blocks,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def _keep(home: Home, kind: str, rows: pa.Table, *, corrects: bool = False) -> None:
    table = home.catalog.table(kind)
    span = FOREVER
    if table.start:
        span = (pc.min(rows[table.start]).as_py(), pc.max(rows[table.end or table.start]).as_py() + 1)
    source = {
        "file": "stream",
        "sha256": "00" * 32,
        "sheet": "",
        "read": rows.num_rows,
        "stream": True,
        "corrects": corrects,
    }
    with home.ledger.write() as connection:
        leaf = home.keep_leaf(connection, kind, rows, span, ("M000", "M999"), "measured", source, synthetic=True)
        home.seal_leaves(connection, [leaf])


def bindings(machines: int) -> pa.Table:
    """State, counters and planned seconds of all machines, as ``catalog.bindings`` reads them from a file."""
    kinds = (("state", "state"), ("produced", "total"), ("good", "good"), ("planned_seconds_per_item", None))
    rows = [(f"M{n:03d}", *kind) for n in range(machines) for kind in kinds]
    signals = [signal for *_, signal in rows]
    counts = [column in ("produced", "good") for _, column, _ in rows]
    empty = pa.nulls(len(rows), pa.float64())
    return pa.table({
        "unit": [unit for unit, *_ in rows], "column": [column for _, column, _ in rows],
        "role": ["state" if column == "state" else "1" for _, column, _ in rows],
        "subject": pa.array([unit if signal else None for unit, _, signal in rows]), "signal": signals,
        "rule": ["packml" if column == "state" else None for _, column, _ in rows],
        "hold_seconds": pa.array([float(HOLD)] * len(rows)), "counter": ["running" if counts_ else None for counts_ in counts],
        "rollover": empty, "factor": empty, "offset": empty, "product": pa.nulls(len(rows), pa.string()),
        "constant": pa.array([None if signal else 10.0 for signal in signals], pa.float64()),
        "row": pa.array(range(len(rows)), pa.int64()),
    })  # fmt: skip


def calendar(machines: int, shifts: int) -> pa.Table:
    """One planned busy shift after the other, on every machine."""
    first = BEGIN // SHIFT * SHIFT
    rows = [(f"M{n:03d}", first + k * SHIFT) for n in range(machines) for k in range(shifts)]
    return pa.table({
        "unit": [unit for unit, _ in rows], "start": [start for _, start in rows], "end": [start + SHIFT for _, start in rows],
        "kind": ["planned_busy"] * len(rows), "row": pa.array(range(len(rows)), pa.int64()),
    })  # fmt: skip


HAND = """
WITH states AS (
    SELECT subject, "at", CASE WHEN quality = 'good' THEN text END AS word,
           lead("at") OVER (PARTITION BY subject ORDER BY "at") AS after
    FROM taken WHERE signal = 'state'
),
spans AS (
    SELECT subject, word, "at" AS a, least(coalesce(after, "at" + {hold}), "at" + {hold}) AS b FROM states WHERE word IS NOT NULL
),
parts AS (
    SELECT subject, a // {shift} AS shift, word, least(b, (a // {shift} + 1) * {shift}) - a AS us FROM spans
    UNION ALL
    SELECT subject, a // {shift} + 1 AS shift, word, b - (a // {shift} + 1) * {shift} AS us FROM spans WHERE b > (a // {shift} + 1) * {shift}
),
times AS (
    SELECT subject, shift, sum(us) / 1e6 AS known, sum(CASE WHEN word = 'Execute' THEN us ELSE 0 END) / 1e6 AS apt
    FROM parts GROUP BY ALL
),
steps AS (
    SELECT subject, signal, "at" AS b, value, lag("at") OVER w AS a, lag(value) OVER w AS before
    FROM taken WHERE signal IN ('good', 'total') AND quality = 'good'
    WINDOW w AS (PARTITION BY subject, signal ORDER BY "at")
),
made AS (
    SELECT subject, signal, a, b, CASE WHEN value < before THEN value ELSE value - before END AS made FROM steps WHERE before IS NOT NULL
),
shares AS (
    SELECT subject, signal, a // {shift} AS shift,
           CASE WHEN b > (a // {shift} + 1) * {shift} THEN made * ((a // {shift} + 1) * {shift} - a) / (b - a) ELSE made END AS made
    FROM made
    UNION ALL
    SELECT subject, signal, a // {shift} + 1 AS shift, made * (b - (a // {shift} + 1) * {shift}) / (b - a) AS made
    FROM made WHERE b > (a // {shift} + 1) * {shift}
),
counts AS (SELECT subject, shift, sum(made) FILTER (signal = 'good') AS good FROM shares GROUP BY ALL)
SELECT subject, shift * {shift} AS start, c.good * 10.0 / known AS oee, apt / known AS availability
FROM times JOIN counts c USING (subject, shift) ORDER BY ALL
"""


def by_hand(path: Path) -> dict[str, Any]:
    """The hand-written query on the same files, with DuckDB as it comes."""
    listed = [str(p) for p in sorted((path / "lake" / "samples").glob("*.parquet"))]
    begun, spent = time.perf_counter(), cpu_seconds()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW taken AS SELECT * FROM read_parquet({listed})")
        rows = connection.execute(HAND.format(shift=SHIFT, hold=HOLD * 1_000_000)).fetchall()
    seconds, spent = time.perf_counter() - begun, cpu_seconds() - spent
    return {"seconds": round(seconds, 2), "cpu_seconds": round(spent, 2), "peak_mib": peak_mib(), "rows": rows}


def cpu_seconds() -> float:
    """What this process has computed so far: told beside the clock, which others on the machine make run on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def shifts_of(count: int) -> list[Period]:
    first = BEGIN // SHIFT * SHIFT
    return [Period(first + k * SHIFT, first + (k + 1) * SHIFT) for k in range(count)]


def weigh_all(path: Path, count: int, profile: cProfile.Profile | None = None) -> dict[str, Any]:
    """Weigh both measures of all shifts; then a late row, and its shift again."""
    with Home.open(path) as home:
        begun, spent = time.perf_counter(), cpu_seconds()
        run = (lambda *given: profile.runcall(weigh, *given)) if profile else weigh
        done = run(home, MEASURES, shifts_of(count))
        seconds, spent, peak = time.perf_counter() - begun, cpu_seconds() - spent, peak_mib()
        rows = [[*row] for row in zip(*_figures(home), strict=True)]
        late = shifts_of(count)[count // 2]
        _keep(home, "samples", pa.table({
            "subject": ["M000"], "signal": ["state"], "at": [late.start + SHIFT // 2 + 1], "value": pa.array([None], pa.float64()),
            "text": ["Held"], "quality": ["good"], "received": [late.end + 3 * 86_400_000_000], "row": pa.array([1], pa.int64()),
        }))  # fmt: skip
        begun, late_spent = time.perf_counter(), cpu_seconds()
        again = weigh(home, MEASURES, [late])
        late_seconds, late_spent = time.perf_counter() - begun, cpu_seconds() - late_spent
    return {"seconds": round(seconds, 2), "cpu_seconds": round(spent, 2), "peak_mib": peak, "figures": sum(one.made for one in done), "rows": rows,
            "late_seconds": round(late_seconds, 2), "late_cpu_seconds": round(late_spent, 2),
            "late_figures": sum(one.made for one in again), "peak_mib_late": peak_mib()}  # fmt: skip


def _figures(home: Home) -> list[list[Any]]:
    both = [home.figures(name).sort_by([("subject", "ascending"), ("start", "ascending")]) for name in MEASURES]
    return [
        both[0]["subject"].to_pylist(),
        both[0]["start"].to_pylist(),
        both[0]["value"].to_pylist(),
        both[1]["value"].to_pylist(),
    ]


def furthest(ours: list[list[Any]], theirs: list[list[Any]]) -> float:
    """The greatest difference of a value between both; raises ValueError where one has a machine and shift the other has not."""
    both = zip(sorted(ours), sorted(map(list, theirs)), strict=True)
    found = 0.0
    for a, b in both:
        if a[:2] != b[:2]:
            raise ValueError(f"{a[:2]} against {b[:2]}")
        found = max(found, abs(a[2] - b[2]), abs(a[3] - b[3]))
    return found


def main() -> None:
    """Build the home, then run both in processes of their own."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=1)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", help="a folder in which the home stays")
    asked.add_argument("--profile", action="store_true", help="name the slowest functions on standard error")
    asked.add_argument("--inner", nargs=3, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.inner:
        path = Path(given.inner[1])
        profile = cProfile.Profile() if given.profile else None
        print(json.dumps(by_hand(path) if given.inner[0] == "hand" else weigh_all(path, int(given.inner[2]), profile)))
        if profile:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumtime").print_stats(30)
        return
    with folder(given.keep) as below:
        path = below / "home"
        built = build(path, given.scale, given.seed)
        hand = alone(__file__, "--inner", "hand", str(path), "0")
        ours = alone(
            __file__, "--inner", "weigh", str(path), str(built["shifts"]), *(["--profile"] if given.profile else [])
        )
    ours["furthest_from_hand"] = furthest(ours.pop("rows"), hand.pop("rows"))
    say("oee", {"scale": given.scale, **built, "by_hand": hand, "weigh": ours, "ratio": round(ours["seconds"] / hand["seconds"], 2),
                "cpu_ratio": round(ours["cpu_seconds"] / hand["cpu_seconds"], 2),
                "target_ratio": 1.5, "target_mib": 2048, "target_late_seconds": 1})  # fmt: skip


if __name__ == "__main__":
    main()
