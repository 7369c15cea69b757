"""The published problems of OR-Library: optima, values of the linear program, best-known values."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from steelyard.errors import InputError
from steelyard.methods.choose.knapsack import knapsack

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or ROOT.parent / "shared" / "data") / "plan"
published = pytest.mark.skipif(not DATA.is_dir(), reason="the published problems are not here: set STEELYARD_TEST_DATA")
OPTIMA = [3800, 8706.1, 4015, 6120, 12400, 10618, 16537]


def problems(name: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Values, needs and limits of each problem of a file."""
    numbers = iter(np.array((DATA / name).read_text().split(), dtype=float))
    found = []
    for _ in range(int(next(numbers))):
        things, limits, _ = int(next(numbers)), int(next(numbers)), next(numbers)
        value = np.array([next(numbers) for _ in range(things)])
        needs = np.array([next(numbers) for _ in range(things * limits)]).reshape(limits, things)
        found.append((value, needs, np.array([next(numbers) for _ in range(limits)])))
    return found


def table(number: int) -> list[float]:
    """The best-known values (0) or those of the linear program (1) of the first 30 problems."""
    text = (DATA / "orlib_best-feasible-slns.txt").read_text()
    rows = re.findall(r"^\s*5\.100-\d\d\s+([\d.e+]+)\s*$", text, re.MULTILINE)
    return [float(row) for row in rows[30 * number : 30 * number + 30]]


@published
@pytest.mark.parametrize("number", range(7))
def test_the_seven_small_problems_are_solved_to_their_optima(number):
    found = knapsack(*problems("orlib_mknap1.txt")[number])
    assert found.value == pytest.approx(OPTIMA[number])
    assert found.bound == pytest.approx(OPTIMA[number])


@published
def test_values_of_the_linear_program_are_those_of_the_table_to_three_decimals():
    relaxed = [knapsack(*one, seconds=0.0).relaxed for one in problems("orlib_mknapcb1.txt")]
    assert relaxed == pytest.approx(table(1), abs=5e-4)


@published
@pytest.mark.parametrize("number", range(5))
def test_the_best_known_value_is_reached(number):
    best = table(0)[number]
    found = knapsack(*problems("orlib_mknapcb1.txt")[number], seconds=600.0, enough=best)
    assert found.value == best
    assert best <= found.bound <= found.relaxed


def test_nothing_fits_under_limits_of_zero():
    found = knapsack(np.array([3.0, 2.0]), np.ones((1, 2)), np.zeros(1))
    assert (found.value, found.gap) == (0, 0)


@pytest.mark.parametrize(
    ("code", "value", "needs"), [("SY770", [-1.0, 1.0], [[1.0, 1.0]]), ("SY771", [1.0, 1.0], [[1.0, 1.0, 1.0]])]
)
def test_bad_input_is_refused(code, value, needs):
    with pytest.raises(InputError) as refused:
        knapsack(np.array(value), np.array(needs), np.ones(1))
    assert refused.value.code == code
