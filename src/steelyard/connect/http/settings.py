"""What the settings of a listener come to; it does not start without a token, nor in the open without TLS."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from steelyard.connect import moments
from steelyard.connect.base import Connection, setting
from steelyard.errors import InputError

URL = "http://127.0.0.1:8090"
LEAST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Settings:
    """Where to listen, who may push, and how much and how slowly."""

    name: str
    host: str
    port: int
    certificate: str | None
    key: str | None
    tokens: tuple[bytes, ...]
    zone: ZoneInfo | None
    max_bytes: int
    max_rows: int
    max_signals: int
    wait_seconds: float
    body_seconds: float
    max_waiting: int

    def allows(self, authorization: str) -> bool:
        """Whether a header ``Bearer TOKEN`` holds one of the tokens; takes as long whatever it holds."""
        scheme, _, token = authorization.partition(" ")
        given = sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
        same = [hmac.compare_digest(given, known) for known in self.tokens]
        return scheme.lower() == "bearer" and any(same)


def settings_of(connection: Connection) -> Settings:
    """Checked settings; raises InputError SY601, SY660."""
    host, port, tls = _address(connection)
    certificate, key = (_file(connection, name) for name in ("certificate", "key"))
    if (tls, tls) != (bool(certificate), bool(key)):
        raise InputError("SY601", connection.name, field="certificate, key", why="both, with https://")
    if not (tls or _loopback(host) or setting(connection, "plain", bool, False)):
        why = "https:// with certificate and key, or plain: true"
        raise InputError("SY601", connection.name, field="url", why=why)
    max_bytes = _whole(connection, "max_bytes", 16 << 20)
    return Settings(
        connection.name, host, port, certificate, key, _tokens(connection), moments.zone_of(connection),
        max_bytes, _whole(connection, "max_rows", 100_000),
        _whole(connection, "max_signals", 100_000), _seconds(connection, "wait_seconds", 20),
        _seconds(connection, "body_seconds", 30), max(_whole(connection, "max_waiting", 64 << 20), max_bytes),
    )  # fmt: skip


def _address(connection: Connection) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(connection.url or URL)
        port = parts.port or 8090
    except ValueError as error:
        raise InputError("SY601", connection.name, field="url", why=str(error)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise InputError("SY601", connection.name, field="url", why=URL)
    return parts.hostname, port, parts.scheme == "https"


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _tokens(connection: Connection) -> tuple[bytes, ...]:
    """SHA-256 of every token: one in the environment, or one per line of a file, so that they can be changed in turn."""
    named, file = setting(connection, "token_env", str, None), _file(connection, "token_file")
    if (named is None) == (file is None):
        raise InputError("SY601", connection.name, field="token_env, token_file", why="one of them")
    if named is not None and named not in os.environ:
        raise InputError("SY660", connection.name, field="token_env", name=named)
    text = os.environ[named] if named is not None else _text(connection, file or "")
    tokens = [line.strip() for line in text.splitlines() if line.strip()]
    if not tokens or min(map(len, tokens)) < LEAST_TOKEN:
        raise InputError(
            "SY601", connection.name, field="token_env, token_file", why=f"{LEAST_TOKEN} characters or more"
        )
    return tuple(sha256(token.encode()).digest() for token in tokens)


def _text(connection: Connection, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("SY601", connection.name, field="token_file", why=str(error)) from None


def _file(connection: Connection, name: str) -> str | None:
    given = setting(connection, name, str, None)
    return str(connection.folder / given) if given else None


def _whole(connection: Connection, name: str, default: int) -> int:
    if (given := int(setting(connection, name, int, default))) < 1:
        raise InputError("SY601", connection.name, field=name, why="> 0")
    return given


def _seconds(connection: Connection, name: str, default: float) -> float:
    if (given := float(setting(connection, name, (int, float), default))) <= 0:
        raise InputError("SY601", connection.name, field=name, why="> 0")
    return given
