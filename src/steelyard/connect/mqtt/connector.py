"""MQTT: JSON on any topics becomes samples; a message of QoS 1 is acknowledged when its values are durable."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.connect.base import BAD, GOOD, UNCERTAIN, Connection, Found, Inlet, setting
from steelyard.connect.mqtt import session
from steelyard.connect.mqtt.again import Again
from steelyard.connect.mqtt.packets import Message
from steelyard.connect.mqtt.payloads import TIMES, UNITS, Reading, Unreadable
from steelyard.connect.mqtt.routes import Rule, covering, route, rule
from steelyard.connect.mqtt.wire import Client
from steelyard.errors import InputError

MOST = 50_000  # values handed over at once
LATENCY = 0.02  # seconds that a value waits for others, at most
DAY = 86_400


class Connector:
    """One broker, any topics. Settings: see manifest.yaml."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.qos = setting(connection, "qos", int, 1)
        if self.qos not in (0, 1):
            raise InputError("SY601", connection.name, field="qos", why="must be 0 or 1")
        self.expiry = setting(connection, "session_seconds", int, DAY if self.qos else 0)
        self.rules = _rules(connection)
        self.patterns = _patterns(connection)
        self.reading = _reading(connection)
        session.options(connection)

    def run(self, inlet: Inlet) -> None:
        """Read until stopped; raises Lost or OSError when the broker goes away."""
        told = str(inlet.position.get("client_id", "")) or session.fresh(self.connection.name)
        options = session.options(self.connection, told, self.expiry)
        client = Client(options)
        batch = Batch(inlet, client, self.rules, self.reading)
        try:
            client.subscribe((pattern, self.qos) for pattern in self.patterns)
            while not inlet.stopped.is_set():
                messages = client.receive(LATENCY if batch.waits else 0.2)
                batch.add(messages)
                if not messages or batch.due():
                    batch.flush()
            batch.flush()
            client.receive(0)  # what is acknowledged by now goes out
        finally:
            client.close()

    def find(self, seconds: float) -> list[Found]:
        """The signals that were heard within so many seconds, retained ones among them."""
        client = Client(session.options(self.connection, session.fresh(self.connection.name)))
        found: dict[tuple[str, str], Found] = {}
        try:
            client.subscribe((pattern, 0) for pattern in self.patterns)
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                for message in client.receive(min(left, 0.2)):
                    for one in self._offers(message):
                        found.setdefault((one.subject, one.signal), one)
        finally:
            client.close()
        return sorted(found.values(), key=lambda one: (one.subject, one.signal))

    def _offers(self, message: Message) -> Iterable[Found]:
        where = route(message.topic.decode(errors="replace"), self.rules)
        if where is None or message.payload is None:
            return
        try:
            _, values = self.reading.read(message.payload)
        except Unreadable:
            return
        for name, value, text in values:
            kind = "text" if text is not None and value != value else "number"  # noqa: PLR0124  - NaN alone differs from itself
            yield Found(where[0], named(where[1], name), kind)


