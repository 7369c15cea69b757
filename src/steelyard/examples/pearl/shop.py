"""A shop floor as discrete events: stations in a row, finite buffers between them, trays of pieces passing through.

An event queue holds processes (generators) by the time at which they go on. A process yields the seconds that it
takes, or a ``Signal`` that it waits for. Time is working time: the seconds in which the line is planned to be busy.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

GOOD, SCRAP, REWORK = range(3)
Key = tuple[int, ...]  # names a random stream


@dataclass(eq=False)
class Signal:
    """What processes wait for until somebody gives it."""

    waiting: list[Process] = field(default_factory=list)


Process = Generator[float | Signal, None, None]


class Clock:
    """The event queue. ``now`` is in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Process]] = []
        self._tickets = count()

    def start(self, process: Process, after: float = 0.0) -> None:
        """Let a process go on after so many seconds; equal times in the order of asking."""
        heapq.heappush(self._queue, (self.now + after, next(self._tickets), process))

    def give(self, signal: Signal) -> None:
        """Let all that wait for the signal go on now."""
        for process in signal.waiting:
            self.start(process)
        signal.waiting = []

    def run(self, until: float) -> None:
        """Handle every event up to that time."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, process = heapq.heappop(self._queue)
            wish = next(process, None)
            if isinstance(wish, Signal):
                wish.waiting.append(process)
            elif wish is not None:
                self.start(process, wish)
        self.now = until


@dataclass
class Tray:
    """Pieces of one product that move together; scrap leaves it on the way."""

    product: str
    size: int


class Buffer:
    """Places for trays between two stations; ``changed`` is given at every coming and going."""

    def __init__(self, clock: Clock, places: int) -> None:
        self.clock, self.places = clock, places
        self.trays: deque[Tray] = deque()
        self.changed = Signal()

    @property
    def full(self) -> bool:
        return len(self.trays) >= self.places

    def put(self, tray: Tray) -> None:
        self.trays.append(tray)
        self.clock.give(self.changed)

    def take(self) -> Tray:
        tray = self.trays.popleft()
        self.clock.give(self.changed)
        return tray


@dataclass(frozen=True)
class Machine:
    """A machine's nature. Seconds per piece by product; hours of running between failures (Weibull: scale, shape);
    minutes to repair and to set up (log-normal: median, deviation of the logarithm); ``drag``, the mean share by which
    pieces take longer than planned; shares of scrap and rework.
    """

    zh: str
    en: str
    seconds: dict[str, float]
    reasons: tuple[str, ...]
    up: tuple[float, float] = (6.5, 1.3)
    repair: tuple[float, float] = (22.0, 0.8)
    setup: tuple[float, float] = (25.0, 0.3)
    drag: float = 0.07
    scrap: float = 0.015
    rework: float = 0.008


@dataclass(frozen=True)
class Spell:
    """A state that lasted from ``start`` to ``end``, working seconds."""

    state: str
    reason: str
    start: float
    end: float


class Station:
    """One machine at work: takes a tray, sets up, makes the pieces, passes the tray on; and fails in between.

    ``pieces`` lists, per stretch of production, the product, when each piece was done and how it came out.
    """

    def __init__(self, machine: Machine, before: Buffer, after: Buffer | None, hungry: str, key: Key) -> None:
        self.machine, self.before, self.after, self.hungry = machine, before, after, hungry
        self.clock = before.clock
        self.random = np.random.default_rng(key)
        self.pieces: list[tuple[str, NDArray[np.float64], NDArray[np.int64]]] = []
        self._marks: list[tuple[str, str, float]] = []
        self._life = self._lifetime()

    def spells(self) -> list[Spell]:
        """The states so far, without gaps or overlaps, up to the clock's now."""
        marks = [*self._marks, ("", "", self.clock.now)]
        return [Spell(a[0], a[1], a[2], b[2]) for a, b in pairwise(marks) if b[2] > a[2]]

    def work(self) -> Process:
        """The machine's life."""
        product = ""
        while True:
            while not self.before.trays:
                self._enter("waiting", self.hungry)
                yield self.before.changed
            tray = self.before.take()
            if product not in ("", tray.product):
                self._enter("setup", "changeover")
                yield self._minutes(self.machine.setup)
            product = tray.product
            yield from self._make(tray)
            yield from self._pass_on(tray)

    def _enter(self, state: str, reason: str) -> None:
        if not self._marks or self._marks[-1][:2] != (state, reason):
            self._marks.append((state, reason, self.clock.now))

    def _make(self, tray: Tray) -> Process:
        """Make the tray's pieces at the planned pace or a little slower, with repairs where the machine fails."""
        slow = 1 + self.random.gamma(2.0, self.machine.drag / 2)
        seconds = tray.size * self.machine.seconds[tray.product] * slow
        done, fate = 0.0, self._fates(tray.size)
        while done < 1:
            start, part = self.clock.now, min((1 - done) * seconds, self._life)
            self._enter("production", "")
            yield part
            self._life -= part
            reached = 1.0 if self._life > 0 else min(1.0, done + part / seconds)
            self._count(tray, fate, (done, reached), (start, self.clock.now))
            done = reached
            if self._life <= 0:
                yield from self._repair()
        tray.size -= int((fate == SCRAP).sum())

    def _count(self, tray: Tray, fate: NDArray[np.int64], done: tuple[float, float], span: tuple[float, float]) -> None:
        """Note the pieces finished while the tray went from one share done to another, evenly over the span."""
        numbers = np.arange(int(done[0] * tray.size) + 1, int(done[1] * tray.size) + 1)
        share = (numbers / tray.size - done[0]) / max(done[1] - done[0], 1e-12)
        self.pieces.append((tray.product, span[0] + share * (span[1] - span[0]), fate[numbers - 1]))

    def _repair(self) -> Process:
        self._enter("delay", str(self.random.choice(self.machine.reasons)))
        yield self._minutes(self.machine.repair)
        self._life = self._lifetime()

    def _pass_on(self, tray: Tray) -> Process:
        if self.after is None or not tray.size:
            return
        while self.after.full:
            self._enter("waiting", "blocked")
            yield self.after.changed
        self.after.put(tray)

    def _fates(self, size: int) -> NDArray[np.int64]:
        """GOOD, SCRAP or REWORK of each piece."""
        good = 1 - self.machine.scrap - self.machine.rework
        return np.searchsorted((good, good + self.machine.scrap), self.random.random(size), side="right")

    def _minutes(self, law: tuple[float, float]) -> float:
        """Seconds drawn from a log-normal law whose median is in minutes."""
        return 60 * law[0] * float(self.random.lognormal(0, law[1]))

    def _lifetime(self) -> float:
        scale, shape = self.machine.up
        return 3600 * scale * float(self.random.weibull(shape))


