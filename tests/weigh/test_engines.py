"""One golden suite for both engines: DuckDB here and a standalone Spark make the same Figures, digest by digest."""

from __future__ import annotations

import csv
import io
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard import golden
from steelyard.catalog import load
from steelyard.cli.checking import check_standards
from steelyard.store.home import Home
from steelyard.weigh import weigh

portable = pytest.importorskip("steelyard.store.portable", reason="pip install 'steelyard[spark]'")
pytestmark = pytest.mark.xdist_group("spark")

CATALOG = load()
CASES = list(golden.cases(CATALOG))
GAPS: dict[
    str, str
] = {}  # measures that Spark does not run, each with its reason; declared in docs/how-to/spark.md too
KINDS = ("iso22400/oee", "plan2024/nc-rate-2027")
"""Measures whose first golden case runs on Spark in every test run, beside the world of all cases: a case takes seconds there."""


def digests(home: Home) -> dict[tuple, tuple]:
    """What is said of each subject, and the digest over value, range, grade, method and inputs."""
    rows = home.figures().to_pylist()
    return {
        (r["measure"], r["subject"], r["start"], r["end"]): (r["value"], r["low"], r["high"], r["digest"].hex())
        for r in rows
    }


def test_every_measure_is_in_the_subset_that_both_engines_read_but_the_declared_gaps():
    assert golden.gaps(CATALOG, CATALOG.measures) == GAPS


def test_a_formula_outside_the_subset_is_told_as_a_gap_with_its_reason():
    oee = CATALOG.measures["iso22400/oee"]
    changed = replace(CATALOG, measures={"x/y": replace(oee, id="x/y", formula="select median(pbt) from unit_times")})
    assert golden.gaps(changed, ["x/y"]) == {"x/y": "MEDIAN is not among what both engines read alike"}


@pytest.fixture
def twins(tmp_path, make):
    """Two homes with the same leaves and keys: one for each engine."""

    def copied(home: Home) -> tuple[Home, Home]:
        home.close()
        shutil.copytree(home.path, tmp_path / "twin")
        return make.open(home.path), make.open(tmp_path / "twin")

    return copied


def test_oee_judged_levels_and_their_coverage_are_equal_to_the_digest(make, twins, cluster):
    home = make.new("both")
    for table, text in make.files.items():
        assert make.give(home, table, text).rows_refused == 0
    here, there = twins(home)
    for one, at in ((here, ""), (there, cluster)):
        weigh(one, ["iso22400/oee"], [make.period("2026-03-14", one)], at=at)
        weigh(one, make.measures[1:], [make.period("2026", one)], at=at)
    assert len(digests(here)) >= 8
    assert digests(there) == digests(here)
    again = weigh(here, ["sme2024/level"], [make.period("2026", here)], at=cluster)
    assert [(w.made, w.unchanged > 0) for w in again] == [(0, True)]


def union(cases) -> dict[str, str]:
    """The rows of many golden cases as one file a table, columns together: a world that nobody ordered, for both engines alike."""
    rows: dict[str, list[dict[str, str]]] = {}
    for case in cases:
        for table, text in case.document["given"].items():
            rows.setdefault(table, []).extend(csv.DictReader(io.StringIO(text.strip())))
    out = {}
    for table, found in rows.items():
        names = list(dict.fromkeys(name for row in found for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
        out[table] = text.getvalue()
    return out


def many() -> list[str]:
    """Every third measure, and all roll-ups; every measure where STEELYARD_SPARK_GOLDEN is ``all``: each takes seconds there."""
    every = sorted(name for name, measure in CATALOG.measures.items() if measure.how != "modelled")
    if os.environ.get("STEELYARD_SPARK_GOLDEN") == "all":
        return every
    return [name for place, name in enumerate(every) if place % 3 == 0 or CATALOG.measures[name].how == "rolled"]


def test_measures_over_the_rows_of_all_golden_cases_are_equal_to_the_digest(make, twins, cluster, tmp_path):
    home = make.new("world")
    for table, text in union(CASES).items():
        golden._give(home, str(tmp_path), table, text)
    here, there = twins(home)
    for one, at in ((here, ""), (there, cluster)):
        weigh(one, many(), [make.period("2026", one)], at=at)
    made = digests(here)
    assert len({measure for measure, *_ in made}) > len(many()) // 2
    assert digests(there) == made


def chosen() -> list[golden.Case]:
    """The first case of each of ``KINDS``; every case of every measure where STEELYARD_SPARK_GOLDEN is ``all``."""
    if os.environ.get("STEELYARD_SPARK_GOLDEN") == "all":
        return CASES
    return [next(case for case in CASES if case.measure.id == name) for name in KINDS]


@pytest.mark.parametrize("case", chosen(), ids=lambda case: case.name[:60])
def test_a_golden_case_comes_out_on_spark_as_its_author_worked_it_by_hand(case, cluster):
    assert golden.run(case, CATALOG, cluster) == []


def test_check_runs_the_golden_cases_of_a_folder_on_spark_and_names_its_gaps(tmp_path, cluster, capsys):
    for name, formula in (
        ("fine", None),
        ("gap", "select unit as subject, median(pbt) as value from unit_times group by unit"),
    ):
        folder = tmp_path / "own" / name
        shutil.copytree(Path(CATALOG.folders[0]) / "iso22400" / "availability", folder)
        if formula:
            (folder / "formula.sql").write_text(formula)
        lines = (folder / "golden.yaml").read_text(encoding="utf-8").split("\n- ")
        (folder / "golden.yaml").write_text("\n- ".join(lines[:2]), encoding="utf-8")
    assert check_standards(tmp_path, json=False, at=cluster) == 0
    said = capsys.readouterr().out
    assert "own/gap: not on" in said
    assert "faults 0" in said
