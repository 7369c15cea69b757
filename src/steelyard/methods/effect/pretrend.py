"""Whether the cohorts moved with their controls before treatment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.staggered import Estimate


@dataclass(frozen=True)
class Pretest:
    """Wald statistic of all effects before treatment being nought, its degrees of freedom and p; df 0: nothing to test."""

    w: float
    df: int
    p: float


def pretest(estimate: Estimate, cohort: int | None = None) -> Pretest:
    """The joint test over the cells asked for before treatment, of all cohorts or of one.

    Callaway and Sant'Anna (2021), after theorem 4.1: W = a' V^-1 a ~ chi-squared. A covariance without full rank is inverted on its
    range, and df is its rank.
    """
    from scipy.special import chdtrc  # noqa: PLC0415  - heavy

    chosen = np.flatnonzero(
        estimate.cells.asked & (estimate.event < 0) & ((cohort is None) | (estimate.cells.group == cohort))
    )
    if not len(chosen):
        return Pretest(float("nan"), 0, float("nan"))
    att, cov = estimate.att[chosen], estimate.covariance[np.ix_(chosen, chosen)]
    scale = np.sqrt(np.diag(cov))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    held = values > values.max() * len(chosen) * 1e-12
    along = vectors[:, held].T @ (att / scale)
    df = int(held.sum())
    w = float((along**2 / values[held]).sum()) if df else float("nan")
    return Pretest(w, df, float(chdtrc(df, w)) if df else float("nan"))
