"""MQTT 3.1.1 and 5 as bytes: packets made, and a stream of them walked. Pure: no socket, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from steelyard.connect.base import Lost

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90
PINGREQ, PINGRESP, DISCONNECT = 0xC0, 0xD0, 0xE0
_FROM_BROKER = {CONNACK, PUBACK, SUBACK, 0xB0, PINGRESP, DISCONNECT, 0xF0}
LONGEST = 268_435_455  # what four bytes of remaining length can say
REFUSED = {
    1: "protocol version not supported", 2: "client id refused", 3: "broker unavailable", 4: "wrong user or password",
    5: "not authorised", 0x84: "protocol version not supported", 0x85: "client id refused",
    0x86: "wrong user or password", 0x87: "not authorised", 0x88: "broker unavailable", 0x89: "broker busy",
    0x8A: "banned", 0x8E: "another client took over this client id", 0x95: "packet too large",
}  # fmt: skip


class Message(NamedTuple):
    """One PUBLISH: ``payload`` is None where it was longer than the limit; ``flags`` its first byte; ``packet`` 0 at QoS 0."""

    topic: bytes
    payload: bytes | None
    flags: int
    packet: int

    @property
    def qos(self) -> int:
        return self.flags >> 1 & 3

    @property
    def retained(self) -> bool:
        return bool(self.flags & 1)


class Will(NamedTuple):
    """What the broker publishes for us when we are gone without a word."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Walked(NamedTuple):
    """What a block held: messages, other packets (first byte, body), the bytes used, and bytes to drop that are still to come."""

    messages: list[Message]
    others: list[tuple[int, bytes]]
    used: int
    skip: int


def length(n: int) -> bytes:
    """A variable byte integer."""
    made = bytearray()
    while True:
        n, low = divmod(n, 128)
        made.append(low | 0x80 if n else low)
        if not n:
            return bytes(made)


def text(value: str | bytes) -> bytes:
    """A string or bytes with their two-byte length."""
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + length(len(body)) + body


def connect(client_id: str, version: int, keepalive: int, *, clean: bool = True, expiry: int = 0, window: int = 0,
            will: Will | None = None, username: str = "", password: bytes = b"") -> bytes:  # fmt: skip
    """The first packet. In version 5 only: ``expiry`` in seconds, ``window``: how many messages we take before the first of
    them is acknowledged; both left out where they are 0.
    """
    flags = (0x02 if clean else 0) | (0x80 if username else 0) | (0x40 if password else 0)
    five = version == 5
    payload = text(client_id)
    if will:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += (b"\0" if five else b"") + text(will.topic) + text(will.payload)
    payload += (text(username) if username else b"") + (text(password) if password else b"")
    properties = b"\x11" + expiry.to_bytes(4, "big") if expiry else b""
    properties += b"\x21" + window.to_bytes(2, "big") if window else b""
    head = text("MQTT") + bytes((version, flags)) + keepalive.to_bytes(2, "big")
    return packet(CONNECT, head + (length(len(properties)) + properties if five else b"") + payload)


def publish(
    topic: str | bytes, payload: bytes, number: int, version: int, *, qos: int = 0, retain: bool = False
) -> bytes:
    """A message to the broker; ``number`` counts at QoS 1 only."""
    head = text(topic) + (number.to_bytes(2, "big") if qos else b"") + (b"\0" if version == 5 else b"")
    return packet(PUBLISH | qos << 1 | retain, head + payload)


def subscribe(number: int, patterns: Iterable[tuple[str, int]], version: int) -> bytes:
    """Ask for messages on patterns, each with its QoS."""
    wanted = b"".join(text(pattern) + bytes((qos,)) for pattern, qos in patterns)
    return packet(SUBSCRIBE, number.to_bytes(2, "big") + (b"\0" if version == 5 else b"") + wanted)


def pubacks(numbers: Iterable[int]) -> bytes:
    """Acknowledgements of many messages, in one block."""
    return b"".join(b"\x40\x02" + number.to_bytes(2, "big") for number in numbers)


def variable(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and the place after it; -1 where it is not all there. Raises Lost where it is longer than four bytes."""
    value = shift = 0
    for place in range(at, min(at + 4, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 128:
            return value, place + 1
        shift += 7
    if len(data) - at >= 4:
        raise Lost("malformed packet: its length is longer than four bytes")
    return -1, at


def walk(data: bytes, version: int, most: int) -> Walked:  # noqa: C901, PLR0912  - the hot loop of all that comes in: one frame, no calls
    """All whole packets in ``data``. Messages longer than ``most`` bytes come without payload. Raises Lost on malformed ones."""
    messages: list[Message] = []
    others: list[tuple[int, bytes]] = []
    keep = messages.append
    i, end, five, skip = 0, len(data), version == 5, 0
    while end - i >= 2:
        first, n, j = data[i], data[i + 1], i + 2
        if n > 127:
            n, j = variable(data, i + 1)
            if n < 0:
                break
        stop = j + n
        if stop > end and n <= most:
            break
        if first & 0xF0 == PUBLISH:
            if n > most:
                found = _head(data, j, n, first)
                if found is None:
                    break
                keep(found)
                skip = max(0, stop - end)
                i = min(stop, end)
                continue
            k = cut = j + 2 + (data[j] << 8 | data[j + 1] if n >= 2 else n)
            number = 0
            if first & 6:
                if first & 4 or k + 2 > stop:
                    raise Lost("malformed packet: a message of QoS 2 that was not asked for, or one cut short")
                number = data[k] << 8 | data[k + 1]
                k += 2
            if five:
                size, k = variable(data, k) if k < stop else (0, stop + 1)
                k += size
            if k > stop:
                raise Lost("malformed packet: a topic or properties longer than the message")
            keep(Message(data[j + 2 : cut], data[k:stop], first, number))
        elif first & 0xF0 in _FROM_BROKER and n <= most:
            others.append((first & 0xF0, data[j:stop]))
        else:
            raise Lost(f"malformed packet: first byte {first:#x}, {n} bytes")
        i = stop
    return Walked(messages, others, i, skip)


def _head(data: bytes, j: int, n: int, first: int) -> Message | None:
    """Topic and number of a message that is too long to be read; None while they are not all there."""
    if len(data) < j + 2:
        return None
    k = j + 2 + (data[j] << 8 | data[j + 1])
    last = k + 2 if first & 6 else k
    if last > j + n:
        raise Lost("malformed packet: a topic longer than the message")
    if len(data) < last:
        return None
    return Message(data[j + 2 : k], None, first, (data[k] << 8 | data[k + 1]) if first & 6 else 0)
