"""OPC UA against node-opcua: values, times, status, names; restarts with other node ids; history; secured endpoints."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time

import pytest
from inlet import Recorder, running

pytest.importorskip("asyncua", reason="no asyncua: pip install steelyard[opcua]")

from steelyard.connect.base import BAD, GOOD, HISTORICAL, UNCERTAIN, Connection, Lost
from steelyard.connect.opcua import Connector
from steelyard.errors import InputError

PRESS = "Line1/Press7"


@pytest.fixture
def server(node, free_port, tmp_path):
    """Starts node-opcua on one port; each call starts it again with other options."""

    class Server:
        url = f"opc.tcp://127.0.0.1:{free_port}/"
        process = None

        def start(self, **options):
            asked = {"port": free_port, "pki": str(tmp_path / "pki"), **options}
            self.process = node("opcua_server.js", json.dumps(asked))
            return self

        def kill(self):
            self.process.kill()
            self.process.wait(10)

    return Server()


def connection(url, folder, **settings):
    return Connection("press", "opcua", url, {"publishing_ms": 50, **settings}, folder)


@contextlib.contextmanager
def asked_again(connector, inlet):
    """As the runner does: run again after each loss, after a short pause."""

    class Again:
        def run(self, inlet):
            while not inlet.stopped.is_set():
                try:
                    connector.run(inlet)
                except (Lost, OSError) as lost:
                    losses.append(lost)
                    inlet.stopped.wait(0.3)

    losses: list[BaseException] = []
    with running(Again(), inlet) as failed:
        yield losses
    assert not failed


def test_values_of_all_kinds_come_with_the_servers_time_and_status(server, tmp_path):
    server.start()
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path)), inlet) as failed:
        inlet.wait(lambda r: len(r.values(PRESS, "Count")) > 3 and r.values(PRESS, "Door"))
    assert not failed
    found = {name: (value, text, quality, at) for s, name, at, value, text, quality in inlet.samples if s == PRESS}
    assert found["State"][:3] == (None, "Execute", GOOD)
    assert found["Running"][:3] == (1.0, None, GOOD)
    assert found["Wide"][:3] == (float(2**53), str(2**53 + 1), GOOD)
    assert found["Begun"][:3] == (1772352000250000.0, "2026-03-01T08:00:00.250000Z", GOOD)
    assert found["Name"][1] == "压机"
    assert found["Array"][1] == "[1.0,2.5]"
    assert found["Blob"][1] == "YWI="
    assert found["Sensor"][:3] == (1.5, None, UNCERTAIN)
    assert found["Broken"][:3] == (None, None, BAD)
    assert found["Door"][:3] == (2.0, "Locked", GOOD)
    assert (PRESS, "Temperature", "°C") in inlet.names
    counts = inlet.values(PRESS, "Count")
    assert counts == list(range(int(counts[0]), int(counts[0]) + len(counts)))
    times = [at for s, name, at, *_ in inlet.samples if (s, name) == (PRESS, "Count")]
    assert all(0 <= time.time() * 1e6 - at < 60e6 for at in times)
    assert times == sorted(set(times))
    assert {s for s, _ in inlet.sessions} == {PRESS}
    assert inlet.sessions[0] == (PRESS, "online")
    assert inlet.sessions[-1] == (PRESS, "offline")


def test_a_value_that_is_too_long_is_refused_and_counted(server, tmp_path):
    server.start()
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, longest_text=5)), inlet):
        inlet.wait(lambda r: len(r.refusals) > 1 and r.values(PRESS, "Blob"))
    assert {code for code, _, _ in inlet.refusals} == {"SY634"}
    assert inlet.values(PRESS, "State") == []


def test_named_nodes_are_read_under_the_names_they_are_given_and_an_unknown_one_is_a_finding(server, tmp_path):
    server.start()
    nodes = [
        {"node": "nsu=urn:plant;i=50011", "subject": "press-7", "signal": "parts", "unit": "pcs"},
        "/{urn:plant}Line1/Press7/State",
        "/Line1/{urn:plant}Press7/Running",
        "nsu=urn:plant;s=nothing",
        "nsu=urn:nowhere;i=1",
        "/Line1/Press8/State",
    ]
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, nodes=nodes)), inlet):
        inlet.wait(lambda r: r.values("press-7", "parts") and r.values(PRESS, "State") and r.values(PRESS, "Running"))
        inlet.wait(lambda r: len(r.findings) == 3)
    assert ("press-7", "parts", "pcs") in inlet.names
    assert {node for node, code in inlet.findings if code == "SY633"} == set(nodes[3:])


@pytest.mark.parametrize("nodes", ["/Line1/Press7/Count", "nsu=urn:plant;i=50011"], ids=["by path", "by number"])
def test_a_server_that_restarts_with_other_node_ids_is_read_again_within_ten_seconds(server, tmp_path, nodes):
    server.start()
    inlet = Recorder()
    with asked_again(Connector(connection(server.url, tmp_path, nodes=[nodes], history=False)), inlet) as losses:
        inlet.wait(lambda r: len(r.values(PRESS, "Count")) > 2)
        for shift in (1, 2, 0):
            server.kill()
            inlet.wait(lambda r: r.sessions and r.sessions[-1] == (PRESS, "offline"), 5)
            before = len(inlet.samples)
            server.start(shift=shift)
            inlet.wait(lambda r, n=before: len(r.samples) > n + 2, 10)
            assert inlet.sessions[-1] == (PRESS, "online")
    assert losses
    assert {(s, name) for s, name, *_ in inlet.samples} == {(PRESS, "Count")}
    assert not inlet.findings


def test_a_server_that_falls_silent_is_lost_within_six_seconds(server, tmp_path):
    server.start()
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, timeout_seconds=3)), inlet) as failed:
        inlet.wait(lambda r: r.values(PRESS, "Count"))
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            inlet.wait(lambda r: failed, 6)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
    assert isinstance(failed[0], Lost | OSError)
    assert inlet.sessions[-1] == (PRESS, "offline")


def test_the_gap_of_our_own_absence_is_filled_from_the_servers_history(server, tmp_path):
    server.start(history=True, period=100)
    asked = connection(server.url, tmp_path, nodes=["/Line1/Press7/Count", "/Line1/Press7/State"])
    first = Recorder()
    with running(Connector(asked), first):
        first.wait(lambda r: len(r.values(PRESS, "Count")) > 10)
    time.sleep(1.0)
    second = Recorder(first.position)
    with running(Connector(asked), second) as failed:
        second.wait(lambda r: r.told and len(r.values(PRESS, "Count")) > 10)
    assert not failed
    counts = sorted({int(v) for r in (first, second) for v in r.values(PRESS, "Count")})
    assert counts == list(range(counts[0], counts[-1] + 1))
    late = [row for row in second.samples if row[5] == HISTORICAL]
    assert len(late) >= 10
    ((subject, start, end),) = second.told
    assert subject == PRESS
    assert start == first.position["seen"]
    assert end - start > 1_000_000


def test_a_server_that_samples_more_slowly_than_asked_is_a_finding(server, tmp_path):
    server.start()
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, sampling_ms=1)), inlet):
        inlet.wait(lambda r: r.findings)
    assert inlet.findings == {(PRESS, "SY633")}


def test_a_gap_without_history_is_not_said_to_be_heard(server, tmp_path):
    server.start()
    asked = connection(server.url, tmp_path)
    inlet = Recorder({"told": int(time.time() * 1e6) - 5_000_000, "seen": int(time.time() * 1e6) - 5_000_000})
    with running(Connector(asked), inlet):
        inlet.wait(lambda r: r.position.get("told", 0) > time.time() * 1e6 - 1_000_000)
    assert inlet.told == []


@pytest.mark.parametrize(("policy", "mode"), [("Basic256Sha256", "Sign"), ("Basic256Sha256", "SignAndEncrypt"),
                                              ("Aes128Sha256RsaOaep", "SignAndEncrypt"), ("Aes256Sha256RsaPss", "SignAndEncrypt")])  # fmt: skip
def test_a_secured_endpoint_is_read_once_its_certificate_is_pinned(server, tmp_path, policy, mode):
    server.start()
    asked = {"security": policy, "mode": mode}
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, **asked)), inlet) as failed:
        inlet.wait(lambda r: failed)
    assert isinstance(failed[0], InputError)
    assert failed[0].code == "SY631"
    assert inlet.samples == []
    shown = failed[0].facts["shown"]
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, **asked, fingerprint=f"sha256:{shown}")), inlet) as failed:
        inlet.wait(lambda r: failed or len(r.values(PRESS, "Count")) > 3)
    assert not failed
    assert (tmp_path / "keys" / "opcua.pem").stat().st_mode & 0o077 == 0


def test_another_certificate_than_the_pinned_one_is_refused_and_nothing_is_read(server, tmp_path):
    server.start()
    inlet = Recorder()
    with running(
        Connector(connection(server.url, tmp_path, security="Basic256Sha256", fingerprint="00" * 32)), inlet
    ) as failed:
        inlet.wait(lambda r: failed)
    assert failed[0].code == "SY631"
    assert inlet.samples == []


def test_a_user_is_let_in_with_the_right_password_only(server, tmp_path, monkeypatch):
    server.start(users=True)
    monkeypatch.setenv("PRESS_PASSWORD", "right")
    asked = {"user": "steelyard", "password_env": "PRESS_PASSWORD"}
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, **asked)), inlet) as failed:
        inlet.wait(lambda r: failed or r.values(PRESS, "Count"))
    assert not failed
    monkeypatch.setenv("PRESS_PASSWORD", "wrong")
    with running(Connector(connection(server.url, tmp_path, **asked)), Recorder()) as failed:
        inlet.wait(lambda r: failed)
    assert failed[0].code == "SY632"


def test_a_hundred_variables_in_small_batches_come_without_a_missing_number(server, tmp_path):
    server.start(count=100, period=50, batch=7)
    inlet = Recorder()
    with running(Connector(connection(server.url, tmp_path, sampling_ms=25)), inlet) as failed:
        inlet.wait(lambda r: len(r.values("M", "v99")) > 10)
    assert not failed
    for number in range(100):
        counts = inlet.values("M", f"v{number}")
        assert counts == list(range(int(counts[0]), int(counts[0]) + len(counts)))


@pytest.mark.parametrize("settings", [
    {"nodes": ["Line1"]}, {"nodes": [7]}, {"nodes": [{"signal": "x"}]}, {"nodes": [{"node": "i=1", "x": ""}]}, {"nodes": ["ns=1;i=a"]},
    {"security": "Basic128Rsa15"}, {"mode": "None"}, {"publishing_ms": 0}, {"password_env": "NOT_THERE_AT_ALL"},
    {"security": "Basic256Sha256", "certificate": "a.der"}, {"queue_size": "many"},
])  # fmt: skip
def test_settings_that_cannot_be_used_are_named(tmp_path, settings):
    with pytest.raises(InputError) as refused:
        Connector(connection("opc.tcp://127.0.0.1:1/", tmp_path, **settings))
    assert refused.value.code == "SY601"
    assert refused.value.facts["field"] in settings or refused.value.facts["field"] == "key"


def test_a_password_in_the_address_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        Connector(connection("opc.tcp://me:secret@127.0.0.1:1/", tmp_path))
    assert "secret" not in str(refused.value.facts)
