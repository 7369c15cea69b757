"""What is wrong with who is in which park: a firm in two at once, a roster with gaps. Each is a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from steelyard.errors import InputError
from steelyard.fields.park_firms import Members
from steelyard.model.period import Period, local_day
from steelyard.store.home import FOREVER, Home

Span = tuple[int, int]

_TWICE = """
    WITH stays AS (
        SELECT m.subject AS firm, m."of" AS park, coalesce(m.since, $never) AS since, coalesce(m.until, $always) AS until
        FROM memberships m JOIN subjects s ON s.id = m."of" AND s.kind = 'park'
    )
    SELECT a.firm, n.name_zh, n.name_en, a.park, b.park, greatest(a.since, b.since) AS first, least(a.until, b.until) AS last
    FROM stays a JOIN stays b ON b.firm = a.firm AND a.park < b.park AND a.since < b.until AND b.since < a.until
    LEFT JOIN above i ON i.subject = a.park AND i."of" = b.park
    LEFT JOIN above o ON o.subject = b.park AND o."of" = a.park
    LEFT JOIN subjects n ON n.id = a.firm
    WHERE greatest(a.since, b.since) < $end AND least(a.until, b.until) > $start AND i.subject IS NULL AND o.subject IS NULL
        AND ($park = '' OR $park IN (a.park, b.park))
    ORDER BY a.firm, first"""
_STAYS = """
    SELECT m."of", m.subject, n.name_zh, n.name_en, greatest(coalesce(m.since, $start), $start), least(coalesce(m.until, $end), $end)
    FROM memberships m JOIN subjects s ON s.id = m."of" AND s.kind = 'park'
    JOIN subjects n ON n.id = m.subject AND n.kind = 'enterprise'
    WHERE (m.since IS NULL OR m.since < $end) AND (m.until IS NULL OR m.until > $start) AND ($park = '' OR m."of" = $park)
    ORDER BY m."of", m.subject"""
_LISTED = """
    SELECT r.enterprise, r.list, coalesce(r.since, $never), coalesce(r.until, $always) FROM roster r
    WHERE r.enterprise IN (SELECT m.subject FROM memberships m JOIN subjects s ON s.id = m."of" AND s.kind = 'park'
                           WHERE $park = '' OR m."of" = $park)"""


@dataclass(frozen=True)
class Fault:
    """One finding about a firm of a park; ``error`` says it in both languages, with what to do."""

    firm: str
    park: str
    error: InputError

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        texts = {lang: self.error.say(lang) for lang in ("zh", "en")}
        return {"code": self.error.code, "firm": self.firm, "park": self.park, "what": texts, "do": self.error.remedy(),
                "facts": self.error.facts}  # fmt: skip


def in_two_parks(known: Members, park: str = "") -> list[Fault]:
    """Firms that belong to two parks at one moment of the period, neither inside the other: both count them (SY820)."""
    rows = known.opened.rows(_TWICE, {**_edges(known.span), **_forever(), "park": park})
    return [
        Fault(firm, one, InputError("SY820", firm, firm=firm, name=_name(zh, en, firm), one=one, other=other,
                                    since=_day(known.home, first), until=_day(known.home, last)))
        for firm, zh, en, one, other, first, last in rows
    ]  # fmt: skip


def roster_gaps(known: Members, roster: str, park: str = "") -> list[Fault]:
    """Firms of parks that stand on no list at all (SY821), or on the roster for a part of their stay in the period alone (SY822)."""
    named: dict[str, list[tuple[str, Span]]] = {}
    for firm, of, since, until in known.opened.rows(_LISTED, {**_forever(), "park": park}):
        named.setdefault(firm, []).append((of, (since, until)))
    out = []
    for of, firm, zh, en, since, until in known.opened.rows(_STAYS, {**_edges(known.span), "park": park}):
        name, lists = _name(zh, en, firm), named.get(firm)
        if lists is None:
            out.append(Fault(firm, of, InputError("SY821", firm, firm=firm, name=name, park=of, list=roster)))
            continue
        listed = [span for listed_as, span in lists if listed_as == roster]
        if listed and (holes := uncovered((since, until), listed)):
            told = ", ".join(f"{_day(known.home, a)} – {_day(known.home, b)}" for a, b in holes)
            out.append(
                Fault(firm, of, InputError("SY822", firm, firm=firm, name=name, park=of, list=roster, holes=told))
            )
    return out


def uncovered(whole: Span, parts: Iterable[Span]) -> list[Span]:
    """The spans of ``whole`` that no part covers, in order; all are half-open."""
    start, end = whole
    inside = sorted((max(a, start), min(b, end)) for a, b in parts if a < end and b > start)
    marks: Sequence[Span] = [(start, start), *inside, (end, end)]
    out, reached = [], start
    for (_, before), (after, _) in pairwise(marks):
        reached = max(reached, before)
        if after > reached:
            out.append((reached, after))
    return out


def _edges(span: Period) -> dict[str, int]:
    return {"start": span.start, "end": span.end}


def _forever() -> dict[str, int]:
    return {"never": FOREVER[0], "always": FOREVER[1]}


def _day(home: Home, at: int) -> str:
    return "…" if at in FOREVER else local_day(at, home.zone)


def _name(zh: str | None, en: str | None, firm: str) -> str:
    return zh or en or firm
