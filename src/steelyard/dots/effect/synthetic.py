"""A few parks or chains are treated: synthetic difference-in-differences, synthetic control, difference-in-differences, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.dots.effect.claims import alongside, told
from steelyard.dots.effect.columns import Wide, plain, said, wide
from steelyard.methods.effect import few

Z = 1.959964
NAMES = {
    "sdid": ("合成双重差分", "synthetic difference-in-differences"),
    "sc": ("合成控制", "synthetic control"),
    "did": ("双重差分", "difference-in-differences"),
}


def answer(panel: pa.Table, options: dict[str, Any]) -> dict[str, Any]:
    """The effect on few treated units of a long panel.

    Options: columns ``unit``, ``time``, ``outcome``, and ``cohort`` (first treated time; 0 or empty = never) or ``treated`` (0, 1);
    ``estimator`` (sdid, sc, did; sdid's weights by the published search, and what the exact ones say stands in ``exact``), ``placebos`` (at most so many), ``seed``, ``exposure`` (Table unit, group), ``claims``, ``lottery``.
    Standard errors are the spread of placebo effects on the never treated; where too few are left for placebos, they are null.
    Raises InputError and UsageError SY755 to SY768.
    """
    data = wide(panel, options)
    chosen = options.get("estimator") or "sdid"
    actual = few.estimate(data.y, data.starts, chosen)
    every = {name: few.estimate(data.y, data.starts, name) for name in few.ESTIMATORS}
    pretended = few.placebos(
        data.y, data.starts, chosen, int(options.get("placebos") or 200), int(options.get("seed") or 0)
    )
    found = {"design": "synthetic", "method": chosen, "outcome": options["outcome"]}
    found |= _effects(actual, pretended, data)
    found |= {"estimators": {name: one.att for name, one in every.items()}}
    found |= {"exact": few.estimate(data.y, data.starts, chosen, exact=True).att}
    found |= _credibility(actual, pretended, data, chosen) | _counts(data)
    grade = "A" if options.get("lottery") else _grade(actual, data)
    found |= {"grade": grade, "wording": "difference" if grade == "D" else "effect"}
    return found | alongside(options)


def _interval(att: float, spread: float | None) -> dict[str, float | None]:
    around = (None, None) if spread is None else (att - Z * spread, att + Z * spread)
    return {"att": att, "se": spread, "low": around[0], "high": around[1]}


def _spread(values: list[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def _effects(actual: few.Estimate, pretended: list[few.Estimate], data: Wide) -> dict[str, Any]:
    whole = _interval(actual.att, _spread([one.att for one in pretended]))
    by = [
        {"key": e, "att": float(att), "se": _spread([float(one.dynamic[e]) for one in pretended])}
        for e, att in enumerate(actual.dynamic)
    ]
    groups = [
        {"key": said(data.times[g]), "att": float(one.effects.mean()), "se": None} for g, one in actual.fits.items()
    ]
    return {"simple": whole | {"by": []}, "dynamic": whole | {"by": by}, "group": whole | {"by": groups}}


def _credibility(actual: few.Estimate, pretended: list[few.Estimate], data: Wide, chosen: str) -> dict[str, Any]:
    """Fit before treatment, placebo rank, who the synthetic is made of, and what it is without each of them."""
    donors = [unit for unit, start in zip(data.units, data.starts, strict=True) if start < 0]
    ranked = few.rank_p(actual, pretended, by_ratio=chosen == "sc")
    without = few.leave_one_out(data.y, data.starts, chosen)
    return {
        "pre_rmspe": actual.pre_rmspe,
        "post_pre_ratio": plain(actual.ratio),
        "placebo": {"n": len(pretended), "rank": ranked and ranked[0], "p": ranked and ranked[1]},
        "weights": [_weights(data.times[g], one, donors, data) for g, one in actual.fits.items()],
        "leave_one_out": [{"without": data.units[row], "att": att} for row, att in without.items()],
    }


def _weights(start: Any, one: few.Fit, donors: list[str], data: Wide) -> dict[str, Any]:
    order = np.argsort(-one.weights, kind="stable")
    return {
        "cohort": said(start),
        "units": [{"unit": donors[i], "weight": float(one.weights[i])} for i in order if one.weights[i] > 1e-9],
        "times": [
            {"time": said(time), "weight": float(weight)}
            for time, weight in zip(data.times, one.times, strict=False)
            if weight > 1e-9
        ],
    }


def _counts(data: Wide) -> dict[str, Any]:
    treated = len(data.treated)
    return {
        "n_units": len(data.units),
        "n_treated": treated,
        "n_controls": len(data.units) - treated,
        "periods": len(data.times),
        "treated": data.treated,
        "controls": "never",
        "base": "weighted periods before treatment",
        "missing": {"cells": data.missing, "units_left_out": data.gaps},
        "exposed_left_out": data.exposed,
    }


def _grade(actual: few.Estimate, data: Wide) -> str:
    """C, matched; D where the synthetic foretells the time before worse than the treated units' own mean does."""
    own = [data.y[data.starts == g].mean(axis=0)[:g].std() for g in actual.fits]
    return "C" if actual.pre_rmspe < float(np.sqrt(np.mean(np.square(own)))) else "D"


def words(found: dict[str, Any], language: str) -> list[str]:
    """The answer in sentences, ``zh`` or ``en``; "difference" where the design allows no causal reading."""
    zh = language == "zh"
    name = NAMES[found["method"]][0 if zh else 1]
    whole, placebo = found["simple"], found["placebo"]
    lines = [f"{name}：{_told(found, zh)}" if zh else f"{name}: {_told(found, zh)}"]
    lines.append(
        f"处理单元 {found['n_treated']} 个，对照 {found['n_controls']} 个，{found['periods']} 期；处理前拟合误差（RMSPE）{found['pre_rmspe']:.4g}"
        if zh
        else f"{found['n_treated']} treated, {found['n_controls']} controls, {found['periods']} periods; error before treatment (RMSPE) "
        f"{found['pre_rmspe']:.4g}"
    )
    if placebo["n"]:
        lines.append(
            f"安慰剂检验：在 {placebo['n'] + 1} 个中列第 {placebo['rank']}，p = {placebo['p']:.3f}"
            if zh
            else f"placebo: rank {placebo['rank']} of {placebo['n'] + 1}, p = {placebo['p']:.3f}"
        )
    elif whole["se"] is None:
        lines.append("对照太少，无法做安慰剂检验，故无区间" if zh else "too few controls for placebos: no interval")
    return lines + _left_out(found, zh) + told(found, language)


def _told(found: dict[str, Any], zh: bool) -> str:
    whole = found["simple"]
    what = ("差异" if zh else "difference") if found["wording"] == "difference" else ("效应" if zh else "effect")
    text = f"{what} {whole['att']:.4g}"
    if whole["se"] is not None:
        between = f"{whole['low']:.4g} … {whole['high']:.4g}"
        text += f"（95 % 区间 {between}）" if zh else f" (95 % {between})"
    text += f"，证据等级 {found['grade']}" if zh else f", grade {found['grade']}"
    if found["wording"] == "difference":
        text += "；拟合不足，只是差异，不是效应" if zh else "; the fit is too poor: a difference, not an effect"
    return text


def _left_out(found: dict[str, Any], zh: bool) -> list[str]:
    lines = []
    if found["missing"]["units_left_out"]:
        n = len(found["missing"]["units_left_out"])
        lines.append(f"缺数据而未用的对照：{n} 个" if zh else f"controls left out for gaps: {n}")
    if found["exposed_left_out"]:
        n = len(found["exposed_left_out"])
        lines.append(f"受外溢影响而未用的对照：{n} 个" if zh else f"controls left out as exposed to spill-over: {n}")
    return lines
