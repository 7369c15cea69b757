"""Check digits and forms of the public codes: GB 32100 credit codes, GB/T 2260 regions, GB/T 4754 industries."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: I, O, S, V and Z are not used
CREDIT_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)])
ORGANISATION = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # GB 11714-1997
ORGANISATION_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
SECTIONS = "ABCDEFGHIJKLMNOPQRST"  # GB/T 4754-2017


def _lookup(alphabet: str) -> npt.NDArray[np.int64]:
    table = np.zeros(256, dtype=np.int64)
    for value, letter in enumerate(alphabet):
        table[ord(letter)] = value
    return table


_CREDIT, _ORGANISATION = _lookup(CREDIT), _lookup(ORGANISATION)
_CREDIT_LETTERS = np.frombuffer(CREDIT.encode(), np.uint8)
_ORGANISATION_CHECKS = np.frombuffer(b"0123456789X", np.uint8)


def _letters(codes: list[str]) -> npt.NDArray[np.uint8]:
    """Codes of 18 ASCII letters as a matrix of octets, n × 18."""
    return np.frombuffer("".join(codes).encode("ascii"), np.uint8).reshape(len(codes), 18)


def credit_digits(codes: list[str]) -> list[str]:
    """The check letter that each code's first 17 letters call for, by GB 32100: (31 - Σ aᵢ·3ⁱ mod 31) mod 31."""
    sums = _CREDIT[_letters(codes)[:, :17]] @ CREDIT_WEIGHTS
    return [chr(c) for c in _CREDIT_LETTERS[(31 - sums % 31) % 31]]


def organisation_digits(codes: list[str]) -> list[str]:
    """The check letter of the organisation code within (letters 9–16), by GB 11714: 11 - Σ aᵢ·wᵢ mod 11, 10 as X."""
    sums = _ORGANISATION[_letters(codes)[:, 8:16]] @ ORGANISATION_WEIGHTS
    return [chr(c) for c in _ORGANISATION_CHECKS[(11 - sums % 11) % 11]]


def region_known(code: str, known: AbstractSet[str]) -> bool:
    """Whether a GB/T 2260 code of six digits is in a list that goes down to prefectures.

    A county counts by its prefecture; one directly under a province (third and fourth digit 90), or in a municipality
    or a region that the list does not divide, by its province.
    """
    if code in known or code[:4] + "00" in known:
        return True
    province = code[:2] + "0000"
    if province not in known or code.endswith("00"):
        return False
    return code[2:4] == "90" or not any(other[:2] == code[:2] and other != province for other in known)


def industry_division(code: str) -> str:
    """The GB/T 4754 section letter, or the two digits of the division; empty when it is neither in form."""
    letter, digits = (code[0], code[1:]) if code[:1] in SECTIONS else ("", code)
    if letter and not digits:
        return letter
    return digits[:2] if digits.isascii() and digits.isdigit() and 2 <= len(digits) <= 4 else ""
