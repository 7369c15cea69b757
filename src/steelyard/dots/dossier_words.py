"""The words of a dossier, in both languages. The eight items are those that pilot cities ask for."""

from __future__ import annotations

from typing import Any

from steelyard.paper.words import SHARED
from steelyard.take.forms import GRADES_ZH

ITEMS = ("acceptance", "application", "finance", "contracts", "invoices", "completion", "effect", "assessment")
BY_KIND = {"contract": "contracts", "invoice": "invoices", "payment": "invoices", "report": "completion", "export": "effect", "photo": "effect",
           "certificate": "effect"}  # fmt: skip
"""Where a document stands unless it was placed by hand; of the kind ``other`` it stands among the rest."""

WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        **SHARED["zh"],
        "title": "数字化转型项目验收材料",
        "items": {"acceptance": "验收申请表", "application": "项目申报书", "finance": "财务核查表", "contracts": "合同", "invoices": "发票与付款凭证",
                  "completion": "完工报告", "effect": "成效佐证", "assessment": "改造后自评表及佐证", "all": "材料清单与核验方法"},
        "grades": GRADES_ZH,
        "draft": "草案，未生效", "bytes": "字节",
        "sum": "合计", "at_least": "至少 {sum}（{count} 份中 {without} 份未写金额）", "exact": "{sum}（{count} 份）", "none_told": "未知（{count} 份均未写金额）",
        "no_documents": "没有材料，金额未知。", "not_there": "未提供材料。缺的不按零计，也不推断。",
        "lacking": "缺少：{kinds}。", "drawn": "抽中题数（种子）",
        "place": "可用 --place {item}=材料编号 指定。", "no_level": "本期没有计量等级，等级未知：请先运行 steelyard weigh。",
        "older": "等级计量时已答 {heard} 题，现在已答 {answered} 题：请重新运行 steelyard weigh 后再生成。",
        "before": "改造前（上一期）", "after": "本期", "change": "差",
        "change_note": "差是前后之差，不是因果意义上的成效；成效评估见 steelyard effect。没有上一期的写“未知”。",
        "no_figures": "本期没有计量值，成效未知。", "more": "另有 {count} 个计量值见数据包。",
        "from": "由 {fact} 得出",
        "counts": "共 {items} 题，已答 {answered} 题，未答 {unanswered} 题。按证据等级：{grades}。",
        "inspected": "现场核查 {count} 题：高报 {over}，低报 {under}，其他不同 {other}，相同 {same}，此前未答 {silent}。",
        "checked": "核查人", "contents": "序号",
        "checkers": "核查人：                    复核人：                    日期：", "other": "其他材料",
    },
    "en": {
        **SHARED["en"],
        "title": "Acceptance file of a digital-transformation project",
        "items": {"acceptance": "Acceptance file", "application": "Application", "finance": "Financial check sheet", "contracts": "Contracts",
                  "invoices": "Invoices and proof of payment", "completion": "Completion report", "effect": "Evidence of effect",
                  "assessment": "Self-assessment after the project, with evidence", "all": "All documents, and how to verify them"},
        "grades": {"declared": "declared", "pledged": "pledged", "documented": "documented", "inspected": "inspected", "measured": "measured"},
        "draft": "DRAFT, not in force", "bytes": "Bytes",
        "sum": "Sum", "at_least": "at least {sum} ({without} of {count} tell no amount)", "exact": "{sum} ({count})",
        "none_told": "unknown (none of {count} tells its amount)", "no_documents": "No documents; the amount is unknown.",
        "not_there": "No document is here. What is missing is neither counted as zero nor inferred.",
        "lacking": "Lacking: {kinds}.", "drawn": "Items drawn (seed)",
        "place": "Place one with --place {item}=DOCUMENT.", "no_level": "No level was weighed for this period; it is unknown. Run steelyard weigh first.",
        "older": "{heard} items were answered when the level was weighed, {answered} are now: run steelyard weigh and write the dossier again.",
        "before": "Before (last period)", "after": "This period", "change": "Difference",
        "change_note": "A difference of before and after is not an effect; see steelyard effect. Where there is no earlier period, it is unknown.",
        "no_figures": "Nothing was weighed for this period; the effect is unknown.", "more": "{count} more Figures are in the bundle.",
        "from": "from {fact}",
        "counts": "{items} items, {answered} answered, {unanswered} not. By grade: {grades}.",
        "inspected": "{count} items inspected on site: {over} overstated, {under} understated, {other} otherwise different, {same} the same, {silent} "
                     "not answered before.",
        "checked": "Checked by", "contents": "No.",
        "checkers": "Checked by:                    Reviewed by:                    Date:",
        "other": "Other documents",
    },
}  # fmt: skip
