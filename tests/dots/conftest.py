"""Firms that answered, in homes of their own."""

from __future__ import annotations

import random

import pytest

from steelyard.catalog import load
from steelyard.catalog.rules import rule_items
from steelyard.dots.standing import expanded

CATALOG = load()


class Firms:
    """Writes answers and reads what comes of them."""

    catalog = CATALOG

    def __init__(self, make) -> None:
        self.make = make
        self.home = make.new("firms")

    def register(self, *ids: str, industry: str = "3511", kind: str = "enterprise") -> None:
        self.make.give(self.home, "subjects", "id,kind,gbt4754\n" + "".join(f"{one},{kind},{industry}\n" for one in ids),
                       f"subjects-{ids[0]}.csv")  # fmt: skip

    def answer(self, subject: str, values: dict[str, str], grade: str = "inspected", at: str = "2026-03-01") -> None:
        rows = "".join(f"{subject},{item},{at},{value},{grade},report\n" for item, value in values.items())
        taken = self.make.give(
            self.home,
            "answers",
            "subject,item,at,value,grade,document\n" + rows,
            f"{subject}-{at}-{grade}-{len(rows)}.csv",
        )
        assert taken.rows_refused == 0, taken.refused[0].say("en")

    def items(self, framework: str) -> tuple[str, ...]:
        return self.catalog.framework(framework).items

    def asked(self, framework: str) -> list[str]:
        """The items behind a framework's level, those of other frameworks that it reads too."""
        measure = self.catalog.measures[self.catalog.framework(framework).measure]
        return rule_items(expanded(measure.rule, self.catalog, None))

    def some(self, framework: str, seed: int, share: float = 0.8, strong: float = 0.0) -> dict[str, str]:
        """Answers drawn at random to a share of the items, a share of them the best that can be given."""
        dice = random.Random(seed)
        return {name: best(self.catalog.items[name]) if dice.random() < strong else drawn(self.catalog.items[name], dice)
                for name in self.asked(framework) if dice.random() < share}  # fmt: skip

    def least(self, item: str) -> str:
        """The answer to one item that is worth least."""
        return worst(self.catalog.items[item])

    def worst(self, framework: str) -> dict[str, str]:
        """To every item, the answer that is worth least."""
        return {name: worst(self.catalog.items[name]) for name in self.items(framework)}

    def weigh(self, measure: str) -> dict[str, float]:
        self.make.weigh(self.home, [measure], "2026")
        period = self.make.period("2026", self.home)
        return {row["subject"]: row["value"] for row in self.home.figures(measure, period=period).to_pylist()}


def drawn(item: dict, dice: random.Random) -> str:
    if item["mode"] == "level":
        return str(dice.randint(0, item["levels"]))
    if item["mode"] == "number":
        low, high = ends(item)
        return str(round(dice.uniform(low, high), 3))
    options = [str(option) for option in item["points"]]
    if item["mode"] == "single":
        return dice.choice(options)
    letters = [option for option in options if option != "A"]
    return "+".join(sorted(dice.sample(letters, dice.randint(1, len(letters))))) if dice.random() < 0.9 else "A"


def ends(item: dict) -> tuple[float, float]:
    low, high = item["bounds"]
    return low or 0.0, 3.0 if high is None else high


def best(item: dict) -> str:
    if item["mode"] in ("level", "number"):
        return str(item["levels"] if item["mode"] == "level" else ends(item)[1])
    options = {str(option): points for option, points in item["points"].items()}
    return (
        "+".join(option for option in options if option != "A")
        if item["mode"] == "multi"
        else max(options, key=options.__getitem__)
    )


def worst(item: dict) -> str:
    if item["mode"] in ("level", "number"):
        return "0" if item["mode"] == "level" else str(ends(item)[0])
    return min(map(str, item["points"]), key=lambda option: item["points"].get(option, 0))


@pytest.fixture
def firms(make) -> Firms:
    return Firms(make)
