"""Who belongs to whom in a period: each once, by dated ways, and to the division in force."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import CATALOG

from steelyard.model.period import Period, micros
from steelyard.store.lake import engine
from steelyard.store.rows import schema_of
from steelyard.weigh import frame

TABLES = ("subjects", "memberships", "division_changes")
CODES = (
    Path(os.environ.get("STEELYARD_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
    / "codes"
    / "gbt2260-2026.csv"
)
SHIPPED = Path(frame.__file__).parents[1] / "standards" / "codes" / "gbt2260_changes.csv"


def day(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


YEAR = Period(day("2020-01-01"), day("2021-01-01"))


def frame_of(opened, rows: dict[str, list[dict]]):
    for name in TABLES:
        opened.register(name, pa.Table.from_pylist(rows.get(name, []), schema=schema_of(CATALOG.tables[name])))


def members(span: Period = YEAR, own: str = "", **rows: list[dict]) -> dict[str, set[str]]:
    """Who is in whom, themselves left out; fails where a pair stands twice."""
    with engine() as opened:
        frame_of(opened, rows)
        frame.name_members(opened, [CATALOG.tables[name] for name in TABLES], span, own)
        pairs = opened.rows('SELECT "of", subject FROM members')
    assert len(pairs) == len(set(pairs))
    found: dict[str, set[str]] = {}
    for of, subject in pairs:
        if of != subject:
            found.setdefault(of, set()).add(subject)
    return found


def firm(name: str, code: str | None = None) -> dict:
    return {"id": name, "kind": "enterprise", "gbt2260": code}


def region(code: str, name: str = "") -> dict:
    return {"id": name or code, "kind": "region", "gbt2260": code}


def of(subject: str, above: str, since: str = "", until: str = "", role: str = "member") -> dict:
    return {
        "subject": subject,
        "of": above,
        "role": role,
        "since": day(since) if since else None,
        "until": day(until) if until else None,
    }


def change(code: str, into: str, since: str, kind: str) -> dict:
    return {"code": code, "into": into, "since": day(since), "kind": kind}


PLACES = [{"id": "K", "kind": "cluster"}, {"id": "P1", "kind": "park"}, {"id": "P2", "kind": "park"}]


def test_a_cluster_over_parks_of_two_provinces_holds_each_firm_once_however_many_ways_lead_there():
    rows = members(
        subjects=[
            *PLACES,
            firm("A", "440300"),
            firm("B", "430100"),
            firm("C", "430100"),
            region("440000"),
            region("430000"),
        ],
        memberships=[
            of("A", "P1"),
            of("B", "P2"),
            of("P1", "K"),
            of("P2", "K"),
            of("A", "K"),
            of("A", "K", role="leader"),
            of("B", "P1"),
            of("C", "P2"),
        ],
    )
    assert rows["K"] == {"P1", "P2", "A", "B", "C"}
    assert (rows["440000"], rows["430000"]) == ({"A"}, {"B", "C"})


def test_a_cluster_with_a_part_of_a_park_s_firms_holds_that_part_alone():
    rows = members(subjects=[*PLACES, firm("A"), firm("B")], memberships=[of("A", "P1"), of("B", "P1"), of("A", "K")])
    assert (rows["P1"], rows["K"]) == ({"A", "B"}, {"A"})


def test_who_leaves_inside_a_period_counts_in_it_and_not_after():
    rows = {"subjects": [*PLACES, firm("A")], "memberships": [of("A", "K", until="2020-07-01")]}
    assert members(**rows)["K"] == {"A"}
    assert "K" not in members(Period(day("2020-07-01"), day("2020-08-01")), **rows)
    assert members(Period(day("2020-06-01"), day("2020-07-01")), **rows)["K"] == {"A"}


def test_a_firm_that_left_its_park_before_the_park_joined_was_never_in_the_cluster():
    subjects = [*PLACES, firm("A"), firm("B")]
    apart = [of("A", "P1", until="2020-03-01"), of("B", "P1"), of("P1", "K", since="2020-06-01")]
    assert members(subjects=subjects, memberships=apart)["K"] == {"P1", "B"}
    together = [of("A", "P1", until="2020-07-01"), of("B", "P1"), of("P1", "K", since="2020-06-01")]
    assert members(subjects=subjects, memberships=together)["K"] == {"P1", "A", "B"}


def test_a_firm_that_says_its_region_twice_or_knows_the_nation_alone_is_in_each_once():
    rows = members(
        subjects=[firm("A", "440300"), firm("B", "100000"), region("440300"), region("440000"), region("100000")],
        memberships=[of("A", "440300"), of("A", "440000", role="again"), of("440300", "440000")],
    )
    assert rows == {"440300": {"A"}, "440000": {"A", "440300"}, "100000": {"A", "B"}}


def test_memberships_in_a_circle_end():
    rows = members(
        subjects=[*PLACES, firm("A")],
        memberships=[of("A", "P1"), of("P1", "P2", since="2020-02-01"), of("P2", "P1", until="2020-05-01")],
    )
    assert rows["P1"] >= {"A", "P2"}
    assert rows["P2"] >= {"A", "P1"}


def test_a_province_s_home_rolls_up_clusters_beyond_it_and_no_other_region():
    rows = members(
        own="GD", subjects=[*PLACES, firm("A", "440300"), firm("B", "430100"), region("440000", "GD"), region("440300"), region("430000"), region("100000")],
        memberships=[of("A", "K"), of("B", "K")],
    )  # fmt: skip
    assert rows["K"] == {"A", "B"}
    assert rows["GD"] == rows["440300"] == {"A"}
    assert "430000" not in rows
    assert "100000" not in rows


MERGED = [change("330103", "330105", "2021-04-09", "merged")]
BEFORE, AFTER = Period(day("2020-01-01"), day("2021-01-01")), Period(day("2021-01-01"), day("2022-01-01"))


def test_a_firm_of_a_merged_division_counts_once_in_the_one_in_force():
    rows = {
        "subjects": [firm("A", "330103"), firm("B", "330105"), region("330103"), region("330105"), region("330100")],
        "division_changes": MERGED,
    }
    assert members(BEFORE, **rows) == {"330103": {"A"}, "330105": {"B"}, "330100": {"A", "B"}}
    assert members(AFTER, **rows) == {"330105": {"A", "B"}, "330100": {"A", "B"}}


RECODED = [change("340225", "340281", "2019-12-16", "recoded")]
OLD, NEW = Period(day("2019-01-01"), day("2019-07-01")), YEAR


def test_a_recoded_division_keeps_one_series_under_the_code_in_force():
    rows = {
        "subjects": [firm("A", "340225"), firm("B", "340281"), region("340225"), region("340281")],
        "division_changes": RECODED,
    }
    assert members(OLD, **rows) == {"340225": {"A", "B"}}
    assert members(NEW, **rows) == {"340281": {"A", "B"}}


@pytest.mark.parametrize("known", ["340225", "340281"])
def test_a_home_that_knows_one_of_two_codes_keeps_the_series_under_it(known):
    rows = {"subjects": [firm("A", "340225"), firm("B", "340281"), region(known)], "division_changes": RECODED}
    assert members(OLD, **rows) == members(NEW, **rows) == {known: {"A", "B"}}


def test_a_recoded_prefecture_carries_the_counties_that_no_row_names_to_its_new_code():
    rows = {
        "subjects": [firm("A", "522499"), region("522400"), region("520500"), region("520000")],
        "division_changes": [change("522400", "520500", "2011-12-31", "recoded")],
    }
    assert members(YEAR, **rows) == {"520500": {"A"}, "520000": {"A"}}
    assert members(Period(day("2010-01-01"), day("2011-01-01")), **rows) == {"522400": {"A"}, "520000": {"A"}}


SPLIT = [change("330110", "330110", "2021-04-09", "split"), change("330110", "330113", "2021-04-09", "split")]


def test_of_a_split_division_the_new_part_was_in_the_old_one_and_who_stayed_stays():
    rows = {
        "subjects": [firm("A", "330110"), firm("B", "330113"), region("330110"), region("330113")],
        "division_changes": SPLIT,
    }
    assert members(BEFORE, **rows) == {"330110": {"A", "B"}}
    assert members(AFTER, **rows) == {"330110": {"A"}, "330113": {"B"}}


def test_where_a_firm_of_a_divided_division_went_is_not_guessed_but_its_city_is_known():
    gone = [change("140211", "140213", "2018-12-31", "split"), change("140211", "140214", "2018-12-31", "split")]
    rows = {
        "subjects": [firm("A", "140211"), *map(region, ("140211", "140213", "140214", "140200"))],
        "division_changes": gone,
    }
    assert members(YEAR, **rows) == {"140200": {"A"}}


def test_where_a_firm_was_before_its_division_was_united_of_several_is_not_guessed():
    made = [change(old, "320508", "2012-12-31", "united") for old in ("320502", "320503", "320504")]
    rows = {
        "subjects": [firm("A", "320502"), firm("B", "320508"), *map(region, ("320502", "320508", "320500"))],
        "division_changes": made,
    }
    assert members(Period(day("2011-01-01"), day("2012-01-01")), **rows) == {"320502": {"A"}, "320500": {"A", "B"}}
    assert members(YEAR, **rows) == {"320508": {"A", "B"}, "320500": {"A", "B"}}


def test_periods_share_their_members_unless_somebody_moves_or_a_division_with_members_changes():
    span = Period(day("2019-01-01"), day("2021-01-01"))
    with engine() as opened:
        for subjects, moved in (
            ([firm("A", "440300"), region("440300")], False),
            ([firm("A", "340225"), region("340281"), region("340225")], True),
        ):
            frame_of(opened, {"subjects": subjects, "division_changes": RECODED})
            assert frame.memberships_change(opened, span) == moved
        frame_of(opened, {"memberships": [of("A", "K", until="2020-07-01")]})
        assert frame.memberships_change(opened, span)
        assert not frame.memberships_change(opened, Period(day("2020-07-01"), day("2021-01-01")))


DATES = ["", "2019-06-01", "2020-03-01", "2020-06-01", "2020-09-01", "2021-06-01"]
LINKS = [(f, p) for f in "ABCD" for p in ("P1", "P2", "K")] + [("P1", "K"), ("P2", "K"), ("P1", "P2")]


@st.composite
def belonging(draw):
    links = draw(
        st.lists(st.tuples(st.sampled_from(LINKS), st.sampled_from(DATES), st.sampled_from(DATES)), max_size=14)
    )
    return [of(*link, since, until, role=str(n)) for n, (link, since, until) in enumerate(links)]


def by_moments(rows: list[dict]) -> dict[str, set[str]]:
    """The closure at each moment at which anything changes, by walking: an oracle."""
    marks = sorted(
        {YEAR.start, *(m for row in rows for m in (row["since"], row["until"]) if m and YEAR.start < m < YEAR.end)}
    )
    found: dict[str, set[str]] = {}
    for mark in marks:
        up: dict[str, set[str]] = {}
        for row in rows:
            if (row["since"] or 0) <= mark < (row["until"] or 2**62):
                up.setdefault(row["subject"], set()).add(row["of"])
        for one in up:
            open_, seen = [one], set()
            while open_:
                fresh = up.get(open_.pop(), set()) - seen
                seen |= fresh
                open_ += fresh
            for above in seen - {one}:
                found.setdefault(above, set()).add(one)
    return found


SUBJECTS = [*PLACES, *map(firm, "ABCD")]


@settings(max_examples=60, deadline=None)
@given(belonging())
def test_members_of_a_period_are_those_of_its_moments_together(rows):
    assert members(subjects=SUBJECTS, memberships=rows) == by_moments(rows)


@settings(max_examples=30, deadline=None)
@given(belonging(), st.data())
def test_a_way_that_is_there_already_changes_no_membership(rows, data):
    rows = [{**row, "since": None, "until": None} for row in rows]
    before = members(subjects=SUBJECTS, memberships=rows)
    known = [(subject, above) for above, found in before.items() for subject in sorted(found)]
    more = data.draw(st.lists(st.sampled_from(known), max_size=5)) if known else []
    again = [of(*pair, role=f"again{n}") for n, pair in enumerate(more)]
    assert members(subjects=SUBJECTS, memberships=rows + again) == before


def shipped() -> list[dict]:
    with SHIPPED.open(encoding="utf-8") as handle:
        return [change(row["code"], row["into"], row["since"], row["kind"]) for row in csv.DictReader(handle)]


def test_the_shipped_changes_lead_every_old_code_to_one_of_today_or_up_to_its_city(codes):
    changes, today = shipped(), codes
    old = sorted({row["code"] for row in changes} - today)
    rows = members(
        Period(day("2026-01-01"), day("2026-09-01")),
        subjects=[*map(firm, [f"F{c}" for c in old], old), *map(region, sorted(today))],
        division_changes=changes,
    )
    in_county = {
        f for code, found in rows.items() if not code.endswith("00") or code[2:4] in ("90", "04") for f in found
    }
    divided = {f"F{row['code']}" for row in changes if row["kind"] == "split" and row["code"] != row["into"]}
    placed = {f for found in rows.values() for f in found}
    assert placed == {f"F{code}" for code in old}
    assert {f for f in placed - in_county if not f.endswith("00")} <= divided


@pytest.fixture
def codes() -> set[str]:
    if not CODES.exists():
        pytest.skip("the codes of today are not here: set STEELYARD_TEST_DATA")
    with CODES.open(encoding="utf-8-sig") as handle:
        return {row["code"] for row in csv.DictReader(handle)}
