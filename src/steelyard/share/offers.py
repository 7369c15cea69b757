"""Offers: what a home has promised to whom, signed and kept in its ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import sqlalchemy as sa

from steelyard.errors import UsageError
from steelyard.evidence.canonical import canonical
from steelyard.model.offer import Offer
from steelyard.model.period import Period
from steelyard.store.home import Home
from steelyard.store.ledger import offers


def make_offer(home: Home, *, consumer: str, measures: Sequence[str], subjects: Sequence[str], period: Period, until: int,
               purpose: str, smallest: int = 3) -> Offer:  # fmt: skip
    """Sign and keep an offer; the same terms again are the same offer. ``until`` is in microseconds UTC."""
    terms = (home.id, consumer, tuple(measures), tuple(subjects), period.start, period.end, until, purpose, smallest)
    name = sha256(repr(terms).encode()).hexdigest()[:12]
    offer = Offer(name, *terms)
    text = canonical(_exact(offer))
    with home.ledger.write() as connection:
        row = {"id": name, "document": text.decode(), "signature": home.key.sign(text), "packed": 0}
        connection.execute(offers.insert().prefix_with("OR IGNORE"), row)
    return offer


def _exact(offer: Offer) -> dict[str, object]:
    """An offer as canonical JSON can say it: times as decimal text, for they may pass 2^53."""
    return {k: str(v) if k in ("start", "end", "until") else v for k, v in offer.document().items()}


def offer_of(document: dict[str, object]) -> Offer:
    """An Offer from its document; raises KeyError, TypeError or ValueError when it is none."""
    fields = {k: int(str(v)) if k in ("start", "end", "until") else tuple(v) if isinstance(v, list) else v
              for k, v in document.items()}  # fmt: skip
    offer = Offer(**fields)  # type: ignore[arg-type]
    texts = (offer.id, offer.provider, offer.consumer, offer.purpose)
    lists = (offer.measures, offer.subjects)
    if not (all(isinstance(one, str) for one in texts) and isinstance(offer.smallest, int)
            and all(isinstance(one, tuple) and all(isinstance(name, str) for name in one) for one in lists)):  # fmt: skip
        raise TypeError("a field is of another kind")
    return offer


def document_of(offer: Offer) -> dict[str, object]:
    """The document that ``offer_of`` reads back."""
    return _exact(offer)


def offers_of(home: Home) -> list[Offer]:
    """All offers of a home."""
    return [offer_of(json.loads(row.document)) for row in home.ledger.all(sa.select(offers).order_by(offers.c.id))]


def offer_named(home: Home, name: str) -> Offer:
    """One offer; raises UsageError."""
    found = next((offer for offer in offers_of(home) if offer.id == name), None)
    if found is None:
        raise UsageError("SY419", name=name)
    return found


def covers(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns is the name, or ends in ``*`` and begins it."""
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)
