"""Documents: the bytes of contracts, invoices, photos … kept as sealed leaves, and the grade of evidence that each kind gives."""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard.errors import InputError, UsageError
from steelyard.model.figure import GRADES
from steelyard.model.leaf import Leaf
from steelyard.store.documents import SHORTEST, rests_at, whole
from steelyard.store.home import Home
from steelyard.store.lake import engine, file_hash, write_bytes
from steelyard.store.rows import schema_of
from steelyard.take.take import keep_rows

KINDS = {
    "contract": "合同", "invoice": "发票", "payment": "付款凭证", "photo": "照片", "export": "系统导出", "report": "报告",
    "certificate": "证书", "other": "其他",
}  # fmt: skip
"""The kinds with their Chinese names."""
PROVES = dict.fromkeys(KINDS, "documented") | {"other": "pledged"}
"""What a kind gives where item and fact say nothing of it (ours)."""
MOST_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class Document:
    """One kept document: SHA-256 in hex, subject, kind, date (µs UTC), file name, media type, length, amount in CNY if told."""

    document: str
    subject: str
    kind: str
    at: int
    name: str
    media: str
    bytes: int
    amount: float | None = None

    @property
    def short(self) -> str:
        """The first hex digits, at least twelve, and as many as it takes that no spreadsheet reads a number."""
        return next(self.document[:n] for n in range(SHORTEST, 65) if set(self.document[:n]) & set("abcdf") or n == 64)


@dataclass(frozen=True)
class Kept:
    """What keeping one file came to; ``already`` where just this was here before."""

    document: Document
    already: bool


def documents_of(home: Home, subject: str | None = None) -> list[Document]:
    """The documents of one subject, or of all, oldest first."""
    one, values = ("WHERE subject = $subject", {"subject": subject}) if subject else ("", {})
    with engine(home.path) as opened:
        home.table_view(opened, "documents")
        columns = 'document, subject, kind, "at", name, media, bytes, amount'
        return [
            Document(*row)
            for row in opened.rows(f'SELECT {columns} FROM documents {one} ORDER BY "at", name, document', values)
        ]


def keep_documents(home: Home, files: Sequence[tuple[Path, str]], subject: str, at: int | None = None, *, amount: float | None = None,
                   synthetic: bool = False) -> list[Kept]:  # fmt: skip
    """Keep files, each with its kind, as documents of a subject with one date (µs UTC; now), under one seal.

    A file that is here already is not kept again; where its bytes were lost or changed they are mended. The same file with
    another kind, date or amount, where one is told, corrects the older row, which stays. Raises UsageError on an unknown kind, a date
    to come or an amount that is none, InputError on a file that cannot be read, is empty or too large; then none is kept.
    """
    if not files:
        return []
    if at is not None and at > home.now():
        raise UsageError("SY712", days=round((at - home.now()) / 8.64e10, 1))
    if amount is not None and not (math.isfinite(amount) and amount >= 0):
        raise UsageError("SY793", amount=amount)
    known = {one.document: one for one in documents_of(home, subject)}
    found: dict[str, Document] = {}
    for path, kind in files:
        made = _look(path, kind, subject)
        before = known.get(made.document)
        made = replace(made, at=before.at if before and at is None else at or home.now(),
                       amount=before.amount if before and amount is None else amount)  # fmt: skip
        if not whole(home, made.document):
            write_bytes(rests_at(home, made.document), path.read_bytes())
        found.setdefault(made.document, made)
    kept = [Kept(one, known.get(one.document) == one) for one in found.values()]
    if fresh := [one.document for one in kept if not one.already]:
        _seal(home, fresh, synthetic=synthetic)
    return kept


def _look(path: Path, kind: str, subject: str) -> Document:
    if kind not in KINDS:
        raise UsageError("SY713", kind=kind, known=", ".join(KINDS))
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    size = path.stat().st_size
    if size == 0:
        raise InputError("SY207", str(path))
    if size > MOST_BYTES:
        raise InputError("SY714", str(path), bytes=size, most=MOST_BYTES)
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path.name)
    media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Document(file_hash(path).hex(), subject, kind, 0, name, media, size)


def _seal(home: Home, fresh: Sequence[Document], *, synthetic: bool) -> None:
    """The bytes as leaves of kind ``document``, one each; then the rows that speak of them, standing on those."""
    parents = leaves_of(home, [one.document for one in fresh])
    with home.ledger.write() as connection:
        made = []
        for one in fresh:
            if one.document not in parents:
                path = rests_at(home, one.document).relative_to(home.path)
                source = {"file": one.name, "sha256": one.document, "sheet": "", "read": 1}
                seen = bytes.fromhex(one.document)
                made.append(home.keep_document(connection, "document", path, seen, (one.at, one.at + 1), one.subject,
                                               "documented", source))  # fmt: skip
                parents[one.document] = made[-1]
        if made:
            home.seal_leaves(connection, made)
    table = home.catalog.table("documents")
    rows = [vars(one) | {"row": number, "leaf": 0} for number, one in enumerate(fresh, 1)]
    columns = pa.Table.from_pylist(rows, schema=schema_of(table)).drop_columns("leaf")
    names = ", ".join(one.name for one in fresh)
    source = {"file": names, "sha256": sha256(names.encode()).hexdigest(), "sheet": "", "read": len(fresh),
              "parents": [parents[one.document].digest.hex() for one in fresh]}  # fmt: skip
    keep_rows(home, [(table, columns)], source, synthetic=synthetic)


def leaves_of(home: Home, documents: Sequence[str]) -> dict[str, Leaf]:
    """The leaves that hold the bytes of some documents (whole digests), by document."""
    found = {one: home.leaves(kind="document", source=bytes.fromhex(one)) for one in documents}
    return {one: leaves[0] for one, leaves in found.items() if leaves}


def proven(kind: str, item: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> str:
    """The grade that a kind of document gives an item: by the item's own list, its fact's, or the common one.

    Where a list is kept, a kind that it does not name gives no more than a pledge.
    """
    fact = facts.get(item.get("from", {}).get("fact", ""), {})
    listed = item.get("documents") or fact.get("documents")
    return listed.get(kind, "pledged") if listed else PROVES[kind]


def strongest(grades: Sequence[str]) -> str:
    """The strongest of some grades; ``pledged`` for none, for a word alone is a pledge."""
    return max(grades, key=GRADES.index, default="pledged")
