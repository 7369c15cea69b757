"""Who was expected, what came when, and what did not: the unheard by name; and what came and was not kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from steelyard.errors import explain
from steelyard.model.offer import covers
from steelyard.model.period import Period, iso, label, micros, moment, parse
from steelyard.share import listening, unkept
from steelyard.share.subscriptions import Expectation, Source, Subscription, deliveries, subscriptions
from steelyard.share.trust import peers_of
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import bundles

DAY = 86_400_000_000
STATES = ("unheard", "partly", "awaited", "late", "heard")


@dataclass(frozen=True)
class Row:
    """What was expected of one source for one period: ``state`` (one of ``STATES``), what ``lacks``, when it was due and came (µs UTC).

    ``unheard``: nothing came and it was due; ``partly``: some measures lack; ``awaited``: not due yet; ``late``: all came, but late.
    """

    subscription: str
    source: Source
    measures: tuple[str, ...]
    period: Period
    due: int
    state: str
    lacks: tuple[str, ...]
    came: int
    trusted: str


@dataclass
class Heard:
    """All that was expected, bundles that came and were not kept, and how subscriptions and deliveries stand, as JSON-ready fields."""

    rows: list[Row] = field(default_factory=list)
    not_kept: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    bundles: dict[str, dict[str, Any]] = field(default_factory=dict)

    def count(self, state: str) -> int:
        """How many rows are in a state."""
        return sum(row.state == state for row in self.rows)


def heard(home: Home, period: Period | None = None) -> Heard:
    """What was expected for the last complete month (quarter, year: as each expectation says), or for those within a period."""
    found = subscriptions(home)
    asked = list(_asked(home, found, period))
    told = _told(home, {(pattern, span) for _, expects, span, _ in asked for pattern in expects.measures})
    trusted = {peer.key: "revoked" if peer.revoked else "trusted" for peer in peers_of(home)}
    out = Heard(not_kept=_not_kept(home, found), lines=_lines(home, found), bundles=_bundles(home))
    for one, expects, span, source in asked:
        out.rows.append(_row(home, one, expects, span, source, told, trusted))
    out.rows.sort(key=lambda row: (STATES.index(row.state), row.subscription, row.source.subject, row.period))
    return out


_Asked = tuple[Subscription, Expectation, Period, Source]
_Told = dict[tuple[str, Period], dict[tuple[str, str], int]]


def _asked(home: Home, found: Sequence[Subscription], period: Period | None) -> Iterator[_Asked]:
    for one in found:
        for expects in one.expects:
            for span in _periods(home, expects, period):
                yield from ((one, expects, span, source) for source in _sources(home, one, span))


def _periods(home: Home, expects: Expectation, period: Period | None) -> list[Period]:
    """The calendar's months (days, quarters, years) within a period; without one, the last that is over."""
    now = home.now()
    within = period or Period(micros(moment(now) - timedelta(days=800)), now)
    whole = [span for span in within.split(expects.every, home.zone) if _calendar(home, expects.every, span)]
    return [span for span in (whole if period else whole[-1:]) if span.start >= expects.since]


def _calendar(home: Home, every: str, span: Period) -> bool:
    """Whether a span is a whole month (day, quarter, year): one that was cut at an edge is not."""
    day = moment(span.start).astimezone(home.zone)
    text = {
        "day": f"{day:%Y-%m-%d}",
        "month": f"{day:%Y-%m}",
        "quarter": f"{day:%Y}Q{(day.month + 2) // 3}",
        "year": f"{day:%Y}",
    }[every]
    return parse(text, home.zone) == span


def _sources(home: Home, one: Subscription, span: Period) -> Iterable[Source]:
    """Of whom it is expected: the named, all that are trusted and are a subject, or who stands on a roster in the period."""
    if one.trusted:
        return [Source(peer.key, peer.name, peer.subject) for peer in peers_of(home) if peer.subject]
    return _listed(home, one.roster, span) if one.roster else one.sources


def _listed(home: Home, roster: str, span: Period) -> list[Source]:
    with engine(home.path) as opened:
        home.table_view(opened, "roster")
        rows = opened.rows(
            """SELECT DISTINCT enterprise FROM roster WHERE list = $list AND (since IS NULL OR since < $end)
            AND (until IS NULL OR until > $start) ORDER BY enterprise""",
            {"list": roster, "start": span.start, "end": span.end},
        )
    return [Source(b"", str(firm), str(firm)) for (firm,) in rows]


