"""An answer in words, Chinese or English, for those who decide: result, certificate, years, regions, prices, what lacks, whose numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Say = Callable[[str, str], str]
Doc = Mapping[str, Any]
MOST_PRICES = 6
MOST_FIRMS = 12
ROLES = {
    "pilot": ("试点", "pilot"),
    "spared": ("受带动而费用较低", "spared by an example"),
    "fixed_year": ("年份已定", "year fixed"),
}
PARTS = {
    "leaders": ("链主年份", "leaders' years"), "pilots": ("试点", "pilots"), "whole": ("全部选择合看", "all choices together"),
    "firms, parks, inspections": ("企业、园区、核查", "firms, parks, inspections"),
}  # fmt: skip
METHODS = {
    "Dantzig-Wolfe": ("列生成（Dantzig–Wolfe）", "Dantzig–Wolfe"), "CELF": ("惰性贪心（CELF）", "CELF"),
    "cohorts": ("分组线性规划、价格、逐户取整", "cohort LP, prices, whole firms"),
    "lagrange": ("拉格朗日下界，包含链主年份和试点的各种选法", "Lagrangian bound over every choice of leaders' years and pilots"),
}  # fmt: skip
GRADES = {"declared": "自报", "pledged": "承诺", "documented": "有佐证", "inspected": "核查", "measured": "实测"}
HOW = {"first": ("先定", "first"), "jointly": ("联合求解", "jointly"), "bound": ("下界", "bound")}


def speaker(lang: str) -> Say:
    """Chooses between two texts."""
    return (lambda _, en: en) if lang == "en" else (lambda zh, _: zh)


def money(value: float, say: Say) -> str:
    """CNY, in 万元 or 亿元, or in thousands or millions."""
    size = abs(value)
    if size >= 1e8:
        return say(f"{value / 1e8:,.2f} 亿元", f"CNY {_short_number(value / 1e6)} million")
    if size >= 1e4:
        return say(
            f"{_short_number(value / 1e4)} 万元",
            f"CNY {_short_number(value / (1e6 if size >= 1e6 else 1e3))} {'million' if size >= 1e6 else 'thousand'}",
        )
    return say(f"{value:,.2f} 元", f"CNY {value:,.2f}")


def _short_number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def share(value: float | None) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{value:.1%}"


def names(found: Doc, lang: str) -> dict[str | None, str]:
    """Regions' names."""
    return {one["region"]: one["name"].get(lang) or one["region"] for one in found["regions"]}


def lines(found: Doc, lang: str) -> list[str]:
    """The whole answer."""
    say = speaker(lang)
    return [*_head(found, say), "", *_result(found, say), *_short(found, lang, say), "", *_certificate(found, say), "",
            *_years(found, say), "", *_regions(found, lang, say), "", *_prices(found, lang, say), "", *_choices(found, lang, say), "",
            *_assumed(found, say), *_notes(found, say)]  # fmt: skip


def _head(found: Doc, say: Say) -> Iterator[str]:
    made_up = say("（合成数据）", " (synthetic data)") if found["synthetic"] else ""
    aim = {
        "reach": say("以最低费用达到目标", "reach the targets at least cost"),
        "most": say("以现有资源惠及最多", "reach most with what there is"),
    }
    yield say(
        f"计划「{found['plan']}」：{aim[found['objective']]}{made_up}",
        f"Plan “{found['plan']}”: {aim[found['objective']]}{made_up}",
    )
    figures = found["figures"]
    grades = say("、", ", ").join(f"{say(GRADES[name], name)} {count}" for name, count in figures["grades"].items())
    yield say(f"口径：{found['label']['zh']}（{found['coverage']}），等级 {found['level_of']} ≥ {found['level']:g}；",
              f"Coverage: {found['label']['en']} ({found['coverage']}), level {found['level_of']} >= {found['level']:g};")  # fmt: skip
    yield say(f"  这里按名录 {found['roster']} 的全部企业计，未获数据的不算达到；现状取各企业最新的数（到 {figures['label']}），证据：{grades}",
              f"  here of all firms on the roster {found['roster']}, unheard ones not counted; as of each firm's newest Figure (to {figures['label']}), evidence: {grades}")  # fmt: skip


