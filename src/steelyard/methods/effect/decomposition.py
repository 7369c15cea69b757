"""What two-way fixed effects average: the decomposition of Goodman-Bacon (2021), J. Econometrics 225(2). A diagnosis, not an effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.methods.effect.panel import Panel

EARLIER, LATER, NEVER = "earlier_later", "later_earlier", "treated_never"


@dataclass(frozen=True)
class Comparison:
    """One two-by-two difference in differences: treated cohort, the cohort that serves as control (0 = never), estimate, weight."""

    kind: str
    treated: int
    control: int
    estimate: float
    weight: float


@dataclass(frozen=True)
class Bacon:
    """The two-way fixed effects coefficient and the comparisons that it is the weighted mean of; weights add up to 1."""

    twfe: float
    comparisons: tuple[Comparison, ...]
    units: int

    def kinds(self) -> dict[str, tuple[float, float]]:
        """Weight and mean estimate of each kind of comparison."""
        out = {}
        for kind in (EARLIER, LATER, NEVER):
            held = [c for c in self.comparisons if c.kind == kind]
            weight = sum(c.weight for c in held)
            out[kind] = (weight, sum(c.weight * c.estimate for c in held) / weight if weight else float("nan"))
        return out


def decompose(panel: Panel) -> Bacon | None:
    """The decomposition over units seen at every time; None where fewer than two kinds of units are. Weights are exact (theorem 1).

    Cohorts between which the panel has no time are treated alike in it: they make no comparison.
    """
    whole = panel.complete
    held = [(g, whole & (panel.cohort == g)) for g in np.unique(panel.cohort).tolist()]
    means = {g: panel.outcome[mask].mean(axis=0) for g, mask in held if mask.any()}
    shares = {g: mask.sum() / whole.sum() for g, mask in held if mask.any()}
    if len(means) < 2:
        return None
    found = [c for g in means if g for c in _pairs(panel, g, means, shares)]
    if not found:
        return None
    total = sum(c.weight for c in found)
    comparisons = tuple(Comparison(c.kind, c.treated, c.control, c.estimate, c.weight / total) for c in found)
    return Bacon(sum(c.estimate * c.weight for c in comparisons), comparisons, int(whole.sum()))


def _pairs(panel: Panel, g: int, means: dict[int, np.ndarray], shares: dict[int, float]) -> list[Comparison]:
    """Cohort ``g`` against never treated, and against each later cohort, both ways; weights not yet normalised."""
    size, first = len(panel.times), panel.column(g)
    under = 1 - first / size  # the share of time that g is treated
    out = []
    for other, path in means.items():
        n, of_g = shares[g] + shares[other], shares[g] / (shares[g] + shares[other])
        split = n**2 * of_g * (1 - of_g)
        if other == 0:
            gap = means[g] - path
            out.append(
                Comparison(NEVER, g, 0, float(gap[first:].mean() - gap[:first].mean()), split * under * (1 - under))
            )
        elif (late := panel.column(other)) > first:
            later = 1 - late / size
            gap = means[g] - path
            out.append(Comparison(EARLIER, g, other, float(gap[first:late].mean() - gap[:first].mean()),
                                  split * (under - later) * (1 - under)))  # fmt: skip
            out.append(
                Comparison(
                    LATER, other, g, float(gap[first:late].mean() - gap[late:].mean()), split * later * (under - later)
                )
            )
    return out
