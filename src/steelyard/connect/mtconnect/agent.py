"""Follows an agent: probe, current, then its stream of samples; after an absence from where it was, out of the agent's buffer."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from steelyard.connect.base import BAD, GOOD, Connection, Found, Inlet, Lost, setting
from steelyard.connect.mtconnect import documents
from steelyard.connect.mtconnect.documents import ASSET_BYTES, Devices, DocumentError, Header, Item, Observations
from steelyard.connect.mtconnect.log import moments
from steelyard.connect.mtconnect.meanings import meaning
from steelyard.connect.mtconnect.multipart import PartError
from steelyard.connect.mtconnect.web import Answer, Web
from steelyard.errors import InputError

MOST_ASSETS = 10_000  # whose latest text is remembered, so that an unchanged one is not told again
_PROBE_AGAIN = 60.0


class Agent:
    """``http(s)://agent:5000``, or ``…/device`` for one device of it; raises InputError SY601."""

    def __init__(self, connection: Connection) -> None:
        self.url, self.name = connection.url, connection.name
        _checked(connection)
        self.interval = _within(connection, "interval_ms", 500, 0, 3_600_000)
        self.count = _within(connection, "count", 1000, 1, 1_000_000)
        self.heartbeat = _within(connection, "heartbeat_ms", 10_000, 100, 600_000)
        self.refresh = float(_within(connection, "refresh_hours", 6, 0, 8_760)) * 3600
        self.assets = float(_within(connection, "assets_every_s", 600, 0, 8_640_000))
        self.timeout = float(_within(connection, "timeout_s", 10, 0.1, 600))
        self.most = int(_within(connection, "most_mib", 32, 1, 1024)) << 20
        self.history = setting(connection, "history", bool, False)
        name = setting(connection, "ca_file", str, "")
        self.trusted = str(connection.folder / name) if name else None

    def web(self, stopped: threading.Event) -> Web:
        """Its way to the agent; raises InputError SY601 where the certificate cannot be read."""
        try:
            return Web(self.url, self.timeout, self.most, self.trusted, stopped)
        except OSError as error:
            raise InputError("SY601", self.name, field="ca_file", why=str(error)) from None

    def run(self, inlet: Inlet) -> None:
        """Follow until stopped; raises Lost."""
        following = Following(self, inlet)
        try:
            following.run()
        except (PartError, DocumentError) as error:
            if inlet.stopped.is_set():
                return
            inlet.finding(following.subject, "SY654", str(error))
            raise Lost(str(error), following.at or None) from error
        except Lost as error:
            if inlet.stopped.is_set():
                return
            raise Lost(str(error), following.at or None) from error

    def find(self, seconds: float) -> list[Found]:
        """What the probe names; raises Lost."""
        web = self.web(threading.Event())
        try:
            known = documents.devices(_good(documents.parse(web.get("probe"))))
        except (PartError, DocumentError) as error:
            raise Lost(str(error)) from error
        return [_found(item) for item in known.items.values()]


def _checked(connection: Connection) -> None:
    try:
        parts = urlsplit(connection.url)
        usable = bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        usable = False
    if not usable:
        raise InputError("SY601", connection.name, field="url", why="must be http(s)://agent:5000 or …/device")


def _within(connection: Connection, name: str, default: float, least: float, most: float) -> Any:
    number = setting(connection, name, (int, float), default)
    if not least <= number <= most:
        raise InputError("SY601", connection.name, field=name, why=f"must lie between {least} and {most}")
    return number


def _found(item: Item) -> Found:
    kind = f"{item.category.lower()} {item.type}" + (f"/{item.sub_type}" if item.sub_type else "")
    return Found(item.subject, item.signal, kind, item.unit, *meaning(item.type, item.sub_type))


class _Gap(Exception):  # noqa: N818  - it is no error of ours
    """The agent began anew, or no longer holds what comes next."""


def _good(root: Any) -> Any:
    """The document, if it tells no errors; raises _Gap or Lost."""
    said = documents.errors(root)
    if any("RANGE" in code.upper() for code, _ in said):  # OUT_OF_RANGE; one agent says MTInvalidRange
        raise _Gap("; ".join(text for _, text in said))
    if said:
        raise Lost("; ".join(f"{code} {text}" for code, text in said))
    return root


