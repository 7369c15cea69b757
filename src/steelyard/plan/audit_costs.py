"""What an inspection costs, by city and size: rows of a file or of the table ``inspection_costs``; the closest fit counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard import tabular
from steelyard.errors import InputError
from steelyard.store.home import Home
from steelyard.store.lake import engine

TABLE = "inspection_costs"
ANY = "*"
Costs = dict[tuple[str, str], float]


def costs_of(home: Home, path: Path | None) -> Costs:
    """Cost by city and size, ``*`` for any; of the home's own table where there is no file, empty where that is empty, too.

    Raises InputError SY201 without the file, SY871 on a row that cannot be, such as a negative cost.
    """
    if path is None:
        return _own(home)
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    shape = home.catalog.table(TABLE)
    raw = tabular.read(path, shape)
    checked = tabular.check(raw, shape, home.zone, home.now(), home.catalog.codes, home.catalog.items)
    for one in checked.refused:
        raise InputError("SY871", str(path), row=one.row, column=one.column, value=one.value, why=one.say())
    return {(row["region"], row["size"]): float(row["cost"]) for row in checked.rows.to_pylist()}


def _own(home: Home) -> Costs:
    if not home.leaves(kind=TABLE):
        return {}
    with engine(home.path) as opened:
        home.table_view(opened, TABLE)
        return {(region, size): cost for region, size, cost in opened.rows(f"SELECT region, size, cost FROM {TABLE}")}


def cost_of(costs: Costs, row: Mapping[str, Any]) -> float:
    """What inspecting a firm costs: its city and size, else its city, else its size, else any. 1 where no costs are known at all.

    Raises InputError SY870 where some are known and none fits.
    """
    if not costs:
        return 1.0
    city, size = _city(row), str(row["size"])
    for key in ((city, size), (city, ANY), (ANY, size), (ANY, ANY)):
        if key in costs:
            return costs[key]
    raise InputError("SY870", region=city, size=size)


def strangers(costs: Costs, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of costs for which there is no firm."""
    cities, sizes = {_city(row) for row in rows} | {ANY}, {str(row["size"]) for row in rows} | {ANY}
    return [f"{city} {size}" for city, size in costs if city not in cities or size not in sizes]


def _city(row: Mapping[str, Any]) -> str:
    code = str(row["region"])
    return f"{code[:4]}00" if len(code) == 6 else code
