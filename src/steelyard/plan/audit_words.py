"""An audit in words, Chinese or English: what was drawn and why, and what the inspections say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.model.period import iso
from steelyard.plan.audit_weigh import Audited
from steelyard.take.audit import Audit

_DRAWN = {
    "zh": ("抽查 {id}：核查 {n} 家，共 {among} 家、{h} 层；费用 {cost:g}（下界 {bound:g}，至多高出 {gap:.2%}）",
           "预期误差 ±{reached:.2%}（要求 ±{margin:.2%}，置信度 {confidence:.0%}）",
           "按奈曼分配：各层家数 ∝ 企业数 × 预期标准差 ÷ √费用；预期不实比例为本项目（ours）设定或来自以往抽查",
           "全部核查的层（要求的家数已达该层企业数）：{census}", "本覆盖率本期第 {attempt} 次抽查"),
    "en": ("audit {id}: {n} firms to inspect of {among} in {h} strata; cost {cost:g} (none is cheaper than {bound:g}: at most {gap:.2%} above)",
           "expected margin ±{reached:.2%} (asked ±{margin:.2%}, confidence {confidence:.0%})",
           "Neyman: firms of a stratum go as firms × expected deviation ÷ √cost; the share expected to be wrong is ours, or of an earlier audit",
           "strata inspected whole (as many were needed as there are firms): {census}",
           "audit number {attempt} of this coverage and period"),
}  # fmt: skip
_SEEDED = {
    "zh": {True: "公开事件“{beacon}”的结果已掺入：本库与该事件的主办者都不能选择", False: "没有约定公开事件：知道密值的本库可以选择封账时刻；建议下次用 --beacon"},
    "en": {True: "the outcome of “{beacon}” is mixed in: neither this home nor who runs that event could choose",
           False: "no public event was named: this home, which knows the secret, could choose the moment of closing; take --beacon next time"},
}  # fmt: skip
_RESULT = {
    "zh": ("上报 {reported}（已获 {heard}/{among}，{low}…{high}，{grade}，封账 {closed}{made_up}）", "校正 {value}（{lower}…{upper}，置信度 {sure:.0%}，核查 {inspected}/{drawn}，估算 · 本项目 ours）",
           "上报减校正 {excess}（{excess_low}…{excess_high}）；申报达标者中属实 {holding}（{holding_low}…{holding_high}）",
           "整个名录（未获数据者可为任意）：{roster_low}…{roster_high}", "抽中未核查 {silent} 家，按最坏与最好两端计入：{names}",
           "未抽中而被核查的不计：{outside}", "再次核查的以首次为准：{again}"),
    "en": ("reported {reported} (heard {heard}/{among}, {low}…{high}, {grade}, claims closed {closed}{made_up})",
           "corrected {value} ({lower}…{upper}, confidence {sure:.0%}, inspected {inspected}/{drawn}, estimated · ours)",
           "reported less corrected {excess} ({excess_low}…{excess_high}); of those that claim, hold {holding} ({holding_low}…{holding_high})",
           "of the whole list (the unheard could be anything): {roster_low}…{roster_high}",
           "drawn and not inspected: {silent}, taken to either end: {names}", "inspected and not drawn, not counted: {outside}",
           "visited again, the first visit counts: {again}"),
}  # fmt: skip
_MADE_UP = {"zh": "，合成数据", "en": ", synthetic"}
NAMED = 8


def drawn_words(of: Audit, strata: Sequence[dict[str, Any]], lang: str) -> list[str]:
    """What a draw came to, and why."""
    facts = of.design | {
        "id": of.id, "n": sum(row["size"] for row in strata), "among": sum(row["among"] for row in strata), "h": len(strata),
        "gap": (of.design["cost"] - of.design["bound"]) / of.design["cost"] if of.design["cost"] else 0.0, "attempt": of.attempt,
        "census": named([f"{row['label']} {row['claims']}" for row in strata if row["size"] == row["among"]]),
    }  # fmt: skip
    lines = [line.format(**facts) for line in _DRAWN[lang]]
    return [*lines, _SEEDED[lang][bool(of.beacon)].format(beacon=of.beacon)]


def result_words(done: Audited, lang: str) -> list[str]:
    """The corrected coverage beside the reported one, and what could not count."""
    found, reported, closing = done.corrected, done.reported, done.audit.closing
    facts = {
        "closed": iso(closing.at)[:10] if closing else "–", "made_up": _MADE_UP[lang] if closing and closing.leaf.synthetic else "",
        "reported": share(reported.value), "heard": reported.heard, "among": reported.among, "low": share(reported.low),
        "high": share(reported.high), "grade": reported.grade or "–", "value": share(found.coverage.value),
        "lower": share(found.coverage.low), "upper": share(found.coverage.high), "sure": done.confidence,
        "inspected": int(done.sample.heard.sum()), "drawn": int(done.sample.drawn.sum()), "excess": share(found.excess.value),
        "excess_low": share(found.excess.low), "excess_high": share(found.excess.high), "holding": share(found.holding.value),
        "holding_low": share(found.holding.low), "holding_high": share(found.holding.high), "roster_low": share(done.roster[0]),
        "roster_high": share(done.roster[1]), "silent": len(done.silent), "names": named(done.silent),
        "outside": named(done.findings.outside), "again": named(done.findings.again),
    }  # fmt: skip
    kept = [True, True, True, not done.whole, bool(done.silent), bool(done.findings.outside), bool(done.findings.again)]
    return [line.format(**facts) for line, told in zip(_RESULT[lang], kept, strict=True) if told]


def share(value: float | None) -> str:
    """A share for people; a dash where it is not known."""
    return "–" if value is None or value != value else f"{value:.2%}"  # noqa: PLR0124  - NaN


def named(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = f" … +{len(names) - NAMED}" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) or "–") + more
