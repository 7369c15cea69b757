"""Roadmaps of firms: carried out and weighed, they reach the level; wrong solutions are named; the home's own costs count."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from steelyard.catalog.catalog import SHIPPED
from steelyard.cli import main
from steelyard.dots.roadmap import Limits, roadmap
from steelyard.dots.solutions import solutions_of
from steelyard.errors import InputError, SteelyardError, UsageError, codes

WIDE = Limits(years=10, at_once=6)
HEAD = "solution,framework,name_zh,cost_low,cost_mid,cost_high,months_low,months_mid,months_high,needs,status\n"
GAINS = "solution,item,value\n"


def own(firms, rows: str, gains: str = "") -> None:
    """The home's own solutions beside the shipped ones."""
    assert firms.make.give(firms.home, "solutions", HEAD + rows).rows_refused == 0
    if gains:
        assert firms.make.give(firms.home, "solution_gains", GAINS + gains).rows_refused == 0


def near_level_two(firms) -> None:
    """A firm that lacks one scene of level 2, and nothing else."""
    firms.register("E1")
    firms.answer("E1", {f"Q{number}": "C" for number in range(1, 16)} | {"Q1": "B+C", "Q4": "B+C+D+E+F+O"})
    firms.answer("E1", {f"S{number}": "2" if number in (2, 6, 7, 9, 14) else "1" for number in range(1, 17)})


@pytest.mark.parametrize(
    ("framework", "target"), [("sme2024", 1), ("sme2024", 2), ("sme2024", 3), ("gbt39116/2020", 2)]
)
def test_a_roadmap_that_is_carried_out_and_weighed_reaches_its_level(firms, framework, target):
    names = [f"E{number}" for number in range(3)]
    firms.register(*names)
    for number, name in enumerate(names):
        firms.answer(name, firms.worst(framework) if not number else
                     {item: value for item, value in firms.some(framework, number, 0.5).items() if number == 1 or item != "S1"})  # fmt: skip
    planned = {}
    for name in names:
        try:
            planned[name] = roadmap(firms.home, name, framework, target, WIDE)
        except UsageError as there:
            if there.code != "SY736":
                raise
    assert planned
    for name, found in planned.items():
        assert found.found.plan is not None
        assert found.found.plan.proven
        firms.answer(name, found.answers_after(), at="2026-06-01")
    levels = firms.weigh(firms.catalog.framework(framework).measure)
    assert all(levels[name] >= target for name in planned)


@pytest.mark.parametrize("framework", ["sme2024", "gbt39116/2020"])
def test_the_shipped_solutions_reach_every_level_that_needs_no_results(firms, framework):
    firms.register("E1")
    firms.answer("E1", firms.worst(framework))
    for target in firms.catalog.framework(framework).levels:
        found = roadmap(firms.home, "E1", framework, target, Limits(years=40, at_once=20), seconds=5)
        reached = found.found.plan is not None
        assert reached == (
            (framework, target) != ("sme2024", 4)
        )  # 80 points are out of reach while results stay as they are


def test_the_cheapest_solution_is_chosen_and_the_next_best_told(firms):
    near_level_two(firms)
    found = roadmap(firms.home, "E1", "sme2024", 2, Limits()).document()
    assert [step["solution"] for step in found["steps"]] == ["sme.oa"]
    assert found["steps"][0]["raises"] == {"S15": {"from": "1", "to": "2"}}
    assert (found["steps"][0]["adds"], found["steps"][0]["without"]) == ([0, 1, 0], [0, 1, 0])
    assert (found["cost"], found["proven_optimal"], found["gap"]) == (
        {"low": 10000, "mid": 40000, "high": 100000},
        True,
        0,
    )
    assert (found["next_best"]["solutions"], found["next_best"]["extra"]) == (["sme.eam"], 40000)
    assert found["stable"] == {"low": True, "high": True}
    assert (found["waiting_a_year"]["extra"], found["waiting_a_year"]["ends"]) == (0, 5)
    assert found["unproven_answers"] == 0


