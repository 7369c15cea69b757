"""The loss waterfall: every planned second named once, by category and reason; and the identities of the time model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import SECOND, see, span

HOURS = 3_600
STATES = ("production", "setup", "delay", "waiting", "unknown", "planned_down")
SPAN = st.tuples(
    st.integers(0, 9_000), st.integers(1, 4_000), st.sampled_from(STATES), st.sampled_from(["", "jam", "no tool"])
)
PLAN = st.lists(
    st.tuples(
        st.integers(0, 9_000), st.integers(1, 5_000), st.sampled_from(["planned_busy", "planned_busy", "planned_down"])
    ),
    min_size=1,
    max_size=3,
)


def tables(states, plan, counts=(), told=()):
    return {
        "machine_states": [span(a, a + lasts, unit="M", state=state, reason=reason or None) for a, lasts, state, reason in states],
        "shifts": [span(a, a + lasts, unit="M", kind=kind) for a, lasts, kind in plan],
        "production_counts": [span(a, a + lasts, unit="M", product="X", produced=float(n), good=float(min(n, good)), planned_seconds_per_item=7.3)
                              for a, lasts, n, good in counts],
        "time_elements": [span(a, b, unit="M", element=element, seconds=seconds) for a, b, element, seconds in told],
    }  # fmt: skip


COUNTS = st.lists(
    st.tuples(st.integers(0, 9_000), st.integers(1, 4_000), st.integers(0, 900), st.integers(0, 900)), max_size=3
)
PERIODS = ((0, 5_000), (5_000, 14_000))


@settings(max_examples=80, deadline=None)
@given(st.lists(SPAN, max_size=12), PLAN, COUNTS, st.randoms(use_true_random=False))
def test_losses_add_up_to_planned_time_however_states_overlap(states, plan, counts, shuffled):
    rows = tables(states, plan, counts)
    times = {(row["unit"], row["start"]): row for row in see("unit_times", PERIODS, **rows)}
    losses = see("unit_losses", PERIODS, **rows)
    for key, row in times.items():
        mine = [loss for loss in losses if (loss["unit"], loss["start"]) == key]
        if row["pbt"] is None:
            assert mine == []
            continue
        by = {
            name: sum(loss["seconds"] for loss in mine if loss["category"] == name)
            for name in {loss["category"] for loss in mine}
        }
        assert sum(by.values()) == pytest.approx(row["pbt"], rel=1e-9, abs=1e-6)
        assert by.get("stops", 0) == pytest.approx(row["adet"], abs=1e-6)
        assert by.get("unknown", 0) == pytest.approx(row["unknown"], abs=1e-6)
        assert len({(loss["category"], loss["reason"]) for loss in mine}) == len(mine)
    for part in rows.values():
        shuffled.shuffle(part)
    assert repr(see("unit_losses", PERIODS, **rows)) == repr(losses)


@settings(max_examples=80, deadline=None)
@given(st.lists(SPAN, max_size=12), PLAN)
def test_the_identities_of_the_time_model_hold(states, plan):
    for row in see("unit_times", PERIODS, **tables(states, plan)):
        busy = row["apt"] + row["aust"] + row["adet"]  # AUBT = AUPT + ADET, AUPT = APT + AUST
        assert busy + row["adot"] + row["unknown"] == pytest.approx(row["among"], abs=1e-6)
        assert row["pbt"] in (None, row["among"])
        assert min(row[name] for name in ("apt", "aust", "adet", "adot", "unknown", "outside")) >= 0


def test_a_minute_of_two_stops_has_the_reason_of_the_one_that_began_first():
    states = [
        (0, 100, "delay", "jam"),
        (50, 100, "delay", "no tool"),
        (200, 100, "delay", "b"),
        (200, 100, "delay", "a"),
    ]
    found = see("unit_losses", [(0, 1_000)], **tables(states, [(0, 1_000, "planned_busy")]))
    stops = {loss["reason"]: loss["seconds"] for loss in found if loss["category"] == "stops"}
    assert stops == {"jam": 100, "no tool": 50, "a": 100}


def test_pieces_faster_than_planned_make_a_negative_loss_of_speed():
    found = see(
        "unit_losses",
        [(0, 1_000)],
        **tables([(0, 1_000, "production", "")], [(0, 1_000, "planned_busy")], [(0, 1_000, 200, 190)]),
    )
    by = {loss["category"]: loss["seconds"] for loss in found}
    assert by == pytest.approx({"speed": 1_000 - 1_460, "quality": 73, "productive": 1_387})


def test_elements_that_were_handed_in_count_within_their_span_and_derived_states_beside_it():
    told = [(0, 600, "APT", 400.0), (0, 600, "ADET", 100.0), (0, 600, "AOET", None)]
    states = [(0, 600, "waiting", ""), (600, 400, "setup", "")]
    (row,) = see("unit_times", [(0, 1_000)], **tables(states, [(0, 1_000, "planned_busy")], told=told))
    assert (row["apt"], row["adet"], row["adot"], row["aust"], row["unknown"]) == (400, 100, 0, 400, 100)


def test_an_element_without_seconds_is_all_of_its_span():
    (row,) = see("unit_times", [(0, 1_000)], **tables([], [(0, 1_000, "planned_busy")], told=[(100, 300, "APT", None)]))
    assert (row["apt"], row["unknown"]) == (200, 800)


def test_unit_moments_tell_every_instant_of_a_period_once():
    rows = tables([(0, 500, "delay", ""), (300, 400, "production", "")], [(100, 800, "planned_busy")])
    moments = see("unit_moments", [(0, 1_000)], **rows)
    assert [row["at"] for row in moments[1:]] == [row["until"] for row in moments[:-1]]
    assert (moments[0]["at"], moments[-1]["until"]) == (0, 1_000 * SECOND)
