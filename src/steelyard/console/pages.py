"""The pages, each as data: what its template, its JSON twin and its CSV twin all say."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from steelyard.api.lookup import kinds, ranked, sealed, tally
from steelyard.api.reading import COLUMNS, Malformed, Missing, Reader, whole
from steelyard.api.routes import checked
from steelyard.console.answer import Ask, Page, stem
from steelyard.console.connections import connections
from steelyard.console.coverage import coverage, headline
from steelyard.console.descent import descent, flat
from steelyard.console.machine import KINDS as MACHINES
from steelyard.console.machine import machine
from steelyard.model import period
from steelyard.model.subject import KINDS, Subject

if TYPE_CHECKING:
    from steelyard.model.measure import Measure
    from steelyard.store.home import Home

SIZE = 50
MOST = 10_000


def synthetic(figures: list[dict[str, Any]]) -> bool:
    """Whether any figure rests on synthetic data."""
    return any("synthetic" in figure["flags"] for figure in figures)


def invented(home: Home, table: str = "") -> bool:
    """Whether rows of a table, or of any, are synthetic."""
    return any(row["synthetic"] for row in home.holdings() if table in ("", row["table"]))


def window(ask: Ask, total: int) -> dict[str, int]:
    """Which rows of a long table: page from 1, its size, rows in all, rows to skip."""
    size = max(1, whole(ask.get("size"), SIZE, MOST))
    pages = max(1, -(-total // size))
    page = min(max(1, whole(ask.get("page"), 1, 10**9)), pages)
    return {"page": page, "pages": pages, "size": size, "total": total, "skip": (page - 1) * size}


def home_page(home: Home, ask: Ask) -> Page:
    """What the home holds and how fresh it is."""
    counts = tally(home)
    last = max((known for _, known in counts.values()), default=None)
    known = kinds(home)
    holdings = [_holding(home, row, ask.lang) for row in home.holdings()]
    top = headline(home, ask.lang)
    data = {
        "home": {"name": home.name, "kind": home.kind, "id": home.id, "zone": str(home.zone)},
        "sealed": period.iso(last) if last else "",
        "figures": sum(number for number, _ in counts.values()),
        "subjects": [{"kind": kind, "count": known.get(kind, 0)} for kind in KINDS],
        "headline": top,
        "holdings": holdings,
        "measures": [row for row in _measures(home, ask.lang, counts) if row["figures"]],
    }
    columns = ("table", "label", "rows", "leaves", "first", "last", "taken", "synthetic")
    made_up = any(row["synthetic"] for row in holdings) or synthetic([top] if top else [])
    return Page("home.html", ask.t("home.title"), "/index", data, holdings, columns, made_up)


def _holding(home: Home, row: dict[str, Any], lang: str) -> dict[str, Any]:
    table = home.catalog.tables.get(row["table"])
    times = {name: period.iso(row[name]) if row[name] is not None else "" for name in ("first", "last", "taken")}
    return {**row, **times, "label": table.label.get(lang, row["table"]) if table else row["table"]}


def _measures(home: Home, lang: str, counts: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Every measure of the catalog, and those with figures here that the catalog does not have."""
    reader = Reader(home, lang)
    found = []
    for name in sorted({*home.catalog.measures, *counts}):
        measure = reader.measure(name)
        number, known = counts.get(name, (0, 0))
        found.append(
            {
                "measure": name,
                "label": reader.label(name),
                "unit": measure.unit if measure else "",
                "of": list(measure.of) if measure else [],
                "how": measure.how if measure else "",
                "status": measure.status if measure else "",
                "source": measure.source if measure else "",
                "figures": number,
                "sealed": period.iso(known) if known else "",
            }
        )
    return found


def measures_page(home: Home, ask: Ask) -> Page:
    """Every measure with its source and how many current figures it has."""
    rows = _measures(home, ask.lang, tally(home))
    columns = ("measure", "label", "unit", "of", "how", "status", "source", "figures", "sealed")
    made_up = invented(home)
    return Page("measures.html", ask.t("nav.measures"), "/measures", {"measures": rows}, rows, columns, made_up)


def measure_page(home: Home, ask: Ask) -> Page:
    """One measure: meaning, text of the formula, current figures by value."""
    reader = Reader(home, ask.lang)
    measure, held = reader.measure(ask.id), tally(home).get(ask.id, (0, 0))[0]
    if measure is None and not held:
        raise Missing(ask.id)
    view = window(ask, held)
    figures = reader.figures_of(ranked(home, ask.id, view["size"], view["skip"])) if held else []
    data = {
        "measure": _measure(measure, ask.lang) if measure else None,
        "id": ask.id, "label": reader.label(ask.id), "window": view, "figures": figures,
    }  # fmt: skip
    return Page(
        "measure.html", reader.label(ask.id), stem("measures", ask.id), data, figures, COLUMNS, synthetic(figures)
    )


