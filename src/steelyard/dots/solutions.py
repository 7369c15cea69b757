"""What can be done, at what cost, how long it takes and what it brings: shipped estimates, and what the home knows better.

Shipped rows stand in ``standards/solutions/NAME.csv`` and ``NAME-gains.csv`` with the columns of the tables ``solutions`` and
``solution_gains``; a home's own standards folder may hold more. Rows that the home took into those tables go before all files. The gains
of a solution are replaced together, wherever a later source has any.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.catalog.catalog import Catalog, near, read_yaml
from steelyard.catalog.frameworks import options
from steelyard.errors import InputError
from steelyard.methods.programme import Span
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.tabular.answers import fits

ENDS = ("low", "mid", "high")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """One solution: names, cost (CNY) and months as (low, mid, high), the ids that it needs, the answers that it brings.

    ``status`` says where cost and duration come from: ours, quoted, paid.
    """

    id: str
    names: Mapping[str, str]
    cost: Span
    months: Span
    needs: tuple[str, ...]
    status: str
    gains: Mapping[str, str] = field(default_factory=dict)


def solutions_of(home: Home, framework: str) -> list[Measured]:
    """The solutions for a framework, by id; raises InputError on the first row that is wrong, naming it."""
    rows, gains = dict[str, Row](), dict[str, dict[str, str]]()
    for source in (*_shipped(home.catalog, gains=False), _taken(home, "solutions")):
        rows |= {str(row["solution"]): row for row in source}
    for source in (*_shipped(home.catalog, gains=True), _taken(home, "solution_gains")):
        told: dict[str, dict[str, str]] = {}
        for row in source:
            told.setdefault(str(row["solution"]), {})[str(row["item"])] = str(row["value"])
        gains |= told
    if unknown := sorted(set(gains) - set(rows)):
        raise _unknown(unknown[0], unknown[0], rows)
    found = [_measured(row, gains.get(name, {})) for name, row in sorted(rows.items()) if row["framework"] == framework]
    if not found:
        raise InputError("SY737", framework)
    _check(found, home.catalog)
    return found


def capacity(catalog: Catalog) -> tuple[int, str]:
    """How many solutions can run at once, and whose number that is: ``solutions/capacity.yaml``, the home's own before ours."""
    paths = [path for folder in catalog.folders for path in folder.glob("solutions/capacity.yaml")]
    told = read_yaml(paths[-1])
    if not isinstance(told.get("at_once"), int) or told["at_once"] < 1:
        raise InputError("SY734", str(paths[-1]), field="at_once", value=told.get("at_once"))
    return told["at_once"], str(told.get("status", "home"))


def _shipped(catalog: Catalog, *, gains: bool) -> Iterator[list[Row]]:
    for folder in catalog.folders:
        for path in sorted(folder.glob("solutions/*.csv")):
            if path.stem.endswith("-gains") == gains:
                yield _read(path)


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return [row | {"where": f"{path.name}:{number}"} for number, row in enumerate(csv.DictReader(handle), 2)]


def _taken(home: Home, table: str) -> list[Row]:
    with engine(home.path) as opened:
        home.table_view(opened, table)
        rows: list[Row] = opened.arrow(f"SELECT * FROM {table}").to_pylist()
    return rows


def _measured(row: Row, gains: Mapping[str, str]) -> Measured:
    name = str(row["solution"])
    needs = tuple(part for part in str(row.get("needs") or "").split("+") if part)
    names = {"zh": str(row["name_zh"]), "en": str(row.get("name_en") or row["name_zh"])}
    return Measured(name, names, _span(row, "cost"), _span(row, "months"), needs, str(row["status"]), gains)


def _span(row: Row, what: str) -> Span:
    texts = [row.get(f"{what}_{end}") for end in ENDS]
    try:
        low, mid, high = (float(text) for text in texts)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        low, mid, high = -1.0, -1.0, -1.0
    if not 0 <= low <= mid <= high < float("inf"):
        where = str(row.get("where", "solutions"))
        raise InputError("SY730", where, solution=row["solution"], what=what, values=", ".join(map(str, texts)))
    return low, mid, high


def _check(found: list[Measured], catalog: Catalog) -> None:
    known = {one.id: one for one in found}
    for one in found:
        for need in one.needs:
            if need not in known:
                raise _unknown(one.id, need, known)
        for item, value in one.gains.items():
            if item not in catalog.items:
                raise _unknown(one.id, item, catalog.items)
            if fits(item, value, catalog.items):
                raise InputError("SY733", one.id, item=item, value=value, allowed=_allowed(catalog.items[item]))
    _check_circle(known)


def _unknown(solution: str, name: str, known: Iterable[str]) -> InputError:
    return InputError("SY732", solution, name=name, near=", ".join(near(name, known)) or "–")


def _check_circle(known: Mapping[str, Measured]) -> None:
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise InputError("SY731", name, circle=" → ".join((*above[above.index(name) :], name)))
        if name not in done:
            for need in known[name].needs:
                visit(need, (*above, name))
            done.add(name)

    for name in known:
        visit(name, ())


def _allowed(item: Mapping[str, Any]) -> str:
    low, high = item.get("bounds") or (None, None)
    return ", ".join(options(item)) or f"{'–' if low is None else low} … {'–' if high is None else high}"
