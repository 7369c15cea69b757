"""What the host remembers of edge nodes and their devices: births, sequence, who is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from steelyard.connect.sparkplug import values as of
from steelyard.connect.sparkplug.columns import TAGS, Known, Slots

DENSE = 4096  # aliases further apart than this many a metric go the general way
MOST_WAITING = 192  # messages of a node; well before 256, where one that came late and one a round later look the same
MOST_BYTES = 8 * 1024 * 1024  # of a node's messages that wait


class Metric(NamedTuple):
    """One metric as the last birth told it."""

    name: str
    datatype: int
    signal: int


@dataclass(slots=True)
class Held:
    """A message that waits for one before it."""

    stream: Stream
    verb: str
    raw: bytes
    at: int


@dataclass(slots=True)
class Node:
    """An edge node: where its sequence stands, and what it is waiting for. Times are µs UTC of our clock."""

    group: str
    edge: str
    streams: dict[str, Stream] = field(default_factory=dict)
    born: bool = False
    birth: int = 0  # hash of the last NBIRTH
    birth_at: int = 0  # its own time, ms
    bdseq: int | None = None
    next: int = 0
    calm: bool = False  # born, nothing missing, nothing waiting, not silent: the fast way is open
    doubtful: bool = False
    silent: bool = False
    waiting: dict[int, Held] = field(default_factory=dict)  # by sequence, in the order in which they came
    held: int = 0  # bytes that wait
    deadline: int = 0
    seen: list[int] = field(default_factory=lambda: [0] * 256)
    last: int = 0
    due: int = 0  # until when all devices must be born again
    asked: int = 0
    pause: int = 0
    wants: bool = False
    ahead: int = 0  # its clock less ours, µs, as of its last message
    anew: int = 0  # when its values were last looked at, whether they want saying anew

    def hold(self, seq: int, held: Held) -> None:
        """Let a message wait."""
        self.waiting[seq] = held
        self.held += len(held.raw)

    def pull(self, seq: int) -> Held:
        """Take out a message that waits."""
        held = self.waiting.pop(seq)
        self.held -= len(held.raw)
        return held

    @property
    def crowded(self) -> bool:
        """Whether more waits than may."""
        return len(self.waiting) > MOST_WAITING or self.held > MOST_BYTES

    def settle(self) -> None:
        """Say whether the fast way is open."""
        self.calm = self.born and not (self.doubtful or self.waiting or self.silent)


@dataclass(slots=True)
class Stream:
    """The metrics of one device, or of the edge node itself (device empty), as its last birth told them."""

    node: Node
    device: str
    subject: str
    born: bool = False
    online: bool = False
    by_name: dict[str, Metric] = field(default_factory=dict)
    by_alias: dict[int, Metric] = field(default_factory=dict)
    known: Known = field(default_factory=lambda: Known({}, 0, 0))
    room: tuple[int, int, int, int] = (0, 0, 0, 0)  # first slot, slots, first alias, aliases
    told: int = 0  # until when history is told
    parts: set[int] = field(default_factory=set)  # signals of the members of its Templates

    def signals(self) -> npt.NDArray[np.int32]:
        """The signals of all its metrics, those within Templates among them."""
        return np.array([*(metric.signal for metric in self.by_name.values()), *self.parts], np.int32)


class Book:
    """All metrics of all streams as columns, for ``columns.decode``."""

    def __init__(self) -> None:
        self._used = [0, 0]
        self.slots = Slots(
            np.zeros(64, np.int32), np.zeros(64, np.int32), np.zeros(64, np.int32), np.zeros(64, np.int64),
            np.full(64, -1, np.int32),
        )  # fmt: skip

    def enter(self, stream: Stream) -> None:
        """Write a stream's metrics into the columns, over what its birth before said."""
        metrics = list(stream.by_name.values())
        first, base, width = self._room(stream, metrics)
        rows = slice(first, first + len(metrics))
        kinds = [metric.datatype for metric in metrics]
        self.slots.signal[rows] = [metric.signal for metric in metrics]
        self.slots.datatype[rows] = [kind if 0 <= kind < 64 else 0 for kind in kinds]
        self.slots.tag[rows] = [TAGS.get(kind, -1) for kind in kinds]
        self.slots.bits[rows] = [of.BITS.get(kind, 0) for kind in kinds]
        slot = {metric.name: first + n for n, metric in enumerate(metrics)}
        self.slots.alias[base : base + stream.room[3]] = -1
        for alias, metric in stream.by_alias.items():
            if alias < width:
                self.slots.alias[base + alias] = slot[metric.name]
        stream.known = Known({name.encode(): n for name, n in slot.items()}, base, width)

    def _room(self, stream: Stream, metrics: list[Metric]) -> tuple[int, int, int]:
        """First slot, first alias and number of aliases: where the stream was, or further on where it grew."""
        first, slots, base, aliases = stream.room
        width = max((alias for alias in stream.by_alias if alias < DENSE + 4 * len(metrics)), default=-1) + 1
        if len(metrics) > slots:
            first, slots = self._take(0, len(metrics)), len(metrics)
        if width > aliases:
            base, aliases = self._take(1, width), width
        stream.room = (first, slots, base, aliases)
        return first, base, width

    def _take(self, which: int, count: int) -> int:
        start = self._used[which]
        self._used[which] = start + count
        columns = self.slots[4:] if which else self.slots[:4]
        if self._used[which] > len(columns[0]):
            size = 2 * self._used[which]
            grown = [np.concatenate([c, np.full(size - len(c), -1, c.dtype)]) for c in columns]
            kept = self.slots[:4] if which else self.slots[4:]
            self.slots = Slots(*kept, *grown) if which else Slots(*grown, *kept)
        return start
