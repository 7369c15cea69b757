"""A region keeps one series through new names and codes; where its area changes, the series says so."""

from __future__ import annotations

import json

import pytest
from home_of_firms import MEASURE, Firm, changes, give

from steelyard.cli import main
from steelyard.errors import InputError, UsageError
from steelyard.fields.regions import published, series
from steelyard.trace import trace
from steelyard.weigh import weigh

YEARS = ("2018", "2019", "2020")


def weighed(make, firms, codes, *rows, ids="{}"):
    home = give(make, make.new(), firms, [f"{ids.format(code)},region,{code}" for code in codes])
    if rows:
        changes(make, home, *rows)
    for year in YEARS:
        make.weigh(home, [MEASURE], year)
    return home


def told(found) -> list[tuple]:
    """Per row its year and code with heard of among, or what changed."""
    return [(point.figure["heard"], point.figure["among"], point.code, point.beside) if hasattr(point, "figure")
            else (point.change.kind, point.breaks) for point in found.in_order()]  # fmt: skip


RECODED = "340225,340281,2019-12-16,recoded"


def test_a_recoded_county_keeps_one_series_under_two_codes(make):
    home = weighed(make, [Firm("A", "340225"), Firm("B", "340281", 0)], ["340225", "340281"], RECODED)
    for asked in ("340225", "340281"):
        found = series(home, asked, MEASURE)
        assert found.codes == ("340225", "340281")
        assert told(found) == [
            (2, 2, "340225", False),
            ("recoded", False),
            (2, 2, "340281", False),
            (2, 2, "340281", False),
        ]


def test_a_merged_district_is_laid_beside_before_and_its_firms_count_in_the_other_after(make):
    firms = [Firm("A", "340225"), Firm("B", "340225", 0), Firm("C", "340281")]
    home = weighed(make, firms, ["340225", "340281", "340200"], "340225,340281,2019-12-16,merged")
    assert told(series(home, "340281", MEASURE)) == [
        (1, 1, "340281", False), (2, 2, "340225", True), ("merged", True), (3, 3, "340281", False), (3, 3, "340281", False),
    ]  # fmt: skip
    assert told(series(home, "340225", MEASURE)) == [
        (2, 2, "340225", False), ("merged", True), (3, 3, "340281", True), (3, 3, "340281", True),
    ]  # fmt: skip
    assert [row[:2] for row in told(series(home, "340200", MEASURE))] == [(3, 3)] * 3


def test_a_split_says_that_the_series_breaks(make):
    home = weighed(
        make,
        [Firm("A", "330110"), Firm("B", "330113")],
        ["330110", "330113"],
        "330110,330110,2019-04-09,split",
        "330110,330113,2019-04-09,split",
    )
    assert told(series(home, "330110", MEASURE)) == [
        (2, 2, "330110", False), ("split", True), (1, 1, "330110", False), (1, 1, "330113", True), (1, 1, "330110", False), (1, 1, "330113", True),
    ]  # fmt: skip


def test_a_renamed_region_keeps_its_code_and_its_series(make):
    home = weighed(make, [Firm("A", "420600")], ["420600"], "420600,420600,2019-12-09,renamed")
    assert told(series(home, "420600", MEASURE)) == [
        (1, 1, "420600", False),
        ("renamed", False),
        (1, 1, "420600", False),
        (1, 1, "420600", False),
    ]


def test_only_the_periods_asked_for_are_told(make):
    home = weighed(make, [Firm("A", "340225"), Firm("B", "340281", 0)], ["340225", "340281"], RECODED)
    found = series(home, "340281", MEASURE, make.period("2020", home), make.period("2020", home))
    assert told(found) == [(2, 2, "340281", False)]
    assert series(home, "340281", MEASURE, None, make.period("2018", home)).points[0].code == "340225"


def test_a_change_stands_behind_the_figures_of_the_regions_that_it_touches(make):
    home = weighed(
        make, [Firm("A", "340225"), Firm("C", "440300")], ["340225", "340281", "340000", "440300"], RECODED, ids="CN-{}"
    )
    for subject, touched in (("CN-340281", True), ("CN-340000", True), ("CN-440300", False)):
        (row,) = home.figures(MEASURE, subject, make.period("2020", home)).to_pylist()
        kinds = {child.leaf["kind"] for child in trace(home, row["digest"]).children if child.leaf}
        assert ("division_changes" in kinds) == touched


