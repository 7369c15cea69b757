"""The fact book: what is known and how fresh, what is missing, and which missing fact would complete which form."""

from __future__ import annotations

import json

import pytest
import yaml
from openpyxl import load_workbook

from steelyard.catalog import load
from steelyard.cli.main import main
from steelyard.dots.facts import applicable, document, facts
from steelyard.dots.forms import form_out
from steelyard.errors import InputError, UsageError
from steelyard.model.period import parse
from steelyard.model.subject import Subject
from steelyard.store.documents import rests_at
from steelyard.take.documents import keep_documents

BOTH = {"zh": "数", "en": "number"}
FACTS = {
    "fact.t_share": {"label": BOTH, "mode": "number", "unit": "1", "bounds": [0, 1], "period": "year", "who": ["machine", "person"],
                     "measure": "facts/equipment_digital", "holds_months": 12},
    "fact.t_systems": {"label": BOTH, "mode": "multi", "points": {"erp": 1, "mes": 1}, "period": "instant", "who": ["person"], "holds_months": 6},
    "fact.t_idle": {"label": BOTH, "mode": "number", "period": "year", "who": ["person"], "holds_months": 6},
}  # fmt: skip
POINTS = {"A": 0, "B": 1}
FIRST = {
    "t1.share": {
        "label": BOTH,
        "mode": "single",
        "points": POINTS,
        "from": {"fact": "fact.t_share", "above": {"A": None, "B": 0.1}},
    },
    "t1.systems": {
        "label": BOTH,
        "mode": "multi",
        "points": POINTS,
        "from": {"fact": "fact.t_systems", "map": {"erp": "B"}},
    },
    "t1.people": {"label": BOTH, "mode": "single", "points": POINTS},
}
SECOND = {
    "t2.share": {
        "label": BOTH,
        "mode": "single",
        "points": POINTS,
        "from": {"fact": "fact.t_share", "at_least": {"A": None, "B": 0.5}},
    },
    "t2.half": {
        "label": BOTH,
        "mode": "single",
        "points": POINTS,
        "from": {"fact": "fact.t_share", "at_least": {"A": None, "B": 0.2}},
    },
}
PARK = {"t3.area": {"label": BOTH, "mode": "number"}}


@pytest.fixture
def home(make):
    """A home with three small frameworks: two for firms, of which one hangs on one fact alone, and one for parks."""
    home = make.new()
    documents = {"facts/facts.yaml": {"facts": FACTS}}
    for name, items, of in (("t1", FIRST, "enterprise"), ("t2", SECOND, "enterprise"), ("t3", PARK, "park")):
        rule = {"points": [*items]} if name != "t3" else {"item": "t3.area"}
        documents[f"{name}/items.yaml"] = {"label": BOTH, "document": "x", "status": "ours", "in_force": "2020-01-01", "measure": f"{name}/score",
                                           "levels": {}, "items": items}  # fmt: skip
        documents[f"{name}/score/measure.yaml"] = {"label": BOTH, "source": "x", "status": "ours", "of": [of], "unit": "points",
            "bounds": [0, 3], "better": "higher", "how": "asked" if name == "t3" else "judged", "rule": rule}  # fmt: skip
    for path, found in documents.items():
        whole = home.path / "standards" / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")
    make.give(home, "subjects", "id,kind\nE1,enterprise\nP1,park\n")
    return home


def told(make, home, *rows):
    make.give(
        home,
        "answers",
        "subject,item,at,value,grade,document\n" + "".join(f"E1,{row}\n" for row in rows),
        f"{rows[0]}.csv".replace(",", "-"),
    )


def on(home, day):
    return parse(day, home.zone).start


def ours(lines):
    return [line.id for line in lines if line.id in {*FACTS, *FIRST, *SECOND, *PARK}]


def line(lines, name):
    return next(one for one in lines if one.id == name)


