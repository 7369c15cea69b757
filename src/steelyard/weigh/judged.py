"""From a rule to one SELECT. ``judged`` has a small closed vocabulary and no rule language; ``asked`` is one answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.errors import InputError
from steelyard.model.measure import Measure
from steelyard.weigh.exact import FIGURE_FINE, VOCABULARY, Bounds, Item, Scaled, Tree, quoted
from steelyard.weigh.given import COUNTED, RANK, Given, once

__all__ = ["RANK", "VOCABULARY", "asked_sql", "item_tables", "judged_sql"]

_FLAGS = (
    ("heard < among", "incomplete"), ("contradicts > 0", "contradicting"), ("unknown_industry", "industry_unknown"),
    ("synthetic > 0", "synthetic"),
)  # fmt: skip
_DIVISION = "left(CASE WHEN s.gbt4754 >= 'A' THEN substring(s.gbt4754, 2, 4) ELSE s.gbt4754 END, 2)"
_KEYS = 'subject, start, "end"'


@dataclass(frozen=True)
class Case:
    """The rule for some divisions of industry (none named: for all others), its result and the items that it asks."""

    divisions: tuple[str, ...]
    made: Scaled
    items: list[str]
    figures: list[str]


def asked_sql(measure: Measure, given: Given | None = None) -> str:
    """The answer to one item that counts, as a number."""
    given = given or once([measure.rule["item"]])
    sides = ("value", "at_worst", "at_best") if given.ranged else ("value",) * 3
    value, one, other = (f"try_cast({side} AS DOUBLE)" for side in sides)
    low, high = f"least({value}, {one}, {other})", f"greatest({value}, {one}, {other})"
    flags = "''"
    if given.ranged:
        value = f"CASE WHEN contradicts THEN {low} ELSE {value} END"
        flags = (
            "concat_ws(',', CASE WHEN contradicts THEN 'contradicting' END, CASE WHEN synthetic THEN 'synthetic' END)"
        )
    return f"""SELECT {_KEYS}, {value} AS value, {low} AS low, {high} AS high, 1.0 AS heard, 1.0 AS among,
       {flags} AS flags, {RANK} AS rank FROM ({given.sql}) AS given"""


def judged_sql(measure: Measure, items: Mapping[str, Item], given: Given | None = None,
               bounds: Mapping[str, Bounds] | None = None) -> str:  # fmt: skip
    """A tree of criteria over all items that it names; reads ``options``, ``asked_items``, and what ``given`` reads.

    Equal answers are worth the same whoever gave them, so each kind of answer is looked at once. Of a rule that hangs on the
    industry, ``subjects`` tell which case is theirs. ``bounds`` are those of the measures that ``figure`` names.
    """
    names = rule_items(measure.rule)
    unknown = [name for name in names if name not in items]
    if unknown:
        raise InputError("SY224", measure.id, item=", ".join(unknown))
    given = given or once(names)
    tree = Tree(items, measure.id, bounds or {}, given.ranged)
    cases = [_case(tree, divisions, rule) for divisions, rule in split(measure)]
    compared = f",\ncompared AS (SELECT * FROM {COUNTED})" if given.ranged else ""
    return f"""WITH untouched AS ({given.untouched}){compared},
{_kinds_sql(tree, cases, ranged=given.ranged)},
{_sums_sql(tree, cases, ranged=given.ranged)},
cased AS ({_cased_sql(tree, cases)})
SELECT {_KEYS}, value, low, high, CAST(heard AS DOUBLE) AS heard, CAST(among AS DOUBLE) AS among,
       concat_ws(',', {", ".join(f"CASE WHEN {test} THEN '{flag}' END" for test, flag in _FLAGS)}) AS flags, rank
