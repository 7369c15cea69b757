"""Push: hand the outbox's bundles to a receiver that cannot ask for them, and remember what it acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from steelyard.errors import InputError, UsageError
from steelyard.share import listening
from steelyard.share.offers import offers_of
from steelyard.share.outbox import numbers
from steelyard.share.subscriptions import Delivery, deliveries
from steelyard.share.wire import Line, SaidNoError
from steelyard.store.home import Home
from steelyard.store.ledger import delivered

_OLDER = "SY417"  # the receiver has a newer one: nothing is lost
_FOR_GOOD = ("SY409", "SY414", "SY416", "SY418", "SY812")
"""The very same bytes will be refused again, however often they are sent."""
_BUSY = 503


@dataclass
class Pushed:
    """What a delivery came to: bundles acknowledged now (of them ``repeated`` were there already), refused there, and why it failed."""

    name: str
    sent: int = 0
    repeated: int = 0
    refused: list[InputError] = field(default_factory=list)
    why: str = ""


def push(home: Home, names: Sequence[str] = ()) -> list[Pushed]:
    """Push by all deliveries, or by those named. Raises UsageError SY807 for a name that there is not, InputError SY801 where a file
    is wrong.
    """
    found = deliveries(home)
    if unknown := set(names) - {one.name for one in found}:
        raise UsageError("SY807", name=min(unknown), folder=str(home.path / "deliveries"))
    return [push_by(home, one) for one in found if not names or one.name in names]


def push_by(home: Home, one: Delivery) -> Pushed:
    """Push by one delivery; what it came to."""
    pushed = Pushed(one.name)
    try:
        _deliver(home, one, pushed)
    except OSError as error:
        pushed.why = f"{type(error).__name__}: {error}"
    listening.note(home, f"deliveries/{one.name}", pushed.why, one.ask_seconds)
    return pushed


def _deliver(home: Home, one: Delivery, pushed: Pushed) -> None:
    with Line(home, one.door) as line:
        for offer, number, path in unsent(home, one):
            try:
                _hand(home, line, one, offer, number, path, pushed)
            except SaidNoError as error:
                if error.status == _BUSY:
                    pushed.why = str(error)
                    return
                if error.said in _FOR_GOOD:
                    acknowledge(home, one.to, offer, number, error.said)
                pushed.refused.append(error)
            except InputError as error:
                pushed.why = str(error)
                return
    if pushed.refused:
        pushed.why = str(pushed.refused[-1])


def _hand(home: Home, line: Line, one: Delivery, offer: str, number: int, path: Path, pushed: Pushed) -> None:
    """Hand one bundle over; it counts as delivered once the receiver names its SHA-256 as kept, or has a newer one."""
    data = path.read_bytes()
    try:
        said = line.post("/share/bundles", data)
    except SaidNoError as error:
        if error.said != _OLDER:
            raise
        said = {"sha256": sha256(data).hexdigest(), "said": _OLDER}
    if said.get("sha256") != sha256(data).hexdigest():
        raise InputError("SY804", one.door.url, status=200, why="another SHA-256 than that of what was sent")
    acknowledge(home, one.to, offer, number, str(said.get("said", "")) or ("already" if said.get("already") else ""))
    pushed.sent += 1
    pushed.repeated += bool(said.get("already"))


def acknowledge(home: Home, to: str, offer: str, number: int, said: str) -> None:
    """Remember that a receiver (its home's id) has a bundle, or why it never will."""
    with home.ledger.write() as connection:
        row: dict[str, Any] = {"to": to, "offer": offer, "number": number, "at": home.now(), "said": said}
        connection.execute(delivered.insert().prefix_with("OR REPLACE"), row)


def unsent(home: Home, one: Delivery) -> Iterator[tuple[str, int, Path]]:
    """The bundles of the outbox that are for a receiver and were not acknowledged, the oldest of each offer first."""
    done = {(row.offer, row.number) for row in home.ledger.all(sa.select(delivered).where(delivered.c.to == one.to))}
    for offer in offers_of(home):
        if offer.consumer in ("*", one.to) and (not one.offers or offer.id in one.offers) and home.now() <= offer.until:
            yield from (
                (offer.id, number, path) for number, path in numbers(home, offer.id) if (offer.id, number) not in done
            )
