"""What changes from one answer to another: money, coverage by region and year, firms in and out, prices; and what was asked otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.plan.choose_answer import answer
from steelyard.plan.choose_words import Say, money, names, share, speaker
from steelyard.plan.question import question
from steelyard.store.home import Home
from steelyard.take.plans import plain, plan_of

Doc = Mapping[str, Any]
MOST = 10


def document_of(home: Home, name: str) -> dict[str, Any]:
    """The answer of a sealed plan by its id, or of a question's file, chosen now."""
    if name.endswith((".yaml", ".yml")):
        return plain(answer(home, question(found_at(home, Path(name)), home.catalog))[1])
    return plan_of(home, name).document


def found_at(home: Home, file: Path) -> Path:
    """A question's file where it is named, else inside the home."""
    return file if file.is_file() or not (home.path / file).is_file() else home.path / file


def compare(before: Doc, after: Doc) -> dict[str, Any]:
    """The differences, ``after`` less ``before``; firms by whether, and when, they are funded."""
    had, has = (_years(one) for one in (before, after))
    both = had.keys() & has.keys()
    return {
        "before": before["plan"], "after": after["plan"], "asked": _asked(before["question"], after["question"]),
        "met": [before["met"], after["met"]], "cost": after["cost"] - before["cost"], "costs": [before["cost"], after["cost"]],
        "weight": after["weight"] - before["weight"], "gap": [before["gap"], after["gap"]], "regions": _regions(before, after),
        "total": _course(before["total"], after["total"]), "added": sorted(has.keys() - had.keys()), "dropped": sorted(had.keys() - has.keys()),
        "shifted": [{"subject": one, "from": had[one], "to": has[one]} for one in sorted(both) if had[one] != has[one]],
        "prices": _prices(before, after), "same_unit": _same_unit(before, after), "short": [_lacks(before), _lacks(after)],
    }  # fmt: skip


def _years(found: Doc) -> dict[str, int]:
    return {row["subject"]: row["year"] for row in found["choices"] if row["kind"] != "chain"}


def _lacks(found: Doc) -> int:
    return sum(one["short"] for one in found["short"])


def _asked(before: Any, after: Any, at: str = "") -> list[dict[str, Any]]:
    """What two questions ask otherwise, field by field."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted(before.keys() | after.keys(), key=str)
        return [
            one for key in keys for one in _asked(before.get(key), after.get(key), f"{at}.{key}" if at else str(key))
        ]
    return [] if before == after else [{"field": at, "before": before, "after": after}]


def _course(before: Doc, after: Doc) -> dict[str, list[float | None]]:
    years = sorted(before["coverage"].keys() | after["coverage"].keys())
    return {year: [before["coverage"].get(year), after["coverage"].get(year)] for year in years}


def _regions(before: Doc, after: Doc) -> list[dict[str, Any]]:
    had = {one["region"]: one for one in before["regions"]}
    rows = [{"region": one["region"], "name": one["name"], "coverage": _course(had[one["region"]], one)}
            for one in after["regions"] if one["region"] in had]  # fmt: skip
    return [row for row in rows if any(pair[0] != pair[1] for pair in row["coverage"].values())]


def _same_unit(before: Doc, after: Doc) -> bool:
    lacking = [one["least_short"] is not None for one in (before, after)]
    return bool(before["objective"] == after["objective"]) and lacking[0] == lacking[1]


def _prices(before: Doc, after: Doc) -> list[dict[str, Any]]:
    """Prices that moved, the most moved first within a kind; none where they are not in one unit."""
    if not _same_unit(before, after):
        return []
    had, has = (
        {(one["kind"], one["region"], one["year"]): one["price"] for one in found["prices"]}
        for found in (before, after)
    )
    rows = [{"kind": key[0], "region": key[1], "year": key[2], "before": had.get(key, 0.0), "after": has.get(key, 0.0)}
            for key in sorted(had.keys() | has.keys(), key=str)]  # fmt: skip
    moved = [row for row in rows if abs(row["after"] - row["before"]) > 1e-6 * max(row["before"], row["after"])]
    return sorted(moved, key=lambda row: (row["kind"], -abs(row["after"] - row["before"])))


def words(found: Doc, before: Doc, after: Doc, lang: str) -> list[str]:
    """The differences in words."""
    called = {row["subject"]: row["name"] for one in (before, after) for row in one["choices"]}
    return list(_lines(found, {**names(before, lang), **names(after, lang)}, called, lang))


def _lines(found: Doc, known: Mapping[str | None, str], called: Mapping[str, str], lang: str) -> Iterator[str]:
    say = speaker(lang)
    yield say(f"「{found['before']}」→「{found['after']}」", f"“{found['before']}” → “{found['after']}”")
    for one in found["asked"]:
        was, now = ("–" if one[side] is None else one[side] for side in ("before", "after"))
        yield f"  {one['field']}: {was} → {now}"
    if not found["asked"]:
        yield say("  问题相同", "  the same question")
    was, now = found["costs"]
    yield say(f"费用：{money(was, say)} → {money(now, say)}（{found['cost'] / 1e4:+,.1f} 万元）",
              f"Cost: {money(was, say)} → {money(now, say)} ({found['cost'] / 1e3:+,.1f} thousand)")  # fmt: skip
    yield say(
        f"达不到的合计：{found['short'][0]} → {found['short'][1]} 家",
        f"Firms short: {found['short'][0]} → {found['short'][1]}",
    )
    yield say("年底达到：", "There by the end of: ") + say("；", "; ").join(
        f"{year} {share(a)} → {share(b)}" for year, (a, b) in found["total"].items()
    )
    yield say(f"企业和项目：增 {len(found['added'])}，减 {len(found['dropped'])}，换年 {len(found['shifted'])}",
              f"Firms and projects: {len(found['added'])} in, {len(found['dropped'])} out, {len(found['shifted'])} in another year")  # fmt: skip
    for name, sign in (("added", "+"), ("dropped", "−")):
        yield from (f"  {sign} {one} {called.get(one, '')}" for one in found[name][:MOST])
    for one in found["regions"]:
        moved = say("；", "; ").join(
            f"{year} {share(a)} → {share(b)}" for year, (a, b) in one["coverage"].items() if a != b
        )
        yield f"  {known.get(one['region'], one['region'])}: {moved}"
    yield from _moved(found, known, say)


def _moved(found: Doc, known: Mapping[str | None, str], say: Say) -> Iterator[str]:
    if not found["same_unit"]:
        yield say(
            "价格的单位不同（一个方案达不到目标，或目的不同），不作比较",
            "Prices are in different units (one plan misses its targets, or asks for something else): not compared",
        )
    if found["prices"]:
        yield say("价格变化（每单位）", "Prices that moved (a unit)")
    kinds = {
        "budget": say("预算", "budget"),
        "capacity": say("服务商人天", "provider-day"),
        "floor": say("地区下限", "floor"),
        "total": say("总目标", "target"),
    }
    for one in found["prices"][:MOST]:
        yield f"  {kinds[one['kind']]} {known.get(one['region'], '')} {one['year']}: {one['before']:,.4g} → {one['after']:,.4g}"
