"""From a rule to one SELECT. ``judged`` has a small closed vocabulary and no rule language; ``asked`` is one answer."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from steelyard.catalog.method import rule_items
from steelyard.errors import InputError
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.store.lake import Engine

VOCABULARY = ("points", "levels", "share", "weighted_mean", "bands", "gate")

Range = tuple[str, str]  # SQL of what the answers prove, and of what the missing ones could still make of it

_LATEST = """
latest AS (
    SELECT p.start, p."end", a.subject, a.item, a.value, a.grade,
           row_number() OVER (PARTITION BY p.start, p."end", a.subject, a.item ORDER BY a.at DESC) AS newest
    FROM answers a JOIN periods p ON a.at < p."end" WHERE a.item IN ({items})
),
given AS (SELECT * FROM latest WHERE newest = 1)"""
_ONCE = """
given AS (
    SELECT p.start, p."end", a.subject, a.item, a.value, a.grade
    FROM answers a JOIN periods p ON a.at < p."end" WHERE a.item IN ({items})
)"""
MOST_BITS = 120
RANK = "CASE grade " + " ".join(f"WHEN '{grade}' THEN {rank}" for rank, grade in enumerate(GRADES)) + " END"


def asked_sql(measure: Measure) -> str:
    """The latest answer to one item before each period's end, as a number."""
    item = _quoted(measure.rule["item"])
    return f"""WITH {_LATEST.format(items=item)}
SELECT subject, start, "end", try_cast(value AS DOUBLE) AS value, try_cast(value AS DOUBLE) AS low,
       try_cast(value AS DOUBLE) AS high, 1.0 AS heard, 1.0 AS among, '' AS flags, {RANK} AS rank FROM given"""


def answered_once(opened: Engine, measure: Measure) -> bool:
    """Whether no subject answered an item twice: then the latest answer need not be looked for."""
    names = rule_items(measure.rule)
    if not 0 < len(names) <= MOST_BITS:
        return False
    numbers = " ".join(f"WHEN {_quoted(name)} THEN {number}" for number, name in enumerate(names))
    words = (f"CASE WHEN number BETWEEN {low} AND {low + 59} THEN CAST(1 AS BIGINT) << (number - {low}) ELSE 0 END"
             for low in range(0, len(names), 60))  # fmt: skip
    given = " + ".join(f"bit_count(bit_or({word}))" for word in words)
    rows = opened.rows(f"""
        SELECT count(*) FROM (
            SELECT subject FROM (SELECT subject, CASE item {numbers} END AS number FROM answers) AS numbered
            WHERE number IS NOT NULL GROUP BY subject HAVING count(*) > {given}) AS twice""")
    return int(rows[0][0]) == 0


def judged_sql(measure: Measure, items: dict[str, dict[str, Any]], *, once: bool = False) -> str:
    """A tree of criteria over all items that it names; reads ``answers``, ``periods``, ``options`` and ``asked_items``.

    Equal answers are worth the same whoever gave them, so each kind of answer is looked at once. ``once`` says that no
    subject answered an item twice.
    """
    names = rule_items(measure.rule)
    unknown = [name for name in names if name not in items]
    if unknown:
        raise InputError("SY224", measure.id, item=", ".join(unknown))
    columns: dict[str, str] = {}
    low, high = _node(measure.rule, items, columns, measure.id)
    each = "".join(f",\n           {sql} AS {name}" for name, sql in columns.items())
    sums = "".join(f", sum(k.{name}) AS {name}" for name in columns)
    return f"""WITH {(_ONCE if once else _LATEST).format(items=", ".join(map(_quoted, names)))},
answered AS (SELECT DISTINCT item, value, grade FROM given),
worth AS (
    SELECT v.item, v.value, sum(CAST(o.points AS DECIMAL(18, 6))) AS points
    FROM (SELECT DISTINCT item, value FROM answered) v
    JOIN options o ON o.item = v.item AND ('+' || v.value || '+') LIKE ('%+' || o.option || '+%')
    GROUP BY v.item, v.value
),
scored AS (
    SELECT g.*, w.points, CAST(i.most AS DECIMAL(18, 6)) AS most, try_cast(g.value AS INTEGER) AS level
    FROM answered g JOIN asked_items i ON i.item = g.item LEFT JOIN worth w ON w.item = g.item AND w.value = g.value
),
kinds AS (
    SELECT item, value, grade, {RANK} AS rank{each}
    FROM scored
),
sums AS (
    SELECT g.subject, g.start, g."end", count(*) AS heard, min(k.rank) AS rank{sums}
    FROM given g JOIN kinds k ON k.item = g.item AND k.value = g.value AND k.grade = g.grade
    GROUP BY g.subject, g.start, g."end"
)
SELECT subject, start, "end", {low} AS value, {low} AS low, {high} AS high,
       CAST(heard AS DOUBLE) AS heard, {len(names)}.0 AS among,
       CASE WHEN heard < {len(names)} THEN 'incomplete' ELSE '' END AS flags, rank
FROM sums"""


