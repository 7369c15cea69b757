"""The roll-up of a nation: firms × measures × months from Figures at rest, by nation, province and city, beside a query written by hand.

The Figures are written as they rest, one sealed segment a measure and month, with random digests under their seals: to make
that many true ones would take hours, and a roll-up of very many reads the seals. The rival is one DuckDB query a measure over the
same files, which counts what reaches the threshold by nation, province and city, and makes no Figures.

    python benchmarks/nation.py --firms 526000 --measures 100 --months 12
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import alone, folder, peak_mib, say
from pyarrow.csv import write_csv

from steelyard.model.period import Period, parse
from steelyard.store.figures import AT_REST
from steelyard.store.home import Home
from steelyard.store.lake import LARGE_GROUP
from steelyard.store.ledger import sections, segments
from steelyard.take import take
from steelyard.weigh import weigh

YEAR = 2026
GRADES = ("declared", "pledged", "documented", "inspected")
SHARE = """label: {{en: Share of benchmark measure {n}, zh: 基准指标 {n} 的占比}}
source: made up
status: ours
of: [region]
unit: "1"
bounds: [0, 1]
better: higher
how: rolled
rule: {{share: {{of: nation/m{n:03d}, at_least: 2}}, roster: above_size}}
parameters:
  floor:
    "2000-01-01": {{value: declared, reference: ours}}
"""
ASKED = """label: {{en: Benchmark measure {n}, zh: 基准指标 {n}}}
source: made up
status: ours
of: [enterprise]
unit: "1"
bounds: [0, 4]
better: higher
how: read
from: [roster]
"""
FORMULA = """SELECT r.enterprise AS subject, p.start, p."end", 0.0 AS value, 0.0 AS low, 0.0 AS high, 1.0 AS heard, 1.0 AS among
FROM roster r JOIN periods p ON true
"""


def months(count: int) -> list[Period]:
    """The first months of a year in China's time."""
    return [parse(f"{YEAR}-{month:02d}", ZoneInfo("Asia/Shanghai")) for month in range(1, count + 1)]


def build(path: Path, firms: int, measures: int, count: int, seed: int) -> None:
    """A nation's home with its firms on the roster, and the Figures of all measures and months at rest."""
    with Home.create(path, name="全国（合成）", kind="region", subject="CN-100000") as home:
        for n in range(measures):
            for name, text in ((f"m{n:03d}", ASKED), (f"share{n:03d}", SHARE)):
                place = path / "standards" / "nation" / name
                place.mkdir(parents=True)
                (place / "measure.yaml").write_text(text.format(n=n), encoding="utf-8")
            (path / "standards" / "nation" / f"m{n:03d}" / "formula.sql").write_text(FORMULA, encoding="utf-8")
        codes = home.catalog.codes["gbt2260"]
        cities = sorted(code for code in codes if code[2:4] not in ("00", "90") and code.endswith("00"))
        regions = sorted({"100000", *cities, *(code[:2] + "0000" for code in cities)})
        shares = np.random.default_rng(seed).dirichlet(np.full(len(cities), 2.0))
        city = np.sort(np.random.default_rng(seed + 1).choice(len(cities), firms, p=shares))
        code = np.array(cities)[city]
        names = np.char.add(np.char.add("91", code), np.char.zfill(np.arange(firms).astype(str), 10))
        subjects = {"id": [f"CN-{one}" for one in regions] + names.tolist(),
                    "kind": ["region"] * len(regions) + ["enterprise"] * firms, "gbt2260": [*regions, *code.tolist()]}  # fmt: skip
        roster = {"enterprise": names.tolist(), "list": ["above_size"] * firms}
        for table, columns in (("subjects", subjects), ("roster", roster)):
            file = path.parent / f"{table}.csv"
            write_csv(pa.table(columns), file)
            take(home, file, synthetic=True)
        _figures(home, np.sort(names), measures, count, seed)


def _figures(home: Home, names: np.ndarray[Any, Any], measures: int, count: int, seed: int) -> None:
    (home.path / "lake" / "figures").mkdir(parents=True, exist_ok=True)
    with home.ledger.write() as connection:
        method = home.keep_method(connection, {"made": "up"})
        jobs = []
        for n in range(measures):
            for period in months(count):
                made = home.seal(connection, "figures", [], np.random.default_rng(len(jobs)).bytes(32))
                number = len(jobs) + 1
                where = Path("lake") / "figures" / f"{number:08d}.parquet"
                connection.execute(segments.insert().values(
                    id=number, measure=f"nation/m{n:03d}", path=where.as_posix(), rows=len(names), sha256=bytes(32),
                    start=period.start, end=period.end))  # fmt: skip
                connection.execute(sections.insert().values(
                    segment=number, seal=made.number, offset=0, count=len(names), home="", start=period.start, end=period.end,
                    first=str(names[0]), last=str(names[-1])))  # fmt: skip
                jobs.append((home.path / where, f"nation/m{n:03d}", period, made.number, method, seed + number))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), initializer=_know, initargs=(names,)) as pool:
        list(pool.map(_segment, jobs, chunksize=4))


