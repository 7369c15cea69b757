"""What a cluster is made of: firms counted once, the ways that lead to it, the provinces it crosses, who joined and who left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steelyard.errors import InputError, SteelyardError
from steelyard.fields.places import divisions, find, name_places
from steelyard.model.measure import Measure
from steelyard.model.period import Period, iso, label
from steelyard.model.subject import NATION
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine

SHOWN = 5  # firms named in a sentence
_FIRMS = """SELECT m.subject AS firm FROM members m JOIN seen n ON n.subject = m.subject LEFT JOIN subjects s ON s.id = m.subject
WHERE m."of" = $cluster AND coalesce(s.kind, n.kind) = 'enterprise'"""
_WAYS = """
SELECT b.subject AS way, coalesce(s.kind, 'enterprise') AS kind, count(DISTINCT f.firm) AS firms FROM
    (SELECT DISTINCT subject FROM memberships WHERE "of" = $cluster AND (since IS NULL OR since < $end) AND (until IS NULL OR until > $start)) AS b
LEFT JOIN subjects s ON s.id = b.subject JOIN members m ON m."of" = b.subject JOIN firms f ON f.firm = m.subject
GROUP BY b.subject, s.kind ORDER BY firms DESC, way"""
_TWO_PARKS = """
SELECT DISTINCT a.subject FROM memberships a JOIN memberships b ON b.subject = a.subject AND b."of" > a."of"
JOIN subjects p ON p.id = a."of" AND p.kind = 'park' JOIN subjects q ON q.id = b."of" AND q.kind = 'park'
JOIN firms f ON f.firm = a.subject
LEFT JOIN above i ON (i.subject = a."of" AND i."of" = b."of") OR (i.subject = b."of" AND i."of" = a."of")
WHERE i.subject IS NULL AND greatest(coalesce(a.since, $start), coalesce(b.since, $start), $start) < least(coalesce(a.until, $end), coalesce(b.until, $end), $end)
ORDER BY a.subject"""


@dataclass(frozen=True)
class Cluster:
    """A cluster in a period: its firms, each once; firms by way (a park, a chain, or straight), by province, listed on the roster.

    ``several`` came by more than one way. ``outside`` lie beyond the home's own region: of them it knows only what it was told.
    ``joined`` were not members at the period's beginning, ``left`` not at its end. ``figures`` are the cluster's own of a measure.
    """

    subject: str
    name_zh: str
    name_en: str
    period: Period
    firms: int
    straight: int
    ways: tuple[tuple[str, str, int], ...]
    several: int
    provinces: dict[str, int]
    outside: int
    rostered: int
    joined: tuple[str, ...]
    left: tuple[str, ...]
    measure: Measure | None
    figures: tuple[dict[str, Any], ...]
    notes: tuple[SteelyardError, ...]

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        told = {k: v for k, v in vars(self).items() if k not in ("period", "measure", "figures", "notes", "ways")}
        return told | {
            "start": iso(self.period.start), "end": iso(self.period.end), "measure": self.measure.name if self.measure else None,
            "ways": [dict(zip(("way", "kind", "firms"), way, strict=True)) for way in self.ways],
            "figures": [row | {"digest": row["digest"].hex(), "known": iso(row["known"])} for row in self.figures],
            "notes": [{"code": note.code, "what": note.say(), "do": note.remedy()} for note in self.notes],
        }  # fmt: skip


def cluster(home: Home, name: str, period: Period, measure: str = "", roster: str = "above_size") -> Cluster:
    """What a cluster is made of in a period; raises UsageError SY843 on an unknown one, InputError SY842 on one without firms."""
    asked = home.catalog.measure(measure) if measure else None
    roster = str(asked.rule.get("roster", roster)) if asked else roster
    with engine(home.path) as opened:
        name_places(home, opened, period)
        subject, zh, en, _ = find(opened, "cluster", name)
        at = {"cluster": subject, "start": period.start, "end": period.end}
        opened.hold("firms", _FIRMS, {"cluster": subject})
        firms = {row[0] for row in opened.rows("SELECT firm FROM firms")}
        rostered = _rostered(opened, roster, at)
        if not rostered:
            raise InputError("SY842", subject=subject, roster=roster, period=label(period, home.zone))
        ways = [(way, kind, count) for way, kind, count in opened.rows(_WAYS, at)]
        straight = [way for way in ways if way[1] == "enterprise"]
        through = tuple(way for way in ways if way[1] != "enterprise")
        several = _several(opened, at)
        provinces = _provinces(opened, period.end)
        outside = _outside(home, opened, provinces)
        parks = [row[0] for row in opened.rows(_TWO_PARKS, {"start": period.start, "end": period.end})]
        first, last = (_at(home, opened, subject, moment) for moment in (period.start, period.end - 1))
    notes = [InputError("SY849", count=len(parks), names=_few(parks))] if parks else []
    figures = home.figures(asked.name, subject, period).to_pylist() if asked else []
    shown = ("value", "low", "high", "heard", "among", "grade", "flags", "digest", "known")
    return Cluster(
        subject, zh, en, period, len(firms), len(straight), through, several, provinces, outside, rostered,
        tuple(sorted(firms - first)), tuple(sorted(firms - last)), asked,
        tuple({key: row[key] for key in shown} for row in figures), tuple(notes),
    )  # fmt: skip


def _few(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")


def _rostered(opened: Engine, roster: str, at: dict[str, Any]) -> int:
    rows = opened.rows("""SELECT count(DISTINCT f.firm) FROM firms f JOIN roster r ON r.enterprise = f.firm AND r.list = $roster
        AND (r.since IS NULL OR r.since < $end) AND (r.until IS NULL OR r.until > $start)""",
        {"roster": roster, "start": at["start"], "end": at["end"]})  # fmt: skip
    return int(rows[0][0])


def _several(opened: Engine, at: dict[str, Any]) -> int:
    """Firms that came by more than one way; a firm is the way to itself where it belongs straight."""
    rows = opened.rows("""SELECT count(*) FROM (
        SELECT f.firm FROM (SELECT DISTINCT subject FROM memberships WHERE "of" = $cluster AND (since IS NULL OR since < $end)
            AND (until IS NULL OR until > $start)) AS b
        JOIN members m ON m."of" = b.subject JOIN firms f ON f.firm = m.subject GROUP BY f.firm HAVING count(*) > 1) AS g""", at)  # fmt: skip
    return int(rows[0][0])


def _provinces(opened: Engine, end: int) -> dict[str, int]:
    """Firms by the code of their province in force; empty for those without a code."""
    known = divisions(opened)
    found: dict[str, int] = {}
    rows = opened.rows(
        "SELECT coalesce(s.gbt2260, ''), count(*) FROM firms f LEFT JOIN subjects s ON s.id = f.firm GROUP BY 1 ORDER BY 1"
    )
    for code, count in rows:
        province = known.held(code, end)[-1] if code else ""
        found[province] = found.get(province, 0) + count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _outside(home: Home, opened: Engine, provinces: dict[str, int]) -> int:
    """Firms in other provinces than the home's own region; none where the home is no region or the nation."""
    rows = opened.rows("SELECT gbt2260 FROM subjects WHERE id = $own AND kind = 'region'", {"own": home.subject_id})
    code = rows[0][0] if rows else None
    if not code or code == NATION:
        return 0
    return sum(count for province, count in provinces.items() if province and province[:2] != code[:2])


def _at(home: Home, opened: Engine, subject: str, moment: int) -> set[str]:
    """The cluster's firms at one moment."""
    name_places(home, opened, Period(moment, moment + 1))
    return {row[0] for row in opened.rows(_FIRMS, {"cluster": subject})}