@dataclass(frozen=True)
class Supply:
    """Material and orders of a line: pieces per tray, trays per order, working hours from one late delivery to the next
    (exponential) and its minutes (log-normal: median, deviation of the logarithm); places between stations.
    """

    products: tuple[str, ...]
    tray: int = 12
    order: tuple[int, int] = (50, 120)
    late_every: float = 30.0
    late: tuple[float, float] = (80.0, 0.6)
    stock: int = 5
    places: int = 4


def _feed(supply: Supply, stock: Buffer, random: np.random.Generator) -> Process:
    """Keep the stock before the first station full, except while a delivery is late."""
    late = 3600 * random.exponential(supply.late_every)
    while True:
        product = str(random.choice(supply.products))
        for _ in range(int(random.integers(*supply.order))):
            if stock.clock.now >= late:
                yield 60 * supply.late[0] * float(random.lognormal(0, supply.late[1]))
                late = stock.clock.now + 3600 * random.exponential(supply.late_every)
            while stock.full:
                yield stock.changed
            stock.put(Tray(product, supply.tray))


def run_line(machines: tuple[Machine, ...], supply: Supply, seconds: float, key: Key) -> list[Station]:
    """Simulate machines in a row for so many working seconds; the stations hold what happened."""
    clock = Clock()
    buffers = [Buffer(clock, supply.stock)] + [Buffer(clock, supply.places) for _ in machines[1:]]
    stations = [
        Station(machine, before, after, "starved" if i else "material_shortage", (*key, i))
        for i, (machine, before, after) in enumerate(zip(machines, buffers, [*buffers[1:], None], strict=True))
    ]
    clock.start(_feed(supply, buffers[0], np.random.default_rng((*key, len(machines)))))
    for station in stations:
        clock.start(station.work())
    clock.run(seconds)
    return stations
