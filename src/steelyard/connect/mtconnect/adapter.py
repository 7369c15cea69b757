"""Follows an adapter: its socket speaks the lines of SHDR, and a heartbeat if it knows one."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
import time
from urllib.parse import urlsplit

import numpy as np
import pyarrow.compute as pc

from steelyard.connect.base import BAD, GOOD, Connection, Found, Inlet, Lost, setting
from steelyard.connect.mtconnect.lines import LINE_BYTES, gather
from steelyard.connect.mtconnect.log import rows_of, times
from steelyard.connect.mtconnect.meanings import meaning
from steelyard.errors import InputError
from steelyard.model.period import iso

PORT = 7878
PIECE = 1 << 18
_PONG = re.compile(r"(?mi)^\*[ \t]*PONG(?:[ \t]+(\d{1,7}))?")
_OPENED = re.compile(r"\|(--multiline--\S*)[ \t\r]*$")
_USUAL = {"execution": "EXECUTION", "mode": "CONTROLLER_MODE", "avail": "AVAILABILITY", "availability": "AVAILABILITY",
          "partcount": "PART_COUNT", "part_count": "PART_COUNT"}  # fmt: skip


class Adapter:
    """``shdr://host:7878``; raises InputError SY601."""

    def __init__(self, connection: Connection) -> None:
        try:
            parts = urlsplit(connection.url)
            self.host, self.port = parts.hostname or "", parts.port or PORT
        except ValueError as error:
            raise InputError("SY601", connection.name, field="url", why=str(error)) from None
        if not self.host:
            raise InputError("SY601", connection.name, field="url", why="must be shdr://host:port")
        self.subject = setting(connection, "subject", str, connection.name)
        self.heartbeat = setting(connection, "heartbeat_ms", (int, float), 10_000) / 1000
        self.timeout = setting(connection, "timeout_s", (int, float), 10)
        if not 0.1 <= self.heartbeat <= 600 or not 0.1 <= self.timeout <= 600:
            raise InputError("SY601", connection.name, field="heartbeat_ms", why="must lie between 100 and 600000")

    def run(self, inlet: Inlet) -> None:
        """Follow until stopped; raises Lost."""
        with self._connected() as wire:
            Session(self, wire, inlet).run()

    def _connected(self) -> socket.socket:
        try:
            wire = socket.create_connection((self.host, self.port), self.timeout)
        except OSError as error:
            raise Lost(f"{self.host}:{self.port}: {error}") from error
        # an adapter without a heartbeat that is switched off says nothing: the network stack asks for it
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
        return wire

    def find(self, seconds: float) -> list[Found]:
        """What it says within so many seconds; meanings are guessed from the usual names. Raises Lost."""
        listener = _Listener()
        timer = threading.Timer(seconds, listener.stopped.set)
        timer.start()
        try:
            with contextlib.suppress(Lost):
                self.run(listener)
        finally:
            timer.cancel()
        return [
            Found(subject, name, "shdr", unit, *meaning(_USUAL.get(name.lower(), ""), ""))
            for subject, name, unit in listener.names
        ]