def test_what_is_missing_is_sorted_by_the_forms_that_it_would_complete_then_by_items(make, home):
    book = facts(home, "E1")
    share = line(book.missing, "fact.t_share")
    assert (share.forms, share.fills, share.completes) == (("t1", "t2"), 3, ("t2",))
    assert line(book.missing, "fact.t_systems").completes == ()
    assert ours(book.missing) == ["fact.t_share", "fact.t_systems", "t1.people"]
    assert "t3.area" in ours(facts(home, "P1").missing)


def test_an_answer_to_a_fact_fills_the_items_of_all_forms_and_moves_what_helps_next(make, home):
    told(make, home, "fact.t_share,2026-03-01,0.4,documented,list-1", "t1.people,2026-03-01,B,pledged,")
    book = facts(home, "E1", on(home, "2026-04-01"))
    known = line(book.known, "fact.t_share")
    assert (known.answer.value, known.answer.grade, known.answer.document, known.stale) == (
        "0.4",
        "documented",
        "list-1",
        False,
    )
    assert line(book.missing, "fact.t_systems").completes == ("t1",)
    assert {form.framework.id: form.missing for form in book.forms if form.framework.id in ("t1", "t2")} == {
        "t1": ("t1.systems",),
        "t2": (),
    }


def test_an_answer_goes_stale_after_its_months_and_says_since_when(make, home):
    told(make, home, "fact.t_systems,2025-08-31,erp,pledged,")
    fresh = line(facts(home, "E1", on(home, "2026-02-27")).known, "fact.t_systems")
    stale = line(facts(home, "E1", on(home, "2026-03-01")).known, "fact.t_systems")
    assert (fresh.stale, stale.stale) == (False, True)
    assert stale.stale_from == on(home, "2026-02-28")


def test_the_newest_figure_answers_its_fact_and_is_named_by_its_digest(make, home):
    make.give(home, "subjects", "id,kind\nM1,unit\n", "machine.csv")
    make.give(home, "memberships", "subject,of,role\nM1,E1,unit\n")
    make.give(home, "equipment", "unit\nM1\n")
    make.give(
        home,
        "equipment_statements",
        "unit,at,digital,networked,grade,document\nM1,2025-02-01,yes,no,documented,list-1\n",
    )
    for period in ("2025", "2025Q4"):
        make.weigh(home, ["facts/equipment_digital"], period)
    share = line(facts(home, "E1", on(home, "2026-02-01")).known, "fact.t_share")
    (figure,) = home.figures("facts/equipment_digital", "E1", parse("2025", home.zone)).to_pylist()
    assert (share.answer.value, share.answer.figure, share.answer.digest) == (
        "1.0",
        "facts/equipment_digital",
        figure["digest"].hex(),
    )
    assert share.answer.at == on(home, "2026-01-01")


def test_answers_of_one_grade_and_moment_that_contradict_are_named(make, home):
    told(
        make,
        home,
        "t1.people,2026-03-01,A,pledged,",
        "fact.t_share,2026-03-01,0.05,pledged,",
        "t1.share,2026-03-01,B,pledged,",
    )
    told(make, home, "t1.people,2026-03-01,B,pledged,")
    known = facts(home, "E1", on(home, "2026-04-01")).known
    assert line(known, "t1.people").contradictions == ("A ≠ B (pledged, 2026-03-01 00:00)",)
    assert line(known, "t1.share").contradictions == ("A ≠ B (pledged, 2026-03-01 00:00; fact.t_share)",)
    assert [one.id for one in known][:2] == sorted(["t1.people", "t1.share"])


def test_a_subject_that_is_not_there_is_told_the_nearest(home):
    with pytest.raises(UsageError, match="SY707") as refused:
        facts(home, "E2")
    assert "E1" in refused.value.say("en")


