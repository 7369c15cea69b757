"""A simulated machine: states by PackML, counters, temperature, energy. Its time is working time in seconds, as a shop's is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from steelyard.examples.pearl.shop import Clock, Key, Process

Value = float | int | str | bool
STATES = {
    "Execute": "production",
    "Held": "delay",
    "Aborted": "delay",
    "Stopped": "delay",
    "Suspended": "waiting",
    "Idle": "waiting",
}
SETUP = "Setup"
PRODUCTS = ("A-7", "B-12", "C-30")


@dataclass(frozen=True)
class Nature:
    """What sort of machine it is. Times in seconds; a change of state follows after an exponential law with such a mean.

    ``cycle``: planned seconds a piece by product; ``drag``: by how much pieces take longer in the mean; ``run``: production
    between two stops; ``setup``: a change of product; ``reset``: the share of product changes after which counters begin at 0.
    """

    zh: str
    en: str
    cycle: Mapping[str, float]
    stops: tuple[tuple[str, str, float, float], ...]
    run: float = 240.0
    drag: float = 0.06
    scrap: float = 0.03
    setup: float = 45.0
    batch: tuple[int, int] = (25, 60)
    reset: float = 0.4
    idle_kw: float = 1.2
    busy_kw: float = 9.0


STOPS = (
    ("Held", "tool_change", 0.4, 25.0), ("Aborted", "spindle_overload", 0.12, 90.0), ("Suspended", "starved", 0.28, 20.0),
    ("Idle", "no_order", 0.12, 40.0), ("Stopped", "operator_away", 0.08, 30.0),
)  # fmt: skip
"""State, reason, share of all stops, mean seconds."""

NATURES = (
    Nature("加工中心", "Machining centre", {"A-7": 8.0, "B-12": 11.0, "C-30": 6.0}, STOPS),
    Nature("注塑机", "Injection moulder", {"A-7": 5.0, "B-12": 7.0, "C-30": 9.0}, STOPS, scrap=0.05, busy_kw=22.0),
    Nature("冲压机", "Press", {"A-7": 3.0, "B-12": 4.0, "C-30": 3.5}, STOPS, run=150.0, busy_kw=15.0),
    Nature(
        "装配站",
        "Assembly station",
        {"A-7": 12.0, "B-12": 9.0, "C-30": 10.0},
        STOPS,
        run=300.0,
        scrap=0.01,
        busy_kw=2.5,
    ),
)


@dataclass(frozen=True)
class Change:
    """What a machine says at ``at`` (working seconds): all of its values."""

    at: float
    values: dict[str, Value]


@dataclass(frozen=True)
class Spell:
    """What truly was: a state that lasted from ``start`` to ``end`` (working seconds), and the pieces made in it."""

    start: float
    end: float
    state: str
    execution: str
    reason: str
    parts: int
    good: int
    scrap: int


class Machine:
    """One machine at work. ``changes`` and ``spells`` are taken out by whoever publishes and logs them."""

    def __init__(self, name: str, nature: Nature, clock: Clock, key: Key) -> None:
        self.name, self.nature, self.clock = name, nature, clock
        self.changes: list[Change] = []
        self.spells: list[Spell] = []
        self._random = np.random.default_rng(key)
        self._values: dict[str, Value] = {
            "Execution": "Idle", "Mode": "Production", "PartCount": 0, "GoodCount": 0, "ScrapCount": 0, "Temperature": 22.0,
            "Energy": 0.0, "Product": str(self._random.choice(PRODUCTS)), "Reason": "start",
        }  # fmt: skip
        self._since, self._drawn, self._made = clock.now, clock.now, [0, 0]
        self._energy = float(self._random.uniform(100, 900))
        self._left = 0

    @property
    def values(self) -> dict[str, Value]:
        """What it says now."""
        return dict(self._values)

    def work(self) -> Process:
        """The machine's life."""
        while True:
            yield from self._produce(self._mean(self.nature.run))
            if self._left <= 0:
                yield from self._change_over()
                continue
            state, reason, seconds = self._stop()
            self._enter(state, "Production", reason)
            yield self._mean(seconds)

    def look(self) -> None:
        """Measure temperature and energy now."""
        self._measure()
        self._say()

    def finish(self) -> None:
        """End the spell that lasts, so that the log is whole."""
        self._end_spell()

    def _produce(self, seconds: float) -> Process:
        """Make pieces for so long, or until the batch is done; a piece under way is finished after the stop."""
        self._left = self._left or int(self._random.integers(*self.nature.batch))
        self._enter("Execute", "Production", "")
        until = self.clock.now + seconds
        while self._left > 0 and self.clock.now < until:
            slow = 1 + float(self._random.gamma(2.0, self.nature.drag / 2))
            yield self.nature.cycle[str(self._values["Product"])] * slow
            self._count()

    def _change_over(self) -> Process:
        self._enter("Stopped", SETUP, "changeover")
        if self._random.random() < self.nature.reset:
            self._values.update(PartCount=0, GoodCount=0, ScrapCount=0)
        self._values["Product"] = str(self._random.choice([p for p in PRODUCTS if p != self._values["Product"]]))
        self._say()
        yield self._mean(self.nature.setup)

    def _stop(self) -> tuple[str, str, float]:
        stops = self.nature.stops
        state, reason, _, seconds = stops[int(self._random.choice(len(stops), p=[stop[2] for stop in stops]))]
        return state, reason, seconds

    def _count(self) -> None:
        bad = bool(self._random.random() < self.nature.scrap)
        self._made[bad] += 1
        self._left -= 1
        for name in ("PartCount", "ScrapCount" if bad else "GoodCount"):
            self._values[name] = int(self._values[name]) + 1
        self._measure()
        self._say()

    def _enter(self, execution: str, mode: str, reason: str) -> None:
        self._measure()
        self._end_spell()
        self._values.update(Execution=execution, Mode=mode, Reason=reason)
        self._say()

    def _end_spell(self) -> None:
        now, values = self.clock.now, self._values
        if now > self._since:
            state = "setup" if values["Mode"] == SETUP else STATES[str(values["Execution"])]
            good, scrap = self._made
            self.spells.append(
                Spell(
                    self._since, now, state, str(values["Execution"]), str(values["Reason"]), good + scrap, good, scrap
                )
            )
        self._since, self._made = now, [0, 0]

    def _measure(self) -> None:
        """Energy by what it did since the last look; a temperature that follows its load."""
        busy = self._values["Execution"] == "Execute"
        spent = max(self.clock.now - self._drawn, 0.0)
        self._drawn = self.clock.now
        self._energy += (self.nature.busy_kw if busy else self.nature.idle_kw) * spent / 3600
        warm = float(self._values["Temperature"])
        warm += ((68.0 if busy else 26.0) - warm) * min(spent / 600, 1.0) + float(self._random.normal(0, 0.05))
        self._values.update(Energy=round(self._energy, 4), Temperature=round(warm, 2))

    def _say(self) -> None:
        """One telling an instant: what is said at once is said together."""
        if self.changes and self.changes[-1].at == self.clock.now:
            self.changes.pop()
        self.changes.append(Change(self.clock.now, dict(self._values)))

    def _mean(self, seconds: float) -> float:
        """Seconds of an exponential law, but never none."""
        return 0.2 * seconds + 0.8 * float(self._random.exponential(seconds))
