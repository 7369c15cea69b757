"""How values look on a page: numbers, ranges, times, rules; and the templates."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from steelyard.console.answer import Ask, Page

BAR = 100.0
"""Width of a range bar, in units of its own drawing."""
FALL = 1000.0
"""Width of a waterfall."""


def html(page: Page, ask: Ask) -> bytes:
    """The page as HTML."""
    text = _templates().get_template(page.template).render(page=page, ask=ask, t=ask.t, **page.data)
    return text.encode()


@cache
def _templates() -> Environment:
    loader = PackageLoader("steelyard.console")
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters.update(
        amount=amount, count=count, percent=percent, full=full, bar=bar, outline=outline, when=when, exact=exact,
        minutes=minutes, heard=heard, clock=clock, falls=falls, span=span,
    )  # fmt: skip
    return found


def amount(value: float, unit: str) -> str:
    """A figure's value for reading: a ratio as per cent with one decimal, anything else with at most ten digits."""
    if unit == "1":
        return percent(value)
    return f"{value:,.10g} s" if unit == "s" else f"{value:,.10g}"


def percent(value: float) -> str:
    """0.4705 is 47.1 %; what is not quite all or not quite nothing never looks so."""
    shown = f"{value * 100:.1f}"
    if shown == "100.0" and value < 1:
        shown = "99.9"
    if shown == "0.0" and value > 0:
        shown = "<0.1"
    return f"{shown}%"


def count(value: float) -> str:
    """A count of members or seconds, grouped in thousands."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def exact(value: int) -> str:
    """A whole number with every digit, grouped in thousands."""
    return f"{value:,}"


def minutes(seconds: float) -> str:
    """Seconds as minutes with one decimal; what is not quite nothing never looks so."""
    shown = f"{seconds / 60:,.1f}"
    if shown in ("0.0", "-0.0") and seconds:
        return f"{seconds:.3g} s"
    return f"{shown.removeprefix('-') if shown == '-0.0' else shown} min"


def heard(figure: dict[str, Any]) -> str:
    """Heard of among: members as counts, time in hours with the digits that tell it from all of it."""
    some, every = figure["heard"], figure["among"]
    if figure["base"] != "seconds":
        return f"{count(some)} / {count(every)}"
    for digits in (1, 2, 3):
        parts = [f"{value / 3600:,.{digits}f}" for value in (some, every)]
        if some == every or parts[0] != parts[1]:
            return f"{parts[0]} / {parts[1]} h"
    return f"{some:,.10g} / {every:,.10g} s"


def clock(seconds: float) -> str:
    """A span of time without its sign, in the largest unit of which there are two."""
    size = abs(seconds)
    for unit, long in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= 2 * long:
            return f"{size / long:,.1f} {unit}"
    return f"{size:.1f} s"


def falls(waterfall: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a waterfall with places for drawing: ``x`` and ``wide`` of a bar, ``before`` and ``after`` of its connecting lines.

    The first falls from its whole length, each loss takes its part off the end of the one above (a gain adds it), the last
    stands on the ground again. The scale holds every edge.
    """
    ends, edges = [], []
    left = 0.0
    for row in waterfall:
        start = 0.0 if row["category"] in ("planned", "productive") else left
        left = row["value"] if row["category"] in ("planned", "productive") else left - row["value"]
        edges.append((min(start, left), max(start, left)))
        ends.append(left)
    least, most = min([0.0, *(low for low, _ in edges)]), max([0.0, *(high for _, high in edges)])
    scale = FALL / (most - least) if most > least else 0.0
    places = [
        [scale * (value - least) for value in (low, high, end)] for (low, high), end in zip(edges, ends, strict=True)
    ]
    return [
        {**row, "x": f"{low:.2f}", "wide": f"{max(high - low, 1.5 if row['value'] else 0):.2f}", "after": f"{end:.2f}",
         "before": f"{places[number - 1][2]:.2f}" if number else "", "zero": f"{-least * scale:.2f}"}
        for number, (row, (low, high, end)) in enumerate(zip(waterfall, places, strict=True))
    ]  # fmt: skip


def span(text: str) -> str:
    """A period as ``model.period.label`` writes it; two instants to the minute."""
    start, _, end = text.partition("/")
    if not end:
        return text
    first, last = when(start).removesuffix(" UTC"), when(end)
    return f"{first}–{last.removeprefix(first[:11])}"


def full(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(value)


def when(iso: str) -> str:
    """An ISO time to the minute, in UTC."""
    return f"{iso[:10]} {iso[11:16]} UTC" if len(iso) >= 16 else iso


def bar(figure: dict[str, Any], top: float | None = None) -> dict[str, str]:
    """Where value, low and high stand on a bar from 0 (or a lower value) to ``top``, as text for SVG attributes."""
    least = min(0.0, figure["low"])
    most = max(top or 1.0, figure["high"])
    scale = BAR / (most - least) if math.isfinite(most - least) and most > least else 0.0
    x, low, high = (scale * (figure[name] - least) for name in ("value", "low", "high"))
    return {"at": f"{x:.2f}", "low": f"{low:.2f}", "wide": f"{max(high - low, 1):.2f}"}


def outline(value: Any, depth: int = 0) -> str:
    """A rule as YAML-like text: one branch a line, lists of plain values in a row."""
    pad = "  " * depth
    if isinstance(value, dict):
        return "".join(_branch(pad, f"{key}:", part, depth) for key, part in value.items())
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return "".join(_branch(pad, "-", part, depth) for part in value)
    return f"{pad}{_plain(value)}\n"


def _branch(pad: str, mark: str, part: Any, depth: int) -> str:
    nested = isinstance(part, dict) or (isinstance(part, list) and any(isinstance(p, dict | list) for p in part))
    return f"{pad}{mark}\n{outline(part, depth + 1)}" if nested else f"{pad}{mark} {_plain(part)}\n"


def _plain(value: Any) -> str:
    return f"[{', '.join(map(_plain, value))}]" if isinstance(value, list) else str(value)
