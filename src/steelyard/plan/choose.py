"""What to fund first: leaders' years and pilots in sequence, then firms, parks and inspections jointly; one bound over all of it.

Ways with and without what goes first are solved, and the years that the prices themselves recommend to leaders; the best one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from steelyard.methods.choose import joint
from steelyard.methods.choose import plan as method
from steelyard.methods.choose.plan import Plan
from steelyard.methods.choose.problem import Problem
from steelyard.methods.choose.shortfall import Shortfall, least_short, shortfall
from steelyard.plan.choose_first import First, leaders_first, leading, led, pilots_first
from steelyard.plan.choose_problem import NEVER, Items, items_of, sharing, spared, without
from steelyard.plan.choose_world import World

PARTS = (1.0, 0.5, 0.25, 0.125)
"""Of the open chains, those whose leaders go in the first year where nothing else reaches the targets."""


@dataclass(frozen=True)
class Way:
    """One way to plan: what was held first (``held`` years (n,)), the joint plan of the rest, and all years together."""

    leads: np.ndarray
    pilots: np.ndarray
    whole: Problem
    held: np.ndarray
    plan: Plan
    year: np.ndarray

    @property
    def value(self) -> float:
        return float(self.whole.values(self.year).sum())

    @property
    def free(self) -> np.ndarray:
        """The numbers of those that were planned jointly."""
        return np.flatnonzero(self.held < 0)


@dataclass(frozen=True)
class Chosen:
    """The answer: the best way, ``bound`` below every plan's value, the parts chosen first, and ``lacking`` where targets stay unmet."""

    world: World
    items: Items
    way: Way
    bound: float
    first: tuple[First, ...]
    lacking: Shortfall | None

    @property
    def gap(self) -> float:
        """How far the value may lie above the least one over every choice, as a share of it."""
        value = self.way.value
        return max(value - self.bound, 0.0) / max(abs(value), 1e-12) if value != self.bound else 0.0


def choose(world: World) -> Chosen:
    """The best plan found for a world; where targets cannot be met, one near the least shortfall."""
    items = items_of(world)
    parts = tuple(part for part in (leaders_first(world, items), pilots_first(world, items)) if part)
    found = [way for leads, pilots in _pairs(world, parts) if (way := _way(world, items, leads, pilots))]
    near = None if found else _nearest(world, items, parts)
    if near is not None:
        found = list(_early(world, items, near.way))
    if near is not None and not found:
        return near
    best = min(found, key=lambda way: way.value)
    better = _recommended(world, items, best)
    best = better if better and better.value < best.value else best
    return Chosen(world, items, best, _bound(world, items, best), parts, None)


def _early(world: World, items: Items, near: Way) -> Iterator[Way]:
    """Ways that keep every limit where leaders go in the first year, those who spare most for their cost first, or as prices recommend."""
    following = led(world)
    if following is None:
        return
    inside = following.chain >= 0
    spared = following.saving * np.bincount(following.chain[inside], world.cost[inside], len(following.leader))
    worth = spared / np.maximum(world.cost[following.leader], 1e-9)
    order = np.flatnonzero(leading(world) >= 0)[np.argsort(-worth, kind="stable")]
    for many in sorted({max(1, round(part * len(order))) for part in PARTS}, reverse=True):
        leads = np.full(len(world.chains), NEVER)
        leads[order[:many]] = 0
        if way := _way(world, items, leads, near.pilots):
            yield way
    if way := _recommended(world, items, near):
        yield way


def _nearest(world: World, items: Items, parts: tuple[First, ...]) -> Chosen:
    """The way that misses the fewest firms, and of those the cheapest; the least shortfall holds for every choice of what goes first."""
    found = [(*near, _short(near[1])) for pair in _pairs(world, parts) if (near := _near(world, items, *pair))]
    way, lacking, _ = min(found, key=lambda one: (one[2], one[0].value))
    least = least_short(spared(world, items.problem)) if parts else lacking.least
    return Chosen(
        world, items, way, way.value - max(way.plan.value - way.plan.bound, 0.0), parts, replace(lacking, least=least)
    )


def _short(lacking: Shortfall) -> float:
    return float(lacking.short.sum() + lacking.total_short.sum())


