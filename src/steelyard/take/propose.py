"""From an address to a proposal: browse the source, write down a connection and the bindings that its names suggest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from steelyard.catalog.bindings import COUNTS
from steelyard.connect.base import Connection, Found, Lost
from steelyard.connect.registry import connector_of
from steelyard.errors import UsageError

BY_SCHEME = {"opc.tcp": "opcua", "mqtt": "sparkplug", "mqtts": "sparkplug", "http": "mtconnect", "https": "mtconnect"}
COLUMNS, MODE = ("state", *COUNTS), "mode"
_SETTINGS = {"sparkplug": {"host_id": "steelyard"}}


@dataclass(frozen=True)
class Proposal:
    """A connection's document, and what was found behind it."""

    name: str
    connection: dict[str, Any]
    found: Sequence[Found]

    @property
    def bindings(self) -> dict[str, Any]:
        """A bindings document: per device the columns that standard names suggest; a mode beside the state that it goes with."""
        units: dict[str, Any] = {}
        modes: dict[tuple[str, str], Any] = {}
        for one in self.found:
            column = one.column.rpartition(".")[2]
            unit = one.device or one.subject
            said = {"signal": one.signal} | ({} if one.subject == unit else {"subject": one.subject})
            if column == MODE:
                modes.setdefault((unit, one.rule), said)
            elif column in COLUMNS:
                units.setdefault(unit, {}).setdefault(column, said | ({"rule": one.rule} if one.rule else {}))
        for (unit, rule), said in modes.items():
            state = units.get(unit, {}).get("state", {})
            if state.get("rule") == rule:
                state["signals"] = {MODE: said}
        return {"units": units}

    def document(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {"connection": self.connection, "bindings": self.bindings, "found": [vars(one) for one in self.found]}

    def text(self) -> str:
        """The two files and a list of all signals, for people."""
        listed = "".join(f"#   {one.subject}  {one.signal}  {one.type} {one.unit}\n" for one in self.found)
        return (f"# connections/{self.name}.yaml\n{_yaml(self.connection)}\n# bindings/{self.name}.yaml\n"
                f"{_yaml(self.bindings)}\n# {len(self.found)} signals\n{listed}")  # fmt: skip

    def write(self, home: Path) -> list[Path]:
        """Write both files into a home; files that are there are left alone and raise UsageError."""
        if not (home / "ledger.db").is_file():
            raise UsageError("SY101", why=f"{home} is no home")
        paths = []
        for folder, document in (("connections", self.connection), ("bindings", self.bindings)):
            path = home / folder / f"{self.name}.yaml"
            if path.exists():
                raise UsageError("SY101", why=f"{path} is there already")
            path.parent.mkdir(exist_ok=True)
            path.write_text(_yaml(document), encoding="utf-8")
            paths.append(path)
        return paths


def propose(url: str, connector: str | None, seconds: float) -> Proposal:
    """Browse what is at an address for so many seconds; raises UsageError where its connector cannot browse."""
    parts = urlsplit(url)
    name = connector or BY_SCHEME.get(parts.scheme, "")
    if not name:
        raise UsageError("SY101", why=f"{url}: --connector {', '.join(sorted(set(BY_SCHEME.values())))}")
    settings = _SETTINGS.get(name, {})
    label = re.sub(r"\W+", "-", f"{name}-{parts.hostname or 'source'}").strip("-")
    made = connector_of(Connection(label, name, url, settings))
    browse = getattr(made, "find", None)
    if browse is None:
        raise UsageError(
            "SY101", why=f"{name} cannot browse: write connections/{label}.yaml by hand, then steelyard connect try"
        )
    try:
        found = browse(seconds)
    except (Lost, OSError) as error:
        raise UsageError("SY608", url, why=str(error) or type(error).__name__) from error
    return Proposal(label, {"connector": name, "url": url, **settings}, found)


def _yaml(document: Any) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
