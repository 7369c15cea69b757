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

    def move(self, numbers: Ints, newest: Ints) -> None:
        """Note newer times of signals (numbers without repetition)."""
        with self._lock:  # a new signal may grow the columns meanwhile
            self.newest[numbers] = np.maximum(self.newest[numbers], newest)

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


def note_newest(connection: sa.Connection, rows: pa.Table) -> None:
    """Keep the newest time of each signal: what is in leaves is known from here on without reading them."""
    newest = rows.select(["subject", "signal", "at"]).group_by(["subject", "signal"]).aggregate([("at", "max")])
    mine = (signals.c.subject == sa.bindparam("of")) & (signals.c.signal == sa.bindparam("named"))
    later = sa.func.max(signals.c.newest, sa.bindparam("at_max"))
    columns = (newest[name].to_pylist() for name in ("subject", "signal", "at_max"))
    connection.execute(signals.update().where(mine).values(newest=later),
                       [dict(zip(("of", "named", "at_max"), one, strict=True)) for one in zip(*columns, strict=True)])  # fmt: skip
