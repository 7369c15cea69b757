"""What companion specifications say of a variable: the column that it means, and the rule by which it is read.

OPC 40001-1 (Machinery), OPC 30050 (PackML) and OPC 10031-4 (ISA-95 Job Control) are told by the namespaces of type
definitions and browse names; numbers of node ids differ from server to server. Columns are those of binding files, and
``mode``, the second signal of a state's rule. The device is the object that holds the blocks of its specification: its
state, mode and counts are one unit's. Job Control is browsed and read as any other variable; its lists of orders are
structures and mean no column.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from steelyard.connect.base import Found
from steelyard.connect.opcua.items import Item

MACHINERY = "http://opcfoundation.org/UA/Machinery/"
PACKML = "http://opcfoundation.org/UA/PackML/"
STATE, MODE = "state", "mode"
ITEM_STATE, PACKML_STATE = "opc40001-item-state", "packml"
PACKML_STATES = {"CurrentState", "StateCurrent"}
PACKML_COUNTS = {"ProdProcessedCount": "produced", "ProdDefectiveCount": "scrap"}
MACHINERY_MEANINGS = {"MachineryItemState": (STATE, ITEM_STATE), "MachineryOperationMode": (MODE, ITEM_STATE)}
BLOCKS = {"MachineryBuildingBlocks", *MACHINERY_MEANINGS, "Status", "Admin", "Command", "BaseStateMachine"}


def propose(items: Sequence[Item]) -> list[Found]:
    """Each item as a signal that is offered, with column, rule and device where its meaning is standardised."""
    return [_found(item, *meaning(item)) for item in items]


def _found(item: Item, column: str, rule: str) -> Found:
    device = _device(item) if column else ""
    return Found(item.subject, item.signal, item.type_name, item.unit, column, rule, device)


def _device(item: Item) -> str:
    """The object above the blocks of a specification; the item's own subject where it stands in none."""
    names = item.subject.split("/")
    return "/".join(takewhile(lambda name: name not in BLOCKS, names)) or item.subject


def meaning(item: Item) -> tuple[str, str]:
    """Column and rule of an item; both empty where no companion specification says."""
    spaces = {uri for uri, _ in item.path} | set(item.types)
    return _machinery(item, spaces) or _packml(item, spaces) or ("", "")


def _machinery(item: Item, spaces: set[str]) -> tuple[str, str] | None:
    holder = item.path[-2][1] if len(item.path) > 1 else ""
    if item.signal == "CurrentState" and MACHINERY in spaces:
        return MACHINERY_MEANINGS.get(holder)
    return None


def _packml(item: Item, spaces: set[str]) -> tuple[str, str] | None:
    if PACKML not in spaces:
        return None
    if item.signal in PACKML_STATES and item.type_name != "Boolean":
        return STATE, PACKML_STATE
    if item.signal == "UnitModeCurrent":
        return MODE, PACKML_STATE
    counted = next((PACKML_COUNTS[name] for _, name in reversed(item.path) if name in PACKML_COUNTS), "")
    return (counted, "") if counted else None
