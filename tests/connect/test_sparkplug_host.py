"""The Sparkplug state machine without a broker: order, births, deaths, what is not told, and laws of shuffled delivery."""

from __future__ import annotations

import base64
import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.connect.mqtt.packets import Message
from steelyard.connect.sparkplug import columns, events, values
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
            for s, t, v, x, q in zip(one.signals.tolist(), one.at.tolist(), one.value.tolist(), texts, quality.tolist(), strict=True):
                found.append((*self.names[s][:2], t, None if math.isnan(v) else v, x, q))
        return found

    def values(self, name, subject="G/E"):
        return [v if v is not None else x for s, n, _, v, x, _ in self.rows if (s, n) == (subject, name)]

    def found(self):
        return {event.text.split(" ")[0] for event in self.of(events.Finding)}


def full(message):
    return message if len(message) == 3 else (*message, 0x30)


def metric(payload, name=None, datatype=None, field=None, value=None, at=T0, **more):
    made = payload.metrics.add(**({"name": name} if name else {}), **({"datatype": datatype} if datatype else {}), **more)
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


# -- sequence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad", [0, 60])
def test_messages_in_order_are_taken_and_the_sequence_rolls_over(pad):
    world = World().take(nbirth())
    world.take(*(ndata((n + 1) % 256, float(n + 1), T0 + n + 1, pad=pad) for n in range(600)))
    assert [r[3] for r in world.rows if r[2] > NOW or r[3] == 0.0][:1] == [0.0]
    assert [v for v in dict.fromkeys(world.values("x"))] == [float(n) for n in range(601)]
    assert world.tick(100).of(events.Rebirth) == []


def test_a_message_that_comes_early_waits_for_the_one_before():
    world = World(reorder=2).take(nbirth()).take(ndata(2, 2.0))
    assert world.values("x") == [0.0]
    world.tick(1.9).take(ndata(1, 1.0))
    assert world.values("x") == [0.0, 1.0, 2.0]
    assert world.tick(10).of(events.Rebirth) == []


def test_when_the_reorder_time_is_over_the_node_is_asked_and_what_waited_is_kept_as_uncertain():
    world = World(reorder=2).take(nbirth()).take(ndata(2, 2.0)).tick(2.1)
    assert world.of(events.Rebirth) == [events.Rebirth("G", "E")]
    assert [(r[3], r[5]) for r in world.rows] == [(0.0, 0), (2.0, 1)]
    world.take(ndata(3, 3.0), nbirth(at=T0 + 5), ndata(1, 4.0))
    assert [(r[3], r[5]) for r in world.rows][2:] == [(3.0, 1), (0.0, 0), (4.0, 0)]


def test_a_value_that_names_itself_is_certain_even_after_a_gap():
    world = World().take(nbirth()).take(ndata(5, 2.0, name="x")).tick(3)
    assert [(r[3], r[5]) for r in world.rows][1:] == [(2.0, 0)]


def test_rebirths_are_asked_with_growing_pauses_until_they_come():
    world = World(reorder=1).take(nbirth()).take(ndata(9)).tick(1.1)
    for _ in range(600):
        world.tick(1)
    assert len(world.of(events.Rebirth)) == 7  # at 0, 5, 15, 35, 75, 155, 315 seconds
    world.take(nbirth(at=T0 + 1000))
    count = len(world.of(events.Rebirth))
    assert len(world.tick(1000).of(events.Rebirth)) == count


def test_a_node_nobody_knows_is_asked_and_its_data_counted():
    world = World().take(ndata(7, at=T0 - 10)).tick(0.3)
    assert world.of(events.Rebirth) == [events.Rebirth("G", "E")]
    world.take(nbirth())
    assert [(r.code, r.count) for r in world.of(events.Refused)] == [("SY617", 1)]


def test_a_birth_that_was_overtaken_by_its_data_serves_them():
    world = World().take(dbirth(1), ndata(2, 5.0, T0 + 1)).take(nbirth())
    assert world.values("x") == [0.0, 5.0]
    assert world.values("y", "G/E/D") == [0.0]
    assert world.tick(9).of(events.Rebirth) == []


