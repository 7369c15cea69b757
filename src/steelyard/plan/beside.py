"""A sealed plan beside what came of it: of the firms funded, who reached the level by their Figures, who did not, who is unheard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import UsageError
from steelyard.model.period import Period, instant, iso, micros, moment, parse
from steelyard.plan.choose_words import money, share, speaker
from steelyard.store import figures
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.take.plans import KeptPlan, plan_of

MOST = 12


def beside(home: Home, name: str, period: Period | None = None) -> dict[str, Any]:
    """Firms funded up to the period's last year, by what their current Figures of that period, or within it, say (without a period: of
    the newest one).

    Paid: the rows ``paid`` of the table ``project_costs``, else payments among the documents since the year of funding. Raises UsageError
    SY910 on an unknown plan, SY911 where no Figure of the level is newer than those that the plan was made from.
    """
    plan = plan_of(home, name)
    with engine(home.path) as opened:
        when = period or _newest(home, opened, plan)
        last = moment(when.end - 1).astimezone(home.zone).year
        due = [row for row in plan.document["choices"] if row["kind"] == "firm" and row["year"] <= last]
        held = _held(home, opened, plan, when)
        paid = _paid(home, opened, plan, when)
    rows = [_row(one, held, paid, plan.document["level"]) for one in due]
    return {"plan": plan.id, "name": plan.document["plan"], "start": iso(when.start), "end": iso(when.end), "level_of": plan.document["level_of"],
            "level": plan.document["level"], "synthetic": plan.document["synthetic"], **_sums(rows), "by_year": _by_year(rows), "firms": rows}  # fmt: skip


def _newest(home: Home, opened: Engine, plan: KeptPlan) -> Period:
    """The newest period with Figures of the level that ends after the plan's own."""
    figures.view(home, opened, "level_any", plan.document["level_of"], None, within=False)
    found = opened.rows('SELECT start, "end" FROM level_any ORDER BY "end" DESC, start LIMIT 1')
    if not found or iso(found[0][1]) <= plan.document["figures"]["end"]:
        first = plan.document["years"][0]
        raise UsageError("SY911", name=plan.document["level_of"], end=plan.document["figures"]["label"], year=first)
    return Period(*found[0])


def _held(home: Home, opened: Engine, plan: KeptPlan, when: Period) -> dict[str, tuple[float, float, float, str]]:
    """Each firm's level: its Figure of the period, else its newest within it that is later than what the plan was made from."""
    figures.view(home, opened, "level_now", plan.document["level_of"], when, within=True)
    own, since = (
        f'(start = {when.start} AND "end" = {when.end})',
        micros(instant(plan.document["figures"]["end"], home.zone)),
    )
    rows = opened.rows(f"""
        SELECT subject, value, coalesce(low, value), coalesce(high, value), grade FROM level_now WHERE {own} OR "end" > {since}
        QUALIFY row_number() OVER (PARTITION BY subject ORDER BY {own} DESC, "end" DESC, start) = 1""")
    return {row[0]: row[1:] for row in rows}


def _paid(home: Home, opened: Engine, plan: KeptPlan, when: Period) -> dict[str, float]:
    """By firm what is known to be paid."""
    for name in ("project_costs", "documents"):
        home.table_view(opened, name)
    since = parse(str(plan.document["years"][0]), home.zone).start
    found = dict(opened.rows("SELECT subject, sum(amount) FROM documents WHERE kind = 'payment' AND amount IS NOT NULL "
                             'AND "at" >= $since AND "at" < $until GROUP BY subject', {"since": since, "until": when.end}))  # fmt: skip
    told = opened.rows("SELECT subject, cost FROM project_costs WHERE status = 'paid' AND measure = $measure AND level = $level",
                       {"measure": plan.document["level_of"], "level": plan.document["level"]})  # fmt: skip
    return found | dict(told)


def _row(
    row: Mapping[str, Any], held: Mapping[str, tuple[float, float, float, str]], paid: Mapping[str, float], level: float
) -> dict[str, Any]:
    """Unheard too where the Figure lies on both sides of the level."""
    value, low, high, grade = held.get(row["subject"], (None, None, None, None))
    came = (
        "reached" if low is not None and low >= level else "not_yet" if high is not None and high < level else "unheard"
    )
    return {"subject": row["subject"], "name": row["name"], "region": row["region"], "year": row["year"], "came": came, "value": value,
            "grade": grade, "planned": row["cost"], "paid": paid.get(row["subject"])}  # fmt: skip


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many came how; planned and paid of those whose payment is known."""
    known = [row for row in rows if row["paid"] is not None]
    counts = {came: sum(row["came"] == came for row in rows) for came in ("reached", "not_yet", "unheard")}
    return {"funded": len(rows), **counts, "planned": float(sum(row["planned"] for row in rows)), "paid_known": len(known),
            "planned_of_known": float(sum(row["planned"] for row in known)), "paid": float(sum(row["paid"] for row in known))}  # fmt: skip


def _by_year(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"year": year, **_sums([row for row in rows if row["year"] == year])}
        for year in sorted({row["year"] for row in rows})
    ]


def words(found: Mapping[str, Any], lang: str) -> list[str]:
    """The same in words."""
    say = speaker(lang)
    made_up = say("（合成数据）", " (synthetic data)") if found["synthetic"] else ""
    heard, funded = found["reached"] + found["not_yet"], found["funded"]
    lines = [
        say(f"计划「{found['name']}」（{found['plan']}）与 {found['start'][:10]} 至 {found['end'][:10]} 的数对照{made_up}",
            f"Plan “{found['name']}” ({found['plan']}) beside Figures from {found['start'][:10]} to {found['end'][:10]}{made_up}"),
        say(f"应已资助 {funded} 家：达到 {found['level_of']} {found['level']:g} 的 {found['reached']} 家，未达到 {found['not_yet']} 家，未获数据 {found['unheard']} 家",
            f"{funded} firms due: {found['reached']} reached {found['level_of']} {found['level']:g}, {found['not_yet']} did not, {found['unheard']} are unheard"),
    ]  # fmt: skip
    if funded:
        low, high = found["reached"] / funded, (found["reached"] + found["unheard"]) / funded
        rate = found["reached"] / heard if heard else None
        lines.append(say(f"达到率 {share(rate)}（已知 {heard} 家中），全部中为 {share(low)}–{share(high)}",
                         f"{share(rate)} of the {heard} heard; {share(low)}–{share(high)} of all"))  # fmt: skip
    if found["paid_known"]:
        lines.append(say(f"费用（已知付款的 {found['paid_known']} 家）：计划 {money(found['planned_of_known'], say)}，实付 {money(found['paid'], say)}",
                         f"Cost (of the {found['paid_known']} whose payment is known): planned {money(found['planned_of_known'], say)}, paid {money(found['paid'], say)}"))  # fmt: skip
    else:
        lines.append(say(f"实付未知；计划 {money(found['planned'], say)}。付款请存为 payment 材料，或写入表 project_costs（status 为 paid）",
                         f"Nothing is known to be paid; planned {money(found['planned'], say)}. Keep payments as documents, or rows of project_costs with status paid"))  # fmt: skip
    for row in [one for one in found["firms"] if one["came"] != "reached"][:MOST]:
        came = say("未达到", "not yet") if row["came"] == "not_yet" else say("未获数据", "unheard")
        value = "" if row["value"] is None else f" {row['value']:g} ({row['grade']})"
        lines.append(f"  {row['year']} {row['subject']} {row['name']}: {came}{value}")
    return lines
