"""Places are compared only among equals, with the firms heard, and ranked only where intervals allow."""

from __future__ import annotations

import json

import pytest
from home_of_firms import MEASURE, Firm, give, group

from steelyard.cli import main
from steelyard.errors import InputError, UsageError
from steelyard.fields.compare import compare

CITIES = ["440100,region,440100", "440300,region,440300", "440000,region,440000"]
MIXED = [
    *group("a", 80, 72, code="440100", size="large"), *group("b", 20, 8, code="440100", size="small"),
    *group("c", 20, 19, code="440300", size="large"), *group("d", 80, 40, code="440300", size="small"),
]  # fmt: skip


def weighed(make, firms, places, more=(), period="2026", name="home"):
    home = give(make, make.new(name), firms, places, more)
    make.weigh(home, [MEASURE], period)
    return home


def test_a_city_of_large_firms_is_not_praised_for_its_mix(make):
    found = compare(weighed(make, MIXED, CITIES), MEASURE, "regions")
    assert [place.subject for place in found.places] == ["440300", "440100"]
    assert [place.raw for place in found.places] == pytest.approx([0.59, 0.80])
    assert [place.value for place in found.places] == pytest.approx([0.725, 0.65])
    assert [(place.heard, place.among, place.covered) for place in found.places] == [(100, 100, 1.0)] * 2
    assert {place.rank for place in found.places} == {(1, 2)}
    assert (found.firms, found.strata, found.sized) == (200, 2, 200)


def test_the_plain_value_is_that_of_the_place_s_own_figure(make):
    home = weighed(make, MIXED, CITIES)
    for place in compare(home, MEASURE, "regions").places:
        (figure,) = home.figures(MEASURE, place.subject).to_pylist()
        assert (place.raw, place.heard, place.among, place.figure) == (
            figure["value"],
            figure["heard"],
            figure["among"],
            figure["digest"].hex(),
        )
        assert place.grade == figure["grade"] == "declared"


def test_the_unheard_are_counted_beside_and_take_no_part(make):
    silent = [Firm(f"s{n}", "440300", None, size="large") for n in range(30)]
    found = compare(weighed(make, MIXED + silent, CITIES), MEASURE, "regions")
    assert {place.subject: (place.heard, place.among) for place in found.places} == {
        "440100": (100, 100),
        "440300": (100, 130),
    }
    assert found.firms == 230


def test_industries_are_strata_too(make):
    firms = [
        *group("a", 30, 30, code="440100", industry="3911"), *group("b", 10, 2, code="440100", industry="C17"),
        *group("c", 10, 10, code="440300", industry="3912"), *group("d", 30, 6, code="440300", industry="1711"),
    ]  # fmt: skip
    found = compare(weighed(make, firms, CITIES), MEASURE, "regions")
    assert [place.value for place in found.places] == pytest.approx([0.6, 0.6])
    assert found.strata == 2


def test_parks_and_clusters_are_compared_and_a_firm_of_two_counts_in_both(make):
    both = [Firm(f"x{n}", of=("K1", "K2")) for n in range(4)]
    firms = [*group("a", 40, 40, of=("K1",)), *group("b", 40, 4, of=("K2",)), *both]
    found = compare(weighed(make, firms, ["K1,cluster,", "K2,cluster,", "K3,cluster,"]), MEASURE, "clusters")
    assert [(p.subject, p.heard, p.rank) for p in found.places] == [("K1", 44, (1, 1)), ("K2", 44, (2, 2))]
    assert (found.firms, found.empty) == (84, ("K3",))
    assert found.places[0].document()["distinguishable"]


def test_a_mean_of_firms_is_compared_too(make):
    found = compare(weighed(make, MIXED, CITIES), "own/score", "regions")
    assert [place.value for place in found.places] == pytest.approx([0.725, 0.65])


def test_places_with_firms_and_none_heard_are_named(make):
    firms = [*MIXED, Firm("q", "440600", None)]
    found = compare(weighed(make, firms, [*CITIES, "440600,region,440600"]), MEASURE, "regions")
    assert found.unheard == ("440600",)


def test_a_measure_that_is_better_lower_ranks_the_lowest_first(make):
    home = weighed(make, [*group("a", 60, 60, code="440100"), *group("b", 60, 3, code="440300")], CITIES)
    path = home.path / "standards" / "own" / "reached" / "measure.yaml"
    path.write_text(path.read_text().replace("better: higher", "better: lower"))
    home.__dict__.pop("catalog")
    assert [(p.subject, p.rank) for p in compare(home, MEASURE, "regions").places] == [
        ("440300", (1, 1)),
        ("440100", (2, 2)),
    ]


@pytest.mark.parametrize(("asked", "code"), [
    (("own/reached", "provinces"), "SY101"), (("own/reached", "regions", "village"), "SY101"), (("no/such", "regions"), "SY102"),
    (("iso22400/oee", "regions"), None), (("plan2024/parks-2027", "regions"), "SY846"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(make, asked, code):
    home = weighed(make, MIXED, CITIES)
    if code is None:  # a measure of firms without any Figure
        with pytest.raises(InputError) as nothing:
            compare(home, *asked)
        assert nothing.value.code == "SY841"
        return
    with pytest.raises(UsageError) as refused:
        compare(home, *asked)
    assert refused.value.code == code


def test_one_place_alone_is_no_comparison(make):
    with pytest.raises(InputError) as refused:
        compare(weighed(make, MIXED, CITIES), MEASURE, "regions", "province")
    assert refused.value.code == "SY845"


def test_the_command_says_place_by_place_what_is_known(make, capsys, monkeypatch):
    monkeypatch.setenv("STEELYARD_LANG", "en")
    home = weighed(make, MIXED, [*CITIES, "440600,region,440600"])
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(home.path), "--measure", MEASURE, "--by", "regions", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert [place["subject"] for place in told["places"]] == ["440300", "440100"]
    assert told["places"][0]["rank"] == [1, 2]
    assert (told["without_firms"], told["standard"]["firms"]) == (["440600"], 200)
    with pytest.raises(SystemExit):
        main(["compare", str(home.path), "--measure", MEASURE, "--by", "regions"])
    said = capsys.readouterr().out
    assert "definition: ours" in said
    assert "1–2\t440300\t\t59.00%\t72.50%" in said
    assert "not distinguishable" in said
    assert "SY842" in said
    assert "440600 has no firm on the list above_size" in said
