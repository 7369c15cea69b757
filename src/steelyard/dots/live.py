"""A plant, live: connections are followed, and what new leaves touch is weighed anew every so often."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from steelyard.store.home import Home
from steelyard.take import bind
from steelyard.take.follow import Follow
from steelyard.weigh.again import again, note_fault

FIRST_SECONDS, WEIGH_SECONDS = 15.0, 60.0


class Live:
    """Use as a context: connections run and Figures follow until it ends."""

    def __init__(self, path: Path, names: Sequence[str] = (), every_seconds: float = WEIGH_SECONDS) -> None:
        self.follow = Follow(path, names)
        self.every_seconds = every_seconds
        self._path = path
        self._stopped = threading.Event()
        self._weigher = threading.Thread(target=self._weigh_on, name="weigher", daemon=True)

    def __enter__(self) -> Self:
        self.follow.__enter__()
        self._weigher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._weigher.join(60)
        self.follow.__exit__()

    def _weigh_on(self) -> None:
        """Weigh in turns; what fails is kept for people to see, stops neither the taking nor the next turn."""
        with Home.open(self._path) as home:
            pause = min(FIRST_SECONDS, self.every_seconds)
            while not self._stopped.wait(pause):
                pause = self.every_seconds
                try:
                    bind(home)
                    again(home)
                    why = ""
                except Exception as error:  # noqa: BLE001  - a locked ledger, a full disk: the next turn may find it well
                    why = str(error) or type(error).__name__
                with suppress(Exception):
                    note_fault(home, why)
