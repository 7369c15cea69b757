"""A park by the guide: ratios rolled up from its firms, clauses asked with documents, what lacks by firm, the count against 200."""

from __future__ import annotations

import json

import pytest
from park_worlds import World, park_says, rows

from steelyard.errors import UsageError
from steelyard.fields.parks import all_parks, standing
from steelyard.share import make_offer, pack, receive, trust


@pytest.fixture
def world(make):
    return World(make)


@pytest.fixture
def weighed(make, tmp_path_factory):
    return World.weighed(make, tmp_path_factory)


@pytest.fixture
def province(make, tmp_path_factory):
    return World.weighed(make, tmp_path_factory, "region", "CN-440000")


def ratios(found):
    return {ratio.measure.id: ratio for high in found.highs for ratio in high.ratios}


def state(found):
    return [high.state for high in found.highs]


def test_the_three_ratios_are_what_the_firms_say_and_a_weak_unheard_or_failing_firm_is_named(weighed):
    found = standing(weighed.home, "P1")
    assert set(ratios(found)) == {"park/2025/transformation", "park/2025/services", "park/2025/gigabit"}
    for ratio in ratios(found).values():
        figure = ratio.figure
        assert (figure["value"], figure["low"], figure["high"]) == (pytest.approx(2 / 3), 0.5, 0.75)
        assert (figure["heard"], figure["among"], figure["grade"]) == (3, 4, "declared")
        assert [(firm.id, firm.names["zh"], firm.state) for firm in ratio.lacks.firms] == [
            ("A3", "甲三厂", "not_met"), ("A4", "甲四厂", "unheard"), ("A2", "甲二厂", "weak"),
        ]  # fmt: skip
        assert ratio.lacks.counts == {"not_met": 1, "open": 0, "unheard": 1, "weak": 1, "met": 1}


def test_the_lists_of_firms_add_up_to_the_base_of_the_figure(weighed):
    for park in ("P1", "P2"):
        for ratio in ratios(standing(weighed.home, park)).values():
            counts, figure = ratio.lacks.counts, ratio.figure
            assert sum(counts.values()) == figure["among"]
            assert sum(counts.values()) - counts["unheard"] == figure["heard"]
            assert counts["met"] + counts["weak"] == pytest.approx(figure["low"] * figure["among"])


def test_a_firm_whose_answers_leave_it_open_is_neither_met_nor_failed(make):
    world = World(make)
    some = "".join(make.answers("A4", 3).splitlines(keepends=True)[:20])
    world.give("answers", "subject,item,at,value,grade,document\n" + some, "some.csv")
    world.weigh()
    assert "open" in {
        firm.state
        for firm in ratios(standing(world.home, "P1"))["park/2025/transformation"].lacks.firms
        if firm.id == "A4"
    }


def test_what_a_park_says_of_its_own_ratio_stands_beside_and_does_not_count(make):
    world = World(make, transformation="1", gigabit="1").weigh()
    found = ratios(standing(world.home, "P1"))
    assert found["park/2025/transformation"].said.value == "1"
    assert found["park/2025/transformation"].state == "not_met"
    assert found["park/2025/services"].said is None


def test_a_park_meets_all_only_when_every_firm_is_heard_and_every_clause_answered(weighed):
    found = standing(weighed.home, "P2")
    assert state(found) == ["met"] * 4
    assert found.gate["low"] == found.met["low"] == 1
    assert standing(weighed.home, "P1").gate["high"] == 0


def test_an_unheard_firm_leaves_a_high_open(make):
    world = World(make)
    world.give("subjects", "id,kind,name_zh,gbt2260,gbt4754\nB2,enterprise,乙二厂,440600,33\n", "b2.csv")
    world.give("memberships", "subject,of,role\nB2,P2,member\n", "b2m.csv")
    world.give("roster", "enterprise,list\nB2,above_size\n", "b2r.csv")
    found = standing(world.weigh().home, "P2")
    assert state(found) == ["open", "open", "met", "open"]
    assert (found.gate["value"], found.gate["low"], found.gate["high"]) == (1, 0, 1)


def test_clauses_are_answered_with_documents_and_say_which_options_they_need(make):
    world = World(make, operation="assets+safety", compute="no", data="")
    found = standing(world.weigh().home, "P1")
    clauses = {clause.item: clause for high in found.highs for clause in high.clauses}
    assert clauses["park25.operation"].needs == ("economy", "green")
    assert {item: clause.state for item, clause in clauses.items()} == {
        "park25.industrial_internet": "met", "park25.public_services": "met", "park25.operation": "not_met", "park25.compute": "not_met",
        "park25.data": "unknown",
    }  # fmt: skip
    assert clauses["park25.compute"].answer.document == "paper.pdf"
    assert clauses["park25.data"].answer is None


@pytest.mark.parametrize(("ground", "met"), [
    ("state_council", "met"), ("province", "met"), ("characteristic", "met"), ("yes", "met"), ("no", "not_met"), ("", "unknown"),
])  # fmt: skip
def test_eligibility_has_its_ground_and_beside_it_the_industries_of_the_firms(make, ground, met):
    found = standing(World(make, eligible=ground).weigh().home, "P1").eligibility
    assert found.clause.state == met
    assert found.divisions == {"manufacturing": 4, "other": 0, "unknown": 0}
    assert found.inside == ()


def test_a_characteristic_park_tells_the_park_around_it(make):
    world = World(make)
    world.give("memberships", "subject,of,role\nP1,P2,inside\n", "inside.csv")
    assert standing(world.weigh().home, "P1").eligibility.inside == ("P2",)


