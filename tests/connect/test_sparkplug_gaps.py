"""What is missing, what comes twice, what stands still: nothing is lost, held for ever, or invented."""

from __future__ import annotations

import pytest
from edge import NOW, T0, World, dbirth, ddata, metric, nbirth, ndata, ndeath
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.connect.sparkplug import events, nodes
from steelyard.connect.sparkplug.host import SECOND
from steelyard.connect.sparkplug.schema import Payload

HOUR = 3600


def counted(world):
    """How many values came out, and how many were refused."""
    return len(world.rows), sum(refused.count for refused in world.of(events.Refused))


# -- a peer that tells no births when asked ------------------------------------------------------------------------------


def test_after_a_second_gap_a_node_without_rebirth_is_read_on():
    world = World(reorder=2).take(nbirth(control=False), ndata(1, 1.0), ndata(3, 3.0)).tick(2.1)
    world.take(ndata(4, 4.0))
    for n in range(6, 700):
        world.take(ndata(n % 256, float(n), T0 + n), seconds=0.1).tick()
    world.tick(3)
    assert set(world.values("x")) == {0.0, 1.0, 3.0, 4.0, *map(float, range(6, 700))}
    assert not world.host.nodes["G", "E"].waiting
    assert world.of(events.Refused) == []


@given(st.lists(st.integers(1, 600), max_size=12), st.floats(0.001, 3))
@settings(deadline=None, max_examples=60)
def test_whatever_messages_are_lost_those_that_came_are_kept_within_the_reorder_time(lost, pause):
    world, sent = World(reorder=2).take(nbirth(control=False)), set(range(1, 601)) - set(lost)
    for n in sorted(sent):
        world.take(ndata(n % 256, float(n), T0 + n), seconds=pause).tick()
    world.tick(2.1)
    assert set(world.values("x")) == {0.0, *map(float, sent)}
    assert world.of(events.Refused) == []


def test_a_message_of_long_ago_does_not_put_off_what_is_missing():
    world = World(reorder=2).take(nbirth(), ndata(200, 200.0))
    for n in range(1, 40):
        world.take(ndata(n, float(n)), seconds=0.1).tick()
    assert world.values("x")[20:].count(200.0) == 1
    assert len(world.of(events.Rebirth)) == 1
    assert set(world.tick(3).values("x")) == {*map(float, range(40)), 200.0}


def test_messages_that_wait_are_bounded_and_then_gone_on_with():
    world = World(reorder=1000).take(nbirth())
    world.take(*(ndata(n % 256, float(n)) for n in range(2, 302)))
    assert len(world.host.nodes["G", "E"].waiting) <= nodes.MOST_WAITING
    world.tick(1001)
    assert set(world.values("x")) == {0.0, *map(float, range(2, 302))}
    assert {e.code for e in world.of(events.Finding)} == {"SY629"}


@pytest.mark.parametrize("born", [True, False])
def test_messages_that_wait_are_bounded_in_bytes_and_each_is_kept_or_counted(born, monkeypatch):
    monkeypatch.setattr(nodes, "MOST_BYTES", 4_000)
    world = World(reorder=1000).take(*([nbirth()] if born else []))
    world.take(*(ndata(n, float(n), pad=20) for n in range(2, 60)))
    assert world.host.nodes["G", "E"].held <= 4_000
    world.said += world.host.lost(world.now)
    assert sum(counted(world)) == 58 * 21 + born
    assert bool(world.of(events.Refused)) != born
    assert world.host.nodes["G", "E"].held == 0


def test_what_waits_when_the_broker_is_lost_is_kept_or_counted():
    world = World().take(nbirth(), ndata(3, 3.0, name="x"))
    world.said += world.host.lost(NOW)
    assert world.values("x") == [0.0, 3.0]
    assert [type(event) for event in world.said[-2:]] == [events.Values, events.Offline]
    stranger = World().take(ndata(3, 3.0))
    stranger.said += stranger.host.lost(NOW)
    assert [(r.code, r.count) for r in stranger.of(events.Refused)] == [("SY617", 1)]


def test_sessions_end_when_the_broker_was_last_heard():
    world = World().take(nbirth(), seconds=5)
    assert world.host.lost(NOW + 3 * SECOND) == [events.Offline("G/E", "broker lost", NOW + 3 * SECOND)]


# -- what peers tell wrongly ----------------------------------------------------------------------------------------------


def test_a_death_counts_where_the_birth_told_no_number():
    topic, raw = nbirth()
    birth = Payload.FromString(raw)
    del birth.metrics[0]
    world = World().take((topic, birth.SerializeToString())).take(ndeath(4))
    assert [e.reason for e in world.of(events.Offline)] == ["NDEATH"]
    assert "payloads-nbirth-bdseq" in world.found()


@pytest.mark.parametrize("at", [T0 * 1_000, T0 * 1_000_000])
def test_a_past_at_a_time_that_cannot_be_is_no_past(at):
    def past(payload):
        metric(payload, None, None, "double_value", 4.0, at, alias=7, is_historical=True)

    world = World().take(nbirth(), dbirth(1)).take(ddata(2, past))
    assert [event for event in world.of(events.Heard) if event.end > world.now] == []


