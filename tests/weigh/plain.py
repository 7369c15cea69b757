"""Views over rows in memory, without a home: what a law needs to be tried on hundreds of examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from steelyard.catalog import load
from steelyard.catalog.shape import views_read
from steelyard.model.period import Period
from steelyard.store.lake import engine
from steelyard.store.rows import schema_of
from steelyard.weigh import frame

CATALOG = load()
SECOND = 1_000_000
WORDS = {"RUN": "production", "SETUP": "setup", "STOP": "delay", "WAIT": "waiting", "*": "unknown"}


def words(role: str = "state") -> list[dict[str, Any]]:
    """The rule ``plain``: four words, everything else unknown."""
    return [
        {"rule": "plain", "role": role, "word": word, "state": state, "overrides": 1000}
        for word, state in WORDS.items()
    ]


def binding(column: str, signal: str | None = None, **more: Any) -> dict[str, Any]:
    """One row of ``bindings`` of unit M, from signals of device D."""
    role = "state" if column == "state" else "1"
    return {"unit": "M", "column": column, "role": role, "subject": "D" if signal else None, "signal": signal,
            "rule": "plain" if column == "state" else None, "hold_seconds": 60.0, **more}  # fmt: skip


def sample(second: float, signal: str, said: Any, quality: str = "good") -> dict[str, Any]:
    """One sample of device D: a text or a number."""
    text = said if isinstance(said, str) else None
    return {
        "subject": "D",
        "signal": signal,
        "at": round(second * SECOND),
        "value": None if text else said,
        "text": text,
        "quality": quality,
    }


def span(start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"start": round(start * SECOND), "end": round(end * SECOND), **more}


def see(view: str, periods: Iterable[tuple[float, float]], **tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a view, sorted; tables that are not given are empty."""
    views = views_read((view,), CATALOG.views, CATALOG.folders[0])
    with engine() as opened:
        frame.name_periods(opened, [Period(round(a * SECOND), round(b * SECOND)) for a, b in periods], 2**62)
        for name in CATALOG.tables:
            schema = schema_of(CATALOG.tables[name])
            opened.register(name, pa.Table.from_pylist([dict(row) for row in tables.get(name, ())], schema=schema))
        for name, sql in views.items():
            opened.hold(name, sql)
        return opened.arrow(f'SELECT * FROM "{view}" ORDER BY ALL').to_pylist()
