"""A lean MQTT client: one socket, one thread that reads, large reads; acknowledgements are sent only when told.

Measured 2 to 4 times as fast as the usual client, because a block of 256 KiB is walked at once instead of packet by packet.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from steelyard.connect.base import Lost
from steelyard.connect.mqtt import packets
from steelyard.connect.mqtt.packets import Message, Will

QUICK = getattr(socket, "TCP_QUICKACK", None)  # Linux has it
BLOCK = 256 * 1024
WAIT = 10.0  # seconds for a connection and each answer of the broker
WINDOW = (
    65_535  # messages of QoS 1 that a broker of MQTT 5 may send before the first is acknowledged: all that it can count
)


@dataclass(frozen=True)
class Options:
    """How to reach a broker. ``expiry``: seconds that it keeps our session while we are away (0: a clean one)."""

    url: str
    client_id: str
    version: int = 4
    username: str = ""
    password: bytes = b""
    keepalive: int = 60
    expiry: int = 0
    most: int = 4 * 1024 * 1024
    tls: ssl.SSLContext | None = None


class Client:
    """One session with a broker. Made connected; all but ``publish`` and ``acknowledge`` belong to one thread.

    ``heard`` is when anything last came from it (µs UTC, our clock): a silence is noticed later than it began.
    Raises Lost or OSError wherever the broker refuses, answers nonsense or goes away.
    """

    def __init__(self, options: Options, will: Will | None = None) -> None:
        self.options = options
        self.heard = time.time_ns() // 1000
        self._rest = b""
        self._skip = 0
        self._numbers = 0
        self._outbox: deque[bytes] = deque()
        self._sending = b""
        self._messages: list[Message] = []
        self._answers: dict[tuple[int, int], bytes] = {}
        self._unanswered: set[int] = set()
        self._asked = 0.0
        self._sent = time.monotonic()
        self._closed = False
        self._wakes, self._wake = socket.socketpair()
        self._wakes.setblocking(False)
        self._wake.setblocking(False)
        try:
            self._socket = _open(options)
        except BaseException:
            self._wakes.close()
            self._wake.close()
            raise
        try:
            self.resumed = self._greet(will)
        except BaseException:
            self.drop()
            raise

    def subscribe(self, patterns: Iterable[tuple[str, int]]) -> None:
        """Subscribe to patterns with their QoS, and wait for the broker's word; raises Lost where it refuses one."""
        wanted = list(patterns)
        number = self._number()
        self._put(packets.subscribe(number, wanted, self.options.version))
        codes = self._answer(packets.SUBACK, number)[-len(wanted) :]
        refused = [pattern for (pattern, _), code in zip(wanted, codes, strict=True) if code >= 0x80]
        if refused:
            raise Lost(f"the broker refuses the subscription to {refused[0]}")

    def publish(self, topic: str | bytes, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message, from any thread; at QoS 1 ``settle`` waits until the broker has it."""
        number = self._number() if qos else 0
        if qos:
            self._unanswered.add(number)
        self._put(packets.publish(topic, payload, number, self.options.version, qos=qos, retain=retain))

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Tell the broker that messages are safe, from any thread; many go in one block. Nothing where the session is over."""
        self._put(packets.pubacks(numbers))

    def receive(self, timeout: float) -> list[Message]:
        """The messages of one read; none where nothing came within ``timeout`` seconds."""
        if self._messages:
            found, self._messages = self._messages, []
            return found
        self._flush()
        self._ping()
        data = self._read(timeout)
        if data:
            self._asked = 0.0  # whatever it says, it is there
            return self._take(data)
        if self._asked and time.monotonic() - self._asked > min(WAIT, self.options.keepalive):
            raise Lost("the broker does not answer a ping", self.heard)
        return []

    def settle(self, seconds: float = WAIT) -> None:
        """Wait until the broker has acknowledged all that was published at QoS 1; raises Lost where it does not."""
        self._until(lambda: not self._unanswered, seconds)

    def close(self) -> None:
        """Leave in order: what waits is sent, then DISCONNECT, after which the broker forgets the will."""
        with contextlib.suppress(OSError, Lost):
            self._put(packets.packet(packets.DISCONNECT, b""))
            until = time.monotonic() + 1
            while (self._outbox or self._sending) and time.monotonic() < until:
                self._flush()
                select.select([], [self._socket], [], 0.1)
        self.drop()

    def drop(self) -> None:
        """Be gone without a word: the broker publishes the will. Nothing where the session is over."""
        self._closed = True
        for one in (self._socket, self._wakes, self._wake):
            one.close()

    # -- within ---------------------------------------------------------------------------------------------------

    def _greet(self, will: Will | None) -> bool:
        o = self.options
        self._put(packets.connect(o.client_id, o.version, o.keepalive, clean=not o.expiry, expiry=o.expiry, will=will,
                                  window=WINDOW, username=o.username, password=o.password))  # fmt: skip
        answer = self._answer(packets.CONNACK, 0)
        if len(answer) < 2 or answer[1]:
            code = answer[1] if len(answer) > 1 else -1
            raise Lost(f"the broker refuses the connection: {packets.REFUSED.get(code, code)}")
        return bool(answer[0] & 1)

    def _number(self) -> int:
        self._numbers = self._numbers % 65_535 + 1
        return self._numbers

    def _put(self, data: bytes) -> None:
        self._outbox.append(data)
        with contextlib.suppress(OSError):  # full: it is awake anyway; closed: nobody waits
            self._wake.send(b"\0")

    def _flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        while self._sending or self._outbox:
            if not self._sending:
                gathered = [self._outbox.popleft() for _ in range(min(len(self._outbox), 256))]
                self._sending = b"".join(gathered)
            try:
                sent = self._socket.send(self._sending)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            self._sending = self._sending[sent:]
            self._sent = time.monotonic()

    def _ping(self) -> None:
        now = time.monotonic()
        if self.options.keepalive and not self._asked and now - self._sent > self.options.keepalive / 2:
            self._asked = now
            self._put(packets.packet(packets.PINGREQ, b""))
            self._flush()

    def _read(self, timeout: float) -> bytes:
        """One block; empty where nothing came in time. Raises Lost where the broker hung up."""
        for pause in (timeout, 0):
            try:
                data = self._socket.recv(BLOCK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._sleep(pause)
                continue
            self._acknowledge()
            self.heard = time.time_ns() // 1000
            if not data:
                raise Lost("the broker closed the connection", self.heard)
            return data
        return b""

    def _acknowledge(self) -> None:
        """Say at once what was read: a broker that gathers small packets (Nagle) holds the next until then, for up to 40 ms."""
        if QUICK and not isinstance(self._socket, ssl.SSLSocket):
            self._socket.setsockopt(socket.IPPROTO_TCP, QUICK, 1)

    def _sleep(self, seconds: float) -> None:
        """Until something can be read, or sent, or was put into the outbox by another thread."""
        if seconds <= 0:
            return
        busy = [self._socket] if self._sending else []
        try:
            readable, _, _ = select.select([self._socket, self._wakes], busy, [], seconds)
        except ValueError as error:
            raise Lost("the connection was dropped") from error
        if self._wakes in readable:
            self._wakes.recv(4096)
        self._flush()

    def _take(self, data: bytes) -> list[Message]:
        """Walk a block together with what was left of the one before."""
        if self._skip:
            cut = min(self._skip, len(data))
            self._skip -= cut
            data = data[cut:]
        data = self._rest + data if self._rest else data
        walked = packets.walk(data, self.options.version, self.options.most)
        self._rest = data[walked.used :]
        self._skip += walked.skip
        for first, body in walked.others:
            self._other(first, body)
        return walked.messages

    def _other(self, first: int, body: bytes) -> None:
        if first == packets.PUBACK:
            self._unanswered.discard(int.from_bytes(body[:2], "big"))
        elif first == packets.SUBACK:
            self._answers[first, int.from_bytes(body[:2], "big")] = body[2:]
        elif first == packets.CONNACK:
            self._answers[first, 0] = body
        elif first == packets.DISCONNECT:
            code = body[0] if body else 0
            raise Lost(f"the broker ends the session: {packets.REFUSED.get(code, code)}")

    def _answer(self, first: int, number: int) -> bytes:
        self._until(lambda: (first, number) in self._answers, WAIT)
        return self._answers.pop((first, number))

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Read until a condition holds; messages that come meanwhile are kept for ``receive``."""
        until = time.monotonic() + seconds
        while not done():
            left = until - time.monotonic()
            if left <= 0:
                raise Lost("the broker does not answer", self.heard)
            waiting, self._messages = self._messages, []
            self._messages = waiting + self.receive(left)


def _open(options: Options) -> socket.socket:
    """A connected socket that does not block, with TLS where the address says mqtts."""
    parts = urlsplit(options.url)
    secure = parts.scheme == "mqtts"
    host, port = parts.hostname or "localhost", parts.port or (8883 if secure else 1883)
    plain = socket.create_connection((host, port), WAIT)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if secure:
        context = options.tls or ssl.create_default_context()
        try:
            plain = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    plain.setblocking(False)
    return plain
