"""A simulated MTConnect agent over HTTP, and the SHDR socket of an adapter, for demos and tests. Standard library only."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from steelyard.model.period import iso

UNAVAILABLE = "UNAVAILABLE"
VERSION = "2.0"
EXECUTION = {
    "Execute": "ACTIVE", "Idle": "READY", "Starting": "READY", "Resetting": "READY", "Clearing": "READY",
    "Completing": "ACTIVE", "Complete": "PROGRAM_COMPLETED", "Holding": "FEED_HOLD", "Held": "FEED_HOLD",
    "Unholding": "FEED_HOLD", "Suspending": "WAIT", "Suspended": "WAIT", "Unsuspending": "WAIT", "Stopping": "STOPPED",
    "Stopped": "STOPPED", "Aborting": "INTERRUPTED", "Aborted": "INTERRUPTED",
}  # fmt: skip
MODE = {"Production": "AUTOMATIC", "Setup": "EDIT"}
JOULES = 3_600_000  # of a kWh; the standard knows energy in watt seconds


@dataclass(frozen=True)
class Datum:
    """A data item of a simulated device."""

    device: str
    id: str
    name: str
    category: str
    type: str
    sub_type: str = ""
    units: str = ""


ITEMS = (
    ("Availability", "EVENT", "AVAILABILITY", "", ""), ("Execution", "EVENT", "EXECUTION", "", ""),
    ("Mode", "EVENT", "CONTROLLER_MODE", "", ""), ("FunctionalMode", "EVENT", "FUNCTIONAL_MODE", "", ""),
    ("PartCount", "EVENT", "PART_COUNT", "ALL", ""), ("GoodCount", "EVENT", "PART_COUNT", "GOOD", ""),
    ("ScrapCount", "EVENT", "PART_COUNT", "BAD", ""), ("Temperature", "SAMPLE", "TEMPERATURE", "", "CELSIUS"),
    ("Energy", "SAMPLE", "ELECTRICAL_ENERGY", "", "WATT_SECOND"), ("Product", "EVENT", "PART_ID", "", ""),
    ("Reason", "EVENT", "MESSAGE", "", ""), ("System", "CONDITION", "SYSTEM", "", ""),
)  # fmt: skip
"""Name, category, type, subtype, units of what each machine of a station has."""


class Book:
    """An agent's buffer: the last observations by sequence, and the current one of each item."""

    def __init__(self, data: Iterable[Datum], size: int) -> None:
        self.data = {datum.id: datum for datum in data}
        self.instance = time.time_ns() // 1000
        self.next = 1
        self.buffer: deque[tuple[int, Datum, str, str]] = deque(maxlen=size)
        self.current: dict[str, tuple[int, Datum, str, str]] = {}
        self.changed = threading.Condition()
        now = iso(time.time_ns() // 1000)
        for key in self.data:
            self.add(key, now, UNAVAILABLE)

    @property
    def first(self) -> int:
        """The oldest sequence that is held."""
        return self.buffer[0][0] if self.buffer else self.next

    def add(self, key: str, stamp: str, text: str) -> None:
        """One observation; of a condition ``LEVEL|code|severity|qualifier|message``."""
        with self.changed:
            told = (self.next, self.data[key], stamp, text)
            self.buffer.append(told)
            self.current[key] = told
            self.next += 1
            self.changed.notify_all()

    def since(self, start: int, count: int) -> tuple[list[tuple[int, Datum, str, str]], int]:
        """Observations from a sequence on, and the sequence after them; raises IndexError out of range."""
        with self.changed:
            if not self.first <= start <= self.next:
                raise IndexError(f"'from' must be between {self.first} and {self.next}")
            skip = start - self.first
            end = min(skip + count, len(self.buffer))
            return list(islice(self.buffer, skip, end)), self.first + end


def streams(book: Book, told: Iterable[tuple[int, Datum, str, str]], following: int) -> str:
    """A streams document."""
    devices: dict[str, dict[str, list[str]]] = {}
    for sequence, datum, stamp, text in told:
        part = {"SAMPLE": "Samples", "EVENT": "Events", "CONDITION": "Condition"}[datum.category]
        devices.setdefault(datum.device, {}).setdefault(part, []).append(_observation(sequence, datum, stamp, text))
    body = "".join(
        f"<DeviceStream name={quoteattr(name)} uuid={quoteattr(name)}><ComponentStream component='Device' "
        f"name={quoteattr(name)} componentId={quoteattr(name)}>"
        + "".join(f"<{part}>{''.join(rows)}</{part}>" for part, rows in parts.items())
        + "</ComponentStream></DeviceStream>"
        for name, parts in devices.items()
    )
    return _document("Streams", book, f"<Streams>{body}</Streams>", following)


def _observation(sequence: int, datum: Datum, stamp: str, text: str) -> str:
    sub_type = f" subType={quoteattr(datum.sub_type)}" if datum.sub_type else ""
    said = f"dataItemId={quoteattr(datum.id)} timestamp='{stamp}' name={quoteattr(datum.name)} sequence='{sequence}'{sub_type}"
    if datum.category != "CONDITION":
        tag = datum.type.title().replace("_", "").split(":")[-1]
        return f"<{tag} {said}>{escape(text)}</{tag}>"
    level, code, severity, qualifier, message = [*text.split("|", 4), "", "", "", ""][:5]
    more = {"nativeCode": code, "nativeSeverity": severity, "qualifier": qualifier}
    marks = "".join(f" {name}={quoteattr(value)}" for name, value in more.items() if value)
    tag = level.title()
    return f"<{tag} {said} type={quoteattr(datum.type)}{marks}>{escape(message)}</{tag}>"


def probe(book: Book) -> str:
    """A devices document."""
    devices: dict[str, list[str]] = {}
    for d in book.data.values():
        more = {"subType": d.sub_type, "units": d.units, "nativeUnits": d.units}
        marks = "".join(f" {name}={quoteattr(value)}" for name, value in more.items() if value)
        item = f"<DataItem id={quoteattr(d.id)} name={quoteattr(d.name)} category='{d.category}' type={quoteattr(d.type)}{marks}/>"
        devices.setdefault(d.device, []).append(item)
    body = "".join(
        f"<Device id={quoteattr(name)} name={quoteattr(name)} uuid={quoteattr(name)}><DataItems>{''.join(items)}</DataItems></Device>"
        for name, items in devices.items()
    )
    return _document("Devices", book, f"<Devices>{body}</Devices>", book.next)


def _document(kind: str, book: Book, body: str, following: int) -> str:
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>\n<MTConnect{kind} xmlns='urn:mtconnect.org:MTConnect{kind}:{VERSION}'>"
        f"<Header creationTime='{iso(time.time_ns() // 1000)}' sender='station' instanceId='{book.instance}' version='{VERSION}' "
        f"bufferSize='{book.buffer.maxlen}' firstSequence='{book.first}' lastSequence='{book.next - 1}' "
        f"nextSequence='{following}'/>{body}</MTConnect{kind}>"
    )


