"""Registers a second of the Modbus connector over loopback, against the loop that one would write with pymodbus.

Peer: a pymodbus server in a process of its own, with one register block of 50,000. Both sides read all of it as 25,000
float32 with words turned round (CDAB), in requests of at most 125 registers, one at a time over one connection. The rival
calls ``read_holding_registers`` and converts value by value with ``convert_from_registers``; it hands nothing over, while the
connector also gives each value its signal and time. A server by others (modbus-serial, node.js) is read too, where it is
installed: it answers each request after a timer of about 1 ms, so that it sets the pace whoever asks.
Target: 200,000.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from common import peak_mib, say

from steelyard.connect.base import Connection
from steelyard.connect.modbus.connector import Connector

PEERS = Path(__file__).resolve().parents[1] / "tests" / "peers"
REGISTERS = 50_000
ONE = 124  # registers of one request: a float is never cut in two


class Counting:
    """An inlet that counts values and throws them away."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.position: dict[str, Any] = {}
        self.values = 0
        self._signals = 0

    def signal(self, *_: str) -> int:
        self._signals += 1
        return self._signals

    def keep(self, signals: Any, *_: Any, **__: Any) -> None:
        self.values += len(signals)

    def online(self, subject: str, at: int | None = None) -> None:
        """Not counted."""

    def offline(self, subject: str, reason: str, at: int | None = None) -> None:
        """Not counted."""

    def finding(self, subject: str, code: str, text: str) -> None:
        """That the raster of 10 ms cannot be kept is meant."""


def serve(port: int) -> None:
    """The peer: a pymodbus server until it is killed."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def main() -> None:
        data = SimData(0, count=REGISTERS, values=0x4148, datatype=DataType.REGISTERS)
        await ModbusTcpServer(SimDevice(1, [data]), address=("127.0.0.1", port)).serve_forever()

    asyncio.run(main())


def rate(registers: int, begun: float, worked: float) -> dict[str, Any]:
    """Registers a second, and of the client's own processor time."""
    seconds, busy = time.perf_counter() - begun, time.process_time() - worked
    return {"registers": registers, "seconds": round(seconds, 2), "registers_per_second": round(registers / seconds),
            "client_cpu_seconds": round(busy, 2), "registers_per_cpu_second": round(registers / busy)}  # fmt: skip


def steelyard(port: int, seconds: float) -> dict[str, Any]:
    """The connector as it runs, over a raster that it cannot keep, so that it reads without a pause."""
    rows = [{"signal": f"s{n}", "address": 2 * n, "type": "float32"} for n in range(REGISTERS // 2)]
    settings = {"registers": rows, "order": "CDAB", "every_ms": 10}
    connector = Connector(Connection("bench", "modbus", f"modbus://127.0.0.1:{port}", settings))
    inlet = Counting()
    thread = threading.Thread(target=connector.run, args=(inlet,), daemon=True)
    thread.start()
    time.sleep(1)
    first, begun, worked = inlet.values, time.perf_counter(), time.process_time()
    time.sleep(seconds)
    found = rate(2 * (inlet.values - first), begun, worked)
    inlet.stopped.set()
    thread.join(10)
    return found


def by_hand(port: int, seconds: float) -> dict[str, Any]:
    """The rival: one request after the other, each value converted by the library."""
    from pymodbus.client import ModbusTcpClient

    client = ModbusTcpClient("127.0.0.1", port=port)
    client.connect()
    begun, worked, registers, address = time.perf_counter(), time.process_time(), 0, 0
    while time.perf_counter() - begun < seconds:
        answer = client.read_holding_registers(address, count=min(ONE, REGISTERS - address), device_id=1).registers
        for at in range(0, len(answer), 2):
            client.convert_from_registers(answer[at : at + 2], client.DATATYPE.FLOAT32, word_order="little")
        registers += len(answer)
        address = (address + ONE) % REGISTERS if address + ONE < REGISTERS else 0
    found = rate(registers, begun, worked)
    client.close()
    return {"name": "pymodbus read loop, values converted one by one, nothing handed over", **found}


def wait(port: int) -> None:
    """Until something listens."""
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def free() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def foreign(seconds: float) -> dict[str, Any] | str:
    """The same against modbus-serial."""
    if not (PEERS / "node_modules" / "modbus-serial").is_dir():
        return "not installed: npm --prefix tests/peers install"
    with tempfile.NamedTemporaryFile("w", suffix=".json") as memory:
        json.dump({"holding": dict.fromkeys(range(REGISTERS), 0x4148)}, memory)
        memory.flush()
        port = free()
        command = ["node", "modbus_server.js", str(port), memory.name]
        with subprocess.Popen(command, cwd=PEERS, stdout=subprocess.DEVNULL) as peer:
            try:
                wait(port)
                return {"connector": steelyard(port, seconds), "rival": by_hand(port, seconds)}
            finally:
                peer.kill()


def main() -> None:
    """Start the peer, read with both, twice in turn, the better of each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4)
    asked.add_argument("--serve", type=int)
    given = asked.parse_args()
    if given.serve:
        serve(given.serve)
        return
    port = free()
    with subprocess.Popen([sys.executable, __file__, "--serve", str(port)]) as peer:
        try:
            wait(port)
            runs = [(steelyard(port, given.seconds), by_hand(port, given.seconds)) for _ in range(2)]
        finally:
            peer.kill()
    best = [max(found, key=lambda f: f["registers_per_second"]) for found in zip(*runs, strict=True)]
    say("modbus", {"target_registers_per_second": 200_000, **best[0], "rival": best[1],
                   "ratio": round(best[0]["registers_per_second"] / best[1]["registers_per_second"], 2),
                   "ratio_of_cpu": round(best[0]["registers_per_cpu_second"] / best[1]["registers_per_cpu_second"], 2),
                   "peak_mib": peak_mib(), "modbus_serial": foreign(given.seconds / 2)})  # fmt: skip


if __name__ == "__main__":
    main()