def item_tables(items: dict[str, dict[str, Any]]) -> dict[str, pa.Table]:
    """The items as rows: ``options(item, option, points)`` and ``asked_items(item, most)``, most = the best it can give."""
    options = [
        (item, str(key), float(points)) for item, of in items.items() for key, points in of.get("points", {}).items()
    ]
    most = [(item, _most(of)) for item, of in items.items()]
    return {
        "options": pa.table({"item": [o[0] for o in options], "option": [o[1] for o in options],
                             "points": pa.array([o[2] for o in options], pa.float64())}),
        "asked_items": pa.table({"item": [m[0] for m in most], "most": pa.array([m[1] for m in most], pa.float64())}),
    }  # fmt: skip


def _most(item: dict[str, Any]) -> float:
    """The most points that one item can give."""
    points = [float(value) for value in item.get("points", {}).values()]
    return sum(points) if item["mode"] == "multi" else max(points, default=0.0)


def _node(node: dict[str, Any], items: dict[str, dict[str, Any]], columns: dict[str, str], where: str) -> Range:
    words = [word for word in node if word in VOCABULARY]
    if len(words) != 1 or set(node) - {*VOCABULARY, "reach"}:
        raise InputError("SY225", where, words=", ".join(node), known=", ".join(VOCABULARY))
    body = node[words[0]]
    if words[0] == "points":
        return _points(body, items, columns)
    if words[0] in ("levels", "share"):
        low, high = _levels(body, node["reach"], columns)
        parts = len(body) if words[0] == "share" else 1
        return (low, high) if parts == 1 else (f"({low} / {parts}.0)", f"({high} / {parts}.0)")
    if words[0] == "weighted_mean":
        return _weighted_mean(body, items, columns, where)
    if words[0] == "bands":
        low, high = _node(body["of"], items, columns, where)
        return _bands(low, body["at"]), _bands(high, body["at"])
    return _gate(body, items, columns, where)


def _points(names: list[str], items: dict[str, dict[str, Any]], columns: dict[str, str]) -> Range:
    inside = f"item IN ({', '.join(map(_quoted, names))})"
    low = _column(columns, f"CASE WHEN {inside} THEN coalesce(points, 0) ELSE 0 END")
    answered = _column(columns, f"CASE WHEN {inside} THEN most ELSE 0 END")
    total = sum(_most(items[name]) for name in names)
    return f"CAST({low} AS DOUBLE)", f"CAST({low} + {total!r} - {answered} AS DOUBLE)"


def _levels(names: list[str], reach: int, columns: dict[str, str]) -> Range:
    inside = f"item IN ({', '.join(map(_quoted, names))})"
    low = _column(columns, f"CASE WHEN {inside} AND level >= {int(reach)} THEN 1 ELSE 0 END")
    answered = _column(columns, f"CASE WHEN {inside} THEN 1 ELSE 0 END")
    return f"CAST({low} AS DOUBLE)", f"CAST({low} + {len(names)} - {answered} AS DOUBLE)"


def _weighted_mean(parts: list[dict[str, Any]], items: dict[str, Any], columns: dict[str, str], where: str) -> Range:
    ranges = [(float(part["weight"]), _node(part["of"], items, columns, where)) for part in parts]
    total = sum(weight for weight, _ in ranges)
    low, high = (" + ".join(f"{weight!r} * {both[side]}" for weight, both in ranges) for side in (0, 1))
    return f"(({low}) / {total!r})", f"(({high}) / {total!r})"


def _bands(of: str, edges: list[list[float]]) -> str:
    cases = " ".join(
        f"WHEN {of} >= {float(edge)!r} THEN {float(value)!r}" for edge, value in sorted(edges, reverse=True)
    )
    return f"(CASE {cases} END)"


def _gate(steps: list[dict[str, Any]], items: dict[str, Any], columns: dict[str, str], where: str) -> Range:
    sides: list[list[str]] = [[], []]
    for step in sorted(steps, key=lambda s: -float(s["value"])):
        tested = [(_node({k: v for k, v in c.items() if k != "at_least"}, items, columns, where), float(c["at_least"]))
                  for c in step["all"]]  # fmt: skip
        for side in (0, 1):
            conditions = " AND ".join(f"{both[side]} >= {least!r}" for both, least in tested)
            sides[side].append(f"WHEN {conditions} THEN {float(step['value'])!r}")
    low, high = (f"(CASE {' '.join(cases)} ELSE 0.0 END)" for cases in sides)
    return low, high


def _column(columns: dict[str, str], sql: str) -> str:
    """A name for what each kind of answer adds to a sum; equal ones share it."""
    for name, known in columns.items():
        if known == sql:
            return name
    columns[f"n{len(columns)}"] = sql
    return f"n{len(columns) - 1}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
