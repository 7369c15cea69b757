"""What a plant engineer or a programme office is told of an effect: the answer, its grade, its words, and the sentence for bad data."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from steelyard.dots.effect import cycles as effect_cycles
from steelyard.dots.effect import difference as effect_difference
from steelyard.dots.effect import series as effect_series
from steelyard.dots.effect import synthetic as effect_synthetic
from steelyard.dots.effect.claims import claims
from steelyard.errors import SteelyardError

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or ROOT.parent / "shared" / "data") / "effect"
PARKS = {"unit": "park", "time": "year", "outcome": "output", "cohort": "since"}
ASKED = {"n_units", "n_treated", "n_controls", "missing", "method", "design", "grade", "wording", "claims", "simple"}


def parks(**columns):
    """Eight parks over ten years; park p0 is treated from 2018 on and gains 5."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=10).cumsum()
    rows = [
        {"park": f"p{i}", "year": 2012 + t, "since": 2018 if i == 0 else 0,
         "output": 20 + i + shared[t] * (1 + i / 8) + 0.1 * rng.normal() + (5 if i == 0 and t >= 6 else 0)}
        for i in range(8) for t in range(10)
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows)
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    return table


def changed(column, row, value):
    values = parks()[column].to_pylist()
    values[row] = value
    return parks(**{column: values if not isinstance(value, str) else [str(v) for v in values]})


def refusal(call):
    with pytest.raises(SteelyardError) as refused:
        call()
    assert refused.value.say("zh") != refused.value.say("en")
    assert refused.value.remedy("zh")
    return refused.value.code


def test_a_park_gets_an_effect_with_all_that_a_referee_asks_for():
    found = effect_synthetic.answer(parks(), PARKS)
    assert found.keys() >= ASKED
    assert found["simple"]["att"] == pytest.approx(5, abs=0.5)
    assert found["simple"]["low"] < found["simple"]["att"] < found["simple"]["high"]
    assert (found["n_treated"], found["n_controls"], found["grade"], found["wording"]) == (1, 7, "C", "effect")
    assert found["placebo"] == {"n": 7, "rank": 1, "p": 1 / 8}
    assert sum(w["weight"] for w in found["weights"][0]["units"]) == pytest.approx(1)
    assert [row["key"] for row in found["dynamic"]["by"]] == [0, 1, 2, 3]
    json.dumps(found, allow_nan=False)


@pytest.mark.skipif(not DATA.is_dir(), reason="Proposition 99 is not here: set STEELYARD_TEST_DATA")
def test_proposition_99_is_answered_from_its_file():
    panel = pyarrow.csv.read_csv(DATA / "california_prop99.csv", parse_options=pyarrow.csv.ParseOptions(delimiter=";"))
    found = effect_synthetic.answer(
        panel, {"unit": "State", "time": "Year", "outcome": "PacksPerCapita", "treated": "treated"}
    )
    assert found["simple"]["att"] == pytest.approx(-15.60383, abs=1e-4)
    assert found["exact"] == pytest.approx(-15.6054, abs=1e-4)
    assert found["estimators"]["did"] == pytest.approx(-27.34911, abs=1e-4)
    assert found["estimators"]["sc"] == pytest.approx(-19.5136, abs=1e-3)
    assert found["group"]["by"][0]["key"] == 1989


def test_neighbours_of_a_treated_park_are_kept_out_of_its_controls():
    chain = pa.table({"unit": ["p0", "p3", "p5", "elsewhere"], "group": ["NEV", "NEV", "drones", "drones"]})
    found = effect_synthetic.answer(parks(), PARKS | {"exposure": chain})
    assert found["exposed_left_out"] == ["p3"]
    assert found["n_controls"] == 6
    assert any("spill-over" in line for line in effect_synthetic.words(found, "en"))


def test_a_control_with_a_gap_is_left_out_and_named():
    found = effect_synthetic.answer(changed("output", 33, None), PARKS)
    assert found["missing"] == {"cells": 1, "units_left_out": ["p3"]}


