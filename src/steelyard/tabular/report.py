"""The refusal report: what was refused, with the reasons beside it, ready to be corrected and taken again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa

from steelyard.model.table import Table
from steelyard.refusal import Refusal
from steelyard.tabular.raw import Raw

NOTES = ("refused_row", "refused_column", "refused_code", "refused_reason")


def write_report(path: Path, raw: Raw, table: Table, refused: list[Refusal], lang: str | None = None) -> None:
    """Writes UTF-8 CSV with a byte order mark: the cells of each refused row as they came, then ``NOTES``.

    One line per refused row; ``read`` passes over the ``refused_`` columns, so the corrected file can be taken again.
    A line that could not be cut into cells stands whole in the first column. Cells that begin with = + - or @ are
    not altered, although a spreadsheet may read them as formulas: a cell that was changed here would be taken changed,
    and evidence must come back as it went out. They came from the same hand that gets the report.
    """
    by_row: dict[int, list[Refusal]] = {}
    for refusal in refused:
        by_row.setdefault(refusal.row, []).append(refusal)
    cells = _cells(raw, sorted(by_row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([*table.names, *NOTES])
        for row in sorted(by_row):
            original = cells.get(row) or _whole(by_row[row][0], table)
            writer.writerow([*(original.get(name) or "" for name in table.names), *_notes(row, by_row[row], lang)])


def _cells(raw: Raw, rows: list[int]) -> dict[int, dict[str, str | None]]:
    """The cells of some rows, by row."""
    places = np.flatnonzero(np.isin(raw.columns["row"].to_numpy(), rows))
    found = raw.columns.take(pa.array(places))
    return {record["row"]: record for record in found.to_pylist()}


def _whole(refusal: Refusal, table: Table) -> dict[str, str | None]:
    return {refusal.column or table.names[0]: refusal.value}


def _notes(row: int, refused: list[Refusal], lang: str | None) -> list[str]:
    return [
        str(row),
        "; ".join(dict.fromkeys(r.column for r in refused if r.column)),
        "; ".join(dict.fromkeys(r.code for r in refused)),
        "; ".join(dict.fromkeys(r.say(lang) for r in refused)),
    ]
