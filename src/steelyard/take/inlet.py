"""The inlet of one connection: counts and queues what its connector hands over, until the writer commits it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.connect.base import Ints
from steelyard.connect.moments import EARLIEST, LATEST
from steelyard.refusal import Refusal
from steelyard.store.arrived import EVERY, Arrived, Rows, Turn, Values

MOST_WAITING = 300_000
"""Values that wait for the writer, over all connections: beyond it connectors are held back."""


class Queue:
    """What waits for the writer; ``full`` holds connectors back, ``wake`` tells the writer."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self.most = most
        self.waiting = 0
        self.changed = threading.Condition()

    def enter(self, size: int, stopped: threading.Event) -> None:
        """Wait for room (called with ``changed`` held), unless we stop."""
        while self.waiting and self.waiting + size > self.most and not stopped.is_set():
            self.changed.wait(0.1)
        self.waiting += size
        self.changed.notify_all()


class Hands(Protocol):
    """What an inlet cannot do by itself."""

    def check(self, table: str, rows: pa.Table) -> tuple[pa.Table, list[Refusal], str]:
        """Rows of a Table as they came: the good ones typed, the refusals, and the table's grade."""

    def take(self, path: Path, options: dict[str, Any], *, synthetic: bool) -> tuple[int, int, int, list[Refusal]]:
        """Take a whole file: rows in it, rows stored, rows that were here already, refusals."""


class Gate:
    """One connection's inlet, as ``connect.base.Inlet`` describes it."""

    def __init__(self, name: str, queue: Queue, number: Callable[[str, str, str], int], now: Callable[[], int],
                 hands: Hands, position: dict[str, Any], *, synthetic: bool) -> None:  # fmt: skip
        self.name = name
        self.stopped = threading.Event()
        self.position = position
        self.synthetic = synthetic
        self.alive = threading.Event()
        self._queue, self._number, self._now, self._hands = queue, number, now, hands
        self._arrived = Arrived(name, synthetic)

    def signal(self, subject: str, name: str, unit: str = "") -> int:
        return self._number(subject, name, unit)

    def keep(self, signals: npt.NDArray[np.int32], at: Ints, value: npt.NDArray[np.float64], *, text: pa.Array | None = None,
             quality: npt.NDArray[np.uint8] | None = None, received: int | None = None, position: dict[str, Any] | None = None,
             then: Callable[[], None] | None = None) -> None:  # fmt: skip
        self.alive.set()
        values = self._sane(Values(signals, at, value, text, quality, received or self._now()))
        with self._queue.changed:
            self._queue.enter(len(values), self.stopped)
            self._arrived.received += len(signals)
            if len(values):
                self._arrived.values.append(values)
            self._settle(position, then)

    def _sane(self, values: Values) -> Values:
        """Values without those whose time no clock can mean."""
        good = (values.at >= EARLIEST) & (values.at < LATEST)
        if good.all():
            return values
        with self._queue.changed:
            self._arrived.refuse("SY605", str(values.at[~good][0]), int((~good).sum()), {})
        return Values(values.signals[good], values.at[good], values.value[good],
                      values.text.filter(pa.array(good)) if values.text is not None else None,
                      values.quality[good] if values.quality is not None else None, values.received)  # fmt: skip

    def rows(self, table: str, rows: pa.Table, *, position: dict[str, Any] | None = None,
             then: Callable[[int, list[str]], None] | None = None) -> None:  # fmt: skip
        self.alive.set()
        checked, refused, grade = self._hands.check(table, rows)
        reasons = [f"{r.row}: {r.code} {r.column} {r.value[:80]!r}: {r.say()}" for r in refused]
        with self._queue.changed:
            self._queue.enter(checked.num_rows, self.stopped)
            self._arrived.received += rows.num_rows
            self._refuse(refused)
            if checked.num_rows:
                call = None if then is None else lambda stored: then(stored, reasons)
                self._arrived.tables.append(Rows(table, checked, grade, call))
            elif then:
                self._arrived.then.append(lambda: then(0, reasons))
            self._settle(position, None)

    def file(self, path: Path, **options: Any) -> None:
        self.alive.set()
        received, stored, repeated, refused = self._hands.take(path, options, synthetic=self.synthetic)
        with self._queue.changed:
            self._arrived.received += received
            self._arrived.stored += stored
            self._arrived.repeated += repeated
            self._refuse(refused)
            self._queue.changed.notify_all()

    def _refuse(self, refused: list[Refusal]) -> None:
        """One row can be refused for several cells: it counts once, for the first of them."""
        for one in {r.row: r for r in reversed(refused)}.values():
            self._arrived.refuse(one.code, one.value, 1, {**one.facts, "column": one.column, "row": one.row})

    def refuse(self, code: str, value: str, count: int = 1, **facts: object) -> None:
        with self._queue.changed:
            self._arrived.received += count
            self._arrived.refuse(code, value, count, facts)

    def online(self, subject: str, at: int | None = None) -> None:
        self.alive.set()
        self._turn(Turn(subject, at or self._now(), online=True))

    def offline(self, subject: str, reason: str, at: int | None = None) -> None:
        self._turn(Turn(subject, at or self._now(), online=False, why=reason))

    def heard(self, subject: str, start: int, end: int) -> None:
        start, end = max(start, EARLIEST), min(end, LATEST)
        if start < end:
            with self._queue.changed:
                self._arrived.heard.append((subject, start, end))

    def finding(self, subject: str, code: str, text: str) -> None:
        with self._queue.changed:
            _, count = self._arrived.findings.get((subject, code), ("", 0))
            self._arrived.findings[subject, code] = (text, count + 1)

    def _turn(self, turn: Turn) -> None:
        with self._queue.changed:
            self._arrived.turns.append(turn)
            self._queue.changed.notify_all()

    def lose(self, why: str, at: int | None) -> None:
        """The source is lost (called with the queue held): every session of this connection ends."""
        self._arrived.turns.append(Turn(EVERY, at or self._now(), online=False, why=why))

    @property
    def has_news(self) -> bool:
        """Whether anything waits for the writer (asked with the queue held)."""
        one = self._arrived
        return bool(one.values or one.tables or one.then or one.turns or one.stored or one.repeated or one.heard
                    or one.position is not None)  # fmt: skip

    @property
    def awaited(self) -> bool:
        """Whether a peer waits for an acknowledgement (asked with the queue held)."""
        return bool(self._arrived.then) or any(part.then for part in self._arrived.tables)

    def _settle(self, position: dict[str, Any] | None, then: Callable[[], None] | None) -> None:
        if position is not None:
            self.position = self._arrived.position = position
        if then:
            self._arrived.then.append(then)
            self._queue.changed.notify_all()

    def empty(self, state: str, why: str) -> Arrived:
        """Take out all that waits (called with the queue held)."""
        arrived, self._arrived = self._arrived, Arrived(self.name, self.synthetic)
        arrived.state, arrived.why = state, why
        arrived.beat = self._now()
        self._queue.waiting -= sum(map(len, arrived.values)) + sum(part.rows.num_rows for part in arrived.tables)
        return arrived
