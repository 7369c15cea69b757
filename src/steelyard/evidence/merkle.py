"""Merkle trees with the leaf and node prefixes of RFC 6962, over digests in ascending order.

Sorting makes a root independent of the order of arrival. Roots of aligned blocks of ``BLOCK`` leaves are kept beside a
large tree, so that one leaf is proved by hashing one block and the roots, never the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

BLOCK = 1024  # a power of two: then a block is a complete subtree
EMPTY = sha256().digest()


def _reduce(hashes: Sequence[bytes]) -> bytes:
    """The root over node hashes: pairs from the left, a last odd one moves up unpaired, as RFC 6962 splits trees."""
    while len(hashes) > 1:
        paired = [sha256(b"\x01" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=False)]
        hashes = paired if len(hashes) % 2 == 0 else [*paired, hashes[-1]]
    return hashes[0] if hashes else EMPTY


def block_roots(ordered: Sequence[bytes]) -> list[bytes]:
    """Roots of the aligned blocks of an ascending list of digests."""
    hashed = [sha256(b"\x00" + digest).digest() for digest in ordered]  # RFC 6962 section 2.1, the hash of a leaf
    return [_reduce(hashed[i : i + BLOCK]) for i in range(0, len(hashed), BLOCK)]


def root_of_blocks(roots: Sequence[bytes]) -> bytes:
    """The root of the tree whose block roots these are."""
    return _reduce(roots)


def root(digests: Iterable[bytes]) -> bytes:
    """The Merkle root over a set of digests, whatever their order; SHA-256 of nothing for none."""
    return root_of_blocks(block_roots(sorted(digests)))
