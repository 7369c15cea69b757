"""Group-time effects of Callaway and Sant'Anna (2021), Difference-in-Differences with Multiple Time Periods, J. Econometrics 225(2).

ATT(g, t) compares the change of cohort g from a base time to t with the change of its controls. Each cell has an influence function
psi (n,) with mean 0; the covariance of all cells, and of the cohorts' shares, is the mean of its outer products over n (over clusters:
of its sums within clusters). Whatever is aggregated from cells and shares is linear in both, so its standard error needs no second
look at the units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.effect.panel import Group, Panel

CONTROLS = ("never", "notyet")
ROUNDING = 1e-7  # sums of squares hold half of a double's digits
BASES = ("varying", "universal")


@dataclass(frozen=True)
class Cells:
    """K pairs of cohort and time with their base: ``group`` (K,) first treated times, ``time`` and ``base`` (K,) columns.

    ``asked`` (K,) marks the cells of the base that was asked for; the others serve the event study with one base alone.
    """

    group: np.ndarray
    time: np.ndarray
    base: np.ndarray
    asked: np.ndarray

    def take(self, keep: np.ndarray) -> Cells:
        return Cells(self.group[keep], self.time[keep], self.base[keep], self.asked[keep])


@dataclass(frozen=True)
class Estimate:
    """Effects by cell and all that their uncertainty needs.

    ``att``, ``treated``, ``controls`` (K,): effect and units compared. ``cohorts``, ``shares`` (C,). ``covariance`` (K + C, K + C) of the
    cells' effects, then the shares. ``empty``: cells asked for without treated or without control units. ``clusters``: independent ones.
    """

    cells: Cells
    att: np.ndarray
    treated: np.ndarray
    controls: np.ndarray
    times: np.ndarray
    cohorts: np.ndarray
    shares: np.ndarray
    covariance: np.ndarray
    empty: tuple[tuple[int, int], ...]
    clusters: int

    @property
    def se(self) -> np.ndarray:
        """(K,) standard errors."""
        found: np.ndarray = np.sqrt(np.diag(self.covariance)[: len(self.att)])
        return found

    @property
    def event(self) -> np.ndarray:
        """(K,) time since first treatment."""
        found: np.ndarray = self.times[self.cells.time] - self.cells.group
        return found


@dataclass(frozen=True)
class Part:
    """Influence of the units in ``rows``, all of one cohort, on the cells in ``columns``: ``basis @ weights + offset``.

    ``basis`` (rows, B), ``weights`` (B, len(columns)); without weights ``basis`` is the influence itself. Where a block has no holes the
    basis is its T outcomes, however many cells are made of them.
    """

    cohort: int
    rows: slice
    columns: np.ndarray
    basis: np.ndarray
    weights: np.ndarray | None = None
    offset: np.ndarray | float = 0.0

    def through(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """(..., len(columns)) influence added up, from sums (..., B) of the basis over ``counts`` (...) units."""
        if self.weights is None:
            return sums
        found: np.ndarray = sums @ self.weights + counts[..., None] * self.offset
        return found

    def second(self) -> np.ndarray:
        """Sum over units of the outer product of their influence."""
        gram: np.ndarray = self.basis.T @ self.basis
        if self.weights is None:
            return gram
        inner = np.outer(self.basis.sum(axis=0) @ self.weights, self.offset)
        found: np.ndarray = (
            self.weights.T @ gram @ self.weights
            + inner
            + inner.T
            + len(self.basis) * np.outer(self.offset, self.offset)
        )
        return found

    def total(self) -> np.ndarray:
        """Sum over units of their influence."""
        return self.through(self.basis.sum(axis=0), np.array(len(self.basis)))


def plan(panel: Panel, base: str) -> Cells:
    """Every cohort at every time. After treatment the base is the last time before it; before treatment it is the time before
    (``varying``) or that same one (``universal``). Cells of the other base are planned too, not ``asked``.
    """
    rows: list[tuple[int, int, int, bool]] = []
    for g in panel.cohorts.tolist():
        first = panel.column(g)
        varying = [(g, t, first - 1 if t >= first else t - 1) for t in range(1, len(panel.times))]
        universal = [(g, t, first - 1) for t in range(len(panel.times)) if t != first - 1]
        wanted, other = (varying, universal) if base == "varying" else (universal, [])
        rows += [(*cell, True) for cell in wanted]
        rows += [(*cell, False) for cell in other if cell not in wanted]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Cells(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(bool))


def roles(panel: Panel, cells: Cells, controls: str) -> np.ndarray:
    """(groups, K): 1 where a group's units are a cell's treated ones, -1 where they are its controls, else 0.

    ``never``: never treated and never exposed; ``notyet``: clean, and another cohort, until after both times of the cell.
    """
    last = panel.times[np.maximum(cells.time, cells.base)]
    out = np.zeros((len(panel.groups), len(cells.group)), dtype=np.int64)
    for row, group in zip(out, panel.groups, strict=True):
        if group.clean == 0 and group.cohort == 0:
            row[:] = -1
        elif controls == "notyet":
            row[(group.clean > last) & (group.cohort != cells.group)] = -1
        row[cells.group == group.cohort] = 1
    return out


def estimate(panel: Panel, controls: str = "never", base: str = "varying") -> Estimate:
    """Effects without covariates, each from all units that were seen at both of its times.

    Raises InputError SY743 where no unit can serve as a control.
    """
    cells = plan(panel, base)
    role = roles(panel, cells, controls)
    sums, seen = _sums(panel, cells, role)
    with np.errstate(invalid="ignore", divide="ignore"):
        counts = np.stack([np.where(role == side, seen, 0).sum(axis=0) for side in (1, -1)])
        means = np.stack([np.where(role == side, sums, 0).sum(axis=0) for side in (1, -1)]) / counts
    keep = check(panel, cells, counts, controls)
    empty = _named(panel, cells.take(~keep & cells.asked))
    cells, role, counts, means = cells.take(keep), role[:, keep], counts[:, keep], means[:, keep]
    parts = (
        part
        for group, row in zip(panel.groups, role, strict=True)
        for part in _influence(panel, cells, group, row, means, counts)
    )
    return Estimate(cells, means[0] - means[1], counts[0], counts[1], panel.times, panel.cohorts, panel.shares,
                    covariance(panel, len(cells.group), parts), empty, clusters(panel))  # fmt: skip


def check(panel: Panel, cells: Cells, counts: np.ndarray, controls: str) -> np.ndarray:
    """(K,) which cells have treated and control units; raises InputError SY743, SY744 or SY118 where no effect can be had at all."""
    keep: np.ndarray = np.asarray((counts > 0).all(axis=0))
    after = cells.time >= np.array([panel.column(g) for g in cells.group])
    if not (keep & after).any():
        never = int((panel.cohort == 0).sum())
        if (panel.clean == 0).any():  # controls there are, but not seen when they are needed
            raise InputError("SY118", empty=int(np.isnan(panel.outcome).sum()))
        once = len(panel.cohorts) == 1 and not never
        raise InputError("SY744" if once or controls == "notyet" else "SY743", never=never, cohorts=len(panel.cohorts))
    return keep


def _named(panel: Panel, cells: Cells) -> tuple[tuple[int, int], ...]:
    return tuple(zip(cells.group.tolist(), panel.times[cells.time].tolist(), strict=True))


def clusters(panel: Panel) -> int:
    """How many independent clusters there are; without clusters, units."""
    return panel.units if panel.cluster is None else int(panel.cluster.max()) + 1


def _sums(panel: Panel, cells: Cells, role: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(groups, K) sums of changes from base to time and how many units were seen at both."""
    sums, seen = np.zeros(role.shape), np.zeros(role.shape)
    for at, group in enumerate(panel.groups):
        cols = np.flatnonzero(role[at])
        for rows in group.blocks():
            total = panel.outcome[rows].sum(axis=0)
            if np.isnan(total).any():
                change = _change(panel, cells, rows, cols)
                known = ~np.isnan(change)
                seen[at, cols] += known.sum(axis=0)
                sums[at, cols] += change.sum(axis=0, where=known)
            else:
                seen[at, cols] += rows.stop - rows.start
                sums[at, cols] += total[cells.time[cols]] - total[cells.base[cols]]
    return sums, seen


