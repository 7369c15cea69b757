"""Columns into Arrow tables; local times into text; random streams by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

OFFSET = "+08:00"  # Asia/Shanghai, which keeps no summer time

TEXT_COLUMNS: dict[str, tuple[str, ...]] = {
    "subjects": ("id", "kind", "name_zh", "name_en", "uscc", "gbt2260", "gbt4754"),
    "memberships": ("subject", "of", "role", "since", "until"),
    "roster": ("enterprise", "list", "since", "until"),
}


def stream(*key: int) -> np.random.Generator:
    """A random stream of its own for each key, so that more firms or draws elsewhere change nothing here."""
    return np.random.default_rng(key)


def local(times: NDArray[np.datetime64]) -> NDArray[np.str_]:
    """Local times as ISO 8601 text with the offset, to the second."""
    return np.char.add(np.datetime_as_string(times, unit="s"), OFFSET)


def day(date: str) -> str:
    """The first instant of a local date: 2026-01-01T00:00:00+08:00."""
    return f"{date}T00:00:00{OFFSET}"


def table(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> pa.Table:
    """An Arrow table of text (numpy text or lists, None where nothing is known), 64-bit integers and floats."""
    return pa.table({name: _array(values) for name, values in columns.items()})


def _array(values: Sequence[Any] | NDArray[Any]) -> Any:
    if isinstance(values, np.ndarray) and values.dtype.kind in "if":
        return pa.array(values)
    return pa.array(values, pa.string())


def text_rows(name: str, rows: Sequence[tuple[str | None, ...]]) -> pa.Table:
    """A table of ``TEXT_COLUMNS`` from tuples that may stop early; the rest is empty."""
    columns = TEXT_COLUMNS[name]
    full = [row + (None,) * (len(columns) - len(row)) for row in rows]
    return table({column: [row[i] for row in full] for i, column in enumerate(columns)})
