"""Where a park stands by the guide to high-standard digital parks, what lacks by firm, and how many parks of about 200 meet all.

Every number is a Figure of the home; nothing is weighed here. What was not weighed is unknown, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.catalog.catalog import near
from steelyard.errors import UsageError
from steelyard.fields import park_clauses
from steelyard.fields.four_chains import Indicator, four_chains
from steelyard.fields.park_clauses import FRAMEWORK, GATE, HIGHS, Clause
from steelyard.fields.park_faults import Fault, in_two_parks, roster_gaps
from steelyard.fields.park_firms import Lacks, Members, members
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period, label, year_at
from steelyard.model.subject import NATION, Subject
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.weigh.known import Known, known

COUNT = "park/2025/parks"
PROGRESS = "plan2024/parks-2027"
WEAK = "documented"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Ratio:
    """A ratio of 100 %: its Figure rolled up from the firms, what the park says of it, and the firms that lack."""

    measure: Measure
    target: float
    figure: Row | None
    said: Known | None
    lacks: Lacks

    @property
    def told_by(self) -> str:
        """The home that told this ratio, where it was not weighed here: the firms behind it rest there."""
        return str(self.figure["home"]) if self.figure else ""

    @property
    def state(self) -> str:
        """Met only where low reaches the target; open where high does."""
        return state_of(self.figure, self.target)

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        said = {"value": self.said.value, "grade": self.said.grade} if self.said else None
        return {"measure": self.measure.id, "label": self.measure.label, "target": self.target, "state": self.state,
                "figure": _figure(self.figure), "park_says": said, "told_by": self.told_by, "lacks": self.lacks.document()}  # fmt: skip


@dataclass(frozen=True)
class High:
    """One of the four highs: the Figure that judges it, its ratios, its clauses."""

    measure: Measure
    title: Mapping[str, str]
    figure: Row | None
    ratios: tuple[Ratio, ...]
    clauses: tuple[Clause, ...]

    @property
    def state(self) -> str:
        """One of met, not_met, open; unknown where it was not weighed."""
        return state_of(self.figure)

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {"measure": self.measure.id, "label": self.measure.label, "state": self.state, "figure": _figure(self.figure),
                "ratios": [one.document() for one in self.ratios], "clauses": [one.document() for one in self.clauses]}  # fmt: skip


@dataclass(frozen=True)
class Eligibility:
    """The answer to who is eligible, and beside it what the home knows: industries of the firms, parks that it lies inside."""

    clause: Clause
    divisions: Mapping[str, int]
    inside: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {**self.clause.document(), "above_size_firms": dict(self.divisions), "inside": list(self.inside)}


@dataclass(frozen=True)
class Standing:
    """Where a park stands at the end of a period."""

    park: Subject
    period: Period
    eligibility: Eligibility
    highs: tuple[High, ...]
    gate: Row | None
    met: Row | None
    chains: tuple[Indicator, ...]
    faults: tuple[Fault, ...]
    gaps: tuple[Fault, ...]
    zone: ZoneInfo
    synthetic: bool

    @property
    def label(self) -> str:
        """The period as people write it."""
        return label(self.period, self.zone)

    @property
    def weighed(self) -> bool:
        """Whether anything of the guide was weighed for the period."""
        return any(one.figure is not None for one in self.highs)

    def document(self, most: int | None = None) -> dict[str, Any]:
        """As JSON-ready fields; at most so many faults and gaps."""
        return {
            "park": self.park.id, "name": {lang: self.park.name(lang) for lang in ("zh", "en")}, "framework": FRAMEWORK,
            "period": self.label, "weighed": self.weighed, "synthetic": self.synthetic, "eligibility": self.eligibility.document(),
            "gate": {"measure": GATE, "state": state_of(self.gate), "figure": _figure(self.gate)},
            "highs_met": {"measure": HIGHS, "figure": _figure(self.met)}, "highs": [one.document() for one in self.highs],
            "four_chains": [one.document() for one in self.chains], **_faults(self.faults, self.gaps, most),
        }  # fmt: skip


@dataclass(frozen=True)
class Parks:
    """All parks of a home for a period: a page of them with their Figures by measure, and the count of those that meet all."""

    period: Period
    zone: ZoneInfo
    among: int
    parks: tuple[tuple[Subject, Mapping[str, Row]], ...]
    region: Subject | None
    count: Row | None
    progress: Row | None
    target: float
    faults: tuple[Fault, ...]
    gaps: tuple[Fault, ...]
    skip: int = 0

    @property
    def label(self) -> str:
        """The period as people write it."""
        return label(self.period, self.zone)

    def document(self, most: int | None = None) -> dict[str, Any]:
        """As JSON-ready fields; at most so many faults and gaps."""
        listed = [{"park": one.id, "name": {lang: one.name(lang) for lang in ("zh", "en")}, "state": state_of(rows.get(GATE)),
                   "figures": {name: _figure(row) for name, row in rows.items()}} for one, rows in self.parks]  # fmt: skip
        return {"period": self.label, "among": self.among, "shown": len(listed), "skip": self.skip, "parks": listed,
                "region": self.region.id if self.region else None, "target": self.target, "count": _figure(self.count),
                "progress": _figure(self.progress), **_faults(self.faults, self.gaps, most)}  # fmt: skip


def standing(
    home: Home, park: str, period: Period | None = None, *, floor: str = WEAK, most: int = 20, skip: int = 0
) -> Standing:
    """Where a park stands; without a period the newest for which a clause was weighed, else the present year.

    ``floor`` is the grade below which a firm meets a ratio by weak evidence alone; of each ratio ``most`` firms from ``skip`` are
    listed. Raises UsageError on a park that is none, and on an unknown grade.
    """
    if floor not in GRADES:
        raise UsageError("SY101", why=f"--floor {floor}: {', '.join(GRADES)}")
    subject, catalog = named_park(home, park), home.catalog
    park = subject.id
    rows = _rows(home, subject=park)
    span = period or _newest(home, rows)
    mine = {row["measure"]: row for row in rows if (row["start"], row["end"]) == (span.start, span.end)}
    before = min(span.end, home.now() + 1)
    answers = known(home, park, catalog.framework(FRAMEWORK).items, before, GRADES[:-1])
    chains = tuple(four_chains(home, park, span))
    with members(home, span) as firms:
        highs = tuple(
            _high(one, mine, answers, firms, park, (floor, most, skip)) for one in park_clauses.highs(catalog)
        )
        roster = highs[0].ratios[0].measure.rule["roster"]
        asked = park_clauses.clause(catalog, park_clauses.eligibility(catalog), answers)
        eligible = Eligibility(asked, firms.divisions(park, roster), tuple(firms.parks_around(park)))
        faults, gaps = in_two_parks(firms, park), roster_gaps(firms, roster, park)
    shown = [*mine.values(), *(one.figure for one in chains if one.figure)]
    return Standing(subject, span, eligible, highs, mine.get(GATE), mine.get(HIGHS), chains, tuple(faults), tuple(gaps),
                    home.zone, any("synthetic" in row["flags"] for row in shown))  # fmt: skip


def all_parks(home: Home, period: Period | None = None, *, most: int = 50, skip: int = 0) -> Parks:
    """The parks that a home knows, and the count of its region (else the nation) against about 200.

    Without a period it is the newest for which any park was weighed, else the present year.
    """
    rows = _rows(home, kind="park")
    span = period or _newest(home, rows)
    mine: dict[str, dict[str, Row]] = {}
    for row in rows:
        if (row["start"], row["end"]) == (span.start, span.end):
            mine.setdefault(row["subject"], {})[row["measure"]] = row
    page = home.subjects("park", most=most, skip=skip)
    region = _region(home)
    told = {name: _one(home, name, region.id, span) if region else None for name in (COUNT, PROGRESS)}
    with members(home, span) as firms:
        roster = park_clauses.highs(home.catalog)[0].ratios[0].rule["roster"]
        faults, gaps = in_two_parks(firms), roster_gaps(firms, roster)
    return Parks(span, home.zone, home.count_subjects("park"), tuple((one, mine.get(one.id, {})) for one in page),
                 region, told[COUNT], told[PROGRESS], _target(home.catalog.measures[PROGRESS], home, span), tuple(faults), tuple(gaps),
                 skip)  # fmt: skip


def named_park(home: Home, park: str) -> Subject:
    """The park of that id, or the home's own where none is named; raises UsageError with the nearest where it is none."""
    found = home.subject(park or home.subject_id)
    if found is None or found.kind != "park":
        ids = [one.id for one in home.subjects("park", most=1000)]
        raise UsageError("SY823", name=park or "–", near=", ".join(near(park, ids) or ids[:5]) or "–")
    return found