def _change(panel: Panel, cells: Cells, rows: slice, cols: np.ndarray) -> np.ndarray:
    block = panel.outcome[rows]
    found: np.ndarray = np.take(block, cells.time[cols], axis=1)
    found -= np.take(block, cells.base[cols], axis=1)
    return found


def _influence(
    panel: Panel, cells: Cells, group: Group, role: np.ndarray, means: np.ndarray, counts: np.ndarray
) -> Iterator[Part]:
    """The influence of a group's units: n (d - mean) / n_treated for treated, its negative with the controls' for controls."""
    cols = np.flatnonzero(role)
    side = (role[cols] < 0).astype(int)
    centre = means[side, cols]
    scale = role[cols] * panel.units / counts[side, cols]
    weights = np.zeros((len(panel.times), len(cols)))
    weights[cells.time[cols], np.arange(len(cols))] = scale
    weights[cells.base[cols], np.arange(len(cols))] = -scale
    for rows in group.blocks():
        around = panel.outcome[rows].mean(axis=0)
        if not np.isnan(around).any():
            yield Part(
                group.cohort, rows, cols, panel.outcome[rows] - around, weights, around @ weights - centre * scale
            )
            continue
        psi = _change(panel, cells, rows, cols)
        psi -= centre
        psi *= scale
        yield Part(group.cohort, rows, cols, np.nan_to_num(psi, copy=False, nan=0.0))