def test_the_costs_that_the_home_knows_go_before_ours_and_are_marked(firms):
    near_level_two(firms)
    own(firms, "sme.eam,sme2024,设备管理系统,30000,35000,36000,1,2,3,,quoted\n")
    step = roadmap(firms.home, "E1", "sme2024", 2, Limits()).document()["steps"][0]
    assert (step["solution"], step["status"], step["cost"]["mid"]) == ("sme.eam", "quoted", 35000)
    own(firms, "mine,sme2024,自研看板,1000,2000,3000,1,1,1,sme.hr,paid\n", "mine,S16,2\nmine,Q9,B\n")
    mine = roadmap(firms.home, "E1", "sme2024", 2, Limits()).document()
    assert [one["solution"] for one in mine["steps"]] == [
        "mine"
    ]  # what sme.hr brings is there, so it is not needed again
    assert "sme.hr" in mine["in_place"]


def test_the_gains_that_the_home_knows_replace_ours_of_that_solution(firms):
    near_level_two(firms)
    own(firms, "sme.oa,sme2024,协同办公平台,10,20,30,1,2,3,,paid\n", "sme.oa,S15,1\n")
    assert {one.id: one.gains for one in solutions_of(firms.home, "sme2024")}["sme.oa"] == {"S15": "1"}
    assert [one["solution"] for one in roadmap(firms.home, "E1", "sme2024", 2, Limits()).document()["steps"]] == [
        "sme.eam"
    ]


def test_a_budget_that_does_not_suffice_is_told_with_what_would(firms):
    near_level_two(firms)
    found = roadmap(firms.home, "E1", "sme2024", 2, Limits(budget=30000)).document()
    assert (found["reached"], found["short_by"], found["steps"]) == (False, [0, 1, 0], [])
    assert [(bind["limit"], bind["cost"]["mid"]) for bind in found["binds"]] == [("budget", 40000)]


WRONG = [
    ("SY730", "bad,sme2024,坏,5,4,6,1,1,1,,paid\n", ""),
    ("SY731", "a,sme2024,甲,1,1,1,1,1,1,b,paid\nb,sme2024,乙,1,1,1,1,1,1,a,paid\n", ""),
    ("SY732", "a,sme2024,甲,1,1,1,1,1,1,nobody,paid\n", ""),
    ("SY732", "a,sme2024,甲,1,1,1,1,1,1,,paid\n", "a,S99,2\n"),
    ("SY732", "a,sme2024,甲,1,1,1,1,1,1,,paid\n", "unheard,S1,2\n"),
    ("SY733", "a,sme2024,甲,1,1,1,1,1,1,,paid\n", "a,S1,5\n"),
    ("SY733", "a,sme2024,甲,1,1,1,1,1,1,,paid\n", "a,Q1,B+Z\n"),
]


@pytest.mark.parametrize(("code", "rows", "gains"), WRONG)
def test_a_solution_that_cannot_be_is_named(firms, code, rows, gains):
    near_level_two(firms)
    own(firms, rows, gains)
    with pytest.raises(InputError) as refused:
        roadmap(firms.home, "E1", "sme2024", 2, Limits())
    assert refused.value.code == code
    assert refused.value.say("en")
    assert refused.value.remedy("zh")


def test_negative_costs_are_refused_when_taken_and_in_files_of_the_home(firms):
    near_level_two(firms)
    taken = firms.make.give(firms.home, "solutions", HEAD + "bad,sme2024,坏,-5,4,6,1,1,1,,paid\n")
    assert taken.rows_refused == 1
    folder = firms.home.path / "standards" / "solutions"
    folder.mkdir(parents=True)
    (folder / "mine.csv").write_text(HEAD + "bad,sme2024,坏,-5,4,6,1,1,1,,paid\n", encoding="utf-8")
    again = firms.make.open(firms.home.path)
    with pytest.raises(InputError) as refused:
        roadmap(again, "E1", "sme2024", 2, Limits())
    assert (refused.value.code, refused.value.where) == ("SY730", "mine.csv:2")


