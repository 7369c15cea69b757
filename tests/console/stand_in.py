"""A trace in the shape of ``steelyard.trace``: pages are tested on trees of every state, whatever rests in the home."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from steelyard.errors import UsageError
from steelyard.store import figures as at_rest
from steelyard.store.digests import find

UNKNOWN = "SY110"


@dataclass
class Node:
    digest: str
    kind: str
    state: str = "SHOWN"
    why: str = ""
    at_home: str = ""
    figure: dict[str, Any] | None = None
    leaf: dict[str, Any] | None = None
    method: dict[str, Any] | None = None
    children: list[Node] = field(default_factory=list)
    more: int = 0

    def document(self) -> dict[str, Any]:
        return asdict(self)


def trace(home: Any, digest: str, *, leaf_bytes: bool = True, most: int = 50) -> Node:
    """One figure over another held elsewhere, a broken leaf, and more than is listed."""
    found = find(home, bytes.fromhex(digest)) if len(digest) == 64 else None
    if not found:
        raise UsageError(UNKNOWN, given=digest, count=0)
    row = found[1]
    header = {
        "kind": "answers",
        "source": {"file": "<i>answers.csv", "sha256": "ab" * 32},
        "grade": "declared",
        "synthetic": True,
        "rows": "2-40, 57",
    }
    leaf = Node("cd" * 32, "leaf", "BROKEN", "lake/answers/00000001.parquet: SHA-256 differs", leaf=header)
    held = Node("ef" * 32, "missing", "HELD", at_home="0123456789abcdef")
    below = Node(digest, "figure", "BROKEN", figure=at_rest.as_json(row), children=[leaf, held], more=7)
    method = home.method(row["method"])
    return Node(
        digest, "figure", "BROKEN", "an input is broken", figure=at_rest.as_json(row), method=method, children=[below]
    )
