"""The command ``effect`` on staggered panels: what it says, how it grades, and what it answers to panels that are wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from steelyard.cli.main import main
from steelyard.dots.effect.staggered import answer
from steelyard.dots.effect.words import words
from steelyard.errors import SteelyardError

DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data") / "effect"
published = pytest.mark.skipif(not DATA.is_dir(), reason=f"the published panels are not at {DATA}")
MPDTA = ["--unit", "countyreal", "--time", "year", "--outcome", "lemp", "--cohort", "first.treat"]
OPTIONS = {"unit": "firm", "time": "year", "outcome": "y", "cohort": "g"}
YEARS = np.arange(2018, 2026)


def firms(seed: int = 1, n: int = 900, effect: float = 0.4, cohorts=(0, 0, 2021, 2022, 2023)) -> dict[str, np.ndarray]:
    """A panel in columns: an effect that starts at once and stays, unit and year effects, serial correlation."""
    dice = np.random.default_rng(seed)
    g = dice.choice(cohorts, n)
    noise = dice.standard_normal((n, len(YEARS))) * 0.3
    y = (
        dice.standard_normal((n, 1))
        + 0.05 * (YEARS - 2018)
        + noise
        + effect * ((g[:, None] > 0) & (g[:, None] <= YEARS))
    )
    return {
        "firm": np.repeat(np.arange(n) + 1000, len(YEARS)),
        "year": np.tile(YEARS, n),
        "y": y.ravel(),
        "g": np.repeat(g, len(YEARS)),
    }


def asked(columns: dict, **options) -> dict:
    return answer(pa.table(columns), OPTIONS | options)


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["effect", *arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@published
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_command_prints_the_published_numbers(capsys, tmp_path, ending):
    path = DATA / "mpdta.csv"
    if ending == "parquet":
        path = tmp_path / "mpdta.parquet"
        pq.write_table(pa.csv.read_csv(DATA / "mpdta.csv"), path)
    status, out, _ = command(capsys, str(path), *MPDTA, "--json")
    found = json.loads(out)
    assert status == 0
    for way, (att, se) in {"simple": (-0.0399512751551763, 0.0120340127701854), "dynamic": (-0.0772398214573151, 0.0199649890618494),
                           "group": (-0.0310182822, 0.0124460593), "calendar": (-0.0417004321, 0.0159718519)}.items():  # fmt: skip
        assert (found[way]["att"], found[way]["se"]) == (pytest.approx(att, abs=1e-9), pytest.approx(se, abs=1e-9))
        assert found[way]["low"] == pytest.approx(att - 1.959964 * se, abs=1e-8)
    assert [(c["group"], c["time"]) for c in found["att_gt"]] == [
        (g, t) for g in (2004, 2006, 2007) for t in range(2004, 2008)
    ]
    assert found["pretest"] == {"w": pytest.approx(7.79123662720035), "df": 5, "p": pytest.approx(0.16812, abs=1e-5)}
    assert (found["n_units"], found["n_treated"], found["base"], found["controls"]) == (500, 191, "varying", "never")
    assert found["crosschecks"]["imputation"]["att"] == pytest.approx(-0.04770992, abs=5e-9)
    assert found["crosschecks"]["sun_abraham"]["att"] == pytest.approx(-0.03995128, abs=5e-9)
    assert found["bacon"]["twfe"] == pytest.approx(-0.036549, abs=1e-6)
    assert found["bands"]["critical"] > 1.96
    assert [one["key"] for one in found["dynamic"]["by"]] == [-3, -2, -1, 0, 1, 2, 3]


@published
@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("zh", ["效应 -0.03995", "证据等级 B", "仅供诊断，不是效应"]),
        ("en", ["effect -0.03995", "grade B", "not the effect"]),
    ],
)
def test_the_command_speaks_both_languages(capsys, monkeypatch, language, says):
    monkeypatch.setenv("STEELYARD_LANG", language)
    status, out, _ = command(capsys, str(DATA / "mpdta.csv"), *MPDTA)
    assert status == 0
    assert all(part in out for part in says)


def test_a_planted_effect_is_found_and_graded_b():
    found = asked(firms())
    assert found["simple"]["low"] < 0.4 < found["simple"]["high"]
    assert (found["grade"], found["wording"], found["grade_reason"]) == ("B", "effect", "pretrend_and_bound_hold")
    assert found["breakdown"] > 1
    assert words(found, "en")[0].startswith("effect 0.")


def test_a_lottery_is_graded_a():
    assert asked(firms(effect=0.0), lottery=True)["grade"] == "A"


def test_no_effect_is_a_difference_of_grade_c():
    found = asked(firms(effect=0.0))
    assert (found["grade"], found["breakdown"], found["wording"]) == ("C", 0, "difference")
    assert words(found, "zh")[0].startswith("差异（不是效应）")


def test_trends_that_part_before_treatment_are_a_difference_of_grade_d():
    panel = firms()
    panel["y"] = panel["y"] + 0.1 * (panel["g"] > 0) * (panel["year"] - 2018)
    found = asked(panel)
    assert (found["grade"], found["grade_reason"]) == ("D", "pretrend_rejected")
    assert words(found, "en")[0].startswith("difference, not effect")


def test_a_panel_without_a_time_to_test_is_graded_c():
    panel = firms(cohorts=(0, 2022))
    held = panel["year"] >= 2021
    found = asked({name: values[held] for name, values in panel.items()})
    assert (found["grade"], found["grade_reason"], found["pretest"]["df"]) == ("C", "pretrend_untestable", 0)
    assert found["honest"] is None


def test_a_fifth_of_the_firms_leaving_is_said_by_arm_with_what_the_rest_say():
    """The weak close, treated or not: a comparison takes all firms seen at both of its times, and the complete ones speak beside it."""
    panel = firms(n=2000)
    dice = np.random.default_rng(0)
    weak = panel["y"].reshape(-1, len(YEARS))[:, :3].mean(axis=1) + dice.standard_normal(2000) * 0.2
    gone = weak < np.quantile(weak, 0.2)
    held = ~(np.repeat(gone, len(YEARS)) & (panel["year"] > 2022))
    found = asked({name: values[held] for name, values in panel.items()})
    lost = found["attrition"]
    assert (lost["left"], lost["complete"], lost["left_share"]) == (400, 1600, pytest.approx(0.2))
    assert lost["unseen_cells"] == 1200
    assert lost["left_treated"] + lost["left_untreated"] == pytest.approx(0.4, abs=0.05)
    assert lost["complete_only"]["att"] - found["simple"]["att"] == pytest.approx(lost["complete_only"]["difference"])
    assert found["simple"]["att"] == pytest.approx(asked(panel)["simple"]["att"], abs=0.02)
    assert found["simple"]["se"] > asked(panel)["simple"]["se"]
    assert any("400" in line and "20.0%" in line for line in words(found, "en"))


def test_a_cohort_with_a_wrong_date_is_named_with_what_it_does():
    """The firms of 2021 are written down as 2023: they fail their own pre-trend test, and the result moves back without them."""
    panel = firms(n=2000)
    truth = asked(panel)["simple"]["att"]
    panel["g"] = np.where(panel["g"] == 2021, 2024, panel["g"])
    found = asked(panel)
    by = {one["cohort"]: one for one in found["cohorts"]}
    assert [g for g, one in by.items() if one["suspect"]] == [2024]
    assert found["simple"]["att"] < truth - 0.05
    assert by[2024]["without"] == pytest.approx(0.4, abs=0.04)
    assert found["grade"] == "D"
    assert any("2024" in line and "its date may be wrong" in line for line in words(found, "en"))


def test_exposed_neighbours_and_clusters_are_said():
    panel = firms(n=300)
    unit = np.arange(300) + 1000
    exposure = pa.table({"unit": [str(u) for u in unit[:40]], "group": ["chain"] * 40})
    found = asked(panel | {"park": panel["firm"] % 12}, exposure=exposure, cluster="park")
    g = panel["g"].reshape(-1, len(YEARS))[:40, 0]
    assert found["exposed"] == (g != 2021).sum()
    assert found["interval"]["clusters"] == 12
    assert found["interval"]["few_clusters"]
    assert any("too few" in line for line in words(found, "en"))


def test_a_column_of_noughts_and_ones_does_for_a_cohort():
    panel = firms()
    on = ((panel["g"] > 0) & (panel["year"] >= panel["g"])).astype(int)
    flagged = {"firm": panel["firm"], "year": panel["year"], "y": panel["y"], "on": on}
    found = answer(pa.table(flagged), {"unit": "firm", "time": "year", "outcome": "y", "treated": "on"})
    assert found["simple"]["att"] == pytest.approx(asked(panel)["simple"]["att"])


def test_empty_outcomes_are_counted_and_never_nought():
    panel = firms()
    panel["y"] = np.where(np.arange(len(panel["y"])) % 10 == 3, np.nan, panel["y"])
    found = asked(panel)
    assert found["missing"]["outcome_empty"] == len(panel["y"]) // 10
    assert found["simple"]["low"] < 0.4 < found["simple"]["high"]


def spoiled(name, at, value):
    def spoil(panel):
        values = panel[name].tolist()
        values[at] = value
        return panel | {name: values}

    return spoil


WRONG = {
    "SY116": lambda p: p | {"g": np.where(p["firm"] == 1003, -1, p["g"])},
    "SY117": lambda p: p | {"y": np.full(len(p["y"]), np.nan)},
    "SY118": lambda p: p | {"y": np.where((p["g"] == 0) & (p["year"] > 2018), np.nan, p["y"])},
    "SY740": lambda p: p | {"year": p["year"] * 100 + 3},
    "SY741": lambda p: {name: values[p["year"] == 2022] for name, values in p.items()},
    "SY742": lambda p: p | {"g": np.zeros(len(p["g"]), dtype=int)},
    "SY743": lambda p: {name: values[p["g"] > 0] for name, values in p.items()},
    "SY744": lambda p: {name: values[p["g"] == 2021] for name, values in p.items()},
    "SY746": lambda p: p | {"y": [str(v) if at != 5 else "n.a. yet" for at, v in enumerate(p["y"])]},
    "SY747": lambda p: p | {"year": p["year"] + 0.5},
    "SY748": spoiled("firm", 3, None),
    "SY765": lambda p: {name: np.append(values, values[:1]) for name, values in p.items()},
    "SY766": lambda p: p | {"g": np.where(np.arange(len(p["g"])) == 4, 2022, p["g"])},
}  # fmt: skip


@pytest.mark.parametrize("code", WRONG)
def test_each_wrong_panel_gets_its_sentence(code):
    panel = firms(n=60)
    panel["g"][:8] = 2021
    with pytest.raises(SteelyardError) as refused:
        asked(WRONG[code](panel))
    assert refused.value.code == code
    for language in ("zh", "en"):
        assert refused.value.say(language)
        assert refused.value.remedy(language)


def test_a_panel_without_rows_has_no_periods():
    with pytest.raises(SteelyardError) as refused:
        asked({name: values[:0] for name, values in firms(n=40).items()})
    assert (refused.value.code, refused.value.facts) == ("SY741", {"periods": 0})


def test_published_claims_stand_beside_when_they_are_asked_for():
    found = asked(firms(n=200), claims="development_cycle")
    assert {one["grade"] for one in found["claims"]} == {"D"}
    assert any("-30 %" in line and "not tested here" in line for line in words(found, "en"))


@pytest.mark.parametrize("ending", ["xlsx", "jsonl"])
def test_workbooks_and_lines_of_json_are_panels_too(capsys, tmp_path, ending):
    panel = firms(n=60)
    rows = [
        dict(zip(panel, row, strict=True)) for row in zip(*(values.tolist() for values in panel.values()), strict=True)
    ]
    path = tmp_path / f"panel.{ending}"
    if ending == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    else:
        book = Workbook()
        for row in [list(panel), *(list(row.values()) for row in rows)]:
            book.active.append(row)
        book.save(path)
    status, out, _ = command(
        capsys, str(path), "--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--json"
    )
    assert status == 0
    assert json.loads(out)["simple"]["att"] == pytest.approx(asked(panel)["simple"]["att"])


def test_a_unit_that_leaves_treatment_is_named():
    panel = firms(n=40)
    on = ((panel["g"] > 0) & (panel["year"] >= panel["g"])).astype(int)
    last = int(np.flatnonzero(on)[-1])
    on[last] = 0
    with pytest.raises(SteelyardError) as refused:
        answer(pa.table(panel | {"on": on}), {"unit": "firm", "time": "year", "outcome": "y", "treated": "on"})
    assert refused.value.code == "SY766"
    assert str(panel["firm"][last]) in refused.value.say("en")


def test_text_in_a_number_is_named_by_row_and_cell(capsys, tmp_path):
    path = tmp_path / "panel.csv"
    rows = [f"{u},{t},{u + t / 7},{2020 if u > 3 else 0}" for u in range(8) for t in range(2018, 2023)]
    rows[11] = "2,2019,壹点五,0"
    path.write_text("\n".join(["firm,year,y,g", *rows]), encoding="gb18030")
    status, _, err = command(capsys, str(path), "--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g")
    assert status == 3
    assert "SY746" in err
    assert "12" in err
    assert "壹点五" in err


@pytest.mark.parametrize(("arguments", "code", "status"), [
    (["--unit", "firm", "--time", "year", "--outcome", "y"], "SY750", 2),
    (["--unit", "firm", "--time", "year", "--outcome", "sales", "--cohort", "g"], "SY763", 2),
    (["--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--estimator", "magic"], "SY754", 2),
    (["--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--design", "magic"], "SY754", 2),
])  # fmt: skip
def test_what_is_asked_wrongly_is_said(capsys, tmp_path, arguments, code, status):
    path = tmp_path / "panel.parquet"
    pq.write_table(pa.table(firms(n=40)), path)
    ended, _, err = command(capsys, str(path), *arguments)
    assert (ended, err[:5]) == (status, code)


def test_ids_keep_their_noughts(capsys, tmp_path):
    """Units 007 and 7 are two."""
    panel = firms(n=80)
    path = tmp_path / "panel.csv"
    names = np.where(panel["firm"] < 1040, "00", "").astype(object) + (panel["firm"] % 40).astype(str)
    rows = [",".join(map(str, row)) for row in zip(names, panel["year"], panel["y"], panel["g"], strict=True)]
    path.write_text("\n".join(["firm,year,y,g", *rows]), encoding="utf-8")
    status, out, _ = command(
        capsys, str(path), "--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--json"
    )
    assert (status, json.loads(out)["n_units"]) == (0, 80)


LINES = [f"L{line},{month},{0.6 + 0.01 * ((month * 7 + line * 3) % 5) + (0.2 if on else 0)},{on}"
         for line in range(4) for month in range(36) for on in [int(line == 0 and month >= 24)]]  # fmt: skip
PROJECTS = [f"{40 + at % 37 - (10 if at % 2 else 0)},{int(at % 5 > 0)},{at % 2}" for at in range(100)]
OTHERS = {
    "series": (
        "line,month,oee,on",
        LINES,
        ["--unit", "line", "--time", "month", "--outcome", "oee", "--treated", "on"],
    ),
    "synthetic": (
        "line,month,oee,on",
        LINES,
        ["--unit", "line", "--time", "month", "--outcome", "oee", "--treated", "on"],
    ),
    "cycles": ("days,done,new", PROJECTS, ["--outcome", "days", "--finished", "done", "--treated", "new"]),
    "difference": ("days,done,new", PROJECTS, ["--outcome", "days", "--treated", "new"]),
}


@pytest.mark.parametrize("design", OTHERS)
def test_every_design_answers_through_the_one_command(capsys, tmp_path, design):
    head, rows, arguments = OTHERS[design]
    path = tmp_path / "data.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    status, out, _ = command(capsys, str(path), "--design", design, *arguments, "--json")
    assert status == 0
    assert json.loads(out)["grade"] in "ABCD"
    status, _, err = command(
        capsys,
        str(path),
        "--design",
        design,
        *[name.replace("oee", "ooe").replace("days", "day") for name in arguments],
    )
    assert (status, err[:5]) == (2, "SY763")


@pytest.mark.parametrize("seed", [1, 2])
def test_neither_the_order_of_rows_nor_the_names_of_units_count(seed):
    panel = firms(n=120)
    order = np.random.default_rng(seed).permutation(len(panel["y"]))
    shuffled = {name: values[order] for name, values in panel.items()} | {
        "firm": [f"厂{u * 7919 % 100003}" for u in panel["firm"][order]]
    }
    found, other = asked(panel), asked(shuffled)
    for way in ("simple", "dynamic", "group", "calendar"):
        assert (other[way]["att"], other[way]["se"]) == (
            pytest.approx(found[way]["att"]),
            pytest.approx(found[way]["se"]),
        )
    assert other["pretest"] == pytest.approx(found["pretest"])
    assert other["breakdown"] == pytest.approx(found["breakdown"], abs=0.02)


def test_the_same_seed_gives_the_same_bands():
    panel = firms(n=120)
    assert asked(panel, seed=7)["bands"] == asked(panel, seed=7)["bands"]


def test_uneven_times_have_no_honest_bounds_and_are_graded_c():
    panel = firms(n=400)
    held = panel["year"] != 2019
    found = asked({name: values[held] for name, values in panel.items()})
    assert found["honest"] is None
    assert found["grade"] == "C"


@pytest.mark.parametrize("value", [0.0, 0.1, 7.3])
def test_an_outcome_that_does_not_vary_has_no_bounds_and_says_so(value):
    panel = firms(n=120)
    found = asked(panel | {"y": np.full(len(panel["y"]), value)})
    assert (found["honest"], found["no_bounds"], found["grade"], found["grade_reason"]) == (
        None,
        "no_spread",
        "C",
        "no_spread",
    )
    assert found["simple"]["att"] == 0
    assert any("no honest bounds" in line for line in words(found, "en"))
    assert any("没有稳健界限" in line for line in words(found, "zh"))


def test_an_outcome_of_firm_and_year_alone_has_no_bounds():
    panel = firms(n=120)
    found = asked(panel | {"y": panel["firm"] * 0.37 + panel["year"] * 0.11})
    assert (found["honest"], found["no_bounds"]) == (None, "no_spread")
    assert (found["simple"]["att"], found["simple"]["se"], found["simple"]["low"]) == (
        pytest.approx(0, abs=1e-9),
        None,
        None,
    )


def test_blanks_around_a_name_do_not_make_another_unit(capsys, tmp_path):
    panel = firms(n=80)
    path, clean = tmp_path / "panel.csv", asked(panel)
    names = [f" {u}" if at % 3 == 0 else f"{u} " if at % 3 == 1 else u for at, u in enumerate(panel["firm"])]
    rows = [
        ",".join(map(str, row))
        for row in zip(names, panel["year"], panel["y"], panel["g"], panel["firm"] % 40, strict=True)
    ]
    path.write_text("\n".join(["firm,year,y,g,park", *rows]).replace(",7\n", ", 7\n", 3), encoding="utf-8")
    options = ["--unit", "firm", "--time", "year", "--outcome", "y", "--cohort", "g", "--cluster", "park", "--json"]
    found = json.loads(command(capsys, str(path), *options)[1])
    assert (found["n_units"], found["interval"]["clusters"]) == (80, 40)
    assert found["simple"]["att"] == pytest.approx(clean["simple"]["att"])


def test_a_blank_for_a_name_is_no_name():
    with pytest.raises(SteelyardError) as refused:
        asked(spoiled("firm", 3, "  ")(firms(n=20) | {"firm": np.repeat([f"u{at}" for at in range(20)], len(YEARS))}))
    assert (refused.value.code, refused.value.facts["row"]) == ("SY748", 4)


def test_a_claim_that_no_one_published_is_said_and_unasked_there_are_none():
    found = asked(firms(n=60), claims="xyz")
    assert (found["claims"], found["claims_asked"]) == ([], "xyz")
    assert any("xyz" in line and "development_cycle" in line for line in words(found, "en"))
    assert any("xyz" in line for line in words(found, "zh"))
    assert asked(firms(n=60))["claims"] == []