def _result(found: Doc, say: Say) -> Iterator[str]:
    kinds = Counter(row["kind"] for row in found["choices"])
    what = say(f"{kinds['firm']} 家企业、{kinds['park']} 个园区、{kinds['inspection']} 次核查",
               f"firms: {kinds['firm']}, parks: {kinds['park']}, rounds of inspections: {kinds['inspection']}")  # fmt: skip
    chains = say(f"，其中链主带动 {kinds['chain']} 条链", f", chains led: {kinds['chain']}") if kinds["chain"] else ""
    met = (
        say("目标与下限全部达到", "All targets and floors are met")
        if found["met"]
        else say("有目标或下限达不到", "Not all targets and floors can be met")
    )
    if _unproven(found):
        met = say("没有找到全部达到的方案", "No plan was found that meets all targets and floors")
    if found["objective"] == "most" and found["met"]:
        met = say("各地下限全部达到", "All floors are met")
    yield say(
        f"结果：{met}。资助 {what}{chains}，合计 {money(found['cost'], say)}。",
        f"Result: {met}. Funds {what}{chains}; {money(found['cost'], say)} in all.",
    )
    total = found["total"]
    last = found["years"][-1]
    yield say(f"  名录 {total['among']} 家，已知 {total['heard']} 家，已达到 {total['reached']} 家；到 {last} 年底按计划达到 {share(_at(total, last))}。",
              f"  {total['among']} on the roster, {total['heard']} heard, {total['reached']} there; {share(_at(total, last))} by the end of {last} if all goes as planned.")  # fmt: skip


def _at(of: Mapping[str, Any], year: int, what: str = "coverage") -> Any:
    """A year's number; a sealed document has its years as text."""
    found = of[what]
    return found[year] if year in found else found[str(year)]


def _lacking(found: Doc) -> bool:
    """Whether targets stay unmet: gap and prices are then of plans that miss as few, in firms."""
    return found["least_short"] is not None


def _unproven(found: Doc) -> bool:
    """Whether targets stay unmet though it is not proven that every plan misses some."""
    return found["least_short"] == 0 and bool(found["short"])


def _short(found: Doc, lang: str, say: Say) -> Iterator[str]:
    known = names(found, lang)
    if found["least_short"]:
        yield say(f"达不到：任何方案合计至少差 {found['least_short']} 家（按各目标、各下限累计，已证明）。",
                  f"Out of reach: every plan misses targets and floors by at least {found['least_short']} firms in all (certified).")  # fmt: skip
    if _unproven(found):
        yield say(
            "没有找到全部达到的方案，但未证明达不到：",
            "No plan was found that meets all; that none exists is not proven:",
        )
    for one in sorted(found["short"], key=lambda row: (row["region"] is not None, -row["short"]))[:MOST_FIRMS]:
        where = known.get(one["region"], say("全部地区", "all regions"))
        unheard = (
            say(
                f"，其中 {one['unheard']} 家是因为未获数据的企业太多",
                f", {one['unheard']} of them because too many are unheard",
            )
            if one["unheard"]
            else ""
        )
        yield say(
            f"  {one['year']} 年 {where}：差 {one['short']} 家{unheard}",
            f"  {one['year']}, {where}: {one['short']} short{unheard}",
        )
    if len(found["short"]) > MOST_FIRMS:
        yield say(
            f"  …… 另有 {len(found['short']) - MOST_FIRMS} 项，见 --json",
            f"  … {len(found['short']) - MOST_FIRMS} more: --json",
        )
    for one in found["unmet"]:
        if one["limit"] in ("parks", "inspection"):
            yield say(
                f"  {one['year']} 年 {one['at'] or '园区'}：未资助",
                f"  {one['year']} {one['at'] or 'parks'}: not funded",
            )
    if found["short"]:
        yield say("  放宽什么最有用，见下面的价格；未获数据的企业请先填报或核查。",
                  "  The prices below say what would help most; firms unheard are to be asked or inspected first.")  # fmt: skip


def _certificate(found: Doc, say: Say) -> Iterator[str]:
    kept = (
        say("各项限制已逐条重算，全部满足", "every limit was counted anew and holds")
        if found["feasible"]
        else say("有限制未满足", "a limit is broken")
    )
    best = (
        say("同样少差（链主、试点不变）的最好方案", "the best plan that misses as few, leaders and pilots held,")
        if _lacking(found)
        else say("最好的方案", "the best plan")
    )
    yield say(
        f"证书：离{best}最多差 {found['gap']:.3%}；{kept}。",
        f"Certificate: at most {found['gap']:.3%} from {best}; {kept}.",
    )
    for one in found["solved"]:
        used = "" if one["used"] else say("（未采用：不先定更好）", " (not used: better without)")
        part, how, method = say(*PARTS[one["part"]]), say(*HOW[one["how"]]), say(*METHODS[one["method"]])
        yield say(
            f"  {part}：{how}，{method}，差距 ≤ {one['gap']:.3%}{used}",
            f"  {part}: {how}, {method}, gap <= {one['gap']:.3%}{used}",
        )
    for one in found["broken"]:
        yield "  ! " + " ".join(str(one[name]) for name in ("limit", "at", "year", "found", "wanted"))


