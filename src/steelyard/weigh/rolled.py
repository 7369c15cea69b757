"""Roll-ups over members: a share among those heard, and what the unheard could make of it."""

from __future__ import annotations

from typing import Any

from steelyard.errors import InputError
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.weigh.judged import RANK


def heard_sql(measure: Measure) -> str:
    """Who was asked and who was heard: group, period, enterprise, and its newest Figure of enough grade, if any."""
    kinds = ", ".join(f"'{kind}'" for kind in measure.of)
    return f"""WITH base AS (
    SELECT DISTINCT m."of" AS "group", p.start, p."end", m.subject AS firm
    FROM members m JOIN periods p ON true
    JOIN roster r ON r.enterprise = m.subject AND r.list = $roster
        AND (r.since IS NULL OR r.since < p."end") AND (r.until IS NULL OR r.until > p.start)
    WHERE m.kind IN ({kinds})
),
dated AS (
    SELECT p.start AS p_start, p."end" AS p_end, f.*, {RANK} AS rank,
           row_number() OVER (PARTITION BY p.start, p."end", f.subject ORDER BY f."end" DESC, f.start) AS newest
    FROM below f JOIN periods p ON f.start >= p.start AND f."end" <= p."end"
    WHERE {RANK} >= $floor
)
SELECT b."group", b.start, b."end", b.firm, f.low, f.high, f.rank, f.digest, list_contains(f.flags, 'synthetic') AS synthetic
FROM base b LEFT JOIN dated f ON f.subject = b.firm AND f.p_start = b.start AND f.p_end = b."end" AND f.newest = 1"""


def parameters(measure: Measure, in_force: dict[str, Any]) -> dict[str, Any]:
    """The values that ``heard_sql`` takes."""
    floor = str(in_force.get("floor", GRADES[0]))
    if floor not in GRADES:
        raise InputError("SY226", measure.name, grade=floor, known=", ".join(GRADES))
    return {"roster": measure.rule["roster"], "floor": GRADES.index(floor)}


def rolled_sql(measure: Measure) -> str:
    """Value among those heard; low as if the unheard did not reach, high as if they did; over the held ``heard_members``."""
    least = float(measure.rule["share"]["at_least"])
    return f"""WITH counts AS (
    SELECT "group" AS subject, start, "end", count(digest) AS heard, count(*) AS among,
           count(*) FILTER (low >= {least!r}) AS reached, count(*) FILTER (high >= {least!r}) AS possible,
           min(rank) AS rank, bool_or(synthetic) AS synthetic
    FROM heard_members GROUP BY "group", start, "end"
)
SELECT subject, start, "end", reached * 1.0 / heard AS value, least(reached * 1.0 / among, reached * 1.0 / heard) AS low,
       greatest((possible + among - heard) * 1.0 / among, reached * 1.0 / heard) AS high,
       CAST(heard AS DOUBLE) AS heard, CAST(among AS DOUBLE) AS among,
       CASE WHEN synthetic THEN 'synthetic' ELSE '' END AS flags, rank
FROM counts WHERE heard > 0"""


LINEAGE = 'SELECT "group" AS subject, start, "end", list(digest) AS digests FROM heard_members WHERE digest IS NOT NULL GROUP BY ALL'
