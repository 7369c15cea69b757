"""What every formula may read without naming it: the periods weighed, the subjects, and who belongs to whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from steelyard.model.division import Change, Divisions
from steelyard.model.period import Period
from steelyard.model.subject import NATION
from steelyard.model.table import Table
from steelyard.store.lake import Engine

_MEMBERS = """
WITH everybody AS (
    SELECT subject, subject AS "of" FROM seen
    UNION ALL SELECT s.id AS subject, d."of" FROM subjects s JOIN divisions d ON d.code = s.gbt2260 WHERE s.kind <> 'region'
    UNION ALL SELECT a.subject, a."of" FROM above a LEFT JOIN subjects s ON s.id = a.subject AND s.kind <> 'region'
        LEFT JOIN divisions d ON d.code = s.gbt2260 AND d."of" = a."of" WHERE d.code IS NULL AND a.subject <> a."of"
)
SELECT e."of", coalesce(s.kind, n.kind, 'enterprise') AS kind, e.subject
FROM everybody e LEFT JOIN subjects s ON s.id = e."of" LEFT JOIN seen n ON n.subject = e."of"
"""
_BELONG = """
SELECT DISTINCT subject, "of", greatest(coalesce(since, {start}), {start}) AS since, least(coalesce(until, {end}), {end}) AS until
FROM memberships WHERE (since IS NULL OR since < {end}) AND (until IS NULL OR until > {start})
    AND (since IS NULL OR until IS NULL OR since < until)"""
_FURTHER = """
SELECT subject, "of", since, until FROM belonging
UNION SELECT b.subject, d."of", greatest(b.since, d.since) AS since, least(b.until, d.until) AS until
FROM belonging b JOIN belong d ON d.subject = b."of" AND b.since < d.until AND d.since < b.until"""
_CHANGES = """
SELECT since, code, "into", kind, coalesce(name_before, '') AS name_before, coalesce(name_after, '') AS name_after
FROM division_changes"""


def name_periods(opened: Engine, periods: Sequence[Period], known: int) -> None:
    """Name the periods weighed, and the moment of weighing (µs UTC): nothing is known beyond it."""
    opened.register("periods", pa.table({
        "start": pa.array([p.start for p in periods], pa.int64()), "end": pa.array([p.end for p in periods], pa.int64()),
        "known": pa.array([known] * len(periods), pa.int64()),
    }))  # fmt: skip


def name_members(opened: Engine, tables: Iterable[Table], span: Period, own: str) -> None:
    """Name ``members("of", kind, subject)``: every subject as a member of itself and of all above it within a span, each once.

    Subjects that only data rows name are there too: a machine needs no registration. A subject belongs to the divisions in force
    at the end of the span that hold its code. Where ``own``, the subject of the home, is a region, only regions within it have
    members: a province's roster is not the nation's. Expects the views of ``subjects``, ``memberships`` and the tables.
    """
    tables = list(tables)
    seen = ["SELECT id AS subject, kind FROM subjects"]
    for table in tables:
        if table.column(table.subject).type != "subject":
            continue
        kind = "unit" if table.subject == "unit" or table.through else "enterprise"
        rows = f"{table.name}__spans" if table.lookback else table.name
        seen.append(f'SELECT DISTINCT "{table.subject}" AS subject, \'{kind}\' AS kind FROM "{rows}"')
    opened.hold("seen", "SELECT subject, min(kind) AS kind FROM (" + " UNION ALL ".join(seen) + ") GROUP BY subject")
    _name_above(opened, span)
    changed = any(table.name == "division_changes" for table in tables)
    held = _held(opened, divisions(opened) if changed else Divisions(), own, span.end)
    codes, regions = zip(*held, strict=True) if held else ((), ())
    opened.register("divisions", pa.table({"code": pa.array(codes, pa.string()), "of": pa.array(regions, pa.string())}))
    opened.hold("members", _MEMBERS)


def _name_above(opened: Engine, span: Period) -> None:
    """Hold ``above(subject, "of")``: to whom subjects belong, through others too where all links of the way hold at one moment."""
    dates = f"since > {span.start} OR until < {span.end}"
    belong = _BELONG.format(start=span.start, end=span.end)
    if not opened.rows(f"SELECT count(*) FROM ({belong}) AS b WHERE {dates}")[0][0]:
        opened.closure("above", f'SELECT subject, "of" FROM ({belong}) AS b')
        return
    opened.hold("belong", belong)
    opened.hold("belonging", "SELECT * FROM belong")
    before = -1
    while before != (now := opened.rows("SELECT count(*) FROM belonging")[0][0]):
        opened.hold("belonging", _FURTHER)
        before = now
    opened.hold("above", 'SELECT DISTINCT subject, "of" FROM belonging')


def divisions(opened: Engine) -> Divisions:
    """The changes of divisions that the home has taken; reads the view ``division_changes``."""
    return Divisions(Change(*row) for row in opened.rows(_CHANGES))


def _held(opened: Engine, known: Divisions, own: str, end: int) -> list[tuple[str, str]]:
    """Pairs of a code that subjects have and a region that holds it just before ``end``.

    A region stands for its code while that is in force, else for the code that its division has then, if no other region does.
    """
    regions = opened.rows("SELECT id, gbt2260 FROM subjects WHERE kind = 'region' AND gbt2260 IS NOT NULL")
    within = next((_within(known.same(code, end) or code) for name, code in regions if name == own), "")
    in_force = {code for _, code in regions if known.at(code, end) == code}
    standing: dict[str, list[str]] = {}
    for name, code in regions:
        then = code if code in in_force else known.same(code, end)
        if then and (then == code or then not in in_force):
            standing.setdefault(then, []).append(name)
    found = opened.rows("SELECT DISTINCT gbt2260 FROM subjects WHERE kind <> 'region' AND gbt2260 IS NOT NULL")
    pairs = ((code, one) for (code,) in found for one in (*known.held(code, end), NATION))
    return sorted({(code, name) for code, one in pairs if one.startswith(within) for name in standing.get(one, ())})


def _within(code: str) -> str:
    """What the codes at or below a region begin with; of the nation, nothing."""
    prefix = "" if code == NATION else code.removesuffix("00").removesuffix("00")
    return prefix if prefix.isdigit() else ""


def memberships_change(opened: Engine, span: Period) -> bool:
    """Whether somebody joins or leaves, or a division changes, inside a span: then its periods cannot share one set of members."""
    inside = f"(since > {span.start} AND since < {span.end}) OR (until > {span.start} AND until < {span.end})"
    if opened.rows(f"SELECT count(*) FROM memberships WHERE {inside}")[0][0]:
        return True
    known = divisions(opened)
    moments = sorted({one.since for one in known.changes if span.start < one.since < span.end})
    return any(_held(opened, known, "", moment) != _held(opened, known, "", span.end) for moment in moments)
