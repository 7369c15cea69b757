"""Seals: one Ed25519 signature over a Merkle root, chained to the seal before it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from steelyard.evidence.canonical import canonical


class Key:
    """A home's private key: it signs, and shows only its public half."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def new(cls) -> Key:
        """A fresh key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, pem: bytes) -> Key:
        """Read an unencrypted PKCS 8 PEM; raises ValueError when it is no Ed25519 key."""
        private = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return cls(private)

    def pem(self) -> bytes:
        """The private key as PKCS 8 PEM, for a file that only its owner may read."""
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature."""
        return self._private.sign(message)


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the holder of a public key (32 bytes) signed the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """The id of a home: the first 16 hex digits of SHA-256 over its public key."""
    return sha256(public).hexdigest()[:16]


@dataclass(frozen=True)
class Seal:
    """Who (public key) put what (``kind``, ``count`` digests under ``root``) under seal, when (microseconds UTC).

    ``previous`` is the digest of the seal before it in the same home: a seal that is taken out leaves a hole.
    """

    number: int
    kind: str
    root: bytes
    count: int
    at: int
    signer: bytes
    previous: bytes
    signature: bytes = b""

    def message(self) -> bytes:
        """The canonical bytes that are signed."""
        fields: dict[str, Any] = {
            "at": self.at, "count": self.count, "kind": self.kind, "number": self.number,
            "previous": self.previous.hex(), "root": self.root.hex(), "signer": self.signer.hex(),
        }  # fmt: skip
        return canonical(fields)

    @property
    def digest(self) -> bytes:
        """SHA-256 over what was signed."""
        return sha256(self.message()).digest()

    def holds(self) -> bool:
        """Whether the signature is the signer's, over exactly these fields."""
        return signed(self.signer, self.message(), self.signature)
