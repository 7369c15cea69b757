"""Which leaves and which Figures stand behind each Figure: row by row, not table by table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steelyard.evidence.merkle import root
from steelyard.model.figure import GRADES
from steelyard.model.leaf import Leaf
from steelyard.model.table import Table
from steelyard.store.lake import Engine
from steelyard.store.spans import series

Key = tuple[str, int, int]  # subject, start, end
_OF_REGIONS = """SELECT DISTINCT o.id AS subject, p.start, p."end", t.leaf FROM "{name}" t JOIN subjects o ON o.kind = 'region'
AND o.gbt2260 IN ({code}, left({code}, 4) || '00', left({code}, 2) || '0000', '100000') JOIN periods p ON true"""
"""Rows that speak of a division by its code stand behind the regions at and above it."""


@dataclass(frozen=True)
class Behind:
    """What stands behind one Figure: its inputs root, the digests under it, the weakest grade, whether any is synthetic."""

    root: bytes
    digests: tuple[bytes, ...]
    rank: int
    synthetic: bool


def leaves_sql(tables: Iterable[Table], through_members: Iterable[str], only: Mapping[str, str] | None = None,
               kinds: Sequence[str] = ()) -> str:  # fmt: skip
    """Per subject and period the numbers of the leaves that hold its rows; through ``members`` of groups of some ``kinds`` where
    a formula does so.

    ``only`` holds for some tables a condition on their rows ``t``.

    Rows that count through another table that is read too (samples, through bindings) stand behind the subject bound to them.
    """
    named = {table.name: table for table in tables}
    through = set(through_members)
    groups = ", ".join(f"'{kind}'" for kind in kinds)
    parts = []
    for table in named.values():
        if table.column(table.subject).type == "gbt2260":
            parts.append(_OF_REGIONS.format(name=table.name, code=f't."{table.subject}"'))
            continue
        binding = named.get(table.through)
        owner = f'b."{binding.subject}"' if binding else f't."{table.subject}"'
        group, join = owner, ""
        if table.name in through:
            group, join = 'm."of"', f"JOIN members m ON m.subject = {owner} AND m.kind IN ({groups})"
        if table.lookback:
            parts += [f'SELECT DISTINCT {group} AS subject, t.start, t."end", t.leaf FROM ({part}) AS t {_bound(table, binding)} {join}'
                      for part in _nearest(table)]  # fmt: skip
            continue
        rows = f'"{table.name}" t {_bound(table, binding)} {join}'
        where = (only or {}).get(table.name, "true")
        if table.start:
            parts.append(
                f'SELECT DISTINCT {group} AS subject, p.start, p."end", t.leaf FROM {rows} JOIN periods p ON {_touches(table)} WHERE {where}'
            )
        else:
            whole = f"SELECT DISTINCT {group} AS subject, t.leaf FROM {rows} WHERE {where}"
            parts.append(f'SELECT w.subject, p.start, p."end", w.leaf FROM ({whole}) AS w JOIN periods p ON true')
    return (
        'SELECT subject, start, "end", list_sort(list_distinct(list(leaf))) AS leaves FROM ('
        + " UNION ALL ".join(parts) + ") AS read_of GROUP BY ALL"
    )  # fmt: skip


def _bound(table: Table, binding: Table | None) -> str:
    """The join with the table that binds rows to their subjects, by the columns that both name."""
    if binding is None:
        return ""
    names = series(table) if table.lookback else (table.subject,)
    return f'JOIN "{binding.name}" b ON ' + " AND ".join(f'b."{name}" = t."{name}"' for name in names)


def _nearest(table: Table) -> list[str]:
    """Blocks of instants that count in a period, per series: those of its time, and the nearest before and after it.

    Where a block holds instants on both sides of an edge it is the nearest on either side.
    """
    spans = f'"{table.name}__spans"'
    names = ", ".join(f's."{name}"' for name in series(table))
    same = " AND ".join(f'n."{name}" = s."{name}"' for name in series(table))
    inside = f'SELECT {names}, s.leaf, p.start, p."end" FROM {spans} s JOIN periods p ON s.first < p."end" AND s.last >= p.start'
    out = [inside]
    for edge, near, beyond, ends, within in (
        ("p.start", "max(s.last)", "last", "s.last < p.start", f"s.last >= p.start - {table.lookback}"),
        ('p."end"', "min(s.first)", "first", 's.first >= p."end"', f's.first < p."end" + {table.lookback}'),
    ):
        straddles = (
            f'SELECT {names}, p.start, p."end" FROM {spans} s JOIN periods p ON s.first < {edge} AND s.last >= {edge}'
        )
        nearest = f'SELECT {names}, p.start, p."end", {near} AS mark FROM {spans} s JOIN periods p ON {ends} AND {within} GROUP BY {names}, p.start, p."end"'
        out.append(
            f'SELECT {names}, s.leaf, n.start, n."end" FROM {spans} s JOIN ({nearest}) AS n ON {same} AND s.{beyond} = n.mark '
            f'LEFT JOIN ({straddles}) AS x ON {same.replace("s.", "x.")} AND x.start = n.start AND x."end" = n."end" WHERE x.start IS NULL'
        )
    return out


def _touches(table: Table) -> str:
    if table.end:
        return f't."{table.start}" < p."end" AND t."{table.end}" > p.start'
    return f't."{table.start}" < p."end"'


class Known:
    """Leaves by number, with the sets of them that occur hashed once."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self._leaves = {leaf.id: leaf for leaf in leaves}
        self._sets: dict[tuple[int, ...], Behind] = {}

    def behind(self, numbers: tuple[int, ...]) -> Behind:
        """What a set of leaves amounts to."""
        if numbers not in self._sets:
            found = [self._leaves[number] for number in numbers]
            digests = tuple(sorted(leaf.digest for leaf in found))
            ranks = [GRADES.index(leaf.grade) for leaf in found if leaf.grade in GRADES]
            self._sets[numbers] = Behind(root(digests), digests, min(ranks, default=len(GRADES) - 1),
                                         any(leaf.synthetic for leaf in found))  # fmt: skip
        return self._sets[numbers]


def with_figures(below: Behind, digests: Iterable[bytes]) -> Behind:
    """The same, with Figures beside the leaves."""
    every = tuple(sorted({*below.digests, *digests}))
    return Behind(root(every), every, below.rank, below.synthetic)


def leaf_numbers(opened: Engine, sql: str) -> dict[Key, tuple[int, ...]]:
    """Run ``leaves_sql``."""
    table = opened.arrow(sql)
    keys = zip(*(table[name].to_pylist() for name in ("subject", "start", "end")), strict=True)
    return dict(zip(keys, map(tuple, table["leaves"].to_pylist()), strict=True))


def figure_digests_of(opened: Engine, sql: str) -> dict[Key, list[bytes]]:
    """Run a SELECT of subject, start, end and a list of digests."""
    table = opened.arrow(sql)
    keys = zip(*(table[name].to_pylist() for name in ("subject", "start", "end")), strict=True)
    return dict(zip(keys, table["digests"].to_pylist(), strict=True))
