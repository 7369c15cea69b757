"""The command ``park``: one park by the guide and its four chains, all parks against about 200, a park's dossier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter

if TYPE_CHECKING:
    from steelyard.fields.four_chains import Indicator
    from steelyard.fields.park_clauses import Clause
    from steelyard.fields.park_faults import Fault
    from steelyard.fields.park_firms import Lacks
    from steelyard.fields.parks import Eligibility, High, Parks, Ratio, Standing
    from steelyard.store.home import Home

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]


class Say:
    """Says things in the language of the command, days in the zone of the home."""

    def __init__(self, zone: ZoneInfo) -> None:
        from steelyard.errors import language

        self.zone, self.english = zone, language() == "en"

    def __call__(self, zh: str, en: str) -> str:
        return en if self.english else zh

    def state(self, state: str) -> str:
        from steelyard.fields.park_words import STATES

        return self(*STATES[state])

    def day(self, at: int) -> str:
        from steelyard.model.period import local_day

        return local_day(at, self.zone)


def park(
    home: HomePath, park: str = "", *, every: Annotated[bool, Parameter(name="--all", negative="")] = False, period: str | None = None,
    floor: str = "documented", most: int = 20, skip: int = 0, dossier: Path | None = None, lang: str = "", json: JSON = False,
) -> int:  # fmt: skip
    """Show a park by the guide to high-standard digital parks, with its four chains; exit status 1 when a firm is in two parks 园区.

    Weigh first: steelyard weigh HOME 'park/*' 'four-chains/*' --period P.

    Parameters
    ----------
    park
        The park, by id; the home's own subject when left out.
    every
        All parks, and the count of those that meet all against about 200.
    period
        Exactly this period; the newest that was weighed when left out.
    floor
        The least grade of firm evidence; firms that meet a ratio by a weaker one are named.
    most
        So many firms of each ratio, parks, and findings are listed.
    skip
        Leave out so many of them first.
    dossier
        FILE.pdf: write the park's dossier; the bundle is FILE.bundle beside it.
    lang
        The language of the dossier: zh or en.
    """
    from steelyard.cli.weighing import period_of
    from steelyard.errors import UsageError
    from steelyard.store.home import Home

    if most < 0 or skip < 0:
        raise UsageError("SY101", why=f"--most {most} --skip {skip}")
    if every and (park or dossier):
        raise UsageError("SY101", why="--all PARK --dossier")
    with Home.open(home) as opened:
        span = period_of(period, opened.zone) if period else None
        if dossier:
            return _dossier(opened, dossier, park, span, lang, floor=floor, most=most, json=json)
        if every:
            return _all(opened, span, most, skip, json=json)
        return _one(opened, park, span, (floor, most, skip), json=json)


def _one(home: Home, park: str, span: Any, page: tuple[str, int, int], *, json: bool) -> int:
    from steelyard.cli.say import as_json
    from steelyard.fields.parks import standing

    floor, most, skip = page
    found = standing(home, park, span, floor=floor, most=most, skip=skip)
    if json:
        as_json(found.document(most))
    else:
        print("\n".join(_standing(found, floor, most, Say(home.zone))))
    return _complain(found.faults, found.gaps, most, json=json)


def _all(home: Home, span: Any, most: int, skip: int, *, json: bool) -> int:
    from steelyard.cli.say import as_json
    from steelyard.fields.parks import all_parks

    found = all_parks(home, span, most=most, skip=skip)
    if json:
        as_json(found.document(most))
    else:
        print("\n".join(_parks(found, Say(home.zone))))
    return _complain(found.faults, found.gaps, most, json=json)


def _dossier(
    home: Home, file: Path, park: str, span: Any, lang: str, *, floor: str, most: int, json: bool
) -> int:  # fmt: skip
    from steelyard.cli.say import as_json, table
    from steelyard.errors import language
    from steelyard.fields.park_dossier import park_dossier

    made = park_dossier(home, file, park, span, lang=lang or language(), floor=floor, most=most)
    facts = vars(made) | {"pdf": str(made.pdf), "bundle": str(made.bundle), "missing": list(made.missing)}
    as_json(facts) if json else table([], [(k, ", ".join(v) if isinstance(v, list) else v) for k, v in facts.items()])
    return 0


def _complain(faults: Sequence[Fault], gaps: Sequence[Fault], most: int, *, json: bool) -> int:
    """Say on standard error what is wrong with memberships and roster, so many of each; 1 where a firm is counted twice."""
    from steelyard.cli.say import complain, note

    for found in () if json else (faults, gaps):
        for one in found[:most]:
            complain(one.error.code, one.error.where, one.error.say(), one.error.remedy())
        if len(found) > most:
            note(f"… +{len(found) - most} {found[0].error.code} (--most)")
    return 1 if faults else 0


def _words(label: Mapping[str, str], say: Say) -> str:
    return say(label["zh"], label["en"])


def _figure(row: Mapping[str, Any] | None, unit: str, say: Say) -> str:
    """Value, range, denominator, grade, end and digest of a Figure; unknown where there is none."""
    from steelyard.cli.say import share_of

    if row is None:
        return say("未知（未计量）", "unknown (not weighed)")
    value, low, high = (share_of(row[key], unit) for key in ("value", "low", "high"))
    told = f"{value} [{low}, {high}] · {row['heard']:g}/{row['among']:g} · {row['grade']} · {say.day(row['end'] - 1)} · {row['digest'].hex()[:12]}"
    return told + (f" · {','.join(row['flags'])}" if row["flags"] else "")


def _standing(found: Standing, floor: str, most: int, say: Say) -> Iterator[str]:
    names = found.park.name(say("zh", "en"))
    made_up = say("（合成数据）", " (SYNTHETIC DATA)") if found.synthetic else ""
    yield f"{names} ({found.park.id}) · {say('高标准数字园区', 'high-standard digital park')} park/2025 · {found.label}{made_up}"
    if not found.weighed:
        yield say("本期尚未计量：请运行 steelyard weigh 库 'park/*' 'four-chains/*' --period 期间",
                  "nothing weighed for this period: run steelyard weigh HOME 'park/*' 'four-chains/*' --period P")  # fmt: skip
    yield from _eligible(found.eligibility, say)
    met = sum(one.state == "met" for one in found.highs)
    yield say(f"四高：{met}/4 达到", f"four highs: {met} of 4 met") + f" · {_figure(found.met, '1', say)}"
    yield f"{say('资格与四高全部', 'eligible, and all four')}: {_figure(found.gate, 'level', say)}"
    for high in found.highs:
        yield ""
        yield from _high(high, floor, say)
    yield ""
    yield say(
        "四链（本项目自定指标，未见官方指标体系）", "four chains (indicators are ours: no official set was found)"
    )
    yield from (_indicator(one, say) for one in found.chains)


def _eligible(found: Eligibility, say: Say) -> Iterator[str]:
    yield _clause(found.clause, say)
    firms = found.divisions
    yield "  " + say(f"规上企业：制造业 {firms['manufacturing']}，其他 {firms['other']}，行业不明 {firms['unknown']}",
                     f"above-size firms: manufacturing {firms['manufacturing']}, other {firms['other']}, industry unknown {firms['unknown']}")  # fmt: skip
    if found.inside:
        yield "  " + say("位于园区内：", "inside the park: ") + ", ".join(found.inside)


def _high(high: High, floor: str, say: Say) -> Iterator[str]:
    yield f"[{say.state(high.state)}] {_words(high.title, say)} · {_figure(high.figure, 'level', say)}"
    for ratio in high.ratios:
        yield from _ratio(ratio, floor, say)
    yield from (f"  {_clause(one, say)}" for one in high.clauses)


def _ratio(ratio: Ratio, floor: str, say: Say) -> Iterator[str]:
    claim = f" · {say('园区自报', 'the park says')} {ratio.said.value} ({ratio.said.grade})" if ratio.said else ""
    yield f"  [{say.state(ratio.state)}] {_words(ratio.measure.label, say)} ({ratio.target:.0%}): {_figure(ratio.figure, '1', say)}{claim}"
    if ratio.told_by:
        yield "    " + say(
            f"由库 {ratio.told_by} 送来，背后的企业数据在该库；以下只是本库所知",
            f"told by home {ratio.told_by}, where the firms behind it rest; below is what is known here",
        )
    yield from (f"    {line}" for line in _lacks(ratio.lacks, floor, say))


def _lacks(lacks: Lacks, floor: str, say: Say) -> Iterator[str]:
    counts = ", ".join(f"{say.state(state)} {count}" for state, count in lacks.counts.items() if count)
    yield say("企业：", "firms: ") + (counts or "0") + say(f"（弱于 {floor} 为弱证据）", f" (weak: below {floor})")
    for firm in lacks.firms:
        evidence = f" {firm.value:g} ({firm.grade})" if firm.value is not None else ""
        yield f"- {say.state(firm.state)}: {_words(firm.names, say)} ({firm.id}){evidence}"
    if (left := lacks.lacking - lacks.skip - len(lacks.firms)) > 0:
        yield f"… +{left} (--most, --skip)"


def _clause(one: Clause, say: Say) -> str:
    told, head = one.answer, f"[{say.state(one.state)}] {_words(one.label, say)} ({one.item})"
    if told is None:
        return head + say("：未答", ": not answered")
    papers = f" · {told.document}" if told.document else say(" · 无材料", " · no document")
    lack = say("，还缺 ", ", needs ") + "+".join(one.needs) if one.needs else ""
    clash = say("，相互矛盾", ", contradicting") if told.contradicts else ""
    return f"{head}: {told.value}{clash}{lack} · {told.grade} · {say.day(told.at)}{papers}"


def _indicator(one: Indicator, say: Say) -> str:
    ours = say("本项目", "ours") if one.measure.status == "ours" else one.measure.status
    line = (
        f"  {_words(one.measure.label, say)} [{ours}] {one.measure.name}: {_figure(one.figure, one.measure.unit, say)}"
    )
    if one.figure is None and one.missing:
        line += say("；缺数据表 ", "; no rows of ") + ", ".join(one.missing)
    return line


def _parks(found: Parks, say: Say) -> Iterator[str]:
    yield f"{say('高标准数字园区', 'high-standard digital parks')} park/2025 · {found.label} · {found.among}"
    for park, rows in found.parks:
        from steelyard.fields.park_clauses import GATE, HIGHS
        from steelyard.fields.parks import state_of

        told = f"{say('四高', 'highs')} {_figure(rows.get(HIGHS), '1', say)}"
        yield f"[{say.state(state_of(rows.get(GATE)))}] {park.name(say('zh', 'en'))} ({park.id}) · {told}"
    if (left := found.among - found.skip - len(found.parks)) > 0:
        yield f"… +{left} (--most, --skip)"
    yield ""
    where = (
        f"{found.region.name(say('zh', 'en'))} ({found.region.id})"
        if found.region
        else say("未知地区", "no region known")
    )
    yield (
        say(f"{where} 已证实全部达到的园区数", f"{where}: parks proven to meet all")
        + f": {_figure(found.count, 'parks', say)}"
    )
    yield say(f"目标：全国约 {found.target:g} 个（2027 年）；进度", f"target: about {found.target:g} in the nation by 2027; progress") \
        + f": {_figure(found.progress, '1', say)}"  # fmt: skip
    yield say(
        "称号由主管部门认定，此处只数证据所能证明的。",
        "The ministry gives the title; counted here is what evidence proves.",
    )
