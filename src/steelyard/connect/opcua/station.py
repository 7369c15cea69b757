"""A simulated OPC UA server of machines, laid out as Machinery and PackML have it: for demos, tests and training.

The layout follows the names of OPC 40001-1 and OPC 30050; their node sets are not imported.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds

from steelyard.connect.opcua.companion import MACHINERY, PACKML

PLANT = "urn:steelyard:plant"
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
ITEM_STATES = {"Execute": "Executing", "Aborted": "OutOfService", "Aborting": "OutOfService"}
MODES = {"Production": "Processing", "Maintenance": "Maintenance", "Setup": "Setup"}
Value = float | int | str | bool

STRING, DOUBLE, WHOLE, LOCALIZED = (
    ua.VariantType.String,
    ua.VariantType.Double,
    ua.VariantType.UInt32,
    ua.VariantType.LocalizedText,
)

LAYOUT: dict[str, tuple[str, str, str, ua.VariantType]] = {
    "Execution": (PACKML, "Status", "CurrentState", STRING),
    "Mode": (PACKML, "Status", "UnitModeCurrent", STRING),
    "PartCount": (PACKML, "Admin", "ProdProcessedCount", WHOLE),
    "ScrapCount": (PACKML, "Admin", "ProdDefectiveCount", WHOLE),
    "Reason": (PACKML, "Admin", "StopReason", STRING),
    "ItemState": (MACHINERY, "MachineryItemState", "CurrentState", LOCALIZED),
    "OperationMode": (MACHINERY, "MachineryOperationMode", "CurrentState", LOCALIZED),
    "GoodCount": (PLANT, "Production", "GoodCount", WHOLE),
    "Product": (PLANT, "Production", "Product", STRING),
    "Temperature": (PLANT, "Monitoring", "Temperature", DOUBLE),
    "Energy": (PLANT, "Monitoring", "Energy", DOUBLE),
}
UNITS = {"Temperature": ("°C", 4408652), "Energy": ("kWh", 4937544)}
TYPES = {"Status": "PackMLStatusObjectType", "Admin": "PackMLAdminObjectType", "Production": "ProductionType", "Monitoring": "MonitoringType",
         "MachineryItemState": "MachineryItemState_StateMachineType",
         "MachineryOperationMode": "MachineryOperationModeStateMachineType"}  # fmt: skip


def told(values: dict[str, Value]) -> dict[str, Value]:
    """A machine's values, with the states of OPC 40001-1 that follow from them."""
    found = dict(values)
    if "Execution" in values:
        found["ItemState"] = ITEM_STATES.get(str(values["Execution"]), "NotExecuting")
    if "Mode" in values:
        found["OperationMode"] = MODES.get(str(values["Mode"]), "None")
    return found


