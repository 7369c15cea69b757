"""Published before-and-after figures: they stand beside a result as claims, never as priors and never as evidence."""

from __future__ import annotations

import csv
import re
from typing import Any

from steelyard.catalog.catalog import SHIPPED, Catalog

_GRADE = re.compile(r"evidence grade ([A-D])")


def claims(what: str | None = None, catalog: Catalog | None = None) -> list[dict[str, Any]]:
    """Published changes whose indicator contains ``what`` (``development_cycle``, ``efficiency``, ``defect``, ``carbon``), or all.

    Each with value, unit, date, scope, source and its ladder grade; read from the shipped standards or those of a home.
    """
    found = []
    for path in (catalog or Catalog((SHIPPED,))).published():
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                grade = _GRADE.search(row["scope"])
                if grade and (what or "") in row["indicator"]:
                    found.append({**row, "value": float(row["value"]), "grade": grade[1]})
    return found


def told(found: list[dict[str, Any]], language: str) -> list[str]:
    """One line that puts claims beside a result, ``zh`` or ``en``; none without claims."""
    if not found:
        return []
    listed = "、".join(f"{row['value']:+g} {row['unit']}（{row['as_of']}，{row['grade']} 级）" for row in found)
    if language == "zh":
        return [f"各方公布的说法，未经检验：{listed}"]
    listed = ", ".join(f"{row['value']:+g} {row['unit']} ({row['as_of']}, grade {row['grade']})" for row in found)
    return [f"claims published by others, not tested here: {listed}"]
