"""One factory: an interrupted time series with untreated units or columns as controls, and an interval that placebo dates calibrate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.dots.effect.claims import alongside, told
from steelyard.dots.effect.columns import Wide, column, numbers, said, wide
from steelyard.errors import InputError
from steelyard.methods.effect import series

ALONE, AFTER = " unit", " after"  # columns of our own beside those of the panel
PERIODS_PER_CONTROL = 12  # with fewer periods than that for each, the controls' mean stands for them


def answer(panel: pa.Table, options: dict[str, Any]) -> dict[str, Any]:
    """The mean effect per period on the one treated unit of a panel.

    Options: columns ``unit``, ``time``, ``outcome``, and ``cohort`` or ``treated``; or, for one unit alone, ``time``, ``outcome`` and
    ``start`` (the first period after the change); ``covariates`` (columns that the change does not touch), ``exposure``, ``claims``.
    Grade C with controls, D without: then nothing says what else happened at that time. Raises InputError, UsageError SY757 to SY769.
    """
    data = wide(_with_unit(panel, options), options | {"unit": options.get("unit") or ALONE} | _dated(options))
    row = _only(data)
    start = int(data.starts[row])
    controls = _controls(np.delete(data.y, row, axis=0), start)
    beside = _covariates(panel, options, data, row)
    found = series.interrupted(data.y[row], np.column_stack([controls, beside]), start)
    grade = "C" if controls.shape[1] + beside.shape[1] else "D"
    return {
        "design": "series",
        "method": "local level with regression, calibrated on placebo dates",
        "outcome": options["outcome"],
        "unit": data.units[row],
        "start": said(data.times[start]),
        **_effects(found, data, row, start),
        **_counts(data, controls, beside, start),
        "grade": grade,
        "wording": "effect" if grade == "C" else "difference",
    } | alongside(options)


def _with_unit(panel: pa.Table, options: dict[str, Any]) -> pa.Table:
    """A series without a column of units is one unit's; its change is a column of 0 and 1 then."""
    if options.get("unit"):
        return panel
    times = column(panel, options, "time").to_pylist()
    start = _like(options.get("start"), times)
    panel = panel.append_column(ALONE, pa.array(["–"] * len(times)))
    return panel.append_column(AFTER, pa.array([time is not None and time >= start for time in times]))


def _like(start: Any, times: list[Any]) -> Any:
    """The date of the change in the type of the times; raises InputError SY764 where it cannot be that."""
    known = next((time for time in times if time is not None), None)
    try:
        return start if known is None or isinstance(start, type(known)) else _read(type(known), start)
    except (ValueError, TypeError) as error:
        raise InputError("SY764", column="start", row=0, value=start) from error


def _read(kind: Any, text: Any) -> Any:
    return kind.fromisoformat(str(text)) if hasattr(kind, "fromisoformat") else kind(text)


def _dated(options: dict[str, Any]) -> dict[str, Any]:
    return {} if options.get("unit") else {"treated": AFTER, "cohort": None}


def _only(data: Wide) -> int:
    treated = np.flatnonzero(data.starts >= 0)
    if len(treated) != 1:
        raise InputError("SY759", n=len(treated), wanted="1")
    return int(treated[0])


def _controls(others: np.ndarray, start: int) -> np.ndarray:
    """Controls as covariates (T, k): each for itself where periods are enough, else their mean; k = 0 without any."""
    most = start // PERIODS_PER_CONTROL
    if not len(others):
        return np.empty((others.shape[1], 0))
    return others.T if len(others) <= most else others.mean(axis=0)[:, None]


