"""Editions in force: the one of the day is weighed, another is refused, a draft says that it is one; facts answered by Figures."""

from __future__ import annotations

import pytest
import yaml

from steelyard.errors import InputError
from steelyard.trace.trace import trace
from steelyard.trace.verify import verify

BOTH = {"zh": "数", "en": "number"}
MEASURE = {"label": BOTH, "source": "x", "status": "ours", "of": ["enterprise"], "unit": "points", "bounds": [0, 6], "better": "higher",
           "how": "judged", "rule": {"points": ["t.share", "t.more"]}}  # fmt: skip
ITEMS = {
    "t.share": {"label": BOTH, "mode": "single", "points": {"A": 0, "B": 1, "C": 3},
                "from": {"fact": "fact.t_share", "above": {"A": None, "B": 0.1, "C": 0.5}}},
    "t.more": {"label": BOTH, "mode": "single", "points": {"A": 0, "B": 3}},
}  # fmt: skip
FACTS = {"fact.t_share": {"label": BOTH, "mode": "number", "unit": "1", "bounds": [0, 1], "period": "year", "who": ["machine"],
                          "measure": "facts/equipment_digital", "holds_months": 12}}  # fmt: skip


@pytest.fixture
def home(make):
    """A home with a framework of its own."""

    def made(in_force="2025-01-01", until=None, name="home"):
        home = make.new(name)
        head = {
            "label": BOTH,
            "document": "x",
            "status": "ours",
            "in_force": in_force,
            "until": until,
            "measure": "trial/2025/score",
            "levels": {},
        }
        for path, document in (("facts/facts.yaml", {"facts": FACTS}), ("trial/2025/items.yaml", head | {"items": ITEMS}),
                               ("trial/2025/score/measure.yaml", MEASURE)):  # fmt: skip
            whole = home.path / "standards" / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        make.give(home, "subjects", "id,kind\nE1,enterprise\nE2,enterprise\nM1,unit\nM2,unit\n")
        make.give(home, "answers", "subject,item,at,value,grade\nE1,t.more,2025-06-01,B,pledged\n")
        return home

    return made


def test_a_named_edition_is_refused_for_a_day_on_which_it_is_not_in_force(make, home):
    with pytest.raises(InputError, match="SY700") as refused:
        make.weigh(home(until="2026-01-01"), ["trial/2025/score"], "2026")
    assert "2026-12-31" in refused.value.say("en")
    with pytest.raises(InputError, match="SY700"):
        make.weigh(home(in_force="2025-12-01", name="late"), ["trial/2025/score"], "2025Q3")


def test_the_last_day_of_the_period_decides_and_weighing_all_leaves_out_what_is_not_in_force(make, home):
    opened = home(in_force="2025-12-31")
    (made,) = make.weigh(opened, ["trial/2025/score"], "2025")
    assert made.made == 1
    assert "trial/2025/score" not in {w.measure for w in make.weigh(opened, [], "2025Q3")}


def test_a_draft_that_never_came_into_force_is_weighed_and_its_figures_say_so(make, home):
    opened = home(in_force=None)
    make.weigh(opened, ["trial/2025/score"], "2025")
    (row,) = opened.figures("trial/2025/score").to_pylist()
    assert row["flags"] == ["incomplete", "not_in_force"]


def test_a_figure_that_answers_a_fact_stands_behind_the_result_and_gives_its_grade(make, home):
    opened = home()
    make.give(opened, "memberships", "subject,of,role\nM1,E1,unit\nM2,E1,unit\n")
    make.give(opened, "equipment", "unit\nM1\nM2\n")
    statements = "unit,at,digital,networked\nM1,2025-02-01,yes,no\nM2,2025-02-01,no,no\n"
    make.give(opened, "equipment_statements", statements, grade="documented")
    make.give(opened, "answers", "subject,item,at,value,grade,document\nE1,fact.t_share,2025-07-01,0.9,pledged,\n"
                                 "E2,fact.t_share,2025-07-01,0.9,pledged,\n", "claims.csv")  # fmt: skip
    make.weigh(opened, ["trial/2025/score"], "2025")
    first, second = opened.figures("trial/2025/score").to_pylist()
    (share,) = opened.figures("facts/equipment_digital", "E1").to_pylist()
    assert (share["value"], share["grade"]) == (0.5, "documented")
    assert (first["subject"], first["value"], first["low"], first["high"], first["grade"]) == ("E1", 4, 4, 4, "pledged")
    assert share["digest"] in opened.inputs_of(first["inputs"])
    assert (second["subject"], second["value"], second["high"], second["flags"]) == ("E2", 3, 6, ["incomplete"])
    assert share["digest"] not in opened.inputs_of(second["inputs"])
    assert {child.state for child in trace(opened, first["digest"].hex()).children} == {"SHOWN"}
    assert verify(opened).holds
    assert make.weigh(opened, ["trial/2025/score"], "2025")[-1].made == 0
