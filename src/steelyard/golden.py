"""Golden cases: the worked examples beside each measure, run through the real verbs in a home of their own."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard import tabular
from steelyard.catalog import Catalog
from steelyard.catalog.catalog import read_yaml_list
from steelyard.errors import InputError
from steelyard.model.measure import Measure
from steelyard.model.period import parse
from steelyard.store.home import Home
from steelyard.take import keep_rows
from steelyard.weigh import weigh

WITHIN = 1e-9


@dataclass(frozen=True)
class Case:
    """One worked case of a measure, as its golden.yaml gives it."""

    measure: Measure
    document: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.measure.id}: {self.document['name']}"


def cases(catalog: Catalog, names: list[str] | None = None) -> Iterator[Case]:
    """The cases of some measures, or of all; raises InputError on a measure without any, unless an estimator makes its numbers."""
    for name in names or sorted(catalog.measures):
        path = next(
            (f / name / "golden.yaml" for f in reversed(catalog.folders) if (f / name / "golden.yaml").exists()), None
        )
        if path is None and catalog.measures[name].how == "modelled":
            continue
        if path is None:
            raise InputError("SY228", name)
        yield from (Case(catalog.measure(name), document) for document in read_yaml_list(path))


def run(case: Case, catalog: Catalog, at: str = "") -> list[str]:
    """Run one case, here or on the engine ``at`` an address; returns what differs from what it expects, one sentence each."""
    document = case.document
    with tempfile.TemporaryDirectory(prefix="steelyard-golden-") as folder:
        home = Home.create(
            Path(folder) / "home", name="golden", kind="region", zone=document.get("zone", "Asia/Shanghai")
        )
        home.__dict__["catalog"] = catalog
        with home:
            faults = [fault for name, text in document["given"].items() for fault in _give(home, folder, name, text)]
            period = parse(str(document["period"]), home.zone)
            periods = list(period.split(document["each"], home.zone)) if "each" in document else [period]
            weigh(home, [_with_parameters(case)], periods, at=at)
            return faults + list(_compare(home, case))


def gaps(catalog: Catalog, names: Iterable[str]) -> dict[str, str]:
    """Of some measures those whose texts are outside what DuckDB and Spark read alike, each with its reason.

    Rules of ``judged``, ``rolled`` and ``asked`` are turned into SQL by ``weigh``, which both engines read.
    """
    from steelyard.store.portable import portable  # noqa: PLC0415  - needs the extra ``spark``

    found: dict[str, str] = {}
    for name in names:
        measure = catalog.measure(name)
        for text in (*measure.views.values(), *([measure.formula] if measure.formula else ())):
            try:
                portable(text)
            except ValueError as error:
                found.setdefault(name, str(error))
    return found


def _with_parameters(case: Case) -> str:
    chosen = case.document.get("parameters", {})
    return case.measure.id + (f"[{','.join(f'{k}={v}' for k, v in chosen.items())}]" if chosen else "")


def _give(home: Home, folder: str, name: str, text: str) -> list[str]:
    """Take a case's rows as a file, also into tables that no hand fills."""
    path = Path(folder) / f"{name}.csv"
    path.write_text(text, encoding="utf-8")
    table = home.catalog.table(name)
    checked = tabular.check(
        tabular.read(path, table), table, home.zone, home.now(), home.catalog.codes, home.catalog.items
    )
    keep_rows(
        home, [(table, checked.rows)], {"file": path.name, "sha256": "00" * 32, "sheet": "", "read": checked.read}
    )
    return [f"{name} row {r.row} {r.column}: {r.say('en')}" for r in checked.refused]


def _compare(home: Home, case: Case) -> Iterator[str]:
    rows = home.figures(_with_parameters(case)).to_pylist()
    for expected in case.document.get("expect", []):
        period = parse(str(expected["period"]), home.zone) if "period" in expected else None
        found = [row for row in rows if row["subject"] == expected["subject"]
                 and (period is None or (row["start"], row["end"]) == (period.start, period.end))]  # fmt: skip
        if len(found) != 1:
            yield f"{expected['subject']}: {len(found)} Figures where one is expected"
            continue
        yield from _differences(found[0], expected)
    for subject in case.document.get("none", []):
        if any(row["subject"] == subject for row in rows):
            yield f"{subject}: a Figure where none may be"


def _differences(row: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    within = float(expected.get("within", WITHIN))
    for field in ("value", "low", "high", "heard", "among"):
        if field in expected and not math.isclose(row[field], float(expected[field]), rel_tol=0, abs_tol=within):
            yield f"{row['subject']} {field}: {row[field]!r}, expected {expected[field]!r}"
    for field in ("grade", "flags"):
        if field in expected and row[field] != expected[field]:
            yield f"{row['subject']} {field}: {row[field]!r}, expected {expected[field]!r}"
    if not row["low"] <= row["value"] <= row["high"]:
        yield f"{row['subject']}: low {row['low']!r}, value {row['value']!r}, high {row['high']!r} are out of order"
