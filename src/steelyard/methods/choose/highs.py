"""Linear and mixed-integer programs in columns, handed to HiGHS at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steelyard.errors import UsageError

INFINITE = float("inf")


@dataclass(frozen=True)
class Program:
    """Minimise ``costs @ x`` for ``low <= x <= high`` and ``row_low <= A x <= row_high``.

    ``A`` is given as triples ``(rows, columns, values)`` in any order, each place once; ``whole`` marks integer columns.
    """

    costs: np.ndarray
    high: np.ndarray
    row_low: np.ndarray
    row_high: np.ndarray
    triples: tuple[np.ndarray, np.ndarray, np.ndarray]
    low: np.ndarray | None = None
    whole: np.ndarray | None = None


@dataclass(frozen=True)
class Solved:
    """Values of columns, duals of rows (change of the least cost by one more unit), cost and certified bound.

    ``values`` is None where there is no solution, or none was found before the time ran out; ``proven`` says that ``cost`` is
    the least (within HiGHS's tolerance), or, without values, that there is none.
    """

    values: np.ndarray | None
    duals: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cost: float = INFINITE
    bound: float = -INFINITE
    proven: bool = False


def solve(program: Program, method: str = "simplex", seconds: float = INFINITE, gap: float = 0.0,
          enough: float = -INFINITE, nodes: int | None = None, tolerance: float = 1e-6) -> Solved:  # fmt: skip
    """Solve by ``simplex`` or ``ipm`` (interior point without crossover: flows spread over ties; simplex where it does not settle).

    A mixed program ends within ``gap`` of its bound, as a share, once it costs no more than ``enough``, or after as many ``nodes``;
    its rows hold to within ``tolerance``.
    Raises UsageError SY739 where HiGHS is not installed.
    """
    if not len(program.costs):
        return _empty(program)
    solver, highspy = _solver()
    solver.setOptionValue("time_limit", seconds)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("mip_feasibility_tolerance", tolerance)
    solver.setOptionValue("objective_target", enough)
    if nodes is not None:
        solver.setOptionValue("mip_max_nodes", nodes)
    solver.setOptionValue("solver", "choose" if program.whole is not None else method)
    solver.setOptionValue("run_crossover", "off")
    solver.passModel(_model(program, highspy))
    solver.run()
    statuses = highspy.HighsModelStatus
    if method == "ipm" and solver.getModelStatus() not in (
        statuses.kOptimal,
        statuses.kInfeasible,
        statuses.kTimeLimit,
    ):
        return solve(program, "simplex", seconds)
    return _read(solver, highspy, whole=program.whole is not None)


def _empty(program: Program) -> Solved:
    """Of no columns: all rows are 0."""
    if (program.row_low <= 0).all() and (program.row_high >= 0).all():
        return Solved(np.zeros(0), np.zeros(len(program.row_low)), 0.0, 0.0, proven=True)
    return Solved(None, proven=True)


def _solver() -> tuple[Any, Any]:
    try:
        import highspy  # noqa: PLC0415  - an extra, and heavy
    except ImportError as error:
        raise UsageError("SY739") from error
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # its wrapper carries no types
    for name, chosen in (("output_flag", False), ("random_seed", 0), ("threads", 1), ("mip_abs_gap", 1e-6)):
        solver.setOptionValue(name, chosen)
    return solver, highspy


def _read(solver: Any, highspy: Any, *, whole: bool) -> Solved:
    status, info, found = solver.getModelStatus(), solver.getInfo(), solver.getSolution()
    optimal = status == highspy.HighsModelStatus.kOptimal
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solved(None, proven=status == highspy.HighsModelStatus.kInfeasible)
    cost = info.objective_function_value
    bound = info.mip_dual_bound if whole else cost if optimal else -INFINITE
    return Solved(np.asarray(found.col_value), np.asarray(found.row_dual), cost, bound, optimal)


def _model(program: Program, highspy: Any) -> Any:
    rows, columns, values = program.triples
    count = len(program.costs)
    order = np.argsort(columns, kind="stable")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = count, len(program.row_low)
    lp.col_cost_ = program.costs
    lp.col_lower_ = np.zeros(count) if program.low is None else program.low
    lp.col_upper_ = program.high
    lp.row_lower_, lp.row_upper_ = program.row_low, program.row_high
    if program.whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[bool(whole)] for whole in program.whole]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=count))]).astype(np.int32)
    lp.a_matrix_.index_ = rows[order].astype(np.int32)
    lp.a_matrix_.value_ = values[order].astype(np.float64)
    return lp


class Warm:
    """A linear program that is solved again and again by simplex, each time from where it stood, while columns and rows are held."""

    def __init__(self, program: Program) -> None:
        self._solver, self._highspy = _solver()
        self._solver.passModel(_model(program, self._highspy))

    def solve(self) -> Solved:
        """As it stands now."""
        self._solver.run()
        return _read(self._solver, self._highspy, whole=False)

    def bound_columns(self, columns: np.ndarray, high: float) -> None:
        """Columns from 0 to ``high``."""
        count = len(columns)
        self._solver.changeColsBounds(count, columns.astype(np.int32), np.zeros(count), np.full(count, high))

    def bound_row(self, row: int, low: float, high: float) -> None:
        """A row from ``low`` to ``high``."""
        self._solver.changeRowBounds(row, low, high)
