"""Answers that are numbers: as people and Excel write them, finite and within bounds; cells of forms that come back as they went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.tabular.answers import bounds, fits
from steelyard.tabular.form import guarded, unguarded

ITEMS = {"share": {"mode": "number", "bounds": [0, 1], "unit": "1"}, "money": {"mode": "number"}}


@pytest.mark.parametrize(
    "value", ["0.3243243243243243", "0.7292875187405867", "1E-05", "1e-5", ".5", "1.", "0", "0.1" + "0" * 40]
)
def test_a_number_is_taken_as_excel_keeps_it_however_many_decimals_it_has(value):
    assert fits("share", value, ITEMS) is None


@given(st.floats(0, 1))
def test_every_share_that_a_computer_writes_is_a_number(value):
    assert fits("share", repr(value), ITEMS) is None


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "35%", "1,000", "0x1", "１", "1_0", "", ".", "e5", "0.3\n"])
def test_what_is_no_finite_number_is_refused(value):
    (column, fault) = fits("share", value, ITEMS)
    assert (column, fault.code) == ("value", "SY701")


@pytest.mark.parametrize(
    ("item", "value"), [("share", "1.0000000000000002"), ("share", "-1e-300"), ("money", "1e16"), ("money", "-1e300")]
)
def test_a_number_beyond_its_bounds_is_refused_and_where_none_are_set_beyond_what_can_be_summed(item, value):
    (_, fault) = fits(item, value, ITEMS)
    assert fault.code == "SY702"
    assert bounds(ITEMS["money"]) == (-1e15, 1e15)


@given(st.text(st.sampled_from("=+-@'＝1.e\tA"), max_size=6))
def test_a_guarded_cell_is_no_formula_and_comes_back_as_it_was(text):
    cell = guarded(text)
    assert unguarded(cell) == text
    numeric = cell.replace("e", "").replace(".", "").lstrip("+-").isdigit()
    assert not cell.startswith(("=", "+", "-", "@", "\t", "＝")) or numeric


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_not_guarded(value):
    assert guarded(repr(value)) == repr(value)
