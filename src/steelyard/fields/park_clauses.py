"""The clauses of the park guide, read from the rules of ``park/2025``: which high asks what, and what was answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.catalog import Catalog
from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.model.measure import Measure
from steelyard.model.period import iso
from steelyard.weigh.known import Known

FRAMEWORK = "park/2025"
GATE = "park/2025/gate"
HIGHS = "park/2025/highs"


@dataclass(frozen=True)
class Clause:
    """A clause that is asked: the item, the answer that counts if there is one, and the options that are still needed.

    ``state`` is met, not_met or unknown; two answers that contradict one another are unknown.
    """

    item: str
    label: Mapping[str, str]
    state: str
    answer: Known | None
    needs: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        told = self.answer
        answer = None if told is None else {"value": told.value, "grade": told.grade, "as_of": iso(told.at), "document": told.document,
                                            "contradicts": told.contradicts}  # fmt: skip
        return {
            "item": self.item,
            "label": dict(self.label),
            "state": self.state,
            "answer": answer,
            "needs": list(self.needs),
        }


@dataclass(frozen=True)
class Asks:
    """What one high asks: the measure that judges it, its rolled ratios, and its items."""

    measure: Measure
    ratios: tuple[Measure, ...]
    items: tuple[str, ...]

    @property
    def title(self) -> dict[str, str]:
        """The name of the high: its measure's label up to the colon."""
        return {lang: re.split("[:：]", text)[0] for lang, text in self.measure.label.items()}


def highs(catalog: Catalog) -> list[Asks]:
    """The four highs, in the order of the gate's rule."""
    judged = [catalog.measures[name] for name in rule_figures(catalog.measures[GATE].rule)]
    return [
        Asks(one, tuple(catalog.measures[name] for name in rule_figures(one.rule)), tuple(rule_items(one.rule)))
        for one in judged
    ]


def eligibility(catalog: Catalog) -> str:
    """The item that asks whether a park is eligible: the one that the gate itself asks."""
    return rule_items(catalog.measures[GATE].rule)[0]


def said_of(catalog: Catalog, ratio: Measure) -> str | None:
    """The item in which a park says a ratio of itself: the one whose fact the ratio answers."""
    for item in catalog.framework(FRAMEWORK).items:
        fact = catalog.items[item].get("from", {}).get("fact")
        if fact and catalog.items[fact].get("measure") == ratio.id:
            return item
    return None


def clause(catalog: Catalog, item: str, answers: Mapping[str, Known]) -> Clause:
    """How an item stands: met when its answer is worth as much as the best one."""
    asked = catalog.items[item]
    told = answers.get(item)
    if told is None or told.contradicts:
        return Clause(item, asked["label"], "unknown", told, tuple(_best(asked)))
    needs = [option for option in _best(asked) if option not in told.value.split("+")]
    met = (
        not needs
        if asked["mode"] == "multi"
        else _worth(asked, told.value) >= max(map(float, asked["points"].values()))
    )
    return Clause(item, asked["label"], "met" if met else "not_met", told, () if met else tuple(needs))


def _best(asked: Mapping[str, Any]) -> Sequence[str]:
    """The options that count: all of them where several may be chosen, any of them where one is."""
    return [str(option) for option, points in asked["points"].items() if float(points) > 0]


def _worth(asked: Mapping[str, Any], value: str) -> float:
    return {str(option): float(points) for option, points in asked["points"].items()}.get(value, 0.0)
