"""The files ``subscriptions/*.yaml`` and ``deliveries/*.yaml`` of a home: from whom it hears how and when, and to whom it pushes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.catalog.catalog import read_yaml
from steelyard.errors import InputError
from steelyard.evidence.seal import fingerprint
from steelyard.model.period import EACH, Period, parse
from steelyard.share.wire import Door
from steelyard.store.home import Home

MOST_DAYS = 3660


@dataclass(frozen=True)
class Source:
    """A home that is heard: its public key (empty where only the subject is known), what it is called, and which subject it is."""

    key: bytes
    name: str
    subject: str

    @property
    def home(self) -> str:
        """The home's id; empty where its key is not known."""
        return fingerprint(self.key) if self.key else ""


@dataclass(frozen=True)
class Expectation:
    """Which measures are expected each month, quarter, ..., so many days after its end, for periods that begin at ``since`` or later.

    ``subjects`` are whose they are, where not the source's own.
    """

    measures: tuple[str, ...]
    every: str
    due_days: float
    since: int
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subscription:
    """From whom (named sources, a roster, or all that are trusted), which offers, how (a door, a folder, or pushed), what is expected.

    ``ask_seconds`` is how often a running ``serve`` asks.
    """

    name: str
    sources: tuple[Source, ...]
    roster: str
    trusted: bool
    door: Door | None
    folder: Path | None
    offers: tuple[str, ...]
    expects: tuple[Expectation, ...]
    ask_seconds: float


@dataclass(frozen=True)
class Delivery:
    """To whom the outbox is pushed: the receiver's door, its name, and which offers (none: all that are for it)."""

    name: str
    to: str
    door: Door
    offers: tuple[str, ...]
    ask_seconds: float


def subscriptions(home: Home) -> list[Subscription]:
    """All subscriptions by name; raises InputError SY801 on the first file that is wrong."""
    return [read_subscription(home, path) for path in files(home, "subscriptions")]


def deliveries(home: Home) -> list[Delivery]:
    """All deliveries by name; raises InputError SY801 on the first file that is wrong."""
    return [read_delivery(path) for path in files(home, "deliveries")]


def files(home: Home, folder: str) -> list[Path]:
    """The files of a folder of the home, by name."""
    return sorted((home.path / folder).glob("*.yaml"))


def read_subscription(home: Home, path: Path) -> Subscription:
    """One file. Raises InputError SY801, SY221."""
    said = _Said(path, read_yaml(path))
    said.only("from", "url", "folder", "pushed", "pin", "plain", "offer", "expect", "ask_minutes")
    sources, roster, trusted = _from(said)
    ways = [way for way in ("url", "folder", "pushed") if said.get(way)]
    if len(ways) != 1:
        raise said.wrong("url, folder, pushed", "one of them")
    door = None
    if ways == ["url"]:
        if len(sources) != 1 or not sources[0].key:
            raise said.wrong("from", "of an address: one home, with its key")
        door = _door(said, sources[0].key)
    folder = home.path / said.text("folder") if ways == ["folder"] else None
    expects = tuple(_expectation(_Said(path, one, "expect"), home) for one in said.several("expect"))
    return Subscription(path.stem, sources, roster, trusted, door, folder, _offers(said), expects, _ask(said))


def read_delivery(path: Path) -> Delivery:
    """One file. Raises InputError SY801, SY221."""
    said = _Said(path, read_yaml(path))
    said.only("to", "url", "pin", "plain", "offer", "ask_minutes")
    to = _source(_Said(path, said.get("to"), "to"))
    if not to.key:
        raise said.wrong("to", "key is missing")
    return Delivery(path.stem, to.home, _door(said, to.key), _offers(said), _ask(said))


