"""Where the planned time of a subject went, by category and reason: what the Figures of ``losses/*`` are sums of."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.model.period import Period
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh.weigh import Scales

PLANNED = "losses/planned"
CATEGORIES = ("setup", "stops", "waiting", "unknown", "uncounted", "speed", "quality", "productive")
"""In the order of the waterfall; each is a measure ``losses/CATEGORY``."""
_MINE = """SELECT l.unit, l.category, l.reason, l.seconds FROM unit_losses l JOIN members m ON m.subject = l.unit
WHERE m."of" = $subject AND l.start = $start AND l."end" = $end"""


@dataclass(frozen=True)
class Lost:
    """Seconds of planned time of one category and reason (empty: none was told); speed may be negative."""

    category: str
    reason: str
    seconds: float


@dataclass(frozen=True)
class Losses:
    """Rows in the order of the waterfall, the longest reason first, and the sum of each category.

    ``sums`` are added up as the formulas of ``losses/*`` do, so that they equal the Figures to the last bit.
    """

    rows: tuple[Lost, ...]
    sums: dict[str, float]


def losses(home: Home, subject: str, period: Period) -> Losses:
    """Where each second of the planned time of a unit, or of the members of a line or site, went in a period.

    It reads what rests in sealed leaves now: rows that came after the Figures were weighed count here already. Nothing is
    written. Empty where the home holds no data of its own, or its standards have no ``losses/planned``.
    """
    measure = home.catalog.measures.get(PLANNED)
    if measure is None:
        return Losses((), {})
    with engine(home.path) as opened:
        scales = Scales(home, opened, [measure], period)
        if not scales.held - {"subjects", "memberships", "division_changes"}:
            return Losses((), {})
        scales.set_frame([period])
        return _read(opened, subject, period)


def _read(opened: Engine, subject: str, period: Period) -> Losses:
    opened.hold("mine", _MINE, {"subject": subject, "start": period.start, "end": period.end})
    rows = [
        Lost(*row) for row in opened.rows("SELECT category, reason, total(seconds) FROM mine GROUP BY category, reason")
    ]
    place = {name: number for number, name in enumerate(CATEGORIES)}
    rows.sort(key=lambda row: (place[row.category], -row.seconds, row.reason))
    of_units = "SELECT unit, category, total(seconds) AS seconds FROM mine GROUP BY unit, category"
    sums = dict(opened.rows(f"SELECT category, total(seconds) FROM ({of_units}) GROUP BY category"))
    return Losses(tuple(rows), {name: sums[name] for name in CATEGORIES if name in sums})
