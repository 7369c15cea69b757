"""What a project costs and how many provider-days it takes: the home's own rows, else our estimate by size and industry."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import nan
from pathlib import Path

from steelyard.catalog.catalog import Catalog
from steelyard.errors import InputError
from steelyard.store.lake import Engine

ANY = "*"
BEST = ("quoted", "paid", "ours")  # of several rows of one subject


@dataclass(frozen=True)
class Cost:
    """CNY with its ends, provider-days (nan: not told), whose number it is (ours, quoted, paid, home) and where it comes from."""

    cost: float
    low: float
    high: float
    days: float
    status: str
    source: str


@dataclass(frozen=True)
class _Row:
    level: str
    size: str
    industries: tuple[str, ...]
    cost: Cost

    def fits(self, level: str, size: str, industry: str) -> bool:
        known = self.industries == (ANY,) or industry.startswith(self.industries)
        return self.level in (ANY, level) and self.size in (ANY, size) and known


class Usual:
    """The tables ``plan/costs.csv`` of all standards folders; of several rows that fit a firm the last one counts."""

    def __init__(self, catalog: Catalog, level: float) -> None:
        files = [path for folder in catalog.folders for path in sorted(folder.glob("plan/costs.csv"))]
        self._rows = [row for path in files for row in _read(path)]
        self._level = f"{level:g}"
        self.of = cache(self._of)

    def _of(self, size: str, industry: str) -> Cost:
        """Of a size (small, medium, large, or empty: not known) and a GB/T 4754 division."""
        return next(row.cost for row in reversed(self._rows) if row.fits(self._level, size, industry))


def _read(path: Path) -> list[_Row]:
    """Raises InputError SY902 on the first number that is none or is negative."""
    found = []
    with path.open(encoding="utf-8-sig", newline="") as handle:
        for number, row in enumerate(csv.DictReader(handle), 2):
            told = {name: _number(row, name, f"{path}:{number}") for name in ("cost", "low", "high", "days")}
            cost = Cost(**told, status=str(row["status"]), source=str(row["source"]))
            found.append(_Row(row["level"], row["size"], tuple(row["industry"].split("+")), cost))
    return found


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except (KeyError, TypeError, ValueError):
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError("SY902", where, field=name, value=row.get(name), wanted=">= 0")
    return value


def told(opened: Engine, measure: str, level: float, park: str = "") -> dict[str, Cost]:
    """By subject, what the table ``project_costs`` tells of a level's measure, and of parks, for whom it names none (``park``).

    Of rows with one status, that of the level goes before that of any level (0). A firm's days can be nan, a park takes none.
    """
    sql = "SELECT subject, cost, low, high, days, status, source, measure, level FROM project_costs WHERE measure IN ($measure, $park) AND level IN ($level, 0)"
    found: dict[str, Cost] = {}
    rows = opened.rows(sql, {"measure": measure, "park": park, "level": level})
    order = sorted(rows, key=lambda row: (-BEST.index(row[5]), row[8] != 0))  # the last counts
    for subject, cost, low, high, days, status, source, of, _ in order:
        ends = (cost if low is None else low, cost if high is None else high)
        unknown = 0.0 if of == park else nan
        found[subject] = Cost(cost, *ends, unknown if days is None else days, status, source or "")
    return found
