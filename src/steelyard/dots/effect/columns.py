"""Columns of a panel as arrays, with a sentence for each that is wrong; nothing is filled in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.catalog.catalog import near
from steelyard.errors import InputError, UsageError
from steelyard.methods.effect.exposure import clean_controls, first_exposed

NEVER = ("", "0", "0.0", "never")


@dataclass(frozen=True)
class Wide:
    """Units by periods: outcomes (n, T) without gaps, first treated period (n,) as a column, -1 = never; and what was left out."""

    units: list[str]
    times: list[Any]
    y: np.ndarray
    starts: np.ndarray
    missing: int
    gaps: list[str]
    exposed: list[str]

    @property
    def treated(self) -> list[str]:
        """The units that are treated."""
        return [unit for unit, start in zip(self.units, self.starts, strict=True) if start >= 0]


def column(panel: pa.Table, options: Mapping[str, Any], option: str) -> Any:
    """The column that an option names; raises UsageError SY763 where the option or the column is missing."""
    name = options.get(option) or ""
    if name not in panel.column_names:
        close = near(name, panel.column_names) or panel.column_names
        raise UsageError("SY763", option=f"--{option}", name=name or "–", near=", ".join(close))
    values = panel.column(name).combine_chunks()
    return trimmed(values.dictionary_decode() if pa.types.is_dictionary(values.type) else values)


def trimmed(values: Any) -> Any:
    """Texts without the blanks around them, as " a0" and "a0" are one unit; what then is empty is null. All else as it is."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values
    clean = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(clean, ""), pa.scalar(None, values.type), clean)


def seen(outcome: np.ndarray, name: str) -> np.ndarray:
    """The outcome; raises InputError SY117 where it has rows and all are empty."""
    if len(outcome) and np.isnan(outcome).all():
        raise InputError("SY117", column=name, rows=len(outcome))
    return outcome


def numbers(values: Any, name: str) -> np.ndarray:
    """Floats with NaN for empty cells; raises InputError SY764 at the first cell that is no finite number."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return np.array([_number(text, name, row) for row, text in enumerate(values.to_pylist(), start=1)])
    found: np.ndarray = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if np.isinf(found).any():
        raise InputError("SY764", column=name, row=int(np.isinf(found).argmax()) + 1, value="inf")
    return found


def _number(text: object, name: str, row: int) -> float:
    if text is None or not str(text).strip():
        return np.nan
    try:
        value = float(str(text))
    except ValueError:
        value = np.inf
    if not np.isfinite(value):
        raise InputError("SY764", column=name, row=row, value=text)
    return value


def flags(values: Any, name: str) -> np.ndarray:
    """Bool from a column of 0 and 1; raises InputError SY764 at anything else, an empty cell too."""
    found = numbers(values, name)
    wrong = np.flatnonzero((found != 0) & (found != 1))
    if len(wrong):
        raise InputError("SY764", column=name, row=int(wrong[0]) + 1, value=values[int(wrong[0])].as_py())
    on: np.ndarray = found == 1
    return on


def wide(panel: pa.Table, options: Mapping[str, Any]) -> Wide:
    """A long panel as units by periods. Columns by options ``unit``, ``time``, ``outcome``, and ``cohort`` or ``treated``.

    Never-treated units with a gap, and those that the map of ``exposure`` calls exposed, are left out and named. Raises InputError
    SY116 where a cohort is below nought, SY117 where no outcome is known, SY765 where a unit has two rows for one time, SY766 where one leaves treatment or changes its cohort, SY767 where a treated unit
    has a gap.
    """
    units, unit = _codes(column(panel, options, "unit"))
    times, time = _codes(column(panel, options, "time"))
    if not times:
        raise InputError("SY759", n=0, wanted="≥ 1")
    _single(unit, time, units, times)
    outcome = seen(numbers(column(panel, options, "outcome"), options["outcome"]), options["outcome"])
    y = np.full((len(units), len(times)), np.nan)
    y[unit, time] = outcome
    starts = _starts(panel, options, (unit, time), units, times)
    names = [str(name) for name in units]
    gap = np.isnan(y).any(axis=1)
    _whole(y, starts, gap, names, times)
    exposed = _exposed(options.get("exposure"), names, starts)
    keep = ~(gap | exposed)
    return Wide([names[i] for i in np.flatnonzero(keep)], times, y[keep], starts[keep], int(np.isnan(y).sum()),
                [names[i] for i in np.flatnonzero(gap)], [names[i] for i in np.flatnonzero(exposed)])  # fmt: skip


def _codes(values: Any) -> tuple[list[Any], np.ndarray]:
    """Distinct values in order, and each row's place among them."""
    distinct = pc.unique(values).drop_null()
    ordered = distinct.take(pc.array_sort_indices(distinct))
    places = pc.index_in(values, ordered)
    if places.null_count:
        raise InputError("SY764", column="unit, time", row=places.is_null().index(True).as_py() + 1, value="")
    return ordered.to_pylist(), places.to_numpy()


