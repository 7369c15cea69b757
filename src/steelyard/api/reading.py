"""What pages and programs read from a home, as JSON-ready dicts: one shape for both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from steelyard.api import lookup
from steelyard.model import period
from steelyard.store.figures import as_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steelyard.model.measure import Measure
    from steelyard.store.home import Home

MOST = 1000
"""Figures in one answer of the HTTP API."""
COLUMNS = (
    "digest", "subject", "subject_name", "measure", "measure_label", "unit", "period", "start", "end", "value", "low",
    "high", "heard", "among", "grade", "estimated", "flags", "known", "home", "method", "inputs", "replaces",
)  # fmt: skip
"""A figure's fields in the order of a CSV."""
OF_TIME = frozenset({"unit_times", "e10_times", "personnel_times"})
"""Views whose measures count seconds: heard is the time observed, among the time to be observed."""


class Missing(Exception):  # noqa: N818  # it is an answer, not a fault
    """Nothing here goes by that name."""


class Malformed(Exception):  # noqa: N818
    """The address asks for something that cannot be read."""


def encode(data: object, *, pretty: bool = False) -> bytes:
    """JSON in UTF-8; every number in full."""
    text = msgspec.json.encode(data)
    return msgspec.json.format(text, indent=2) if pretty else text


class Reader:
    """Describes a home's figures in one language, and remembers the names that it looked up."""

    def __init__(self, home: Home, lang: str) -> None:
        self.home = home
        self.lang = lang
        self._names: dict[str, str] = {}

    def meet(self, subjects: Iterable[str]) -> None:
        """Look up the names of many subjects at once."""
        new = set(subjects) - self._names.keys()
        found = lookup.subjects(self.home, new)
        for subject in new:
            names = found.get(subject, {})
            self._names[subject] = names.get(self.lang) or names.get("zh") or names.get("en") or subject

    def name(self, subject: str) -> str:
        """The subject's name, or its id."""
        self.meet([subject])
        return self._names[subject]

    def measure(self, name: str) -> Measure | None:
        """The measure of ``id`` or ``id[parameter=value]``; None where this home's standards do not have it."""
        return self.home.catalog.measures.get(name.partition("[")[0])

    def label(self, name: str) -> str:
        """The measure's label with the parameters chosen by hand, or its id."""
        measure = self.measure(name)
        chosen = name.partition("[")[2]
        return (measure.label.get(self.lang) or measure.id) + (f" [{chosen}" if chosen else "") if measure else name

    def period(self, start: str, end: str) -> str:
        """The shortest spelling of a span given in ISO 8601."""
        return period.label(period.parse(f"{start}/{end}", self.home.zone), self.home.zone)

    def figure(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of ``home.figures`` with names, labels and times as text."""
        plain = as_json(row)
        known = row.get("known")
        plain["known"] = period.iso(known) if isinstance(known, int) else known or ""
        plain["home"] = row.get("home") or ""
        return self.describe(plain)

    def describe(self, plain: dict[str, Any]) -> dict[str, Any]:
        """A figure's JSON with the names of what it speaks of."""
        measure = self.measure(plain["measure"])
        more = {
            "subject_name": self.name(plain["subject"]),
            "measure_label": self.label(plain["measure"]),
            "unit": measure.unit if measure else "",
            "base": "seconds" if measure and not OF_TIME.isdisjoint(measure.inputs) else "members",
            "period": self.period(plain["start"], plain["end"]),
        }
        return {"known": "", "home": "", **plain, **more}

    def figures(self, **which: Any) -> list[dict[str, Any]]:
        """Current figures, described; ``which`` as in ``Home.figures``."""
        return self.figures_of(self.home.figures(**which))

    def figures_of(self, table: Any) -> list[dict[str, Any]]:
        """The rows of a table of figures, described."""
        rows = table.to_pylist()
        self.meet(row["subject"] for row in rows)
        return [self.figure(row) for row in rows]


def span(home: Home, text: str) -> period.Period | None:
    """A period written in an address; None where nothing is written. Raises Malformed."""
    if not text:
        return None
    try:
        return period.parse(text, home.zone)
    except ValueError as error:
        raise Malformed(str(error)) from error


def whole(text: str, default: int, most: int) -> int:
    """A whole number from 0 to ``most`` in an address. Raises Malformed."""
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Malformed(f"not a whole number: {text[:40]!r}")
    return min(int(text), most)
