"""Answers of a questionnaire: the item must exist, the value be one that it can have, and a grade have its document."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from steelyard.model.figure import GRADES
from steelyard.tabular.cells import near
from steelyard.tabular.judged import FaultError

Item = Mapping[str, Any]
PROVED = frozenset(GRADES[GRADES.index("pledged") + 1 : GRADES.index("measured")])
"""Grades above pledged that a hand may give: who claims one of them names the document."""
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
MOST = 1e15
"""Where an item or fact sets no bounds of its own, a number lies between this and its negative."""


def fits(item: str, value: str, items: Mapping[str, Item]) -> tuple[str, FaultError] | None:
    """None when the value is one that the item can have, else the column at fault and why.

    ``multi``: letters of ``points`` joined by +, none twice, A (none of these) alone; ``single``: one of them;
    ``level``: a whole number from 0 to ``levels``; ``number``: a decimal within ``bounds``, in the item's unit.
    """
    if item not in items:
        return "item", FaultError("SY330", **near(item, tuple(items)))
    if items[item]["mode"] == "number":
        return _number(item, value, items[item])
    allowed = _allowed(items[item])
    one = "" if value in allowed else "not"
    fault = _multi(value, allowed) if items[item]["mode"] == "multi" else one
    if not fault:
        return None
    code = {"not": "SY331", "twice": "SY338", "none": "SY339"}[fault]
    return "value", FaultError(code, item=item, mode=items[item]["mode"], allowed=", ".join(allowed))


def _number(item: str, value: str, of: Item) -> tuple[str, FaultError] | None:
    unit = of.get("unit", "")
    if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
        return "value", FaultError("SY701", item=item, unit=unit)
    low, high = bounds(of)
    if low <= float(value) <= high:
        return None
    return "value", FaultError("SY702", item=item, unit=unit, low=f"{low:g}", high=f"{high:g}")


def bounds(of: Item) -> tuple[float, float]:
    """Between which a number lies, in the item's unit."""
    low, high = of.get("bounds") or (None, None)
    return (-MOST if low is None else float(low), MOST if high is None else float(high))


def _allowed(item: Item) -> tuple[str, ...]:
    if item["mode"] == "level":
        return tuple(str(level) for level in range(int(item["levels"]) + 1))
    return tuple(str(letter) for letter in item["points"])


def _multi(value: str, allowed: tuple[str, ...]) -> str:
    letters = value.split("+")
    if any(letter not in allowed for letter in letters):
        return "not"
    if len(set(letters)) < len(letters):
        return "twice"
    return "none" if "A" in letters and len(letters) > 1 else ""
