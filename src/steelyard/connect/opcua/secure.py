"""The channel's security: endpoint, our certificate, and whether the server's is the one that is trusted. Never less than asked."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies, uacrypto
from asyncua.crypto.truststore import TrustStore

from steelyard.connect.opcua.settings import Security, Settings
from steelyard.errors import InputError

CERTIFICATES = (".der", ".pem", ".crt", ".cer")


def own_uri() -> str:
    """The application URI by which we are known to servers; it stands in our own certificate."""
    return f"urn:{socket.gethostname()}:steelyard"


async def client_of(settings: Settings) -> Client:
    """A client that is ready to connect.

    Raises InputError SY630 (no such endpoint), SY631 (server's certificate not trusted), SY632 (our certificate cannot
    be used), SY639 (the password would go in clear).
    """
    client = Client(settings.url, timeout=settings.timeout)
    client.name = client.description = "Steelyard"
    client.application_uri = own_uri()
    client.product_uri = "urn:steelyard"
    client.session_timeout = 60_000
    if settings.security.policy != "None":
        await _secure(client, settings)
    if settings.security.user:
        client.set_user(settings.security.user)
        client.set_password(settings.security.password)
    return client


async def _secure(client: Client, settings: Settings) -> None:
    """Choose the endpoint that was asked for, look at its certificate, and only then show ours."""
    asked = settings.security
    endpoints = await client.connect_and_get_server_endpoints()
    policy: Any = getattr(security_policies, f"SecurityPolicy{asked.policy}")
    mode = getattr(ua.MessageSecurityMode, asked.mode)
    chosen = next((e for e in endpoints if e.SecurityPolicyUri == policy.URI and e.SecurityMode == mode), None)
    if chosen is None or not chosen.ServerCertificate:
        offered = ", ".join(
            sorted({f"{_short(e.SecurityPolicyUri)}/{e.SecurityMode.name.rstrip('_')}" for e in endpoints})
        )
        raise InputError("SY630", settings.url, policy=asked.policy, mode=asked.mode, offered=offered or "-")
    server = uacrypto.x509_from_der(chosen.ServerCertificate)  # type: ignore[no-untyped-call]
    der = uacrypto.der_from_x509(server)  # type: ignore[no-untyped-call]
    await _check(server, der, settings)
    certificate, key = await own_pair(client, settings)
    try:
        await client.set_security(policy, uacrypto.CertProperties(certificate), uacrypto.CertProperties(key, password=asked.key_password),
                                  server_certificate=uacrypto.CertProperties(der, "der"), mode=mode)  # fmt: skip
    except (OSError, ValueError, TypeError) as error:
        raise InputError("SY632", settings.url, file=str(certificate), why=str(error)) from error


def _short(policy: str | None) -> str:
    return (policy or "None").rsplit("#", 1)[-1]


async def _check(server: Any, der: bytes, settings: Settings) -> None:
    """Raises InputError SY631 unless the certificate is pinned or in the trusted folder, and in its time."""
    asked, shown = settings.security, hashlib.sha256(der).hexdigest()
    now = datetime.now(UTC)
    trusted = asked.fingerprint == shown if asked.fingerprint else await _in_folder(server, der, asked)
    in_time = server.not_valid_before_utc <= now <= server.not_valid_after_utc
    if not trusted or not (in_time or asked.fingerprint):
        until = server.not_valid_after_utc.date().isoformat()
        raise InputError("SY631", settings.url, name=server.subject.rfc4514_string(), shown=shown, until=until)


async def _in_folder(server: Any, der: bytes, asked: Security) -> bool:
    """Whether the folder holds this very certificate, or that of the authority which signed it."""
    if asked.trust is None or not await asyncio.to_thread(asked.trust.is_dir):
        return False
    for path in await asyncio.to_thread(lambda folder: sorted(folder.iterdir()), asked.trust):
        if path.suffix.lower() in CERTIFICATES and await _same(path, der):
            return True
    store = TrustStore([asked.trust], [])
    try:
        await store.load()
        return bool(store.is_trusted(server))
    except (ValueError, OSError):
        return False


async def _same(path: Path, der: bytes) -> bool:
    try:
        return bool(uacrypto.der_from_x509(await uacrypto.load_certificate(path)) == der)  # type: ignore[no-untyped-call]
    except (ValueError, OSError):
        return False


async def own_pair(client: Client, settings: Settings) -> tuple[Path, Path]:
    """Certificate and key: the files that are named, or our own, which is made once and kept beside the home's keys."""
    asked = settings.security
    if asked.certificate != "own":
        certificate = settings.folder / asked.certificate
        client.application_uri = await _uri_of(certificate) or client.application_uri
        return certificate, settings.folder / asked.key
    folder = keys_folder(settings.folder)
    made: tuple[Path, Path] = await client.setup_self_signed_certificate(folder / "opcua.pem", folder / "opcua.der")
    await asyncio.to_thread((folder / "opcua.pem").chmod, 0o600)
    return made


def keys_folder(folder: Path) -> Path:
    """The home's folder of keys, seen from where its connections stand; else one of that name where we stand."""
    beside = folder.parent / "keys"
    return beside if folder.name == "connections" and beside.is_dir() else folder / "keys"


async def _uri_of(certificate: Path) -> str:
    """The application URI in a certificate's subject alternative names, which the session has to repeat."""
    try:
        found = await uacrypto.load_certificate(certificate)
    except (OSError, ValueError) as error:
        raise InputError("SY632", str(certificate), file=certificate.name, why=str(error)) from error
    names = next((e.value for e in found.extensions if e.oid.dotted_string == "2.5.29.17"), ())
    return next((str(n.value) for n in names if type(n).__name__ == "UniformResourceIdentifier"), "")


def check_password(client: Client, settings: Settings) -> None:
    """Raises InputError SY639 if the user's password would go over the wire in clear. To be asked once the session exists."""
    asked = settings.security
    policy = client.server_policy(ua.UserTokenType.UserName)
    token = policy.SecurityPolicyUri or client.security_policy.URI
    encrypted = token != security_policies.SecurityPolicyNone.URI or (
        asked.mode == "SignAndEncrypt" and asked.policy != "None"
    )
    if asked.user and asked.password and not encrypted and not asked.plain_password:
        raise InputError("SY639", settings.url, user=asked.user)