def test_a_synthetic_that_does_not_fit_is_called_a_difference_and_graded_d():
    values = np.array(parks()["output"].to_pylist()).reshape(8, 10)
    values[0] = 500 + np.arange(10) % 2  # far outside of what any mixture of the others can be
    found = effect_synthetic.answer(parks(output=values.ravel()), PARKS | {"estimator": "sc"})
    assert (found["grade"], found["wording"]) == ("D", "difference")
    assert "不是效应" in effect_synthetic.words(found, "zh")[0]
    assert "not an effect" in effect_synthetic.words(found, "en")[0]


def test_with_two_controls_there_is_an_effect_but_no_interval_is_made_up():
    found = effect_synthetic.answer(parks().slice(0, 30), PARKS)
    assert found["simple"]["se"] is None
    assert found["placebo"] == {"n": 0, "rank": None, "p": None}
    assert "no interval" in " ".join(effect_synthetic.words(found, "en"))


def test_dates_and_quarters_serve_as_times():
    years = [dt.date(year, 1, 1) for year in parks()["year"].to_pylist()]
    since = [dt.date(2018, 1, 1) if unit == "p0" else None for unit in parks()["park"].to_pylist()]
    by_date = effect_synthetic.answer(parks(year=years, since=since), PARKS)
    quarters = [f"{year}Q1" for year in parks()["year"].to_pylist()]
    by_quarter = effect_synthetic.answer(parks(year=quarters, since=["2018Q1" if s else "" for s in since]), PARKS)
    assert by_date["simple"] == by_quarter["simple"] == effect_synthetic.answer(parks(), PARKS)["simple"]
    assert by_date["group"]["by"][0]["key"] == "2018-01-01"


