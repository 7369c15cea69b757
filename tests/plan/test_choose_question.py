"""Bad questions: each gets a sentence that names the field and says what to do."""

from __future__ import annotations

import pytest
from choose_worlds import ask, province

from steelyard.errors import InputError
from steelyard.plan.choose_answer import answer
from steelyard.plan.question import question


@pytest.fixture
def home(make, tmp_path_factory):
    return province(make, tmp_path_factory)


@pytest.fixture
def own(make, tmp_path_factory):
    return province(make, tmp_path_factory, own=True)


@pytest.mark.parametrize(("code", "field", "changed"), [
    ("SY901", "bugdet", {"bugdet": 1}),
    ("SY901", "parks.price", {"parks": {"price": 1}}),
    ("SY901", "inspections[0].yaer", {"inspections": [{"id": "A", "cost": 1, "yaer": 2027}]}),
    ("SY901", "priorities.chain_leaders", {"priorities": {"chain_leaders": 2}}),
    ("SY901", "spillover.leader.rate", {"spillover": {"leader": {"rate": 0.2}}}),
    ("SY902", "years", {"years": [2027, 2029]}),
    ("SY902", "years", {"years": []}),
    ("SY902", "years", {"years": 2027}),
    ("SY902", "budget.2028", {"budget": {2027: 1, 2028: -1, 2029: 1}}),
    ("SY902", "budget", {"budget": {2027: 1}}),
    ("SY902", "budget", {"budget": "much"}),
    ("SY902", "budget", {"budget": float("nan")}),
    ("SY902", "budget", {"budget": True}),
    ("SY902", "targets.2029", {"targets": {2029: 80}}),
    ("SY902", "targets", {"targets": {}, "floors": {}}),
    ("SY902", "objective", {"objective": "best"}),
    ("SY902", "unheard", {"unheard": "maybe"}),
    ("SY902", "regions", {"regions": "CN-440100"}),
    ("SY902", "capacity.default", {"capacity": {"default": -5}}),
    ("SY902", "parks.cost", {"parks": {"cost": -3}}),
    ("SY902", "inspections[0].cost", {"inspections": [{"id": "A", "cost": -1}]}),
    ("SY902", "inspections[0].id", {"inspections": [{"cost": 1}]}),
    ("SY902", "inspections.id", {"inspections": [{"id": "A", "cost": 1}, {"id": "A", "cost": 1}]}),
    ("SY902", "inspections", {"inspections": {"id": "A"}}),
    ("SY902", "priorities.specialised", {"priorities": {"specialised": 0.5}}),
    ("SY902", "spillover.leader.saving", {"spillover": {"leader": {"saving": 1.5}}}),
    ("SY902", "discount", {"discount": -0.1}),
    ("SY902", "spillover.pilots.budget", {"spillover": {"pilots": {"saving": 0.1}}}),
    ("SY903", "targets", {"targets": {2035: 0.8}}),
    ("SY903", "floors.default", {"floors": {"default": {2026: 0.8}}}),
    ("SY903", "parks.at_least", {"parks": {"cost": 1, "at_least": {2031: 1}}}),
    ("SY903", "inspections[0].year", {"inspections": [{"id": "A", "cost": 1, "year": 2035}]}),
    ("SY904", "capacity", {"capacity": {"CN-44010": 100, "default": 1}}),
    ("SY904", "floors", {"floors": {"CN-110000": {2029: 0.5}}}),
    ("SY904", "regions", {"regions": ["CN-449999"]}),
    ("SY907", "parks.at_least", {"parks": {"at_least": {2029: 1}}}),
    ("SY907", "parks.at_least", {"parks": {"cost": 1, "at_least": {2029: 3}}}),
    ("SY907", "inspections 2027", {"budget": 10, "inspections": [{"id": "A", "cost": 100, "year": 2027}]}),
])  # fmt: skip
def test_a_bad_field_is_named(home, make, code, field, changed):
    with pytest.raises(InputError) as refused:
        answer(home, question(ask(make, **changed), home.catalog))
    assert refused.value.code == code
    assert field in str(refused.value.facts.values()) + refused.value.say("en")
    assert refused.value.remedy("zh")


