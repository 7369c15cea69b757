"""A subject's level among those of the same industry, and of the same industry and size: counted in sets, over Figures."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.dots.criteria import division_of
from steelyard.model.period import Period
from steelyard.model.subject import SIZES
from steelyard.store.home import Home
from steelyard.store.lake import Engine

SMALLEST = 5  # members of the smallest group of peers that is shown

_DIVISION = "left(CASE WHEN s.gbt4754 >= 'A' THEN substring(s.gbt4754, 2, 4) ELSE s.gbt4754 END, 2)"
_GROUPS = f"""
WITH sizes AS (
    SELECT enterprise, min(list) AS size FROM roster
    WHERE list IN ({", ".join(f"'{size}'" for size in SIZES)}) AND (since IS NULL OR since < $end) AND (until IS NULL OR until > $start)
    GROUP BY enterprise
),
own AS (SELECT min(size) AS size FROM sizes WHERE enterprise = $subject),
others AS (
    SELECT l.value, z.size FROM levels l JOIN subjects s ON s.id = l.subject LEFT JOIN sizes z ON z.enterprise = l.subject
    WHERE l.subject <> $subject AND {_DIVISION} = $division
),
grouped AS (
    SELECT 'industry' AS "by", value FROM others
    UNION ALL SELECT 'size' AS "by", value FROM others WHERE size = (SELECT size FROM own)
)
SELECT "by", (SELECT size FROM own) AS size, count(*) AS n, count(*) FILTER (WHERE value < $level) AS lower,
       count(*) FILTER (WHERE value = $level) AS equal, count(*) FILTER (WHERE value > $level) AS higher,
       quantile_cont(value, 0.25) AS first, quantile_cont(value, 0.5) AS middle, quantile_cont(value, 0.75) AS third
FROM (SELECT * FROM grouped UNION ALL SELECT 'none', NULL) AS g GROUP BY "by" ORDER BY "by" """


@dataclass(frozen=True)
class Peers:
    """A subject among others of its group: how many there are, stand lower, equal and higher; the quartiles of their levels.

    ``by`` names what the group shares: industry, or industry and size. Of a group below ``SMALLEST`` nothing is told but that.
    """

    by: tuple[str, ...]
    industry: str
    size: str
    n: int | None = None
    lower: int | None = None
    equal: int | None = None
    higher: int | None = None
    quartiles: tuple[float, float, float] | None = None


def peers_of(
    home: Home, opened: Engine, subject: str, industry: str, level: float, period: Period
) -> tuple[Peers, ...]:
    """The groups of a subject, none where its industry is not known; reads the views ``levels`` and ``subjects``."""
    division = division_of(industry)
    if not division:
        return ()
    home.table_view(opened, "roster")
    rows = opened.rows(
        _GROUPS, {"subject": subject, "division": division, "level": level, "start": period.start, "end": period.end}
    )
    size = rows[0][1] or ""
    told = {row[0]: row[2:] for row in rows}
    groups = {"industry": ("industry",), **({"size": ("industry", "size")} if size else {})}
    return tuple(_peers(by, division, size if "size" in by else "", told.get(name)) for name, by in groups.items())


def _peers(by: tuple[str, ...], division: str, size: str, told: tuple[float, ...] | None) -> Peers:
    if told is None or told[0] < SMALLEST:
        return Peers(by, division, size)
    n, lower, equal, higher, *quartiles = told
    return Peers(
        by, division, size, int(n), int(lower), int(equal), int(higher), (quartiles[0], quartiles[1], quartiles[2])
    )
