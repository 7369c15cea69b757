"""Who stood on the roster of a place in a period, who was heard, who reached; and what came of that between two periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.catalog.method import parameters_in_force
from steelyard.errors import InputError
from steelyard.methods.flows import Flows, Sight, flows
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period, label
from steelyard.model.subject import SIZES
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh import frame

_LISTED = """SELECT DISTINCT m."of" AS place, m.subject AS firm FROM members m
JOIN roster r ON r.enterprise = m.subject AND r.list = $roster
    AND (r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)
WHERE m."of" IN (SELECT unnest($places))"""
_HEARD = """SELECT subject, low, high FROM (SELECT subject, low, high,
    row_number() OVER (PARTITION BY subject ORDER BY "end" DESC, start) AS newest FROM below
    WHERE list_position($grades, grade) > $floor) WHERE newest = 1"""
_SIZED = """SELECT enterprise, min(list_position($sizes, list)) AS size FROM roster
WHERE (since IS NULL OR since < $end) AND (until IS NULL OR until > $start) AND list_contains($sizes, list)
GROUP BY enterprise"""
_STANDING = """SELECT l.place, l.firm, h.subject IS NOT NULL AS heard, h.low, h.high, coalesce(z.size, 0) AS size
FROM listed l LEFT JOIN heard h ON h.subject = l.firm LEFT JOIN sized z ON z.enterprise = l.firm ORDER BY l.place, l.firm"""
_BOTH = """SELECT e.firm IS NOT NULL AS listed, coalesce(e.heard, false) AS heard, coalesce(e.reached, false) AS reached,
    l.firm IS NOT NULL AS still, coalesce(l.heard, false) AS heard_then, coalesce(l.reached, false) AS reached_then
FROM earlier e FULL JOIN later l ON l.firm = e.firm"""
_SPANS = """SELECT m."of" AS place, count(*) FILTER ((r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)) AS listed,
    count(*) FILTER (r.since < $start OR r.until <= $start) AS before, count(*) FILTER (r.since >= $end) AS after,
    count(*) FILTER (r.since IS NULL) AS undated
FROM members m JOIN roster r ON r.enterprise = m.subject AND r.list = $roster WHERE m."of" IN (SELECT unnest($places)) GROUP BY m."of" """


def lay(home: Home, opened: Engine, measure: Measure, period: Period, places: Sequence[str]) -> None:
    """Name the view ``standing``: place, firm, heard, low, high, size; a row for each firm on the roster of a rolled measure, by place.

    ``low`` and ``high`` are those of the firm's own Figure, null where it was not heard at the floor's grade or above; ``size`` is its
    place in ``SIZES`` from 1, 0 where no list tells it.
    """
    _frame(home, opened, period)
    span = {"start": period.start, "end": period.end}
    opened.hold("listed", _LISTED, {"roster": measure.rule["roster"], **span, "places": list(places)})
    at_rest.view(home, opened, "below", measure.rule["share"]["of"], period, within=True)
    opened.hold("heard", _HEARD, {"grades": list(GRADES), "floor": GRADES.index(_floor(home, measure, period))})
    opened.hold("sized", _SIZED, {"sizes": list(SIZES), **span})
    opened.view("standing", _STANDING)


def _frame(home: Home, opened: Engine, period: Period) -> None:
    """Name the rows and the members of a period as they were when it was weighed."""
    for name in ("subjects", "memberships", "roster"):
        home.table_view(opened, name, period)
    frame.name_periods(opened, [period], home.now())
    frame.name_members(opened, [home.catalog.table("roster")], period, home.subject_id)


def _floor(home: Home, measure: Measure, period: Period) -> str:
    day = period.last_day(home.zone)
    return str((parameters_in_force(measure, day) or {}).get("floor", GRADES[0]))


@dataclass(frozen=True)
class Between:
    """The flows of a place between two periods under one definition."""

    measure: str
    place: str
    before: Period
    after: Period
    flows: Flows


def between(home: Home, measure: Measure, place: str, before: Period, after: Period) -> Between:
    """What became of a place's firms from one period to another under a rolled measure."""
    with engine(home.path) as opened:
        for name, period in (("earlier", before), ("later", after)):
            lay(home, opened, measure, period, [place])
            opened.hold(name, "SELECT firm, heard, heard AND low >= $least AS reached FROM standing",
                        {"least": float(measure.rule["share"]["at_least"])})  # fmt: skip
        found = opened.arrow(_BOTH)
    seen = [found[name].to_numpy(zero_copy_only=False) for name in found.column_names]
    return Between(measure.name, place, before, after, flows(Sight(*seen[:3]), Sight(*seen[3:])))


def gaps(home: Home, measure: Measure, places: Sequence[str], periods: Sequence[Period]) -> list[dict[str, Any]]:
    """Places whose roster is empty in one of the periods though it is not in others: flows there would be false.

    Each as {"place", "period", "kind"}: kind is between (firms stand on it before and after), begins (only after), or ends (only before).
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for period in periods:
        for place, (listed, before, after, _) in _spans(home, measure, places, period).items():
            if not listed and (before or after):
                kind = "between" if before and after else "begins" if after else "ends"
                found.setdefault((place, kind), {"place": place, "period": label(period, home.zone), "kind": kind})
    return list(found.values())


def _spans(home: Home, measure: Measure, places: Sequence[str], period: Period) -> dict[str, tuple[int, int, int, int]]:
    """By place: firms on the roster in a period, those whose time there lies before it or after it, and those undated."""
    with engine(home.path) as opened:
        _frame(home, opened, period)
        values = {"roster": measure.rule["roster"], "start": period.start, "end": period.end, "places": list(places)}
        return {row[0]: (row[1], row[2], row[3], row[4]) for row in opened.rows(_SPANS, values)}


def listed(home: Home, measure: Measure, place: str, period: Period) -> tuple[int, int]:
    """How many firms stand on the measure's roster of a place in a period, and of how many it is not known since when."""
    found = _spans(home, measure, [place], period).get(place, (0, 0, 0, 0))
    return found[0], found[3]


def listed_by(home: Home, measure: Measure, places: Sequence[str], period: Period) -> dict[str, int]:
    """How many firms stand on the measure's roster in a period, by place; places without any are left out."""
    return {place: counts[0] for place, counts in _spans(home, measure, places, period).items() if counts[0]}


def periods_from(before: Period, after: Period, home: Home) -> list[Period]:
    """The periods of the same calendar length from one to another, both included; the two alone where they have none."""
    each = {4: "year", 6: "quarter", 7: "month", 10: "day"}.get(len(label(after, home.zone)))
    if each is None or len(label(before, home.zone)) != len(label(after, home.zone)):
        return [before, after]
    return list(Period(before.start, after.end).split(each, home.zone))


def refused(gap: dict[str, Any], roster: str) -> InputError:
    """The sentence for a gap: why no flows are told, and what to do."""
    return InputError("SY893", gap["place"], region=gap["place"], period=gap["period"], roster=roster)
