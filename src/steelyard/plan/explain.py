"""Why an answer is as it is: prices of what is scarce, what the next money buys, what binds, why this firm and not that."""

from __future__ import annotations

from typing import Any

import numpy as np

from steelyard.catalog.catalog import near
from steelyard.errors import InputError
from steelyard.methods.choose.explain import Priced, binding, buys, priced, standing
from steelyard.methods.choose.prices import reduced
from steelyard.plan.choose import Chosen

NEXT = 10_000_000.0  # yuan: what an office asks about first
DUST = 1e-6  # of the plan's value: a limit that is worth less in all has no price that means anything


def prices_of(found: Chosen) -> list[dict[str, Any]]:
    """Every limit with a price: kind, region, year, what one unit more of it is worth, what is used and what there is.

    In the plan's objective: yuan of discounted cost (reach), or points of weight (most); where targets stay unmet, firms.
    """
    plan = found.way.plan
    chosen = (
        binding(plan) if found.lacking is None else [one for one in priced(plan, found.lacking.prices) if one.price > 0]
    )
    dust = DUST * abs(found.way.value if found.lacking is None else found.lacking.least)
    worth = [one for one in chosen if one.price * max(one.used, one.limit, 1.0) > dust]
    if found.lacking is not None:
        worth = [one for one in worth if one.kind in ("budget", "capacity")]
    return [row for row in (_price(found, one) for one in worth) if row]


def _price(found: Chosen, one: Priced) -> dict[str, Any] | None:
    asked, regions = found.world.question, found.world.regions
    if one.region is not None and one.region >= len(regions):
        return None  # a park's or an inspection's own place
    region = None if one.region is None else regions[one.region].id
    used, limit = _whole(found, one)
    return {
        "kind": one.kind,
        "region": region,
        "year": asked.years[one.year],
        "price": one.price,
        "used": used,
        "limit": limit,
    }


def _whole(found: Chosen, one: Priced) -> tuple[float, float]:
    """What is used of a limit, and the limit, those counted that were held before the rest was planned."""
    world, year, base = found.world, found.way.year, found.items.problem
    if one.kind == "budget":
        return float(found.way.whole.paid(year)[year == one.year].sum()), float(base.budget[one.year])
    here = year == one.year if one.kind == "capacity" else (year >= 0) & (year <= one.year)
    here &= base.region == one.region if one.region is not None else base.region < len(world.regions)
    if one.kind == "capacity":
        return float(base.days[here].sum()), float(base.capacity[one.region or 0, one.year])
    at = int(np.flatnonzero(base.by == one.year)[0])
    return float(here.sum()), float(base.total[at] if one.region is None else base.floors[one.region, at])


def next_money(found: Chosen, amount: float = NEXT) -> dict[str, Any] | None:
    """What the next money buys, in the year in which it is worth most; None where money does not bind."""
    plan, asked = found.way.plan, found.world.question
    prices = plan.prices if found.lacking is None else found.lacking.prices
    at = int(np.argmax(prices.budget))
    if prices.budget[at] <= 1e-12:
        return None
    told = {"amount": amount, "year": asked.years[at], "at_prices": float(prices.budget[at] * amount)}
    if found.lacking is not None:
        return told | {"gains": None}
    money = np.zeros(len(asked.years))
    money[at] = amount
    more = buys(plan, money)
    return told | {"gains": None if more is None else more.gains}


def why(found: Chosen, firm: str) -> dict[str, Any]:
    """The parts of one firm's standing at the plan's prices; of a firm that is no candidate only why: raises InputError SY909 on others.

    ``reduced`` = money + what it uses of budget and provider-days, at their prices - what its priority and the floors earn; below
    0 it is worth funding. ``held``: leader or pilot, chosen before the rest.
    """
    world = found.world
    ids = [one.id for one in world.firms]
    if firm not in ids:
        return _no_candidate(found, firm, ids)
    number = ids.index(firm)
    way, base = found.way, found.items.problem
    head = {"firm": firm, "name": world.firms[number].name, "region": world.regions[world.region[number]].id,
            "year": _year(found, way.year[number]), "held": bool(way.held[number] >= 0), "cost": float(base.cost[number]),
            "days": float(base.days[number]), "weight": float(base.weight[number]), "kinds": list(world.kinds[number])}  # fmt: skip
    if head["held"]:
        return head
    one = standing(way.plan, int(np.searchsorted(way.free, number)))
    rows = reduced(way.whole, way.plan.prices, np.array([number]))[0]
    return head | {"best": _year(found, one.best), "money": one.money, "budget": one.budget, "provider_days": one.days,
                   "priority": one.weight, "floors": one.floors, "reduced": one.reduced,
                   "by_year": dict(zip(world.question.years, map(float, rows), strict=True))}  # fmt: skip


def _no_candidate(found: Chosen, firm: str, ids: list[str]) -> dict[str, Any]:
    """A firm of the roster that cannot be funded: at the level, unheard, or in none of the plan's regions."""
    world = found.world
    if firm not in world.others:
        raise InputError("SY909", name=firm, near=", ".join(near(firm, ids)) or "–")
    other = world.others[firm]
    reached = other.level is not None and other.level >= world.question.level
    left = "reached" if reached else "unheard" if other.level is None and other.region >= 0 else "outside"
    region = world.regions[other.region].id if other.region >= 0 else None
    return {
        "firm": firm,
        "name": other.name,
        "region": region,
        "year": None,
        "held": False,
        "left": left,
        "level": other.level,
    }


def _year(found: Chosen, at: int) -> int | None:
    return None if at < 0 else found.world.question.years[at]


def short_of(found: Chosen) -> list[dict[str, Any]]:
    """Each target that stays unmet: region (None: all), year, firms short, and how many of them because too many are unheard."""
    items, world = found.items, found.world
    short = np.zeros_like(items.need) if found.lacking is None else found.lacking.short[: len(world.regions)]
    in_all = np.zeros_like(items.total) if found.lacking is None else found.lacking.total_short
    rows = [
        {"region": region.id, "year": year, "short": int(short[r, f] + items.beyond[r, f]), "unheard": int(items.beyond[r, f])}
        for f, year in enumerate(items.by) for r, region in enumerate(world.regions)
    ]  # fmt: skip
    rows += [{"region": None, "year": year, "short": int(in_all[f] + items.total_beyond[f]), "unheard": int(items.total_beyond[f])}
             for f, year in enumerate(items.by)]  # fmt: skip
    return [row for row in rows if row["short"]]
