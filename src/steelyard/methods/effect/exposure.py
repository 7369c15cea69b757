"""Who feels a neighbour's treatment: units that share a group (a chain, a city x industry) with a treated unit.

Spill-over inside groups is documented (pilots pull peers of the same city and industry, customers their suppliers), so an exposed
unit is no clean control from the time of its first exposure on.
"""

from __future__ import annotations

import numpy as np

from steelyard.errors import InputError


def first_exposed(unit_codes: np.ndarray, cohorts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The first time at which any *other* member of one of a unit's groups is treated; 0 = never.

    One row of the map is one membership: ``unit_codes`` (m,) holds the unit's place in ``cohorts``, ``groups`` (m,) the group's code
    (any integers). ``cohorts`` (n,) is the first treated time, 0 = never treated. A unit may be in several groups or in none.
    Returns (n,) in the type of ``cohorts``. Raises InputError SY768 where a unit code lies outside ``cohorts``.
    """
    units, named = np.asarray(unit_codes), np.asarray(groups)
    if units.size and (units.min() < 0 or units.max() >= len(cohorts)):
        raise InputError("SY768", n=int(((units < 0) | (units >= len(cohorts))).sum()))
    pairs = np.unique(np.column_stack([units, np.unique(named, return_inverse=True)[1]]), axis=0)
    unit, group = pairs[:, 0], pairs[:, 1]
    treated = np.where(cohorts > 0, cohorts, np.inf).astype(float)
    size = int(group.max(initial=-1)) + 1
    first, second = _two_earliest(treated[unit], group, size)
    # the earliest of the others: the group's second where the unit itself (alone) is the group's first
    others = np.where(treated[unit] == first[group], second[group], first[group])
    exposed = np.full(len(cohorts), np.inf)
    np.minimum.at(exposed, unit, others)
    return np.where(np.isfinite(exposed), exposed, 0).astype(cohorts.dtype)


def _two_earliest(times: np.ndarray, group: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The earliest and the second earliest time of each group, counted by member (two members of one time: both are it)."""
    order = np.lexsort((times, group))
    sorted_group, sorted_times = group[order], times[order]
    starts = np.searchsorted(sorted_group, np.arange(size))
    first = sorted_times[starts]
    padded = np.append(sorted_times, np.inf)
    has_two = np.append(sorted_group, -1)[starts + 1] == np.arange(size)
    return first, np.where(has_two, padded[starts + 1], np.inf)


def clean_until(cohorts: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """(n,) the first time at which a unit is no clean control any more: treated or exposed, whichever is first; 0 = never."""
    never = np.inf
    first = np.minimum(np.where(cohorts > 0, cohorts, never), np.where(exposed > 0, exposed, never))
    return np.where(np.isfinite(first), first, 0).astype(cohorts.dtype)


def clean_controls(cohorts: np.ndarray, exposed: np.ndarray, at: float | None = None) -> np.ndarray:
    """(n,) bool: which units may stand as controls; without ``at`` never treated nor exposed, with it not until then."""
    until = clean_until(cohorts, exposed)
    clean: np.ndarray = (until == 0) if at is None else (until == 0) | (until > at)
    return clean
