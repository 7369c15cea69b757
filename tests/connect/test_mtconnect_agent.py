"""Agents and adapters: nothing told is lost or invented, gaps are filled or marked, hostile documents are not read."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inlet import Recorder, running

from conftest import wait_for_port

pytest.importorskip("lxml", reason="no lxml: pip install 'steelyard[mtconnect]'")

from steelyard.connect.base import BAD, Connection, Lost
from steelyard.connect.mtconnect import documents
from steelyard.connect.mtconnect.connector import Connector
from steelyard.connect.mtconnect.lines import LINE_BYTES
from steelyard.connect.mtconnect.multipart import PartError, Parts, boundary_of
from steelyard.connect.mtconnect.station import Agent, Datum, Station
from steelyard.errors import InputError

ROOT = Path(__file__).parents[2]
HERE = ROOT / "src" / "steelyard" / "connect" / "mtconnect"
DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or ROOT.parent / "shared" / "data") / "iiot" / "nist-smstestbed"
MAZAK = DATA / "Mazak01-20161021-20161022.txt"
real = pytest.mark.skipif(not MAZAK.is_file(), reason=f"needs {MAZAK}")
FAST = {"interval_ms": 20, "heartbeat_ms": 300, "timeout_s": 5}


def connection(port: int, scheme: str = "http", path: str = "", **settings) -> Connection:
    settings = {**FAST, **settings} if scheme == "http" else settings
    return Connection("agent", "mtconnect", f"{scheme}://127.0.0.1:{port}{path}", settings)


DATA_ITEMS = [
    Datum("M1", "exec", "execution", "EVENT", "EXECUTION"),
    Datum("M1", "mode", "mode", "EVENT", "CONTROLLER_MODE"),
    Datum("M1", "load", "load", "SAMPLE", "LOAD", "", "PERCENT"),
    Datum("M1", "sys", "system", "CONDITION", "SYSTEM"),
    Datum("M2", "parts", "parts", "EVENT", "PART_COUNT", "GOOD"),
]


@contextlib.contextmanager
def agent(port: int, data=DATA_ITEMS, **options):
    simulated = Agent(data, port, **options)
    simulated.start()
    try:
        yield simulated
    finally:
        simulated.stop()


def stamp(second: int) -> str:
    return f"2026-03-02T00:{second // 60:02}:{second % 60:02}.500Z"


def texts(inlet: Recorder, subject: str, name: str) -> list:
    return [x for s, n, _, _, x, _ in list(inlet.samples) if (s, n) == (subject, name)]


def test_current_values_come_first_and_then_what_the_stream_tells(free_port):
    with agent(free_port) as simulated:
        simulated.book.add("exec", stamp(1), "ACTIVE")
        inlet = Recorder()
        with running(Connector(connection(free_port)), inlet) as failed:
            inlet.wait(lambda r: "ACTIVE" in r.values("M1", "execution"))
            for n, (key, text) in enumerate([("load", "12.5"), ("sys", "Fault|B6|1|HIGH|too hot"), ("parts", "7"),
                                             ("exec", "READY"), ("load", "UNAVAILABLE")]):  # fmt: skip
                simulated.book.add(key, stamp(2 + n), text)
            inlet.wait(lambda r: len(r.values("M1", "load")) == 3)
        assert not failed
    assert inlet.values("M1", "execution") == ["ACTIVE", "READY"]
    assert texts(inlet, "M1", "load") == ["UNAVAILABLE", None, "UNAVAILABLE"]
    assert inlet.values("M1", "load")[1] == 12.5
    assert inlet.values("M1", "system")[-1] == "Fault|B6|1|HIGH|too hot"
    assert texts(inlet, "M2", "parts")[-1] == "7"
    assert inlet.values("M2", "parts")[-1] == 7.0
    assert {q for *_, v, x, q in inlet.samples if x and x.split("|")[0].upper() == "UNAVAILABLE"} == {BAD}
    assert {q for *_, v, x, q in inlet.samples if not x or x.split("|")[0].upper() != "UNAVAILABLE"} == {0}
    assert next(at for _, n, at, v, _, _ in inlet.samples if v == 12.5) % 60_000_000 == 2_500_000
    assert set(inlet.sessions) == {("M1", "online"), ("M2", "online")}
    assert inlet.position["next"] == simulated.book.next
    assert ("M1", "load", "%") in inlet.names


def test_after_a_broken_network_the_gap_is_filled_from_the_buffer_and_told_as_heard(free_port):
    with agent(free_port) as simulated:
        settings, inlet = connection(free_port), Recorder()
        with running(Connector(settings), inlet) as failed:
            simulated.book.add("load", stamp(1), "1")
            inlet.wait(lambda r: 1.0 in r.values("M1", "load"))
            simulated.stop()
            inlet.wait(lambda _: failed)
        assert isinstance(failed[0], Lost)
        assert failed[0].at
        for n in range(2, 3000):
            simulated.book.add("load", stamp(n), str(n))
        simulated.resume()
        later = Recorder(inlet.position)
        with running(Connector(settings), later) as failed:
            later.wait(lambda r: len(r.told) == 2)
        assert not failed
    assert [v for v in later.values("M1", "load")[1:] if v] == list(map(float, range(2, 3000)))
    assert later.findings == set()
    assert {subject for subject, _, _ in later.told} == {"M1", "M2"}
    assert all(start == inlet.position["at"] < end for _, start, end in later.told)


def test_a_new_instance_is_a_gap_and_all_since_its_start_is_read(free_port):
    with agent(free_port) as simulated:
        settings, inlet = connection(free_port), Recorder()
        with running(Connector(settings), inlet) as failed:
            inlet.wait(lambda r: r.position)
            simulated.stop()
            inlet.wait(lambda _: failed)
        simulated.start()
        for n in range(1, 50):
            simulated.book.add("load", stamp(n), str(n))
        later = Recorder(inlet.position)
        with running(Connector(settings), later) as failed:
            later.wait(lambda r: len(r.values("M1", "load")) >= 51)
        assert not failed
    assert sorted(set(later.values("M1", "load")) - {"UNAVAILABLE"}) == list(map(float, range(1, 50)))
    assert ("M1", "SY650") in later.findings
    assert later.told == []


def test_what_the_buffer_has_lost_is_found_and_what_it_holds_is_read(free_port):
    with agent(free_port, buffer=100) as simulated:
        settings, inlet = connection(free_port), Recorder()
        with running(Connector(settings), inlet) as failed:
            inlet.wait(lambda r: r.position)
            simulated.stop()
            inlet.wait(lambda _: failed)
        for n in range(1, 501):
            simulated.book.add("load", stamp(n), str(n))
        simulated.resume()
        later = Recorder(inlet.position)
        with running(Connector(settings), later) as failed:
            later.wait(lambda r: len(r.values("M1", "load")) >= 101)
        assert not failed
    assert set(later.values("M1", "load")) == set(map(float, range(401, 501)))
    assert ("M1", "SY651") in later.findings
    assert later.told == []


def test_an_agent_that_begins_anew_within_a_stream_ends_the_sessions_and_begins_them_again(free_port):
    with agent(free_port) as simulated:
        inlet = Recorder()
        with running(Connector(connection(free_port)), inlet) as failed:
            inlet.wait(lambda r: r.position)
            simulated.book.instance += 1
            simulated.book.add("exec", stamp(5), "ACTIVE")
            inlet.wait(lambda r: r.sessions.count(("M1", "online")) == 2)
            inlet.wait(lambda r: "ACTIVE" in r.values("M1", "execution"))
        assert not failed
    assert inlet.sessions.count(("M1", "offline")) == 1
    assert ("M1", "SY650") in inlet.findings


def test_a_device_s_own_path_reads_that_device_and_history_all_that_the_buffer_holds(free_port):
    with agent(free_port) as simulated:
        for n in range(10):
            simulated.book.add("load", stamp(n), str(n))
        inlet = Recorder()
        with running(Connector(connection(free_port, path="/M1", history=True)), inlet) as failed:
            inlet.wait(lambda r: len(r.values("M1", "load")) == 12)
        assert not failed


def test_current_is_asked_for_again_from_time_to_time(free_port):
    with agent(free_port):
        inlet = Recorder()
        with running(Connector(connection(free_port, refresh_hours=0.0001, heartbeat_ms=100)), inlet) as failed:
            inlet.wait(lambda r: len(r.values("M1", "execution")) >= 3)
        assert not failed


def test_find_proposes_bindings_for_what_the_standard_names(free_port):
    with agent(free_port):
        found = {f.signal: f for f in Connector(connection(free_port)).find(1)}
    assert (found["execution"].column, found["execution"].rule) == ("machine_states.state", "mtconnect-execution")
    assert (found["mode"].column, found["mode"].rule) == ("machine_states.mode", "mtconnect-execution")
    assert (found["parts"].subject, found["parts"].column, found["parts"].rule) == ("M2", "production_counts.good", "")
    assert (found["load"].unit, found["load"].column) == ("%", "")


def test_nobody_there_is_lost(free_port):
    for scheme in ("http", "shdr"):
        with pytest.raises(Lost):
            Connector(connection(free_port, scheme)).run(Recorder())


@pytest.mark.parametrize(("url", "settings"), [
    ("ftp://h", {}), ("http://", {}), ("http://h:x", {}), ("http://h/?a=1", {}), ("shdr://", {}), ("shdr://h:99999", {}),
    ("http://h", {"interval_ms": -1}), ("http://h", {"count": "many"}), ("http://h", {"most_mib": 0}),
    ("shdr://h", {"heartbeat_ms": 1}), ("http://h", {"history": 1}),
])  # fmt: skip
def test_settings_that_are_not_usable_are_refused(url, settings):
    with pytest.raises(InputError) as refused:
        Connector(Connection("a", "mtconnect", url, settings))
    assert refused.value.code == "SY601"


def test_the_manifest_names_every_setting():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    assert manifest["extra"] == "mtconnect"
    assert set(manifest["settings"]) == {"interval_ms", "count", "heartbeat_ms", "refresh_hours", "assets_every_s", "timeout_s",
                                         "most_mib", "history", "ca_file", "subject"}  # fmt: skip


# documents


def told(xml: str, known: documents.Devices | None = None) -> documents.Observations:
    return documents.observations(documents.parse(xml.encode()), known or documents.Devices())


def stream(inside: str, container: str = "Samples", version: str = "2.3") -> str:
    space = f" xmlns='urn:mtconnect.org:MTConnectStreams:{version}' xmlns:x='urn:x'" if version else " xmlns:x='urn:x'"
    return (f"<MTConnectStreams{space}><Header instanceId='1' firstSequence='1' nextSequence='9'/><Streams><DeviceStream name='M' "
            f"uuid='u'><ComponentStream><{container}>{inside}</{container}></ComponentStream></DeviceStream></Streams>"
            "</MTConnectStreams>")  # fmt: skip


def one(inside: str, container: str = "Events", **more) -> tuple:
    found = told(stream(inside, container, **more))
    value = found.values[0]
    return found.items[0].signal, None if np.isnan(value) else value, found.texts[0], found.bad[0]


T = "timestamp='2026-03-02T00:00:00Z'"


@pytest.mark.parametrize("version", ["", "1.3", "1.8", "2.5"])
@pytest.mark.parametrize(("inside", "container", "expected"), [
    (f"<Load dataItemId='l' {T} sequence='1'>1.5</Load>", "Samples", ("l", 1.5, None, False)),
    (f"<x:Load dataItemId='l' name='n' {T}>+1e3</x:Load>", "Samples", ("n", 1000.0, None, False)),
    (f"<PathPosition dataItemId='p' {T}>1 2 3</PathPosition>", "Samples", ("p", None, "1 2 3", False)),
    (f"<Load dataItemId='l' {T}>nan</Load>", "Samples", ("l", None, "nan", False)),
    (f"<Program dataItemId='p' {T}>007</Program>", "Events", ("p", 7.0, "007", False)),
    (f"<Program dataItemId='p' {T}/>", "Events", ("p", None, "", False)),
    (f"<Program dataItemId='p' {T}>UNAVAILABLE</Program>", "Events", ("p", None, "UNAVAILABLE", True)),
    (f"<Message dataItemId='m' nativeCode='E7' {T}>oil</Message>", "Events", ("m", None, "E7|oil", False)),
    (f"<Normal dataItemId='c' type='SYSTEM' {T}/>", "Condition", ("c", None, "Normal||||", False)),
    (f"<Unavailable dataItemId='c' type='SYSTEM' {T}/>", "Condition", ("c", None, "Unavailable||||", True)),
    (f"<System dataItemId='c' {T}>FAULT</System>", "Conditions", ("c", None, "FAULT||||", False)),
    (f"<VariableDataSet dataItemId='v' count='2' {T}><Entry key='a'>1.5</Entry><Entry key='b' removed='true'/></VariableDataSet>",
     "Events", ("v", None, '{"a": 1.5, "b": null}', False)),
    (f"<WorkOffsetTable dataItemId='w' {T}><Entry key='G54'><Cell key='X'>1</Cell><Cell key='T'>no</Cell></Entry></WorkOffsetTable>",
     "Events", ("w", None, '{"G54": {"X": 1.0, "T": "no"}}', False)),
    (f"<VariableDataSet dataItemId='v' {T}>UNAVAILABLE</VariableDataSet>", "Events", ("v", None, "UNAVAILABLE", True)),
])  # fmt: skip
def test_each_kind_of_observation_is_read_in_every_version(inside, container, expected, version):
    assert one(inside, container, version=version) == expected


def test_the_last_value_of_a_time_series_is_at_its_stamp_and_the_others_before():
    found = told(
        stream(f"<LoadTimeSeries dataItemId='l' {T} sampleCount='4' sampleRate='100'>1 2 3 4</LoadTimeSeries>")
    )
    assert (found.values, found.before) == ([1.0, 2.0, 3.0, 4.0], [30_000, 20_000, 10_000, 0])
    assert found.count == 1


def test_observations_are_in_the_order_of_their_sequence():
    inside = "".join(f"<Load dataItemId='l' {T} sequence='{n}'>{n}</Load>" for n in (3, 1, 2))
    assert told(stream(inside)).values == [1.0, 2.0, 3.0]


def test_faults_of_one_instant_are_told_together_worst_first():
    inside = "".join(f"<{level} dataItemId='c' {T} sequence='{n}' nativeCode='{n}'>m{n}</{level}>"
                     for n, level in enumerate(("Warning", "Fault", "Normal")))  # fmt: skip
    assert told(stream(inside, "Condition")).texts == ["Fault|1|||m1\nWarning|0|||m0"] * 2 + ["Normal|2|||m2"]


def test_a_name_that_two_items_share_names_neither_and_devices_of_one_name_go_by_their_uuid():
    xml = ("<MTConnectDevices><Header/><Devices><Device name='M' uuid='u1'><DataItems><DataItem id='a' name='n' category='EVENT' "
           "type='PROGRAM'/><DataItem id='b' name='n' category='EVENT' type='LINE'/><DataItem id='c' name='o' category='SAMPLE' "
           "type='LOAD' units='MILLIMETER/SECOND'/></DataItems></Device><Device name='M' uuid='u2'/><Agent uuid='u3' name='Ag'/>"
           "</Devices></MTConnectDevices>")  # fmt: skip
    known = documents.devices(documents.parse(xml.encode()))
    assert [(i.subject, i.signal, i.unit) for i in known.items.values()] == [
        ("M", "a", ""), ("M", "b", ""), ("M", "o", "millimeter/second"),
    ]  # fmt: skip
    assert known.subjects == {"u1": "M", "u2": "u2", "u3": "Ag"}


@pytest.mark.parametrize("xml", [
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><MTConnectStreams>&b;</MTConnectStreams>',
    '<!DOCTYPE x SYSTEM "file:///etc/passwd"><MTConnectStreams/>',
    '<?xml version="1.0"?>\n<!doctype x><MTConnectStreams/>',
    "<MTConnectStreams>&a;</MTConnectStreams>", "<MTConnectStreams>", "", "<html/>", "{}", "<a:MTConnectStreams/>",
    "<MTConnectStreams>" + "<a>" * 5000 + "</a>" * 5000 + "</MTConnectStreams>",
])  # fmt: skip
def test_documents_with_a_dtd_and_those_that_are_none_are_not_read(xml):
    with pytest.raises(documents.DocumentError):
        documents.parse(xml.encode())
    with pytest.raises(documents.DocumentError):
        documents.parse(xml.encode("utf-16"))


@pytest.mark.parametrize("xml", [
    "<MTConnectError xmlns='urn:mtconnect.org:MTConnectError:1.3'><Errors><Error errorCode='OUT_OF_RANGE'>x</Error></Errors></MTConnectError>",
    "<MTConnectError><Error errorCode='OUT_OF_RANGE'>x</Error></MTConnectError>",
    "<m:MTConnectError xmlns:m='urn:m'><m:Errors><m:OutOfRange errorCode='OUT_OF_RANGE'><m:ErrorMessage>x</m:ErrorMessage></m:OutOfRange></m:Errors></m:MTConnectError>",
])  # fmt: skip
def test_errors_of_every_version_are_understood(xml):
    assert documents.errors(documents.parse(xml.encode())) == [("OUT_OF_RANGE", "x")]


def test_the_sample_documents_hold_each_kind_of_observation():
    known = documents.devices(documents.parse((HERE / "sample" / "probe.xml").read_bytes()))
    found = documents.observations(documents.parse((HERE / "sample" / "sample.xml").read_bytes()), known)
    said = [
        (i.signal, None if np.isnan(v) else v, x, b)
        for i, v, x, b in zip(found.items, found.values, found.texts, found.bad, strict=True)
    ]
    both = "Fault|E7||HIGH|too hot\nWarning|12|||oil is low"
    assert said == [
        ("avail", None, "AVAILABLE", False), ("tools", None, "UNAVAILABLE", True), ("execution", None, "ACTIVE", False),
        ("mode", None, "AUTOMATIC", False), ("parts", 41.0, "41", False), ("variables", None, '{"V1": 1.5, "V2": null}', False),
        ("load", 10.0, None, False), ("load", 11.5, None, False), ("load", 12.0, None, False), ("note", None, "M1|door open", False),
        ("system", None, both, False), ("system", None, both, False), ("xpos", -4.25, None, False), ("ypos", None, "UNAVAILABLE", True),
    ]  # fmt: skip
    assert (found.count, found.unknown, found.assets_changed) == (12, False, False)


# parts of a stream


@given(
    st.lists(st.binary(max_size=60), max_size=6), st.booleans(), st.booleans(), st.lists(st.integers(1, 40), min_size=1)
)
def test_parts_come_whole_however_the_bytes_are_cut(bodies, with_length, dashes, cuts):
    boundary = "--mark" if dashes else "mark"
    bodies = [b.replace(b"mark", b"m") for b in bodies]
    wire = b"preamble\r\n"
    for body in bodies:
        length = f"Content-length: {len(body)}\r\n".encode() if with_length else b"X: y\r\n"
        wire += b"--mark\r\nContent-type: text/xml\r\n" + length + b"\r\n" + body + b"\r\n"
    wire += b"--mark--\r\n"
    parts, found, at = Parts(boundary, 1000), [], 0
    for n in range(len(wire)):
        step = cuts[n % len(cuts)]
        found += list(parts.feed(wire[at : at + step]))
        at += step
    assert found == bodies
    assert parts.ended


@pytest.mark.parametrize("wire", [
    b"x" * 10_000, b"--mark\r\nContent-length: 2000\r\n\r\n", b"--mark\r\n\r\n" + b"x" * 2000, b"--mark\r\n" + b"h: v\r\n" * 2000,
])  # fmt: skip
def test_a_part_without_end_is_not_held(wire):
    parts = Parts("mark", 1000)
    with pytest.raises(PartError):
        list(parts.feed(wire))


def test_the_boundary_may_be_quoted_and_what_is_no_multipart_has_none():
    assert boundary_of('multipart/x-mixed-replace; boundary="a b"') == "a b"
    assert boundary_of("multipart/x-mixed-replace;boundary=a") == "a"
    assert boundary_of("text/xml") == ""


# agents that say odd things


class Odd:
    """An agent of canned answers by path."""

    def __init__(self, port: int, answers: dict[str, bytes | list[bytes]]) -> None:
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                path = self.path.partition("?")[0]
                asked.append(self.path)
                body = answers.get(path, b"<html>not found</html>")
                body = (
                    body.pop(0)
                    if isinstance(body, list) and len(body) > 1
                    else body[0]
                    if isinstance(body, list)
                    else body
                )
                self.send_response(200 if path in answers else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


PROBE = (b"<MTConnectDevices><Header instanceId='1'/><Devices><Device name='M' uuid='u'><DataItems><DataItem id='l' name='load' "
         b"category='SAMPLE' type='LOAD'/></DataItems></Device></Devices></MTConnectDevices>")  # fmt: skip


def test_assets_are_kept_as_json_once_each_and_too_long_ones_refused(free_port):
    tool = f"<CuttingTool assetId='T1' {T} deviceUuid='u' serialNumber='1'><CuttingToolLifeCycle><Location type='POT'>3</Location></CuttingToolLifeCycle></CuttingTool>"
    huge = f"<File assetId='F' {T} deviceUuid='u'>{'x' * 70_000}</File><Odd assetId='O' timestamp='now'/>"
    assets = f"<MTConnectAssets xmlns='urn:a'><Header/><Assets>{tool}{huge}</Assets></MTConnectAssets>".encode()
    answers = {"/probe": PROBE, "/current": stream("").encode(), "/sample": stream("").encode(), "/assets": assets}
    with Odd(free_port, answers) as odd:
        inlet = Recorder()
        with running(Connector(connection(free_port, assets_every_s=0.2)), inlet) as failed:
            inlet.wait(lambda r: sum(path.startswith("/assets") for path in odd.asked) >= 3)
        assert not failed
    ((subject, name, _, value, text, quality),) = inlet.samples
    assert (subject, name, value, quality) == ("M", "asset T1", None, 0)
    assert json.loads(text) == {
        "name": "CuttingTool",
        "attributes": {"assetId": "T1", "timestamp": "2026-03-02T00:00:00Z", "deviceUuid": "u", "serialNumber": "1"},
        "parts": [
            {
                "name": "CuttingToolLifeCycle",
                "parts": [{"name": "Location", "attributes": {"type": "POT"}, "text": "3"}],
            }
        ],
    }
    assert Counter(code for code, _, _ in inlet.refusals) == {"SY652": 1, "SY653": 1}


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE x><MTConnectStreams/>", b"<html/>", b"<MTConnectStreams>" + b" " * (2 << 20)]
)
def test_an_agent_that_answers_with_anything_else_is_lost_and_found_out(free_port, body):
    with Odd(free_port, {"/probe": PROBE, "/current": body}):
        inlet = Recorder()
        with pytest.raises(Lost):
            Connector(connection(free_port, most_mib=1)).run(inlet)
    assert ("M", "SY654") in inlet.findings


def test_observations_without_a_usable_time_are_refused_and_counted(free_port):
    current = stream(
        "<Load dataItemId='l' timestamp='yesterday'>1</Load>" + f"<Load dataItemId='l' {T} sequence='2'>2</Load>"
    ).encode()
    with Odd(free_port, {"/probe": PROBE, "/current": current, "/sample": stream("").encode()}):
        inlet = Recorder()
        with running(Connector(connection(free_port)), inlet) as failed:
            inlet.wait(lambda r: r.samples)
        assert not failed
    assert [(code, value, count) for code, value, count in inlet.refusals] == [("SY652", "yesterday", 1)]
    assert inlet.values("M", "load") == [2.0]


# real logs, by an agent's stream and by an adapter's socket


def walked() -> tuple[list[tuple[str, str, str]], int]:
    """Stamp, key, text of each pair of the log, by plain splitting."""
    found, lines = [], 0
    for line in MAZAK.read_text(encoding="utf-8", errors="replace").splitlines():
        at, *fields = line.split("|")
        if not at[:4].isdigit():
            continue
        lines += 1
        whole = len(fields) == 6 and fields[1].upper() in ("NORMAL", "WARNING", "FAULT", "UNAVAILABLE")
        pairs = [(fields[0], "|".join(fields[1:]))] if whole else list(zip(fields[::2], fields[1::2], strict=True))
        found += [(at, key, text) for key, text in pairs]
    return found, lines


def mazak_items(observed: list[tuple[str, str, str]]) -> list[Datum]:
    """The items of the device file that the log names, and those that only the log knows."""
    keys = {key for _, key, _ in observed if not key.startswith("@")}
    conditions = {key for _, key, text in observed if text.count("|") == 4}
    root = ET.parse(DATA / "Devices.xml").getroot()  # noqa: S314  - a file of NIST's
    found = {}
    for device in root.iter("{urn:mtconnect.org:MTConnectDevices:1.3}Device"):
        if device.get("name") == "Mazak01":
            for item in device.iter("{urn:mtconnect.org:MTConnectDevices:1.3}DataItem"):
                name = item.get("name")
                found[name] = Datum("Mazak01", item.get("id"), name, item.get("category"), item.get("type"))
    other = {key: "CONDITION" if key in conditions else "EVENT" for key in keys}
    return [found.get(key) or Datum("Mazak01", key, key, other[key], "PROGRAM") for key in sorted(keys)]


@real
def test_two_days_of_a_mazak_come_through_an_agent_s_stream_whole_across_broken_networks(free_port):
    observed, _ = walked()
    observed = [(at, key, text) for at, key, text in observed if not key.startswith("@")]
    items = {d.name: d for d in mazak_items(observed)}
    with agent(free_port, list(items.values())) as simulated:
        inlet, cut = Recorder(), [len(observed) // 3, 2 * len(observed) // 3, len(observed)]
        start = 0
        for end in cut:
            with running(Connector(connection(free_port, count=5000, interval_ms=1)), inlet) as failed:
                inlet.wait(lambda r: r.position)
                for at, key, text in observed[start:end]:
                    simulated.book.add(items[key].id, at, text)
                inlet.wait(lambda r: r.position["next"] == simulated.book.next, 60)
                simulated.stop()
                inlet.wait(lambda _: failed)
            simulated.resume()
            inlet.stopped.clear()
            start = end
    kinds = {name: d.category for name, d in items.items()}
    expected = Counter()
    for at, key, text in observed:
        gone = text.upper().startswith("UNAVAILABLE")
        level, *rest = [*text.split("|", 4), "", "", "", ""][:5]
        level = "|".join([level.title(), *(part.strip() for part in rest)]) if kinds[key] == "CONDITION" else ""
        expected[key, at[:19], "UNAVAILABLE" if gone and not level else level or number(text)] += 1
    first = {(n, x) for _, n, _, _, x, q in inlet.samples[: len(items)]}
    assert len(first) == len(items)
    found = Counter()
    for _, name, at, value, text, _ in inlet.samples:
        said = value if value is not None else text if kinds[name] == "CONDITION" else number(text or "")
        second = str(np.datetime64(at, "us"))[:19]
        for part in said.split("\n") if kinds[name] == "CONDITION" else [said]:
            found[name, second, part] += 1
    missing = {key: n for key, n in expected.items() if not found[key]}
    assert missing == {}
    assert len({(n, at) for _, n, at, *_ in inlet.samples}) >= len({(key, at) for at, key, _ in observed})
    assert sum(1 for s in inlet.samples if s[2] < 1_700_000_000_000_000) >= len(observed)
    assert inlet.refusals == []


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()


@pytest.fixture(scope="session")
def pypi_agent(tmp_path_factory):
    """The package ``mtconnect`` of PyPI in a folder of its own."""
    folder = tmp_path_factory.mktemp("mtconnect-pypi")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(folder),
        "mtconnect==0.3.3",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no MTConnect agent: pip cannot install mtconnect==0.3.3: {done.stderr.strip()[-200:]}")
    return folder


class PyPI:
    """That agent as a process; ``push`` waits until it has taken the value."""

    def __init__(self, folder: Path, device: Path, port: int) -> None:
        script = ROOT / "tests" / "peers" / "mtconnect_agent.py"
        self.process = subprocess.Popen([sys.executable, str(script), str(port), str(device)], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, "PYTHONPATH": str(folder)})  # fmt: skip
        if self.process.stdout.readline() != "ready\n":
            self.process.kill()
            said = self.process.communicate()[1]
            pytest.skip(f"the agent of PyPI does not start on this Python: {said.strip()[-300:]}")
        threading.Thread(target=lambda: list(self.process.stderr), daemon=True).start()

    def push(self, key: str, value: str) -> None:
        self.process.stdin.write(f"{key} {value}\n")
        assert self.process.stdout.readline() == "ok\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


@real
def test_an_agent_by_others_that_does_not_stream_is_asked_again_and_again_and_tells_each_observation_once(
    pypi_agent, free_port, tmp_path
):
    observed, _ = walked()
    items = {d.name: d for d in mazak_items(observed)}
    plain = {"EVENT": "PROGRAM", "SAMPLE": "LOAD", "CONDITION": "SYSTEM"}  # it knows few types
    kinds = {
        d.id: d.type if d.type in ("EXECUTION", "CONTROLLER_MODE", "AVAILABILITY") else plain[d.category]
        for d in items.values()
    }
    rows = "".join(
        f'<DataItem id="{d.id}" name="{d.name}" category="{d.category}" type="{kinds[d.id]}"/>' for d in items.values()
    )
    device = tmp_path / "dev.xml"
    device.write_text(
        f'<Devices><Device id="d" name="Mazak01" uuid="u"><DataItems>{rows}</DataItems></Device></Devices>'
    )
    pushed = []
    for _, key, text in observed[:3000]:
        datum = items.get(key)
        value = text.split("|")[0].upper() if datum and datum.category == "CONDITION" else text.strip()
        sample = datum and datum.category == "SAMPLE"
        if not datum or (sample and value != "UNAVAILABLE" and not isinstance(number(value), float)):
            continue
        pushed.append((datum, value))
    with PyPI(pypi_agent, device, free_port) as peer:
        inlet = Recorder()
        with running(Connector(connection(free_port, interval_ms=100, count=500)), inlet) as failed:
            inlet.wait(lambda r: r.position)
            for datum, value in pushed:
                peer.push(datum.id, value)
            inlet.wait(lambda r: len(r.samples) >= len(items) + len(pushed), 60)
            time.sleep(0.5)
        assert not failed
        assert len(inlet.samples) == len(items) + len(pushed)
        found = Connector(connection(free_port)).find(1)
        assert ("execution", "machine_states.state") in {(f.signal, f.column) for f in found}
    expected = Counter((d.name, v + "||||" if d.category == "CONDITION" else number(v)) for d, v in pushed)
    said = Counter((n, v if v is not None else number(x)) for _, n, _, v, x, _ in inlet.samples[len(items) :])
    assert said == expected
    assert set(inlet.findings) <= {("Mazak01", "SY654")}  # it has no assets, and answers with a page of HTML
    assert inlet.sessions == [("Mazak01", "online")]


@contextlib.contextmanager
def replay(port: int, pieces: list[bytes], pong: int | None = 1000):
    """An adapter that sends pieces to whom connects, one after another, and answers PING."""
    listener = socket.create_server(("127.0.0.1", port))
    heard: list[bytes] = []
    peers: list[socket.socket] = []

    def answer(peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := peer.recv(4096):
                heard.append(data)
                if pong is not None:
                    peer.sendall(f"* PONG {pong}\n".encode())

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                peers.append(peer)
                for piece in pieces:
                    peer.sendall(piece)
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield heard, peers
    finally:
        for each in [listener, *peers]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        thread.join(5)


@real
def test_of_a_log_replayed_by_an_adapter_every_line_is_kept_or_refused(free_port):
    data = MAZAK.read_bytes()
    observed, _ = walked()
    bad = b"<<<<<<< HEAD\n* PING\nnonsense\n"
    pieces = [data[n : n + 9973] for n in range(0, len(data), 9973)] + [bad, b"2016-10-22T23:59:59Z|end|1\n"]
    with replay(free_port, pieces):
        inlet = Recorder()
        with running(Connector(connection(free_port, "shdr", subject="Mazak01")), inlet) as failed:
            inlet.wait(lambda r: r.values("Mazak01", "end"), 60)
        assert not failed
    assert len(inlet.samples) == len(observed) + 1
    assert Counter((n, x) for _, n, _, _, x, _ in inlet.samples[:-1]) == Counter(
        (key, text.strip()) for _, key, text in observed
    )
    assert Counter(code for code, _, _ in inlet.refusals) == {"SY303": 1, "SY340": 1}
    assert sum(q == BAD for *_, q in inlet.samples) == sum(t.upper().startswith("UNAVAILABLE") for _, _, t in observed)


def test_lines_of_a_socket_may_be_cut_anywhere_and_assets_span_lines(free_port):
    text = ("* shdrVersion: 1.0\n2026-03-02T00:00:00Z|a|1|b|x\n|now|5\n2026-03-02T00:00:01Z|M9:a|2\n"
            "2026-03-02T00:00:02Z|@ASSET@|T|Tool|--multiline--A\n<Tool>\n</Tool>\n--multiline--A\n"
            "2026-03-02T00:00:03Z|long|" + "x" * (2 * LINE_BYTES) + "\n2026-03-02T00:00:04Z|end|UNAVAILABLE\n").encode()  # fmt: skip
    with replay(
        free_port,
        [text[n : n + 7919] for n in range(0, 200, 7)] and [text[:50], text[50:171], text[171:178], text[178:]],
    ):
        inlet = Recorder()
        before = time.time_ns() // 1000
        with running(Connector(connection(free_port, "shdr")), inlet) as failed:
            inlet.wait(lambda r: r.values("agent", "end"))
        assert not failed
    assert inlet.values("agent", "a") == [1.0]
    assert inlet.values("M9", "a") == [2.0]
    assert inlet.values("agent", "@ASSET@") == ["T|Tool|<Tool>\n</Tool>"]
    assert next(at for _, n, at, *_ in inlet.samples if n == "now") >= before
    assert [code for code, _, _ in inlet.refusals] == ["SY342"]
    assert set(inlet.sessions) == {("agent", "online"), ("M9", "online")}


def test_an_adapter_whose_heart_stops_is_lost_and_one_that_never_had_one_is_not(free_port):
    line = b"2026-03-02T00:00:00Z|a|1\n"
    with replay(free_port, [line, b"* PONG 200\n"], None) as (heard, _):
        inlet = Recorder()
        with running(Connector(connection(free_port, "shdr")), inlet) as failed:
            inlet.wait(lambda _: failed)
    assert isinstance(failed[0], Lost)
    assert b"* PING\n" in heard


def test_an_adapter_without_a_heart_is_listened_to_until_it_closes(free_port):
    with replay(free_port, [b"2026-03-02T00:00:00Z|execution|ACTIVE\n"], None) as (_, peers):
        inlet = Recorder()
        with running(Connector(connection(free_port, "shdr", heartbeat_ms=100)), inlet) as failed:
            inlet.wait(lambda r: r.samples)
            time.sleep(0.7)
            assert not failed
            peers[0].shutdown(socket.SHUT_RDWR)
            inlet.wait(lambda _: failed)
        assert isinstance(failed[0], Lost)
        (found,) = Connector(connection(free_port, "shdr")).find(0.5)
    assert (found.signal, found.column) == ("execution", "machine_states.state")


def test_the_station_tells_its_machines_by_agent_and_by_adapter_through_failure_and_restart(free_port, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        shdr = probe.getsockname()[1]
    station = Station(["M1", "M2"], free_port, shdr_port=shdr)
    values = {"Execution": "Execute", "Mode": "Production", "PartCount": 5, "GoodCount": 4, "ScrapCount": 1, "Temperature": 40.5,
              "Energy": 2.0, "Product": "MU-1", "Reason": ""}  # fmt: skip
    position: dict = {}
    for n in range(2):
        station.start()
        wait_for_port(free_port)
        by_agent, by_adapter = Recorder(position), Recorder()
        with (
            running(Connector(connection(free_port)), by_agent) as lost,
            running(Connector(connection(shdr, "shdr")), by_adapter) as gone,
        ):
            by_agent.wait(lambda r: r.position and r.sessions)
            station.publish("M1", {**values, "PartCount": 5 + n}, time.time_ns() // 1000)
            for inlet in (by_agent, by_adapter):
                inlet.wait(lambda r, n=n: 5.0 + n in r.values("M1", "PartCount"))
                inlet.wait(lambda r: "ACTIVE" in r.values("M1", "Execution"))
                assert inlet.values("M1", "Energy")[-1] == 7_200_000
            station.publish("M1", {"Execution": "Aborted", "Reason": "E42"}, time.time_ns() // 1000)
            by_agent.wait(lambda r: any(str(v).startswith("Fault|E42") for v in r.values("M1", "System")))
            station.fail()
            by_agent.wait(lambda _: lost)
            by_adapter.wait(lambda _: gone)
        position = by_agent.position
        assert (("M1", "SY650") in by_agent.findings) == bool(n)
