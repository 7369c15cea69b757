"""Laws across the editions of OEE: the same shift by ISO 22400, TPM, TEEP and SEMI E10 with E79."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

DAY = "2026-03-14"
MIDNIGHT = datetime(2026, 3, 13, 16, tzinfo=UTC)  # of that day in Shanghai
STATES = ("production", "setup", "delay", "waiting", "unknown")
BY_E10 = {"production": "productive", "setup": "scheduled_down", "delay": "unscheduled_down", "waiting": "standby"}
ISO = ["oee", "nee", "availability", "effectiveness", "quality_ratio"]
MEASURES = [
    *(f"iso22400/{name}" for name in ISO), "tpm/availability", "tpm/performance", "tpm/quality", "tpm/oee", "teep/loading", "teep/teep",
    "semi-e79/availability_efficiency", "semi-e79/operational_efficiency", "semi-e79/rate_efficiency", "semi-e79/quality_efficiency",
    "semi-e79/oee", "semi-e10/uptime", "semi-e10/operational_uptime", "semi-e10/total_utilization", "semi-e10/operational_utilization",
]  # fmt: skip
FEW = settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""Few homes of many machines each: a home takes seconds, a machine in it nothing."""


@st.composite
def shifts(draw, states=STATES):
    """A shift of whole minutes cut into states, production first so that no factor lacks a base, and one run of one product."""
    parts = [(draw(st.integers(1, 240)), "production")]
    parts += draw(st.lists(st.tuples(st.integers(1, 120), st.sampled_from(states)), max_size=5))
    good = draw(st.integers(1, 500))
    return parts, good + draw(st.integers(0, 50)), good, draw(st.integers(1, 90))


def at(minute: int) -> str:
    return (MIDNIGHT + timedelta(minutes=minute)).isoformat()


def rows_of(unit: str, shift) -> dict[str, list[str]]:
    """The rows that tell one machine's shift to every edition; without a shift it is not scheduled."""
    parts, produced, good, planned = shift
    length = sum(minutes for minutes, _ in parts)
    rows: dict[str, list[str]] = {
        "shifts": [f"{unit},{at(60)},{at(60 + length)},planned_busy"],
        "production_counts": [f"{unit},{at(60)},{at(60 + length)},X,{produced},{good},{planned}"],
        "machine_states": [],
        "e10_states": [f"{unit},{at(0)},{at(60)},non_scheduled", f"{unit},{at(60 + length)},{at(1440)},non_scheduled"],
    }
    mark = 60
    for minutes, state in parts:
        rows["machine_states"].append(f"{unit},{at(mark)},{at(mark + minutes)},{state}")
        if state in BY_E10:
            rows["e10_states"].append(f"{unit},{at(mark)},{at(mark + minutes)},{BY_E10[state]}")
        mark += minutes
    return rows


def plants(states=STATES):
    """Shifts of the machines M0, M1, … of one enterprise."""
    return st.lists(shifts(states), min_size=6, max_size=9)


HEADS = {
    "shifts": "unit,start,end,kind", "machine_states": "unit,start,end,state", "e10_states": "unit,start,end,e10_state",
    "production_counts": "unit,start,end,product,produced,good,planned_seconds_per_item",
}  # fmt: skip


def weighed(make, plant, measures=MEASURES):
    """Figures by (measure, subject) of a home that took these machines; each machine Mi is alone in its line Li."""
    home = make.new(f"home{len(make._opened)}")
    machines = {f"M{i}": shift for i, shift in enumerate(plant)}
    make.give(home, "subjects", "id,kind\nE1,enterprise\n" + "".join(f"{m},unit\nL{m[1:]},line\n" for m in machines))
    make.give(
        home, "memberships", "subject,of,role\n" + "".join(f"{m},L{m[1:]},unit\nL{m[1:]},E1,line\n" for m in machines)
    )
    told = [rows_of(unit, shift) for unit, shift in machines.items()]
    for table, head in HEADS.items():
        assert (
            make.give(
                home, table, "\n".join([head, *(row for rows in told for row in rows[table])]) + "\n"
            ).rows_refused
            == 0
        )
    make.weigh(home, list(measures), DAY)
    return {(row["measure"], row["subject"]): row for row in home.figures().to_pylist()}


def near(value: float):
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def check_factors(value) -> None:
    """The editions of one machine against each other; ``value`` gives a measure's value."""
    oee = value("iso22400/oee")
    assert value("iso22400/availability") * value("iso22400/effectiveness") * value("iso22400/quality_ratio") == near(
        oee
    )
    assert value("iso22400/nee") >= oee - 1e-12
    assert value("tpm/availability") * value("tpm/performance") * value("tpm/quality") == near(value("tpm/oee"))
    assert value("tpm/oee") == near(oee)
    assert value("tpm/availability") >= value("iso22400/availability") - 1e-12
    assert value("teep/teep") == near(oee * value("teep/loading"))
    assert value("teep/teep") <= oee + 1e-12
    effect = value("semi-e79/availability_efficiency") * value("semi-e79/operational_efficiency")
    assert effect * value("semi-e79/rate_efficiency") * value("semi-e79/quality_efficiency") == near(
        value("semi-e79/oee")
    )
    assert value("semi-e10/uptime") == value("semi-e79/availability_efficiency")
    assert value("semi-e10/uptime") <= value("semi-e10/operational_uptime") + 1e-12
    assert value("semi-e10/total_utilization") <= value("semi-e10/operational_utilization") + 1e-12


@FEW
@given(plants())
def test_each_edition_is_the_product_of_its_factors_and_a_line_of_one_machine_is_the_machine(make, plant):
    figures = weighed(make, plant)
    said = ("value", "low", "high", "heard", "among", "flags", "grade")
    for i in range(len(plant)):
        check_factors(lambda name, unit=f"M{i}": figures[name, unit]["value"])
        for measure in MEASURES:
            unit, line = figures[measure, f"M{i}"], figures[measure, f"L{i}"]
            assert [unit[name] for name in said] == [line[name] for name in said], measure
    for measure in MEASURES:
        if measure != "iso22400/nee":  # its factors are rolled one by one: it is no weighted mean of its machines
            units = [figures[measure, f"M{i}"]["value"] for i in range(len(plant))]
            assert min(units) - 1e-9 <= figures[measure, "E1"]["value"] <= max(units) + 1e-9, measure


@FEW
@given(plants(states=STATES[:-1]))
def test_where_every_minute_is_known_teep_is_semi_s_oee_and_nothing_has_a_range(make, plant):
    figures = weighed(make, plant)
    for (measure, subject), row in figures.items():
        assert (row["low"], row["high"]) == (near(row["value"]), near(row["value"])), measure
        assert row["heard"] == row["among"], measure
        if measure == "teep/teep":
            assert figures["semi-e79/oee", subject]["value"] == near(row["value"])


@FEW
@given(plants())
def test_low_and_high_hold_whatever_the_unknown_time_turns_out_to_have_been(make, plant):
    names = ["iso22400/availability", "tpm/availability", "semi-e10/uptime", "semi-e10/total_utilization"]
    dark = weighed(make, plant, names)
    for state in ("production", "delay"):
        lit = [
            ([(minutes, state if was == "unknown" else was) for minutes, was in parts], *counts)
            for parts, *counts in plant
        ]
        for key, row in weighed(make, lit, names).items():
            assert dark[key]["low"] - 1e-9 <= row["value"] <= dark[key]["high"] + 1e-9, (key, state)
