"""Which division a code means at a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.model.division import KINDS, Change, Divisions


def known(*rows: tuple[int, str, str, str]) -> Divisions:
    return Divisions(Change(*row) for row in rows)


def test_without_changes_every_code_is_in_force_always():
    assert known().at("440300", 5) == known().same("440300", 5) == "440300"
    assert known().kin("440300") == ("440300",)
    assert known().held("440305", 5) == ("440305", "440300", "440000")


def test_a_chain_of_changes_is_followed_to_the_moment_and_back():
    divisions = known((10, "A", "B", "recoded"), (20, "B", "C", "merged"), (30, "C", "D", "recoded"))
    assert [divisions.at("A", end) for end in (10, 11, 21, 31)] == ["A", "B", "C", "D"]
    assert [divisions.at("B", end) for end in (10, 20)] == ["A", "B"]
    assert [divisions.at("D", end) for end in (10, 30, 31)] == ["C", "C", "D"]
    assert (divisions.kin("B"), divisions.kin("C")) == (("A", "B"), ("C", "D"))


def test_a_code_given_anew_to_another_division_is_taken_as_it_was_when_in_force():
    divisions = known((10, "A", "B", "recoded"), (20, "Z", "A", "recoded"))
    assert [divisions.at("A", end) for end in (10, 15, 25)] == ["A", "B", "A"]
    assert [divisions.at("Z", end) for end in (10, 25)] == ["Z", "A"]


def test_codes_that_changed_places_stay_as_they_were_given():
    divisions = known((10, "A", "B", "recoded"), (10, "B", "A", "recoded"))
    assert (divisions.at("A", 20), divisions.at("B", 20), divisions.at("A", 5)) == ("A", "B", "A")


def test_a_division_that_took_in_parts_was_there_before_where_a_row_to_itself_says_so():
    parts = [(10, "A", "B", "split"), (10, "A", "C", "split")]
    assert known(*parts).at("B", 5) == "A"
    assert known(*parts, (10, "B", "B", "split")).at("B", 5) == "B"
    assert known(*parts).at("A", 15) is None


CODES = st.sampled_from(["A", "B", "C", "D"])


@given(
    st.lists(st.tuples(st.integers(0, 4), CODES, CODES, st.sampled_from(KINDS)), max_size=8), CODES, st.integers(0, 6)
)
def test_every_code_is_answered_whatever_the_rows_say_and_in_whatever_order(rows, code, end):
    divisions, turned = known(*rows), known(*reversed(rows))
    assert divisions.at(code, end) == turned.at(code, end)
    assert divisions.kin(code) == turned.kin(code)
    assert code in divisions.kin(code)
    assert divisions.same(code, end) is None or divisions.same(code, end) == divisions.at(code, end)
