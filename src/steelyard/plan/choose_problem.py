"""A world as arrays for ``methods/choose``: firms first, then parks, then rounds of inspections; floors as whole firms still needed.

A park's project and a round of inspections use money and no provider-days. They stand in regions of their own behind the plan's, which
count towards no target; a park's own firms are funded as firms, each once, in however many parks it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.choose.problem import Problem, problem
from steelyard.plan.choose_world import World
from steelyard.plan.question import EVERYWHERE, Question, Visits

NEVER = -1
ROOM = 1e-12  # of a limit: sums of doubles do not end on the last digit


@dataclass(frozen=True)
class Items:
    """Everything that can be funded, by number: ``kind`` firm, park or inspection; ``fixed`` are inspections of a fixed year.

    ``by`` are the plan's dates (calendar years); ``need`` (R, F) firms still needed in each region and ``total`` (F,) in all, of
    which ``beyond`` and ``total_beyond`` are more than can be funded at all: too many are unheard.
    """

    problem: Problem
    kind: tuple[str, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    fixed: tuple[Visits, ...]
    by: tuple[int, ...]
    need: np.ndarray
    beyond: np.ndarray
    total: np.ndarray
    total_beyond: np.ndarray

    @property
    def firms(self) -> int:
        return self.kind.count("firm")


@dataclass(frozen=True)
class _Aside:
    """A region of its own for other things than firms: its things, and how many of them are wanted by which year."""

    kind: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    costs: tuple[float, ...]
    weight: float
    wanted: dict[int, float]


def items_of(world: World) -> Items:
    """The problem of a world, nobody held yet; raises InputError SY907 (a floor without firms, fixed costs above a budget)."""
    asked = world.question
    asides = _asides(world)
    by = tuple(
        sorted(
            {
                *asked.targets,
                *(year for of in asked.floors.values() for year in of),
                *(year for one in asides for year in one.wanted),
            }
        )
    )
    need, beyond = _floors(world, by)
    among, reached = (sum(getattr(one, name) for one in world.regions) for name in ("among", "reached"))
    wanted = _missing(
        [asked.targets.get(year, 0.0) if asked.objective == "reach" else 0.0 for year in by], among, reached
    )
    able = len(world.firms)
    others = np.array([[one.wanted.get(year, 0.0) for year in by] for one in asides]).reshape(len(asides), len(by))
    fixed = tuple(one for one in asked.inspections if one.year is not None)
    ids = [name for one in asides for name in one.ids]
    cost = np.concatenate([world.cost, [cost for one in asides for cost in one.costs]])
    weight = np.concatenate([world.weight, [one.weight for one in asides for _ in one.ids]])
    region = [len(world.regions) + at for at, one in enumerate(asides) for _ in one.ids]
    made = problem(
        np.concatenate([world.region, region]), cost, np.concatenate([world.days, np.zeros(len(ids))]), _budget(asked, fixed),
        np.vstack([_capacity(world), np.zeros((len(asides), len(asked.years)))]), np.vstack([need, others]),
        np.array([asked.years.index(year) for year in by], dtype=int), weight, np.array(asked.price), total=np.minimum(wanted, able),
        aside=len(asides),
    )  # fmt: skip
    kind = ("firm",) * able + tuple(one.kind for one in asides for _ in one.ids)
    names = (*(one.name for one in world.firms), *(name for one in asides for name in one.names))
    return Items(made, kind, (*(one.id for one in world.firms), *ids), names, fixed, by, need, beyond, np.minimum(wanted, able),
                 np.maximum(wanted - able, 0))  # fmt: skip


def _asides(world: World) -> list[_Aside]:
    asked = world.question
    found = []
    parks = [park for park in world.parks if park.cost is not None]
    if asked.parks and len(parks) < max(asked.parks.at_least.values(), default=0):
        raise InputError("SY907", field="parks.at_least", value=max(asked.parks.at_least.values()), most=len(parks))
    if asked.parks and parks:
        costs = tuple(park.cost.cost for park in parks if park.cost)
        found.append(_Aside("park", tuple(park.id for park in parks), tuple(park.name for park in parks), costs, asked.parks.weight,
                            dict(asked.parks.at_least)))  # fmt: skip
    found.extend(
        _Aside("inspection", (one.id,), (one.id,), (one.cost,), one.weight, {one.by: 1.0} if one.by else {})
        for one in asked.inspections
        if one.year is None
    )
    return found


def _budget(asked: Question, fixed: Sequence[Visits]) -> np.ndarray:
    """(T,) money once inspections of a fixed year are paid."""
    left = np.array(asked.budget)
    for one in fixed:
        left[asked.years.index(one.year or 0)] -= one.cost
    if (left < 0).any():
        at = int(np.argmax(left < 0))
        raise InputError(
            "SY907", field=f"inspections {asked.years[at]}", value=asked.budget[at] - left[at], most=asked.budget[at]
        )
    return left


def _missing(shares: Sequence[float], among: float, reached: float) -> np.ndarray:
    """(F,) whole firms that lack to shares of a roster."""
    lacking: np.ndarray = np.maximum(np.ceil(np.array(shares, dtype=float) * among - 1e-9) - reached, 0.0)
    return lacking


def _floors(world: World, by: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(R, F) firms needed in each region, at most those that can be funded; and (R, F) those beyond that."""
    floors = world.question.floors
    wanted = np.zeros((len(world.regions), len(by)))
    for at, region in enumerate(world.regions):
        own = floors.get(region.id)
        if own is not None and not region.among:
            raise InputError("SY908", name=region.id, list=world.question.roster)
        shares = floors.get(EVERYWHERE, {}) if own is None else own
        wanted[at] = _missing([shares.get(year, 0.0) for year in by], region.among, region.reached)
    able = np.array([[region.candidates] for region in world.regions])
    return np.minimum(wanted, able), np.maximum(wanted - able, 0)