def _rows(home: Home, *, subject: str | None = None, kind: str | None = None) -> list[dict[str, Any]]:
    """The Figures of the gate, the highs and the ratios, of a subject or of a kind of subjects."""
    asks = park_clauses.highs(home.catalog)
    names = [GATE, HIGHS, *(one.measure.id for one in asks), *(ratio.id for one in asks for ratio in one.ratios)]
    return [row for name in names for row in home.figures(name, subject, kind=kind).to_pylist()]


def _high(asks: park_clauses.Asks, mine: Mapping[str, Row], answers: Mapping[str, Known],
          firms: Members, park: str, page: tuple[str, int, int]) -> High:  # fmt: skip
    ratios = []
    for ratio in asks.ratios:
        item = park_clauses.said_of(firms.home.catalog, ratio)
        lacks = firms.lacks(park, ratio, *page)
        ratios.append(
            Ratio(ratio, _target(ratio, firms.home, firms.span), mine.get(ratio.id), answers.get(item or ""), lacks)
        )
    clauses = tuple(park_clauses.clause(firms.home.catalog, item, answers) for item in asks.items)
    return High(asks.measure, asks.title, mine.get(asks.measure.id), tuple(ratios), clauses)


def _target(measure: Measure, home: Home, span: Period) -> float:
    """The target in force on a period's last day; the first one where none is yet."""
    dated = measure.parameters["target"]
    day = span.last_day(home.zone)
    return float(dated[max((date for date in dated if date <= day), default=min(dated))]["value"])


