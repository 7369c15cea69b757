"""How a machine, a line or a site did in one period: OEE with its factors, and where the planned time went."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from steelyard.api.reading import Malformed, Reader, span
from steelyard.model.period import Period, label
from steelyard.weigh.losses import CATEGORIES, PLANNED, Losses, losses

if TYPE_CHECKING:
    from steelyard.console.answer import Ask
    from steelyard.store.home import Home

OEE = "iso22400/oee"
FACTORS = ("iso22400/availability", "iso22400/effectiveness", "iso22400/quality_ratio")
KINDS = ("unit", "line", "site")
SHOWN = 14
"""Periods offered by link; others are reached by ``?period=``."""
_REMEMBERED = 256
_known: dict[tuple[str, str, str], Losses] = {}


def machine(home: Home, ask: Ask, subject: str) -> dict[str, Any] | None:
    """OEE, its factors, the waterfall and its reasons for the newest period, or the one asked for; None without Figures."""
    periods = _periods(home, subject)
    if not periods:
        return None
    chosen = span(home, ask.get("period")) or periods[0]
    if chosen not in periods:
        raise Malformed(f"period: {ask.get('period')[:60]!r}")
    found = _own(Reader(home, ask.lang).figures(subject=subject, period=chosen), subject)
    lost = _losses(home, subject, chosen, found.get(PLANNED))
    return {
        "period": label(chosen, home.zone),
        "periods": [label(one, home.zone) for one in periods[:SHOWN]],
        "oee": found.get(OEE),
        "factors": [found.get(name) for name in FACTORS],
        "waterfall": [{"category": name, **found[measure]} for name, measure in _bars() if measure in found],
        "reasons": [asdict(row) for row in lost.rows],
        "current": all(found[f"losses/{name}"]["value"] == seconds for name, seconds in lost.sums.items()
                       if f"losses/{name}" in found),
    }  # fmt: skip


def _bars() -> list[tuple[str, str]]:
    return [("planned", PLANNED), *((name, f"losses/{name}") for name in CATEGORIES)]


def _periods(home: Home, subject: str) -> list[Period]:
    """Periods with OEE or a waterfall: the one that began last first, of those the shortest."""
    rows = [
        row for name in (OEE, PLANNED) for row in home.figures(name, subject).to_pylist() if row["subject"] == subject
    ]
    return sorted({Period(row["start"], row["end"]) for row in rows}, key=lambda one: (-one.start, one.end))


def _own(figures: list[dict[str, Any]], subject: str) -> dict[str, dict[str, Any]]:
    """One Figure a measure: of several homes' this one's."""
    mine = [figure for figure in figures if figure["subject"] == subject]
    return {figure["measure"]: figure for figure in sorted(mine, key=lambda figure: not figure["home"])}


def _losses(home: Home, subject: str, period: Period, planned: dict[str, Any] | None) -> Losses:
    """Reasons behind a waterfall weighed here, remembered for as long as its Figure is current."""
    if planned is None or planned["home"]:
        return Losses((), {})
    key = (home.id, subject, planned["digest"])
    if key not in _known:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[key] = losses(home, subject, period)
    return _known[key]