def test_months_around_a_change_weighed_together_are_the_months_weighed_alone(make):
    home = give(make, make.new(), [Firm("A", "340225")], ["340225,region,340225", "340281,region,340281"])
    changes(make, home, "340225,340281,2019-11-16,recoded")
    weigh(home, [MEASURE], list(make.period("2019Q4", home).split("month", home.zone)))
    assert [(r["subject"]) for r in sorted(home.figures(MEASURE).to_pylist(), key=lambda r: r["start"])] == [
        "340225",
        "340281",
        "340281",
    ]


def test_a_region_without_firms_gets_a_sentence_and_no_ratio(make):
    home = weighed(make, [Firm("A", "440300")], ["440300", "440600"])
    with pytest.raises(InputError) as refused:
        series(home, "440600", MEASURE, make.period("2020", home))
    assert (refused.value.code, refused.value.facts["period"]) == ("SY842", "2020")


def test_a_region_whose_firms_are_all_unheard_is_not_one_without_firms(make):
    home = weighed(make, [Firm("A", "440300"), Firm("B", "440600", None)], ["440300", "440600"])
    with pytest.raises(InputError) as refused:
        series(home, "440600", MEASURE)
    assert (refused.value.code, refused.value.facts["among"]) == ("SY844", 1)


def test_an_unknown_region_is_refused_with_near_ones(make):
    home = weighed(make, [Firm("A", "440300")], ["440300"])
    with pytest.raises(UsageError) as refused:
        series(home, "440301", MEASURE)
    assert (refused.value.code, refused.value.facts["near"]) == ("SY843", "440300")


def test_firms_of_a_divided_division_are_told_with_what_to_do(make):
    rows = ("140211,140213,2018-12-31,split", "140211,140214,2018-12-31,split")
    home = weighed(make, [Firm("A", "140211"), Firm("B", "140213")], ["140200", "140213"], *rows)
    (note,) = (note for note in series(home, "140200", MEASURE).notes if note.code == "SY847")
    assert (note.facts["division"], note.facts["count"], note.facts["since"]) == ("140211", 1, "2018-12-31")


def test_published_changes_not_taken_are_pointed_at_and_the_list_is_ready_to_be_taken(make):
    home = weighed(make, [Firm("A", "340225")], ["340281", "340225"])
    (note,) = series(home, "340225", MEASURE).notes
    assert note.code == "SY848"
    assert make.give(home, "division_changes", published(home).read_bytes()).rows_refused == 0
    for year in YEARS:
        make.weigh(home, [MEASURE], year)
    found = series(home, "340281", MEASURE)
    assert found.notes == ()
    assert found.codes[-2:] == ("340225", "340281")
    assert [point.code for point in found.points if point.period == make.period("2020", home)] == ["340281"]


def test_a_code_of_a_prefecture_that_is_no_more_is_taken(make):
    home = make.new()
    assert make.give(home, "subjects", "id,kind,gbt2260\nA,enterprise,522425\nB,enterprise,522400\n").rows_refused == 0
    assert make.give(home, "subjects", "id,kind,gbt2260\nC,enterprise,529900\n", "wrong.csv").rows_refused == 1


def test_the_command_marks_the_change_between_the_periods(make, capsys, monkeypatch):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    home = weighed(make, [Firm("A", "340225"), Firm("B", "340281", 0)], ["340225", "340281"], RECODED)
    with pytest.raises(SystemExit) as ended:
        main(["region", str(home.path), "340281", "--measure", MEASURE])
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert "340225 → 340281" in lines[0]
    assert [line.split("\t")[0] for line in lines[2:]] == ["2018", "※ 2019-12-16", "2019", "2020"]
    assert "the same division: one series" in lines[3]
    with pytest.raises(SystemExit):
        main(["region", str(home.path), "340281", "--measure", MEASURE, "--from", "2019", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert [point["code"] for point in document["points"]] == ["340281", "340281"]
    assert document["changes"][0]["kind"] == "recoded"