@pytest.mark.parametrize("industry", ["2511", "C2511", "3511", ""])
@pytest.mark.parametrize(("framework", "left"), [("gbt39116/2020", 5), ("gbt39116/draft2024", 5), ("sme2024", 0)])
def test_a_firm_is_asked_what_its_industry_is_asked_through_the_figures_that_the_level_reads(framework, left, industry):
    catalog = load()
    of = catalog.framework(framework)
    items = applicable(catalog, of, Subject("E1", "enterprise", codes={"gbt4754": industry} if industry else {}))
    process = "25" in industry
    assert len(of.items) - len(items) == (left if process else 0)
    if left:
        assert any(".product_design." in item for item in items) is not process
    assert applicable(catalog, of, Subject("P1", "park")) == ()


def test_the_form_of_a_process_firm_says_which_items_do_not_apply_to_it(make):
    works = make.new("process")
    make.give(works, "subjects", "id,kind,gbt4754\nE1,enterprise,C2511\n")
    form_out(works, "gbt39116/2020", path := make.path / "form.xlsx", subject="E1", lang="en", day="2026-03-01")
    cells = [cell for sheet in load_workbook(path) for row in sheet.values for cell in row]
    assert cells.count("not asked of this subject") == 5
    (book,) = (form for form in facts(works, "E1").forms if form.framework.id == "gbt39116/2020")
    assert len(book.items) == 89


def test_a_rule_whose_industry_cannot_be_read_is_told(make, home):
    path = home.path / "standards" / "t1" / "score" / "measure.yaml"
    told_ = yaml.safe_load(path.read_text(encoding="utf-8"))
    told_["rule"] = {"industry": {"divisions": {"process": [25]}, "else": {"points": ["t1.share"]}}}
    path.write_text(yaml.safe_dump(told_, allow_unicode=True), encoding="utf-8")
    catalog = make.open(home.path).catalog
    with pytest.raises(InputError) as refused:
        applicable(catalog, catalog.framework("t1"), Subject("E1", "enterprise", codes={"gbt4754": "2511"}))
    assert refused.value.code == "SY706"


def test_an_answer_whose_document_changed_is_shown_as_changed_and_not_as_proven(make, home, capsys, monkeypatch):
    (kept,) = keep_documents(home, [(make.file("list.csv", "whole"), "export")], "E1")
    told(make, home, f"fact.t_share,2026-03-01,0.4,documented,{kept.document.short}", "t1.people,2026-03-01,B,pledged,")
    share = line(facts(home, "E1").known, "fact.t_share")
    assert (share.proven, share.changed) == (True, ())
    rests_at(home, kept.document.document).unlink()
    known = facts(home, "E1").known
    assert [line(known, name).changed for name in ("fact.t_share", "t1.people")] == [(kept.document.document,), ()]
    assert not line(known, "fact.t_share").proven
    (shown,) = (one for one in document(facts(home, "E1"))["known"] if one["id"] == "fact.t_share")
    assert (shown["proven"], shown["changed_documents"]) == (False, [kept.document.document])
    home.close()
    monkeypatch.setenv("STEELYARD_LANG", "en")
    with pytest.raises(SystemExit):
        main(["facts", str(home.path), "E1"])
    assert f"document changed (SY718): {kept.document.document[:12]}" in capsys.readouterr().out


def test_the_command_prints_the_same_book_as_json(make, home, capsys):
    told(make, home, "t1.people,2026-03-01,A,pledged,")
    home.close()
    with pytest.raises(SystemExit) as ended:
        main(["facts", str(home.path), "E1", "--json"])
    assert ended.value.code == 0
    shown = json.loads(capsys.readouterr().out)
    expected = document(facts(make.open(home.path), "E1"))
    assert [one["id"] for one in shown["missing"]] == [one["id"] for one in expected["missing"]]
    assert shown["known"] == expected["known"]
    with pytest.raises(SystemExit) as ended:
        main(["facts", str(home.path), "E1"])
    assert ended.value.code == 0
    assert "t1.people" in capsys.readouterr().out
