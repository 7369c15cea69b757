"""Leaf: the only thing that is not derived. Written once, named by its digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """A block of rows, or a document, as it was taken.

    ``header`` is what is digested: table or kind of document, span of time, grade, source (file name, SHA-256, rows read,
    stored, refused), media type, SHA-256 and length of the bytes. ``path`` is where the bytes rest inside the home.
    """

    id: int
    digest: bytes
    table: str
    start: int
    end: int
    grade: str
    synthetic: bool
    rows: int
    path: str
    header: dict[str, Any]
