"""Following connections: what is acknowledged rests, nothing rests twice, counters balance, silence is a gap."""

from __future__ import annotations

import random
import threading
import time
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from steelyard.connect import registry
from steelyard.connect.base import BAD, Lost
from steelyard.errors import InputError, UsageError
from steelyard.model.period import Period, iso
from steelyard.store.lake import engine
from steelyard.store.ledger import tails
from steelyard.store.standing import standings
from steelyard.store.stream import Stream
from steelyard.take import bind
from steelyard.take import follow as following
from steelyard.take.follow import Follow
from steelyard.weigh import weigh
from steelyard.weigh.again import again

T0 = 1_773_446_400_000_000  # 2026-03-14T00:00:00Z


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain; {[thread.name for thread in threading.enumerate()]}"
        time.sleep(0.01)


@pytest.fixture
def connect(monkeypatch, make):
    """A home whose connections are plain functions of their inlet."""

    def made(**connections):
        class Scripted:
            def __init__(self, connection):
                self.script = connections[connection.name]

            def run(self, inlet):
                self.script(inlet)

        monkeypatch.setattr(registry, "_class_of", lambda name: Scripted)
        home = make.new("plant", kind="factory")
        (home.path / "connections").mkdir(exist_ok=True)
        for name in connections:
            (home.path / "connections" / f"{name}.yaml").write_text("connector: scripted\nurl: 'none:'\n")
        return home

    return made


def send(inlet, values, subject="M1", signal="temp", **more):
    """Values as (µs after T0, number)."""
    number = inlet.signal(subject, signal)
    at = np.array([T0 + t for t, _ in values], np.int64)
    inlet.keep(np.full(len(values), number, np.int32), at, np.array([v for _, v in values], float), **more)


def once(*steps):
    """A connector that does its steps at its first run and then waits to be stopped."""

    def script(inlet):
        for step in steps:
            step(inlet)
        inlet.stopped.wait(30)

    return script


def standing(home, name="a"):
    return next(one for one in standings(home.ledger) if one["name"] == name)


def samples(home):
    with engine(home.path) as opened:
        home.table_view(opened, "samples")
        return opened.rows('SELECT subject, signal, "at", value, text FROM samples ORDER BY ALL')


def balanced(home, name="a"):
    one = standing(home, name)
    assert one["received"] == one["stored"] + one["repeated"] + one["refused"]
    assert one["refused"] == sum(reason["count"] for reason in one["reasons"])
    return one


def test_what_comes_in_rests_as_sealed_leaves_and_is_counted(connect):
    home = connect(a=once(lambda i: send(i, [(n, n) for n in range(1000)])))
    with Follow(home.path):
        until(lambda: standing(home)["stored"] == 1000)
    assert len(samples(home)) == 1000
    assert [leaf.rows for leaf in home.leaves(kind="samples")] == [1000]
    assert balanced(home)["received"] == 1000


def test_an_acknowledgement_follows_the_commit_that_holds_what_it_acknowledges(connect):
    seen = []

    def step(inlet):
        send(
            inlet,
            [(1, 1.0)],
            then=lambda: seen.append(home.ledger.all(sa.select(tails.c.rows).where(tails.c.kind == "samples"))),
        )

    home = connect(a=once(step))
    with Follow(home.path):
        until(lambda: seen)
    assert [row.rows for row in seen[0]] == [1]


def test_delivery_twice_changes_nothing_and_is_counted_as_repeated(connect):
    values = [(n, n / 7) for n in range(500)]
    home = connect(a=once(lambda i: send(i, values), lambda i: send(i, values)))
    with Follow(home.path):
        until(lambda: balanced(home)["received"] == 1000)
    first = samples(home)
    with Follow(home.path):
        until(lambda: balanced(home)["received"] == 2000)
    assert samples(home) == first
    assert (balanced(home)["stored"], balanced(home)["repeated"]) == (500, 1500)


def test_another_content_of_a_stored_key_is_stored_and_counts_from_then_on(connect):
    home = connect(
        a=once(lambda i: send(i, [(1, 1.0), (2, 2.0)])), b=once(lambda i: (time.sleep(0.6), send(i, [(1, 9.0)])))
    )
    with Follow(home.path):
        until(lambda: standing(home, "b")["stored"] == 1)
    assert [row[3] for row in samples(home)] == [9.0, 2.0]
    assert [leaf.header["source"]["corrects"] for leaf in home.leaves(kind="samples")] == [False, True]