def _error(book: Book, code: str, text: str) -> str:
    return _document("Error", book, f"<Errors><Error errorCode='{code}'>{escape(text)}</Error></Errors>", book.next)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def book(self) -> Book:
        book: Book = self.server.book  # type: ignore[attr-defined]
        return book

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        what = parts.path.rstrip("/").rpartition("/")[2]
        with contextlib.suppress(OSError):
            if what == "sample" and "interval" in query:
                self._stream(query)
            else:
                self._answer(what, query)

    def _answer(self, what: str, query: Mapping[str, str]) -> None:
        book, status = self.book, 200
        if what in ("", "probe"):
            text = probe(book)
        elif what == "current":
            with book.changed:
                text = streams(book, list(book.current.values()), book.next)
        elif what == "sample":
            status, text = self._sample(query)
        else:
            status, text = 404, _error(book, "UNSUPPORTED", f"no {what}")
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _sample(self, query: Mapping[str, str]) -> tuple[int, str]:
        try:
            told, following = self.book.since(int(query.get("from") or self.book.first), int(query.get("count") or 100))
        except IndexError as error:
            return 404, _error(self.book, "OUT_OF_RANGE", str(error))
        return 200, streams(self.book, told, following)

    def _stream(self, query: Mapping[str, str]) -> None:
        boundary = f"mark{self.book.instance}"
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={boundary}")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        book = self.book
        start, count = int(query.get("from") or book.first), int(query.get("count") or 100)
        interval, heartbeat = int(query["interval"]) / 1000, int(query.get("heartbeat") or 10_000) / 1000
        while not self.server.over.is_set():  # type: ignore[attr-defined]
            with book.changed:
                if start == book.next:
                    book.changed.wait(heartbeat)
            try:
                told, following = book.since(start, count)
                text = streams(book, told, following)
            except IndexError as error:
                following, text = -1, _error(book, "OUT_OF_RANGE", str(error))
            body = text.encode()
            self.wfile.write(f"--{boundary}\r\nContent-type: text/xml\r\nContent-length: {len(body)}\r\n\r\n".encode())
            self.wfile.write(body + b"\r\n")
            if following < 0:
                return
            start = following
            time.sleep(interval)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], book: Book) -> None:
        super().__init__(address, _Handler)
        self.book = book
        self.over = threading.Event()
        self._peers: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._peers.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._peers.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away is no error."""

    def cut(self) -> None:
        """Everything at once, as when a machine is switched off."""
        self.over.set()
        self.shutdown()
        self.server_close()
        for peer in list(self._peers):
            reset(peer)


def reset(peer: socket.socket) -> None:
    """Close without a farewell."""
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.shutdown(socket.SHUT_RDWR)


class Agent:
    """A simulated agent of any data items; a new start is a new instance with an empty buffer."""

    def __init__(self, data: Iterable[Datum], port: int, *, host: str = "127.0.0.1", buffer: int = 131_072) -> None:
        self.data, self.port, self.host, self.size = list(data), port, host, buffer
        self.book = Book(self.data, buffer)
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self.book = Book(self.data, self.size)
        self.resume()

    def resume(self) -> None:
        """Listen again with the buffer as it was, as after a broken network."""
        self._server = _Server((self.host, self.port), self.book)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="mtconnect-station").start()

    def stop(self) -> None:
        """Gone at once, with all streams."""
        server, self._server = self._server, None
        if server:
            server.cut()
            with self.book.changed:
                self.book.changed.notify_all()


class Station:
    """Machines as devices of one agent on ``port``; with ``shdr_port`` an adapter tells the same over a socket."""

    def __init__(self, machines: list[str], port: int, *, host: str = "127.0.0.1", buffer: int = 131_072,
                 shdr_port: int = 0) -> None:  # fmt: skip
        self.machines = machines
        data = [Datum(m, f"{m}-{name}", name, *rest) for m in machines for name, *rest in ITEMS]
        self.agent = Agent(data, port, host=host, buffer=buffer)
        self.adapter = AdapterSocket(host, shdr_port) if shdr_port else None
        self._last: dict[str, str] = {}

    def start(self) -> None:
        """Listen; raises OSError where a port is taken. An agent that starts knows nothing until it is told."""
        self._last.clear()
        self.agent.start()
        if self.adapter:
            self.adapter.start()

    def publish(self, machine: str, values: Mapping[str, Any], at: int) -> None:
        """Tell what changed, as agents do; ``at`` in µs UTC by the machine's clock."""
        stamp = iso(at)
        for name, text in {"Availability": "AVAILABLE", **_said(values)}.items():
            key = f"{machine}-{name}"
            if self._last.get(key) == text:
                continue
            self._last[key] = text
            self.agent.book.add(key, stamp, text)
            if self.adapter:
                self.adapter.tell(f"{machine}:{name}", stamp, text)

    def fail(self) -> None:
        """Gone at once; started again it is a new instance."""
        self.agent.stop()
        if self.adapter:
            self.adapter.stop()

    stop = fail


