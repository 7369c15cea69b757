"""The synthetic factory keeps the laws that a real one would."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from steelyard.examples.pearl import factory
from steelyard.examples.pearl.shop import Machine, Supply, run_line


def spans(table, *extra):
    """Unit to its (start, end, *extra) in order of time."""
    found = defaultdict(list)
    for row in table.to_pylist():
        times = datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])
        found[row["unit"]].append((*times, *(row[name] for name in extra)))
    return {unit: sorted(rows, key=lambda row: row[0]) for unit, rows in found.items()}


def seconds(rows):
    return sum((row[1] - row[0]).total_seconds() for row in rows)


def test_the_same_seed_makes_the_same_factory(works):
    again = factory.simulate(seed=1)
    assert all(works[name].equals(again[name]) for name in works)


def test_another_seed_makes_another_history(works):
    assert not works["machine_states"].equals(factory.simulate(seed=2)["machine_states"])


def test_another_prefix_makes_another_factory_with_its_own_ids(works):
    other = factory.simulate(seed=1, prefix="F2", firm="E-441900-00003")
    assert not set(other["subjects"]["id"].to_pylist()) & set(works["subjects"]["id"].to_pylist())
    assert "E-441900-00003" in other["subjects"]["id"].to_pylist()


def test_there_are_six_machines_on_two_lines_of_one_site_of_one_enterprise(works):
    kinds = works["subjects"]["kind"].to_pylist()
    assert [kinds.count(kind) for kind in ("unit", "line", "site", "enterprise")] == [6, 2, 1, 1]
    assert works["memberships"].num_rows == 9


@pytest.mark.parametrize("name", ["machine_states", "shifts"])
def test_rows_of_one_machine_do_not_overlap_and_last_for_some_time(works, name):
    for rows in spans(works[name]).values():
        assert all(end > start for start, end in rows)
        assert all(a[1] <= b[0] for a, b in pairwise(rows))


def test_everything_lies_in_the_first_quarter_of_2026(works):
    first, last = (
        datetime.fromisoformat("2026-01-01T00:00:00+08:00"),
        datetime.fromisoformat("2026-04-01T00:00:00+08:00"),
    )
    for name in ("machine_states", "shifts", "production_counts"):
        assert all(first <= start < end <= last for rows in spans(works[name]).values() for start, end in rows)


def test_good_scrap_and_rework_add_up_to_produced(works):
    for row in works["production_counts"].to_pylist():
        assert row["produced"] == row["good"] + row["scrap"] + row["rework"]
        assert min(row["produced"], row["good"], row["scrap"], row["rework"]) >= 0


def test_machines_work_only_when_they_are_planned_to(works):
    shifts = spans(works["shifts"], "kind")
    for unit, rows in spans(works["machine_states"], "state").items():
        busy = iter(row for row in shifts[unit] if row[2] == "planned_busy")
        window = next(busy)
        for start, end, state in rows:
            if state not in ("planned_down", "unknown"):
                while window[1] <= start:
                    window = next(busy)
                assert window[0] <= start < end <= window[1]


def test_one_line_works_nights_that_cross_midnight_and_none_works_at_spring_festival_or_on_sundays(works):
    busy = [row for rows in spans(works["shifts"], "kind").values() for row in rows if row[2] == "planned_busy"]
    assert any(row[0].hour < 4 for row in busy)
    assert not [row for row in busy if row[0].month == 2 and 16 <= row[0].day <= 22]
    assert not [row for row in busy if row[0].weekday() == 6]


def test_every_kind_of_trouble_occurs_within_the_quarter(works):
    rows = works["machine_states"].to_pylist()
    for state, reason in (
        ("setup", "changeover"), ("waiting", "material_shortage"), ("waiting", "blocked"), ("waiting", "starved"),
        ("planned_down", "break"), ("planned_down", "spring_festival"), ("unknown", "collector_silent"),
    ):  # fmt: skip
        assert any(row["state"] == state and row["reason"] == reason for row in rows)
    assert any(row["state"] == "delay" for row in rows)


def test_some_time_of_each_machine_has_no_row_at_all(works):
    for rows in spans(works["machine_states"]).values():
        holes = sum((b[0] - a[1]).total_seconds() for a, b in pairwise(rows))
        assert 0 < holes < 0.1 * (rows[-1][1] - rows[0][0]).total_seconds()


def planned_run(works, split):
    """(unit, split of the start) to planned run time and good share."""
    run, good, made = defaultdict(float), defaultdict(int), defaultdict(int)
    for row in works["production_counts"].to_pylist():
        key = row["unit"], split(datetime.fromisoformat(row["start"]))
        run[key] += row["produced"] * row["planned_seconds_per_item"]
        good[key] += row["good"]
        made[key] += row["produced"]
    return {key: (run[key], good[key] / made[key]) for key in run}


def test_oee_of_the_quarter_lies_between_0_6_and_0_8(works):
    states = spans(works["machine_states"], "state")
    for (unit, _), (run, quality) in planned_run(works, lambda _: 0).items():
        watched = seconds(row for row in states[unit] if row[2] not in ("planned_down", "unknown"))
        assert 0.6 < run / watched * quality < 0.8


def test_oee_of_no_machine_on_any_day_exceeds_1(works):
    made, watched = defaultdict(float), defaultdict(float)
    for unit, rows in spans(works["machine_states"], "state").items():
        for start, end, state in rows:
            if state in ("production", "setup", "delay", "waiting"):
                assert start.date() == (end - timedelta(seconds=1)).date()  # a break stands at midnight
                watched[unit, start.date()] += (end - start).total_seconds()
                made[unit, start.date()] += (end - start).total_seconds() * (state == "production")
    for key, (run, _) in planned_run(works, lambda at: at.date()).items():
        assert run <= made[key] + 45  # a piece may have been begun while the collector was silent
        assert run <= watched[key] or watched[key] < 3600


def test_no_pieces_are_heard_in_hours_without_production(works):
    working = {
        (unit, hour)
        for unit, rows in spans(works["machine_states"], "state").items()
        for start, end, state in rows
        if state == "production"
        for hour in range(int(start.timestamp()) // 3600, int(end.timestamp()) // 3600 + 1)
    }
    for unit, rows in spans(works["production_counts"]).items():
        assert all((unit, int(start.timestamp()) // 3600) in working for start, _ in rows)


def line(**supply):
    machines = tuple(
        Machine("", "", {"A": pace, "B": pace}, ("x",), up=(1e6, 1.0), drag=1e-6, scrap=0.0, rework=0.0)
        for pace in (10.0, 20.0, 10.0)
    )
    return run_line(machines, Supply(("A",), late_every=1e9, **supply), 36_000, (1,))


def test_a_line_is_as_fast_as_its_slowest_machine():
    made = [sum(len(at) for _, at, _ in station.pieces) for station in line()]
    assert made[1] == pytest.approx(36_000 / 20, rel=0.01)
    assert made[2] == pytest.approx(made[1], abs=24)


def test_a_finite_buffer_blocks_the_fast_machine_before_a_slow_one_and_starves_the_one_after():
    first, slow, last = line(places=2)
    assert sum(s.end - s.start for s in first.spells() if s.reason == "blocked") == pytest.approx(18_000, rel=0.05)
    assert sum(s.end - s.start for s in slow.spells() if s.state == "production") == pytest.approx(36_000, rel=0.01)
    assert sum(s.end - s.start for s in last.spells() if s.reason == "starved") == pytest.approx(18_000, rel=0.05)


def test_no_station_makes_more_pieces_than_it_was_given():
    made = [sum(len(at) for _, at, _ in station.pieces) for station in line()]
    assert made == sorted(made, reverse=True)