@pytest.mark.parametrize(("code", "target", "limits"), [
    ("SY734", 2, Limits(budget=0)), ("SY734", 2, Limits(yearly=-1)), ("SY734", 2, Limits(years=0)), ("SY734", 2, Limits(at_once=0)),
    ("SY735", 9, Limits()), ("SY735", 0, Limits()), ("SY736", 1, Limits()), ("SY737", 1, Limits()),
])  # fmt: skip
def test_what_cannot_be_planned_is_told_in_a_sentence(firms, code, target, limits):
    near_level_two(firms)
    firms.answer("E1", {"smart_factory_tier": "0"})
    with pytest.raises(SteelyardError) as refused:
        roadmap(firms.home, "E1", "smart-factory2025" if code == "SY737" else "sme2024", target, limits)
    assert refused.value.code == code


def test_how_many_run_at_once_is_ours_unless_the_home_says(firms):
    near_level_two(firms)
    assert roadmap(firms.home, "E1", "sme2024", 2, Limits()).document()["at_once_status"] == "ours"
    folder = firms.home.path / "standards" / "solutions"
    folder.mkdir(parents=True)
    (folder / "capacity.yaml").write_text("at_once: 5\n", encoding="utf-8")
    found = roadmap(firms.make.open(firms.home.path), "E1", "sme2024", 2, Limits()).document()
    assert (found["at_once"], found["at_once_status"]) == (5, "home")
    (folder / "capacity.yaml").write_text("at_once: many\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        roadmap(firms.make.open(firms.home.path), "E1", "sme2024", 2, Limits())
    assert refused.value.code == "SY734"


@pytest.mark.parametrize("path", sorted((SHIPPED / "solutions").glob("*.csv")), ids=lambda path: path.stem)
def test_every_shipped_solution_is_marked_ours_and_named_in_both_languages(path: Path):
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows
    if not path.stem.endswith("-gains"):
        assert {row["status"] for row in rows} == {"ours"}
        assert all(row["name_zh"] and row["name_en"] for row in rows)
        assert all(float(row["cost_low"]) < float(row["cost_mid"]) < float(row["cost_high"]) for row in rows)


def told(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0), capsys.readouterr().out


def test_the_command_says_what_when_at_what_cost_and_why(firms, capsys, monkeypatch):
    near_level_two(firms)
    asked = ("roadmap", str(firms.home.path), "E1", "sme2024", "--to", "2")
    monkeypatch.setenv("STEELYARD_LANG", "en")
    status, text = told(capsys, *asked)
    assert status == 0
    for part in ("1. Collaboration suite [sme.oa] quarter 1", "proven cheapest", "the next best costs 40,000 CNY more: sme.eam",
                 "begun a year later: 0 CNY more, reached by the end of quarter 5", "with all costs at their low end the choice is the same"):  # fmt: skip
        assert part in text
    status, text = told(capsys, *asked, "--budget", "30000")
    assert status == 1
    assert "without the budget limit it can: 40,000 CNY, 1 quarters" in text
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    assert "已证明费用最低" in told(capsys, *asked)[1]
    assert "放开预算可达到：40,000 元" in told(capsys, *asked, "--budget", "30000")[1]
    assert json.loads(told(capsys, *asked, "--json")[1])["reached"] is True


def test_a_second_way_that_a_limit_rules_out_is_not_said_to_be_none_at_all(firms, capsys, monkeypatch):
    near_level_two(firms)
    monkeypatch.setenv("STEELYARD_LANG", "en")
    asked = ("roadmap", str(firms.home.path), "E1", "sme2024", "--to", "2")
    assert "the next best costs 40,000 CNY more" in told(capsys, *asked)[1]
    assert "no other way was found within these limits" in told(capsys, *asked, "--budget", "50000")[1]
    monkeypatch.setenv("STEELYARD_LANG", "zh")
    assert "在这些限制内没有找到第二种方案" in told(capsys, *asked, "--budget", "50000")[1]


def test_every_code_of_this_part_is_explained():
    assert all(f"SY{number}" in codes() for number in range(730, 740))
