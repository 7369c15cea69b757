"""The 34 indicators of ISO 22400-2: all are here, and the laws between them hold in homes of random plants."""

from __future__ import annotations

import math
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from steelyard.catalog import load

CATALOG = load()
DAY = "2026-03-14"
MIDNIGHT = datetime(2026, 3, 13, 16, tzinfo=UTC)  # of that day in Shanghai
INDICATORS = [
    "worker_efficiency",
    "allocation_ratio",
    "throughput_rate",
    "allocation_efficiency",
    "utilization_efficiency",
    "oee",
    "nee",
    "availability",
    "effectiveness",
    "quality_ratio",
    "setup_ratio",
    "technical_efficiency",
    "production_process_ratio",
    "actual_to_planned_scrap_ratio",
    "first_pass_yield",
    "scrap_ratio",
    "rework_ratio",
    "fall_off_ratio",
    "machine_capability_index",
    "critical_machine_capability_index",
    "process_capability_index",
    "critical_process_capability_index",
    "comprehensive_energy_consumption",
    "inventory_turns",
    "finished_goods_ratio",
    "integrated_goods_ratio",
    "production_loss_ratio",
    "storage_and_transportation_loss_ratio",
    "other_loss_ratio",
    "equipment_load_ratio",
    "mean_operating_time_between_failures",
    "mean_time_to_failure",
    "mean_time_to_restoration",
    "corrective_maintenance_ratio",
]
ADDED = [f"iso22400/{name}" for name in INDICATORS if name not in
         ("allocation_efficiency", "utilization_efficiency", "oee", "nee", "availability", "effectiveness", "setup_ratio",
          "technical_efficiency")]  # fmt: skip
