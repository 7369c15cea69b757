"""Offer: what one home hands another, of whom, when, why, and how small a group may show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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
        """As JSON-ready fields, for signing."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