FROM cased WHERE heard > 0"""


def item_tables(items: Mapping[str, Item]) -> dict[str, pa.Table]:
    """The items as rows: ``options(item, option, points)`` and ``asked_items(item, mode)``."""
    options = [
        (item, str(key), float(points)) for item, of in items.items() for key, points in of.get("points", {}).items()
    ]
    return {
        "options": pa.table({"item": [o[0] for o in options], "option": [o[1] for o in options],
                             "points": pa.array([o[2] for o in options], pa.float64())}),
        "asked_items": pa.table({"item": list(items), "mode": [of["mode"] for of in items.values()]}),
    }  # fmt: skip


def split(measure: Measure) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """The rule for each set of industry divisions that it treats alike, the one for all others last, without ``industry``."""
    nodes = list(_industries(measure.rule))
    try:
        codes = sorted({_code(code) for node in nodes for found in node["divisions"].values() for code in found})
        branches = {code: tuple(_branch(node, code) for node in nodes) for code in codes}
        rules = {code: _chosen(measure.rule, code) for code in (*codes, "")}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        why = "industry needs divisions {name: [two digits, …]}, a node under each name, and else"
        raise InputError("SY706", measure.id, why=why) from error
    alike: dict[tuple[str, ...], list[str]] = {}
    for code, chosen in branches.items():
        alike.setdefault(chosen, []).append(code)
    return [*((tuple(found), rules[found[0]]) for found in alike.values()), ((), rules[""])]


def _industries(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "industry" in node:
            yield node["industry"]
        for part in node.values():
            yield from _industries(part)
    elif isinstance(node, list):
        for part in node:
            yield from _industries(part)


def _code(code: object) -> str:
    return f"{int(str(code)):02d}"


def _branch(node: dict[str, Any], code: str) -> str:
    named = (name for name, found in node["divisions"].items() if code and code in map(_code, found))
    return str(next(named, "else"))


def _chosen(node: Any, code: str) -> Any:
    """A rule with each ``industry`` replaced by the node that it has for a division."""
    if isinstance(node, dict):
        if "industry" in node:
            return _chosen(node["industry"][_branch(node["industry"], code)], code)
        return {key: _chosen(part, code) for key, part in node.items()}
    return [_chosen(part, code) for part in node] if isinstance(node, list) else node


def _case(tree: Tree, divisions: tuple[str, ...], rule: dict[str, Any]) -> Case:
    return Case(divisions, tree.scaled(rule), rule_items(rule), rule_figures(rule))


def _kinds_sql(tree: Tree, cases: list[Case], *, ranged: bool) -> str:
    """Each kind of answer once, with what it adds to each sum."""
    told, answered = "item, value, grade", "SELECT DISTINCT item, value, grade FROM untouched"
    said = "SELECT DISTINCT item, value FROM answered"
    if ranged:
        told = f"{', '.join(_TOLD)}, was_compared"
        answered = f"""
    SELECT DISTINCT item, value, grade, value AS at_worst, value AS at_best, false AS contradicts, false AS synthetic, false AS was_compared
    FROM untouched UNION ALL SELECT DISTINCT {", ".join(_TOLD)}, true FROM compared"""
        said = "SELECT item, value FROM answered UNION SELECT item, at_worst FROM answered UNION SELECT item, at_best FROM answered"
    added = "".join(f",\n           {sql} AS {name}" for sql, name in (*tree.columns.items(), *tree.apart.items()))
    if len(cases) > 1:
        added += "".join(f",\n           CASE WHEN item IN ({_texts(case.items)}) THEN 1 ELSE 0 END AS c{n}"
                         for n, case in enumerate(cases))  # fmt: skip
    return f"""answered AS ({answered}),