UNIT_ONLY = {
    f"iso22400/{name}_capability_index" for name in ("machine", "critical_machine", "process", "critical_process")
}
FEW = settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""Few homes of many machines each: a home takes seconds, a machine in it nothing."""


def test_all_34_indicators_are_here_each_with_its_name_in_both_languages():
    assert len(INDICATORS) == 34
    measures = {name: CATALOG.measures[f"iso22400/{name}"] for name in INDICATORS}
    assert {name for name, measure in measures.items() if not re.search("[一-鿿]", measure.label["zh"])} == set()
    assert all(measure.source.startswith("ISO 22400-2:2014") for measure in measures.values())


def test_the_divisor_of_the_maintenance_times_is_a_dated_parameter_with_its_reference():
    for name in ("mean_operating_time_between_failures", "mean_time_to_failure", "mean_time_to_restoration"):
        for said in CATALOG.measures[f"iso22400/{name}"].parameters["divisor"].values():
            assert said["value"] in ("failures", "failures_plus_one")
            assert "ISO 22400-2:2014" in said["reference"]


def test_coefficients_of_energy_are_heating_values_over_that_of_standard_coal():
    """GB/T 2589: 1 kgce is 29307 kJ; the references name the heating values, so each coefficient can be recomputed."""
    checked = []
    for name, dated in CATALOG.measures["energy/consumption"].parameters.items():
        for said in dated.values():
            heating = re.search(r"(?<!to )\b(\d+) kJ", said["reference"])
            if heating and name not in ("natural_gas", "natural_gas_least", "natural_gas_most"):
                assert said["value"] == pytest.approx(float(heating[1]) / 29307, rel=1e-3), name
                checked.append(name)
    assert len(checked) == 9


def test_the_factors_of_subgroups_are_those_that_make_s_unbiased():
    factors = re.findall(r"select (\d+)(?: as n)?, (0\.\d+)", CATALOG.views["characteristics"])
    assert [int(n) for n, _ in factors] == list(range(2, 26))
    for n, factor in ((int(n), float(factor)) for n, factor in factors):
        exact = math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))
        assert factor == pytest.approx(exact, abs=1e-11)
    assert pytest.approx(math.sqrt(2 / 25) * math.exp(math.lgamma(13) - math.lgamma(12.5)), abs=1e-4) == 4 * 25 / (
        4 * 26 - 3
    )


def at(minute: float) -> str:
    return (MIDNIGHT + timedelta(minutes=minute)).isoformat()


HEADS = {
    "personnel_times": "unit,person,start,end,attended_seconds,worked_seconds",
    "orders": "order,subject,start,end,produced,good,transport_seconds,queue_seconds",
    "order_runs": "unit,order,step,start,end,produced,scrap,setup_seconds,production_seconds,delay_seconds",
    "production_counts": "unit,start,end,product,produced,good,scrap,rework,planned_seconds_per_item",
    "planned_quantities": "unit,start,end,product,planned_scrap",
    "inspections": "unit,part,attempt,at,result",
    "measurements": "unit,characteristic,at,sample,subgroup,value,lsl,usl",
    "materials": "unit,start,end,product,counted_in,consumed,good,integrated_good,production_loss,storage_transport_loss,other_loss",
    "inventory": "unit,item,kind,start,end,counted_in,opening,received,issued,closing",
    "capacities": "unit,start,end,rated,maximum",
    "energy_use": "unit,meter,carrier,start,end,quantity",
    "maintenance_events": "unit,kind,start,end",
    "shifts": "unit,start,end,kind",
    "machine_states": "unit,start,end,state",
}  # fmt: skip


def rows_of(unit: str, seed: int) -> dict[str, list[str]]:
    """A machine that tells every table something, so that it has every indicator; what it tells is whole and consistent."""
    rng = random.Random(seed)
    good, scrap, rework = rng.randint(50, 500), rng.randint(1, 40), rng.randint(0, 40)
    made = good + scrap + rework
    setup, busy = rng.randint(60, 900), rng.randint(60, 5400)
    parts = [rng.randint(1, 50), rng.randint(0, 20), rng.randint(0, 20), rng.randint(40, 900)]
    opening, issued, closing = rng.randint(1, 500), rng.randint(1, 2000), rng.randint(0, 500)
    stop, back = rng.randint(61, 300), rng.randint(301, 500)
    span, day = f"{at(60)},{at(540)}", f"{at(0)},{at(1440)}"
    values = [rng.gauss(10, 1) for _ in range(12)]
    return {
        "personnel_times": [f"{unit},W,{span},{rng.randint(20000, 28800)},{rng.randint(0, 28800)}"],
        "orders": [f"O-{unit},{unit},{at(-200)},{at(600)},{made},{good},,"],
        "order_runs": [
            f"{unit},O-{unit},10,{at(0)},{at(120)},{made},{scrap},{setup},{busy},{7200 - min(7200, setup + busy)}"
        ],
        "production_counts": [f"{unit},{span},X,{made},{good},{scrap},{rework},{rng.randint(1, 60)}"],
        "planned_quantities": [f"{unit},{day},X,{rng.randint(1, 40)}"],
        "inspections": [
            f"{unit},{unit}-{i},1,{at(60 + i)},{rng.choice(['good', 'good', 'rework', 'scrap'])}" for i in range(8)
        ],
        "measurements": [f"{unit},bore,{at(60 + i)},{i},{i // 4},{value!r},4,16" for i, value in enumerate(values)],
        "materials": [f"{unit},{day},X,t,{sum(parts)},{parts[3] / 2},{parts[3]},{parts[0]},{parts[1]},{parts[2]}"],
        "inventory": [f"{unit},F,finished,{day},kg,{opening},{closing + issued - opening},{issued},{closing}"],
        "capacities": [f"{unit},{day},{made},{made + rng.randint(0, 300)}"],
        "energy_use": [
            f"{unit},E,electricity_kwh,{day},{rng.randint(1, 900)}",
            f"{unit},G,natural_gas_m3,{day},{rng.randint(1, 90)}",
        ],
        "maintenance_events": [
            f"{unit},corrective,{at(stop)},{at(back)}",
            f"{unit},preventive,{at(600)},{at(600 + rng.randint(1, 200))}",
        ],
        "shifts": [f"{unit},{span},planned_busy"],
        "machine_states": [
            f"{unit},{at(60)},{at(stop)},production",
            f"{unit},{at(stop)},{at(back)},delay",
            f"{unit},{at(back)},{at(520)},production",
        ],
    }


def given_to(make, seeds: list[int], rng: random.Random | None = None):
    """A home of machines M0, M1, …, each alone in its line, all in E1; ``rng`` shuffles every file."""
    home = make.new(f"home{len(make._opened)}")
    units = [f"M{i}" for i in range(len(seeds))]
    told = [rows_of(unit, seed) for unit, seed in zip(units, seeds, strict=True)]
    files = {table: [row for rows in told for row in rows[table]] for table in HEADS}
    files["subjects"] = ["E1,enterprise", *(row for unit in units for row in (f"{unit},unit", f"L{unit[1:]},line"))]
    files["memberships"] = [row for unit in units for row in (f"{unit},L{unit[1:]},unit", f"L{unit[1:]},E1,line")]
    heads = {**HEADS, "subjects": "id,kind", "memberships": "subject,of,role"}
    for table, rows in files.items():
        if rng:
            rng.shuffle(rows)
        assert make.give(home, table, "\n".join([heads[table], *rows]) + "\n").rows_refused == 0, table
    return home


def weighed(make, home, measures=ADDED):
    """Figures by (measure, subject)."""
    make.weigh(home, list(measures), DAY)
    return {(row["measure"], row["subject"]): row for row in home.figures().to_pylist()}


def near(value: float):
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def check_identities(value) -> None:
    """What ISO 22400-2 says between indicators of one machine; ``value`` gives an indicator's value."""
    assert value("quality_ratio") + value("scrap_ratio") + value("rework_ratio") == near(1)
    losses = value("production_loss_ratio") + value("storage_and_transportation_loss_ratio") + value("other_loss_ratio")
    assert value("integrated_goods_ratio") + losses == near(1)
    assert value("production_process_ratio") <= value("allocation_ratio") + 1e-12
    assert value("mean_time_to_failure") == value("mean_operating_time_between_failures")
    assert value("critical_machine_capability_index") <= value("machine_capability_index") + 1e-12
    assert value("critical_process_capability_index") <= value("process_capability_index") + 1e-12
    assert 0 <= value("first_pass_yield") <= 1
    assert value("fall_off_ratio") == near(value("scrap_ratio"))  # one operation, the same pieces


