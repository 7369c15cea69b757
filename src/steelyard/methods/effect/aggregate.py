"""What group-time effects add up to: one number, by time since treatment, by cohort, by calendar time.

Callaway and Sant'Anna (2021), section 3. Cells are weighted by the share of their cohort; the shares are estimated, which counts too.
An aggregate is a row over cells and shares: row[:K] its weights, row[K:] its derivative by the shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.staggered import Estimate


@dataclass(frozen=True)
class Aggregate:
    """``att`` and its ``row``; ``keys`` (J,), their ``atts`` (J,) and ``rows`` (J, K + C)."""

    att: float
    row: np.ndarray
    keys: np.ndarray
    atts: np.ndarray
    rows: np.ndarray


def se(estimate: Estimate, rows: np.ndarray) -> np.ndarray:
    """Standard errors of rows (..., K + C)."""
    found: np.ndarray = np.sqrt(np.maximum(np.einsum("...i,ij,...j->...", rows, estimate.covariance, rows), 0.0))
    return found


def weighted(estimate: Estimate, chosen: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean effect over some cells (K,) bool, weighted by the shares of their cohorts, and its row."""
    at = np.searchsorted(estimate.cohorts, estimate.cells.group)
    weights = np.where(chosen, estimate.shares[at], 0.0)
    total = weights.sum()
    att = float(weights @ estimate.att / total)
    of_cohort = np.zeros(len(estimate.cohorts))
    np.add.at(of_cohort, at[chosen], (estimate.att[chosen] - att) / total)
    return att, np.concatenate([weights / total, of_cohort])


def _over(att: np.ndarray, rows: np.ndarray, keys: np.ndarray, counted: np.ndarray) -> Aggregate:
    """The plain mean over the keys that count."""
    return Aggregate(float(att[counted].mean()), rows[counted].mean(axis=0), keys, att, rows)


def _each(estimate: Estimate, by: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keys = np.unique(by[chosen])
    found = [weighted(estimate, chosen & (by == key)) for key in keys]
    return keys, np.array([att for att, _ in found]), np.array([row for _, row in found])


def after(estimate: Estimate) -> np.ndarray:
    """(K,) the cells asked for at or after treatment."""
    found: np.ndarray = estimate.cells.asked & (estimate.event >= 0)
    return found


def simple(estimate: Estimate) -> Aggregate:
    """All treated cells; by nothing."""
    att, row = weighted(estimate, after(estimate))
    return Aggregate(att, row, np.empty(0), np.empty(0), np.empty((0, len(row))))


def dynamic(estimate: Estimate, chosen: np.ndarray | None = None) -> Aggregate:
    """By time since treatment, before it too; over all: the plain mean of times from treatment on."""
    keys, atts, rows = _each(estimate, estimate.event, estimate.cells.asked if chosen is None else chosen)
    return _over(atts, rows, keys, keys >= 0)


def calendar(estimate: Estimate) -> Aggregate:
    """By calendar time; over all: the plain mean over times with anyone treated."""
    keys, atts, rows = _each(estimate, estimate.times[estimate.cells.time], after(estimate))
    return _over(atts, rows, keys, np.ones(len(keys), dtype=bool))


def group(estimate: Estimate) -> Aggregate:
    """By cohort, the plain mean of its treated times; over all: weighted by the cohorts' shares."""
    keys, atts, rows = _each(estimate, estimate.cells.group, after(estimate))
    at = np.searchsorted(estimate.cohorts, keys)
    weights = estimate.shares[at] / estimate.shares[at].sum()
    att = float(weights @ atts)
    row = weights @ rows
    row[len(estimate.att) + at] += (atts - att) / estimate.shares[at].sum()
    return Aggregate(att, row, keys, atts, rows)


def universal(estimate: Estimate) -> Aggregate:
    """The event study with one base, the last time before treatment; it is what honest bounds are made of."""
    first = np.array([np.searchsorted(estimate.times, g) for g in estimate.cells.group])
    return dynamic(estimate, estimate.cells.base == first - 1)
