"""Dated parameters, chosen parameters, the order of measures, what a method's digest covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.catalog import load
from steelyard.catalog.method import method_document, parameters_in_force, tables_read
from steelyard.evidence.canonical import digest

CATALOG = load()
LEVEL2 = "coverage/sme2024-level2"


def test_the_value_in_force_is_the_one_with_the_latest_date_not_after_the_day():
    dated = {"x": {"2020-01-01": {"value": 1}, "2026-07-01": {"value": 2}}}
    measure = replace(CATALOG.measure(LEVEL2), parameters=dated)
    assert [measure.parameter("x", day) for day in ("2020-01-01", "2026-06-30", "2026-07-01", "2099-01-01")] == [
        1,
        1,
        2,
        2,
    ]
    with pytest.raises(KeyError):
        measure.parameter("x", "2019-12-31")
    assert parameters_in_force(measure, "2019-12-31") is None


def test_a_parameter_chosen_by_hand_is_in_the_name_and_the_method_and_makes_another_digest():
    chosen = CATALOG.measure(f"{LEVEL2}[floor=documented]")
    assert chosen.name == f"{LEVEL2}[floor=documented]"
    plain, other = (method_document(CATALOG, m, "2026-03-14") for m in (CATALOG.measure(LEVEL2), chosen))
    assert (plain["parameters"]["floor"], other["parameters"]["floor"]) == ("declared", "documented")
    assert digest(plain) != digest(other)


def test_a_better_label_changes_no_method():
    measure = CATALOG.measure("iso22400/oee")
    relabelled = replace(measure, label={"en": "x", "zh": "x"})
    assert digest(method_document(CATALOG, measure, "2026-01-01")) == digest(
        method_document(CATALOG, relabelled, "2026-01-01")
    )
    reworked = replace(measure, formula=measure.formula + " ")
    assert digest(method_document(CATALOG, measure, "2026-01-01")) != digest(
        method_document(CATALOG, reworked, "2026-01-01")
    )


@pytest.mark.parametrize("name", sorted(CATALOG.measures))
def test_lower_measures_come_before_those_that_read_them(name):
    order = [measure.id for measure in CATALOG.in_order([name])]
    assert order[-1] == name
    for at, measure in enumerate(order):
        assert all(below in order[:at] for below in CATALOG.measures[measure].inputs if below in CATALOG.measures)


@pytest.mark.parametrize("name", sorted(CATALOG.measures))
def test_a_measure_reads_only_tables_and_measures_that_exist(name):
    assert all(read in CATALOG.tables or read in CATALOG.measures for read in tables_read(CATALOG.measure(name)))


def test_every_table_measure_and_column_is_labelled_in_both_languages():
    labels = [m.label for m in CATALOG.measures.values()] + [t.label for t in CATALOG.tables.values()]
    labels += [column.label for table in CATALOG.tables.values() for column in table.columns]
    assert all(label.get("en") and label.get("zh") for label in labels)
