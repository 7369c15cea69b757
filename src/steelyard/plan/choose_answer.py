"""An answer as rows and as one JSON document: what is funded when, what it comes to, its certificate, its prices, what lacks."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import accumulate
from typing import Any

import numpy as np

from steelyard.methods.choose.plan import fundable
from steelyard.model.period import iso
from steelyard.plan.choose import Chosen, choose
from steelyard.plan.choose_check import check
from steelyard.plan.choose_world import Chain, world_of
from steelyard.plan.explain import next_money, prices_of, short_of
from steelyard.plan.question import Question
from steelyard.store.home import Home

FORMAT = 1
ASKED = (
    "floor",
    "target",
    "parks",
    "inspection",
)  # what can stay unmet where money is too short; all else always holds


def answer(home: Home, asked: Question) -> tuple[Chosen, dict[str, Any]]:
    """Choose for a question, and say it as a document."""
    found = choose(world_of(home, asked))
    measure = home.catalog.measure(asked.coverage)
    return found, {**document(found), "label": dict(measure.label)}


def rows_of(found: Chosen) -> list[dict[str, Any]]:
    """A row for each thing funded: subject, kind, name, region, year, cost, days, why; a chain's row has its leader's year, and no cost."""
    world, way = found.world, found.way
    paid = way.whole.paid(way.year)
    years = world.question.years
    rows = [_row(found, at, years[way.year[at]], float(paid[at])) for at in np.flatnonzero(way.year >= 0).tolist()]
    rows += [{"subject": one.id, "kind": "inspection", "name": one.id, "region": one.region, "year": one.year, "cost": one.cost,
              "days": 0.0, "status": "home", "why": ["fixed_year"]} for one in found.items.fixed]  # fmt: skip
    funded = {row["subject"]: row["year"] for row in rows if row["kind"] == "firm"}
    rows += [
        _chain(row, chain, funded)
        for row in rows
        if row["kind"] == "firm"
        for chain in world.leads.get(row["subject"], ())
    ]
    return sorted(rows, key=lambda row: (row["year"], row["region"], row["kind"], row["subject"]))


def _row(found: Chosen, at: int, year: int, paid: float) -> dict[str, Any]:
    world, items = found.world, found.items
    if items.kind[at] != "firm":
        park = next((one for one in world.parks if one.id == items.ids[at]), None)
        visit = next((one.region for one in world.question.inspections if one.id == items.ids[at]), "")
        region = world.regions[park.region].id if park and park.region >= 0 else visit
        status = park.cost.status if park and park.cost else "home"
        return {"subject": items.ids[at], "kind": items.kind[at], "name": items.names[at], "region": region, "year": year, "cost": paid,
                "days": 0.0, "status": status, "why": []}  # fmt: skip
    firm = world.firms[at]
    why = [f"leader:{chain.id}" for chain in world.leads.get(firm.id, ())]
    why += ["pilot"] if found.way.pilots[at] else []
    why += ["spared"] if paid < world.cost[at] * (1 - 1e-9) else []
    return {"subject": firm.id, "kind": "firm", "name": firm.name, "region": world.regions[firm.region].id, "year": year, "cost": paid,
            "days": float(world.days[at]), "status": world.costs[at].status, "why": [*why, *world.kinds[at]]}  # fmt: skip


def _chain(leader: dict[str, Any], chain: Chain, funded: dict[str, int]) -> dict[str, Any]:
    later = [firm for firm in chain.suppliers if funded.get(firm, 0) > leader["year"]]
    return {"subject": chain.id, "kind": "chain", "name": chain.name, "region": leader["region"], "year": leader["year"], "cost": 0.0,
             "days": 0.0, "status": "ours", "why": [f"leader:{chain.leader}", f"suppliers_later:{len(later)}"]}  # fmt: skip


def document(found: Chosen) -> dict[str, Any]:
    """As JSON-ready fields; money in CNY, shares of all firms on the roster."""
    world, way = found.world, found.way
    asked, rows = world.question, rows_of(found)
    pilots = [world.firms[at].id for at in np.flatnonzero(way.pilots).tolist()]
    broken = [asdict(one) for one in check(world, rows, pilots)]
    short = short_of(found)
    unmet = [one for one in broken if one["limit"] in ASKED]
    broken = [one for one in broken if one["limit"] not in ASKED]
    return {
        "format": FORMAT, "plan": asked.name, "objective": asked.objective, "question": asked.document, "years": list(asked.years),
        "coverage": asked.coverage, "level_of": asked.level_of, "level": asked.level, "roster": asked.roster, "synthetic": world.synthetic, "fund_unheard": asked.fund_unheard,
        "figures": {"start": iso(world.period.start), "end": iso(world.period.end), "label": world.label,
                    "grades": dict(world.grades)},
        "met": not broken and not unmet, "feasible": not broken, "broken": broken, "unmet": unmet, "short": short,
        "least_short": None if found.lacking is None else found.lacking.least, "value": way.value, "bound": found.bound, "gap": found.gap,
        "solved": _solved(found), "cost": float(sum(row["cost"] for row in rows)), "weight": _weight(found), "pilots": pilots,
        "budget": _budget(found, rows), "regions": _regions(found, rows), "total": _total(found, rows), "prices": prices_of(found),
        "next": next_money(found), "assumed": _assumed(asked),
        "notes": {**world.notes, "too_large": _too_large(found)}, "parks": _parks(found, rows), "choices": rows,
    }  # fmt: skip


def _solved(found: Chosen) -> list[dict[str, Any]]:
    """Which parts were solved in sequence and which jointly, each with the gap that it certifies."""
    named = {"leaders": bool((found.way.leads >= 0).any()), "pilots": bool(found.way.pilots.any())}
    parts = [
        {"part": one.part, "how": "first", "method": one.method, "gap": one.gap, "used": named[one.part]}
        for one in found.first
    ]
    parts.append({"part": "firms, parks, inspections", "how": "jointly", "method": "cohorts",
                  "gap": max(found.way.plan.gap, 0.0), "used": True})  # fmt: skip
    if found.lacking is not None:
        return parts
    return [*parts, {"part": "whole", "how": "bound", "method": "lagrange", "gap": found.gap, "used": True}]


def _too_large(found: Chosen) -> int:
    """Firms whose project alone fits into no year's money and provider-days."""
    return int((~fundable(found.way.whole)[: len(found.world.firms)]).sum())


