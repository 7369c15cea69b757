"""Spark behind the seam: what it reads, what it refuses, and that it answers as DuckDB does, on a real master with two workers."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pyarrow as pa
import pytest

from steelyard.errors import HomeError, UsageError
from steelyard.store.address import Address, keep_address
from steelyard.store.lake import Embedded, EngineError, Refused, engine, write_parquet

spark = pytest.importorskip("steelyard.store.spark", reason="pip install 'steelyard[spark]'")
pytestmark = pytest.mark.xdist_group("spark")

ROWS = pa.table({
    "k": pa.array(["b", None, "a", "b", "é", "B", "a"]), "n": pa.array([3, 1, None, 2**53 + 1, -7, 0, 5], pa.int64()),
    "x": pa.array([0.1, -0.2, 1e9 + 0.7, None, 1e-7, -1234.5678, 0.3]), "d": pa.array([bytes([i]) * 32 for i in range(7)], pa.binary(32)),
    "f": pa.array([["synthetic"], [], None, ["a", "synthetic"], ["a"], [], []]),
})  # fmt: skip
ALIKE = [
    "SELECT k, count(*), count(n), sum(n), min(n), max(k) FROM t GROUP BY k ORDER BY k",
    "SELECT n, row_number() OVER (ORDER BY n DESC) AS r, lead(n) OVER (ORDER BY n) AS l FROM t ORDER BY n",
    "SELECT k, total(x) AS x, total(-x) AS y, total(n) AS n, total(x) / count(*) AS m FROM t GROUP BY ALL ORDER BY k",
    "SELECT n / 7 AS a, n * 1.0 / 3 AS b, x / 3 / 7 AS c, 1.0 - 1e-9 AS d, (n + 8) // 3 AS e, (n + 8) % 3 AS g FROM t ORDER BY n",
    "SELECT concat_ws(',', k, CASE WHEN n > 0 THEN 'p' END) AS c, k || 'z' AS z, least(n, 2) AS l, greatest(n, 2) AS g FROM t ORDER BY d",
    "SELECT d, list_contains(f, 'synthetic') AS s, f FROM t ORDER BY d",
    "SELECT k, list_sort(list_distinct(list(n))) AS ns, bool_or(n > 2) AS some FROM t GROUP BY k ORDER BY k",
    "SELECT count(*) FILTER (n > 0) AS a, sum(n) FILTER (WHERE x > 0) AS b, bit_count(bit_or(CAST(1 AS BIGINT) << 5)) AS c FROM t",
    "SELECT try_cast('1x' AS DOUBLE) AS a, try_cast('7' AS INTEGER) AS b, 'a\\b' AS c, 'it''s' AS s, left(k, 1) AS e FROM t ORDER BY d",
    "SELECT * EXCLUDE (d, f) FROM t WHERE k LIKE '%a%' OR k IS NULL ORDER BY n",
    "SELECT sum(CAST(x AS DECIMAL(18, 6))) AS a, CAST(sum(CAST(0.5 AS DECIMAL(18, 6))) + 100.0 - 2 AS DOUBLE) AS b FROM t WHERE x < 1",
]  # fmt: skip
REFUSED = [
    "SELECT * FROM read_parquet('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM parquet.`/etc/passwd`",
    "SELECT reflect('java.lang.System', 'getenv', 'HOME')", "SELECT java_method('java.lang.System', 'exit', 0)", "SELECT 1; SELECT 2",
    "DROP TABLE t", "CREATE TABLE u AS SELECT * FROM t", "INSERT INTO t SELECT * FROM t", "SET spark.x = 1", "SELECT * FROM u",
    "SELECT * FROM system.session.t", "SELECT current_user", "SELECT random()", "SELECT avg(x) FROM t", "SELECT stddev(x) FROM t",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION SELECT a FROM r) SELECT * FROM r", "SELECT DISTINCT ON (k) k, n FROM t",
    "SELECT * FROM t ASOF JOIN t u ON t.n >= u.n", "SELECT CAST(n AS HUGEINT) FROM t", "",
]  # fmt: skip


@pytest.fixture
def opened(cluster):
    with engine(None, cluster) as there:
        there.register("t", ROWS)
        yield there


@pytest.fixture
def here():
    with engine() as local:
        local.register("t", ROWS)
        yield local


def bits(rows: list[tuple]) -> list[str]:
    """Rows told apart to the last bit of every number, whatever integer type an engine counts in."""
    return [repr(tuple(float(v) if type(v).__name__ == "Decimal" else v for v in row)) for row in rows]


@pytest.mark.parametrize("sql", ALIKE)
def test_both_engines_answer_alike_to_the_last_bit(opened, here, sql):
    assert bits(opened.rows(sql)) == bits(here.rows(sql))


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_outside_the_subset_is_refused_before_spark_sees_it(opened, sql):
    with pytest.raises(Refused):
        opened.rows(sql)


@pytest.mark.parametrize("sql", ["SELECT 1 / 0", "SELECT nope FROM t", "SELECT CAST(k AS BIGINT) FROM t",
                                 "SELECT total(CAST('nan' AS DOUBLE))", "SELECT total(1e19)"])  # fmt: skip
def test_what_spark_cannot_do_raises_an_error_of_the_seam_in_one_line(opened, sql):
    with pytest.raises(EngineError) as raised:
        opened.rows(sql)
    assert "\n" not in str(raised.value)
    assert "at org.apache" not in str(raised.value)


def test_parameters_are_bound_and_never_read_as_sql(opened, here):
    sql = "SELECT count(*) FROM t WHERE k = $k AND n > $n * 1.0"
    for values in ({"k": "b", "n": 0}, {"k": "' OR true --", "n": 0.5}):
        assert opened.rows(sql, values) == here.rows(sql, values)


def test_held_rows_stay_as_they_were_and_may_be_made_of_themselves(opened):
    opened.hold("h", "SELECT n FROM t WHERE n > 1")
    opened.register("t", ROWS.slice(0, 1))
    opened.hold("h", "SELECT n + 1 AS n FROM h")
    assert sorted(opened.rows("SELECT n FROM h")) == [(4,), (6,), (2**53 + 2,)]


def test_many_held_rows_stay_with_the_workers(opened, monkeypatch):
    monkeypatch.setattr(spark, "FEW", 3)
    opened.hold("many", "SELECT n FROM t")
    opened.hold("many", "SELECT n FROM many WHERE n IS NOT NULL")
    opened.hold("after", "SELECT count(*) AS c FROM many")
    assert opened.rows("SELECT c FROM after") == [(6,)]
    assert sum(batch.num_rows for batch in opened.batches("SELECT * FROM many", 2)) == 6


def test_who_is_above_whom_ends_on_a_circle_and_is_the_same_on_both(opened, here):
    pairs = pa.table({"subject": ["a", "b", "c", "x"], "of": ["b", "c", "a", "a"]})
    for each in (opened, here):
        each.register("pairs", pairs)
        each.closure("above", 'SELECT subject, "of" FROM pairs')
    sql = 'SELECT subject, "of" FROM above ORDER BY subject, "of"'
    assert opened.rows(sql) == here.rows(sql)


def test_blocks_of_the_lake_are_read_as_they_rest_in_folders_of_any_name(cluster, tmp_path):
    folder = tmp_path / "a b[1]{2}*"
    paths = [folder / "lake" / "t" / "1.parquet", folder / "lake" / "t" / "2.parquet"]
    words = ROWS.set_column(0, "k", ROWS["k"].dictionary_encode())
    write_parquet(paths[0], ROWS)
    write_parquet(paths[1], words, fast=True)
    elsewhere = tmp_path / "seen"
    elsewhere.symlink_to(folder)
    for at in (cluster, f"{cluster}&lake=file://{elsewhere}"):
        with engine(folder, at) as there:
            there.files("t", paths, ROWS.schema)
            there.files("none", [], ROWS.schema)
            assert there.rows("SELECT count(*), count(DISTINCT d), count(k) FROM t") == [(14, 7, 12)]
            assert there.rows("SELECT count(*) FROM none") == [(0,)]
            assert there.tables_of("SELECT * FROM t JOIN none n ON true") == {"t", "none"}


def test_names_of_one_engine_are_not_seen_by_the_next(opened, cluster):
    with engine(None, cluster) as other, pytest.raises(Refused):
        other.rows("SELECT * FROM t")


def test_total_does_not_depend_on_the_order_and_is_the_exact_sum_rounded(here):
    dice = random.Random(7)
    for _ in range(50):
        drawn = [
            dice.choice([dice.uniform(-1e6, 1e6), dice.randint(-5, 10**9), 0.1 * dice.randint(0, 99)])
            for _ in range(40)
        ]
        sums = set()
        for _ in range(3):
            dice.shuffle(drawn)
            here.register("v", pa.table({"x": pa.array(drawn, pa.float64())}))
            sums.add(here.rows("SELECT total(x) FROM v")[0][0])
        assert sums == {math.fsum(drawn)}


def test_an_address_says_master_lake_and_settings():
    said = Address.parse("spark://a:7077,b:7077?lake=s3a://bucket/works/&spark.executor.memory=4g")
    assert said == Address("spark://a:7077,b:7077", "s3a://bucket/works", (("spark.executor.memory", "4g"),))


@pytest.mark.parametrize(
    "text", ["sparks://a", "spark://a", "local[x]", "http://a:1", "local[2]?x=1", "local[2]?lake", "duck"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError) as refused, engine(None, text):
        pass
    assert refused.value.code == "SY691"


def test_a_master_that_does_not_answer_is_named_at_once():
    with pytest.raises(HomeError) as refused, engine(None, "spark://127.0.0.1:9"):
        pass
    assert refused.value.code == "SY692"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "steelyard.store.spark", None)
    with pytest.raises(UsageError) as refused, engine(None, "local[2]"):
        pass
    assert refused.value.code == "SY690"


def test_a_home_keeps_the_address_that_it_is_weighed_at(make):
    home = make.new()
    keep_address(home, "local[2]")
    assert home.facts["engine"] == "local[2]"
    keep_address(home, "duckdb")
    assert "engine" not in home.facts
    with pytest.raises(UsageError):
        keep_address(home, "nowhere")


def test_without_an_address_the_engine_is_duckdb_here(tmp_path: Path):
    with engine(tmp_path) as one, engine(tmp_path, "duckdb") as two:
        assert isinstance(one, Embedded)
        assert isinstance(two, Embedded)
