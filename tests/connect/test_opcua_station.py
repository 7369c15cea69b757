"""The simulated OPC UA server, read by our own connector: what is proposed, restarts with other ids, history of a restart."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from inlet import Recorder, running

pytest.importorskip("asyncua", reason="no asyncua: pip install steelyard[opcua]")

from asyncua import ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.server.server import Server

from steelyard.connect.base import Connection, Found, Lost
from steelyard.connect.opcua import Connector
from steelyard.connect.opcua.station import Station
from steelyard.take.propose import Proposal

VALUES = {"Execution": "Execute", "Mode": "Production", "PartCount": 5, "GoodCount": 4, "ScrapCount": 1, "Temperature": 61.5,
          "Energy": 1.25, "Product": "A-7", "Reason": ""}  # fmt: skip


@pytest.fixture
def station(free_port):
    found = Station(["press-7", "press-8"], free_port, shifting=True, history=1000)
    found.start()
    yield found
    found.stop()


def connection(station, tmp_path, **settings):
    return Connection("plant", "opcua", station.url, {"publishing_ms": 50, **settings}, tmp_path)


def now():
    return time.time_ns() // 1000


def test_a_published_value_comes_with_the_time_at_which_it_was_measured(station, tmp_path):
    inlet = Recorder()
    at = now() - 5_000_000
    with running(Connector(connection(station, tmp_path)), inlet) as failed:
        inlet.wait(lambda r: ("press-7/Status", "online") in r.sessions)
        station.publish("press-7", VALUES, at)
        inlet.wait(lambda r: r.values("press-7/Admin", "ProdProcessedCount")[-1:] == [5.0])
        inlet.wait(lambda r: r.values("press-7/MachineryItemState", "CurrentState")[-1:] == ["Executing"])
    assert not failed
    row = next(row for row in inlet.samples if row[:2] == ("press-7/Admin", "ProdProcessedCount") and row[3] == 5)
    assert row[2] == at
    assert ("press-7/Monitoring", "Temperature", "°C") in inlet.names
    assert inlet.values("press-8/Status", "CurrentState") == [""]


def test_states_and_counts_of_companion_specifications_are_proposed_with_their_rules(station, tmp_path):
    found = Connector(connection(station, tmp_path)).find(20)
    proposed = {(f.subject, f.signal): (f.column, f.rule) for f in found if f.column}
    assert {f.device for f in found if f.column} == {"press-7", "press-8"}
    assert proposed["press-7/Status", "CurrentState"] == ("state", "packml")
    assert proposed["press-7/MachineryItemState", "CurrentState"] == ("state", "opc40001-item-state")
    assert proposed["press-7/Admin", "ProdProcessedCount"][0] == "produced"
    assert proposed["press-7/Admin", "ProdDefectiveCount"][0] == "scrap"
    assert proposed["press-7/Status", "UnitModeCurrent"] == ("mode", "packml")
    units = Proposal("p", {}, found).bindings["units"]
    assert sorted(units) == ["press-7", "press-8"]
    assert {"state", "produced", "scrap"} <= set(units["press-7"])
    assert "mode" in units["press-7"]["state"]["signals"]
    assert Found("press-7/Monitoring", "Energy", "Double", "kWh") in found


def test_a_server_that_fails_and_starts_with_other_indices_is_read_again_and_the_gap_is_marked(station, tmp_path):
    inlet = Recorder()
    connector = Connector(
        connection(station, tmp_path, nodes=["/press-7/Admin/{http://opcfoundation.org/UA/PackML/}ProdProcessedCount"])
    )

    class Again:
        losses = 0

        def run(self, inlet):
            while not inlet.stopped.is_set():
                try:
                    connector.run(inlet)
                except (Lost, OSError):
                    self.losses += 1
                    inlet.stopped.wait(0.2)

    again = Again()
    with running(again, inlet) as failed:
        for turn in range(1, 4):
            station.publish("press-7", {"PartCount": turn}, now())
            inlet.wait(lambda r, t=turn: r.values("press-7/Admin", "ProdProcessedCount")[-1:] == [float(t)], 10)
            station.fail()
            inlet.wait(lambda r: r.sessions[-1] == ("press-7/Admin", "offline"), 6)
            station.start()
    assert not failed
    assert again.losses >= 3
    assert not [code for _, code in inlet.findings if code != "SY633"]


def test_values_that_wait_for_the_inlet_hold_the_server_back_and_none_is_lost(station, tmp_path, monkeypatch):
    monkeypatch.setattr("steelyard.connect.opcua.relay.MOST_WAITING", 50)
    gate = threading.Event()

    class Slow(Recorder):
        def keep(self, *values, **facts):
            gate.wait(20)
            super().keep(*values, **facts)

    inlet = Slow()
    asked = connection(station, tmp_path, nodes=["/press-7/Admin/ProdProcessedCount"], sampling_ms=0, queue_size=10_000)
    with running(Connector(asked), inlet) as failed:
        inlet.wait(lambda r: r.sessions)
        for turn in range(1, 301):
            station.publish("press-7", {"PartCount": turn}, now())
        time.sleep(0.5)
        gate.set()
        inlet.wait(lambda r: r.values("press-7/Admin", "ProdProcessedCount")[-1:] == [300.0])
    assert not failed
    assert inlet.values("press-7/Admin", "ProdProcessedCount") == [float(n) for n in range(301)]


def test_states_that_never_change_are_said_anew(station, tmp_path):
    inlet = Recorder()
    asked = connection(station, tmp_path, nodes=["/press-7/Status/CurrentState"], refresh_hours=0.5 / 3600)
    station.publish("press-7", VALUES, now() - 60_000_000)
    with running(Connector(asked), inlet):
        inlet.wait(lambda r: len(r.values("press-7/Status", "CurrentState")) >= 3)
    assert set(inlet.values("press-7/Status", "CurrentState")) == {"Execute"}
    times = [row[2] for row in inlet.samples]
    assert times[1] - times[0] > 55_000_000
    assert times[2] > times[1]


def test_history_of_another_makers_server_is_read_over_several_pages(station, tmp_path, monkeypatch):
    monkeypatch.setattr("steelyard.connect.opcua.history.PAGE", 7)
    begin = now()
    for turn in range(1, 31):
        station.publish("press-7", {"PartCount": turn}, now())
    inlet = Recorder({"told": begin, "seen": begin})
    asked = connection(station, tmp_path, nodes=["/press-7/Admin/ProdProcessedCount"])
    with running(Connector(asked), inlet):
        inlet.wait(lambda r: r.told)
    late = [row[3] for row in inlet.samples if row[5] == 4]
    assert set(range(1, 31)) <= set(late)
    assert inlet.told[0][:2] == ("press-7/Admin", begin)


def test_a_server_whose_history_does_not_answer_is_still_read_live(station, tmp_path, monkeypatch):
    async def silent(*_):
        raise TimeoutError

    monkeypatch.setattr("asyncua.client.ua_session.UaSession.history_read", silent)
    inlet = Recorder({"told": now() - 1_000_000, "seen": now() - 1_000_000})
    with running(
        Connector(connection(station, tmp_path, nodes=["/press-7/Admin/ProdProcessedCount"])), inlet
    ) as failed:
        inlet.wait(lambda r: "SY637" in {code for _, code in r.findings})
        station.publish("press-7", {"PartCount": 9}, now())
        inlet.wait(lambda r: r.values("press-7/Admin", "ProdProcessedCount")[-1:] == [9.0])
    assert not failed
    assert inlet.told == []


def test_a_server_without_the_policy_that_was_asked_is_never_read_with_less(station, tmp_path):
    inlet = Recorder()
    with running(Connector(connection(station, tmp_path, security="Aes256Sha256RsaPss")), inlet) as failed:
        inlet.wait(lambda r: failed)
    assert failed[0].code == "SY630"
    assert "None" in failed[0].facts["offered"]
    assert inlet.samples == []


def test_a_password_is_not_sent_in_clear_unless_that_is_allowed(station, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANT_PASSWORD", "right")
    asked = connection(station, tmp_path, user="steelyard", password_env="PLANT_PASSWORD")  # noqa: S106  - a variable's name
    inlet = Recorder()
    with running(Connector(asked), inlet) as failed:
        inlet.wait(lambda r: failed)
    assert failed[0].code == "SY639"
    assert inlet.samples == []


def test_more_variables_than_allowed_are_a_finding_and_the_rest_is_read(station, tmp_path):
    inlet = Recorder()
    with running(Connector(connection(station, tmp_path, max_nodes=3)), inlet):
        inlet.wait(lambda r: len(r.names) == 3 and r.samples)
    assert "SY638" in {code for _, code in inlet.findings}


def test_structures_of_the_servers_own_come_as_their_fields(free_port, tmp_path):
    """Two servers may give one number to different structures, so definitions are kept by connection, not by process."""
    started, done = threading.Event(), threading.Event()

    async def serve():
        server = Server()
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port}/")
        index = await server.register_namespace("urn:structures")
        kind, _ = await new_struct(server, index, "Count", [
            new_struct_field("Name", ua.VariantType.String), new_struct_field("Amount", ua.VariantType.Int32),
            new_struct_field("Each", ua.VariantType.Double, array=True)])  # fmt: skip
        made = (await server.load_data_type_definitions())["Count"]
        holder = await server.nodes.objects.add_object(index, "Press")
        await holder.add_variable(index, "Total", made("a", 3, [1.0, 2.5]), datatype=kind.nodeid)
        async with server:
            started.set()
            await asyncio.to_thread(done.wait, 60)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(60)
    saved = dict(ua.extension_objects_by_typeid)
    forget = [key for key in saved if key.NamespaceIndex]
    for key in forget:
        del ua.extension_objects_by_typeid[key]
    inlet = Recorder()
    try:
        with running(
            Connector(Connection("s", "opcua", f"opc.tcp://127.0.0.1:{free_port}/", {}, tmp_path)), inlet
        ) as failed:
            inlet.wait(lambda r: r.values("Press", "Total"))
    finally:
        done.set()
        thread.join(30)
    assert not failed
    assert inlet.values("Press", "Total") == ['{"Name":"a","Amount":3,"Each":[1.0,2.5]}']
