"""Watches a folder: what lies still is handed over once. Nothing in it is moved, altered or deleted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from steelyard.connect.base import Connection, Inlet, Lost, setting
from steelyard.connect.files.folder import Seen, seen
from steelyard.errors import HomeError, InputError, SteelyardError, explain

MOST_KEPT = 20_000
"""Files that the position remembers, the newest; an older one is hashed once more after a restart, and found taken."""
COMMIT_SECONDS = 5
OPTIONS = ("table", "subject", "mapping", "sheet", "grade")


class Connector:
    """One folder. Raises InputError SY601 where the settings do not hold."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.folder = _folder(connection)
        given = setting(connection, "pattern", (str, list), [])
        self.patterns = [given] if isinstance(given, str) else [str(one) for one in given]
        self.recursive = setting(connection, "recursive", bool, False)
        self.settle = float(setting(connection, "settle_seconds", (int, float), 5))
        self.every = float(setting(connection, "every_seconds", (int, float), 10))
        kinds = {name: (int, str) if name == "sheet" else str for name in OPTIONS}
        asked = {name: setting(connection, name, kind, None) for name, kind in kinds.items()}
        self.options = {name: value for name, value in asked.items() if value is not None}

    def run(self, inlet: Inlet) -> None:
        """Look, and look again every so many seconds; raises Lost where the folder is not there."""
        done = Done.read(inlet.position, self.options)
        still: dict[str, tuple[tuple[int, int], float]] = {}
        while not inlet.stopped.is_set():
            try:
                found = list(seen(
                    self.folder, self.patterns, recursive=self.recursive,
                    leads_out=lambda name: inlet.finding(name, "SY678", explain("SY678").what(facts={"value": name})),
                ))  # fmt: skip
            except OSError as error:
                raise Lost(f"{self.folder}: {error.strerror or error}") from None
            self._look(found, done, still, inlet)
            inlet.stopped.wait(min(self.every, max(0.05, self.settle)) if still else self.every)

    def _look(
        self, found: list[Seen], done: Done, still: dict[str, tuple[tuple[int, int], float]], inlet: Inlet
    ) -> None:
        """Take what is new and lies still; what is gone is forgotten, but for its digest."""
        done.only({file.name for file in found})
        waiting = [file for file in found if not done.knows(file)]
        for name in set(still) - {file.name for file in waiting}:
            del still[name]
        for file in waiting:
            if inlet.stopped.is_set():
                break
            if self._lies_still(file, still):
                still.pop(file.name, None)
                self._take(file, done, inlet)
                done.commit(inlet, now=False)
        done.commit(inlet, now=True)

    def _lies_still(self, file: Seen, still: dict[str, tuple[tuple[int, int], float]]) -> bool:
        """Whether size and time stayed what they were for so long by our own clock; the file's time may be anything."""
        state, since = still.get(file.name, (None, 0.0))
        if state != file.state:
            still[file.name] = file.state, time.monotonic()
            return self.settle <= 0
        return time.monotonic() - since >= self.settle

    def _take(self, file: Seen, done: Done, inlet: Inlet) -> None:
        """Hand one file over, unless its bytes were before; what cannot be read is told and waits for other bytes."""
        if not file.named:  # nothing can be kept under such a name: once it is renamed, it is another file
            inlet.finding(file.name, "SY644", explain("SY644").what(facts={"value": file.name}))
            inlet.refuse("SY644", file.name)
            done.put(file, f"name {file.name}", taken=False)
            return
        try:
            digest = _digest(file.path)
            taken = done.outcome(digest)
            done.put(file, digest, taken=self._handed(file, inlet) if taken is None else taken)
        except OSError as error:  # rights or a share that is away: no matter of its bytes, so it is asked again
            reason = error.strerror or str(error)
            inlet.finding(file.name, "SY679", explain("SY679").what(facts={"value": reason}))

    def _handed(self, file: Seen, inlet: Inlet) -> bool:
        try:
            inlet.file(file.path, **self.options)
        except HomeError:
            raise
        except SteelyardError as error:
            facts: dict[str, Any] = {k: v for k, v in error.facts.items() if k not in ("code", "value", "count")}
            inlet.finding(file.name, error.code, error.say())
            inlet.refuse(error.code, file.name, **facts)
            return False
        return True


class Done:
    """What was handed over already: by name, size and time at a glance; by digest where that does not tell."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = {name: options[name] for name in sorted(options)}
        self.files: dict[str, tuple[int, int, str, bool]] = {}
        self.gone: dict[str, None] = {}
        self._changed = False
        self._committed = time.monotonic()
        self._outcomes: dict[str, bool] = {}

    @classmethod
    def read(cls, position: dict[str, Any], options: Mapping[str, Any]) -> Done:
        """From a position. With other settings, what was refused is tried again: they may have been the cause."""
        done = cls(options)
        same = position.get("options") == done.options
        for name, (size, changed, digest, taken) in position.get("files", {}).items():
            if taken or same:
                done.files[name] = size, changed, digest, taken
        done.gone = dict.fromkeys(position.get("gone", []))
        done._outcomes = {digest: taken for *_, digest, taken in done.files.values()}
        return done

    def position(self) -> dict[str, Any]:
        """The same as JSON, the newest files only."""
        newest = sorted(self.files.items(), key=lambda item: item[1][1])[-MOST_KEPT:]
        return {"options": self.options, "files": {name: list(kept) for name, kept in newest}, "gone": list(self.gone)}

    def knows(self, file: Seen) -> bool:
        """Whether nothing about a file differs from when it was done."""
        return file.name in self.files and self.files[file.name][:2] == file.state

    def outcome(self, digest: str) -> bool | None:
        """Whether these bytes were taken or refused, under whatever name; None where they were never seen."""
        return True if digest in self.gone else self._outcomes.get(digest)

    def put(self, file: Seen, digest: str, *, taken: bool) -> None:
        """Note what became of a file."""
        if before := self.files.get(file.name):
            self._leave(before)
        self.files[file.name] = (*file.state, digest, taken)
        self._outcomes[digest] = taken
        self._changed = True

    def only(self, names: set[str]) -> None:
        """Forget the names that are gone; the digests of what was taken stay, as many as there is room for."""
        for name in set(self.files) - names:
            self._leave(self.files.pop(name))
            self._changed = True

    def _leave(self, kept: tuple[int, int, str, bool]) -> None:
        """The bytes of a name that is gone or was written anew; the same bytes may still lie there under another."""
        *_, digest, taken = kept
        self._outcomes.pop(digest, None)
        if taken:
            self.gone[digest] = None
        while len(self.gone) > MOST_KEPT:
            del self.gone[next(iter(self.gone))]

    def commit(self, inlet: Inlet, *, now: bool) -> None:
        """Commit the position, at the end of a look or after some seconds of a long one."""
        if self._changed and (now or time.monotonic() - self._committed > COMMIT_SECONDS):
            none = np.array([], np.int64)
            inlet.keep(none.astype(np.int32), none, none.astype(np.float64), position=self.position())
            self._changed, self._committed = False, time.monotonic()


def _folder(connection: Connection) -> Path:
    """From ``file:///path``, or a path relative to the home."""
    if connection.url.startswith("file:"):
        parts = urlsplit(connection.url)
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise InputError("SY601", connection.name, field="url", why="file:///FOLDER")
        return Path(unquote(parts.path))
    if not connection.url or "://" in connection.url:
        raise InputError("SY601", connection.name, field="url", why="file:///FOLDER")
    return connection.folder / connection.url


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
