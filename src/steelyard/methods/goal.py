"""A goal as a tree of criteria over states that hold or do not; its exact value, and the hurdles that reach a least value.

A state is a number: "item S1 at level 2 or above", "letter B of item Q1". A tree only gains by more states, so what reaches a
value can be said as ways (one of several), each a set of hurdles (all of them) of a sum against a least value. All arithmetic is
in fractions: tenths that make 20 are 20.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any


@dataclass(frozen=True)
class Sum:
    """``constant`` + weights of the states that hold + weights x values of parts; weights are positive.

    ``about`` is what the caller wants to know it by, and does not count.
    """

    constant: Fraction = Fraction(0)
    states: tuple[tuple[Fraction, int], ...] = ()
    parts: tuple[tuple[Fraction, Node], ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)


@dataclass(frozen=True)
class Hurdle:
    """Whether a node's value reaches ``least``."""

    node: Node
    least: Fraction


@dataclass(frozen=True)
class Gate:
    """The greatest value of ``steps`` whose hurdles all hold, else ``base``."""

    steps: tuple[tuple[Fraction, tuple[Hurdle, ...]], ...]
    base: Fraction = Fraction(0)


@dataclass(frozen=True)
class Steps:
    """Levels met in order (each part, at most 1, reaching ``met``), plus the value of the first part that is not."""

    met: Fraction
    of: tuple[Node, ...]


Node = Sum | Gate | Steps
Way = tuple[Hurdle, ...]


def value(node: Node, held: Collection[int]) -> Fraction:
    """The exact value of a node when the states ``held`` hold and no others."""
    if isinstance(node, Sum):
        own = sum((weight for weight, state in node.states if state in held), node.constant)
        return own + sum((weight * value(part, held) for weight, part in node.parts), Fraction(0))
    if isinstance(node, Gate):
        return max((worth for worth, hurdles in node.steps if reached(hurdles, held)), default=node.base)
    total = Fraction(0)
    for part in node.of:
        got = value(part, held)
        if got < node.met:
            return total + got
        total += 1
    return total


def reached(hurdles: Collection[Hurdle], held: Collection[int]) -> bool:
    """Whether all hurdles hold."""
    return all(value(hurdle.node, held) >= hurdle.least for hurdle in hurdles)


def ways(node: Node, least: Fraction) -> list[Way]:
    """The sets of hurdles one of which must hold for a node to reach ``least``; the one nearest to it first, none if none can.

    Level by level (GB/T 39117): j levels met and the next at ``least - j``, where j is the fewest that can do.
    """
    if isinstance(node, Sum):
        return [(Hurdle(node, least),)]
    if isinstance(node, Steps):
        whole = max(0, math.ceil(least - node.met))
        if least > len(node.of):
            return []
        needs = [(part, node.met) for part in node.of[:whole]]
        needs += [(part, least - whole) for part in node.of[whole : whole + 1]]
        return _all_of([Hurdle(part, need) for part, need in needs if need > 0])
    if node.base >= least:
        return [()]
    steps = sorted((step for step in node.steps if step[0] >= least), key=lambda step: step[0])
    return [way for _, hurdles in steps for way in _all_of(hurdles)]


def _all_of(hurdles: Collection[Hurdle]) -> list[Way]:
    """Every combination of ways in which all hurdles hold."""
    return [
        tuple(hurdle for way in chosen for hurdle in way)
        for chosen in product(*(ways(t.node, t.least) for t in hurdles))
    ]


def states_of(node: Node) -> set[int]:
    """Every state that a node looks at."""
    if isinstance(node, Sum):
        return {state for _, state in node.states}.union(*(states_of(part) for _, part in node.parts))
    if isinstance(node, Gate):
        return set().union(*(states_of(hurdle.node) for _, hurdles in node.steps for hurdle in hurdles))
    return set().union(*(states_of(part) for part in node.of))
