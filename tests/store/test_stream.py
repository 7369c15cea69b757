"""The stream: what is retried, redelivered or corrected counts once, whoever cuts and whenever the process dies."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.catalog.catalog import load
from steelyard.model.period import Period
from steelyard.store import stream as streams
from steelyard.store.arrived import Arrived, Rows, Values
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.store.rows import schema_of
from steelyard.store.standing import register, standings
from steelyard.store.stream import Stream, cut

T0 = 1_773_446_400_000_000  # 2026-03-14T00:00:00Z
DAY = 86_400_000_000


def factory(folder):
    home = Home.create(folder, name="plant", kind="factory")
    with home.ledger.write() as connection:
        register(connection, "a", "scripted", synthetic=False)
    return home


@pytest.fixture
def plant(tmp_path):
    with factory(tmp_path / "plant") as home:
        yield home


def values(stream, *said, signal="count"):
    """Values as (µs after T0, number)."""
    number = stream.signal("a", "M1", signal)
    at = np.array([T0 + t for t, _ in said])
    numbers = np.array([float(v) for _, v in said])
    return Values(np.full(len(said), number, np.int32), at, numbers, None, None, T0)


def sent(stream, *said):
    return Arrived("a", values=[values(stream, *said)], received=len(said))


def pieces(*produced):
    """Rows of production_counts of one hour, each as a delivery of its own."""
    said = {"unit": "M1", "start": T0, "end": T0 + DAY // 24, "product": "A"}
    columns = schema_of(load().table("production_counts")).remove_metadata()
    parts = [pa.Table.from_pylist([{**said, "produced": float(n)}], columns).drop_columns(["leaf"]) for n in produced]
    return Arrived("a", tables=[Rows("production_counts", part, "measured") for part in parts], received=len(parts))


def seen(home, table="samples", column="value"):
    with engine(home.path) as opened:
        home.table_view(opened, table, Period(T0 - DAY, T0 + DAY))
        return [row[0] for row in opened.rows(f'SELECT "{column}" FROM "{table}" ORDER BY ALL')]


def counters(home):
    (one,) = standings(home.ledger)
    assert one["received"] == one["stored"] + one["repeated"] + one["refused"]
    return one["stored"], one["repeated"], one["refused"]


def test_a_commit_that_failed_and_is_tried_again_counts_once(plant, monkeypatch):
    stream = Stream(plant)
    arrived = [sent(stream, (0, 1), (0, 1), (0, 2), (1, 3))]

    def locked(*_):
        raise sa.exc.OperationalError("", None, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(streams, "keep_standing", locked)
        with pytest.raises(sa.exc.OperationalError):
            stream.commit(arrived)
    stream.commit(arrived)
    cut(plant)
    assert (counters(plant), seen(plant)) == ((2, 1, 1), [2.0, 3.0])


def test_what_another_process_cut_is_known_after_a_crash(plant):
    stream = Stream(plant)
    stream.commit([sent(stream, (0, 1), (1, 2))])
    cut(plant)
    with Home.open(plant.path) as home:
        again = Stream(home)
        again.commit([sent(again, (0, 1), (1, 2))])
        again.cut()
    assert (counters(plant), seen(plant)) == ((2, 2, 0), [1.0, 2.0])


@pytest.mark.parametrize(("produced", "left", "counted"), [
    ((100, 100), [100.0], (1, 1, 0)), ((100, 90), [90.0], (1, 0, 1)), ((100, 90, 100), [100.0], (1, 0, 2)),
])  # fmt: skip
def test_rows_with_one_key_in_one_commit_leave_the_last(plant, produced, left, counted):
    stream = Stream(plant)
    stream.commit([pieces(*produced)])
    stream.cut()
    assert (seen(plant, "production_counts", "produced"), counters(plant)) == (left, counted)


def test_a_part_hears_how_many_of_its_rows_were_stored(plant):
    told = []
    arrived = pieces(100, 100)
    for part in arrived.tables:
        part.then = told.append
    Stream(plant).commit([arrived])
    assert told == [0, 1]


def test_a_correction_that_comes_before_plain_rows_in_a_cut_still_counts_after_them(plant):
    stream = Stream(plant)
    stream.commit([sent(stream, (0, 1))])
    stream.cut()
    for value in ((0, 5), (10, 7), (10, 8)):
        stream.commit([sent(stream, value)])
    stream.cut()
    assert seen(plant) == [5.0, 8.0]


def test_an_acknowledgement_that_fails_does_not_keep_others_from_theirs(plant):
    stream, told = Stream(plant), []

    def gone():
        raise ConnectionResetError

    stream.commit([Arrived("a", values=[values(stream, (0, 1))], received=1, then=[gone, lambda: told.append(1)])])
    assert told == [1]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([80, 90, 100]), st.sampled_from(["", "cut", "other", "crash"])),
        min_size=1,
        max_size=6,
    )
)
def test_the_last_that_was_said_counts_whoever_cuts_between(tmp_path, steps):
    home = factory(tmp_path / uuid4().hex)
    stream = Stream(home)
    for produced, then in steps:
        stream.commit([pieces(produced)])
        if then == "cut":
            stream.cut()
        elif then == "other":
            cut(home)
        elif then == "crash":
            stream = Stream(home)
    cut(home)
    assert seen(home, "production_counts", "produced") == [float(steps[-1][0])]
    assert sum(counters(home)) == len(steps)
    home.close()
