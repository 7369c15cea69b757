"""Division: which administrative division a GB/T 2260 code means at a moment, through renaming, recoding, mergers and splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("renamed", "recoded", "merged", "united", "split")
"""A new name; a new code (a county that becomes a city or district too); into one that was there; with others into a new one; divided."""


@dataclass(frozen=True, order=True)
class Change:
    """From ``since`` (µs UTC) the division of ``code`` is, or is in, the division of ``into``.

    A row from a code to itself says that the division was there before and goes on.
    """

    since: int
    code: str
    into: str
    kind: str
    name_before: str = ""
    name_after: str = ""


class Divisions:
    """The changes of divisions, asked by code and moment. Without changes every code is in force always."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self.changes = sorted(set(changes))
        stays = {(one.since, one.code) for one in self.changes if one.code == one.into}
        self._left: dict[str, list[Change]] = defaultdict(list)
        self._made: dict[str, list[Change]] = defaultdict(list)
        for one in self.changes:
            if one.code != one.into and (one.since, one.code) not in stays:
                self._left[one.code].append(one)
            if one.code != one.into and one.kind != "merged" and (one.since, one.into) not in stays:
                self._made[one.into].append(one)

    def at(self, code: str, end: int) -> str | None:
        """The code in force just before ``end`` (µs UTC) of the division that a code names; None where that is not known.

        Forward a firm goes where its division went whole; of a division that was split it is not known where. Backward it was
        where its division was recoded or split off from; of one that was united from several it is not known where.
        """
        return self._follow(code, end, ("recoded", "merged", "united"), ("recoded", "split"))

    def same(self, code: str, end: int) -> str | None:
        """As ``at``, through recodings alone: the very same division, which keeps one series."""
        return self._follow(code, end, ("recoded",), ("recoded",))

    def kin(self, code: str) -> tuple[str, ...]:
        """All codes that the very same division had or has, oldest first."""
        found = [code]
        while (before := self._single(self._made[found[0]], first=True)) and before.code not in found:
            found.insert(0, before.code)
        while (after := self._single(self._left[found[-1]], first=False)) and after.into not in found:
            found.append(after.into)
        return tuple(found)

    def of(self, codes: Iterable[str]) -> list[Change]:
        """The changes that touch any of some codes, oldest first."""
        named = set(codes)
        return [one for one in self.changes if one.code in named or one.into in named]

    def held(self, code: str, end: int) -> tuple[str, ...]:
        """The divisions that a code lies in just before ``end``: itself where known, then its city and its province."""
        here = self.at(code, end)
        city = self.at((here or code)[:4] + "00", end)
        province = (city or here or code)[:2] + "0000"
        return tuple(dict.fromkeys(one for one in (here, city, province) if one))

    @staticmethod
    def _single(found: list[Change], *, first: bool) -> Change | None:
        """The first or last of some changes where it is a recoding and the only one of its moment."""
        if not found:
            return None
        one = found[0] if first else found[-1]
        return one if one.kind == "recoded" and sum(other.since == one.since for other in found) == 1 else None

    def _follow(self, code: str, end: int, forward: tuple[str, ...], backward: tuple[str, ...]) -> str | None:
        now, seen = code, {code}
        while True:
            step = self._step(now, end)
            if step is None:
                return now
            changes, ahead = step
            next_ones = {one.into if ahead else one.code for one in changes}
            if len(next_ones) > 1 or any(one.kind not in (forward if ahead else backward) for one in changes):
                return None
            (now,) = next_ones
            if now in seen:  # codes that changed places: the code as it was given
                return code
            seen.add(now)

    def _step(self, code: str, end: int) -> tuple[list[Change], bool] | None:
        """The changes that lead on from a code that is not in force before ``end``, and whether forward; None where it is."""
        left, made = self._left.get(code, []), self._made.get(code, [])
        gone = max((one.since for one in left if one.since < end), default=None)
        came = max((one.since for one in made if one.since < end), default=None)
        if gone is not None and (came is None or gone >= came):
            return [one for one in left if one.since == gone], True
        if came is None and made and gone is None and not (left and left[0].since <= made[0].since):
            return [one for one in made if one.since == made[0].since], False
        return None
