"""An inlet that remembers all that a connector hands over, for tests of connectors without a home."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np


class Recorder:
    """Collects what comes in; durable at once, unless ``hold`` is set: then ``then`` waits in ``waiting``."""

    def __init__(self, position: dict[str, Any] | None = None, *, hold: bool = False) -> None:
        self.stopped = threading.Event()
        self.position = position or {}
        self.hold = hold
        self.names: list[tuple[str, str, str]] = []
        self.samples: list[tuple[str, str, int, float | None, str | None, int]] = []
        self.tables: list[tuple[str, Any]] = []
        self.files: list[Any] = []
        self.refusals: list[tuple[str, str, int]] = []
        self.sessions: list[tuple[str, str]] = []
        self.told: list[tuple[str, int, int]] = []
        self.findings: set[tuple[str, str]] = set()
        self.waiting: list[Callable[[], None]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def signal(self, subject, name, unit=""):
        if (subject, name) not in self._numbers:
            self._numbers[subject, name] = len(self.names)
            self.names.append((subject, name, unit))
        return self._numbers[subject, name]

    def keep(self, signals, at, value, *, text=None, quality=None, received=None, position=None, then=None):
        texts = text.to_pylist() if text is not None else [None] * len(signals)
        qualities = quality.tolist() if quality is not None else [0] * len(signals)
        assert len(signals) == len(at) == len(value) == len(texts) == len(qualities)
        with self._lock:
            for s, t, v, x, q in zip(signals.tolist(), at.tolist(), value.tolist(), texts, qualities, strict=True):
                self.samples.append((*self.names[s][:2], t, None if np.isnan(v) else v, x, q))
            self._commit(position, then)

    def rows(self, table, rows, *, position=None, then=None):
        self.tables.append((table, rows))
        self._commit(position, then and (lambda: then(rows.num_rows, [])))

    def file(self, path, **options):
        self.files.append((path, options))

    def refuse(self, code, value, count=1, **facts):
        self.refusals.append((code, value, count))

    def online(self, subject, at=None):
        self.sessions.append((subject, "online"))

    def offline(self, subject, reason, at=None):
        self.sessions.append((subject, "offline"))

    def heard(self, subject, start, end):
        self.told.append((subject, start, end))

    def finding(self, subject, code, text):
        self.findings.add((subject, code))

    def _commit(self, position, then):
        if position is not None:
            self.position = position
        if then and self.hold:
            self.waiting.append(then)
        elif then:
            then()

    def values(self, subject, name):
        """The numbers, or texts, of one signal, in the order in which they came."""
        return [v if v is not None else x for s, n, _, v, x, _ in list(self.samples) if (s, n) == (subject, name)]

    def wait(self, condition, seconds=15.0):
        """Wait until a condition of the recorder holds; fails with what came in."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition(self):
                return
            time.sleep(0.01)
        raise AssertionError(f"waited {seconds} s in vain; samples {self.samples[-5:]}, sessions {self.sessions[-5:]}")


@contextmanager
def running(connector, inlet):
    """Run a connector in its thread until the block ends; what it raises is raised here."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            connector.run(inlet)
        except BaseException as error:  # noqa: BLE001  - handed to the test
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield failed
    finally:
        inlet.stopped.set()
        thread.join(10)
        assert not thread.is_alive(), "the connector did not stop when asked"
