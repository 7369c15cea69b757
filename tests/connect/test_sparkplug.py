"""Sparkplug host application with a real broker and independent edge nodes: STATE, births, restarts, history."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
import yaml
from inlet import Recorder, running
from proxy import Proxy, packets_of

from steelyard.connect.base import Connection, Lost
from steelyard.connect.mqtt.packets import Message
from steelyard.connect.mqtt.wire import Client, Options
from steelyard.connect.sparkplug import Connector, events
from steelyard.connect.sparkplug.connector import Stated
from steelyard.connect.sparkplug.host import Host
from steelyard.connect.sparkplug.meanings import meaning
from steelyard.connect.sparkplug.schema import Payload
from steelyard.connect.sparkplug.station import Station
from steelyard.errors import InputError

HERE = Path(__file__).parents[2] / "src" / "steelyard" / "connect" / "sparkplug"
STATE = "spBv1.0/STATE/h"


def connector(port: int, **settings) -> Connector:
    return Connector(Connection("spb", "sparkplug", f"mqtt://127.0.0.1:{port}", {"host_id": "h", **settings}))


class Listener:
    """A client that hears what is published on patterns."""

    def __init__(self, port: int, *patterns: str, name: str = "listener") -> None:
        self.client = Client(Options(f"mqtt://127.0.0.1:{port}", name))
        self.client.subscribe([(pattern, 1) for pattern in patterns])
        self.heard: list[Message] = []

    def wait(self, condition, seconds: float = 10):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.heard += self.client.receive(0.05)
            if condition(self.heard):
                return self.heard
        raise AssertionError(f"waited in vain; heard {self.heard[-5:]}")


def states(heard: list[Message]) -> list[tuple[bool, int]]:
    found = [json.loads(message.payload) for message in heard if message.topic == STATE.encode()]
    return [(one["online"], one["timestamp"]) for one in found]


@pytest.fixture
def proxy(mosquitto, free_port):
    made = Proxy(free_port, mosquitto.port)
    yield free_port, made.seen
    made.close()


# -- STATE ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 5])
def test_will_subscriptions_and_birth_come_in_the_order_of_the_specification(proxy, version):
    port, seen = proxy
    inlet = Recorder()
    with running(connector(port, version=version), inlet) as failed:
        inlet.wait(lambda _: any(first & 0xF0 == 0x30 for first, _ in packets_of(seen)))
    assert not failed
    until = time.monotonic() + 10
    while (kinds := [first & 0xF0 for first, _ in packets_of(seen)])[-1] != 0xE0 and time.monotonic() < until:
        time.sleep(0.01)  # the proxy hears of the last packet after it was sent
    sent = packets_of(seen)
    assert kinds[:3] == [0x10, 0x80, 0x30]  # CONNECT, SUBSCRIBE, birth
    connect = sent[0][1]
    flags = connect[7]
    assert flags & 0x02  # clean session, clean start
    assert (flags & 0x04, flags >> 3 & 3, flags & 0x20) == (0x04, 1, 0x20)  # a will of QoS 1, retained
    assert version == 4 or connect[10:12] == b"\x03\x21"  # the only property is how much we take: a session expiry of 0
    will = json.loads(connect[connect.index(b"{") : connect.index(b"}") + 1])
    assert STATE.encode() in connect
    subscribed = sent[1][1]
    assert STATE.encode() in subscribed
    assert b"spBv1.0/+/NDATA/#" in subscribed
    assert b"CMD" not in subscribed
    births = [(first, body) for first, body in sent if first & 0xF0 == 0x30]
    assert births[0][0] == 0x33  # QoS 1, retained
    birth = json.loads(births[0][1][births[0][1].index(b"{") :])
    assert will == {"online": False, "timestamp": birth["timestamp"]}
    assert birth["online"] is True
    assert abs(birth["timestamp"] - time.time() * 1000) < 60_000
    assert kinds[-1] == 0xE0
    death = json.loads(births[-1][1][births[-1][1].index(b"{") :])
    assert births[-1][0] == 0x33
    assert death["online"] is False
    assert death["timestamp"] >= birth["timestamp"]


def test_the_broker_publishes_the_will_when_the_host_dies_without_a_word(mosquitto):
    listener = Listener(mosquitto.port, STATE)
    stated = Stated("h", 123)
    client = Client(Options(f"mqtt://127.0.0.1:{mosquitto.port}", "host"), stated.will())
    stated.birth(client)
    client.settle()
    client.drop()
    listener.wait(lambda heard: states(heard) == [(True, 123), (False, 123)])
    listener.client.close()


def test_who_says_that_the_host_is_offline_is_contradicted_with_the_same_timestamp(mosquitto):
    listener = Listener(mosquitto.port, STATE)
    with running(connector(mosquitto.port), Recorder()):
        listener.wait(lambda heard: [online for online, _ in states(heard)] == [True])
        born = states(listener.heard)[0][1]
        listener.client.publish(STATE, json.dumps({"online": False, "timestamp": 1}).encode(), qos=1, retain=True)
        listener.wait(lambda heard: states(heard)[-1] == (True, born) and len(states(heard)) == 3)
    listener.wait(lambda heard: states(heard)[-1][0] is False)
    listener.client.close()


def test_a_host_that_fails_within_a_session_lets_the_broker_publish_its_will(mosquitto):
    class Full(Recorder):
        def online(self, subject, at=None):
            raise OSError("the disk is full")

    listener, station = Listener(mosquitto.port, STATE), Station(["m"], mosquitto.port)
    with running(connector(mosquitto.port), Full()) as failed:
        listener.wait(lambda heard: [online for online, _ in states(heard)] == [True])
        station.start()
        listener.wait(lambda heard: [online for online, _ in states(heard)] == [True, False])
    assert isinstance(failed[0], OSError)
    station.stop()
    listener.client.close()


def test_after_a_restart_of_the_broker_the_host_is_online_again_and_reads_within_seconds(mosquitto):
    made, inlet = connector(mosquitto.port, reorder_seconds=0.3), Recorder()
    station = Station(["press"], mosquitto.port)
    station.start()
    station.publish("press", {"PartCount": 1}, 1_774_000_000_000_000)
    with running(made, inlet) as failed:
        inlet.wait(lambda r: count_up(station) and r.values("plant/edge/press", "Admin/ProdProcessedCount"))
        mosquitto.stop()
        inlet.wait(lambda _: failed)
        assert isinstance(failed[0], Lost | OSError)
        assert ("plant/edge/press", "offline") in inlet.sessions
    mosquitto.start()
    listener, again, start = Listener(mosquitto.port, STATE), Recorder(), time.monotonic()
    with running(made, again):
        listener.wait(lambda heard: True in dict(states(heard)))
        again.wait(lambda r: count_up(station) and len(r.values("plant/edge/press", "Admin/ProdProcessedCount")) > 5)
    assert time.monotonic() - start < 10
    station.stop()
    listener.client.close()


def count_up(station: Station) -> bool:
    station.publish("press", {"PartCount": time.monotonic_ns()}, time.time_ns() // 1000)
    return True


# -- the station, end to end --------------------------------------------------------------------------------------------


def test_a_station_is_read_with_its_failure_and_its_history(mosquitto):
    inlet = Recorder()
    station = Station(["press", "saw"], mosquitto.port)
    with running(connector(mosquitto.port), inlet) as failed:
        station.start()
        at = time.time_ns() // 1000
        station.publish("press", {"Execution": "Execute", "Temperature": 20.5, "PartCount": 3, "Reason": ""}, at)
        inlet.wait(lambda r: r.values("plant/edge/press", "Status/StateCurrent") == ["Execute"])
        station.publish(
            "press", {"Execution": "Held", "Temperature": 21.5, "PartCount": -4, "Reason": "jam"}, at + 1_000_000
        )
        inlet.wait(lambda r: r.values("plant/edge/press", "Reason")[-1:] == ["jam"])
        station.fail()
        inlet.wait(lambda r: ("plant/edge/saw", "offline") in r.sessions)
        station.publish("press", {"Temperature": 30.5}, at + 2_000_000)
        station.publish("press", {"Temperature": 31.5}, at + 3_000_000)
        station.start()
        inlet.wait(lambda r: r.told)
    assert not failed
    station.stop()
    assert inlet.values("plant/edge/press", "Admin/ProdProcessedCount")[:2] == [3.0, -4.0]
    late = [(v, q) for s, n, t, v, x, q in inlet.samples if n == "Temperature" and q == 4]
    assert late == [(30.5, 4), (31.5, 4)]
    assert inlet.told == [("plant/edge/press", (at + 2_000_000) // 1000 * 1000, (at + 3_000_000) // 1000 * 1000)]
    assert inlet.sessions.count(("plant/edge/press", "online")) == 2
    assert ("plant/edge/press", "Temperature", "°C") in inlet.names
    assert inlet.refusals == []
    assert inlet.findings == set()


def test_a_host_that_comes_late_asks_for_births_and_reads(mosquitto):
    station, inlet = Station(["m"], mosquitto.port), Recorder()
    station.start()
    station.publish("m", {"Energy": 1.0}, 1_774_000_000_000_000)
    listener = Listener(mosquitto.port, "spBv1.0/+/NCMD/#", name="commands")
    with running(connector(mosquitto.port, reorder_seconds=0.2), inlet):
        for n in range(1000):
            station.publish("m", {"Energy": 2.0 + n}, 1_774_000_001_000_000 + n * 1000)
            if inlet.values("plant/edge/m", "Energy"):
                break
            time.sleep(0.01)
        listener.wait(lambda heard: heard)
    command = listener.heard[0]
    payload = Payload.FromString(command.payload)
    assert (command.topic, command.flags & 7) == (b"spBv1.0/plant/NCMD/edge", 0)  # QoS 0, not retained
    assert not payload.HasField("seq")
    assert abs(payload.timestamp - time.time() * 1000) < 60_000
    [asked] = payload.metrics
    assert (asked.name, asked.datatype, asked.boolean_value, asked.HasField("alias")) == (
        "Node Control/Rebirth",
        11,
        True,
        False,
    )
    assert inlet.values("plant/edge/m", "Energy")
    station.stop()
    listener.client.close()


def test_values_of_a_flood_all_arrive_once(mosquitto):
    inlet = Recorder()
    with running(connector(mosquitto.port), inlet) as failed:
        peer = Client(Options(f"mqtt://127.0.0.1:{mosquitto.port}", "flood"))
        birth = Payload(timestamp=1_774_000_000_000, seq=0)
        birth.metrics.add(name="bdSeq", datatype=4, long_value=0, timestamp=1)
        for n in range(20):
            birth.metrics.add(name=f"m{n}", alias=n, datatype=10, double_value=-1, timestamp=1_774_000_000_000)
        inlet.wait(lambda _: hears(mosquitto.port))
        peer.publish("spBv1.0/G/NBIRTH/E", birth.SerializeToString())
        for k in range(2_000):
            data = Payload(timestamp=1_774_000_000_001 + k, seq=(k + 1) % 256)
            for n in range(20):
                data.metrics.add(alias=n, double_value=k, timestamp=1_774_000_000_001 + k)
            peer.publish("spBv1.0/G/NDATA/E", data.SerializeToString())
            peer.receive(0)
        inlet.wait(lambda r: len(r.samples) >= 40_020, 30)
        peer.close()
    assert not failed
    assert len({(n, t) for _, n, t, *_ in inlet.samples}) == len(inlet.samples) == 40_020


def hears(port: int) -> bool:
    listener = Listener(port, STATE, name="online")
    heard = listener.client.receive(0.2)
    listener.client.close()
    return any(online for online, _ in states(heard))


# -- independent peers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aliases", ["", "aliases"])
def test_an_edge_node_of_eclipse_tahu_is_read(mosquitto, node, aliases):
    inlet = Recorder()
    with running(connector(mosquitto.port), inlet) as failed:
        inlet.wait(lambda _: hears(mosquitto.port))
        peer = node("sparkplug_edge.js", mosquitto.port, "G1", "Node", 20, aliases)
        inlet.wait(lambda r: len(r.values("G1/Node/D1", "count")) > 20)
        peer.kill()
        inlet.wait(lambda r: ("G1/Node/D1", "offline") in r.sessions)
    assert not failed
    counts = inlet.values("G1/Node/D1", "count")
    assert counts == [float(n) for n in range(len(counts))]
    assert inlet.values("G1/Node", "temp") == [1.5]
    assert inlet.values("G1/Node/D1", "below") == [-7.0]
    assert inlet.values("G1/Node/D1", "on") == [1.0]
    assert inlet.values("G1/Node/D1", "state") == ["EXECUTE"]
    assert json.loads(inlet.values("G1/Node/D1", "table")[0])["rows"] == [[1, "x"], [2, "y"]]
    assert inlet.values("G1/Node/D1", "pump/rpm") == [1450.5]
    assert ("G1/Node", "SY621") in inlet.findings  # its bdSeq is UInt64
    assert inlet.refusals == []


def test_an_edge_node_of_eclipse_tahu_tells_its_births_when_asked(mosquitto, node):
    node("sparkplug_edge.js", mosquitto.port, "G1", "Node", 20)
    inlet = Recorder()
    with running(connector(mosquitto.port), inlet):
        inlet.wait(lambda r: len(r.values("G1/Node/D1", "count")) > 5)
    assert ("G1/Node/D1", "online") in inlet.sessions


# -- browsing, settings, files ------------------------------------------------------------------------------------------


def test_find_lists_the_births_and_proposes_meanings(mosquitto):
    station, done = Station(["press"], mosquitto.port), threading.Event()
    station.start()

    def speak() -> None:
        n = 0
        while not done.wait(0.05):
            n += 1
            station.publish(
                "press",
                {"Execution": "Execute", "PartCount": n, "ScrapCount": 0, "Temperature": 1.0},
                time.time_ns() // 1000,
            )

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        found = {one.signal: one for one in connector(mosquitto.port).find(2)}
    finally:
        done.set()
        thread.join()
        station.stop()
    assert {name: (one.column, one.rule, one.type) for name, one in found.items()} == {
        "Status/StateCurrent": ("state", "packml", "String"), "Admin/ProdProcessedCount": ("produced", "counter", "Int64"),
        "Admin/ProdDefectiveCount": ("scrap", "counter", "Int64"), "Temperature": ("", "", "Double"),
    }  # fmt: skip
    assert found["Temperature"].unit == "°C"
    assert found["Temperature"].subject == "plant/edge/press"


def test_names_that_mean_something_are_known_in_any_folder():
    assert meaning("Line1/Status/StateCurrent") == ("state", "packml")
    assert meaning("Part_Count") == ("produced", "counter")
    assert meaning("Motor/Speed") == ("", "")


@pytest.mark.parametrize(
    "settings", [{"host_id": ""}, {"host_id": "a/b"}, {"groups": []}, {"groups": ["a/b"]}, {"reorder_seconds": "x"}]
)
def test_settings_that_cannot_be_are_an_input_error(settings):
    with pytest.raises(InputError) as raised:
        connector(1883, **settings)
    assert raised.value.code == "SY601"


def test_a_host_needs_an_id():
    with pytest.raises(InputError) as raised:
        Connector(Connection("spb", "sparkplug", "mqtt://h", {}))
    assert raised.value.facts["field"] == "host_id"


def test_the_sample_beside_the_connector_replays():
    names: list[tuple[str, str]] = []

    def signal(subject: str, name: str, unit: str) -> int:
        names.append((subject, name))
        return len(names) - 1

    host, said = Host(signal, "h", reorder=1), []
    for line in (HERE / "sample" / "shift.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        message = Message(one["topic"].encode(), bytes.fromhex(one["payload"]), 0x30, 0)
        said += host.take([message], one["at"]) + host.tick(one["at"])
    values = [
        (names[s][1], v) for e in said if isinstance(e, events.Values) for s, v in zip(e.signals, e.value, strict=True)
    ]
    assert [v for n, v in values if n == "Temperature"] == [20.0, 20.5, 21.0, 21.5, 22.0]
    assert [type(e) for e in said if not isinstance(e, events.Values)] == [
        events.Online,
        events.Online,
        events.Offline,
        events.Offline,
    ]


def test_the_manifest_names_each_setting_that_the_connector_reads():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    sources = "".join(
        path.read_text(encoding="utf-8") for folder in (HERE, HERE.parent / "mqtt") for path in folder.glob("*.py")
    )
    assert manifest["name"] == "sparkplug"
    assert {name for name in manifest["settings"] if f'"{name}"' not in sources} == set()
