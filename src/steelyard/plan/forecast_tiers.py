"""Firms over tiers, by region and size: how they moved between the years that are known, and where that leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.methods.forecast import tiers
from steelyard.model.measure import Measure
from steelyard.model.period import parse
from steelyard.model.subject import SIZES
from steelyard.plan.flows import lay
from steelyard.plan.progress_places import Place
from steelyard.store.figures import measures_held
from steelyard.store.home import Home
from steelyard.store.lake import engine

Document = dict[str, Any]
MOST_TIERS = 9
GROUPED = 1 + len(SIZES)  # sizes, with the one that is not known


UNHEARD = -2  # a tier that is not known; -1: left the roster
_YEAR = """SELECT place, firm, size, CASE WHEN heard THEN least(CAST(floor(low) AS INTEGER), $most) ELSE -2 END AS tier FROM standing"""
_MOVES = """SELECT a.place, a.size, a.tier AS before, CASE WHEN b.firm IS NULL THEN -1 ELSE b.tier END AS after, count(*) AS firms
FROM earlier a LEFT JOIN later b ON b.place = a.place AND b.firm = a.firm GROUP BY ALL"""
_ENTRIES = """SELECT b.place, b.size, b.tier, count(*) AS firms
FROM later b ANTI JOIN earlier a ON a.place = b.place AND a.firm = b.firm GROUP BY ALL"""
_NOW = "SELECT place, size, tier, count(*) AS firms FROM later GROUP BY ALL"


@dataclass(frozen=True)
class Moves:
    """Firms by group (region × size; size 0: not known) and tier: ``moved`` (G, K, K + 1; last: left), ``silent`` (stayed, and unheard
    after), ``entered`` and ``now`` (G, K); and of how many it is not known: moves and entries unheard, firms unheard in the last year.
    """

    moved: np.ndarray
    silent: np.ndarray
    entered: np.ndarray
    now: np.ndarray
    unknown: dict[str, int]


def _moves(home: Home, measure: Measure, regions: Sequence[Place], years: Sequence[int]) -> Moves:
    """Count moves between each year and the next; each firm is looked at in the engine, so that only counts come back."""
    ids = [place.id for place in regions]
    count = _tiers(home, measure)
    moved, entered = [], []
    with engine(home.path) as opened:
        for year in years:
            lay(home, opened, measure, parse(str(year), home.zone), ids)
            opened.hold("later", _YEAR, {"most": count - 1})
            if year > years[0]:
                moved.append(opened.arrow(_MOVES))
                entered.append(opened.arrow(_ENTRIES))
            opened.hold("earlier", "SELECT * FROM later")
        now = opened.arrow(_NOW)
    codes = _Codes(ids, count)
    unknown = {"moves_unheard": 0, "entries_unheard": 0, "unheard_now": 0}
    cells = [codes.cells(table, ("before", "after"), unknown, "moves_unheard") for table in moved]
    group, before, after, many = (np.concatenate(part) for part in zip(*cells, strict=True))
    return Moves(
        tiers.counts(group, before, after, codes.groups, count, many), sum(map(codes.silent, moved), np.zeros((codes.groups, count))),
        sum((codes.firms(table, unknown, "entries_unheard") for table in entered), np.zeros((codes.groups, count), dtype=np.int64)),
        codes.firms(now, unknown, "unheard_now"), unknown,
    )  # fmt: skip


class _Codes:
    """Places and sizes as groups from 0."""

    def __init__(self, places: Sequence[str], tiers: int) -> None:
        self.at = {name: place for place, name in enumerate(places)}
        self.groups, self.tiers = len(places) * GROUPED, tiers

    def cells(self, table: pa.Table, names: Sequence[str], unknown: dict[str, int], word: str) -> list[np.ndarray]:
        """Group, tiers and firms of the rows whose tiers are known; the firms of others are added to ``unknown``."""
        place = np.array([self.at[name] for name in table["place"].to_pylist()], dtype=np.int64)
        columns = [
            place * GROUPED + table["size"].to_numpy(),
            *(table[name].to_numpy().astype(np.int64) for name in (*names, "firms")),
        ]
        heard = np.all([column > UNHEARD for column in columns[1:-1]], axis=0)
        unknown[word] += int(columns[-1][~heard].sum())
        return [column[heard].astype(np.int64) for column in columns]

    def silent(self, table: pa.Table) -> np.ndarray:
        """(G, K) firms that were heard before and stayed unheard, by group and tier."""
        known = pc.and_(pc.greater(table["before"], UNHEARD), pc.equal(table["after"], UNHEARD))
        return self.firms(table.filter(known).drop_columns("after").rename_columns({"before": "tier"}), {"": 0}, "")

    def firms(self, table: pa.Table, unknown: dict[str, int], word: str) -> np.ndarray:
        """(G, K) firms by group and tier."""
        group, tier, many = self.cells(table, ("tier",), unknown, word)
        made: np.ndarray = tiers.counts(group, tier, np.zeros_like(tier), self.groups, self.tiers, many)[:, :, 0]
        return made


def _tiers(home: Home, measure: Measure) -> int:
    """How many tiers there are: to the upper bound of the measure below."""
    most = home.catalog.measures[measure.rule["share"]["of"]].bounds[1]
    return int(min(MOST_TIERS if most is None else most, MOST_TIERS)) + 1


def course(home: Home, measure: Measure, regions: Sequence[Place], years: Sequence[int], to: int) -> Document | None:
    """Firms by tier from the last year to ``to``: the smoothed chain's expectation; None where no firm was heard in two years running.

    ``rates`` are those of all groups together, for people; each group moves by its own.
    """
    if measure.rule["share"]["of"] not in measures_held(home):
        return None
    moves = _moves(home, measure, regions, years)
    if not moves.moved.sum():
        return None
    count = moves.now.shape[1]
    known = tiers.as_heard(moves.moved, moves.silent)
    rate = tiers.rates(known, np.arange(len(moves.now)) % GROUPED)
    entering = tiers.arrivals(moves.entered, len(years) - 1, to - years[-1])
    made = tiers.expected(rate, moves.now, entering)
    least = int(measure.rule["share"]["at_least"])
    every, spread, left = tiers.together(made)
    share = tiers.reached(every, least)
    sized = moves.moved.reshape(len(regions), GROUPED, -1).sum(axis=(0, 2))
    return {
        "of": measure.rule["share"]["of"], "at_least": least, "tiers": count, "regions": len(regions),
        "sizes_known": [name for name, many in zip(SIZES, sized[1:], strict=True) if many], "size_unknown": int(sized[0]),
        "moves": int(moves.moved.sum()), "entered": int(moves.entered.sum()), "left": int(moves.moved[:, :, -1].sum()), **moves.unknown,
        "rates": tiers.rates(known.sum(axis=0, keepdims=True), np.zeros(1, dtype=np.int64))[0].tolist(),
        "years": [
            {"year": years[-1] + at, "firms": every[at].tolist(), "sd": spread[at].tolist(), "left": float(left[at]),
             "entered": float(entering[:at].sum()), "share": _number(share[at])} for at in range(len(every))
        ],
        "by_region": [_of_region(made, at, place, least) for at, place in enumerate(regions)],
    }  # fmt: skip


def _of_region(made: tiers.Course, at: int, place: Place, least: int) -> Document:
    """One region's firms by tier in the last year of the forecast, and the share that reached in each."""
    every, spread, _ = tiers.together(made, np.arange(at * GROUPED, (at + 1) * GROUPED))
    low, high = tiers.between(every[-1], spread[-1])
    return {"id": place.id, "name": place.name, "expected": np.stack([every[-1], low, high], axis=1).tolist(),
            "share": [_number(share) for share in tiers.reached(every, least)]}  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
