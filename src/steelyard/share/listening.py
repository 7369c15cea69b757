"""When each subscription and delivery was tried, how that went, and when it is tried next: pauses grow while it goes wrong."""

from __future__ import annotations

import random
from typing import Any

import sqlalchemy as sa

from steelyard.store.home import Home
from steelyard.store.ledger import listening

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 6 * 3600.0
"""Seconds after the first failure, and at most."""


def note(home: Home, name: str, why: str, ask_seconds: float) -> None:
    """Remember a try: it went well where ``why`` is empty."""
    now = home.now()
    with home.ledger.write() as connection:
        before = connection.execute(sa.select(listening).where(listening.c.name == name)).first()
        tries = (before.tries if before else 0) + 1 if why else 0
        pause = pause_after(tries) if why else ask_seconds
        row = {"name": name, "asked": now, "answered": (before.answered if before else 0) if why else now,
               "next": now + int(pause * 1e6), "tries": tries, "why": why[:500]}  # fmt: skip
        connection.execute(listening.insert().prefix_with("OR REPLACE"), row)


def pause_after(tries: int) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, a little by chance so that thousands do not come at once."""
    pause: float = min(FIRST_PAUSE * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE)
    return pause * random.uniform(0.75, 1.0)  # noqa: S311  - spreads the load


def standing(home: Home) -> dict[str, Any]:
    """All that is remembered, by name."""
    return {row.name: row for row in home.ledger.all(sa.select(listening))}


def due(home: Home, name: str) -> bool:
    """Whether it is time to try again."""
    row = home.ledger.one(sa.select(listening.c.next).where(listening.c.name == name))
    return row is None or row.next <= home.now()
