"""The commands of fields: ``region`` over time, ``cluster``, and ``compare`` among equals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from steelyard.fields.clusters import Cluster
    from steelyard.fields.compare import Comparison, Place
    from steelyard.fields.regions import Point, Series, Turn
    from steelyard.model.measure import Measure

JSON = Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")]
HomePath = Annotated[Path, Parameter(help="the folder of the home")]
Say = Callable[[str, str], str]
PLACES = {
    "regions": ("区域", "regions"), "parks": ("园区", "parks"), "clusters": ("集群", "clusters"),
    "province": ("省级", "by province"), "city": ("地级", "by city"), "county": ("县级", "by county"),
}  # fmt: skip
KINDS = {
    "renamed": ("更名", "renamed"), "recoded": ("改码或改设", "recoded"), "merged": ("并入", "merged into"),
    "united": ("合并新设", "united into"), "split": ("分设", "split"),
}  # fmt: skip


def region(home: HomePath, region: str, *, measure: str, first: Annotated[str | None, Parameter(name="--from")] = None,
           to: str | None = None, json: JSON = False) -> int:  # fmt: skip
    """A region's Figures over time, one series through new names and codes, with the changes of its division marked 区域.

    Parameters
    ----------
    region
        The region, by id, name or GB/T 2260 code.
    measure
        The measure, by id: coverage/sme2024-level2.
    first
        The first period.
    to
        The last period.
    """
    from steelyard.cli.say import as_json, note, table
    from steelyard.cli.weighing import period_of
    from steelyard.fields.regions import series
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        bounds = [period_of(text, opened.zone) if text else None for text in (first, to)]
        found = series(opened, region, measure, *bounds)
        rows = list(_series(found, opened.zone))
    if json:
        as_json(found.document())
        return 0
    say = _say()
    print(
        _title(
            found.subject,
            say(found.name_zh, found.name_en or found.name_zh),
            found.measure,
            say,
            " → ".join(found.codes),
        )
    )
    table(("period", "code", "value", "low", "high", "heard/among", "grade", "known", "note", "digest"), rows)
    for one in found.notes:
        note(f"{one.code} {one.say()}\n  {say('怎么办', 'what to do')}: {one.remedy()}")
    return 0


def cluster(home: HomePath, cluster: str, *, period: str, measure: str = "", json: JSON = False) -> int:
    """What a cluster is made of: firms counted once, the ways that lead to it, its provinces, who joined and left 集群.

    Parameters
    ----------
    cluster
        The cluster, by id or name.
    period
        2026, 2026Q1, 2026-03.
    measure
        The cluster's own Figure of this measure stands beside.
    """
    from steelyard.cli.say import as_json, note
    from steelyard.cli.weighing import period_of
    from steelyard.fields import clusters
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        found = clusters.cluster(opened, cluster, period_of(period, opened.zone), measure)
    if json:
        as_json(found.document())
        return 0
    say = _say()
    print("\n".join(_cluster(found, opened.zone, say)))
    for one in found.notes:
        note(f"{one.code} {one.say()}\n  {say('怎么办', 'what to do')}: {one.remedy()}")
    return 0


def compare(
    home: HomePath, *, measure: str, by: Literal["regions", "parks", "clusters"], level: str = "", period: str | None = None,
    confidence: float = 0.95, json: JSON = False,
) -> int:  # fmt: skip
    """Compare places only among equals: at the same mix of industries and sizes, with intervals and the firms heard 同类比较.

    Ranks are ranges that hold together; where a range is wide, the places in it cannot be told apart.

    Parameters
    ----------
    measure
        A share of firms (coverage/sme2024-level2) or a measure of firms (sme2024/level), by id.
    by
        regions, parks or clusters.
    level
        Of regions: province, city (when left out) or county.
    period
        The newest with Figures when left out.
    confidence
        Of the intervals, and of all ranks together.
    """
    from steelyard.cli.say import as_json, table
    from steelyard.cli.weighing import period_of
    from steelyard.fields import compare as field
    from steelyard.model.period import label
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        span = period_of(period, opened.zone) if period else None
        found = field.compare(opened, measure, by, level, span, confidence)
        said = label(found.period, opened.zone)
    if json:
        as_json(found.document())
        return 0
    say = _say()
    print(
        _title(
            said,
            " ".join(say(*PLACES.get(word, (word, word))) for word in (found.by, found.level) if word),
            found.asked.measure,
            say,
        )
    )
    heads = (
        "rank",
        "place",
        "name",
        "plain",
        "standardised",
        "low",
        "high",
        "heard/among",
        "covers",
        "grade",
        "known",
        "note",
    )
    table(heads, [_place(place, found, opened.zone, say) for place in found.places])
    print("\n".join(_remarks(found, said, say)))
    return 0


def _say() -> Say:
    from steelyard.errors import language

    english = language() == "en"
    return lambda zh, en: en if english else zh


def _title(subject: str, name: str, measure: Measure, say: Say, more: str = "") -> str:
    return f"{subject} {name}{f' ({more})' if more else ''} · {say(measure.label['zh'], measure.label['en'])} ({measure.name}) · {_status(measure, say)}"


def _status(measure: Measure, say: Say) -> str:
    return say("口径：本项目", "definition: ours") if measure.status == "ours" else measure.status


def _number(value: float, measure: Measure) -> str:
    from steelyard.cli.say import share_of

    return share_of(value, measure.unit)


def _series(found: Series, zone: Any) -> Iterator[tuple[str, ...]]:
    from steelyard.fields.regions import Turn

    for row in found.in_order():
        yield _turn(row, zone) if isinstance(row, Turn) else _point(row, found.measure, zone)


def _turn(turn: Turn, zone: Any) -> tuple[str, ...]:
    from steelyard.model.period import local_day

    say, one = _say(), turn.change
    ends = (
        say("范围变了，序列在此中断", "its area changes: the series breaks here")
        if turn.breaks
        else say("同一区划，序列连续", "the same division: one series")
    )
    before, after = (
        f"{code} {name}".strip() for code, name in ((one.code, one.name_before), (one.into, one.name_after))
    )
    return (
        f"※ {local_day(one.since, zone)}",
        f"{before} → {after}: {say(*KINDS[one.kind])}; {ends}",
        *[""] * 8,
    )


def _point(point: Point, measure: Measure, zone: Any) -> tuple[str, ...]:
    from steelyard.model.period import label, local_day

    say, figure = _say(), point.figure
    notes = [
        *([say("另一区划，并列", "another division, beside")] if point.beside else []),
        *figure["flags"],
        *(["estimated"] if figure["estimated"] else []),
    ]
    return (
        label(point.period, zone), point.code, *(_number(figure[name], measure) for name in ("value", "low", "high")),
        f"{figure['heard']:g}/{figure['among']:g}", figure["grade"], local_day(figure["known"], zone), ",".join(notes), figure["digest"].hex()[:16],
    )  # fmt: skip


def _cluster(found: Cluster, zone: Any, say: Say) -> Iterator[str]:
    from steelyard.model.period import local_day

    yield f"{found.subject} {say(found.name_zh, found.name_en or found.name_zh)}".strip()
    yield say(f"企业 {found.firms} 家（每家一次），名录内 {found.rostered} 家；经多条隶属关系的 {found.several} 家",
              f"{found.firms} firms, each once, {found.rostered} on the roster; {found.several} by more than one way")  # fmt: skip
    yield say(f"直接隶属 {found.straight} 家", f"{found.straight} straight")
    for way, kind, count in found.ways:
        yield f"  {way} ({kind}) {count}"
    yield say("按省：", "by province: ") + " · ".join(
        f"{code or '?'} {count}" for code, count in found.provinces.items()
    )
    if found.outside:
        yield say(
            f"其中 {found.outside} 家在本库所属区域之外：本库只知道收到的部分",
            f"{found.outside} lie outside this home's region: it knows only what it was told",
        )
    yield say(
        f"期内加入 {len(found.joined)} 家，退出 {len(found.left)} 家",
        f"joined in the period {len(found.joined)}, left {len(found.left)}",
    )
    for row in found.figures:
        assert found.measure is not None  # noqa: S101  - figures are of a measure
        yield (f"{found.measure.name} {_number(row['value'], found.measure)} [{_number(row['low'], found.measure)}, "
               f"{_number(row['high'], found.measure)}] {row['heard']:g}/{row['among']:g} {row['grade']} {local_day(row['known'], zone)} "
               f"{','.join(row['flags'])} {row['digest'].hex()[:16]} {_status(found.measure, say)}")  # fmt: skip


def _place(place: Place, found: Comparison, zone: Any, say: Say) -> tuple[str, ...]:
    from steelyard.model.period import local_day

    measure = found.asked.measure
    numbers = (_number(of, measure) for of in (place.raw, place.value, place.low, place.high))
    notes = ["synthetic"] if place.synthetic else []
    if place.heard < place.among / 2:
        notes.append(
            say("获数不足一半，区间不含未获数据者", "fewer than half heard: the interval knows nothing of the others")
        )
    if place.rank is None:
        rank = "–"
        notes.append(say("覆盖标准人口不足一半，不排名", "covers less than half of the standard: not ranked"))
    else:
        rank = str(place.rank[0]) if place.rank[0] == place.rank[1] else f"{place.rank[0]}–{place.rank[1]}"
        if place.rank[0] != place.rank[1]:
            notes.append(say("不可区分", "not distinguishable"))
    return (rank, place.subject, say(place.name_zh, place.name_en or place.name_zh), *numbers, f"{place.heard}/{place.among}",
            f"{place.covered:.0%}", place.grade, local_day(place.known, zone), ",".join(notes))  # fmt: skip


def _remarks(found: Comparison, period: str, say: Say) -> Iterator[str]:
    measure = found.asked.measure
    yield say(
        f"标准人口：上列各地名录（{found.asked.roster}）内 {found.firms} 家企业，按行业大类 × 规模分 {found.strata} 层，总体 {_number(found.common, measure)}；标准化方法：本项目",
        f"standard: the {found.firms} firms on the list {found.asked.roster} in these places, in {found.strata} strata of industry division × size, "
        f"{_number(found.common, measure)} in all; standardisation: ours",
    )
    if not found.sized:
        yield say("没有规模名录（large、medium、small、micro）：只按行业比较，请取入 roster",
                  "no list of sizes (large, medium, small, micro): compared by industry alone; take them into roster")  # fmt: skip
    if 0 < found.sized < found.firms or found.industries < found.firms:
        yield say(f"规模已知 {found.sized} 家、行业已知 {found.industries} 家；不明的单列一层",
                  f"size known of {found.sized}, industry of {found.industries}; the others are a stratum of their own")  # fmt: skip
    if found.left_out > 0:
        yield say(
            f"标准人口的 {found.left_out:.1%} 所在的层各地都无数据，不参加比较",
            f"{found.left_out:.1%} of the standard lies in strata of which nobody was heard: left out",
        )
    if found.unheard:
        yield say("有企业但无人上报：", "firms, but none heard: ") + ", ".join(found.unheard)
    if found.empty:
        from steelyard.errors import InputError

        names = ", ".join(found.empty[:8]) + (f" … ({len(found.empty)})" if len(found.empty) > 8 else "")
        one = InputError("SY842", subject=names, roster=found.asked.roster, period=period)
        yield f"{one.code} {one.say()} {one.remedy()}"
