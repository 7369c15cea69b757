"""A forecast in plain lines, ``zh`` or ``en``: marked estimated, with how often such intervals held on the past beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.plan.progress_words import claimed, status

Document = dict[str, Any]


def lines(found: Document, lang: str) -> Iterator[str]:
    """The whole answer."""
    say = 0 if lang == "zh" else 1
    span = f"{found['years'][0]}–{found['years'][-1]} → {found['to']}"
    yield f"{found['label'][lang]} [{found['measure']}, {status(found['status'], say)}] · {('预测（估算）', 'forecast (estimated)')[say]} {span}"
    if found["synthetic"]:
        yield ("含合成数据，不是真实预测", "rests on synthetic data: no real forecast")[say]
    yield from _tried(found, say)
    yield from _funded(found, say)
    yield from _whole(found, lang, say)
    yield from _regions(found, lang, say)
    yield from _without(found, lang, say)
    yield from _tiers(found["tiers"], found, say)
    for claim in found["published"]:
        yield claimed(claim, say)


def _tried(found: Document, say: int) -> Iterator[str]:
    back, level = found["backtest"], f"{found['level']:.0%}"
    if back["realised"] is None:
        yield (f"{level} 区间尚未在过去检验过（年份太少），误差学自 {back['regions']} 个地区的 {back['errors']} 次",
               f"{level} intervals were never tried on the past (too few years); errors learnt from {back['errors']} of {back['regions']} regions")[say]  # fmt: skip
    else:
        straight = "–" if back["straight_line_error"] is None else f"{back['straight_line_error'] * 100:.2f}"
        yield (f"{level} 区间在回测中实际覆盖 {back['realised']:.1%}（{back['judged']} 次，{back['regions']} 个地区）；平均误差 {back['error'] * 100:.2f} 个百分点，直线外推 {straight}",
               (f"{level} intervals held in {back['realised']:.1%} of the back-test ({back['judged']} judged, {back['regions']} regions); mean error "
               f"{back['error'] * 100:.2f} points, straight line {straight}"))[say]  # fmt: skip
    if found["to"] - found["years"][-1] > back["years_ahead_tried"]:
        yield (f"过去只检验过 {back['years_ahead_tried']} 年以内的预测，更远的区间靠外推",
               f"the past judged forecasts up to {back['years_ahead_tried']} years ahead; intervals beyond rest on extrapolation")[say]  # fmt: skip
    if back["regions"] < needed(found["level"]):
        yield (f"地区只有 {back['regions']} 个，不足 {needed(found['level'])} 个时 {level} 区间不作收窄，为 0 至 100 %",
               f"{back['regions']} regions only: with fewer than {needed(found['level'])} a {level} interval stays open, 0 to 100 %")[say]  # fmt: skip
    yield ("说的是已获数据企业中的占比；未获数据者的影响见各期计量值的 low…high",
           "it speaks of the share among firms heard; what the unheard could make of it is in low…high of the Figures")[say]  # fmt: skip


def needed(level: float) -> int:
    """The fewest regions with which an interval of this level is not everything."""
    return round(level / (1 - level))


def _funded(found: Document, say: int) -> Iterator[str]:
    intake = found["intake"]
    if intake["name"] == "none":
        yield ("未计入资助：按自身速度走", "no funded intake is counted: curves go at their own pace")[say]
    else:
        yield (f"计入资助 {intake['name']}", f"with the funded intake {intake['name']}")[say]
        if not intake["past_told"]:
            yield (
                "资助表未写过去年份：过去的速度已含当时的资助，今后的资助可能被多算",
                "it tells nothing of past years: what was funded then is in the pace of the past, and may count twice",
            )[say]


def _whole(found: Document, lang: str, say: int) -> Iterator[str]:
    whole = found["whole"]
    yield ""
    yield (f"◆ 合计 {whole['regions']} 个地区，{whole['firms']:,.0f} 家（按企业数加权；区间由各地区一起抽取，本身未经回测）",
           f"◆ {whole['regions']} regions together, {whole['firms']:,.0f} firms (weighted by firms; interval from regions drawn together, itself not back-tested)")[say]  # fmt: skip
    for last in whole["history"][-1:]:
        yield "  " + _known(last, say)
    yield "  " + _years(whole["years"])
    for chance in whole["chances"]:
        yield (f"  {chance['label'][lang]}（{chance['goal']:.0%}，{chance['by']} 前）：合计达到的概率 {_chance(chance['mean'])}；各地区全部达到 {_chance(chance['each'])}",
               (f"  {chance['label'][lang]} ({chance['goal']:.0%} by {chance['by']}): chance that the whole reaches it {_chance(chance['mean'])}; "
               f"that every region does {_chance(chance['each'])}"))[say]  # fmt: skip


def _known(last: Document, say: int) -> str:
    """The last value known, with its range and denominator."""
    ends = f"{last['value']:.1%}, {last['low']:.1%}…{last['high']:.1%}"
    return (f"{last['year']} 年已知 {ends}，已获 {last['heard']:g}/{last['among']:g}，{last['grade']}",
            f"known of {last['year']}: {ends}, heard {last['heard']:g} of {last['among']:g}, {last['grade']}")[say]  # fmt: skip


def _years(years: list[Document]) -> str:
    return "  ".join(f"{one['year']}: {one['value']:.1%} ({one['low']:.1%}…{one['high']:.1%})" for one in years)


def _chance(chance: Document) -> str:
    return f"{chance['value']:.0%} ({chance['low']:.0%}…{chance['high']:.0%})"


def _regions(found: Document, lang: str, say: int) -> Iterator[str]:
    for region in found["regions"]:
        yield ""
        yield f"● {region['name'][lang]} ({region['id']})  " + _known(region["history"][-1], say)
        if region["pooled"]:
            yield (
                "  只有一年有数：用各地区共有的曲线，不是它自己的",
                "  heard in one year alone: the course of all regions from where it stands, not its own",
            )[say]
        yield "  " + _years(region["years"])
        if region["chances"]:
            yield "  " + ("；" if say == 0 else "; ").join(
                f"{one['target']} {_chance(one)}" for one in region["chances"]
            )


def _without(found: Document, lang: str, say: int) -> Iterator[str]:
    if found["without"]:
        yield ""
        yield ("没有预测的地区：", "Regions without a forecast:")[say]
    for region in found["without"]:
        what, do = (
            said[lang] if isinstance(said, dict) else said for said in (region["why"]["what"], region["why"]["do"])
        )
        yield f"  – {region['name'][lang]} ({region['id']})：{region['why']['code']} {what} → {do}"


def _tiers(tiers: Document | None, found: Document, say: int) -> Iterator[str]:
    if not found["measure"].startswith(("coverage/", "park/")):
        return
    yield ""
    if tiers is None:
        yield (
            "等级转移：没有连续两年都有数据的企业，不作推算",
            "tiers: no firm was heard in two years running, so nothing is told of how they move",
        )[say]
        return
    known = "、".join(tiers["sizes_known"]) or ("无", "none")[say]
    yield (f"◇ 等级转移 [{tiers['of']}]：{tiers['moves']:,} 次变动（退出 {tiers['left']:,}）、{tiers['entered']:,} 家新进；分组：等级 × 规模 × 地区（已知规模：{known}）",
           f"◇ tiers [{tiers['of']}]: {tiers['moves']:,} moves ({tiers['left']:,} left), {tiers['entered']:,} entered; by tier × size × region (sizes known: {known})")[say]  # fmt: skip
    yield (f"  不知去向：{tiers['moves_unheard']:,} 次变动、{tiers['entries_unheard']:,} 家新进未获数据；最后一年在册未获数据 {tiers['unheard_now']:,} 家，不在其中",
           (f"  not known: {tiers['moves_unheard']:,} moves and {tiers['entries_unheard']:,} entries unheard; {tiers['unheard_now']:,} firms on the last roster "
           "were not heard and are not in it"))[say]  # fmt: skip
    for year in tiers["years"]:
        share = "–" if year["share"] is None else f"{year['share']:.1%}"
        firms = "  ".join(
            f"{tier}: {many:,.0f}±{1.645 * sd:,.0f}"
            for tier, (many, sd) in enumerate(zip(year["firms"], year["sd"], strict=True))
        )
        yield (f"  {year['year']}  {firms}  ≥{tiers['at_least']}：{share}；累计新进 {year['entered']:,.0f}，退出 {year['left']:,.0f}",
               f"  {year['year']}  {firms}  ≥{tiers['at_least']}: {share}; entered {year['entered']:,.0f}, left {year['left']:,.0f} so far")[say]  # fmt: skip
