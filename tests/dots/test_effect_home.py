"""The command ``effect`` on a home: its Figures as a panel, and the effect as a Figure of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from steelyard.cli.main import main
from steelyard.trace.trace import trace


def command(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["effect", *arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def build_works(make, since: int):
    """Twelve firms with their energy of five years; the first six reach level 2 of sme2024 in ``since`` and save a tenth from then on."""
    home = make.new("works", subject="440300")
    names = [f"E{at}" for at in range(12)]
    make.give(home, "subjects", "id,kind,gbt2260\n" + "".join(f"{name},enterprise,440300\n" for name in names))
    dice = np.random.default_rng(1)
    energy = ["unit,meter,carrier,start,end,quantity"]
    for at, name in enumerate(names):
        for year in range(2021, 2026):
            used = (1000 + 40 * at) * (0.9 if at < 6 and year >= since else 1.0) * (1 + 0.01 * dice.standard_normal())
            energy.append(
                f"{name},main,electricity_kwh,{year}-01-01T00:00:00+08:00,{year + 1}-01-01T00:00:00+08:00,{used:.3f}"
            )
    make.give(home, "energy_use", "\n".join(energy))
    for file, level, at, some in (
        ("before.csv", 0, "2019-03-01", names),
        ("after.csv", 3, f"{since}-03-01", names[:6]),
    ):
        text = "subject,item,at,value,grade,document\n" + "".join(
            make.answers(name, level, at, "declared") for name in some
        )
        assert make.give(home, "answers", text, file).rows_refused == 0
    for year in range(2021, 2026):
        make.weigh(
            home, ["energy/consumption", *(["sme2024/level"] if year >= 2024 else [])], str(year)
        )  # in force since 2024
    return home


@pytest.fixture
def works(make):
    return build_works(make, 2025)


@pytest.mark.parametrize("cohort", ["sme2024/level", "S1"])
def test_figures_of_a_home_are_a_panel(capsys, works, cohort):
    status, out, err = command(
        capsys, str(works.path), "--outcome", "energy/consumption", "--cohort", cohort, "--reaches", "2", "--json"
    )
    assert err == ""
    found = json.loads(out)
    assert status == 0
    assert (found["n_units"], found["n_treated"], found["periods"]) == (12, 6, [2021, 2022, 2023, 2024, 2025])
    assert [one["cohort"] for one in found["cohorts"]] == [2025]
    assert found["missing"]["start_unknown"] == []
    used = 0.1229 * (1000 + 40 * 2.5)
    assert found["simple"]["att"] == pytest.approx(-0.1 * used, rel=0.15)


def test_an_effect_is_kept_as_an_estimated_figure_that_traces_to_the_figures_behind_it(capsys, works):
    asked = [
        str(works.path),
        "--outcome",
        "energy/consumption",
        "--cohort",
        "sme2024/level",
        "--reaches",
        "2",
        "--keep",
        "--json",
    ]
    _, out, err = command(capsys, *asked)
    found = json.loads(out)
    name = "effect/att[cohort=sme2024/level,outcome=energy/consumption,reaches=2]"
    assert (err, found["figure"]) == ("", {"measure": name, "made": 1, "replaced": 0, "unchanged": 0})
    (figure,) = works.figures(name).to_pylist()
    assert (figure["subject"], figure["estimated"], figure["heard"], figure["among"]) == ("440300", True, 6, 12)
    assert (figure["value"], figure["low"], figure["high"]) == tuple(
        found["simple"][key] for key in ("att", "low", "high")
    )
    assert f"evidence_{found['grade']}" in figure["flags"]
    root = trace(works, figure["digest"])
    assert root.state == "SHOWN"
    assert len(root.children) + root.more == len(works.figures("energy/consumption")) + len(
        works.figures("sme2024/level")
    )
    assert json.loads(command(capsys, *asked)[1])["figure"]["unchanged"] == 1


def test_a_file_and_a_home_without_a_subject_cannot_keep_an_effect(capsys, works):
    status, _, err = command(capsys, "panel.csv", "--outcome", "y", "--keep")
    assert (status, "SY115" in err) == (2, True)


@pytest.mark.parametrize(("arguments", "code"), [
    (["--outcome", "energy/nothing", "--cohort", "sme2024/level"], "SY751"), (["--outcome", "energy/consumption", "--cohort", "S1"], "SY752"),
    (["--outcome", "energy/consumption"], "SY750"),
])  # fmt: skip
def test_a_home_without_such_figures_says_so(capsys, works, arguments, code):
    status, _, err = command(capsys, str(works.path), *arguments)
    assert status in (2, 3)
    assert err.startswith(code)


def test_firms_that_reach_the_level_when_it_first_sees_them_are_left_out_and_said(capsys, monkeypatch, make):
    """The level is in force since 2024 and then six have it: they may have had it before. Answers reach back to 2019 and tell."""
    monkeypatch.setenv("STEELYARD_LANG", "en")
    home = build_works(make, 2024)
    asked = [str(home.path), "--outcome", "energy/consumption", "--reaches", "2"]
    status, _, err = command(capsys, *asked, "--cohort", "sme2024/level")
    assert (status, err[:5], "6 subjects" in err) == (3, "SY119", True)
    found = json.loads(command(capsys, *asked, "--cohort", "S1", "--json")[1])
    assert ([one["cohort"] for one in found["cohorts"]], found["missing"]["start_unknown"]) == ([2024], [])
    late = "subject,item,at,value,grade,document\n" + make.answers("E6", 0, "2024-02-01", "declared")
    late += make.answers("E6", 3, "2025-02-01", "declared")
    make.give(home, "answers", late, "late.csv")
    make.weigh(home, ["sme2024/level"], "2025")
    _, out, err = command(capsys, *asked, "--cohort", "sme2024/level")
    assert (err, "left out because they reach --reaches when first seen, since when is not known: 6" in out) == (
        "",
        True,
    )
    found = json.loads(command(capsys, *asked, "--cohort", "sme2024/level", "--json")[1])
    assert (found["n_treated"], found["missing"]["start_unknown"]) == (1, [f"E{at}" for at in range(6)])


def test_a_home_without_options_is_not_called_a_file(capsys, monkeypatch, works):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    _, _, err = command(capsys, str(works.path), "--outcome", "energy/consumption")
    assert err.startswith("SY750")
    assert "in a file" not in err
