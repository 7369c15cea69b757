"""Bundles that came and were not kept: repeated, older than what is here, of a revoked key, broken. Remembered, to be said by name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from steelyard.evidence.canonical import plain
from steelyard.store.ledger import Ledger, bundles, unkept

MOST = 20_000
"""So many are remembered, those that came last."""
PASSING = ("SY411", "SY412", "SY413", "SY415")
"""Why a bundle is refused that may be taken later: whom this home trusts, and what its clock says, changes."""
_MOST_HEADER = 1 << 20


def note(connection: sa.Connection, found: Sequence[dict[str, Any]]) -> None:
    """Remember bundles that were not kept, inside an open write; the same one again is counted. Rows as ``said`` makes them."""
    if not found:
        return
    added = insert(unkept)
    again = {"count": unkept.c.count + 1, "last": added.excluded.last, "where": added.excluded.where}
    connection.execute(added.on_conflict_do_update(index_elements=["digest", "code"], set_=again), list(found))
    trim(connection)


def said(data: bytes, code: str, facts: Mapping[str, object], where: str, now: int) -> dict[str, Any]:
    """What to remember of a refused bundle; who made it is what it says of itself."""
    return row_of(sha256(data).digest(), code, facts, where, now, **_said(data))


def row_of(digest: bytes, code: str, facts: Mapping[str, object], where: str, now: int, *, provider: str, name: str, offer: str,
           number: int, signer: bytes) -> dict[str, Any]:  # fmt: skip
    """What to remember of a bundle that was not kept (``code`` empty: it was here already) at a time (µs UTC)."""
    return {"digest": digest, "code": code, "provider": provider, "name": name, "offer": offer, "number": number, "signer": signer,
            "count": 1, "first": now, "last": now, "where": where.encode("utf-8", "replace").decode()[:500],
            "facts": json.dumps(facts, ensure_ascii=False, default=str)}  # fmt: skip


def trim(connection: sa.Connection) -> None:
    """Forget the oldest beyond ``MOST``, inside an open write."""
    count = connection.execute(sa.select(sa.func.count()).select_from(unkept)).scalar() or 0
    if count > MOST:
        newest = sa.select(unkept.c.last).order_by(unkept.c.last.desc()).offset(MOST).limit(1)
        connection.execute(unkept.delete().where(unkept.c.last <= newest.scalar_subquery()))


def _said(data: bytes) -> dict[str, Any]:
    """Who made it, as it says itself; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as box, box.open("bundle.json") as entry:
            header = plain(entry.read(_MOST_HEADER), _MOST_HEADER)
        provider = header["provider"]
        number = max(0, min(int(header["number"]), 2**31))
        signer = bytes.fromhex(header["signer"])[:32]
        return {"provider": str(provider["id"])[:40], "name": str(provider.get("name", ""))[:200],
                "offer": str(header["offer"]["id"])[:40], "number": number, "signer": signer}  # fmt: skip
    except Exception:  # noqa: BLE001  - anything may stand in what was refused
        return {"provider": "", "name": "", "offer": "", "number": 0, "signer": b""}


def digests_here(connection: sa.Connection, digests: Sequence[bytes]) -> set[bytes]:
    """Those bundles that were kept."""
    out: set[bytes] = set()
    for i in range(0, len(digests), 500):
        some = bundles.c.digest.in_(digests[i : i + 500])
        out |= {row.digest for row in connection.execute(sa.select(bundles.c.digest).where(some))}
    return out


def settled(ledger: Ledger, digests: Sequence[bytes], *, again: bool) -> set[bytes]:
    """Those that need not be fetched: kept, or, unless ``again``, refused the last time for a reason that does not pass."""
    with ledger.snapshot() as connection:
        out = digests_here(connection, digests)
        left = [] if again else [digest for digest in digests if digest not in out]
        for i in range(0, len(left), 500):
            some = unkept.c.digest.in_(left[i : i + 500]) & unkept.c.code.not_in(PASSING)
            out |= {row.digest for row in connection.execute(sa.select(unkept.c.digest).where(some))}
        return out


def not_kept(ledger: Ledger) -> list[Any]:
    """All that is remembered, the newest first."""
    return ledger.all(sa.select(unkept).order_by(unkept.c.last.desc()))
