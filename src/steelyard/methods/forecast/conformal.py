"""Intervals of forecasts from the errors of earlier ones: split conformal over regions, earlier origins and horizons.

From every earlier origin each region's coverage is forecast with what was known then, and the error is divided by the one expected
then (``curves.Forecast.scale``), so that errors of young and old series, near and far years, can stand beside each other. The
half-width of a forecast is its own expected error times the quantile of the past ones (Papadopoulos et al. 2008, normalised;
Lei et al. 2018). Errors of one region at several origins hang together, so the step that conformal prediction adds for a finite
number of errors counts regions, not errors (as for groups: Dunn, Wasserman, Ramdas 2022): ``1 + 1 / R``. Where the errors of the last
origins were worse than those of all, these count: curves may have become harder to foresee.

What this rests on: that regions are alike and that errors over expected errors stay as they were. It is tried, not assumed:
``backtest`` says how often such intervals held in the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError
from steelyard.methods.forecast.curves import Forecast, Series, fit, forecast, linear

FIRST = 2  # years of the shortest series that an earlier forecast is made of
RECENT = 2  # origins: errors of these alone count where they are worse


@dataclass(frozen=True)
class Errors:
    """K past errors over the ones expected: ``ratio`` (K,) with its sign (seen less forecast), ``region``, ``origin``, ``horizon`` (K,)."""

    ratio: np.ndarray
    region: np.ndarray
    origin: np.ndarray
    horizon: np.ndarray

    @property
    def regions(self) -> int:
        return len(np.unique(self.region))

    def worse(self, level: float = 0.9) -> Errors:
        """Those of all origins or of the last ``RECENT``, whichever spread more at this level: a guard against drift."""
        keep = self.origin > self.origin.max(initial=0) - RECENT
        recent = Errors(self.ratio[keep], self.region[keep], self.origin[keep], self.horizon[keep])
        share = min(self._share(level), 1.0)
        return recent if _quantile(recent.ratio, share) > _quantile(self.ratio, share) else self

    def factor(self, level: float = 0.9) -> float:
        """What an expected error is multiplied by for an interval of this level; infinite where there are too few regions for it.

        Raises InputError SY785 for a level that is none.
        """
        if not 0 < level < 1:
            raise InputError("SY785", name="level", value=level, low=0, high=1)
        if not len(self.ratio) or self._share(level) > 1:
            return float("inf")
        return _quantile(self.worse(level).ratio, self._share(level))

    def _share(self, level: float) -> float:
        return level * (1 + 1 / max(self.regions, 1))


def _quantile(ratio: np.ndarray, share: float) -> float:
    """The least size of an error over the expected one that ``share`` of them do not exceed."""
    return float(np.quantile(np.abs(ratio), share, method="inverted_cdf")) if len(ratio) else 0.0


@dataclass(frozen=True)
class Backtest:
    """How forecasts did at ``origins``: shares of intervals that held, by origin (O,) and in all (NaN where nothing was heard);
    mean absolute errors of ours and of straight lines, by origin (O,); mean half-width.
    """

    origins: np.ndarray
    covered: np.ndarray
    error: np.ndarray
    linear: np.ndarray
    width: np.ndarray
    coverage: float
    judged: int


def past(known: Series, horizon: int, first: int = FIRST) -> Errors:
    """The errors of forecasts 1...``horizon`` years ahead from all origins from year ``first`` to the last but one.

    Raises InputError SY789 where there is no earlier origin.
    """
    if known.years <= first:
        raise InputError("SY789", years=known.years, wanted=first + 1)
    cells = [_errors(known, origin, horizon) for origin in range(first, known.years)]
    return Errors(*(np.concatenate(each) for each in zip(*cells, strict=True)))


def _errors(known: Series, origin: int, horizon: int) -> tuple[np.ndarray, ...]:
    """Ratios, regions, origins and horizons of the errors from one origin, where its last year and the later one were heard."""
    ahead = min(horizon, known.years - origin)
    rows, made = _made(known, origin, ahead)
    ratio = (known.seen[rows, origin : origin + ahead] - made.value) / made.scale
    region, year = np.nonzero(~np.isnan(ratio))
    return ratio[region, year], rows[region], np.full(len(region), origin), year + 1


def _made(known: Series, origin: int, ahead: int) -> tuple[np.ndarray, Forecast]:
    """The regions heard at an origin, and their forecasts with what was known then."""
    rows = np.flatnonzero(~np.isnan(known.seen[:, origin - 1]))
    then = known.until(origin).of(rows)
    return rows, forecast(then, fit(then), ahead)


def interval(made: Forecast, errors: Errors, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """(R, H) low and high of forecasts, within 0...1; all of it where past errors are too few to tell."""
    half = made.scale * errors.factor(level)
    return np.clip(made.value - half, 0.0, 1.0), np.clip(made.value + half, 0.0, 1.0)


def backtest(known: Series, horizon: int, level: float = 0.9, origins: Sequence[int] | None = None) -> Backtest:
    """Forecasts and intervals as they would have been made at each of ``origins`` (without: all that have an earlier one), against
    what came. Each origin's intervals use only errors that were known at it.

    Raises InputError SY789 where no origin has an earlier one, or one has none or nothing after it.
    """
    origins = list(range(FIRST + 1, known.years)) if origins is None else list(origins)
    if not origins or min(origins) <= FIRST or max(origins) >= known.years:
        raise InputError("SY789", years=min([*origins, known.years]), wanted=FIRST + 2)
    rows = [list(_judged(known, origin, horizon, level)) for origin in origins]
    held, ours, lines, width = (np.array([_mean(one[part]) for one in rows]) for part in range(4))
    whole = np.concatenate([one[0] for one in rows])
    return Backtest(np.array(origins), held, ours, lines, width, _mean(whole), len(whole))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _judged(known: Series, origin: int, horizon: int, level: float) -> Iterator[np.ndarray]:
    """Of one origin's forecasts that can be judged: whether the interval held, our error, a straight line's, the half-width."""
    ahead = min(horizon, known.years - origin)
    rows, made = _made(known, origin, ahead)
    came = known.seen[rows, origin : origin + ahead]
    low, high = interval(made, past(known.until(origin), horizon), level)
    heard = ~np.isnan(came)
    yield ((low <= came) & (came <= high))[heard]
    yield np.abs(made.value - came)[heard]
    lines = np.abs(linear(known.seen[rows, :origin], ahead) - came)
    yield lines[~np.isnan(lines)]
    yield ((high - low) / 2)[heard]