def _told(home: Home, wanted: set[tuple[str, Period]]) -> _Told:
    """When Figures that other homes told first came, by measures and period: by (home, subject), and by ("", subject)."""
    out: _Told = {}
    with engine(home.path) as opened:
        for pattern, span in sorted(wanted, key=str):
            at_rest.view(home, opened, "here", pattern, span, within=False)
            names = opened.arrow('SELECT * FROM "here__rest" LIMIT 0').column_names
            who = "coalesce(r.told, k.home)" if "told" in names else "k.home"
            rows = opened.rows(f"""
                SELECT {who} AS home, r.subject, min(k.known) FROM "here__rest" r JOIN seals_known k ON k.number = r.seal
                WHERE k.home <> '' AND r.start = {span.start} AND r."end" = {span.end} GROUP BY ALL""")
            first: dict[tuple[str, str], int] = {}
            for maker, subject, known in rows:
                for key in ((maker, subject), ("", subject), (maker, "")):
                    first[key] = min(known, first.get(key, known))
            out[pattern, span] = first
    return out


def _row(
    home: Home,
    one: Subscription,
    expects: Expectation,
    span: Period,
    source: Source,
    told: _Told,
    trusted: dict[bytes, str],
) -> Row:
    due = span.end + int(expects.due_days * DAY)
    subjects = expects.subjects or (source.subject,)
    came = {pattern: _first(told[pattern, span], source.home, subjects) for pattern in expects.measures}
    lacks = tuple(pattern for pattern, when in came.items() if not when)
    last = max(came.values())
    over = home.now() > due
    if not lacks:
        state = "late" if last > due else "heard"
    elif not over:
        state = "awaited"
    else:
        state = "partly" if last else "unheard"
    standing = trusted.get(source.key, "unknown") if source.key else ""
    return Row(one.name, source, expects.measures, span, due, state, lacks, last, standing)


def _first(told: dict[tuple[str, str], int], home: str, subjects: Sequence[str]) -> int:
    """When a home first told of one of some subjects; 0 where it never did."""
    if not any(subject.endswith("*") for subject in subjects):
        found = [told[home, subject] for subject in subjects if (home, subject) in told]
    else:
        found = [
            when for (maker, subject), when in told.items() if maker == home and subject and covers(subjects, subject)
        ]
    return min(found, default=0)


def _not_kept(home: Home, found: Sequence[Subscription]) -> list[dict[str, Any]]:
    """Bundles that came and were not kept, each with a sentence that says why."""
    names = {source.home: source.name for one in found for source in one.sources if source.key}
    names |= dict(_names(home))
    return [{
        "why": said.code or "repeated", "what": explain(said.code).what(None, json.loads(said.facts)) if said.code else "",
        "home": said.provider, "name": names.get(said.provider) or said.name, "offer": said.offer, "number": said.number,
        "count": said.count, "first": iso(said.first), "last": iso(said.last), "where": said.where, "sha256": said.digest.hex(),
    } for said in unkept.not_kept(home.ledger)]  # fmt: skip


def _names(home: Home) -> Iterator[tuple[str, str]]:
    return ((Source(peer.key, peer.name, peer.subject).home, peer.name) for peer in peers_of(home))


def _lines(home: Home, found: Sequence[Subscription]) -> list[dict[str, Any]]:
    """How asking and pushing goes, by file."""
    known = listening.standing(home)
    names = [f"subscriptions/{one.name}" for one in found if one.door or one.folder] + [
        f"deliveries/{one.name}" for one in deliveries(home)
    ]
    out = []
    for name in names:
        row = known.get(name)
        out.append({"name": name, "asked": _when(row and row.asked), "answered": _when(row and row.answered),
                    "next": _when(row and row.next), "failures": row.tries if row else 0, "why": row.why if row else ""})  # fmt: skip
    return out


def _when(at: Any) -> str | None:
    return iso(at) if at else None


def _bundles(home: Home) -> dict[str, dict[str, Any]]:
    """The last bundle of each home that was kept, by the home's id."""
    newest = sa.select(bundles.c.provider, sa.func.max(bundles.c.taken).label("taken"), sa.func.count().label("count"),
                       sa.func.max(bundles.c.number).label("number")).group_by(bundles.c.provider)  # fmt: skip
    return {
        row.provider: {"number": row.number, "taken": iso(row.taken), "count": row.count}
        for row in home.ledger.all(newest)
    }


def document(home: Home, found: Heard) -> dict[str, Any]:
    """All of it as one JSON document."""
    return {
        "home": home.id, "expected": len(found.rows), **{state: found.count(state) for state in STATES},
        "rows": [row_document(home, row, found.bundles) for row in found.rows], "not_kept": found.not_kept, "lines": found.lines,
    }  # fmt: skip


def row_document(home: Home, row: Row, last: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One row as JSON-ready fields."""
    return {
        "state": row.state, "subscription": row.subscription, "subject": row.source.subject, "name": row.source.name,
        "home": row.source.home, "key": row.trusted, "period": label(row.period, home.zone), "due": iso(row.due),
        "came": _when(row.came), "measures": list(row.measures), "lacks": list(row.lacks), "last_bundle": last.get(row.source.home),
    }  # fmt: skip
