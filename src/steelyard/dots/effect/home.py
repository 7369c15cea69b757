"""Current Figures of a home as a panel, a row for each subject and year; and what such a panel says as a Figure of the home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.errors import InputError, UsageError
from steelyard.model.period import Period, moment, parse
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.weigh.keep import Weighed
from steelyard.weigh.modelled import Modelled, keep_modelled

ATT = "effect/att"
NEWEST = "9999-12-31"


def panel_of(
    home: Home, outcome: str, cohort: str, *, reaches: float | None = None, covariates: tuple[str, ...] = ()
) -> tuple[pa.Table, list[str]]:
    """A panel, and the subjects left out of it because the start of their treatment is not known.

    Columns unit, time, the outcome's and the covariates' names, and the cohort's, from Figures of whole years.

    ``cohort`` is a measure or an item of a questionnaire: its latest value is the first treated year (0 = never); with ``reaches`` the
    first year is the one in which the value reaches that, and a subject that never does is never treated. One that reaches it when it is
    first seen, after its outcome begins, may have been treated before: it is left out and named. Subjects of which nothing is known
    about the cohort are left out. Raises InputError SY751 without Figures or answers, SY752 where a cohort is no year,
    SY119 where nobody else is treated than those that were left out.
    """
    rows = _yearly(home, outcome)
    observed = _observed(home, cohort)
    first = _first_years(observed, cohort, reaches)
    unknown = [] if reaches is None else _unknown_starts(observed, first, rows, reaches)
    for unit in unknown:
        del first[unit]
    if unknown and not any(first.values()):
        raise InputError("SY119", str(home.path), name=cohort, n=len(unknown))
    known = np.isin(rows["unit"], list(first))
    units, times = rows["unit"][known], rows["time"][known]
    columns: dict[str, Any] = {"unit": units, "time": times, outcome: rows["value"][known]}
    columns[cohort] = [first[unit] for unit in units]
    for name in covariates:
        held = _yearly(home, name)
        values = dict(zip(zip(held["unit"], held["time"], strict=True), held["value"], strict=True))
        columns[name] = [values.get(cell) for cell in zip(units, times, strict=True)]
    return pa.table(columns), unknown


def keep(home: Home, found: dict[str, Any], options: Mapping[str, Any]) -> Weighed:
    """Seal the effect that a staggered panel of this home's Figures says as a Figure of ``effect/att`` of the home's subject.

    Raises UsageError SY115 where the home has no subject.
    """
    if not home.subject_id:
        raise UsageError("SY115")
    usual = {key: home.catalog.measure(ATT).parameter(key, NEWEST) for key in home.catalog.measure(ATT).parameters}
    said = {
        key: f"{options[key]:g}" if isinstance(options[key], float) else options[key] for key in usual if key in options
    }
    name = f"{ATT}[{','.join(f'{key}={value}' for key, value in sorted(said.items()) if value != usual[key])}]"
    years = found["periods"]
    period = Period(parse(str(min(years)), home.zone).start, parse(str(max(years)), home.zone).end)
    whole = found["simple"]
    low, high = (whole["att"] if whole[end] is None else whole[end] for end in ("low", "high"))
    result = Modelled(home.subject_id, period, whole["att"], low, high, found["n_treated"], found["n_units"],
                      (f"evidence_{found['grade']}",))  # fmt: skip
    read = [options["outcome"], options["cohort"], *options.get("covariates", [])]
    behind = [_of_years(home, name) for name in read if name not in home.catalog.items]
    return keep_modelled(home, name, [result], pa.concat_tables(behind))


def _yearly(home: Home, measure: str) -> dict[str, np.ndarray]:
    """Subject, year and value of the current Figures whose period is a year of the home's calendar."""
    found = _of_years(home, measure)
    return {
        "unit": np.array(found["subject"].to_pylist(), dtype=object),
        "time": np.array([moment(start).astimezone(home.zone).year for start in found["start"].to_pylist()]),
        "value": found["value"].to_numpy(),
    }


def _of_years(home: Home, measure: str) -> pa.Table:
    """The current Figures of a measure for whole years; raises InputError SY751 where there are none."""
    found = home.figures(measure)
    starts = {
        start: parse(str(moment(start).astimezone(home.zone).year), home.zone)
        for start in found["start"].unique().to_pylist()
    }
    spans = zip(found["start"].to_pylist(), found["end"].to_pylist(), strict=True)
    whole = found.filter(pa.array([starts[start] == Period(start, end) for start, end in spans], pa.bool_()))
    if not whole.num_rows:
        raise InputError("SY751", str(home.path), name=measure)
    return whole


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


def _unknown_starts(
    observed: list[tuple[str, int, float, Any]], first: dict[str, int], outcome: dict[str, np.ndarray], reaches: float
) -> list[str]:
    """The subjects that are treated when the cohort's measure first sees them, though their outcome begins earlier."""
    at_once: dict[str, bool] = {}
    for unit, _, _, value in sorted(observed, key=lambda row: row[2]):
        at_once.setdefault(unit, float(value) >= reaches)
    begins: dict[str, int] = {}
    for unit, year in zip(outcome["unit"], outcome["time"].tolist(), strict=True):
        begins[unit] = min(year, begins.get(unit, year))
    return sorted(unit for unit, year in begins.items() if at_once.get(unit) and year < first[unit])


def unknown_starts(n: int, language: str) -> list[str]:
    """One line, ``zh`` or ``en``, that tells of ``n`` subjects left out because the start of their treatment is not known."""
    if not n:
        return []
    if language == "zh":
        return [f"首次观测时即已达到 --reaches、何时开始不明而未计入的对象：{n} 个"]
    return [f"subjects left out because they reach --reaches when first seen, since when is not known: {n}"]


def _number(unit: str, value: Any, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError("SY752", subject=unit, value=value, name=name) from None
