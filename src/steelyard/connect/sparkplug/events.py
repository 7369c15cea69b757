"""What the state machine says: values, sessions, requests. Its whole output, so that it can be tested without a broker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Values:
    """Values of signals: numbers of the inlet's signals, µs UTC, NaN where there is no number; None: no texts, all good."""

    signals: npt.NDArray[np.int32]
    at: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    text: list[str | None] | None = None
    quality: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Rebirth:
    """Ask an edge node to tell its births again."""

    group: str
    edge: str


@dataclass(frozen=True, slots=True)
class Online:
    """A session stands since ``at`` (µs UTC, our clock)."""

    subject: str
    at: int


@dataclass(frozen=True, slots=True)
class Offline:
    """A session is over since ``at``: all metrics of the subject are stale."""

    subject: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Historical values told the past of a subject from start to end (µs UTC)."""

    subject: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A peer breaks an assertion of the specification."""

    subject: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Values that cannot be kept, with the reason's code."""

    code: str
    value: str
    count: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Denied:
    """Somebody published that this host application is offline."""


Event = Values | Rebirth | Online | Offline | Heard | Finding | Refused | Denied
