"""Bands that hold for all times at once.

The multiplier bootstrap of Callaway and Sant'Anna (2021, algorithm 1) with Gaussian multipliers: sums of psi_i v_i with v_i ~ N(0, 1) are
exactly N(0, sum psi_i psi_i'), so they are drawn from the covariance and not from the units. Time and memory do not depend on n.
"""

from __future__ import annotations

import numpy as np

DRAWS = 20_000


def sup_t(covariance: np.ndarray, level: float = 0.95, seed: int = 0, draws: int = DRAWS) -> float:
    """The critical value c for which all of ``|estimate - truth| <= c se`` hold together with probability ``level``.

    ``covariance`` (J, J) of the estimates; those without variance do not count. At least the normal quantile of one alone.
    """
    from scipy.special import ndtri  # noqa: PLC0415  - heavy

    least = float(ndtri(0.5 + level / 2))
    held = np.diag(covariance) > 0
    if not held.any():
        return least
    kept = covariance[np.ix_(held, held)]
    sd = np.sqrt(np.diag(kept))
    values, vectors = np.linalg.eigh(kept / np.outer(sd, sd))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((draws, len(sd)))
    return max(least, float(np.quantile(np.abs(normal @ root.T).max(axis=1), level)))