class _Listener:
    """An inlet that only remembers names."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.position: dict[str, object] = {}
        self.names: list[tuple[str, str, str]] = []

    def signal(self, subject: str, name: str, unit: str = "") -> int:
        self.names.append((subject, name, unit))
        return len(self.names) - 1

    def keep(self, *_: object, **__: object) -> None:
        """Not kept."""

    rows = file = refuse = online = offline = heard = finding = keep


class Session:
    """One connection with an adapter."""

    def __init__(self, adapter: Adapter, wire: socket.socket, inlet: Inlet) -> None:
        self.adapter, self.wire, self.inlet = adapter, wire, inlet
        self.at = time.time_ns() // 1000
        self._signals: dict[str, int] = {}
        self._subjects: set[str] = set()
        self._rest = b""
        self._skipping = False
        self._held: list[str] = []
        self._beat: float | None = None  # seconds, as the adapter says it
        self._asked = self._life = time.monotonic()

    def run(self) -> None:
        """Until stopped; raises Lost."""
        self._send(b"* PING\n")
        while not self.inlet.stopped.is_set():
            data = self._receive()
            if data:
                self.feed(data)
            self._pulse()

    def _receive(self) -> bytes:
        """What has come within a fifth of a second; raises Lost at the end."""
        try:
            if not select.select([self.wire], [], [], 0.2)[0]:
                return b""
            data = self.wire.recv(PIECE)
        except OSError as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("the adapter closed the connection")
        self.at, self._life = time.time_ns() // 1000, time.monotonic()
        return data

    def _pulse(self) -> None:
        now = time.monotonic()
        if self._beat and now - self._life > 2 * self._beat + 0.5:
            raise self._lost(f"no heartbeat for {now - self._life:.1f} s")
        if now - self._asked >= (self._beat or self.adapter.heartbeat):
            self._asked = now
            self._send(b"* PING\n")

    def _send(self, data: bytes) -> None:
        try:
            self.wire.sendall(data)
        except OSError as error:
            raise self._lost(str(error)) from error

    def _lost(self, why: str) -> Lost:
        return Lost(f"{self.adapter.host}:{self.adapter.port}: {why}", self.at)

    def feed(self, data: bytes) -> None:
        """Bytes as they come: whole lines are kept, the last that is not whole waits."""
        whole, newline, rest = (self._rest + data).rpartition(b"\n")
        if self._skipping and newline:
            whole, self._skipping = whole.partition(b"\n")[2], False
        self._rest = rest
        if len(rest) > LINE_BYTES:
            if not self._skipping:
                self.inlet.refuse("SY342", rest[:200].decode("utf-8", "replace"), most=LINE_BYTES)
            self._rest, self._skipping = b"", True
        if whole:
            self._lines(_decoded(whole))

    def _lines(self, text: str) -> None:
        for pong in _PONG.finditer(text):
            self._beat = max(int(pong[1]), 100) / 1000 if pong[1] else self.adapter.heartbeat
        lines = [*self._held, *text.split("\n")]
        self._held = _open_end(lines)
        lines = lines[: len(lines) - len(self._held)]
        now = time.time_ns() // 1000
        stamp = iso(now)
        self._keep("\n".join(stamp + line if line.startswith("|") else line for line in lines), now)

    def _keep(self, text: str, now: int) -> None:
        found = gather(text)
        at, timed = times(found, now)
        for refusal in found.refused:
            self.inlet.refuse(refusal.code, refusal.value, 1, **refusal.facts)
        rows = rows_of(found, at, timed, self.adapter.subject)
        if not rows.num_rows:
            return
        keys = rows["signal"].combine_chunks().dictionary_encode()
        numbers = np.array([self._signal(key) for key in keys.dictionary.to_pylist()], np.int32)
        gone = pc.equal(rows["quality"], "unavailable").to_numpy()
        value = pc.fill_null(rows["value"], np.nan).to_numpy()
        self.inlet.keep(numbers[keys.indices.to_numpy()], rows["at"].to_numpy(), value, text=rows["text"].combine_chunks(),
                        quality=np.where(gone, np.uint8(BAD), np.uint8(GOOD)))  # fmt: skip

    def _signal(self, key: str) -> int:
        """``device:name`` is a signal of that device, as agents have it."""
        if key not in self._signals:
            device, _, name = key.rpartition(":") if not key.startswith("@") else ("", "", key)
            subject = device or self.adapter.subject
            self._meet(subject)
            self._signals[key] = self.inlet.signal(subject, name)
        return self._signals[key]

    def _meet(self, subject: str) -> None:
        if subject not in self._subjects:
            self._subjects.add(subject)
            self.inlet.online(subject)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _open_end(lines: list[str]) -> list[str]:
    """The lines from an asset on that is not closed yet, unless it has grown too long ever to be."""
    closed = len(lines)
    at = 0
    while at < len(lines):
        opened = _OPENED.search(lines[at])
        if not opened:
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == opened[1]), None)
        if end is None:
            closed = at if sum(map(len, lines[at:])) <= LINE_BYTES else closed
            break
        at = end + 1
    return lines[closed:]
