"""The laws of weighing: order, repetition, correction, roll-ups, dated parameters, compaction."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.share import pack, receive, trust
from steelyard.store import figures as at_rest
from steelyard.trace.trace import trace
from steelyard.trace.verify import verify

SAID = ("subject", "measure", "start", "end", "value", "low", "high", "heard", "among", "grade", "flags")
OEE = "iso22400/oee"
LEVEL = "sme2024/level"


def said(home):
    return [tuple(repr(row[name]) for name in SAID) for row in home.figures().to_pylist()]


def weigh_all(make, home):
    make.weigh(home, [OEE], "2026-03-14")
    make.weigh(home, make.measures[1:], "2026")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_input_shuffled_split_and_repeated_ends_in_the_same_figures(make, seed):
    rng = random.Random(seed)
    home = make.new()
    pieces = []
    for table, text in make.files.items():
        header, *rows = text.splitlines(keepends=True)
        rng.shuffle(rows)
        cut = rng.randint(0, len(rows))
        pieces += [(table, header + "".join(part)) for part in (rows[:cut], rows[cut:], rows[: cut // 2]) if part]
    rng.shuffle(pieces)
    for i, (table, text) in enumerate(pieces):
        make.give(home, table, text, f"{i}.csv")
    weigh_all(make, home)
    assert said(home) == said(make.whole())


def test_late_input_weighed_again_ends_in_the_same_figures(make):
    home = make.new()
    late = {"answers", "production_counts"}
    for table in [t for t in make.files if t not in late]:
        make.give(home, table, make.files[table])
    weigh_all(make, home)
    for table in late:
        make.give(home, table, make.files[table])
    weigh_all(make, home)
    assert said(home) == said(make.whole())


def test_weighing_twice_makes_nothing_new(make):
    home = make.whole()
    before = home.figures().to_pylist()
    again = make.weigh(home, make.measures, "2026")
    assert sum(w.made for w in make.weigh(home, make.measures[1:], "2026")) == 0
    assert sum(w.made for w in make.weigh(home, [OEE], "2026-03-14")) == 0
    assert all(w.replaced == 0 for w in again)
    digests = {row["digest"] for row in home.figures().to_pylist()}
    assert {row["digest"] for row in before} <= digests


def test_a_correction_replaces_the_figure_and_the_old_one_is_still_what_was_known_then(make):
    home = make.whole()
    (old,) = home.figures(LEVEL, "E2").to_pylist()
    make.give(
        home, "answers", "subject,item,at,value,grade,document\n" + make.answers("E2", 3, at="2026-04-01"), "later.csv"
    )
    make.weigh(home, make.measures[1:], "2026")
    (new,) = home.figures(LEVEL, "E2").to_pylist()
    assert (old["value"], new["value"]) == (0.0, 3.0)
    assert new["replaces"] == old["digest"]
    (then,) = home.figures(LEVEL, "E2", known_on=old["known"]).to_pylist()
    assert then["digest"] == old["digest"]
    assert home.figures(LEVEL, "E2", known_on=old["known"] - 1).num_rows == 0
    assert trace(home, old["digest"]).state == "SHOWN"
    assert verify(home).holds


def test_a_figure_that_did_not_change_is_not_made_again_by_a_correction_elsewhere(make):
    home = make.whole()
    (before,) = home.figures(OEE, "M1").to_pylist()
    make.give(
        home, "answers", "subject,item,at,value,grade,document\n" + make.answers("E2", 3, at="2026-04-01"), "later.csv"
    )
    weigh_all(make, home)
    assert home.figures(OEE, "M1").to_pylist() == [before]


def test_a_figure_inherits_the_weakest_grade_below_it(make):
    home = make.whole()
    weak = make.answers("E3", 3).replace("E3,S1,2026-03-01,3,documented,scan-1", "E3,S1,2026-03-01,3,declared,")
    make.give(home, "answers", "subject,item,at,value,grade,document\n" + weak, "weak.csv")
    make.weigh(home, make.measures[1:], "2026")
    assert home.figures(LEVEL, "E3").to_pylist()[0]["grade"] == "declared"
    assert home.figures(LEVEL, "E2").to_pylist()[0]["grade"] == "documented"
    assert home.figures("coverage/sme2024-level2", "440300").to_pylist()[0]["grade"] == "declared"


def test_an_inspection_stands_against_a_later_pledge_and_one_of_the_same_moment(make):
    home = make.whole()
    head = "subject,item,at,value,grade,document\n"
    seen = "".join(f"E1,S{n},2026-04-01,1,inspected,visit-1\n" for n in range(1, 17))
    make.give(home, "answers", head + seen, "visit.csv")
    for at in ("2026-04-01", "2026-05-01"):
        claim = "".join(f"E1,S{n},{at},4,pledged,\n" for n in range(1, 17))
        make.give(home, "answers", head + claim, f"{at}.csv")
    make.weigh(home, [LEVEL], "2026")
    assert home.figures(LEVEL, "E1").to_pylist()[0]["value"] == 1


def test_answers_to_another_framework_change_no_figure(make):
    home = make.whole()
    make.give(home, "answers", "subject,item,at,value,grade\nE1,smart_factory_tier,2026-04-01,1,declared\n", "tier.csv")
    (again,) = make.weigh(home, [LEVEL], "2026")
    assert (again.made, again.unchanged) == (0, 2)


MIDNIGHT = datetime(2026, 3, 13, 16, tzinfo=UTC)  # of 14 March in Shanghai
STATES = ("production", "setup", "delay", "waiting")


@st.composite
def machines(draw):
    """Some machines of one shift each, cut into states without a gap, with one run of one product."""
    found = []
    for n in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, 600))
        parts = draw(st.lists(st.tuples(st.integers(1, 120), st.sampled_from(STATES)), min_size=1, max_size=5))
        good = draw(st.integers(0, 500))
        found.append((f"M{n}", start, parts, good + draw(st.integers(0, 50)), good, draw(st.integers(1, 90))))
    return found


def at(minute: int) -> str:
    return (MIDNIGHT + timedelta(minutes=minute)).isoformat()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(machines())
def test_rolling_the_parts_is_rolling_the_whole(make, found):
    home = make.new(f"home{len(make._opened)}")
    shifts, states, counts = (
        ["unit,start,end,kind"],
        ["unit,start,end,state"],
        ["unit,start,end,product,produced,good,planned_seconds_per_item"],
    )
    members, subjects = ["subject,of,role"], ["id,kind", "E1,enterprise", "L0,line", "L1,line"]
    for n, (unit, start, parts, produced, good, planned) in enumerate(found):
        end = start + sum(minutes for minutes, _ in parts)
        shifts.append(f"{unit},{at(start)},{at(end)},planned_busy")
        counts.append(f"{unit},{at(start)},{at(end)},X,{produced},{good},{planned}")
        subjects.append(f"{unit},unit")
        members += [f"{unit},L{n % 2},unit"]
        mark = start
        for minutes, state in parts:
            states.append(f"{unit},{at(mark)},{at(mark + minutes)},{state}")
            mark += minutes
    members += ["L0,E1,line", "L1,E1,line"]
    for table, rows in {
        "shifts": shifts,
        "machine_states": states,
        "production_counts": counts,
        "memberships": members,
        "subjects": subjects,
    }.items():
        make.give(home, table, "\n".join(rows) + "\n")
    make.weigh(home, [OEE], "2026-03-14")
    pbt = sum(60 * sum(minutes for minutes, _ in parts) for _, _, parts, *_ in found)
    planned_good = sum(good * planned for *_, good, planned in found)
    (whole,) = home.figures(OEE, "E1").to_pylist()
    assert whole["value"] == pytest.approx(planned_good / pbt, rel=1e-12, abs=1e-12)
    assert (whole["heard"], whole["among"]) == (pbt, pbt)
    units = home.figures(OEE, "M*").to_pylist()
    assert sum(u["value"] * u["heard"] for u in units) == pytest.approx(
        whole["value"] * whole["heard"], rel=1e-9, abs=1e-9
    )


OWN = """label: {en: Own, zh: 自定}
source: ours
status: ours
of: [unit]
unit: "1"
better: higher
how: read
from: [machine_states]
parameters:
  factor:
    "2020-01-01": {value: 2, reference: ours}
