"""The tree from a Figure to its leaves: each node SHOWN (bytes here, verified), HELD (sealed; rests elsewhere) or BROKEN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.errors import UsageError
from steelyard.model.leaf import Leaf
from steelyard.model.period import iso
from steelyard.store import digests as digests_at_rest
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import EngineError, engine
from steelyard.trace.checks import Checked, Checks

DEEPEST = 16


@dataclass
class Node:
    """One node: what it is, its state with the reason, what it says, and the nodes that it stands on.

    ``more`` counts children that were verified but are not listed; ``at_home`` names the home where a HELD node rests.
    """

    digest: str
    kind: str
    state: str
    why: str = ""
    at_home: str = ""
    figure: dict[str, Any] | None = None
    leaf: dict[str, Any] | None = None
    method: dict[str, Any] | None = None
    seal: dict[str, Any] | None = None
    children: list[Node] = field(default_factory=list)
    more: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields, with what is empty left out."""
        out = {k: v for k, v in self.__dict__.items() if v not in ("", None, [], 0) and k != "children"}
        return out | ({"children": [child.document() for child in self.children]} if self.children else {})


def trace(home: Home, digest: str | bytes, *, leaf_bytes: bool = True, most: int = 50) -> Node:
    """The tree under a Figure or a leaf, given by digest or by its first hex digits.

    Everything below is verified, in sets; at most ``most`` children a node are listed, broken ones first. ``leaf_bytes=False``
    checks headers and seals of leaves but does not read their bytes. Raises UsageError when no one thing has this digest.
    """
    tracer = _Tracer(home, leaf_bytes, most)
    name = digest if isinstance(digest, bytes) else full_digest(home, digest)
    tracer.look([name], 0)
    return tracer.node(name, "", 0)


def full_digest(home: Home, text: str) -> bytes:
    """The digest that begins with some hex digits; raises UsageError when none or several do."""
    clean = text.strip().lower()
    if not clean or len(clean) > 64 or not set(clean) <= set("0123456789abcdef"):
        raise UsageError("SY110", given=text[:80], count=0)
    if len(clean) == 64:
        return bytes.fromhex(clean)
    found = digests_at_rest.beginning_with(home, clean) | {
        leaf.digest for leaf in home.leaves() if leaf.digest.hex().startswith(clean)
    }
    if len(found) != 1:
        raise UsageError("SY110", given=clean, count=len(found))
    return found.pop()


