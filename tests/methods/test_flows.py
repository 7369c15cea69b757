"""Firms that enter, leave, stay, fall silent and are newly heard; and the distance to a target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.methods.distance import distance
from steelyard.methods.flows import GROUPS, Sight, flows

STATE = st.tuples(st.integers(0, 3), st.integers(0, 3))  # 0 not listed, 1 listed, 2 heard, 3 reached


def sights(states):
    """Two periods from a state of each firm in both."""
    code = np.array(states, dtype=int).reshape(-1, 2)
    return [Sight(code[:, when] >= 1, code[:, when] >= 2, code[:, when] >= 3) for when in (0, 1)]


@given(st.lists(STATE, min_size=1, max_size=60))
@settings(max_examples=300, deadline=None)
def test_the_parts_add_up_to_the_change_exactly(states):
    found = flows(*sights(states))
    if found.parts is None:
        assert found.both == 0
        return
    assert set(found.parts) == set(GROUPS)
    assert sum(found.parts.values()) == found.change
    assert sum(map(float, found.parts.values())) == pytest.approx(float(found.change), abs=1e-12)


@given(st.lists(STATE, min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_nobody_is_lost_between_two_periods(states):
    found = flows(*sights(states))
    assert found.opened == found.left + found.stayed
    assert found.closed == found.entered + found.stayed
    assert found.closed - found.opened == found.entered - found.left
    turned = flows(*reversed(sights(states)))
    assert (turned.entered, turned.left, turned.stayed) == (found.left, found.entered, found.stayed)


@given(st.lists(STATE, min_size=1, max_size=40), st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_firms_does_not_matter(states, dice):
    shuffled = list(states)
    dice.shuffle(shuffled)
    assert flows(*sights(states)) == flows(*sights(shuffled))


def test_a_share_that_rises_because_weak_firms_left_is_told_as_exit():
    found = flows(*sights([(3, 3)] * 2 + [(2, 0)] * 2))
    assert (found.before, found.after) == (0.5, 1)
    assert found.parts == {"stayers": 0, "entry": 0, "exit": 0.5, "newly_heard": 0, "no_longer_heard": 0}


def test_firms_that_were_silent_and_are_heard_now_are_no_progress_of_those_that_stayed():
    found = flows(*sights([(2, 2)] * 2 + [(1, 3)] * 2))
    assert found.parts == {"stayers": 0, "entry": 0, "exit": 0, "newly_heard": 0.5, "no_longer_heard": 0}
    assert found.entered == 0


def test_without_a_firm_heard_both_times_there_are_flows_but_no_parts():
    found = flows(*sights([(3, 0), (0, 2), (1, 1)]))
    assert (found.opened, found.closed, found.stayed) == (2, 2, 1)
    assert found.parts is None
    assert flows(*sights([(1, 1)])).change is None


@pytest.mark.parametrize(("state", "field"), [((True, False, True), "reached"), ((False, True, False), "heard")])
def test_who_reached_unheard_or_is_heard_unlisted_is_refused(state, field):
    wrong = Sight(*(np.array([part]) for part in state))
    right = Sight(*(np.array([True]),) * 3)
    for pair in ((wrong, right), (right, wrong)):
        with pytest.raises(InputError) as refused:
            flows(*pair)
        assert refused.value.code == "SY783"
    with pytest.raises(InputError):
        flows(right, Sight(np.array([True, True]), right.heard, right.reached))


def test_the_distance_is_told_in_points_and_firms_with_what_the_unheard_could_make_of_it():
    found = distance(1.0, (0.6, 0.3, 0.8), among=1000)
    assert (found.short, found.least, found.most) == pytest.approx((0.4, 0.2, 0.7))
    assert (found.firms_least, found.firms_most) == (200, 700)
    assert found.state == "not_met"


@given(st.integers(1, 500_000), st.data())
@settings(max_examples=200, deadline=None)
def test_as_many_firms_as_are_lacking_meet_the_target_and_one_less_does_not(among, data):
    reached = data.draw(st.integers(0, among))
    target = data.draw(st.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9, 1.0]))
    share = reached / among
    lacking = distance(target, (share, share, share), among=among).firms_most
    assert (reached + lacking) / among >= target - 1e-9
    if lacking:
        assert (reached + lacking - 1) / among < target


def test_a_target_to_be_exceeded_is_not_met_by_reaching_it():
    at = (0.75, 0.75, 0.75)
    assert distance(0.75, at, among=100).state == "met"
    over = distance(0.75, at, among=100, beyond=True)
    assert (over.state, over.firms_most) == ("not_met", 1)
    assert distance(0.75, (0.75, 0.7, 0.8), beyond=True).state == "possible"


def test_a_figure_that_is_a_share_of_its_target_is_told_in_the_targets_unit():
    found = distance(200, (0.1, 0.05, 0.2), times=200)
    assert (found.value, found.short, found.least, found.most) == pytest.approx((20, 180, 160, 190))
    assert found.firms_most is None


def test_ends_in_no_order_are_refused():
    with pytest.raises(InputError) as refused:
        distance(1, (0.5, 0.6, 0.7))
    assert refused.value.code == "SY785"
