"""What a firm said of itself beside what an assessor found on site, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from steelyard.store.home import Home
from steelyard.take.draw import applicable
from steelyard.weigh.known import Known, known

SAID = ("declared", "pledged", "documented")
OVER, UNDER, OTHER, SAME, SILENT = "overstated", "understated", "other", "same", "not_said"


@dataclass(frozen=True)
class Difference:
    """One inspected item: what was said before the visit (empty: nothing), by what grade and when; what was found, and when (µs UTC).

    ``verdict`` is overstated or understated by the item's points, other where both give as much, same, or not_said.
    """

    item: str
    said: str
    grade: str
    said_at: int | None
    found: str
    found_at: int
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """All inspected items of a framework in its order, out of so many that the subject is asked, and the counts by verdict."""

    subject: str
    framework: str
    among: int
    items: tuple[Difference, ...]

    def count(self, verdict: str) -> int:
        """How many items have a verdict."""
        return sum(one.verdict == verdict for one in self.items)

    @property
    def differences(self) -> int:
        """How many items were said and found otherwise."""
        return sum(map(self.count, (OVER, UNDER, OTHER)))


def compare(home: Home, subject: str, framework: str) -> Comparison:
    """Compare the latest inspection of each item with the answer that counted before it; raises UsageError on an unknown framework."""
    of = home.catalog.framework(framework)
    found = known(home, subject, of.items, home.now() + 1, ("inspected",))
    before = {at: known(home, subject, of.items, at + 1, SAID) for at in {one.at for one in found.values()}}
    pairs = [(before[found[item].at].get(item), found[item]) for item in of.items if item in found]
    return Comparison(
        subject,
        of.id,
        len(applicable(home.catalog, of, who) if (who := home.subject(subject)) else of.items),
        tuple(_difference(home.catalog.items[seen.item], said, seen) for said, seen in pairs),
    )


def _difference(item: Mapping[str, Any], said: Known | None, seen: Known) -> Difference:
    if said is None:
        return Difference(seen.item, "", "", None, seen.value, seen.at, SILENT)
    return Difference(
        seen.item, said.value, said.grade, said.at, seen.value, seen.at, _verdict(item, said.value, seen.value)
    )


def _verdict(item: Mapping[str, Any], said: str, found: str) -> str:
    if _parts(item, said) == _parts(item, found):
        return SAME
    before, after = worth(item, said), worth(item, found)
    return OVER if before > after else UNDER if before < after else OTHER


def _parts(item: Mapping[str, Any], value: str) -> object:
    return (
        frozenset(value.split("+"))
        if item["mode"] == "multi"
        else worth(item, value)
        if item["mode"] == "number"
        else value
    )


def worth(item: Mapping[str, Any], value: str) -> Fraction:
    """The points of an answer; a level or a number is worth itself."""
    if item["mode"] in ("level", "number"):
        return Fraction(value)
    points = {str(option): Fraction(str(points)) for option, points in item["points"].items()}
    return sum((points[option] for option in value.split("+")), Fraction(0))
