"""Unified social credit codes with right check digits, made in sets (GB 32100-2015, GB 11714-1997)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
AUTHORITY = "91"  # market regulator, enterprise
PREFIX = "XY"  # organisation codes are issued as digits or MA...: these belong to nobody
_WEIGHTS_ORGANISATION = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_WEIGHTS_CREDIT = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)


def _values(codes: Bytes, alphabet: str) -> NDArray[np.int64]:
    """The place of each character in the alphabet, same shape."""
    places = np.zeros(128, dtype=np.int64)
    places[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(len(alphabet))
    return places[codes]


def organisation_check(codes: Bytes) -> Bytes:
    """GB 11714: the check characters of organisation codes, (n, 8) characters in, (n,) out."""
    values = _values(codes, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    checks = (11 - values @ _WEIGHTS_ORGANISATION % 11) % 11
    return np.asarray(np.frombuffer(b"0123456789X", dtype=np.uint8)[checks], dtype=np.uint8)


def credit_check(codes: Bytes) -> Bytes:
    """GB 32100: the 18th characters of credit codes, (n, 17) characters in, (n,) out."""
    checks = (31 - _values(codes, ALPHABET) @ _WEIGHTS_CREDIT % 31) % 31
    return np.asarray(_LETTERS[checks], dtype=np.uint8)


def credit_codes(region: str, serials: NDArray[np.int64]) -> list[str]:
    """Credit codes of enterprises registered in a region; serials are whole numbers from 0 to 999,999, each once."""
    scrambled = serials * 387_421 % 1_000_000  # coprime, so still each once
    head = np.frombuffer(f"{AUTHORITY}{region}{PREFIX}".encode(), dtype=np.uint8)
    digits = scrambled[:, None] // 10 ** np.arange(5, -1, -1) % 10 + ord("0")
    codes = np.hstack([np.tile(head, (len(serials), 1)), digits.astype(np.uint8)])
    codes = np.column_stack([codes, organisation_check(codes[:, 8:16])])
    codes = np.ascontiguousarray(np.column_stack([codes, credit_check(codes)]))
    return [code.decode() for code in codes.view("S18").ravel()]
