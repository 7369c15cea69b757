"""What goes on in the Shunde park: supply links, exchanges, projects, services, lots, scenes and what the park answers. All invented.

Some firms tell nothing of each, so that its four chains have unheard firms as real ones would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.examples.pearl.places import INDUSTRIES
from steelyard.examples.pearl.rows import day, stream, table

PARK = "PK-440600-01"
CHAIN = "home-appliances"
LINKS = (
    ("38", "整机与电机", "Appliances and motors"), ("33", "壳体与五金", "Shells and hardware"), ("29", "注塑件", "Mouldings"),
    ("39", "电路板", "Boards"), ("32", "铜铝材", "Copper and aluminium"), ("35", "模具与专机", "Moulds and machines"),
    ("40", "传感器", "Sensors"), ("22", "包装", "Packaging"),
)  # fmt: skip
PROJECTS = (("joint_rd", 3), ("joint_rd", 2), ("pilot_line", 4), ("platform", 5))
SERVICES = ("testing", "logistics", "platform", "training", "rd_design")
SCENES = ("S0501", "S0505", "S0402", "S0405", "S0601", "S0302")
PROVIDERS = ("甲服务商（合成）", "乙服务商（合成）", "丙服务商（合成）")
KINDS = ("order", "delivery", "quality", "stock")
MONTHS = ("2026-01", "2026-02", "2026-03")
SAID = {
    "eligible": "province", "industrial_internet": "yes", "public_services": "production+government", "operation": "assets+economy+safety",
    "transformation": "0.9", "producer_services": "0.95", "compute": "yes",
}  # fmt: skip
TRADES = {industry.code: industry.zh for industry in INDUSTRIES}
Rows = list[tuple[str | int | None, ...]]


def rows(firms: dict[str, pa.Table], seed: int = 1) -> dict[str, pa.Table]:
    """Tables ``supplies``, ``exchanges``, ``projects``, ``services``, ``lots``, ``scenes``, ``chain_links`` and ``answers`` of the park.

    ``firms`` are the tables of ``province.firms``; the park's members among them supply, exchange and answer.
    """
    random = stream(seed, 440_600, 8)
    of = firms["memberships"].filter(pc.equal(firms["memberships"]["of"], PARK))
    members = of.filter(pc.is_null(of["until"]))["subject"].to_pylist()
    trades = dict(zip(firms["subjects"]["id"].to_pylist(), firms["subjects"]["gbt4754"].to_pylist(), strict=True))
    others = [firm for firm in list(trades) if trades[firm] and firm not in set(members)]
    supplies = _supplies(members, others, trades, random)
    return {
        "supplies": supplies, "exchanges": _exchanges(supplies, random), "projects": _projects(members, random),
        "services": _services(members, random), "lots": _lots(members, random), "scenes": _scenes(members, random),
        "chain_links": _made(("park", "chain", "link", "industry", "name_zh", "name_en"),
                             [(PARK, CHAIN, f"L{code}", code, zh, en) for code, zh, en in LINKS]),
        "answers": _answers(members, random),
    }  # fmt: skip


def _made(columns: Sequence[str], found: Rows) -> pa.Table:
    """Rows as a table; whole numbers keep their type."""
    each = {name: [row[i] for row in found] for i, name in enumerate(columns)}
    return table({name: np.array(cells) if name == "number" else cells for name, cells in each.items()})


def _some(members: Sequence[str], share: float, random: np.random.Generator) -> list[str]:
    """The firms that tell something."""
    return [firm for firm in members if random.random() < share]


def _one(options: Sequence[str], random: np.random.Generator) -> str:
    return options[int(random.integers(len(options)))]


def _told(yes: float, no: float, random: np.random.Generator) -> str | None:
    """Yes, no, or not told, with these shares."""
    draw = random.random()
    return "yes" if draw < yes else "no" if draw < yes + no else None


def _supplies(
    members: Sequence[str], others: Sequence[str], trades: dict[str, str], random: np.random.Generator
) -> pa.Table:
    found: dict[tuple[str, str], tuple[str | int | None, ...]] = {}
    for firm in _some(members, 0.85, random):
        for _ in range(int(random.integers(1, 5))):
            near = [one for one in members if one != firm]
            supplier = _one(near if near and random.random() < 0.4 else others, random)
            since, live = day(f"{random.integers(2018, 2026)}-01-01"), _told(0.5, 0.35, random)
            found[supplier, firm] = (supplier, firm, TRADES[trades[supplier]], since, None, _told(0.55, 0.35, random), live,
                                     _told(0.2, 0.65, random))  # fmt: skip
    return _made(
        ("supplier", "customer", "product", "since", "until", "verified", "live", "sole"), list(found.values())
    )


def _exchanges(supplies: pa.Table, random: np.random.Generator) -> pa.Table:
    """What firms with a live link sent their suppliers each month; some others were watched and sent nothing."""
    found: Rows = []
    for row in supplies.to_pylist():
        for month in MONTHS if row["live"] == "yes" else ():
            at = day(f"{month}-{int(random.integers(1, 28)):02d}")
            found.append((row["customer"], row["supplier"], at, _one(KINDS, random), "yes", int(random.poisson(40))))
        if row["live"] == "no" and random.random() < 0.5:
            found.append((row["customer"], row["supplier"], day("2026-02-01"), "order", "no", int(random.poisson(9))))
    return _made(("from", "to", "at", "kind", "digital", "number"), found)


def _projects(members: Sequence[str], random: np.random.Generator) -> pa.Table:
    found: dict[tuple[str, str], tuple[str | int | None, ...]] = {}
    for number, (kind, size) in enumerate(PROJECTS, 1):
        for firm in random.choice(list(members), min(size, len(members)), replace=False).tolist():
            found[f"SYN-{number}", firm] = (f"SYN-{number}", firm, kind, day("2025-06-01"), day("2027-06-01"))
    named = {firm for _, firm in found}
    for firm in _some([one for one in members if one not in named], 0.6, random):
        found["asked", firm] = ("asked", firm, "none", day("2026-01-15"), None)
    return _made(("project", "member", "kind", "since", "until"), list(found.values()))


def _services(members: Sequence[str], random: np.random.Generator) -> pa.Table:
    found: dict[tuple[str, str, str], tuple[str | int | None, ...]] = {}
    for firm in _some(members, 0.7, random):
        for _ in range(int(random.integers(1, 4))):
            provider, kind = _one(PROVIDERS, random), _one(SERVICES, random)
            found[provider, firm, kind] = (provider, firm, kind, _told(0.75, 0.15, random), day("2025-01-01"), None)
    return _made(("provider", "firm", "kind", "digital", "since", "until"), list(found.values()))


def _lots(members: Sequence[str], random: np.random.Generator) -> pa.Table:
    found: Rows = []
    for firm in _some(members, 0.6, random):
        for number in range(1, 7):
            at = day(f"{_one(MONTHS, random)}-{int(random.integers(1, 28)):02d}")
            found.append((firm, f"SYN-{number:03d}", at, None, _told(0.7, 0.2, random), _told(0.8, 0.1, random)))
    return _made(("firm", "lot", "at", "product", "back", "forward"), found)


def _scenes(members: Sequence[str], random: np.random.Generator) -> pa.Table:
    found: Rows = []
    for firm in _some(members, 0.8, random):
        for scene in _some(SCENES, 0.4, random):
            provider = _one(PROVIDERS, random) if random.random() < 0.85 else None
            found.append((firm, scene, "合成实例", day("2025-03-01"), None, None, provider, None, None, "pledged"))
    columns = ("subject", "scene", "name", "since", "until", "ai", "provider", "document", "result", "grade")
    return _made(columns, found)


def _answers(members: Sequence[str], random: np.random.Generator) -> pa.Table:
    """What the park says of itself, and its firms of their networks and, where no record tells, services."""
    at = day("2026-03-10")
    found: Rows = [
        (PARK, f"park25.{item}", at, value, "documented", "synthetic-evidence-park.pdf") for item, value in SAID.items()
    ]
    for firm in _some(members, 0.9, random):
        found.append((firm, "park25f.gigabit", at, "fibre+5g" if random.random() < 0.75 else "fibre", "pledged", None))
    for firm in _some(members, 0.5, random):
        found.append((firm, "park25f.services", at, str(int(random.integers(0, 4))), "declared", None))
    return _made(("subject", "item", "at", "value", "grade", "document"), found)
