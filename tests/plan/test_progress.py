"""Progress of the plan: every target against its Figures, each definition a row, claims beside, flows of firms."""

from __future__ import annotations

import json

import pytest
import yaml
from plan_worlds import COVERAGE, cities, levels, roster

from steelyard.cli import main
from steelyard.errors import InputError, UsageError
from steelyard.model.period import parse
from steelyard.plan.progress import progress
from steelyard.plan.progress_targets import targets
from steelyard.plan.progress_words import lines
from steelyard.store.home import Home

PROVINCE = "CN-440000"


@pytest.fixture
def two_years(make):
    """A province of 2 cities: in 2025 A1 to A4 and B1, in 2026 A1 left and B2 entered; who is heard and reached differs."""
    home = make.new("province", subject=PROVINCE)
    cities(make, home, 2)
    since = "2020-01-01"
    roster(make, home, [("A1", "440100", since, "2026-01-01"), ("A2", "440100", since, ""), ("A3", "440100", since, ""),
                        ("A4", "440100", since, ""), ("B1", "440200", since, ""), ("B2", "440200", "2026-03-01", "")])  # fmt: skip
    levels(home, {("A1", 2025): 1, ("A2", 2025): 1, ("A3", 2025): 2, ("B1", 2025): 3,
                  ("A2", 2026): 2, ("A3", 2026): 2, ("A4", 2026): 0, ("B2", 2026): 2})  # fmt: skip
    for year in ("2025", "2026"):
        make.weigh(home, [COVERAGE, "coverage/sme2024-level1"], year)
    return home


def row_of(found, target, measure):
    rows = next(one for one in found["targets"] if one["id"] == target)["rows"]
    return next(row for row in rows if row["measure"] == measure)


def test_every_target_of_the_plan_is_told_or_said_to_be_unanswerable(make, request):
    home = make.new()
    shared = request.config.rootpath.parent / "shared/standards/action-plan-2024.yaml"
    told = {target.id: target for target in targets(home.catalog)}
    for target in told.values():
        assert bool(target.measures) != bool(target.unanswerable)
    if not shared.exists():
        pytest.skip("the document of targets is not here")
    plan = yaml.safe_load(shared.read_text(encoding="utf-8"))
    assert {target["id"] for target in plan["targets"]} <= set(told)
    for target in plan["targets"]:
        if "value" in target:
            assert told[target["id"]].value == target["value"]
        assert told[target["id"]].beyond == (target.get("op") == ">")
        assert told[target["id"]].by.startswith(str(target["by"]))
    for words in ("machinery", "light", "raw-materials"):
        assert any(name.startswith(words) for name in told)


def test_what_a_target_says_is_what_its_measures_parameter_says(make):
    home = make.new()
    for target in targets(home.catalog):
        for name in target.measures:
            dated = home.catalog.measures[name].parameters.get("target")
            if dated and target.times != 1:
                assert dated[max(dated)]["value"] == target.value == target.times


def test_each_definition_is_its_own_row_with_range_denominator_grade_and_date(two_years):
    found = progress(two_years)
    row = row_of(found, "coverage-2027", COVERAGE)
    assert (row["value"], row["low"], row["high"]) == pytest.approx((3 / 4, 3 / 5, 4 / 5))
    assert (row["heard"], row["among"], row["grade"], row["period"]) == (4, 5, "pledged", "2026")
    assert row["as_of"] == "2026-12-31"
    assert (
        row["digest"] == two_years.figures(COVERAGE, PROVINCE, parse("2026", two_years.zone))["digest"][0].as_py().hex()
    )
    assert row_of(found, "coverage-2027", "coverage/sme2024-level1")["value"] == pytest.approx(3 / 4)
    measures = [row["measure"] for row in found["targets"][0]["rows"]]
    assert len(measures) == len(set(measures)) >= 4


def test_the_distance_is_told_in_points_and_in_firms(two_years):
    far = row_of(progress(two_years), "coverage-2027", COVERAGE)["distance"]
    assert (far["short"], far["least"], far["most"]) == pytest.approx((0.25, 0.2, 0.4))
    assert (far["firms_least"], far["firms_most"], far["state"]) == (1, 2, "not_met")