def _years(found: Doc, say: Say) -> Iterator[str]:
    yield say("年度", "Years")
    for one in found["budget"]:
        year = one["year"]
        yield "  " + say(
            f"{year}：预算 {money(one['budget'], say)}，用 {money(one['spent'], say)}；累计资助 {_at(found['total'], year, 'funded')} 家，年底达到 {share(_at(found['total'], year))}",
            f"{year}: budget {money(one['budget'], say)}, spent {money(one['spent'], say)}; {_at(found['total'], year, 'funded')} firms funded so far, {share(_at(found['total'], year))} there",
        )  # fmt: skip


def _regions(found: Doc, lang: str, say: Say) -> Iterator[str]:
    years = found["years"]
    yield say(
        "地区（名录/已知/现达到/可资助 → 资助；年底达到）",
        "Regions (roster/heard/there/fundable → funded; there by the end of)",
    )
    for one in found["regions"]:
        course = " ".join(f"{year} {share(_at(one, year))}" for year in years)
        yield f"  {one['name'].get(lang) or one['region']}: {one['among']}/{one['heard']}/{one['reached']}/{one['candidates']} → {_at(one, years[-1], 'funded')}; {course}"


def _prices(found: Doc, lang: str, say: Say) -> Iterator[str]:
    known = names(found, lang)
    yield say("什么最紧、值多少", "What binds, and its price")
    rows = found["prices"]
    for kind in ("budget", "capacity", "total", "floor"):
        some = [one for one in rows if one["kind"] == kind]
        yield from (f"  {_price(one, known, found, say)}" for one in some[:MOST_PRICES])
        if len(some) > MOST_PRICES:
            yield say(
                f"  …… 同类另有 {len(some) - MOST_PRICES} 项，见 --json",
                f"  … {len(some) - MOST_PRICES} more of this kind: --json",
            )
    if not rows and not found["met"]:
        yield say(
            "  没有企业的项目能放进任何一年的预算和人天：先增加预算或人天",
            "  no firm's project fits into any year: raise budgets or provider-days first",
        )
    if not rows and found["met"]:
        yield say("  没有：预算、人天和下限都有余", "  nothing: budgets, provider-days and floors all have room")
    if found["next"]:
        yield "  " + _next(found, say)


def _worth(value: float, found: Doc, say: Say) -> str:
    if _lacking(found):
        return say(f"少差 {value:,.3g} 家", f"{value:,.3g} firms fewer short")
    if found["objective"] == "most":
        return say(f"{value:,.3g} 权重分", f"{value:,.3g} points of weight")
    return money(value, say)


def _price(one: Doc, known: Mapping[str | None, str], found: Doc, say: Say) -> str:
    where, year, unit = known.get(one["region"], ""), one["year"], 1e4 if one["kind"] == "budget" else 1.0
    worth, verb = _worth(one["price"] * unit, found, say), "可" if _lacking(found) else "值 "
    return {
        "budget": say(f"{year} 年预算再多 1 万元，{verb}{worth}", f"CNY 10,000 more in {year} are worth {worth}"),
        "capacity": say(
            f"{year} 年{where}再多一个服务商人天，{verb}{worth}",
            f"a provider-day in {where} in {year} is worth {worth}",
        ),
        "total": say(f"{year} 年总目标每多一家，代价 {worth}", f"one firm more in the target of {year} costs {worth}"),
        "floor": say(
            f"{year} 年{where}的下限每多一家，代价 {worth}",
            f"one firm more in the floor of {where} in {year} costs {worth}",
        ),
    }[one["kind"]]


def _next(found: Doc, say: Say) -> str:
    more = found["next"]
    gains = more["at_prices"] if more["gains"] is None else more["gains"]
    saves = found["objective"] == "reach" and not _lacking(found)
    worth = _worth(gains, found, say)
    verb = "可省 " if saves else "可" if _lacking(found) else "可多得 "
    return say(f"下一个 {money(more['amount'], say)}放在 {more['year']} 年最值：{verb}{worth}",
               f"the next {money(more['amount'], say)} are worth most in {more['year']}: {worth}{' saved' if saves else ''}")  # fmt: skip


