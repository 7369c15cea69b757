"""MQTT: what a broker passes on becomes samples once, and is acknowledged when it is durable, not before."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inlet import Recorder, running

from steelyard.connect.base import Connection, Lost
from steelyard.connect.mqtt import Connector, packets, session
from steelyard.connect.mqtt.payloads import Reading, Unreadable, scalar
from steelyard.connect.mqtt.routes import covering, route, rule
from steelyard.connect.mqtt.wire import Client, Options
from steelyard.errors import InputError

HERE = Path(__file__).parents[2] / "src" / "steelyard" / "connect" / "mqtt"


def connection(port: int, **settings) -> Connection:
    return Connection("shop", "mqtt", f"mqtt://127.0.0.1:{port}", {"topics": ["works/#"], **settings})


def client(port: int, name: str = "peer", **options) -> Client:
    return Client(Options(f"mqtt://127.0.0.1:{port}", name, **options))


def send(port: int, *messages: tuple[str, object], **options) -> None:
    peer = client(port)
    for topic, payload in messages:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        peer.publish(topic, body, qos=1, **options)
    peer.settle()
    peer.close()


def wait_subscribed(port: int, inlet: Recorder) -> None:
    """Until the connector hears: a first message came in."""
    peer = client(port, "waits")

    def heard(recorder: Recorder) -> bool:
        peer.publish("works/ready", b"1")
        peer.receive(0.02)
        return bool(recorder.values("works", "ready"))

    inlet.wait(heard)
    peer.close()


@pytest.mark.parametrize("version", [4, 5])
def test_json_of_each_shape_becomes_samples(mosquitto, version):
    inlet = Recorder()
    with running(Connector(connection(mosquitto.port, version=version)), inlet) as failed:
        wait_subscribed(mosquitto.port, inlet)
        send(
            mosquitto.port,
            ("works/press/temp", {"timestamp_ms": 1_700_000_000_123, "value": 21.5}),
            ("works/press/state", "Execute"),
            ("works/press/on", True),
            ("works/press/all", {"ts": "2026-01-01T00:00:00+08:00", "a": 1, "b": {"c": "x"}, "n": None}),
            ("works/press/serial", {"timestamp": 1_700_000_000, "value": 2**60 + 1}),
            ("works/press/broken", b"{"),
            ("works/press/last", 1),
        )
        inlet.wait(lambda r: r.values("works/press", "last"))
    assert not failed
    found = {(s, n): (t, v, x, q) for s, n, t, v, x, q in inlet.samples}
    assert found["works/press", "temp"] == (1_700_000_000_123_000, 21.5, None, 0)
    assert found["works/press", "state"][1:] == (None, "Execute", 0)
    assert found["works/press", "on"][1:] == (1.0, None, 0)
    assert found["works/press", "all.a"] == (1_767_196_800_000_000, 1.0, None, 0)
    assert found["works/press", "all.b.c"][1:] == (None, "x", 0)
    assert found["works/press", "all.n"][1:] == (None, None, 2)
    assert found["works/press", "serial"] == (1_700_000_000_000_000, float(2**60), str(2**60 + 1), 0)
    assert inlet.refusals == [("SY610", "{", 1)]


def test_a_message_is_acknowledged_only_when_its_values_are_durable(mosquitto):
    """Not durable: the broker delivers it again to the next session. Durable: it does not."""
    inlet = Recorder(hold=True)
    made = Connector(connection(mosquitto.port, client_id="one"))
    with running(made, inlet):
        wait_subscribed(mosquitto.port, inlet)
        send(mosquitto.port, ("works/press/count", {"ts": 1_700_000_000, "value": 7}))
        inlet.wait(lambda r: r.values("works/press", "count"))
    again = Recorder()
    with running(made, again):
        again.wait(lambda r: r.values("works/press", "count") == [7.0])
        threading.Event().wait(0.1)
    third = Recorder()
    with running(made, third):
        send(mosquitto.port, ("works/press/other", 1))
        third.wait(lambda r: r.values("works/press", "other"))
    assert third.values("works/press", "count") == []


def test_the_client_id_of_the_session_outlives_the_program(mosquitto):
    inlet = Recorder()
    with running(Connector(connection(mosquitto.port)), inlet):
        wait_subscribed(mosquitto.port, inlet)
    assert inlet.position["client_id"].startswith("steelyard-shop-")
    send(mosquitto.port, ("works/press/missed", 5))
    after = Recorder(inlet.position)
    with running(Connector(connection(mosquitto.port)), after):
        after.wait(lambda r: r.values("works/press", "missed") == [5.0])


def test_a_broker_that_goes_away_is_lost_and_one_that_comes_back_is_read_again(mosquitto):
    inlet, made = Recorder(), Connector(connection(mosquitto.port))
    with running(made, inlet) as failed:
        wait_subscribed(mosquitto.port, inlet)
        mosquitto.stop()
        inlet.wait(lambda _: failed)
    assert isinstance(failed[0], Lost | OSError)
    with pytest.raises(OSError):
        made.run(Recorder())
    mosquitto.start()
    again = Recorder()
    with running(made, again):
        wait_subscribed(mosquitto.port, again)


def test_a_message_that_is_too_long_is_refused_and_the_next_is_read(mosquitto):
    inlet = Recorder()
    with running(Connector(connection(mosquitto.port, most_bytes=1000)), inlet) as failed:
        wait_subscribed(mosquitto.port, inlet)
        send(mosquitto.port, ("works/press/long", "x" * 700_000), ("works/press/short", 1))
        inlet.wait(lambda r: r.values("works/press", "short"))
    assert not failed
    assert inlet.refusals == [("SY614", "1000", 1)]


def test_a_retained_value_without_a_time_is_uncertain(mosquitto):
    send(mosquitto.port, ("works/press/old", 3), retain=True)
    inlet = Recorder()
    with running(Connector(connection(mosquitto.port)), inlet):
        inlet.wait(lambda r: r.values("works/press", "old"))
    assert [q for s, n, *_, q in inlet.samples if n == "old"] == [1]


def test_rules_name_subject_and_signal(mosquitto):
    inlet = Recorder()
    rules = ["acme/{site}/{line}/{machine}/{signal}", {"topic": "tele/{machine}/SENSOR", "subject": "hall/{machine}"}]
    made = Connector(Connection("m", "mqtt", f"mqtt://127.0.0.1:{mosquitto.port}", {"rules": rules}))
    assert made.patterns == ["acme/+/+/+/+", "tele/+/SENSOR"]
    with running(made, inlet):
        peer = client(mosquitto.port)

        def heard(recorder: Recorder) -> bool:
            peer.publish("acme/north/l1/m7/temp", b"4")
            peer.publish("tele/saw/SENSOR", b'{"power": {"w": 5}}')
            peer.receive(0.05)
            return bool(recorder.values("north/l1/m7", "temp") and recorder.values("hall/saw", "power.w"))

        inlet.wait(heard)
        assert [one.signal for one in made.find(0.0)] == []
        peer.close()


def test_find_lists_what_is_said(mosquitto):
    send(mosquitto.port, ("works/a/x", {"value": 1, "unit": "mm"}), ("works/a/y", b"{"), retain=True)
    found = Connector(connection(mosquitto.port)).find(0.5)
    assert [(one.subject, one.signal, one.type) for one in found] == [
        ("works/a", "x", "number"),
        ("works/a", "x.unit", "text"),
    ]


def test_a_wrong_password_is_lost_with_its_reason(tmp_path, mosquitto):
    words = tmp_path / "words"
    tool = shutil.which("mosquitto_passwd")
    if not tool:
        pytest.skip("no mosquitto_passwd: apt-get install mosquitto")
    subprocess.run([tool, "-c", "-b", str(words), "me", "right"], check=True)
    mosquitto.stop()
    text = mosquitto.config.read_text().replace("allow_anonymous true", f"allow_anonymous false\npassword_file {words}")
    mosquitto.config.write_text(text)
    mosquitto.start()
    (tmp_path / "wrong").write_text("wrong\n")
    (tmp_path / "right").write_text("right\n")
    settings = {"topics": ["a"], "username": "me", "password_file": "wrong", "version": 5}
    wrong = Connection("m", "mqtt", f"mqtt://127.0.0.1:{mosquitto.port}", settings, tmp_path)
    with pytest.raises(Lost, match=r"not authorised|wrong user"):
        Connector(wrong).run(Recorder())
    Client(session.options(Connection("m", "mqtt", wrong.url, settings | {"password_file": "right"}, tmp_path))).close()


def test_tls_trusts_the_given_authority_only(tmp_path, mosquitto):
    if not shutil.which("openssl"):
        pytest.skip("no openssl: apt-get install openssl")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "crt", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    mosquitto.stop()
    with mosquitto.config.open("a") as config:
        config.write(f"certfile {tmp_path}/crt\nkeyfile {tmp_path}/key\n")
    mosquitto.start()
    url = f"mqtts://127.0.0.1:{mosquitto.port}"
    inlet = Recorder()
    with running(Connector(Connection("m", "mqtt", url, {"topics": ["#"], "ca_file": "crt"}, tmp_path)), inlet):
        peer = Client(session.options(Connection("p", "mqtt", url, {"ca_file": "crt"}, tmp_path)))

        def heard(recorder: Recorder) -> bool:
            peer.publish("a/b", json.dumps({"ts": 1_700_000_000, "value": "x" * 100_000}).encode())
            peer.receive(0.05)
            return bool(recorder.values("a", "b"))

        inlet.wait(heard)
        peer.close()
    with pytest.raises(OSError):
        Connector(Connection("m", "mqtt", url, {"topics": ["#"]}, tmp_path)).run(Recorder())


@pytest.mark.parametrize(("settings", "url"), [
    ({}, "mqtt://h"), ({"topics": []}, "mqtt://h"), ({"topics": ["a"], "qos": 2}, "mqtt://h"),
    ({"topics": ["a"], "version": 3}, "mqtt://h"), ({"topics": ["a"]}, "http://h"), ({"topics": ["a"]}, "mqtt://u:p@h"),
    ({"topics": ["a"], "password": "p"}, "mqtt://h"), ({"topics": ["a"], "password_env": "NO_SUCH_THING"}, "mqtt://h"),
    ({"topics": ["a"], "timestamp_unit": "h"}, "mqtt://h"), ({"rules": ["a/{x}/{x}"]}, "mqtt://h"),
    ({"rules": ["a/b"]}, "mqtt://h"), ({"rules": [7]}, "mqtt://h"), ({"topics": ["a"], "ca_file": "none"}, "mqtts://h"),
    ({"topics": ["a"]}, "mqtt://h:99999"),
])  # fmt: skip
def test_settings_that_cannot_be_are_an_input_error(settings, url):
    with pytest.raises(InputError) as raised:
        Connector(Connection("m", "mqtt", url, settings))
    assert raised.value.code == "SY601"


def test_topics_without_rules_split_at_the_last_level():
    assert route("a/b/c", []) == ("a/b", "c")
    assert route("alone", []) == ("alone", "value")
    assert covering("a/{b}/x{c}/{rest+}/d") == "a/+/+/#"
    assert rule({"topic": "a/{rest+}/{signal}"}).match("a/b/c/d") == ("b/c", "d")


@pytest.mark.parametrize(("told", "at"), [
    (1_700_000_000, 1_700_000_000_000_000), (1_700_000_000.5, 1_700_000_000_500_000),
    (1_700_000_000_001, 1_700_000_000_001_000), (1_700_000_000_000_001, 1_700_000_000_000_001),
    (1_700_000_000_000_001_999, 1_700_000_000_000_001), ("1700000000001", 1_700_000_000_001_000),
    ("2023-11-14T22:13:20Z", 1_700_000_000_000_000), ("2023-11-14T22:13:20.5", 1_700_000_000_500_000),
])  # fmt: skip
def test_times_are_read_by_magnitude(told, at):
    assert Reading().read(json.dumps({"time": told, "value": 1}).encode())[0] == at


@pytest.mark.parametrize(("payload", "code"), [
    (b'{"ts": null, "value": 1}', "SY612"), (b'{"ts": "soon", "value": 1}', "SY612"), (b'{"ts": true, "v": 1}', "SY612"),
    (b'{"ts": -5, "v": 1}', "SY612"), (b'{"ts": 1e300, "v": 1}', "SY612"), (b'{"ts": 5}', "SY611"), (b"{}", "SY611"),
    (b"[1]", "SY611"), (b'{"a": [1]}', "SY611"), (b"\xff", "SY610"), (b"RUN", "SY610"), (b"[" * 100_000, "SY610"),
    (b'{"a":' * 50 + b"1" + b"}" * 50, "SY611"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_code(payload, code):
    with pytest.raises(Unreadable) as refused:
        Reading().read(payload)
    assert refused.value.code == code


def test_settings_open_arrays_and_plain_text():
    assert Reading(arrays=True).read(b'{"a": [1, 2]}')[1] == [("a.0", 1.0, None), ("a.1", 2.0, None)]
    [(name, value, text)] = Reading(plain=True).read(b"RUN")[1]
    assert (name, math.isnan(value), text) == ("", True, "RUN")


@given(st.integers())
def test_a_whole_number_is_never_rounded_without_its_digits(n):
    value, text = scalar(n)
    assert text == str(n) or (text is None and int(value) == n)


messages = st.lists(
    st.tuples(st.text(min_size=1, max_size=9), st.binary(max_size=300), st.integers(0, 1), st.booleans()), max_size=9
)


@given(messages, st.sampled_from([4, 5]), st.data())
def test_a_stream_cut_anywhere_gives_the_same_messages(sent, version, data):
    stream = b"".join(
        packets.publish(topic, payload, n + 1, version, qos=qos, retain=retain)
        for n, (topic, payload, qos, retain) in enumerate(sent)
    )
    cut = data.draw(st.integers(0, len(stream)))
    first = packets.walk(stream[:cut], version, 10_000)
    rest = packets.walk(stream[first.used :], version, 10_000)
    assert len(stream) == first.used + rest.used
    found = [(m.topic.decode(), m.payload, m.qos, m.retained) for m in first.messages + rest.messages]
    assert found == sent


@given(messages, st.sampled_from([4, 5]), st.integers(1, 60), st.integers(0, 250))
def test_messages_that_are_too_long_are_stepped_over_wherever_a_block_ends(sent, version, block, most):
    stream = b"".join(packets.publish(t, p, n + 1, version, qos=q, retain=r) for n, (t, p, q, r) in enumerate(sent))
    found, rest, skip = [], b"", 0
    for at in range(0, len(stream), block):
        piece = stream[at : at + block]
        cut = min(skip, len(piece))
        skip -= cut
        walked = packets.walk(rest + piece[cut:], version, most)
        rest = (rest + piece[cut:])[walked.used :]
        skip += walked.skip
        found += walked.messages
    assert [m.topic.decode() for m in found] == [topic for topic, *_ in sent]
    assert all(m.payload is None or m.payload == p for m, (_, p, *_) in zip(found, sent, strict=True))
    assert (rest, skip) == (b"", 0)


@given(st.binary(max_size=200), st.sampled_from([4, 5]))
def test_no_bytes_make_the_walk_fail_otherwise_than_lost(data, version):
    try:
        walked = packets.walk(data, version, 100)
    except Lost:
        return
    assert 0 <= walked.used <= len(data)


@pytest.mark.parametrize("answer", [
    b"\x20\x02\x00\x05", b"\x20\x01\x00", b"\x00\x00", b"", b"\x20\xff\xff\xff\xff\x01", b"\x30\x02\x00\x09", b"\x34\x05\x00\x01a\x00\x01",
    b"\xe0\x01\x8e",
])  # fmt: skip
def test_a_broker_that_answers_nonsense_is_lost_with_a_reason(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises((Lost, OSError)) as lost:
            client(server.getsockname()[1])
        assert str(lost.value)
        thread.join()


def listen(one: Client) -> None:
    while True:
        one.receive(0.1)


def test_a_silent_broker_is_pinged_and_then_lost():
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"\x20\x02\x00\x00")
                done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        one = client(server.getsockname()[1], keepalive=1)
        before = time.time_ns() // 1000
        with pytest.raises(Lost, match="ping") as lost:
            listen(one)
        assert lost.value.at <= before  # it was silent since
        one.drop()
        done.set()
        thread.join()


def test_the_sample_beside_the_connector_is_read_whole():
    reading = Reading()
    found = []
    for line in (HERE / "sample" / "messages.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        try:
            at, values = reading.read(one["payload"].encode())
        except Unreadable as refused:
            found.append(refused.code)
        else:
            found += [(at is not None, len(values))]
    assert found == [(True, 1), (True, 1), (False, 1), (True, 3), "SY610", "SY612", (False, 1)]


def test_the_manifest_names_each_setting_that_the_connector_reads():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    sources = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*.py"))
    assert manifest["name"] == "mqtt"
    assert {name for name in manifest["settings"] if f'"{name}"' not in sources} == set()