class _Said:
    """A mapping of a file, and how to complain of it."""

    def __init__(self, path: Path, found: Any, part: str = "") -> None:
        self.path = path
        self.part = part
        if not isinstance(found, dict):
            raise self.wrong("", "a mapping is expected")
        self._found = found

    def wrong(self, field: str, why: str) -> InputError:
        name = ".".join(filter(None, (self.part, field))) or self.path.stem
        return InputError("SY801", str(self.path), field=name, why=why)

    def only(self, *known: str) -> None:
        if unknown := set(map(str, self._found)) - set(known):
            raise self.wrong(min(unknown), f"known are {', '.join(known)}")

    def get(self, name: str) -> Any:
        return self._found.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        found = self._found.get(name, default)
        if not isinstance(found, str | int) or isinstance(found, bool) or (default is None and not str(found).strip()):
            raise self.wrong(name, "a text is expected")
        return str(found).strip()

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._found.get(name)
        many = found if isinstance(found, list) else [] if found is None else [found]
        if not all(isinstance(one, str | int) and str(one).strip() for one in many):
            raise self.wrong(name, "a text or a list of texts is expected")
        return tuple(str(one).strip() for one in many)

    def several(self, name: str) -> list[Any]:
        found = self._found.get(name) or []
        return found if isinstance(found, list) else [found]

    def number(self, name: str, default: float, fits: Callable[[float], bool]) -> float:
        found = self._found.get(name, default)
        if not isinstance(found, int | float) or isinstance(found, bool) or not fits(found):
            raise self.wrong(name, "a number that makes sense is expected")
        return float(found)


def _from(said: _Said) -> tuple[tuple[Source, ...], str, bool]:
    found = said.get("from")
    if found == "trusted":
        return (), "", True
    if isinstance(found, dict) and "roster" in found:
        roster = _Said(said.path, found, "from")
        roster.only("roster")
        return (), roster.text("roster"), False
    many = said.several("from")
    if not many:
        raise said.wrong("from", "a home with its key, a list of them, {roster: LIST}, or trusted")
    return tuple(_source(_Said(said.path, one, "from")) for one in many), "", False


def _source(said: _Said) -> Source:
    said.only("key", "name", "subject")
    key = said.text("key", "")
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b"?"
    if key and len(public) != 32:
        raise said.wrong("key", "64 hex digits, as steelyard share key prints them")
    subject = said.text("subject", "")
    if not (public or subject):
        raise said.wrong("key, subject", "one of them")
    return Source(public, said.text("name", subject), subject)


def _door(said: _Said, key: bytes) -> Door:
    pins = tuple(pin.lower().replace(":", "") for pin in said.texts("pin"))
    if any(len(pin) != 64 or not set(pin) <= set("0123456789abcdef") for pin in pins):
        raise said.wrong("pin", "SHA-256 of the certificate or of its public key, 64 hex digits")
    plain = said.get("plain") or False
    if not isinstance(plain, bool):
        raise said.wrong("plain", "true or false")
    door = Door(said.text("url"), key, pins, plain)
    if why := door.wrong():
        raise said.wrong("url", why)
    return door


def _offers(said: _Said) -> tuple[str, ...]:
    offers = said.texts("offer")
    if any(not is_offer(offer) for offer in offers):
        raise said.wrong("offer", "12 hex digits, as steelyard share offers lists them")
    return offers


def is_offer(name: str) -> bool:
    """Whether a text has the shape of an offer's id."""
    return len(name) == 12 and set(name) <= set("0123456789abcdef")


def _ask(said: _Said) -> float:
    return 60 * said.number("ask_minutes", 10, lambda minutes: 0 < minutes <= 60 * 24 * 31)


def _expectation(said: _Said, home: Home) -> Expectation:
    said.only("measures", "every", "due_days", "since", "subjects")
    measures = said.texts("measures")
    every = said.text("every", "month")
    if not measures:
        raise said.wrong("measures", "at least one; a * at the end matches any rest")
    if every not in EACH:
        raise said.wrong("every", ", ".join(EACH))
    due = said.number("due_days", 10, lambda days: 0 <= days <= MOST_DAYS)
    since = said.get("since")
    return Expectation(measures, every, due, _since(said, str(since), home) if since else 0, said.texts("subjects"))


def _since(said: _Said, text: str, home: Home) -> int:
    try:
        found: Period = parse(text, home.zone)
    except ValueError as error:
        raise said.wrong("since", str(error)) from None
    return found.start
