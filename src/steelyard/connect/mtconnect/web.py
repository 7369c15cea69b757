"""HTTP as an agent's reader needs it, of the standard library: bounded answers, and streams that end when we are stopped."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, urlencode, urlsplit

from steelyard.connect.base import Lost
from steelyard.connect.mtconnect.multipart import PartError, Parts, boundary_of

PIECE = 1 << 16
_HEADERS = {"Accept": "text/xml, application/xml, multipart/x-mixed-replace", "User-Agent": "steelyard"}


class Answer:
    """An answer that is being read: a whole document, or the documents of a stream."""

    def __init__(self, response: http.client.HTTPResponse, most: int) -> None:
        self._response = response
        self._most = most
        self.boundary = boundary_of(response.headers.get("Content-Type", ""))

    def whole(self) -> bytes:
        """All of it; raises PartError where it is longer than allowed."""
        data = self._response.read(self._most + 1)
        if len(data) > self._most:
            raise PartError(f"a document longer than {self._most} bytes")
        if self._response.length:
            raise http.client.IncompleteRead(data, self._response.length)
        return data

    def parts(self) -> Iterator[bytes]:
        """The parts as they come, until the agent ends it; raises PartError."""
        parts = Parts(self.boundary, self._most)
        while not parts.ended and (data := self._response.read1(PIECE)):
            yield from parts.feed(data)


class Web:
    """Asks an agent. Each request has a connection of its own, so that an answer left half read spoils no other."""

    def __init__(self, url: str, timeout: float, most: int, trusted: str | None, stopped: threading.Event) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._base = parts.path.rstrip("/")
        self._tls = ssl.create_default_context(cafile=trusted) if parts.scheme == "https" else None
        self._timeout, self._most, self._stopped = timeout, most, stopped
        self.where = f"{parts.hostname}:{parts.port or ''}"

    def get(self, path: str, **query: object) -> bytes:
        """A whole answer, whatever its status: an agent tells its errors as documents. Raises Lost, PartError."""
        with self.open(path, self._timeout, **query) as answer:
            return answer.whole()

    @contextmanager
    def open(self, path: str, timeout: float, **query: object) -> Iterator[Answer]:
        """An answer to read; a silence of ``timeout`` seconds, and being stopped, end it. Raises Lost."""
        connection = self._connection(timeout)
        done = threading.Event()
        try:
            connection.request("GET", self._target(path, query), headers=_HEADERS)
            wire = connection.sock  # the connection forgets it when the answer is to close it
            threading.Thread(target=self._cut, args=(wire, done), daemon=True, name="mtconnect-cut").start()
            yield Answer(connection.getresponse(), self._most)
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"{self.where}{self._target(path, {})}: {type(error).__name__} {error}".strip()) from error
        finally:
            done.set()
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _target(self, path: str, query: dict[str, object]) -> str:
        base = "" if path.startswith("/") else self._base + "/"
        return quote(base + path, safe="/%") + ("?" + urlencode(query) if query else "")

    def _cut(self, wire: socket.socket, done: threading.Event) -> None:
        """A read that waits for the agent ends when we are stopped."""
        while not done.wait(0.1):
            if self._stopped.is_set():
                with suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)
                return
