"""One session's reading: resolve, subscribe, take what is published, fill the gap by history, say states anew."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from steelyard.connect.base import Ints, Lost
from steelyard.connect.opcua.columns import Part, Rows, joined, qualities, texts_of
from steelyard.connect.opcua.devices import Devices
from steelyard.connect.opcua.history import read_gap
from steelyard.connect.opcua.items import Finder, Item, browse_all
from steelyard.connect.opcua.monitor import KEEPALIVE_SECONDS, monitor, subscribe
from steelyard.connect.opcua.relay import Call, Relay
from steelyard.connect.opcua.session import PULSE, Session
from steelyard.connect.opcua.settings import Settings, Wanted
from steelyard.connect.opcua.types import Types, describe
from steelyard.connect.opcua.values import Reader
from steelyard.connect.opcua.wire import Published, read_published, read_republished
from steelyard.errors import explain

FLUSH_SECONDS = 0.05
PUBLISHERS = 3
OVERFLOW = 0x480
UNKNOWN_NODE = int(StatusCodes.BadNodeIdUnknown)
MARGIN = 1_000_000


@dataclass
class Memory:
    """What outlives a session. ``told``: up to when the server told us all, by its clock; ``seen``: the same by ours (µs UTC)."""

    told: int = 0
    seen: int = 0
    paths: dict[str, Any] = field(default_factory=dict)

    def position(self) -> dict[str, Any]:
        """As it is committed with the values."""
        return {"told": self.told, "seen": self.seen, "paths": dict(self.paths)}

    def recall(self, position: dict[str, Any]) -> None:
        """Take up what was committed, where it is newer than what we know."""
        if int(position.get("told", 0)) > self.told:
            self.told, self.seen = int(position["told"]), int(position.get("seen", 0))
        self.paths = {**position.get("paths", {}), **self.paths}


def now() -> int:
    """µs UTC by our clock."""
    return time.time_ns() // 1000


def _heard(subject: str, start: int, end: int) -> Call:
    return lambda inlet: inlet.heard(subject, start, end)


class Reading:
    """Reads one session until it is lost."""

    def __init__(self, session: Session, settings: Settings, relay: Relay, memory: Memory) -> None:
        self.session = session
        self.settings = settings
        self.relay = relay
        self.memory = memory
        self.types = Types()
        self.reader = Reader(settings.longest_text, self._refuse, self.types.structure)
        self.finder = Finder(settings, memory.paths)
        self.devices = Devices(relay)
        self.items: list[Item] = []
        self.numbers = np.zeros(0, np.int32)
        self.names: dict[int, dict[int, str]] = {}
        self.missing: list[Wanted] = []
        self.filled = False
        self.parts: list[Part] = []
        self.acks: deque[ua.SubscriptionAcknowledgement] = (
            deque()
        )  # of what is durable; the writer's thread puts them in
        self.loose: list[ua.SubscriptionAcknowledgement] = []  # of what waits in ``parts``
        self.sequence = 0
        self.subscription = 0
        self.answered = time.monotonic()
        self.heard: int | None = None  # when the server last said anything, by our clock, µs UTC
        self.publishers = PUBLISHERS
        self._good: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._lost: list[int] = []
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Until something is lost: raises Lost, OSError or TimeoutError, and says of every device that it is gone."""
        tasks: list[asyncio.Task[None]] = []
        reason, stopped = "stopped", True
        try:
            self.subscription = await subscribe(self.session, self.settings)
            tasks = [
                asyncio.create_task(work) for work in (*(self._publish() for _ in range(PUBLISHERS)), self._watch())
            ]
            tasks += [
                asyncio.create_task(work)
                for work in (self._begin(), self._flusher(), self._refresh(), self._retry(), self._republish())
            ]
            await self._first_failure(tasks)
        except Exception as error:
            reason, stopped = str(error) or type(error).__name__, False
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._last_flush()
            self.devices.gone(reason, None if stopped else self.heard)

    async def _first_failure(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        going = set(tasks)
        while going:
            done, going = await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _begin(self) -> None:
        """Find what is to be read, have it watched, and ask for what we missed."""
        found, self.missing = await self._find()
        for wanted in self.missing:
            self._find_out(wanted.subject or wanted.node, "SY633", node=wanted.node, why="BadNodeIdUnknown")
        await self._add(found)
        await self._fill()

    async def _find(self) -> tuple[list[Item], list[Wanted]]:
        if self.settings.nodes:
            return await self.finder.find(self.session, self.settings.nodes)
        items, more = await browse_all(self.session, self.settings)
        if more:
            self._find_out(self.settings.url, "SY638", most=self.settings.max_nodes)
        return items, []

    async def _add(self, found: Iterable[Item]) -> None:
        """Have further items watched; those that the server refuses are named."""
        items = await describe(self.session, list(found), self.types)
        if not items:
            return
        first = len(self.items)
        told = [(item.subject, item.signal, item.unit) for item in items]
        numbers = await self.relay.ask(lambda inlet: [inlet.signal(*each) for each in told])
        self.items += items
        self.numbers = np.concatenate([self.numbers, np.array(numbers, np.int32)])
        self._good = np.concatenate([self._good, np.zeros(len(items), bool)])
        self.names |= {first + place: item.names for place, item in enumerate(items) if item.names}
        self.devices.add([item.subject for item in items])
        told_of = await monitor(self.session, self.subscription, self.settings, items, first)
        for item, (code, ms) in zip(items, told_of, strict=True):
            if code >= 1 << 31:
                self._find_out(item.subject, "SY633", node=item.signal, why=ua.StatusCode(ua.UInt32(code)).name)
            elif ms > max(0.0, self.settings.sampling_ms) * 1.01 > 0:
                self._find_out(
                    item.subject, "SY633", node=f"{item.signal} / {self.settings.sampling_ms:g} ms", why=f"{ms:g} ms"
                )
        self.devices.here({item.subject for item, (code, _) in zip(items, told_of, strict=True) if code < 1 << 31})

    async def _fill(self) -> None:
        """Ask for the history of the time since the server last told us something, where it keeps any."""
        start, seen, end = self.memory.told, self.memory.seen, now()
        if start and self.settings.history:
            pairs = list(enumerate(self.items))
            until = end + self.session.skew + MARGIN
            whole = await read_gap(
                self.session, pairs, start - MARGIN, until, self.reader.odd, self._late, self.settings.history_values
            )
            for subject, handles in self.devices.handles.items():
                if whole.issuperset(handles):
                    self.relay.put(_heard(subject, seen, end))
                elif any(self.items[handle].history for handle in handles if handle not in whole):
                    self._find_out(subject, "SY637", seconds=(end - seen) // 1_000_000)
        self.filled = True

    async def _late(self, part: Part) -> None:
        await self.relay.room()
        self._keep(part, historical=True)

    async def _publish(self) -> None:
        """Keep one publish request waiting at the server; what it says is taken in the order in which it comes."""
        while True:
            await self.relay.room()
            acks = [self.acks.popleft() for _ in range(len(self.acks))]
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements = acks
            try:
                self._took(read_published(await self.session.send(request, forever=True), self.reader.odd))
            except UaStatusCodeError as error:
                if error.code != StatusCodes.BadTooManyPublishRequests or self.publishers <= 1:
                    raise
                self.publishers -= 1
                self.acks.extend(acks)
                return

    def _took(self, told: Published) -> None:
        self.answered, self.heard = time.monotonic(), now()
        if told.ended:
            raise Lost(f"the server ended the subscription: {told.ended}")
        if not told.empty:
            self._in_sequence(told.sequence)
            ack = ua.SubscriptionAcknowledgement(SubscriptionId=told.subscription, SequenceNumber=told.sequence)
            (self.loose if told.parts else self.acks).append(ack)
        if self.filled and not told.more:
            self.memory.told, self.memory.seen = told.at or self.session.server_time(), now()
        self._take(told.parts)

    def _take(self, parts: list[Part]) -> None:
        self.parts += parts
        if self.parts:
            self._some.set()

    def _in_sequence(self, sequence: int) -> None:
        """Notice messages that never came."""
        if self.sequence and 1 < sequence - self.sequence < 10_000:
            self._lost += range(self.sequence + 1, sequence)
        self.sequence = sequence

    async def _republish(self) -> None:
        """Ask again for messages that never came."""
        while True:
            await asyncio.sleep(0.1)
            for sequence in self._lost:
                request = ua.RepublishRequest()
                request.Parameters.SubscriptionId = self.subscription
                request.Parameters.RetransmitSequenceNumber = sequence
                try:
                    told = read_republished(await self.session.send(request), self.subscription, self.reader.odd)
                    self._take(told.parts)
                except UaStatusCodeError as error:
                    self._find_out(self.settings.url, "SY636", number=sequence, why=str(error.code))
            self._lost.clear()

    async def _flusher(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._some.clear()
            self._flush()

    def _last_flush(self) -> None:
        with suppress(Lost):
            self._flush()

    def _flush(self) -> None:
        """Hand over what came since the last time, as one."""
        parts, self.parts = self.parts, []
        acks, self.loose = self.loose, []
        if parts:
            self._keep(joined(parts), partial(self.acks.extend, acks))

    def _known(self, part: Part) -> Part:
        """Without what a server tells of items that nobody asked for, which is refused."""
        known = part.handle < len(self.numbers)
        if known.all():
            return part
        odd, count = str(part.handle[~known][0]), int((~known).sum())
        self.relay.put(lambda inlet: inlet.refuse("SY643", odd, count))
        return part.only(known)

    def _keep(self, part: Part, then: Callable[[], None] | None = None, *, historical: bool = False) -> None:
        """Hand over values; ``then`` is called once they are durable."""
        part = self._known(part)
        at: Ints = np.where(part.at > 0, part.at, self.session.server_time())
        numbers, text, quality = (
            self.numbers[part.handle],
            texts_of(part, self.names),
            qualities(part.status, historical=historical),
        )
        position, received, value = self.memory.position() if self.filled else None, now(), part.value
        self.relay.put(lambda inlet: inlet.keep(numbers, at, value, text=text, quality=quality, received=received, position=position,
                                                   then=then), len(part))  # fmt: skip
        self._look_at(part)

    def _look_at(self, part: Part) -> None:
        """What the status codes say beyond the values: lost at the server, device away, node gone."""
        gone = (part.status == UNKNOWN_NODE) & self._good[part.handle]
        self._good[part.handle[part.status < 1 << 31]] = True
        if not part.status.any() and not self.devices.away:
            return
        for handle in np.unique(part.handle[(part.status & OVERFLOW) == OVERFLOW]).tolist():
            self._find_out(self.items[handle].subject, "SY635", node=self.items[handle].signal)
        if gone.any():
            raise Lost("the server no longer knows a node")
        self.devices.look(part.handle, part.status)

    async def _watch(self) -> None:
        """The session answers, and so does the subscription."""
        while True:
            await asyncio.sleep(PULSE)
            await self.session.look()
            self.heard = now()
            await self.relay.room()
            if time.monotonic() - self.answered > 3 * KEEPALIVE_SECONDS + self.settings.timeout:
                raise Lost("the subscription is silent")

    async def _refresh(self) -> None:
        """Every so many hours, all values anew, as observed now: so that a state that never changes is known to stand."""
        while self.settings.refresh_hours:
            await asyncio.sleep(self.settings.refresh_hours * 3600)
            rows = Rows()
            for handle, value in enumerate(await self.session.read([item.node for item in self.items])):
                self.reader.odd(handle, value, rows)
            rows.at = [self.session.server_time()] * len(rows.at)
            self._take([rows.part()] if rows.handle else [])

    async def _retry(self) -> None:
        """Look again for nodes that the server did not have."""
        while True:
            await asyncio.sleep(self.settings.retry_seconds)
            if self.missing:
                found, self.missing = await self.finder.find(self.session, self.missing)
                await self._add(found)

    def _refuse(self, handle: int, value: str) -> None:
        signal = self.items[handle].signal if handle < len(self.items) else str(handle)
        self.relay.put(lambda inlet: inlet.refuse("SY634", value, 1, column=signal, most=self.settings.longest_text))

    def _find_out(self, subject: str, code: str, **facts: object) -> None:
        text = explain(code).what(None, facts)
        self.relay.put(lambda inlet: inlet.finding(subject, code, text))
