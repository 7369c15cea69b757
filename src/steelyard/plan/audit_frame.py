"""Whom an audit is about: every firm of a coverage's roster with what it claims, and what strata are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from steelyard.catalog.method import parameters_in_force
from steelyard.errors import UsageError
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.model.subject import SIZES
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh.frame import name_members, name_periods

BY = ("province", "region", "county", "industry", "size", "level")
UNKNOWN = "-"
_FRAME = ("subjects", "memberships", "roster")
_CLAIMS = f"""
WITH listed AS (
    SELECT enterprise, list FROM roster WHERE (since IS NULL OR since < $end) AND (until IS NULL OR until > $start)
),
firms AS (
    SELECT DISTINCT m.subject AS enterprise FROM members m JOIN listed l ON l.enterprise = m.subject AND l.list = $roster
    WHERE m."of" = $place
),
sized AS (
    SELECT enterprise, min(CASE list {" ".join(f"WHEN '{size}' THEN {rank}" for rank, size in enumerate(SIZES))} END) AS rank
    FROM listed GROUP BY enterprise
),
coded AS (SELECT id, max(gbt2260) AS gbt2260, max(gbt4754) AS gbt4754 FROM subjects GROUP BY id),
dated AS (
    SELECT *, row_number() OVER (PARTITION BY subject ORDER BY "end" DESC, start) AS newest FROM below
    WHERE grade IN ({{grades}})
)
SELECT f.enterprise, coalesce(c.gbt2260, '-') AS region, coalesce(regexp_extract(c.gbt4754, '[0-9]{{{{2}}}}'), '') AS industry,
       CASE z.rank {" ".join(f"WHEN {rank} THEN '{size}'" for rank, size in enumerate(SIZES))} ELSE '-' END AS size,
       d.low AS level, d.digest AS figure, d.grade, list_contains(d.flags, 'synthetic') AS synthetic
FROM firms f LEFT JOIN coded c ON c.id = f.enterprise LEFT JOIN sized z ON z.enterprise = f.enterprise
LEFT JOIN dated d ON d.subject = f.enterprise AND d.newest = 1 ORDER BY f.enterprise"""


@dataclass(frozen=True)
class Coverage:
    """What is audited: a coverage by its name, the measure of its members, the level from which one counts, its list, its floor."""

    name: str
    of: str
    least: float
    roster: str
    floor: str


def coverage_of(home: Home, name: str, period: Period) -> Coverage:
    """A coverage that members' levels make up; raises UsageError SY860 on any other measure."""
    measure = home.catalog.measure(name)
    if measure.how != "rolled":
        raise UsageError("SY860", name=name, known=", ".join(_rolled(home)))
    day = period.last_day(home.zone)
    floor = str((parameters_in_force(measure, day) or {}).get("floor", GRADES[0]))
    share = measure.rule["share"]
    return Coverage(measure.name, share["of"], float(share["at_least"]), measure.rule["roster"], floor)


def _rolled(home: Home) -> list[str]:
    found: list[Measure] = [one for one in home.catalog.measures.values() if one.how == "rolled"]
    return [one.id for one in found]


def parts_of(by: str) -> tuple[str, ...]:
    """What strata are made of, from names joined by commas, in one order; raises UsageError SY861 on one that is not known."""
    parts = tuple(part.strip() for part in by.split(",") if part.strip())
    unknown = [part for part in parts if part not in BY]
    if unknown or len(set(parts)) < len(parts):
        raise UsageError("SY861", by=by, known=", ".join(BY))
    return tuple(sorted(parts, key=BY.index))


def place_of(home: Home, place: str) -> str:
    """The place audited, the home's own subject when left out; raises UsageError SY707 on one that the home does not know."""
    name = place or home.subject_id
    if not name or home.subject(name) is None:
        near = ", ".join(one.id for one in home.subjects(kind="region", most=5)) or UNKNOWN
        raise UsageError("SY707", name=name or UNKNOWN, near=near)
    return name


def claims(
    home: Home, coverage: Coverage, period: Period, place: str, known_on: int | None = None
) -> list[dict[str, Any]]:
    """Every firm of the roster in a place: enterprise, region, industry, size, level, claims, figure (hex or None), grade, synthetic.

    ``known_on`` (µs UTC) counts Figures sealed by then; the roster is that of now. The level is the one that is proved, as the
    coverage counts it; a firm without a Figure of at least the coverage's floor is unheard.
    """
    with engine(home.path) as opened:
        _name_frame(home, opened, period)
        at_rest.view(home, opened, "below", coverage.of, period, within=True, known_on=known_on)
        grades = ", ".join(f"'{grade}'" for grade in GRADES[GRADES.index(coverage.floor) :])
        values = {"roster": coverage.roster, "place": place, "start": period.start, "end": period.end}
        rows: pa.Table = opened.arrow(_CLAIMS.format(grades=grades), values)
    return [_claim(row, coverage.least) for row in rows.to_pylist()]


def _name_frame(home: Home, opened: Engine, period: Period) -> None:
    """Name the members of all places within a period."""
    tables = [home.catalog.table(name) for name in (*_FRAME, "division_changes") if name in home.catalog.tables]
    for table in tables:
        home.table_view(opened, table.name, period)
    name_periods(opened, [period], home.now())
    name_members(opened, tables, period, home.subject_id)


def names_of(home: Home) -> dict[str, str]:
    """What the home's subjects are called, in Chinese or else in English, by id."""
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        return dict(opened.rows("SELECT id, coalesce(name_zh, name_en, '') FROM subjects"))


def _claim(row: Mapping[str, Any], least: float) -> dict[str, Any]:
    """One firm's row, with whether it claims to be covered."""
    heard = row["figure"] is not None
    said = ("yes" if row["level"] >= least else "no") if heard else "unheard"
    return {
        **row,
        "industry": row["industry"] or UNKNOWN,
        "claims": said,
        "figure": row["figure"].hex() if heard else None,
    }


def stratum_of(row: Mapping[str, Any], by: Sequence[str]) -> tuple[str, ...]:
    """What a firm shares with those of its stratum: the parts asked for, and always whether it claims to be covered."""
    return (*(_part(row, part) for part in by), str(row["claims"]))


def _part(row: Mapping[str, Any], part: str) -> str:
    if part in ("industry", "size"):
        return str(row[part])
    if part == "level":
        return UNKNOWN if row["level"] is None else f"{row['level']:g}"
    code = str(row["region"])
    if code == UNKNOWN or part == "county":
        return code
    return f"{code[:2]}0000" if part == "province" else f"{code[:4]}00"
