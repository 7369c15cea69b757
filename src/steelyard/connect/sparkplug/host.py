"""A Sparkplug B 3.0 host application as a pure state machine: messages and the time in, events out. No socket, no clock.

Time is µs UTC of our clock, given by the caller. Messages of one edge node are taken in the order of their sequence; what comes
early waits in ``Node.waiting`` until what is missing comes, or until ``reorder`` has passed: then the node is asked for births.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from steelyard.connect.mqtt.packets import Message
from steelyard.connect.sparkplug import columns, conformance
from steelyard.connect.sparkplug.events import Denied, Event, Finding, Offline, Online, Rebirth, Values
from steelyard.connect.sparkplug.latest import Latest
from steelyard.connect.sparkplug.nodes import Book, Held, Node, Stream
from steelyard.connect.sparkplug.reading import Reader, Signal, stamp
from steelyard.connect.sparkplug.schema import parse
from steelyard.connect.sparkplug.topics import Route, Topics

SECOND = 1_000_000
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 300 * SECOND
UNKNOWN = SECOND // 5  # how long the births of a node that speaks are waited for before it is asked
FEW = 2_000  # bytes: below, reading by columns does not pay
ATONCE = 20_000  # values said anew between two looks at the time, or those of one node


class Host:
    """All edge nodes of a broker. ``signal`` numbers a signal of a subject; seconds: how long to wait for a missing message,
    after what silence a node counts as gone (0: never), after how long values that did not change are said anew (0: never).
    """

    def __init__(
        self, signal: Signal, host_id: str = "", *, reorder: float = 2.0, stale: float = 0.0, refresh: float = 0.0,
        most: int = 0,
    ) -> None:  # fmt: skip
        self._latest = Latest(int(refresh * SECOND))
        self._reader = Reader(signal, self._latest)
        self._topics = Topics(self._reader)
        self.nodes = self._topics.nodes
        self._state = f"spBv1.0/STATE/{host_id}".encode()
        self._most = most
        self._reorder, self._stale = int(reorder * SECOND), int(stale * SECOND)
        self._book = Book()
        self._streams: list[Stream] = []
        self._verbs: list[str] = []
        self._raws: list[bytes] = []

    def expect(self, nodes: Iterable[tuple[str, str]], now: int) -> None:
        """Nodes that were known before: asked for births unless they tell them within the reorder time."""
        for group, edge in nodes:
            self._topics.node(group, edge).deadline = now + self._reorder

    def take(self, messages: Iterable[Message], now: int) -> list[Event]:
        """Take in messages in the order of their arrival."""
        routes = self._topics.routes
        for message in messages:
            known = routes.get(message.topic)
            if known is None:
                known = self._topics.route(message.topic)
            payload = message.payload
            if known is None or payload is None or message.flags & 1:
                self._settle(now)
                known = self._apart(message, known)
            elif message.flags & 6:
                self._reader.find(known[1].subject, conformance.of_flags(known[0], message.flags))
            if known is None or payload is None:
                continue
            verb, stream = known
            if verb[1:] == "DATA":
                self._streams.append(stream)
                self._verbs.append(verb)
                self._raws.append(payload)
            else:
                self._settle(now)
                self._other(verb, stream, payload, now)
        self._settle(now)
        return self._reader.taken()

    def tick(self, now: int) -> list[Event]:
        """What the passing of time brings: reorder timeouts, rebirths asked again, devices and nodes that fell silent,
        values said anew.
        """
        left = ATONCE
        for node in self.nodes.values():
            if node.deadline and now >= node.deadline:
                self._expire(node, now)
            if node.wants and now >= node.asked + node.pause:
                self._ask(node, now)
            if node.due and now >= node.due:
                node.due = 0
                self._away((s for s in node.streams.values() if not s.born), "not in the births", now)
            if self._stale and node.born and not node.silent and now - node.last > self._stale:
                node.silent = True
                self._away(node.streams.values(), "silent", node.last)
                node.settle()
            if left > 0 and self._latest.due(node, now):
                for told in self._latest.anew(node, now):
                    self._reader.say(told)
                    left -= len(told.signals)
        return self._reader.taken()

    def lost(self, heard: int) -> list[Event]:
        """The broker is gone, and with it every session, since it was last heard (µs UTC). What waits is taken or counted."""
        for node in self.nodes.values():
            if node.born:
                self._go_on(node)
            for seq in list(node.waiting):
                self._forget(node.pull(seq))
            self._away(node.streams.values(), "broker lost", heard)
        return self._reader.taken()

    # -- topics ---------------------------------------------------------------------------------------------------

    def _apart(self, message: Message, known: Route | None) -> Route | None:
        """What is no ordinary message: STATE, commands, too long, retained."""
        if message.topic == self._state:
            self._own(message.payload or b"")
        if known is None:
            return None
        verb, stream = known
        self._reader.find(stream.subject, conformance.of_flags(verb, message.flags))
        if message.payload is None:
            self._reader.refuse("SY614", str(self._most), stream.subject)
        elif message.flags & 1:  # stored by the broker, of a session that nobody knows any more
            payload = parse(message.payload)
            self._reader.refuse("SY617", verb, stream.subject, len(payload.metrics) if payload else 1)
            return None
        return known

    def _own(self, payload: bytes) -> None:
        with contextlib.suppress(ValueError, AttributeError):
            if json.loads(payload).get("online") is False:
                self._reader.say(Denied())

    # -- data -----------------------------------------------------------------------------------------------------

    def _settle(self, now: int) -> None:
        """Take the DATA messages that were gathered: by columns where all is in order, else one by one."""
        if not self._raws:
            return
        streams, verbs, raws = self._streams, self._verbs, self._raws
        self._streams, self._verbs, self._raws = [], [], []
        if sum(map(len, raws)) < FEW:
            for stream, verb, raw in zip(streams, verbs, raws, strict=True):
                self._arrived(stream, verb, raw, now)
            return
        found = columns.decode(raws, [stream.known for stream in streams], self._book.slots)
        self._emit(found, self._sift(found, streams, verbs, raws, now))

    def _sift(
        self, found: columns.Columns, streams: list[Stream], verbs: list[str], raws: list[bytes], now: int
    ) -> list[bool]:
        """Of each message whether it is next in its node and all plain; the others are taken the general way here."""
        taken = []
        told = zip(streams, verbs, raws, found.seq, found.stamp, found.odd, strict=True)
        for stream, verb, raw, seq, ms, odd in told:
            node = stream.node
            if seq == node.next and node.calm and stream.born and not odd:
                node.next = (seq + 1) & 255
                node.seen[seq] = hash(raw)
                node.last = now
                node.ahead = ms * 1000 - now
                taken.append(True)
            else:
                taken.append(False)
                self._arrived(stream, verb, raw, now)
        return taken

    def _emit(self, found: columns.Columns, taken: list[bool]) -> None:
        signal = self._book.slots.signal[found.slot]
        texts = found.texts
        which: Any = slice(None)
        if not all(taken) or texts:
            keep = np.array(taken)[found.message]
            texts = {row: text for row, text in texts.items() if keep[row]}
            keep[list(texts)] = False
            which = np.flatnonzero(keep)
        if len(signal[which]):
            self._reader.tell(Values(signal[which], found.at[which], found.value[which]))
        if texts:
            rows = list(texts)
            self._reader.tell(Values(signal[rows], found.at[rows], found.value[rows], list(texts.values())))

    # -- sequence -------------------------------------------------------------------------------------------------

    def _other(self, verb: str, stream: Stream, raw: bytes, now: int) -> None:
        if verb == "NBIRTH":
            self._nbirth(stream, raw, now)
        elif verb == "NDEATH":
            self._ndeath(stream, raw, now)
        else:
            self._arrived(stream, verb, raw, now)

    def _arrived(self, stream: Stream, verb: str, raw: bytes, now: int) -> None:
        """One message that is part of a sequence: taken in its turn."""
        payload = self._payload(stream, verb, raw)
        if payload is None:
            return
        node = stream.node
        node.last, node.ahead = now, stamp(payload, now) - now
        if node.silent:
            self._back(node, now)
        seq = payload.seq & 255
        if not payload.HasField("seq") and node.born:
            self._apply(stream, verb, payload, now)
        elif node.born and seq == node.next:
            self._next(Held(stream, verb, raw, now), payload)
            self._drain(node, now)
        elif node.born and node.seen[seq] == hash(raw):
            if verb[1:] == "DATA":  # delivered twice: the writer knows its values
                self._reader.data(stream, verb, payload, now)
        else:
            self._hold(node, seq, Held(stream, verb, raw, now), now)

    def _payload(self, stream: Stream, verb: str, raw: bytes) -> Any:
        payload = parse(raw)
        if payload is None:
            self._reader.refuse("SY615", verb, stream.subject)
        else:
            self._reader.find(stream.subject, conformance.of_header(verb, payload))
        return payload

    def _next(self, held: Held, payload: Any) -> None:
        """Take the message whose turn it is."""
        node = held.stream.node
        node.seen[payload.seq & 255] = hash(held.raw)
        node.next = (payload.seq + 1) & 255
        self._apply(held.stream, held.verb, payload, held.at)

    def _hold(self, node: Node, seq: int, held: Held, now: int) -> None:
        """Keep a message that came early; the time for what is missing begins, also where births are wanted: they may never come."""
        before = node.waiting.get(seq)
        if before and before.raw == held.raw:
            return
        if before and node.born:  # the sequence went round: what is missing comes no more
            self._expire(node, now)
            self._arrived(held.stream, held.verb, held.raw, now)
            return
        if before:
            self._forget(node.pull(seq))
        node.hold(seq, held)
        if not node.deadline and (node.born or not node.wants):
            node.deadline = now + (self._reorder if node.born else min(self._reorder, UNKNOWN))
        if node.crowded and node.born:
            self._expire(node, now)
        while node.crowded:
            self._forget(node.pull(next(iter(node.waiting))))
        node.settle()

    def _drain(self, node: Node, now: int) -> None:
        """Take what waited and is in turn now; the time begins anew where what was missing came and something else is."""
        if not node.waiting:
            return
        came = node.next in node.waiting
        while node.next in node.waiting:
            held = node.pull(node.next)
            self._next(held, parse(held.raw))
        if came or not node.deadline:
            node.deadline = now + self._reorder if node.waiting else 0
        node.settle()

    def _expire(self, node: Node, now: int) -> None:
        """What is missing did not come: go on with what there is, doubtfully, and ask for births."""
        node.deadline = 0
        if node.born:
            self._reader.say(Finding(f"{node.group}/{node.edge}", "SY629", f"{node.next}"))
            self._go_on(node)
            node.doubtful = True
        node.settle()
        self._ask(node, now)

    def _go_on(self, node: Node, before: int | None = None) -> None:
        """Take all that waits, in order, as if nothing were missing; only what was sent before a time (ms), if one is given."""
        for seq in sorted(node.waiting, key=lambda seq: (seq - node.next) & 255):
            held = node.waiting[seq]
            payload = parse(held.raw)
            if before is None or payload.timestamp < before:
                node.pull(seq)
                node.doubtful = True
                self._next(held, payload)
        node.deadline = 0

    def _forget(self, held: Held) -> None:
        payload = parse(held.raw)
        if payload.metrics:
            self._reader.refuse("SY617", held.verb, held.stream.subject, len(payload.metrics))

    def _ask(self, node: Node, now: int) -> None:
        """Ask for births: at once, and then with growing pauses for as long as they do not come."""
        node.wants = True
        if node.asked and now < node.asked + node.pause:
            return
        calm = now - node.asked > 10 * max(node.pause, FIRST_PAUSE)
        node.pause = FIRST_PAUSE if not node.asked or calm else min(2 * node.pause, LONGEST_PAUSE)
        node.asked = now
        self._reader.say(Rebirth(node.group, node.edge))

    # -- births, data, deaths -------------------------------------------------------------------------------------

    def _apply(self, stream: Stream, verb: str, payload: Any, now: int) -> None:
        node = stream.node
        if verb == "DBIRTH":
            self._born(stream, verb, payload, now)
        elif verb == "DDEATH":
            told = stamp(payload, now)
            stream.born = False
            self._away([stream], "DDEATH", min(told, now))
        elif not stream.born:
            if payload.metrics:
                self._reader.refuse("SY617", verb, stream.subject, len(payload.metrics))
                self._ask(node, now)
        elif not self._reader.data(stream, verb, payload, now, doubtful=node.doubtful):
            self._ask(node, now)

    def _born(self, stream: Stream, verb: str, payload: Any, now: int) -> None:
        """A birth: the schema of the stream from here on; its values; its session stands."""
        self._reader.find(stream.subject, conformance.of_birth(verb, payload))
        self._reader.birth(stream, payload, now)
        self._book.enter(stream)
        stream.born = True
        if not stream.online:
            stream.online, stream.told = True, 0
            self._reader.say(Online(stream.subject, now))

    def _nbirth(self, stream: Stream, raw: bytes, now: int) -> None:
        payload = self._payload(stream, "NBIRTH", raw)
        node = stream.node
        if payload is None or (node.born and hash(raw) == node.birth):  # twice the same: nothing is new
            return
        bdseq = conformance.bdseq(payload)
        if node.born:
            self._go_on(node, payload.timestamp)
        if node.born and bdseq != node.bdseq:  # its death was not heard: it was away since we heard it last
            self._away(node.streams.values(), "new session", node.last)
        elif node.born:
            node.due = now + max(self._reorder, SECOND)
        for one in node.streams.values():
            one.born = False
        node.born, node.doubtful, node.silent, node.wants = True, False, False, False
        node.birth, node.birth_at, node.bdseq, node.last = hash(raw), payload.timestamp, bdseq, now
        node.next = (payload.seq + 1) & 255
        node.seen = [0] * 256
        node.anew, node.ahead = self._latest.born(now), stamp(payload, now) - now
        self._born(stream, "NBIRTH", payload, now)
        self._older(node, now)
        self._drain(node, now)
        node.settle()

    def _older(self, node: Node, now: int) -> None:
        """What waited and was sent before this birth belongs to one that nobody knows."""
        for seq, held in list(node.waiting.items()):
            payload = parse(held.raw)
            if payload.timestamp < node.birth_at:
                node.pull(seq)
                if held.verb == "DBIRTH":  # it says itself what its values are
                    self._reader.birth(held.stream, payload, held.at)
                else:
                    self._forget(held)
        node.deadline = now + self._reorder if node.waiting else 0

    def _ndeath(self, stream: Stream, raw: bytes, now: int) -> None:
        """The node is gone, unless this is the death of a session before."""
        payload = self._payload(stream, "NDEATH", raw)
        node = stream.node
        bdseq = conformance.bdseq(payload) if payload is not None else None
        if payload is not None and bdseq is None:
            self._reader.find(stream.subject, iter([("SY621", "payloads-ndeath-bdseq")]))
        if not node.born or (bdseq is not None and node.bdseq is not None and bdseq != node.bdseq):
            return
        self._go_on(node)
        node.born = node.doubtful = node.wants = False
        for one in node.streams.values():
            one.born = False
            one.by_alias.clear()
        self._away(node.streams.values(), "NDEATH", now)
        node.settle()

    def _away(self, streams: Iterable[Stream], reason: str, now: int) -> None:
        """Sessions are over; all metrics of their subjects are stale."""
        for stream in streams:
            if stream.online:
                stream.online = False
                self._reader.say(Offline(stream.subject, reason, now))

    def _back(self, node: Node, now: int) -> None:
        """A node that was silent speaks again."""
        node.silent = False
        for stream in node.streams.values():
            if stream.born and not stream.online:
                stream.online = True
                self._reader.say(Online(stream.subject, now))
        node.settle()
