"""Roll-ups over members: a share among those heard, and what the unheard could make of it.

Firms that are in the same groups, and on the roster for the same periods, are one *circle*. Figures are counted by circle and
circles are summed into groups, so that a Figure is looked at once, however many groups its firm is in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.errors import InputError
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store.lake import Engine
from steelyard.weigh.judged import RANK

MOST_NAMED = 100_000
"""Figures of one period that a roll-up names one by one; of more it names the seals over them."""

_LISTED = 'r.list = $roster AND (r.since IS NULL OR r.since < n."end") AND (r.until IS NULL OR r.until > n.start)'


def name_circles(opened: Engine, measure: Measure) -> None:
    """Name ``circle_of(firm, circle)``, and ``circles(circle, "group", start, "end", size)``: the groups that a circle is in and
    the periods for which its firms stand on the measure's roster. Expects the views of ``members``, ``roster`` and ``periods``.
    """
    kinds = ", ".join(f"'{kind}'" for kind in measure.of)
    roster = {"roster": measure.rule["roster"]}
    opened.hold("numbered", 'SELECT row_number() OVER (ORDER BY start, "end") AS number, start, "end" FROM periods')
    opened.hold(
        "placed",
        f"""
        SELECT g.firm, g.groups, t.numbers FROM
            (SELECT subject AS firm, list_sort(list_distinct(list("of"))) AS groups FROM members
             WHERE kind IN ({kinds}) GROUP BY subject) AS g
        JOIN (SELECT r.enterprise AS firm, list_sort(list_distinct(list(n.number))) AS numbers FROM roster r JOIN numbered n ON {_LISTED}
              GROUP BY r.enterprise) AS t ON t.firm = g.firm""",
        roster,
    )
    opened.hold(
        "rings",
        """SELECT row_number() OVER (ORDER BY min(firm)) AS circle, groups, numbers, min(firm) AS firm, count(*) AS size
        FROM placed GROUP BY groups, numbers""",
    )
    opened.hold(
        "circle_of",
        # In the order of firms, as Figures rest: those looked up one after the other then lie side by side in memory.
        "SELECT p.firm, r.circle FROM placed p JOIN rings r ON r.groups = p.groups AND r.numbers = p.numbers ORDER BY p.firm",
    )
    opened.hold(
        "circles",
        f"""
        SELECT DISTINCT c.circle, m."of" AS "group", n.start, n."end", c.size FROM rings c
        JOIN members m ON m.subject = c.firm AND m.kind IN ({kinds})
        JOIN roster r ON r.enterprise = c.firm JOIN numbered n ON {_LISTED}""",
        roster,
    )


def hold_heard(opened: Engine, measure: Measure, periods: Sequence[Period], in_force: dict[str, Any]) -> None:
    """Name ``chosen``, each firm's newest Figure of enough grade in a period of those ``below``, and hold ``heard``: how many there
    are by circle, period and seal.

    Spans that are no period's own stand in ``heard`` too, until ``circles`` leaves them out. Only where one of them lies within a
    period does a firm have several Figures there, of which the newest is looked for.
    """
    floor = _floor(measure, in_force)
    heard = _heard(float(measure.rule["share"]["at_least"]))
    opened.view("chosen", f'SELECT f.start, f."end", {_CHOSEN} FROM below f WHERE {RANK} >= {floor}')
    opened.hold("heard", heard)
    spans = opened.rows('SELECT DISTINCT start, "end" FROM heard')
    if any((p.start, p.end) != span and p.start <= span[0] and span[1] <= p.end for p in periods for span in spans):
        opened.view("chosen", _newest(floor))
        opened.hold("heard", heard)


_CHOSEN = f"f.subject AS firm, f.low, f.high, {RANK} AS rank, f.digest, f.seal, list_contains(f.flags, 'synthetic') AS synthetic"


def _newest(floor: int) -> str:
    return f"""SELECT firm, start, "end", low, high, rank, digest, seal, synthetic FROM (
        SELECT p.start, p."end", {_CHOSEN},
               row_number() OVER (PARTITION BY p.start, p."end", f.subject ORDER BY f."end" DESC, f.start) AS newest
        FROM below f JOIN periods p ON f.start >= p.start AND f."end" <= p."end" WHERE {RANK} >= {floor}) AS dated
    WHERE newest = 1"""


def _heard(least: float) -> str:
    # FILTER copies what it lets through; sums of 0 and 1 take nine tenths of the time
    return f"""
        SELECT o.circle, c.start, c."end", c.seal, count(*) AS heard, sum(CAST(c.low >= {least!r} AS INTEGER)) AS reached,
               sum(CAST(c.high >= {least!r} AS INTEGER)) AS possible, min(c.rank) AS rank, bool_or(c.synthetic) AS synthetic
        FROM chosen c JOIN circle_of o ON o.firm = c.firm GROUP BY o.circle, c.start, c."end", c.seal"""


def _floor(measure: Measure, in_force: dict[str, Any]) -> int:
    floor = str(in_force.get("floor", GRADES[0]))
    if floor not in GRADES:
        raise InputError("SY226", measure.name, grade=floor, known=", ".join(GRADES))
    return GRADES.index(floor)


ROLLED = """WITH whole AS (
    SELECT "group" AS subject, start, "end", CAST(sum(size) AS BIGINT) AS among FROM circles GROUP BY "group", start, "end"
),
counts AS (
    SELECT c."group" AS subject, c.start, c."end", CAST(sum(h.heard) AS BIGINT) AS heard, CAST(sum(h.reached) AS BIGINT) AS reached,
           CAST(sum(h.possible) AS BIGINT) AS possible, min(h.rank) AS rank, bool_or(h.synthetic) AS synthetic
    FROM circles c JOIN heard h ON h.circle = c.circle AND h.start = c.start AND h."end" = c."end"
    GROUP BY c."group", c.start, c."end"
)
SELECT n.subject, n.start, n."end", n.reached * 1.0 / n.heard AS value,
       least(n.reached * 1.0 / w.among, n.reached * 1.0 / n.heard) AS low,
       greatest((n.possible + w.among - n.heard) * 1.0 / w.among, n.reached * 1.0 / n.heard) AS high,
       CAST(n.heard AS DOUBLE) AS heard, CAST(w.among AS DOUBLE) AS among,
       CASE WHEN n.synthetic THEN 'synthetic' ELSE '' END AS flags, n.rank
FROM counts n JOIN whole w ON w.subject = n.subject AND w.start = n.start AND w."end" = n."end" """
"""Value among those heard; low as if the unheard did not reach, high as if they did; over ``circles`` and ``heard``."""

FIGURES = """SELECT c."group" AS subject, c.start, c."end", list(f.digest) AS digests
FROM chosen f JOIN circle_of o ON o.firm = f.firm
JOIN circles c ON c.circle = o.circle AND c.start = f.start AND c."end" = f."end" GROUP BY ALL"""
"""What stands behind each roll-up: the Figures of its members."""

SEALS = """SELECT c."group" AS subject, c.start, c."end", list_distinct(list(k.root)) AS digests
FROM circles c JOIN heard h ON h.circle = c.circle AND h.start = c.start AND h."end" = c."end"
JOIN seals_known k ON k.number = h.seal GROUP BY ALL"""
"""What stands behind each roll-up of very many: the roots of the seals over the Figures of its members."""
