"""The ways to an MTConnect device: an agent over HTTP, an adapter's socket (SHDR); recorded logs are read by ``read_log``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from steelyard.connect.base import Connection, Found, Inlet
from steelyard.connect.mtconnect.log import Log, read_log
from steelyard.errors import InputError

__all__ = ["Connector", "Log", "read_log"]


class Connector:
    """``http(s)://agent:5000[/device]`` or ``shdr://adapter:7878``; raises InputError SY601 where the settings are wrong.

    Raises ImportError for an agent where lxml is not installed; adapters and logs do without.
    """

    def __init__(self, connection: Connection) -> None:
        self._way: Any = _way(connection)

    def run(self, inlet: Inlet) -> None:
        """Follow until stopped; raises Lost when the agent or adapter goes away."""
        self._way.run(inlet)

    def find(self, seconds: float) -> list[Found]:
        """What the agent's probe names, or what an adapter says within so many seconds; raises Lost."""
        found: list[Found] = self._way.find(seconds)
        return found


def _way(connection: Connection) -> Any:
    scheme = urlsplit(connection.url).scheme
    if scheme == "shdr":
        from steelyard.connect.mtconnect.adapter import Adapter  # noqa: PLC0415  - as its brother

        return Adapter(connection)
    if scheme in ("http", "https"):
        from steelyard.connect.mtconnect.agent import Agent  # noqa: PLC0415  - lxml is an extra

        return Agent(connection)
    raise InputError("SY601", connection.name, field="url", why="must be http(s)://agent:5000 or shdr://adapter:7878")
