"""Coverage by region, park, chain and cluster, under every definition side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.api import lookup
from steelyard.api.reading import COLUMNS, Malformed, Reader
from steelyard.console.answer import Ask, Page
from steelyard.model.subject import region_level

if TYPE_CHECKING:
    from steelyard.store.home import Home

FAMILIES = ("coverage/*", "park/coverage*")
KINDS = ("region", "park", "cluster", "chain")
HEADLINE = "coverage/sme2024-level2"
_LEVELS = ("nation", "province", "city", "county")


def _figures(home: Home, lang: str) -> list[dict[str, Any]]:
    reader = Reader(home, lang)
    return [figure for family in FAMILIES for figure in reader.figures(measure=family)]


def headline(home: Home, lang: str) -> dict[str, Any] | None:
    """The figure that the first page opens with: the newest coverage of the widest place; None before the first."""
    reader = Reader(home, lang)
    found = reader.figures(measure=HEADLINE) or _figures(home, lang)
    return max(found, key=lambda f: (f["end"], f["among"], f["digest"]), default=None)


def coverage(home: Home, ask: Ask) -> Page:
    """A row for each place, a column for each definition, for one period."""
    figures = _figures(home, ask.lang)
    periods = _periods(figures)
    chosen = ask.get("period") or (periods[0]["period"] if periods else "")
    if periods and chosen not in {p["period"] for p in periods}:
        raise Malformed(f"period: {chosen[:40]!r}")
    kind = ask.get("kind")
    if kind and kind not in KINDS:
        raise Malformed(f"kind: {kind[:40]!r}")
    shown = [figure for figure in figures if figure["period"] == chosen]
    columns = _columns(home, ask.lang, sorted({figure["measure"] for figure in figures}))
    places = [place for place in _places(home, figures) if kind in ("", place["kind"])]
    cells = {(figure["subject"], figure["measure"]): figure for figure in shown}
    rows = [{**place, "cells": [cells.get((place["id"], column["measure"])) for column in columns]} for place in places]
    flat = [cell for row in rows for cell in row["cells"] if cell]
    data = {"period": chosen, "periods": periods, "kind": kind, "kinds": list(KINDS), "columns": columns, "rows": rows}
    made_up = any("synthetic" in figure["flags"] for figure in flat)
    return Page("coverage.html", ask.t("nav.coverage"), "/coverage", data, flat, COLUMNS, made_up)


def _periods(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The periods that have figures, newest first, each with how many."""
    spans = {(figure["end"], figure["start"]): figure["period"] for figure in figures}
    counts = [figure["period"] for figure in figures]
    return [{"period": spans[key], "figures": counts.count(spans[key])} for key in sorted(spans, reverse=True)]


def _columns(home: Home, lang: str, measures: list[str]) -> list[dict[str, Any]]:
    """The definitions in use, each with the targets set for it by itself or by a measure that reads it."""
    reader = Reader(home, lang)
    return [{"measure": name, "label": reader.label(name), "targets": _targets(home, name, lang)} for name in measures]


def _targets(home: Home, name: str, lang: str) -> list[dict[str, Any]]:
    """Targets with their date and reference, newest value of each."""
    base = name.partition("[")[0]
    found = []
    for measure in home.catalog.measures.values():
        dated = measure.parameters.get("target")
        if dated and (measure.id == base or base in measure.inputs):
            day = max(dated)
            label = measure.label.get(lang, measure.id)
            found.append({"measure": measure.id, "label": label, "since": day, **dated[day]})
    return found


def _places(home: Home, figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Places that have a coverage in any period: nation, provinces, cities and counties, then the others by kind."""
    names = {figure["subject"]: figure["subject_name"] for figure in figures}
    known = lookup.subjects(home, names)
    return sorted((_place(known.get(place, {}), place, name) for place, name in names.items()), key=_order)


def _place(known: dict[str, str], place: str, name: str) -> dict[str, Any]:
    kind = known.get("kind", "")
    level = region_level(known["gbt2260"] or place) if kind == "region" else ""
    return {"id": place, "kind": kind, "level": level, "name": name}


def _order(place: dict[str, Any]) -> tuple[int, int, str]:
    kind = KINDS.index(place["kind"]) if place["kind"] in KINDS else len(KINDS)
    level = _LEVELS.index(place["level"]) if place["level"] in _LEVELS else len(_LEVELS)
    return kind, level, place["id"]
