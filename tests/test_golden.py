"""Golden cases: every shipped measure has worked cases, and each runs green through the real verbs."""

from __future__ import annotations

from collections import Counter

import pytest

from steelyard import golden
from steelyard.catalog import load

CATALOG = load()
CASES = list(golden.cases(CATALOG))


@pytest.mark.parametrize("case", CASES, ids=[case.name[:90] for case in CASES])
def test_a_golden_case_comes_out_as_its_author_worked_it_by_hand(case):
    assert golden.run(case, CATALOG) == []


def test_every_shipped_measure_but_those_of_an_estimator_has_at_least_one_golden_case():
    told = Counter(case.measure.id for case in CASES)
    assert set(told) == {name for name, measure in CATALOG.measures.items() if measure.how != "modelled"}


def test_a_case_with_a_wrong_number_is_told_and_not_let_through():
    case = next(c for c in CASES if c.document.get("expect") and "value" in c.document["expect"][0])
    wrong = {**case.document["expect"][0], "value": 12345.0}
    broken = golden.Case(case.measure, {**case.document, "expect": [wrong]})
    assert any("12345" in fault for fault in golden.run(broken, CATALOG))
