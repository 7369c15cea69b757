"""A Sparkplug edge node for simulated plants: births, data by report of change, a death by will, rebirths when asked.

One edge node; each machine is a device of it. What is published while the connection is down is told afterwards as historical.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import deque
from typing import Any

from steelyard.connect.base import Lost
from steelyard.connect.mqtt.packets import Will
from steelyard.connect.mqtt.wire import Client, Options
from steelyard.connect.sparkplug import values as of
from steelyard.connect.sparkplug.conformance import BDSEQ, REBIRTH
from steelyard.connect.sparkplug.schema import DecodeError, Payload

Value = float | int | str | bool
NAMES = {
    "Execution": "Status/StateCurrent", "Mode": "Status/UnitModeCurrent", "PartCount": "Admin/ProdProcessedCount",
    "ScrapCount": "Admin/ProdDefectiveCount",
}  # fmt: skip
UNITS = {"Temperature": "°C", "Energy": "kWh"}


class Station:
    """Machines behind one edge node. ``keep`` values a machine are stored while it is cut off, and told afterwards."""

    def __init__(self, machines: list[str], port: int, *, host: str = "127.0.0.1", group: str = "plant", edge: str = "edge",
                 keep: int = 10_000, version: int = 4) -> None:  # fmt: skip
        self._url, self._version = f"mqtt://{host}:{port}", version
        self._group, self._edge = group, edge
        self._values: dict[str, dict[str, tuple[Value, int]]] = {machine: {} for machine in machines}
        self._aliases: dict[tuple[str, str], int] = {}
        self._missed: dict[str, deque[tuple[str, Value, int]]] = {machine: deque(maxlen=keep) for machine in machines}
        self._client: Client | None = None
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._bdseq = -1
        self._seq = 0

    def start(self) -> None:
        """Connect and tell the births; again after ``fail``."""
        if self._thread and self._thread.is_alive():
            return
        self._over.clear()
        self._connect()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def publish(self, machine: str, values: dict[str, Value], at: int) -> None:
        """Publish what changed of a machine's values at a time (µs UTC); a new name leads to a new birth."""
        with self._lock:
            held = self._values[machine]
            changed = {name: value for name, value in values.items() if name not in held or held[name][0] != value}
            new = changed.keys() - held.keys()
            held.update({name: (value, at) for name, value in changed.items()})
            if self._client is None:
                self._missed[machine].extend((name, value, at) for name, value in changed.items())
            elif new:
                self._device(machine)
            elif changed:
                self._send("DDATA", machine, [self._metric(machine, name, held[name]) for name in changed])

    def fail(self) -> None:
        """Be gone without a word: the broker publishes the death. ``start`` connects again."""
        self._end()
        if self._client:
            self._client.drop()
            self._client = None

    def stop(self) -> None:
        """Tell the death, and leave in order."""
        self._end()
        with self._lock:
            if self._client:
                with contextlib.suppress(OSError, Lost):
                    self._client.publish(self._topic("NDEATH"), self._death(), qos=1)
                    self._client.settle(2)
                self._client.close()
                self._client = None

    # -- within ---------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join(5)

    def _connect(self) -> None:
        self._bdseq = (self._bdseq + 1) & 255
        client = Client(
            Options(self._url, f"station-{secrets.token_hex(4)}", self._version),
            Will(self._topic("NDEATH"), self._death(), qos=1, retain=False),
        )
        client.subscribe([(self._topic("NCMD"), 1)])
        with self._lock:
            self._client = client
            self._births()
            self._history()

    def _listen(self) -> None:
        """Obey commands; connect again where the broker went away."""
        while not self._over.is_set():
            try:
                if self._client is None:
                    self._connect()
                for message in self._client.receive(0.1) if self._client else ():
                    self._command(message.payload or b"")
            except (Lost, OSError):
                with self._lock:
                    if self._client:
                        self._client.drop()
                    self._client = None
                self._over.wait(0.5)

    def _command(self, payload: bytes) -> None:
        try:
            metrics = Payload.FromString(payload).metrics
        except DecodeError:
            return
        for metric in metrics:
            if metric.name == REBIRTH and metric.boolean_value:
                with self._lock:
                    self._births()

    def _births(self) -> None:
        metrics = [_filled(BDSEQ, self._bdseq, _now()), _filled(REBIRTH, value=False, at=_now())]
        self._seq = 0
        self._send("NBIRTH", "", metrics)
        for machine in self._values:
            self._device(machine)

    def _device(self, machine: str) -> None:
        metrics = []
        for name, (value, at) in self._values[machine].items():
            alias = self._aliases.setdefault((machine, name), len(self._aliases) + 1)
            metric = _filled(NAMES.get(name, name), value, at // 1000)
            metric.alias = alias
            if name in UNITS:
                metric.properties.keys.append("engUnit")
                metric.properties.values.add(type=of.STRING, string_value=UNITS[name])
            metrics.append(metric)
        self._send("DBIRTH", machine, metrics)

    def _history(self) -> None:
        """Tell what was missed, as historical, oldest first."""
        for machine, missed in self._missed.items():
            metrics = []
            for name, value, at in missed:
                metric = self._metric(machine, name, (value, at))
                metric.is_historical = True
                metrics.append(metric)
            missed.clear()
            for start in range(0, len(metrics), 500):
                self._send("DDATA", machine, metrics[start : start + 500])

    def _metric(self, machine: str, name: str, held: tuple[Value, int]) -> Any:
        metric = _filled(name, held[0], held[1] // 1000)
        for field in ("name", "datatype"):
            metric.ClearField(field)
        metric.alias = self._aliases[machine, name]
        return metric

    def _send(self, verb: str, machine: str, metrics: list[Any]) -> None:
        if self._client:
            payload = Payload(timestamp=_now(), metrics=metrics, seq=self._seq)
            self._seq = (self._seq + 1) & 255
            self._client.publish(self._topic(verb, machine), payload.SerializeToString())

    def _death(self) -> bytes:
        payload = Payload(timestamp=_now(), metrics=[_filled(BDSEQ, self._bdseq, _now())])
        done: bytes = payload.SerializeToString()
        return done

    def _topic(self, verb: str, machine: str = "") -> str:
        return f"spBv1.0/{self._group}/{verb}/{self._edge}" + (f"/{machine}" if machine else "")


def _now() -> int:
    return time.time_ns() // 1_000_000


def _filled(name: str, value: Value, at: int) -> Any:
    """A metric with its type; ``at`` in ms."""
    metric = Payload().metrics.add(name=name, timestamp=at)
    if isinstance(value, bool):
        metric.datatype, metric.boolean_value = of.BOOLEAN, value
    elif isinstance(value, int):
        metric.datatype, metric.long_value = of.INT64, value & (2**64 - 1)
    elif isinstance(value, float):
        metric.datatype, metric.double_value = of.DOUBLE, value
    else:
        metric.datatype, metric.string_value = of.STRING, value
    return metric
