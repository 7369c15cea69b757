"""Where the bytes of documents rest, and whether they still are those that were sealed."""

from __future__ import annotations

from pathlib import Path

from steelyard.store.home import Home
from steelyard.store.lake import engine, file_hash

SHORTEST = 12  # hex digits by which a document may be named


def rests_at(home: Home, document: str) -> Path:
    """Where a document's bytes rest, by its SHA-256 in hex."""
    return home.path / "documents" / document[:2] / document


def whole(home: Home, document: str) -> bool:
    """Whether the bytes are here, and are those that were sealed."""
    path = rests_at(home, document)
    return path.is_file() and file_hash(path).hex() == document


def broken(home: Home) -> list[str]:
    """The documents of a home whose bytes were lost or changed since they were sealed."""
    if not home.leaves(kind="documents"):
        return []
    with engine(home.path) as opened:
        home.table_view(opened, "documents")
        named = [row[0] for row in opened.rows("SELECT DISTINCT document FROM documents ORDER BY document")]
    return [document for document in named if not whole(home, document)]


def names_any(said: str, documents: list[str]) -> bool:
    """Whether an answer's ``document``, digests or their first digits joined by +, names one of some documents."""
    parts = [part.strip().lower() for part in said.split("+")]
    return any(len(part) >= SHORTEST and document.startswith(part) for part in parts for document in documents)
