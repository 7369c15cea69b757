"""What to fund first, from a home's own rows to a sealed plan: chosen, explained, compared, laid beside what came of it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from choose_worlds import CITIES, ask, firm, province
from plan_worlds import levels

from steelyard.cli.main import main
from steelyard.errors import HomeError, InputError, UsageError
from steelyard.model.period import parse
from steelyard.plan.beside import beside
from steelyard.plan.choose_answer import answer
from steelyard.plan.choose_check import check
from steelyard.plan.choose_words import lines
from steelyard.plan.compare import compare, document_of
from steelyard.plan.explain import why
from steelyard.plan.question import question
from steelyard.store.lake import engine
from steelyard.take.plans import keep_plan, plain, plan_of, plans_of
from steelyard.trace.verify import verify

SPILL = {"leader": {"saving": 0.3}}


@pytest.fixture
def home(make, tmp_path_factory):
    return province(make, tmp_path_factory)


@pytest.fixture
def own(make, tmp_path_factory):
    return province(make, tmp_path_factory, own=True)


def chosen(home, make, **changed):
    return answer(home, question(ask(make, **changed), home.catalog))


def test_targets_are_reached_at_least_cost_and_every_limit_is_counted_anew(home, make):
    found, told = chosen(home, make)
    assert told["met"]
    assert told["feasible"]
    assert told["total"]["coverage"][2029] >= 0.8
    assert all(one["coverage"][2029] >= 0.6 for one in told["regions"])
    assert all(one["spent"] <= one["budget"] for one in told["budget"])
    assert 0 <= told["gap"] <= 1e-4
    assert check(found.world, told["choices"]) == []


def test_only_firms_below_the_level_are_funded_each_once_and_unheard_ones_are_left(home, make):
    _, told = chosen(home, make)
    funded = [row["subject"] for row in told["choices"] if row["kind"] == "firm"]
    assert len(funded) == len(set(funded)) == 12
    assert not {firm(i) for i in range(30) if i % 10 < 4 or i % 10 == 9} & set(funded)
    assert told["notes"]["unheard"] == 3


def test_unheard_firms_can_be_funded_where_the_question_says_so(home, make):
    _, told = chosen(home, make, unheard="fund", targets={2029: 1.0}, budget=10_000_000, capacity={"default": 9_000})
    assert told["met"]
    assert told["total"]["funded"][2029] == 18


def test_quotes_go_before_our_estimates(home, make):
    found, told = chosen(home, make)
    costs = {one.id: cost for one, cost in zip(found.world.firms, found.world.costs, strict=True)}
    assert (costs["F05"].cost, costs["F05"].days, costs["F05"].status) == (250_000, 25, "quoted")
    assert (costs["F08"].status, told["notes"]["estimated"]) == ("ours", 1)


def test_a_firm_of_two_parks_is_funded_once_and_named(home, make):
    _, told = chosen(home, make, parks={"cost": 500_000, "at_least": {2029: 1}}, targets={2029: 0.9}, capacity={"default": 9_000},
                     budget=5_000_000)  # fmt: skip
    assert told["notes"]["two_parks"] == ["F06"]
    assert [row["subject"] for row in told["choices"]].count("F06") == 1
    assert sum(row["kind"] == "park" for row in told["choices"]) == 1
    assert {one["park"]: (one["among"], one["reached"]) for one in told["parks"]} == {"PK1": (3, 1), "PK2": (2, 0)}


def test_inspections_are_paid_in_their_year_or_at_the_latest_by_it(home, make):
    rounds = [
        {"id": "A", "year": 2028, "cost": 300_000},
        {"id": "B", "by": 2028, "cost": 100_000},
        {"id": "C", "cost": 1},
    ]
    _, told = chosen(home, make, inspections=rounds)
    when = {row["subject"]: row["year"] for row in told["choices"] if row["kind"] == "inspection"}
    assert when["A"] == 2028
    assert when["B"] <= 2028
    assert "C" not in when  # nothing asks for it at least cost


def test_a_leader_goes_first_and_his_suppliers_pay_less_afterwards(home, make):
    found, told = chosen(home, make, spillover=SPILL, targets={2029: 0.8}, floors={})
    rows = {row["subject"]: row for row in told["choices"]}
    _, without = chosen(home, make, targets={2029: 0.8}, floors={})
    assert rows["F04"]["year"] < rows["F14"]["year"]
    assert rows["F14"]["cost"] == pytest.approx(0.7 * 340_000)
    assert rows["CH1"]["kind"] == "chain"
    assert told["cost"] < without["cost"]
    assert {one["part"] for one in told["solved"]} == {"leaders", "firms, parks, inspections", "whole"}
    assert 0 <= told["gap"] <= 0.02
    assert check(found.world, told["choices"]) == []


def test_who_supplies_the_leader_follows_him_too_for_as_long_as_he_does(own, make):
    links = "F08,F04,pressings,2020-01-01,\nF18,F04,castings,2020-01-01,2021-01-01\n"
    make.give(own, "supplies", "supplier,customer,product,since,until\n" + links)
    found, told = chosen(own, make, spillover=SPILL)
    assert "F08" in found.world.chains[0].suppliers
    assert "F18" not in found.world.chains[0].suppliers
    assert told["met"]


def test_a_pilot_spares_its_city_and_industry(home, make):
    spill = {"pilots": {"budget": 600_000, "saving": 0.3}}
    found, told = chosen(home, make, spillover=spill, targets={2029: 0.8}, floors={})
    assert told["pilots"]
    assert all(row["year"] == 2027 for row in told["choices"] if row["subject"] in told["pilots"])
    assert any("spared" in row["why"] for row in told["choices"])
    assert check(found.world, told["choices"], told["pilots"]) == []
    assert told["gap"] <= 0.05
    dearer = [row | {"cost": 700_000.0} if row["subject"] in told["pilots"] else row for row in told["choices"]]
    assert "pilots" in {one.limit for one in check(found.world, dearer, told["pilots"])}
    later = [row | {"year": 2028} if row["subject"] in told["pilots"] else row for row in told["choices"]]
    assert {one.at for one in check(found.world, later, told["pilots"]) if one.limit == "pilots"} == set(told["pilots"])


def test_what_goes_first_is_not_used_where_it_does_not_pay(home, make):
    _, told = chosen(home, make, spillover={"leader": {"saving": 0.0001}}, targets={2029: 0.4}, floors={})
    _, plainly = chosen(home, make, targets={2029: 0.4}, floors={})
    assert told["cost"] <= plainly["cost"] + 1e-6


def test_with_what_there_is_priorities_decide_who_comes_first(home, make):
    _, told = chosen(
        home,
        make,
        objective="most",
        budget={2027: 600_000, 2028: 0, 2029: 0},
        targets={},
        floors={},
        priorities={"specialised": 9},
    )
    funded = {row["subject"] for row in told["choices"]}
    assert "F05" in funded
    _, plainly = chosen(home, make, objective="most", budget={2027: 600_000, 2028: 0, 2029: 0}, targets={}, floors={})
    assert told["weight"] > plainly["weight"]


def test_at_least_cost_a_priority_outweighs_a_little_money(home, make):
    names = {"specialised": {"weight": 3, "source": "市级文件"}}
    _, told = chosen(home, make, priorities=names, targets={2029: 0.45}, floors={})
    _, plainly = chosen(home, make, targets={2029: 0.45}, floors={})
    assert [row["subject"] for row in told["choices"]] == ["F05", "F04"] or {
        row["subject"] for row in told["choices"]
    } >= {"F05"}
    assert len(told["choices"]) == len(plainly["choices"])
    assert {"name": "priority specialised", "value": 3.0, "status": "home", "source": "市级文件"}.items() <= next(
        one for one in told["assumed"] if one["name"] == "priority specialised"
    ).items()


def test_a_budget_of_zero_funds_nobody_and_says_what_is_short(home, make):
    _, told = chosen(home, make, budget=0)
    assert (told["met"], told["cost"], told["choices"]) == (False, 0, [])
    assert told["least_short"] == sum(one["short"] for one in told["short"])
    assert "先增加预算或人天" in "\n".join(lines(told, "zh"))


def test_targets_out_of_reach_have_a_least_shortfall_and_what_binds(home, make):
    found, told = chosen(home, make, budget=600_000)
    assert not told["met"]
    assert told["feasible"]
    assert 0 < told["least_short"] <= sum(one["short"] for one in told["short"])
    assert {one["kind"] for one in told["prices"]} == {"budget"}
    assert check(found.world, told["choices"]) != []
    assert "达不到" in "\n".join(lines(told, "zh"))
    assert "Out of reach" in "\n".join(lines(told, "en"))


def test_too_many_unheard_firms_are_named_as_the_cause(home, make):
    _, told = chosen(home, make, targets={2029: 1.0}, budget=9_000_000, capacity={"default": 9_000})
    assert told["short"] == [{"region": None, "year": 2029, "short": 3, "unheard": 3}]


def test_scarce_provider_days_are_kept_and_priced(home, make):
    _, told = chosen(
        home, make, capacity={"default": 900, "CN-440100": {2027: 60, 2028: 60, 2029: 60}}, targets={2029: 0.8}
    )
    assert told["met"]
    used = [row["days"] for row in told["choices"] if row["region"] == "CN-440100" and row["year"] == 2027]
    assert sum(used) <= 60


def test_why_a_firm_stands_where_it_does(home, make):
    found, told = chosen(home, make)
    funded = next(row["subject"] for row in told["choices"])
    one, other = why(found, funded), why(found, "F28")
    assert one["year"] is not None
    for told_of in (one, other):
        parts = (
            told_of["money"] + told_of["budget"] + told_of["provider_days"] - told_of["priority"] - told_of["floors"]
        )
        assert told_of["reduced"] == pytest.approx(parts)
    assert (why(found, "F00")["left"], why(found, "F09")["left"]) == ("reached", "unheard")
    with pytest.raises(InputError, match="SY909"):
        why(found, "F99")


def test_a_plan_is_sealed_once_and_its_rows_stand_on_its_document(own, make):
    _, told = chosen(own, make)
    kept, again = keep_plan(own, told), keep_plan(own, told)
    assert (kept.already, again.already, again.id) == (False, True, kept.id)
    (leaf,) = own.leaves(kind="plan_choices")
    assert leaf.header["source"]["parents"] == [kept.leaf.digest.hex()]
    with engine(own.path) as opened:
        own.table_view(opened, "plan_choices")
        rows = opened.rows("SELECT count(*), sum(cost) FROM plan_choices WHERE plan = $plan", {"plan": kept.id})
    assert rows == [(len(told["choices"]), pytest.approx(told["cost"]))]
    assert plan_of(own, kept.id[:5]).document == plain(told)
    assert not verify(own).faults


def test_a_sealed_plan_that_was_changed_is_refused_and_healed_by_sealing_it_again(own, make):
    _, told = chosen(own, make)
    kept = keep_plan(own, told)
    (own.path / kept.leaf.path).write_text("{}")
    with pytest.raises(HomeError, match="SY913"):
        plans_of(own)
    keep_plan(own, told)
    assert [one.id for one in plans_of(own)] == [kept.id]


def test_two_plans_are_compared_by_money_firms_regions_and_prices(own, make):
    kept = keep_plan(own, chosen(own, make)[1])
    dearer = ask(make, "dearer.yaml", targets={2027: 0.4, 2029: 0.86})
    before, after = document_of(own, kept.id), document_of(own, str(dearer))
    found = compare(before, after)
    assert found["asked"] == [{"field": "targets.2029", "before": 0.8, "after": 0.86}]
    assert found["cost"] > 0
    assert len(found["added"]) - len(found["dropped"]) == 2
    assert found["total"]["2029"][1] > found["total"]["2029"][0]
    assert found["prices"]
    nothing = compare(before, before)
    assert (nothing["added"], nothing["dropped"], nothing["shifted"], nothing["prices"], nothing["cost"]) == (
        [],
        [],
        [],
        [],
        0,
    )


def test_next_years_figures_are_laid_beside_the_plan(own, make):
    kept = keep_plan(own, chosen(own, make, targets={2027: 0.6})[1])
    with pytest.raises(UsageError, match="SY911"):
        beside(own, kept.id)
    first = [row["subject"] for row in kept.document["choices"] if (row["year"], row["kind"]) == (2027, "firm")]
    levels(own, {(first[0], "2027"): 2, (first[1], "2027"): 1})
    make.give(
        own,
        "project_costs",
        f"subject,measure,level,cost,status\n{first[0]},sme2024/level,2,123456,paid\n",
        name="paid.csv",
    )
    found = beside(own, kept.id)
    assert (found["funded"], found["reached"], found["not_yet"], found["unheard"]) == (len(first), 1, 1, len(first) - 2)
    assert (found["paid_known"], found["paid"]) == (1, 123456)
    assert found["planned_of_known"] == next(
        row["cost"] for row in kept.document["choices"] if row["subject"] == first[0]
    )


def test_a_year_beside_a_plan_takes_each_firms_own_figure_of_it_or_its_newest_within_it(own, make):
    kept = keep_plan(own, chosen(own, make, targets={2027: 0.6})[1])
    firms = [row["subject"] for row in kept.document["choices"] if (row["year"], row["kind"]) == (2027, "firm")]
    one, two, three, four = firms[:4]
    levels(own, {(one, "2027-03"): 1, (one, "2027-11"): 2, (two, "2027"): 1, (two, "2027-12"): 2, (three, "2028-01"): 2,
                 (four, "2027-12"): 1, (four, "2027Q4"): 2})  # fmt: skip
    came = {row["subject"]: row["came"] for row in beside(own, kept.id, parse("2027", own.zone))["firms"]}
    assert [came[firm] for firm in (one, two, three, four)] == ["reached", "not_yet", "unheard", "reached"]


def test_an_unknown_plan_is_refused_with_those_that_are_there(own, make):
    kept = keep_plan(own, chosen(own, make)[1])
    with pytest.raises(UsageError) as refused:
        plan_of(own, "beef")
    assert refused.value.code == "SY910"
    assert kept.id in refused.value.remedy("en")


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_commands_choose_seal_compare_and_lay_beside(own, make, capsys, monkeypatch, lang):
    monkeypatch.setenv("STEELYARD_LANG", lang)
    path, file = own.path, ask(make, spillover=SPILL)
    (path / "plans").mkdir()
    (path / "plans" / "2027.yaml").write_bytes(file.read_bytes())
    code, said = run(capsys, "plan", "choose", path, "plans/2027.yaml", "--seal")
    assert code == 0
    assert "800" not in said.out.splitlines()[0]
    kept = said.out.split()[-1]
    poorer = ask(make, "poorer.yaml", budget=700_000)
    assert run(capsys, "plan", "choose", path, poorer)[0] == 1
    assert run(capsys, "plan", "compare", path, kept, poorer)[0] == 0
    code, said = run(capsys, "plan", "compare", path, kept, poorer, "--json")
    assert json.loads(said.out)["met"] == [True, False]
    levels(own, {("F05", "2027"): 2})
    code, said = run(capsys, "plan", "beside", path, kept)
    assert (code, kept in said.out) == (0, True)
    code, said = run(capsys, "plan", "chosen", path, "--json")
    assert [one["id"] for one in json.loads(said.out)] == [kept]
    code, said = run(capsys, "plan", "choose", path, file, "--why", "F14", "--not", "F28")
    assert (code, "F14" in said.out, "F28" in said.out) == (0, True, True)
    assert "F00" in run(capsys, "plan", "choose", path, file, "--why", "F14", "--not", "F00")[1].out
    assert "SY912" in run(capsys, "plan", "choose", path, file, "--not", "F28")[1].err


def test_a_sealed_plan_is_plain_parquet_that_others_can_read(own, make):
    keep_plan(own, chosen(own, make)[1])
    (leaf,) = own.leaves(kind="plan_choices")
    assert {"plan", "subject", "kind", "year", "cost", "days"} <= set(pq.read_schema(own.path / leaf.path).names)


def test_every_city_is_a_region_of_the_plan(home, make):
    assert [one["region"] for one in chosen(home, make)[1]["regions"]] == list(CITIES)


@pytest.mark.parametrize(("limit", "spoil"), [
    ("once", lambda rows: [*rows, rows[-1]]),
    ("year", lambda rows: [*rows[:-1], rows[-1] | {"year": 2040}]),
    ("cost", lambda rows: [*rows[:-1], rows[-1] | {"cost": rows[-1]["cost"] - 1}]),
    ("budget", lambda rows: [row | {"year": 2029} for row in rows]),
    ("capacity", lambda rows: [row | {"days": 500.0} for row in rows]),
    ("target", lambda rows: rows[:-1]),
    ("parks", lambda rows: [row for row in rows if row["kind"] != "park"]),
    ("inspection", lambda rows: [row for row in rows if row["kind"] != "inspection"]),
])  # fmt: skip
def test_the_check_sees_every_limit_that_a_spoiled_answer_breaks(home, make, limit, spoil):
    found, told = chosen(home, make, targets={2027: 0.5, 2029: 0.8}, parks={"cost": 100_000, "at_least": {2029: 1}},
                         inspections=[{"id": "A", "cost": 10_000, "year": 2028}])  # fmt: skip
    rows = sorted(told["choices"], key=lambda row: row["kind"] == "firm")
    assert check(found.world, rows) == []
    assert limit in {one.limit for one in check(found.world, spoil(rows))}


def test_prices_tell_what_is_used_of_a_limit_and_how_much_there_is(home, make):
    scarce = {"default": 900, "CN-440100": {2027: 60, 2028: 60, 2029: 60}}
    _, told = chosen(home, make, capacity=scarce, budget={2027: 4_000_000, 2028: 0, 2029: 2_500_000}, discount=0.2)
    assert told["prices"]
    for one in told["prices"]:
        rows = [row for row in told["choices"] if row["kind"] == "firm" and one["region"] in (None, row["region"])]
        if one["kind"] == "budget":
            used = sum(row["cost"] for row in told["choices"] if row["year"] == one["year"])
        elif one["kind"] == "capacity":
            used = sum(row["days"] for row in rows if row["year"] == one["year"])
        else:
            used = sum(row["year"] <= one["year"] for row in rows)
        assert one["used"] == pytest.approx(used)
        assert used <= one["limit"] * (1 + 1e-9) if one["kind"] in ("budget", "capacity") else used >= one["limit"]
