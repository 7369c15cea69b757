"""What is chosen before the rest: years of chain leaders by Dantzig-Wolfe, and pilots whose example is followed by CELF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.choose.chains import chains
from steelyard.methods.choose.joint import Led
from steelyard.methods.choose.leader_first import lead, shortfall
from steelyard.methods.choose.spread import network, seeds
from steelyard.plan.choose_problem import NEVER, Items
from steelyard.plan.choose_world import World


@dataclass(frozen=True)
class First:
    """A part chosen first: years of leaders (C,) or pilots (n,), how it was found, its certified gap, and what it is about."""

    part: str
    method: str
    gap: float
    chosen: np.ndarray


def leading(world: World) -> np.ndarray:
    """(C,) the number of each chain's leader among the firms, NEVER for one that cannot be funded or that nobody here follows."""
    number = {one.id: at for at, one in enumerate(world.firms)}
    followed = set(world.chain.tolist())
    found = [
        number.get(chain.leader, NEVER) if at in followed and not chain.led else NEVER
        for at, chain in enumerate(world.chains)
    ]
    return np.array(found, dtype=np.int64)


def led(world: World) -> Led | None:
    """The chains whose leader's year is open; None where there is none."""
    leader = leading(world)
    asked = world.question.leader_saving
    open_ = np.flatnonzero(leader >= 0)
    if asked is None or not len(open_):
        return None
    number = np.full(len(leader) + 1, NEVER)
    number[open_] = np.arange(len(open_))
    return Led(number[world.chain], leader[open_], np.full(len(open_), asked.value))


def leaders_first(world: World, items: Items) -> First | None:
    """Leaders' years at least cost, by chains as if each one's suppliers cost their mean and money were parted by cost.

    The share of suppliers wanted is that of the plan's targets, or what the money can reach; the gap is of this part alone.
    """
    following = led(world)
    if following is None:
        return None
    asked, base = world.question, items.problem
    count = np.bincount(following.chain[following.chain >= 0], minlength=len(following.leader)).astype(float)
    inside = following.chain >= 0
    money = np.bincount(following.chain[inside], world.cost[inside], len(count))
    part = (money.sum() + world.cost[following.leader].sum()) / max(float(world.cost.sum()), 1.0)
    share = min(1.0, float(base.budget.sum()) / max(float(world.cost.sum()), 1.0))
    wanted = (
        np.maximum(items.total, items.need.sum(axis=0))
        if asked.objective == "reach"
        else np.full(len(items.by), share * len(world.firms))
    )
    floors = np.floor(np.clip(wanted / max(len(world.firms), 1), 0.0, 1.0) * count.sum())[None, :]
    made = chains(
        region=np.zeros(len(count), dtype=int), suppliers=count, leader=world.cost[following.leader], supplier=money / np.maximum(count, 1.0),
        saving=following.saving, budget=np.minimum(base.budget * part + world.cost[following.leader].max(), base.budget), capacity=np.full((1, base.years), count.sum()),
        floors=floors, by=base.by, price=np.array(asked.price),
    )  # fmt: skip
    plan = lead(made) or shortfall(made).plan
    years = np.full(len(world.chains), NEVER)
    years[np.flatnonzero(leading(world) >= 0)] = plan.leads
    return First("leaders", "Dantzig-Wolfe", plan.gap, years)


def pilots_first(world: World, items: Items) -> First | None:
    """Firms to fund in the first year so that those of their city and industry are spared most, within the pilots' budget.

    One firm of a city and industry is enough: its cheapest. Firms that no longer fit into their region's provider-days are left out.
    """
    asked = world.question
    if asked.pilot_saving is None or asked.pilot_budget <= 0:
        return None
    able = (world.cell >= 0) & (leading_mask(world) == 0)
    firms = np.flatnonzero(able)
    order = firms[np.lexsort((world.cost[firms], world.cell[firms]))]
    cheapest = order[np.flatnonzero(np.diff(world.cell[order], prepend=-1))]
    cells = world.cell[cheapest]
    money = np.bincount(world.cell[world.cell >= 0], world.cost[world.cell >= 0])
    spared = asked.pilot_saving.value * (money[cells] - world.cost[cheapest])
    count, budget = len(cheapest), min(asked.pilot_budget, float(items.problem.budget[0]))
    graph = network(2 * count, np.arange(count), count + np.arange(count))
    weight, cost = (
        np.concatenate([np.zeros(count), spared]),
        np.concatenate([np.maximum(world.cost[cheapest], 1e-6), np.full(count, 2.0 * budget + 1)]),
    )
    found = seeds(graph, weight, cost, budget)
    kept = _fitting(world, items, cheapest[found.picked[found.picked < count]])
    chosen = np.zeros(len(world.firms), dtype=bool)
    chosen[kept] = True
    value = float(spared[np.isin(cheapest, kept)].sum())
    return First("pilots", "CELF", (found.bound - value) / found.bound if found.bound > 0 else 0.0, chosen)


def leading_mask(world: World) -> np.ndarray:
    """(n,) 1 for leaders whose year is open."""
    mask = np.zeros(len(world.firms), dtype=int)
    leader = leading(world)
    mask[leader[leader >= 0]] = 1
    return mask


def _fitting(world: World, items: Items, picked: np.ndarray) -> np.ndarray:
    """Those of the firms, in their order, that fit into the first year's provider-days of their regions."""
    left = items.problem.capacity[:, 0].copy()
    kept = []
    for firm in picked.tolist():
        if world.days[firm] <= left[world.region[firm]]:
            left[world.region[firm]] -= world.days[firm]
            kept.append(firm)
    return np.array(kept, dtype=np.int64)
