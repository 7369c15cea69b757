"""The words of what is said about a park, in both languages."""

from __future__ import annotations

from typing import Any

from steelyard.paper.words import SHARED

STATES: dict[str, tuple[str, str]] = {
    "met": ("达到", "met"), "not_met": ("未达到", "not met"), "open": ("尚不能定", "open"), "unknown": ("未知", "unknown"),
    "unheard": ("未填报", "unheard"), "weak": ("仅弱证据达到", "met by weak evidence alone"),
}  # fmt: skip
"""How a clause, a ratio, a high or a firm stands: Chinese and English."""

WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        **SHARED["zh"],
        "title": "高标准数字园区申报材料", "grades": {"declared": "自报", "pledged": "承诺", "documented": "有佐证", "inspected": "核查", "measured": "实测"},
        "states": {state: zh for state, (zh, _) in STATES.items()},
        "parts": {"summary": "园区与结论", "firms": "所缺企业", "chains": "数据链、创新链、产业链、供应链", "roster": "名录核对", "all": "材料清单与核验方法"},
        "gate": "资格与四高全部达到", "met": "四高达到个数", "eligible": "园区资格", "industries": "规上企业行业", "inside": "所在园区",
        "divisions": "制造业 {manufacturing}，其他 {other}，行业不明 {unknown}",
        "not_approval": "本材料由填报与汇总数据生成，不是认定结果；称号由主管部门认定。转型以中小企业数字化水平二级计，为本项目口径，指南未定义。",
        "rolled": "比例由企业数据汇总：值为已获数据企业中的占比，范围为未获数据企业可能造成的上下限；下限达到 100 % 才算达到。园区自报不计入。",
        "ratio": "比例", "value": "值", "range": "范围", "heard": "获数/应计", "says": "园区自报", "needs": "还缺", "no_paper": "无材料",
        "weak_note": "弱证据指低于“{floor}”。", "firm": "企业", "counts": "{label}：{counts}。", "more": "另有 {count} 家未列出。",
        "lacking": "{count} 家次",
        "ours": "未见官方四链指标体系，以下指标均为本项目自定。没有数据的写“未知”，不按零计。", "no_tables": "缺数据表 {tables}",
        "gaps": "以下企业属于本园区，但名录不全：", "no_gaps": "园区企业均在名录中，期间无缺口。", "gap": "问题", "do": "怎么办",
        "not_weighed": "本期尚未计量，结论未知：请先运行 steelyard weigh。",
    },
    "en": {
        **SHARED["en"],
        "title": "Application of a high-standard digital park",
        "grades": {grade: grade for grade in ("declared", "pledged", "documented", "inspected", "measured")},
        "states": {state: en for state, (_, en) in STATES.items()},
        "parts": {"summary": "The park, and where it stands", "firms": "Firms that lack", "chains": "Data, innovation, industrial and supply chains",
                  "roster": "Roster checked", "all": "All documents, and how to verify them"},
        "gate": "Eligible, and all four highs met", "met": "Highs met", "eligible": "Eligibility", "industries": "Industries of above-size firms",
        "inside": "Inside the park", "divisions": "manufacturing {manufacturing}, other {other}, unknown {unknown}",
        "not_approval": "Made of answers and rolled-up data; it is no approval, and the ministry gives the title. Transformed is SME 2024 level 2: ours, the "
                        "guide does not define it.",
        "rolled": "Ratios are rolled up from the firms: the value is the share of those heard, the range what the unheard could make of it; met only where its "
                  "low end is 100 %. What the park says of itself does not count.",
        "ratio": "Ratio", "value": "Value", "range": "Range", "heard": "Heard of", "says": "Park says", "needs": "Needs", "no_paper": "no document",
        "weak_note": "Weak evidence is below “{floor}”.", "firm": "Firm", "counts": "{label}: {counts}.", "more": "{count} more are not listed.",
        "lacking": "{count} in all",
        "ours": "No official indicators of the four chains were found; these are ours. What has no data is unknown, not zero.", "no_tables": "no rows of {tables}",
        "gaps": "These firms belong to the park, and the roster does not tell all of them:", "no_gaps": "All firms of the park are on the roster, without gaps.",
        "gap": "Finding", "do": "What to do",
        "not_weighed": "Nothing was weighed for this period; where the park stands is unknown. Run steelyard weigh first.",
    },
}  # fmt: skip
