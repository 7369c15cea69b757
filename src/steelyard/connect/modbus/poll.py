"""The rounds of a connection: when each is due, what was answered, who is silent, which addresses a device refuses."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from steelyard.connect.base import BAD, Inlet, Ints, Lost
from steelyard.connect.modbus.blocks import Block, Limits, Round, block, plan, rounds
from steelyard.connect.modbus.registers import Register
from steelyard.connect.modbus.wire import Answered, Silent, Wire

REFUSED = frozenset({2, 3, 4})  # of an address, a count, or a device that does not tell the two apart
GATEWAY = frozenset({10, 11})
AGAIN = 60.0  # seconds until a refused address is asked for anew
LONGEST = 60.0  # seconds between two calls to a silent unit


@dataclass
class _Away:
    """A unit that does not answer: when to ask again, and how long to wait after that."""

    again: float
    pause: float = 1.0


class Poller:
    """Polls a register map over a wire into an inlet."""

    def __init__(self, found: Sequence[Register], limits: Limits, wire: Wire, inlet: Inlet) -> None:
        self.found, self.limits, self.wire, self.inlet = found, limits, wire, inlet
        self.signals = np.array([inlet.signal(r.subject, r.signal, r.unit) for r in found], np.int32)
        self.units: dict[str, set[int]] = defaultdict(set)
        for register in found:
            self.units[register.subject].add(register.unit_id)
        self.heard: dict[int, int] = {}
        self.away: dict[int, _Away] = {}
        self.online: set[str] = set()
        self.failing: dict[tuple[int, ...], float] = {}
        self.late: set[int] = set()
        self.refused: dict[int, float] = {}
        self._due: list[tuple[int, int, int, Round]] = []
        self._count = 0
        self._base = time.time_ns() - time.monotonic_ns()
        rasters: dict[int, list[int]] = defaultdict(list)
        for place, register in enumerate(found):
            rasters[register.every_ms].append(place)
        for every_ms, places in rasters.items():
            for one in rounds(found, plan(found, places, limits)):
                self._push(one, every_ms * 1_000_000, time.monotonic_ns())

    def _push(self, one: Round, every: int, after: int) -> None:
        """Due at the next whole multiple of its period (ns) by the wall clock, which may be set meanwhile."""
        due = after + every - (after + self._base) % every
        self._count += 1
        heapq.heappush(self._due, (due, self._count, every, one))

    def run(self) -> None:
        """Until stopped; raises Lost."""
        self._first()
        while not self.inlet.stopped.is_set():
            due, _, every, one = self._due[0]
            wait = (due - time.monotonic_ns()) / 1e9
            if wait > 0:
                self.inlet.stopped.wait(min(wait, 1.0))
                continue
            heapq.heappop(self._due)
            self._turn(one, every)
            self._late(one, due, every)

    def _first(self) -> None:
        """Once at once: nobody waits a minute for the first value of a slow raster."""
        waiting, self._due = self._due, []
        for _, _, every, one in waiting:
            self._turn(one, every)

    def _turn(self, one: Round, every: int) -> None:
        for again in self._poll(one):
            self._push(again, every, time.monotonic_ns())

    def _late(self, one: Round, due: int, every: int) -> None:
        took = time.monotonic_ns() - due
        if took > every and every not in self.late:
            self.late.add(every)
            subject = self.found[int(one.places[0])].subject
            self.inlet.finding(subject, "SY642", f"every {every // 1_000_000} ms, took {took // 1_000_000} ms")

    def leave(self) -> None:
        """Nobody watches the devices any more."""
        for subject in sorted(self.online):
            self._offline(subject, "connection closed")

    def _poll(self, one: Round) -> list[Round]:
        """Asks for its blocks and hands over what came; returns what to ask for next time, which is mostly itself."""
        buffer = bytearray(one.bytes)
        at = np.zeros(len(one.blocks), np.int64)
        blocks: list[Block] = []
        for n, wanted in enumerate(one.blocks):
            answer, then = self._ask(wanted)
            blocks += then
            if answer is not None:
                buffer[one.spans[n]] = answer
                at[n] = self.heard[wanted.unit_id]
            if self.inlet.stopped.is_set():
                blocks += one.blocks[n + 1 :]
                break
        self._hand_over(one, buffer, at)
        blocks += self._forgiven(one)
        return [one] if blocks == list(one.blocks) else list(rounds(self.found, blocks))

    def _hand_over(self, one: Round, buffer: bytearray, at: Ints) -> None:
        if not at.any():
            return
        value, text, quality = one.decode(np.frombuffer(buffer, np.uint8))
        times, signals = at[one.block_of], self.signals[one.places]
        if not at.all():
            came = times > 0
            signals, times, value = signals[came], times[came], value[came]
            text = text.filter(pa.array(came)) if text is not None else None
            quality = quality[came] if quality is not None else None
        self.inlet.keep(signals, times, value, text=text, quality=quality)

    def _ask(self, wanted: Block) -> tuple[bytes | None, list[Block]]:
        """The answer to a block, if any, and the blocks to ask for in its stead from now on."""
        away = self.away.get(wanted.unit_id)
        if away and time.monotonic() < away.again:
            return None, [wanted]
        try:
            answer = self.wire.read(wanted)
        except Silent as error:
            self._gone(wanted.unit_id, str(error))
            if self.away.keys() >= {r.unit_id for r in self.found}:
                raise Lost(f"{self.wire.where}: no unit answers", max(self.heard.values(), default=None)) from error
            return None, [wanted]
        except Answered as said:
            return None, self._exception(wanted, said)
        self._there(wanted.unit_id)
        self.failing.pop(wanted.places, None)
        return answer, [wanted]

    def _exception(self, wanted: Block, said: Answered) -> list[Block]:
        if said.code in GATEWAY:
            self._gone(wanted.unit_id, str(said))
            return [wanted]
        self._there(wanted.unit_id)
        known = self.failing.get(wanted.places)
        if said.code in REFUSED and (known is None or time.monotonic() >= known):
            good, bad = self._split(wanted)
            if good:
                self._refuse(bad, said)
                return self._joined(good)
        if known is None:
            self.inlet.finding(self.found[wanted.places[0]].subject, "SY641", f"{_shown(wanted)}: {said}")
            self._bad(wanted.places, said)
        if known is None or time.monotonic() >= known:
            self.failing[wanted.places] = time.monotonic() + AGAIN
        return [wanted]

    def _split(self, wanted: Block) -> tuple[list[Block], list[int]]:
        """Halves until those that are refused stand alone: good blocks in order, places of the bad."""
        if len(wanted.places) == 1:
            return [], list(wanted.places)
        good: list[Block] = []
        bad: list[int] = []
        half = len(wanted.places) // 2
        for places in (wanted.places[:half], wanted.places[half:]):
            part = block(self.found, places)
            if self._readable(part):
                good.append(part)
            else:
                inner, worse = self._split(part)
                good += inner
                bad += worse
        return good, bad

    def _readable(self, part: Block) -> bool:
        try:
            self.wire.read(part)
        except Answered:
            return False
        except Silent:
            return True  # no word about its addresses
        return True

    def _joined(self, good: list[Block]) -> list[Block]:
        """Neighbours together again, where nothing lies between them and the device answers them so."""
        joined = good[:1]
        for part in good[1:]:
            last = joined[-1]
            both = block(self.found, (*last.places, *part.places))
            near = last.address + last.count >= part.address and both.count <= self.limits.of(both.kind)
            if near and self._readable(both):
                joined[-1] = both
            else:
                joined.append(part)
        return joined

    def _refuse(self, bad: list[int], said: Answered) -> None:
        for place in bad:
            register = self.found[place]
            where = _shown(block(self.found, [place]))
            self.inlet.finding(register.subject, "SY641", f"{register.signal}: {where}: {said}")
            self.refused[place] = time.monotonic() + AGAIN
        self._bad(bad, said)

    def _bad(self, places: Sequence[int], said: Answered) -> None:
        """The last good value holds no longer."""
        if not places:
            return
        now = np.full(len(places), time.time_ns() // 1000)
        none = np.full(len(places), np.nan)
        text = pa.array([str(said)] * len(places), pa.string())
        quality = np.full(len(places), BAD, np.uint8)
        self.inlet.keep(self.signals[list(places)], now, none, text=text, quality=quality)

    def _forgiven(self, one: Round) -> list[Block]:
        """Refused addresses of a round's raster that are answered by now: a controller may get its program later."""
        if not self.refused or not len(one.places):
            return []
        raster, now = self.found[int(one.places[0])].every_ms, time.monotonic()
        due = [p for p, when in self.refused.items() if now >= when and self.found[p].every_ms == raster]
        back = []
        for place in due:
            alone = block(self.found, [place])
            if self._answers(alone):
                del self.refused[place]
                back.append(alone)
            else:
                self.refused[place] = now + AGAIN
        return back

    def _answers(self, alone: Block) -> bool:
        try:
            self.wire.read(alone)
        except (Answered, Silent):
            return False
        return True

    def _gone(self, unit: int, why: str) -> None:
        pause = min(self.away[unit].pause * 2, LONGEST) if unit in self.away else 1.0
        self.away[unit] = _Away(time.monotonic() + pause, pause)
        for subject in sorted(self.online):
            if unit in self.units[subject]:
                self._offline(subject, f"unit {unit}: {why}")

    def _offline(self, subject: str, why: str) -> None:
        """From its last answer on its time is unknown."""
        self.online.discard(subject)
        self.inlet.offline(subject, why, min(self.heard[unit] for unit in self.units[subject]))

    def _there(self, unit: int) -> None:
        known = unit in self.heard and unit not in self.away
        self.heard[unit] = time.time_ns() // 1000
        if known:
            return
        self.away.pop(unit, None)
        for subject, units in self.units.items():
            if subject not in self.online and units <= self.heard.keys() and not units & self.away.keys():
                self.online.add(subject)
                self.inlet.online(subject)


def _shown(part: Block) -> str:
    return f"unit {part.unit_id} {part.kind} {part.address} to {part.address + part.count - 1}"
