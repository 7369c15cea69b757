"""A staggered effect in sentences; "difference" where the ladder does not allow more."""

from __future__ import annotations

from typing import Any

from steelyard.dots.effect.claims import told
from steelyard.methods.effect.honest import MOST

REASONS = {
    "lottery": ("按抽签分配", "assigned by lot"),
    "pretrend_rejected": ("处理之前各批次与对照的走势已不一致", "before treatment the cohorts did not move with their controls"),
    "pretrend_untestable": ("处理之前的走势无从检验", "trends before treatment cannot be tested"),
    "pretrend_and_bound_hold": ("处理前走势检验未被拒绝，且稳健界限不含零", "the pre-trend test is not rejected and the honest bound excludes nought"),
    "no_spread": ("某项误差为零，界限无从确定", "an error is nought, so bounds cannot be told"),
    "breakdown_nought": ("走势稍有偏离，区间即含零", "with the slightest deviation of trends the interval holds nought"),
}  # fmt: skip
NO_BOUNDS = {
    "no_step": (
        "没有稳健界限：基期之前或之后没有可比的期",
        "no honest bounds: no time before the base, or none after it",
    ),
    "uneven": ("没有稳健界限：各期间隔不等", "no honest bounds: the times are not even"),
    "no_spread": (
        "没有稳健界限：所需的某项误差为零，结果在该处全无波动",
        "no honest bounds: an error that they need is nought, as the outcome does not vary there",
    ),
}
CONTROLS = {"never": ("从未处理者", "never treated"), "notyet": ("尚未处理者", "not yet treated")}


def words(found: dict[str, Any], language: str) -> list[str]:
    """The answer in sentences, ``zh`` or ``en``."""
    lines = _zh(found) if language == "zh" else _en(found)
    return [line for line in lines if line] + told(found, language)


def _between(part: dict[str, Any]) -> str:
    return "–" if part["low"] is None else f"{part['low']:.4g} … {part['high']:.4g}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _times(breakdown: float) -> str:
    """How many times the largest step before treatment; a plus where no more was looked at."""
    return f"{breakdown:.2f}" + ("+" if breakdown >= MOST else "")


def _zh(found: dict[str, Any]) -> list[str]:
    whole, tested, interval = found["simple"], found["pretest"], found["interval"]
    what = "效应" if found["wording"] == "effect" else "差异（不是效应）"
    return [
        f"{what} {_number(whole['att'])}（95 % 区间 {_between(whole)}），证据等级 {found['grade']}：{REASONS[found['grade_reason']][0]}",
        f"方法 {found['method']}；对照：{CONTROLS[found['controls']][0]}；基期 {found['base']}；单元 {found['n_units']}，其中处理 {found['n_treated']}",
        f"按 {interval['cluster']} 聚类，{interval['clusters']} 类"
        + ("；类数太少，区间偏窄" if interval["few_clusters"] else "")
        if interval["cluster"]
        else "",
        (
            f"各口径：事件 {_number(found['dynamic']['att'])}，批次 {_number(found['group']['att'])}，日历 {_number(found['calendar']['att'])}；"
            f"同时区间系数 {found['bands']['critical']:.3f}"
        ),
        f"处理前走势检验：W = {_number(tested['w'])}，自由度 {tested['df']}，p = {_number(tested['p'])}"
        if tested["df"]
        else "处理之前没有可检验的期",
        *_zh_checks(found),
        *_zh_losses(found),
    ]


def _zh_checks(found: dict[str, Any]) -> list[str]:
    other, bacon, bounds = found["crosschecks"], found["bacon"], found["honest"]
    sun = other["sun_abraham"]
    lines = [f"核对：插补法 {_number(other['imputation']['att'])}，Sun–Abraham {_number(sun and sun['att'])}"]
    if bounds:
        average = bounds["average"]
        lines.append(
            f"稳健界限：走势偏离不超过处理前最大一步的 {_times(average['relative_magnitudes']['breakdown'])} 倍时，区间不含零；"
            f"斜率每期变化不超过 {_number(average['smoothness']['breakdown'])} 时，区间不含零"
        )
    else:
        lines.append(NO_BOUNDS[found["no_bounds"]][0])
    if bacon:
        weight = bacon["kinds"]["later_earlier"]["weight"]
        lines.append(
            f"双向固定效应 {_number(bacon['twfe'])}（仅供诊断，不是效应）：其中 {weight:.1%} 的权重以早处理者作对照"
        )
    return lines


