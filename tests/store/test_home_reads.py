"""What a home answers: Figures by measure, subject, period, page and date; subjects; holdings."""

from __future__ import annotations

import pytest

from steelyard.store.figures import CURRENT


def test_figures_come_sorted_in_pages_that_make_the_whole(make):
    home = make.whole()
    every = home.figures()
    assert every.schema.names == CURRENT.names
    keys = [(row["measure"], row["subject"], row["start"]) for row in every.to_pylist()]
    assert keys == sorted(keys)
    pages = [row for skip in range(0, every.num_rows, 3) for row in home.figures(most=3, skip=skip).to_pylist()]
    assert pages == every.to_pylist()


def test_a_star_matches_any_rest_and_a_period_matches_exactly(make):
    home = make.whole()
    assert set(home.figures("coverage/*")["measure"].to_pylist()) == {"coverage/sme2024-level2"}
    assert home.figures(subject="M*")["subject"].to_pylist() == ["M1", "M2"]
    assert home.figures(period=make.period("2026", home)).num_rows == 4
    assert home.figures(period=make.period("2026-03-14", home)).num_rows == 4
    assert home.figures(period=make.period("2026-03", home)).num_rows == 0
    assert home.figures(kind="line")["subject"].to_pylist() == ["L1"]
    assert home.figures("none/*").num_rows == 0


@pytest.mark.parametrize("text", ["'; DROP TABLE figures; --", "x' OR '1'='1", '"', "%", "\\"])
def test_what_is_asked_for_is_a_value_and_never_sql(make, text):
    home = make.whole()
    assert home.figures(subject=text).num_rows == 0
    assert home.figures(text).num_rows == 0
    assert home.subject(text) is None
    assert home.subjects(find=text) == []


def test_subjects_are_found_by_a_part_of_their_id_and_counted(make):
    home = make.whole()
    assert [s.id for s in home.subjects("enterprise")] == ["E1", "E2", "E3"]
    assert [s.id for s in home.subjects(find="m")] == ["M1", "M2"]
    assert home.count_subjects("enterprise") == 3
    assert home.subject("440300").codes == {"gbt2260": "440300"}


def test_holdings_count_rows_and_blocks_of_each_table(make):
    held = {row["table"]: row for row in make.whole().holdings()}
    assert {name: held[name]["rows"] for name in make.files} == {
        name: text.count("\n") - 1 for name, text in make.files.items()
    }
    assert held["subjects"]["first"] is None
    assert not held["answers"]["synthetic"]


def test_synthetic_rows_mark_every_figure_above_them(make):
    home = make.new()
    for table, text in make.files.items():
        make.give(home, table, text, synthetic=table == "answers")
    make.weigh(home, make.measures[1:], "2026")
    make.weigh(home, make.measures[:1], "2026-03-14")
    flags = {(row["measure"], row["subject"]): "synthetic" in row["flags"] for row in home.figures().to_pylist()}
    assert all(marked == (not measure.startswith("iso")) for (measure, _), marked in flags.items())
