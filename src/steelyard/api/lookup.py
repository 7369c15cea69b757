"""Questions about many rows at once, put to the lake in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.store.digests import find
from steelyard.store.figures import CURRENT, view
from steelyard.store.lake import engine
from steelyard.store.ledger import seals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steelyard.store.home import Home

_SUBJECTS = """SELECT id, kind, coalesce(name_zh, ''), coalesce(name_en, ''), coalesce(gbt2260, '')
FROM subjects WHERE id IN (SELECT unnest($ids))"""
_TALLY = "SELECT measure, count(*), max(known) FROM current_figures GROUP BY measure ORDER BY measure"


def subjects(home: Home, ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Id, kind, names and region code of those subjects that the home knows."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        rows = opened.rows(_SUBJECTS, {"ids": wanted})
    return {row[0]: dict(zip(("id", "kind", "zh", "en", "gbt2260"), row, strict=True)) for row in rows}


def tally(home: Home) -> dict[str, tuple[int, int]]:
    """Current figures and the time of the last seal (microseconds UTC), per measure."""
    with engine(home.path) as opened:
        view(home, opened, "current_figures", None, None, within=False)
        return {row[0]: (row[1], row[2]) for row in opened.rows(_TALLY)}


def kinds(home: Home) -> dict[str, int]:
    """How many subjects of each kind the home knows."""
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        return dict(opened.rows("SELECT kind, count(*) FROM subjects GROUP BY kind"))


def sealed(home: Home, digest: bytes) -> tuple[int, str] | None:
    """When a Figure was sealed here (microseconds UTC) and the home that it came from, empty for this one."""
    found = find(home, digest)
    row = home.ledger.one(seals.select().where(seals.c.number == found[0].seal)) if found else None
    return (row.at, found[0].origin) if found and row else None


def ranked(home: Home, measure: str, most: int, skip: int) -> Any:
    """Current figures of one measure from the highest value down, as an Arrow table with the columns of ``CURRENT``."""
    columns = ", ".join(f'"{name}"' for name in CURRENT.names)
    with engine(home.path) as opened:
        view(home, opened, "current_figures", measure, None, within=False)
        order = f"ORDER BY value DESC, subject, start LIMIT {int(most)} OFFSET {int(skip)}"
        sql = f"SELECT {columns} FROM current_figures {order}"  # our own names and numbers
        return opened.arrow(sql).cast(CURRENT)