def test_flows_say_who_entered_left_and_stayed_and_take_the_change_apart(two_years):
    moved = next(one for one in progress(two_years)["flows"] if one["measure"] == COVERAGE)
    firms = moved["firms"]
    assert (moved["before"], moved["after"]) == ("2025", "2026")
    assert (firms["opened"], firms["entered"], firms["left"], firms["stayed"], firms["closed"]) == (5, 1, 1, 4, 5)
    assert (moved["share_before"], moved["share_after"]) == (0.5, 0.75)
    assert sum(moved["parts"].values()) == pytest.approx(moved["change"], abs=1e-12)
    assert moved["parts"]["stayers"] == 0.5  # A2 rose, A3 stood
    assert moved["notes"] == []


def test_flows_of_a_city_are_its_own(two_years):
    moved = next(one for one in progress(two_years, "440200")["flows"] if one["measure"] == COVERAGE)
    assert (moved["firms"]["opened"], moved["firms"]["entered"], moved["firms"]["left"]) == (1, 1, 0)
    assert moved["parts"] is None  # B1 was heard before alone, B2 after


def test_rows_that_changed_since_they_were_weighed_are_said(make, two_years):
    roster(make, two_years, [("A9", "440100", "2020-01-01", "")], name="more.csv")
    moved = next(one for one in progress(two_years)["flows"] if one["measure"] == COVERAGE)
    assert {note["code"] for note in moved["notes"]} == {"SY898"}


def test_firms_of_which_it_is_not_known_since_when_are_said(make, two_years):
    roster(make, two_years, [("A9", "440100", "", "")], name="more.csv")
    make.weigh(two_years, [COVERAGE], "2025")
    make.weigh(two_years, [COVERAGE], "2026")
    moved = next(one for one in progress(two_years)["flows"] if one["measure"] == COVERAGE)
    assert [note["code"] for note in moved["notes"]] == ["SY897"]


def test_a_roster_with_a_gap_gives_no_flows_but_the_region_the_period_and_what_to_do(make):
    home = make.new("gaps", subject=PROVINCE)
    cities(make, home, 2)
    firms = [(f"A{i}", "440100", "2020-01-01", "") for i in range(3)]
    firms += [("B1", "440200", "2020-01-01", "2025-01-01"), ("B2", "440200", "2026-01-01", "")]
    roster(make, home, firms)
    levels(home, {(firm, year): 2 for firm, *_ in firms for year in (2024, 2025, 2026)})
    for year in ("2024", "2025", "2026"):
        make.weigh(home, [COVERAGE], year)
    moved = progress(home)["flows"][0]
    assert (moved["why"]["code"], moved["gaps"][0]["place"], moved["gaps"][0]["period"], moved["gaps"][0]["kind"]) == (
        "SY893", "CN-440200", "2025", "between")  # fmt: skip
    assert "firms" not in moved
    over = progress(home, since=parse("2024", home.zone))["flows"][0]
    assert over["why"]["code"] == "SY893"
    assert "firms" in progress(home, "440100")["flows"][0]


def test_a_roster_that_begins_later_is_no_entry_of_all_its_firms(make):
    home = make.new("late", subject=PROVINCE)
    cities(make, home, 2)
    roster(make, home, [("A1", "440100", "2020-01-01", ""), ("B1", "440200", "2026-01-01", "")])
    levels(home, {("A1", 2025): 2, ("A1", 2026): 2, ("B1", 2026): 2})
    for year in ("2025", "2026"):
        make.weigh(home, [COVERAGE], year)
    assert progress(home)["flows"][0]["gaps"][0]["kind"] == "begins"


def test_one_period_alone_says_nothing_of_flows(make):
    moved = progress(make.whole(), "440000")["flows"]
    assert {one["why"]["code"] for one in moved} == {"SY894"}


def test_a_region_without_firms_gets_a_sentence_and_no_share(make, two_years):
    make.give(two_years, "subjects", "id,kind,gbt2260\nCN-440300,region,440300\n", name="more.csv")
    row = row_of(progress(two_years, "440300", parse("2026", two_years.zone)), "coverage-2027", COVERAGE)
    assert row["missing"]["code"] == "SY895"
    assert "value" not in row


def test_a_target_without_a_figure_says_what_to_weigh_and_what_there_is(two_years):
    row = row_of(progress(two_years, period=parse("2024", two_years.zone)), "coverage-2027", COVERAGE)
    assert row["missing"]["code"] == "SY896"
    assert "2025, 2026" in row["missing"]["what"]
    assert COVERAGE in row["missing"]["do"]
    nothing = row_of(progress(two_years), "equip-invest-2027", "plan2024/equipment-investment-2027")
    assert nothing["missing"]["code"] == "SY899"