def test_delivery_twice_leaves_the_sequence_alone():
    world = World().take(nbirth())
    for n in range(1, 40):
        world.take(ndata(n, float(n)), ndata(n, float(n)))
    assert set(world.values("x")) == {float(n) for n in range(40)}
    assert world.tick(9).of(events.Rebirth) == []


def test_a_restart_without_a_birth_is_noticed():
    world = World().take(nbirth()).take(*(ndata(n, at=T0 + n) for n in range(1, 60)))
    world.take(ndata(1, 7.0, T0 + 99), ndata(2, 8.0, T0 + 100)).tick(3)
    assert world.of(events.Rebirth) == [events.Rebirth("G", "E")]


stream = st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 40)), min_size=1, max_size=40)


def session_of(sent):
    first = [nbirth(), dbirth(1)]
    return first + [ndata((n + 2) % 256, value, T0 + n + 1, pad=pad) for n, (value, pad) in enumerate(sent)]


@given(stream, st.data())
@settings(deadline=None)
def test_shuffled_within_the_reorder_time_gives_the_same_values_as_in_order(sent, data):
    messages = session_of(sent)
    shuffled = data.draw(st.permutations(messages))
    blocks = data.draw(st.integers(1, 10))
    ordered, other = World(reorder=5).take(*messages), World(reorder=5)
    for start in range(0, len(shuffled), blocks):
        other.take(*shuffled[start : start + blocks], seconds=0.01).tick()
    assert sorted(map(repr, other.rows)) == sorted(map(repr, ordered.rows))
    assert other.host.nodes["G", "E"].next == ordered.host.nodes["G", "E"].next
    assert other.of(events.Refused) == []


@given(stream, st.data())
@settings(deadline=None)
def test_messages_delivered_again_add_no_new_row_and_ask_for_nothing(sent, data):
    messages = session_of(sent)
    again = World()
    for message in messages:
        again.take(message)
        if data.draw(st.booleans()):
            again.take(message)
    assert set(map(repr, again.rows)) == set(map(repr, World().take(*messages).rows))
    assert again.tick(9).of(events.Rebirth) == []
    assert len(again.of(events.Online)) == 2


@given(st.lists(st.binary(max_size=60), max_size=20), st.sampled_from(["NBIRTH/E", "NDATA/E", "DDATA/E/D", "NDEATH/E", "DBIRTH/E/D", "DDEATH/E/D"]))
def test_no_bytes_stop_the_machine(payloads, kind):
    world = World().take(nbirth(), dbirth(1))
    world.take(*((f"spBv1.0/G/{kind}", payload) for payload in payloads)).tick(100)
    world.take(nbirth(at=T0 + 9, bdseq=3), ndata(1, 77.0))
    assert world.values("x")[-1] == 77.0


# -- births, aliases, deaths ------------------------------------------------------------------------------------------


def test_an_alias_means_what_the_last_birth_says():
    world = World().take(nbirth(metrics=(("a", 1), ("b", 2)))).take(ndata(1, 5.0))
    world.take(nbirth(metrics=(("b", 1),), at=T0 + 1)).take(ndata(1, 6.0))
    assert (world.values("a"), world.values("b")) == ([0.0, 5.0], [0.0, 0.0, 6.0])
    world.take(ndata(2, 7.0, alias=2))
    assert [(r.code, r.value) for r in world.of(events.Refused)] == [("SY616", "alias 2")]
    assert world.of(events.Rebirth) == [events.Rebirth("G", "E")]


def test_a_death_ends_every_session_of_the_node_at_our_time():
    world = World().take(nbirth(), dbirth(1)).take(ndeath(), seconds=5)
    assert world.of(events.Online) == [events.Online("G/E", NOW), events.Online("G/E/D", NOW)]
    assert {(e.subject, e.at) for e in world.of(events.Offline)} == {("G/E", NOW + 5 * SECOND), ("G/E/D", NOW + 5 * SECOND)}
    world.take(ndata(2, 9.0)).tick(1)
    assert world.values("x") == [0.0]
    assert world.of(events.Rebirth) == [events.Rebirth("G", "E")]


def test_a_late_death_of_a_session_before_is_ignored():
    world = World().take(nbirth(bdseq=4)).take(nbirth(bdseq=5, at=T0 + 1), ndeath(4), ndata(1, 3.0))
    assert world.values("x") == [0.0, 0.0, 3.0]
    assert [e.reason for e in world.of(events.Offline)] == ["new session"]
    assert [e.reason for e in world.take(ndeath(5)).of(events.Offline)] == ["new session", "NDEATH"]


