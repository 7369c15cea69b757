"""The four chains of a park (data, innovation, industrial, supply): what its Figures say, and what each lacks to be said.

No official set of indicators was found: those of ``standards/four-chains`` are ours, and each says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.catalog import Catalog
from steelyard.catalog.method import tables_read
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store import figures as at_rest
from steelyard.store.home import Home

FOLDER = "four-chains"
CHAINS = {
    "data": {"zh": "数据链", "en": "Data chain"}, "innovation": {"zh": "创新链", "en": "Innovation chain"},
    "industrial": {"zh": "产业链", "en": "Industrial chain"}, "supply": {"zh": "供应链", "en": "Supply chain"},
}  # fmt: skip
_FRAME = ("subjects", "memberships", "roster")


@dataclass(frozen=True)
class Indicator:
    """One indicator of a chain: its measure, the park's Figure, and the tables that it reads of which the home has no row."""

    chain: str
    measure: Measure
    figure: Mapping[str, Any] | None
    missing: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {
            "chain": self.chain, "measure": self.measure.name, "label": self.measure.label, "unit": self.measure.unit,
            "better": self.measure.better, "status": self.measure.status, "missing_tables": list(self.missing),
            "figure": at_rest.as_json(dict(self.figure)) if self.figure else None,
        }  # fmt: skip


def indicators(catalog: Catalog) -> list[tuple[str, Measure]]:
    """Chain and measure of every indicator, in the order of ``CHAINS``; those of a home's own standards too."""
    found = [
        (name.split("/")[1], measure)
        for name, measure in sorted(catalog.measures.items())
        if name.startswith(f"{FOLDER}/")
    ]
    return [one for chain in CHAINS for one in found if one[0] == chain]


def four_chains(home: Home, park: str, span: Period) -> list[Indicator]:
    """Every indicator with the park's Figure for exactly one period; without one it is unknown, never zero."""
    rows = {row["measure"]: row for row in home.figures(f"{FOLDER}/*", park, span).to_pylist()}
    held = {row["table"] for row in home.holdings() if row["rows"]}
    out = []
    for chain, measure in indicators(home.catalog):
        read = [name for name in tables_read(measure) if name in home.catalog.tables and name not in _FRAME]
        missing = tuple(name for name in read if name not in held)
        out.append(Indicator(chain, measure, rows.get(measure.name), missing))
        chosen = [row for name, row in rows.items() if name.startswith(f"{measure.id}[")]
        out += [Indicator(chain, home.catalog.measure(row["measure"]), row) for row in chosen]
    return out
