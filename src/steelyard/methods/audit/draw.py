"""Which firms to inspect: those with the smallest hashes, so that anyone who knows the seed can check that nobody chose.

The hash of a firm is SHA-256 of the seed, a line feed, and the firm's id, as UTF-8. It does not depend on the other firms or their
order; the seed must be fixed (sealed) before the claims are, or who claims could know who is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks


def digest(seed: str, firm: str) -> bytes:
    """The 32 bytes by which a firm is ordered."""
    return sha256(f"{seed}\n{firm}".encode()).digest()


def draw(seed: str, firms: Sequence[str], stratum: np.ndarray, size: np.ndarray) -> np.ndarray:
    """(n,) bool: the firms drawn, ``size[h]`` of stratum ``h``.

    ``firms`` n ids; ``stratum`` (n,) 0...H-1; ``size`` (H,). Raises InputError SY780 (more than the stratum has), SY781 (a negative
    size), SY783 (shapes), SY784 (a firm twice).
    """
    rank = ranks(seed, firms, np.asarray(stratum, dtype=np.int64), len(size))
    size = np.asarray(size, dtype=np.int64)
    checks.at_least_zero(size=size)
    checks.no_more(size, np.bincount(stratum, minlength=len(size)))
    drawn: np.ndarray = rank < size[stratum]
    return drawn


def ranks(seed: str, firms: Sequence[str], stratum: np.ndarray, strata: int) -> np.ndarray:
    """(n,) place of each firm in its stratum by hash, from 0: the next ones are the reserve. Errors as of ``draw``."""
    checks.fit(len(firms), stratum=stratum)
    if len(stratum) and not 0 <= stratum.min() <= stratum.max() < strata:
        raise InputError("SY783", name="stratum", found=f"{stratum.min()}…{stratum.max()}", wanted=f"0…{strata - 1}")
    _once(firms)
    hashes = np.frombuffer(b"".join(digest(seed, firm) for firm in firms), dtype=">u8").reshape(-1, 4)
    order = np.lexsort((*hashes.T[::-1], stratum))
    begins = np.searchsorted(stratum[order], np.arange(strata))
    place = np.empty(len(firms), dtype=np.int64)
    place[order] = np.arange(len(firms)) - begins[stratum[order]]
    return place


def _once(firms: Sequence[str]) -> None:
    """Refuse a firm that is there twice (SY784)."""
    seen: set[str] = set()
    for firm in firms:
        if firm in seen:
            raise InputError("SY784", firm=firm)
        seen.add(firm)
