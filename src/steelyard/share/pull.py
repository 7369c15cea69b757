"""Pull: fetch new bundles from the homes that offered them, or from a folder, and keep those that hold.

Addresses come from the home's own subscriptions alone; names are built here from an offer and a number, never taken from an answer.
What is fetched rests in ``inbox/`` under its SHA-256 until it is kept: a download that broke off goes on where it ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from steelyard.errors import InputError, UsageError
from steelyard.evidence.bundle import MOST_BYTES
from steelyard.share import listening
from steelyard.share.outbox import digest_of, name_of
from steelyard.share.receive import Received, receive_many
from steelyard.share.subscriptions import Subscription, is_offer, subscriptions
from steelyard.share.unkept import settled
from steelyard.share.wire import Line
from steelyard.store.home import Home
from steelyard.store.ledger import bundles
from steelyard.store.lock import Lock

LINES = 8
"""So many homes are asked at once."""
MOST_TAKEN = 4 << 30  # bytes that one subscription may bring in one pull; the rest comes with the next
STALE_SECONDS = 7 * 86_400
WAIT_SECONDS = 60.0


@dataclass
class Pulled:
    """What a subscription came to: bundles kept with their Figures, those here already, those refused (where, error), why it failed."""

    name: str
    kept: int = 0
    figures: int = 0
    repeated: int = 0
    refused: list[InputError] = field(default_factory=list)
    why: str = ""


@dataclass(frozen=True)
class _Found:
    """A bundle's file, where it came from, and whether it is ours to delete."""

    path: Path
    where: str
    spooled: bool


def pull(home: Home, names: Sequence[str] = ()) -> list[Pulled]:
    """Pull by all subscriptions with an address or a folder, or by those named; what each came to.

    Raises UsageError SY807 for a name that there is not, SY808 where another process pulls for long; InputError SY801 where a file is
    wrong.
    """
    found = subscriptions(home)
    if unknown := set(names) - {one.name for one in found}:
        raise UsageError("SY807", name=min(unknown), folder=str(home.path / "subscriptions"))
    return pull_by(home, [one for one in found if not names or one.name in names], again=True)


def pull_by(home: Home, chosen: Sequence[Subscription], *, again: bool) -> list[Pulled]:
    """Pull by some subscriptions; ``again`` fetches once more what was refused the last time."""
    chosen = [one for one in chosen if one.door or one.folder]
    pulled = {one.name: Pulled(one.name) for one in chosen}
    with _Held(home):
        _tidy(home)
        _keep(home, _collect(home, chosen, pulled, again=again), pulled)
    for one in chosen:
        listening.note(home, f"subscriptions/{one.name}", pulled[one.name].why, one.ask_seconds)
    return list(pulled.values())


class _Held:
    """One process pulls at a time."""

    def __init__(self, home: Home) -> None:
        self._lock = Lock(home.path / "pull.lock")

    def __enter__(self) -> None:
        until = time.monotonic() + WAIT_SECONDS
        while not self._lock.take():
            if time.monotonic() > until:
                raise UsageError("SY808", str(self._lock.path.parent))
            time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self._lock.give()


def _tidy(home: Home) -> None:
    """Delete what was fetched in part and then asked for no more."""
    box = home.path / "inbox"
    box.mkdir(exist_ok=True)
    before = time.time() - STALE_SECONDS
    for path in box.iterdir():
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _collect(
    home: Home, chosen: Sequence[Subscription], pulled: dict[str, Pulled], *, again: bool
) -> list[tuple[str, _Found]]:
    """The files of new bundles, with the subscription that each came by."""
    home.key  # noqa: B018  - read once, before threads ask for it
    out: list[tuple[str, _Found]] = []

    def ask(one: Subscription) -> list[_Found]:
        found: list[_Found] = []
        try:
            for each in (
                _of_door(home, one, again=again) if one.door else _of_folder(home, one, pulled[one.name], again=again)
            ):
                found.append(each)  # noqa: PERF402  - what came before a fault is kept
        except InputError as error:
            pulled[one.name].why = str(error)
        except OSError as error:
            pulled[one.name].why = f"{type(error).__name__}: {error}"
        return found

    with ThreadPoolExecutor(LINES) as lines:
        for one, found in zip(chosen, lines.map(ask, chosen), strict=True):
            out += [(one.name, each) for each in found]
    return out


def _keep(home: Home, found: Sequence[tuple[str, _Found]], pulled: dict[str, Pulled]) -> None:
    """Keep what holds, batch by batch; a bundle that two subscriptions brought is read once and counted for both."""
    read: list[tuple[str, _Found]] = []

    def bundles_read() -> Iterator[tuple[str, bytes]]:
        for name, each in found:
            try:
                data = each.path.read_bytes()
            except OSError as error:  # a stick that was drawn
                pulled[name].why = f"{type(error).__name__}: {error}"
                continue
            read.append((name, each))
            yield each.where, data

    outcomes = receive_many(home, bundles_read())
    for (name, each), outcome in zip(read, outcomes, strict=True):
        count(pulled[name], outcome)
        if each.spooled:
            each.path.unlink(missing_ok=True)