class Station:
    """A server on 127.0.0.1. ``shifting``: each start has other namespace indices and node ids; ``history``: values kept a node."""

    def __init__(self, machines: list[str], port: int, *, shifting: bool = False, history: int = 0) -> None:
        self.machines = machines
        self.port = port
        self.shifting = shifting
        self.history = history
        self.starts = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self._nodes: dict[tuple[str, str], tuple[Node, ua.VariantType]] = {}
        self._last: dict[tuple[str, str], Value] = {}

    @property
    def url(self) -> str:
        """Where it is."""
        return f"opc.tcp://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the server, or start it again after ``fail``; returns when it answers."""
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=self._turn, args=(loop,), name="opcua-station", daemon=True)
        self._thread.start()
        self._ask(self._open()).result(60)
        self.starts += 1

    def publish(self, machine: str, values: dict[str, Value], at: int) -> None:
        """Set a machine's values, with ``at`` (µs UTC) as their source time. Nothing happens while the server is down."""
        if self._server is not None:
            self._ask(self._write(machine, told(values), at)).result(30)

    def fail(self) -> None:
        """Break all connections without a word, as a server that loses its power does."""
        self._close(abrupt=True)

    def stop(self) -> None:
        """Stop in good order; does nothing if it is down."""
        self._close(abrupt=False)

    def _ask(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        if self._loop is None:
            raise RuntimeError("the station was not started")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.close()

    def _close(self, *, abrupt: bool) -> None:
        if self._server is None or self._loop is None or self._thread is None:
            return
        self._ask(self._down(self._server, abrupt=abrupt)).result(30)
        self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    async def _down(self, server: Server, *, abrupt: bool) -> None:
        if abrupt and server.bserver is not None:
            for client in list(server.bserver.clients):
                if client.transport is not None:
                    client.transport.abort()
        await server.stop()

    async def _open(self) -> None:
        server = Server()
        await server.init()
        server.set_endpoint(self.url)
        server.set_server_name("Steelyard plant (simulated)")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for number in range(self.starts if self.shifting else 0):
            await server.register_namespace(f"urn:steelyard:before:{number}")
        spaces = {uri: await server.register_namespace(uri) for uri in (PLANT, MACHINERY, PACKML)}
        types = await self._types(server, spaces)
        self._nodes, self._last = {}, {}
        for machine in self.machines:
            await self._machine(server, machine, spaces, types)
        await server.start()
        if self.history:
            for node, _ in self._nodes.values():
                await server.historize_node_data_change(node, timedelta(days=1), count=self.history)
        self._server = server

    async def _types(self, server: Server, spaces: dict[str, int]) -> dict[str, ua.NodeId]:
        """An object type for each part of a machine, by whose namespace its companion specification is known."""
        base = server.get_node(ua.NodeId(ua.Int32(ObjectIds.BaseObjectType)))
        homes = {part: spaces[uri] for uri, part, _, _ in LAYOUT.values()}
        return {part: (await base.add_object_type(index, TYPES[part])).nodeid for part, index in homes.items()}

    async def _machine(self, server: Server, machine: str, spaces: dict[str, int], types: dict[str, ua.NodeId]) -> None:
        plant = spaces[PLANT]
        holder = await server.get_objects_node().add_object(plant, machine)
        parts: dict[str, Node] = {}
        for key, (uri, part, name, kind) in LAYOUT.items():
            if part not in parts:
                index = spaces[uri] if uri == MACHINERY else plant
                parts[part] = await holder.add_object(index, part, objecttype=types[part])
            node = await parts[part].add_variable(spaces[uri], name, _variant("", kind), varianttype=kind)
            if key in UNITS:
                text, code = UNITS[key]
                unit = ua.EUInformation(
                    "http://www.opcfoundation.org/UA/units/un/cefact",
                    code,
                    ua.LocalizedText(text),
                    ua.LocalizedText(text),
                )
                await node.add_property(0, "EngineeringUnits", unit)
            self._nodes[machine, key] = (node, kind)

    async def _write(self, machine: str, values: dict[str, Value], at: int) -> None:
        """Write what changed; all of one moment have one time."""
        for key, value in values.items():
            if (machine, key) not in self._nodes or self._last.get((machine, key)) == value:
                continue
            node, kind = self._nodes[machine, key]
            said = ua.DataValue(
                _variant(value, kind), SourceTimestamp=_moment(at), ServerTimestamp=_moment(time.time_ns() // 1000)
            )
            if self._server is not None:
                await self._server.write_attribute_value(node.nodeid, said)
            self._last[machine, key] = value


def _variant(value: Value, kind: ua.VariantType) -> ua.Variant:
    if kind == LOCALIZED:
        return ua.Variant(ua.LocalizedText(str(value)), kind)
    if kind == STRING:
        return ua.Variant(str(value), kind)
    number = float(value or 0)
    return ua.Variant(number if kind == DOUBLE else int(number), kind)


def _moment(at: int) -> ua.DateTime:
    moment = BEGIN + timedelta(microseconds=at)
    return ua.DateTime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond, UTC
    )
