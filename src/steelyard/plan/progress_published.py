"""What others published, laid beside Figures as claims: with its own scope, and never part of a sum."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

from steelyard.model.period import instant, local_day, micros
from steelyard.store.home import Home
from steelyard.store.lake import engine

Claim = dict[str, Any]


def claims(home: Home, indicators: Iterable[str], places: Iterable[str], until: int) -> list[Claim]:
    """The newest published value of each indicator and place up to ``until`` (µs UTC), all where several of one day contradict.

    Rows of the home's table ``published`` go first; of indicators that it does not have, the standards' own files.
    """
    wanted, about = list(dict.fromkeys(indicators)), set(places)
    rows = [row for row in _taken(home) if row["indicator"] in wanted]
    held = {row["indicator"] for row in rows}
    rows += [row for row in _shipped(home) if row["indicator"] in set(wanted) - held]
    rows = [row for row in rows if row["subject"] in about and row["at"] < until]
    newest: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["indicator"], row["subject"])
        newest[key] = max(newest.get(key, row["at"]), row["at"])
    kept = [row for row in rows if row["at"] == newest[row["indicator"], row["subject"]]]
    return sorted(kept, key=lambda row: (wanted.index(row["indicator"]), row["subject"], row["value"]))


def yearly(home: Home, indicator: str, places: Iterable[str]) -> list[Claim]:
    """Every published value of an indicator about some places, oldest first."""
    about = set(places)
    rows = [row for row in _taken(home) if row["indicator"] == indicator] or _shipped(home)
    return sorted(
        (row for row in rows if row["indicator"] == indicator and row["subject"] in about),
        key=lambda row: int(row["at"]),
    )


def _taken(home: Home) -> list[Claim]:
    with engine(home.path) as opened:
        home.table_view(opened, "published")
        found = opened.rows("SELECT indicator, subject, as_of, value, unit, scope, source FROM published")
    names = ("indicator", "subject", "at", "value", "unit", "scope", "source")
    return [_claim(home, dict(zip(names, row, strict=True)), "home") for row in found]


def _shipped(home: Home) -> list[Claim]:
    found = []
    for path in home.catalog.published():
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                at = micros(instant(row["as_of"] + "-01" if len(row["as_of"]) == 7 else row["as_of"], home.zone))
                found.append(_claim(home, {**row, "at": at}, "standards"))
    return found


def _claim(home: Home, row: Claim, kept: str) -> Claim:
    return {
        "indicator": row["indicator"], "subject": row["subject"], "as_of": local_day(row["at"], home.zone), "at": row["at"],
        "value": float(row["value"]), "unit": row["unit"] or "", "scope": row["scope"] or "", "source": row["source"], "kept": kept,
        "mark": "claim",
    }  # fmt: skip
