"""What inspections make of a reported coverage: the corrected coverage with its interval, and what was overstated by stratum.

A firm was inspected and holds the level or it does not. Strata of firms that claim the level may be overstated, strata of firms that
claim less may be understated. A firm that was drawn and not inspected is unheard: the value is that of the inspected, the interval's
lower end takes the unheard not to hold, its upper end takes them to hold (Horowitz and Manski 2000). So do strata of which nobody
was drawn. Limits of a stratum are exact (``exact``), those over strata by the score (``score``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks
from steelyard.methods.audit import exact, score


@dataclass(frozen=True)
class Sample:
    """H strata: ``among`` firms, ``drawn``, of these ``heard`` (inspected), of these ``holds``; ``claimed``: whether its firms claim it."""

    among: np.ndarray
    drawn: np.ndarray
    heard: np.ndarray
    holds: np.ndarray
    claimed: np.ndarray

    @property
    def unheard(self) -> int:
        """Firms drawn and not inspected."""
        return int((self.drawn - self.heard).sum())

    def only(self, keep: np.ndarray) -> Sample:
        """The sample of some strata; ``keep`` (H,) bool."""
        return Sample(*(each[keep] for each in (self.among, self.drawn, self.heard, self.holds, self.claimed)))


@dataclass(frozen=True)
class Share:
    """A share of firms and its interval; ``value`` is None where nobody was inspected."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Wrong:
    """(H,) the share of each stratum whose claim does not hold (claimers: overstated, others: understated); NaN where nobody was heard."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Corrected:
    """``reported`` and ``coverage`` are shares of all firms, ``holding`` the share of claimers that hold, ``excess`` what was
    reported above the coverage; ``unasked`` strata had no draw, ``unheard`` firms were drawn and not inspected.
    """

    reported: float
    coverage: Share
    holding: Share
    excess: Share
    wrong: Wrong
    unheard: int
    unasked: int


def sample(among: np.ndarray, drawn: np.ndarray, heard: np.ndarray, holds: np.ndarray, claimed: np.ndarray) -> Sample:
    """A sample whose numbers can be. Raises InputError SY780 (more drawn than there are, inspected than drawn, holding than inspected),
    SY781 (negative), SY782 (a stratum without firms), SY783 (shapes).
    """
    among, drawn, heard, holds = (np.asarray(each, dtype=np.int64) for each in (among, drawn, heard, holds))
    claimed = np.asarray(claimed, dtype=bool)
    checks.fit(len(among), drawn=drawn, heard=heard, holds=holds, claimed=claimed)
    checks.at_least_zero(among=among, drawn=drawn, heard=heard, holds=holds)
    checks.none_empty(among)
    for part, whole in ((drawn, among), (heard, drawn), (holds, heard)):
        checks.no_more(part, whole)
    return Sample(among, drawn, heard, holds, claimed)


def tally(
    stratum: np.ndarray, claimed: np.ndarray, drawn: np.ndarray, firm: np.ndarray, holds: np.ndarray
) -> tuple[Sample, np.ndarray]:
    """The sample of inspections, and the inspections (places in ``firm``) of firms that were not drawn, which do not count in it.

    ``stratum`` (n,) 0...H-1 and ``drawn`` (n,) bool of each firm; ``claimed`` (H,); ``firm`` (k,) places in these and ``holds`` (k,)
    of each inspection; one that says the same again counts once. Raises InputError SY786 where two of one firm differ, and as ``sample``.
    """
    firm, holds = np.asarray(firm, dtype=np.int64), np.asarray(holds, dtype=bool)
    inside = drawn[firm]
    found = np.full(len(stratum), -1)
    found[firm[inside]] = holds[inside]
    differ = inside & (found[firm] != holds)
    if differ.any():
        raise InputError("SY786", firm=int(firm[differ][0]))
    among, asked, heard, good = (
        np.bincount(stratum[each], minlength=len(claimed)) for each in (found >= -1, drawn, found >= 0, found == 1)
    )
    return sample(among, asked, heard, good, claimed), np.flatnonzero(~inside)


def corrected(made: Sample, confidence: float = 0.95, others: int = 0) -> Corrected:
    """The coverage that inspections leave, over all strata and ``others`` firms that claim less and are taken at their word.

    Raises InputError SY785 for a confidence that is none.
    """
    checks.between("confidence", confidence, 0, 1)
    claimers = made.only(made.claimed)
    whole = int(made.among.sum()) + others
    reported = float(claimers.among.sum() / whole) if whole else 0.0
    coverage = _scaled(shared(made, confidence), int(made.among.sum()), others)
    excess = Share(
        None if coverage.value is None else reported - coverage.value, reported - coverage.high, reported - coverage.low
    )
    return Corrected(reported, coverage, shared(claimers, confidence), excess, wrong(made, confidence), made.unheard,
                     int((made.drawn == 0).sum()))  # fmt: skip


def shared(made: Sample, confidence: float = 0.95) -> Share:
    """The share of all firms of the strata that hold; the unheard widen it to both sides."""
    heard, asked = made.only(made.heard > 0), made.only(made.drawn > 0)
    whole = float(made.among.sum())
    if not len(asked.among):
        return Share(None, 0.0, 1.0)
    parts = float(asked.among.sum())
    unheard = asked.drawn - asked.heard
    least, most = _limits(asked, asked.holds, confidence)[0], _limits(asked, asked.holds + unheard, confidence)[1]
    value = float(heard.among @ (heard.holds / heard.heard) / heard.among.sum()) if len(heard.among) else None
    return Share(value, least * parts / whole, (most * parts + whole - parts) / whole)


def _limits(asked: Sample, found: np.ndarray, confidence: float) -> tuple[float, float]:
    """Least and greatest share that holds, where ``found`` (H,) were; exact for one stratum, as the score is short there."""
    if len(asked.among) == 1:
        low, high = (end / asked.among for end in exact.limits(found, asked.drawn, asked.among, confidence))
    else:
        low, high = score.limits(found, asked.drawn, asked.among, confidence, asked.claimed)
    return float(low[0]), float(high[0])


def _scaled(share: Share, firms: int, others: int) -> Share:
    """A share of some firms as one of these and others of which none holds."""
    part = firms / (firms + others) if firms else 0.0
    return Share(None if share.value is None else share.value * part, share.low * part, share.high * part)


def wrong(made: Sample, confidence: float = 0.95) -> Wrong:
    """What each stratum's inspections contradict, with exact limits; the unheard taken to either side."""
    against = np.where(made.claimed, made.heard - made.holds, made.holds)
    low = exact.limits(against, made.drawn, made.among, confidence)[0] / made.among
    high = exact.limits(against + made.drawn - made.heard, made.drawn, made.among, confidence)[1] / made.among
    value = np.where(made.heard > 0, against / np.maximum(made.heard, 1), np.nan)
    return Wrong(value, low, high)
