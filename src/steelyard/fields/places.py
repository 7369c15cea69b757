"""What regions, clusters and comparisons share: the members of places in a period, and the newest period that has Figures."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.errors import UsageError
from steelyard.model.division import Divisions
from steelyard.model.period import Period, year_at
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine
from steelyard.weigh import frame

TABLES = ("subjects", "memberships", "division_changes", "roster")


def name_tables(home: Home, opened: Engine) -> None:
    """Name the tables that say who there is and who belongs to whom."""
    for name in TABLES:
        home.table_view(opened, name)


def name_places(home: Home, opened: Engine, span: Period) -> None:
    """Hold ``members("of", kind, subject)`` of a period, as for weighing."""
    name_tables(home, opened)
    frame.name_members(opened, [home.catalog.table(name) for name in TABLES], span, home.subject_id)


def divisions(opened: Engine) -> Divisions:
    """The changes of divisions that the home has taken."""
    return frame.divisions(opened)


def newest(home: Home, opened: Engine, measure: str) -> Period:
    """The period of the newest Figures of a measure, of several the longest; this year where there are none."""
    at_rest.view(home, opened, "ever", measure, None, within=True)
    found = opened.rows('SELECT start, "end" FROM ever ORDER BY "end" DESC, start LIMIT 1')
    return Period(*found[0]) if found else year_at(home.now(), home.zone)


def find(opened: Engine, kind: str, name: str) -> tuple[str, str, str, str]:
    """Id, names and code of a subject of a kind, by id or by GB/T 2260 code; raises UsageError SY843 with near ones."""
    from difflib import get_close_matches  # noqa: PLC0415  - only when somebody mistyped

    columns = "id, coalesce(name_zh, ''), coalesce(name_en, ''), coalesce(gbt2260, '')"
    rows: Sequence[tuple[str, str, str, str]] = opened.rows(
        f"SELECT {columns} FROM subjects WHERE kind = $kind ORDER BY id", {"kind": kind}
    )
    for row in sorted(rows, key=lambda row: row[0] != name):
        if name in (row[0], row[3], row[1], row[2]):
            return row
    near = get_close_matches(name, list(dict.fromkeys(word for row in rows for word in row if word)), n=3, cutoff=0.5)
    raise UsageError(
        "SY843", kind=kind, name=name, near=", ".join(near) or ", ".join(row[0] for row in rows[:5]) or "–"
    )
