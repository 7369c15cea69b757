"""Reads a device or gateway by its register map, on a fixed raster, until it is stopped or the device is gone.

Modbus carries no time: a value's time is our clock when the answer that holds it was complete.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from steelyard.connect.base import Connection, Inlet, setting
from steelyard.connect.modbus.blocks import MOST_BITS, MOST_REGISTERS, Limits
from steelyard.connect.modbus.poll import Poller
from steelyard.connect.modbus.registers import Register, registers
from steelyard.connect.modbus.wire import Wire
from steelyard.errors import InputError

PORT = 502


class Connector:
    """``modbus://host:502`` with a register map; raises InputError SY201, SY202, SY601, SY640 where it is not usable."""

    def __init__(self, connection: Connection) -> None:
        self.host, self.port = _address(connection)
        self.registers: list[Register] = registers(connection)
        self.limits = _limits(connection)
        self.timeout = float(setting(connection, "timeout_s", (int, float), 3))
        self.retries = int(setting(connection, "retries", int, 1))
        if not 0 < self.timeout <= 600 or not 0 <= self.retries <= 10:
            raise InputError("SY601", connection.name, field="timeout_s", why="0 to 600 s, at most 10 retries")
        longest = max(r.size for r in self.registers)
        if longest > self.limits.registers:
            raise InputError("SY601", connection.name, field="most_registers", why=f"a value takes {longest}")

    def run(self, inlet: Inlet) -> None:
        """Poll until stopped; raises Lost when the device cannot be reached or no unit answers any more."""
        with Wire(self.host, self.port, self.timeout, self.retries) as wire:
            poller = Poller(self.registers, self.limits, wire, inlet)
            try:
                poller.run()
            finally:
                poller.leave()


def _address(connection: Connection) -> tuple[str, int]:
    try:
        parts = urlsplit(connection.url)
        host, port = parts.hostname, parts.port or PORT
    except ValueError as error:
        raise InputError("SY601", connection.name, field="url", why=str(error)) from None
    if parts.scheme != "modbus" or not host or parts.path not in ("", "/"):
        raise InputError("SY601", connection.name, field="url", why="must be modbus://host:port")
    return host, port


def _limits(connection: Connection) -> Limits:
    def within(name: str, default: int, least: int, most: int) -> int:
        number = int(setting(connection, name, int, default))
        if not least <= number <= most:
            raise InputError("SY601", connection.name, field=name, why=f"must lie between {least} and {most}")
        return number

    return Limits(
        within("hole", 8, 0, 100),
        within("most_registers", MOST_REGISTERS, 4, MOST_REGISTERS),
        within("most_bits", MOST_BITS, 1, MOST_BITS),
    )
