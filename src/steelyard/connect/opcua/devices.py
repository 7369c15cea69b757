"""Devices behind a server: each is there while the session stands and not all its values say that it cannot be reached."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from steelyard.connect.opcua.columns import Handles
from steelyard.connect.opcua.relay import Call, Relay

AWAY = np.array(
    [StatusCodes.BadNoCommunication, StatusCodes.BadNotConnected, StatusCodes.BadCommunicationError,
     StatusCodes.BadDeviceFailure, StatusCodes.BadServerNotConnected, StatusCodes.UncertainNoCommunicationLastUsableValue],
    np.uint32,
)  # fmt: skip


class Devices:
    """Which items belong to which subject, and which subjects are away. ``handles``: by subject."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.handles: dict[str, list[int]] = {}
        self.away: set[str] = set()
        self._subjects: list[str] = []
        self._absent: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._here: set[str] = set()

    def add(self, subjects: Iterable[str]) -> None:
        """Further items, in the order of their handles, each with its subject."""
        for subject in subjects:
            self.handles.setdefault(subject, []).append(len(self._subjects))
            self._subjects.append(subject)
        self._absent = np.concatenate([self._absent, np.zeros(len(self._subjects) - len(self._absent), bool)])

    def here(self, subjects: Iterable[str]) -> None:
        """The session with these devices stands."""
        for subject in sorted(set(subjects) - self._here):
            self._here.add(subject)
            self.relay.put(_online(subject))

    def look(self, handles: Handles, status: Handles) -> None:
        """Learn from status codes which devices a server can no longer reach, and which it can again."""
        codes = status & np.uint32(0xFFFF0000)
        self._absent[handles] = np.isin(codes, AWAY)
        for subject in {self._subjects[handle] for handle in np.unique(handles).tolist()}:
            absent = bool(self._absent[self.handles[subject]].all())
            if absent and subject not in self.away:
                self.away.add(subject)
                self._leave(subject, ua.StatusCode(ua.UInt32(int(codes[-1]))).name)
            elif not absent and subject in self.away:
                self.away.discard(subject)
                self.here([subject])

    def gone(self, reason: str, heard: int | None) -> None:
        """The session is over since the server was last heard (µs UTC, now if None): so is every device."""
        for subject in sorted(self._here):
            self._leave(subject, reason, heard)

    def _leave(self, subject: str, reason: str, at: int | None = None) -> None:
        if subject in self._here:
            self._here.discard(subject)
            self.relay.put(_offline(subject, reason, at))


def _online(subject: str) -> Call:
    return lambda inlet: inlet.online(subject)


def _offline(subject: str, reason: str, at: int | None) -> Call:
    return lambda inlet: inlet.offline(subject, reason, at)
