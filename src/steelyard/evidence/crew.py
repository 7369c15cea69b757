"""Many bundles verified beside each other: in processes of their own where they are very many, else here.

A process of its own runs ``main``: it reads bundles from its input and answers on its output. It knows
no home, no key and no file, and ends when its input does.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from queue import SimpleQueue
from typing import Any, BinaryIO, Self

from steelyard.evidence.lots import Lot, verify
from steelyard.evidence.policy import Rule

FEW = 512
"""Up to so many are verified here: a process takes half a second to come up."""
PART = 256
HELPER = "from steelyard.evidence.crew import main; main()"
Came = list[tuple[str, bytes]]


def lots(batches: Iterator[Came], policy: Rule, consumer: str, now: int) -> Iterator[tuple[Came, list[Lot]]]:
    """Each batch with what verifying it came to; while one is kept the next is verified."""
    first = next(batches, None)
    if first is None:
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if len(first) <= FEW or cores < 2:
        for batch in chain([first], batches):
            yield batch, [verify(enumerate(data for _, data in batch), policy, consumer, now)]
        return
    with _Crew(cores, (policy, consumer, now)) as crew:
        before: tuple[Came, list[Future[Lot]]] | None = None
        for batch in chain([first], batches):
            under_way = [crew.verify(part) for part in _parts(batch)]
            if before:
                yield before[0], [one.result() for one in before[1]]
            before = (batch, under_way)
        if before:
            yield before[0], [one.result() for one in before[1]]


def _parts(batch: Came) -> Iterator[list[tuple[int, bytes]]]:
    placed = [(place, data) for place, (_, data) in enumerate(batch)]
    yield from (placed[i : i + PART] for i in range(0, len(placed), PART))


class _Crew:
    """Some processes that verify, each fed by a thread; use as a context."""

    def __init__(self, count: int, terms: tuple[Rule, str, int]) -> None:
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._all = [
            subprocess.Popen(
                [sys.executable, "-c", HELPER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            for _ in range(count)
        ]
        self._threads = ThreadPoolExecutor(count)
        self._terms = terms
        for one in self._all:
            _send(one.stdin, terms)
            self._idle.put(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for one in self._all:
            with suppress(OSError):
                one.communicate()

    def verify(self, part: Sequence[tuple[int, bytes]]) -> Future[Lot]:
        """What verifying some bundles comes to."""
        return self._threads.submit(self._verify, part)

    def _verify(self, part: Sequence[tuple[int, bytes]]) -> Lot:
        one = self._idle.get()
        try:
            _send(one.stdin, part)
            lot: Lot = _heard(one.stdout)
        except (EOFError, OSError):  # it was killed: what it had is verified here
            lot = verify(part, *self._terms)
        finally:
            self._idle.put(one)
        return lot


def _send(pipe: BinaryIO | Any, what: object) -> None:
    pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def _heard(pipe: BinaryIO | Any) -> Any:
    return pickle.load(pipe)  # noqa: S301  - what our own process says of what it verified


def main() -> None:
    """Verify what comes on standard input until it ends."""
    gc.freeze()
    gc.set_threshold(
        100_000, 50, 50
    )  # lots are short-lived and hold no circles: looking for some took an eighth of the time
    policy, consumer, now = _heard(sys.stdin.buffer)
    while True:
        try:
            part = _heard(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # what was frozen is not to be taken apart
        _send(sys.stdout.buffer, verify(part, policy, consumer, now))
