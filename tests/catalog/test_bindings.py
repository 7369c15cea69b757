"""Binding files: what they come to, and how each fault is named with file, unit and field."""

from __future__ import annotations

import pytest

from steelyard.catalog import load
from steelyard.catalog.bindings import conversion, read_bindings, rule_words
from steelyard.catalog.catalog import SHIPPED
from steelyard.errors import InputError

CATALOG = load()
WHOLE = """
units:
  PRESS1:
    subject: Plant/P1
    hold_seconds: 300
    state: {signal: StateCurrent, rule: packml, signals: {mode: UnitMode}}
    produced: {signal: Count, counter: running, rollover: 65536}
    good: [Good1, {signal: Good2, subject: Plant/P2, factor: 2, hold_seconds: 5}]
    scrap: {signal: Scrap, counter: increments}
    product: {signal: Product}
    planned_seconds_per_item: {by_product: {A: 30, "*": 45}}
    samples:
      temperature: {signal: T, unit: °F, as: ℃}
      energy: {signal: E, unit: Wh, as: kWh}
      speed: {signal: S}
  P2: {produced: n, planned_seconds_per_item: {signal: Cycle, unit: min}, product: X}
"""


def read(tmp_path, text, name="press.yaml", catalog=CATALOG):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_bindings([path], catalog)


def rows(tmp_path, text):
    found, _ = read(tmp_path, text)
    return {
        (row["unit"], row["column"], row["role"]): {k: v for k, v in row.items() if v is not None}
        for row in found.to_pylist()
    }


def test_a_file_comes_to_rows_by_unit_column_and_role(tmp_path):
    found = rows(tmp_path, WHOLE)
    assert found["PRESS1", "state", "mode"]["signal"] == "UnitMode"
    assert found["PRESS1", "state", "state"] | {"row": 0} == {
        "unit": "PRESS1", "column": "state", "role": "state", "subject": "Plant/P1", "signal": "StateCurrent", "rule": "packml",
        "hold_seconds": 300.0, "row": 0,
    }  # fmt: skip
    assert found["PRESS1", "produced", "1"]["rollover"] == 65_536
    assert (found["PRESS1", "good", "2"]["subject"], found["PRESS1", "good", "2"]["factor"]) == ("Plant/P2", 2.0)
    assert found["PRESS1", "scrap", "1"]["counter"] == "increments"
    assert found["PRESS1", "planned_seconds_per_item", "A"]["constant"] == 30
    assert "product" not in found["PRESS1", "planned_seconds_per_item", "*"]
    assert found["P2", "product", "1"]["product"] == "X"
    assert found["P2", "planned_seconds_per_item", "1"]["factor"] == 60


def test_the_rows_do_not_depend_on_the_order_of_files_or_units(tmp_path):
    whole, words = read(tmp_path, WHOLE)
    head, press, second = (
        WHOLE.partition("  PRESS1")[0],
        "  PRESS1" + WHOLE.partition("  PRESS1")[2].partition("  P2:")[0],
        "  P2:" + WHOLE.partition("  P2:")[2],
    )
    again, _ = read(tmp_path, head + second + press, "turned.yaml")
    assert whole.equals(again)
    assert {row["rule"] for row in words.to_pylist()} == {"packml"}


def test_a_state_without_a_hold_holds_as_long_as_its_rule_is_patient(tmp_path):
    found = rows(tmp_path, "units: {M: {state: {signal: s, rule: packml}}}")
    assert found["M", "state", "state"]["hold_seconds"] == 600
    assert found["M", "state", "mode"]["signal"] == "mode"


def test_units_of_measure_are_converted_exactly():
    assert conversion("°F", "°C", SHIPPED, "T") == (5 / 9, -160 / 9)
    assert conversion("kWh", "MJ", SHIPPED, "E") == (3.6, 0.0)
    assert conversion("bar", "kPa", SHIPPED, "p") == (100.0, 0.0)


FAULTS = {
    "units: []": ("SY680", "units"),
    "units: {M: []}": ("SY680", "a mapping is expected"),
    "units: {M: {stat: x}}": ("SY680", "unknown: stat"),
    "units: {M: {state: {signal: s}}}": ("SY680", "state.rule"),
    "units: {M: {state: {rule: packml}}}": ("SY680", "state.signal"),
    "units: {M: {state: {signal: s, rule: packml, signals: {door: d}}}}": ("SY680", "unknown: door"),
    "units: {M: {state: {signal: s, rule: packm}}}": ("SY682", "packml"),
    "units: {M: {produced: {signal: n, counter: up}}}": ("SY680", "running or increments"),
    "units: {M: {produced: {signal: n, rollover: 0}}}": ("SY680", "produced.rollover"),
    "units: {M: {produced: n, hold_seconds: 1e9}}": ("SY680", "hold_seconds"),
    "units: {M: {produced: n, hold_seconds: .nan}}": ("SY680", "hold_seconds"),
    "units: {M: {produced: n, hold_seconds: yes}}": ("SY680", "hold_seconds"),
    "units: {M: {planned_seconds_per_item: fast}}": ("SY680", "planned_seconds_per_item"),
    "units: {M: {planned_seconds_per_item: {signal: c, unit: kg}}}": ("SY681", "kg"),
    "units: {M: {samples: {t: {signal: T, unit: °F, as: kWh}}}}": ("SY681", "temperature"),
    "units: {M: {samples: {t: {signal: T, unit: flurps, as: kWh}}}}": ("SY681", "flurps"),
    "units: {M: {samples: {t: {signal: T, as: kWh}}}}": ("SY680", "samples.t.unit"),
    "units: {M: {samples: {t: {signal: T, unit: m, as: km, factor: 2}}}}": ("SY680", "samples.t"),
    "units: {M: {samples: {t: {signal: [1]}}}}": ("SY680", "samples.t.signal"),
}  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_named_with_file_unit_field_and_cause(tmp_path, text):
    code, says = FAULTS[text]
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert refused.value.code == code
    assert says in refused.value.say("en")
    assert "press.yaml" in refused.value.where or code == "SY682"


def test_a_unit_is_bound_in_one_file_only(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("units: {M: {produced: n}}")
    with pytest.raises(InputError) as refused:
        read_bindings(tmp_path.glob("*.yaml"), CATALOG)
    assert refused.value.code == "SY685"


@pytest.mark.parametrize("text", [
    "signal: s\nstates: {A: running}\n", "signal: s\nstates: [A]\n", "states: {A: production}\n", "signal: s\nstates: {A: production}\nelse: x\n",
    "signal: s\nstates: {A: production}\nsilent_after_seconds: 0\n", "signal: s\nstates: {A: production}\nwhen: {signal: d}\n",
])  # fmt: skip
def test_a_mapping_of_a_home_that_is_not_well_formed_is_refused_by_its_field(tmp_path, text):
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        rule_words("mine", load((SHIPPED, tmp_path)))
    assert refused.value.code == "SY684"


def test_the_first_when_that_names_a_word_counts():
    found = {(row["role"], row["word"]): (row["state"], row["overrides"]) for row in rule_words("packml", CATALOG)}
    assert found["state", "ABORTED"] == ("delay", 1)
    assert found["mode", "SETUP"] == ("setup", 2)
    assert found["state", "EXECUTE"] == ("production", 1000)
