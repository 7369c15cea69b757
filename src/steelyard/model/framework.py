"""Framework: one edition of an assessment, with the items that it asks and the measure that its levels come from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Framework:
    """One ``items.yaml`` of standards, read; the id is its folder: ``sme2024``, ``gbt39116/2020``.

    ``in_force`` and ``until`` are ISO dates, the second exclusive; ``in_force`` is None for a draft that never came into force
    and empty where nothing is said, which is always. ``measure`` is the level that forms, diagnosis and roadmap aim at.
    """

    id: str
    label: dict[str, str]
    document: str
    status: str
    in_force: str | None
    until: str | None
    measure: str
    levels: dict[int, dict[str, str]] = field(default_factory=dict)
    items: tuple[str, ...] = ()

    def holds_on(self, day: str) -> bool:
        """Whether the edition is in force on an ISO day; a draft holds on none."""
        if self.in_force is None or day < self.in_force:
            return False
        return self.until is None or day < self.until
