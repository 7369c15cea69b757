"""From results to sealed Figures: compare with what is current, seal what is new, keep it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from steelyard.catalog.method import method_document
from steelyard.evidence import merkle
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.model.figure import GRADES
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine
from steelyard.store.ledger import inputs
from steelyard.weigh import editions, lineage

_SAME = ("value", "low", "high", "heard", "among", "grade", "flags", "method", "inputs")


@dataclass
class Weighed:
    """What weighing one measure came to: Figures made (``replaced`` of them correct an older one) and left unchanged."""

    measure: str
    made: int = 0
    replaced: int = 0
    unchanged: int = 0
    note: str = ""


def keep(home: Home, opened: Engine, measure: Measure, day: str, rows: pa.Table, behind: Sequence[lineage.Behind],
         total: Weighed, *, estimated: bool = False) -> None:  # fmt: skip
    """Keep results as Figures, those alone that differ from what is current, under one seal; counts them in ``total``.

    ``rows``: subject, start, end, value, low, high, heard, among (doubles), flags (words joined by commas) and rank (of a grade, or
    null), what stands ``behind`` each in the same order; ``day`` is the ISO day whose parameters are in force.
    """
    with home.ledger.write() as connection:
        method = home.keep_method(connection, method_document(home.catalog, measure, day))
        flags = editions.flags(home.catalog, measure)
        columns = _columns(measure.name, method, rows, behind, flags, estimated=estimated)
        kept, replaced = _new(home, opened, measure.name, columns)
        total.unchanged += rows.num_rows - len(kept)
        if not kept:
            return
        columns = {name: [values[i] for i in kept] for name, values in columns.items()}
        columns["digest"] = list(figure_digests(columns))
        _keep_inputs(connection, [behind[i] for i in kept])
        roots = merkle.block_roots(sorted(columns["digest"]))
        seal = home.seal(connection, "figures", columns["digest"], merkle.root_of_blocks(roots))
        at_rest.keep(home, connection, pa.table(columns, schema=SCHEMA), seal, roots=roots)
    total.made += len(kept)
    total.replaced += replaced


def _new(home: Home, opened: Engine, name: str, columns: dict[str, list[Any]]) -> tuple[list[int], int]:
    """Which rows differ from what is current here, and how many of those correct an older Figure."""
    span = Period(min(columns["start"]), max(columns["end"]))
    at_rest.view(home, opened, "before", name, span, within=True)
    table = opened.arrow("SELECT * FROM before WHERE home = ''")
    keys = zip(*(table[k].to_pylist() for k in ("subject", "start", "end")), strict=True)
    same = zip(*(_tuples(table[k].to_pylist()) for k in _SAME), strict=True)
    known = dict(zip(keys, zip(same, table["digest"].to_pylist(), strict=True), strict=True))
    if not known:
        return list(range(len(columns["subject"]))), 0
    fresh, replaced = [], 0
    new_keys = zip(columns["subject"], columns["start"], columns["end"], strict=True)
    new_same = zip(*(_tuples(columns[k]) for k in _SAME), strict=True)
    for i, (key, values) in enumerate(zip(new_keys, new_same, strict=True)):
        before = known.get(key)
        if before and before[0] == values:
            continue
        fresh.append(i)
        if before:
            columns["replaces"][i] = before[1]
            replaced += 1
    return fresh, replaced


def _tuples(values: Iterable[Any]) -> list[Any]:
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _columns(name: str, method: bytes, rows: pa.Table, behind: Sequence[lineage.Behind],
             more: Sequence[str], *, estimated: bool) -> dict[str, list[Any]]:  # fmt: skip
    """The columns of ``SCHEMA`` but the digest, as lists; ``more`` flags stand on every Figure."""
    count = rows.num_rows
    said = rows["flags"].to_pylist()
    ranks = rows["rank"].to_pylist()
    columns: dict[str, list[Any]] = {
        key: rows[key].to_pylist() for key in ("subject", "start", "end", "value", "low", "high", "heard", "among")
    }
    known: dict[tuple[str, bool], tuple[str, ...]] = {}
    flags = []
    for text, found in zip(said, behind, strict=True):
        key = (text, found.synthetic)
        if key not in known:
            known[key] = tuple(
                sorted({*filter(None, text.split(",")), *more, *(["synthetic"] if found.synthetic else [])})
            )
        flags.append(known[key])
    weakest = (found.rank if rank is None else min(rank, found.rank) for rank, found in zip(ranks, behind, strict=True))
    return columns | {
        "measure": [name] * count, "grade": [GRADES[rank] for rank in weakest], "estimated": [estimated] * count, "flags": flags,
        "method": [method] * count, "inputs": [found.root for found in behind], "replaces": [None] * count,
    }  # fmt: skip


def _keep_inputs(connection: sa.Connection, behind: Iterable[lineage.Behind]) -> None:
    sets = {found.root: b"".join(found.digests) for found in behind}
    rows = [{"root": name, "digests": digests} for name, digests in sets.items()]
    connection.execute(inputs.insert().prefix_with("OR IGNORE"), rows)
