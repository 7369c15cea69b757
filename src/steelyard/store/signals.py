"""The signals that a home has heard, numbered, with the newest source time of each: what tells new values from late ones."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from steelyard.store.ledger import Ledger, signals

NEVER = -(2**62)
Ints = npt.NDArray[np.int64]


class Signals:
    """Numbers of signals by (subject, signal); ``newest`` by number. Asked from many threads, written from one."""

    def __init__(self, ledger: Ledger) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._fresh: list[dict[str, Any]] = []
        self._devices: dict[str, int] = {}
        self.names: list[str] = []
        self.subjects: list[str] = []
        self.newest = np.full(1024, NEVER)
        self.device_of = np.zeros(1024, np.int32)
        self._moved: set[int] = set()
        for row in ledger.all(sa.select(signals).order_by(signals.c.id)):
            self._add(row.subject, row.signal)
            self.newest[row.id] = row.newest

    def number(self, connection: str, subject: str, name: str, unit: str) -> int:
        """The number of a signal, a new one if it was never heard."""
        with self._lock:
            found = self._numbers.get((subject, name))
            if found is None:
                found = self._add(subject, name)
                self._fresh.append({"id": found, "connection": connection, "subject": subject, "signal": name,
                                    "unit": unit, "newest": NEVER})  # fmt: skip
            return found

    def _add(self, subject: str, name: str) -> int:
        number = len(self.names)
        self._numbers[subject, name] = number
        self.names.append(name)
        if subject not in self._devices:
            self._devices[subject] = len(self.subjects)
            self.subjects.append(subject)
        if number >= len(self.newest):
            self.newest = np.concatenate([self.newest, np.full(len(self.newest), NEVER)])
            self.device_of = np.concatenate([self.device_of, np.zeros(len(self.device_of), np.int32)])
        self.device_of[number] = self._devices[subject]
        return number

    def save(self, connection: sa.Connection) -> int:
        """Keep signals heard for the first time; ``saved`` forgets so many of them once that is durable."""
        with self._lock:
            fresh = list(self._fresh)
        if fresh:
            connection.execute(signals.insert(), fresh)
        return len(fresh)

    def saved(self, count: int) -> None:
        """The first ``count`` new signals are durable."""
        with self._lock:
            del self._fresh[:count]

    def save_newest(self, connection: sa.Connection) -> None:
        """Keep the newest times: what is in leaves is known from here on without reading them."""
        moved, self._moved = self._moved, set()
        if moved:
            statement = signals.update().where(signals.c.id == sa.bindparam("number")).values(newest=sa.bindparam("at"))
            connection.execute(statement, [{"number": n, "at": int(self.newest[n])} for n in moved])

    def move(self, numbers: Ints, newest: Ints) -> None:
        """Note newer times of signals (numbers without repetition)."""
        self.newest[numbers] = np.maximum(self.newest[numbers], newest)
        self._moved.update(numbers.tolist())

    def columns(self, numbers: Ints) -> tuple[pa.Array, pa.Array]:
        """Subject and signal of sorted numbers as dictionary arrays that hold only the words in use."""
        firsts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if len(numbers) else np.zeros(0, np.int64)
        used = numbers[firsts]
        places = np.repeat(np.arange(len(used), dtype=np.int32), np.diff(np.append(firsts, len(numbers))))
        devices, of = np.unique(self.device_of[used], return_inverse=True)
        subject = pa.DictionaryArray.from_arrays(
            pa.array(of.astype(np.int32)[places]), pa.array([self.subjects[d] for d in devices], pa.string())
        )
        signal = pa.DictionaryArray.from_arrays(pa.array(places), pa.array([self.names[n] for n in used], pa.string()))
        return subject, signal