@pytest.mark.parametrize("name", ["sme2024/level", "coverage/none", "park/x"])
def test_only_a_coverage_that_counts_firms_at_a_level_can_be_planned(home, make, name):
    with pytest.raises(InputError) as refused:
        question(ask(make, coverage=name), home.catalog)
    assert refused.value.code == "SY905"
    assert "coverage/sme2024-level2" in refused.value.remedy("en")


@pytest.mark.parametrize("missing", ["budget", "coverage", "years"])
def test_what_is_missing_is_named(home, make, missing):
    with pytest.raises(InputError) as refused:
        question(ask(make, without=(missing,)), home.catalog)
    assert (refused.value.code, refused.value.facts["field"]) == ("SY902", missing)


def test_a_file_that_is_not_there_or_no_mapping_is_refused(home, make):
    with pytest.raises(InputError, match="SY201"):
        question(make.path / "nothing.yaml", home.catalog)
    with pytest.raises(InputError, match="SY221"):
        question(make.file("list.yaml", "[1, 2]"), home.catalog)


def test_without_figures_of_the_level_there_is_nothing_to_choose_from(home, make):
    with pytest.raises(InputError, match="SY906"):
        answer(home, question(ask(make, figures="2020"), home.catalog))
    empty = make.new("empty")
    with pytest.raises(InputError, match=r"SY90[46]"):
        answer(empty, question(ask(make), empty.catalog))


def test_a_region_without_firms_has_no_floor_of_its_own_and_none_of_all(own, make):
    make.give(own, "subjects", "id,kind,gbt2260,name_zh\nCN-440500,region,440500,汕头市\n", name="more.csv")
    with pytest.raises(InputError) as refused:
        answer(own, question(ask(make, floors={"CN-440500": {2029: 0.5}}), own.catalog))
    assert refused.value.code == "SY908"
    told = answer(own, question(ask(make), own.catalog))[1]
    empty = next(one for one in told["regions"] if one["region"] == "CN-440500")
    assert (told["met"], empty["among"], empty["coverage"][2029]) == (True, 0, None)


def test_a_home_brings_its_own_weights_costs_and_assumptions(own, make):
    folder = own.path / "standards" / "plan"
    folder.mkdir(parents=True)
    (folder / "priorities.yaml").write_text(
        "priorities: {local: {label: {zh: 本地, en: Local}, weight: 4, lists: [local], status: ours, source: here}}"
    )
    (folder / "assumptions.yaml").write_text("discount: {value: 0.1, status: home, source: here}")
    (folder / "costs.csv").write_text(
        "level,size,industry,low,cost,high,days,status,source\n2,*,*,1,77,99,3,ours,here\n"
    )
    fresh = make.open(own.path)
    asked = question(ask(make, without=("priorities",)), fresh.catalog)
    assert (asked.priorities["local"].weight.value, asked.discount.value) == (4, 0.1)
    found, _ = answer(fresh, asked)
    assert {one.id: cost.cost for one, cost in zip(found.world.firms, found.world.costs, strict=True)}["F08"] == 77


@pytest.mark.parametrize("row", ["2,*,*,1,-77,99,3,ours,here", "2,*,*,1,much,99,3,ours,here"])
def test_a_negative_cost_is_refused_with_its_line(own, make, row):
    folder = own.path / "standards" / "plan"
    folder.mkdir(parents=True)
    (folder / "costs.csv").write_text(f"level,size,industry,low,cost,high,days,status,source\n{row}\n")
    with pytest.raises(InputError) as refused:
        answer(own, question(ask(make), own.catalog))
    assert (refused.value.code, refused.value.facts["field"]) == ("SY902", "cost")
    assert "costs.csv:2" in refused.value.where


def test_a_negative_cost_of_a_project_is_refused_when_it_is_taken(own, make):
    taken = make.give(
        own, "project_costs", "subject,measure,level,cost,status\nF05,sme2024/level,2,-1,quoted\n", name="bad.csv"
    )
    assert taken.rows_refused == 1


def test_years_may_be_written_as_text(home, make):
    asked = question(ask(make, floors={"2029": 0.6}, budget={"2027": 4e6, "2028": 3e6, "2029": 3e6}), home.catalog)
    assert (asked.floors, asked.budget) == ({"default": {2029: 0.6}}, (4e6, 3e6, 3e6))
