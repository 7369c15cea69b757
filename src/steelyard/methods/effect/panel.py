"""A staggered panel as arrays: units sorted by cohort, outcomes in a matrix, a missing outcome as NaN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from steelyard.errors import InputError

ROWS = 16384  # rows of one block: what is unfolded by cells at one time


@dataclass(frozen=True)
class Group:
    """Units that share a first treated time and a first time as unclean control (0 = never), in a run of rows."""

    rows: slice
    cohort: int
    clean: int

    def blocks(self) -> Iterator[slice]:
        """The run in pieces of at most ``ROWS`` rows."""
        for start in range(self.rows.start, self.rows.stop, ROWS):
            yield slice(start, min(start + ROWS, self.rows.stop))


@dataclass(frozen=True)
class Panel:
    """``n`` units by ``T`` times; rows are sorted by ``cohort``, then ``clean``, those seen at all times first.

    ``outcome`` (n, T), NaN where nothing was seen; ``times`` (T,) ascending; ``cohort`` (n,) first treated time, 0 = never within the
    panel; ``clean`` (n,) first time at which a unit is no clean control (treated, or exposed to a treated neighbour), 0 = never;
    ``cluster`` (n,) codes from 0, or None: each unit by itself; ``covariates`` (n, T, p), or None. ``order`` (n,) the row of each unit
    in what was handed to ``make``. ``always`` units, treated from the first time on, were dropped; ``later`` ones are treated only
    after the last time and count as untreated here.
    """

    outcome: np.ndarray
    times: np.ndarray
    cohort: np.ndarray
    clean: np.ndarray
    cluster: np.ndarray | None
    covariates: np.ndarray | None
    order: np.ndarray
    always: int = 0
    later: int = 0

    @property
    def units(self) -> int:
        return len(self.cohort)

    @cached_property
    def cohorts(self) -> np.ndarray:
        """The treated cohorts, ascending."""
        found: np.ndarray = np.setdiff1d(self.cohort, [0])
        return found

    @cached_property
    def shares(self) -> np.ndarray:
        """The share of each treated cohort among all units."""
        return np.array([(self.cohort == g).mean() for g in self.cohorts])

    @cached_property
    def complete(self) -> np.ndarray:
        """(n,) whether a unit's outcome was seen at every time."""
        found: np.ndarray = ~np.isnan(self.outcome).any(axis=1)
        return found

    @cached_property
    def size(self) -> float:
        """The largest outcome, whatever its sign."""
        return float(max(np.fmax.reduce(self.outcome, axis=None), -np.fmin.reduce(self.outcome, axis=None)))

    @cached_property
    def groups(self) -> list[Group]:
        """Runs of rows with one cohort and one clean time."""
        changes = np.flatnonzero((np.diff(self.cohort) != 0) | (np.diff(self.clean) != 0)) + 1
        edges = [0, *changes.tolist(), self.units]
        return [Group(slice(a, b), int(self.cohort[a]), int(self.clean[a])) for a, b in pairwise(edges) if b > a]

    def column(self, cohort: int) -> int:
        """The first column at or after a cohort's treatment."""
        return int(np.searchsorted(self.times, cohort))

    def only(self, keep: np.ndarray) -> Panel:
        """The panel of some units; ``keep`` (n,) bool."""
        return Panel(
            self.outcome[keep], self.times, self.cohort[keep], self.clean[keep],
            None if self.cluster is None else np.unique(self.cluster[keep], return_inverse=True)[1],
            None if self.covariates is None else self.covariates[keep], self.order[keep], self.always, self.later,
        )  # fmt: skip


def make(outcome: np.ndarray, times: np.ndarray, cohort: np.ndarray, *, exposed: np.ndarray | None = None,
         cluster: np.ndarray | None = None, covariates: np.ndarray | None = None) -> Panel:  # fmt: skip
    """Sort units and drop those treated from the first time on.

    ``outcome`` (n, T) with NaN for what is missing, ``times`` (T,) ascending, ``cohort`` (n,) integers, 0 = never; ``exposed`` (n,) the
    first time at which a neighbour's treatment reaches a unit, 0 = never. Raises InputError SY741 with one time, SY742 where nobody
    is treated within the panel.
    """
    if len(times) < 2:
        raise InputError("SY741", periods=len(times))
    always, later = (cohort > 0) & (cohort <= times[0]), cohort > times[-1]
    within = np.where(later, 0, cohort)
    treated = within[~always] > 0
    if not treated.any():
        raise InputError("SY742", always=int(always.sum()), later=int(later.sum()))
    clean = within if exposed is None else _earlier(within, exposed)
    whole = ~np.isnan(outcome).any(axis=1)  # blocks without holes are the cheap ones: keep them together
    order = np.lexsort((~whole, clean, within))
    order = order[~always[order]]
    codes = None if cluster is None else np.unique(cluster[order], return_inverse=True)[1]
    more = None if covariates is None else covariates[order]
    return Panel(
        outcome[order], times, within[order], clean[order], codes, more, order, int(always.sum()), int(later.sum())
    )


def _earlier(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The earlier of two times where 0 is never."""
    found: np.ndarray = np.where((first == 0) | ((second > 0) & (second < first)), second, first)
    return found
