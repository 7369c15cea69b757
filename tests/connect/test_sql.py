"""A database is read from where it was read last: nothing lost, nothing twice, nothing written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from inlet import Recorder
from reading import connector, once, read

import steelyard
from steelyard.connect import moments
from steelyard.connect.base import Lost
from steelyard.connect.sql import cells, mark, query
from steelyard.errors import InputError, explain
from steelyard.model.period import micros

HERE = Path(steelyard.__file__).parent / "connect" / "sql"
COUNTS = {"table": "production_counts", "columns": {"unit": "machine", "start": "begun", "produced": "pieces"}}
EIGHT = datetime(2026, 3, 14, 8, tzinfo=UTC)


@pytest.fixture
def lite(tmp_path):
    """A SQLite file with a table of counts; gives the url, relative to the folder, and a way to write."""
    with closing(sqlite3.connect(tmp_path / "mes.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE runs (id INTEGER, machine TEXT, begun TEXT, pieces NUMERIC)")
        yield tmp_path, db.execute


def add(write, *ids: int, machine: str = "press 7") -> None:
    for number in ids:
        write(f"INSERT INTO runs VALUES ({number}, '{machine}', '2026-03-14T08:00:00Z', {number * 10})")


RUNS = {**COUNTS, "from": "runs", "high_water": "id"}


def test_rows_come_once_and_new_ones_with_the_next_reading(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1, 2, 3)
    assert [row[2] for row in read("sqlite:///mes.db", inlet, folder, **RUNS)] == [10, 20, 30]
    assert read("sqlite:///mes.db", inlet, folder, **RUNS) == []
    add(write, 4)
    assert read("sqlite:///mes.db", inlet, folder, **RUNS) == [("press 7", "2026-03-14T08:00:00Z", 40)]
    assert inlet.tables[0][0] == "production_counts"


def test_rows_that_share_the_last_value_and_come_later_are_neither_lost_nor_told_twice(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1, 2, 2)
    assert len(read("sqlite:///mes.db", inlet, folder, **RUNS)) == 3
    add(write, 2, 2, machine="press 8")
    add(write, 2)
    assert sorted(row[0] for row in read("sqlite:///mes.db", inlet, folder, **RUNS)) == [
        "press 7",
        "press 8",
        "press 8",
    ]
    assert read("sqlite:///mes.db", inlet, folder, **RUNS) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=8), max_size=6),
    st.integers(1, 4),
    st.sampled_from([0, 3]),
)
def test_whatever_is_written_between_readings_every_row_from_the_mark_on_comes_exactly_once(rounds, batch, overlap):
    held, told, position, high = [], [], {}, None
    for step, new in enumerate(rounds):
        fresh = [(value, step + shift) for shift, value in new]
        expected = [row for row in fresh if high is None or row[1] >= high - overlap]
        held += fresh
        one = mark.Mark.read(position, "id", overlap)
        met = sorted((row for row in held if one.since is None or row[1] >= one.since), key=lambda row: row[1])
        pending, came = one.pending(), []
        for start in range(0, len(met), batch):
            came += one.fresh(met[start : start + batch], pending)
        if came:
            position = json.loads(json.dumps(one.position()))
            high = max([high or 0, *(row[1] for row in came)])
        assert sorted(came) == sorted(expected)
        told += came


def test_a_row_that_is_committed_late_with_an_older_id_is_found_within_the_overlap_only(lite):
    folder, write = lite
    narrow, wide = Recorder(), Recorder()
    add(write, 1, 2, 9)
    assert len(read("sqlite:///mes.db", narrow, folder, **RUNS)) == 3
    assert len(read("sqlite:///mes.db", wide, folder, **RUNS, overlap=5)) == 3
    add(write, 7)
    assert read("sqlite:///mes.db", narrow, folder, **RUNS) == []
    assert [row[2] for row in read("sqlite:///mes.db", wide, folder, **RUNS, overlap=5)] == [70]
    assert read("sqlite:///mes.db", wide, folder, **RUNS, overlap=5) == []


def test_a_reading_that_breaks_off_goes_on_where_its_last_batch_was_kept(lite):
    folder, write = lite
    add(write, *range(1, 8))
    inlet = Recorder()
    keep = inlet.rows

    def breaks(table, rows, **more):
        if len(inlet.tables) == 2:
            raise ConnectionError
        keep(table, rows, **more)

    inlet.rows = breaks
    with pytest.raises(ConnectionError):
        read("sqlite:///mes.db", inlet, folder, **RUNS, batch=2)
    inlet.rows = keep
    assert [row[2] for row in read("sqlite:///mes.db", inlet, folder, **RUNS, batch=2)] == [50, 60, 70]


def test_a_position_of_another_column_counts_for_nothing(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1, 2)
    read("sqlite:///mes.db", inlet, folder, **RUNS)
    assert len(read("sqlite:///mes.db", inlet, folder, **{**RUNS, "high_water": "pieces"})) == 2


def test_more_ties_than_are_remembered_are_read_again_and_told(lite, monkeypatch):
    monkeypatch.setattr(mark, "MOST_SEEN", 3)
    folder, write = lite
    inlet = Recorder()
    add(write, 1, 1, 1, 1, 1)
    assert len(read("sqlite:///mes.db", inlet, folder, **RUNS)) == 5
    assert len(read("sqlite:///mes.db", inlet, folder, **RUNS)) == 5
    assert ("mes", "SY667") in inlet.findings


def test_rows_without_a_high_water_value_are_told(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1)
    write("INSERT INTO runs VALUES (NULL, 'press 9', '2026-03-14T08:00:00Z', 1)")
    assert len(read("sqlite:///mes.db", inlet, folder, **RUNS)) == 1
    assert inlet.findings == {("mes", "SY666")}


def test_a_source_that_was_read_before_and_is_not_there_for_now_is_asked_again(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1)
    read("sqlite:///mes.db", inlet, folder, **RUNS)
    write("ALTER TABLE runs RENAME TO away")
    with pytest.raises(Lost):
        read("sqlite:///mes.db", inlet, folder, **RUNS)
    write("ALTER TABLE away RENAME TO runs")
    assert read("sqlite:///mes.db", inlet, folder, **RUNS) == []


def test_without_a_high_water_column_the_whole_is_read_each_time(lite):
    folder, write = lite
    inlet = Recorder()
    add(write, 1, 2)
    given = {**COUNTS, "from": "runs"}
    assert (
        len(read("sqlite:///mes.db", inlet, folder, **given))
        == len(read("sqlite:///mes.db", inlet, folder, **given))
        == 2
    )
    assert inlet.position == {"column": ""}


def test_names_are_quoted_and_expressions_may_stand_in_their_place(lite):
    folder, write = lite
    write("""CREATE TABLE "order ""lines"" 1" (Id INTEGER, "the machine" TEXT, q REAL)""")
    write("""INSERT INTO "order ""lines"" 1" VALUES (1, 'press; --', 2.5)""")
    columns = {"unit": "the machine", "produced": "q * 2", "product": "'it''s: 100% :x'"}
    given = {"table": "production_counts", "from": 'order "lines" 1', "high_water": "ID", "columns": columns}
    assert read("sqlite:///mes.db", Recorder(), folder, **given) == [("press; --", 5.0, "it's: 100% :x")]


def test_a_query_is_read_as_a_table_is_and_all_its_columns_come_where_none_are_named(lite):
    folder, write = lite
    add(write, 1, 2)
    text = "WITH r AS (SELECT * FROM runs) SELECT machine AS unit, id AS n, ':x' AS c FROM r -- all"
    rows = read("sqlite:///mes.db", Recorder(), folder, table="t", query=text, high_water="N")
    assert rows == [("press 7", 1, ":x"), ("press 7", 2, ":x")]


@pytest.mark.parametrize("text", [
    "DELETE FROM runs", "SELECT 1; DROP TABLE runs", "WITH x AS (DELETE FROM runs RETURNING *) SELECT * FROM x",
    "SELECT * INTO copy FROM runs", "SELECT * FROM runs FOR UPDATE", "", "SELECT 1) UNION (SELECT 2", "PRAGMA user_version",
    "SELECT /*! 1 */ 2", "SELECT 'open", "SELECT 1 -- x\n; DELETE FROM runs", "WITH x", "EXPLAIN SELECT 1", "SELECT $a$ ; $b$",
])  # fmt: skip
def test_what_is_not_one_select_is_refused_before_the_database_sees_it(text):
    with pytest.raises(InputError) as refused:
        connector("sqlite:///mes.db", table="t", query=text)
    assert refused.value.code == "SY663"


@pytest.mark.parametrize("text", [
    "SELECT 'insert; \"x'", 'SELECT "delete" FROM t;', "select $$ drop; $$ -- update\n", "SELECT (1) /* merge ; */ AS a ; ",
    "SELECT x::int, '12:30' FROM t WHERE y LIKE '%into%'",
])  # fmt: skip
def test_words_within_texts_names_and_comments_are_no_commands(text):
    assert query.one_select(text, "")


def test_a_database_file_is_not_made_and_not_written(lite):
    folder, _ = lite
    with pytest.raises(Lost):
        read("sqlite:///none.db", Recorder(), folder, table="t", **{"from": "runs"})
    assert not (folder / "none.db").exists()
    engine = connector("sqlite:///mes.db", folder, table="t", **{"from": "runs"})._engine()
    with engine.connect() as db, pytest.raises(sa.exc.OperationalError, match=r"readonly|read-only"):
        db.execute(sa.text("INSERT INTO runs VALUES (1, 'x', 'x', 1)"))


@pytest.mark.parametrize(("given", "code"), [
    ({"table": "t"}, "SY601"), ({"table": "t", "from": "a", "query": "SELECT 1"}, "SY601"), ({"from": "a"}, "SY601"),
    ({"table": "t", "from": "a", "password_env": "STEELYARD_NOT_SET"}, "SY660"),
    ({"table": "t", "from": "a", "zone": "Mars/Olympus"}, "SY601"), ({"table": "t", "from": "a", "columns": {"a": 1}}, "SY601"),
    ({"table": "t", "from": "a", "overlap": 1, "overlap_seconds": 1}, "SY601"), ({"table": "t", "from": "a", "batch": "x"}, "SY601"),
])  # fmt: skip
def test_settings_that_do_not_hold_are_refused(given, code):
    with pytest.raises(InputError) as refused:
        connector("sqlite:///mes.db", **given)
    assert refused.value.code == code


@pytest.mark.parametrize(("url", "code"), [
    ("postgresql://me:secret@db/mes", "SY661"), ("postgresql://me@db/mes?password=secret", "SY661"), ("sqlite://", "SY601"),
    ("not a url", "SY601"),
])  # fmt: skip
def test_a_url_with_a_password_or_without_sense_is_refused(url, code):
    with pytest.raises(InputError) as refused:
        connector(url, table="t", **{"from": "a"})
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


def test_a_driver_that_is_not_there_and_a_column_that_is_not_there_are_named(lite):
    folder, _ = lite
    with pytest.raises(InputError) as driver:
        read("oracle+nodriver://db/x", Recorder(), table="t", **{"from": "a"})
    with pytest.raises(InputError) as column:
        read("sqlite:///mes.db", Recorder(), folder, table="t", columns={"a": "pcs"}, **{"from": "runs"})
    with pytest.raises(InputError) as table:
        read("sqlite:///mes.db", Recorder(), folder, table="t", **{"from": "walks"})
    assert [e.value.code for e in (driver, column, table)] == ["SY662", "SY664", "SY665"]


def test_values_become_typed_or_exact_text():
    zone = ZoneInfo("Asia/Shanghai")
    wall = datetime(2026, 3, 14, 16)  # noqa: DTZ001
    assert cells.array([1, None], zone).type == pa.int64()
    assert cells.array([2**80], zone).to_pylist() == [str(2**80)]
    assert cells.array([1, 2.5], zone).to_pylist() == ["1", "2.5"]
    assert cells.array([Decimal("12.3400"), Decimal("1E+3"), None], zone).to_pylist() == ["12.3400", "1000", None]
    assert cells.array([wall], None).type == pa.timestamp("us")
    assert cells.array([wall, EIGHT], zone).to_pylist() == [EIGHT, EIGHT]
    assert cells.array([date(2026, 3, 14)], zone).to_pylist() == ["2026-03-14"]
    assert cells.array([True, b"\xff\x00", {"a": [1]}, b"x"], zone).to_pylist() == ["true", "ff00", '{"a":[1]}', "x"]


def test_a_wall_clock_time_that_comes_twice_is_left_to_be_refused_and_the_others_are_not():
    twice, plain = datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 5)  # noqa: DTZ001
    found = cells.array([twice, plain], ZoneInfo("Europe/Berlin")).to_pylist()
    assert found == ["2026-10-25T02:30:00 Europe/Berlin", "2026-10-25T04:00:00Z"]


def samples(url: str, inlet: Recorder, folder: Path, **given) -> list[tuple]:
    once(connector(url, folder, **{"subject": "tag_path", "at": "t_stamp", "high_water": "t_stamp", **given}), inlet)
    return inlet.samples


def test_rows_of_a_historian_become_samples_and_bad_ones_are_refused_by_their_reason(lite):
    folder, write = lite
    inlet = Recorder()
    write("CREATE TABLE h (tag_path TEXT, name TEXT, t_stamp INTEGER, v NUMERIC, q INTEGER)")
    at = micros(EIGHT) // 1000
    for row in (f"'press', 'temp', {at}, 20.5, 192", f"'press', 'temp', {at + 1}, NULL, 0", f"'press', 'word', {at + 2}, 'Held', 64",
                f"NULL, 'temp', {at + 3}, 1, 192", "'press', 'temp', -5, 1, 192"):  # fmt: skip
        write(f"INSERT INTO h VALUES ({row})")
    given = {"signal": "name", "value": "v", "quality": "q", "epoch": "ms", "from": "h"}
    found = samples("sqlite:///mes.db", inlet, folder, **given)
    assert found == [
        ("press", "temp", at * 1000, 20.5, None, 0), ("press", "temp", (at + 1) * 1000, None, None, 2),
        ("press", "word", (at + 2) * 1000, None, "Held", 1),
    ]  # fmt: skip
    assert [(code, count) for code, _, count in inlet.refusals] == [("SY322", 1), ("SY669", 1)]
    assert len(samples("sqlite:///mes.db", inlet, folder, **given)) == 3


def test_a_wide_table_gives_one_signal_a_column(lite):
    folder, write = lite
    write("CREATE TABLE w (t_stamp TEXT, temp REAL, count TEXT)")
    write("INSERT INTO w VALUES ('2026-03-14 16:00:00', 20.5, '12')")
    given = {
        "subject": "'oven 3'",
        "value": {"Temperature": "temp", "PartCount": "count"},
        "zone": "Asia/Shanghai",
        "from": "w",
    }
    at = micros(EIGHT)
    assert samples("sqlite:///mes.db", Recorder(), folder, **given) == [
        ("oven 3", "Temperature", at, 20.5, None, 0), ("oven 3", "PartCount", at, 12.0, "12", 0),
    ]  # fmt: skip
    bare = Recorder()
    assert samples("sqlite:///mes.db", bare, folder, **{**given, "zone": None}) == []
    assert [(code, count) for code, _, count in bare.refusals] == [("SY668", 2)]


def test_times_are_placed_in_their_zone_or_not_at_all():
    assert moments.from_text("2026-03-14T16:00:00+08:00", None) == micros(EIGHT)
    assert moments.from_text("2026-03-14 16:00", ZoneInfo("Asia/Shanghai")) == micros(EIGHT)
    for text, zone, code in (("2026-03-14 16:00", None, "SY668"), ("14.3.2026", None, "SY319"), ("2026-02-30 10:00", None, "SY319"),
                             ("2026-10-25T02:30", ZoneInfo("Europe/Berlin"), "SY321"), ("2026-03-29T02:30", ZoneInfo("Europe/Berlin"), "SY320")):  # fmt: skip
        with pytest.raises(moments.MomentError) as refused:
            moments.from_text(text, zone)
        assert refused.value.code == code
        assert explain(code).what("en", {"value": text, "column": "at", **refused.value.facts})


@pytest.mark.parametrize(
    "value",
    [1, 1.5, Decimal("1.50"), EIGHT, date(2026, 3, 14), "x", b"\0\1", datetime(2026, 1, 1)],  # noqa: DTZ001
)
def test_a_high_water_value_is_the_same_after_json(value):
    back = mark.unpack(json.loads(json.dumps(mark.pack(value))))
    assert (back, type(back)) == (value, type(value))


def test_a_high_water_value_without_order_is_refused():
    with pytest.raises(InputError):
        mark.pack({})


def test_the_sample_connections_and_the_manifest_name_the_same_settings():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    for path in (HERE / "sample").glob("*.yaml"):
        sample = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(sample) - {"connector", "url"} <= set(manifest["settings"]), path.name
