"""The commands that read: ``show``, ``trace``, ``verify``, ``tables``, ``measures``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from steelyard.catalog import Catalog, load
from steelyard.cli.say import as_json, note, share_of, table
from steelyard.cli.weighing import moment_of, period_of
from steelyard.errors import language
from steelyard.model.period import Period, label
from steelyard.store.figures import as_json as figure_json
from steelyard.store.home import Home
from steelyard.trace import Node
from steelyard.trace import trace as trace_verb
from steelyard.trace import verify as verify_verb

ON_TERMINAL = 200


def show_figures(home_path: Path, measure: str | None, subject: str | None, period: str | None, as_known_on: str | None,
                 most: int | None, *, json: bool) -> int:  # fmt: skip
    """Print current Figures, or those that were current on a day."""
    with Home.open(home_path) as home:
        span = period_of(period, home.zone) if period else None
        known_on = moment_of(as_known_on, home.zone) if as_known_on else None
        limit = most if most is not None or json else ON_TERMINAL
        rows = home.figures(measure, subject, span, known_on=known_on, most=limit).to_pylist()
        if json:
            as_json([figure_json(row) for row in rows])
            return 0
        heads = ("measure", "subject", "period", "value", "low", "high", "heard/among", "grade", "flags", "digest")
        units = {name: m.unit for name, m in home.catalog.measures.items()}
        table(heads, [
            (r["measure"], r["subject"], label(Period(r["start"], r["end"]), home.zone),
             *(share_of(r[k], units.get(r["measure"].split("[")[0], "")) for k in ("value", "low", "high")),
             f"{r['heard']:g}/{r['among']:g}", r["grade"], ",".join(r["flags"]), r["digest"].hex()[:16]) for r in rows])  # fmt: skip
    if limit is not None and len(rows) == limit:
        note(f"… {limit}; --most N")
    return 0


def trace_figure(home_path: Path, digest: str, most: int, *, leaf_bytes: bool, json: bool) -> int:
    """Print the tree below a Figure."""
    with Home.open(home_path) as home:
        node = trace_verb(home, digest, leaf_bytes=leaf_bytes, most=most)
    if json:
        as_json(node.document())
    else:
        for line in _tree(node, 0):
            print(line)
        if node.method:
            print("\n" + node.method.get("formula", "") or str(node.method.get("rule", "")))
    return 1 if node.state == "BROKEN" else 0


def _tree(node: Node, depth: int) -> Iterator[str]:
    why = f" · {node.why}" if node.why else ""
    yield f"{'  ' * depth}{node.state:6} {_said(node)} {node.digest[:16]}{why}"
    for child in node.children:
        yield from _tree(child, depth + 1)
    if node.more:
        yield f"{'  ' * (depth + 1)}… +{node.more}"


def _said(node: Node) -> str:
    if node.figure:
        f = node.figure
        home = f" @{node.at_home}" if node.at_home else ""
        return f"{f['measure']} {f['subject']} {f['start']}/{f['end']} = {f['value']!r} [{f['low']!r}, {f['high']!r}] {f['grade']}{home}"
    if node.leaf:
        used = f" rows {node.leaf['rows_used']}" if node.leaf.get("rows_used") else f" {node.leaf['rows']} rows"
        return f"leaf {node.leaf['kind']} ← {node.leaf['source']['file']}{used} {node.leaf['grade']}"
    if node.seal:
        home = f" @{node.at_home}" if node.at_home else ""
        return f"seal {node.seal['number']} over {node.seal['figures']} figures of {', '.join(node.seal['measures'])}{home}"
    return f"inputs @{node.at_home}" if node.at_home else "?"


def verify_home(home_path: Path, *, json: bool) -> int:
    """Print what was looked at and every fault."""
    with Home.open(home_path) as home:
        verdict = verify_verb(home)
    if json:
        as_json(
            {
                "holds": verdict.holds,
                "looked_at": verdict.looked_at,
                "faults": [fault.__dict__ for fault in verdict.faults],
            }
        )
    else:
        table(("kind", "looked at"), verdict.looked_at.items())
        for fault in verdict.faults:
            print(f"BROKEN {fault.kind} {fault.name}: {fault.why}")
        print("holds 全部核验通过" if verdict.holds else f"BROKEN {len(verdict.faults)}")
    return 0 if verdict.holds else 1


def _catalog(home_path: Path | None) -> Catalog:
    if home_path is None:
        return load()
    with Home.open(home_path) as home:
        return home.catalog


def list_tables(home_path: Path | None, *, json: bool) -> int:
    """Print tables with their columns; a key column bears a star."""
    tables = _catalog(home_path).tables
    if json:
        as_json([{"table": t.name, "label": t.label, "grade": t.grade, "key": list(t.key),
                  "columns": [c.__dict__ | {"choices": list(c.choices)} for c in t.columns]} for t in tables.values()])  # fmt: skip
        return 0
    table(("table", "", "columns"), [
        (t.name, t.label.get(language(), ""), ", ".join(f"{c.name}{'*' if c.name in t.key else ''}" for c in t.columns))
        for t in tables.values()])  # fmt: skip
    return 0


def list_measures(home_path: Path | None, *, json: bool) -> int:
    """Print measures with their kind, status and source."""
    measures = _catalog(home_path).measures
    if json:
        as_json([{"measure": m.id, "label": m.label, "of": list(m.of), "unit": m.unit, "how": m.how, "status": m.status,
                  "source": m.source, "inputs": list(m.inputs), "parameters": m.parameters} for m in measures.values()])  # fmt: skip
        return 0
    table(("measure", "", "how", "of", "status"), [
        (m.id, m.label.get(language(), ""), m.how, ",".join(m.of), m.status) for m in measures.values()])  # fmt: skip
    return 0
