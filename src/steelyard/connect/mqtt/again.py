"""Messages without a time of their own that a broker sends again: told by number and bytes, they get the time of the first."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from steelyard.connect.mqtt.packets import Message

MOST = 1_000  # messages of QoS 1 without a time that are remembered, over restarts too
DUP = 8


class Again:
    """When messages first came (µs UTC, our clock), by their numbers: a broker sends one again under its number, flagged.

    What it kept is committed with the values, so that it is known after a restart which of them were durable.
    """

    def __init__(self, kept: Any = None) -> None:
        self._told: dict[str, list[Any]] = dict(kept) if isinstance(kept, dict) else {}
        self._last = 0

    def at(self, message: Message, now: int) -> tuple[int, bool]:
        """The time of a message, and whether it is certain: not where it was sent again and nobody knows since when."""
        if not message.packet:
            return self._next(now), True
        number, seen = str(message.packet), _print(message)
        before = self._told.get(number)
        if message.flags & DUP and before and before[0] == seen:
            return int(before[1]), True
        at = self._next(now)
        self._told.pop(number, None)
        self._told[number] = [seen, at]
        if len(self._told) > MOST:
            del self._told[next(iter(self._told))]
        return at, not message.flags & DUP

    def kept(self) -> dict[str, list[Any]]:
        """As it is committed."""
        return dict(self._told)

    def _next(self, now: int) -> int:
        """Now; of messages that came in one block each has a time of its own."""
        self._last = max(now, self._last + 1)
        return self._last


def _print(message: Message) -> str:
    return blake2b(message.topic + b"\0" + (message.payload or b""), digest_size=8).hexdigest()
