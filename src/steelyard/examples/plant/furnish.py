"""The factory home of a simulated plant: connections, bindings, subjects, lines and shifts, ready to be served."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from steelyard.examples.plant.machine import Machine
from steelyard.examples.plant.sites import Site
from steelyard.model.period import moment
from steelyard.store.home import Home
from steelyard.take import take
from steelyard.take.bind import bind

FIRM = "PLANT"
HEAD = "# 合成数据，由 steelyard plant 生成 · synthetic, made by steelyard plant\n"
DAYS, SHIFT_HOURS = 2, 8
README = """# 合成工厂 · A simulated plant

本文件夹由 `steelyard plant` 生成，一切均为虚构。 Everything here was made by `steelyard plant` and is invented.

| | |
|---|---|
| `home/` | 工厂的本地库：`steelyard serve home` · the factory's home |
| `truth.csv` | 真实发生的状态与产量，用于对照 · what truly happened: states and pieces, to compare with |
| `faults.csv` | 站点中断与恢复的时刻 · when stations failed and came back |
| `files/` | 已取入的主数据与班次 · the subjects and shifts that were taken |
"""


def furnish(folder: Path, sites: Sequence[Site], machines: Sequence[Machine], speed: float) -> Path:
    """Make ``folder/home`` where it is absent, and write what this run needs into it; returns its path."""
    path = folder / "home"
    (folder / "README.md").write_text(README, encoding="utf-8")
    if (path / "ledger.db").is_file():
        opened = Home.open(path)
    else:
        opened = Home.create(path, name="示例工厂（合成）· Sample plant (synthetic)", kind="factory", subject=FIRM)
    with opened as home:
        _documents(path, sites, machines, speed)
        for name, rows in _tables(home, sites, machines).items():
            take(home, _csv(folder / "files" / f"synthetic-{name}.csv", rows), table=name.split("-")[0], synthetic=True)
        bind(home)
    return path


def port_of(folder: Path, protocol: str) -> int:
    """The port at which an earlier run of this folder was, so that a home under way finds the plant again; 0 if none."""
    path = folder / "home" / "connections" / f"{protocol}.yaml"
    if not path.is_file():
        return 0
    try:
        return urlsplit(str(yaml.safe_load(path.read_text(encoding="utf-8"))["url"])).port or 0
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return 0


def _documents(path: Path, sites: Sequence[Site], machines: Sequence[Machine], speed: float) -> None:
    planned = {m.name: {product: s / speed for product, s in m.nature.cycle.items()} for m in machines}
    for site in sites:
        for kind, document in (("connections", site.connection), ("bindings", site.bindings(planned))):
            _write(path / kind / f"{site.protocol}.yaml", document)


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Only where it differs: a file that is followed should not change for nothing."""
    text = HEAD + yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False)
    path.parent.mkdir(exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _tables(home: Home, sites: Sequence[Site], machines: Sequence[Machine]) -> dict[str, list[list[str]]]:
    lines = {f"LINE-{n}": site for n, site in enumerate(sites, 1)}
    subjects = [
        ["id", "kind", "name_zh", "name_en"],
        [FIRM, "enterprise", "示例工厂（合成）", "Sample plant (synthetic)"],
    ]
    subjects += [
        [line, "line", f"{site.protocol} 产线（合成）", f"{site.protocol} line (synthetic)"]
        for line, site in lines.items()
    ]
    subjects += [
        [m.name, "unit", f"{m.nature.zh} {m.name}（合成）", f"{m.nature.en} {m.name} (synthetic)"] for m in machines
    ]
    members = [["subject", "of", "role"], *([line, FIRM, "line"] for line in lines)]
    members += [[machine, line, "unit"] for line, site in lines.items() for machine in site.machines]
    today = moment(home.now()).astimezone(home.zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    days = {f"shifts-{day:%Y-%m-%d}": day for day in (today + timedelta(days=n) for n in range(DAYS))}
    return {
        "subjects": subjects,
        "memberships": members,
        **{name: _shifts(day, machines) for name, day in days.items()},
    }


def _shifts(day: datetime, machines: Sequence[Machine]) -> list[list[str]]:
    """Three shifts of a local day, all of it planned busy."""
    edges = [(day + timedelta(hours=h)).isoformat() for h in range(0, 25, SHIFT_HOURS)]
    planned = pairwise(edges)
    return [["unit", "start", "end", "kind"],
            *([m.name, start, end, "planned_busy"] for start, end in planned for m in machines)]  # fmt: skip


def _csv(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path
