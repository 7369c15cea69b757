"""A cluster crosses parks and provinces and counts each firm once, whatever ways lead to it."""

from __future__ import annotations

import json

import pytest
from home_of_firms import MEASURE, Firm, give
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.cli import main
from steelyard.errors import InputError, UsageError
from steelyard.fields.clusters import cluster
from steelyard.weigh import weigh

PLACES = ["K,cluster,", "P1,park,440300", "P2,park,430100", "440000,region,440000", "430000,region,430000"]
PARKS = ["P1,K,park,,", "P2,K,park,,"]
FIRMS = [
    Firm("A", "440300", 1, of=("P1", "K")), Firm("B", "440300", 0, of=("P1",)), Firm("C", "430100", 1, of=("P2",)),
    Firm("D", "430100", None, of=("P1", "P2", "K")), Firm("E", "440300", 1, of=("K",)),
]  # fmt: skip


LEAVING, LEAVES = Firm("C", "430100", 1), "C,P2,member,,2026-03-10"


def figures(make, home, period: str = "2026") -> dict[str, tuple]:
    make.weigh(home, [MEASURE], period)
    rows = home.figures(MEASURE, None, make.period(period, home)).to_pylist()
    return {row["subject"]: (row["value"], row["low"], row["high"], row["heard"], row["among"]) for row in rows}


def test_a_cluster_over_parks_of_two_provinces_weighs_each_firm_once(make):
    told = figures(make, give(make, make.new(), FIRMS, PLACES, PARKS))
    assert told["K"] == (3 / 4, 3 / 5, 4 / 5, 4, 5)
    assert told["P1"] == (1 / 2, 1 / 3, 2 / 3, 2, 3)
    assert (told["440000"][3:], told["430000"][3:]) == ((3, 3), (1, 2))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from([(f, w) for f in "ABCDE" for w in ("K", "P1", "P2")] + [("P1", "K"), ("P2", "K")]),
        min_size=1,
        max_size=8,
    )
)
def test_ways_that_lead_where_others_lead_already_change_no_figure(make, more):
    held = {(f.id, above) for f in FIRMS for above in f.of} | {("P1", "K"), ("P2", "K")} | {(f.id, "K") for f in FIRMS}
    again = [f"{subject},{above},again{n},," for n, (subject, above) in enumerate(more) if (subject, above) in held]
    number = len(make._opened)
    before = figures(make, give(make, make.new(f"one{number}"), FIRMS, PLACES, PARKS))
    assert figures(make, give(make, make.new(f"two{number}"), FIRMS, PLACES, [*PARKS, *again])) == before


def test_a_member_that_leaves_counts_in_the_period_of_its_leaving_and_not_after(make):
    home = give(make, make.new(), [*FIRMS[:2], LEAVING], PLACES, [*PARKS, LEAVES])
    told = {period: figures(make, home, period)["K"] for period in ("2026-02", "2026-03", "2026-04")}
    assert [told[period][4] for period in told] == [3, 3, 2]


def test_months_weighed_together_are_the_months_weighed_alone(make):
    found = []
    for name, together in (("together", True), ("alone", False)):
        home = give(make, make.new(name), [*FIRMS[:2], LEAVING, *FIRMS[3:]], PLACES, [*PARKS, LEAVES])
        months = list(make.period("2026Q1", home).split("month", home.zone))
        for batch in [months] if together else [[month] for month in months]:
            weigh(home, [MEASURE], batch)
        rows = home.figures(MEASURE).to_pylist()
        found.append({(r["subject"], r["start"]): (r["value"], r["heard"], r["among"]) for r in rows})
    assert found[0] == found[1]
    assert len(found[0]) >= 9


def test_the_home_of_a_province_rolls_up_a_cluster_beyond_it_from_what_it_holds(make):
    mine = [
        Firm("A", "440300", 1, of=("K",)),
        Firm("B", "440300", None, of=("K",)),
        Firm("C", "430100", None, of=("K",), listed=False),
    ]
    home = give(make, make.new(subject="440000"), mine, PLACES)
    told = figures(make, home)
    assert told["K"] == (1.0, 1 / 2, 1.0, 1, 2)
    assert "430000" not in told
    found = cluster(home, "K", make.period("2026", home), MEASURE)
    assert (found.firms, found.rostered, found.outside) == (3, 2, 1)
    assert found.provinces == {"440000": 2, "430000": 1}


def test_what_a_cluster_is_made_of_is_told_by_way_and_province(make):
    home = give(
        make, make.new(), [*FIRMS, Firm("F", "440300", 1)], PLACES, [*PARKS, "F,K,member,2026-06-01,2026-09-01"]
    )
    found = cluster(home, "K", make.period("2026", home))
    assert (found.firms, found.straight, found.several) == (6, 4, 2)
    assert found.ways == (("P1", "park", 3), ("P2", "park", 2))
    assert (found.joined, found.left) == (("F",), ("F",))


def test_a_firm_in_two_parks_at_once_is_named_with_what_to_do(make):
    home = give(make, make.new(), FIRMS, PLACES, PARKS)
    (note,) = cluster(home, "K", make.period("2026", home)).notes
    assert (note.code, note.facts["count"], note.facts["names"]) == ("SY849", 1, "D")


def test_a_firm_that_moved_from_park_to_park_is_in_one_at_a_time(make):
    moved = [*PARKS, "D,P1,member,,2026-05-01", "D,P2,member,2026-05-01,"]
    home = give(make, make.new(), [*FIRMS[:3], Firm("D", "430100")], PLACES, moved)
    assert cluster(home, "K", make.period("2026", home)).notes == ()


def test_a_cluster_that_is_not_here_or_has_no_firms_gets_a_sentence(make):
    home = give(make, make.new(), [Firm("A")], PLACES)
    with pytest.raises(UsageError) as unknown:
        cluster(home, "KK", make.period("2026", home))
    with pytest.raises(InputError) as empty:
        cluster(home, "K", make.period("2026", home))
    assert (unknown.value.code, unknown.value.facts["near"], empty.value.code) == ("SY843", "K", "SY842")


def test_the_command_tells_the_cluster_with_its_figure(make, capsys, monkeypatch):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    home = give(make, make.new(), FIRMS, PLACES, PARKS)
    make.weigh(home, [MEASURE], "2026")
    with pytest.raises(SystemExit) as ended:
        main(["cluster", str(home.path), "K", "--period", "2026", "--measure", MEASURE])
    said = capsys.readouterr()
    assert ended.value.code == 0
    assert "5 firms, each once, 5 on the roster; 2 by more than one way" in said.out
    assert "75.00% [60.00%, 80.00%] 4/5 declared" in said.out
    assert "SY849" in said.err
    with pytest.raises(SystemExit):
        main(["cluster", str(home.path), "K", "--period", "2026", "--json"])
    assert json.loads(capsys.readouterr().out)["several"] == 2
