"""Development cycles of treated and untreated projects: the unfinished stay in, and the naive figure is shown for what it is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.dots.effect.claims import alongside, told
from steelyard.dots.effect.columns import column, flags, numbers, seen
from steelyard.errors import InputError
from steelyard.methods.effect import cycles

NAMES = {"lognormal": ("对数正态", "log-normal"), "weibull": ("威布尔", "Weibull")}


def answer(panel: pa.Table, options: dict[str, Any]) -> dict[str, Any]:
    """The time ratio of treated over untreated projects: 0.70 is "30 % shorter".

    Options: columns ``outcome`` (duration, any unit) and ``finished`` (0, 1), or ``start`` and ``end`` (dates; an empty end is an
    unfinished project, counted up to the date ``as_of``); ``treated`` (0, 1); ``unit`` (the project's id); ``covariates``; ``lottery``, ``claims``. Projects without
    a duration are left out and counted. Grade C with covariates held fixed, else D; A by lot. Raises InputError, UsageError SY117,
    SY760 to SY764, SY765 where a project has two rows.
    """
    _single(panel, options)
    duration, finished = _durations(panel, options)
    treated = flags(column(panel, options, "treated"), options["treated"])
    names = options.get("covariates") or []
    beside = [numbers(column(panel, {"covariates": name}, "covariates"), name) for name in names]
    rows = np.column_stack(beside) if beside else np.empty((len(duration), 0))
    known = ~np.isnan(duration) & ~np.isnan(rows).any(axis=1)
    found = cycles.compare(duration[known], finished[known], treated[known], rows[known])
    grade = "A" if options.get("lottery") else "C" if names else "D"
    return {
        "design": "cycles",
        "method": f"accelerated failure time, {found.best}",
        "outcome": options.get("outcome") or "duration",
        **_result(found),
        "naive": _naive(found),
        "n_units": int(known.sum()),
        "n_treated": found.treated.n,
        "n_controls": found.untreated.n,
        "covariates": names,
        "missing": {"projects_left_out": int((~known).sum())},
        "grade": grade,
        "wording": "difference" if grade in "CD" else "effect",
    } | alongside(options, usual="development_cycle")


def _single(panel: pa.Table, options: dict[str, Any]) -> None:
    """Raises InputError SY765 where two rows name one project; rows without a name are each their own."""
    if not options.get("unit"):
        return
    units, counts = column(panel, options, "unit").drop_null().value_counts().flatten()
    twice = np.flatnonzero(counts.to_numpy() > 1)
    if len(twice):
        raise InputError("SY765", unit=units[int(twice[0])].as_py(), time=options["unit"], n=len(twice))


def _durations(panel: pa.Table, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    if options.get("outcome"):
        duration = seen(numbers(column(panel, options, "outcome"), options["outcome"]), options["outcome"])
        return duration, flags(column(panel, options, "finished"), options["finished"])
    start, end = _days(panel, options, "start"), _days(panel, options, "end")
    until = _days(pa.table({"as_of": [options.get("as_of")]}), {"as_of": "as_of"}, "as_of")
    if np.isnan(until).any():
        raise InputError("SY764", column="as_of", row=1, value=options.get("as_of"))
    finished = ~np.isnan(end) & ~(end > until)
    return np.where(finished, end, until) - start, finished


def _days(panel: pa.Table, options: dict[str, Any], option: str) -> np.ndarray:
    """Dates as days since 1970; NaN where empty; raises InputError SY764 at what is no date."""
    values = column(panel, options, option)
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        values = values.cast(pa.date32(), safe=False)
    else:
        values = pa.array(
            [_day(text, options[option], row) for row, text in enumerate(values.to_pylist(), start=1)], pa.date32()
        )
    found: np.ndarray = values.cast(pa.int32()).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _day(text: object, name: str, row: int) -> dt.date | None:
    if text is None or not str(text).strip():
        return None
    try:
        return dt.date.fromisoformat(str(text).strip())
    except ValueError as error:
        raise InputError("SY764", column=name, row=row, value=text) from error


def _result(found: cycles.Cycles) -> dict[str, Any]:
    best = found.models[found.best]
    return {
        "simple": {"att": best.ratio, "se": best.ratio * best.se_log, "low": best.low, "high": best.high, "by": []},
        "unit": "time ratio",
        "change_percent": 100 * (best.ratio - 1),
        "models": {
            name: {"ratio": m.ratio, "low": m.low, "high": m.high, "aic": m.aic} for name, m in found.models.items()
        },
        "best": found.best,
        "medians": {"treated": _median(found.treated), "untreated": _median(found.untreated)},
        "quantile_ratios": {f"{p:g}": ratio for p, ratio in found.quantiles.items()},
        "cox_hazard_ratio": found.hazard,
        "censored": found.censored,
    }


def _median(group: cycles.Group) -> dict[str, Any]:
    return {"n": group.n, "finished": group.finished, "median": group.median, "low": group.low, "high": group.high}


def _naive(found: cycles.Cycles) -> dict[str, Any]:
    """The mean of finished projects, and by how much it errs against the model that keeps the unfinished."""
    best = found.models[found.best]
    return {
        "ratio": found.naive,
        "bias_points": 100 * (found.naive - best.ratio),
        "mean_treated": found.treated.mean_of_finished,
        "mean_untreated": found.untreated.mean_of_finished,
        "bias_treated": found.treated.mean_of_finished - best.mean_treated,
        "bias_untreated": found.untreated.mean_of_finished - best.mean_untreated,
    }


def words(found: dict[str, Any], language: str) -> list[str]:
    """The answer in sentences, ``zh`` or ``en``; "effect" only where projects were drawn by lot."""
    return (_zh(found) if language == "zh" else _en(found)) + told(found, language)


def _zh(found: dict[str, Any]) -> list[str]:
    whole, naive, effect = found["simple"], found["naive"], found["wording"] == "effect"
    tail = "" if effect else "；这是差异，不是效应：项目未经抽签分组"
    return [
        (
            f"研制周期：时间比 {whole['att']:.3f}（95 % 区间 {whole['low']:.3f} … {whole['high']:.3f}），即{'效应' if effect else '差异'} "
            f"{found['change_percent']:+.1f} %，证据等级 {found['grade']}{tail}"
        ),
        f"{NAMES[found['best']][0]}模型拟合较好（AIC）；项目 {found['n_units']} 个，其中未完成 {found['censored']:.1%}，按下限计入",
        f"只取已完成项目的均值有偏：时间比 {naive['ratio']:.3f}，差 {naive['bias_points']:+.1f} 个百分点",
    ] + (
        [f"因缺数据未用的项目：{found['missing']['projects_left_out']} 个"]
        if found["missing"]["projects_left_out"]
        else []
    )


def _en(found: dict[str, Any]) -> list[str]:
    whole, naive, effect = found["simple"], found["naive"], found["wording"] == "effect"
    tail = "" if effect else "; a difference, not an effect: projects were not drawn by lot"
    return [
        (
            f"development cycle: time ratio {whole['att']:.3f} (95 % {whole['low']:.3f} … {whole['high']:.3f}), {'an effect' if effect else 'a difference'} "
            f"of {found['change_percent']:+.1f} %, grade {found['grade']}{tail}"
        ),
        f"{NAMES[found['best']][1]} fits better (AIC); {found['n_units']} projects, {found['censored']:.1%} unfinished and kept as lower bounds",
        f"the mean of finished projects is biased: time ratio {naive['ratio']:.3f}, off by {naive['bias_points']:+.1f} points",
    ] + (
        [f"projects left out for lack of data: {found['missing']['projects_left_out']}"]
        if found["missing"]["projects_left_out"]
        else []
    )
