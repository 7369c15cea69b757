"""The commands ``check``, ``doctor`` and ``explain``."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steelyard import golden
from steelyard.catalog import Catalog, load
from steelyard.catalog.catalog import SHIPPED
from steelyard.catalog.frameworks import faults as framework_faults
from steelyard.catalog.shape import view_inputs
from steelyard.cli.say import as_json, note, table
from steelyard.errors import SteelyardError, codes, explain, language
from steelyard.store.address import HERE
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine

_PARAMETER = re.compile(r"\$[A-Za-z_]\w*")
Finding = tuple[str, bool, str]
LEAST_DISK = 1 << 30
EARLIEST_CLOCK = 1_767_225_600  # 2026-01-01: no honest clock runs before this program was made


def check_standards(folder: Path | None, *, json: bool, at: str = "") -> int:
    """Load standards, check frameworks, facts and what each formula may read, run all golden cases, here or ``at`` a Spark; print what fails."""
    own = [] if folder is None else [folder / "standards" if (folder / "ledger.db").exists() else folder]
    catalog = load((SHIPPED, *own))
    names = (
        sorted(p.parent.relative_to(own[0]).as_posix() for p in own[0].glob("*/**/measure.yaml"))
        if own
        else sorted(catalog.measures)
    )
    faults = [*framework_faults(catalog), *_formulas(catalog, names)]
    gaps = _gaps(catalog, names, at)
    count = 0
    for case in golden.cases(catalog, names) if names else ():
        if case.measure.id in gaps:
            continue
        count += 1
        note(f"… {case.name}")
        faults += [(case.name, fault) for fault in golden.run(case, catalog, at)]
    if json:
        as_json(
            {
                "frameworks": len(catalog.frameworks),
                "facts": len(catalog.facts),
                "measures": len(names),
                "cases": count,
                "faults": [{"case": c, "fault": f} for c, f in faults],
                "gaps": gaps,
            }
        )
    else:
        for name, why in gaps.items():
            print(f"{name}: not on {at}: {why}")
        for name, fault in faults:
            print(f"{name}: {fault}")
        print(
            f"frameworks {len(catalog.frameworks)}, facts {len(catalog.facts)}, measures {len(names)}, cases {count}, faults {len(faults)}"
        )
    return 1 if faults else 0


def _gaps(catalog: Catalog, names: list[str], at: str) -> dict[str, str]:
    """The measures that an engine does not run, each with its reason; opening it first tells whether it is there at all."""
    if at in HERE:
        return {}
    with engine(at=at):
        return golden.gaps(catalog, names)


def _formulas(catalog: Catalog, names: list[str]) -> Iterator[tuple[str, str]]:
    """A formula is one SELECT and reads only what its ``from`` names, and periods, subjects, members."""
    with engine() as opened:
        for view, sql in catalog.views.items():
            yield from ((view, fault) for fault in _beyond(opened, sql, {*view_inputs(sql), "periods"}))
        for name in names:
            measure = catalog.measures[name]
            below = {n.replace("/", "_").replace("-", "_") for n in measure.inputs}
            if measure.formula:
                allowed = {*below, "periods", "subjects", "members"}
                yield from ((name, fault) for fault in _beyond(opened, measure.formula, allowed))


def _beyond(opened: Engine, sql: str, allowed: set[str]) -> Iterator[str]:
    try:
        read = opened.tables_of(_PARAMETER.sub("NULL", sql))
    except ValueError as error:
        yield str(error)
        return
    if read - allowed:
        yield f"reads {', '.join(sorted(read - allowed))}, which its from does not name"


def examine(home_path: Path | None, *, json: bool) -> int:
    """Print findings about the machine and a home, each with what to do."""
    findings = [*_machine(), *(_home(home_path) if home_path else ())]
    if json:
        as_json([{"what": what, "well": well, "remedy": remedy} for what, well, remedy in findings])
    else:
        table(("", "", ""), [("✓" if well else "✗", what, "" if well else remedy) for what, well, remedy in findings])
    return 0 if all(well for _, well, _ in findings) else 1


def _machine() -> Iterator[Finding]:
    yield f"Python {sys.version.split()[0]}", sys.version_info >= (3, 11), "install Python 3.11 or newer"
    yield (
        f"SQLite {sqlite3.sqlite_version}",
        sqlite3.sqlite_version_info >= (3, 35),
        "install a Python with SQLite 3.35 or newer",
    )
    try:
        ZoneInfo("Asia/Shanghai")
        zones = True
    except ZoneInfoNotFoundError:
        zones = False
    yield "time zones", zones, "pip install tzdata"
    yield "clock", time.time() > EARLIEST_CLOCK, "set the clock: times of seals come from it"
    yield "UTF-8 output", (sys.stdout.encoding or "").lower().startswith("utf"), "set PYTHONUTF8=1"


def _home(path: Path) -> Iterator[Finding]:
    try:
        home = Home.open(path)
    except SteelyardError as error:
        yield f"home {path}: {error.say()}", False, error.remedy()
        return
    with home:
        yield f"home {home.name} ({home.kind}), layout {home.facts['layout']}", True, ""
        yield from _key(home)
        free = shutil.disk_usage(path).free
        yield f"disk: {free / 1e9:.1f} GB free", free > LEAST_DISK, "free some disk"
        missing = [leaf.path for leaf in home.leaves() if not (path / leaf.path).is_file()]
        yield f"leaves: {len(missing)} missing", not missing, "restore lake/ from its backup, then steelyard verify"
        try:
            yield f"standards: {len(home.catalog.measures)} measures", True, ""
        except SteelyardError as error:
            yield f"standards: {error.where} {error.say()}", False, error.remedy()


def _key(home: Home) -> Iterator[Finding]:
    path = home.path / "keys" / "home.pem"
    try:
        well = home.key is not None
        remedy = ""
    except SteelyardError as error:
        well, remedy = False, error.remedy()
    yield f"key {home.id}", well, remedy
    private = path.exists() and path.stat().st_mode & 0o077 == 0
    yield "key is private", private, f"chmod 600 {path}"


def explain_code(code: str | None, *, json: bool) -> int:
    """Print one code's texts, or all codes."""
    found = [explain(code.upper())] if code else list(codes().values())
    if json:
        as_json([e.__dict__ for e in found])
    elif code:
        print(f"{found[0].code}\n{found[0].what()}\n→ {found[0].do()}")
    else:
        table(("code", ""), [(e.code, e.zh if language() == "zh" else e.en) for e in found])
    return 0
