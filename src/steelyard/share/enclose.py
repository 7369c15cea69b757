"""Pages and their evidence: a PDF, and beside it a bundle with the PDF, the documents and what proves when each was sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.model.leaf import Leaf
from steelyard.model.offer import Offer
from steelyard.model.period import Period
from steelyard.share.pack import Packed, hand_over, seals_over
from steelyard.store.documents import rests_at, whole
from steelyard.store.home import Home
from steelyard.store.lake import write_bytes

YEARS_VALID = 10
DAY = 86_400_000_000


def check_whole(home: Home, path: Path, documents: Sequence[str]) -> None:
    """Raise InputError on the first of some documents (whole digests) that is not what was sealed."""
    for one in documents:
        if not whole(home, one):
            raise InputError("SY718", str(path), document=one[:16])


def enclose(home: Home, path: Path, pdf: bytes, offer: Offer, documents: Mapping[str, Leaf]) -> Packed:
    """Write the pages to ``path`` and the bundle beside it: ``documents`` are whole digests with the leaves that hold their bytes.

    Raises InputError when the bundle would be larger than what is taken.
    """
    write_bytes(path, pdf)
    evidence = json.dumps(seals_over(home, list(documents.values())), ensure_ascii=False, sort_keys=True).encode()
    parts = {f"documents/{one}": rests_at(home, one).read_bytes() for one in documents}
    return hand_over(home, offer, path.with_suffix(".bundle"), {"dossier.pdf": pdf, "evidence.json": evidence, **parts})


def to_anyone(home: Home, subject: str, figures: Sequence[Mapping[str, Any]], span: Period, purpose: str) -> Offer:
    """To whom it may concern, of one subject alone: an offer that stands in the bundle, not in the ledger."""
    start = min([row["start"] for row in figures] + [span.start])
    end = max([row["end"] for row in figures] + [span.end])
    until = home.now() + YEARS_VALID * 366 * DAY
    name = sha256(f"{home.id} {subject} {purpose} {until}".encode()).hexdigest()[:12]
    return Offer(name, home.id, "*", ("*",), (subject,), start, end, until, purpose, 1)
