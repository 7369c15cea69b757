"""Before and after, or one look at two groups: a difference that is not called an effect, whatever its size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.dots.effect.claims import alongside, told
from steelyard.dots.effect.columns import column, flags, numbers, seen, wide
from steelyard.methods.effect.difference import Difference, between, paired


def answer(panel: pa.Table, options: dict[str, Any]) -> dict[str, Any]:
    """With ``time``: the treated units' mean after minus their mean before. Without: treated minus untreated rows.

    Options: columns ``outcome``, ``unit``, ``time``, ``cohort`` or ``treated``; ``claims``. Always grade D, except that a ``lottery``
    between groups is grade A. Raises InputError SY117, InputError and UsageError SY763 to SY769.
    """
    if options.get("time"):
        found, counts = _before_after(panel, options)
        design, grade = "before-after", "D"
    else:
        found, counts = _cross_section(panel, options)
        design, grade = "cross-section", "A" if options.get("lottery") else "D"
    simple = {"att": found.value, "se": found.se, "low": found.low, "high": found.high, "by": []}
    return {"design": design, "method": "means", "outcome": options["outcome"], "simple": simple, **counts, "grade": grade,
            "wording": "effect" if grade == "A" else "difference"} | alongside(options)  # fmt: skip


def _before_after(panel: pa.Table, options: dict[str, Any]) -> tuple[Difference, dict[str, Any]]:
    data = wide(panel, options)
    rows = np.flatnonzero(data.starts > 0)
    before = np.array([data.y[i, : data.starts[i]].mean() for i in rows])
    after = np.array([data.y[i, data.starts[i] :].mean() for i in rows])
    counts = {"n_units": len(data.units), "n_treated": len(rows), "n_controls": 0, "missing": {"cells": data.missing}}
    return paired(before, after), counts


def _cross_section(panel: pa.Table, options: dict[str, Any]) -> tuple[Difference, dict[str, Any]]:
    outcome = seen(numbers(column(panel, options, "outcome"), options["outcome"]), options["outcome"])
    treated = flags(column(panel, options, "treated"), options["treated"])
    known = ~np.isnan(outcome)
    found = between(outcome[known & treated], outcome[known & ~treated])
    counts = {"n_units": int(known.sum()), "n_treated": int((known & treated).sum()),
              "n_controls": int((known & ~treated).sum()), "missing": {"cells": int((~known).sum())}}  # fmt: skip
    return found, counts


def words(found: dict[str, Any], language: str) -> list[str]:
    """The answer in sentences, ``zh`` or ``en``."""
    return _told(found, language == "zh") + told(found, language)


def _told(found: dict[str, Any], zh: bool) -> list[str]:
    whole = found["simple"]
    between_ = f"{whole['low']:.4g} … {whole['high']:.4g}"
    if found["wording"] == "effect":
        return [
            f"效应 {whole['att']:.4g}（95 % 区间 {between_}），抽签分组，证据等级 A"
            if zh
            else f"effect {whole['att']:.4g} (95 % {between_}), groups drawn by lot, grade A"
        ]
    kind = {"before-after": ("前后对比", "before and after"), "cross-section": ("横截面对比", "cross-section")}[
        found["design"]
    ]
    return [
        f"{kind[0]}：差异 {whole['att']:.4g}（95 % 区间 {between_}），证据等级 D；这是差异，不是效应：没有可比的对照"
        if zh
        else f"{kind[1]}: difference {whole['att']:.4g} (95 % {between_}), grade D; a difference, not an effect: nothing says what would "
        "have been without it"
    ]
