"""Trust policies: small rules that compose. A rule is an object with ``verify(seen)``, which returns or raises Distrust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Distrust(Exception):  # noqa: N818  - named for what it says, not for what it is
    """A bundle is not what the policy asks for; ``code`` is the error's stable code, ``facts`` fill its text."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True)
class Seen:
    """What is known of a signed thing once its signature was checked: signer's public key, times in microseconds UTC."""

    signer: bytes
    made: int
    until: int
    now: int


class Rule(Protocol):
    """One rule of trust."""

    def verify(self, seen: Seen) -> None:
        """Return when satisfied; raise Distrust with the reason when not."""


@dataclass(frozen=True)
class SignedBy:
    """The signer is one of these public keys."""

    keys: frozenset[bytes]

    def verify(self, seen: Seen) -> None:
        if seen.signer not in self.keys:
            raise Distrust("SY412", signer=seen.signer.hex())


@dataclass(frozen=True)
class Fresh:
    """Made at most ``within`` microseconds ago, not in the future (five minutes of clock skew are borne), not past its end."""

    within: int
    skew: int = 300_000_000

    def verify(self, seen: Seen) -> None:
        if seen.made > seen.now + self.skew:
            raise Distrust("SY415", hours=round((seen.made - seen.now) / 3.6e9, 1))
        if seen.now > seen.until or seen.now - seen.made > self.within:
            raise Distrust("SY414", days=round((seen.now - seen.made) / 8.64e10, 1))


@dataclass(frozen=True)
class NotRevoked:
    """The signer's key has not been revoked, whatever the time that the signer wrote on it."""

    revoked: frozenset[bytes]

    def verify(self, seen: Seen) -> None:
        if seen.signer in self.revoked:
            raise Distrust("SY413", signer=seen.signer.hex())


@dataclass(frozen=True)
class AllOf:
    """Every rule holds. An empty list is refused: it would trust anything."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _not_empty(self.rules)

    def verify(self, seen: Seen) -> None:
        for rule in self.rules:
            rule.verify(seen)


@dataclass(frozen=True)
class AnyOf:
    """At least one rule holds; the first reason is given when none does."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        _not_empty(self.rules)

    def verify(self, seen: Seen) -> None:
        first: Distrust | None = None
        for rule in self.rules:
            try:
                rule.verify(seen)
            except Distrust as why:
                first = first or why
            else:
                return
        if first:
            raise first


def _not_empty(rules: tuple[Rule, ...]) -> None:
    if not rules:
        raise Distrust("SY411")
