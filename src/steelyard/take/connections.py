"""The files ``connections/*.yaml`` and ``bindings/*.yaml`` of a home."""

from __future__ import annotations

from pathlib import Path

from steelyard.catalog.catalog import read_yaml
from steelyard.connect.base import Connection
from steelyard.connect.registry import connection_of
from steelyard.store.home import Home


def connections(home: Home) -> list[Connection]:
    """All connections of a home by name; raises InputError on the first file that is wrong."""
    return [read_connection(path) for path in sorted((home.path / "connections").glob("*.yaml"))]


def read_connection(path: Path) -> Connection:
    """One connection from its file below a home; files that it names are looked for from the home. Raises InputError."""
    folder = path.resolve().parent
    return connection_of(path.stem, read_yaml(path), folder.parent if folder.name == "connections" else folder)
