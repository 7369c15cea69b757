"""Homes and standards folders each broken in one way, with the code that says so."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from steelyard import golden
from steelyard.catalog import load
from steelyard.catalog.catalog import SHIPPED
from steelyard.errors import HomeError, InputError, SteelyardError, UsageError
from steelyard.evidence.seal import Key
from steelyard.store.home import Home
from steelyard.store.migrations import LAYOUT

HEAD = """label: {en: Test, zh: 测试}
source: ours
status: ours
of: [unit]
unit: "1"
better: higher
"""
READ = HEAD + "how: read\nfrom: [machine_states]\n"
ONE = 'SELECT unit AS subject, p.start, p."end", 1.0 AS value, 1.0 AS low, 1.0 AS high, 1.0 AS heard, 1.0 AS among FROM machine_states, periods p'


def measure(home, name, yaml, sql=None):
    folder = home.path / "standards" / name
    folder.mkdir(parents=True)
    (folder / "measure.yaml").write_text(yaml)
    if sql is not None:
        (folder / "formula.sql").write_text(sql)
    home.__dict__.pop("catalog", None)  # as a program started anew reads it


def ledger(home, sql):
    home.close()
    with sqlite3.connect(home.path / "ledger.db") as connection:
        connection.execute(sql)
    connection.close()


def test_a_home_of_a_newer_layout_is_refused_and_left_as_it_is(make):
    home = make.new()
    ledger(home, "UPDATE home SET value = '99' WHERE key = 'layout'")
    with pytest.raises(HomeError) as refused:
        Home.open(home.path)
    assert refused.value.code == "SY503"


def test_an_older_layout_is_migrated_after_a_copy(make):
    home = make.whole()
    before = home.figures().to_pylist()
    ledger(home, "UPDATE home SET value = '1' WHERE key = 'layout'")
    ledger(home, "DROP TABLE takes")
    again = make.open(home.path)
    assert again.facts["layout"] == str(LAYOUT)
    assert again.figures().to_pylist() == before
    assert (home.path / "ledger.layout1.db").is_file()
    make.give(again, "roster", "enterprise,list\nE9,above_size\n", "more.csv")


@pytest.mark.parametrize("damage", [b"not a database at all" * 100, b"", b"SQLite format 3\x00" + b"\x00" * 500])
def test_a_corrupt_ledger_is_named(make, damage):
    home = make.new()
    home.close()
    for path in home.path.glob("ledger.db-*"):
        path.unlink()
    (home.path / "ledger.db").write_bytes(damage)
    with pytest.raises(HomeError) as refused:
        Home.open(home.path)
    assert refused.value.code == "SY505"


def test_a_folder_without_a_ledger_is_no_home(tmp_path):
    with pytest.raises(HomeError) as refused:
        Home.open(tmp_path)
    assert refused.value.code == "SY502"


def test_a_folder_that_holds_something_is_not_made_a_home(tmp_path):
    (tmp_path / "x").write_text("x")
    with pytest.raises(HomeError) as refused:
        Home.create(tmp_path, name="x", kind="park")
    assert refused.value.code == "SY501"


@pytest.mark.parametrize(("terms", "code"), [({"kind": "castle"}, "SY106"), ({"kind": "park", "zone": "Mars/Olympus"}, "SY107"),
                                             ({"kind": "park", "zone": "../etc/passwd"}, "SY107")])  # fmt: skip
def test_a_home_of_no_kind_or_zone_is_not_made(tmp_path, terms, code):
    with pytest.raises(UsageError) as refused:
        Home.create(tmp_path / "h", name="x", **terms)
    assert refused.value.code == code
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    "pem",
    [Key.new().pem(), b"", b"-----BEGIN PRIVATE KEY-----\nxx\n", None],
    ids=["foreign", "empty", "broken", "missing"],
)
def test_a_key_that_is_foreign_missing_or_broken_seals_nothing(make, pem):
    home = make.new()
    path = home.path / "keys" / "home.pem"
    path.unlink() if pem is None else path.write_bytes(pem)
    with pytest.raises(HomeError) as refused:
        make.give(home, "roster", "enterprise,list\nE9,above_size\n")
    assert refused.value.code == "SY504"
    assert home.leaves() == []


def test_the_key_of_a_home_is_for_its_owner_only(make):
    assert (make.new().path / "keys" / "home.pem").stat().st_mode & 0o777 == 0o600


STANDARDS = {
    "yaml that is none": ("SY221", "label: [", None),
    "yaml that is a list": ("SY221", "- a\n- b\n", None),
    "yaml with a python object": ("SY221", "!!python/object/apply:os.system ['true']", None),
    "yaml nested without measure": ("SY221", "[" * 3_000, None),
    "yaml of megabytes": ("SY221", "x: " + "a" * (2 << 20), None),
    "field missing": ("SY222", READ.replace("source: ours\n", ""), ONE),
    "field unknown": ("SY222", READ + "colour: red\n", ONE),
    "kind of measure unknown": ("SY222", READ.replace("how: read", "how: guessed"), ONE),
    "status unknown": ("SY222", READ.replace("status: ours", "status: sure"), ONE),
    "label in one language": ("SY222", READ.replace(", zh: 测试", ""), ONE),
    "subject kind unknown": ("SY222", READ.replace("[unit]", "[planet]"), ONE),
    "read without a formula": ("SY222", READ, None),
    "asked with a formula": ("SY222", HEAD + "how: asked\nrule: {item: Q1}\n", ONE),
    "parameter without a reference": ("SY222", READ + "parameters: {x: {2026-01-01: {value: 1}}}\n", ONE),
    "rolled over nothing": ("SY222", HEAD + "how: rolled\nrule: {}\n", None),
    "judged with a word of its own": ("SY225", HEAD + "how: judged\nrule: {python: x}\n", None),
    "judged over an item that is none": ("SY224", HEAD + "how: judged\nrule: {points: [Q99]}\n", None),
    "formula that is two statements": ("SY227", READ, ONE + "; DROP TABLE machine_states"),
    "formula that is no SELECT": ("SY227", READ, "DELETE FROM machine_states"),
    "formula with a slip": ("SY227", READ, "SELEC 1"),
    "formula that reads an unknown table": ("SY227", READ, ONE.replace("machine_states", "wages")),
    "formula that reads a file": ("SY227", READ, ONE.replace("machine_states", "read_text('/etc/hostname')").replace("unit AS", "content AS")),
    "formula that lacks a column": ("SY227", READ, ONE.replace("1.0 AS low, ", "")),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(STANDARDS))
def test_a_standard_broken_in_one_way_is_refused_with_its_code(make, name):
    code, yaml, sql = STANDARDS[name]
    home = make.new()
    make.give(home, "machine_states", make.files["machine_states"])
    make.give(home, "answers", make.files["answers"])
    make.give(home, "roster", make.files["roster"])
    measure(home, "own/test", yaml, sql)
    with pytest.raises(SteelyardError) as refused:
        make.weigh(home, ["own/test"], "2026-03-14")
    assert refused.value.code == code
    assert home.figures().num_rows == 0


def test_yaml_nested_beyond_any_stack_is_refused_and_ends_no_process(tmp_path):
    path = tmp_path / "measure.yaml"
    path.write_text("x: " + "[" * 200_000)
    said = "from pathlib import Path; from steelyard.catalog.catalog import read_yaml; read_yaml(Path({!r}))"
    done = subprocess.run([sys.executable, "-c", said.format(str(path))], capture_output=True, text=True, check=False)
    assert "SY221" in done.stderr


def test_measures_that_read_each_other_in_a_circle_are_refused(make):
    home = make.new()
    for here, there in (("own/a", "own/b"), ("own/b", "own/a")):
        measure(home, here, HEAD + f"how: read\nfrom: [{there}]\n", ONE)
    with pytest.raises(InputError) as refused:
        make.weigh(home, ["own/a"], "2026")
    assert refused.value.code == "SY223"


def test_a_measure_without_golden_cases_is_refused_by_the_check(make):
    home = make.new()
    measure(home, "own/test", READ, ONE)
    with pytest.raises(InputError) as refused:
        list(golden.cases(load((SHIPPED, home.path / "standards")), ["own/test"]))
    assert refused.value.code == "SY228"


@pytest.mark.parametrize(("name", "code"), [
    ("iso22400/oe", "SY102"), ("", "SY102"), ("iso22400/oee[", "SY102"), ("iso22400/oee[floor=declared]", "SY103"),
    ("coverage/sme2024-level2[flor=declared]", "SY103"), ("coverage/sme2024-level2[floor=certain]", "SY226"),
])  # fmt: skip
def test_a_measure_or_parameter_that_is_none_is_named_with_its_nearest(make, name, code):
    with pytest.raises(SteelyardError) as refused:
        make.weigh(make.whole(), [name], "2026")
    assert refused.value.code == code