def _said(values: Mapping[str, Any]) -> dict[str, str]:
    """A machine's values in the words of MTConnect."""
    found = {name: str(values[name]) for name in ("PartCount", "GoodCount", "ScrapCount", "Temperature", "Product", "Reason")
             if name in values}  # fmt: skip
    if "Energy" in values:
        found["Energy"] = str(round(float(values["Energy"]) * JOULES))
    if "Mode" in values:
        found["Mode"] = MODE.get(str(values["Mode"]), "MANUAL")
        found["FunctionalMode"] = str(values["Mode"]).upper().replace("MANUAL", "PRODUCTION")
    if "Execution" in values:
        found["Execution"] = EXECUTION.get(str(values["Execution"]), UNAVAILABLE)
        fault = values["Execution"] in ("Aborted", "Aborting")
        found["System"] = f"Fault|{values.get('Reason', '')}||" + "|stopped by a fault" if fault else "Normal||||"
    return found


class AdapterSocket:
    """The socket of an adapter: current values first, then what is told; ``* PING`` is answered with ``* PONG``."""

    def __init__(self, host: str, port: int, *, heartbeat_ms: int = 2000) -> None:
        self.host, self.port, self.heartbeat_ms = host, port, heartbeat_ms
        self._last: dict[str, str] = {}
        self._peers: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self._listener = socket.create_server((self.host, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True, name="shdr-station").start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with self._lock:
                    self._peers.append(peer)
                    with contextlib.suppress(OSError):
                        peer.sendall("".join(self._last.values()).encode())
                threading.Thread(target=self._answer, args=(peer,), daemon=True, name="shdr-station-peer").start()

    def _answer(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := peer.recv(4096):
                for _ in range(data.count(b"* PING")):
                    peer.sendall(f"* PONG {self.heartbeat_ms}\n".encode())

    def tell(self, key: str, stamp: str, text: str) -> None:
        """One value, to all who listen."""
        line = f"{stamp}|{key}|{text}\n"
        with self._lock:
            self._last[key] = line
            for peer in list(self._peers):
                try:
                    peer.sendall(line.encode())
                except OSError:
                    self._peers.remove(peer)

    def stop(self) -> None:
        """Gone at once."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for peer in self._peers:
                reset(peer)
                peer.close()
            self._peers.clear()
