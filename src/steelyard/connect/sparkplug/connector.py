"""Sparkplug B 3.0 host application over MQTT: STATE, births, data, deaths become samples and sessions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.connect.base import Connection, Found, Inlet, setting
from steelyard.connect.mqtt import session
from steelyard.connect.mqtt.packets import Message, Will
from steelyard.connect.mqtt.wire import Client
from steelyard.connect.sparkplug import events, values
from steelyard.connect.sparkplug.conformance import REBIRTH
from steelyard.connect.sparkplug.host import Host
from steelyard.connect.sparkplug.meanings import meaning
from steelyard.connect.sparkplug.schema import Payload
from steelyard.errors import InputError

MOST = 50_000  # values handed over at once
LATENCY = 0.003  # seconds that a value waits for others, at most
TICK = 0.1
VERBS = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH")


def micros() -> int:
    """Our clock, µs UTC."""
    return time.time_ns() // 1000


class Connector:
    """One broker, all or some groups of edge nodes. Settings: see manifest.yaml."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.host_id = setting(connection, "host_id", str)
        self.groups = setting(connection, "groups", list, ["+"])
        self.reorder = setting(connection, "reorder_seconds", (int, float), 2.0)
        self.stale = setting(connection, "stale_seconds", (int, float), 0.0)
        self.refresh = setting(connection, "refresh_hours", (int, float), 6)
        if self.refresh < 0:
            raise InputError("SY601", connection.name, field="refresh_hours", why="must be at least 0")
        if not self.host_id or set("/+#") & set(self.host_id):
            raise InputError("SY601", connection.name, field="host_id", why="must be a name without /, + and #")
        if not self.groups or not all(isinstance(group, str) and group and "/" not in group for group in self.groups):
            raise InputError("SY601", connection.name, field="groups", why="must be a list of names of groups")
        session.options(connection)
        self._known: set[tuple[str, str]] = set()

    @property
    def topics(self) -> list[tuple[str, int]]:
        """What to subscribe to, with the QoS: deaths are sent with 1. Commands are not among them."""
        return [(f"spBv1.0/{group}/{verb}/#", 1) for group in self.groups for verb in VERBS]

    def run(self, inlet: Inlet) -> None:
        """Be a host application until stopped; raises Lost or OSError when the broker goes away."""
        stated = Stated(self.host_id, time.time_ns() // 1_000_000)
        options = session.options(self.connection, session.fresh(self.host_id))
        host = Host(inlet.signal, self.host_id, reorder=self.reorder, stale=self.stale, refresh=self.refresh * 3600,
                    most=options.most)  # fmt: skip
        client = Client(options, stated.will())
        host.expect(self._known, micros())
        outlet = Outlet(inlet, client, stated)
        try:
            client.subscribe([(stated.topic, 1), *self.topics])
            stated.birth(client)
            _listen(inlet, client, host, outlet)
            outlet.flush()
            stated.death(client)
            client.settle(2)
            client.close()
        finally:
            client.drop()  # where it was not closed in order, the broker publishes the will
            outlet.take(host.lost(client.heard))
            outlet.flush()
            self._known |= {key for key, node in host.nodes.items() if node.born}

    def find(self, seconds: float) -> list[Found]:
        """The metrics of all births within so many seconds; nodes that speak are asked for theirs. No STATE is published."""
        seen: dict[tuple[str, str], int] = {}
        units: dict[tuple[str, str], str] = {}

        def signal(subject: str, name: str, unit: str) -> int:
            units[subject, name] = unit
            return seen.setdefault((subject, name), len(seen))

        client = Client(session.options(self.connection, session.fresh(self.host_id)))
        host = Host(signal, reorder=0.2)
        try:
            client.subscribe(self.topics)
            until = time.monotonic() + seconds
            while (left := until - time.monotonic()) > 0:
                messages = client.receive(min(left, TICK))
                for event in host.take(messages, micros()) + host.tick(micros()):
                    if isinstance(event, events.Rebirth):
                        rebirth(client, event)
        finally:
            client.close()
        return sorted(_found(host, units), key=lambda one: (one.subject, one.signal))


def _found(host: Host, units: dict[tuple[str, str], str]) -> Iterable[Found]:
    for node in host.nodes.values():
        for stream in node.streams.values():
            for metric in stream.by_name.values():
                column, rule = meaning(metric.name)
                unit = units.get((stream.subject, metric.name), "")
                yield Found(stream.subject, metric.name, values.type_name(metric.datatype), unit, column, rule)


def _listen(inlet: Inlet, client: Client, host: Host, outlet: Outlet) -> None:
    """Read, hand over, look at the time."""
    ticked = 0.0
    while not inlet.stopped.is_set():
        messages = client.receive(LATENCY if outlet.waits else TICK)
        if messages:
            outlet.take(host.take(messages, micros()), messages)
        now = time.monotonic()
        if now - ticked >= TICK:
            outlet.take(host.tick(micros()))
            ticked = now
        if not messages or outlet.due():
            outlet.flush()


class Stated:
    """What the world is told of this host application, once per session with a broker: will, birth and death share a topic."""

    def __init__(self, host_id: str, at: int) -> None:
        self.topic = f"spBv1.0/STATE/{host_id}"
        self._at = at  # ms: of the CONNECT; will and birth say the same

    def will(self) -> Will:
        return Will(self.topic, self._payload(online=False, at=self._at), qos=1, retain=True)

    def birth(self, client: Client) -> None:
        """Say that we are here; also whenever somebody said that we are not."""
        client.publish(self.topic, self._payload(online=True, at=self._at), qos=1, retain=True)

    def death(self, client: Client) -> None:
        """Say that we leave, now, before we do."""
        client.publish(self.topic, self._payload(online=False, at=time.time_ns() // 1_000_000), qos=1, retain=True)

    def _payload(self, *, online: bool, at: int) -> bytes:
        return json.dumps({"online": online, "timestamp": at}).encode()


def rebirth(client: Client, wanted: events.Rebirth) -> None:
    """Ask an edge node for its births: the only command that is ever sent."""
    now = time.time_ns() // 1_000_000
    payload = Payload(timestamp=now)
    payload.metrics.add(name=REBIRTH, timestamp=now, datatype=values.BOOLEAN, boolean_value=True)
    client.publish(f"spBv1.0/{wanted.group}/NCMD/{wanted.edge}", payload.SerializeToString(), qos=0, retain=False)


class Outlet:
    """Hands over what the state machine says: values many at once, everything else in its turn."""

    def __init__(self, inlet: Inlet, client: Client, stated: Stated) -> None:
        self._inlet, self._client, self._stated = inlet, client, stated
        self._values: list[events.Values] = []
        self._numbers: list[int] = []
        self._count = 0
        self._since = 0.0

    @property
    def waits(self) -> bool:
        return bool(self._values or self._numbers)

    def due(self) -> bool:
        return self._count >= MOST or (self.waits and time.monotonic() - self._since >= LATENCY)

    def take(self, said: list[events.Event], messages: list[Message] | None = None) -> None:
        """Take in events, and the messages that they came of."""
        if not self.waits:
            self._since = time.monotonic()
        for event in said:
            if isinstance(event, events.Values):
                self._values.append(event)
                self._count += len(event.signals)
            else:
                self._do(event)
        self._numbers += [message.packet for message in messages or () if message.packet]

    def _do(self, event: events.Event) -> None:
        inlet = self._inlet
        match event:
            case events.Rebirth():
                rebirth(self._client, event)
            case events.Online(subject, at):
                inlet.online(subject, at)
            case events.Offline(subject, reason, at):
                self.flush()  # what was told while it was there comes before
                inlet.offline(subject, reason, at)
            case events.Heard(subject, start, end):
                self.flush()
                inlet.heard(subject, start, end)
            case events.Finding(subject, code, text):
                inlet.finding(subject, code, text)
            case events.Refused(code, value, count, facts):
                inlet.refuse(code, value, count, **facts)
            case events.Denied():
                self._stated.birth(self._client)

    def flush(self) -> None:
        """Hand over what waits: in the order in which it came, plain numbers apart from texts and qualities."""
        numbers, self._numbers = self._numbers, []
        waiting, self._values, self._count = self._values, [], 0
        pieces = [(plain, list(piece)) for plain, piece in groupby(waiting, _plain)]
        then = partial(self._client.acknowledge, numbers) if numbers else None
        for n, (plain, piece) in enumerate(pieces, 1):
            signals, at, value = (np.concatenate([one[i] for one in map(_columns, piece)]) for i in range(3))
            self._inlet.keep(signals, at, value, text=None if plain else _texts(piece),
                             quality=None if plain else _qualities(piece), then=then if n == len(pieces) else None)  # fmt: skip
        if then and not pieces:
            then()


def _plain(one: events.Values) -> bool:
    return one.text is None and one.quality is None


def _columns(one: events.Values) -> tuple[Any, Any, Any]:
    return one.signals, one.at, one.value


def _texts(piece: list[events.Values]) -> pa.Array:
    return pa.array([text for one in piece for text in (one.text or [None] * len(one.signals))], pa.string())


def _qualities(piece: list[events.Values]) -> npt.NDArray[np.uint8]:
    return np.concatenate([np.zeros(len(o.signals), np.uint8) if o.quality is None else o.quality for o in piece])