def test_a_floor_of_pledged_calls_a_pledge_enough(make):
    world = World(make)
    world.give(
        "answers", "subject,item,at,value,grade,document\n" + rows("A2", {"park25f.services": "1"}, "pledged"), "a2.csv"
    )
    world.weigh()
    assert ratios(standing(world.home, "P1", floor="pledged"))["park/2025/services"].lacks.counts["weak"] == 0
    assert ratios(standing(world.home, "P1"))["park/2025/services"].lacks.counts["weak"] == 1
    with pytest.raises(UsageError):
        standing(world.home, "P1", floor="strong")


def test_pages_of_firms_are_bounded_and_follow_one_another(weighed):
    def page(most, skip):
        lacks = ratios(standing(weighed.home, "P1", most=most, skip=skip))["park/2025/services"].lacks
        assert lacks.lacking == 3
        return [firm.id for firm in lacks.firms]

    assert page(2, 0) + page(2, 2) == ["A3", "A4", "A2"]
    assert page(0, 0) == []


def test_what_was_not_weighed_is_unknown_and_not_zero(world):
    found = standing(world.home, "P1")
    assert not found.weighed
    assert found.gate is None
    assert found.met is None
    assert state(found) == ["unknown"] * 4
    assert all(indicator.figure is None for indicator in found.chains)
    assert all(ratio.state == "unknown" and ratio.figure is None for ratio in ratios(found).values())


def test_the_newest_period_that_was_weighed_is_shown_unless_another_is_asked_for(world):
    world.weigh("2026Q1").weigh("2026Q2")
    assert standing(world.home, "P1").label == "2026Q2"
    assert standing(world.home, "P1", world.make.period("2026Q1", world.home)).label == "2026Q1"


@pytest.mark.parametrize("name", ["A1", "P3", "CN-440000"])
def test_what_is_no_park_is_told_with_the_parks_that_there_are(weighed, name):
    with pytest.raises(UsageError) as refused:
        standing(weighed.home, name)
    assert refused.value.code == "SY823"
    assert "P1" in refused.value.remedy()


def test_the_homes_own_park_is_meant_where_none_is_named(weighed):
    assert standing(weighed.home, "").park.id == "P1"


def test_the_parks_that_meet_all_are_counted_against_about_two_hundred(province):
    found = all_parks(province.home)
    assert (found.target, found.among, found.region.id) == (200, 2, "CN-440000")
    assert (
        found.count["value"],
        found.count["low"],
        found.count["high"],
        found.count["heard"],
        found.count["among"],
    ) == (1, 1, 1, 2, 2)
    assert found.progress["value"] == pytest.approx(1 / 200)
    assert [one.id for one, _ in found.parks] == ["P1", "P2"]


def test_a_park_that_no_figure_tells_of_widens_the_count(make):
    world = World(make, kind="region", subject="CN-440000")
    world.give("subjects", "id,kind,name_zh,gbt2260\nP3,park,丙园,440700\n", "p3.csv")
    found = all_parks(world.weigh().home)
    assert (found.count["low"], found.count["high"], found.count["heard"], found.count["among"]) == (1, 2, 2, 3)


def test_parks_come_in_pages_and_a_home_without_parks_or_region_has_no_count(make, weighed):
    assert [one.id for one, _ in all_parks(weighed.home, most=1, skip=1).parks] == ["P2"]
    empty = all_parks(make.new("empty"))
    assert (empty.among, empty.region, empty.count, empty.progress) == (0, None, None, None)


def test_the_document_of_a_park_is_plain_json(weighed):
    told = json.loads(json.dumps(standing(weighed.home, "P1").document(), allow_nan=False))
    assert told["highs"][0]["ratios"][0]["lacks"]["firms"][0]["firm"] == "A3"
    assert told["highs"][0]["ratios"][0]["figure"]["heard"] == 3
    assert len(told["four_chains"]) == 9
    assert {one["status"] for one in told["four_chains"]} == {"ours"}
    assert json.loads(json.dumps(all_parks(weighed.home).document(), allow_nan=False))["among"] == 2


def test_a_later_and_better_answer_of_a_firm_moves_it_out_of_the_list(world):
    world.give(
        "answers",
        "subject,item,at,value,grade,document\n" + rows("A3", {"park25f.services": "1"}, "inspected", "2026-03-20"),
        "a3.csv",
    )
    world.weigh()
    lacks = ratios(standing(world.home, "P1"))["park/2025/services"].lacks
    assert [firm.id for firm in lacks.firms] == ["A4", "A2"]


def test_services_on_record_count_for_a_firm_that_said_nothing(world):
    world.give("services", "provider,firm,kind,digital,since\nV1,A4,testing,yes,2025-01-01\n")
    world.weigh()
    lacks = ratios(standing(world.home, "P1"))["park/2025/services"].lacks
    assert [firm.id for firm in lacks.firms] == ["A3", "A2"]
    assert park_says("P1").count("\n") == 6


def test_a_home_that_was_told_a_ratio_says_where_the_firms_behind_it_rest(weighed, make):
    top = make.new("top", kind="region", subject="CN-440000")
    trust(top, weighed.home.public_key.hex(), "park", subject="P1")
    offer = make_offer(weighed.home, consumer=top.id, measures=["park/*"], subjects=["P1"], period=make.period("2026", top),
                       until=weighed.home.now() + 86_400_000_000, purpose="count")  # fmt: skip
    receive(top, pack(weighed.home, offer).path.read_bytes(), "park.bundle")
    found = ratios(standing(top, "P1"))["park/2025/services"]
    assert found.told_by == weighed.home.id
    assert (found.figure["heard"], found.figure["among"]) == (3, 4)
    assert sum(found.lacks.counts.values()) == 0
    assert ratios(standing(weighed.home, "P1"))["park/2025/services"].told_by == ""
