"""Which answer counts: of those given and those that facts give, the highest grade, and of one grade the latest.

An item is answered by a row of ``answers`` with its id, or by the fact that its ``from`` names. A fact is answered by a row with
the fact's id, or by the subject's Figure of the measure that it names, for exactly the period weighed. So an inspection stands
against a later pledge, and a measured Figure against both. Answers of one grade and moment that contradict one another, which a
fact and its item can do, count as the range between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from steelyard.catalog.frameworks import facts_behind
from steelyard.model.figure import GRADES
from steelyard.store.lake import Engine
from steelyard.weigh.exact import Item, quoted

RANK = "CASE grade " + " ".join(f"WHEN '{grade}' THEN {rank}" for rank, grade in enumerate(GRADES)) + " END"
MOST_BITS = 120
COUNTED = "counted_answers"

_SPAN = 1 << 53  # microseconds; no answer is older or younger than half of it
_MERIT = f"({RANK}) * {_SPAN} + {_SPAN >> 1} + t.at"
_GRADE = "CASE merit // {span} {cases} END".format(
    span=_SPAN, cases=" ".join(f"WHEN {rank} THEN '{grade}'" for rank, grade in enumerate(GRADES))
)
_GROUP = 'start, "end", subject, item'
_SAME = 's.start = r.start AND s."end" = r."end" AND s.subject = r.subject AND s.item = r.item'
_PLAIN = """
    SELECT p.start, p."end", a.subject, a.item, a.value, a.grade
    FROM answers a JOIN periods p ON a.at < p."end" WHERE a.item IN ({items})"""
_BEST = f"""
    SELECT {_GROUP}, value, {_GRADE} AS grade FROM (
        SELECT {_GROUP}, arg_max(value, merit) AS value, max(merit) AS merit
        FROM (SELECT {_GROUP}, value, {_MERIT} AS merit
              FROM (SELECT p.start, p."end", a.subject, a.item, a.value, a.grade, a.at
                    FROM answers a JOIN periods p ON a.at < p."end" WHERE a.item IN ({{items}})) AS t) AS weighted
        GROUP BY {_GROUP}) AS best"""
_FACTS = f"""
    WITH said AS (
        SELECT {_GROUP}, arg_max(value, merit) AS value, max(merit) AS merit FROM (
            SELECT {_GROUP}, value, {_MERIT} AS merit
            FROM (SELECT p.start, p."end", a.subject, a.item, a.value, a.grade, a.at FROM answers a JOIN periods p ON a.at < p."end"
                  WHERE a.item IN ({{facts}})) AS t) AS weighted
        GROUP BY {_GROUP}
    ),
    read AS (
        SELECT t.start, t."end", t.subject, m.fact AS item, t.value, t.low, t.high, t.measure, t.synthetic, {_MERIT} AS merit
        FROM (SELECT f.*, f."end" AS at FROM read_figures f) AS t JOIN fact_measures m ON m.measure = t.measure
    )
    SELECT s.start, s."end", s.subject, s.item, s.merit, s.value, s.value AS at_worst, s.value AS at_best, CAST(NULL AS TEXT) AS figure,
           false AS synthetic, try_cast(s.value AS DOUBLE) AS number, CAST(NULL AS DOUBLE) AS number_worst, CAST(NULL AS DOUBLE) AS number_best
    FROM said s LEFT JOIN read r ON {_SAME} WHERE r.merit IS NULL OR r.merit < s.merit
    UNION ALL
    SELECT r.start, r."end", r.subject, r.item, r.merit, CAST(r.value AS TEXT), CAST(r.low AS TEXT), CAST(r.high AS TEXT), r.measure,
           r.synthetic, r.value, r.low, r.high
    FROM read r LEFT JOIN said s ON {_SAME} WHERE s.merit IS NULL OR s.merit <= r.merit"""
_DERIVED = """
    SELECT k.start, k."end", k.subject, s.item, k.value, k.at_worst, k.at_best, k.merit, k.item AS fact, k.figure, k.synthetic
    FROM facts_known k JOIN fact_same s ON s.fact = k.item
    UNION ALL
    SELECT k.start, k."end", k.subject, m.item, m.value, m.value, m.value, k.merit, k.item, k.figure, k.synthetic
    FROM facts_known k JOIN fact_maps m ON m.fact = k.item AND m.said = k.value
    UNION ALL
    SELECT k.start, k."end", k.subject, v.item, v.value, coalesce(l.value, v.value), coalesce(h.value, v.value),
           k.merit, k.item, k.figure, k.synthetic
    FROM facts_known k JOIN fact_bands v ON v.fact = k.item AND {value}
    LEFT JOIN fact_bands l ON k.figure IS NOT NULL AND l.item = v.item AND {worst}
    LEFT JOIN fact_bands h ON k.figure IS NOT NULL AND h.item = v.item AND {best}"""
_UNTOUCHED = """
    SELECT p.start, p."end", a.subject, a.item, a.value, a.grade FROM answers a JOIN periods p ON a.at < p."end"
    WHERE a.item IN ({items}) AND NOT EXISTS (SELECT 1 FROM answered_twice w WHERE w.subject = a.subject)"""
_ITSELF = f"""
    SELECT t.start, t."end", t.subject, t.item, t.value, {_MERIT} AS merit FROM (
        SELECT p.start, p."end", a.subject, a.item, a.value, a.grade, a.at FROM answers a JOIN periods p ON a.at < p."end"
        WHERE a.item IN ({{derived}}) AND NOT EXISTS (SELECT 1 FROM answered_twice w WHERE w.subject = a.subject)) AS t
    UNION ALL
    SELECT {_GROUP}, arg_max(value, merit), max(merit) FROM (
        SELECT t.start, t."end", t.subject, t.item, t.value, {_MERIT} AS merit FROM (
            SELECT p.start, p."end", a.subject, a.item, a.value, a.grade, a.at FROM answers a
            JOIN answered_twice w ON w.subject = a.subject JOIN periods p ON a.at < p."end" WHERE a.item IN ({{items}})) AS t) AS weighted
    GROUP BY {_GROUP}"""
_COMPARED = f"""
    SELECT {_GROUP}, CASE WHEN from_fact THEN told ELSE said END AS value,
           CASE WHEN from_fact THEN at_worst WHEN alike THEN least(said, at_worst) ELSE said END AS at_worst,
           CASE WHEN from_fact THEN at_best WHEN alike THEN greatest(said, at_best) ELSE said END AS at_best,
           {_GRADE} AS grade, CASE WHEN from_fact OR alike THEN fact END AS fact,
           CASE WHEN from_fact THEN figure END AS figure, from_fact AND synthetic AS synthetic,
           alike AND said <> told AS contradicts
    FROM (
        SELECT coalesce(s.start, r.start) AS start, coalesce(s."end", r."end") AS "end", coalesce(s.subject, r.subject) AS subject,
               coalesce(s.item, r.item) AS item, s.value AS said, r.value AS told, r.at_worst, r.at_best, r.fact, r.figure, r.synthetic,
               r.merit IS NOT NULL AND (s.merit IS NULL OR r.merit > s.merit) AS from_fact,
               coalesce(r.merit = s.merit, false) AS alike, greatest(coalesce(s.merit, -1), coalesce(r.merit, -1)) AS merit
        FROM ({{itself}}) AS s FULL JOIN ({{from_facts}}) AS r ON {_SAME}) AS compared"""


@dataclass(frozen=True)
class Given:
    """The answers that count. ``untouched`` is the SELECT of those that nothing else is compared with: start, end, subject, item,
    value, grade.

    Where ``ranged``, others were compared, and are held as ``counted_answers``: they have at_worst and at_best besides (an answer
    for the least and the most that a Figure can be), fact, figure (the measure), synthetic and contradicts.
    """

    untouched: str
    ranged: bool = False

    @property
    def sql(self) -> str:
        """The SELECT of all answers that count, with all columns where ``ranged``."""
        if not self.ranged:
            return self.untouched
        return f"""SELECT {_GROUP}, value, value AS at_worst, value AS at_best, grade, CAST(NULL AS TEXT) AS fact,
            CAST(NULL AS TEXT) AS figure, false AS synthetic, false AS contradicts FROM ({self.untouched}) AS untouched
            UNION ALL SELECT {_GROUP}, value, at_worst, at_best, grade, fact, figure, synthetic, contradicts FROM {COUNTED}"""


def once(names: Sequence[str]) -> Given:
    """All answers to some items: right where nobody answered an item twice, and no fact is known."""
    return Given(_PLAIN.format(items=_listed(names)))


@dataclass(frozen=True)
class Derivation:
    """How facts answer some items, as rows that SQL can join."""

    items: Mapping[str, Item]
    names: Sequence[str]
    facts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", facts_behind(self.items, list(self.names)))

    def ways(self, *words: str) -> list[tuple[str, str, str, Any]]:
        """Item, fact, word and what stands under it, of the items that facts answer in these ways."""
        told = [(name, self.items[name].get("from") or {}) for name in self.names]
        return [(name, way["fact"], word, way[word])
                for name, way in told for word in words if word in way and way.get("fact") in self.facts]  # fmt: skip

    def name_in(self, opened: Engine) -> None:
        """Register ``fact_measures``, ``fact_same``, ``fact_bands`` and, over the answers that are there, ``fact_maps``."""
        measures = [(fact, self.items[fact]["measure"]) for fact in self.facts if self.items[fact].get("measure")]
        opened.register("fact_measures", _table(("fact", "measure"), measures))
        opened.register("fact_same", _table(("item", "fact"), [(item, fact) for item, fact, _, _ in self.ways("same")]))
        bands = [
            row
            for item, fact, word, limits in self.ways("above", "at_least")
            for row in _bands(item, fact, word, limits)
        ]
        opened.register("fact_bands", _table(("item", "fact", "value", "word"), [row[:4] for row in bands])
                        .append_column("above", pa.array([row[4] for row in bands], pa.float64()))
                        .append_column("below", pa.array([row[5] for row in bands], pa.float64())))  # fmt: skip
        opened.register("fact_maps", _table(("item", "fact", "said", "value"), self._maps(opened)))

    def _maps(self, opened: Engine) -> list[tuple[str, ...]]:
        """What each answer to a mapped fact that occurs makes of each item."""
        ways = self.ways("map")
        if not ways:
            return []
        facts = ", ".join(quoted(fact) for fact in dict.fromkeys(fact for _, fact, _, _ in ways))
        said: dict[str, list[str]] = {}
        for fact, value in opened.rows(f"SELECT DISTINCT item, value FROM answers WHERE item IN ({facts})"):
            said.setdefault(fact, []).append(value)
        rows = [
            (item, fact, value, mapped(self.items[item], how, value))
            for item, fact, _, how in ways
            for value in said.get(fact, ())
        ]
        return [row for row in rows if row[3]]


def mapped(item: Item, how: Mapping[Any, Any], value: str) -> str:
    """The options of an item that those of a fact stand for; empty when none does.

    Of several an item of one answer takes the one with the most points, one of many all; A, none of these, gives way.
    """
    known = {str(option): str(to) for option, to in how.items()}
    chosen = sorted({known[option] for option in value.split("+") if option in known})
    if item["mode"] != "multi":
        worths = item.get("points") or {level: level for level in range(int(item.get("levels", 0)) + 1)}
        points = {str(option): float(worth) for option, worth in worths.items()}
        return max(chosen, key=lambda option: points.get(option, 0.0), default="")
    return "+".join([option for option in chosen if option != "A"] or chosen)


def _bands(item: str, fact: str, word: str, limits: Mapping[Any, float | None]) -> list[tuple[Any, ...]]:
    """Item, fact, option, word, and the numbers that the option lies between; None for no limit."""
    ordered = sorted(
        ((float("-inf") if limit is None else float(limit)), str(option)) for option, limit in limits.items()
    )
    starts = [start if start > float("-inf") else None for start, _ in ordered]
    ends = [*starts[1:], None]
    return [
        (item, fact, option, word, start, end) for (_, option), start, end in zip(ordered, starts, ends, strict=True)
    ]


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def _inside(band: str, number: str) -> str:
    """Whether a number lies in a band: above excludes its beginning, at_least includes it."""
    return (f"(({band}.word = 'above' AND ({band}.above IS NULL OR {number} > {band}.above) AND ({band}.below IS NULL OR {number} <= {band}.below))"
            f" OR ({band}.word = 'at_least' AND ({band}.above IS NULL OR {number} >= {band}.above) AND ({band}.below IS NULL OR {number} < {band}.below)))")  # fmt: skip


def counting(opened: Engine, items: Mapping[str, Item], names: Sequence[str]) -> Given:
    """The answers that count for some items; reads ``answers``, ``periods`` and ``read_figures``.

    Most homes hold one answer an item, and no fact: then nothing is compared, and nothing held.
    """
    how = Derivation(items, [name for name in names if name in items])
    listed = ", ".join(map(quoted, names))
    facts = ", ".join(map(quoted, how.facts))
    if not how.facts or not _anything_known(opened, how, facts):
        return once(names) if answered_once(opened, names) else Given(_BEST.format(items=listed))
    how.name_in(opened)
    opened.hold("facts_known", _FACTS.format(facts=facts))
    from_facts = _DERIVED.format(
        value=_inside("v", "k.number"), worst=_inside("l", "k.number_worst"), best=_inside("h", "k.number_best")
    )
    opened.hold("answered_twice", _twice(names))
    derived = [name for name in names if (items[name].get("from") or {}).get("fact") in how.facts]
    opened.hold(
        COUNTED, _COMPARED.format(itself=_ITSELF.format(items=listed, derived=_listed(derived)), from_facts=from_facts)
    )
    return Given(_UNTOUCHED.format(items=_listed([name for name in names if name not in derived])), ranged=True)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names)) or "''"


def _anything_known(opened: Engine, how: Derivation, facts: str) -> bool:
    """Whether anybody answered one of the facts, or a Figure can."""
    measures = _listed([str(how.items[fact]["measure"]) for fact in how.facts if how.items[fact].get("measure")])
    rows = opened.rows(f"""SELECT (SELECT count(*) FROM answers WHERE item IN ({facts})) AS said,
        (SELECT count(*) FROM read_figures WHERE measure IN ({measures})) AS read""")
    return any(rows[0])


def answered_once(opened: Engine, names: Sequence[str]) -> bool:
    """Whether no subject answered an item twice: then answers need not be compared."""
    if not names:
        return True
    return int(opened.rows(f"SELECT count(*) FROM ({_twice(names)}) AS twice")[0][0]) == 0


def _twice(names: Sequence[str]) -> str:
    """The subjects that answered one of some items more than once: more rows than bits of items."""
    if len(names) > MOST_BITS:
        return f"SELECT DISTINCT subject FROM (SELECT subject FROM answers WHERE item IN ({_listed(names)}) GROUP BY subject, item HAVING count(*) > 1) AS twice"
    numbers = " ".join(f"WHEN {quoted(name)} THEN {number}" for number, name in enumerate(names))
    words = (f"CASE WHEN number BETWEEN {low} AND {low + 59} THEN CAST(1 AS BIGINT) << (number - {low}) ELSE 0 END"
             for low in range(0, len(names), 60))  # fmt: skip
    given = " + ".join(f"bit_count(bit_or({word}))" for word in words)
    return f"""
        SELECT subject FROM (SELECT subject, CASE item {numbers} END AS number FROM answers) AS numbered
        WHERE number IS NOT NULL GROUP BY subject HAVING count(*) > {given}"""
