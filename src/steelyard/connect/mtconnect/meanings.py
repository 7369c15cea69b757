"""What the standard says that a data item means: the column it proposes, the unit as a units library writes it."""

from __future__ import annotations

RULE = "mtconnect-execution"
_STATES = {"EXECUTION": "machine_states.state", "CONTROLLER_MODE": "machine_states.mode",
           "AVAILABILITY": "machine_states.availability"}  # fmt: skip
_COUNTS = {"": "produced", "ALL": "produced", "GOOD": "good", "BAD": "scrap"}
_UNITS = {"CELSIUS": "°C", "PERCENT": "%", "COUNT": "1"}


def meaning(kind: str, sub_type: str) -> tuple[str, str]:
    """Column and rule of a data item's type and subtype; both empty where the standard says nothing."""
    if kind in _STATES:
        return _STATES[kind], RULE
    if kind == "PART_COUNT" and sub_type in _COUNTS:
        return f"production_counts.{_COUNTS[sub_type]}", ""
    return "", ""


def unit_of(units: str) -> str:
    """MILLIMETER/SECOND as millimeter/second; a position in space is in the unit of its axes."""
    return _UNITS.get(units, units.removesuffix("_3D").lower())
