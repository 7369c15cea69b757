"""Current Figures of a home as a panel: a row for each subject and year. Reading only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.errors import InputError
from steelyard.model.period import Period, moment, parse
from steelyard.store.home import Home
from steelyard.store.lake import engine


def panel_of(
    home: Home, outcome: str, cohort: str, *, reaches: float | None = None, covariates: tuple[str, ...] = ()
) -> pa.Table:
    """Columns unit, time, the outcome's and the covariates' names, and the cohort's, from Figures of whole years.

    ``cohort`` is a measure or an item of a questionnaire: its latest value is the first treated year (0 = never); with ``reaches`` the
    first year is the one in which the value reaches that, and a subject that never does is never treated. Subjects of which the
    cohort is not known are left out. Raises InputError SY751 without Figures or answers, SY752 where a cohort is no year.
    """
    rows = _yearly(home, outcome)
    first = _first_years(_observed(home, cohort), cohort, reaches)
    known = np.isin(rows["unit"], list(first))
    units, times = rows["unit"][known], rows["time"][known]
    columns: dict[str, Any] = {"unit": units, "time": times, outcome: rows["value"][known]}
    columns[cohort] = [first[unit] for unit in units]
    for name in covariates:
        held = _yearly(home, name)
        values = dict(zip(zip(held["unit"], held["time"], strict=True), held["value"], strict=True))
        columns[name] = [values.get(cell) for cell in zip(units, times, strict=True)]
    return pa.table(columns)


def _yearly(home: Home, measure: str) -> dict[str, np.ndarray]:
    """Subject, year and value of the current Figures whose period is a year of the home's calendar."""
    found = home.figures(measure)
    starts, ends = found["start"].to_numpy(), found["end"].to_numpy()
    spans = {
        start: parse(str(moment(start).astimezone(home.zone).year), home.zone) for start in np.unique(starts).tolist()
    }
    keep = np.array(
        [spans[start] == Period(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)],
        dtype=bool,
    )
    if not keep.any():
        raise InputError("SY751", str(home.path), name=measure)
    found, starts = found.filter(pa.array(keep)), starts[keep]
    years = [moment(start).astimezone(home.zone).year for start in starts.tolist()]
    return {
        "unit": np.array(found["subject"].to_pylist(), dtype=object),
        "time": np.array(years),
        "value": found["value"].to_numpy(),
    }


def _observed(home: Home, name: str) -> list[tuple[str, int, float, Any]]:
    """Subject, year, moment and value, of a measure's Figures or an item's answers."""
    if name not in home.catalog.items:
        held = _yearly(home, name)
        return [
            (u, int(t), float(t), v) for u, t, v in zip(held["unit"], held["time"], held["value"].tolist(), strict=True)
        ]
    with engine(home.path) as opened:
        home.table_view(opened, "answers")
        rows = opened.rows('SELECT subject, "at", value FROM answers WHERE item = $item ORDER BY "at"', {"item": name})
    if not rows:
        raise InputError("SY751", str(home.path), name=name)
    return [(unit, moment(at).astimezone(home.zone).year, at, value) for unit, at, value in rows]


def _first_years(rows: list[tuple[str, int, float, Any]], name: str, reaches: float | None) -> dict[str, int]:
    """The first treated year of each subject, 0 = never."""
    first: dict[str, int] = {}
    for unit, year, _, value in sorted(rows, key=lambda row: row[2]):
        number = _number(unit, value, name)
        if reaches is None:
            if number and not 1900 <= number < 2200:
                raise InputError("SY752", subject=unit, value=value, name=name)
            first[unit] = int(number)
        elif number >= reaches:
            first[unit] = first.get(unit) or year
        else:
            first.setdefault(unit, 0)
    return first


def _number(unit: str, value: Any, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError("SY752", subject=unit, value=value, name=name) from None
