"""The four ways out of the plant: which machines stand behind which protocol, how a home connects and what their signals mean."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

PROTOCOLS = ("sparkplug", "opcua", "modbus", "mtconnect")
GROUP, EDGE = "plant", "edge"
HOLD = 2.0  # seconds: the session that every station keeps holds a state; after its end a state of such a fast plant soon is none
COUNTS = {"produced": "PartCount", "good": "GoodCount", "scrap": "ScrapCount"}


class Station(Protocol):
    """What each protocol's simulated server side can do."""

    def start(self) -> None: ...
    def publish(self, machine: str, values: dict[str, Any], at: int) -> None: ...
    def fail(self) -> None: ...
    def stop(self) -> None: ...


@dataclass
class Site:
    """Machines behind one protocol. ``port``: the station's own, or its broker's."""

    protocol: str
    machines: list[str]
    host: str
    port: int
    station: Station

    @property
    def connection(self) -> dict[str, Any]:
        """The document of ``connections/PROTOCOL.yaml``."""
        scheme = {"sparkplug": "mqtt", "opcua": "opc.tcp", "modbus": "modbus", "mtconnect": "http"}[self.protocol]
        more: dict[str, Any] = {}
        if self.protocol == "sparkplug":
            more = {"host_id": "steelyard", "groups": [GROUP]}
        elif self.protocol == "modbus":
            more = {"every_ms": 200, "registers": self.station.map()}  # type: ignore[attr-defined]
        elif self.protocol == "opcua":
            more = {"publishing_ms": 250}
        end = "/" if self.protocol == "opcua" else ""
        return {
            "connector": self.protocol,
            "url": f"{scheme}://{self.host}:{self.port}{end}",
            "synthetic": True,
            **more,
        }

    def bindings(self, planned: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
        """The document of ``bindings/PROTOCOL.yaml``; ``planned`` are seconds a piece by machine and product."""
        return {"units": {machine: self._unit(machine, planned[machine]) for machine in self.machines}}

    def _unit(self, machine: str, planned: Mapping[str, float]) -> dict[str, Any]:
        joules = self.protocol == "mtconnect"  # the standard knows watt seconds
        energy = self._at(machine, "Energy") | ({"factor": 1 / 3_600_000} if joules else {"unit": "kWh"})
        return {
            "hold_seconds": HOLD,
            "state": self._state(machine),
            **{column: self._at(machine, signal) for column, signal in COUNTS.items()},
            "product": self._at(machine, "Product"),
            "planned_seconds_per_item": {"by_product": {product: round(s, 6) for product, s in planned.items()}},
            "samples": {"temperature": self._at(machine, "Temperature") | {"unit": "°C"}, "energy": energy},
        }

    def _state(self, machine: str) -> dict[str, Any]:
        execution, mode = self._at(machine, "Execution"), self._at(machine, "Mode")["signal"]
        mtconnect = self.protocol == "mtconnect"
        rule, role = ("mtconnect-execution-mode", "controller_mode") if mtconnect else ("packml", "mode")
        return execution | {"rule": rule, "signals": {role: mode}}

    def _at(self, machine: str, key: str) -> dict[str, Any]:
        """Where a connector puts a value of the station: the device's name and the signal's."""
        if self.protocol == "sparkplug":
            names: Mapping[str, str] = _module("sparkplug").NAMES
            return {"subject": f"{GROUP}/{EDGE}/{machine}", "signal": names.get(key, key)}
        if self.protocol == "opcua":
            _, part, name, _ = _module("opcua").LAYOUT[key]
            return {"subject": f"{machine}/{part}", "signal": name}
        return {"subject": machine, "signal": key}


def _module(protocol: str) -> Any:
    return importlib.import_module(f"steelyard.connect.{protocol}.station")


def missing(protocol: str) -> str:
    """Why a protocol cannot be had; empty where it can."""
    try:
        _module(protocol)
        importlib.import_module(f"steelyard.connect.{protocol}.connector")
    except ImportError as error:
        return f"{protocol}: no {error.name or error}: pip install steelyard[{protocol}]"
    return ""


def shared_out(machines: Sequence[str], protocols: Sequence[str]) -> dict[str, list[str]]:
    """Machines over protocols in even runs; a protocol without any is left out."""
    each = [
        machines[i * len(machines) // len(protocols) : (i + 1) * len(machines) // len(protocols)]
        for i in range(len(protocols))
    ]
    return {protocol: list(part) for protocol, part in zip(protocols, each, strict=True) if part}


def site(protocol: str, machines: list[str], host: str, port: int) -> Site:
    """Make a site; its station is not started."""
    more = {"host": host, "group": GROUP, "edge": EDGE} if protocol == "sparkplug" else {}
    return Site(protocol, machines, host, port, _module(protocol).Station(machines, port, **more))
