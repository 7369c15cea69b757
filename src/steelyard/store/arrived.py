"""What came in over a connection since the last commit, before it rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
EVERY = "*"
"""In place of a subject: every device of a connection."""


@dataclass(frozen=True)
class Values:
    """Values of signals, one a place: numbers of signals, source times (µs UTC), doubles with NaN for none, texts, qualities.

    ``text`` and ``quality`` may be None: no text, all good. ``received`` is when they came, by our clock (µs UTC).
    """

    signals: npt.NDArray[np.int32]
    at: Ints
    value: npt.NDArray[np.float64]
    text: pa.Array | None
    quality: npt.NDArray[np.uint8] | None
    received: int

    def __len__(self) -> int:
        return len(self.signals)


@dataclass
class Rows:
    """Checked rows of a Table; ``then`` hears how many were stored."""

    table: str
    rows: pa.Table
    grade: str
    then: Callable[[int], None] | None = None


@dataclass(frozen=True)
class Turn:
    """A device's session begins to stand (``why`` empty) or is gone, at a time by our clock (µs UTC)."""

    subject: str
    at: int
    online: bool
    why: str = ""


@dataclass
class Arrived:
    """Everything of one connection that waits for a commit."""

    connection: str
    synthetic: bool = False
    values: list[Values] = field(default_factory=list)
    tables: list[Rows] = field(default_factory=list)
    refused: dict[str, tuple[int, str, dict[str, Any]]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    heard: list[tuple[str, int, int]] = field(default_factory=list)
    findings: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    position: dict[str, Any] | None = None
    then: list[Callable[[], None]] = field(default_factory=list)
    state: str = "running"
    why: str = ""
    beat: int = 0
    received: int = 0
    stored: int = 0
    repeated: int = 0
    clocks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def refuse(self, code: str, value: str, count: int, facts: Mapping[str, Any]) -> None:
        """Count values refused for one reason, with the first as the example."""
        before, example, known = self.refused.get(code, (0, value, {**facts, "value": value}))
        self.refused[code] = (before + count, example, known)
