"""The synthetic chain is made of the province's firms."""

from __future__ import annotations

from collections import Counter

from steelyard.examples.pearl import chain
from steelyard.examples.pearl.identity import FACTORY, LEADER


def test_the_same_seed_makes_the_same_chain_at_every_scale(appliances):
    for other in (chain.suppliers(seed=1), chain.suppliers(seed=1, scale=0.5)):
        assert all(appliances[name].equals(other[name]) for name in appliances)


def test_one_leader_has_forty_suppliers_in_three_tiers(appliances):
    rows = sorted(appliances["memberships"].to_pylist(), key=lambda row: row["since"])
    latest = {row["subject"]: row["role"] for row in rows}
    assert Counter(latest.values()) == {"leader": 1, "tier1": 12, "tier2": 16, "tier3": 12}
    assert latest[LEADER] == "leader"
    assert latest[FACTORY] == "tier1"


def test_the_members_are_firms_of_the_province_with_the_same_names_and_codes(appliances, guangdong):
    known = {row["id"]: row for row in guangdong["subjects"].to_pylist()}
    for row in appliances["subjects"].to_pylist():
        assert row["kind"] == "chain" or row == known[row["id"]]


def test_the_roster_lists_each_member_once(appliances):
    members = set(appliances["memberships"]["subject"].to_pylist())
    assert sorted(appliances["roster"]["enterprise"].to_pylist()) == sorted(members)


def test_the_roster_spans_all_roles_that_a_member_had(appliances):
    spans = {row["enterprise"]: row for row in appliances["roster"].to_pylist()}
    for row in appliances["memberships"].to_pylist():
        listed = spans[row["subject"]]
        assert listed["since"] <= row["since"]
        assert listed["until"] is None or (row["until"] and row["until"] <= listed["until"])


def test_who_stands_in_which_tier_depends_on_the_date(appliances):
    rows = appliances["memberships"].to_pylist()
    twice = [subject for subject, times in Counter(row["subject"] for row in rows).items() if times == 2]
    assert len(twice) == 1
    before, after = sorted((row for row in rows if row["subject"] == twice[0]), key=lambda row: row["since"])
    assert (before["role"], after["role"]) == ("tier2", "tier1")
    assert before["until"] == after["since"]


def test_six_suppliers_still_in_the_chain_have_homes_and_the_factory_is_the_first(appliances):
    homes = chain.homes(appliances, set(appliances["subjects"]["id"].to_pylist()))
    current = {row["subject"] for row in appliances["memberships"].to_pylist() if row["until"] is None}
    assert len(homes) == len(set(homes)) == 6
    assert homes[0] == FACTORY
    assert set(homes) <= current
    assert LEADER not in homes