class Batch:
    """Values of many messages, handed over at once, with the messages to acknowledge when they are durable."""

    def __init__(self, inlet: Inlet, client: Client, rules: list[Rule], reading: Reading) -> None:
        self._inlet, self._client, self._rules, self._reading = inlet, client, rules, reading
        self._again = Again(inlet.position.get("untimed") if client.resumed else None)
        self._new = inlet.position.get("client_id") != client.options.client_id  # the position is to be committed
        self._routes: dict[bytes, dict[str, int] | None] = {}
        self._where: dict[bytes, tuple[str, str]] = {}
        self._since = 0.0
        self._clear()

    def _clear(self) -> None:
        self._signals: list[int] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._text: list[str | None] = []
        self._quality: list[int] = []
        self._numbers: list[int] = []

    @property
    def waits(self) -> bool:
        return bool(self._signals or self._numbers)

    def due(self) -> bool:
        return len(self._signals) >= MOST or (self.waits and time.monotonic() - self._since >= LATENCY)

    def add(self, messages: list[Message]) -> None:
        """Take in messages; what cannot be read is refused and counted."""
        if messages and not self.waits:
            self._since = time.monotonic()
        now = time.time_ns() // 1000
        for message in messages:
            try:
                self._one(message, now)
            except Unreadable as refused:
                topic = message.topic.decode(errors="replace")
                self._inlet.refuse(refused.code, refused.value, topic=topic)
            if message.packet:
                self._numbers.append(message.packet)

    def _one(self, message: Message, now: int) -> None:
        if message.payload is None:
            raise Unreadable("SY614", str(self._client.options.most))
        if not message.payload:
            return  # a retained message was cleared: that is no value
        known = self._routes.get(message.topic)
        if known is None:
            known = self._routes[message.topic] = {}
            self._where[message.topic] = self._route(message.topic)
        told, values = self._reading.read(message.payload)
        good = GOOD
        if told is None:  # of an old value nobody knows how old it is
            told, certain = self._again.at(message, now)
            self._new |= message.packet > 0
            good = UNCERTAIN if message.flags & 1 or not certain else GOOD
        for name, value, text in values:
            signal = known.get(name)
            if signal is None:
                subject, own = self._where[message.topic]
                signal = known[name] = self._inlet.signal(subject, named(own, name))
            self._signals.append(signal)
            self._at.append(told)
            self._value.append(value)
            self._text.append(text)
            self._quality.append(good if text is not None or value == value else BAD)  # noqa: PLR0124  - null: no value

    def _route(self, topic: bytes) -> tuple[str, str]:
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            name = ""
        found = route(name, self._rules) if name else None
        if found is None:
            self._routes.pop(topic, None)
            raise Unreadable("SY613", topic.decode(errors="replace"))
        return found

    def flush(self) -> None:
        """Hand over what waits; the broker is told once it is durable."""
        if not self.waits:
            return
        then = partial(self._client.acknowledge, self._numbers) if self._numbers else None
        if self._signals:
            texts = pa.array(self._text, pa.string()) if any(text is not None for text in self._text) else None
            self._inlet.keep(
                np.array(self._signals, np.int32), np.array(self._at, np.int64), np.array(self._value), text=texts,
                quality=np.array(self._quality, np.uint8) if any(self._quality) else None, position=self._position(),
                then=then,
            )  # fmt: skip
        elif then:
            then()
        self._clear()

    def _position(self) -> dict[str, Any] | None:
        """What is to be known after a restart, where that is new."""
        if not self._new:
            return None
        self._new = False
        return {"client_id": self._client.options.client_id, "untimed": self._again.kept()}


def named(signal: str, name: str) -> str:
    """The whole name of a value below a topic's signal."""
    return f"{signal}.{name}" if signal and name else signal or name or "value"


def _rules(connection: Connection) -> list[Rule]:
    try:
        return [
            rule(one if isinstance(one, dict) else {"topic": one}) for one in setting(connection, "rules", list, [])
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("SY601", connection.name, field="rules", why=str(error)) from error


def _patterns(connection: Connection) -> list[str]:
    """What to subscribe to: ``topics``, or else what the rules need."""
    rules = [one["topic"] if isinstance(one, dict) else one for one in setting(connection, "rules", list, [])]
    topics = setting(connection, "topics", list, [covering(one) for one in rules])
    if not topics or not all(isinstance(topic, str) and topic for topic in topics):
        raise InputError("SY601", connection.name, field="topics", why="must be a list of topic patterns")
    return list(dict.fromkeys(topics))


def _reading(connection: Connection) -> Reading:
    told = setting(connection, "timestamp", (str, list), list(TIMES))
    unit = setting(connection, "timestamp_unit", str, "auto")
    if unit not in ("auto", "iso", *UNITS):
        raise InputError("SY601", connection.name, field="timestamp_unit", why="must be auto, s, ms, us or iso")
    return Reading(
        (told,) if isinstance(told, str) else tuple(told),
        unit,
        setting(connection, "zone", str, "UTC"),
        setting(connection, "value", str, "value"),
        setting(connection, "arrays", bool, False),
        setting(connection, "plain", bool, False),
    )