def _covariates(panel: pa.Table, options: dict[str, Any], data: Wide, row: int) -> np.ndarray:
    """Columns of the treated unit (T, k) in the order of the periods; raises InputError SY767 at a gap."""
    names = options.get("covariates") or []
    if not names:
        return np.empty((len(data.times), 0))
    own = np.array([True] * panel.num_rows if not options.get("unit") else
                   [str(unit) == data.units[row] for unit in column(panel, options, "unit").to_pylist()])  # fmt: skip
    rows = panel.filter(pa.array(own)).sort_by(options["time"])
    found = np.column_stack([numbers(column(rows, {"covariates": name}, "covariates"), name) for name in names])
    if np.isnan(found).any():
        raise InputError("SY767", unit=data.units[row], time=said(data.times[int(np.argwhere(np.isnan(found))[0][0])]))
    return found


def _effects(found: series.Interrupted, data: Wide, row: int, start: int) -> dict[str, Any]:
    whole = {"att": found.effect, "se": found.se, "low": found.effect - found.half, "high": found.effect + found.half}
    after = data.y[row, start:]
    path = [
        {"time": said(time), "actual": float(actual), "expected": float(expected)}
        for time, actual, expected in zip(data.times[start:], after, found.expected, strict=True)
    ]
    by = [{"key": e, "att": p["actual"] - p["expected"], "se": None} for e, p in enumerate(path)]
    return {
        "simple": whole | {"by": []},
        "dynamic": whole | {"by": by},
        "nominal": {"low": found.effect - found.nominal, "high": found.effect + found.nominal},
        "calibration": {"placebo_dates": len(found.placebos), "stretch": found.stretch, "df": found.df},
        "path": path,
        "before_after": float(after.mean() - data.y[row, :start].mean()),
    }


def _counts(data: Wide, controls: np.ndarray, beside: np.ndarray, start: int) -> dict[str, Any]:
    others = len(data.units) - 1
    return {
        "n_units": len(data.units),
        "n_treated": 1,
        "n_controls": others,
        "controls": "each" if controls.shape[1] == others else "their mean",
        "covariates": beside.shape[1],
        "periods": {"before": start, "after": len(data.times) - start},
        "missing": {"cells": data.missing, "units_left_out": data.gaps},
        "exposed_left_out": data.exposed,
    }


def words(found: dict[str, Any], language: str) -> list[str]:
    """The answer in sentences, ``zh`` or ``en``; "difference" where no control says what else happened."""
    return (_zh(found) if language == "zh" else _en(found)) + told(found, language)


def _zh(found: dict[str, Any]) -> list[str]:
    whole, nominal, difference = found["simple"], found["nominal"], found["wording"] == "difference"
    tail = "；没有对照，只是差异，不是效应" if difference else ""
    return [
        (
            f"中断时间序列：自 {found['start']} 起每期{'差异' if difference else '效应'} {whole['att']:.4g}（95 % 区间 {whole['low']:.4g} … "
            f"{whole['high']:.4g}，经安慰剂日期校准），证据等级 {found['grade']}{tail}"
        ),
        f"名义区间 {nominal['low']:.4g} … {nominal['high']:.4g} 偏窄；安慰剂日期 {found['calibration']['placebo_dates']} 个",
        (
            f"之前 {found['periods']['before']} 期，之后 {found['periods']['after']} 期，对照 {found['n_controls']} 个；前后均值之差（仅为差异） "
            f"{found['before_after']:.4g}"
        ),
    ]


def _en(found: dict[str, Any]) -> list[str]:
    whole, nominal, difference = found["simple"], found["nominal"], found["wording"] == "difference"
    tail = "; without a control this is a difference, not an effect" if difference else ""
    return [
        (
            f"interrupted time series: {'difference' if difference else 'effect'} per period from {found['start']} on {whole['att']:.4g} "
            f"(95 % {whole['low']:.4g} … {whole['high']:.4g}, calibrated on placebo dates), grade {found['grade']}{tail}"
        ),
        f"nominal interval {nominal['low']:.4g} … {nominal['high']:.4g}, too narrow; {found['calibration']['placebo_dates']} placebo dates",
        (
            f"{found['periods']['before']} periods before, {found['periods']['after']} after, {found['n_controls']} controls; difference of means "
            f"before and after {found['before_after']:.4g}"
        ),
    ]
