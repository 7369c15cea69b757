"""Homes for requests: a few open ones, lent to one thread at a time."""

from __future__ import annotations

from contextlib import contextmanager
from queue import LifoQueue
from typing import TYPE_CHECKING

from steelyard.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Homes:
    """One home folder, opened at most ``most`` times at once; a request beyond that waits its turn."""

    def __init__(self, path: Path, opener: Callable[[Path], Home] | None = None, most: int = 2) -> None:
        self.path = path
        self._open = opener or Home.open
        self._free: LifoQueue[Home | None] = LifoQueue()
        for _ in range(most):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[Home]:
        """An open home for this thread alone, until the block ends."""
        home = self._free.get()
        try:
            home = home or self._open(self.path)
            yield home
        finally:
            self._free.put(home)

    def close(self) -> None:
        """Close every home that rests here."""
        while not self._free.empty():
            if home := self._free.get():
                home.close()
