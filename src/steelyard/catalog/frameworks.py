"""Frameworks and facts: from YAML to nouns, how facts answer items, and what can be wrong between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.errors import InputError
from steelyard.model.figure import GRADES
from steelyard.model.framework import Framework
from steelyard.model.measure import STATUSES, Measure

if TYPE_CHECKING:
    from steelyard.catalog.catalog import Catalog

Item = Mapping[str, Any]
Fault = tuple[str, str]  # where, and what is wrong there

HEAD = ("label", "document", "status", "in_force", "measure", "levels")
MODES = ("multi", "single", "level", "number")
WAYS = ("same", "above", "at_least", "map")
PERIODS = ("year", "month", "instant")
WHO = ("machine", "system", "person")
KINDS = ("contract", "invoice", "payment", "photo", "export", "report", "certificate", "other")
FACTS = "facts"
FINEST = 10**6  # points are whole millionths: so they add exactly
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")


def framework_of(name: str, document: Mapping[str, Any]) -> Framework:
    """A Framework from its items.yaml; what the head leaves out is told by ``faults``."""
    levels = {int(level): dict(label) for level, label in (document.get("levels") or {}).items()}
    in_force = document.get("in_force", "")
    until = document.get("until")
    return Framework(
        name, document.get("label") or {"zh": name, "en": name}, str(document.get("document", "")),
        document.get("status", "ours"), None if in_force is None else str(in_force), None if until is None else str(until),
        document.get("measure", ""), levels, tuple(document["items"]),
    )  # fmt: skip


def claim(owners: dict[str, str], owner: str, names: Mapping[str, Any], path: Path) -> None:
    """Note whose items these are; raises InputError on an id that another framework has too."""
    for item in names:
        if owners.setdefault(item, owner) != owner:
            raise InputError("SY704", str(path), item=item, other=owners[item])


def facts_behind(items: Mapping[str, Item], names: list[str]) -> list[str]:
    """The facts from which some items can be answered, in order, each once."""
    told = (items[name].get("from") for name in names if name in items)
    return list(dict.fromkeys(str(way["fact"]) for way in told if way and way.get("fact") in items))


def with_facts(measure: Measure, items: Mapping[str, Item]) -> Measure:
    """The measure with the Figures among its inputs that can answer the facts behind its items."""
    if measure.how not in ("asked", "judged"):
        return measure
    facts = facts_behind(items, rule_items(measure.rule))
    figures = [items[fact]["measure"] for fact in facts if items[fact].get("measure")]
    return replace(measure, inputs=tuple(dict.fromkeys((*measure.inputs, *figures))))


def faults(catalog: Catalog) -> Iterator[Fault]:
    """What is wrong in and between frameworks, items, facts and the rules that read them, one sentence each."""
    for framework in catalog.frameworks.values():
        yield from ((framework.id, why) for why in _of_framework(framework, catalog))
    for name, item in catalog.items.items():
        yield from ((name, why) for why in (*_of_item(item), *_of_from(item, catalog)))
    for name, fact in catalog.facts.items():
        yield from ((name, why) for why in _of_fact(fact, catalog))
    for measure in catalog.measures.values():
        unknown = [figure for figure in rule_figures(measure.rule) if figure not in catalog.measures]
        yield from ((measure.id, f"rule: there is no measure {name}") for name in unknown)


def _of_framework(framework: Framework, catalog: Catalog) -> Iterator[str]:
    missing = [field for field in HEAD if field not in catalog.heads[framework.id]]
    if missing:
        yield f"the head lacks {', '.join(missing)}"
    if framework.status not in STATUSES:
        yield f"status {framework.status}: one of {', '.join(STATUSES)}"
    if framework.measure and framework.measure not in catalog.measures:
        yield f"there is no measure {framework.measure}"
    days = [day for day in (framework.in_force, framework.until) if day]
    if any(not _DAY.match(day) for day in days):
        yield f"in_force, until: write dates as 2024-09-04, not {', '.join(days)}"
    elif framework.in_force and framework.until and framework.until <= framework.in_force:
        yield f"in force from {framework.in_force} only after it ends, {framework.until}"


def _of_item(item: Item) -> Iterator[str]:
    mode = item.get("mode")
    if mode not in MODES:
        yield f"mode {mode}: one of {', '.join(MODES)}"
    elif mode in ("multi", "single"):
        yield from _of_points(item.get("points"))
    elif mode == "level" and not (isinstance(item.get("levels"), int) and item["levels"] > 0):
        yield "levels: a whole number, the highest level"
    elif mode == "number" and not _bounds_right(item.get("bounds", (None, None))):
        yield "bounds: [low, high], null for none"
    if set(item.get("label", {})) != {"en", "zh"}:
        yield "label: en and zh"
    yield from _of_documents(item.get("documents", {}))


def _of_points(points: object) -> Iterator[str]:
    if not isinstance(points, dict) or not points:
        yield "points: option: points"
    elif any(not isinstance(p, int | float) or (Fraction(str(p)) * FINEST).denominator != 1 for p in points.values()):
        yield "points: numbers with at most six decimals"


def _bounds_right(bounds: Any) -> bool:
    try:
        low, high = bounds
    except (TypeError, ValueError):
        return False
    return low is None or high is None or low < high


def _of_documents(documents: Mapping[str, str]) -> Iterator[str]:
    for kind, grade in documents.items():
        if kind not in KINDS or grade not in GRADES:
            yield f"documents {kind}: {grade}; kinds are {', '.join(KINDS)}; grades {', '.join(GRADES)}"


def _of_fact(fact: Item, catalog: Catalog) -> Iterator[str]:
    if fact.get("period") not in PERIODS:
        yield f"period: one of {', '.join(PERIODS)}"
    if not fact.get("who") or not set(fact["who"]) <= set(WHO):
        yield f"who: some of {', '.join(WHO)}"
    if not (isinstance(fact.get("holds_months"), int) and fact["holds_months"] > 0):
        yield "holds_months: how many months an answer stays fresh"
    if fact.get("measure") and fact["measure"] not in catalog.measures:
        yield f"there is no measure {fact['measure']}"
    if fact.get("measure") and fact.get("mode") != "number":
        yield "a measure answers a number only"


def _of_from(item: Item, catalog: Catalog) -> Iterator[str]:
    """What is wrong with how a fact answers an item."""
    if "from" not in item:
        return
    way = item["from"]
    words = [word for word in WAYS if word in way]
    if len(words) != 1 or set(way) - {"fact", "status", *WAYS}:
        yield f"from: fact, and one of {', '.join(WAYS)}"
    elif way.get("fact") not in catalog.facts:
        yield f"from: there is no fact {way.get('fact')}"
    else:
        yield from _of_way(words[0], way[words[0]], item, catalog.facts[way["fact"]])


def _of_way(word: str, how: Any, item: Item, fact: Item) -> Iterator[str]:
    if word == "same":
        if options(item) != options(fact) or item.get("mode") != fact.get("mode"):
            yield "from: same needs the options and the mode of the fact"
        return
    if not isinstance(how, dict) or not how:
        yield f"from: {word} is a mapping"
        return
    chosen = how.values() if word == "map" else how
    if unknown := [str(option) for option in chosen if str(option) not in options(item)]:
        yield f"from: no option {', '.join(unknown)}; there are {', '.join(options(item))}"
    if word == "map":
        if lost := [str(option) for option in how if str(option) not in options(fact)]:
            yield f"from: the fact has no option {', '.join(lost)}; there are {', '.join(options(fact))}"
        return
    if fact.get("mode") != "number":
        yield f"from: {word} needs a fact that is a number"
    limits = [None if limit is None else float(limit) for limit in how.values()]
    if len(set(limits)) < len(limits):
        yield f"from: two options of {word} begin at one number"


def options(item: Item) -> tuple[str, ...]:
    """The options of an item as text; none for a number."""
    if item.get("mode") == "level":
        return tuple(str(level) for level in range(int(item.get("levels", 0)) + 1))
    return tuple(str(option) for option in item.get("points", {}))
