"""One reading of a database by its connector, for tests."""

from __future__ import annotations

import json
from pathlib import Path

from inlet import Recorder

from steelyard.connect.base import Connection
from steelyard.connect.sql import Connector


def connector(url: str, folder: Path = Path(), **given) -> Connector:
    return Connector(Connection("mes", "sql", url, {"every_seconds": 0.05, **given}, folder))


def read(url: str, inlet: Recorder, folder: Path = Path(), **given) -> list[tuple]:
    """One reading; the rows that came of it, as tuples."""
    before = len(inlet.tables)
    made = connector(url, folder, **given)
    once(made, inlet)
    return [tuple(row.values()) for _, rows in inlet.tables[before:] for row in rows.to_pylist()]


def once(made: Connector, inlet: Recorder) -> None:
    class Once:
        def wait(self, seconds):
            self.over = True

        over = False

        def is_set(self):
            return self.over

    inlet.stopped = Once()
    made.run(inlet)
    json.dumps(inlet.position)