said AS ({said}),
worth AS ({_WORTH}),
scored AS ({_RANGED if ranged else _EXACT}),
kinds AS (
    SELECT {told}, {RANK} AS rank{_CONTRADICTS if ranged else ""}{added}
    FROM scored
)"""


_TOLD = ("item", "value", "grade", "at_worst", "at_best", "contradicts", "synthetic")
_WORTH = """
    SELECT v.item, v.value, CAST(sum(CAST(o.points AS DECIMAL(18, 6))) AS DECIMAL(18, 6)) AS points, CAST(NULL AS DOUBLE) AS number
    FROM said v JOIN options o ON o.item = v.item AND contains('+' || v.value || '+', '+' || o.option || '+')
    GROUP BY v.item, v.value
    UNION ALL
    SELECT v.item, v.value, CASE WHEN i.mode = 'level' THEN CAST(try_cast(v.value AS INTEGER) AS DECIMAL(18, 6)) END,
           try_cast(v.value AS DOUBLE)
    FROM said v JOIN asked_items i ON i.item = v.item
    WHERE i.mode IN ('level', 'number') AND try_cast(v.value AS DOUBLE) IS NOT NULL"""
_EXACT = "SELECT a.*, w.points, w.number FROM answered a JOIN worth w ON w.item = a.item AND w.value = a.value"
_RANGED = """
    SELECT a.*, CASE WHEN contradicts THEN least(w.points, l.points, h.points) ELSE w.points END AS points,
           least(w.points, l.points, h.points) AS points_low, greatest(w.points, l.points, h.points) AS points_high,
           CASE WHEN contradicts THEN least(w.number, l.number, h.number) ELSE w.number END AS number,
           least(w.number, l.number, h.number) AS number_low, greatest(w.number, l.number, h.number) AS number_high
    FROM answered a JOIN worth w ON w.item = a.item AND w.value = a.value
    LEFT JOIN worth l ON l.item = a.item AND l.value = a.at_worst
    LEFT JOIN worth h ON h.item = a.item AND h.value = a.at_best"""
_CONTRADICTS = """,
           CASE WHEN contradicts AND (points_low < points_high OR number_low < number_high) THEN 1 ELSE 0 END AS clash,
           CASE WHEN synthetic THEN 1 ELSE 0 END AS made_up"""


def _sums_sql(tree: Tree, cases: list[Case], *, ranged: bool) -> str:
    """Per subject and period the sums over answers and, beside them, the Figures that the rule names; as ``known``."""
    columns, apart = [*tree.columns.values()], [*tree.apart.values()]
    heard = ["count(*) AS h0, min(k.rank) AS r0"] if len(cases) == 1 else [
        f"sum(k.c{n}) AS h{n}, min(CASE WHEN k.c{n} = 1 THEN k.rank END) AS r{n}" for n in range(len(cases))]  # fmt: skip
    summed = [*heard, *(f"CAST(sum(k.{name}) AS BIGINT) AS {name}" for name in columns)]
    sums = f"sums AS ({_part('untouched', _TOLD[:3], [*summed, *_NO_MARKS])})"
    if ranged:
        marked = [*summed, "sum(k.clash) AS contradicts", "max(k.made_up) AS synthetic",
                  *(f"CAST(sum(k.{name}) AS BIGINT) AS {name}" for name in apart)]  # fmt: skip
        parts = [_part("untouched", _TOLD[:3], [*summed, *_NO_MARKS, *(f"0 AS {name}" for name in apart)], "AND NOT k.was_compared"),
                 _part("compared", _TOLD, marked, "AND k.was_compared")]  # fmt: skip
        again = [f"CAST(sum(h{n}) AS BIGINT) AS h{n}, min(r{n}) AS r{n}" for n in range(len(cases))]
        again += [f"CAST(sum({name}) AS BIGINT) AS {name}" for name in (*columns, *apart)]
        sums = f"""sums AS (
    SELECT {_KEYS}, {", ".join(again)}, sum(contradicts) AS contradicts, max(synthetic) AS synthetic
    FROM ({" UNION ALL ".join(parts)}) AS parts GROUP BY {_KEYS}
)"""
    if not tree.figures:
        return sums + ",\nknown AS (SELECT * FROM sums)"
    both = [f"coalesce(s.h{n}, 0) + coalesce(f.h{n}, 0) AS h{n}, least(s.r{n}, f.r{n}) AS r{n}, coalesce(f.more{n}, 0) AS more{n}"
            for n in range(len(cases))]  # fmt: skip
    both += [f"coalesce(s.{name}, 0) AS {name}" for name in (*columns, *apart)]
    both += [f"f{n}_{side}" for n in range(len(tree.figures)) for side in ("value", "low", "high")]
    return f"""{sums},
figured AS ({_figured_sql(tree, cases)}),
everybody AS (SELECT {_KEYS} FROM sums UNION SELECT {_KEYS} FROM figured),
known AS (
    SELECT e.subject, e.start, e."end", greatest(coalesce(s.contradicts, 0), coalesce(f.clash, 0)) AS contradicts,
           coalesce(f.unplaced, 0) AS unplaced,
           greatest(coalesce(s.synthetic, 0), coalesce(f.synthetic, 0)) AS synthetic, {", ".join(both)}
    FROM everybody e LEFT JOIN sums s ON s.subject = e.subject AND s.start = e.start AND s."end" = e."end"
    LEFT JOIN figured f ON f.subject = e.subject AND f.start = e.start AND f."end" = e."end"
)"""


_NO_MARKS = ("0 AS contradicts", "0 AS synthetic")


def _part(answers: str, same: Sequence[str], summed: Sequence[str], only: str = "") -> str:
    """The sums over answers that nothing is compared with, or over the others: they are told apart by more columns."""
    on = " AND ".join(f"k.{name} = g.{name}" for name in same)
    return f"""
    SELECT g.subject, g.start, g."end", {", ".join(summed)}
    FROM {answers} g JOIN kinds k ON {on} {only} GROUP BY g.subject, g.start, g."end\""""


