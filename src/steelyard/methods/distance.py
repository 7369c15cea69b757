"""How far a share, or a number, stands from its target: in points and in firms, with what the unheard could make of it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from steelyard.errors import InputError

MET, POSSIBLE, OPEN = "met", "possible", "not_met"
NEAR = 1e-9  # of a share: less apart is a double's rounding


@dataclass(frozen=True)
class Distance:
    """``value``, ``low``, ``high`` in the target's unit; ``short`` what the value lacks of the target (below zero: beyond it), ``least``
    and ``most`` what is lacking at the high and the low end. ``firms_most`` are lacking if nobody unheard reached, ``firms_least`` if all
    did; None where it is no share of firms. ``state``: met (the low end reaches it), possible (the high end does), not_met.
    """

    value: float
    low: float
    high: float
    short: float
    least: float
    most: float
    firms_least: int | None
    firms_most: int | None
    state: str


def distance(target: float, ends: tuple[float, float, float], *, times: float = 1.0, among: float | None = None,
             beyond: bool = False) -> Distance:  # fmt: skip
    """The distance of (value, low, high), each multiplied by ``times``, to ``target``; ``among`` firms where it is a share of firms.

    ``beyond``: the target is to be exceeded, not only reached. Raises InputError SY785 for ends that are in no order.
    """
    value, low, high = (end * times for end in ends)
    if not low - NEAR <= value <= high + NEAR:
        raise InputError("SY785", name="value", value=value, low=low, high=high)
    least, most = (None if among is None else _lacking(target, end, among, beyond=beyond) for end in (high, low))
    state = MET if _holds(low, target, beyond=beyond) else POSSIBLE if _holds(high, target, beyond=beyond) else OPEN
    return Distance(value, low, high, target - value, target - high, target - low, least, most, state)


def _holds(share: float, target: float, *, beyond: bool) -> bool:
    near = NEAR * max(1.0, abs(target))
    return share > target + near if beyond else share >= target - near


def _lacking(target: float, share: float, among: float, *, beyond: bool) -> int:
    """Whole firms that are lacking where a share of ``among`` firms have reached."""
    exact = Fraction(str(target)) * Fraction(round(among))
    wanted = floor(exact) + 1 if beyond else ceil(exact)
    return max(wanted - round(share * among), 0)
