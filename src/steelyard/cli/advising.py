"""The commands that advise a factory: ``diagnose`` and ``roadmap``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from steelyard.dots.diagnose import Criterion, Diagnosis, Lack
    from steelyard.dots.peers import Peers
    from steelyard.dots.roadmap import Course, Step

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
Say = Callable[[str, str], str]
MOST = 12  # items of a criterion that a terminal shows


def diagnose(
    home: HomePath, subject: str, framework: str, *, to: int | None = None, period: str | None = None, json: JSON = False
) -> int:  # fmt: skip
    """Compare a subject with a framework's level: what is met, what lacks, what lacks only evidence, its place among peers 诊断.

    Parameters
    ----------
    subject
        Whom to diagnose, by id.
    framework
        The framework, by id: sme2024, gbt39116/2020.
    to
        The level aimed at; the next one when left out.
    period
        Answers before its end count; the newest period with a level when left out, else this year.
    """
    from steelyard.cli.say import as_json
    from steelyard.cli.weighing import period_of
    from steelyard.dots import diagnose as dot
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        span = period_of(period, opened.zone) if period else None
        found = dot.diagnose(opened, subject, framework, to, span)
    if json:
        as_json(found.document())
    else:
        print("\n".join(_diagnosis(found)))
    return 0


def roadmap(
    home: HomePath, subject: str, framework: str, *, to: int, budget: float | None = None, yearly: float | None = None,
    years: int = 3, at_once: int | None = None, period: str | None = None, seconds: float = 30, json: JSON = False,
) -> int:  # fmt: skip
    """Choose the cheapest solutions, and their order, that bring a subject to a level; exit status 1 when it cannot be reached 路线图.

    Parameters
    ----------
    subject
        Whose roadmap, by id.
    framework
        The framework, by id: sme2024, gbt39116/2020.
    to
        The level aimed at.
    budget
        The most that all solutions together may cost, CNY.
    yearly
        The most that they may cost in any year, CNY.
    years
        In how many years the level is to be reached.
    at_once
        How many solutions can run at a time; the home's own number, else 2, when left out.
    period
        Answers before its end count; the newest period with a level when left out, else this year.
    seconds
        How long each solve may take.
    """
    from steelyard.cli.say import as_json
    from steelyard.cli.weighing import period_of
    from steelyard.dots import roadmap as dot
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        span = period_of(period, opened.zone) if period else None
        limits = dot.Limits(budget, yearly, years, at_once)
        found = dot.roadmap(opened, subject, framework, to, limits, span, seconds)
    if json:
        as_json(found.document())
    else:
        print("\n".join(_course(found)))
    return 0 if found.found.plan else 1


def _say() -> Say:
    from steelyard.errors import language

    english = language() == "en"
    return lambda zh, en: en if english else zh


def _diagnosis(found: Diagnosis) -> Iterator[str]:
    say, known = _say(), found.standing
    framework = known.framework
    yield f"{known.subject} · {say(framework.label['zh'], framework.label['en'])} ({framework.id}, {framework.status})"
    if not found.in_force:
        yield say(f"注意：该版本在 {found.day} 未生效", f"note: this edition is not in force on {found.day}")
    claimed, proven = f"{float(found.aim.level):g}", f"{float(found.aim.proven_level):g}"
    yield say(f"等级 {claimed}（有证据的 {proven}）→ 目标 {found.aim.target}；已答 {found.answered}/{found.asked} 题",
              f"level {claimed} (proven {proven}) → target {found.aim.target}; {found.answered} of {found.asked} items answered")  # fmt: skip
    for criterion in found.criteria:
        yield ""
        yield from _criterion(criterion, say)
    yield ""
    yield from _summary(found, say)
    yield from _all_peers(known.peers, say)


def _states(say: Say) -> dict[str, str]:
    return {"met": say("已满足", "met"), "claimed": say("只缺证据", "only evidence lacks"), "short": say("不足", "short"),
            "unanswered": say("未答", "unanswered")}  # fmt: skip


def _criterion(criterion: Criterion, say: Say) -> Iterator[str]:
    words = say(criterion.words["zh"], criterion.words["en"])
    if criterion.value is None or criterion.proven is None or criterion.gap is None:
        values = say(f"未计量，需 {criterion.need:g}", f"never weighed, needs {criterion.need:g}")
    else:
        values = say(f"现 {criterion.value:g}（有证据的 {criterion.proven:g}），需 {criterion.need:g}，差 {criterion.gap:g}",
                     f"now {criterion.value:g} (proven {criterion.proven:g}), needs {criterion.need:g}, lacks {criterion.gap:g}")  # fmt: skip
    yield f"[{_states(say)[criterion.state]}] {words}: {values}"
    if criterion.state == "met":
        return
    yield from (f"  - {_lack(lack, say)}" for lack in criterion.items[:MOST])
    if len(criterion.items) > MOST:
        yield f"  … +{len(criterion.items) - MOST}"


def _lack(lack: Lack, say: Say) -> str:
    label, gist = say(lack.label["zh"], lack.label["en"]), say(lack.gist["zh"], lack.gist["en"])
    now = f"{lack.value} ({lack.grade})" if lack.value is not None else _states(say)["unanswered"]
    if lack.changed:
        now += say("，材料已变动（SY718）", ", document changed (SY718)")
    if lack.state == "claimed":
        return f"{lack.item} {label}: {now} · " + say(f"证实后 +{lack.unproven:g}", f"+{lack.unproven:g} once proven")
    words = f" {gist}" if gist else ""
    return f"{lack.item} {label}: {now} → {lack.want}{words} · +{lack.adds:g}"


def _summary(found: Diagnosis, say: Say) -> Iterator[str]:
    for state, zh, en in (("claimed", "只缺证据", "lack only evidence"), ("short", "答了但不足", "answered, but short"),
                          ("unanswered", "没有回答", "not answered")):  # fmt: skip
        items = found.lacking(state)
        yield f"{say(zh, en)} ({len(items)}): {', '.join(items) or '–'}"


def _all_peers(peers: tuple[Peers, ...], say: Say) -> Iterator[str]:
    if not peers:
        yield say("同行：行业代码未知，无法比较", "peers: the industry is not known, so nothing to compare with")
        return
    yield from (_peers(group, say) for group in peers)
    if all(not group.size for group in peers):
        yield say("  规模未知（roster 中没有 large、medium、small、micro），只按行业比较",
                  "  size not known (no list large, medium, small or micro in the roster): by industry alone")  # fmt: skip


def _peers(group: Peers, say: Say) -> str:
    size = f" · {group.size}" if group.size else ""
    head = say(f"同行（行业 {group.industry}{size}）", f"peers (industry {group.industry}{size})")
    if group.n is None or group.quartiles is None:
        return f"{head}: " + say("不足 5 家，不显示", "fewer than 5, not shown")
    middle = "/".join(f"{one:g}" for one in group.quartiles)
    return f"{head}: " + say(f"n = {group.n}，低于它 {group.lower}，相同 {group.equal}，高于它 {group.higher}；四分位 {middle}",
                             f"n = {group.n}; {group.lower} lower, {group.equal} equal, {group.higher} higher; quartiles {middle}")  # fmt: skip


def _course(found: Course) -> Iterator[str]:
    say, framework = _say(), found.standing.framework
    yield f"{found.standing.subject} · {say(framework.label['zh'], framework.label['en'])} ({framework.id}, {framework.status})"
    yield say(
        f"等级 {float(found.aim.level):g} → {found.aim.target}",
        f"level {float(found.aim.level):g} → {found.aim.target}",
    )
    yield _limits(found, say)
    if found.claims:
        yield say(f"建立在 {found.claims} 个未证实的答案上", f"builds on {found.claims} answers that are not proven")
    yield ""
    if found.plan is None:
        yield say(
            "求解器在时限内没有找到方案，也没有证明没有方案；请加大 --seconds",
            "the solver found no plan in its time, nor proved that there is none; raise --seconds",
        )
        return
    if found.found.plan is None:
        yield from _unreached(found, say)
    yield from _steps(found, say)
    yield ""
    yield from _totals(found, say)
    if found.found.plan is not None:
        yield from _why(found, say)


def _limits(found: Course, say: Say) -> str:
    limits = found.limits
    parts = [say(f"{limits.years} 年内", f"within {limits.years} years"),
             say(f"同时 {found.task.at_once} 项（{found.at_once_status}）", f"{found.task.at_once} at once ({found.at_once_status})")]  # fmt: skip
    if limits.budget is not None:
        parts.append(say(f"总预算 {limits.budget:,.0f} 元", f"budget in all {limits.budget:,.0f} CNY"))
    if limits.yearly is not None:
        parts.append(say(f"每年预算 {limits.yearly:,.0f} 元", f"budget a year {limits.yearly:,.0f} CNY"))
    if limits.budget is None and limits.yearly is None:
        parts.append(say("不限预算", "no budget limit"))
    return say("；", "; ").join(parts)


def _unreached(found: Course, say: Say) -> Iterator[str]:
    document = found.document()
    yield say(
        "在这些限制内达不到目标。最接近的方案仍差：",
        "The target cannot be reached within these limits. The nearest plan still lacks:",
    )
    for criterion, short in zip(document["criteria"], document["short_by"], strict=True):
        if short:
            yield f"  - {say(criterion['criterion']['zh'], criterion['criterion']['en'])}: {short:g}"
    words = {"budget": say("放开预算", "without the budget limit"), "time": say("放开期限", "with more time"),
             "both": say("同时放开预算和期限", "without the budget limit and with more time")}  # fmt: skip
    for bind in document["binds"]:
        cost, quarters = bind["cost"]["mid"], bind["quarters"]
        yield "  " + say(f"{words[bind['limit']]}可达到：{cost:,.0f} 元，{quarters} 个季度",
                         f"{words[bind['limit']]} it can: {cost:,.0f} CNY, {quarters} quarters")  # fmt: skip
    if not document["binds"]:
        yield "  " + say(
            "已知措施全部实施也达不到：缺的是措施", "not even all known solutions reach it: what lacks is solutions"
        )
    yield ""


def _steps(found: Course, say: Say) -> Iterator[str]:
    for number, step in enumerate(found.steps, 1):
        one = step.solution
        yield (f"{number}. {say(one.names['zh'], one.names['en'])} [{one.id}] {_span(step.begin, step.end, say)} · "
               f"{_money(one.cost, say)} ({one.status})")  # fmt: skip
        for item, (before, to) in step.raises.items():
            label = found.standing.items[item]["label"]
            yield f"     {item} {say(label['zh'], label['en'])}: {before or '–'} → {to}"
        yield from (f"     {line}" for line in _marginal(found, step, say))


def _span(begin: int, end: int, say: Say) -> str:
    return (
        say(f"第 {begin + 1}–{end} 季度", f"quarters {begin + 1}–{end}")
        if end > begin + 1
        else say(f"第 {end} 季度", f"quarter {end}")
    )


def _money(cost: tuple[float, float, float], say: Say) -> str:
    low, mid, high = cost
    return say(f"{mid:,.0f} 元（{low:,.0f}–{high:,.0f}）", f"{mid:,.0f} CNY ({low:,.0f}–{high:,.0f})")


def _marginal(found: Course, step: Step, say: Say) -> Iterator[str]:
    from steelyard.dots.criteria import words_of

    words = [say(both["zh"], both["en"]) for both in (words_of(hurdle, found.standing.items) for hurdle in found.way)]
    adds = [f"{word} +{add:g}" for word, add in zip(words, step.adds, strict=True) if add]
    if adds:
        yield say("贡献：", "adds: ") + "; ".join(adds)
    misses = [f"{word} −{short:g}" for word, short in zip(words, step.without, strict=True) if short]
    if misses:
        yield say("没有它则差：", "without it short by: ") + "; ".join(misses)


def _totals(found: Course, say: Say) -> Iterator[str]:
    document = found.document()
    cost = (document["cost"]["low"], document["cost"]["mid"], document["cost"]["high"])
    ends = document["ends"]
    yield say("合计", "in all") + f": {_money(cost, say)}; " + say(
        f"第 {ends['mid']} 季度末完成（工期取两端时 {ends['low']}–{ends['high']}）",
        f"done by the end of quarter {ends['mid']} ({ends['low']}–{ends['high']} with durations at their ends)")  # fmt: skip
    if document["proven_optimal"]:
        yield (
            say("已证明费用最低", "proven cheapest") if document["reached"] else say("已证明差得最少", "proven nearest")
        )
    elif document["reached"]:
        yield say(
            f"未证明最低：最多还可省 {document['gap']:.2%}", f"not proven: at most {document['gap']:.2%} could be saved"
        )


def _why(found: Course, say: Say) -> Iterator[str]:
    document = found.document()
    yield _next_best(document["next_best"], say)
    words = {
        True: say("不变", "the same"),
        False: say("会变", "another"),
        None: say("在限制内未找到方案", "not found within the limits"),
    }
    ends = document["stable"]
    yield say(f"费用都取下限时选择{words[ends['low']]}；都取上限时{words[ends['high']]}",
              f"with all costs at their low end the choice is {words[ends['low']]}; at their high end {words[ends['high']]}")  # fmt: skip
    later, much = document["waiting_a_year"], document["waiting_and_ending_a_year_later"]
    if later:
        yield say(f"晚一年开始：多花 {later['extra']:,.0f} 元，第 {later['ends']} 季度末达到",
                  f"begun a year later: {later['extra']:,.0f} CNY more, reached by the end of quarter {later['ends']}")  # fmt: skip
    elif much:
        yield say(f"晚一年开始则期限内达不到；推迟到第 {much['ends']} 季度末，多花 {much['extra']:,.0f} 元",
                  f"begun a year later it is not reached in time; by the end of quarter {much['ends']}, for {much['extra']:,.0f} CNY more")  # fmt: skip
    else:
        yield say(
            "晚一年开始，即使再延一年也达不到", "begun a year later it is not reached, not even with one more year"
        )


def _next_best(other: dict[str, object] | None, say: Say) -> str:
    if other is None:
        return say("在这些限制内没有找到第二种方案：所选措施缺一不可",
                   "no other way was found within these limits: none of the chosen solutions can be done without in them")  # fmt: skip
    names = ", ".join(map(str, other["solutions"]))  # type: ignore[call-overload]
    return say(
        f"次优方案多花 {other['extra']:,.0f} 元：{names}",
        f"the next best costs {other['extra']:,.0f} CNY more: {names}",
    )
