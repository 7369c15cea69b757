"""Subject: whom a Figure speaks of, from a machine to a nation."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = ("unit", "line", "site", "enterprise", "chain", "park", "cluster", "region")
SIZES = ("large", "medium", "small", "micro")
"""Lists of the roster that tell an enterprise's size; of several the largest counts."""
NATION = "100000"  # GB/T 2260 has no code for the whole; statistics write it so


@dataclass(frozen=True)
class Subject:
    """One row of the ``subjects`` table: an id, a kind of ``KINDS``, names in two languages, and codes by system."""

    id: str
    kind: str
    name_zh: str = ""
    name_en: str = ""
    codes: dict[str, str] = field(default_factory=dict)

    def name(self, lang: str) -> str:
        """The name in ``zh`` or ``en``; the other one, or the id, where it is missing."""
        first, second = (self.name_en, self.name_zh) if lang == "en" else (self.name_zh, self.name_en)
        return first or second or self.id


def region_level(code: str) -> str:
    """Nation, province, city or county, read from the zeros of a GB/T 2260 code."""
    if code == NATION:
        return "nation"
    if code.endswith("0000"):
        return "province"
    return "city" if code.endswith("00") else "county"