def _measure(measure: Measure, lang: str) -> dict[str, Any]:
    return {
        "id": measure.id, "label": measure.label.get(lang, measure.id), "of": list(measure.of), "unit": measure.unit,
        "how": measure.how, "better": measure.better, "source": measure.source, "status": measure.status,
        "bounds": list(measure.bounds), "inputs": list(measure.inputs), "formula": measure.formula,
        "rule": measure.rule, "views": measure.views, "parameters": measure.parameters,
    }  # fmt: skip


def subjects_page(home: Home, ask: Ask) -> Page:
    """Search among units, firms, chains, parks, clusters and regions."""
    kind, find = ask.get("kind"), ask.get("find")
    if kind and kind not in KINDS:
        raise Malformed(f"kind: {kind[:40]!r}")
    counts = {name: home.count_subjects(kind=name, find=find) for name in KINDS}
    view = window(ask, counts[kind] if kind else sum(counts.values()))
    found = home.subjects(kind=kind or None, find=find, most=view["size"], skip=view["skip"])
    rows = [_subject(subject) for subject in found]
    flat_rows = [{**row, **row["codes"]} for row in rows]
    columns = ("id", "kind", "name_zh", "name_en", "uscc", "gbt2260", "gbt4754")
    data = {"kind": kind, "find": find, "kinds": counts, "window": view, "subjects": rows}
    made_up = invented(home, "subjects")
    return Page("subjects.html", ask.t("nav.subjects"), "/subjects", data, flat_rows, columns, made_up)


def _subject(subject: Subject) -> dict[str, Any]:
    names = {"name_zh": subject.name_zh, "name_en": subject.name_en}
    return {"id": subject.id, "kind": subject.kind, **names, "codes": dict(subject.codes)}


def subject_page(home: Home, ask: Ask) -> Page:
    """One subject: names, codes, how it did if it is a machine, line or site, its current figures by measure, newest first."""
    subject = (home.subject(ask.id) or _unregistered(home, ask.id)) if ask.id else None
    if subject is None:
        raise Missing(ask.id)
    only = ask.get("measure").replace("*", "")
    table = home.figures(subject=subject.id, measure=only or None, most=MOST)
    figures = [f for f in Reader(home, ask.lang).figures_of(table) if f["subject"] == subject.id]
    figures.sort(key=lambda f: (f["measure"], f["end"], f["start"]), reverse=True)
    groups = [{"measure": name, "figures": list(rows)} for name, rows in groupby(figures, lambda f: f["measure"])][::-1]
    ordered = [figure for group in groups for figure in group["figures"]]
    did = machine(home, ask, subject.id) if subject.kind in MACHINES and not only else None
    data = {
        "subject": _subject(subject),
        "name": subject.name(ask.lang),
        "only": only,
        "machine": did,
        "groups": groups,
    }
    made_up = synthetic(ordered) or invented(home, "subjects")
    path = stem("subjects", subject.id)
    return Page("subject.html", subject.name(ask.lang), path, data, ordered, COLUMNS, made_up, live=did is not None)


def _unregistered(home: Home, name: str) -> Subject | None:
    """A subject that only figures name: a machine needs no registration."""
    rows = home.figures(subject=name, most=1).to_pylist()
    if not rows or rows[0]["subject"] != name:
        return None
    measure = home.catalog.measures.get(rows[0]["measure"].partition("[")[0])
    return Subject(name, measure.of[0] if measure and measure.of else "unit")


def figure_page(home: Home, ask: Ask) -> Page:
    """One figure, its method and its descent."""
    from steelyard.trace import trace  # noqa: PLC0415  # the engine loads with the first home

    digest = checked(ask.id)
    node = trace(home, digest, most=SIZE)
    if node.kind == "missing":
        raise Missing(digest)
    tree = descent(home, node.document(), ask.lang)
    if tree["figure"] and (seal := sealed(home, bytes.fromhex(tree["digest"]))):
        tree["figure"] |= {"known": period.iso(seal[0]), "home": seal[1]}
    data = {"tree": tree, "figure": tree["figure"], "method": tree["method"], "counts": _counts(tree)}
    columns = ("depth", "kind", "state", "why", "digest", "subject", "measure", "period", "value", "low", "high",
               "heard", "among", "grade", "table", "file", "sha256", "rows")  # fmt: skip
    title = ask.t("figure.title", digest=tree["digest"][:12])
    rows = flat(tree)
    return Page(
        "figure.html", title, f"/figures/{tree['digest']}", data, rows, columns, any(r["synthetic"] for r in rows)
    )


def _counts(tree: dict[str, Any]) -> dict[str, int]:
    states = [row["state"] for row in flat(tree)]
    return {state: states.count(state) for state in ("SHOWN", "HELD", "BROKEN")}


TABLES = {
    "": home_page, "subjects": subjects_page, "measures": measures_page, "coverage": coverage, "connections": connections,
}  # fmt: skip
SINGLE = {"subjects": subject_page, "measures": measure_page, "figures": figure_page}
