"""MQTT at QoS 1: what a broker sends again, and how much it sends before the first is acknowledged."""

from __future__ import annotations

import json
import time

from inlet import Recorder, running
from test_mqtt import client, connection, send, wait_subscribed

from steelyard.connect.base import UNCERTAIN
from steelyard.connect.mqtt import Connector, packets
from steelyard.connect.mqtt.again import MOST, Again


def samples_of(inlet: Recorder, name: str) -> list[tuple[int, float | None, int]]:
    return [(at, value, quality) for _, n, at, value, _, quality in inlet.samples if n == name]


def test_a_message_without_a_time_that_is_delivered_again_has_the_time_of_the_first(mosquitto):
    inlet = Recorder(hold=True)
    made = Connector(connection(mosquitto.port, client_id="one"))
    with running(made, inlet):
        wait_subscribed(mosquitto.port, inlet)
        send(mosquitto.port, *[("works/press/pulse", 1)] * 3)
        inlet.wait(lambda r: len(r.values("works/press", "pulse")) == 3)
    first = samples_of(inlet, "pulse")
    assert len({at for at, _, _ in first}) == 3  # each is an event of its own
    again = Recorder(json.loads(json.dumps(inlet.position)))
    with running(made, again):
        again.wait(lambda r: len(r.values("works/press", "pulse")) == 3)
    assert samples_of(again, "pulse") == first


def test_a_message_without_a_time_that_was_sent_before_and_is_not_known_is_uncertain(mosquitto):
    inlet = Recorder(hold=True)
    made = Connector(connection(mosquitto.port, client_id="one"))
    with running(made, inlet):
        wait_subscribed(mosquitto.port, inlet)
        send(mosquitto.port, ("works/press/pulse", 1))
        inlet.wait(lambda r: r.values("works/press", "pulse"))
    again = Recorder()
    with running(made, again):
        again.wait(lambda r: r.values("works/press", "pulse"))
    assert [quality for *_, quality in samples_of(again, "pulse")] == [UNCERTAIN]


def test_messages_are_remembered_up_to_a_number():
    known = Again()
    for n in range(1, MOST + 100):
        known.at(packets.Message(b"t", b"1", 0x32, n), 1)
    assert len(known.kept()) == MOST
    assert known.at(packets.Message(b"t", b"1", 0x3A, MOST), 10**9) == (MOST, True)
    assert known.at(packets.Message(b"t", b"2", 0x3A, MOST), 10**9) == (10**9, False)  # the number means another now
    assert known.at(packets.Message(b"t", b"1", 0x3A, 1), 10**9)[1] is False


def test_mqtt_5_asks_a_broker_of_usual_settings_for_more_than_twenty_messages_in_flight(mosquitto):
    mosquitto.stop()
    lines = mosquitto.config.read_text().splitlines()
    mosquitto.config.write_text("\n".join(line for line in lines if "inflight" not in line))
    mosquitto.start()
    one = client(mosquitto.port, "host", version=5)
    one.subscribe([("works/#", 1)])
    send(mosquitto.port, *[("works/press/n", n) for n in range(200)])
    heard, until = 0, time.monotonic() + 10
    while heard < 200 and time.monotonic() < until:  # none of them is acknowledged
        heard += len(one.receive(0.1))
    one.close()
    assert heard == 200
