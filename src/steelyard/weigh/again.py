"""Weigh anew what new leaves touch: the days of the last month, and every period that has a Figure and that rows reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlalchemy as sa

from steelyard.catalog.method import tables_read
from steelyard.errors import SteelyardError
from steelyard.model.measure import Measure
from steelyard.model.period import Period, local_day, parse
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.ledger import home as facts
from steelyard.store.ledger import leaves, seals
from steelyard.store.stream import cut
from steelyard.weigh.keep import Weighed
from steelyard.weigh.weigh import weigh

Span = tuple[int, int]
DAY = 86_400_000_000
BACK = 31 * DAY
"""So far back every day that rows reach is weighed, also one that has no Figure yet: what a plant sent after a standstill."""
_KEY, _FAULT = "weighed", "weighing"


def again(home: Home, progress: Callable[[str], None] | None = None) -> list[Weighed]:
    """Weigh what leaves sealed since the last time touch; measures that people answer are left to people.

    A measure is weighed for each period that has a Figure of it here and that a new leaf reaches, and for each day of the last
    month that rows came in of. A period that cannot be weighed keeps no other from it: its fault is raised after them all.
    """
    cut(home)
    since = _weighed_until(home)
    columns = (leaves.c.kind, leaves.c.start, leaves.c.end, leaves.c.seal)
    new = home.ledger.all(sa.select(*columns).where(leaves.c.seal > since))
    spans: dict[str, list[Span]] = {}
    for row in new:
        spans.setdefault(row.kind, []).append((row.start, row.end))
    done: list[Weighed] = []
    faults: list[SteelyardError] = []
    for period, names in _due(home, spans).items():
        try:
            done += weigh(home, names, [period], progress=progress)
        except SteelyardError as error:
            faults.append(error)
    if new:
        _note(home, _KEY, str(max(row.seal for row in new)))
    if faults:
        raise faults[0]
    return done


def fault(home: Home) -> str:
    """Why weighing by itself failed the last time; empty when it went well."""
    row = home.ledger.one(sa.select(facts.c.value).where(facts.c.key == _FAULT))
    return row.value if row else ""


def note_fault(home: Home, why: str) -> None:
    """Keep why weighing by itself failed, for people to see; empty when it went well."""
    if why != fault(home):
        _note(home, _FAULT, why)


def _weighed_until(home: Home) -> int:
    """The number of the last seal that was looked at; at first, of the last Figures that were sealed."""
    row = home.ledger.one(sa.select(facts.c.value).where(facts.c.key == _KEY))
    if row is None:
        row = home.ledger.one(
            sa.select(sa.func.coalesce(sa.func.max(seals.c.number), 0)).where(seals.c.kind == "figures")
        )
    return int(row[0])


def _note(home: Home, key: str, value: str) -> None:
    with home.ledger.write() as connection:
        connection.execute(facts.delete().where(facts.c.key == key))
        connection.execute(facts.insert().values(key=key, value=value))


def _due(home: Home, spans: dict[str, list[Span]]) -> dict[Period, list[str]]:
    """Which measures are due for which periods, the latest first: people look at today."""
    due: dict[Period, list[str]] = {}
    days = {kind: _days(home, _merged(found)) for kind, found in spans.items() if _told_in_time(home, kind)}
    for measure in home.catalog.measures.values():
        kinds = _tables(home, measure)
        touching = _merged(span for kind in kinds for span in _reaching(home, kind, spans.get(kind, [])))
        if not touching or measure.how != "read":
            continue
        for period in set(_held(home, measure.id, touching)).union(*(days.get(kind, set()) for kind in kinds)):
            due.setdefault(period, []).append(measure.id)
    return {period: due[period] for period in sorted(due, key=lambda p: (-p.end, p.start))}


def _told_in_time(home: Home, kind: str) -> bool:
    """Whether rows of a table tell what happened when; neither a plan nor what holds at all times."""
    table = home.catalog.tables.get(kind)
    return table is not None and bool(table.start) and not table.whole and not table.calendar


def _days(home: Home, spans: Iterable[Span]) -> set[Period]:
    """The days of the home's zone within the last month that spans touch."""
    now = home.now()
    recent = [(max(start, now - BACK), min(end, now + 1)) for start, end in spans]
    parts = (part for start, end in recent if start < end for part in Period(start, end).split("day", home.zone))
    return {parse(local_day(part.start, home.zone), home.zone) for part in parts}


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
