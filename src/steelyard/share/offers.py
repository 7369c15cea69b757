"""Offers: what a home has promised to whom, signed and kept in its ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.evidence.canonical import canonical
from steelyard.model.offer import Offer, offer_of
from steelyard.model.period import Period
from steelyard.store.home import Home
from steelyard.store.ledger import offers


def make_offer(home: Home, *, consumer: str, measures: Sequence[str], subjects: Sequence[str], period: Period, until: int,
               purpose: str, smallest: int = 3) -> Offer:  # fmt: skip
    """Sign and keep an offer; the same terms again are the same offer. ``until`` is in microseconds UTC."""
    terms = (home.id, consumer, tuple(measures), tuple(subjects), period.start, period.end, until, purpose, smallest)
    name = sha256(repr(terms).encode()).hexdigest()[:12]
    offer = Offer(name, *terms)
    text = canonical(offer.document())
    with home.ledger.write() as connection:
        row = {"id": name, "document": text.decode(), "signature": home.key.sign(text), "packed": 0}
        connection.execute(offers.insert().prefix_with("OR IGNORE"), row)
    return offer


def offers_of(home: Home) -> list[Offer]:
    """All offers of a home."""
    return [offer_of(json.loads(row.document)) for row in home.ledger.all(sa.select(offers).order_by(offers.c.id))]


def offer_named(home: Home, name: str) -> Offer:
    """One offer; raises UsageError."""
    found = next((offer for offer in offers_of(home) if offer.id == name), None)
    if found is None:
        raise UsageError("SY419", name=name)
    return found
