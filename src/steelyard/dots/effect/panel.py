"""A long panel as a Panel of methods/effect: columns named by options, a sentence for each cell that is wrong, nothing filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.dots.effect.columns import NEVER, column, seen, trimmed
from steelyard.errors import InputError
from steelyard.methods.effect.exposure import first_exposed
from steelyard.methods.effect.panel import Panel, make

TABLE = 1 << 20  # times within such a span are looked up in a table, others searched


@dataclass(frozen=True)
class Loaded:
    """The panel; rows read; rows without an outcome; units exposed to a treated neighbour before or without their own treatment."""

    panel: Panel
    rows: int
    empty: int
    exposed: int


@dataclass(frozen=True)
class _Places:
    """Each row's unit and time by place; ``units`` the distinct units, ``times`` the distinct times, ascending."""

    units: Any
    times: np.ndarray
    unit: np.ndarray
    time: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """Each row's cell in a matrix of units by times."""
        found: np.ndarray = self.unit.astype(np.int64)
        found *= len(self.times)
        found += self.time
        return found


def columns(table: pa.Table, options: Mapping[str, Any]) -> dict[str, pa.ChunkedArray]:
    """The columns that options name, by option, a covariate's by its name; raises UsageError SY763 where one is not there."""
    asked: dict[str, Mapping[str, Any]] = dict.fromkeys(("unit", "time", "outcome", _timing(options)), options)
    asked |= {"cluster": options} if options.get("cluster") else {}
    asked |= {name: {name: name} for name in options.get("covariates") or ()}
    for name, named in asked.items():
        column(table.slice(0, 0), named, name)
    return {name: table.column(named[name]) for name, named in asked.items()}


def _timing(options: Mapping[str, Any]) -> str:
    return "treated" if options.get("treated") and not options.get("cohort") else "cohort"


def load(held: dict[str, pa.ChunkedArray], options: Mapping[str, Any]) -> Loaded:
    """Read the columns of ``columns``; each is let go once it is read, for a panel of millions of rows is large.

    Raises InputError SY741 for a panel without rows, SY116 for a cohort below nought, SY117 for an outcome that is empty throughout, SY740 for times that are years with months or quarters, SY746 for a cell that is no number, SY747 for a time or cohort that is no whole
    number, SY748 for a row without unit or time, SY749 for a cluster that changes within a unit, SY765 for two rows of one unit and
    time, SY766 for a unit that leaves treatment, and those of ``panel.make``.
    """
    rows = len(held["unit"])
    if not rows:
        raise InputError("SY741", periods=0)
    places = _places(held, options)
    flat = places.flat
    _single(flat, places)
    values = seen(numbers(_taken(held, "outcome"), options["outcome"]), options["outcome"])
    outcome, empty = _spread(values, flat, places), int(np.isnan(values).sum())
    del values
    cohort = _cohorts(held, options, places, flat)
    exposed = _exposed(options.get("exposure"), places, cohort)
    more = [_spread(numbers(_taken(held, name), name), flat, places) for name in options.get("covariates") or ()]
    cluster = _clusters(_taken(held, "cluster"), options["cluster"], places) if "cluster" in held else None
    times = places.times
    del places, flat
    found = make(
        outcome, times, cohort, exposed=exposed, cluster=cluster, covariates=np.stack(more, axis=2) if more else None
    )
    touched = 0 if exposed is None else int(((exposed > 0) & ((cohort == 0) | (exposed < cohort))).sum())
    return Loaded(found, rows, empty, touched)


def _taken(held: dict[str, pa.ChunkedArray], name: str) -> Any:
    return held.pop(name).combine_chunks()


def _places(held: dict[str, pa.ChunkedArray], options: Mapping[str, Any]) -> _Places:
    times, time = _ranked(whole(_taken(held, "time"), options["time"]))
    _even(times, options["time"])
    unit = _named(_taken(held, "unit"))
    if unit.null_count:
        raise InputError("SY748", row=_first(unit.is_null()), column=options["unit"])
    return _Places(unit.dictionary, times, unit.indices.to_numpy(), time)