def test_two_values_of_one_signal_at_one_instant_leave_the_later_one_and_name_the_other(connect):
    home = connect(a=once(lambda i: send(i, [(5, 1.0), (5, 2.0), (5, 2.0)])))
    with Follow(home.path):
        until(lambda: balanced(home)["received"] == 3)
    assert [row[3] for row in samples(home)] == [2.0]
    one = balanced(home)
    assert (one["stored"], one["repeated"], one["refused"]) == (1, 1, 1)
    assert [reason["code"] for reason in one["reasons"]] == ["SY606"]


def test_late_and_shuffled_values_rest_as_those_in_order_do(connect):
    values = [(n * 1000, float(n)) for n in range(3000)]
    shuffled = values[:]
    random.Random(4).shuffle(shuffled)
    parts = [shuffled[i : i + 100] for i in range(0, 3000, 100)]
    home = connect(a=once(*[lambda i, p=part: (send(i, p), time.sleep(0.02)) for part in parts]))
    with Follow(home.path):
        until(lambda: balanced(home)["stored"] == 3000)
    assert [row[3] for row in samples(home)] == [v for _, v in values]
    assert not any(leaf.header["source"]["corrects"] for leaf in home.leaves(kind="samples"))


def test_rows_of_one_leaf_are_of_one_day_so_that_a_late_row_reaches_its_own_day_alone(connect):
    day = 86_400_000_000
    home = connect(a=once(lambda i: send(i, [(-3 * day, 1.0), (5, 2.0)])))
    with Follow(home.path):
        until(lambda: balanced(home)["stored"] == 2)
    assert [(leaf.start - T0, leaf.end - T0) for leaf in home.leaves(kind="samples")] == [
        (-3 * day, -3 * day + 1),
        (5, 6),
    ]


def test_a_time_that_no_clock_can_mean_is_refused_by_name(connect):
    home = connect(a=once(lambda i: send(i, [(-2 * T0, 1.0), (1, 2.0)])))
    with Follow(home.path):
        until(lambda: balanced(home)["received"] == 2)
    assert balanced(home)["reasons"][0]["code"] == "SY605"
    assert len(samples(home)) == 1


def test_texts_qualities_and_missing_numbers_rest_as_they_came(connect):
    def step(inlet):
        number = inlet.signal("M1", "state")
        inlet.keep(np.array([number, number], np.int32), np.array([T0, T0 + 1]), np.array([np.nan, 1.5]),
                   text=pa.array(["Execute", None]), quality=np.array([0, BAD], np.uint8))  # fmt: skip

    home = connect(a=once(step))
    with Follow(home.path):
        until(lambda: balanced(home)["stored"] == 2)
    assert [row[3:] for row in samples(home)] == [(None, "Execute"), (1.5, None)]


