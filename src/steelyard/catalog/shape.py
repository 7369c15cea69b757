"""From YAML to nouns, with every fault named: file, field, cause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steelyard.catalog.rules import reads_industry, rule_figures
from steelyard.errors import InputError
from steelyard.model.measure import HOWS, STATUSES, Measure
from steelyard.model.subject import KINDS
from steelyard.model.table import TYPES, Column, Table

_VIEW_FROM = re.compile(r"--\s*from:\s*(?P<names>[^\n]+)")
_MEASURE_FIELDS = {
    "label", "source", "status", "of", "unit", "bounds", "better", "how", "from", "rule", "parameters", "note", "edition",
}  # fmt: skip


def table_of(name: str, document: dict[str, Any], path: Path) -> Table:
    """A Table from its YAML; raises InputError."""
    columns = tuple(_column(key, fields, path) for key, fields in document.get("columns", {}).items())
    key = tuple(document.get("key", ()))
    names = {column.name for column in columns}
    if not key or not set(key) <= names or document.get("subject") not in names:
        raise InputError("SY222", str(path), field="key, subject", why="they must name columns of the table")
    return Table(
        name, document.get("label", {}), columns, key, document["subject"], document.get("start", ""),
        document.get("end", ""), document.get("grade", "documented"), document.get("keep_all", False),
        document.get("by_hand", True), document.get("whole", False), int(document.get("lookback_seconds", 0) * 1_000_000),
        document.get("through", ""),
    )  # fmt: skip


def _column(name: str, fields: dict[str, Any], path: Path) -> Column:
    if fields.get("type") not in TYPES:
        raise InputError("SY222", str(path), field=f"columns.{name}.type", why=f"one of {', '.join(TYPES)}")
    unknown = set(fields) - {"type", "label", "unit", "required", "choices", "least", "most", "future"}
    if unknown:
        raise InputError("SY222", str(path), field=f"columns.{name}", why=f"unknown: {', '.join(sorted(unknown))}")
    return Column(name, **{**fields, "choices": tuple(fields.get("choices", ()))})


def measure_of(name: str, document: dict[str, Any], path: Path, views: dict[str, str]) -> Measure:
    """A Measure from its folder; raises InputError."""
    _check_measure(document, path)
    how = document["how"]
    formula_path = path.parent / "formula.sql"
    if (how == "read") != formula_path.exists():
        raise InputError("SY222", str(path), field="how", why="read, and only read, has a formula.sql beside it")
    inputs = tuple(document.get("from", ())) or rule_inputs(how, document.get("rule", {}), path)
    low, high = document.get("bounds", (None, None))
    parameters = {k: {str(day): v for day, v in dated.items()} for k, dated in document.get("parameters", {}).items()}
    return Measure(
        name, document["label"], tuple(document["of"]), str(document["unit"]), how, document["better"],
        document["source"], document["status"], (low, high), inputs,
        formula_path.read_text(encoding="utf-8") if how == "read" else "",
        document.get("rule", {}), views_read(inputs, views, path), parameters,
    )  # fmt: skip


def rule_inputs(how: str, rule: dict[str, Any], path: Path) -> tuple[str, ...]:
    """What a rule reads: answers, and Figures that it names, for ``asked`` and ``judged``; a measure and the roster for ``rolled``."""
    if how in ("asked", "judged"):
        return ("answers", *rule_figures(rule), *(("subjects",) if reads_industry(rule) else ()))
    if how == "modelled":
        return ()
    try:
        return (rule["share"]["of"], "roster", "memberships", "subjects")
    except (KeyError, TypeError) as error:
        raise InputError(
            "SY222", str(path), field="rule", why="rolled needs share: {of, at_least} and roster"
        ) from error


def view_inputs(sql: str) -> tuple[str, ...]:
    """The tables that a view reads, from its first line ``-- from: a, b``."""
    named = _VIEW_FROM.match(sql)
    return tuple(part.strip() for part in named["names"].split(",")) if named else ()


def views_read(inputs: Sequence[str], views: dict[str, str], path: Path) -> dict[str, str]:
    """The views that some inputs name and those that they read, lower ones first; raises InputError on a circle."""
    ordered: dict[str, str] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise InputError("SY223", str(path), circle=" → ".join((*above, name)))
        if name in views and name not in ordered:
            for below in view_inputs(views[name]):
                visit(below, (*above, name))
            ordered[name] = views[name]

    for name in inputs:
        visit(name, ())
    return ordered


def _check_measure(document: dict[str, Any], path: Path) -> None:
    def wrong(field: str, why: str) -> InputError:
        return InputError("SY222", str(path), field=field, why=why)

    missing = {"label", "source", "status", "of", "unit", "better", "how"} - set(document)
    unknown = set(document) - _MEASURE_FIELDS
    if missing or unknown:
        raise wrong(", ".join(sorted(missing | unknown)), "missing or unknown field")
    if document["how"] not in HOWS:
        raise wrong("how", f"one of {', '.join(HOWS)}")
    if document["status"] not in STATUSES:
        raise wrong("status", f"one of {', '.join(STATUSES)}")
    if not set(document["of"]) <= set(KINDS):
        raise wrong("of", f"some of {', '.join(KINDS)}")
    if set(document["label"]) != {"en", "zh"}:
        raise wrong("label", "en and zh")
    for name, dated in document.get("parameters", {}).items():
        if any(not isinstance(v, dict) or set(v) != {"value", "reference"} for v in dated.values()):
            raise wrong(f"parameters.{name}", "each date has a value and a reference")
