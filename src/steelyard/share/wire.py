"""How another home is asked: over TLS with its key pinned, without redirects, with bounded answers, signed by the home that asks."""

from __future__ import annotations

import json
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from steelyard.errors import InputError
from steelyard.evidence import bundle as sealed
from steelyard.evidence.canonical import plain
from steelyard.evidence.certificate import marks
from steelyard.evidence.seal import fingerprint
from steelyard.share.asking import signed_headers
from steelyard.store.home import Home

MOST_FETCHED = sealed.MOST_BYTES
MOST_SAID = 4 << 20  # bytes of a list or of an acknowledgement
SECONDS = 30.0  # without a byte
LINE_SECONDS = 900.0  # a whole line; what is left comes with the next
BLOCK = 1 << 18


@dataclass(frozen=True)
class Door:
    """Where a home is asked: address, its public key, and SHA-256 marks of its certificate or of that one's key, if not its own.

    ``plain`` allows http to other machines.
    """

    url: str
    key: bytes
    pins: tuple[str, ...] = ()
    plain: bool = False

    def wrong(self) -> str:
        """Why this is no address that is asked; empty where it is one."""
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError as error:
            return str(error)
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            return "https://HOST:PORT"
        if parts.username or parts.password or parts.path not in ("", "/") or parts.query or parts.fragment:
            return "https://HOST:PORT, and nothing else"
        if parts.scheme == "http" and not (self.plain or _loopback(parts.hostname)):
            return "https://HOST:PORT, or plain: true for http without a pinned key"
        return ""


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Line:
    """An open connection to another home; use as a context. Whatever goes wrong is an InputError: SY802, SY803, SY804."""

    def __init__(self, home: Home, door: Door) -> None:
        self.home = home
        self.door = door
        self._to = fingerprint(door.key)
        self._connection = _connection(door)
        self._socket: socket.socket | None = None
        self._until = math.inf
        self._timer = threading.Timer(LINE_SECONDS, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._until = time.monotonic() + LINE_SECONDS
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def _end(self) -> None:
        """Who lets one byte come at a time would hold the line for ever: whoever reads from it sees it end."""
        if one := self._connection.sock or self._socket:
            with suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)

    def get(self, target: str, **headers: str) -> HTTPResponse:
        """The answer to a question, 200 or 206, still to be read."""
        return self._ask("GET", target, None, headers)

    def document(self, target: str) -> dict[str, Any]:
        """A small JSON object."""
        return self._read(self.get(target))

    def post(self, target: str, body: bytes) -> dict[str, Any]:
        """Hand bytes over; the JSON object that acknowledges them."""
        return self._read(self._ask("POST", target, body, {"content-type": "application/zip"}))

    def _ask(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> HTTPResponse:
        if time.monotonic() > self._until:
            raise InputError("SY802", self.door.url, why=f"{LINE_SECONDS:g} s")
        asked = signed_headers(self.home.key, method, target, self._to, self.home.now())
        try:
            self._connection.request(method, target, body, {**headers, **asked})
            self._socket = self._connection.sock  # an answer that ends the connection still reads from it
            answer = self._connection.getresponse()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise InputError("SY802", self.door.url, why=_why(error)) from error
        except InputError:
            self._connection.close()
            raise
        if answer.status not in (200, 206):
            raise self._refusal(answer)
        return answer

    def _read(self, answer: HTTPResponse) -> dict[str, Any]:
        try:
            found = plain(answer.read(MOST_SAID + 1), MOST_SAID)
        except (OSError, HTTPException, ValueError) as error:
            self._connection.close()
            raise InputError("SY802", self.door.url, why=_why(error)) from error
        if not isinstance(found, dict):
            raise InputError("SY804", self.door.url, status=answer.status, why="no JSON object")
        return found

    def _refusal(self, answer: HTTPResponse) -> InputError:
        """What the other home said when it did not do what it was asked; ``said`` is its code."""
        try:
            text = answer.read(1 << 16)
            error = json.loads(text).get("error", {})
            code, why = str(error.get("code", ""))[:8], str(error.get("what", ""))[:300]
        except (OSError, HTTPException, ValueError, AttributeError):
            code, why = "", answer.reason[:100]
        self._connection.close()
        return SaidNoError("SY804", self.door.url, status=answer.status, why=f"{code} {why}".strip(), said=code)

    def blocks(self, answer: HTTPResponse, most: int) -> Iterator[bytes]:
        """The body of an answer, block by block, at most so many bytes."""
        left = most
        try:
            while left > 0 and (block := answer.read(min(BLOCK, left))):
                left -= len(block)
                yield block
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise InputError("SY802", self.door.url, why=_why(error)) from error
        if not answer.isclosed() and answer.read(1):
            self._connection.close()


class SaidNoError(InputError):
    """The other home answered, and said no; ``said`` is the code that it gave."""

    def __init__(self, code: str, where: str, **facts: object) -> None:
        self.said = str(facts.pop("said"))
        self.status = int(str(facts["status"]))
        super().__init__(code, where, **facts)


def _why(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]


def _connection(door: Door) -> HTTPConnection:
    if why := door.wrong():
        raise InputError("SY801", door.url, field="url", why=why)
    parts = urlsplit(door.url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=SECONDS)
    return _Pinned(host, parts.port, door)


class _Pinned(HTTPSConnection):
    """TLS to a home whose key is known; nothing is sent before the certificate was compared."""

    def __init__(self, host: str, port: int | None, door: Door) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False  # the key is pinned instead: no name, and no authority over names, is trusted
        context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=SECONDS, context=context)
        self._door = door

    def connect(self) -> None:
        super().connect()
        seen = marks(self.sock.getpeercert(binary_form=True) or b"")
        known = set(self._door.pins) or {self._door.key.hex()}
        if not known & seen:
            self.close()
            raise InputError("SY803", self._door.url, seen=min(seen, default="-"))


def fetch(address: str) -> bytes:
    """The bytes at an http or https address that a person gave; no redirects, bounded size. Raises InputError."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise InputError("SY421", address, why="only http and https")
    try:
        with build_opener(_NoRedirect).open(Request(address), timeout=30) as answer:  # noqa: S310  - scheme checked above
            data: bytes = answer.read(MOST_FETCHED + 1)
    except HTTPError as error:
        error.close()
        raise InputError("SY421", address, why=str(error)) from error
    except (OSError, ValueError) as error:
        raise InputError("SY421", address, why=str(error)) from error
    if len(data) > MOST_FETCHED:
        raise InputError("SY402", address, bytes=len(data), most=MOST_FETCHED)
    return data


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
