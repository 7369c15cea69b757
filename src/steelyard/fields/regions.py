"""A region over time: one series through new names and codes, and where its area changed, what it is laid beside."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.errors import InputError, SteelyardError
from steelyard.fields.places import divisions, find, name_places, newest
from steelyard.model.division import Change, Divisions
from steelyard.model.measure import Measure
from steelyard.model.period import Period, iso, label, local_day
from steelyard.model.subject import NATION
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine

ROSTER = "above_size"
PUBLISHED = "codes/gbt2260_changes.csv"
_COLUMNS = 'subject, start, "end", value, low, high, heard, among, grade, estimated, flags, digest, known'


@dataclass(frozen=True)
class Point:
    """A Figure of the series: whose it is, under which code, and the Figure's fields. ``beside``: of another division."""

    subject: str
    code: str
    period: Period
    figure: dict[str, Any]
    beside: bool

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        fields = {k: v for k, v in self.figure.items() if k not in ("subject", "start", "end", "known", "digest")}
        return {"subject": self.subject, "code": self.code, "start": iso(self.period.start), "end": iso(self.period.end), **fields,
                "digest": self.figure["digest"].hex(), "known": iso(self.figure["known"]), "beside": self.beside}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """A change of the division, or of one that went into it or came out of it; ``breaks``: before and after are not one area."""

    change: Change
    breaks: bool

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return vars(self.change) | {"since": iso(self.change.since), "breaks": self.breaks}


