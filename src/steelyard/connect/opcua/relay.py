"""Between the loop that speaks to the server and the thread that feeds the inlet, so that a full inlet never stops the watch."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from steelyard.connect.base import Inlet

MOST_WAITING = 200_000  # values; from here on no more are fetched from the server, whose queues then fill
T = TypeVar("T")
Call = Callable[[Inlet], Any]


class Relay:
    """Calls of the inlet, in order. ``put`` and ``ask`` belong to the loop, ``serve`` to the connector's thread."""

    def __init__(self) -> None:
        self.failed: BaseException | None = None
        self.stopping = False
        self._calls: queue.SimpleQueue[tuple[Call, int] | None] = queue.SimpleQueue()
        self._put = 0
        self._done = 0
        self._stop: Callable[[], None] = lambda: None

    def put(self, call: Call, values: int = 0) -> None:
        """Have the inlet called, with so many values."""
        self._put += values
        self._calls.put((call, values))

    async def ask(self, call: Callable[[Inlet], T]) -> T:
        """Call the inlet and wait for what it says."""
        answer: Future[T] = Future()
        self.put(lambda inlet: answer.set_result(call(inlet)))
        return await asyncio.wrap_future(answer)

    async def room(self) -> None:
        """Wait while too many values wait."""
        while self._put - self._done > MOST_WAITING:  # noqa: ASYNC110  - the other side is a thread
            await asyncio.sleep(0.02)

    def attach(self, stop: Callable[[], None]) -> None:
        """How the loop is stopped from another thread."""
        self._stop = stop
        if self.stopping:
            stop()

    def end(self, failed: BaseException | None) -> None:
        """The loop is over, and why."""
        self.failed = failed
        self._calls.put(None)

    def serve(self, inlet: Inlet, thread: threading.Thread) -> None:
        """Call the inlet until the loop is over; raises what ended it, unless the inlet was stopped."""
        try:
            while True:
                self._mind(inlet)
                try:
                    found = self._calls.get(timeout=0.1)
                except queue.Empty:
                    continue
                if found is None:
                    break
                found[0](inlet)
                self._done += found[1]
        finally:
            self.halt()
            thread.join(10)
        if self.failed and not self.stopping:
            raise self.failed

    def _mind(self, inlet: Inlet) -> None:
        if inlet.stopped.is_set() and not self.stopping:
            self.stopping = True
            self._stop()

    def halt(self) -> None:
        """Stop the loop whatever it does."""
        self._stop()
