"""Whom a home trusts: the peers in its ledger, and the policy that they amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.evidence.policy import AllOf, Distrust, Fresh, NotRevoked, Rule, Seen, SignedBy
from steelyard.store.home import Home
from steelyard.store.ledger import peers

DAY = 86_400_000_000


def trust(home: Home, key: str, name: str, *, subject: str = "", within_days: float = 92) -> None:
    """Trust a peer's key (64 hex digits) for bundles made at most ``within_days`` ago; ``subject`` is who the peer is."""
    trust_many(home, [(key, name, subject, within_days)])


def trust_many(home: Home, found: Iterable[tuple[str, str, str, float]]) -> None:
    """Trust peers given as key (64 hex digits), name, subject, and how many days old a bundle may be; all, or at a wrong key none."""
    rows = [{"key": _public(key), "name": name, "subject": subject, "within_days": within_days, "revoked": None}
            for key, name, subject, within_days in found]  # fmt: skip
    if rows:
        with home.ledger.write() as connection:
            connection.execute(peers.insert().prefix_with("OR REPLACE"), rows)


def revoke(home: Home, key: str) -> None:
    """Trust a key no longer, from now on; what was taken before stays, and shows when it came."""
    public = _public(key)
    with home.ledger.write() as connection:
        known = connection.execute(peers.update().where(peers.c.key == public).values(revoked=home.now()))
        if known.rowcount == 0:
            raise UsageError("SY412", signer=key)


def peers_of(home: Home) -> list[Any]:
    """All peers, revoked ones too."""
    return home.ledger.all(sa.select(peers).order_by(peers.c.name))


def peer_of(home: Home, key: bytes) -> Any:
    """The peer with a public key, revoked or not; None where there is none."""
    return home.ledger.one(sa.select(peers).where(peers.c.key == key))


def policy_of(home: Home) -> Rule:
    """Signed by a peer, as fresh as that peer must be, and not revoked. Raises Distrust when there is no peer at all."""
    known = peers_of(home)
    return AllOf((
        NotRevoked(frozenset(peer.key for peer in known if peer.revoked is not None)),
        SignedBy(frozenset(peer.key for peer in known)),
        FreshAsSaid({peer.key: int(peer.within_days * DAY) for peer in known}),
    ))  # fmt: skip


@dataclass(frozen=True)
class FreshAsSaid:
    """As fresh as its signer must be (microseconds by public key). Nobody at all is refused: it would trust anything."""

    within: dict[bytes, int]

    def __post_init__(self) -> None:
        if not self.within:
            raise Distrust("SY411")

    def verify(self, seen: Seen) -> None:
        """Raises Distrust where it is too old, or of a signer of whom nothing is said."""
        if seen.signer not in self.within:
            raise Distrust("SY412", signer=seen.signer.hex())
        Fresh(self.within[seen.signer]).verify(seen)


def _public(key: str) -> bytes:
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b""
    if len(public) != 32:
        raise UsageError("SY420", name=key)
    return public
