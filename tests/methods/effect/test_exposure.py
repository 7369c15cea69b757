"""Who feels a neighbour's treatment, and who is clean enough to compare with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.methods.effect.exposure import clean_controls, clean_until, first_exposed


def test_a_neighbour_in_any_shared_group_exposes_from_its_first_treatment_on():
    cohorts = np.array([2020, 0, 0, 2018, 0])
    unit_codes = np.array([0, 1, 1, 3, 2, 4])
    groups = np.array([10, 10, 20, 20, 30, 30])  # unit 1 is in the city of unit 0 and in the chain of unit 3
    assert first_exposed(unit_codes, cohorts, groups).tolist() == [0, 2018, 0, 0, 0]


def test_a_unit_does_not_expose_itself_but_a_treated_peer_of_the_same_year_does():
    cohorts = np.array([2019, 2019, 2021, 2017])
    assert first_exposed(np.array([0, 1, 2, 3]), cohorts, np.array([1, 1, 1, 2])).tolist() == [2019, 2019, 2019, 0]


def test_a_membership_that_is_told_twice_counts_once():
    assert first_exposed(np.array([0, 0, 1]), np.array([2019, 0]), np.array([1, 1, 1])).tolist() == [0, 2019]


def test_a_unit_is_a_clean_control_until_it_is_treated_or_exposed():
    cohorts, exposed = np.array([0, 0, 2020, 2020]), np.array([0, 2018, 0, 2019])
    assert clean_until(cohorts, exposed).tolist() == [0, 2018, 2020, 2019]
    assert clean_controls(cohorts, exposed).tolist() == [True, False, False, False]
    assert clean_controls(cohorts, exposed, at=2018).tolist() == [True, False, True, True]


def test_a_map_of_units_that_are_not_there_is_refused():
    with pytest.raises(InputError, match="SY768"):
        first_exposed(np.array([0, 7]), np.array([0, 1]), np.array([1, 1]))


def test_an_empty_map_exposes_nobody():
    assert first_exposed(np.array([], int), np.array([0, 5]), np.array([], int)).tolist() == [0, 0]


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 4)), max_size=40),
    st.lists(st.sampled_from([0, 3, 4, 5]), min_size=8, max_size=8),
)
def test_it_is_what_going_through_all_pairs_says(rows, cohorts):
    found = first_exposed(np.array([u for u, _ in rows], int), np.array(cohorts), np.array([g for _, g in rows], int))
    for unit in range(8):
        mine = {g for u, g in rows if u == unit}
        others = [cohorts[u] for u, g in rows if u != unit and g in mine and cohorts[u]]
        assert found[unit] == min(others, default=0)
