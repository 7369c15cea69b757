"""Places of the plan: which one is asked about, its level, and the regions below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steelyard.catalog.catalog import near
from steelyard.errors import UsageError
from steelyard.model.subject import NATION, region_level
from steelyard.store.home import Home
from steelyard.store.lake import engine

KINDS = ("region", "park", "cluster", "chain")


@dataclass(frozen=True)
class Place:
    """A subject that firms belong to; ``level`` is nation, province, city or county for a region, else its kind."""

    id: str
    kind: str
    name: dict[str, str]
    code: str = ""

    @property
    def level(self) -> str:
        return region_level(self.code) if self.kind == "region" and self.code else self.kind

    def holds(self, other: Place) -> bool:
        """Whether another region lies below this one, by its code."""
        stem = "" if self.code == NATION else self.code.removesuffix("00").removesuffix("00")
        return (
            self.kind == other.kind == "region"
            and self.id != other.id
            and other.code.startswith(stem)
            and other.code != NATION
        )

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"id": self.id, "kind": self.kind, "level": self.level, "name": self.name}


def places(home: Home) -> dict[str, Place]:
    """All places that the home knows, by id."""
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        rows = opened.rows(
            "SELECT id, kind, coalesce(name_zh, ''), coalesce(name_en, ''), coalesce(gbt2260, '') FROM subjects "
            "WHERE kind IN (SELECT unnest($kinds)) ORDER BY id", {"kinds": list(KINDS)})  # fmt: skip
    return {
        row[0]: Place(row[0], row[1], {"zh": row[2] or row[3] or row[0], "en": row[3] or row[2] or row[0]}, row[4])
        for row in rows
    }


def place_of(home: Home, known: dict[str, Place], asked: str) -> Place:
    """The place asked about by id, GB/T 2260 code or name; without one, the home's own.

    Raises UsageError SY881 for one that is unknown, SY882 where the home itself is no place.
    """
    name = asked or home.subject_id
    if not asked and name not in known:
        raise UsageError("SY882", str(home.path), known=", ".join(list(known)[:8]) or "–")
    found = [place for place in known.values() if name in (place.id, place.code, *place.name.values())]
    if not found:
        words = [word for place in known.values() for word in (place.id, *place.name.values())]
        raise UsageError("SY881", name=asked, near=", ".join(near(asked, words)) or ", ".join(list(known)[:8]) or "–")
    return found[0]


def nation_of(known: dict[str, Place]) -> Place | None:
    """The nation, where the home knows it."""
    return next((place for place in known.values() if place.level == "nation"), None)
