"""Forecasts of a coverage by region: curves, intervals with what they held on the past, intake, tiers, Figures marked estimated."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from plan_worlds import COVERAGE, cities, coverages, curves, figures, levels, roster

from steelyard.cli import main
from steelyard.errors import InputError, SteelyardError, UsageError
from steelyard.model.period import parse
from steelyard.plan.forecast import forecast
from steelyard.plan.forecast_chart import draw
from steelyard.plan.forecast_intake import _by_region, intake
from steelyard.plan.forecast_keep import _about, keep
from steelyard.plan.forecast_words import lines
from steelyard.trace import trace, verify

PROVINCE = "CN-440000"
YEARS = range(2020, 2027)


def province(make, seen, name="province", first=2020):
    """A province whose cities have these coverages (R, T)."""
    home = make.new(name, subject=PROVINCE)
    coverages(home, cities(make, home, len(seen)), seen, first)
    return home


@pytest.fixture(scope="module")
def seen():
    return curves(1, 20, len(YEARS))


@pytest.fixture
def home(make, seen):
    return province(make, seen)


def region(found, name):
    return next(one for one in found["regions"] if one["id"] == name)


def code(ask):
    with pytest.raises(SteelyardError) as refused:
        ask()
    return refused.value.code


def test_every_region_has_a_curve_with_an_interval_and_what_such_intervals_held_stands_beside(home):
    made, found = forecast(home, COVERAGE)
    assert len(found["regions"]) == 20
    assert found["estimated"]
    for one in found["regions"]:
        assert [year["year"] for year in one["years"]] == [2027, 2028, 2029, 2030]
        assert all(0 <= year["low"] <= year["value"] <= year["high"] <= 1 for year in one["years"])
        assert one["years"][0]["value"] >= one["history"][-1]["value"]
    back = found["backtest"]
    assert back["realised"] == made.backtest.coverage
    assert 0.75 <= back["realised"] <= 1
    assert back["error"] < back["straight_line_error"]
    assert [origin["year"] for origin in back["by_origin"]] == [2022, 2023, 2024, 2025]


def test_what_came_later_is_within_the_interval_about_as_often_as_it_says(make):
    held = []
    for seed in range(3):
        seen = curves(seed + 20, 20, 8)
        _, found = forecast(province(make, seen[:, :5], f"home{seed}"), COVERAGE, to=2027)
        came = {
            (one["id"], 2025 + year): seen[at, 5 + year] for at, one in enumerate(found["regions"]) for year in range(3)
        }
        held += [
            year["low"] <= came[one["id"], year["year"]] <= year["high"]
            for one in found["regions"]
            for year in one["years"]
        ]
    assert 0.82 <= np.mean(held) <= 1


def test_all_regions_together_have_an_interval_and_the_chance_of_each_target_by_its_date(home):
    _, found = forecast(home, COVERAGE)
    whole = found["whole"]
    mean = np.mean([one["years"][0]["value"] for one in found["regions"]])
    assert whole["firms"] == 8000
    assert whole["years"][0]["value"] == pytest.approx(mean)
    assert all(year["low"] < year["value"] < year["high"] for year in whole["years"])
    assert [chance["target"] for chance in whole["chances"]] == ["coverage-2027", "round-2030"]
    for one in found["regions"]:
        for chance in one["chances"]:
            assert chance["goal"] == 1
            assert 0 <= chance["low"] <= chance["value"] <= chance["high"] <= 1


def test_what_is_known_of_the_whole_itself_stands_before_its_forecast_with_denominator_and_grade(home, seen):
    coverages(home, [PROVINCE], seen.mean(axis=0, keepdims=True), 2020, among=8000)
    _, found = forecast(home, COVERAGE)
    assert found["whole"]["history"][-1]["value"] == pytest.approx(seen[:, -1].mean())
    assert "heard 7200 of 8000, pledged" in "\n".join(lines(found, "en"))
    assert "<svg" in draw(found, "en")


def test_a_target_after_the_last_year_has_no_chance_told(home):
    _, found = forecast(home, COVERAGE, to=2028)
    assert [chance["target"] for chance in found["whole"]["chances"]] == ["coverage-2027"]


def test_a_region_heard_once_has_the_course_of_all_regions_with_a_wide_interval_and_says_so(make, seen):
    part = seen.copy()
    part[3, :-1] = np.nan
    _, found = forecast(province(make, part), COVERAGE)
    alone = found["regions"][3]
    assert alone["pooled"]
    widths = [one["years"][-1]["high"] - one["years"][-1]["low"] for one in found["regions"] if not one["pooled"]]
    assert alone["years"][-1]["high"] - alone["years"][-1]["low"] > np.median(widths)
    assert "not its own" in "\n".join(lines(found, "en"))


def test_a_region_not_heard_in_the_last_year_has_a_sentence_and_no_forecast(make, seen):
    part = seen.copy()
    part[5, -1] = np.nan
    _, found = forecast(province(make, part), COVERAGE)
    assert len(found["regions"]) == 19
    late = found["without"][0]
    assert "2025" in late["why"]["what"]["en"]
    assert late["name"]["zh"] in "\n".join(lines(found, "zh"))


def test_a_region_without_firms_has_a_sentence_and_no_forecast(make, home):
    make.give(home, "subjects", "id,kind,gbt2260\nCN-445300,region,445300\n", name="more.csv")
    _, found = forecast(home, COVERAGE)
    assert [(one["id"], one["why"]["code"]) for one in found["without"]] == [("CN-445300", "SY895")]


@pytest.mark.parametrize(("years", "expected"), [(0, "SY883"), (1, "SY885"), (2, "SY885")])
def test_too_few_years_give_no_forecast(make, seen, years, expected):
    home = province(make, seen[:, :years]) if years else make.new("empty", subject=PROVINCE)
    if not years:
        cities(make, home, 3)
    assert code(lambda: forecast(home, COVERAGE)) == expected


def test_three_years_give_intervals_that_were_never_tried_and_say_so(make, seen):
    _, found = forecast(province(make, seen[:, :3]), COVERAGE, to=2024)
    assert found["backtest"]["realised"] is None
    assert "never tried" in "\n".join(lines(found, "en"))


def test_few_regions_leave_intervals_open_and_say_so(make, seen):
    _, found = forecast(province(make, seen[:4]), COVERAGE)
    assert {(year["low"], year["high"]) for one in found["regions"] for year in one["years"]} == {(0.0, 1.0)}
    assert "stays open" in "\n".join(lines(found, "en"))


def test_only_shares_years_and_levels_that_there_are_can_be_forecast(home):
    assert code(lambda: forecast(home, "sme2024/level")) == "SY884"
    assert code(lambda: forecast(home, "plan2024/coverage-2027")) == "SY884"
    assert code(lambda: forecast(home, COVERAGE, to=2026)) == "SY889"
    assert code(lambda: forecast(home, COVERAGE, to=2100)) == "SY889"
    assert code(lambda: forecast(home, COVERAGE, by="province")) == "SY883"
    assert code(lambda: forecast(home, "coverage/nothing")) == "SY102"


def plan_of(home, firms, years=range(2027, 2031)):
    """An intake of so many firms a year in the first city, and of none elsewhere."""
    ids = [f"{one['id']}" for one in forecast(home, COVERAGE)[1]["regions"]]
    return [{"region": name, "year": year, "firms": firms if name == ids[0] else 0} for name in ids for year in years]


def test_funded_firms_lift_their_own_region_and_no_other(home):
    rows = plan_of(home, 30)
    _, plain = forecast(home, COVERAGE)
    _, more = forecast(home, COVERAGE, rows=lambda: rows, source="plan.csv")
    lifted = more["regions"][0]["years"][-1]["value"] - plain["regions"][0]["years"][-1]["value"]
    assert lifted > 0.01
    other, same = ([year["value"] for year in found["regions"][1]["years"]] for found in (more, plain))
    assert other == pytest.approx(same, abs=1e-6)
    assert (more["intake"]["name"], more["intake"]["past_told"]) == ("plan.csv", False)
    assert "may count twice" in "\n".join(lines(more, "en"))


def test_an_intake_that_tells_the_past_is_fitted_with_it(home):
    past = plan_of(home, 20, range(2021, 2031))
    _, told = forecast(home, COVERAGE, rows=lambda: past, source="plan.csv")
    _, untold = forecast(home, COVERAGE, rows=lambda: [row for row in past if row["year"] > 2026], source="plan.csv")
    assert told["intake"]["past_told"]
    assert told["regions"][0]["years"][-1]["value"] < untold["regions"][0]["years"][-1]["value"]


@pytest.mark.parametrize(("expected", "change"), [
    ("SY886", {"firms": None}), ("SY886", {"firms": float("nan")}), ("SY886", {"year": None}), ("SY887", {"firms": -3}),
    ("SY887", {"firms": 401}), ("SY887", {"firms": "many"}), ("SY888", {"region": "CN-330100"}), ("SY891", {"year": 2028}),
])  # fmt: skip
def test_an_intake_that_is_unknown_negative_or_of_another_region_is_refused(home, expected, change):
    rows = plan_of(home, 30)
    rows[0] = {**rows[0], **change}
    assert code(lambda: forecast(home, COVERAGE, rows=lambda: rows)) == expected


def test_a_year_that_the_intake_leaves_out_is_not_taken_as_nobody(home):
    rows = plan_of(home, 30)[:-1]
    with pytest.raises(InputError) as refused:
        forecast(home, COVERAGE, rows=lambda: rows)
    assert refused.value.code == "SY886"
    assert "2030" in refused.value.say()


def test_an_intake_can_be_a_table_or_a_plan_that_was_chosen(make, home):
    rows = plan_of(home, 30)
    text = "region,year,firms\n" + "".join(f"{row['region']},{row['year']},{row['firms']}\n" for row in rows)
    make.give(home, "intake", text)
    _, table = forecast(home, COVERAGE, table="intake")
    _, given = forecast(home, COVERAGE, rows=lambda: rows)
    assert table["regions"] == given["regions"]
    assert table["intake"]["sha256"] == given["intake"]["sha256"] != "none"
    assert code(lambda: forecast(home, COVERAGE, table="roster")) == "SY890"
    assert code(lambda: forecast(home, COVERAGE, table="nothing")) == "SY890"
    assert code(lambda: forecast(home, COVERAGE, table="plan_choices:none")) == "SY890"


def test_firms_of_a_chosen_plan_are_counted_by_the_region_of_their_code(home):
    series = forecast(home, COVERAGE)[0].series
    found = list(_by_region([("440305", 2027, 4), ("440300", 2029, 2), (None, 2028, 9)], series))
    told = {(row["region"], row["year"]): row["firms"] for row in found}
    assert len(found) == 20 * 3
    assert (told["CN-440300", 2027], told["CN-440300", 2028], told["CN-440300", 2029], told["CN-440100", 2027]) == (
        4,
        0,
        2,
        0,
    )


def test_a_plan_that_began_before_the_series_ended_is_the_intake_of_its_later_years(home):
    series = forecast(home, COVERAGE)[0].series
    found = list(_by_region([("440305", 2025, 4), ("440305", 2026, 3), ("440305", 2028, 2)], series))
    assert sorted({row["year"] for row in found}) == [2027, 2028]
    shares, told = intake(series, found, 2028)
    place = [one.id for one in series.regions].index("CN-440300")
    assert not told
    assert (shares[place, :-1] == 0).all()
    assert shares[place, -1] > 0


def test_a_kept_forecast_is_estimated_rests_on_the_series_and_says_how_far_to_trust_it(home):
    made, found = forecast(home, COVERAGE)
    done = keep(home, made, found)
    assert [one.made for one in done] == [80, 20, 20]
    name = f"forecast/coverage[by=city,of={COVERAGE},origin=2026]"
    held = home.figures(name, found["regions"][0]["id"]).to_pylist()
    assert [one["value"] for one in held] == [year["value"] for year in found["regions"][0]["years"]]
    assert all(one["estimated"] for one in held)
    flags = set(held[0]["flags"])
    assert {"horizon_1", f"realised_{found['backtest']['realised']:.2f}", "level_0.90", "synthetic"} <= flags
    below = {digest.hex() for digest in home.inputs_of(held[0]["inputs"])}
    assert below == {digest.hex() for digest in made.series.figures["digest"].to_pylist()}
    assert trace(home, held[0]["digest"].hex()).state == "SHOWN"
    assert verify(home).holds
    again = keep(home, *forecast(home, COVERAGE))
    assert [(one.made, one.unchanged) for one in again] == [(0, 80), (0, 20), (0, 20)]


def test_forecasts_with_another_intake_stand_beside_each_other(home):
    for firms in (10, 40):
        rows = plan_of(home, firms)
        keep(home, *forecast(home, COVERAGE, rows=lambda rows=rows: rows))
    held = {one["measure"] for one in home.figures("forecast/coverage*").to_pylist()}
    assert len(held) == 2
    assert all("intake=" in name for name in held)


def test_the_coverage_that_is_forecast_is_not_touched(home):
    before = home.figures(COVERAGE)
    keep(home, *forecast(home, COVERAGE))
    assert home.figures(COVERAGE).equals(before)


def test_a_parameter_that_a_forecast_has_no_place_for_is_refused(home):
    measure = home.catalog.measure(COVERAGE)
    assert _about(replace(measure, chosen={"floor": "documented"}), 2026, "city", "none")["floor"] == "documented"
    with pytest.raises(UsageError) as refused:
        _about(replace(measure, chosen={"other": "1"}), 2026, "city", "none")
    assert refused.value.code == "SY892"


@pytest.fixture
def firms(make):
    """Three cities of 30 firms that rise over three years; some leave, some enter, some are silent; sizes of some are known."""
    home = make.new("firms", subject=PROVINCE)
    places = cities(make, home, 3)
    dice = np.random.default_rng(5)
    rows, known = [], {}
    for at, place in enumerate(places):
        for number in range(30):
            firm, since, until = f"F{at}-{number}", 2020, ""
            until = "2025-01-01" if number < 3 else ""
            since = 2025 if number >= 26 else 2020
            rows.append((firm, place.removeprefix("CN-"), f"{since}-01-01", until))
            level = int(dice.integers(0, 2))
            for year in range(max(since, 2024), 2025 if until else 2027):
                level = min(level + int(dice.random() < 0.4), 4)
                if dice.random() > 0.1:
                    known[firm, year] = level
    roster(make, home, rows)
    make.give(
        home,
        "roster",
        "enterprise,list,since,until\n"
        + "".join(f"F0-{n},{'large' if n < 9 else 'small'},2020-01-01,\n" for n in range(30)),
        name="sizes.csv",
    )
    levels(home, known)
    for year in range(2024, 2027):
        make.weigh(home, [COVERAGE], str(year))
    return home


def test_tiers_move_by_size_and_region_and_nobody_is_lost(firms):
    _, found = forecast(firms, COVERAGE)
    tiers = found["tiers"]
    assert tiers["sizes_known"] == ["large", "small"]
    assert tiers["tiers"] == 5
    rates = np.array(tiers["rates"])
    assert rates.sum(axis=1) == pytest.approx(np.ones(5))
    assert tiers["left"] > 0 < tiers["entered"]
    assert tiers["moves_unheard"] > 0
    first = tiers["years"][0]
    for year in tiers["years"]:
        assert sum(year["firms"]) + year["left"] == pytest.approx(sum(first["firms"]) + year["entered"])
    assert first["left"] == first["entered"] == 0
    assert tiers["years"][-1]["share"] > first["share"]
    by_region = np.array([[cell[0] for cell in one["expected"]] for one in tiers["by_region"]])
    assert by_region.sum(axis=0) == pytest.approx(tiers["years"][-1]["firms"])


def test_firms_that_stay_and_are_silent_do_not_make_the_others_leave_more_often(make):
    """A fifth of 200 firms leave the roster; of the rest every second is heard in both years."""
    home = make.new("silent", subject=PROVINCE)
    (place,) = cities(make, home, 1)
    names = [f"F{number:03d}" for number in range(200)]
    leaves = set(names[:40])
    code = place.removeprefix("CN-")
    roster(make, home, [(name, code, "2020-01-01", "2026-01-01" if name in leaves else "") for name in names])
    heard = set(names[40::2])
    levels(home, {(name, "2025"): 1 for name in names} | {(name, "2026"): 1 for name in heard}
           | {(name, "2024"): 1 for name in names})  # fmt: skip
    for year in ("2024", "2025", "2026"):
        make.weigh(home, [COVERAGE], year)
    tiers = forecast(home, COVERAGE)[1]["tiers"]
    assert (tiers["left"], tiers["moves_unheard"]) == (40, 80)
    assert tiers["rates"][1][-1] == pytest.approx(40 / 400, abs=0.005)  # of 200 firms in each of two years


def test_the_first_year_of_tiers_is_the_figure_that_was_weighed(firms):
    _, found = forecast(firms, COVERAGE)
    first = found["tiers"]["years"][0]
    held = firms.figures(COVERAGE, PROVINCE, parse("2026", firms.zone)).to_pylist()[0]
    assert (sum(first["firms"]), first["share"]) == (held["heard"], pytest.approx(held["value"]))
    assert found["tiers"]["unheard_now"] == held["among"] - held["heard"]


def test_kept_firms_of_a_tier_are_figures_of_their_own(firms):
    keep(firms, *forecast(firms, COVERAGE))
    held = firms.figures("forecast/firms*").to_pylist()
    assert len(held) == 15
    assert all(one["low"] <= one["value"] <= one["high"] and one["estimated"] for one in held)


def test_without_firms_heard_two_years_running_nothing_is_told_of_tiers(home):
    _, found = forecast(home, COVERAGE)
    assert found["tiers"] is None
    assert "nothing is told of how they move" in "\n".join(lines(found, "en"))


def test_a_forecast_of_what_was_published_by_others_has_no_tiers(make, seen):
    home = make.new("published", subject="CN-100000")
    cities(make, home, 1)
    figures(
        home,
        "coverage/national-platform",
        [("CN-440000", year, 0.5 + at / 20, 0.4, 0.9, 5, 9) for at, year in enumerate(YEARS)],
    )
    _, found = forecast(home, "coverage/national-platform")
    assert found["by"] == "province"
    assert found["tiers"] is None


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_words_name_every_region_and_mark_what_is_estimated_and_synthetic(home, lang):
    _, found = forecast(home, COVERAGE)
    text = "\n".join(lines(found, lang))
    for words in (
        "估算" if lang == "zh" else "estimated",
        "合成" if lang == "zh" else "synthetic",
        f"{found['backtest']['realised']:.1%}",
    ):
        assert words in text
    assert all(one["name"][lang] in text for one in found["regions"])


def test_the_chart_is_svg_with_a_panel_for_each_region_its_band_and_claims_as_marks(home):
    _, found = forecast(home, COVERAGE)
    drawn = ET.fromstring(draw(found, "zh"))  # noqa: S314  # our own
    names = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {one["name"]["zh"] for one in found["regions"]} <= names
    assert any("估算" in (name or "") for name in names)
    titles = [title.text for title in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert any("share_transformed" in title for title in titles)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 20 * len(YEARS)


def test_the_command_reads_an_intake_keeps_draws_and_prints_one_json_document(make, home, tmp_path, capsys):
    rows = plan_of(home, 20)
    plan = make.file(
        "plan.csv", "region,year,firms\n" + "".join(f"{r['region']},{r['year']},{r['firms']}\n" for r in rows)
    )
    home.close()
    chart = tmp_path / "chart.svg"
    with pytest.raises(SystemExit) as done:
        main(
            [
                "plan",
                "forecast",
                str(home.path),
                "--measure",
                COVERAGE,
                "--intake",
                str(plan),
                "--keep",
                "--chart",
                str(chart),
                "--json",
            ]
        )
    assert done.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["intake"]["name"] == "plan.csv"
    assert found["kept"][0]["made"] == 80
    assert chart.read_text(encoding="utf-8").startswith("<svg")
    for wrong in ("none.csv", str(make.file("bad.csv", "a,b\n1,2\n"))):
        with pytest.raises(SystemExit) as done:
            main(["plan", "forecast", str(home.path), "--measure", COVERAGE, "--intake", wrong])
        assert done.value.code == 3
        assert "SY890" in capsys.readouterr().err
