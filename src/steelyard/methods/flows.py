"""Who opened, entered, left and stayed between two periods, and what each of them made of a share's change.

``value`` is the share of those heard that reached. Its change is taken apart as by Melitz and Polanec (2015, RAND Journal of Economics
46) for averages over firms that enter and exit, with hearing as a second way in and out: firms heard both times are the measure; each
other group counts with its weight times how far it stands from them. All are ratios of counts, so the identity is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from steelyard.errors import InputError

GROUPS = ("stayers", "entry", "exit", "newly_heard", "no_longer_heard")


@dataclass(frozen=True)
class Sight:
    """One period: whether each of n firms stands on the roster, is heard, and reached, (n,) of bool each."""

    listed: np.ndarray
    heard: np.ndarray
    reached: np.ndarray


@dataclass(frozen=True)
class Flows:
    """Firms: ``opened`` = ``stayed`` + ``left``, ``closed`` = ``stayed`` + ``entered``. Firms heard both times: ``both``.

    ``before`` and ``after`` are the shares of those heard, and ``parts`` (by ``GROUPS``) add up to their difference; None where a share
    is not known, or nobody was heard both times.
    """

    opened: int
    entered: int
    left: int
    stayed: int
    closed: int
    heard_before: int
    heard_after: int
    both: int
    before: Fraction | None
    after: Fraction | None
    parts: dict[str, Fraction] | None

    @property
    def change(self) -> Fraction | None:
        return None if self.before is None or self.after is None else self.after - self.before


def flows(before: Sight, after: Sight) -> Flows:
    """The flows of the same n firms between two periods.

    Raises InputError SY783 where the arrays do not fit, and where a firm is heard that is not listed, or reached unheard.
    """
    for sight in (before, after):
        _right(sight, len(before.listed))
    stayed = before.listed & after.listed
    both = before.heard & after.heard
    first, last = _share(before, before.heard), _share(after, after.heard)
    return Flows(
        int(before.listed.sum()), int((after.listed & ~before.listed).sum()), int((before.listed & ~after.listed).sum()),
        int(stayed.sum()), int(after.listed.sum()), int(before.heard.sum()), int(after.heard.sum()), int(both.sum()),
        first, last, _parts(before, after, both),
    )  # fmt: skip


def _right(sight: Sight, firms: int) -> None:
    shapes = tuple(np.shape(part) for part in (sight.listed, sight.heard, sight.reached))
    if set(shapes) != {(firms,)}:
        raise InputError("SY783", name="listed, heard, reached", found=shapes, wanted=f"({firms},)")
    if (sight.heard & ~sight.listed).any() or (sight.reached & ~sight.heard).any():
        raise InputError("SY783", name="reached, heard", found="more", wanted="reached <= heard <= listed")


def _share(sight: Sight, among: np.ndarray) -> Fraction | None:
    many = int(among.sum())
    return Fraction(int((sight.reached & among).sum()), many) if many else None


def _parts(before: Sight, after: Sight, both: np.ndarray) -> dict[str, Fraction] | None:
    """What each group made of the change; None where nobody was heard both times, so that there is nothing to measure by."""
    if not both.any():
        return None
    was, became = _share(before, both) or Fraction(0), _share(after, both) or Fraction(0)
    return {
        "stayers": became - was,
        "entry": _apart(after, ~before.listed, became),
        "exit": -_apart(before, ~after.listed, was),
        "newly_heard": _apart(after, before.listed & ~before.heard, became),
        "no_longer_heard": -_apart(before, after.listed & ~after.heard, was),
    }


def _apart(sight: Sight, group: np.ndarray, measure: Fraction) -> Fraction:
    """A group's weight among those heard times how far its share stands from those heard both times."""
    own = _share(sight, among := sight.heard & group)
    if own is None:
        return Fraction(0)
    return Fraction(int(among.sum()), int(sight.heard.sum())) * (own - measure)
