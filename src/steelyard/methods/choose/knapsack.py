"""What is worth most under several limits at once: whole things, by HiGHS to proven optimality or with the gap left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.choose.highs import INFINITE, Program, solve
from steelyard.methods.choose.problem import finite

SECONDS = 60.0


@dataclass(frozen=True)
class Knapsack:
    """``chosen`` (n,) booleans; their ``value``; ``bound`` that none passes; ``relaxed``: the value with parts of things."""

    chosen: np.ndarray
    value: float
    bound: float
    relaxed: float

    @property
    def gap(self) -> float:
        """How far the value may lie below the best one, as a share of it."""
        return (self.bound - self.value) / self.value if self.value > 0 and self.bound > self.value else 0.0


def knapsack(value: np.ndarray, needs: np.ndarray, limits: np.ndarray, seconds: float = SECONDS,
             enough: float = INFINITE) -> Knapsack:  # fmt: skip
    """The things of most ``value`` (n,) whose ``needs`` (m, n) stay within ``limits`` (m,); stops at a value that is ``enough``.

    Raises InputError SY770 (negative or not a number), SY771 (shapes).
    """
    value, needs, limits = (np.asarray(each, dtype=float) for each in (value, needs, limits))
    if needs.shape != (len(limits), len(value)):
        raise InputError("SY771", name="needs", found=needs.shape, wanted=(len(limits), len(value)))
    for name, values in (("value", value), ("needs", needs), ("limits", limits)):
        finite(name, values)
    relaxed, program = (
        -solve(_program(value, needs, limits, whole=False)).cost,
        _program(value, needs, limits, whole=True),
    )
    found = solve(program, seconds=seconds, enough=-enough)
    chosen = np.zeros(len(value), dtype=bool) if found.values is None else found.values > 0.5
    reached = float(value[chosen].sum())  # a solver's bound can end below it by its last digit
    return Knapsack(chosen, reached, max(min(-found.bound, relaxed), reached), relaxed)


def _program(value: np.ndarray, needs: np.ndarray, limits: np.ndarray, *, whole: bool) -> Program:
    row, column = np.nonzero(needs)
    return Program(-value, np.ones(len(value)), np.full(len(limits), -INFINITE), limits, (row, column, needs[row, column]),
                   whole=np.ones(len(value), dtype=bool) if whole else None)  # fmt: skip
