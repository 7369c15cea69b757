"""Follow the connections of a home: a thread for each, one writer, sources that die asked again for ever.

Acknowledged is durable: what a connector acknowledges to its peer it does after the commit that holds it. Memory is bounded
by what may wait for the writer; a connector that brings more is held back.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from steelyard import tabular
from steelyard.connect.base import Connection
from steelyard.connect.registry import connector_of
from steelyard.errors import InputError, UsageError
from steelyard.refusal import Refusal
from steelyard.store.arrived import Arrived
from steelyard.store.home import Home
from steelyard.store.lake import EngineError
from steelyard.store.ledger import LedgerError
from steelyard.store.lock import Lock
from steelyard.store.standing import interrupted, register
from steelyard.store.stream import Stream
from steelyard.take.connections import connections
from steelyard.take.inlet import Gate, Queue
from steelyard.take.take import take, without_claims

COMMIT_SECONDS, COMMIT_ROWS = 0.2, 150_000
STALL_SECONDS = 0.01
"""So long without anything new, peers that wait for acknowledgements are held to send no more until they have them."""
SWITCH_SECONDS = 0.0005
"""After so long a thread lets a waiting one run: a commit under way does not hold up what is read (5 ms a turn otherwise)."""
BEAT_SECONDS = 5.0
CUT_SECONDS, CUT_ROWS = 60.0, 200_000  # a cut holds its rows in memory once: some 40 MB
FIRST_PAUSE, PAUSE, LONG_PAUSE, LONG_AFTER = 0.25, 4.0, 60.0, 600.0


@dataclass
class Tended:
    """One connection under way: its inlet, its state for people, and since when its source is lost."""

    connection: Connection
    gate: Gate
    state: str = "running"
    why: str = ""
    lost_since: float = 0.0
    thread: threading.Thread | None = None
    turned: bool = field(default=True)


class Follow:
    """All connections of a home, running. Use as a context; raises UsageError SY604 where another process runs them, SY607
    where there are none, SY601 to SY603 where one cannot be made.
    """

    def __init__(self, path: Path, names: Sequence[str] = (), cut_seconds: float = CUT_SECONDS) -> None:
        self.home = Home.open(path)
        self.cut_seconds = cut_seconds
        self.queue = Queue()
        self.failed = ""
        self._lock = Lock(path / "follow.lock")
        self._stopped = threading.Event()
        self._loose, self._cut_at = 0, time.monotonic()
        found = [one for one in connections(self.home) if not names or one.name in names]
        if not found:
            raise UsageError("SY607", folder=str(path / "connections"))
        for one in found:
            connector_of(one)
        if not self._lock.take():
            raise UsageError("SY604", str(path))
        self.stream = Stream(self.home)
        self.tended = [Tended(one, self._gate(one)) for one in found]
        self._writer = threading.Thread(target=self._write_on, name="writer", daemon=True)

    def _gate(self, one: Connection) -> Gate:
        synthetic = one.settings.get("synthetic") is True
        self.stream.cut()  # what an earlier run left behind, up to its last beat
        with self.home.ledger.write() as connection:
            position = register(connection, one.name, one.connector, synthetic=synthetic)
            interrupted(connection, [one.name], "steelyard stopped")
        return Gate(one.name, self.queue, lambda s, n, u: self.stream.signal(one.name, s, n, u), self.home.now, self,
                    position, synthetic=synthetic)  # fmt: skip

    def __enter__(self) -> Self:
        pa.set_memory_pool(pa.system_memory_pool())  # it gives back what was freed: a fifth less memory at rest
        sys.setswitchinterval(SWITCH_SECONDS)
        for one in self.tended:
            one.thread = threading.Thread(target=self._tend, args=(one,), name=one.connection.name, daemon=True)
            one.thread.start()
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all, commit what waits, cut it into leaves."""
        for one in self.tended:
            one.gate.stopped.set()
        for one in self.tended:
            if one.thread:
                one.thread.join(10)
            one.state = "stopped"
        self._stopped.set()
        with self.queue.changed:
            self.queue.changed.notify_all()
        self._writer.join(60)
        with self.home.ledger.write() as connection:
            interrupted(connection, [one.connection.name for one in self.tended], "")
        self._lock.give()
        self.home.close()

    # one thread a connection

    def _tend(self, one: Tended) -> None:
        """Run a connector again and again; a source that stays away is asked at growing intervals."""
        tries = 0
        while not one.gate.stopped.is_set():
            one.gate.alive.clear()
            at = None
            try:
                connector_of(one.connection).run(one.gate)
                why = ""
            except (InputError, UsageError) as error:
                self._say(one, "wrong", str(error), None)
                one.gate.stopped.wait(LONG_PAUSE)  # what is wrong now may be right when a server has come up
                continue
            except Exception as error:  # noqa: BLE001  - whatever a source does, the next try may find it well
                why, at = f"{type(error).__name__}: {error}", getattr(error, "at", None)
            if one.gate.stopped.is_set():
                break
            tries = 0 if one.gate.alive.is_set() else tries + 1
            self._say(one, "lost", why or "the source ended", at)
            one.gate.stopped.wait(self._pause(one, tries))
            self._say(one, "running", "", None)

    def _pause(self, one: Tended, tries: int) -> float:
        most = LONG_PAUSE if time.monotonic() - one.lost_since > LONG_AFTER else PAUSE
        pause: float = min(FIRST_PAUSE * 2.0 ** min(tries, 10), most)
        return pause * random.uniform(0.75, 1.0)  # noqa: S311  - spreads the load

    def _say(self, one: Tended, state: str, why: str, at: int | None) -> None:
        with self.queue.changed:
            if state != "running":
                one.gate.lose(why, at)
                one.lost_since = one.lost_since if not one.gate.alive.is_set() and one.lost_since else time.monotonic()
            one.state, one.why = state, why or one.why
            one.turned = True
            self.queue.changed.notify_all()

    # what inlets ask of us

    def check(self, table: str, rows: pa.Table) -> tuple[pa.Table, list[Refusal], str]:
        """Rows as they came against a Table."""
        shape = self.home.catalog.table(table)
        if not shape.by_hand:
            raise UsageError("SY113", name=shape.name)
        catalog = self.home.catalog
        raw = tabular.raw_of(rows, shape, table)
        checked = tabular.check(raw, shape, self.home.zone, self.home.now(), catalog.codes, catalog.items)
        checked = without_claims(self.home, shape, checked)
        grade = "rows" if "grade" in shape.names else shape.grade
        return checked.rows, checked.refused, grade

    def take(self, path: Path, options: dict[str, Any], *, synthetic: bool) -> tuple[int, int, int, list[Refusal]]:
        """Take a whole file."""
        taken = take(self.home, path, synthetic=synthetic, **options)
        repeated = sum(leaf.rows for leaf in taken.leaves) if taken.already else 0
        return taken.read + repeated, taken.stored, repeated, taken.refused

    # the writer

    def _write_on(self) -> None:
        beat = 0.0
        while not self._stopped.is_set():
            with self.queue.changed:
                self._await_something()
                due = time.monotonic() - beat >= BEAT_SECONDS
                arrived = [one.gate.empty(one.state, one.why) for one in self.tended if due or self._has_news(one)]
            beat = time.monotonic() if due else beat
            self._commit(arrived)
        with self.queue.changed:
            last = [one.gate.empty(one.state, one.why) for one in self.tended]
        self._commit(last)
        self._cut()

    def _await_something(self) -> None:
        """Wait for values, at most for a beat; then a moment more, so that one commit serves many."""
        self.queue.changed.wait_for(
            lambda: self._stopped.is_set() or any(map(self._has_news, self.tended)), BEAT_SECONDS
        )
        until = time.monotonic() + COMMIT_SECONDS
        while (
            not self._stopped.is_set() and self.queue.waiting < COMMIT_ROWS and (left := until - time.monotonic()) > 0
        ):
            awaited = any(one.gate.awaited for one in self.tended)
            if not self.queue.changed.wait(min(left, STALL_SECONDS) if awaited else left) and awaited:
                break

    @staticmethod
    def _has_news(one: Tended) -> bool:
        return one.turned or one.gate.has_news

    def _commit(self, arrived: list[Arrived]) -> None:
        """Commit, again and again where the disk refuses: nothing that was taken out of a queue is dropped."""
        for one in self.tended:
            one.turned = False
        while arrived:
            try:
                if self._tried(lambda: self.stream.commit(arrived)):
                    break
            except Exception as error:  # noqa: BLE001  - one connection's fault must not end the others' writer
                self._apart(arrived, error)
                break
            if self._stopped.wait(1.0):
                return
        if self._loose >= CUT_ROWS or time.monotonic() - self._cut_at >= self.cut_seconds:
            self._cut()

    def _apart(self, arrived: list[Arrived], error: Exception) -> None:
        """Commit each connection's by itself; what cannot be kept even so is refused as a whole, and counted."""
        if len(arrived) > 1:
            for one in arrived:
                self._commit([one])
            return
        (one,) = arrived
        why = f"{type(error).__name__}: {error}"
        left = Arrived(one.connection, one.synthetic, turns=one.turns, received=one.received, stored=one.stored,
                       repeated=one.repeated, refused=dict(one.refused), state=one.state, why=why, beat=one.beat)  # fmt: skip
        settled = one.stored + one.repeated + sum(count for count, *_ in one.refused.values())
        left.refuse("SY609", why, one.received - settled, {"why": why})
        self._safely(lambda: self.stream.commit([left]))

    def _cut(self) -> None:
        self._loose, self._cut_at = 0, time.monotonic()
        self._safely(lambda: len(self.stream.cut()) * 0)

    def _safely(self, write: Callable[[], int]) -> None:
        """Try a write once; whatever it raises is shown and does not end the writer."""
        try:
            self._tried(write)
        except Exception as error:  # noqa: BLE001  - a tail that cannot be read, a session that cannot be told
            self.failed = f"{type(error).__name__}: {error}"

    def _tried(self, write: Callable[[], int]) -> bool:
        """Whether a write went well; what failed is shown until one does, and tried again."""
        try:
            self._loose += write()
        except (OSError, *EngineError, LedgerError) as error:
            self.failed = f"{type(error).__name__}: {error}"
            return False
        self.failed = ""
        return True
