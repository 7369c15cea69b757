"""Which connectors there are: our own folders, and those that other packages offer by the entry point ``steelyard.connectors``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

from steelyard.connect.base import Connection, Connector
from steelyard.errors import InputError, UsageError

GROUP = "steelyard.connectors"
HERE = Path(__file__).parent
_FIELDS = {"connector", "url"}


@cache
def manifests() -> dict[str, dict[str, Any]]:
    """The manifest of each of our own connectors, by name."""
    found = {
        path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in HERE.glob("*/manifest.yaml")
    }
    return dict(sorted(found.items()))


def names() -> list[str]:
    """Every connector that can be named."""
    return sorted({*manifests(), *(point.name for point in entry_points(group=GROUP))})


def connection_of(name: str, document: Any, folder: Path) -> Connection:
    """A connection from its document; raises InputError SY601 where ``connector`` or ``url`` are not texts."""
    if not isinstance(document, Mapping):
        raise InputError("SY601", name, field="connector", why="the file is not a mapping of settings")
    for field in sorted(_FIELDS):
        if not isinstance(document.get(field), str):
            raise InputError("SY601", name, field=field, why="missing, or not a text")
    settings = {str(key): value for key, value in document.items() if key not in _FIELDS}
    return Connection(name, document["connector"], document["url"], settings, folder)


def connector_of(connection: Connection) -> Connector:
    """Make the connector of a connection.

    Raises UsageError SY602 where there is none of that name, SY603 where its extra is not installed, and InputError SY601
    where its settings are wrong.
    """
    try:
        made: Connector = _class_of(connection.connector)(connection)
    except ImportError as error:
        extra = manifests().get(connection.connector, {}).get("extra") or connection.connector
        raise UsageError(
            "SY603", connection.name, connector=connection.connector, extra=extra, missing=error.name or str(error)
        ) from error
    return made


def _class_of(name: str) -> Any:
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point.load()
    if name not in manifests():
        raise UsageError("SY602", name=name, known=", ".join(names()))
    return importlib.import_module(f"steelyard.connect.{name}.connector").Connector