def covariance(panel: Panel, cells: int, parts: Iterable[Part]) -> np.ndarray:
    """(K + C, K + C) of cells and cohort shares, from influence in parts: one pass, whatever the number of units.

    Where a variance is no more than what rounding leaves of outcomes of that size, it is nought.
    """
    cluster = panel.cluster
    found = _by_unit(panel, cells, parts) if cluster is None else _by_cluster(panel, cluster, cells, parts)
    flat = np.flatnonzero(np.diag(found)[:cells] <= (ROUNDING * panel.size) ** 2 / panel.units)
    if len(flat) == cells:
        return np.zeros_like(found)
    found[flat], found[:, flat] = 0.0, 0.0
    return found


def _by_unit(panel: Panel, cells: int, parts: Iterable[Part]) -> np.ndarray:
    shares, size = panel.shares, cells + len(panel.cohorts)
    total = np.zeros((size, size))
    total[cells:, cells:] = panel.units * (np.diag(shares) - np.outer(shares, shares))
    for part in parts:
        total[np.ix_(part.columns, part.columns)] += part.second()
        cross = np.outer(part.total(), (panel.cohorts == part.cohort) - shares)
        total[part.columns, cells:] += cross
        total[cells:, part.columns] += cross.T
    return total / panel.units**2


def _by_cluster(panel: Panel, cluster: np.ndarray, cells: int, parts: Iterable[Part]) -> np.ndarray:
    size = int(cluster.max()) + 1
    sums = np.zeros((size, cells + len(panel.cohorts)))
    for part in parts:
        codes = cluster[part.rows]
        basis = np.stack([np.bincount(codes, values, size) for values in part.basis.T], axis=1)
        sums[:, part.columns] += part.through(basis, np.bincount(codes, minlength=size))
    members = np.bincount(cluster, minlength=size)
    for at, (g, share) in enumerate(zip(panel.cohorts, panel.shares, strict=True)):
        sums[:, cells + at] = np.bincount(cluster[panel.cohort == g], minlength=size) - share * members
    found: np.ndarray = sums.T @ sums / panel.units**2
    return found
