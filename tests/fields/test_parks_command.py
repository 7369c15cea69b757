"""The command ``park``: text in two languages, one JSON document, exit statuses, a dossier."""

from __future__ import annotations

import json

import pytest
from park_worlds import World

from steelyard.cli.main import main


@pytest.fixture
def world(make, tmp_path_factory):
    return World.weighed(make, tmp_path_factory)


@pytest.fixture
def run(capsys, monkeypatch):
    def call(*arguments, lang="en"):
        monkeypatch.setenv("STEELYARD_LANG", lang)
        with pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


def test_a_park_is_shown_with_base_grade_date_and_firms(world, run):
    status, out, err = run("park", world.home.path, "P1")
    assert status == 0
    for word in ("66.67% [50.00%, 75.00%] · 3/4 · declared · 2026-03-31", "not met: 甲三厂 (A3)", "unheard: 甲四厂 (A4)",
                 "met by weak evidence alone: 甲二厂 (A2) 1 (declared)", "[ours]", "unknown (not weighed); no rows of exchanges"):  # fmt: skip
        assert word in out, word
    assert "SY821 A5" in err


def test_it_speaks_chinese_and_bounds_its_pages(world, run):
    status, out, _ = run("park", world.home.path, "P1", "--most", "1", lang="zh")
    assert status == 0
    assert "未达到: 甲三厂 (A3)" in out
    assert "甲四厂" not in out
    assert "… +2" in out
    assert "本项目" in out


def test_json_is_one_document_and_nothing_else(world, run):
    for arguments in (("P1",), ("--all",)):
        status, out, err = run("park", world.home.path, *arguments, "--json")
        assert (status, err) == (0, "")
        assert json.loads(out)["period"] == "2026Q1"


def test_all_parks_are_listed_with_the_count_against_two_hundred(make, tmp_path_factory, run):
    world = World.weighed(make, tmp_path_factory, "region", "CN-440000")
    status, out, _ = run("park", world.home.path, "--all")
    assert status == 0
    assert "[met] 乙园 (P2)" in out
    assert "parks proven to meet all: 1 [1, 1] · 2/2" in out
    assert "about 200 in the nation by 2027; progress: 0.50%" in out


def test_a_firm_in_two_parks_is_complained_of_and_ends_with_status_1(make, run):
    world = World(make)
    world.give("memberships", "subject,of,role,since\nA1,P2,member,2026-02-01\n", "two.csv")
    world.weigh()
    for arguments in (("P1",), ("--all",)):
        status, _, err = run("park", world.home.path, *arguments)
        assert status == 1
        assert "SY820 A1: 甲一厂 (A1) belongs to two parks at once: P1 and P2" in err
        assert "what to do:" in err
    status, _, err = run("park", world.home.path, "P1", "--dossier", make.path / "x.pdf")
    assert status == 3
    assert "SY824" in err


def test_a_dossier_is_written_and_verifies_by_the_command(world, run):
    path = world.make.path / "park.pdf"
    status, out, _ = run("park", world.home.path, "P1", "--dossier", path, "--json")
    assert status == 0
    assert json.loads(out)["figures"] > 0
    assert run("verify", path.with_suffix(".bundle"))[0] == 0


@pytest.mark.parametrize(("arguments", "code"), [
    (("P9",), "SY823"), (("P1", "--floor", "none"), "SY101"), (("P1", "--all"), "SY101"), (("P1", "--most", "-1"), "SY101"),
    (("P1", "--period", "soon"), "SY109"),
])  # fmt: skip
def test_wrong_use_is_told_with_what_to_do(world, run, arguments, code):
    status, _, err = run("park", world.home.path, *arguments)
    assert status == 2
    assert code in err


def test_without_figures_it_says_what_to_run(make, run):
    status, out, _ = run("park", World(make).home.path, "P1")
    assert status == 0
    assert "steelyard weigh HOME 'park/*'" in out
