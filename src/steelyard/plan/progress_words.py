"""Progress in plain lines, ``zh`` or ``en``: each rate with its denominator, grade and date; what is ours and what is claimed says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]
STATE = {
    "met": ("已达到（下限也达到）", "met (its low end too)"),
    "possible": ("可能达到，未证实", "possible, not proven"),
    "not_met": ("未达到", "not met"),
}
PARTS = {
    "stayers": ("两期都有数据的企业自身变化", "change among firms heard both times"),
    "entry": ("新进名录", "entry to the roster"),
    "exit": ("退出名录", "exit from the roster"),
    "newly_heard": ("一直在册、新获数据", "on the roster before, newly heard"),
    "no_longer_heard": ("仍在册、不再有数据", "still on the roster, no longer heard"),
}
STATUS = {
    "official": ("官方", "official"), "secondary": ("转引", "secondary"), "draft": ("草案", "draft"), "ours": ("本项目", "ours"),
    "confirmed": ("已证实", "confirmed"),
}  # fmt: skip


def lines(found: Document, lang: str) -> Iterator[str]:
    """The whole answer."""
    say = 0 if lang == "zh" else 1
    place = found["place"]
    yield f"{place['name'][lang]} ({place['id']}, {place['level']}) · {('计划进展', 'progress of the plan')[say]}"
    if found["synthetic"]:
        yield ("含合成数据，不是真实进展", "rests on synthetic data: no real progress")[say]
    for target in found["targets"]:
        if "not_answerable" not in target:
            yield ""
            yield from _target(target, lang, say)
    yield from _not_answerable(found["targets"], lang, say)
    for moved in found["flows"]:
        yield ""
        yield from _flows(moved, lang, say)


def number(value: float, unit: str) -> str:
    """A value in its unit: per cent for shares."""
    return f"{value:.2%}" if unit == "1" else f"{value:g} {unit}"


def status(word: str, say: int) -> str:
    """The status of a definition or a target in words."""
    return STATUS.get(word, (word, word))[say]


def _target(target: Document, lang: str, say: int) -> Iterator[str]:
    aim = number(target["value"], target["unit"])
    over = ("超过", "above")[say] if target["beyond"] else ""
    yield f"◆ {target['label'][lang]} [{target['id']}]"
    yield (f"  目标 {over}{aim}，至 {target['by']}（{status(target['status'], say)}：{target['source']}）",
           f"  target {over + ' ' if over else ''}{aim} by {target['by']} ({status(target['status'], say)}: {target['source']})")[say]  # fmt: skip
    if target["note"]:
        yield f"  {('注：', 'note: ')[say]}{target['note'][lang]}"
    for row in target["rows"]:
        yield from _missing(row, lang, say) if "missing" in row else _row(row, target, lang, say)
    for claim in target["claims"]:
        yield "  " + claimed(claim, say)


def claimed(claim: Document, say: int) -> str:
    """One published figure with its own denominator; never mixed with ours."""
    scope = _half(claim["scope"], say)
    return ((f"○ 他人公布（说法，不计入）：{claim['indicator']} {claim['value']:g} {claim['unit']}，{claim['subject']}，截至 {claim['as_of']}；"
            f"口径：{scope or '未说明'}；{claim['source']}"),
            (f"○ published by others (a claim, not counted): {claim['indicator']} {claim['value']:g} {claim['unit']}, {claim['subject']}, "
            f"as of {claim['as_of']}; scope: {scope or 'not told'}; {claim['source']}"))[say]  # fmt: skip


def _half(scope: str, say: int) -> str:
    """The Chinese or the English half of ``中文 | English``."""
    halves = scope.split(" | ", 1)
    return halves[min(say, len(halves) - 1)].strip()


def _marks(row: Document, say: int) -> str:
    marks = [status(row["status"], say)]
    if row["rests_on_claims"]:
        marks.append(("出自公布数", "from published claims")[say])
    if "synthetic" in row.get("flags", ()):
        marks.append(("合成", "synthetic")[say])
    if row.get("estimated"):
        marks.append(("估算", "estimated")[say])
    return "·".join(marks)


def _missing(row: Document, lang: str, say: int) -> Iterator[str]:
    yield f"  – {row['label'][lang]} [{row['measure']}, {_marks(row, say)}]"
    yield f"    {row['missing']['code']} {row['missing']['what']} → {row['missing']['do']}"


def _row(row: Document, target: Document, lang: str, say: int) -> Iterator[str]:
    unit, inside = target["unit"], row["in_target_unit"]
    heard = {
        "firms": ("家企业", "firms"), "parks": ("个园区", "parks"), "published": ("个公布值", "published values"), "": ("", ""),
    }[row["counts"]][say]  # fmt: skip
    base = (f"已获 {row['heard']:g}/{row['among']:g} {heard}", f"heard {row['heard']:g} of {row['among']:g} {heard}")[
        say
    ]
    where = f" · {row['place']['name'][lang]}" if not row["addressed"] else ""
    apart = (
        ("（目标不是对该级提的）", " (the goal is not addressed to this level)")[say] if not row["addressed"] else ""
    )
    yield f"  ● {row['label'][lang]} [{row['measure']}, {_marks(row, say)}]{where}{apart}"
    flags = "".join(f" {flag}" for flag in row["flags"] if flag != "synthetic")
    yield ((f"    {row['period']}：{number(inside['value'], unit)}，{number(inside['low'], unit)}…{number(inside['high'], unit)}；{base}；{row['grade']}；"
           f"截至 {row['as_of']}（{row['known'][:10]} 签封） {row['digest'][:12]}{flags}"),
           (f"    {row['period']}: {number(inside['value'], unit)}, {number(inside['low'], unit)}…{number(inside['high'], unit)}; {base}; {row['grade']}; "
           f"as of {row['as_of']} (sealed {row['known'][:10]}) {row['digest'][:12]}{flags}"))[say]  # fmt: skip
    yield "    " + _far(row["distance"], unit, say)


def _far(far: Document, unit: str, say: int) -> str:
    if unit == "1":
        least, short, most = (max(far[key], 0.0) * 100 for key in ("least", "short", "most"))
        told = (
            f"距目标 {short:.2f} 个百分点（{least:.2f}…{most:.2f}）",
            f"{short:.2f} points short ({least:.2f}…{most:.2f})",
        )[say]
    else:
        least, short, most = (max(far[key], 0.0) for key in ("least", "short", "most"))
        told = (f"距目标 {short:g} {unit}（{least:g}…{most:g}）", f"{short:g} {unit} short ({least:g}…{most:g})")[say]
    if far["firms_most"] is not None:
        told += (
            f"，缺 {far['firms_least']:,}…{far['firms_most']:,} 家",
            f", {far['firms_least']:,}…{far['firms_most']:,} firms lacking",
        )[say]
    return f"{told}；{STATE[far['state']][say]}" if say == 0 else f"{told}; {STATE[far['state']][say]}"


def _not_answerable(targets: list[Document], lang: str, say: int) -> Iterator[str]:
    lacking = [target for target in targets if "not_answerable" in target]
    if lacking:
        yield ""
        yield ("此处无从回答的目标：", "Targets that cannot be answered here:")[say]
    for target in lacking:
        yield f"  – {target['label'][lang]} [{target['id']}]{'：' if say == 0 else ': '}{target['not_answerable'][lang]}"


def _flows(moved: Document, lang: str, say: int) -> Iterator[str]:
    span = f"{moved['before']} → {moved['after']}" if "before" in moved else moved["after"]
    yield f"◇ {('企业流动', 'flows of firms')[say]} {span} · {moved['label'][lang]} [{moved['measure']}]"
    if "why" in moved:
        yield f"  {moved['why']['code']} {moved['why']['what']} → {moved['why']['do']}"
        return
    firms = moved["firms"]
    yield ((f"  名录：期初 {firms['opened']:,} = 留下 {firms['stayed']:,} + 退出 {firms['left']:,}；期末 {firms['closed']:,} = 留下 {firms['stayed']:,} + "
           f"新进 {firms['entered']:,}；已获数据 {firms['heard_before']:,} → {firms['heard_after']:,}"),
           (f"  roster: {firms['opened']:,} at first = {firms['stayed']:,} stayed + {firms['left']:,} left; {firms['closed']:,} at last = "
           f"{firms['stayed']:,} stayed + {firms['entered']:,} entered; heard {firms['heard_before']:,} → {firms['heard_after']:,}"))[say]  # fmt: skip
    yield from _parts(moved, say)
    for note in moved["notes"]:
        yield f"  {note['code']} {note['what']} → {note['do']}"


def _parts(moved: Document, say: int) -> Iterator[str]:
    if moved["change"] is None:
        yield (
            "  有一期无人有数据，占比的变化无从说起",
            "  in one of the periods nobody was heard: no change can be told",
        )[say]
        return
    yield (f"  已获数据者的占比 {moved['share_before']:.2%} → {moved['share_after']:.2%}，变化 {moved['change'] * 100:+.2f} 个百分点",
           f"  share of those heard {moved['share_before']:.2%} → {moved['share_after']:.2%}, {moved['change'] * 100:+.2f} points")[say]  # fmt: skip
    if moved["parts"] is None:
        yield (
            "  没有两期都有数据的企业，变化不能分解",
            "  no firm was heard both times, so the change cannot be taken apart",
        )[say]
        return
    for name, words in PARTS.items():
        yield f"    {moved['parts'][name] * 100:+.2f}  {words[say]}"
