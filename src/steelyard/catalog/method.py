"""The method of a Figure: the very texts that made it, and their digest."""

from __future__ import annotations

from typing import Any

from steelyard.catalog.catalog import Catalog
from steelyard.catalog.shape import view_inputs
from steelyard.model.measure import Measure


def parameters_in_force(measure: Measure, day: str) -> dict[str, Any] | None:
    """Each parameter's value on an ISO day; None where one has no value yet: then there is no Figure."""
    try:
        return {name: measure.parameter(name, day) for name in measure.parameters if _in_use(measure, name)}
    except KeyError:
        return None


def _in_use(measure: Measure, name: str) -> bool:
    return (measure.how != "read" and name != "target") or f"${name}" in measure.formula


def method_document(catalog: Catalog, measure: Measure, day: str) -> dict[str, Any]:
    """What is digested: measure, kind, formula or rule with the items that it asks, views, parameters in force.

    Labels and notes are left out: a better translation does not change a number.
    """
    items = {item: _marks(catalog.items[item]) for item in rule_items(measure.rule) if item in catalog.items}
    document = {
        "measure": measure.id, "how": measure.how, "of": list(measure.of), "unit": measure.unit, "source": measure.source,
        "formula": measure.formula, "rule": measure.rule, "items": items, "views": measure.views,
        "parameters": parameters_in_force(measure, day) or {},
    }  # fmt: skip
    return {key: value for key, value in document.items() if value not in ({}, "")}


def _marks(item: dict[str, Any]) -> dict[str, Any]:
    """The parts of an item that decide a number. Keys become text: JSON knows no other."""
    kept: dict[str, Any] = {key: item[key] for key in ("mode", "points", "levels") if key in item}
    if "points" in kept:
        kept["points"] = {str(option): points for option, points in kept["points"].items()}
    return kept


def rule_items(rule: Any) -> list[str]:
    """All items that a rule asks, in order, each once."""
    found: dict[str, None] = {}
    _collect(rule, found)
    return list(found)


def _collect(node: Any, found: dict[str, None]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("points", "levels", "share") and isinstance(value, list):
                found.update(dict.fromkeys(value))
            elif key == "item":
                found[value] = None
            else:
                _collect(value, found)
    elif isinstance(node, list):
        for part in node:
            _collect(part, found)


def tables_read(measure: Measure) -> list[str]:
    """The tables, and the measures, that a measure reads, through its views and those they read; each once."""
    named = [*measure.inputs, *(below for sql in measure.views.values() for below in view_inputs(sql))]
    return list(dict.fromkeys(name for name in named if name not in measure.views))
