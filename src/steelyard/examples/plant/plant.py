"""The plant under way: machines at work, stations that publish and fail, a log of what truly happened."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np

from steelyard.connect.base import Lost
from steelyard.errors import UsageError
from steelyard.examples.pearl.shop import Clock
from steelyard.examples.plant import broker, sites
from steelyard.examples.plant.furnish import furnish, port_of
from steelyard.examples.plant.machine import NATURES, Machine
from steelyard.model.period import iso

TICK = 0.1
LOOK = 1.0
WRONG_CLOCK = -75.0
FAULT_EVERY, SHORTEST_BETWEEN = 240.0, 8.0
OUTAGE = (3.0, 10.0)
TRUTH = ("machine", "start", "end", "state", "execution", "reason", "parts", "good", "scrap", "synthetic")
FAULTS = ("at", "protocol", "what", "synthetic")


class Plant:
    """Use as a context. ``speed`` shortens all that machines do; times stay those of the clock.

    ``faults``: stations fail and come back, and the last machine's clock is ``WRONG_CLOCK`` seconds off. ``home`` is the
    factory's home; ``left_out`` says which protocols are missing and why. Raises UsageError SY101 where nothing can be published.
    """

    def __init__(self, folder: Path, *, machines: int = 8, seed: int = 1, speed: float = 1.0, faults: bool = True,
                 broker_url: str = "", protocols: Sequence[str] = sites.PROTOCOLS, say: Callable[[str], None] = lambda _: None) -> None:  # fmt: skip
        self.folder, self.speed, self.faults, self.say = folder, speed, faults, say
        self.home = folder / "home"
        self.left_out: list[str] = []
        self.broker: broker.Broker | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.clock = Clock()
        self.machines = [
            Machine(f"M{n + 1:02d}", NATURES[n % len(NATURES)], self.clock, (seed, n)) for n in range(machines)
        ]
        self.wrong = self.machines[-1].name if faults and machines > 3 else ""
        self.sites = self._sites(protocols, broker_url)
        self.site_of = {machine: one for one in self.sites for machine in one.machines}
        self._random = np.random.default_rng((seed, machines))
        self._down: dict[str, float] = {}
        self._begun, self._looked, self._next_fault = 0, 0.0, 0.0

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for machine in self.machines:
            machine.finish()
        self._log_spells()
        self._stop()

    def run(self, seconds: float = 0, stopped: threading.Event | None = None) -> None:
        """Be at work for so long, or until ``stopped`` is set."""
        stopped = stopped or threading.Event()
        until = time.monotonic() + seconds if seconds else float("inf")
        while time.monotonic() < until and not stopped.wait(TICK):
            self.turn()

    def turn(self) -> None:
        """Catch up with the clock: work, publish, log, and let faults happen."""
        self.clock.run(self._since() * self.speed)
        if self._since() - self._looked >= LOOK:
            self._looked = self._since()
            for machine in self.machines:
                machine.look()
        self._publish()
        self._log_spells()
        self._bring_back()
        if self.faults and self._since() >= self._next_fault:
            self._fail()

    # -- within ---------------------------------------------------------------------------------------------------

    def _sites(self, protocols: Sequence[str], url: str) -> list[sites.Site]:
        here = [protocol for protocol in protocols if not self._lacks(protocol, url)]
        if not here or not self.machines:
            raise UsageError("SY101", why="; ".join(self.left_out) or "--machines 1 …")
        shares = sites.shared_out([machine.name for machine in self.machines], here)
        return [self._site(protocol, machines, url) for protocol, machines in shares.items()]

    def _lacks(self, protocol: str, url: str) -> bool:
        why = sites.missing(protocol)
        if not why and protocol == "sparkplug" and not url and not broker.program():
            why = "sparkplug: no mosquitto: apt-get install mosquitto, or --broker mqtt://HOST:PORT"
        if why:
            self.left_out.append(why)
        return bool(why)

    def _site(self, protocol: str, machines: list[str], url: str) -> sites.Site:
        if protocol == "sparkplug" and url:
            return sites.site(protocol, machines, *_address(url))
        port = broker.free_port(port_of(self.folder, protocol))
        if protocol == "sparkplug":
            self.broker = broker.Broker(self.folder / "broker", port)
        return sites.site(protocol, machines, "127.0.0.1", port)

    def _start(self) -> None:
        if self.broker:
            self.broker.start()
        for one in self.sites:
            try:
                one.station.start()
            except (OSError, Lost) as error:
                raise UsageError("SY101", why=f"{one.protocol} {one.host}:{one.port}: {error}") from error
        self.home = furnish(self.folder, self.sites, self.machines, self.speed)
        self._begun = time.time_ns() // 1000
        self._next_fault = self._pause()
        for machine in self.machines:
            self.clock.start(machine.work())
        self.turn()

    def _stop(self) -> None:
        for one in self.sites:
            if one.protocol not in self._down:
                one.station.stop()
        if self.broker:
            self.broker.stop()

    def _since(self) -> float:
        """Seconds since the start."""
        return (time.time_ns() // 1000 - self._begun) / 1e6

    def _at(self, working: float) -> int:
        """Working seconds as µs UTC."""
        return self._begun + round(working / self.speed * 1e6)

    def _publish(self) -> None:
        """All that changed, each with the time at which it did by its machine's clock."""
        for machine in self.machines:
            off = WRONG_CLOCK * 1e6 if machine.name == self.wrong else 0
            station = self.site_of[machine.name].station
            for change in machine.changes:
                station.publish(machine.name, change.values, self._at(change.at) + int(off))
            machine.changes.clear()

    def _log_spells(self) -> None:
        rows: list[Sequence[Any]] = []
        for machine in self.machines:
            rows += [(machine.name, iso(self._at(s.start)), iso(self._at(s.end)), s.state, s.execution, s.reason, s.parts,
                      s.good, s.scrap, "yes") for s in machine.spells]  # fmt: skip
            machine.spells.clear()
        _append(self.folder / "truth.csv", TRUTH, rows)

    # faults

    def _pause(self) -> float:
        mean = max(FAULT_EVERY / self.speed, SHORTEST_BETWEEN)
        return self._since() + 0.3 * mean + float(self._random.exponential(0.7 * mean))

    def _fail(self) -> None:
        """Let one of the stations fail that are there."""
        self._next_fault = self._pause()
        up = [one for one in self.sites if one.protocol not in self._down]
        if up:
            self.cut(up[int(self._random.integers(len(up)))], float(self._random.uniform(*OUTAGE)))

    def _bring_back(self) -> None:
        """Start the stations again whose time has come."""
        now = self._since()
        for one in self.sites:
            if self._down.get(one.protocol, now + 1) <= now:
                del self._down[one.protocol]
                self.restart(one)

    def cut(self, one: sites.Site, seconds: float) -> None:
        """A station is gone without a word for so long."""
        self._note(one.protocol, "fail")
        one.station.fail()
        self._down[one.protocol] = self._since() + seconds

    def restart(self, one: sites.Site) -> None:
        """A station is there again, and tells what its machines say now."""
        try:
            one.station.start()
        except (OSError, Lost):  # its broker may be away just now
            self._down[one.protocol] = self._since() + OUTAGE[0]
            return
        for machine in self.machines:
            if machine.name in one.machines:
                machine.look()
        self._note(one.protocol, "start")

    def _note(self, protocol: str, what: str) -> None:
        at = iso(time.time_ns() // 1000)
        _append(self.folder / "faults.csv", FAULTS, [(at, protocol, what, "yes")])
        self.say(f"{at} {protocol} {what}")


def _address(url: str) -> tuple[str, int]:
    """Host and port of a broker; raises UsageError SY101."""
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "mqtt" or not parts.hostname or parts.username:
        raise UsageError("SY101", why=f"--broker {url}: mqtt://HOST:PORT")
    return parts.hostname, port


def _append(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    rows = list(rows)
    if not rows and path.is_file():
        return
    fresh = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(header)
        writer.writerows(rows)
