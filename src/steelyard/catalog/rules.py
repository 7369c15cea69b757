"""What a rule names: items, Figures, and whether it asks for the industry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_OF_ITEMS = ("points", "levels", "share", "mean")


def rule_items(rule: Any) -> list[str]:
    """All items that a rule asks, in order, each once."""
    return list(dict.fromkeys(_items(rule)))


def rule_figures(rule: Any) -> list[str]:
    """All measures of which a rule reads a Figure by ``figure``, in order, each once."""
    return list(dict.fromkeys(value for key, value in _pairs(rule) if key == "figure"))


def reads_industry(rule: Any) -> bool:
    """Whether a rule hangs on the subject's industry."""
    return any(key == "industry" for key, _ in _pairs(rule))


def _items(rule: Any) -> Iterator[str]:
    for key, value in _pairs(rule):
        if key in _OF_ITEMS and isinstance(value, list):
            yield from value
        elif key == "item":
            yield value


def _pairs(node: Any) -> Iterator[tuple[str, Any]]:
    """Every word of a rule with what stands under it, from the top down."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from _pairs(value)
    elif isinstance(node, list):
        for part in node:
            yield from _pairs(part)
