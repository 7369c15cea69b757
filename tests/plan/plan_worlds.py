"""Homes with several years of Figures: firms and their levels are made up, all that is weighed from them is real."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from steelyard.evidence.merkle import root
from steelyard.methods.forecast.curves import curve
from steelyard.model.period import parse
from steelyard.store.lake import engine
from steelyard.weigh.keep import Weighed, keep
from steelyard.weigh.lineage import Behind

LEVEL, COVERAGE = "sme2024/level", "coverage/sme2024-level2"


def figures(home, measure, rows, grade=1):
    """Seal Figures of a measure; rows of (subject, year, value, low, high, heard, among), flagged synthetic."""
    leaves = tuple(sorted(leaf.digest for leaf in home.leaves(kind="subjects")))
    behind = Behind(root(leaves), leaves, grade, True)
    spans = [parse(str(row[1]), home.zone) for row in rows]
    table = pa.table({
        "subject": [row[0] for row in rows], "start": [s.start for s in spans], "end": [s.end for s in spans],
        **{name: [float(row[at]) for row in rows] for at, name in enumerate(("value", "low", "high", "heard", "among"), 2)},
        "flags": [""] * len(rows), "rank": pa.nulls(len(rows), pa.int32()),
    })  # fmt: skip
    with engine(home.path) as opened:
        keep(home, opened, home.catalog.measure(measure), "2026-12-31", table, [behind] * len(rows), Weighed(measure))


def levels(home, known):
    """Seal firms' levels: {(firm, year): level}."""
    figures(home, LEVEL, [(firm, year, level, level, level, 1, 1) for (firm, year), level in known.items()])


def cities(make, home, count, province="44"):
    """Take the nation, a province and ``count`` of its cities; returns the cities' ids."""
    known = sorted(code for code in home.catalog.codes["gbt2260"] if code.startswith(province) and code.endswith("00"))
    codes = known[1 : count + 1]
    assert len(codes) == count
    rows = [f"CN-100000,region,100000,中国\nCN-{province}0000,region,{province}0000,广东省\n"]
    rows += [f"CN-{code},region,{code},市{code}\n" for code in codes]
    make.give(home, "subjects", "id,kind,gbt2260,name_zh\n" + "".join(rows), name="regions.csv")
    return [f"CN-{code}" for code in codes]


def roster(make, home, rows, name="roster.csv"):
    """Take firms of (id, code, since, until) as subjects and onto the roster."""
    make.give(
        home,
        "subjects",
        "id,kind,gbt2260\n" + "".join(f"{f},enterprise,{code}\n" for f, code, _, _ in rows),
        name="s" + name,
    )
    listed = "".join(f"{f},above_size,{since},{until}\n" for f, _, since, until in rows)
    make.give(home, "roster", "enterprise,list,since,until\n" + listed, name="r" + name)


def curves(seed, regions, years, walk=0.006, start=4):
    """(R, T) coverage along S-curves with a random walk, from year ``start`` of each on."""
    dice = np.random.default_rng(seed)
    ceiling = dice.uniform(0.85, 1, regions)
    parameters = np.stack(
        [dice.normal(np.log(0.012), 0.4, regions), np.log(dice.normal(0.55, 0.1, regions)), np.log(ceiling / (1 - ceiling))], axis=1
    )  # fmt: skip
    path = curve(parameters, years + start, np.zeros(regions))[:, 1 + start :]
    return np.clip(path + np.cumsum(dice.normal(0, walk, (regions, years)), axis=1), 0, 1)


def coverages(home, places, seen, first, among=400, measure=COVERAGE):
    """Seal coverages (R, T), NaN for none, of years from ``first`` on."""
    rows = [
        (place, first + year, value, value * 0.9, min(1, value * 0.9 + 0.1), among * 0.9, among)
        for place, path in zip(places, seen, strict=True) for year, value in enumerate(path) if not np.isnan(value)
    ]  # fmt: skip
    figures(home, measure, rows)
