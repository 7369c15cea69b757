"""Why this firm and not that, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.plan.choose_words import Say, money, names, speaker

PARTS = ("money", "budget", "provider_days", "priority", "floors")


def standing(firms: Sequence[Mapping[str, Any]], found: Mapping[str, Any], lang: str) -> list[str]:
    """One firm, or two beside each other."""
    say = speaker(lang)
    known = names(found, lang)
    labels = {one["name"].removeprefix("priority "): one["label"][lang] for one in found["assumed"] if "label" in one}
    return [line for one in firms for line in _firm(one, known, labels, found, say)] + list(_beside(firms, say))


def _firm(
    one: Mapping[str, Any],
    known: Mapping[str | None, str],
    labels: Mapping[str, str],
    found: Mapping[str, Any],
    say: Say,
) -> Iterator[str]:
    if "left" in one:
        why = {"reached": say(f"已达到（{one['level']}），不需要资助", f"has the level already ({one['level']})"),
               "unheard": say("未获数据：不知道它的等级，先填报或核查", "unheard: its level is not known; ask or inspect it first"),
               "outside": say("不在计划的地区内", "in none of the plan's regions")}[one["left"]]  # fmt: skip
        yield f"{one['firm']} {one['name']} ({known.get(one['region'], '–')}): {why}"
        return
    year = say(f"{one['year']} 年资助", f"funded in {one['year']}") if one["year"] else say("未选入", "not chosen")
    yield f"{one['firm']} {one['name']} ({known[one['region']]}): {year}"
    kinds = say("、", ", ").join(labels.get(kind, kind) for kind in one["kinds"]) or say("无", "none")
    yield "  " + say(f"费用 {money(one['cost'], say)}，{one['days']:g} 人天，优先类别：{kinds}，权重 {one['weight']:g}",
                     f"{money(one['cost'], say)}, {one['days']:g} provider-days, priorities: {kinds}, weight {one['weight']:g}")  # fmt: skip
    if one["held"]:
        yield "  " + say(
            "作为链主或试点先定：它以后年度为别人省下的，算在整个方案里",
            "held first as a leader or pilot: what it spares others counts in the whole plan",
        )
        return
    words = {"money": say("折算费用", "money counted"), "budget": say("占用预算", "budget used"), "provider_days": say("占用人天", "provider-days used"),
             "priority": say("优先减免", "earned by priority"), "floors": say("满足目标和下限所值", "earned by targets and floors")}  # fmt: skip
    yield "  " + say("；", "; ").join(f"{words[name]} {_amount(one[name], found, say)}" for name in PARTS)
    yield "  " + say(f"净值 {_amount(one['reduced'], found, say)}（低于 0 才值得；所看年份 {one['year'] or one['best'] or '–'}）",
                     f"net {_amount(one['reduced'], found, say)} (worth it below 0; year looked at: {one['year'] or one['best'] or '–'})")  # fmt: skip


def _amount(value: float, found: Mapping[str, Any], say: Say) -> str:
    if found["objective"] == "most":
        return f"{value:,.4g}"
    return money(value, say)


def _beside(firms: Sequence[Mapping[str, Any]], say: Say) -> Iterator[str]:
    """The parts in which two firms differ, most first."""
    if len(firms) < 2 or any(one["held"] or "left" in one for one in firms):
        return
    words = {"money": say("费用", "money"), "budget": say("预算", "budget"), "provider_days": say("人天", "provider-days"),
             "priority": say("优先", "priority"), "floors": say("目标和下限", "targets and floors")}  # fmt: skip
    this, that = firms
    gaps = {name: (this[name] - that[name]) * (-1 if name in ("priority", "floors") else 1) for name in PARTS}
    told = [
        f"{words[name]} {gap:+,.4g}"
        for name, gap in sorted(gaps.items(), key=lambda pair: -abs(pair[1]))
        if abs(gap) > 1e-9
    ]
    yield say(f"{this['firm']} 比 {that['firm']}：净值差 {this['reduced'] - that['reduced']:+,.4g}（负则前者更值得）；其中 ",
              f"{this['firm']} against {that['firm']}: net {this['reduced'] - that['reduced']:+,.4g} (below 0: the first is worth more); of this ") + (
        say("；", "; ").join(told) or say("没有差别：两家同样值得", "nothing: both are worth the same"))  # fmt: skip
