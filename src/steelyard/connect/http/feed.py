"""Between the listener's thread and the connector's: posts wait here, and are answered once durable."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.connect.base import Inlet
from steelyard.connect.http import body
from steelyard.connect.http.samples import Judge, topic
from steelyard.connect.http.settings import Settings
from steelyard.errors import HomeError, InputError, SteelyardError
from steelyard.refusal import Refusal

SHOWN = 1_000  # refusals that an answer names one by one
_REASON = re.compile(r"(?:row )?(?P<row>\d+)?:? ?(?P<code>SY\d{3})?:? ?(?P<why>.*)", re.DOTALL)


class FullError(Exception):
    """The home takes nothing more for now."""


@dataclass(frozen=True)
class Post:
    """A body that was read whole, its media, the Table that it is for (None: samples), and what the query adds."""

    body: bytes
    media: str
    table: str | None
    query: dict[str, str]


@dataclass(eq=False)
class _Job:
    post: Post
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[dict[str, Any]]

    def done(self, answer: dict[str, Any]) -> None:
        """From any thread: the answer, once."""
        self._tell(lambda: None if self.answer.done() else self.answer.set_result(answer))

    def failed(self, error: Exception) -> None:
        """From any thread: why there is none."""
        self._tell(lambda: None if self.answer.done() else self.answer.set_exception(error))

    def _tell(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the listener is closed, nobody waits for it any more
            self.loop.call_soon_threadsafe(act)


class Feed:
    """Posts on their way into an inlet, handed over one after the other by the connector's own thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._jobs: deque[_Job] = deque()
        self._came = threading.Condition()
        self._closed = False
        self._numbers: dict[tuple[str, str, str], int] = {}

    async def hand(self, post: Post, seconds: float) -> dict[str, Any]:
        """The answer to a post, once durable; raises FullError after the seconds, and what the post is refused for.

        What was given up while it waited is not kept; what was under way then may be, and is repeated when it comes again.
        """
        loop = asyncio.get_running_loop()
        job = _Job(post, loop, loop.create_future())
        with self._came:
            if self._closed:
                raise FullError
            self._jobs.append(job)
            self._came.notify()
        try:
            return await asyncio.wait_for(job.answer, seconds)
        except TimeoutError:
            raise FullError from None
        finally:
            with self._came, contextlib.suppress(ValueError):
                self._jobs.remove(job)

    def run(self, inlet: Inlet) -> None:
        """Feed an inlet until it is stopped; who still waits then is told to come again."""
        try:
            while not inlet.stopped.is_set():
                if job := self._next():
                    self._one(job, inlet)
        finally:
            with self._came:
                self._closed = True
            while self._jobs:
                self._jobs.popleft().failed(FullError())

    def _next(self) -> _Job | None:
        """The next post, or None where none came for a moment."""
        with self._came:
            self._came.wait_for(lambda: bool(self._jobs), 0.1)
            return self._jobs.popleft() if self._jobs else None

    def _one(self, job: _Job, inlet: Inlet) -> None:
        try:
            (self._samples if job.post.table is None else self._rows)(job, inlet)
        except (HomeError, OSError):
            job.failed(FullError())
            raise
        except body.TooLargeError as error:
            inlet.refuse("SY671", "", most=error.most, of=error.of)
            job.failed(error)
        except Exception as error:  # noqa: BLE001  - whatever one sender posts, the others are heard
            told = error if isinstance(error, SteelyardError) else InputError("SY674", reason=str(error)[:200])
            inlet.refuse(told.code, "", **_plain(told.facts))
            job.failed(told)

    def _samples(self, job: _Job, inlet: Inlet) -> None:
        post = job.post
        found, refused = body.samples_of(post.body, post.media, self.settings.max_rows)
        subject, signal = topic(post.query["topic"]) if "topic" in post.query else ("", "")
        judge = Judge(
            self.settings.zone, time.time_ns() // 1000, post.query.get("subject", subject),
            post.query.get("signal", signal), refused=refused,
        )  # fmt: skip
        judge.take(found)
        self._room(judge)
        _refuse(inlet, refused)
        stored = len(judge.names)
        answer = _answer(stored + len(refused), stored, refused)
        if stored:
            judge.keep(inlet, lambda name: self._number(name, inlet), lambda: job.done(answer))
        else:
            job.done(answer)

    def _room(self, judge: Judge) -> None:
        """Raises InputError SY674 where a post would bring more signals than there is room for."""
        if len(self._numbers.keys() | set(judge.names)) > self.settings.max_signals:
            raise InputError("SY674", reason=f"> max_signals: {self.settings.max_signals}")

    def _number(self, name: tuple[str, str, str], inlet: Inlet) -> int:
        if name not in self._numbers:
            self._numbers[name] = inlet.signal(*name)
        return self._numbers[name]

    def _rows(self, job: _Job, inlet: Inlet) -> None:
        post = job.post
        rows = body.rows_of(post.body, post.media, self.settings.max_rows)
        _refuse(inlet, rows.refused)
        read = len(rows.places) + len(rows.refused)
        if not rows.places:
            job.done(_answer(read, 0, rows.refused))
            return

        def then(stored: int, reasons: Sequence[str]) -> None:
            told = [_reason(one, rows.places) for one in reasons]
            lost = len({one["row"] or place for place, one in enumerate(told)})
            repeated = max(0, len(rows.places) - stored - lost)
            job.done(_answer(read, stored, rows.refused, told, repeated=repeated))

        inlet.rows(post.table or "", rows.table, then=then)


def _refuse(inlet: Inlet, refused: Sequence[Refusal]) -> None:
    """Count what was refused here, each code with its first value."""
    by_code: dict[str, list[Refusal]] = {}
    for refusal in refused:
        by_code.setdefault(refusal.code, []).append(refusal)
    for code, those in by_code.items():
        first = those[0]
        inlet.refuse(code, first.value, len(those), row=first.row, column=first.column, **_plain(first.facts))


def _plain(facts: Mapping[str, object]) -> dict[str, Any]:
    """Facts without those that the inlet takes by place."""
    return {name: fact for name, fact in facts.items() if name not in ("code", "value", "count")}


def _answer(received: int, stored: int, refused: Sequence[Refusal], told: Sequence[dict[str, Any]] = (), *,
            repeated: int = 0) -> dict[str, Any]:  # fmt: skip
    """What a post came to. ``stored`` are durable; which of them were here before shows when they are cut into leaves, and is
    counted as repeated by the connection then, unless the inlet knows it at once.
    """
    named = [{"row": one.row, "code": one.code, "why": one.say()} for one in refused[:SHOWN]]
    again = {"repeated": repeated} if repeated else {}
    lost = received - stored - repeated
    return {"received": received, "stored": stored, **again, "refused_count": lost, "refused": [*named, *told][:SHOWN]}


def _reason(reason: str, places: Sequence[int]) -> dict[str, Any]:
    """A reason of the inlet's, ``ROW: CODE text`` (rows from 1 on as handed over), with the row as the sender counts."""
    found = _REASON.fullmatch(reason)
    row = int(found["row"]) if found and found["row"] else 0
    place = places[row - 1] if 0 < row <= len(places) else None
    return {"row": place, "code": (found and found["code"]) or "", "why": found["why"] if found else reason}
