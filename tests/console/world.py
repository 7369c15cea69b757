"""A small home for the pages: places, firms with hostile names, coverage by two definitions, a corrected figure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa

from steelyard.evidence.record import SCHEMA
from steelyard.model.period import parse
from steelyard.store import figures as at_rest
from steelyard.store.home import FOREVER, Home
from steelyard.store.rows import schema_of

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>\"&'"
FORMULA = '=HYPERLINK("http://x","y")'
SUBJECTS = [
    ("100000", "region", "全国", "China", "100000"),
    ("440000", "region", "广东省", "Guangdong", "440000"),
    ("440100", "region", "广州市", "Guangzhou", "440100"),
    ("440300", "region", "深圳市", "Shenzhen", "440300"),
    ("P-1", "park", "南沙智造园", "Nansha Park", ""),
    ("C-1", "chain", "家电产业链", "Home appliances chain", ""),
    ("E-1", "enterprise", "恒达金属", "Hengda Metal", ""),
    ("E-2", "enterprise", HOSTILE, "", ""),
    ("E-3", "enterprise", FORMULA, "", ""),
    ("press.v2.json", "unit", "七号冲床", "Press 7", ""),
    ("车间/一 线", "line", "一线", "Line one", ""),
]
ROWS = [  # subject, measure, period, value, low, high, heard, among, grade, flags
    (
        "100000",
        "coverage/national-platform",
        "2026",
        0.896,
        0.422,
        0.951,
        248_000,
        526_539,
        "declared",
        ["contradicting"],
    ),
    ("440000", "coverage/sme2024-level2", "2026", 0.47, 0.42, 0.95, 66_916, 68_120, "documented", ["synthetic"]),
    ("440100", "coverage/sme2024-level2", "2026", 0.51, 0.5, 0.52, 7_000, 7_100, "documented", ["synthetic"]),
    ("440300", "coverage/sme2024-level2", "2026", 1.0, 0.4, 1.0, 5, 11, "declared", ["synthetic"]),
    ("440300", "coverage/sme2024-level1", "2026", 0.99991, 0.4, 1.0, 5, 11, "declared", ["synthetic"]),
    ("P-1", "coverage/sme2024-level2", "2026", 0.0, 0.0, 1.0, 3, 9, "declared", ["synthetic"]),
    ("P-1", "park/coverage", "2026", 0.6, 0.3, 0.8, 6, 12, "declared", []),
    ("C-1", "coverage/sme2024-level2", "2026", 0.75, 0.6, 0.8, 8, 10, "declared", []),
    ("440100", "coverage/sme2024-level2", "2025", 0.31, 0.3, 0.36, 6_900, 7_300, "documented", ["synthetic"]),
    ("E-1", "sme2024/score", "2026", 43.3, 43.3, 61.7, 12, 15, "declared", []),
    ("E-1", "sme2024/level", "2026", 2, 2, 3, 28, 31, "declared", []),
    (
        "E-2",
        "sme2024/score",
        "2026",
        20.000000000000004,
        20,
        100,
        3,
        15,
        "declared",
        ["units_without_shifts", "new:flag"],
    ),
    ("E-3", "sme2024/score", "2026", 90, 90, 90, 15, 15, "inspected", []),
    (
        "press.v2.json",
        "iso22400/oee",
        "2026-03",
        1.07,
        0.83,
        1.2,
        2_400_000,
        2_678_400,
        "measured",
        ["above_one:planned_cycle"],
    ),
    ("车间/一 线", "iso22400/oee", "2026-03", 0.747937, 0.7, 0.8, 25_200, 28_800, "measured", []),
]
METHOD = {
    "measure": "coverage/sme2024-level2",
    "rule": {"share": {"of": "sme2024/level", "at_least": 2}},
    "formula": "select '<b>' as x",
    "views": {},
}


def build(path: Path) -> Home:
    """The home, with figures written at rest as the verbs would."""
    home = Home.create(path, name="广东省", kind="region")
    with home.ledger.write() as connection:
        _subjects(home, connection)
        method = home.keep_method(connection, METHOD)
        rows = [_figure(home, row, method) for row in ROWS]
        old = _figure(home, ("440100", "coverage/sme2024-level2", "2026", 0.5, *ROWS[2][4:]), method)
        next(r for r in rows if (r["subject"], r["value"]) == ("440100", 0.51))["replaces"] = old["digest"]
        for batch in ([old], *[[r for r in rows if r["measure"] == m] for m in sorted({r["measure"] for r in rows})]):
            seal = home.seal(connection, "figures", [row["digest"] for row in batch])
            at_rest.keep(home, connection, pa.Table.from_pylist(batch, SCHEMA), seal)
    (path / "outbox" / "park-2026.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (path / "outbox" / "link.zip").symlink_to(path / "keys" / "home.pem")
    return home


def _subjects(home: Home, connection: object) -> None:
    table = home.catalog.table("subjects")
    blank = dict.fromkeys(table.names)
    rows = [
        {**blank, "id": s[0], "kind": s[1], "name_zh": s[2], "name_en": s[3], "gbt2260": s[4] or None, "row": n}
        for n, s in enumerate(SUBJECTS, 2)
    ]
    shape = schema_of(table)
    block = pa.Table.from_pylist(rows, pa.schema([field for field in shape if field.name != "leaf"]))
    ids = sorted(s[0] for s in SUBJECTS)
    source = {"file": "subjects.csv", "sha256": sha256(b"subjects").hexdigest(), "read": 11, "stored": 11, "refused": 0}
    leaf = home.keep_leaf(
        connection, "subjects", block, FOREVER, (ids[0], ids[-1]), "documented", source, synthetic=True
    )
    home.seal_leaves(connection, [leaf])


def _figure(home: Home, row: tuple, method: bytes) -> dict:
    subject, measure, period, value, low, high, heard, among, grade, flags = row
    span = parse(period, home.zone)
    return {
        "digest": sha256(repr(row).encode()).digest(),
        "subject": subject,
        "measure": measure,
        "start": span.start,
        "end": span.end,
        "value": value,
        "low": low,
        "high": high,
        "heard": heard,
        "among": among,
        "grade": grade,
        "estimated": False,
        "flags": flags,
        "method": method,
        "inputs": sha256(b"inputs").digest(),
        "replaces": None,
    }
