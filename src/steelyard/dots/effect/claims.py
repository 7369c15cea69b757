"""Published before-and-after figures: they stand beside a result as claims, never as priors and never as evidence."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
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


def alongside(options: Mapping[str, Any], usual: str = "") -> dict[str, Any]:
    """The claims that stand beside an answer: those that ``claims`` of the options asks for, else the design's ``usual``, else none.

    Where nothing is found the keys ``claims_asked`` and ``claims_known`` say what was asked for and which indicators there are.
    """
    asked, catalog = options.get("claims") or usual, options.get("catalog")
    found = claims(asked, catalog) if asked else []
    if found or not asked:
        return {"claims": found}
    known = sorted({row["indicator"] for row in claims(None, catalog)})
    return {"claims": [], "claims_asked": asked, "claims_known": known}


def told(answer: dict[str, Any], language: str) -> list[str]:
    """One line that puts an answer's claims beside it, ``zh`` or ``en``; or that there are none of what was asked for."""
    found = answer["claims"]
    if not found:
        return (
            _none(answer["claims_asked"], ", ".join(answer["claims_known"]), language)
            if "claims_asked" in answer
            else []
        )
    listed = "、".join(f"{row['value']:+g} {row['unit']}（{row['as_of']}，{row['grade']} 级）" for row in found)
    if language == "zh":
        return [f"各方公布的说法，未经检验：{listed}"]
    listed = ", ".join(f"{row['value']:+g} {row['unit']} ({row['as_of']}, grade {row['grade']})" for row in found)
    return [f"claims published by others, not tested here: {listed}"]


def _none(asked: str, known: str, language: str) -> list[str]:
    if language == "zh":
        return [f"没有指标含“{asked}”的公布说法；现有指标：{known}"]
    return [f"no published claim has «{asked}» in its indicator; there are: {known}"]
