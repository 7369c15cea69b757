"""What companion specifications say of a variable: the column that it means, and the rule by which it is read.

OPC 40001-1 (Machinery), OPC 30050 (PackML) and OPC 10031-4 (ISA-95 Job Control) are told by the namespaces of type
definitions and browse names; numbers of node ids differ from server to server.
"""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.connect.base import Found
from steelyard.connect.opcua.items import Item

MACHINERY = "http://opcfoundation.org/UA/Machinery/"
PACKML = "http://opcfoundation.org/UA/PackML/"
JOBS = ("http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/", "http://opcfoundation.org/UA/ISA95-JOBCONTROL/",
        "http://opcfoundation.org/UA/Machinery/Jobs/")  # fmt: skip
STATE, MODE = "machine_states.state", "machine_states.mode"
ITEM_STATE, PACKML_STATE = "opc40001-item-state", "packml"
MACHINERY_OBJECTS = {"MachineryItemState": STATE, "MachineryOperationMode": MODE}
PACKML_STATES = {"CurrentState", "StateCurrent"}
PACKML_MODES = {"ModeCurrent", "UnitModeCurrent", "CurrentMode"}
PACKML_COUNTS = {"ProdProcessedCount": "production_counts.produced", "ProdDefectiveCount": "production_counts.scrap"}


def propose(items: Sequence[Item]) -> list[Found]:
    """Each item as a signal that is offered, with column and rule where its meaning is standardised."""
    return [Found(item.subject, item.signal, item.type_name, item.unit, *meaning(item)) for item in items]


def meaning(item: Item) -> tuple[str, str]:
    """Column and rule of an item; both empty where no companion specification says."""
    spaces = {uri for uri, _ in item.path} | set(item.types)
    return _machinery(item, spaces) or _packml(item, spaces) or ("", "")


def _machinery(item: Item, spaces: set[str]) -> tuple[str, str] | None:
    holder = item.path[-2][1] if len(item.path) > 1 else ""
    if item.signal == "CurrentState" and MACHINERY in spaces and holder in MACHINERY_OBJECTS:
        return MACHINERY_OBJECTS[holder], ITEM_STATE
    return None


def _packml(item: Item, spaces: set[str]) -> tuple[str, str] | None:
    if PACKML not in spaces:
        return None
    if item.signal in PACKML_STATES and item.type_name != "Boolean":
        return STATE, PACKML_STATE
    if item.signal in PACKML_MODES:
        return MODE, PACKML_STATE
    counted = next((PACKML_COUNTS[name] for _, name in reversed(item.path) if name in PACKML_COUNTS), "")
    return (counted, "") if counted else None
