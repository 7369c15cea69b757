"""Modbus: few requests, right values in every word order, one refused address costs no other, silence is told as such."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inlet import Recorder, running

pytest.importorskip("pymodbus", reason="no pymodbus: pip install 'steelyard[modbus]'")

from steelyard.connect.base import BAD, Connection, Lost
from steelyard.connect.modbus import poll
from steelyard.connect.modbus.blocks import Limits, Round, plan
from steelyard.connect.modbus.connector import Connector
from steelyard.connect.modbus.registers import NUMBERS, ORDERS, registers
from steelyard.connect.modbus.station import Station
from steelyard.connect.modbus.wire import Wire
from steelyard.errors import InputError

HERE = Path(__file__).parents[2] / "src" / "steelyard" / "connect" / "modbus"
SLOW = {("press", "SY642")}  # what a busy machine makes of any device


def connection(port: int = 502, rows: list | None = None, **settings) -> Connection:
    settings = {"every_ms": 50, **settings, **({} if rows is None else {"registers": rows})}
    return Connection("press", "modbus", f"modbus://127.0.0.1:{port}", settings, settings.pop("folder", Path()))


def row(signal: str, address: int, kind: str = "holding", **more) -> dict:
    return {"signal": signal, "address": address, "kind": kind, **more}


FAMILIES = (
    ("AB", "ABCD", "ABCDEFGH"),
    ("AB", "CDAB", "GHEFCDAB"),
    ("BA", "BADC", "BADCFEHG"),
    ("BA", "DCBA", "HGFEDCBA"),
)


def as_registers(data: bytes, order: str) -> list[int]:
    """Big-endian bytes as the registers of a device of that order, by its letters and nothing else."""
    letters = next(name for family in FAMILIES if order in family for name in family if len(name) == len(data))
    turned = bytes(data[ord(letter) - ord("A")] for letter in letters)
    return list(struct.unpack(f">{len(turned) // 2}H", turned))


def big_endian(name: str) -> str:
    return ">" + {"i": {"2": "h", "4": "i", "8": "q"}, "u": {"2": "H", "4": "I", "8": "Q"},
                  "f": {"4": "f", "8": "d"}}[NUMBERS[name][1]][NUMBERS[name][2]]  # fmt: skip


def number(name: str) -> st.SearchStrategy:
    bits = int(NUMBERS[name][2]) * 8
    if name.startswith("float"):
        return st.floats(width=bits, allow_nan=False, allow_infinity=False)
    low = 0 if name.startswith("u") else -(1 << bits - 1)
    return st.integers(low, low + (1 << bits) - 1)


values = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(sorted(ORDERS)), number(name), st.integers(0, 12))
)


@given(st.lists(values, min_size=1, max_size=40), st.integers(0, 20))
def test_values_of_every_type_and_word_order_are_those_that_struct_packed(many, hole):
    memory: dict[int, int] = {}
    rows, at = [], 0
    for n, (name, order, value, gap) in enumerate(many):
        at += gap
        rows.append(row(f"s{n}", at, type=name, order=order))
        for word in as_registers(struct.pack(big_endian(name), value), order):
            memory[at] = word
            at += 1
    found = registers(connection(rows=rows))
    blocks = plan(found, range(len(found)), Limits(hole))
    one = Round(found, blocks)
    payload = b"".join(struct.pack(">H", memory.get(b.address + i, 0xDEAD)) for b in blocks for i in range(b.count))
    told, text, quality = one.decode(np.frombuffer(payload, np.uint8))
    assert quality is None
    for slot, place in enumerate(one.places.tolist()):
        assert told[slot] == float(many[place][2])
        exact = text is not None and text[slot].as_py()
        assert not exact or int(exact) == many[place][2]
        assert exact or abs(many[place][2]) <= 1 << 53 or many[place][0].startswith("float")


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=200), st.integers(0, 30), st.integers(4, 125))
def test_blocks_hold_each_place_once_within_the_limits_and_bridge_only_small_holes(addresses, hole, most):
    found = registers(connection(rows=[row(f"s{a}", a) for a in addresses]))
    blocks = plan(found, range(len(found)), Limits(hole, most))
    assert sorted(p for b in blocks for p in b.places) == list(range(len(found)))
    assert all(b.count <= most for b in blocks)
    for b in blocks:
        inside = [found[p].address for p in b.places]
        assert inside == sorted(inside)
        assert all(later - earlier <= hole + 1 for earlier, later in pairwise(inside))
    if hole == 0:
        runs = sum(1 for a in addresses if a - 1 not in addresses)
        assert len(blocks) >= runs


def test_a_thousand_registers_in_a_row_are_eight_requests_and_two_thousand_coils_one():
    rows = [row(f"h{n}", n) for n in range(1000)] + [row(f"c{n}", n, "coil") for n in range(2000)]
    found = registers(connection(rows=rows))
    blocks = plan(found, range(len(found)), Limits())
    assert [(b.kind, b.count) for b in blocks] == [("coil", 2000)] + [("holding", 125)] * 8


def test_a_value_is_never_cut_in_two():
    rows = [row(f"s{n}", 2 * n, type="float32") for n in range(100)]
    found = registers(connection(rows=rows))
    assert [b.count for b in plan(found, range(100), Limits(0, 125))] == [124, 76]


def decoded(rows: list[dict], payload: bytes):
    found = registers(connection(rows=rows))
    one = Round(found, plan(found, range(len(found)), Limits(100)))
    value, text, quality = one.decode(np.frombuffer(payload, np.uint8))
    named = [found[p].signal for p in one.places.tolist()]
    texts = text.to_pylist() if text is not None else [None] * len(named)
    return {n: (None if np.isnan(v) else v, t) for n, v, t in zip(named, value.tolist(), texts, strict=True)}, quality


def test_bits_strings_words_and_scales_mean_what_the_map_says():
    payload = struct.pack(">HHhH", 0b1000_0000_0000_0101, 6, -7, 3) + b"MU-1\0junk" + b"EB"
    told, quality = decoded(
        [
            *(row(f"bit{n}", 0, type=f"bit {n}") for n in (0, 1, 2, 8, 15)),
            row("state", 1, words="4=Idle; 6=Execute"),
            row("temperature", 2, type="int16", scale=0.1, offset=20),
            row("tenths", 3, scale="0.1"),
            row("product", 4, type="string 9"),
            row("swapped", 9, type="string 2", order="BADC"),
        ],
        payload[:17] + b"\0" + b"EB",
    )
    assert [told[f"bit{n}"][0] for n in (0, 1, 2, 8, 15)] == [1, 0, 1, 0, 1]
    assert told["state"] == (6, "Execute")
    assert told["temperature"][0] == pytest.approx(19.3)
    assert told["tenths"][0] == 0.3
    assert told["product"] == (None, "MU-1")
    assert told["swapped"] == (None, "BE")
    assert quality is None


def test_what_is_no_number_is_bad_and_says_so():
    payload = struct.pack(">fff", float("nan"), float("inf"), 1.5)
    told, quality = decoded([row(f"f{n}", 2 * n, type="float32") for n in range(3)], payload)
    assert told == {"f0": (None, "nan"), "f1": (None, "inf"), "f2": (1.5, None)}
    assert quality.tolist() == [BAD, BAD, 0]


@pytest.mark.parametrize(("wrong", "code"), [
    ({"rows": []}, "SY601"), ({"rows": [{"signal": "a"}]}, "SY640"), ({"rows": [row("", 1)]}, "SY640"),
    ({"rows": [row("a", 65536)]}, "SY640"), ({"rows": [row("a", 65535, type="int32")]}, "SY640"),
    ({"rows": [row("a", -1)]}, "SY640"), ({"rows": [row("a", "x")]}, "SY640"), ({"rows": [row("a", True)]}, "SY640"),
    ({"rows": [row("a", 1, type="int24")]}, "SY640"), ({"rows": [row("a", 1, type="bit 16")]}, "SY640"),
    ({"rows": [row("a", 1, type="string 251")]}, "SY640"), ({"rows": [row("a", 1, order="ACBD")]}, "SY640"),
    ({"rows": [row("a", 1, scale=0)]}, "SY640"), ({"rows": [row("a", 1, scale="nan")]}, "SY640"),
    ({"rows": [row("a", 1, every_ms=1)]}, "SY640"), ({"rows": [row("a", 1, unit_id=256)]}, "SY640"),
    ({"rows": [row("a", 1, words="one=1")]}, "SY640"), ({"rows": [row("a", 1, colour="red")]}, "SY640"),
    ({"rows": [row("a", 1), row("a", 2)]}, "SY640"), ({"rows": [row("a", 1, kind="register")]}, "SY640"),
    ({"rows": [7]}, "SY640"), ({"rows": [row("a", 1)], "hole": 101}, "SY601"), ({"rows": 7}, "SY601"),
    ({"rows": [row("a", 1)], "timeout_s": 0}, "SY601"), ({"map": "../map.csv"}, "SY601"), ({"map": "no.csv"}, "SY201"),
    ({"rows": [row("a", 1, type="int64")], "most_registers": 3}, "SY601"),
    ({"rows": [row("a", 1, type="string 20")], "most_registers": 8}, "SY601"),
])  # fmt: skip
def test_a_map_that_is_not_usable_is_refused_with_its_row(wrong, code, tmp_path):
    with pytest.raises(InputError) as refused:
        Connector(connection(**wrong, folder=tmp_path))
    assert refused.value.code == code
    assert refused.value.say("en")
    assert refused.value.say("zh")


@pytest.mark.parametrize("url", ["http://h", "modbus://", "modbus://h:99999", "modbus://h/1"])
def test_an_address_that_is_no_modbus_url_is_refused(url):
    with pytest.raises(InputError) as refused:
        Connector(Connection("p", "modbus", url, {"registers": [row("a", 1)]}))
    assert refused.value.code == "SY601"


def test_a_map_may_be_a_csv_or_a_yaml_file_beside_the_connection(tmp_path):
    (tmp_path / "m.csv").write_text(
        "signal,address,type,scale,unit\na,0x10,int16,0.1,°C\nb,017,float32,,\n", "utf-8-sig"
    )
    (tmp_path / "m.yaml").write_text("- {signal: a, address: 17, type: int16, scale: 0.1, unit: °C}\n"
                                     "- {signal: b, address: 18, type: float32}\n", encoding="utf-8")  # fmt: skip
    from_csv = registers(connection(map="m.csv", folder=tmp_path))
    assert [(r.signal, r.address, r.size, r.scale, r.unit, r.subject) for r in from_csv] == [
        ("a", 16, 1, 0.1, "°C", "press"), ("b", 17, 2, 1.0, "", "press"),
    ]  # fmt: skip
    assert registers(connection(map="m.yaml", base=1, folder=tmp_path)) == from_csv


def test_the_sample_map_is_that_of_the_station_and_the_manifest_names_every_setting():
    found = registers(Connection("plant", "modbus", "modbus://h", {"map": "plant.registers.csv"}, HERE / "sample"))
    assert {r.signal for r in found} >= {"Execution", "Mode", "PartCount", "GoodCount", "ScrapCount", "Energy"}
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    assert manifest["name"] == "modbus"
    assert manifest["extra"] == "modbus"
    used = {"map", "registers", "subject", "unit_id", "order", "every_ms", "base", "hole", "most_registers", "most_bits",
            "timeout_s", "retries"}  # fmt: skip
    assert set(manifest["settings"]) == used


def lines_of(process, kept: list[str]) -> None:
    """What a peer prints, as it comes."""
    threading.Thread(target=lambda: kept.extend(iter(process.stdout.readline, "")), daemon=True).start()


def served(node, folder: Path, port: int, memory: dict, most: int | str = "") -> list[str]:
    (folder / "memory.json").write_text(json.dumps(memory))
    told: list[str] = []
    lines_of(node("modbus_server.js", port, folder / "memory.json", most), told)
    return told


def test_a_server_by_others_is_read_in_every_word_order_with_one_request_a_block(node, free_port, tmp_path):
    rng = random.Random(7)
    holding, rows, expected, at = {}, [], {}, 100
    for name in sorted(NUMBERS):
        for order in sorted(ORDERS):
            value = rng.uniform(-1e6, 1e6) if name.startswith("f") else rng.randrange(0, 1 << 15)
            data = struct.pack(big_endian(name), value)
            signal = f"{name} {order}"
            rows.append(row(signal, at, type=name, order=order))
            expected[signal] = struct.unpack(big_endian(name), data)[0]
            for word in as_registers(data, order):
                holding[at] = word
                at += 1
    rows += [row("in", 5, "input"), row("on", 3, "coil"), row("off", 4, "coil"), row("open", 9, "discrete")]
    memory = {"holding": holding, "input": {5: 77}, "coil": {3: 1, 4: 0}, "discrete": {9: 1}}
    told = served(node, tmp_path, free_port, memory)
    inlet = Recorder()
    before = time.time_ns() // 1000
    with running(Connector(connection(free_port, rows)), inlet) as failed:
        inlet.wait(lambda r: len(r.values("press", "open")) >= 3)
    assert not failed
    assert {s: inlet.values("press", s)[0] for s in expected} == expected
    assert [inlet.values("press", s)[0] for s in ("in", "on", "off", "open")] == [77, 1, 0, 1]
    assert all(before <= at <= time.time_ns() // 1000 for _, _, at, *_ in inlet.samples)
    assert inlet.sessions == [("press", "online"), ("press", "offline")]
    blocks = {tuple(map(int, line.split()[1:3])) for line in told if line.startswith("holding")}
    assert len(blocks) == -(-(at - 100) // 125)
    assert sum(count for _, count in blocks) == at - 100
    assert inlet.findings <= SLOW


def test_one_illegal_address_costs_no_other_register_and_is_found_once(node, free_port, tmp_path, monkeypatch):
    monkeypatch.setattr(poll, "AGAIN", 3600)
    holding = {a: a for a in range(100) if a != 37}
    told = served(node, tmp_path, free_port, {"holding": holding})
    inlet = Recorder()
    with running(Connector(connection(free_port, [row(f"r{a}", a) for a in range(100)])), inlet) as failed:
        inlet.wait(lambda r: len(r.values("press", "r99")) >= 3)
        mark = len(told)
        inlet.wait(lambda r: len(r.values("press", "r99")) >= 8)
    assert not failed
    assert inlet.findings - SLOW == {("press", "SY641")}
    assert all(inlet.values("press", f"r{a}")[0] == a for a in range(100) if a != 37)
    assert inlet.values("press", "r37") == ["exception 2 (illegal data address)"]
    later = [line.split()[1:3] for line in told[mark + 3 :]]
    assert {tuple(map(int, pair)) for pair in later} == {(0, 37), (38, 62)}


def test_a_device_that_answers_shorter_requests_only_is_asked_in_such(node, free_port, tmp_path):
    served(node, tmp_path, free_port, {"holding": {a: a for a in range(120)}}, 40)
    inlet = Recorder()
    with running(Connector(connection(free_port, [row(f"r{a}", a) for a in range(120)])), inlet) as failed:
        inlet.wait(lambda r: len(r.values("press", "r119")) >= 2)
    assert not failed
    assert all(inlet.values("press", f"r{a}")[0] == a for a in range(120))


def test_an_address_that_is_answered_later_is_read_again(free_port, monkeypatch):
    monkeypatch.setattr(poll, "AGAIN", 0.2)
    station = Fake(free_port, {a: a for a in range(10) if a != 4})
    with station:
        inlet = Recorder()
        with running(Connector(connection(free_port, [row(f"r{a}", a) for a in range(10)])), inlet) as failed:
            inlet.wait(lambda r: len(r.values("press", "r9")) >= 3)
            assert inlet.values("press", "r4") == ["exception 2 (illegal data address)"]
            station.holding[4] = 44
            inlet.wait(lambda r: 44 in r.values("press", "r4"))
        assert not failed


def test_a_block_that_is_refused_as_a_whole_stays_asked_for_and_its_last_values_hold_no_longer(free_port):
    station = Fake(free_port, {a: a for a in range(10)})
    with station:
        inlet = Recorder()
        with running(Connector(connection(free_port, [row(f"r{a}", a) for a in range(10)])), inlet) as failed:
            inlet.wait(lambda r: len(r.values("press", "r9")) >= 2)
            kept, station.holding = station.holding, {}
            inlet.wait(lambda r: isinstance(r.values("press", "r9")[-1], str))
            time.sleep(0.3)
            said = [v for v in inlet.values("press", "r9") if isinstance(v, str)]
            station.holding = kept
            inlet.wait(lambda r: r.values("press", "r9")[-1] == 9)
        assert not failed
        assert said == ["exception 2 (illegal data address)"]
        assert all(q == BAD for *_, v, _, q in inlet.samples if v is None)


class Fake:
    """A server of our own, byte by byte, that can be made to misbehave: ``holding`` by address, ``mute`` units."""

    def __init__(self, port: int, holding: dict[int, int]) -> None:
        self.holding, self.mute, self.gone = holding, set(), set()
        self.requests = 0
        self._socket = socket.create_server(("127.0.0.1", port))
        self._stopped = threading.Event()
        self._peers: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        for peer in [self._socket, *self._peers]:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            while data := peer.recv(12):
                self.requests += 1
                tid, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", data)
                if unit in self.mute:
                    continue
                peer.sendall(self._answer(tid, unit, function, address, count))
        except OSError:
            return

    def _answer(self, tid: int, unit: int, function: int, address: int, count: int) -> bytes:
        wanted = [self.holding.get(a) for a in range(address, address + count)]
        code = 11 if unit in self.gone else 2 if None in wanted else 0
        body = bytes([function | 0x80, code]) if code else struct.pack(f">BB{count}H", function, 2 * count, *wanted)
        return struct.pack(">HHHB", tid, 0, len(body) + 1, unit) + body


def test_a_dead_unit_behind_a_gateway_is_offline_and_costs_the_others_nothing(free_port):
    station = Fake(free_port, {0: 1})
    rows = [row("v", 0, subject=f"u{u}", unit_id=u) for u in (1, 2, 3)]
    with station:
        inlet = Recorder()
        with running(Connector(connection(free_port, rows, timeout_s=0.2, retries=0)), inlet) as failed:
            inlet.wait(lambda r: len(r.values("u3", "v")) >= 2)
            station.mute, station.gone = {2}, {3}
            inlet.wait(lambda r: {("u2", "offline"), ("u3", "offline")} <= set(r.sessions))
            before = len(inlet.values("u1", "v"))
            inlet.wait(lambda r: len(r.values("u1", "v")) >= before + 5)
            station.mute, station.gone = set(), set()
            inlet.wait(lambda r: r.sessions.count(("u2", "online")) == 2 and r.sessions.count(("u3", "online")) == 2)
        assert not failed
        assert ("u1", "offline") not in inlet.sessions[:-3]


def test_when_no_unit_answers_any_more_the_source_is_lost(free_port):
    station = Fake(free_port, {0: 1})
    with station:
        inlet = Recorder()
        with running(Connector(connection(free_port, [row("v", 0)], timeout_s=0.2, retries=0)), inlet) as failed:
            inlet.wait(lambda r: len(r.values("press", "v")) >= 2)
            station.mute = {1}
            inlet.wait(lambda _: failed)
    assert isinstance(failed[0], Lost)
    assert abs(failed[0].at - inlet.samples[-1][2]) < 1000
    assert inlet.sessions[-1] == ("press", "offline")


def test_garbage_for_an_answer_is_no_value(free_port, monkeypatch):
    def garbage(self, tid, unit, function, address, count):
        return struct.pack(">HHHBBB", tid, 0, 9, unit, function, 2 * count) + b"\0\0\0\0\0\0"

    monkeypatch.setattr(Fake, "_answer", garbage)
    with Fake(free_port, {0: 1}):
        inlet = Recorder()
        with running(Connector(connection(free_port, [row("v", 0)], timeout_s=0.2, retries=0)), inlet) as failed:
            inlet.wait(lambda _: failed)
    assert isinstance(failed[0], Lost)
    assert inlet.samples == []


def test_a_dead_server_is_lost_and_read_again_when_it_is_back(node, free_port, tmp_path):
    settings = connection(free_port, [row("a", 0)], timeout_s=1)
    with pytest.raises(Lost):
        Connector(settings).run(Recorder())
    (tmp_path / "memory.json").write_text(json.dumps({"holding": {"0": 42}}))
    for _ in range(3):
        process = node("modbus_server.js", free_port, tmp_path / "memory.json")
        lines_of(process, [])
        inlet = Recorder()
        with running(Connector(settings), inlet) as failed:
            inlet.wait(lambda r: 42 in r.values("press", "a"))
            process.kill()
            process.wait(10)
            inlet.wait(lambda _: failed)
        assert isinstance(failed[0], (Lost, OSError))
        assert inlet.sessions == [("press", "online"), ("press", "offline")]


def test_polls_keep_their_raster_and_a_raster_that_cannot_be_kept_is_found(free_port):
    with Fake(free_port, {0: 1, 1: 2}):
        inlet = Recorder()
        rows = [row("fast", 0, every_ms=50), row("slow", 1, every_ms=400)]
        with running(Connector(connection(free_port, rows)), inlet) as failed:
            inlet.wait(lambda r: len(r.values("press", "slow")) >= 4)
    assert not failed
    phases = [at % 50_000 for _, name, at, *_ in inlet.samples if name == "fast"][1:]
    assert sorted(phases)[len(phases) // 2] < 20_000
    fast, slow = len(inlet.values("press", "fast")), len(inlet.values("press", "slow"))
    assert 5 <= fast / slow <= 9


@contextmanager
def stationed(port: int, machines: list[str]):
    station = Station(machines, port)
    station.start()
    try:
        yield station
    finally:
        station.stop()


def test_the_station_s_machines_are_read_by_the_sample_map_through_failure_and_restart(free_port):
    values = {"Execution": "Execute", "Mode": "Production", "PartCount": 70_001, "GoodCount": 69_000, "ScrapCount": 3,
              "Temperature": 41.25, "Energy": 1234.5, "Product": "轴 MU-1", "Reason": ""}  # fmt: skip
    settings = {"map": "plant.registers.csv", "every_ms": 100}
    wire = Connection("plant", "modbus", f"modbus://127.0.0.1:{free_port}", settings, HERE / "sample")
    with stationed(free_port, ["M1", "M2"]) as station:
        for n in range(2):
            inlet = Recorder()
            with running(Connector(wire), inlet) as failed:
                station.publish("M1", {**values, "PartCount": 70_001 + n}, time.time_ns() // 1000)
                inlet.wait(lambda r, n=n: 70_001 + n in r.values("M1", "PartCount"))
                inlet.wait(
                    lambda r: "Execute" in [x for s, name, _, _, x, _ in r.samples if (s, name) == ("M1", "Execution")]
                )
                for name in ("GoodCount", "ScrapCount", "Temperature", "Energy", "Product"):
                    assert inlet.values("M1", name)[-1] == values[name]
                station.fail()
                inlet.wait(lambda _: failed)
            station.start()


def test_the_wire_tells_how_many_requests_it_made(free_port):
    with Fake(free_port, {a: a for a in range(200)}) as station, Wire("127.0.0.1", free_port, 1, 0) as wire:
        found = registers(connection(rows=[row(f"r{a}", a) for a in range(200)]))
        for part in plan(found, range(200), Limits()):
            wire.read(part)
        assert wire.requests == station.requests == 2