BAD_PANELS = {
    "text in a number": (lambda: changed("output", 4, "1.2.3"), {}, "SY764"),
    "a cohort below nought": (lambda: parks(since=[-1] * 10 + [0] * 70), {}, "SY116"),
    "an outcome without a value": (lambda: parks(output=[None] * 80), {}, "SY117"),
    "infinity": (lambda: changed("output", 4, "inf"), {}, "SY764"),
    "a column that is not there": (parks, {"outcome": "outputs"}, "SY763"),
    "no column named": (parks, {"unit": None}, "SY763"),
    "two rows for one cell": (lambda: pa.concat_tables([parks(), parks().slice(3, 1)]), {}, "SY765"),
    "a cohort that changes": (lambda: changed("since", 4, 2019), {}, "SY766"),
    "a unit that leaves treatment": (
        lambda: parks(on=[int(i == 0 and 6 <= t < 9) for i in range(8) for t in range(10)]), {"cohort": None, "treated": "on"}, "SY766"),
    "a flag that is neither 0 nor 1": (lambda: parks(on=[2] * 80), {"cohort": None, "treated": "on"}, "SY764"),
    "a gap of the treated": (lambda: changed("output", 7, None), {}, "SY767"),
    "a gap in the times": (lambda: changed("year", 7, None), {}, "SY764"),
    "a cohort of another kind": (lambda: parks(since=["soon"] * 80), {}, "SY764"),
    "nobody treated": (lambda: parks(since=[0] * 80), {}, "SY759"),
    "treated from the start": (lambda: parks(since=[2012] * 10 + [0] * 70), {}, "SY757"),
    "too few periods before": (lambda: parks(since=[2014] * 10 + [0] * 70), {}, "SY757"),
    "all treated at once": (lambda: parks(since=[2018] * 80), {}, "SY756"),
    "an unknown estimator": (parks, {"estimator": "magic"}, "SY755"),
    "an infinite number": (lambda: changed("output", 4, float("inf")), {}, "SY764"),
    "no rows": (lambda: parks().slice(0, 0), {}, "SY759"),
    "a map without its columns": (parks, {"exposure": pa.table({"firm": ["p0"], "group": ["y"]})}, "SY763"),
    "a map of others": (parks, {"exposure": pa.table({"unit": ["x"], "group": ["y"]})}, "SY768"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_PANELS)
def test_a_panel_that_is_wrong_gets_a_sentence(name):
    panel, options, code = BAD_PANELS[name]
    assert refusal(lambda: effect_synthetic.answer(panel(), PARKS | options)) == code


def plant(months=60, start=48, others=2):
    rng = np.random.default_rng(1)
    shared = rng.normal(size=months).cumsum() * 0.3
    rows = [
        {"line": f"L{i}", "month": t, "oee": 60 + shared[t] + 0.5 * rng.normal() + (4 if i == 0 and t >= start else 0),
         "on": int(i == 0 and t >= start), "orders": rng.normal()}
        for i in range(1 + others) for t in range(months)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


LINE = {"unit": "line", "time": "month", "outcome": "oee", "treated": "on"}


def test_one_factory_gets_an_effect_with_a_calibrated_interval():
    found = effect_series.answer(plant(), LINE | {"covariates": ["orders"]})
    assert found.keys() >= ASKED
    assert found["simple"]["low"] < 4 < found["simple"]["high"]
    assert found["simple"]["low"] <= found["nominal"]["low"]
    assert (found["grade"], found["wording"], found["controls"], found["covariates"]) == ("C", "effect", "each", 1)
    assert found["periods"] == {"before": 48, "after": 12}
    assert len(found["path"]) == 12
    json.dumps(found, allow_nan=False)


def test_more_controls_than_periods_bear_stand_as_their_mean():
    assert effect_series.answer(plant(others=9), LINE)["controls"] == "their mean"


def test_without_any_control_one_factory_has_a_difference():
    alone = plant(others=0)
    found = effect_series.answer(alone, LINE)
    by_start = effect_series.answer(alone, {"time": "month", "outcome": "oee", "start": "48"})
    assert (found["grade"], found["wording"]) == ("D", "difference")
    assert by_start["simple"] == found["simple"]
    assert "不是效应" in effect_series.words(found, "zh")[0]
    assert "not an effect" in effect_series.words(found, "en")[0]
    assert "效应" in effect_series.words(effect_series.answer(plant(), LINE), "zh")[0]


@pytest.mark.parametrize(("panel", "options", "code"), [
    (plant(start=8), {}, "SY757"), (plant(start=60), {}, "SY759"), (plant(), {"outcome": "none"}, "SY763"),
    (plant(others=0), {"unit": None, "start": "soon"}, "SY764"), (plant(others=0), {"unit": None}, "SY764"),
    (plant().set_column(3, "on", pa.array([int(t >= 48) for _ in range(3) for t in range(60)])), {}, "SY759"),
    (plant().set_column(4, "orders", pa.array([None] + [0.5] * 179)), {"covariates": ["orders"]}, "SY767"),
])  # fmt: skip
def test_a_series_that_is_wrong_gets_a_sentence(panel, options, code):
    assert refusal(lambda: effect_series.answer(panel, LINE | options)) == code


def projects(n=800):
    rng = np.random.default_rng(2)
    treated = rng.random(n) < 0.5
    begun = rng.integers(0, 800, n)
    days = np.round(400 * np.where(treated, 0.7, 1) * np.exp(0.5 * rng.normal(size=n))).astype(int) + 1
    first, last = dt.date(2023, 1, 1), dt.date(2023, 1, 1) + dt.timedelta(860)
    start = [first + dt.timedelta(int(day)) for day in begun]
    end = [a + dt.timedelta(int(d)) for a, d in zip(start, days, strict=True)]
    return pa.table({
        "new": treated.astype(int), "begun": start, "ended": [e if e <= last else None for e in end],
        "days": np.minimum(days, [(last - a).days for a in start]), "done": [int(e <= last) for e in end],
        "size": rng.normal(size=n),
    }), last  # fmt: skip


CYCLES = {"outcome": "days", "finished": "done", "treated": "new"}


def test_development_cycles_are_told_as_a_time_ratio_beside_the_naive_figure_and_the_claims():
    panel, _ = projects()
    found = effect_cycles.answer(panel, CYCLES)
    assert found.keys() >= ASKED
    assert found["simple"]["low"] < 0.7 < found["simple"]["high"]
    assert found["change_percent"] == pytest.approx(100 * (found["simple"]["att"] - 1))
    assert found["naive"]["bias_points"] > 0
    assert found["naive"]["bias_untreated"] < 0
    assert 0.2 < found["censored"] < 0.6
    assert {row["value"] for row in found["claims"]} == {-30, -20.7, -28.4, -29, -38}
    assert {row["grade"] for row in found["claims"]} == {"D"}
    assert "-28.4 %" in effect_cycles.words(found, "en")[-1]
    assert "未经检验" in effect_cycles.words(found, "zh")[-1]
    json.dumps(found, allow_nan=False)


def test_projects_that_were_not_drawn_by_lot_differ_and_those_that_were_show_an_effect():
    panel, _ = projects()
    plain, matched, drawn = (
        effect_cycles.answer(panel, CYCLES | extra) for extra in ({}, {"covariates": ["size"]}, {"lottery": True})
    )
    assert [found["grade"] for found in (plain, matched, drawn)] == ["D", "C", "A"]
    assert "not an effect" in effect_cycles.words(plain, "en")[0]
    assert "不是效应" in effect_cycles.words(matched, "zh")[0]
    assert "an effect of" in effect_cycles.words(drawn, "en")[0]


def test_dates_of_start_and_end_serve_as_well_as_durations():
    panel, last = projects()
    dates = {"start": "begun", "end": "ended", "treated": "new", "as_of": last.isoformat()}
    written = panel.set_column(2, "ended", pa.array([e.isoformat() if e else "" for e in panel["ended"].to_pylist()]))
    first, second, third = (
        effect_cycles.answer(*args)["simple"] for args in ((panel, CYCLES), (panel, dates), (written, dates))
    )
    assert first == second == third


def test_an_earlier_date_leaves_out_nothing_that_was_known_then_and_nothing_that_came_later():
    panel, last = projects()
    then = last - dt.timedelta(60)
    begun = panel.filter(pa.array([day < then for day in panel["begun"].to_pylist()]))
    found = effect_cycles.answer(begun, {"start": "begun", "end": "ended", "treated": "new", "as_of": then})
    known = sum(day is not None and day <= then for day in begun["ended"].to_pylist())
    assert found["medians"]["treated"]["finished"] + found["medians"]["untreated"]["finished"] == known


@pytest.mark.parametrize(("change", "options", "code"), [
    ({"days": [-1] + [100] * 799}, {}, "SY760"), ({"done": [0] * 800}, {}, "SY761"), ({"new": [1] * 800}, {}, "SY761"),
    ({"days": ["12 months"] + ["100"] * 799}, {}, "SY764"), ({"done": [None] + [1] * 799}, {}, "SY764"),
    ({}, {"outcome": None, "start": "begun", "end": "ended"}, "SY764"),
    ({}, {"outcome": None, "start": "days", "end": "ended", "as_of": "2026-01-01"}, "SY764"),
    ({"ended": ["soon"] * 800}, {"outcome": None, "start": "begun", "end": "ended", "as_of": "2026-01-01"}, "SY764"),
])  # fmt: skip
def test_projects_that_are_wrong_get_a_sentence(change, options, code):
    panel, _ = projects()
    for name, values in change.items():
        panel = panel.set_column(panel.column_names.index(name), name, pa.array(values))
    assert refusal(lambda: effect_cycles.answer(panel, CYCLES | options)) == code


def test_before_and_after_is_a_difference_whatever_it_is():
    treated = pa.table({"f": [f"f{i // 4}" for i in range(20)], "t": [0, 1, 2, 3] * 5, "since": [2] * 20,
                        "y": [10, 10, 13, 14, 11, 11, 14, 15, 9, 9, 13, 13, 10, 10, 13, 13, 10, 10, 14, 14]})  # fmt: skip
    found = effect_difference.answer(treated, {"unit": "f", "time": "t", "outcome": "y", "cohort": "since"})
    assert (found["design"], found["grade"], found["wording"]) == ("before-after", "D", "difference")
    assert found["simple"]["att"] == pytest.approx(3.6)
    assert "not an effect" in effect_difference.words(found, "en")[0]


def test_one_look_at_two_groups_is_a_difference_unless_they_were_drawn_by_lot():
    panel = pa.table({"y": [1.0, 2, 3, 4, 6, 8, None], "new": [0, 0, 0, 1, 1, 1, 1]})
    found = effect_difference.answer(panel, {"outcome": "y", "treated": "new"})
    drawn = effect_difference.answer(panel, {"outcome": "y", "treated": "new", "lottery": True})
    assert (found["simple"]["att"], found["grade"], found["missing"]) == (4, "D", {"cells": 1})
    assert "不是效应" in effect_difference.words(found, "zh")[0]
    assert (drawn["grade"], drawn["wording"]) == ("A", "effect")
    assert effect_difference.words(drawn, "en")[0].startswith("effect")


def test_published_claims_carry_source_and_grade_and_are_found_by_what_they_claim():
    assert {row["value"] for row in claims("efficiency")} == {30, 34.8, 22.3}
    assert {row["value"] for row in claims("defect")} == {-27.4, -50.2}
    assert {row["value"] for row in claims("carbon")} == {-21.2, -20.4}
    assert all(row["source"] and row["grade"] == "D" for row in claims())


def test_a_project_with_two_rows_is_refused_and_one_without_a_name_is_not():
    panel, _ = projects(200)
    ids = [f"P{at}" for at in range(200)]
    named, twice = (
        panel.append_column("p", pa.array([*ids[:-2], None, None])),
        panel.append_column("p", pa.array([*ids[:-1], " P0"])),
    )
    assert effect_cycles.answer(named, CYCLES | {"unit": "p"})["n_units"] == 200
    assert refusal(lambda: effect_cycles.answer(twice, CYCLES | {"unit": "p"})) == "SY765"
    with pytest.raises(SteelyardError, match="P0"):
        effect_cycles.answer(twice, CYCLES | {"unit": "p"})


def test_blanks_around_a_park_do_not_make_another():
    names = [f"{unit} " if at % 2 else unit for at, unit in enumerate(parks()["park"].to_pylist())]
    chain = pa.table({"unit": [" p0", "p3 "], "group": ["NEV", "NEV "]})
    found = effect_synthetic.answer(parks(park=names), PARKS | {"exposure": chain})
    assert (
        found["simple"]
        == effect_synthetic.answer(parks().filter(pa.array([u != "p3" for u in parks()["park"].to_pylist()])), PARKS)[
            "simple"
        ]
    )


SIMPLE = pa.table({"y": [1.0, 2, 3, 4, 6, 8], "new": [0, 0, 0, 1, 1, 1]})
EACH = {
    "synthetic": lambda more: (effect_synthetic, effect_synthetic.answer(parks(), PARKS | more)),
    "series": lambda more: (effect_series, effect_series.answer(plant(), LINE | more)),
    "cycles": lambda more: (effect_cycles, effect_cycles.answer(projects(200)[0], CYCLES | more)),
    "difference": lambda more: (effect_difference, effect_difference.answer(SIMPLE, {"outcome": "y", "treated": "new"} | more)),
}  # fmt: skip


@pytest.mark.parametrize("design", EACH)
def test_claims_stand_beside_every_design_by_one_rule(design):
    """None unasked, but for cycles those on development cycles; those asked for are printed; that there are none is said."""
    _, unasked = EACH[design]({})
    assert all("development_cycle" in row["indicator"] for row in unasked["claims"])
    assert bool(unasked["claims"]) == (design == "cycles")
    told, carbon = EACH[design]({"claims": "carbon"})
    assert {row["value"] for row in carbon["claims"]} == {-21.2, -20.4}
    assert "-21.2" in told.words(carbon, "en")[-1]
    told, none = EACH[design]({"claims": "xyz"})
    assert none["claims"] == []
    assert "no published claim" in told.words(none, "en")[-1]
    assert "xyz" in told.words(none, "zh")[-1]


@pytest.mark.parametrize("design", ["cycles", "difference"])
def test_an_outcome_without_a_value_is_named_in_durations_and_groups_too(design):
    panel = projects(50)[0].set_column(3, "days", pa.array([None] * 50, pa.float64()))
    asked = CYCLES if design == "cycles" else {"outcome": "days", "treated": "new"}
    assert refusal(lambda: (effect_cycles if design == "cycles" else effect_difference).answer(panel, asked)) == "SY117"
