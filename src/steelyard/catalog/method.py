"""The method of a Figure: the very texts that made it, and their digest."""

from __future__ import annotations

from typing import Any

from steelyard.catalog.catalog import Catalog
from steelyard.catalog.frameworks import facts_behind
from steelyard.catalog.rules import rule_items
from steelyard.catalog.shape import view_inputs
from steelyard.model.measure import Measure

MEMBERS = "members"
"""What a formula may read beside tables: who belongs to whom."""


def parameters_in_force(measure: Measure, day: str) -> dict[str, Any] | None:
    """Each parameter's value on an ISO day; None where one has no value yet: then there is no Figure."""
    try:
        return {name: measure.parameter(name, day) for name in measure.parameters if _in_use(measure, name)}
    except KeyError:
        return None


def _in_use(measure: Measure, name: str) -> bool:
    return (measure.how != "read" and name != "target") or f"${name}" in measure.formula


def method_document(catalog: Catalog, measure: Measure, day: str) -> dict[str, Any]:
    """What is digested: measure, kind, formula or rule with the items that it asks and the facts that answer them, views,
    parameters in force.

    Labels and notes are left out: a better translation does not change a number.
    """
    names = rule_items(measure.rule)
    asked = [name for name in (*names, *facts_behind(catalog.items, names)) if name in catalog.items]
    items = {name: _marks(catalog.items[name]) for name in asked}
    document = {
        "measure": measure.id, "how": measure.how, "of": list(measure.of), "unit": measure.unit, "source": measure.source,
        "formula": measure.formula, "rule": measure.rule, "items": items, "views": measure.views,
        "parameters": parameters_in_force(measure, day) or {},
    }  # fmt: skip
    return {key: value for key, value in document.items() if value not in ({}, "")}


def _marks(item: dict[str, Any]) -> dict[str, Any]:
    """The parts of an item, or a fact, that decide a number."""
    kept: dict[str, Any] = {
        key: _texts(item[key]) for key in ("mode", "points", "levels", "bounds", "from", "measure") if key in item
    }
    if "from" in kept:
        kept["from"].pop("status", None)
    return kept


def _texts(part: Any) -> Any:
    """The same with keys as text: JSON knows no other."""
    if isinstance(part, dict):
        return {str(key): _texts(value) for key, value in part.items()}
    return part


def tables_read(measure: Measure) -> list[str]:
    """The tables, and the measures, that a measure reads, through its views and those they read; each once."""
    named = [*measure.inputs, *(below for sql in measure.views.values() for below in view_inputs(sql))]
    return list(dict.fromkeys(name for name in named if name not in measure.views and name != MEMBERS))


def sums_members(measure: Measure) -> bool:
    """Whether a formula, or a view that it reads, sums over the members of a subject: their rows stand behind its Figures."""
    return MEMBERS in measure.formula or any(MEMBERS in view_inputs(sql) for sql in measure.views.values())
