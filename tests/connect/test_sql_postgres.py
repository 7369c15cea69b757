"""A real PostgreSQL is read: exact types, ties, late commits, restarts; what writes is refused by its own transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from inlet import Recorder, running
from postgres import postgres  # noqa: F401  - a fixture
from reading import connector, read

from steelyard.connect.base import Lost
from steelyard.errors import InputError

EIGHT = datetime(2026, 3, 14, 8, tzinfo=UTC)


@pytest.fixture
def pg(postgres):  # noqa: F811
    engine = sa.create_engine(postgres.url, poolclass=sa.pool.NullPool)

    def write(*statements):
        with engine.begin() as db:
            for statement in statements:
                db.exec_driver_sql(statement)

    write("DROP SCHEMA IF EXISTS mes CASCADE", "CREATE SCHEMA mes", "DROP SEQUENCE IF EXISTS s")
    return postgres.url, write


def test_postgres_types_come_typed_and_exact(pg):
    url, write = pg
    write(
        'CREATE TABLE mes."Runs" (id bigint, q numeric(20,6), t timestamptz, w timestamp, d date, b bool, r real, j jsonb, u uuid, '
        "a int[], x bytea, i interval)",
        "INSERT INTO mes.\"Runs\" VALUES (9007199254740993, 12345678901234.500000, '2026-03-14 16:00:00.123456+08', "
        "'2026-03-14 16:00', '2026-03-14', true, 0.1, '{\"a\": 1}', '00000000-0000-0000-0000-000000000001', '{1,2}', '\\xff', '1 hour')",
    )
    inlet = Recorder()
    [row] = read(url, inlet, table="t", zone="Asia/Shanghai", high_water="t", **{"from": "mes.Runs"})
    assert row == (
        9007199254740993, "12345678901234.500000", EIGHT + timedelta(microseconds=123456), EIGHT, "2026-03-14", "true", 0.1,
        '{"a":1}', "00000000-0000-0000-0000-000000000001", "[1,2]", "ff", "1:00:00",
    )  # fmt: skip
    assert read(url, inlet, table="t", zone="Asia/Shanghai", high_water="t", **{"from": "mes.Runs"}) == []


@pytest.mark.parametrize(("kind", "values"), [
    ("bigint", ["1", "2", "3"]), ("numeric", ["0.10", "0.2", "3"]), ("double precision", ["0.1", "0.2", "0.3"]),
    ("timestamptz", ["'2026-01-01 00:00:00.000001Z'", "'2026-01-01 00:00:01Z'", "'2026-01-02Z'"]),
    ("timestamp", ["'2026-01-01'", "'2026-01-01 00:00:01'", "'2026-01-02'"]), ("date", ["'2026-01-01'", "'2026-01-02'", "'2026-01-03'"]),
    ("text", ["'a'", "'b'", "'c'"]), ("bytea", ["'\\x01'", "'\\x02'", "'\\x03'"]),
])  # fmt: skip
def test_a_high_water_of_any_ordered_type_reads_ties_once(pg, kind, values):
    url, write = pg
    first, second, third = values
    write(
        f"CREATE TABLE mes.h (k {kind}, n int)", f"INSERT INTO mes.h VALUES ({first}, 1), ({second}, 2), ({second}, 3)"
    )
    inlet = Recorder()
    given = {"table": "t", "columns": {"n": "n"}, "high_water": "k", "batch": 1, "from": "mes.h"}
    assert sorted(read(url, inlet, **given)) == [(1,), (2,), (3,)]
    write(f"INSERT INTO mes.h VALUES ({second}, 4)")
    assert read(url, inlet, **given) == [(4,)]
    write(f"INSERT INTO mes.h VALUES ({third}, 5)")
    assert read(url, inlet, **given) == [(5,)]
    assert read(url, inlet, **given) == []


def test_a_row_of_a_transaction_that_ends_late_is_found_within_the_overlap(pg):
    url, write = pg
    write("CREATE TABLE mes.l (id serial, at timestamptz DEFAULT clock_timestamp())")
    inlet = Recorder()
    given = {"table": "t", "columns": {"id": "id"}, "high_water": "at", "overlap_seconds": 60, "from": "mes.l"}
    with sa.create_engine(url).connect() as slow:
        slow.execute(sa.text("INSERT INTO mes.l DEFAULT VALUES"))
        write("INSERT INTO mes.l DEFAULT VALUES")
        assert read(url, inlet, **given) == [(2,)]
        slow.commit()
    slow.engine.dispose()
    assert read(url, inlet, **given) == [(1,)]
    assert read(url, inlet, **given) == []


def test_a_select_that_writes_is_refused_by_the_transaction(pg):
    url, write = pg
    write("CREATE SEQUENCE mes.s", "CREATE TABLE mes.t (id int)", "INSERT INTO mes.t VALUES (1)",
          "CREATE FUNCTION mes.sly() RETURNS int LANGUAGE sql AS 'DELETE FROM mes.t RETURNING id'")  # fmt: skip
    for text in ("SELECT nextval('mes.s') AS id FROM mes.t", "SELECT mes.sly() AS id FROM mes.t"):
        with pytest.raises(InputError) as refused:
            read(url, Recorder(), table="t", query=text)
        assert refused.value.code == "SY665"
        assert "read-only" in str(refused.value)


def test_the_password_comes_from_the_environment_and_stays_out_of_what_is_said(pg, monkeypatch):
    url, write = pg
    write("DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'sesame'")
    monkeypatch.setenv("MES_PASSWORD", "sesame")
    made = connector(
        url.replace("steelyard@", "reader@"),
        table="t",
        password_env="MES_PASSWORD",  # noqa: S106
        **{"from": "mes.secret"},
    )
    assert made.url.password == "sesame"  # noqa: S105
    with pytest.raises(InputError) as refused:
        made.run(Recorder())
    assert "sesame" not in str(refused.value) + repr(made.url)


def test_a_server_that_goes_away_is_lost_and_the_next_reading_misses_nothing(pg, postgres):  # noqa: F811
    url, write = pg
    write("CREATE TABLE mes.r (id int)", "INSERT INTO mes.r SELECT generate_series(1, 5)")
    inlet = Recorder()
    given = {"table": "t", "high_water": "id", "batch": 2, "from": "mes.r"}
    with running(connector(url, **given), inlet) as failed:
        inlet.wait(lambda it: sum(rows.num_rows for _, rows in it.tables) == 5)
        postgres.stop("immediate")
        inlet.wait(lambda _: failed)
    assert isinstance(failed[0], Lost)
    with pytest.raises(Lost):
        read(url, inlet, **given)
    postgres.start()
    write("INSERT INTO mes.r VALUES (5), (6)")
    assert sorted(read(url, inlet, **given)) == [(5,), (6,)]


def test_a_large_table_streams_in_batches(pg):
    url, write = pg
    write("CREATE TABLE mes.big AS SELECT g AS id, mod(g, 7) AS n FROM generate_series(1, 25000) g")
    inlet = Recorder()
    assert len(read(url, inlet, table="t", high_water="id", batch=4000, **{"from": "mes.big"})) == 25000
    assert [rows.num_rows for _, rows in inlet.tables] == [4000] * 6 + [1000]
