"""Plans that were chosen: the question with its answer as a sealed document, and a sealed row for each thing chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.errors import HomeError, UsageError
from steelyard.evidence.canonical import canonical
from steelyard.model.leaf import Leaf
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import write_bytes
from steelyard.take.take import keep_rows

SHORT = 12  # hex digits by which a plan is called
KIND = "plan"


@dataclass(frozen=True)
class KeptPlan:
    """A sealed plan: the first hex digits of its document's SHA-256, the document, when it was sealed, whether it was here before."""

    id: str
    document: dict[str, Any]
    leaf: Leaf
    already: bool = False


def keep_plan(home: Home, document: Mapping[str, Any], *, synthetic: bool = False) -> KeptPlan:
    """Seal an answer (``choices`` are its rows) as a document, and its rows on top of it; the same answer is not sealed twice."""
    data = canonical(plain(document))
    seen = sha256(data)
    name = seen.hexdigest()[:SHORT]
    path = Path("plans") / f"{seen.hexdigest()}.plan"
    write_bytes(home.path / path, data)
    files = home.leaves(kind=KIND, source=seen.digest())
    if already := bool(files):
        leaf = files[0]
    else:
        source = {"file": f"{document['plan']}.plan", "sha256": seen.hexdigest(), "sheet": "", "read": 1}
        with home.ledger.write() as connection:
            leaf = home.keep_document(connection, KIND, path, seen.digest(), FOREVER, home.subject_id, "frame", source)
            home.seal_leaves(connection, [leaf])
    if not home.leaves(kind="plan_choices", source=seen.digest()):
        _seal_rows(home, name, document["choices"], leaf, seen.hexdigest(), synthetic=synthetic)
    return KeptPlan(name, dict(json.loads(data)), leaf, already)


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with keys of text, as JSON has them."""
    return dict(json.loads(json.dumps(document, ensure_ascii=False)))


def _seal_rows(home: Home, name: str, choices: list[dict[str, Any]], leaf: Leaf, seen: str, *, synthetic: bool) -> None:
    table = home.catalog.table("plan_choices")
    columns: dict[str, Any] = {"plan": [name] * len(choices)}
    for column, kind in (("subject", pa.string()), ("kind", pa.string()), ("year", pa.int64()), ("cost", pa.float64()), ("days", pa.float64()),
                         ("region", pa.string())):  # fmt: skip
        columns[column] = pa.array([row[column] for row in choices], kind)
    columns["why"] = pa.array(["; ".join(row["why"]) for row in choices], pa.string())
    columns["row"] = pa.array(range(1, len(choices) + 1), pa.int64())
    source = {"file": f"{name}.plan", "sha256": seen, "sheet": "", "read": len(choices), "parents": [leaf.digest.hex()]}
    keep_rows(home, [(table, pa.table(columns))], source, synthetic=synthetic)


def plans_of(home: Home) -> list[KeptPlan]:
    """All sealed plans, oldest first; raises HomeError SY913 on one whose file is not what was sealed."""
    return [_read(home, leaf) for leaf in home.leaves(kind=KIND)]


def plan_of(home: Home, name: str) -> KeptPlan:
    """A sealed plan by the first digits of its id; raises UsageError SY910 where there is none, or there are several."""
    leaves = home.leaves(kind=KIND)
    found = [leaf for leaf in leaves if name and leaf.header["source"]["sha256"].startswith(name.lower())]
    if len(found) != 1:
        known = ", ".join(leaf.header["source"]["sha256"][:SHORT] for leaf in leaves) or "–"
        raise UsageError("SY910", name=name, known=known)
    return _read(home, found[0])


def _read(home: Home, leaf: Leaf) -> KeptPlan:
    path, wanted = home.path / leaf.path, leaf.header["source"]["sha256"]
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    if sha256(data).hexdigest() != wanted:
        raise HomeError("SY913", str(path))
    return KeptPlan(wanted[:SHORT], dict(json.loads(data)), leaf)
