"""The four chains: indicators that are ours and say so, over tables that a park fills; what nobody told is unknown."""

from __future__ import annotations

from collections import Counter

import pytest
from park_worlds import World

from steelyard.catalog import load
from steelyard.fields.four_chains import CHAINS, four_chains, indicators
from steelyard.trace import trace

CATALOG = load()
TABLES = {
    "supplies": "supplier,customer,product,since,verified,live,sole\nA2,A1,shells,2025-01-01,yes,yes,no\nX1,A3,steel,2025-01-01,no,no,yes\n",
    "exchanges": "from,to,at,kind,digital,number\nA1,A2,2026-02-01,order,yes,30\nA3,X1,2026-02-01,order,no,4\n",
    "projects": "project,member,kind,since\nJ1,A1,joint_rd,2025-01-01\nJ1,A2,joint_rd,2025-01-01\n",
    "services": "provider,firm,kind,since\nV1,A1,testing,2025-01-01\nV2,A3,finance,2025-01-01\n",
    "lots": "firm,lot,at,back,forward\nA1,1,2026-02-01,yes,yes\nA2,1,2026-02-01,no,yes\n",
    "scenes": "subject,scene,name,since,provider,grade\nA1,S0501,x,2025-01-01,V1,documented\nA2,S0501,x,2025-01-01,V1,documented\n",
    "chain_links": "park,chain,link,industry\nP1,appliances,shells,33\nP1,appliances,motors,38\n",
}  # fmt: skip


@pytest.fixture
def world(make):
    made = World(make)
    for table, text in TABLES.items():
        made.give(table, text)
    return made.weigh()


def told(world, park="P1"):
    return {
        one.measure.id.removeprefix("four-chains/"): one.figure
        for one in four_chains(world.home, park, world.make.period("2026Q1", world.home))
    }


def test_there_are_nine_indicators_in_four_chains_and_each_says_that_it_is_ours():
    found = indicators(CATALOG)
    assert Counter(chain for chain, _ in found) == {"data": 2, "innovation": 3, "industrial": 2, "supply": 2}
    assert list(dict.fromkeys(chain for chain, _ in found)) == list(CHAINS)
    for chain, measure in found:
        assert measure.status == "ours"
        assert "no official" in measure.source
        assert measure.label["zh"].startswith(CHAINS[chain]["zh"])
        assert measure.label["en"].startswith(CHAINS[chain]["en"])
        assert "本项目" in measure.label["zh"]
        assert measure.of == ("park",)


def test_a_park_that_tells_its_rows_has_a_figure_of_each_by_hand(world):
    found = {name: (figure["value"], figure["heard"], figure["among"]) for name, figure in told(world).items()}
    assert found == {
        "data/live-links": (0.5, 2, 4), "data/exchanges": (5, 2, 4), "innovation/joint-projects": (1, 2, 4), "innovation/reused-scenes": (1, 2, 4),
        "innovation/services": (0.5, 2, 4),
        "industrial/chain-links": (0.5, 4, 4), "industrial/local-matching": (0.5, 2, 4), "supply/traceable-lots": (0.5, 2, 4),
        "supply/single-source": (0.5, 2, 4),
    }  # fmt: skip


def test_the_unheard_widen_every_range_and_a_park_that_tells_nothing_has_no_figure(world):
    for name, figure in told(world).items():
        assert figure["low"] <= figure["value"] <= figure["high"]
        if name != "industrial/chain-links":
            assert figure["low"] < figure["high"], name
    assert set(told(world, "P2").values()) == {None}


def test_what_no_table_tells_of_is_unknown_and_the_table_is_named(make):
    world = World(make).weigh()
    for one in four_chains(world.home, "P1", make.period("2026Q1", world.home)):
        assert one.figure is None
        assert one.missing
        assert set(one.missing) <= set(TABLES)


def test_a_choice_of_parameters_stands_beside_the_indicator(world):
    world.make.weigh(world.home, ["four-chains/industrial/local-matching[within=city]"], "2026Q1")
    found = [
        one
        for one in four_chains(world.home, "P1", world.make.period("2026Q1", world.home))
        if one.measure.id.endswith("local-matching")
    ]
    assert [one.measure.name for one in found] == [
        "four-chains/industrial/local-matching",
        "four-chains/industrial/local-matching[within=city]",
    ]
    assert found[1].figure["value"] == 1  # A2 is in the city; where X1 is nobody knows


def test_an_indicator_is_traced_to_the_rows_that_made_it(world):
    for name, table in (("data/live-links", "supplies"), ("data/exchanges", "exchanges"), ("innovation/joint-projects", "projects"),
                        ("supply/traceable-lots", "lots"), ("innovation/reused-scenes", "scenes"), ("industrial/chain-links", "chain_links")):  # fmt: skip
        node = trace(world.home, told(world)[name]["digest"].hex())
        assert table in {one.header["kind"] for one in leaves(world.home, told(world)[name])}, name
        assert node is not None


def leaves(home, figure):
    by_digest = {leaf.digest: leaf for leaf in home.leaves()}
    return [by_digest[digest] for digest in home.inputs_of(figure["inputs"]) if digest in by_digest]
