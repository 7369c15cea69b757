"""When a line is planned to work. Times are seconds since the first local midnight of the world, 2026-01-01."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
DAY = 86_400
HORIZON = ((LAST - FIRST).days + 1) * DAY
STOPS = {date(2026, 1, 1): "new_year"} | {date(2026, 2, d): "spring_festival" for d in range(16, 23)}


@dataclass(frozen=True)
class Shift:
    """Start in minutes after midnight, length in minutes, and breaks (minutes after the start, length)."""

    start: int
    length: int
    breaks: tuple[tuple[int, int], ...] = ((120, 10), (240, 30), (390, 10))
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Window:
    """A stretch of a shift: planned_busy, or planned_down with a reason."""

    start: float
    end: float
    kind: str
    reason: str = ""


def _windows(shift: Shift, day: date) -> list[Window]:
    """A shift that begins on that day, cut at its breaks; one stretch where the factory stands still."""
    begin = (day - FIRST).days * DAY + shift.start * 60
    end = begin + shift.length * 60
    if reason := STOPS.get(day):
        return [Window(begin, end, "planned_down", reason)]
    rests = [(begin + at * 60, begin + (at + length) * 60) for at, length in shift.breaks]
    edges = [begin, *[edge for rest in rests for edge in rest], end]
    return [
        Window(a, b, "planned_down", "break") if i % 2 else Window(a, b, "planned_busy")
        for i, (a, b) in enumerate(pairwise(edges))
    ]


def windows(shifts: tuple[Shift, ...]) -> list[Window]:
    """All stretches of the shifts from the first day to the last, in order, cut at the end of the last day."""
    days = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
    found = [w for day in days for shift in shifts if day.weekday() in shift.weekdays for w in _windows(shift, day)]
    kept = [replace(w, end=min(w.end, HORIZON)) for w in found if w.start < HORIZON]
    return sorted(kept, key=lambda w: w.start)


class WorkingTime:
    """Translates a line's working seconds (breaks left out) into seconds since the first midnight."""

    def __init__(self, plan: list[Window]) -> None:
        self.busy = [w for w in plan if w.kind == "planned_busy"]
        self._ends = np.cumsum([w.end - w.start for w in self.busy]).tolist()
        self._begins = [0.0, *self._ends[:-1]]
        self.total: float = self._ends[-1]

    def moments(self, working: NDArray[np.float64]) -> NDArray[np.float64]:
        """The moments by which so much has been worked, same shape; an edge belongs to the stretch before it."""
        place = np.searchsorted(self._ends, working - 1e-9)
        lag = np.array([w.start for w in self.busy]) - np.array(self._begins)
        return np.asarray(working + lag[place], dtype=np.float64)

    def stretches(self, start: float, end: float) -> list[tuple[float, float]]:
        """The moments that a span of working seconds fills: several stretches where a break falls into it."""
        first, last = bisect_right(self._ends, start), bisect_left(self._ends, end)
        return [
            (w.start + max(start - begin, 0.0), min(w.start + end - begin, w.end))
            for w, begin in zip(self.busy[first : last + 1], self._begins[first : last + 1], strict=True)
        ]
