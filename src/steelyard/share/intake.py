"""Bundles that other homes push, on their way into the home: those that wait are kept together, and acknowledged once durable."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager

from steelyard.errors import InputError
from steelyard.share.receive import BATCH_BYTES, Received, receive_many
from steelyard.store.home import Home

LINGER_SECONDS = 0.02
"""So long the first of a batch waits for others: one commit serves many."""
MOST_TOGETHER = 512

Outcome = Received | InputError


class Full(Exception):  # noqa: N818  - an answer: come again
    """So much waits already that no more is taken for now."""


class Intake:
    """A thread that keeps what waits. ``lend`` gives it the home; ``most`` bytes may wait or be on their way here at once."""

    def __init__(self, lend: Callable[[], AbstractContextManager[Home]], most: int = 4 * BATCH_BYTES) -> None:
        self._lend = lend
        self._left = most
        self._came = threading.Condition()
        self._waiting: deque[tuple[str, bytes, Future[Outcome]]] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def reserve(self, size: int) -> None:
        """Room for so many bytes, to be given back by ``release``; raises Full."""
        with self._came:
            if self._closed or size > self._left:
                raise Full
            self._left -= size

    def release(self, size: int) -> None:
        """Give room back."""
        with self._came:
            self._left += size

    def hand(self, where: str, data: bytes) -> Future[Outcome]:
        """What keeping a bundle comes to, once it is durable; whatever else goes wrong is the future's exception."""
        future: Future[Outcome] = Future()
        with self._came:
            if self._closed:
                raise Full
            self._waiting.append((where, data, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
                self._thread.start()
            self._came.notify()
        return future

    def close(self) -> None:
        """Keep what waits, then end."""
        with self._came:
            self._closed = True
            self._came.notify()
        if self._thread:
            self._thread.join(60)

    def _run(self) -> None:
        while True:
            with self._came:
                self._came.wait_for(lambda: bool(self._waiting) or self._closed)
                if not self._waiting:
                    return
            time.sleep(LINGER_SECONDS)
            with self._came:
                batch = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
            self._keep(batch)

    def _keep(self, batch: list[tuple[str, bytes, Future[Outcome]]]) -> None:
        try:
            with self._lend() as home:
                outcomes = receive_many(home, ((where, data) for where, data, _ in batch))
        except Exception as error:  # noqa: BLE001  - a full disk, a locked ledger: those who wait come again, the thread goes on
            for _, _, future in batch:
                future.set_exception(error)
            return
        for (_, _, future), outcome in zip(batch, outcomes, strict=True):
            future.set_result(outcome)
