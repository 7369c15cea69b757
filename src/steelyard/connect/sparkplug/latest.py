"""The last value of each metric, so that one which never changes can be said anew: 17 bytes a signal, and short texts."""

from __future__ import annotations

import sys
from itertools import repeat

import numpy as np
import numpy.typing as npt

from steelyard.connect.base import GOOD, HISTORICAL, UNCERTAIN
from steelyard.connect.sparkplug.events import Values
from steelyard.connect.sparkplug.nodes import Node

LONGEST = 1_000  # characters of a text that is remembered: a state, a product, a lot; no table
BEFORE = 120_000_000  # µs before now, as of when values are said anew: later changes may still be under way
_DAY = 86_400_000_000


class Latest:
    """By the inlet's numbers of signals: time (µs UTC by the source; 0: never told), number (NaN: none), short text.

    ``every``: after how many µs values that did not change are said anew; 0: never, and nothing is remembered.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.at = np.zeros(0, np.int64)
        self.value = np.zeros(0)
        self._worded = np.zeros(0, np.bool_)
        self._texts: dict[int, str] = {}

    def note(self, told: Values) -> None:
        """Remember what is the newest by the source's time; a bad value is one that is not known any more."""
        if not self.every:
            return
        signals, texts = told.signals, told.text
        self._reach(int(signals.max()) + 1)
        if told.quality is not None and (told.quality == HISTORICAL).any():
            live = told.quality != HISTORICAL
            texts = [text for text, keep in zip(texts, live, strict=True) if keep] if texts else None
            told = Values(signals[live], told.at[live], told.value[live], texts, told.quality[live])
            signals = told.signals
        np.maximum.at(self.at, signals, told.at)
        newest = np.flatnonzero(told.at >= self.at[signals])
        value = told.value if told.quality is None else np.where(told.quality > UNCERTAIN, np.nan, told.value)
        self.value[signals[newest]] = value[newest]
        if texts or self._worded[signals].any():
            usable = repeat(True) if told.quality is None else (told.quality <= UNCERTAIN).tolist()
            found = list(zip(signals.tolist(), texts or repeat(None), usable, strict=False))
            for place in newest.tolist():
                self._word(*found[place])

    def _word(self, signal: int, text: str | None, usable: bool) -> None:
        self._worded[signal] = text is not None and usable and len(text) <= LONGEST
        if self._worded[signal] and text is not None:
            self._texts[signal] = sys.intern(text)  # of many machines few states
        else:
            self._texts.pop(signal, None)

    def forget(self, signals: npt.NDArray[np.int32]) -> None:
        """A birth tells them anew."""
        signals = signals[signals < len(self.at)]
        self.at[signals], self.value[signals] = 0, np.nan
        for signal in signals[self._worded[signals]].tolist():
            self._word(signal, None, usable=False)

    def born(self, now: int) -> int:
        """As of when a node that is born now counts as told: a birth may tell what last changed long ago, so it is looked at soon."""
        return now - max(0, self.every - 2 * BEFORE)

    def due(self, node: Node, now: int) -> bool:
        """Whether it is time to look at a node's values again."""
        return self.every > 0 and node.born and not node.silent and now - node.anew >= self.every

    def anew(self, node: Node, now: int) -> list[Values]:
        """The last value of each metric that was not told for long, as standing: its session stands, and nothing else was
        said. By the node's clock; of one that is more than a day off, nobody knows what time it means. Where a message was
        lost and no birth came since, doubtfully.
        """
        node.anew = now
        if abs(node.ahead) > _DAY:
            return []
        at, quality = now + node.ahead - BEFORE, UNCERTAIN if node.doubtful else GOOD
        standing = (one.signals() for one in node.streams.values() if one.born and one.online)
        found = (self._standing(signals, at, quality) for signals in standing)
        return [one for one in found if one is not None]

    def _standing(self, signals: npt.NDArray[np.int32], at: int, quality: int) -> Values | None:
        signals = signals[signals < len(self.at)]
        known = (self.at[signals] > 0) & (self.at[signals] < at - self.every // 2)
        known &= ~np.isnan(self.value[signals]) | self._worded[signals]
        signals = signals[known]
        if not len(signals):
            return None
        texts = [self._texts.get(signal) for signal in signals.tolist()] if self._worded[signals].any() else None
        qualities = np.full(len(signals), quality, np.uint8) if quality else None
        return Values(signals, np.full(len(signals), at, np.int64), self.value[signals], texts, qualities)

    def _reach(self, size: int) -> None:
        if size > len(self.at):
            more = max(size, 2 * len(self.at), 1024) - len(self.at)
            self.at = np.append(self.at, np.zeros(more, np.int64))
            self.value = np.append(self.value, np.full(more, np.nan))
            self._worded = np.append(self._worded, np.zeros(more, np.bool_))
