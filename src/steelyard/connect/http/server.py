"""uvicorn in a thread of its own, on a socket that is bound before, with patience that ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from steelyard.connect.http.settings import Settings
from steelyard.errors import InputError

HEADER_BYTES = 16 * 1024
HEADER_SECONDS = 10.0
KEPT_SECONDS = 15
MOST_CONNECTIONS = 512
CLOSING_SECONDS = 5


class Patient(H11Protocol):
    """Closes a connection that takes longer than ``HEADER_SECONDS`` to say what it wants; uvicorn itself would wait."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection stands: its time begins."""
        super().connection_made(transport)
        self._idle = 0
        self._asked = self.loop.call_later(HEADER_SECONDS / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection is gone."""
        self._asked.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Twice found without a request under way, it is closed."""
        busy = self.cycle is not None and not self.cycle.response_complete
        self._idle = 0 if busy else self._idle + 1
        if self._idle > 2:
            self.transport.close()
        else:
            self._asked = self.loop.call_later(HEADER_SECONDS / 2, self._look)


@contextmanager
def serving(app: Any, settings: Settings) -> Iterator[None]:
    """Listens until the block ends; raises OSError where the port is not free, InputError SY601 on bad certificates."""
    config = uvicorn.Config(
        app, http=Patient, ws="none", loop="asyncio", lifespan="off", log_config=None, log_level="critical",
        access_log=False, server_header=False, timeout_keep_alive=KEPT_SECONDS, limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=CLOSING_SECONDS, h11_max_incomplete_event_size=HEADER_BYTES, proxy_headers=False,
        ssl_certfile=settings.certificate, ssl_keyfile=settings.key,
    )  # fmt: skip
    _load(config, settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.create_server((settings.host, settings.port), family=family, backlog=MOST_CONNECTIONS) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name=f"http {settings.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(CLOSING_SECONDS + 5)


def _load(config: uvicorn.Config, settings: Settings) -> None:
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        raise InputError("SY601", settings.name, field="certificate, key", why=str(error)) from None
