"""Measure: what a number means. Always loaded from ``standards/``, never made in code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HOWS = ("read", "asked", "judged", "rolled", "modelled")
STATUSES = ("official", "secondary", "draft", "ours")


@dataclass(frozen=True)
class Measure:
    """One folder of standards, read.

    ``of`` names the kinds of subject that it speaks of; ``inputs`` the tables, views and measures that it reads;
    ``formula`` is its SELECT (``read``), ``rule`` its tree or roll-up (``asked``, ``judged``, ``rolled``) or the name of its
    estimator (``modelled``), ``views`` the
    SQL of the views in use. ``parameters`` maps a name to dated values, each with a reference.
    """

    id: str
    label: dict[str, str]
    of: tuple[str, ...]
    unit: str
    how: str
    better: str
    source: str
    status: str
    bounds: tuple[float | None, float | None]
    inputs: tuple[str, ...]
    formula: str = ""
    rule: dict[str, Any] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The id with the parameters that were chosen by hand: ``coverage/sme2024-level2[floor=documented]``."""
        if not self.chosen:
            return self.id
        return f"{self.id}[{','.join(f'{k}={v}' for k, v in sorted(self.chosen.items()))}]"

    def parameter(self, name: str, day: str) -> Any:
        """The value in force on an ISO day: the one with the latest date not after it. Raises KeyError before the first."""
        if name in self.chosen:
            return self.chosen[name]
        dated = self.parameters[name]
        in_force = [date for date in dated if date <= day]
        if not in_force:
            raise KeyError(f"{self.id}: parameter {name} has no value before {min(dated)}")
        return dated[max(in_force)]["value"]
