"""Listens for posts and feeds them to the inlet; the listener has a thread of its own, the inlet is fed from ours."""

from __future__ import annotations

from steelyard.connect.base import Connection, Inlet
from steelyard.connect.http.app import app_of
from steelyard.connect.http.feed import Feed
from steelyard.connect.http.server import serving
from steelyard.connect.http.settings import settings_of


class Connector:
    """One listener. Raises InputError SY601, SY660 where the settings do not hold: without a token it does not start."""

    def __init__(self, connection: Connection) -> None:
        self.settings = settings_of(connection)

    def run(self, inlet: Inlet) -> None:
        """Listen until stopped; raises OSError where the port is not free."""
        feed = Feed(self.settings)
        with serving(app_of(self.settings, feed), self.settings):
            feed.run(inlet)
