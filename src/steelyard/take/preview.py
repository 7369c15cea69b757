"""What a connection would bring, before anything is kept: an inlet that looks, counts and forgets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from steelyard import tabular
from steelyard.catalog.catalog import Catalog
from steelyard.connect.base import QUALITIES, Connection, Ints
from steelyard.connect.registry import connector_of
from steelyard.take.guess import is_shdr, table_of_file


@dataclass
class Seen:
    """One signal as it came in: its type, how many values, the newest with its time (µs UTC) and quality."""

    subject: str
    signal: str
    unit: str = ""
    type: str = ""
    count: int = 0
    newest: str = ""
    at: int = 0
    quality: str = "good"


@dataclass
class Preview:
    """An inlet for ``steelyard connect try``. ``catalog`` tells of which tables files may be."""

    catalog: Catalog
    stopped: threading.Event = field(default_factory=threading.Event)
    position: dict[str, Any] = field(default_factory=dict)
    signals: list[Seen] = field(default_factory=list)
    tables: dict[str, tuple[int, pa.Table]] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    findings: dict[tuple[str, str], str] = field(default_factory=dict)
    why: str = ""
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def look(self, connection: Connection, seconds: float) -> None:
        """Run a connection for so many seconds; what it raises is left in ``why``."""
        connector = connector_of(connection)
        thread = threading.Thread(target=self._run, args=(connector,), daemon=True)
        thread.start()
        end = time.monotonic() + seconds
        while thread.is_alive() and time.monotonic() < end:
            thread.join(0.1)
        self.stopped.set()
        thread.join(5)

    def _run(self, connector: Any) -> None:
        try:
            connector.run(self)
        except Exception as error:  # noqa: BLE001  - shown to who asked
            self.why = f"{type(error).__name__}: {error}"

    def signal(self, subject: str, name: str, unit: str = "") -> int:
        if (subject, name) not in self._numbers:
            self._numbers[subject, name] = len(self.signals)
            self.signals.append(Seen(subject, name, unit))
        return self._numbers[subject, name]

    def keep(self, signals: npt.NDArray[np.int32], at: Ints, value: npt.NDArray[np.float64], *, text: pa.Array | None = None,
             quality: npt.NDArray[np.uint8] | None = None, received: int | None = None, position: dict[str, Any] | None = None,
             then: Callable[[], None] | None = None) -> None:  # fmt: skip
        """Notes the newest value of each signal. ``then`` is not called: nothing was made durable."""
        numbers, counts = np.unique(signals, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            place = int(np.flatnonzero(signals == number)[-1])
            seen = self.signals[number]
            words = text[place].as_py() if text is not None else None
            seen.count += count
            seen.type = "text" if words is not None and np.isnan(value[place]) else "number"
            seen.newest = words if words is not None else f"{value[place]:g}"
            seen.at = int(at[place])
            seen.quality = QUALITIES[int(quality[place])] if quality is not None else "good"

    def rows(self, table: str, rows: pa.Table, *, position: dict[str, Any] | None = None,
             then: Callable[[int, list[str]], None] | None = None) -> None:  # fmt: skip
        before = self.tables.get(table, (0, rows))[0]
        self.tables[table] = (before + rows.num_rows, rows.slice(0, 3))

    def file(self, path: Path, **options: Any) -> None:
        """Notes the table, the rows and the first of them; raises InputError or UsageError as taking it would."""
        if is_shdr(path):
            with path.open("rb") as lines:
                self.tables[f"{path.name} → samples"] = (sum(1 for _ in lines), pa.table({}))
            return
        shape = self.catalog.table(options.get("table") or table_of_file(path, self.catalog.tables))
        raw = tabular.read(path, shape, options.get("sheet"))
        self.tables[f"{path.name} → {shape.name}"] = (raw.columns.num_rows, raw.columns.slice(0, 3))

    def refuse(self, code: str, value: str, count: int = 1, **facts: object) -> None:
        self.refused[code] = (self.refused.get(code, (0, ""))[0] + count, value)

    def online(self, subject: str, at: int | None = None) -> None:
        self.devices[subject] = "online"

    def offline(self, subject: str, reason: str, at: int | None = None) -> None:
        self.devices[subject] = reason

    def heard(self, subject: str, start: int, end: int) -> None:
        self.devices.setdefault(subject, "online")

    def finding(self, subject: str, code: str, text: str) -> None:
        self.findings[subject, code] = text
