"""Weigh anew what new leaves touch: the current day, and every period that has a Figure and that late rows reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from steelyard.catalog.method import tables_read
from steelyard.model.measure import Measure
from steelyard.model.period import Period, moment, parse
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import home as facts
from steelyard.store.ledger import leaves, seals
from steelyard.store.stream import cut
from steelyard.weigh.weigh import Weighed, weigh

Span = tuple[int, int]
_KEY = "weighed"


def again(home: Home, progress: Callable[[str], None] | None = None) -> list[Weighed]:
    """Weigh what leaves sealed since the last time touch; measures that people answer are left to people.

    A measure is weighed for each period that has a Figure of it here and that a new leaf reaches, and for today where rows
    of today came in.
    """
    cut(home)
    since = _weighed_until(home)
    columns = (leaves.c.kind, leaves.c.start, leaves.c.end, leaves.c.seal)
    new = home.ledger.all(sa.select(*columns).where(leaves.c.seal > since))
    if not new:
        return []
    spans: dict[str, list[Span]] = {}
    for row in new:
        spans.setdefault(row.kind, []).append((row.start, row.end))
    done: list[Weighed] = []
    for period, names in _due(home, spans).items():
        done += weigh(home, names, [period], progress=progress)
    _note(home, max(row.seal for row in new))
    return done


def _weighed_until(home: Home) -> int:
    """The number of the last seal that was looked at; at first, of the last Figures that were sealed."""
    row = home.ledger.one(sa.select(facts.c.value).where(facts.c.key == _KEY))
    if row is None:
        row = home.ledger.one(
            sa.select(sa.func.coalesce(sa.func.max(seals.c.number), 0)).where(seals.c.kind == "figures")
        )
    return int(row[0])


def _note(home: Home, seal: int) -> None:
    with home.ledger.write() as connection:
        connection.execute(facts.delete().where(facts.c.key == _KEY))
        connection.execute(facts.insert().values(key=_KEY, value=str(seal)))


def _due(home: Home, spans: dict[str, list[Span]]) -> dict[Period, list[str]]:
    """Which measures are due for which periods."""
    due: dict[Period, list[str]] = {}
    today = parse(moment(home.now()).astimezone(home.zone).date().isoformat(), home.zone)
    for measure in home.catalog.measures.values():
        touching = _merged(
            span for kind in _tables(home, measure) for span in _reaching(home, kind, spans.get(kind, []))
        )
        if not touching or measure.how != "read":
            continue
        periods = set(_held(home, measure.id, touching))
        if any(start < today.end and today.start < end for start, end in touching):
            periods.add(today)
        for period in sorted(periods, key=lambda p: (p.start, p.end)):
            due.setdefault(period, []).append(measure.id)
    return due


def _tables(home: Home, measure: Measure) -> list[str]:
    """The tables with rows in time that a measure reads, and those that say what rows mean: they reach all periods."""
    named = [name for name in tables_read(measure) if name in home.catalog.tables]
    return [name for name in named if home.catalog.table(name).start or home.catalog.table(name).whole]


def _reaching(home: Home, kind: str, spans: list[Span]) -> list[Span]:
    """Spans of time in which rows of these spans can count."""
    table = home.catalog.table(kind)
    return [(start - table.lookback, end + table.lookback) for start, end in spans]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The same time in as few spans as it takes."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _held(home: Home, measure: str, spans: list[Span]) -> list[Period]:
    """Periods for which a Figure was weighed here and that a span touches."""
    if measure not in at_rest.measures_held(home):
        return []
    touched = " OR ".join(f'(start < {end} AND "end" > {start})' for start, end in spans)
    with engine(home.path) as opened:
        at_rest.view(home, opened, "held", measure, None, within=False)
        rows = opened.rows(f"SELECT DISTINCT start, \"end\" FROM held WHERE home = '' AND ({touched})")
    return [Period(start, end) for start, end in rows]
