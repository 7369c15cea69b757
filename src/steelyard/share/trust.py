"""Whom a home trusts: the peers in its ledger, and the policy that they amount to."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.evidence.policy import AllOf, AnyOf, Fresh, NotRevoked, Rule, SignedBy
from steelyard.store.home import Home
from steelyard.store.ledger import peers

DAY = 86_400_000_000


def trust(home: Home, key: str, name: str, *, subject: str = "", within_days: float = 92) -> None:
    """Trust a peer's key (64 hex digits) for bundles made at most ``within_days`` ago; ``subject`` is who the peer is."""
    public = _public(key)
    with home.ledger.write() as connection:
        connection.execute(peers.insert().prefix_with("OR REPLACE"),
                           {"key": public, "name": name, "subject": subject, "within_days": within_days, "revoked": None})  # fmt: skip


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


def policy_of(home: Home) -> Rule:
    """Signed by a peer, as fresh as that peer must be, and not revoked. Raises Distrust when there is no peer at all."""
    known = peers_of(home)
    per_peer = tuple(AllOf((SignedBy(frozenset({peer.key})), Fresh(int(peer.within_days * DAY)))) for peer in known)
    return AllOf((
        NotRevoked(frozenset(peer.key for peer in known if peer.revoked is not None)),
        SignedBy(frozenset(peer.key for peer in known)),
        AnyOfOwn(AnyOf(per_peer), {peer.key: rule for peer, rule in zip(known, per_peer, strict=True)}),
    ))  # fmt: skip


class AnyOfOwn:
    """The signer's own rule, so that the reason given is about the signer and not about another peer."""

    def __init__(self, otherwise: Rule, own: dict[bytes, Rule]) -> None:
        self._otherwise = otherwise
        self._own = own

    def verify(self, seen: Any) -> None:
        self._own.get(seen.signer, self._otherwise).verify(seen)


def _public(key: str) -> bytes:
    try:
        public = bytes.fromhex(key)
    except ValueError:
        public = b""
    if len(public) != 32:
        raise UsageError("SY420", name=key)
    return public