def test_a_source_that_dies_is_asked_again_and_its_silence_is_no_watched_time(connect):
    runs = []

    def script(inlet):
        runs.append(time.time_ns() // 1000)
        inlet.online("M1")
        send(inlet, [(len(runs), 1.0)])
        if len(runs) < 3:
            inlet.stopped.wait(0.3)
            raise Lost("the cable was pulled")
        inlet.stopped.wait(30)

    home = connect(a=script)
    with Follow(home.path):
        until(lambda: balanced(home)["stored"] == 3)
    with engine(home.path) as opened:
        home.table_view(opened, "watches")
        spans = opened.rows('SELECT start, "end" FROM watches ORDER BY start')
    assert len(runs) == 3
    gaps = [(before[1], after[0]) for before, after in pairwise(spans) if before[1] < after[0]]
    assert len(gaps) == 2
    assert all(start < end for start, end in spans)


def test_a_connector_s_position_comes_back_with_what_was_stored(connect):
    seen = []

    def script(inlet):
        seen.append(dict(inlet.position))
        send(inlet, [(len(seen), 1.0)], position={"row": len(seen)})
        inlet.stopped.wait(30)

    home = connect(a=script)
    for n in (1, 2, 3):
        with Follow(home.path):
            until(lambda n=n: standing(home)["stored"] == n)
    assert seen == [{}, {"row": 1}, {"row": 2}]


def test_rows_of_any_table_are_checked_and_the_bad_ones_named(connect):
    answers = []
    rows = pa.table({"unit": ["M1", "M1", "M1"], "start": ["2026-03-14T08:00:00"] * 2 + ["2026-03-14T09:00:00"],
                     "end": ["2026-03-14T09:00:00"] * 2 + ["2026-03-14T10:00:00"], "state": ["production", "asleep", "delay"]})  # fmt: skip
    home = connect(a=once(lambda i: i.rows("machine_states", rows, then=lambda n, why: answers.append((n, why)))))
    with Follow(home.path):
        until(lambda: answers)
    assert answers[0][0] == 2
    assert "asleep" in answers[0][1][0]
    assert balanced(home)["refused"] == 1
    assert home.leaves(kind="machine_states")[0].rows == 2


def test_a_clock_that_is_ahead_is_measured(connect):
    def step(inlet):
        inlet.online("M1")
        number = inlet.signal("M1", "x")
        now = time.time_ns() // 1000
        inlet.keep(np.array([number], np.int32), np.array([now + 90_000_000]), np.array([1.0]), received=now)

    home = connect(a=once(step))
    with Follow(home.path):
        until(lambda: standing(home)["devices"] and standing(home)["devices"][0]["skew"])
    assert standing(home)["devices"][0]["skew"] == 90_000_000


def test_one_process_runs_the_connections_of_a_home(connect):
    home = connect(a=once())
    with Follow(home.path), pytest.raises(UsageError) as refused:
        Follow(home.path)
    assert refused.value.code == "SY604"


def test_a_connector_is_held_back_while_too_much_waits(connect, monkeypatch):
    waiting = []

    def script(inlet):
        for n in range(40):
            send(inlet, [(n * 1000 + k, 0.0) for k in range(1000)])
            waiting.append(follow.queue.waiting)
        inlet.stopped.wait(30)

    home = connect(a=script)
    follow = Follow(home.path)
    follow.queue.most = 5000
    with follow:
        until(lambda: balanced(home)["stored"] == 40_000)
    assert max(waiting) <= 5000


def test_what_a_killed_process_had_committed_is_there_and_its_end_is_its_last_beat(connect):
    home = connect(a=once(lambda i: i.online("M1"), lambda i: send(i, [(1, 1.0)])))
    follow = Follow(home.path)
    with follow:
        until(lambda: standing(home)["stored"] == 1)
        follow._stopped.set()
        follow._cut = lambda: None
    with home.ledger.write() as connection:
        connection.exec_driver_sql("update connections set state='running'")
        connection.exec_driver_sql("update devices set since = (select beat - 2000000 from connections)")
    beat = standing(home)["beat"]
    with Follow(home.path):
        until(lambda: balanced(home)["repeated"] == 1)
    with engine(home.path) as opened:
        home.table_view(opened, "watches")
        assert (beat - 2_000_000, beat) in opened.rows('SELECT start, "end" FROM watches')
    assert len(samples(home)) == 1


def test_weighing_cuts_what_is_loose_and_late_rows_replace_the_figures_of_their_day(connect, make):
    def states(*rows):
        return pa.table({"unit": ["M1"] * len(rows), "start": [r[0] for r in rows], "end": [r[1] for r in rows],
                         "state": [r[2] for r in rows]})  # fmt: skip

    day = [
        ("2026-03-14T08:00:00", "2026-03-14T09:00:00", "production"),
        ("2026-03-14T09:00:00", "2026-03-14T10:00:00", "delay"),
    ]
    late = [("2026-03-14T10:00:00", "2026-03-14T11:00:00", "production")]
    home = connect(a=once(lambda i: i.rows("machine_states", states(*day))))
    make.give(home, "shifts", "unit,start,end,kind\nM1,2026-03-14T08:00:00,2026-03-14T12:00:00,planned_busy\n")
    period = make.period("2026-03-14", home)
    with Follow(home.path):
        until(lambda: standing(home)["stored"] == 2)
        weigh(home, ["iso22400/availability"], [period, Period(period.end, period.end + 86_400_000_000)])
        again(home)
    before = home.figures("iso22400/availability").to_pylist()
    assert [row["value"] for row in before] == [0.5]
    make.give(home, "machine_states", "unit,start,end,state\n" + ",".join(("M1", *late[0])) + "\n", name="late.csv")
    again(home)
    after = home.figures("iso22400/availability").to_pylist()
    assert [row["value"] for row in after] == [pytest.approx(2 / 3)]
    assert after[0]["replaces"] == before[0]["digest"]


def test_a_change_of_bindings_weighs_anew_what_was_weighed_under_the_old_ones(connect, make):
    hour = 3_600_000_000

    def step(inlet):
        number = inlet.signal("press", "Execution")
        inlet.keep(np.full(61, number, np.int32), T0 + np.arange(61) * 60_000_000, np.full(61, np.nan),
                   text=pa.array(["ACTIVE"] * 31 + ["STOPPED"] * 30))  # fmt: skip

    home = connect(a=once(step))
    span = Period(T0, T0 + hour)
    make.give(home, "shifts", "unit,start,end,kind\nM1,2026-03-14T00:00:00Z,2026-03-14T01:00:00Z,planned_busy\n")
    (home.path / "bindings").mkdir()
    rule = home.path / "bindings" / "m1.yaml"
    rule.write_text("units:\n  M1:\n    subject: press\n    state: {signal: Execution, rule: mtconnect-execution}\n")
    with Follow(home.path):
        until(lambda: standing(home)["stored"] == 61)
    bind(home)
    weigh(home, ["iso22400/availability"], [span])
    before = home.figures("iso22400/availability", "M1").to_pylist()
    again(home)
    rule.write_text("units:\n  M1:\n    subject: press\n    state: {signal: Execution, rule: all-well}\n")
    (home.path / "standards" / "mappings").mkdir(parents=True)
    (home.path / "standards" / "mappings" / "all-well.yaml").write_text(
        "signal: execution\nstates: {ACTIVE: production, STOPPED: production}\n"
    )
    del home.__dict__["catalog"]
    assert bind(home)
    assert not bind(home)
    again(home)
    after = home.figures("iso22400/availability", "M1").to_pylist()
    assert [row["value"] for row in before] == [pytest.approx(31 / 60)]
    assert [row["value"] for row in after] == [1.0]
    assert after[0]["replaces"] == before[0]["digest"]


def test_a_fault_in_what_one_connection_brought_is_refused_whole_and_keeps_the_others_going(connect, monkeypatch):
    commit = Stream.commit

    def faulty(self, arrived):
        if any(one.connection == "b" and one.values for one in arrived):
            raise OverflowError("too large")
        return commit(self, arrived)

    monkeypatch.setattr(Stream, "commit", faulty)
    home = connect(a=once(lambda i: send(i, [(0, 1.0)])), b=once(lambda i: send(i, [(0, 1.0), (1, 2.0)], "M2")))
    with Follow(home.path) as follow:
        until(lambda: standing(home, "a")["stored"] == 1 and standing(home, "b")["refused"] == 2)
        send(follow.tended[0].gate, [(5, 2.0)])
        until(lambda: standing(home, "a")["stored"] == 2)
    assert [reason["code"] for reason in balanced(home, "b")["reasons"]] == ["SY609"]
    assert balanced(home)["stored"] == 2


def test_a_source_whose_settings_do_not_hold_ends_its_sessions_and_is_asked_again(connect, monkeypatch):
    monkeypatch.setattr(following, "LONG_PAUSE", 0.05)
    tries = []

    def step(inlet):
        tries.append(1)
        if len(tries) == 1:
            inlet.online("M1")
            raise InputError("SY601", "a", field="node", why="not there yet")
        send(inlet, [(0, 1.0)])
        inlet.stopped.wait(30)

    home = connect(a=step)
    with Follow(home.path):
        until(lambda: standing(home)["stored"] == 1)
        assert standing(home)["devices"][0]["since"] is None


def test_peers_that_wait_for_acknowledgements_do_not_wait_for_a_full_commit(connect):
    done = []

    def step(inlet):
        for n in range(20):
            acknowledged = threading.Event()
            send(inlet, [(n, 1.0)], then=acknowledged.set)
            assert acknowledged.wait(5)
            done.append(time.monotonic())
        inlet.stopped.wait(30)

    home = connect(a=step)
    with Follow(home.path):
        until(lambda: len(done) == 20)
    assert standing(home)["stored"] == 20


def test_days_without_a_figure_are_weighed_when_rows_of_them_come_late(connect, make):
    home = make.new("works", kind="factory")
    hour, day = 3_600_000_000, 86_400_000_000
    # Within one day of the home's own zone at whatever hour the test runs.
    noon = home.now() // day * day + 4 * hour
    rows = "".join(f"M1,{iso(noon - n * day)},{iso(noon - n * day + hour)},production\n" for n in (2, 3, 40))
    plan = "".join(f"M1,{iso(noon - n * day)},{iso(noon - n * day + 2 * hour)},planned_busy\n" for n in (2, 3, 4, 40))
    make.give(home, "shifts", "unit,start,end,kind\n" + plan)
    make.give(home, "machine_states", "unit,start,end,state\n" + rows)
    again(home)
    days = {row["start"] // day for row in home.figures("iso22400/availability", "M1").to_pylist()}
    assert len(days) == 2
    assert min(days) * day > noon - 5 * day


def test_bindings_whose_files_are_all_gone_bind_nothing_any_more(make):
    home = make.new("works", kind="factory")
    (home.path / "bindings").mkdir()
    file = home.path / "bindings" / "m1.yaml"
    file.write_text("units:\n  M1:\n    subject: press\n    produced: {signal: count}\n")
    bind(home)
    file.unlink()
    assert bind(home)
    assert not bind(home)
    with engine(home.path) as opened:
        home.table_view(opened, "bindings")
        assert opened.rows("SELECT count(*) FROM bindings") == [(0,)]