class Following:
    """One session with an agent: ``at`` is when it was last heard (µs UTC), ``next`` the sequence to come."""

    def __init__(self, agent: Agent, inlet: Inlet) -> None:
        self.agent, self.inlet = agent, inlet
        self.web = agent.web(inlet.stopped)
        self.known = Devices()
        self.instance, self.next, self.at = "", -1, 0
        self._signals: dict[Item, int] = {}
        self._told_assets: dict[str, int] = {}
        self._behind: tuple[int, int, int] | None = None  # sequence at which a gap is filled, its start, its end
        self._probed = self._refreshed = self._assets_at = 0.0
        self._online: set[str] = set()
        self._missed = False  # the agent called out of range what its header offered
        self._polls = False  # the agent does not stream

    @property
    def subject(self) -> str:
        """The first device, for what concerns the agent as a whole."""
        return next(iter(self.known.subjects.values()), self.agent.name)

    def run(self) -> None:
        """Until stopped; raises Lost, PartError, DocumentError."""
        self._begin()
        while not self.inlet.stopped.is_set():
            try:
                self._follow()
            except _Gap as gap:
                for subject in sorted(self._online):
                    self.inlet.offline(subject, str(gap) or "out of range", self.at)
                self._online.clear()
                self._begin()

    def _ask(self, path: str, **query: object) -> Any:
        root = _good(documents.parse(self.web.get(path, **query)))
        self.at = time.time_ns() // 1000
        return root

    def _probe(self) -> None:
        self._probed = time.monotonic()
        self.known = documents.devices(self._ask("probe"))

    def _begin(self) -> None:
        """Take the current values, and find out from where the agent's buffer can be read on."""
        past = {"instance": self.instance, "next": self.next, "at": self.at} if self.instance else self.inlet.position
        self._probe()
        root = self._ask("current")
        head = _bounds(root)
        self.next = self._choose(head, past)
        self.instance = head.instance
        self._meet()
        self._keep(documents.observations(root, self.known))
        self._caught_up()
        self._refreshed = time.monotonic()
        self._assets_at = 0.0

    def _meet(self) -> None:
        for subject in self.known.subjects.values():
            if subject not in self._online:
                self._online.add(subject)
                self.inlet.online(subject)

    def _choose(self, head: Header, past: dict[str, Any]) -> int:
        """The sequence to go on with: where we were, else the oldest that the agent holds, else what comes next."""
        self._behind = None
        missed, self._missed = self._missed, False
        known, oldest = past.get("instance"), head.first if head.first >= 0 and not missed else head.next
        if known is None:
            return oldest if self.agent.history else head.next
        if known != head.instance:
            self.inlet.finding(self.subject, "SY650", f"instance {known} is now {head.instance}")
        elif head.first <= past["next"] <= head.next and not missed:
            self._behind = (head.next, past["at"], time.time_ns() // 1000)
            return int(past["next"])
        else:
            self.inlet.finding(self.subject, "SY651", f"from sequence {past['next']} to {oldest - 1}")
        return oldest

    def _caught_up(self) -> None:
        """What happened in our absence has all been told."""
        if self._behind and self.next >= self._behind[0]:
            for subject in self.known.subjects.values():
                self.inlet.heard(subject, self._behind[1], self._behind[2])
            self._behind = None

    def _follow(self) -> None:
        """One stream, or question after question where the agent does not stream."""
        if self._polls:
            self._poll()
            return
        query = {"from": self.next, "count": self.agent.count, "interval": self.agent.interval,
                 "heartbeat": self.agent.heartbeat}  # fmt: skip
        patience = max(self.agent.timeout, self.agent.heartbeat * 2.5 / 1000)
        with self.web.open("sample", patience, **query) as answer:
            self._polls = not answer.boundary
            if answer.boundary:
                self._stream(answer)

    def _stream(self, answer: Answer) -> None:
        for body in answer.parts():
            root = documents.parse(body)
            self._missed = bool(documents.errors(root))
            self._document(root)
            self._now_and_then()
            if self.inlet.stopped.is_set():
                return
        if not self.inlet.stopped.is_set():
            raise Lost(f"{self.web.where} ended its stream")

    def _poll(self) -> None:
        """Ask from the last that is known: an agent was seen to tell what comes after ``from`` only, and to call the end out of range."""
        try:
            count = self._document(self._ask("sample", **{"from": max(self.next - 1, 0), "count": self.agent.count}))
        except _Gap:
            head = _bounds(self._ask("current"))
            if (head.instance, head.next) != (self.instance, self.next):
                self._missed = True
                raise
            count = 0
        self._now_and_then()
        if count < self.agent.count - 1:
            self.inlet.stopped.wait(max(self.agent.interval, 100) / 1000)

    def _document(self, root: Any) -> int:
        """Keep what a document of the stream tells; returns how many observations. Raises _Gap, Lost."""
        head = documents.header(_good(root))
        self.at = time.time_ns() // 1000
        if head.instance != self.instance:
            raise _Gap("the agent began anew")
        found = documents.observations(root, self.known, self.next)
        if found.unknown and time.monotonic() - self._probed > _PROBE_AGAIN:
            self._probe()
            self._meet()
            found = documents.observations(root, self.known, self.next)
        following = head.next if head.next >= 0 else documents.last_sequence(root) + 1
        self.next = max(following, self.next)
        self._keep(found)
        self._caught_up()
        return found.count

    def _now_and_then(self) -> None:
        now = time.monotonic()
        if self.agent.refresh and now - self._refreshed >= self.agent.refresh:
            self._refreshed = now
            self._again()
        if self.agent.assets and (not self._assets_at or now - self._assets_at >= self.agent.assets):
            self._assets_at = now
            self._assets()

    def _again(self) -> None:
        """Current values once more: they stand for what has not changed for long."""
        root = self._ask("current")
        if documents.header(root).instance == self.instance:
            self._keep(documents.observations(root, self.known))

    def _keep(self, found: Observations) -> None:
        """Hand over observations and where to go on, in one."""
        if found.assets_changed:
            self._assets_at = 0.0
        position = {"instance": self.instance, "next": self.next, "at": self.at}
        if not found.items:
            return
        at = moments(pa.array(found.stamps, pa.string())) - np.array(found.before, np.int64)
        good = self._usable(found, at)
        signals = np.array([self._signal(item) for item in found.items], np.int32)[good]
        text = pa.array(found.texts, pa.string()).filter(pa.array(good))
        quality = np.where(np.array(found.bad)[good], np.uint8(BAD), np.uint8(GOOD))
        self.inlet.keep(signals, at[good], np.array(found.values)[good], text=text, quality=quality, position=position)

    def _usable(
        self, found: Observations, at: np.ndarray[Any, np.dtype[np.int64]]
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        timed = at >= 0
        long = np.array([text is not None and len(text) > ASSET_BYTES for text in found.texts], bool)
        if not timed.all():
            self.inlet.refuse("SY652", found.stamps[int(np.argmin(timed))], int((~timed).sum()))
        if (timed & long).any():
            name = found.items[int(np.argmax(timed & long))].signal
            self.inlet.refuse("SY653", name, int((timed & long).sum()), most=ASSET_BYTES)
        return np.asarray(timed & ~long, dtype=bool)

    def _signal(self, item: Item) -> int:
        number = self._signals.get(item)
        if number is None:
            number = self._signals[item] = self.inlet.signal(item.subject, item.signal, item.unit)
        return number

    def _assets(self) -> None:
        """Assets that are new or changed. An agent that knows none says so as an error, which is no harm."""
        try:
            root = documents.parse(self.web.get("/assets", count=MOST_ASSETS))
        except (PartError, DocumentError) as error:
            self.inlet.finding(self.subject, "SY654", f"assets: {error}")
            return
        found = Observations()
        for asset in documents.assets(root):
            print_ = hash((asset.stamp, asset.text))
            if self._told_assets.get(asset.id) == print_:
                continue
            if len(self._told_assets) >= MOST_ASSETS:
                self._told_assets.clear()
            self._told_assets[asset.id] = print_
            subject = self.known.subjects.get(asset.device) or self.subject
            found.add(Item(subject, f"asset {asset.id}", type="ASSET"), asset.stamp, np.nan, asset.text)
        self._keep(found)


def _bounds(root: Any) -> Header:
    """The header of ``current``; where it does not say so, what comes next follows the highest sequence."""
    head = documents.header(root)
    return head if head.next >= 0 else Header(head.instance, head.first, documents.last_sequence(root) + 1)