def _figured_sql(tree: Tree, cases: list[Case]) -> str:
    """Per subject and period the Figures that a rule names, in one row."""
    parts = [f"max(CASE WHEN measure = {quoted(name)} THEN CAST(floor({side} * {FIGURE_FINE} + 0.5) AS BIGINT) END) AS f{n}_{side}"
             for n, name in enumerate(tree.figures) for side in ("value", "low", "high")]  # fmt: skip
    for n, case in enumerate(cases):
        mine = f"measure IN ({_texts(case.figures)})"
        parts.append(
            f"sum(CASE WHEN {mine} THEN CAST(heard AS BIGINT) ELSE 0 END) AS h{n}, min(CASE WHEN {mine} THEN {RANK} END) AS r{n}"
        )
        parts.append(f"sum(CASE WHEN {mine} THEN CAST(among AS BIGINT) - 1 ELSE 0 END) AS more{n}")
    return f"""SELECT {_KEYS}, max(CASE WHEN synthetic THEN 1 ELSE 0 END) AS synthetic, max(clash) AS clash, max(unplaced) AS unplaced,
           {", ".join(parts)}
    FROM read_figures WHERE measure IN ({_texts(tree.figures)}) GROUP BY {_KEYS}"""


def _cased_sql(tree: Tree, cases: list[Case]) -> str:
    """Value, range and base by the subject's industry; of one whose industry is unknown, what they can be in any.

    A Figure of what people answered brings its own base, any other one, and a missing one counts as one that is not heard.
    """
    among = [
        f"{len(case.items) + len(case.figures)}" + (f" + more{n}" if tree.figures else "")
        for n, case in enumerate(cases)
    ]
    unplaced = "unplaced > 0" if tree.figures else "false"
    sides = [[_double(case.made.sides[side], case.made.per) for case in cases] for side in range(3)]
    if len(cases) == 1:
        return f"""SELECT {_KEYS}, {sides[0][0]} AS value, {sides[1][0]} AS low, {sides[2][0]} AS high, h0 AS heard,
           {among[0]} AS among, r0 AS rank, contradicts, synthetic, {unplaced} AS unknown_industry FROM known"""
    ends = [f"least({', '.join(sides[0])})", f"least({', '.join(sides[1])})", f"greatest({', '.join(sides[2])})"]
    value, low, high = (_by_division(cases, found, end) for found, end in zip(sides, ends, strict=True))
    last = len(cases) - 1
    heard, rank = (
        _by_division(cases, [f"{letter}{n}" for n in range(len(cases))], f"{letter}{last}") for letter in "hr"
    )
    base = _by_division(cases, among, among[last])
    return f"""SELECT {_KEYS}, {value} AS value, {low} AS low, {high} AS high, {heard} AS heard, {base} AS among, {rank} AS rank,
           contradicts, synthetic, division IS NULL OR {unplaced} AS unknown_industry
    FROM (SELECT k.*, nullif({_DIVISION}, '') AS division FROM known k LEFT JOIN subjects s ON s.id = k.subject) AS placed"""


def _by_division(cases: list[Case], each: list[str], unknown: str) -> str:
    named = " ".join(f"WHEN division IN ({_texts(case.divisions)}) THEN {sql}"
                     for case, sql in zip(cases, each, strict=True) if case.divisions)  # fmt: skip
    return f"(CASE WHEN division IS NULL THEN {unknown} {named} ELSE {each[-1]} END)"


def _double(sql: str, per: int) -> str:
    return f"CAST({sql} AS DOUBLE)" if per == 1 else f"(CAST({sql} AS DOUBLE) / {per}.0)"


def _texts(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names)) or "''"
