"""A simulated controller room: one Modbus TCP server, one unit per machine, registers as ``MAP`` says. For demos and tests."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

STATES = (
    "", "Clearing", "Stopped", "Starting", "Idle", "Suspended", "Execute", "Stopping", "Aborting", "Aborted", "Holding",
    "Held", "Unholding", "Suspending", "Unsuspending", "Resetting", "Completing", "Complete",
)  # fmt: skip
"""PackML states by their number as OMAC's implementation guide numbers them."""
MODES = ("", "Production", "Maintenance", "Manual", "Setup")
SIZE = 80
_READ = 3


def _coded(words: Sequence[str]) -> str:
    return ";".join(f"{n}={word}" for n, word in enumerate(words) if word)


MAP: tuple[dict[str, Any], ...] = (
    {"signal": "Execution", "address": 0, "type": "uint16", "words": _coded(STATES)},
    {"signal": "Mode", "address": 1, "type": "uint16", "words": _coded(MODES)},
    {"signal": "PartCount", "address": 2, "type": "uint32"},
    {"signal": "GoodCount", "address": 4, "type": "uint32", "order": "CDAB"},
    {"signal": "ScrapCount", "address": 6, "type": "uint32"},
    {"signal": "Temperature", "address": 8, "type": "int16", "scale": 0.01, "unit": "°C"},
    {"signal": "Energy", "address": 10, "type": "float64", "order": "DCBA", "unit": "kWh"},
    {"signal": "Product", "address": 16, "type": "string 64"},
    {"signal": "Reason", "address": 48, "type": "string 64"},
)
"""Holding registers of each unit; word orders and scales differ, as they do in a plant."""


class Station:
    """Machines as units 1, 2, … of one server on ``port``; ``host`` is all addresses of this machine if empty."""

    def __init__(self, machines: list[str], port: int, *, host: str = "127.0.0.1") -> None:
        self.machines, self.port, self.host = machines, port, host
        self._memory = {n: [0] * SIZE for n in range(1, len(machines) + 1)}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: ModbusTcpServer | None = None
        self._thread: threading.Thread | None = None

    def map(self) -> list[dict[str, Any]]:
        """The register map of all its machines, as ``registers`` of a connection."""
        return [
            {"subject": name, "unit_id": n, **row} for n, name in enumerate(self.machines, 1) for row in MAP
        ]  # fmt: skip

    def start(self) -> None:
        """Listen; raises OSError where the port is taken. What was published before a failure is still there."""
        ready = threading.Event()
        failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, args=(ready, failed), daemon=True, name="modbus-station")
        self._thread.start()
        ready.wait(10)
        if failed or not ready.is_set():
            raise OSError(f"port {self.port}: {failed or 'does not answer'}")

    def _serve(self, ready: threading.Event, failed: list[BaseException]) -> None:
        try:
            asyncio.run(self._listen(ready))
        except (OSError, RuntimeError) as error:
            failed.append(error)
            ready.set()

    async def _listen(self, ready: threading.Event) -> None:
        devices = [
            SimDevice(unit, [SimData(0, values=list(memory), datatype=DataType.REGISTERS)])
            for unit, memory in self._memory.items()
        ]
        self._server = ModbusTcpServer(devices, address=(self.host, self.port))
        self._loop = asyncio.get_running_loop()
        await self._server.serve_forever(background=True)
        ready.set()
        await self._server.serving
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def publish(self, machine: str, values: Mapping[str, Any], at: int) -> None:
        """Write what is given of a machine's values into its registers; ``at`` is lost, as it is with Modbus."""
        unit = self.machines.index(machine) + 1
        memory = self._memory[unit]
        for row in MAP:
            if row["signal"] in values:
                words = _words(row, values[row["signal"]])
                memory[row["address"] : row["address"] + len(words)] = words
        loop, server = self._loop, self._server
        if loop is not None and server is not None:  # all at once, so that nobody reads half of it
            asyncio.run_coroutine_threadsafe(server.async_setValues(unit, _READ, 0, list(memory)), loop).result(10)

    def fail(self) -> None:
        """Gone at once, with all connections."""
        loop, server, thread = self._loop, self._server, self._thread
        self._loop = self._server = self._thread = None
        if loop is None or server is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(server.shutdown(), loop)  # type: ignore[no-untyped-call]
        thread.join(10)

    def stop(self) -> None:
        """The same, in peace: Modbus knows no farewell."""
        self.fail()


def _words(row: Mapping[str, Any], value: Any) -> list[int]:
    """A value as the registers that the map's row names."""
    kind = row["type"]
    if kind.startswith("string"):
        most = int(kind.split()[1])
        data = str(value).encode()[:most].decode("utf-8", "ignore").encode().ljust(most, b"\0")
    elif row["signal"] in ("Execution", "Mode"):
        words = STATES if row["signal"] == "Execution" else MODES
        data = struct.pack(">H", words.index(str(value)) if value in words else 0)
    elif kind == "float64":
        data = struct.pack("<d", float(value))  # DCBA
    elif kind == "int16":
        data = struct.pack(">h", max(-32_768, min(32_767, round(float(value) / row["scale"]))))
    else:
        data = struct.pack(">I", int(value) & 0xFFFFFFFF)
    found = list(struct.unpack(f">{len(data) // 2}H", data))
    return found[::-1] if row.get("order") == "CDAB" else found
