"""Firms over tiers: yearly rates by group (size x region), smoothed, with firms that enter and leave.

A row of rates is its counts joined by ``FAITH`` firms that move as firms of the same size do, these by as many of the nation, and
these by one firm that moves anywhere: the means of Dirichlet posteriors. The last column of a row is the share that leaves.
Expectations have a closed form, ``n P^t``; a microsimulation draws every firm and year, so that whatever is asked of single firms
(how long in a tier, how many ever reach one) can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks

FAITH = 10.0


@dataclass(frozen=True)
class Course:
    """``firms`` (Y + 1, G, K) in each tier at the ends of years 0...Y, ``left`` (Y + 1, G) that have left by then; ``error`` (Y + 1, G, K)
    the standard deviation of one world around the expectation, where it is one.
    """

    firms: np.ndarray
    left: np.ndarray
    error: np.ndarray | None = None


def counts(group: np.ndarray, before: np.ndarray, after: np.ndarray, groups: int, tiers: int,
           many: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """(G, K, K + 1) firms by group, tier before and after; -1 after: left. Codes from 0, each array (n,); ``many`` (n,) firms in each
    row, 1 where it is left out.

    Raises InputError SY783 where the arrays do not fit, SY788 for a code that is none.
    """
    if not len(group) == len(before) == len(after):
        raise InputError("SY783", name="before, after", found=(len(before), len(after)), wanted=len(group))
    for name, code, low, high in (
        ("group", group, 0, groups),
        ("before", before, 0, tiers),
        ("after", after, -1, tiers),
    ):
        _inside(name, code, low, high)
    after = np.where(after < 0, tiers, after)
    cell = (group.astype(np.int64) * tiers + before) * (tiers + 1) + after
    made = np.bincount(cell, weights=many, minlength=groups * tiers * (tiers + 1))
    return made.astype(np.int64).reshape(groups, tiers, tiers + 1)


def _inside(name: str, code: np.ndarray, low: int, high: int) -> None:
    wrong = (code < low) | (code >= high)
    if wrong.any():
        raise InputError(
            "SY788", name=name, value=int(code[wrong][0]), row=int(np.argmax(wrong)), low=low, high=high - 1
        )


def rates(seen: np.ndarray, size: np.ndarray, faith: float = FAITH) -> np.ndarray:
    """(G, K, K + 1) yearly rates, rows adding to 1, of counts (G, K, K + 1); ``size`` (G,) the size class of each group from 0."""
    seen = np.asarray(seen, dtype=float)
    if seen.ndim != 3 or seen.shape[2] != seen.shape[1] + 1 or len(size) != len(seen):
        raise InputError("SY783", name="counts", found=seen.shape, wanted="(G, K, K + 1)")
    if not (np.isfinite(seen) & (seen >= 0)).all():
        raise InputError(
            "SY781", name="counts", stratum=int(np.argwhere(~(seen >= 0))[0][0]), value=float(np.nanmin(seen))
        )
    nation = _joined(seen.sum(axis=0), np.full(seen.shape[1:], 1 / seen.shape[2]), 1.0)
    sizes = np.zeros((int(size.max(initial=0)) + 1, *seen.shape[1:]))
    np.add.at(sizes, size, seen)
    return _joined(seen, _joined(sizes, nation, faith)[size], faith)


def as_heard(seen: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """Counts (G, K, K + 1) in which leaving weighs as staying does: that a firm left is known of each, where one stayed only of those
    heard again. ``silent`` (G, K): firms that stayed and were not.
    """
    stayed = seen[:, :, :-1].sum(axis=2, dtype=float)
    share = np.divide(stayed, stayed + silent, out=np.ones_like(stayed), where=stayed + silent > 0)
    return np.concatenate([seen[:, :, :-1], (seen[:, :, -1] * share)[:, :, None]], axis=2)


def _joined(seen: np.ndarray, prior: np.ndarray, faith: float) -> np.ndarray:
    """Rows of counts as rates, joined by ``faith`` firms that move as ``prior``."""
    made: np.ndarray = (seen + faith * prior) / (seen.sum(axis=-1, keepdims=True) + faith)
    return made


def expected(rate: np.ndarray, firms: np.ndarray, entering: np.ndarray) -> Course:
    """The expectation and its error: ``firms`` (G, K) now, ``entering`` (Y, G, K) in each year, which move from the next year on.

    Firms move independently, so that of ``n`` in one tier a binomial share is in another t years later: variances add up over tiers
    and years of entry. Raises InputError SY781 (negative), SY783 (shapes).
    """
    firms, entering = _checked(rate, firms, entering)
    step = _closed(rate)
    now = np.concatenate([firms, np.zeros((len(firms), 1))], axis=1)
    whole, spread = [now], [np.zeros_like(now)]
    powers = [np.broadcast_to(np.eye(step.shape[1]), step.shape)]
    for year, arriving in enumerate(entering, start=1):
        powers.append(powers[-1] @ step)
        now = np.einsum("gi,gij->gj", now, step)
        now[:, :-1] += arriving
        whole.append(now)
        cohorts = [(firms, powers[year])] + [(entering[when], powers[year - 1 - when]) for when in range(year)]
        spread.append(sum(np.einsum("gi,gij->gj", many, p[:, :-1] * (1 - p[:, :-1])) for many, p in cohorts))
    course = np.stack(whole)
    return Course(course[:, :, :-1], course[:, :, -1], np.sqrt(np.stack(spread)[:, :, :-1]))


def arrivals(seen: np.ndarray, past: int, years: int) -> np.ndarray:
    """(years, G, K) firms that enter in each year to come: as many a year as the ``seen`` (G, K) in the ``past`` years together.

    Raises InputError SY785 without a past year.
    """
    checks.between("past", past, 0, np.inf)
    return np.repeat(seen[None] / past, years, axis=0)


def together(course: Course, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Firms (Y + 1, K), their standard deviation (Y + 1, K) and those that left (Y + 1,) of all groups, or of some by their rows.

    Groups are independent: their variances add up.
    """
    rows = np.arange(course.firms.shape[1]) if rows is None else rows
    error = np.zeros_like(course.firms) if course.error is None else course.error
    spread = np.sqrt(np.square(error[:, rows]).sum(axis=1))
    return course.firms[:, rows].sum(axis=1), spread, course.left[:, rows].sum(axis=1)