def _named(values: Any) -> Any:
    """Names by code, without the blanks around them; each name is looked at once, not each row."""
    coded = values.dictionary_encode()
    clean = trimmed(coded.dictionary)
    if clean.equals(coded.dictionary):
        return coded
    again = clean.dictionary_encode()
    return pa.DictionaryArray.from_arrays(again.indices.take(coded.indices), again.dictionary)


def _ranked(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct times, ascending, and each row's place among them."""
    low, span = int(time.min()), int(time.max()) - int(time.min()) + 1
    if span > TABLE:
        times, places = np.unique(time, return_inverse=True)
        return times, places.astype(np.int32)
    time = time - low
    held = np.zeros(span, dtype=bool)
    held[time] = True
    rank = np.cumsum(held, dtype=np.int32) - 1
    return np.flatnonzero(held) + low, rank.astype(np.int32)[time]


def _even(times: np.ndarray, name: str) -> None:
    """Raises InputError SY740 for 202412 followed by 202501, or 20244 by 20251: time since treatment would jump there."""
    for parts, digits in ((12, 100), (4, 10)):
        years, part = np.divmod(times, digits)
        if (
            years.min() >= 1900
            and years.max() < 2200
            and years.min() < years.max()
            and part.min() >= 1
            and part.max() <= parts
        ):
            raise InputError("SY740", column=name, value=int(times[0]))


def _first(mask: Any) -> int:
    """The first true place, counted from 1."""
    return int(mask.index(True).as_py()) + 1


def numbers(values: Any, name: str) -> np.ndarray:
    """Floats, NaN for empty cells; raises InputError SY746 at the first cell that is no finite number."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    try:
        plain = pc.utf8_trim_whitespace(values) if pa.types.is_string(values.type) else values
        found: np.ndarray = plain.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = values.cast(pa.string()).to_pylist()
        found = np.array([_number(text, name, row) for row, text in enumerate(texts, start=1)], dtype=float)
    if np.isinf(found).any():
        row = int(np.isinf(found).argmax())
        raise InputError("SY746", row=row + 1, column=name, value=found[row])
    return found


def _number(text: str | None, name: str, row: int) -> float:
    if text is None or not text.strip():
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise InputError("SY746", row=row, column=name, value=text) from None


def whole(values: Any, name: str) -> np.ndarray:
    """int64 without gaps; raises InputError SY746, SY747 and SY748."""
    if values.null_count:
        raise InputError("SY748", row=_first(values.is_null()), column=name)
    if pa.types.is_integer(values.type):
        found: np.ndarray = values.cast(pa.int64()).to_numpy()
        return found
    if pa.types.is_temporal(values.type):
        raise InputError("SY747", row=1, column=name, value=values[0].as_py())
    return _integers(numbers(values, name), name)


def _integers(floats: np.ndarray, name: str) -> np.ndarray:
    if np.abs(floats).max(initial=0.0) >= 1 << 31:
        row = int(np.abs(floats).argmax())
        raise InputError("SY747", row=row + 1, column=name, value=floats[row])
    found: np.ndarray = floats.astype(np.int64)
    wrong = found != floats
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError("SY747", row=row + 1, column=name, value=floats[row])
    return found


def _single(flat: np.ndarray, places: _Places) -> None:
    seen = np.zeros(len(places.units) * len(places.times), dtype=bool)
    seen[flat] = True
    if int(seen.sum()) == len(flat):
        return
    cells, counts = np.unique(flat, return_counts=True)
    unit, time = divmod(int(cells[counts > 1][0]), len(places.times))
    raise InputError("SY765", unit=places.units[unit].as_py(), time=int(places.times[time]), n=int((counts > 1).sum()))


def _spread(values: np.ndarray, flat: np.ndarray, places: _Places) -> np.ndarray:
    """Values by row as a matrix of units by times, NaN where there is no row."""
    out = np.full((len(places.units), len(places.times)), np.nan)
    out.ravel()[flat] = values
    return out


def _cohorts(
    held: dict[str, pa.ChunkedArray], options: Mapping[str, Any], places: _Places, flat: np.ndarray
) -> np.ndarray:
    """(n,) the first treated time, 0 = never; from a column of it, or of 0 and 1."""
    if "treated" in held:
        return _from_flags(_spread(numbers(_taken(held, "treated"), options["treated"]), flat, places), places)
    of_row = _first_times(_taken(held, "cohort"), options["cohort"])
    of_unit = np.zeros(len(places.units), dtype=np.int64)
    of_unit[places.unit] = of_row
    wrong = of_unit[places.unit] != of_row
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError("SY766", unit=places.units[int(places.unit[row])].as_py(), time=int(of_row[row]))
    return of_unit


def _first_times(values: Any, name: str) -> np.ndarray:
    found = _read_times(values, name)
    below = found < 0
    if below.any():
        row = int(below.argmax())
        raise InputError("SY116", row=row + 1, column=name, value=int(found[row]))
    return found


def _read_times(values: Any, name: str) -> np.ndarray:
    if pa.types.is_integer(values.type):
        found: np.ndarray = pc.fill_null(values, 0).cast(pa.int64()).to_numpy()
        return found
    if pa.types.is_string(values.type):
        never = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), pa.array(NEVER))
        values = pc.if_else(never, pa.scalar(None, pa.string()), values)
    if pa.types.is_temporal(values.type):
        raise InputError("SY747", row=_first(values.is_valid()), column=name, value=values.drop_null()[0].as_py())
    return _integers(np.nan_to_num(numbers(values, name), nan=0.0), name)


def _from_flags(on: np.ndarray, places: _Places) -> np.ndarray:
    known, treated = ~np.isnan(on), on > 0
    odd = known & (on != 0) & (on != 1)
    if odd.any():
        unit, time = np.argwhere(odd)[0]
        raise InputError(
            "SY746",
            row=int(np.flatnonzero((places.unit == unit) & (places.time == time))[0]) + 1,
            column="treated",
            value=on[unit, time],
        )
    first = np.where(treated.any(axis=1), treated.argmax(axis=1), len(places.times))
    left = known & ~treated & (np.arange(len(places.times)) > first[:, None])
    if left.any():
        unit, time = np.argwhere(left)[0]
        raise InputError("SY766", unit=places.units[int(unit)].as_py(), time=int(places.times[time]))
    found: np.ndarray = np.append(places.times, 0)[first]
    return found


def _clusters(values: Any, name: str, places: _Places) -> np.ndarray:
    """(n,) the cluster of each unit."""
    named = _named(values)
    if named.null_count:
        raise InputError("SY748", row=_first(named.is_null()), column=name)
    codes = named.indices.to_numpy()
    of_unit = np.zeros(len(places.units), dtype=np.int64)
    of_unit[places.unit] = codes
    wrong = of_unit[places.unit] != codes
    if wrong.any():
        raise InputError("SY749", unit=places.units[int(places.unit[int(wrong.argmax())])].as_py(), column=name)
    return of_unit


def _exposed(table: pa.Table | None, places: _Places, cohort: np.ndarray) -> np.ndarray | None:
    """(n,) when a neighbour's treatment first reaches a unit; raises InputError SY768 where the map knows none of the units."""
    if table is None:
        return None
    unit = pc.index_in(column(table, {"unit": "unit"}, "unit").cast(pa.string()), places.units.cast(pa.string()))
    group = column(table, {"group": "group"}, "group")
    known = pc.and_(unit.is_valid(), group.is_valid())
    if not pc.any(known).as_py():
        raise InputError("SY768", n=table.num_rows)
    codes = group.filter(known).dictionary_encode().indices.to_numpy()
    return first_exposed(unit.filter(known).to_numpy(), cohort, codes)
