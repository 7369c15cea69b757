"""A mixed-integer program, row by row, and HiGHS that solves it to proven optimality or says how far it is from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from steelyard.errors import UsageError

INFINITE = float("inf")


@dataclass
class Milp:
    """Columns with cost, bounds, whether whole; rows ``low <= sum(weight * column) <= high``. Costs are minimised."""

    costs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[Mapping[int, float], float, float]] = field(default_factory=list)

    def column(self, cost: float = 0.0, high: float = 1.0, *, whole: bool = False) -> int:
        """A new column from 0 to ``high``; returns its number."""
        self.costs.append(cost)
        self.lows.append(0.0)
        self.highs.append(high)
        self.whole.append(whole)
        return len(self.costs) - 1

    def at_least(self, terms: Mapping[int, float], low: float) -> None:
        """A row that must reach ``low``."""
        self.rows.append((terms, low, INFINITE))

    def at_most(self, terms: Mapping[int, float], high: float) -> None:
        """A row that must not pass ``high``."""
        self.rows.append((terms, -INFINITE, high))

    def equal(self, terms: Mapping[int, float], value: float) -> None:
        """A row that must be ``value``."""
        self.rows.append((terms, value, value))


@dataclass(frozen=True)
class Found:
    """A solution (one number a column; None: there is none), the certified lower bound of its cost, and whether time ran out.

    Out of time, a solution need not be the best, and none does not mean that there is none.
    """

    values: npt.NDArray[np.float64] | None
    cost: float
    bound: float
    timed_out: bool


def minimise(program: Milp, seconds: float, start: Mapping[int, float] | None = None) -> Found:
    """Solve by HiGHS with no tolerance on the gap, from the values of some columns that are known to do.

    Raises UsageError where HiGHS is not installed.
    """
    try:
        import highspy  # noqa: PLC0415  - an extra, and heavy
    except ImportError as error:
        raise UsageError("SY739") from error
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # its wrapper carries no types
    for name, chosen in (("output_flag", False), ("time_limit", max(0.1, seconds)), ("mip_rel_gap", 0.0),
                         ("mip_abs_gap", 1e-6), ("random_seed", 0)):  # fmt: skip
        solver.setOptionValue(name, chosen)
    solver.passModel(_model(program, highspy))
    if start:
        solver.setSolution(
            len(start), np.array([*start], dtype=np.int32), np.array([*start.values()], dtype=np.float64)
        )
    solver.run()
    status, info = solver.getModelStatus(), solver.getInfo()
    ends = highspy.HighsModelStatus
    late = status not in (ends.kOptimal, ends.kInfeasible, ends.kUnboundedOrInfeasible)
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Found(None, INFINITE, INFINITE, late)
    values = np.asarray(solver.getSolution().col_value)
    bound = info.mip_dual_bound if any(program.whole) else info.objective_function_value
    return Found(values, info.objective_function_value, bound, late)


def _model(program: Milp, highspy: Any) -> Any:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(program.costs), len(program.rows)
    lp.col_cost_ = np.array(program.costs, dtype=np.float64)
    lp.col_lower_, lp.col_upper_ = np.array(program.lows), np.array(program.highs)
    lp.row_lower_ = np.array([low for _, low, _ in program.rows], dtype=np.float64)
    lp.row_upper_ = np.array([high for _, _, high in program.rows], dtype=np.float64)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    lp.integrality_ = [kinds[whole] for whole in program.whole]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.cumsum([0, *(len(terms) for terms, _, _ in program.rows)], dtype=np.int32)
    lp.a_matrix_.index_ = np.array([column for terms, _, _ in program.rows for column in terms], dtype=np.int32)
    lp.a_matrix_.value_ = np.array([w for terms, _, _ in program.rows for w in terms.values()], dtype=np.float64)
    return lp
