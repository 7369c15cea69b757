"""Questions between homes are signed: who asks is the home whose key signed, and it asks this home, this, now."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import InputError
from steelyard.evidence.canonical import canonical
from steelyard.evidence.seal import Key, signed

SKEW = 300_000_000
"""How far two homes' clocks may be apart, in microseconds: a signed question is worth nothing later."""
KEY, AT, SIGNATURE = "steelyard-key", "steelyard-at", "steelyard-signature"


def signed_headers(key: Key, method: str, target: str, to: str, now: int) -> dict[str, str]:
    """The headers of a question with its path and query, put to the home ``to`` (its id) at ``now`` (µs UTC)."""
    signature = key.sign(_message(method, target, to, str(now)))
    return {KEY: key.public.hex(), AT: str(now), SIGNATURE: signature.hex()}


def who_asks(headers: Mapping[str, str], method: str, target: str, to: str, now: int) -> bytes:
    """The public key of the home that asks. Raises InputError SY805 where nobody signed, SY806 where the clocks are apart."""
    try:
        key, signature = (bytes.fromhex(headers.get(name, "")) for name in (KEY, SIGNATURE))
        at = int(headers.get(AT, ""))
    except ValueError:
        raise InputError("SY805", target) from None
    if len(key) != 32 or not signed(key, _message(method, target, to, str(at)), signature):
        raise InputError("SY805", target)
    if abs(at - now) > SKEW:
        raise InputError("SY806", target, minutes=round((at - now) / 6e7))
    return key


def _message(method: str, target: str, to: str, at: str) -> bytes:
    return canonical({"ask": method, "target": target, "to": to, "at": at})
