"""Raw: what a file says, before anything is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.refusal import Refusal

CELL_BYTES = 32 * 1024


@dataclass(frozen=True)
class Raw:
    """The cells of a file as text.

    ``columns``: string columns under the table's names, those that were present, trimmed, empty is null; and ``row``
    (int64), the line in the file. ``refused``: lines and cells that are malformed as text; a refused line is not in
    ``columns``, the row of a refused cell is. ``ignored``: headers that the table does not know.
    """

    columns: pa.Table
    refused: list[Refusal]
    format: str
    encoding: str
    ignored: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """How many rows the file held: those in ``columns`` and those refused."""
        rows = self.columns["row"].to_numpy()
        return len(rows) + len({r.row for r in self.refused}.difference(rows.tolist() if self.refused else ()))


def settle(
    cells: dict[str, pa.ChunkedArray],
    rows: npt.NDArray[np.int64],
    refused: list[Refusal],
    *,
    trim: bool = True,
) -> pa.Table:
    """Trims cells, makes empty ones null, drops rows without any cell, refuses cells beyond 32 KiB."""
    tidy = {name: _tidy(column, trim=trim) for name, column in cells.items()}
    table = pa.table({**tidy, "row": pa.array(rows, pa.int64())})
    blank = _all_null(list(tidy.values()), len(rows))
    if blank.any():
        table = table.filter(pa.array(~blank))
    return _without_giants(table, refused)


def _tidy(column: pa.ChunkedArray, *, trim: bool) -> pa.ChunkedArray:
    if trim:
        column = pc.utf8_trim_whitespace(column)
    empty = pc.equal(column, "")
    if pc.any(empty).as_py():
        column = pc.if_else(empty, pa.scalar(None, pa.string()), column)
    return column


def _all_null(columns: list[pa.ChunkedArray], length: int) -> npt.NDArray[np.bool_]:
    blank = np.ones(length, dtype=bool)
    for column in columns:
        if column.null_count == 0:
            return np.zeros(length, dtype=bool)
        blank &= column.is_null().to_numpy()
    return blank


def _without_giants(table: pa.Table, refused: list[Refusal]) -> pa.Table:
    """Cells beyond 32 KiB go, with their rows: such a row is refused as a line, cut to what a report can hold."""
    keep = np.ones(table.num_rows, dtype=bool)
    for name in table.column_names:
        if name == "row" or table.nbytes < CELL_BYTES:
            continue
        size = pc.fill_null(pc.binary_length(table[name]), 0).to_numpy()
        for at in np.flatnonzero(size > CELL_BYTES).tolist():
            keep[at] = False
            value = table[name][at].as_py()[:200]
            facts: dict[str, object] = {"bytes": int(size[at]), "most": CELL_BYTES}
            refused.append(Refusal(table["row"][at].as_py(), name, value, "SY305", facts))
    return table if keep.all() else table.filter(pa.array(keep))
