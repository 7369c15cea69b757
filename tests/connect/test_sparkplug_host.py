"""The Sparkplug state machine without a broker: order, births, deaths, and laws of shuffled delivery."""

from __future__ import annotations

import pytest
from edge import NOW, T0, World, dbirth, ddata, ddeath, metric, nbirth, ndata, ndeath
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.connect.mqtt.packets import Message
from steelyard.connect.sparkplug import events
from steelyard.connect.sparkplug.host import SECOND
from steelyard.connect.sparkplug.schema import Payload

# -- sequence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad", [0, 60])
def test_messages_in_order_are_taken_and_the_sequence_rolls_over(pad):
    world = World().take(nbirth())
    world.take(*(ndata((n + 1) % 256, float(n + 1), T0 + n + 1, pad=pad) for n in range(600)))
    assert [r[3] for r in world.rows if r[2] > NOW or r[3] == 0.0][:1] == [0.0]
    assert list(dict.fromkeys(world.values("x"))) == [float(n) for n in range(601)]
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


stream = st.lists(
    st.tuples(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 40)), min_size=1, max_size=40
)


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


@given(
    st.lists(st.binary(max_size=60), max_size=20),
    st.sampled_from(["NBIRTH/E", "NDATA/E", "DDATA/E/D", "NDEATH/E", "DBIRTH/E/D", "DDEATH/E/D"]),
)
def test_no_bytes_stop_the_machine(payloads, kind):
    world = World().take(nbirth(), dbirth(1))
    world.take(*((f"spBv1.0/G/{kind}", payload) for payload in payloads)).tick(100)
    world.take(nbirth(at=T0 + 9, bdseq=3), ndata(1, 77.0))
    assert world.values("x")[-1] == 77.0


def test_names_that_are_no_text_are_refused_and_stop_nothing():
    bad = b"\x08\x01\x12\x04\x0a\x02\xff\xfe\x18\x01"
    world = World().take(nbirth(), ("spBv1.0/G/NDATA/E", bad), ("spBv1.0/G/NBIRTH/F", bad))
    assert [r.code for r in world.of(events.Refused)] == ["SY615", "SY615"]


def test_an_edge_node_that_publishes_everything_at_qos_1_is_read_and_found():
    world = World().take((*nbirth(), 0x32), *((*ndata(n, float(n), T0 + n), 0x32) for n in range(1, 100)))
    assert world.values("x") == [float(n) for n in range(100)]
    assert world.found() == {"payloads-nbirth-qos", "payloads-ndata-qos"}


def test_a_message_that_was_too_long_is_refused():
    world = World(most=99)
    world.said += world.host.take([Message(b"spBv1.0/G/NDATA/E", None, 0x30, 0)], world.now)
    assert [(r.code, r.value) for r in world.of(events.Refused)] == [("SY614", "99")]


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
    assert {(e.subject, e.at) for e in world.of(events.Offline)} == {
        ("G/E", NOW + 5 * SECOND),
        ("G/E/D", NOW + 5 * SECOND),
    }
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
