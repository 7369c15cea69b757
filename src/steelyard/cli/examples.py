"""The command ``example``."""

from __future__ import annotations

import time
from pathlib import Path

from steelyard.cli.say import as_json, note, share_of, table
from steelyard.errors import HomeError, UsageError
from steelyard.examples.pearl import world
from steelyard.store.home import Home

WORLDS = ("pearl",)
SHOWN = ("coverage/sme2024-level2", "coverage/sme2024-level1", "coverage/smart-factory-basic", "park/coverage", "chain/connected",
         "coverage/national-platform", "plan2024/nc-rate-2027", "iso22400/oee")  # fmt: skip


def build_example(name: str, folder: Path, scale: float, seed: int, *, json: bool) -> int:
    """Build a world, then print what was found in its province and its factory."""
    if name not in WORLDS:
        raise UsageError("SY101", why=f"{name}: {', '.join(WORLDS)}")
    if not 0 < scale <= 1:
        raise UsageError("SY101", why=f"--scale {scale}: 0 < scale ≤ 1")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise HomeError("SY501", str(folder))
    began = time.monotonic()
    homes = world.build(folder, scale, seed, lambda step: note(f"{time.monotonic() - began:6.1f} s  {step}"))
    found = [row for home in ("guangdong", "factory") for row in _found(homes[home])]
    if json:
        as_json({"homes": {k: str(v) for k, v in homes.items()}, "found": found})
        return 0
    print("合成数据 · synthetic data")
    table(
        ("home", "measure", "subject", "value", "low", "high", "heard", "among", "grade", "digest"),
        [list(r.values()) for r in found],
    )
    table(("home", "folder"), homes.items())
    print(f"steelyard trace {homes['guangdong']} {found[0]['digest']}")
    return 0


def _found(path: Path) -> list[dict[str, str]]:
    out = []
    with Home.open(path) as home:
        subjects = {"CN-440000", "CN-100000", home.subject_id}
        for measure in SHOWN:
            for row in home.figures(measure).to_pylist():
                if row["subject"] in subjects or row["subject"].startswith(("PK-", "CH-")):
                    values = {k: share_of(row[k], "1") for k in ("value", "low", "high")}
                    out.append({"home": path.name, "measure": measure, "subject": row["subject"], **values,
                                "heard": f"{row['heard']:g}", "among": f"{row['among']:g}", "grade": row["grade"],
                                "digest": row["digest"].hex()[:16]})  # fmt: skip
    return out
