"""What every way in is: a connector turns a wire into samples and rows. Nothing here opens a home or writes to one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard.errors import InputError

QUALITIES = ("good", "uncertain", "bad", "stale", "historical")
"""What a source says of a value. ``bad`` and ``stale`` carry no usable value; ``historical`` is told late and is never current."""
GOOD, UNCERTAIN, BAD, STALE, HISTORICAL = range(5)

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class Lost(Exception):  # noqa: N818  - a source that is lost is no error of anybody's
    """The source cannot be reached or went away; the runner asks it again, with growing pauses, for ever.

    ``at`` (µs UTC, our clock) is when it was last known to be there, where that is before now.
    """

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.at = at


@dataclass(frozen=True)
class Connection:
    """One file ``connections/NAME.yaml``, read: which connector, where to, and what that connector needs.

    ``folder`` is where files that the settings name (certificates, register maps) are looked for.
    """

    name: str
    connector: str
    url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()


class Inlet(Protocol):
    """Where a connector puts what comes in. Called from the connector's own thread."""

    stopped: threading.Event
    position: dict[str, Any]

    def signal(self, subject: str, name: str, unit: str = "") -> int:
        """The number of a signal of a device, for as long as this inlet lives; asked once, kept by the connector."""

    def keep(self, signals: npt.NDArray[np.int32], at: Ints, value: Doubles, *, text: pa.Array | None = None,
             quality: npt.NDArray[np.uint8] | None = None, received: int | None = None,
             position: dict[str, Any] | None = None, then: Callable[[], None] | None = None) -> None:  # fmt: skip
        """Hand over values of signals: ``at`` in µs UTC as the source says, NaN where there is no number, ``text`` with
        nulls where there is none, ``quality`` by ``QUALITIES`` (all good if None), ``received`` in µs by our clock (now).

        Blocks while too much waits. ``position`` is committed with them; ``then`` is called once they are durable.
        """

    def rows(self, table: str, rows: pa.Table, *, position: dict[str, Any] | None = None,
             then: Callable[[int, list[str]], None] | None = None) -> None:  # fmt: skip
        """Hand over rows of any Table, columns by its names, cells as text or typed; bad ones are refused one by one.

        ``then`` is called once they are durable, with how many were stored and the reasons of those refused.
        """

    def file(self, path: Path, **options: Any) -> None:
        """Hand over a whole file; returns when it is durable. Raises InputError where it cannot be read as a whole."""

    def refuse(self, code: str, value: str, count: int = 1, **facts: object) -> None:
        """Count ``count`` values as received and refused, for the reason ``code`` of ``errors.toml``."""

    def online(self, subject: str, at: int | None = None) -> None:
        """From here on (µs UTC by our clock, now if None) the session with a device stands."""

    def offline(self, subject: str, reason: str, at: int | None = None) -> None:
        """The session with a device is gone: from here on its time is unknown."""

    def heard(self, subject: str, start: int, end: int) -> None:
        """The device's past from start to end (µs UTC) has been told in full, so it is no gap any more."""

    def finding(self, subject: str, code: str, text: str) -> None:
        """What a peer does against its own standard: recorded, shown, never fatal. One of each kind is kept."""


class Connector(Protocol):
    """One way in. Made with its connection; raises InputError SY601 where the settings are not what it needs."""

    def __init__(self, connection: Connection) -> None: ...

    def run(self, inlet: Inlet) -> None:
        """Read until ``inlet.stopped`` is set; raises ``Lost`` or OSError when the source goes away."""


class Browses(Protocol):
    """A connector that can look around at its source."""

    def find(self, seconds: float) -> list[Found]:
        """What the source offers, within so many seconds."""


@dataclass(frozen=True)
class Found:
    """One signal that a source offers; ``column`` and ``rule`` propose a binding where its meaning is standardised, of the
    unit ``device``, or else of its subject. The column ``mode`` is the second signal of a state's rule.
    """

    subject: str
    signal: str
    type: str
    unit: str = ""
    column: str = ""
    rule: str = ""
    device: str = ""


_MISSING = object()


def setting(connection: Connection, name: str, kind: type | tuple[type, ...], default: Any = _MISSING) -> Any:
    """One setting of a connection, checked for its type; raises InputError SY601 where it is missing or of another type."""
    value = connection.settings.get(name, default)
    if value is _MISSING:
        raise InputError("SY601", connection.name, field=name, why="missing")
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if value is default or (isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)):
        return value
    raise InputError("SY601", connection.name, field=name, why=f"must be {' or '.join(k.__name__ for k in kinds)}")