def _zh_losses(found: dict[str, Any]) -> list[str]:
    lost, missing = found["attrition"], found["missing"]
    lines = []
    if missing["always_treated_dropped"]:
        lines.append(f"自首期即已处理的 {missing['always_treated_dropped']} 个单元无从比较，已剔除")
    if missing["treated_after_last"]:
        lines.append(f"末期之后才处理的 {missing['treated_after_last']} 个单元在此面板中按未处理计")
    if missing["cells_without_comparison"]:
        lines.append(f"{len(missing['cells_without_comparison'])} 个批次与时间的组合没有处理或对照单元，未计入")
    if missing["outcome_empty"]:
        lines.append(f"结果为空的行 {missing['outcome_empty']} 个，按未知处理")
    if found["exposed"]:
        lines.append(f"受邻近处理者外溢影响的 {found['exposed']} 个单元自受影响起不作对照")
    if lost["unseen_cells"]:
        lines.append(
            f"面板不全：末期已不见 {lost['left']} 个单元（{lost['left_share']:.1%}；处理组 {_share(lost['left_treated'])}，对照组 {_share(lost['left_untreated'])}，"
            f"两组相等的 p = {_number(lost['p_equal'])}），各期俱全 {lost['complete']} 个；每次比较用两期都有数据的单元"
        )
    if lost["complete_only"]:
        only = lost["complete_only"]
        lines.append(f"只用各期俱全的单元：{_number(only['att'])}（相差 {_number(only['difference'])}）")
    return lines + [
        f"批次 {one['cohort']}（{one['units']} 个单元）自身的处理前走势被拒绝（p = {_number(one['pretest']['p'])}）：处理时间可能有误，或提前受影响；"
        f"去掉它，结果为 {_number(one['without'])}（变动 {_number(one['moves'])}）"
        for one in found["cohorts"] if one["suspect"]
    ]  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _en(found: dict[str, Any]) -> list[str]:
    whole, tested, interval = found["simple"], found["pretest"], found["interval"]
    what = "effect" if found["wording"] == "effect" else "difference, not effect:"
    return [
        f"{what} {_number(whole['att'])} (95 % {_between(whole)}), grade {found['grade']}: {REASONS[found['grade_reason']][1]}",
        (
            f"method {found['method']}; controls: {CONTROLS[found['controls']][1]}; base {found['base']}; {found['n_units']} units, "
            f"{found['n_treated']} treated"
        ),
        f"clustered by {interval['cluster']}, {interval['clusters']} clusters"
        + ("; too few, the interval is too short" if interval["few_clusters"] else "")
        if interval["cluster"]
        else "",
        (
            f"by event time {_number(found['dynamic']['att'])}, by cohort {_number(found['group']['att'])}, by calendar {_number(found['calendar']['att'])}; "
            f"simultaneous bands: {found['bands']['critical']:.3f} standard errors"
        ),
        f"pre-trend test: W = {_number(tested['w'])}, df {tested['df']}, p = {_number(tested['p'])}"
        if tested["df"]
        else "no time before treatment can be tested",
        *_en_checks(found),
        *_en_losses(found),
    ]


def _en_checks(found: dict[str, Any]) -> list[str]:
    other, bacon, bounds = found["crosschecks"], found["bacon"], found["honest"]
    sun = other["sun_abraham"]
    lines = [
        f"cross-checks: imputation {_number(other['imputation']['att'])}, Sun-Abraham {_number(sun and sun['att'])}"
    ]
    if bounds:
        average = bounds["average"]
        lines.append(
            f"honest bounds: nought stays out while trends deviate by at most {_times(average['relative_magnitudes']['breakdown'])} of the largest step "
            f"before treatment, or change slope by at most {_number(average['smoothness']['breakdown'])} a period"
        )
    else:
        lines.append(NO_BOUNDS[found["no_bounds"]][1])
    if bacon:
        weight = bacon["kinds"]["later_earlier"]["weight"]
        lines.append(
            f"two-way fixed effects {_number(bacon['twfe'])} (a diagnosis, not the effect): {weight:.1%} of the weight has treated units as controls"
        )
    return lines


def _en_losses(found: dict[str, Any]) -> list[str]:
    lost, missing = found["attrition"], found["missing"]
    lines = []
    if missing["always_treated_dropped"]:
        lines.append(
            f"{missing['always_treated_dropped']} units treated from the first time on have nothing to compare and were dropped"
        )
    if missing["treated_after_last"]:
        lines.append(
            f"{missing['treated_after_last']} units treated only after the last time count as untreated in this panel"
        )
    if missing["cells_without_comparison"]:
        lines.append(
            f"{len(missing['cells_without_comparison'])} pairs of cohort and time have no treated or no control units and do not count"
        )
    if missing["outcome_empty"]:
        lines.append(f"{missing['outcome_empty']} rows have no outcome; they are unknown, not zero")
    if found["exposed"]:
        lines.append(f"{found['exposed']} units exposed to a treated neighbour are no controls from then on")
    if lost["unseen_cells"]:
        lines.append(
            f"the panel has holes: {lost['left']} units ({lost['left_share']:.1%}; treated {_share(lost['left_treated'])}, untreated {_share(lost['left_untreated'])}, "
            f"p of equality {_number(lost['p_equal'])}) are gone at the last time, {lost['complete']} are seen at all; each comparison uses units seen at both times"
        )
    if lost["complete_only"]:
        only = lost["complete_only"]
        lines.append(
            f"with the units seen at all times alone: {_number(only['att'])} ({_number(only['difference'])} away)"
        )
    return lines + [
        f"cohort {one['cohort']} ({one['units']} units) fails its own pre-trend test (p = {_number(one['pretest']['p'])}): its date may be wrong, or it "
        f"was touched before; without it the result is {_number(one['without'])} (moved by {_number(one['moves'])})"
        for one in found["cohorts"] if one["suspect"]
    ]  # fmt: skip
