"""Checks the cells of a file against a Table; good rows come out typed, every bad cell is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.model.period import iso
from steelyard.model.table import Column, Table
from steelyard.refusal import Refusal
from steelyard.tabular.answers import PROVED, fits
from steelyard.tabular.cells import JUDGES, arrow_type
from steelyard.tabular.duplicates import doubles
from steelyard.tabular.judged import Context, FaultError
from steelyard.tabular.raw import Raw

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Checked:
    """``rows``: the good ones, in the table's columns and ``row``; ``read`` = rows kept + distinct rows refused."""

    rows: pa.Table
    refused: list[Refusal]
    read: int


@dataclass
class _Cells:
    """One column: its distinct values, for each row the place of its value (-1: empty), and the typed values."""

    values: pa.Array
    places: Ints
    typed: pa.Array
    shown: pa.Array

    def codes(self) -> Ints:
        """A number per row, equal where the typed values are; 0 is empty."""
        if not len(self.typed):
            return np.zeros(len(self.places), np.int64)
        _, same = np.unique(_plain(self.typed), return_inverse=True)
        return np.where(self.places < 0, 0, same.astype(np.int64)[self.places] + 1)


def _plain(typed: pa.Array) -> npt.NDArray[Any]:
    """Numbers as numpy has them; text, distinct already, as its own place."""
    if pa.types.is_string(typed.type):
        return np.arange(len(typed))
    return np.asarray(pc.fill_null(typed, 0).to_numpy(zero_copy_only=False))


@dataclass
class _Work:
    """A check under way: ``bad`` marks refused rows by place."""

    rows: Ints
    bad: npt.NDArray[np.bool_]
    refused: list[Refusal]
    cells: dict[str, _Cells] = field(default_factory=dict)

    def refuse(self, at: int, column: str, value: str, fault: FaultError) -> None:
        self.bad[at] = True
        self.refused.append(Refusal(int(self.rows[at]), column, value, fault.code, fault.facts))


def check(
    raw: Raw,
    table: Table,
    zone: ZoneInfo,
    now: int,
    codes: Mapping[str, frozenset[str]],
    items: Mapping[str, Mapping[str, Any]],
) -> Checked:
    """Types and checks every cell of ``raw``; ``now`` is µs UTC, local times are read in ``zone``.

    ``codes`` holds the known codes of ``gbt2260`` and ``gbt4754`` (none: only their form is checked), ``items`` those
    of the questionnaires (none: answers are not compared with them). A row with any bad cell is refused whole.
    """
    rows = raw.columns["row"].to_numpy()
    work = _Work(rows, np.isin(rows, [r.row for r in raw.refused]), list(raw.refused))
    context = Context(zone, now, codes)
    for column in table.columns:
        if column.name in raw.columns.column_names:
            _check_column(raw.columns[column.name], column, context, work)
    if table.name == "answers" and items:
        _check_answers(work, items)
        _check_documents(work)
    if table.start in work.cells and table.end in work.cells:
        _check_order(work, table)
    _check_doubles(work, table)
    work.refused.sort(key=lambda r: r.row)
    return Checked(_rows(work, table), work.refused, raw.read)


def _check_column(cells: pa.ChunkedArray, column: Column, context: Context, work: _Work) -> None:
    coded = cells.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    values = coded.dictionary
    places = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int64)
    judged = JUDGES[column.type](values, column, context)
    work.cells[column.name] = _Cells(values, places, judged.typed, coded.indices)
    if column.required:
        for at in np.flatnonzero(places < 0).tolist():
            work.refuse(at, column.name, "", FaultError("SY310"))
    if judged.faults:
        faulty = np.zeros(len(values) + 1, dtype=bool)
        faulty[list(judged.faults)] = True
        for at in np.flatnonzero(faulty[places]).tolist():
            place = int(places[at])
            work.refuse(at, column.name, values[place].as_py(), judged.faults[place])


def _check_answers(work: _Work, items: Mapping[str, Mapping[str, Any]]) -> None:
    """Each distinct pair of item and value once."""
    item, value = work.cells["item"], work.cells["value"]
    both = (item.places >= 0) & (value.places >= 0)
    pairs = np.where(both, item.places * (len(value.values) + 1) + value.places, -1)
    distinct, inverse = np.unique(pairs, return_inverse=True)
    faults: dict[int, tuple[str, FaultError]] = {}
    for n, pair in enumerate(distinct.tolist()):
        if pair >= 0:
            i, v = divmod(pair, len(value.values) + 1)
            if found := fits(item.values[i].as_py(), value.values[v].as_py(), items):
                faults[n] = found
    if not faults:
        return
    for at in np.flatnonzero(np.isin(inverse, list(faults))).tolist():
        name, fault = faults[int(inverse[at])]
        cells = work.cells[name]
        work.refuse(at, name, cells.values[int(cells.places[at])].as_py(), fault)


def _check_documents(work: _Work) -> None:
    """A grade above pledged names its document."""
    grade = work.cells["grade"]
    claimed = np.array([value in PROVED for value in grade.values.to_pylist()] + [False])[grade.places]
    if "document" in work.cells:
        claimed &= work.cells["document"].places < 0
    for at in np.flatnonzero(claimed).tolist():
        work.refuse(at, "document", _value(grade, at), FaultError("SY703"))


def _check_order(work: _Work, table: Table) -> None:
    """An end must lie after its start."""
    start, end = (_spread(work.cells[name]) for name in (table.start, table.end))
    wrong = pc.fill_null(pc.less_equal(end, start), fill_value=False)
    for at in pc.indices_nonzero(wrong).to_pylist():
        cells = work.cells[table.end]
        fault = FaultError("SY324", start=iso(start[at].as_py()), end=iso(end[at].as_py()))
        work.refuse(at, table.end, cells.values[int(cells.places[at])].as_py(), fault)


def _check_doubles(work: _Work, table: Table) -> None:
    """Among the rows that are good so far."""
    good = np.flatnonzero(~work.bad)
    codes = {name: cells.codes()[good] for name, cells in work.cells.items()}
    keys = [codes[name] for name in table.key if name in codes]
    if not keys:
        return
    contents = [column for name, column in codes.items() if name not in table.key]
    late, met, same = doubles(keys, contents, keep_all=table.keep_all)
    for at, first, alike in zip(good[late].tolist(), good[met].tolist(), same.tolist(), strict=True):
        key = " · ".join(_value(work.cells[name], at) for name in table.key if name in work.cells)
        work.refuse(at, "", key, FaultError("SY332" if alike else "SY333", first=int(work.rows[first])))


def _value(cells: _Cells, at: int) -> str:
    place = int(cells.places[at])
    return "" if place < 0 else str(cells.values[place].as_py())


def _spread(cells: _Cells) -> pa.Array:
    """The typed value of each row."""
    return cells.typed.take(cells.shown)


def _rows(work: _Work, table: Table) -> pa.Table:
    """Good rows in the table's columns; absent ones are null."""
    keep = None if not work.bad.any() else pa.array(~work.bad)
    columns = {}
    for column in table.columns:
        kind = arrow_type(column.type)
        if column.name not in work.cells:
            columns[column.name] = pa.nulls(int((~work.bad).sum()), kind)
            continue
        cells = work.cells[column.name]
        shown = cells.shown if keep is None else cells.shown.filter(keep)
        columns[column.name] = cells.typed.take(shown).cast(kind)
    columns["row"] = pa.array(work.rows[~work.bad], pa.int64())
    return pa.table(columns)