def test_published_figures_stand_beside_as_claims_with_their_own_scope(make, two_years):
    beside = progress(two_years)["targets"][0]["claims"]
    share = next(claim for claim in beside if claim["indicator"] == "share_transformed")
    assert (share["value"], share["unit"], share["mark"]) == (89.6, "%", "claim")
    assert "REGISTERED" in share["scope"]
    assert all(row.get("value") != pytest.approx(0.896) for row in progress(two_years)["targets"][0]["rows"])
    make.give(
        two_years,
        "published",
        "indicator,subject,as_of,value,unit,scope,source\nshare_transformed,CN-100000,2026-02-28,91,%,here,home\n",
    )
    own = [claim for claim in progress(two_years)["targets"][0]["claims"] if claim["indicator"] == "share_transformed"]
    assert [(claim["value"], claim["as_of"], claim["kept"]) for claim in own] == [(91, "2026-02-28", "home")]


def test_a_row_that_only_reads_what_others_published_says_so_and_speaks_of_the_nation(make, two_years):
    text = "indicator,subject,as_of,value,unit,scope,source\nkey_process_nc_rate,CN-100000,2026-03-31,66.2,%,,x\n"
    make.give(two_years, "published", text)
    make.weigh(two_years, ["plan2024/nc-rate-2027"], "2026")
    row = row_of(progress(two_years), "nc-2027", "plan2024/nc-rate-2027")
    assert row["rests_on_claims"]
    assert row["place"]["id"] == "CN-100000"
    assert row["in_target_unit"]["value"] == pytest.approx(0.662)
    assert (row["distance"]["short"], row["distance"]["firms_most"]) == (pytest.approx(0.088), None)


def test_a_floor_of_grades_is_a_row_of_its_own(two_years, make):
    make.weigh(two_years, [f"{COVERAGE}[floor=pledged]"], "2026")
    assert row_of(progress(two_years), "coverage-2027", f"{COVERAGE}[floor=pledged]")["value"] == pytest.approx(0.75)


def test_unknown_places_and_homes_that_are_none_are_refused(make, two_years):
    with pytest.raises(UsageError) as refused:
        progress(two_years, "CN-440100x")
    assert refused.value.code == "SY881"
    assert "CN-440100" in refused.value.remedy()
    with pytest.raises(UsageError) as refused:
        progress(make.whole())
    assert refused.value.code == "SY882"


@pytest.mark.parametrize(("text", "why"), [
    ("targets: 5\n", "id: fields"), ("targets: {x: {label: {en: x, zh: x}}}\n", "missing"), ("targets: {x: 5}\n", ""),
    ("targets: {x: {label: {en: x, zh: x}, by: '2027-12-31', unit: '1', of: [nation], status: ours, source: s, value: 1, measures: [no/such]}}\n",
     "no such measure"),
    ("targets: {x: {label: {en: x, zh: x}, by: '2027-12-31', unit: '1', of: [nation], status: ours, source: s}}\n", "unanswerable"),
])  # fmt: skip
def test_a_malformed_target_of_a_home_is_refused_with_its_name(make, text, why):
    home = make.new(subject=PROVINCE)
    folder = home.path / "standards" / "mine"
    folder.mkdir(parents=True)
    (folder / "targets.yaml").write_text(text, encoding="utf-8")
    again = make.open(home.path)
    with pytest.raises(InputError) as refused:
        targets(again.catalog)
    assert refused.value.code == "SY880"
    assert why in refused.value.say()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_words_hold_every_definition_with_its_denominator(two_years, lang):
    text = "\n".join(lines(progress(two_years), lang))
    for words in (
        COVERAGE,
        "4/5" if lang == "zh" else "4 of 5",
        "60.00%…80.00%",
        "pledged",
        "2026-12-31",
        "2025 → 2026",
        "sme-cities",
    ):
        assert words in text
    assert ("合成" if lang == "zh" else "synthetic") in text


def test_the_command_prints_one_json_document(two_years, capsys):
    two_years.close()
    with pytest.raises(SystemExit) as done:
        main(["plan", "progress", str(two_years.path), "--period", "2026", "--since", "2025", "--json"])
    assert done.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["period"] == "2026"
    assert found["synthetic"]
    with pytest.raises(SystemExit) as done:
        main(["plan", "progress", str(two_years.path)])
    assert done.value.code == 0
    assert COVERAGE in capsys.readouterr().out
    assert Home.open(two_years.path).subject_id == PROVINCE