def test_a_member_of_a_template_at_a_time_that_cannot_be_is_refused():
    def template(payload):
        made = metric(payload, "t", 19).template_value
        made.template_ref = "T"
        for n, at in enumerate((T0, 2**63, T0)):
            made.metrics.add(name=f"m{n}", datatype=10, double_value=n, timestamp=at)

    world = World().take(nbirth(), dbirth(1, fill=template))
    assert (world.values("t/m0", "G/E/D"), world.values("t/m1", "G/E/D"), world.values("t/m2", "G/E/D")) == (
        [0.0],
        [],
        [2.0],
    )
    assert [(r.code, r.count) for r in world.of(events.Refused)] == [("SY618", 1)]


# -- values that never change ---------------------------------------------------------------------------------------------


def still(**options):
    """A node and a device that told their values at T0 and nothing since."""
    fill = lambda p: (metric(p, "y", 10, "double_value", 2.0), metric(p, "state", 12, "string_value", "EXECUTE"))  # noqa: E731
    return World(**options).take(nbirth(), dbirth(1, fill=fill)).tick(300)


def test_values_that_never_change_are_said_anew_as_long_as_the_session_stands():
    world = still(refresh=6 * HOUR).tick(5 * HOUR)
    count = len(world.rows)
    assert count == 3
    world.tick(1 * HOUR).tick(1).tick(1)
    said = world.rows[count:]
    assert {(s, n, v or x, q) for s, n, _, v, x, q in said} == {
        ("G/E/D", "y", 2.0, 0),
        ("G/E/D", "state", "EXECUTE", 0),
        ("G/E", "x", None, 0),
    }
    assert {at for *_, at, _, _, _ in said} == {NOW + (6 * HOUR + 180) * SECOND}
    world.tick(6.1 * HOUR)
    assert len(world.rows) == count + 6
    world.take(ndeath()).tick(100 * HOUR)
    assert len(world.rows) == count + 6


def test_what_a_birth_tells_of_long_ago_is_said_anew_soon():
    old = lambda p: metric(p, "y", 10, "double_value", 2.0, T0 - 30 * HOUR * 1000)  # noqa: E731
    world = World(refresh=6 * HOUR).take(nbirth(), dbirth(1, fill=old)).tick(100)
    assert world.values("y", "G/E/D") == [2.0]
    assert [r[2:4] for r in world.tick(200).rows if r[1] == "y"][1:] == [(NOW + 180 * SECOND, 2.0)]


def test_without_refreshing_nothing_is_said_anew():
    world = still()
    count = len(world.rows)
    assert len(world.tick(1000 * HOUR).rows) == count


def test_only_what_is_known_is_said_anew():
    world = still(refresh=6 * HOUR)
    world.take(ddata(2, lambda p: metric(p, "y", None, at=T0 + 1, is_null=True)))  # bad from here on
    world.take(ddata(3, lambda p: metric(p, "state", None, "string_value", "HELD", T0 + 9)))
    world.take(ddata(4, lambda p: metric(p, "state", None, "string_value", "IDLE", T0 + 5)))  # told late
    world.take(ddata(5, lambda p: metric(p, "state", None, "string_value", "ABORTED", T0 + 10, is_historical=True)))
    count = len(world.rows)
    world.tick(6.1 * HOUR)
    assert [(n, v if x is None else x) for _, n, _, v, x, _ in world.rows[count:] if n != "x"] == [("state", "HELD")]


def test_what_was_told_lately_needs_no_saying_anew():
    world = still(refresh=6 * HOUR).tick(5 * HOUR - 300)
    at = T0 + 5 * HOUR * 1000
    world.take(ddata(2, lambda p: metric(p, "y", None, "double_value", 3.0, at), at=at))
    count = len(world.rows)
    assert {n for _, n, *_ in world.tick(1.1 * HOUR).rows[count:]} == {"state", "x"}


def test_values_are_said_anew_by_the_clock_of_the_node():
    slow = T0 - 3 * HOUR * 1000
    world = World(refresh=6 * HOUR).take(nbirth(at=slow))
    world.host._latest.at[:] = slow * 1000 * (world.host._latest.at > 0)  # its metrics tell the same clock
    count = len(world.rows)
    world.tick(6.1 * HOUR)
    assert [r[2] for r in world.rows[count:]] == [slow * 1000 + int(6.1 * HOUR * SECOND) - 120 * SECOND]


def test_after_a_lost_message_values_are_said_anew_doubtfully():
    world = World(refresh=6 * HOUR).take(nbirth(), ndata(2, 5.0, name="x")).tick(3)
    count = len(world.rows)
    assert [(v, q) for *_, v, _, q in world.tick(6.1 * HOUR).rows[count:]] == [(5.0, 1)]


def test_what_is_remembered_of_a_million_metrics_is_small():
    world = World(refresh=6 * HOUR)
    world.host._latest._reach(1_000_000)
    kept = world.host._latest
    assert sum(column.nbytes for column in (kept.at, kept.value, kept._worded)) <= 17 * 1_000_000