def test_a_device_dies_at_the_time_its_death_tells_but_not_in_the_future():
    world = World().take(nbirth(), dbirth(1)).take(ddeath(2, T0 + 1000), seconds=3)
    assert world.of(events.Offline) == [events.Offline("G/E/D", "DDEATH", NOW + SECOND)]
    world.take(dbirth(3)).take(ddeath(4, T0 + 10**9))
    assert world.of(events.Offline)[-1].at == world.now
    world.take(ddata(5, lambda p: metric(p, "y", None, "double_value", 2.0)))
    assert world.of(events.Refused)[-1].code == "SY617"
    assert world.of(events.Rebirth)


def test_a_device_that_a_rebirth_does_not_tell_is_gone():
    world = World().take(nbirth(), dbirth(1), dbirth(2, "D2")).take(nbirth(at=T0 + 1), dbirth(1, at=T0 + 1)).tick(3)
    assert [(e.subject, e.reason) for e in world.of(events.Offline)] == [("G/E/D2", "not in the births")]


def test_a_node_that_falls_silent_is_gone_until_it_speaks():
    world = World(stale=10).take(nbirth()).tick(9).tick(2)
    assert world.of(events.Offline) == [events.Offline("G/E", "silent", NOW)]
    world.take(ndata(1, 2.0))
    assert world.of(events.Online)[-1] == events.Online("G/E", world.now)
    assert world.values("x") == [0.0, 2.0]


def test_when_the_broker_is_lost_all_sessions_end():
    world = World().take(nbirth(), dbirth(1))
    assert [e.subject for e in world.host.lost(NOW)] == ["G/E", "G/E/D"]


def test_historical_values_are_told_as_the_past():
    def past(payload, seconds=(1, 2)):
        for second in seconds:
            metric(payload, None, None, "double_value", 4.0, T0 + 1000 * second, alias=7, is_historical=True)

    world = World().take(nbirth(), dbirth(1)).take(ddata(2, past), ddata(3, lambda p: past(p, (3, 4))))
    assert [(r[3], r[5]) for r in world.rows if r[1] == "y"] == [(0.0, 0)] + [(4.0, 4)] * 4
    assert world.of(events.Heard) == [
        events.Heard("G/E/D", NOW + SECOND, NOW + 2 * SECOND), events.Heard("G/E/D", NOW + 2 * SECOND, NOW + 4 * SECOND),
    ]  # fmt: skip


def test_own_state_said_offline_by_another_is_denied_and_other_states_and_commands_are_let_pass():
    world = World()
    world.take(("spBv1.0/STATE/h", b'{"online": false, "timestamp": 1}'), ("spBv1.0/STATE/h", b'{"online": true}'),
               ("spBv1.0/STATE/other", b'{"online": false}'), ("spBv1.0/STATE/h", b"\xff"), ("spBv1.0/STATE/h", b"[]"))  # fmt: skip
    assert world.said == [events.Denied()]
    command = Payload(timestamp=T0)
    metric(command, "Node Control/Rebirth", 11, "boolean_value", True)
    world.take(("spBv1.0/G/NCMD/E", command.SerializeToString()), ("spBv1.0/G/DCMD/E/D", command.SerializeToString()))
    assert len(world.said) == 1
    assert world.host.nodes == {}


def test_a_stored_birth_is_nobodys_session():
    world = World().take((*nbirth(), 0x31))
    assert world.found() == {"payloads-nbirth-retain"}
    assert [r.code for r in world.of(events.Refused)] == ["SY617"]
    assert world.of(events.Online) == []


# -- values -----------------------------------------------------------------------------------------------------------