def _single(unit: np.ndarray, time: np.ndarray, units: list[Any], times: list[Any]) -> None:
    cells, counts = np.unique(unit.astype(np.int64) * len(times) + time, return_counts=True)
    if (counts > 1).any():
        cell = int(cells[counts > 1][0])
        raise InputError(
            "SY765", unit=units[cell // len(times)], time=times[cell % len(times)], n=int((counts > 1).sum())
        )


def _starts(
    panel: pa.Table,
    options: Mapping[str, Any],
    cells: tuple[np.ndarray, np.ndarray],
    units: list[Any],
    times: list[Any],
) -> np.ndarray:
    """The first treated period of each unit, from a column of 0 and 1 or of first treated times; -1 = never."""
    unit, time = cells
    if options.get("treated") and not options.get("cohort"):
        on = np.zeros((len(units), len(times)), dtype=bool)
        on[unit, time] = flags(column(panel, options, "treated"), options["treated"])
        starts = np.where(on.any(axis=1), on.argmax(axis=1), -1)
        seen = np.zeros_like(on)
        seen[unit, time] = True
        left = seen & ~on & (np.arange(len(times)) >= starts[:, None]) & (starts >= 0)[:, None]
        if left.any():
            row, at = np.argwhere(left)[0]
            raise InputError("SY766", unit=units[row], time=times[at])
        return starts
    return _from_cohorts(column(panel, options, "cohort").to_pylist(), unit, units, times)


def _from_cohorts(cohorts: list[Any], unit: np.ndarray, units: list[Any], times: list[Any]) -> np.ndarray:
    of_unit: dict[int, int] = {}
    for row, (place, cohort) in enumerate(zip(unit.tolist(), cohorts, strict=True), start=1):
        start = _place(cohort, times, row)
        if of_unit.setdefault(place, start) != start:
            raise InputError("SY766", unit=units[place], time=cohort)
    return np.array([of_unit[place] for place in range(len(units))])


def _place(cohort: Any, times: list[Any], row: int) -> int:
    """The column from which a cohort is treated; after the last period it is never treated here."""
    if cohort is None or str(cohort).strip().lower() in NEVER or cohort != cohort:  # noqa: PLR0124  - NaN
        return -1
    if _below(cohort):
        raise InputError("SY116", row=row, column="cohort", value=cohort)
    try:
        return next((at for at, time in enumerate(times) if time >= cohort), -1)
    except TypeError as error:
        raise InputError("SY764", column="cohort", row=row, value=cohort) from error


def _below(cohort: Any) -> bool:
    try:
        return float(cohort) < 0
    except (TypeError, ValueError):  # a date, a quarter
        return False


def _whole(y: np.ndarray, starts: np.ndarray, gap: np.ndarray, names: list[str], times: list[Any]) -> None:
    bad = np.flatnonzero(gap & (starts >= 0))
    if len(bad):
        at = int(np.flatnonzero(np.isnan(y[bad[0]]))[0])
        raise InputError("SY767", unit=names[bad[0]], time=times[at])


def _exposed(table: pa.Table | None, names: list[str], starts: np.ndarray) -> np.ndarray:
    """Which never-treated units feel a treated neighbour; raises InputError SY768 where the map knows none of the units."""
    if table is None:
        return np.zeros(len(names), dtype=bool)
    absent = [name for name in ("unit", "group") if name not in table.column_names]
    if absent:
        raise UsageError("SY763", option="--exposure", name=absent[0], near=", ".join(table.column_names))
    places = {name: place for place, name in enumerate(names)}
    rows = [
        (places.get(str(u)), g)
        for u, g in zip(*(column(table, {c: c}, c).to_pylist() for c in ("unit", "group")), strict=True)
    ]
    known = [(place, str(group)) for place, group in rows if place is not None and group is not None]
    if not known:
        raise InputError("SY768", n=len(rows))
    of = np.unique([group for _, group in known], return_inverse=True)[1]
    cohorts = starts + 1
    exposed = first_exposed(np.array([place for place, _ in known]), cohorts, of)
    unclean: np.ndarray = (cohorts == 0) & ~clean_controls(cohorts, exposed)
    return unclean


def plain(value: float) -> float | None:
    """A number for JSON; None for what is not finite."""
    return float(value) if np.isfinite(value) else None


def said(time: Any) -> Any:
    """A time for JSON: numbers stay, dates are written."""
    return time.isoformat() if isinstance(time, dt.date) else time
