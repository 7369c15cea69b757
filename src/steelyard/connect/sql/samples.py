"""Rows of a historian as samples: which columns say the subject, the signal, the time, the value and its quality."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from steelyard.connect import moments
from steelyard.connect.base import BAD, GOOD, QUALITIES, UNCERTAIN, Connection, Inlet, setting
from steelyard.connect.sql.cells import text
from steelyard.errors import InputError

EPOCHS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass
class Samples:
    """How rows become samples. ``values``: signal → place of its column; its signal is empty where a column names it."""

    zone: ZoneInfo | None
    epoch: str
    columns: dict[str, str]
    values: dict[str, str]
    _signals: dict[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection, zone: ZoneInfo | None) -> Samples:
        """From the settings subject, signal, at, value (one column, or signals with a column each), quality, epoch, unit."""
        epoch = setting(connection, "epoch", str, "")
        if epoch and epoch not in EPOCHS:
            raise InputError("SY601", connection.name, field="epoch", why=", ".join(EPOCHS))
        value = setting(connection, "value", (str, dict))
        wide = isinstance(value, Mapping)
        required = ["subject", "at"] if wide else ["subject", "at", "signal"]
        columns = {name: setting(connection, name, str) for name in required}
        columns |= {name: given for name in ("quality", "unit") if (given := setting(connection, name, str, None))}
        return cls(zone, epoch, columns, dict(value) if wide else {"": value})

    @property
    def asked(self) -> dict[str, str]:
        """Everything to select, ours to theirs, values last."""
        return self.columns | {f"value {signal}": column for signal, column in self.values.items()}

    def keep(self, inlet: Inlet, rows: Sequence[Sequence[Any]], position: dict[str, Any] | None) -> None:
        """Hand rows over as samples; one that cannot be placed in time, or names no signal, is refused with its reason."""
        now = time.time_ns() // 1000
        found = _Found()
        for row in rows:
            cells = dict(zip(self.asked, row, strict=False))
            try:
                self._one(cells, now, inlet, found)
            except moments.MomentError as error:
                shown = text(cells["at"]) or ""
                inlet.refuse(error.code, shown, len(self.values), column="at", **error.facts)
        found.hand(inlet, position)

    def _one(self, cells: dict[str, Any], now: int, inlet: Inlet, found: _Found) -> None:
        at = moments.within(self._micros(cells["at"]), now)
        subject = text(cells["subject"]) or ""
        for signal in self.values:
            name = signal or text(cells["signal"]) or ""
            if not subject or not name:
                inlet.refuse("SY669", f"{subject}/{name}")
                continue
            value = cells[f"value {signal}"]
            number = self._signal(inlet, subject, name, text(cells.get("unit")) or "")
            found.add(number, at, value, quality(cells.get("quality"), value))

    def _signal(self, inlet: Inlet, subject: str, name: str, unit: str) -> int:
        if (subject, name) not in self._signals:
            self._signals[subject, name] = inlet.signal(subject, name, unit)
        return self._signals[subject, name]

    def _micros(self, at: Any) -> int:
        if isinstance(at, datetime):
            return moments.of(at, self.zone)
        if isinstance(at, date):
            return moments.of(datetime(at.year, at.month, at.day), self.zone)  # noqa: DTZ001  - placed in the zone there
        if isinstance(at, str):
            return moments.from_text(at, self.zone)
        if self.epoch and isinstance(at, (int, float, Decimal)) and math.isfinite(at):
            return int(at) // 1000 if self.epoch == "ns" else int(at * EPOCHS[self.epoch])
        raise moments.MomentError("SY319", hint="")


@dataclass
class _Found:
    """Samples as they gather, one list a column."""

    signals: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)

    def add(self, signal: int, at: int, value: Any, quality: int) -> None:
        self.signals.append(signal)
        self.at.append(at)
        self.value.append(number(value))
        self.text.append(None if isinstance(value, (int, float, Decimal)) else text(value))
        self.quality.append(quality)

    def hand(self, inlet: Inlet, position: dict[str, Any] | None) -> None:
        inlet.keep(
            np.array(self.signals, np.int32), np.array(self.at, np.int64), np.array(self.value, np.float64),
            text=pa.array(self.text, pa.string()), quality=np.array(self.quality, np.uint8), position=position,
        )  # fmt: skip


def number(value: Any) -> float:
    """The number of a value; NaN where it is none. A text of digits counts as one, and is kept as text besides."""
    try:
        if isinstance(value, (int, float, Decimal)) or (isinstance(value, str) and _NUMBER.fullmatch(value.strip())):
            found = float(value)
            return found if math.isfinite(found) else math.nan
    except OverflowError:
        pass
    return math.nan


def quality(said: Any, value: Any) -> int:
    """Our words, or the upper two bits of OPC's number (192 good, 64 uncertain); a missing value is bad without more."""
    if said is None:
        return BAD if value is None else GOOD
    if isinstance(said, (int, Decimal)):
        return {0xC0: GOOD, 0x40: UNCERTAIN}.get(int(said) & 0xC0, BAD)
    word = str(said).strip().lower()
    return QUALITIES.index(word) if word in QUALITIES else UNCERTAIN
