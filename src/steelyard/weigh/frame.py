"""What every formula may read without naming it: the periods weighed, the subjects, and who belongs to whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from steelyard.model.period import Period
from steelyard.model.subject import NATION
from steelyard.model.table import Table
from steelyard.store.lake import Engine

_MEMBERS = """
WITH coded AS (
    SELECT s.id AS subject, r.id AS "of" FROM subjects s
    JOIN subjects r ON r.kind = 'region'
        AND r.gbt2260 IN (s.gbt2260, left(s.gbt2260, 4) || '00', left(s.gbt2260, 2) || '0000', '100000')
    WHERE s.kind <> 'region' AND s.gbt2260 IS NOT NULL AND r.gbt2260 LIKE '{within}'
),
everybody AS (
    SELECT subject, subject AS "of" FROM seen
    UNION SELECT subject, "of" FROM above
    UNION SELECT subject, "of" FROM coded
)
SELECT e."of", coalesce(s.kind, n.kind, 'enterprise') AS kind, e.subject
FROM everybody e LEFT JOIN subjects s ON s.id = e."of" LEFT JOIN (SELECT subject, min(kind) AS kind FROM seen GROUP BY subject) n
    ON n.subject = e."of"
"""


def name_periods(opened: Engine, periods: Sequence[Period], known: int) -> None:
    """Name the periods weighed, and the moment of weighing (µs UTC): nothing is known beyond it."""
    opened.register("periods", pa.table({
        "start": pa.array([p.start for p in periods], pa.int64()), "end": pa.array([p.end for p in periods], pa.int64()),
        "known": pa.array([known] * len(periods), pa.int64()),
    }))  # fmt: skip


def name_members(opened: Engine, tables: Iterable[Table], span: Period, own: str) -> None:
    """Name ``members("of", kind, subject)``: every subject as a member of itself and of all above it within a span.

    Subjects that only data rows name are there too: a machine needs no registration. Where ``own``, the subject of the home,
    is a region, only regions within it have members: a province's roster is not the nation's. Expects the views of
    ``subjects``, ``memberships`` and the tables.
    """
    seen = ["SELECT id AS subject, kind FROM subjects"]
    for table in tables:
        if table.column(table.subject).type != "subject":
            continue
        kind = "unit" if table.subject == "unit" or table.through else "enterprise"
        rows = f"{table.name}__spans" if table.lookback else table.name
        seen.append(f'SELECT DISTINCT "{table.subject}" AS subject, \'{kind}\' AS kind FROM "{rows}"')
    opened.hold("seen", "SELECT subject, min(kind) AS kind FROM (" + " UNION ALL ".join(seen) + ") GROUP BY subject")
    opened.closure(
        "above",
        f"""
        SELECT DISTINCT subject, "of" FROM memberships
        WHERE (since IS NULL OR since < {span.end}) AND (until IS NULL OR until > {span.start})""",
    )
    opened.hold("members", _MEMBERS.format(within=_codes_within(opened, own)))


def _codes_within(opened: Engine, own: str) -> str:
    """The pattern of the region codes at or below a region; any code where the home is none."""
    rows = opened.rows("SELECT gbt2260 FROM subjects WHERE id = $own AND kind = 'region'", {"own": own})
    code = rows[0][0] if rows and rows[0][0] else NATION
    prefix = "" if code == NATION else code.removesuffix("00").removesuffix("00")
    return f"{prefix}%" if prefix.isdigit() or not prefix else "%"


def memberships_change(opened: Engine, span: Period) -> bool:
    """Whether somebody joins or leaves inside a span: then its periods cannot share one set of members."""
    inside = f"(since > {span.start} AND since < {span.end}) OR (until > {span.start} AND until < {span.end})"
    return bool(opened.rows(f"SELECT count(*) FROM memberships WHERE {inside}")[0][0])