def between(firms: np.ndarray, error: np.ndarray, z: float = 1.645) -> tuple[np.ndarray, np.ndarray]:
    """Firms less and plus ``z`` standard deviations of one world, not below 0."""
    return np.maximum(firms - z * error, 0.0), firms + z * error


def reached(firms: np.ndarray, least: int) -> np.ndarray:
    """(Y + 1,) the share of firms (Y + 1, K) in the tiers from ``least`` on; NaN where there are none."""
    among = firms.sum(axis=1)
    return np.asarray(np.divide(firms[:, least:].sum(axis=1), among, out=np.full(len(among), np.nan), where=among > 0))


def _closed(rate: np.ndarray) -> np.ndarray:
    """(G, K + 1, K + 1) rates with a last row: who has left stays away."""
    away = np.zeros((len(rate), 1, rate.shape[2]))
    away[:, :, -1] = 1
    return np.concatenate([rate, away], axis=1)


def _checked(rate: np.ndarray, firms: np.ndarray, entering: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    firms, entering = np.asarray(firms), np.asarray(entering)
    shape = rate.shape[:2]
    if firms.shape != shape or entering.shape[1:] != shape:
        raise InputError(
            "SY783", name="firms, entering", found=(firms.shape, entering.shape), wanted=f"{shape}, (Y, {shape})"
        )
    checks.at_least_zero(firms=firms, entering=entering)
    return firms, entering


def simulate(rate: np.ndarray, firms: np.ndarray, entering: np.ndarray, seed: int) -> Course:
    """One world of single firms; arguments as of ``expected``, in whole firms. Every year is one draw for all firms that are there."""
    firms, entering = _checked(rate, firms, entering)
    groups, tiers = firms.shape
    dice = np.random.default_rng(seed)
    heap = np.cumsum(rate, axis=2)[:, :, :-1].reshape(groups * tiers, tiers)
    cell = np.repeat(np.arange(groups * tiers), np.ravel(firms).astype(np.int64))
    here, left = [_of(cell, groups, tiers)], [np.zeros(groups)]
    for arriving in entering:
        to = _moved(heap, cell, dice.random(len(cell)))
        group = cell // tiers
        left.append(left[-1] + np.bincount(group[to == tiers], minlength=groups))
        stays = to < tiers
        new = np.repeat(np.arange(groups * tiers), np.ravel(arriving).astype(np.int64))
        cell = np.concatenate([group[stays] * tiers + to[stays], new])
        here.append(_of(cell, groups, tiers))
    return Course(np.stack(here), np.stack(left))


def _moved(heap: np.ndarray, cell: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """(n,) the tier after, ``tiers`` where the firm leaves: how many of its row's cumulated rates lie at or below its draw."""
    to = np.zeros(len(cell), dtype=np.int64)
    for column in heap.T:
        to += column[cell] <= chance
    return to


def _of(cell: np.ndarray, groups: int, tiers: int) -> np.ndarray:
    return np.bincount(cell, minlength=groups * tiers).reshape(groups, tiers)