"""
SQL = """SELECT unit AS subject, p.start, p."end", $factor * count(*) AS value, $factor * count(*) AS low, $factor * count(*) AS high,
1.0 AS heard, 1.0 AS among FROM machine_states s JOIN periods p ON s.start < p."end" AND s."end" > p.start
GROUP BY unit, p.start, p."end" """


def own_measure(home, yaml):
    folder = home.path / "standards" / "own" / "count"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "measure.yaml").write_text(yaml)
    (folder / "formula.sql").write_text(SQL)
    home.__dict__.pop("catalog", None)


def test_a_measure_in_the_home_s_own_folder_works_without_python(make):
    home = make.whole()
    own_measure(home, OWN)
    make.weigh(home, ["own/count"], "2026-03-14")
    assert [(r["subject"], r["value"]) for r in home.figures("own/count").to_pylist()] == [("M1", 6.0), ("M2", 2.0)]
    assert {r["grade"] for r in home.figures("own/count").to_pylist()} == {"measured"}


def test_a_later_dated_parameter_changes_no_earlier_figure(make):
    home = make.whole()
    own_measure(home, OWN)
    make.weigh(home, ["own/count"], "2026-03-14")
    before = home.figures("own/count").to_pylist()
    own_measure(home, OWN + '    "2026-03-20": {value: 5, reference: ours}\n')
    make.give(
        home, "machine_states", "unit,start,end,state\nM1,2026-03-21T08:00:00,2026-03-21T09:00:00,setup\n", "later.csv"
    )
    for day in ("2026-03-14", "2026-03-21"):
        make.weigh(home, ["own/count"], day)
    rows = home.figures("own/count").to_pylist()
    assert [row for row in rows if row["start"] == before[0]["start"]] == before
    assert [row["value"] for row in rows if row["start"] != before[0]["start"]] == [5.0]


def test_before_a_parameter_s_first_date_there_is_no_figure(make):
    home = make.whole()
    own_measure(home, OWN.replace("2020-01-01", "2027-01-01"))
    make.weigh(home, ["own/count"], "2026-03-14")
    assert home.figures("own/count").num_rows == 0


def test_a_roll_up_over_fewer_than_the_smallest_group_is_not_packed(make):
    works, park = make.whole("works"), make.new("park", kind="park")
    trust(park, works.public_key.hex(), "works")
    packed = pack(works, make.offer(works, park.id, smallest=4))
    receive(park, packed.path.read_bytes())
    assert packed.too_small == 2
    assert park.figures("coverage/*").num_rows == 0
    assert park.figures(LEVEL).num_rows == 2


def test_compaction_keeps_every_figure_and_its_proof(make):
    home = make.whole()
    make.give(
        home, "answers", "subject,item,at,value,grade,document\n" + make.answers("E2", 3, at="2026-04-01"), "later.csv"
    )
    make.weigh(home, make.measures[1:], "2026")
    before = home.figures().to_pylist()
    (old,) = home.figures(LEVEL, "E2", known_on=before[0]["known"] + 10**9).to_pylist()
    assert at_rest.compact(home, LEVEL, at=2)
    assert not at_rest.compact(home, LEVEL, at=2)
    assert home.figures().to_pylist() == before
    assert verify(home).holds
    assert trace(home, old["digest"]).state == "SHOWN"
    assert trace(home, old["replaces"] or old["digest"]).state == "SHOWN"
    for row in before:
        assert trace(home, row["digest"]).state == "SHOWN"
    make.weigh(home, make.measures[1:], "2026")
    assert home.figures().to_pylist() == before
