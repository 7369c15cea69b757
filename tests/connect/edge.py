"""An edge node in memory that speaks to the Sparkplug state machine, for tests without a broker."""

from __future__ import annotations

import math

import numpy as np

from steelyard.connect.mqtt.packets import Message
from steelyard.connect.sparkplug import events
from steelyard.connect.sparkplug.host import SECOND, Host
from steelyard.connect.sparkplug.schema import Payload

T0 = 1_774_000_000_000  # ms
NOW = T0 * 1000


class World:
    """A host and what it said; an edge node that speaks to it."""

    def __init__(self, **options) -> None:
        self.names: list[tuple[str, str, str]] = []
        self.host = Host(self.signal, "h", **options)
        self.said: list[events.Event] = []
        self.now = NOW

    def signal(self, subject, name, unit):
        if (subject, name, unit) not in self.names:
            self.names.append((subject, name, unit))
        return self.names.index((subject, name, unit))

    def take(self, *messages, seconds: float = 0.0):
        self.now += int(seconds * SECOND)
        self.said += self.host.take([Message(t.encode(), p, f, 0) for t, p, f in map(full, messages)], self.now)
        return self

    def tick(self, seconds: float = 0.0):
        self.now += int(seconds * SECOND)
        self.said += self.host.tick(self.now)
        return self

    def of(self, kind):
        return [event for event in self.said if isinstance(event, kind)]

    @property
    def rows(self):
        found = []
        for one in self.of(events.Values):
            texts = one.text or [None] * len(one.signals)
            quality = one.quality if one.quality is not None else np.zeros(len(one.signals), int)
            for s, t, v, x, q in zip(
                one.signals.tolist(), one.at.tolist(), one.value.tolist(), texts, quality.tolist(), strict=True
            ):
                found.append((*self.names[s][:2], t, None if math.isnan(v) else v, x, q))
        return found

    def values(self, name, subject="G/E"):
        return [v if v is not None else x for s, n, _, v, x, _ in self.rows if (s, n) == (subject, name)]

    def found(self):
        return {event.text.split(" ")[0] for event in self.of(events.Finding)}


def full(message):
    return message if len(message) == 3 else (*message, 0x30)


def metric(payload, name=None, datatype=None, field=None, value=None, at=T0, **more):
    made = payload.metrics.add(
        **({"name": name} if name else {}), **({"datatype": datatype} if datatype else {}), **more
    )
    if at is not None:
        made.timestamp = at
    if field:
        setattr(made, field, value)
    return made


def nbirth(seq=0, bdseq=0, at=T0, metrics=(), control=True):
    payload = Payload(timestamp=at, seq=seq)
    metric(payload, "bdSeq", 4, "long_value", bdseq)
    if control:
        metric(payload, "Node Control/Rebirth", 11, "boolean_value", False)
    for name, alias in metrics or (("x", 1),):
        metric(payload, name, 10, "double_value", 0.0, **({"alias": alias} if alias is not None else {}))
    return "spBv1.0/G/NBIRTH/E", payload.SerializeToString()


def ndata(seq, value=1.0, at=T0, alias=1, name=None, pad=0, **more):
    payload = Payload(timestamp=at, seq=seq)
    metric(payload, name, None, "double_value", value, at, **({"alias": alias} if not name else {}), **more)
    for n in range(pad):
        metric(payload, name, None, "double_value", value, at - 1 - n, **({"alias": alias} if not name else {}))
    return "spBv1.0/G/NDATA/E", payload.SerializeToString()


def dbirth(seq, device="D", at=T0, fill=None):
    payload = Payload(timestamp=at, seq=seq)
    if fill:
        fill(payload)
    else:
        metric(payload, "y", 10, "double_value", 0.0, alias=7)
    return f"spBv1.0/G/DBIRTH/E/{device}", payload.SerializeToString()


def ddata(seq, fill, device="D", at=T0):
    payload = Payload(timestamp=at, seq=seq)
    fill(payload)
    return f"spBv1.0/G/DDATA/E/{device}", payload.SerializeToString()


def ndeath(bdseq=0):
    payload = Payload(timestamp=T0)
    metric(payload, "bdSeq", 4, "long_value", bdseq)
    return "spBv1.0/G/NDEATH/E", payload.SerializeToString(), 0x32


def ddeath(seq, at=T0, device="D"):
    return f"spBv1.0/G/DDEATH/E/{device}", Payload(timestamp=at, seq=seq).SerializeToString()