TYPES = [
    (1, "int_value", 2**32 - 5, -5.0, None), (1, "int_value", 251, -5.0, None), (2, "int_value", 2**16 - 2, -2.0, None),
    (3, "int_value", 2**32 - 1, -1.0, None), (4, "long_value", 2**64 - 9, -9.0, None),
    (4, "long_value", 2**53 + 1, float(2**53), str(2**53 + 1)), (4, "long_value", 2**63, -(2.0**63), str(-(2**63))),
    (5, "int_value", 255, 255.0, None), (6, "int_value", 65535, 65535.0, None), (7, "int_value", 2**32 - 1, 2.0**32 - 1, None),
    (8, "long_value", 2**64 - 1, 2.0**64, str(2**64 - 1)), (9, "float_value", 1.5, 1.5, None), (10, "double_value", 0.1, 0.1, None),
    (11, "boolean_value", True, 1.0, None), (12, "string_value", "Execute 执行", None, "Execute 执行"),
    (13, "long_value", T0, float(T0), None), (14, "string_value", "t", None, "t"), (15, "string_value", "u-1", None, "u-1"),
    (17, "bytes_value", b"\0\xff", None, base64.b64encode(b"\0\xff").decode()), (18, "bytes_value", b"f", None, "Zg=="),
    (22, "bytes_value", struct.pack("<2b", -1, 2), None, "[-1,2]"), (23, "bytes_value", struct.pack("<h", -2), None, "[-2]"),
    (24, "bytes_value", struct.pack("<i", -3), None, "[-3]"), (25, "bytes_value", struct.pack("<q", -(2**60)), None, f"[{-(2**60)}]"),
    (26, "bytes_value", b"\xff", None, "[255]"), (27, "bytes_value", struct.pack("<H", 9), None, "[9]"),
    (28, "bytes_value", struct.pack("<I", 9), None, "[9]"), (29, "bytes_value", struct.pack("<Q", 2**64 - 1), None, f"[{2**64 - 1}]"),
    (30, "bytes_value", struct.pack("<f", 1.5), None, "[1.5]"), (31, "bytes_value", struct.pack("<2d", 1.5, math.nan), None, '[1.5,"nan"]'),
    (32, "bytes_value", b"\x0a\0\0\0\x34\x80", None, json.dumps([c == "1" for c in "0011010010"]).replace(" ", "")),
    (33, "bytes_value", b"ab\0c\0", None, '["ab","c"]'), (34, "bytes_value", struct.pack("<q", T0), None, f"[{T0}]"),
]  # fmt: skip


@pytest.mark.parametrize(("datatype", "field", "value", "number", "text"), TYPES)
@pytest.mark.parametrize("pad", [0, 200], ids=["one by one", "by columns"])
def test_every_data_type_is_read_exactly_in_births_and_data(datatype, field, value, number, text, pad):
    world = World().take(nbirth(), dbirth(1, fill=lambda p: metric(p, "v", datatype, field, value, alias=3)))
    data = ddata(2, lambda p: [metric(p, None, None, field, value, alias=3, at=T0 + n) for n in range(1 + pad)])
    world.take(data)
    rows = [r[3:] for r in world.rows if r[1] == "v"]
    assert rows == [(number, text, 0)] * (2 + pad)
    assert world.of(events.Refused) == []


@pytest.mark.parametrize(("datatype", "field", "value"), [
    (10, "string_value", "1.5"), (12, "double_value", 1.0), (17, "bytes_value", b"x" * 60_000), (24, "bytes_value", b"abc"),
    (32, "bytes_value", b"\xff\0\0\0\1"), (33, "bytes_value", b"a"), (12, "string_value", "x" * 70_000), (0, "double_value", 1.0),
])  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused_with_its_reason(datatype, field, value):
    world = World().take(nbirth(), dbirth(1, fill=lambda p: metric(p, "v", datatype, field, value)))
    assert [r.code for r in world.of(events.Refused)] == ["SY618"]
    assert world.values("v", "G/E/D") == []


def test_null_and_quality_are_kept_as_told():
    def fill(payload):
        metric(payload, "null", 10, None, None, is_null=True)
        for code in (0, 192, 500, 7):
            made = metric(payload, f"q{code}", 10, "double_value", 1.0)
            made.properties.keys.append("Quality")
            made.properties.values.add(type=3, int_value=code)

    world = World().take(nbirth(), dbirth(1, fill=fill))
    assert {r[1]: r[3:] for r in world.rows if r[0] == "G/E/D"} == {
        "null": (None, None, 2), "q0": (1.0, None, 2), "q192": (1.0, None, 0), "q500": (1.0, None, 3),
    }  # fmt: skip
    assert [r.value for r in world.of(events.Refused)] == ["q7: quality 7"]
    assert "payloads-propertyset-quality-value-value" in world.found()


