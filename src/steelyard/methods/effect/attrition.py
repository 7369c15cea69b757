"""Who is not seen, and when: a panel that loses its units says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.panel import Panel


@dataclass(frozen=True)
class Attrition:
    """Units seen at every time (``complete``), not seen at the last (``left``), not at the first (``joined``), otherwise with gaps.

    ``unseen`` cells of units by times. ``treated``, ``untreated``: the share that left, by arm. ``p``: that these shares are equal
    (two-sample z test); NaN where it cannot be told.
    """

    units: int
    complete: int
    left: int
    joined: int
    gaps: int
    unseen: int
    treated: float
    untreated: float
    p: float


def attrition(panel: Panel) -> Attrition:
    """Counts of what a panel does not hold; a unit that joined late and left early counts twice."""
    seen = ~np.isnan(panel.outcome)
    whole, left, joined = seen.all(axis=1), ~seen[:, -1], ~seen[:, 0]
    arm = panel.cohort > 0
    shares = [float(left[side].mean()) if side.any() else float("nan") for side in (arm, ~arm)]
    return Attrition(
        panel.units, int(whole.sum()), int(left.sum()), int(joined.sum()), int((~whole & ~left & ~joined).sum()),
        int((~seen).sum()), shares[0], shares[1], _equal(left, arm),
    )  # fmt: skip


def _equal(left: np.ndarray, arm: np.ndarray) -> float:
    from scipy.special import ndtr  # noqa: PLC0415  - heavy

    pooled, n, m = left.mean(), int(arm.sum()), int((~arm).sum())
    spread = np.sqrt(pooled * (1 - pooled) * (1 / max(n, 1) + 1 / max(m, 1)))
    if not (n and m and spread):
        return float("nan")
    return float(2 * ndtr(-abs(left[arm].mean() - left[~arm].mean()) / spread))
