"""Frameworks and facts as data: what is read, what is refused, and what decides the digest of a method."""

from __future__ import annotations

from copy import deepcopy

import pytest
import yaml

from steelyard.catalog import load
from steelyard.catalog.catalog import SHIPPED
from steelyard.catalog.frameworks import faults
from steelyard.catalog.method import method_document
from steelyard.cli.checking import check_standards
from steelyard.errors import InputError, UsageError

BOTH = {"zh": "数", "en": "number"}
FACTS = {"facts": {
    "fact.t_share": {"label": BOTH, "mode": "number", "unit": "1", "bounds": [0, 1], "period": "year", "who": ["machine", "person"],
                     "measure": "facts/equipment_digital", "documents": {"export": "documented"}, "holds_months": 12},
    "fact.t_systems": {"label": BOTH, "mode": "multi", "points": {"erp": 1, "mes": 1}, "period": "instant", "who": ["person"], "holds_months": 6},
}}  # fmt: skip
ITEMS = {
    "label": BOTH, "document": "x", "status": "ours", "in_force": "2025-01-01", "until": None, "measure": "trial/2025/score",
    "levels": {1: BOTH}, "items": {
        "t25.share": {"label": BOTH, "mode": "single", "points": {"A": 0, "B": 1},
                      "from": {"fact": "fact.t_share", "above": {"A": None, "B": 0.1}, "status": "ours"}},
        "t25.systems": {"label": BOTH, "mode": "multi", "points": {"A": 0, "B": 1}, "from": {"fact": "fact.t_systems", "map": {"erp": "B"}}},
        "t25.number": {"label": BOTH, "mode": "number", "bounds": [0, 10]},
        "t25.level": {"label": BOTH, "mode": "level", "levels": 3},
    },
}  # fmt: skip
MEASURE = {"label": BOTH, "source": "x", "status": "ours", "of": ["enterprise"], "unit": "points", "bounds": [0, 5], "better": "higher",
           "how": "judged", "rule": {"points": ["t25.share", "t25.systems", "t25.number"]}}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """A folder of standards with one framework, changed before it is written."""

    def written(change=lambda documents: None, name="own"):
        documents = {"facts/facts.yaml": deepcopy(FACTS), "trial/2025/items.yaml": deepcopy(ITEMS),
                     "trial/2025/score/measure.yaml": deepcopy(MEASURE)}  # fmt: skip
        change(documents)
        for path, document in documents.items():
            whole = tmp_path / name / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return tmp_path / name

    return written


def test_all_shipped_frameworks_and_facts_agree_with_one_another():
    assert list(faults(load())) == []


def test_items_are_read_at_any_depth_and_facts_can_be_answered_like_items(write):
    catalog = load((SHIPPED, write()))
    framework = catalog.framework("trial/2025")
    assert framework.items == ("t25.level", "t25.number", "t25.share", "t25.systems")
    assert framework.levels == {1: BOTH}
    assert {"t25.share", "fact.t_share", "Q1"} <= set(catalog.items)
    assert "Q1" not in catalog.facts
    assert catalog.edition("trial/2025/score") == framework
    assert catalog.edition("facts/equipment_digital") is None
    assert list(faults(catalog)) == []


def test_a_name_that_is_no_framework_is_told_its_nearest(write):
    with pytest.raises(UsageError) as refused:
        load((SHIPPED, write())).framework("trial/2024")
    assert "trial/2025" in refused.value.say("en")


@pytest.mark.parametrize(("in_force", "until", "held"), [
    ("2025-01-01", None, [False, True, True]), ("2025-01-01", "2026-01-01", [False, True, False]), (None, None, [False] * 3),
])  # fmt: skip
def test_an_edition_holds_from_its_first_day_until_the_day_it_ends_and_a_draft_never(write, in_force, until, held):
    catalog = load((write(lambda d: d["trial/2025/items.yaml"].update(in_force=in_force, until=until)),))
    framework = catalog.framework("trial/2025")
    assert [framework.holds_on(day) for day in ("2024-12-31", "2025-01-01", "2026-01-01")] == held


def test_one_id_in_two_frameworks_is_refused_and_both_are_named(write):
    folder = write(lambda d: d.update({"other/items.yaml": {"items": {"t25.share": {"mode": "level", "levels": 1}}}}))
    with pytest.raises(InputError, match="SY704") as refused:
        load((folder,))
    assert "other" in str(refused.value)
    assert "t25.share" in refused.value.say("en")


def item(name, **fields):
    return lambda d: d["trial/2025/items.yaml"]["items"][name].update(fields)


def fact(name, **fields):
    return lambda d: d["facts/facts.yaml"]["facts"][name].update(fields)


def head(**fields):
    return lambda d: d["trial/2025/items.yaml"].update(fields)


