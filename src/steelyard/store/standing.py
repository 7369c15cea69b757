"""How connections stand: counters, positions, reasons, findings, and since when each device's session stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from steelyard.store.arrived import EVERY, Arrived
from steelyard.store.ledger import Ledger, connections, devices, findings, reasons

MOST_SHOWN = 1_000
Span = tuple[str, str, int, int, bool]  # connection, subject, start, end (µs UTC), synthetic


def keep_standing(connection: sa.Connection, arrived: Sequence[Arrived]) -> list[Span]:
    """Add what arrived to counters and findings inside an open write; returns the spans that devices were watched."""
    spans: list[Span] = []
    for one in arrived:
        _count(connection, one)
        _findings(connection, one)
        spans += _turns(connection, one)
        _clocks(connection, one)
        spans += [(one.connection, subject, start, end, one.synthetic) for subject, start, end in one.heard]
    return spans


def watched(connection: sa.Connection) -> list[Span]:
    """Spans of all standing sessions up to their connection's last beat, from where they go on."""
    both = sa.select(devices, connections.c.beat, connections.c.synthetic).join(
        connections, connections.c.name == devices.c.connection
    )
    spans = []
    for row in connection.execute(both.where(devices.c.since.is_not(None), devices.c.since < connections.c.beat)).all():
        mine = (devices.c.connection == row.connection) & (devices.c.subject == row.subject)
        connection.execute(devices.update().where(mine).values(since=row.beat))
        spans.append((row.connection, row.subject, row.since, row.beat, bool(row.synthetic)))
    return spans


def interrupted(connection: sa.Connection, names: Sequence[str], why: str) -> None:
    """End the sessions of connections that are not run any more: what follows their last beat is unknown."""
    connection.execute(devices.update().where(devices.c.connection.in_(names), devices.c.since.is_not(None))
                       .values(since=None, why=why))  # fmt: skip
    connection.execute(connections.update().where(connections.c.name.in_(names)).values(state="stopped", why=why))


def standings(ledger: Ledger) -> list[dict[str, Any]]:
    """Every connection with its counters, the reasons of refusals, findings and devices, by name, all of one moment."""
    with ledger.snapshot() as connection:
        return [
            _standing(connection, row)
            for row in connection.execute(sa.select(connections).order_by(connections.c.name))
        ]


def _standing(connection: sa.Connection, row: sa.Row[Any]) -> dict[str, Any]:
    one = dict(row._mapping)  # noqa: SLF001  - SQLAlchemy's public name
    one["position"] = json.loads(one["position"])
    for table in (reasons, findings, devices):
        found = connection.execute(sa.select(table).where(table.c.connection == row.name).limit(MOST_SHOWN))
        one[table.name] = [{k: v for k, v in part._mapping.items() if k != "connection"} for part in found]  # noqa: SLF001
    for reason in one["reasons"]:
        reason["facts"] = json.loads(reason["facts"])
    return one


def register(connection: sa.Connection, name: str, connector: str, *, synthetic: bool) -> dict[str, Any]:
    """Make a connection known; returns its resume position."""
    known = {"connector": connector, "synthetic": int(synthetic)}
    connection.execute(insert(connections).values(name=name, **known).on_conflict_do_update(
        index_elements=["name"], set_=known))  # fmt: skip
    row = connection.execute(sa.select(connections.c.position).where(connections.c.name == name)).one()
    return dict(json.loads(row.position))


def _count(connection: sa.Connection, one: Arrived) -> None:
    refused = sum(count for count, _, _ in one.refused.values())
    values: dict[str, Any] = {
        "received": connections.c.received + one.received,
        "stored": connections.c.stored + one.stored,
        "repeated": connections.c.repeated + one.repeated,
        "refused": connections.c.refused + refused,
        "state": one.state, "why": one.why,
    }  # fmt: skip
    if one.beat:
        values["beat"] = one.beat
    if one.position is not None:
        values["position"] = json.dumps(one.position, ensure_ascii=False)
    connection.execute(connections.update().where(connections.c.name == one.connection).values(values))
    for code, (count, example, facts) in one.refused.items():
        row = insert(reasons).values(connection=one.connection, code=code, count=count, example=example[:200],
                                     facts=json.dumps(facts, ensure_ascii=False, default=str))  # fmt: skip
        connection.execute(row.on_conflict_do_update(
            index_elements=["connection", "code"], set_={"count": reasons.c.count + count}))  # fmt: skip


def _findings(connection: sa.Connection, one: Arrived) -> None:
    for (subject, code), (text, count) in one.findings.items():
        row = insert(findings).values(connection=one.connection, subject=subject, code=code, text=text[:500],
                                      count=count, first=one.beat, last=one.beat)  # fmt: skip
        connection.execute(row.on_conflict_do_update(
            index_elements=["connection", "subject", "code"],
            set_={"count": findings.c.count + count, "last": one.beat, "text": text[:500]}))  # fmt: skip


def _turns(connection: sa.Connection, one: Arrived) -> list[Span]:
    """Sessions that began to stand or ended, in order; returns the spans of those that ended."""
    spans: list[Span] = []
    for turn in one.turns:
        mine = devices.c.connection == one.connection
        if turn.subject != EVERY:
            mine &= devices.c.subject == turn.subject
            known = {"connection": one.connection, "subject": turn.subject}
            connection.execute(insert(devices).values(**known).on_conflict_do_nothing())
        standing = mine & devices.c.since.is_not(None)
        if turn.online:
            connection.execute(devices.update().where(mine & devices.c.since.is_(None)).values(since=turn.at, why=""))
            continue
        ended = connection.execute(sa.select(devices).where(standing)).all()
        spans += [(one.connection, row.subject, row.since, turn.at, one.synthetic) for row in ended]
        connection.execute(devices.update().where(standing).values(since=None, why=turn.why[:200]))
    return spans


def _clocks(connection: sa.Connection, one: Arrived) -> None:
    """Note each device's newest source time and its clock against ours."""
    for subject, (newest, ahead) in one.clocks.items():
        mine = (devices.c.connection == one.connection) & (devices.c.subject == subject)
        connection.execute(devices.update().where(mine).values(heard=newest, skew=ahead))
