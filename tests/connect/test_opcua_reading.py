"""What a session does with what is published, without a server: nothing dropped uncounted, nothing acknowledged too early."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from inlet import Recorder

pytest.importorskip("asyncua", reason="no asyncua: pip install steelyard[opcua]")

from steelyard.connect.base import Connection, Lost
from steelyard.connect.opcua.columns import Part
from steelyard.connect.opcua.reading import Memory, Reading
from steelyard.connect.opcua.relay import Relay
from steelyard.connect.opcua.settings import read_settings
from steelyard.connect.opcua.wire import Published

NOW = 1_774_000_000_000_000


def part(*handles: int, value: float = 1.0) -> Part:
    size = len(handles)
    texts = [str(handle) for handle in handles]
    return Part(
        np.array(handles, np.uint32), np.full(size, NOW), np.full(size, value), np.zeros(size, np.uint32), texts
    )


def told(sequence: int, *parts: Part) -> Published:
    return Published(1, sequence, NOW + sequence, list(parts), more=False, empty=False)


@pytest.fixture
def reading():
    """A session that watches the signals a and b of P as items 0 and 1."""
    settings = read_settings(Connection("press", "opcua", "opc.tcp://127.0.0.1:4840/"))
    made = Reading(SimpleNamespace(server_time=lambda: NOW), settings, Relay(), Memory())
    made.numbers, made._good, made.filled = np.array([0, 1], np.int32), np.zeros(2, bool), True
    made.devices.add(["P", "P"])
    return made


def handed(reading: Reading, inlet: Recorder) -> Recorder:
    """Hand over what the relay holds."""
    for name in ("a", "b"):
        inlet.signal("P", name)
    reading.relay.end(None)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    reading.relay.serve(inlet, thread)
    return inlet


def test_values_of_items_that_nobody_asked_for_are_refused_and_the_others_kept(reading):
    reading._took(told(1, part(0, 7, 1, 8)))
    reading._flush()
    inlet = handed(reading, Recorder())
    assert [(s, n, x) for s, n, _, _, x, _ in inlet.samples] == [("P", "a", "0"), ("P", "b", "1")]
    assert inlet.refusals == [("SY643", "7", 2)]


def test_a_message_is_acknowledged_when_its_values_are_durable(reading):
    reading._took(told(1, part(0)))
    reading._took(told(2))
    assert [ack.SequenceNumber for ack in reading.acks] == [2]  # it holds no values
    reading._flush()
    inlet = handed(reading, Recorder(hold=True))
    assert [ack.SequenceNumber for ack in reading.acks] == [2]
    inlet.waiting.pop()()
    assert [ack.SequenceNumber for ack in reading.acks] == [2, 1]


def test_how_far_the_server_has_told_us_is_committed_with_the_last_of_those_values_and_not_before(reading):
    reading._took(told(1, part(0, value=1.0)))
    reading._flush()
    reading._took(told(2, part(0, value=2.0)))  # not handed over yet: after a crash it is read again from history
    inlet = handed(reading, Recorder())
    assert inlet.values("P", "a") == [1.0]
    assert inlet.position["told"] == NOW + 1


def test_devices_are_gone_since_the_server_was_last_heard_and_not_since_that_was_noticed(reading, monkeypatch):
    class Timed(Recorder):
        def offline(self, subject, reason, at=None):
            self.sessions.append((subject, reason, at))

    async def lost(*_):
        raise Lost("the subscription is silent")

    monkeypatch.setattr("steelyard.connect.opcua.reading.subscribe", lost)
    reading.devices.here(["P"])
    reading.heard = NOW
    with pytest.raises(Lost):
        asyncio.run(reading.run())
    assert handed(reading, Timed()).sessions == [("P", "online"), ("P", "the subscription is silent", NOW)]