_NAMES: list[pa.Array] = []


def _know(names: np.ndarray[Any, Any]) -> None:
    _NAMES[:] = [pa.array(names, pa.string())]


def _segment(job: tuple[Path, str, Period, int, bytes, int]) -> None:
    """Write the Figures of one measure and month: nineteen of twenty firms are heard, with a level and what is open above it."""
    path, measure, period, seal, method, seed = job
    random = np.random.default_rng(seed)
    heard = random.random(len(_NAMES[0])) < 0.95
    count = int(heard.sum())
    low = random.integers(0, 5, count).astype(float)
    constant = {"measure": measure, "start": period.start, "end": period.end, "heard": 20.0, "among": 20.0, "estimated": False,
                "method": method, "inputs": method, "replaces": None, "seal": seal}  # fmt: skip
    columns = {
        "digest": pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), count, [None, pa.py_buffer(random.bytes(32 * count))]),
        "subject": _NAMES[0].filter(pa.array(heard)), "value": pa.array(low), "low": pa.array(low),
        "high": pa.array(np.minimum(4, low + random.integers(0, 2, count))),
        "grade": pa.DictionaryArray.from_arrays(pa.array(random.integers(0, 4, count, np.int8)), pa.array(GRADES)).cast(pa.string()),
        "flags": pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32)), pa.repeat("synthetic", count)),
    }  # fmt: skip
    table = pa.table([columns[f.name] if f.name in columns else pa.repeat(pa.scalar(constant[f.name], f.type), count) for f in AT_REST],
                     schema=AT_REST)  # fmt: skip
    pq.write_table(table, path, compression="zstd", row_group_size=LARGE_GROUP)


def roll(path: Path, measures: int, count: int, at: str) -> dict[str, Any]:
    """Weigh all shares for all months."""
    with Home.open(path) as home:
        begun, spent = time.perf_counter(), time.process_time()
        done = weigh(home, [f"nation/share{n:03d}" for n in range(measures)], months(count), at=at or None)
        return {"seconds": round(time.perf_counter() - begun, 2), "cpu_seconds": round(time.process_time() - spent, 2),
                "figures": sum(one.made for one in done), "peak_mib": peak_mib()}  # fmt: skip


def by_hand(path: Path, measures: int, count: int) -> dict[str, Any]:
    """The same counts by a query a measure over the same files, with firms and their regions joined from Parquet."""
    import duckdb

    begun, spent = time.perf_counter(), time.process_time()
    with duckdb.connect(":memory:", config={"memory_limit": "3GB"}) as con:
        con.execute(
            f"CREATE TABLE firms AS SELECT id, gbt2260 AS city FROM read_parquet('{path}/lake/subjects/*.parquet') WHERE kind = 'enterprise'"
        )
        rows = 0
        for n in range(measures):
            first = n * count + 1
            files = [f"{path}/lake/figures/{number:08d}.parquet" for number in range(first, first + count)]
            rows += len(con.execute(
                """SELECT start, count(*), count(*) FILTER (low >= 2), count(*) FILTER (high >= 2),
                          min(grade), bool_or(list_contains(flags, 'synthetic'))
                   FROM read_parquet($files) f JOIN firms ON firms.id = f.subject
                   GROUP BY GROUPING SETS ((start), (start, left(city, 2)), (start, city))""", {"files": files}).fetchall())  # fmt: skip
    return {"seconds": round(time.perf_counter() - begun, 2), "cpu_seconds": round(time.process_time() - spent, 2), "rows": rows,
            "peak_mib": peak_mib()}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--firms", type=int, default=526_000)
    parser.add_argument("--measures", type=int, default=10)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", default="", help="an engine: spark://host:7077; empty: here")
    parser.add_argument("--keep", help="the folder to build in; what is there already is used again")
    parser.add_argument("--inner", nargs="+")
    given = parser.parse_args()
    if given.inner:
        what, path, measures, count, at = given.inner
        found = (
            roll(Path(path), int(measures), int(count), at)
            if what == "roll"
            else by_hand(Path(path), int(measures), int(count))
        )
        print(json.dumps(found))
        return
    with folder(given.keep) as below:
        path = below / "home"
        if not path.exists():
            build(path, given.firms, given.measures, given.months, given.seed)
        sizes = (str(path), str(given.measures), str(given.months), given.at)
        hand = alone(__file__, "--inner", "hand", *sizes)
        ours = alone(__file__, "--inner", "roll", *sizes)
        at_rest = sum(one.stat().st_size for one in (path / "lake" / "figures").glob("*.parquet"))
        say("nation", {
            "firms": given.firms, "measures": given.measures, "months": given.months, "gib_at_rest": round(at_rest / (1 << 30), 1),
            "weigh": ours, "by_hand": hand, "ratio": round(ours["seconds"] / hand["seconds"], 2), "target_seconds": 60,
            "target_mib": 4096})  # fmt: skip


if __name__ == "__main__":
    main()
