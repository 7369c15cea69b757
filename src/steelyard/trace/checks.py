"""Verifies bytes and records in sets: which leaves and Figures are what their digests and seals say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.evidence import merkle
from steelyard.evidence.canonical import digest as digest_of
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.evidence.seal import Seal
from steelyard.model.leaf import Leaf
from steelyard.store import digests as digests_at_rest
from steelyard.store.home import Home, leaf_of, seal_of
from steelyard.store.lake import file_hash
from steelyard.store.ledger import leaves, methods, seals

Row = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """What a look at one Figure said: an empty ``why`` means that it is what it says; where it came from; its row."""

    why: str
    origin: str
    row: Row | None


@dataclass(frozen=True)
class Sealed:
    """All Figures under one seal: its number, how many, of which measures, whose; an empty ``why`` means that they are what was sealed."""

    why: str
    origin: str
    number: int
    count: int
    at: int
    measures: tuple[str, ...]


class Checks:
    """Looks at a home's parts and remembers what it saw, so that no seal, file or text is checked twice."""

    def __init__(self, home: Home, *, leaf_bytes: bool = True) -> None:
        self.home = home
        self.leaf_bytes = leaf_bytes
        self._leaves: dict[bytes, tuple[Leaf, str]] = {}
        self._leaf_seals: dict[int, str] = {}
        self._methods: dict[bytes, str] = {}
        self._roots: dict[bytes, tuple[list[bytes] | None, str]] = {}
        self._sealed: dict[bytes, Sealed | None] = {}

    @cached_property
    def seals(self) -> dict[int, Seal]:
        """All seals by number."""
        return {row.number: seal_of(row) for row in self.home.ledger.all(sa.select(seals))}

    @cached_property
    def _signers(self) -> set[bytes]:
        return {self.home.public_key}

    def seal(self, number: int, root: bytes) -> str:
        """Whether a seal covers a root: empty, or what is wrong."""
        seal = self.seals.get(number)
        if seal is None:
            return "its seal is missing"
        if seal.root != root:
            return "it is not under the root that was sealed"
        if seal.signer not in self._signers:
            return "its seal is another home's"
        return "" if seal.holds() else "its seal's signature does not hold"

    # leaves

    def leaf(self, digest: bytes) -> tuple[Leaf, str] | None:
        """A leaf and what is wrong with it (empty: nothing), or None when no leaf has this digest."""
        if digest not in self._leaves:
            row = self.home.ledger.one(sa.select(leaves).where(leaves.c.digest == digest))
            if row is None:
                return None
            self._leaves[digest] = self.look_at_leaf(row)
        return self._leaves[digest]

    def look_at_leaf(self, row: Any) -> tuple[Leaf, str]:
        """A leaf from its ledger row, with what is wrong with it."""
        try:
            leaf = leaf_of(row)
        except ValueError as error:
            blank = Leaf(
                row.id, row.digest, row.kind, row.start, row.end, row.grade, bool(row.synthetic), row.rows, row.path, {}
            )
            return blank, f"its header cannot be read: {error}"
        return leaf, self._header(leaf, row) or self.leaf_seal(row.seal) or (
            self._bytes(leaf) if self.leaf_bytes else ""
        )

    def _header(self, leaf: Leaf, row: Any) -> str:
        header = leaf.header
        if digest_of(header) != leaf.digest:
            return "its header is not what its digest says"
        said = (header["kind"], header["start"], header["end"], header["grade"], header["rows"], header["synthetic"],
                header["path"], *header["subjects"], header["source"]["sha256"])  # fmt: skip
        kept = (leaf.table, str(leaf.start), str(leaf.end), leaf.grade, leaf.rows, leaf.synthetic, leaf.path, row.first, row.last,
                row.source.hex())  # fmt: skip
        return "" if said == kept else "its ledger row is not what its header says"

    def leaf_seal(self, number: int) -> str:
        """Whether the leaves under a seal are those that were sealed: empty, or what is wrong."""
        if number not in self._leaf_seals:
            query = sa.select(leaves.c.digest).where(leaves.c.seal == number)
            digests = [row.digest for row in self.home.ledger.all(query)]
            self._leaf_seals[number] = self.seal(number, merkle.root(digests))
        return self._leaf_seals[number]

    def _bytes(self, leaf: Leaf) -> str:
        path = self.home.path / leaf.path
        if not path.is_file():
            return f"its bytes are missing: {leaf.path}"
        return "" if file_hash(path).hex() == leaf.header["sha256"] else f"its bytes were changed: {leaf.path}"

    # figures

    def one(self, digest: bytes) -> Checked | None:
        """One Figure, proved under its seal without reading the others."""
        try:
            found = digests_at_rest.find(self.home, digest)
            if found is None:
                return None
            place, row = found
            (recomputed,) = figure_digests(columns_of([row]))
        except (OSError, ValueError, pa.ArrowException) as error:
            return Checked(f"its segment cannot be read: {error}", "", None)
        why = self._record(row, digest, recomputed) or self.seal(place.seal, place.proved)
        return Checked(why or self._method(row["method"]), place.origin, row)

    def _record(self, row: Row, digest: bytes, recomputed: bytes) -> str:
        return "" if row["digest"] == digest == recomputed else "its record is not what its digest says"

    def _method(self, digest: bytes) -> str:
        if digest not in self._methods:
            row = self.home.ledger.one(sa.select(methods.c.document).where(methods.c.digest == digest))
            self._methods[digest] = (
                "the text of its method is missing" if row is None else same_method(digest, row.document)
            )
        return self._methods[digest]

    def many(self, digests: Iterable[bytes]) -> dict[bytes, Checked]:
        """Many Figures at once; those that no segment holds are left out."""
        places: dict[str, list[tuple[int, bytes, int, str]]] = {}
        for digest, place in digests_at_rest.places(self.home, digests).items():
            places.setdefault(place.path, []).append((place.row, digest, place.seal, place.origin))
        out: dict[bytes, Checked] = {}
        for path, found in places.items():
            out.update(self._of_segment(path, found))
        return out

    def _of_segment(self, path: str, found: Sequence[tuple[int, bytes, int, str]]) -> dict[bytes, Checked]:
        try:
            rows = pq.read_table(self.home.path / path).take(pa.array([row for row, *_ in found])).to_pylist()
            recomputed = figure_digests(columns_of(rows))
        except (OSError, ValueError, IndexError, pa.ArrowException) as error:
            return {
                digest: Checked(f"its segment cannot be read: {error}", origin, None) for _, digest, _, origin in found
            }
        roots = digests_at_rest.section_roots(self.home, path)
        if any(seal not in roots for *_, seal, _ in found):
            return {
                digest: Checked("its segment was merged meanwhile: trace it again", origin, None)
                for _, digest, _, origin in found
            }
        out = {}
        for (_, digest, seal, origin), row, anew in zip(found, rows, recomputed, strict=True):
            why = self._record(row, digest, anew) or self.seal(seal, roots[seal]) or self._method(row["method"])
            out[digest] = Checked(why, row.get("told") or origin, row)
        return out

    def sealed(self, root: bytes) -> Sealed | None:
        """The Figures under the seal of a root, every one of them looked at; None when no seal over Figures has this root."""
        if root not in self._sealed:
            query = sa.select(seals.c.number, seals.c.at).where(
                seals.c.root == root, seals.c.kind.in_(("figures", "taken"))
            )
            rows = self.home.ledger.all(query.order_by(seals.c.number.desc()))
            looked = [self._look_under(root, row.number, row.at) for row in rows]
            self._sealed[root] = next((one for one in looked if one.why), looked[0]) if looked else None
        return self._sealed[root]

    def _look_under(self, root: bytes, number: int, at: int) -> Sealed:
        places = digests_at_rest.under(self.home, number)
        digests: list[bytes] = []
        measures: set[str] = set()
        why = ""
        for place in places:
            try:
                for rows in digests_at_rest.rows_under(self.home.path / place.path, number):
                    digests += [row["digest"] for row in rows]
                    measures.update(row["measure"] for row in rows)
                    anew = figure_digests(columns_of(rows))
                    if any(row["digest"] != one for row, one in zip(rows, anew, strict=True)):
                        why = "a record under it is not what its digest says"
            except (OSError, ValueError, pa.ArrowException) as error:
                why = f"its segment cannot be read: {error}"
        why = why or self.seal(number, merkle.root(digests))
        return Sealed(why, places[0].home if places else "", number, len(digests), at, tuple(sorted(measures)))

    def inputs(self, root: bytes) -> tuple[list[bytes] | None, str]:
        """The digests under an inputs root (None: not here), and what is wrong with the set."""
        if root not in self._roots:
            found = self.home.inputs_of(root)
            wrong = found is not None and merkle.root(found) != root
            self._roots[root] = (found, "the set of its inputs is not what its root says" if wrong else "")
        return self._roots[root]


def columns_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Rows of Figures, column by column, as ``figure_digests`` takes them; raises ValueError where a column is lost."""
    try:
        columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in SCHEMA.names}
        return columns | {"flags": [tuple(flags) for flags in columns["flags"]]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"a column of Figures is lost: {error}") from error


def same_method(digest: bytes, document: str) -> str:
    """Whether a method's text is what its digest says: empty, or what is wrong."""
    try:
        same = digest_of(json.loads(document)) == digest
    except ValueError:
        same = False
    return "" if same else "the text of its method was changed"
