"""A few chains as one program in whole leaders and whole suppliers, for plans that are small enough to be proven best."""

from __future__ import annotations

import numpy as np

from steelyard.methods.choose.chains import Chains
from steelyard.methods.choose.highs import INFINITE, Program, Solved, solve

SMALL = 3_000  # columns up to which this is done
SECONDS = 5.0


def columns(world: Chains) -> int:
    """How many columns the program has."""
    return world.count * world.years * (world.years + 2)


def exact(world: Chains) -> tuple[np.ndarray, np.ndarray, Solved]:
    """(C,) the leader's year (T: never), (C, T) suppliers by year, and how far they are proven; meaningless without values."""
    count, years = world.count, world.years
    found = solve(_program(world), seconds=SECONDS, tolerance=1e-9)
    values = np.zeros(columns(world)) if found.values is None else np.round(found.values)
    leads, done = np.split(values, [count * years])
    lead = leads.reshape(count, years)
    whole = np.where(lead.any(axis=1), lead.argmax(axis=1), years)
    return whole, done.reshape(count, years + 1, years).sum(axis=1).astype(np.int64), found


def _program(world: Chains) -> Program:
    """Columns: leader of a chain in a year; then suppliers of a chain by the leader's year (or never) and theirs."""
    count, years, floors = world.count, world.years, len(world.by)
    own, at = (part.ravel() for part in np.indices((count, years)))
    chain, leads, follows = (part.ravel() for part in np.indices((count, years + 1, years)))
    leader, supplier = np.arange(len(own)), len(own) + np.arange(len(chain))
    each = world.supplier[chain] * (1.0 - world.saving[chain] * (follows > leads))
    budget = count * (years + 2)
    capacity = budget + years
    begin = capacity + world.capacity.size
    region = world.region[chain]
    parts = [
        (own, leader, np.ones(len(own))),
        (count + chain * (years + 1) + leads, supplier, np.ones(len(chain))),
        (count + own * (years + 1) + at, leader, -world.suppliers[own]),
        (count + own * (years + 1) + years, leader, world.suppliers[own]),
        (budget + at, leader, world.leader[own]), (budget + follows, supplier, each),
        (capacity + region * years + follows, supplier, np.ones(len(chain))),
    ]  # fmt: skip
    for floor, by in enumerate(world.by):
        inside = follows <= by
        parts.append((begin + region[inside] * floors + floor, supplier[inside], np.ones(int(inside.sum()))))
    rows, places, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    room = np.zeros((count, years + 1))
    room[:, -1] = world.suppliers
    return Program(
        np.concatenate([world.leader[own] * world.price[at], each * world.price[follows]]),
        np.concatenate([np.ones(len(own)), world.suppliers[chain]]),
        np.concatenate([np.full(begin, -INFINITE), world.floors.ravel()]),
        np.concatenate([np.ones(count), room.ravel(), world.budget, world.capacity.ravel(), np.full(world.floors.size, INFINITE)]),
        (rows, places, values), whole=np.ones(len(own) + len(chain), dtype=bool),
    )  # fmt: skip