BROKEN = {
    "unknown fact": (item("t25.share", **{"from": {"fact": "fact.nobody", "same": True}}), "t25.share", "no fact fact.nobody"),
    "no way named": (item("t25.share", **{"from": {"fact": "fact.t_share"}}), "t25.share", "one of same"),
    "unknown option": (item("t25.share", **{"from": {"fact": "fact.t_share", "above": {"Z": 0}}}), "t25.share", "no option Z"),
    "unknown option of the fact": (item("t25.systems", **{"from": {"fact": "fact.t_systems", "map": {"crm": "B"}}}), "t25.systems", "crm"),
    "bands of words": (item("t25.share", **{"from": {"fact": "fact.t_systems", "above": {"B": 1}}}), "t25.share", "is a number"),
    "two options from one number": (item("t25.share", **{"from": {"fact": "fact.t_share", "above": {"A": 0, "B": 0}}}), "t25.share", "one number"),
    "the same of another kind": (item("t25.share", **{"from": {"fact": "fact.t_share", "same": True}}), "t25.share", "options and the mode"),
    "unknown mode": (item("t25.share", mode="words"), "t25.share", "mode words"),
    "no points": (item("t25.share", points={}), "t25.share", "points"),
    "points too fine": (item("t25.share", points={"A": 0, "B": 0.12345678}), "t25.share", "six decimals"),
    "levels that are no number": (item("t25.level", levels="many"), "t25.level", "levels"),
    "bounds the wrong way round": (item("t25.number", bounds=[10, 0]), "t25.number", "bounds"),
    "label in one language": (item("t25.share", label={"zh": "数"}), "t25.share", "label"),
    "grade that is none": (fact("fact.t_share", documents={"export": "sure"}), "fact.t_share", "sure"),
    "nobody who answers": (fact("fact.t_share", who=[]), "fact.t_share", "who"),
    "period that is none": (fact("fact.t_share", period="week"), "fact.t_share", "period"),
    "no freshness": (fact("fact.t_share", holds_months=0), "fact.t_share", "holds_months"),
    "measure that is not there": (fact("fact.t_share", measure="facts/nothing"), "fact.t_share", "facts/nothing"),
    "measure of no number": (fact("fact.t_systems", measure="facts/equipment_digital"), "fact.t_systems", "a number only"),
    "in force after it ends": (head(in_force="2025-01-01", until="2024-01-01"), "trial/2025", "2024-01-01"),
    "date that is none": (head(in_force="spring"), "trial/2025", "spring"),
    "status that is none": (head(status="sure"), "trial/2025", "sure"),
    "level measure that is not there": (head(measure="trial/2025/level"), "trial/2025", "trial/2025/level"),
    "no head": (lambda d: d["trial/2025/items.yaml"].pop("label"), "trial/2025", "label"),
    "figure that is not there": (lambda d: d["trial/2025/score/measure.yaml"].update(rule={"figure": "x/y"}), "trial/2025/score", "x/y"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_check_names_what_is_wrong_between_frameworks_and_facts(write, name):
    change, where, words = BROKEN[name]
    found = list(faults(load((SHIPPED, write(change)))))
    assert [place for place, why in found if words in why] == [where]


def test_the_command_prints_the_fault_and_fails(write, capsys):
    folder = write(item("t25.share", mode="words"))
    (folder / "trial" / "2025" / "score" / "golden.yaml").write_text("[]", encoding="utf-8")
    assert check_standards(folder, json=False) == 1
    assert "t25.share: mode words" in capsys.readouterr().out


def test_items_their_facts_and_the_measures_that_answer_them_decide_the_method_and_labels_do_not(write):
    def document(change=lambda d: None, name="own"):
        catalog = load((SHIPPED, write(change, name)))
        return method_document(catalog, catalog.measure("trial/2025/score"), "2026-01-01")

    before = document()
    assert set(before["items"]) == {"t25.share", "t25.systems", "t25.number", "fact.t_share", "fact.t_systems"}
    assert before["items"]["fact.t_share"]["measure"] == "facts/equipment_digital"
    assert document(item("t25.share", label={"zh": "新", "en": "new"}), "a") == before
    assert (
        document(item("t25.share", **{"from": {"fact": "fact.t_share", "above": {"A": None, "B": 0.2}}}), "b") != before
    )
    assert document(fact("fact.t_share", bounds=[0, 2]), "c") != before
    assert document(item("t25.number", bounds=[0, 11]), "d") != before


def test_the_measures_that_answer_facts_are_weighed_before_those_that_ask_them(write):
    catalog = load((SHIPPED, write()))
    order = [measure.id for measure in catalog.in_order(["trial/2025/score"])]
    assert order == ["facts/equipment_digital", "trial/2025/score"]
