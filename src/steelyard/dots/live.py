"""A plant, live: connections are followed, and what new leaves touch is weighed anew every so often."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from steelyard.errors import SteelyardError
from steelyard.store.home import Home
from steelyard.take import bind
from steelyard.take.follow import Follow
from steelyard.weigh.again import again

WEIGH_SECONDS = 60.0


class Live:
    """Use as a context: connections run and Figures follow until it ends."""

    def __init__(self, path: Path, names: Sequence[str] = (), every_seconds: float = WEIGH_SECONDS) -> None:
        self.follow = Follow(path, names)
        self.every_seconds = every_seconds
        self.failed = ""
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
        """Weigh in turns; a formula that fails is shown and does not stop the taking."""
        with Home.open(self._path) as home:
            while not self._stopped.wait(self.every_seconds):
                try:
                    bind(home)
                    again(home)
                    self.failed = ""
                except SteelyardError as error:
                    self.failed = str(error)