def count(pulled: Pulled, outcome: Received | InputError) -> None:
    """Add what one bundle came to."""
    if isinstance(outcome, InputError):
        pulled.refused.append(outcome)
    elif outcome.already:
        pulled.repeated += 1
    else:
        pulled.kept += 1
        pulled.figures += outcome.figures


# over a line


def _of_door(home: Home, one: Subscription, *, again: bool) -> Iterator[_Found]:
    """Fetch what is new at an address, the oldest first."""
    if one.door is None:
        return
    left = MOST_TAKEN
    with Line(home, one.door) as line:
        for offer in one.offers or _offers(line):
            for number, size, digest in _new(home, line, one, offer, again=again):
                left -= size
                if left < 0:
                    return
                yield _fetched(home, line, offer, number, size, digest)


def _offers(line: Line) -> list[str]:
    said = line.document("/share/offers").get("offers")
    found = [one.get("id") for one in said if isinstance(one, dict)] if isinstance(said, list) else [None]
    if not all(isinstance(one, str) and is_offer(one) for one in found):
        raise InputError("SY809", line.door.url, why="offers")
    return [str(one) for one in found]


def _new(home: Home, line: Line, one: Subscription, offer: str, *, again: bool) -> Iterator[tuple[int, int, bytes]]:
    """Number, size and SHA-256 of the bundles of an offer that are not here yet."""
    after = _last(home, one.sources[0].home, offer)
    while True:
        said = line.document(f"/share/offers/{offer}?after={after}")
        page = _page(said, after, line.door.url)
        done = settled(home.ledger, [digest for _, _, digest in page], again=again)
        yield from (entry for entry in page if entry[2] not in done)
        if not page or said.get("more") is not True:
            return
        after = page[-1][0]


def _page(said: dict[str, Any], after: int, where: str) -> list[tuple[int, int, bytes]]:
    """A list of bundles as another home says it; raises InputError SY809 where it is none."""
    out = []
    try:
        for entry in said["bundles"]:
            number, size, digest = entry["number"], entry["bytes"], bytes.fromhex(entry["sha256"])
            if type(number) is not int or type(size) is not int or len(digest) != 32 or not after < number < 10**10:
                raise InputError("SY809", where, why=f"{number!r:.40}")
            if not 0 < size <= MOST_BYTES:
                raise InputError("SY402", where, bytes=size, most=MOST_BYTES)
            out.append((number, size, digest))
            after = number
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("SY809", where, why=str(error)[:100]) from error
    return out


def _last(home: Home, provider: str, offer: str) -> int:
    """The greatest number that was kept of an offer: what is older would be refused."""
    query = sa.select(sa.func.max(bundles.c.number).label("last")).where(
        bundles.c.provider == provider, bundles.c.offer == offer
    )
    return int(home.ledger.one(query).last or 0)


def _fetched(home: Home, line: Line, offer: str, number: int, size: int, digest: bytes) -> _Found:
    """The file of a bundle, fetched from where the last try broke off. Raises InputError SY810 where it is not what the list said."""
    name = name_of(offer, number)
    where = f"{line.door.url}/share/bundles/{name}"
    whole = home.path / "inbox" / f"{digest.hex()}.steelyard"
    if whole.is_file():
        return _Found(whole, where, spooled=True)
    partial = whole.with_suffix(".partial")
    here = partial.stat().st_size if partial.is_file() else 0
    if here < size:
        ask = {"range": f"bytes={here}-"} if here else {}
        answer = line.get(f"/share/bundles/{name}", **ask)
        goes_on = answer.status == 206 and answer.headers.get("content-range", "").startswith(f"bytes {here}-")
        with partial.open("ab" if goes_on else "wb") as out:
            for block in line.blocks(answer, size - (here if goes_on else 0)):
                out.write(block)
    if partial.stat().st_size < size:
        raise InputError("SY802", where, why=f"{partial.stat().st_size} / {size} B")
    if partial.stat().st_size > size or digest_of(partial) != digest:
        partial.unlink()
        raise InputError("SY810", where)
    partial.replace(whole)
    return _Found(whole, where, spooled=True)


# from a folder


def _of_folder(home: Home, one: Subscription, pulled: Pulled, *, again: bool) -> Iterable[_Found]:
    """The bundles in a folder that were not taken yet; they stay there. Raises InputError SY811 where there is no such folder."""
    if one.folder is None or not one.folder.is_dir():
        raise InputError("SY811", str(one.folder))
    paths = [path for path in sorted(one.folder.glob("*.steelyard")) if path.is_file() and not path.is_symlink()]
    large = {path for path in paths if path.stat().st_size > MOST_BYTES}
    pulled.refused += [
        InputError("SY402", str(path), bytes=path.stat().st_size, most=MOST_BYTES) for path in sorted(large)
    ]
    digests = {path: digest_of(path) for path in paths if path not in large}
    done = settled(home.ledger, list(digests.values()), again=again)
    return [_Found(path, str(path), spooled=False) for path, digest in digests.items() if digest not in done]
