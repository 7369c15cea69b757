"""Yearly Figures of a coverage as series of regions."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.errors import InputError, UsageError
from steelyard.model.measure import Measure
from steelyard.model.period import Period, moment, parse
from steelyard.plan.progress_places import Place
from steelyard.store.home import Home

LEVELS = ("province", "city", "county")
FEWEST = 3  # years: a forecast from two and what came in the third
FIELDS = ("value", "low", "high", "heard", "among")


@dataclass(frozen=True)
class Known:
    """What is known of R regions in T years in a row: ``cells`` by field of ``FIELDS`` (R, T), NaN where there is no Figure.

    ``grades`` (R, T) are theirs. ``apart``: regions that have Figures, but none of the last year. ``figures``: all that stands behind it.
    """

    measure: Measure
    years: tuple[int, ...]
    regions: tuple[Place, ...]
    cells: dict[str, np.ndarray]
    grades: np.ndarray
    apart: tuple[tuple[Place, int], ...]
    figures: pa.Table

    @property
    def heard_years(self) -> np.ndarray:
        """(R,) how many years each region was heard in."""
        return np.asarray((~np.isnan(self.cells["value"])).sum(axis=1))

    @property
    def firms(self) -> np.ndarray:
        """(R,) firms on the roster in the last year."""
        return np.asarray(self.cells["among"][:, -1])


def known(home: Home, measure: Measure, by: str, within: Place | None, places: Sequence[Place]) -> Known:
    """The series of a coverage by regions of a level, within a place.

    Raises UsageError SY884 for a measure that is no share, InputError SY883 without any Figure, SY885 with too few years.
    """
    if measure.unit != "1" or measure.bounds != (0, 1):
        shares = [name for name in home.catalog.measures if name.startswith("coverage/")]
        raise UsageError("SY884", name=measure.name, unit=measure.unit, known=", ".join(shares))
    inside = {
        place.id: place
        for place in places
        if place.level == by and (within is None or within.holds(place) or within == place)
    }
    found = _of_years(home, measure.name, inside)
    if not found.num_rows:
        raise InputError("SY883", str(home.path), name=measure.name, by=by)
    years = list(range(min(found["year"].to_pylist()), max(found["year"].to_pylist()) + 1))
    if len(years) < FEWEST:
        raise InputError(
            "SY885", str(home.path), name=measure.name, years=len(years), first=years[0], last=years[-1], wanted=FEWEST
        )
    return _laid(measure, found, years, inside)


def own_years(home: Home, name: str, place: str) -> list[dict[str, Any]]:
    """A place's own Figures of whole years, oldest first: year, ``FIELDS``, grade."""
    found = _of_years(home, name, [place]).to_pylist()
    rows = ({key: one[key] for key in ("year", *FIELDS, "grade")} for one in found)
    return sorted(rows, key=lambda row: int(row["year"]))


def _of_years(home: Home, name: str, inside: Container[str]) -> pa.Table:
    """The Figures of whole years of some places, with a column ``year``."""
    held = home.figures(name)
    years = [moment(start).astimezone(home.zone).year for start in held["start"].to_pylist()]
    spans = {year: parse(str(year), home.zone) for year in set(years)}
    ends = zip(held["start"].to_pylist(), held["end"].to_pylist(), held["subject"].to_pylist(), years, strict=True)
    wanted = [spans[year] == Period(start, end) and subject in inside for start, end, subject, year in ends]
    return held.append_column("year", pa.array(years, pa.int64())).filter(pa.array(wanted, pa.bool_()))


def _laid(measure: Measure, found: pa.Table, years: list[int], inside: dict[str, Place]) -> Known:
    """The Figures as a matrix, without the regions that the last year lacks."""
    last: dict[str, int] = {}
    for subject, year in zip(found["subject"].to_pylist(), found["year"].to_pylist(), strict=True):
        last[subject] = max(year, last.get(subject, year))
    names = sorted(subject for subject, year in last.items() if year == years[-1])
    row = {name: at for at, name in enumerate(names)}
    cells = {field: np.full((len(names), len(years)), np.nan) for field in FIELDS}
    grades = np.full((len(names), len(years)), "", dtype=object)
    for one in found.to_pylist():
        if one["subject"] in row:
            at = row[one["subject"]], one["year"] - years[0]
            grades[at] = one["grade"]
            for field in FIELDS:
                cells[field][at] = one[field]
    apart = tuple((inside[name], year) for name, year in sorted(last.items()) if year < years[-1])
    behind = found.filter(pa.array([subject in row for subject in found["subject"].to_pylist()], pa.bool_()))
    return Known(
        measure,
        tuple(years),
        tuple(inside[name] for name in names),
        cells,
        grades,
        apart,
        behind.select(["digest", "grade", "flags"]),
    )