@FEW
@given(st.lists(st.integers(0, 10**6), min_size=6, max_size=9))
def test_the_identities_hold_and_a_line_of_one_machine_is_the_machine(make, seeds):
    figures = weighed(make, given_to(make, seeds))
    said = ("value", "low", "high", "heard", "among", "flags", "grade")
    for i in range(len(seeds)):
        check_identities(lambda name, unit=f"M{i}": figures[f"iso22400/{name}", unit]["value"])
        for measure in set(ADDED) - UNIT_ONLY:
            unit, line = figures[measure, f"M{i}"], figures[measure, f"L{i}"]
            assert [unit[name] for name in said] == [line[name] for name in said], measure
    for measure in set(ADDED) - UNIT_ONLY:
        units = [figures[measure, f"M{i}"]["value"] for i in range(len(seeds))]
        assert min(units) - 1e-9 <= figures[measure, "E1"]["value"] <= max(units) + 1e-9, measure
    energy = [figures["energy/consumption", f"M{i}"]["value"] for i in range(len(seeds))]
    assert figures["energy/consumption", "E1"]["value"] == near(sum(energy))
    assert {subject for measure, subject in figures if measure in UNIT_ONLY} == {f"M{i}" for i in range(len(seeds))}


@FEW
@given(st.lists(st.integers(0, 10**6), min_size=6, max_size=9), st.randoms(use_true_random=False))
def test_shuffled_rows_make_the_same_numbers_to_the_last_bit(make, seeds, rng):
    said = ("value", "low", "high", "heard", "among", "flags", "grade")
    first, second = (weighed(make, given_to(make, seeds, shuffle)) for shuffle in (None, rng))
    assert {key: [repr(row[name]) for name in said] for key, row in first.items()} == {
        key: [repr(row[name]) for name in said] for key, row in second.items()
    }


def test_both_divisors_are_figures_of_their_own_side_by_side(make):
    home = given_to(make, [1, 2])
    figures = weighed(
        make, home, ["iso22400/mean_time_to_restoration", "iso22400/mean_time_to_restoration[divisor=failures]"]
    )
    one = figures["iso22400/mean_time_to_restoration", "M0"]["value"]
    assert figures["iso22400/mean_time_to_restoration[divisor=failures]", "M0"]["value"] == near(2 * one)
