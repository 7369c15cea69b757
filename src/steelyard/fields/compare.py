"""Regions, parks and clusters compared among equals: by the same mix of industries and sizes, with the number of firms heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.catalog.method import parameters_in_force
from steelyard.errors import InputError, UsageError
from steelyard.fields.places import name_places, newest
from steelyard.methods.standardise import Standardised, standardise
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period, iso, label
from steelyard.model.subject import SIZES, region_level
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh.judged import RANK

KINDS = {"regions": "region", "parks": "park", "clusters": "cluster"}
LEVELS = ("province", "city", "county")
ROSTER = "above_size"
"""The list that a measure of firms is compared over; a share of firms names its own."""

_DIVISION = "left(CASE WHEN s.gbt4754 >= 'A' THEN substring(s.gbt4754, 2, 4) ELSE s.gbt4754 END, 2)"
_FIRMS = f"""
WITH listed AS (SELECT DISTINCT enterprise AS firm FROM roster WHERE list = $roster AND {{dated}}),
sizes AS (
    SELECT enterprise AS firm, min(list) AS size FROM roster
    WHERE list IN ({", ".join(f"'{size}'" for size in SIZES)}) AND {{dated}} GROUP BY enterprise
)
SELECT l.firm, coalesce({_DIVISION}, '') AS industry, coalesce(z.size, '') AS size, h.value, h.rank, h.synthetic, h.known
FROM listed l LEFT JOIN subjects s ON s.id = l.firm LEFT JOIN sizes z ON z.firm = l.firm LEFT JOIN heard h ON h.firm = l.firm"""
_HEARD = f"""
SELECT firm, value, rank, synthetic, known FROM (
    SELECT f.subject AS firm, {{value}} AS value, {RANK} AS rank, list_contains(f.flags, 'synthetic') AS synthetic, f.known,
           row_number() OVER (PARTITION BY f.subject ORDER BY f."end" DESC, f.start) AS newest
    FROM below f WHERE {RANK} >= {{floor}}) AS dated WHERE newest = 1"""


@dataclass(frozen=True)
class Asked:
    """What is compared: a share of firms that reach something, or the mean of a measure of firms.

    ``below`` is the measure of the firms; ``least`` what a firm must reach, None for a mean; ``floor`` the least grade that counts.
    """

    measure: Measure
    below: str
    roster: str
    least: float | None
    floor: int


@dataclass(frozen=True)
class Place:
    """One place: its plain and standardised value with limits, firms heard among its roster, share of the standard population that
    it has, range of its rank (None: it covers too little to be ranked), weakest grade, when the newest of its Figures was sealed.

    ``figure`` is the digest of the place's own Figure, where it has been weighed.
    """

    subject: str
    name_zh: str
    name_en: str
    raw: float
    value: float
    low: float
    high: float
    heard: int
    among: int
    covered: float
    rank: tuple[int, int] | None
    grade: str
    known: int
    synthetic: bool
    figure: str | None

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        told = vars(self) | {"rank": list(self.rank) if self.rank else None, "known": iso(self.known)}
        return told | {"distinguishable": self.rank is not None and self.rank[0] == self.rank[1]}


@dataclass(frozen=True)
class Comparison:
    """Places by standardised value, the best first; those with firms and none heard, and those without firms, by id.

    ``firms`` are all on the roster in the places compared, each once; ``strata`` their combinations of industry division and size;
    ``sized`` how many of them have a known size, ``industries`` how many a known industry; ``common`` the value of all together.
    """

    asked: Asked
    by: str
    level: str
    period: Period
    places: tuple[Place, ...]
    unheard: tuple[str, ...]
    empty: tuple[str, ...]
    firms: int
    strata: int
    sized: int
    industries: int
    common: float
    left_out: float
    confidence: float

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        measure = self.asked.measure
        return {
            "measure": measure.name, "label": measure.label, "status": measure.status, "unit": measure.unit, "by": self.by,
            "level": self.level, "start": iso(self.period.start), "end": iso(self.period.end), "roster": self.asked.roster,
            "firms": self.asked.below, "at_least": self.asked.least, "confidence": self.confidence, "method": "ours",
            "standard": {"firms": self.firms, "strata": self.strata, "known_size": self.sized, "known_industry": self.industries,
                         "value": self.common, "unheard_share": self.left_out},
            "places": [place.document() for place in self.places], "unheard": list(self.unheard), "without_firms": list(self.empty),
        }  # fmt: skip


def compare(home: Home, measure: str, by: str, level: str = "", period: Period | None = None,
            confidence: float = 0.95) -> Comparison:  # fmt: skip
    """Compare the regions of a level, the parks or the clusters of a home by a measure.

    Raises UsageError on an unknown measure, kind or level, SY846 on a measure that is none of firms; InputError SY841 where nobody was
    heard, SY845 where there are not two places with firms.
    """
    kind = KINDS.get(by) or _unknown("--by", by, KINDS)
    if by == "regions" and (level or "city") not in LEVELS:
        _unknown("--level", level, LEVELS)
    level = (level or "city") if by == "regions" else ""
    with engine(home.path) as opened:
        asked = _asked(home, measure, None)
        span = period or newest(home, opened, asked.below)
        asked = _asked(home, measure, span)
        places = _places(home, opened, kind, level, span)
        firms = _firms(home, opened, asked, span)
        pairs = opened.arrow("SELECT p.place, f.number FROM placed p JOIN firms f ON f.firm = p.firm")
        figures = _figures(home, opened, asked, span)
    mix = _mix(places, firms, pairs)
    if (mix.among > 0).sum() < 2:
        raise InputError(
            "SY845", count=int((mix.among > 0).sum()), by=by, roster=asked.roster, period=label(span, home.zone)
        )
    dense = np.cumsum(mix.among > 0) - 1  # places without firms take no part in the ranks
    made = standardise(
        mix.stratum, dense[mix.place], mix.value, standard=np.bincount(firms["stratum"].to_numpy()),
        places=int((mix.among > 0).sum()), share=asked.least is not None, confidence=confidence,
    )  # fmt: skip
    found = [_place(places[at], mix, at, made, int(dense[at]), figures.get(places[at][0]), asked.measure.better)
             for at in np.flatnonzero(mix.heard).tolist()]  # fmt: skip
    sign = -1 if asked.measure.better == "lower" else 1
    return Comparison(
        asked, by, level, span, tuple(sorted(found, key=lambda place: (-sign * place.value, place.subject))),
        tuple(places[at][0] for at in np.flatnonzero((mix.among > 0) & (mix.heard == 0))),
        tuple(places[at][0] for at in np.flatnonzero(mix.among == 0)), firms.num_rows,
        len(np.unique(firms["stratum"].to_numpy())), _known(firms, "size"), _known(firms, "industry"),
        made.common, made.unheard, confidence,
    )  # fmt: skip


@dataclass(frozen=True)
class _Mix:
    """The firms heard, one entry for each place that a firm is in: stratum, place, value; and of each place (P,) what stands behind."""

    stratum: np.ndarray
    place: np.ndarray
    value: np.ndarray
    among: np.ndarray
    heard: np.ndarray
    rank: np.ndarray
    known: np.ndarray
    synthetic: np.ndarray


def _mix(places: Sequence[tuple[str, str, str]], firms: pa.Table, pairs: pa.Table) -> _Mix:
    index = {one[0]: number for number, one in enumerate(places)}
    encoded = pairs["place"].combine_chunks().dictionary_encode()
    which = np.array([index[name] for name in encoded.dictionary.to_pylist()], int)[encoded.indices.to_numpy()]
    number = pairs["number"].to_numpy()
    among = np.bincount(which, minlength=len(places))
    value = firms["value"].to_numpy()
    told = ~np.isnan(value[number])
    number, which = number[told], which[told]
    rank, known = np.full(len(places), len(GRADES)), np.zeros(len(places), np.int64)
    np.minimum.at(rank, which, _numbers(firms, "rank")[number])
    np.maximum.at(known, which, _numbers(firms, "known")[number])
    synthetic = np.bincount(which, _numbers(firms, "synthetic")[number], len(places)) > 0
    heard = np.bincount(which, minlength=len(places))
    return _Mix(firms["stratum"].to_numpy()[number], which, value[number], among, heard, rank, known, synthetic)


def _numbers(firms: pa.Table, name: str) -> np.ndarray:
    return np.asarray(firms[name].cast(pa.int64()).fill_null(0).to_numpy())


def _unknown(option: str, value: str, known: Any) -> str:
    raise UsageError("SY101", why=f"{option} {value}: {', '.join(known)}")


def _asked(home: Home, name: str, span: Period | None) -> Asked:
    measure = home.catalog.measure(name)
    if measure.how == "rolled" and "share" in measure.rule:
        day = span.last_day(home.zone) if span else "9999-12-31"
        floor = str((parameters_in_force(measure, day) or {}).get("floor", GRADES[0]))
        if floor not in GRADES:
            raise InputError("SY226", measure.name, grade=floor, known=", ".join(GRADES))
        share = measure.rule["share"]
        return Asked(measure, share["of"], measure.rule["roster"], float(share["at_least"]), GRADES.index(floor))
    if "enterprise" not in measure.of:
        raise UsageError("SY846", measure=measure.name, kinds=", ".join(measure.of))
    if find_spec("scipy") is None:
        raise UsageError("SY850", measure=measure.name)
    return Asked(measure, measure.name, ROSTER, None, 0)


def _places(home: Home, opened: Engine, kind: str, level: str, span: Period) -> list[tuple[str, str, str]]:
    """Hold ``placed(place, firm)`` of the places compared; returns them as (id, name_zh, name_en)."""
    name_places(home, opened, span)
    rows = opened.rows(
        "SELECT id, coalesce(name_zh, ''), coalesce(name_en, ''), coalesce(gbt2260, '') FROM subjects WHERE kind = $kind ORDER BY id",
        {"kind": kind},
    )
    found = [row[:3] for row in rows if not level or (row[3] and region_level(row[3]) == level)]
    opened.register("wanted", pa.table({"id": pa.array([row[0] for row in found], pa.string())}))
    opened.hold("placed", 'SELECT w.id AS place, m.subject AS firm FROM members m JOIN wanted w ON w.id = m."of"')
    return found


def _firms(home: Home, opened: Engine, asked: Asked, span: Period) -> pa.Table:
    """Hold ``firms``: those on the roster with stratum and value where heard, numbered from 0; returns those in the places compared."""
    at_rest.view(home, opened, "below", asked.below, span, within=True)
    value = "f.value" if asked.least is None else f"CAST(f.low >= {asked.least!r} AS DOUBLE)"
    opened.hold("heard", _HEARD.format(value=value, floor=asked.floor))
    dated = f"(since IS NULL OR since < {span.end}) AND (until IS NULL OR until > {span.start})"
    opened.hold("named", _FIRMS.format(dated=dated), {"roster": asked.roster})
    opened.hold("firms", """
        SELECT n.*, row_number() OVER () - 1 AS number, dense_rank() OVER (ORDER BY industry, size) - 1 AS stratum
        FROM named n WHERE firm IN (SELECT firm FROM placed)""")  # fmt: skip
    return opened.arrow(
        "SELECT number, stratum, industry, size, value, rank, synthetic, known FROM firms ORDER BY number"
    )


def _figures(home: Home, opened: Engine, asked: Asked, span: Period) -> dict[str, str]:
    """The digests of the places' own Figures of the measure."""
    if asked.least is None:
        return {}
    at_rest.view(home, opened, "own_figures", asked.measure.name, span, within=False)
    rows = opened.rows("SELECT subject, digest FROM own_figures WHERE subject IN (SELECT id FROM wanted)")
    return {subject: digest.hex() for subject, digest in rows}


def _known(firms: pa.Table, name: str) -> int:
    return sum(1 for value in firms[name].to_pylist() if value)


def _place(
    one: tuple[str, str, str], mix: _Mix, at: int, made: Standardised, row: int, figure: str | None, better: str
) -> Place:
    best, worst = int(made.best[row]), int(made.worst[row])
    if better == "lower":
        ranked = int((made.best > 0).sum())
        best, worst = ranked + 1 - worst, ranked + 1 - best
    return Place(
        *one, float(made.raw[row]), float(made.value[row]), float(made.low[row]), float(made.high[row]), int(mix.heard[at]),
        int(mix.among[at]), float(made.covered[row]), (best, worst) if made.best[row] else None, GRADES[int(mix.rank[at])],
        int(mix.known[at]), bool(mix.synthetic[at]), figure,
    )  # fmt: skip
