"""Which firms keep a ratio of a park below 100 %: not met, unheard, open, or met by a weak grade alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from steelyard.fields.places import name_places
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period, iso
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine

LACKING = ("not_met", "open", "unheard", "weak")
"""In the order in which they are said: below the threshold, perhaps below it, not heard, met by a grade below the floor."""
STATES = (*LACKING, "met")

_RANK = "CASE f.grade " + " ".join(f"WHEN '{grade}' THEN {rank}" for rank, grade in enumerate(GRADES)) + " END"
_STATED = f"""
    SELECT b.firm, n.name_zh, n.name_en, f.value, f.low, f.high, f.grade, f."end", f.digest,
           CASE WHEN f.digest IS NULL THEN 'unheard' WHEN f.high < $least THEN 'not_met' WHEN f.low < $least THEN 'open'
                WHEN {_RANK} < $floor THEN 'weak' ELSE 'met' END AS state
    FROM (SELECT DISTINCT a.subject AS firm FROM above a JOIN roster r ON r.enterprise = a.subject AND r.list = $roster
            AND (r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)
          WHERE a."of" = $park) AS b
    LEFT JOIN (SELECT *, row_number() OVER (PARTITION BY subject ORDER BY "end" DESC, start) AS newest FROM below) AS f
        ON f.subject = b.firm AND f.newest = 1
    LEFT JOIN subjects n ON n.id = b.firm"""


@dataclass(frozen=True)
class Firm:
    """One firm and how it stands to a ratio; value, grade and digest are those of its Figure, None where it is unheard."""

    id: str
    names: Mapping[str, str]
    state: str
    value: float | None
    grade: str | None
    end: int | None
    digest: bytes | None

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {"firm": self.id, "name": dict(self.names), "state": self.state, "value": self.value, "grade": self.grade,
                "as_of": iso(self.end) if self.end else None, "digest": self.digest.hex() if self.digest else None}  # fmt: skip


@dataclass(frozen=True)
class Lacks:
    """How many firms are in each of ``STATES``, and a page of those that lack, worst first."""

    counts: Mapping[str, int]
    firms: tuple[Firm, ...]
    skip: int = 0

    @property
    def lacking(self) -> int:
        """How many firms the page is taken from."""
        return sum(self.counts.get(state, 0) for state in LACKING)

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {"counts": dict(self.counts), "lacking": self.lacking, "shown": len(self.firms), "skip": self.skip,
                "firms": [firm.document() for firm in self.firms]}  # fmt: skip


class Members:
    """An engine in which the firms of parks and the roster are named for one period."""

    def __init__(self, home: Home, opened: Engine, span: Period) -> None:
        self.home, self.opened, self.span = home, opened, span
        name_places(home, opened, span)

    def lacks(self, park: str, measure: Measure, floor: str, most: int, skip: int = 0) -> Lacks:
        """The firms of a park by how they stand to a rolled ratio; a page of ``most`` from ``skip`` of those that lack."""
        at_rest.view(self.home, self.opened, "below", measure.rule["share"]["of"], self.span, within=True)
        values = {"park": park, "roster": measure.rule["roster"], "least": float(measure.rule["share"]["at_least"]),
                  "floor": GRADES.index(floor), "start": self.span.start, "end": self.span.end}  # fmt: skip
        self.opened.hold("stated", _STATED, values)
        counts = dict(self.opened.rows("SELECT state, count(*) FROM stated GROUP BY state"))
        order = " ".join(f"WHEN '{state}' THEN {place}" for place, state in enumerate(LACKING))
        rows = self.opened.rows(f"""SELECT firm, name_zh, name_en, state, value, grade, "end", digest FROM stated
            WHERE state <> 'met' ORDER BY CASE state {order} END, firm LIMIT {int(most)} OFFSET {int(skip)}""")
        return Lacks({state: counts.get(state, 0) for state in STATES}, tuple(map(_firm, rows)), skip)

    def divisions(self, park: str, roster: str) -> dict[str, int]:
        """How many firms of a park on a roster are in manufacturing (divisions 13 to 43), in others, and of unknown industry."""
        code = "CASE WHEN s.gbt4754 >= 'A' THEN substring(s.gbt4754, 2, 2) ELSE left(s.gbt4754, 2) END"
        rows = self.opened.rows(
            f"""SELECT CASE WHEN try_cast({code} AS INTEGER) BETWEEN 13 AND 43 OR s.gbt4754 = 'C' THEN 'manufacturing'
                WHEN coalesce(s.gbt4754, '') = '' THEN 'unknown' ELSE 'other' END AS sort, count(DISTINCT a.subject)
            FROM above a JOIN roster r ON r.enterprise = a.subject AND r.list = $roster
                AND (r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)
            LEFT JOIN subjects s ON s.id = a.subject WHERE a."of" = $park GROUP BY sort""",
            {"park": park, "roster": roster, "start": self.span.start, "end": self.span.end},
        )
        return {"manufacturing": 0, "other": 0, "unknown": 0} | dict(rows)

    def parks_around(self, park: str) -> list[str]:
        """The parks that a park lies inside."""
        rows = self.opened.rows(
            "SELECT s.id FROM above a JOIN subjects s ON s.id = a.\"of\" AND s.kind = 'park' WHERE a.subject = $park ORDER BY 1",
            {"park": park},
        )
        return [row[0] for row in rows]


@contextmanager
def members(home: Home, span: Period) -> Iterator[Members]:
    """``Members`` over a home for one period, with an engine that closes by itself."""
    with engine(home.path) as opened:
        yield Members(home, opened, span)


def _firm(row: tuple[Any, ...]) -> Firm:
    firm, zh, en, state, value, grade, end, digest = row
    return Firm(firm, {"zh": zh or en or firm, "en": en or zh or firm}, state, value, grade, end,
                bytes(digest) if digest is not None else None)  # fmt: skip