def _near(world: World, items: Items, leads: np.ndarray, pilots: np.ndarray) -> tuple[Way, Shortfall] | None:
    whole, held = _held(world, items, leads, pilots)
    rest = without(whole, held)
    if rest is None:
        return None
    lacking = shortfall(rest)
    return _joined(world, items, leads, pilots, held, lacking.plan), lacking


def _pairs(world: World, parts: tuple[First, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Years of leaders and pilots: both parts, either, none."""
    named = {part.part: part.chosen for part in parts}
    never, nobody = np.full(len(world.chains), NEVER), np.zeros(len(world.firms), dtype=bool)
    for leads in [named["leaders"], never] if "leaders" in named else [never]:
        for pilots in [named["pilots"], nobody] if "pilots" in named else [nobody]:
            yield leads, pilots


def _held(world: World, items: Items, leads: np.ndarray, pilots: np.ndarray) -> tuple[Problem, np.ndarray]:
    """The problem with these leaders' years and pilots, and (n,) the years of those that are held.

    One who leads several chains goes once: in the earliest of his years.
    """
    leader = leading(world)
    for firm in np.unique(leader[leader >= 0]):
        own = leads[(leader == firm) & (leads >= 0)]
        leads = np.where(leader == firm, own.min() if len(own) else NEVER, leads)
    whole = sharing(world, items.problem, leads, pilots)
    held = np.full(whole.firms, NEVER, dtype=np.int64)
    held[: len(world.firms)][pilots] = 0
    for chain in np.flatnonzero((leads >= 0) & (leader >= 0)):
        held[leader[chain]] = leads[chain]
    return whole, held


def _way(world: World, items: Items, leads: np.ndarray, pilots: np.ndarray) -> Way | None:
    """The best plan of the rest; None where none keeps every limit."""
    whole, held = _held(world, items, leads, pilots)
    rest = without(whole, held)
    plan = None if rest is None else method.choose(rest)
    if plan is None:
        return None
    return _joined(world, items, leads, pilots, held, plan)


def _joined(world: World, items: Items, leads: np.ndarray, pilots: np.ndarray, held: np.ndarray, plan: Plan) -> Way:
    """The years of all together, paid as the leaders' years turned out: one that was not held can have gone first all the same."""
    year = held.copy()
    year[held < 0] = plan.year
    leader = leading(world)
    went = np.append(year, NEVER)[leader]  # -1: a leader who cannot be funded
    return Way(leads, pilots, sharing(world, items.problem, went, pilots), held, plan, year)


def _recommended(world: World, items: Items, way: Way) -> Way | None:
    """The way whose leaders go when the prices of another say that they should."""
    following = led(world)
    if following is None:
        return None
    leads = np.full(len(world.chains), NEVER)
    leads[leading(world) >= 0] = joint.leads(_untaught(world, items), way.plan.prices, _padded(following, items))
    return None if (leads == way.leads).all() else _way(world, items, leads, way.pilots)


def _bound(world: World, items: Items, way: Way) -> float:
    """Below every plan's value, whatever the leaders' years and the pilots; that of the joint plan where nothing goes first."""
    following, asked = led(world), world.question
    if following is None and asked.pilot_saving is None:
        return min(way.plan.bound, way.value)
    taught = None if asked.pilot_saving is None else _taught(world, items)
    leaders = None if following is None else _padded(following, items)
    return min(joint.bound(_untaught(world, items), way.plan.prices, leaders, taught), way.value)


def _padded(following: joint.Led, items: Items) -> joint.Led:
    """Over all that can be funded: parks and inspections follow nobody."""
    others = np.full(items.problem.firms - len(following.chain), NEVER)
    return joint.Led(np.concatenate([following.chain, others]), following.leader, following.saving)


def _taught(world: World, items: Items) -> joint.Taught:
    """Who can learn from whom, and the money for pilots."""
    asked = world.question
    others = np.full(items.problem.firms - len(world.firms), NEVER)
    return joint.Taught(
        np.concatenate([world.cell, others]),
        asked.pilot_saving.value if asked.pilot_saving else 0.0,
        asked.pilot_budget,
    )


def _untaught(world: World, items: Items) -> Problem:
    """The problem in which no leader and no pilot goes first."""
    return sharing(world, items.problem, np.full(len(world.chains), NEVER), np.zeros(len(world.firms), dtype=bool))