class _Tracer:
    def __init__(self, home: Home, leaf_bytes: bool, most: int) -> None:
        self.home = home
        self.checks = Checks(home, leaf_bytes=leaf_bytes)
        self.most = most
        self.figures: dict[bytes, Checked] = {}
        self.states: dict[bytes, tuple[str, str]] = {}

    def look(self, digests: Sequence[bytes], depth: int) -> None:
        """Verify some digests and all that they stand on, a level at a time."""
        fresh = [d for d in digests
                 if d not in self.figures and self.checks.leaf(d) is None and self.checks.sealed(d) is None]  # fmt: skip
        if len(fresh) == 1:
            one = self.checks.one(fresh[0])
            found = {fresh[0]: one} if one else {}
        else:
            found = self.checks.many(fresh)
        self.figures.update(found)
        roots = {checked.row["inputs"] for checked in found.values() if checked.row}
        below = {d for root in roots for d in (self.checks.inputs(root)[0] or ())}
        if below and depth < DEEPEST:
            self.look(sorted(below - self.figures.keys()), depth + 1)

    def state(self, digest: bytes) -> tuple[str, str]:
        """SHOWN, HELD or BROKEN, and why."""
        if digest not in self.states:
            self.states[digest] = ("BROKEN", "it stands on itself")
            self.states[digest] = self._state(digest)
        return self.states[digest]

    def _state(self, digest: bytes) -> tuple[str, str]:
        if leaf := self.checks.leaf(digest):
            return ("BROKEN", leaf[1]) if leaf[1] else self._standing(_parents(leaf[0]))
        if sealed := self.checks.sealed(digest):
            return ("BROKEN", sealed.why) if sealed.why else ("SHOWN", "")
        checked = self.figures.get(digest)
        return self._figure(checked) if checked else ("BROKEN", "nothing here has this digest")

    def _figure(self, checked: Checked) -> tuple[str, str]:
        if checked.why or checked.row is None:
            return "BROKEN", checked.why
        below, wrong = self.checks.inputs(checked.row["inputs"])
        if wrong:
            return "BROKEN", wrong
        if below is None:
            return ("SHOWN", "") if checked.origin else ("BROKEN", "the set of its inputs is missing")
        return self._standing(below)

    def _standing(self, below: Sequence[bytes]) -> tuple[str, str]:
        broken = next((d for d in below if self.state(d)[0] == "BROKEN"), None)
        return ("BROKEN", f"it stands on {broken.hex()[:16]}…, which is broken") if broken else ("SHOWN", "")

    def node(self, digest: bytes, subject: str, depth: int) -> Node:
        """One node with its children."""
        state, why = self.state(digest)
        if leaf := self.checks.leaf(digest):
            shown = leaf[0].header | {"rows_used": self._rows(leaf[0], subject) if state == "SHOWN" else ""}
            parents = [self.node(parent, subject, depth + 1) for parent in _parents(leaf[0])]
            return Node(digest.hex(), "leaf", state, why, leaf=shown, children=parents)
        if sealed := self.checks.sealed(digest):
            shown = {
                "number": sealed.number,
                "figures": sealed.count,
                "measures": list(sealed.measures),
                "at": iso(sealed.at),
            }
            why = why or "its records alone; each Figure is traced by its own digest"
            return Node(
                digest.hex(), "seal", state, why, "" if sealed.origin == at_rest.TOLD else sealed.origin, seal=shown
            )
        checked = self.figures.get(digest)
        if checked is None or checked.row is None:
            return Node(digest.hex(), "missing", state, why)
        node = Node(digest.hex(), "figure", state, why, checked.origin, at_rest.as_json(checked.row),
                    method=self.home.method(checked.row["method"]))  # fmt: skip
        below, _ = self.checks.inputs(checked.row["inputs"])
        if below is None:
            held = "rests with the home that made it; ask it to trace this root"
            node.children = (
                [Node(checked.row["inputs"].hex(), "missing", "HELD", held, checked.origin)] if checked.origin else []
            )
        elif depth < DEEPEST:
            listed = sorted(below, key=lambda d: (self.state(d)[0] != "BROKEN", self.checks.leaf(d) is None, d))[
                : self.most
            ]
            node.children = [self.node(d, checked.row["subject"], depth + 1) for d in listed]
            node.more = len(below) - len(listed)
        return node

    def _rows(self, leaf: Leaf, subject: str) -> str:
        """The source rows of a block that speak of a subject, as ranges; empty where it speaks of it through members."""
        table = self.home.catalog.tables.get(leaf.table)
        if not table or not subject or not leaf.path.endswith(".parquet") or not self.checks.leaf_bytes:
            return ""
        with engine(self.home.path) as opened:
            opened.files("block", [self.home.path / leaf.path])
            try:
                found = opened.rows(
                    f'SELECT DISTINCT row FROM block WHERE "{table.subject}" = $s ORDER BY row', {"s": subject}
                )
            except EngineError:
                return ""
        return ranges([row for (row,) in found])


def _parents(leaf: Leaf) -> list[bytes]:
    """The leaves that a leaf was made from: the samples behind machine states, the bundle behind its subjects."""
    return [bytes.fromhex(digest) for digest in leaf.header.get("source", {}).get("parents", ())]


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as people write them: ``2-40, 57``; at most twenty ranges, then how many more."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in spans[:20]]
    return ", ".join(shown) + (f", … (+{len(spans) - 20})" if len(spans) > 20 else "")
