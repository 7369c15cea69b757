"""Offer: what one home hands another, of whom, when, why, and how small a group may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_TIMES = ("start", "end", "until")


@dataclass(frozen=True)
class Offer:
    """A standing promise from ``provider`` to ``consumer`` (home ids; ``*`` is anyone).

    ``measures`` and ``subjects`` are ids, ``*`` at the end of one matches any rest. Times are microseconds UTC:
    Figures whose period lies within ``start..end`` are shared while the clock is before ``until``. A roll-up over fewer
    than ``smallest`` members is not shared.
    """

    id: str
    provider: str
    consumer: str
    measures: tuple[str, ...]
    subjects: tuple[str, ...]
    start: int
    end: int
    until: int
    purpose: str
    smallest: int

    def document(self) -> dict[str, Any]:
        """As fields that canonical JSON can say, for signing: times as decimal text, for they may pass 2^53."""
        return {k: str(v) if k in _TIMES else list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def offer_of(document: Mapping[str, object]) -> Offer:
    """An Offer from its document; raises KeyError, TypeError or ValueError when it is none."""
    fields = {k: int(str(v)) if k in _TIMES else tuple(v) if isinstance(v, list) else v
              for k, v in document.items()}  # fmt: skip
    offer = Offer(**fields)  # type: ignore[arg-type]
    texts = (offer.id, offer.provider, offer.consumer, offer.purpose)
    lists = (offer.measures, offer.subjects)
    if not (all(isinstance(one, str) for one in texts) and isinstance(offer.smallest, int)
            and all(isinstance(one, tuple) and all(isinstance(name, str) for name in one) for one in lists)):  # fmt: skip
        raise TypeError("a field is of another kind")
    return offer


def covers(patterns: Sequence[str], name: str) -> bool:
    """Whether one of the patterns is the name, or ends in ``*`` and begins it."""
    return any(name.startswith(p[:-1]) if p.endswith("*") else name == p for p in patterns)