@dataclass(frozen=True)
class Series:
    """A region's Figures of a measure by period, the changes of its division among them, and what is to be done about its codes.

    ``codes`` are all codes that the very same division had, oldest first.
    """

    subject: str
    name_zh: str
    name_en: str
    codes: tuple[str, ...]
    measure: Measure
    points: tuple[Point, ...]
    turns: tuple[Turn, ...]
    notes: tuple[SteelyardError, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        return {
            "subject": self.subject, "name_zh": self.name_zh, "name_en": self.name_en, "codes": list(self.codes),
            "measure": self.measure.name, "label": self.measure.label, "status": self.measure.status, "unit": self.measure.unit,
            "points": [point.document() for point in self.points], "changes": [turn.document() for turn in self.turns],
            "notes": [{"code": note.code, "what": note.say(), "do": note.remedy()} for note in self.notes],
        }  # fmt: skip

    def in_order(self) -> Iterator[Point | Turn]:
        """Figures and changes as they follow each other: a change stands before the first period at whose end it was in force."""
        rows: list[Point | Turn] = [*self.turns, *self.points]
        return iter(sorted(rows, key=_place))


def _place(row: Point | Turn) -> tuple[int, int, int, bool, str]:
    if isinstance(row, Turn):
        return row.change.since + 1, 0, 0, False, row.change.code
    return row.period.end, 1, row.period.start, row.beside, row.code


def series(home: Home, region: str, measure: str, first: Period | None = None, last: Period | None = None) -> Series:
    """The Figures of a region, by id or code, from one period to another, under every code that it had.

    Raises UsageError on an unknown measure or region (SY843); InputError SY842 for a region without firms, SY844 for one without
    Figures.
    """
    known_measure = home.catalog.measure(measure)
    with engine(home.path) as opened:
        span = last or first or newest(home, opened, known_measure.name)
        name_places(home, opened, span)
        subject, zh, en, code = find(opened, "region", region)
        known = divisions(opened)
        codes = known.kin(code) if code else ()
        turns = _turns(known, codes)
        found = _points(home, opened, known_measure, (subject, code), (codes, turns), (first, last))
        points = tuple(point for point in found if not _overtaken(point, found, known))
        if not points:
            raise _nothing(home, opened, known_measure, subject, span)
        notes = (*_unplaced(home, opened, known, code, span.end), *_not_taken(home, known, codes))
    kept = tuple(turn for turn in turns if _within(turn.change.since, points, first, last))
    return Series(subject, zh, en, codes, known_measure, points, kept, notes)


def _turns(known: Divisions, codes: Sequence[str]) -> tuple[Turn, ...]:
    found = [one for one in known.of(codes) if one.code != one.into or one.kind == "renamed"]
    return tuple(Turn(one, one.kind not in ("renamed", "recoded")) for one in found)


def _within(since: int, points: Sequence[Point], first: Period | None, last: Period | None) -> bool:
    start = first.start if first else min(point.period.start for point in points)
    end = last.end if last else max(point.period.end for point in points)
    return start < since < end


def _points(home: Home, opened: Engine, measure: Measure, own: tuple[str, str], area: tuple[Sequence[str], Sequence[Turn]],
            bounds: tuple[Period | None, Period | None]) -> tuple[Point, ...]:  # fmt: skip
    """Figures of the region under all its codes; of the divisions that it came from before the change, of those it went into after."""
    (subject, code), (codes, turns) = own, area
    others = {other for turn in turns if turn.breaks for other in (turn.change.code, turn.change.into)} - {*codes}
    rows = opened.rows("SELECT id, gbt2260 FROM subjects WHERE kind = 'region' AND gbt2260 IS NOT NULL")
    named = {name: at for name, at in rows if at in others or at in codes} | {subject: code}
    at_rest.view(home, opened, "told", measure.name, None, within=True)
    opened.register("area", pa.table({"id": pa.array(named, pa.string())}))
    found = opened.arrow(f"SELECT {_COLUMNS} FROM told WHERE subject IN (SELECT id FROM area)").to_pylist()
    first, last = bounds
    out = []
    for row in found:
        span = Period(row["start"], row["end"])
        at = named[row["subject"]]
        inside = (first is None or span.start >= first.start) and (last is None or span.end <= last.end)
        if inside and (row["subject"] == subject or at in codes or _beside(at, span, codes, turns)):
            out.append(Point(row["subject"], at, span, row, at not in codes and row["subject"] != subject))
    return tuple(sorted(out, key=_place))


def _overtaken(point: Point, points: Sequence[Point], known: Divisions) -> bool:
    """Whether a Figure was made before a change was taken, and there is one of the code that was in force at the period's end."""
    if point.beside or not point.code or known.at(point.code, point.period.end) == point.code:
        return False
    return any(not other.beside and other.period == point.period and other.code != point.code for other in points)


def _beside(code: str, span: Period, codes: Sequence[str], turns: Sequence[Turn]) -> bool:
    """Whether a division is laid beside in a period: it went into this one later, or this one had gone into it by the period's end."""
    return any(
        (turn.change.code == code and turn.change.into in codes and span.end <= turn.change.since)
        or (turn.change.into == code and turn.change.code in codes and span.end > turn.change.since)
        for turn in turns if turn.breaks
    )  # fmt: skip


def _nothing(home: Home, opened: Engine, measure: Measure, subject: str, span: Period) -> InputError:
    roster = str(measure.rule.get("roster", ROSTER))
    said = label(span, home.zone)
    among = opened.rows(
        """SELECT count(DISTINCT m.subject) FROM members m JOIN roster r ON r.enterprise = m.subject AND r.list = $roster
        WHERE m."of" = $subject AND (r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)""",
        {"roster": roster, "subject": subject, "start": span.start, "end": span.end},
    )[0][0]
    if among:
        return InputError("SY844", subject=subject, among=among, roster=roster, measure=measure.name, period=said)
    return InputError("SY842", subject=subject, roster=roster, period=said)


def _unplaced(home: Home, opened: Engine, known: Divisions, code: str, end: int) -> Iterator[InputError]:
    """Codes of firms below a region of which it is not known in which division they lie now."""
    begins = "" if code == NATION else code.removesuffix("00").removesuffix("00")
    rows = opened.rows("""SELECT gbt2260, count(*) FROM subjects WHERE kind = 'enterprise' AND starts_with(gbt2260, $begins)
        GROUP BY gbt2260 ORDER BY gbt2260""", {"begins": begins})  # fmt: skip
    for name, count in rows:
        if code and known.at(name, end) is None:
            since = (
                max((one.since for one in known.of([name]) if one.since < end), default=0) or known.of([name])[0].since
            )
            yield InputError("SY847", count=count, division=name, since=local_day(since, home.zone))


def _not_taken(home: Home, known: Divisions, codes: Sequence[str]) -> Iterator[InputError]:
    """Codes of a region that the published list names and the home's own table does not."""
    taken = {(one.code, one.into) for one in known.changes}
    path = published(home)
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["code"] in codes or row["into"] in codes]
    missing = [row for row in rows if (row["code"], row["into"]) not in taken]
    if missing:
        yield InputError("SY848", division=", ".join(sorted({row["code"] for row in missing})), path=path)


def published(home: Home) -> Path:
    """The list of changes of divisions that is shipped, ready to be taken into ``division_changes``."""
    return next(folder / PUBLISHED for folder in home.catalog.folders if (folder / PUBLISHED).is_file())
