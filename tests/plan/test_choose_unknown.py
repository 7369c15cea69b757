"""What is not known stays unknown: provider-days, levels on both sides of the one asked, cities."""

from __future__ import annotations

import numpy as np
import pytest
from choose_worlds import ask, chosen_of, firm, province
from plan_worlds import LEVEL, figures

from steelyard.plan.beside import beside
from steelyard.plan.choose_words import lines
from steelyard.take.plans import keep_plan


@pytest.fixture
def own(make, tmp_path_factory):
    return province(make, tmp_path_factory, own=True)


def test_a_cost_without_provider_days_takes_the_usual_ones_and_is_counted_as_estimated(own, make):
    rows = "F18,sme2024/level,2,300000,,paid\nF28,sme2024/level,2,300000,0,paid\nPK1,park,0,50000,,quoted\n"
    make.give(own, "project_costs", "subject,measure,level,cost,days,status\n" + rows, name="paid.csv")
    make.give(
        own,
        "project_costs",
        "subject,measure,level,cost,days,status\nF08,sme2024/level,2,300000,,quoted\n",
        name="q.csv",
    )
    found, told = chosen_of(own, ask(make, parks={"at_least": {2029: 1}}))
    costs = {one.id: cost for one, cost in zip(found.world.firms, found.world.costs, strict=True)}
    assert costs["F08"].cost == 300_000
    assert costs["F08"].days > 0
    assert not np.isnan(found.world.days).any()
    assert told["notes"]["estimated"] == 1
    assert next(park.cost.days for park in found.world.parks if park.id == "PK1") == 0


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_status_a_levels_own_cost_goes_before_that_of_any_level(own, make, first):
    head = "subject,measure,level,cost,days,status\n"
    rows = ["F08,sme2024/level,2,111000,5,quoted\n", "F08,sme2024/level,0,222000,6,quoted\n"]
    for name, row in (("a.csv", rows[first]), ("b.csv", rows[1 - first])):
        make.give(own, "project_costs", head + row, name=name)
    found, _ = chosen_of(own, ask(make))
    costs = {one.id: cost for one, cost in zip(found.world.firms, found.world.costs, strict=True)}
    assert (costs["F08"].cost, costs["F08"].days) == (111_000, 5)


def spanning(home, year):
    """F05 surely has level 2, F06 surely not, F07 may have it."""
    rows = [("F05", 2, 2, 3), ("F06", 1, 0, 1), ("F07", 2, 1, 3), ("F14", 1, 1, 2)]
    figures(home, LEVEL, [(one, year, value, low, high, 1, 1) for one, value, low, high in rows])


def test_a_level_on_both_sides_of_the_one_asked_is_undecided(own, make):
    spanning(own, "2027")
    found, told = chosen_of(own, ask(make, years=[2028, 2029], budget=4_000_000, targets={2029: 0.5}, figures="2027"))
    known = {one.id: one.level for one in [*found.world.firms, *found.world.others.values()]}
    assert (known["F05"], known["F06"], known["F07"], known["F14"]) == (2, 1, None, None)
    assert [one.id for one in found.world.firms] == ["F06"]
    assert (told["notes"]["undecided"], told["notes"]["unheard"]) == (2, 28)
    assert "undecided" in "\n".join(lines(told, "en"))
    taken, _ = chosen_of(
        own, ask(make, years=[2028, 2029], budget=9_000_000, targets={2029: 0.5}, figures="2027", unheard="fund")
    )
    assert {"F07", "F14"} <= {one.id for one in taken.world.firms}


def test_beside_a_plan_a_firm_has_reached_only_what_its_whole_interval_has(own, make):
    kept = keep_plan(
        own, chosen_of(own, ask(make, targets={2027: 0.8}, budget=6_000_000, capacity={"default": 9_000}))[1]
    )
    spanning(own, "2027")
    came = {row["subject"]: row["came"] for row in beside(own, kept.id)["firms"]}
    wanted = {"F05": "reached", "F06": "not_yet", "F07": "unheard", "F14": "unheard"}
    assert {one: came[one] for one in came.keys() & wanted.keys()} == {
        one: wanted[one] for one in came.keys() & wanted.keys()
    }
    assert {"F05", "F06", "F07"} <= came.keys()


def test_firms_whose_code_names_a_province_alone_are_of_no_city(own, make):
    rows = "".join(f"{firm(i)},enterprise,440000,企业,34\n" for i in (5, 15))
    make.give(own, "subjects", "id,kind,gbt2260,name_zh,gbt4754\n" + rows, name="moved.csv")
    found, _ = chosen_of(own, ask(make, regions=["CN-440000"], capacity={"default": 9_000}))
    cells = {one.id: cell for one, cell in zip(found.world.firms, found.world.cell.tolist(), strict=True)}
    assert (cells["F05"], cells["F15"]) == (-1, -1)
    assert cells["F07"] >= 0
