"""The parts of a span for which Figures are wanted one by one: calendar parts, or the home's shifts."""

from __future__ import annotations

from steelyard.model.period import EACH, Period
from steelyard.store.home import Home
from steelyard.store.lake import engine

SHIFT = "shift"
KNOWN = (SHIFT, *EACH)


def parts(home: Home, span: Period, each: str) -> list[Period]:
    """Days, months, quarters or years of a span in the home's zone; or each distinct span of planned busy time in it."""
    if each != SHIFT:
        return list(span.split(each, home.zone))
    with engine(home.path) as opened:
        home.table_view(opened, "shifts", span)
        rows = opened.rows(
            f"SELECT DISTINCT start, \"end\" FROM shifts WHERE kind = 'planned_busy' AND start >= {span.start} "
            f'AND "end" <= {span.end} ORDER BY start, "end"'
        )
    return [Period(start, end) for start, end in rows]