def reasons(row: Doc, kinds: Mapping[str, str], say: Say) -> str:
    """Why a row is what it is: roles and priorities."""
    told = []
    for one in row["why"]:
        word, _, rest = one.partition(":")
        if word == "leader":
            told.append(say(f"链主 {rest}", f"leader {rest}"))
        elif word == "suppliers_later":
            told.append(say(f"以后年度供应商 {rest} 家", f"{rest} suppliers in later years"))
        else:
            told.append(say(*ROLES[one]) if one in ROLES else kinds.get(one, one))
    return say("；", "; ").join(told)


def _choices(found: Doc, lang: str, say: Say) -> Iterator[str]:
    known = names(found, lang)
    kinds: dict[str, str] = {
        one["name"].removeprefix("priority "): one["label"][lang] for one in found["assumed"] if "label" in one
    }
    first = min((row["year"] for row in found["choices"] if row["kind"] == "firm"), default=found["years"][0])
    firms = [row for row in found["choices"] if row["kind"] == "firm" and row["year"] == first]
    others = [row for row in found["choices"] if row["kind"] != "firm"]
    words = {
        "chain": say("链", "chain"),
        "park": say("园区", "park"),
        "inspection": say("核查", "inspection"),
        "firm": say("企业", "firm"),
    }
    yield say(f"资助什么（{first} 年企业 {len(firms)} 家，列 {min(len(firms), MOST_FIRMS)} 家；全部见 --json）",
              f"What is funded ({len(firms)} firms in {first}, {min(len(firms), MOST_FIRMS)} listed; all of them: --json)")  # fmt: skip
    if len(others) > MOST_FIRMS:
        yield say(
            f"  链、园区、核查共 {len(others)} 项，列 {MOST_FIRMS} 项",
            f"  {len(others)} chains, parks and inspections, {MOST_FIRMS} listed",
        )
    for row in [*others[:MOST_FIRMS], *firms[:MOST_FIRMS]]:
        why = reasons(row, kinds, say)
        cost = f" {money(row['cost'], say)}" if row["kind"] != "chain" else ""
        told = [
            row["year"],
            words[row["kind"]],
            row["subject"],
            row["name"] if row["name"] != row["subject"] else "",
            known.get(row["region"], row["region"]),
        ]
        yield "  " + " ".join(str(one) for one in told if one) + cost + (f" [{why}]" if why else "")


def _assumed(found: Doc, say: Say) -> Iterator[str]:
    whose = {"ours": say("本项目", "ours"), "home": say("本问题", "the question")}
    told = [
        f"{_label(one, say)} {one['value']:g}" + say("（{}）", " ({})").format(whose.get(one["status"], one["status"]))
        for one in found["assumed"]
    ]
    yield say("假设与权重：", "Assumptions and weights: ") + say("；", "; ").join(told)


def _label(one: Doc, say: Say) -> str:
    known = {"discount": say("每年折现", "discount a year"), "leader_saving": say("链主带动节省", "spared by a leader"),
             "pilot_saving": say("试点带动节省", "spared by a pilot")}  # fmt: skip
    return say(one["label"]["zh"], one["label"]["en"]) if "label" in one else known[one["name"]]


def _notes(found: Doc, say: Say) -> Iterator[str]:
    notes = found["notes"]
    told = {
        "unheard": say("名录中有 {} 家未获数据，{}", "{} firms of the roster are unheard: {}"),
        "undecided": say("其中 {} 家的等级区间跨过目标等级，不能判定，按未获数据计", "the level of {} of these lies on both sides of the one asked: undecided, taken as unheard"),
        "estimated": say("{} 家候选企业的费用与人天是本项目估计，报价请写入表 project_costs",
                         "cost and provider-days of {} candidates are our estimates; quotes go into the table project_costs"),
        "too_large": say("{} 家企业单户所需就超过任何一年的预算或当地人天，无法资助",
                         "the project of each of {} firms alone exceeds every year's budget or provider-days: none can be funded"),
        "outside": say("{} 家企业不在计划的地区内（代码缺失或在外），未计入", "{} firms are in none of the plan's regions and are left out"),
    }  # fmt: skip
    fate = say("当作未达到、可以资助" if found["fund_unheard"] else "不当作未达到，也不资助",
               "taken as not there, and can be funded" if found["fund_unheard"] else "neither taken as not there nor funded")  # fmt: skip
    said = {name: count for name in told if (count := notes.get(name))}  # a sealed plan can be older than a note
    yield from ("  · " + told[name].format(count, fate) for name, count in said.items())
    if twice := notes["two_parks"]:
        yield (
            "  · "
            + say(
                f"{len(twice)} 家企业同时属于几个园区，各资助一次：",
                f"{len(twice)} firms are in several parks at once, each funded once: ",
            )
            + ", ".join(twice[:5])
        )
