"""The funded intake: how many firms of each region are funded in each year, from a file's rows, a table or a plan that was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.forecast.curves import funded
from steelyard.plan.forecast_series import Known
from steelyard.store.home import Home
from steelyard.store.lake import engine

COLUMNS = ("region", "year", "firms")
CHOSEN = "plan_choices"
"""The table of firms that plans chose: ``plan_choices:PLAN`` counts those of one plan by region and year."""
Row = dict[str, Any]


def of_table(home: Home, name: str, series: Known) -> list[Row] | None:
    """The rows of a table with the columns region, year and firms, or of a chosen plan; None where there is no such table.

    Raises InputError SY890 for a table of other columns, for one without rows, and for a plan that is not named or not here.
    """
    table, _, plan = name.partition(":")
    if table not in home.catalog.tables:
        return None
    if table == CHOSEN:
        return _of_plan(home, plan, series)
    columns = [column.name for column in home.catalog.table(table).columns]
    with engine(home.path) as opened:
        home.table_view(opened, table)
        found = opened.rows(f"SELECT region, year, firms FROM {table}") if set(COLUMNS) <= set(columns) else []
    if not found:
        raise InputError("SY890", str(home.path), name=name, found=", ".join(columns))
    return [dict(zip(COLUMNS, row, strict=True)) for row in found]


def _of_plan(home: Home, plan: str, series: Known) -> list[Row]:
    """Firms that a plan chose, by region and year; within its years a region of which nobody is chosen has none."""
    with engine(home.path) as opened:
        home.table_view(opened, CHOSEN)
        home.table_view(opened, "subjects")
        plans = [row[0] for row in opened.rows(f"SELECT DISTINCT plan FROM {CHOSEN} ORDER BY plan")]
        found = opened.rows(
            f"SELECT coalesce(s.gbt2260, c.region), c.year, count(*) FROM {CHOSEN} c LEFT JOIN subjects s ON s.id = c.subject "
            "WHERE c.plan = $plan AND c.kind = 'firm' GROUP BY ALL", {"plan": plan or (plans[0] if len(plans) == 1 else "")})  # fmt: skip
    if not found:
        raise InputError("SY890", str(home.path), name=f"{CHOSEN}:{plan}", found=", ".join(plans) or "–")
    return list(_by_region(found, series))


def _by_region(found: Sequence[tuple[str, int, int]], series: Known) -> Iterable[Row]:
    first, last = min(row[1] for row in found), max(row[1] for row in found)
    years = range(max(first, series.years[-1] + 1), last + 1)  # the plan's past years are in the series' own pace
    for region in series.regions:
        stem = region.code.removesuffix("00").removesuffix("00")
        for year in years:
            many = sum(
                row[2]
                for row in found
                if row[1] == year and row[0] and (row[0].startswith(stem) or row[0] == region.id)
            )
            yield {"region": region.id, "year": year, "firms": many}


def intake(series: Known, rows: Sequence[Row], to: int) -> tuple[np.ndarray, bool]:
    """(R, Y) shares of firms funded from the first year of the series to the last of the forecast; and whether the past is told.

    Rows: region (id or code), year, firms. What was funded before the series, or in a past of which nothing is told, is in its own pace.
    Raises InputError SY886 (unknown), SY887 (no number of firms), SY888 (another region), SY891 (a row twice).
    """
    at = {word: place for place, one in enumerate(series.regions) for word in (one.id, one.code) if word}
    years = list(range(series.years[0], to + 1))
    firms = np.full((len(series.regions), len(years)), np.nan)
    for row in rows:
        place, year = at.get(str(row["region"])), _year(row)
        if place is None:
            known = ", ".join(one.id for one in series.regions[:8])
            raise InputError("SY888", region=row["region"], name=series.measure.name, known=known)
        if year in years:
            if not np.isnan(firms[place, year - years[0]]):
                raise InputError("SY891", region=row["region"], year=year)
            firms[place, year - years[0]] = _number(row, year, series.firms[place])
    past = len(series.years)
    told = not np.isnan(firms[:, 1:past]).all()
    firms[:, : 1 if told else past] = 0.0
    missing = np.argwhere(np.isnan(firms))
    if len(missing):
        raise InputError("SY886", region=series.regions[missing[0][0]].id, year=years[missing[0][1]])
    return funded(firms, series.cells["among"]), told


def digest_of(rows: Sequence[Row]) -> str:
    """The first digits of the SHA-256 of an intake's rows, whatever their order."""
    lines = sorted(f"{row['region']},{int(row['year'])},{float(row['firms']):.17g}\n" for row in rows)
    return sha256("".join(lines).encode()).hexdigest()[:12]


def _year(row: Row) -> int:
    try:
        return int(row["year"])
    except (TypeError, ValueError):
        raise InputError("SY886", region=row["region"], year=row["year"]) from None


def _number(row: Row, year: int, among: float) -> float:
    """A row's firms; raises InputError where there are none told, less than none, or more than there are."""
    try:
        value = np.nan if row["firms"] in (None, "") else float(row["firms"])
    except (TypeError, ValueError):
        raise InputError("SY887", region=row["region"], year=year, value=row["firms"], among=f"{among:g}") from None
    if np.isnan(value):
        raise InputError("SY886", region=row["region"], year=year)
    if not 0 <= value <= among:
        raise InputError("SY887", region=row["region"], year=year, value=row["firms"], among=f"{among:g}")
    return value