def state_of(figure: Row | None, least: float = 1) -> str:
    """Of a Figure against a threshold: met where its low end reaches it, open where its high end does."""
    if figure is None:
        return "unknown"
    if figure["low"] >= least:
        return "met"
    return "open" if figure["high"] >= least else "not_met"


def _newest(home: Home, rows: Sequence[Row]) -> Period:
    if rows:
        last = max(rows, key=lambda row: (row["end"], -row["start"]))
        return Period(last["start"], last["end"])
    return year_at(home.now(), home.zone)


def _region(home: Home) -> Subject | None:
    """The home's own region, else the nation, else the first region that there is."""
    own = home.subject(home.subject_id) if home.subject_id else None
    if own and own.kind == "region":
        return own
    regions = home.subjects("region", most=1000)
    nation = [one for one in regions if one.codes.get("gbt2260") == NATION]
    return next(iter(nation or regions), None)


def _one(home: Home, measure: str, subject: str, span: Period) -> Row | None:
    rows = home.figures(measure, subject, span).to_pylist()
    return rows[0] if rows else None


def _figure(row: Row | None) -> dict[str, Any] | None:
    return at_rest.as_json(dict(row)) if row else None


def _faults(faults: Sequence[Fault], gaps: Sequence[Fault], most: int | None) -> dict[str, Any]:
    return {"in_two_parks": {"count": len(faults), "firms": [one.document() for one in faults[:most]]},
            "roster_gaps": {"count": len(gaps), "firms": [one.document() for one in gaps[:most]]}}  # fmt: skip