def _capacity(world: World) -> np.ndarray:
    """(R, T) provider-days; where none are told as many as all of the region's projects take: no limit."""
    told, years = world.question.capacity, world.question.years
    rows = np.repeat(np.bincount(world.region, world.days, len(world.regions))[:, None], len(years), axis=1)
    for at, region in enumerate(world.regions):
        own = told.get(region.id) or told.get(EVERYWHERE)
        if own:
            rows[at] = [own[year] for year in years]
    return rows


def sharing(world: World, base: Problem, leads: np.ndarray, pilots: np.ndarray) -> Problem:
    """The problem where followers pay less after their leader's year (``leads`` (C,), -1 never) and peers after the pilots' first.

    ``pilots`` (n,) booleans over firms. In it least cost counts money, divided by a firm's priority; most coverage counts weight.
    """
    years, asked = base.years, world.question
    when = np.array(
        [
            -1 if chain.led else int(lead) if lead >= 0 else years
            for chain, lead in zip(world.chains, leads, strict=True)
        ]
    )
    when = np.append(when, years)[world.chain]  # -1 of a chain: none
    near = np.isin(world.cell, world.cell[pilots & (world.cell >= 0)]) & ~pilots
    code = np.concatenate([2 * (when + 1) + near, np.full(base.firms - len(when), 2 * (years + 1))])
    found, group = np.unique(code, return_inverse=True)
    at = np.arange(years)
    led = (1.0 - (asked.leader_saving.value if asked.leader_saving else 0.0)) ** (at > found[:, None] // 2 - 1)
    share = led * (1.0 - (asked.pilot_saving.value if asked.pilot_saving else 0.0)) ** (
        (found[:, None] % 2 == 1) & (at > 0)
    )
    shared = replace(base, group=group.astype(np.int32), share=share)
    if asked.objective == "most":
        return shared.most(np.array(asked.price))
    return replace(
        shared,
        weight=base.cost * least_share(world, base) * (1.0 - 1.0 / np.maximum(base.weight, 1.0)),
        worth=shared.price,
    )


def least_share(world: World, base: Problem) -> np.ndarray:
    """(n,) the least part of its cost that a thing could ever pay."""
    asked = world.question
    least = np.ones(base.firms)
    firms = least[: len(world.firms)]
    if asked.leader_saving:
        firms[world.chain >= 0] *= 1.0 - asked.leader_saving.value
    if asked.pilot_saving:
        firms[world.cell >= 0] *= 1.0 - asked.pilot_saving.value
    return least


def spared(world: World, base: Problem) -> Problem:
    """The problem as if every leader and every pilot had gone before the first year: nobody can pay less."""
    least = least_share(world, base)
    found, group = np.unique(least, return_inverse=True)
    return replace(base, group=group.astype(np.int32), share=np.repeat(found[:, None], base.years, axis=1))


def without(whole: Problem, year: np.ndarray) -> Problem | None:
    """The problem of those whose ``year`` (n,) is NEVER once all others are held in theirs; None where those break a limit."""
    at = np.flatnonzero(year >= 0)
    spent = np.bincount(year[at], whole.paid(year)[at], whole.years)
    used, done = np.zeros(whole.capacity.shape), np.zeros(whole.capacity.shape)
    np.add.at(used, (whole.region[at], year[at]), whole.days[at])
    np.add.at(done, (whole.region[at], year[at]), 1.0)
    budget, capacity = whole.budget - spent, whole.capacity - used
    if (budget < -ROOM * whole.budget).any() or (capacity < -ROOM * whole.capacity).any():
        return None
    budget, capacity = np.maximum(budget, 0.0), np.maximum(capacity, 0.0)
    reached = done @ whole.counts_for()
    keep = year < 0
    return replace(
        whole, region=whole.region[keep], cost=whole.cost[keep], days=whole.days[keep], weight=whole.weight[keep], group=whole.group[keep],
        budget=budget, capacity=capacity, floors=np.maximum(whole.floors - reached, 0.0),
        total=np.maximum(whole.total - whole.counting @ reached, 0.0),
    )  # fmt: skip