def test_units_of_properties_reach_the_signal():
    def fill(payload):
        made = metric(payload, "t", 10, "double_value", 1.0)
        made.properties.keys.append("engUnit")
        made.properties.values.add(type=12, string_value="°C")

    assert ("G/E/D", "t", "°C") in World().take(nbirth(), dbirth(1, fill=fill)).names


def test_datasets_and_templates_are_kept_whole_and_members_as_signals():
    def fill(payload):
        data = metric(payload, "d", 16).dataset_value
        data.num_of_columns = 2
        data.columns.extend(["n", "s"])
        data.types.extend([3, 12])
        row = data.rows.add()
        row.elements.add(int_value=2**32 - 1)
        row.elements.add(string_value="x")
        template = metric(payload, "t", 19).template_value
        template.is_definition, template.template_ref, template.version = False, "Pump", "2"
        template.parameters.add(name="maker", type=12, string_value="M")
        template.metrics.add(name="rpm", datatype=3, int_value=2**32 - 4, timestamp=T0 + 1)
        inner = template.metrics.add(name="in", datatype=19).template_value
        inner.is_definition, inner.template_ref = False, "Seal"
        inner.metrics.add(name="wear", datatype=10, double_value=0.5)

    world = World().take(nbirth(), dbirth(1, fill=fill))
    text = {r[1]: r[4] for r in world.rows if r[4]}
    assert json.loads(text["d"]) == {"columns": ["n", "s"], "types": ["Int32", "String"], "rows": [[-1, "x"]]}
    assert json.loads(text["t"])["parameters"] == {"maker": "M"}
    assert json.loads(text["t"])["members"]["in"]["members"] == {"wear": 0.5}
    assert {r[1]: (r[2], r[3]) for r in world.rows if r[1].startswith("t/") and r[3] is not None} == {
        "t/rpm": (NOW + 1000, -4.0), "t/in/wear": (NOW, 0.5),
    }  # fmt: skip


def test_a_definition_of_a_template_is_no_value():
    def birth():
        payload = Payload.FromString(nbirth()[1])
        template = metric(payload, "Pump", 19).template_value
        template.is_definition = True
        return "spBv1.0/G/NBIRTH/E", payload.SerializeToString()

    assert {r[1] for r in World().take(birth()).rows} == {"x"}


def test_what_a_birth_did_not_tell_is_kept_where_it_says_what_it_is():
    world = World().take(nbirth()).take(ddata(1, lambda p: None))
    payload = Payload(timestamp=T0, seq=2)
    metric(payload, "new", 3, "int_value", 5)
    world.take(("spBv1.0/G/NDATA/E", payload.SerializeToString()))
    assert world.values("new") == [5.0]
    assert "operational-behavior-data-publish-nbirth" in world.found()
    assert world.of(events.Rebirth)


# -- by columns and one by one ------------------------------------------------------------------------------------------

KINDS = {1: "int_value", 3: "int_value", 4: "long_value", 7: "int_value", 8: "long_value", 9: "float_value", 10: "double_value",
         11: "boolean_value", 12: "string_value", 13: "long_value"}  # fmt: skip


def drawn(draw, field):
    if field == "int_value":
        return draw(st.integers(0, 2**32 - 1))
    if field == "long_value":
        return draw(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**54), st.integers(0, 300)))
    if field == "boolean_value":
        return draw(st.booleans())
    if field == "string_value":
        return draw(st.text(max_size=20))
    return draw(st.floats(width=32 if field == "float_value" else 64, allow_nan=False))


