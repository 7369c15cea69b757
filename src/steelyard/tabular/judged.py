"""What a check says of the distinct values of a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from steelyard.model.table import Column


class FaultError(ValueError):
    """Why one value is refused: a code and the facts of its text."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class Judged:
    """``typed`` stands in the order of the values, null where refused; ``faults`` by place among the values."""

    typed: pa.Array
    faults: dict[int, FaultError] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """The home's zone, the moment of taking (µs UTC), the known codes by system."""

    zone: ZoneInfo
    now: int
    codes: Mapping[str, frozenset[str]]


Judge = Callable[[pa.Array, Column, Context], Judged]


def settle(values: pa.Array, typed: pa.Array, one: Callable[[str], object]) -> Judged:
    """Fills what the quick way left null: ``one`` reads a single value or raises FaultError with the reason."""
    left = pc.indices_nonzero(pc.is_null(typed)).to_pylist()
    if not left:
        return Judged(typed)
    faults: dict[int, FaultError] = {}
    mended: list[object] = []
    for value in values.take(pa.array(left)).to_pylist():
        try:
            mended.append(one(value))
        except FaultError as fault:
            faults[left[len(mended)]] = fault
            mended.append(None)
    if len(faults) == len(left):
        return Judged(typed, faults)
    holes = pc.is_null(typed)
    return Judged(pc.replace_with_mask(typed, holes, pa.array(mended, typed.type)), faults)


def only(values: pa.Array, mask: pa.Array) -> pa.Array:
    """The values where the mask is true, null elsewhere."""
    return pc.if_else(mask, values, pa.scalar(None, values.type))
