"""OPC UA: a connection's reading, in a loop and a thread of its own, and what its server offers."""

from __future__ import annotations

import asyncio
import logging
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from asyncua.ua.uaerrors import UaError

from steelyard.connect.base import Connection, Found, Inlet, Lost
from steelyard.connect.opcua.companion import propose
from steelyard.connect.opcua.items import Item, browse_all
from steelyard.connect.opcua.reading import Memory, Reading
from steelyard.connect.opcua.relay import Relay
from steelyard.connect.opcua.session import opened
from steelyard.connect.opcua.settings import read_settings
from steelyard.connect.opcua.types import Types, describe


class Connector:
    """Reads one OPC UA server. Raises InputError SY601 where its settings are not what it needs."""

    def __init__(self, connection: Connection) -> None:
        self.settings = read_settings(connection)
        self.memory = Memory()
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what goes wrong is told as Lost or as a finding

    def run(self, inlet: Inlet) -> None:
        """Read until stopped. Raises Lost, OSError or TimeoutError when the server is lost, InputError SY630-SY632,
        SY639 where it does not let us in.
        """
        self.memory.recall(inlet.position)
        relay = Relay()
        thread = threading.Thread(target=self._work, args=(relay,), name="opcua", daemon=True)
        thread.start()
        relay.serve(inlet, thread)

    def _work(self, relay: Relay) -> None:
        """The loop's thread."""
        try:
            asyncio.run(self._attached(relay))
        except asyncio.CancelledError:
            relay.end(None)
        except BaseException as error:  # noqa: BLE001  - raised again in the connector's thread
            relay.end(error)
        else:
            relay.end(None)

    async def _attached(self, relay: Relay) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop() -> None:
            if not loop.is_closed() and task is not None:
                loop.call_soon_threadsafe(task.cancel)

        relay.attach(stop)
        await self._read(relay)

    async def _read(self, relay: Relay) -> None:
        with _telling():
            async with opened(self.settings) as session:
                await Reading(session, self.settings, relay, self.memory).run()

    def find(self, seconds: float) -> list[Found]:
        """All variables under Objects, with what companion specifications say of them, within so many seconds."""
        return propose(asyncio.run(asyncio.wait_for(self._browse(), seconds)))

    async def _browse(self) -> list[Item]:
        with _telling():
            async with opened(self.settings) as session:
                items, _ = await browse_all(session, self.settings)
                return await describe(session, items, Types())


@contextmanager
def _telling() -> Iterator[None]:
    """What asyncua raises, as what the runner understands."""
    try:
        yield
    except (UaError, struct.error) as error:
        raise Lost(f"{type(error).__name__}: {error}") from error