@st.composite
def messages_of_one_birth(draw):
    """A birth of metrics of many types, and data that are mostly plain."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    aliases = draw(st.lists(st.one_of(st.integers(0, 300), st.integers(0, 2**40)), min_size=len(kinds), max_size=len(kinds), unique=True))
    birth = Payload(timestamp=T0, seq=0)
    metric(birth, "bdSeq", 4, "long_value", 0)
    for n, (kind, alias) in enumerate(zip(kinds, aliases, strict=True)):
        metric(birth, f"m{n}", kind, KINDS[kind], drawn(draw, KINDS[kind]), alias=alias)
    sent = [("spBv1.0/G/NBIRTH/E", birth.SerializeToString())]
    for seq in range(1, draw(st.integers(2, 12))):
        payload = Payload(timestamp=T0 + seq, seq=seq)
        for _ in range(draw(st.integers(0, 8))):
            n = draw(st.integers(0, len(kinds) - 1))
            odd = draw(st.integers(0, 12))
            made = metric(payload, f"m{n}" if odd == 1 or seq % 3 == 0 else None, kinds[n] if odd == 2 else None,
                          KINDS[kinds[n]], drawn(draw, KINDS[kinds[n]]), None if odd == 3 else T0 + draw(st.integers(0, 10**9)))  # fmt: skip
            if not made.name:
                made.alias = aliases[n] if odd != 4 else aliases[n] + 1
            made.is_historical, made.is_null = odd == 5, odd == 6
            made.is_transient = odd == 7
        sent.append(("spBv1.0/G/NDATA/E", payload.SerializeToString()))
    return sent


@given(messages_of_one_birth())
@settings(deadline=None)
def test_reading_by_columns_gives_the_rows_of_reading_one_by_one(sent):
    whole, single = World(), World()
    whole.take(*sent)
    for message in sent:
        single.take(message)
    import steelyard.connect.sparkplug.host as module  # noqa: PLC0415

    few, module.FEW = module.FEW, 0
    try:
        columnar = World().take(*sent)
    finally:
        module.FEW = few
    named = [sorted(map(repr, world.rows)) for world in (whole, single, columnar)]
    assert named[0] == named[1] == named[2]
    refused = [sorted(map(repr, world.of(events.Refused))) for world in (whole, single, columnar)]
    assert refused[0] == refused[1] == refused[2]


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=5), st.data())
def test_no_bytes_make_columns_fail(raws, data):
    world = World().take(nbirth())
    stream = world.host.nodes["G", "E"].streams[""]
    good = ndata(1, 5.0)[1]
    cut = [good[: data.draw(st.integers(0, len(good)))] + raw for raw in raws]
    found = columns.decode(cut, [stream.known] * len(cut), world.host._book.slots)
    assert len(found.odd) == len(cut)


def test_plain_messages_are_not_odd():
    """The fast way is taken at all."""
    world = World().take(nbirth(metrics=[(f"m{n}", n) for n in range(300)]))
    stream = world.host.nodes["G", "E"].streams[""]
    raws = [ndata(1, -1.5, alias=n)[1] for n in range(300)] + [ndata(2, 1.0, name="m7")[1]]
    found = columns.decode(raws, [stream.known] * 301, world.host._book.slots)
    assert found.odd == [False] * 301
    assert found.seq == [1] * 300 + [2]


def test_types_have_their_names():
    assert (values.type_name(34), values.type_name(99)) == ("DateTimeArray", "type 99")


# -- what peers do against the specification ----------------------------------------------------------------------------


def changed(message, change):
    topic, raw, *flags = message
    payload = Payload.FromString(raw)
    change(payload)
    return (topic, payload.SerializeToString(), *flags)


def birth_with(change):
    return [changed(nbirth(), change)]


def device_with(change):
    return [nbirth(), changed(dbirth(1), change)]


def data_with(change):
    return [nbirth(), changed(ndata(1), change)]


def of(name):
    return lambda payload: next(m for m in payload.metrics if m.name == name)


def drop(name):
    def change(payload):
        kept = [m for m in payload.metrics if m.name != name]
        del payload.metrics[:]
        payload.metrics.extend(kept)

    return change


def dataset(num=1, columns=("a",), types=(3,)):
    def change(payload):
        data = metric(payload, "d", 16, alias=50).dataset_value
        data.num_of_columns = num
        data.columns.extend(columns)
        data.types.extend(types)

    return change


def template(definition=None, ref="", parameter=None):
    def change(payload):
        made = metric(payload, "t", 19, alias=51).template_value
        made.version = "1"
        if definition is not None:
            made.is_definition = definition
        if ref:
            made.template_ref = ref
        if parameter:
            made.parameters.add(**parameter)

    return change


def properties(keys, **value):
    def change(payload):
        made = metric(payload, "p", 10, "double_value", 1.0, alias=52)
        made.properties.keys.extend(keys)
        if value:
            made.properties.values.add(**value)

    return change


def twice(payload):
    metric(payload, "again", 10, "double_value", 1.0, alias=1)


def sets(name, **fields):
    def change(payload):
        for field, value in fields.items():
            setattr(of(name)(payload), field, value)

    return change


def clears(field, name=""):
    return lambda payload: (of(name)(payload) if name else payload).ClearField(field)


BREACHES = [
    ("payloads-nbirth-rebirth-req", birth_with(drop("Node Control/Rebirth"))),
    ("operational-behavior-data-commands-rebirth-datatype", birth_with(sets("Node Control/Rebirth", datatype=3))),
    ("operational-behavior-data-commands-rebirth-value", birth_with(sets("Node Control/Rebirth", boolean_value=True))),
    ("operational-behavior-data-commands-rebirth-name-aliases", birth_with(sets("Node Control/Rebirth", alias=9))),
    ("payloads-nbirth-bdseq", birth_with(drop("bdSeq"))),
    ("message-flow-edge-node-birth-publish-nbirth-payload-bdSeq", birth_with(sets("bdSeq", datatype=8))),
    ("payloads-ndeath-bdseq", [nbirth(), changed(ndeath(), drop("bdSeq"))]),
    ("payloads-ndeath-seq", [nbirth(), changed(ndeath(), lambda p: setattr(p, "seq", 3))]),
    ("payloads-nbirth-seq", birth_with(clears("seq"))),
    ("topics-nbirth-seq-num", [nbirth(seq=4)]),
    ("payloads-sequence-num-incrementing", data_with(lambda p: setattr(p, "seq", 256))),
    ("payloads-dbirth-seq", device_with(clears("seq"))),
    ("payloads-ndata-seq", data_with(clears("seq"))),
    ("payloads-ddata-seq", [nbirth(), dbirth(1), changed(ddata(2, lambda p: None), clears("seq"))]),
    ("payloads-ddeath-seq", [nbirth(), dbirth(1), changed(ddeath(2), clears("seq"))]),
    ("payloads-nbirth-timestamp", birth_with(clears("timestamp"))),
    ("payloads-dbirth-timestamp", device_with(clears("timestamp"))),
    ("payloads-ndata-timestamp", data_with(clears("timestamp"))),
    ("payloads-ddata-timestamp", [nbirth(), dbirth(1), changed(ddata(2, lambda p: None), clears("timestamp"))]),
    ("payloads-ddeath-timestamp", [nbirth(), dbirth(1), changed(ddeath(2), clears("timestamp"))]),
    ("payloads-name-birth-data-requirement", birth_with(clears("timestamp", "x"))),
    ("payloads-name-requirement", birth_with(clears("name", "x"))),
    ("payloads-metric-datatype-req", birth_with(clears("datatype", "x"))),
    ("payloads-metric-datatype-value", birth_with(sets("x", datatype=77))),
    ("payloads-alias-uniqueness", birth_with(twice)),
    ("payloads-alias-birth-requirement", birth_with(lambda p: metric(p, "bare", 10, "double_value", 1.0))),
    ("payloads-alias-data-cmd-requirement", data_with(lambda p: metric(p, "x", None, "double_value", 1.0, alias=1))),
    ("operational-behavior-data-publish-nbirth-values", birth_with(sets("x", is_null=True))),
    ("operational-behavior-data-publish-dbirth-values", device_with(sets("y", is_null=True))),
    ("operational-behavior-data-publish-nbirth", data_with(lambda p: metric(p, "z", 10, "double_value", 1.0))),
    ("operational-behavior-data-publish-dbirth", [nbirth(), dbirth(1), ddata(2, lambda p: metric(p, "z", 10, "double_value", 1.0))]),
    ("payloads-nbirth-retain", [(*nbirth(), 0x31)]), ("payloads-nbirth-qos", [(*nbirth(), 0x32)]),
    ("payloads-dbirth-retain", [nbirth(), (*dbirth(1), 0x31)]), ("payloads-dbirth-qos", [nbirth(), (*dbirth(1), 0x32)]),
    ("payloads-ndata-retain", [nbirth(), (*ndata(1), 0x31)]), ("payloads-ndata-qos", [nbirth(), (*ndata(1), 0x32)]),
    ("payloads-ddata-retain", [nbirth(), dbirth(1), (*ddata(2, lambda p: None), 0x31)]),
    ("payloads-ddata-qos", [nbirth(), dbirth(1), (*ddata(2, lambda p: None), 0x32)]),
    ("topics-ddeath-mqtt", [nbirth(), dbirth(1), (*ddeath(2), 0x32)]),
    ("payloads-ndeath-will-message-retain", [nbirth(), (*ndeath()[:2], 0x33)]),
    ("topic-structure-namespace-device-id-associated-message-types", [nbirth(), ("spBv1.0/G/DBIRTH/E", dbirth(1)[1])]),
    ("topic-structure-namespace-device-id-non-associated-message-types", [("spBv1.0/G/NBIRTH/E/D", nbirth()[1])]),
    ("payloads-dataset-types-num", birth_with(dataset(1, ("a",), (3, 3)))),
    ("payloads-dataset-parameter-type-req", birth_with(dataset(1, ("a",), ()))),
    ("payloads-dataset-column-size", birth_with(dataset(3))),
    ("payloads-dataset-types-value", birth_with(dataset(1, ("a",), (17,)))),
    ("payloads-template-is-definition", birth_with(template(None, "T"))),
    ("payloads-template-definition-ref", birth_with(template(True, "T"))),
    ("payloads-template-definition-nbirth-only", device_with(template(True))),
    ("payloads-template-definition-nbirth", birth_with(template(False, "T"))),
    ("payloads-template-instance-ref", birth_with(template(False))),
    ("payloads-template-parameter-name-required", birth_with(template(True, "", {"type": 12}))),
    ("payloads-template-parameter-type-req", birth_with(template(True, "", {"name": "a"}))),
    ("payloads-propertyset-keys-array-size", birth_with(properties(["a", "b"], type=3, int_value=1))),
    ("payloads-metric-propertyvalue-type-req", birth_with(properties(["a"], int_value=1))),
    ("payloads-propertyset-quality-value-type", birth_with(properties(["Quality"], type=12, int_value=192))),
    ("payloads-propertyset-quality-value-value", birth_with(properties(["Quality"], type=3, int_value=5))),
]  # fmt: skip


@pytest.mark.parametrize(("assertion", "sent"), BREACHES, ids=[name for name, _ in BREACHES])
def test_what_a_peer_breaks_is_found_and_what_follows_is_read(assertion, sent):
    world = World().take(*sent)
    assert assertion in world.found()
    world.take(nbirth(at=T0 + 5, bdseq=9), ndata(1, 42.0))
    assert world.values("x")[-1] == 42.0


def test_a_peer_that_keeps_to_the_specification_is_not_found_at_fault():
    world = World().take(nbirth(), dbirth(1), ndata(2), ddata(3, lambda p: metric(p, None, None, "double_value", 1.0, alias=7)))
    world.take(ddeath(4), ndeath())
    assert world.found() == set()


def test_findings_are_told_once_each_kind():
    world = World().take(nbirth(control=False)).take(nbirth(control=False, at=T0 + 1, bdseq=1))
    assert sorted(e.text for e in world.of(events.Finding)) == ["payloads-nbirth-bdseq", "payloads-nbirth-rebirth-req"][1:]


def test_a_gap_is_a_finding():
    world = World().take(nbirth(), ndata(3)).tick(5)
    assert [e.code for e in world.of(events.Finding)] == ["SY629"]


def test_the_reorder_time_can_be_set():
    assert World(reorder=9).take(nbirth(), ndata(3)).tick(8).of(events.Rebirth) == []
    assert World(reorder=9).take(nbirth(), ndata(3)).tick(9).of(events.Rebirth) != []


def test_devices_of_one_name_under_two_nodes_are_two():
    other = [(topic.replace("/E", "/F"), raw) for topic, raw in (nbirth(), dbirth(1))]
    world = World().take(nbirth(), dbirth(1), *other)
    assert {e.subject for e in world.of(events.Online)} == {"G/E", "G/E/D", "G/F", "G/F/D"}


def test_payloads_that_are_none_are_refused_and_counted():
    world = World().take(("spBv1.0/G/NBIRTH/E", b"\xff\xff"), ("spBv1.0/G/NDATA/E", b"{}"))
    assert [r.code for r in world.of(events.Refused)] == ["SY615", "SY615"]
