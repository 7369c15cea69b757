"""Answers of a questionnaire: the item must exist, and the value must be one that it can have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.tabular.cells import near
from steelyard.tabular.judged import FaultError

Item = Mapping[str, Any]


def fits(item: str, value: str, items: Mapping[str, Item]) -> tuple[str, FaultError] | None:
    """None when the value is one that the item can have, else the column at fault and why.

    ``multi``: letters of ``points`` joined by +, none twice, A (none of these) alone; ``single``: one of them;
    ``level``: a whole number from 0 to ``levels``.
    """
    if item not in items:
        return "item", FaultError("SY330", **near(item, tuple(items)))
    allowed = _allowed(items[item])
    one = "" if value in allowed else "not"
    fault = _multi(value, allowed) if items[item]["mode"] == "multi" else one
    if not fault:
        return None
    code = {"not": "SY331", "twice": "SY338", "none": "SY339"}[fault]
    return "value", FaultError(code, item=item, mode=items[item]["mode"], allowed=", ".join(allowed))


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
