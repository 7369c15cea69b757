"""Bad memberships of parks: a firm in two at once, a roster with gaps; each is named, with what to do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from park_worlds import World

from steelyard.errors import InputError
from steelyard.fields.park_dossier import park_dossier
from steelyard.fields.park_faults import uncovered
from steelyard.fields.parks import all_parks, standing


@pytest.fixture
def world(make):
    return World(make, kind="region", subject="CN-440000")


def join(world, rows: str) -> None:
    world.give("memberships", "subject,of,role,since,until\n" + rows, f"join-{len(rows)}.csv")


def twice(world, park="P1"):
    return [
        (one.error.code, one.firm, one.error.facts["one"], one.error.facts["other"])
        for one in standing(world.home, park).faults
    ]


def test_a_firm_in_two_parks_at_once_is_told_by_name_with_both_parks_the_time_and_what_to_do(world):
    join(world, "A1,P2,member,2026-02-01,2026-03-01\n")
    world.weigh()
    assert twice(world) == twice(world, "P2") == [("SY820", "A1", "P1", "P2")]
    error = standing(world.home, "P1").faults[0].error
    for lang in ("zh", "en"):
        said = error.say(lang)
        assert all(word in said for word in ("甲一厂", "A1", "P1", "P2", "2026-02-01", "2026-03-01"))
    assert "until" in error.remedy()
    found = all_parks(world.home)
    assert [one.firm for one in found.faults] == ["A1"]
    assert found.count["flags"] == ["firm_in_two_parks"]
    assert found.progress["flags"] == ["firm_in_two_parks"]


@pytest.mark.parametrize("rows", [
    "A1,P2,member,2019-01-01,2020-01-01\n",  # moved before
    "A1,P2,member,2026-04-01,\n",  # after the period
    "P1,P2,inside,2020-01-01,\nA1,P2,member,2020-01-01,\n",  # one park lies inside the other
    "A1,CN-440000,member,2020-01-01,\n",  # no park
])  # fmt: skip
def test_who_moved_or_is_in_a_park_inside_a_park_is_not_in_two(world, rows):
    join(world, rows)
    world.weigh()
    assert twice(world) == []
    assert all_parks(world.home).count["flags"] == []


def test_a_dossier_that_would_count_firms_twice_is_not_written(world):
    join(world, "A1,P2,member,2026-02-01,\nA2,P2,member,2026-02-01,\n")
    world.weigh()
    path = world.make.path / "out" / "park.pdf"
    with pytest.raises(InputError) as refused:
        park_dossier(world.home, path, "P1")
    assert (refused.value.code, refused.value.facts["count"], refused.value.facts["firms"]) == ("SY824", 2, "A1, A2")
    assert not path.exists()


def test_a_member_on_no_roster_is_told_by_name_and_one_on_another_list_is_not(world):
    world.weigh()
    gaps = standing(world.home, "P1").gaps
    assert [(one.error.code, one.firm) for one in gaps] == [("SY821", "A5")]
    assert "甲五厂" in gaps[0].error.say("zh")
    world.give("roster", "enterprise,list\nA5,below_size\n", "below.csv")
    assert standing(world.home, "P1").gaps == ()


def test_a_roster_that_leaves_a_part_of_the_stay_open_is_told_with_its_dates(world):
    world.give(
        "roster",
        "enterprise,list,since,until\nA2,above_size,2026-02-01,2026-03-01\nA3,above_size,2026-01-15,\n",
        "later.csv",
    )
    world.weigh()
    told = {one.firm: one.error for one in standing(world.home, "P1").gaps if one.error.code == "SY822"}
    assert told["A2"].facts["holes"] == "2026-01-01 – 2026-02-01, 2026-03-01 – 2026-04-01"
    assert told["A3"].facts["holes"] == "2026-01-01 – 2026-01-15"
    assert sorted(told) == ["A2", "A3"]


def test_gaps_outside_the_stay_in_the_park_are_none(world):
    join(world, "A3,P1,tenant,2026-02-01,\n")
    world.give("memberships", "subject,of,role,since,until\nA3,P1,member,2020-01-01,2025-06-01\n", "moved.csv")
    world.give("roster", "enterprise,list,since,until\nA3,above_size,2026-01-20,\n", "later.csv")
    world.weigh()
    assert "A3" not in {one.firm for one in standing(world.home, "P1").gaps}


def test_a_document_of_faults_has_code_sentence_and_remedy_in_pages(world):
    join(world, "A1,P2,member,2026-02-01,\nA2,P2,member,2026-02-01,\n")
    told = standing(world.home, "P1", world.make.period("2026Q1", world.home)).document(1)["in_two_parks"]
    assert (told["count"], len(told["firms"])) == (2, 1)
    assert told["firms"][0]["code"] == "SY820"
    assert set(told["firms"][0]["what"]) == {"zh", "en"}
    assert told["firms"][0]["do"]


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda s: (min(s), max(s) + 1)), max_size=6)


@given(st.tuples(st.integers(0, 20), st.integers(1, 12)), SPANS)
def test_holes_are_just_the_moments_that_no_part_covers(whole, parts):
    start, end = whole[0], whole[0] + whole[1]
    holes = uncovered((start, end), parts)
    inside = {at for a, b in holes for at in range(a, b)}
    assert inside == {at for at in range(start, end) if not any(a <= at < b for a, b in parts)}
    assert holes == sorted(holes)
    assert all(a < b for a, b in holes)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(holes))
