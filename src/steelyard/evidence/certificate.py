"""The certificate by which a home is met over TLS: of its own key, signed by itself. What is compared is the key."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from steelyard.evidence.seal import Key, fingerprint

_FROM, _UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def certificate(key: Key) -> bytes:
    """A certificate (PEM) of a home's key. It never expires (RFC 5280, 4.1.2.5): trust in the key ends by ``share revoke``."""
    private = load_pem_private_key(key.pem(), password=None)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, fingerprint(key.public))])
    public = Ed25519PublicKey.from_public_bytes(key.public)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public).serial_number(1)
        .not_valid_before(_FROM).not_valid_after(_UNTIL)
    )  # fmt: skip
    return made.sign(private, None).public_bytes(Encoding.PEM)  # type: ignore[arg-type]


def marks(der: bytes) -> set[str]:
    """By what a certificate (DER) can be pinned, in hex: SHA-256 of it, SHA-256 of its key (SPKI), a home's public key itself."""
    try:
        public = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return set()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = {public.public_bytes_raw().hex()} if isinstance(public, Ed25519PublicKey) else set()
    return {sha256(der).hexdigest(), sha256(spki).hexdigest(), *own}