def _weight(found: Chosen) -> float:
    return float(found.items.problem.weight[found.way.year >= 0].sum())


def _budget(found: Chosen, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked, prices = found.world.question, found.way.plan.prices.budget
    return [{"year": year, "budget": budget, "spent": float(sum(row["cost"] for row in rows if row["year"] == year)), "price": float(price)}
            for year, budget, price in zip(asked.years, asked.budget, prices, strict=True)]  # fmt: skip


def _regions(found: Chosen, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    when = Counter((row["region"], row["year"]) for row in rows if row["kind"] == "firm")
    years = found.world.question.years
    return [{"region": one.id, "name": dict(one.names), "among": one.among, "heard": one.heard, "reached": one.reached, "candidates": one.candidates,
             **_course({year: when[one.id, year] for year in years}, one.among, one.reached)} for one in found.world.regions]  # fmt: skip


def _total(found: Chosen, rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {
        name: sum(getattr(one, name) for one in found.world.regions)
        for name in ("among", "heard", "reached", "candidates")
    }
    when = Counter(row["year"] for row in rows if row["kind"] == "firm")
    return sums | _course({year: when[year] for year in found.world.question.years}, sums["among"], sums["reached"])


def _course(when: dict[int, int], among: int, reached: int) -> dict[str, Any]:
    """Firms funded by the end of each year (of those funded in it) and, if each then has the level, the share of the roster that has it."""
    funded = dict(zip(when, accumulate(when.values()), strict=True))
    return {
        "funded": funded,
        "coverage": {year: (reached + count) / among if among else None for year, count in funded.items()},
    }


def _assumed(asked: Question) -> list[dict[str, Any]]:
    """Every number that is nobody's measurement, with whose it is."""
    told = {"discount": asked.discount, "leader_saving": asked.leader_saving, "pilot_saving": asked.pilot_saving}
    rows: list[dict[str, Any]] = [{"name": name, **asdict(one)} for name, one in told.items() if one]
    return rows + [
        {"name": f"priority {name}", "label": dict(one.names), **asdict(one.weight)}
        for name, one in asked.priorities.items()
    ]


def _parks(found: Chosen, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each park: whether its own project is funded, and how its firms stand before and after."""
    firms = {row["subject"] for row in rows if row["kind"] == "firm"}
    when = {row["subject"]: row["year"] for row in rows if row["kind"] == "park"}
    return [{"park": one.id, "name": one.name, "year": when.get(one.id), "among": len(one.members), "reached": one.reached,
             "funded": sum(firm in firms for firm in one.members)} for one in found.world.parks]  # fmt: skip
