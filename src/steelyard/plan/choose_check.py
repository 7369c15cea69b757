"""Whether an answer keeps every limit, counted anew from its rows alone: no array and no solver is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum, isclose
from typing import Any

from steelyard.plan.choose_world import World
from steelyard.plan.question import EVERYWHERE, Question, Yearly

ROOM = 1e-9  # of a limit: sums of doubles do not end on the last digit


@dataclass(frozen=True)
class Broken:
    """A limit that an answer does not keep: ``limit`` is budget, pilots, capacity, floor, target, parks, inspection, once, cost
    or year.
    """

    limit: str
    at: str
    year: int | None
    found: float
    wanted: float


Row = Mapping[str, Any]


def check(world: World, rows: Sequence[Row], pilots: Iterable[str] = ()) -> list[Broken]:
    """Every limit that rows (subject, kind, year, cost, days) break; empty for an answer that is feasible."""
    real = [row for row in rows if row["kind"] != "chain"]
    first = set(pilots)
    return [*_once(world, real), *_costs(world, real, first), *_budgets(world.question, real), *_pilots(world.question, real, first),
            *_capacities(world, real), *_floors(world, real), *_others(world.question, real)]  # fmt: skip


def _once(world: World, rows: Sequence[Row]) -> Iterable[Broken]:
    for (kind, subject), count in Counter((row["kind"], row["subject"]) for row in rows).items():
        if count > 1:
            yield Broken("once", f"{kind} {subject}", None, count, 1)
    for row in rows:
        if row["year"] not in world.question.years:
            yield Broken("year", str(row["subject"]), int(row["year"]), 0, 1)


def _costs(world: World, rows: Sequence[Row], pilots: set[str]) -> Iterable[Broken]:
    """A firm pays its cost, less what its chain's leader and a pilot of its city and industry spare it, if they went earlier."""
    asked = world.question
    when = {row["subject"]: row["year"] for row in rows if row["kind"] == "firm"}
    paid = {row["subject"]: row["cost"] for row in rows if row["kind"] == "firm"}
    taught = {
        int(world.cell[at])
        for at, firm in enumerate(world.firms)
        if firm.id in pilots and firm.id in when and world.cell[at] >= 0
    }
    for at, firm in enumerate(world.firms):
        if firm.id not in when:
            continue
        wanted = float(world.cost[at])
        chain = world.chains[world.chain[at]] if world.chain[at] >= 0 else None
        if chain and asked.leader_saving and (chain.led or when.get(chain.leader, 9999) < when[firm.id]):
            wanted *= 1.0 - asked.leader_saving.value
        if (
            asked.pilot_saving
            and firm.id not in pilots
            and int(world.cell[at]) in taught
            and when[firm.id] > asked.years[0]
        ):
            wanted *= 1.0 - asked.pilot_saving.value
        if not isclose(paid[firm.id], wanted, rel_tol=ROOM, abs_tol=1e-6):
            yield Broken("cost", firm.id, when[firm.id], paid[firm.id], wanted)


def _budgets(asked: Question, rows: Sequence[Row]) -> Iterable[Broken]:
    for year, budget in zip(asked.years, asked.budget, strict=True):
        spent = fsum(row["cost"] for row in rows if row["year"] == year)
        if spent > budget * (1 + ROOM):
            yield Broken("budget", "", year, spent, budget)


def _pilots(asked: Question, rows: Sequence[Row], pilots: set[str]) -> Iterable[Broken]:
    """Pilots go in the first year, within money of their own."""
    found = [row for row in rows if row["kind"] == "firm" and row["subject"] in pilots]
    for row in found:
        if row["year"] != asked.years[0]:
            yield Broken("pilots", str(row["subject"]), int(row["year"]), int(row["year"]), asked.years[0])
    spent = fsum(row["cost"] for row in found)
    if spent > asked.pilot_budget * (1 + ROOM):
        yield Broken("pilots", "", asked.years[0], spent, asked.pilot_budget)


def _capacities(world: World, rows: Sequence[Row]) -> Iterable[Broken]:
    used: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        if row["kind"] == "firm":
            used.setdefault((row["region"], row["year"]), []).append(row["days"])
    told = world.question.capacity
    for (region, year), days in used.items():
        limit = (told.get(region) or told.get(EVERYWHERE) or {}).get(year)
        if limit is not None and fsum(days) > limit * (1 + ROOM):
            yield Broken("capacity", region, year, fsum(days), limit)


def _floors(world: World, rows: Sequence[Row]) -> Iterable[Broken]:
    """Shares of all firms of the roster: those that have the level, and those funded by the end of the year."""
    asked = world.question
    firms = [row for row in rows if row["kind"] == "firm"]
    years: dict[str, list[int]] = {}
    for row in firms:
        years.setdefault(row["region"], []).append(row["year"])
    for region in world.regions:
        floors: Yearly = asked.floors.get(region.id, asked.floors.get(EVERYWHERE, {}))
        yield from _shares("floor", region.id, floors, region.among, region.reached, years.get(region.id, []))
    if asked.objective == "reach":
        among, reached = (sum(getattr(region, name) for region in world.regions) for name in ("among", "reached"))
        yield from _shares("target", "", asked.targets, among, reached, [row["year"] for row in firms])


def _shares(limit: str, at: str, wanted: Yearly, among: int, reached: int, years: Sequence[int]) -> Iterable[Broken]:
    for year, share in wanted.items():
        found, least = reached + sum(one <= year for one in years), ceil(share * among - 1e-9)
        if among and found < least:
            yield Broken(limit, at, year, found, least)


def _others(asked: Question, rows: Sequence[Row]) -> Iterable[Broken]:
    for year, count in (asked.parks.at_least if asked.parks else {}).items():
        found = sum(row["kind"] == "park" and row["year"] <= year for row in rows)
        if found < count:
            yield Broken("parks", "", year, found, count)
    when = {row["subject"]: row["year"] for row in rows if row["kind"] == "inspection"}
    for one in asked.inspections:
        late = one.by is not None and when.get(one.id, 9999) > one.by
        if late or (one.year is not None and when.get(one.id) != one.year):
            yield Broken("inspection", one.id, one.year or one.by, when.get(one.id, 0), one.year or one.by or 0)
