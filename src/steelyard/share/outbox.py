"""What a home lays out for others: the bundles of its outbox, listed to the home that their offer is for, and to nobody else."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.errors import InputError
from steelyard.evidence.seal import fingerprint
from steelyard.model.offer import Offer
from steelyard.share.offers import offers_of
from steelyard.share.trust import peer_of
from steelyard.store.home import Home
from steelyard.store.lake import file_hash

PAGE = 500
_NAME = re.compile(r"([0-9a-f]{12})-([0-9]{6,10})\.steelyard")


def name_of(offer: str, number: int) -> str:
    """How a bundle is called in the outbox."""
    return f"{offer}-{number:06d}.steelyard"


def offers_for(home: Home, asker: bytes) -> list[Offer]:
    """The offers that stand and are for the home with this public key. Raises InputError SY413 where the key was revoked."""
    peer = peer_of(home, asker)
    if peer is not None and peer.revoked is not None:
        raise InputError("SY413", signer=asker.hex())
    consumers = {"*", fingerprint(asker)}
    return [offer for offer in offers_of(home) if offer.consumer in consumers and home.now() <= offer.until]


def offer_for(home: Home, asker: bytes, name: str) -> Offer:
    """One of them; raises InputError SY805, whether there is none or it is for another."""
    found = next((offer for offer in offers_for(home, asker) if offer.id == name), None)
    if found is None:
        raise InputError("SY805", name)
    return found


def described(offers: list[Offer]) -> list[dict[str, Any]]:
    """Offers as JSON can say them."""
    return [offer.document() for offer in offers]


def numbers(home: Home, offer: str, after: int = 0) -> list[tuple[int, Path]]:
    """The bundles of an offer that rest in the outbox, after a number, in order."""
    box = home.path / "outbox"
    found = ((_NAME.fullmatch(path.name), path) for path in (box.iterdir() if box.is_dir() else ()))
    return sorted((int(name[2]), path) for name, path in found if name and name[1] == offer and int(name[2]) > after)


def listed(home: Home, offer: Offer, after: int) -> dict[str, Any]:
    """Number, size and SHA-256 of the next bundles of an offer, at most ``PAGE``; ``more`` says whether others follow."""
    found = numbers(home, offer.id, after)
    return {
        "offer": offer.id, "more": len(found) > PAGE,
        "bundles": [{"number": number, "bytes": path.stat().st_size, "sha256": digest_of(path).hex()} for number, path in found[:PAGE]],
    }  # fmt: skip


def digest_of(path: Path) -> bytes:
    """SHA-256 of a file that is written once."""
    seen = path.stat()
    return _digest(os.fspath(path), seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=4096)
def _digest(path: str, _: int, size: int) -> bytes:
    return file_hash(Path(path)) if size else sha256().digest()
