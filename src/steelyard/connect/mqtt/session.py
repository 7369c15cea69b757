"""The settings that every connection over MQTT shares: broker, user, certificates, limits."""

from __future__ import annotations

import os
import secrets
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from steelyard.connect.base import Connection, setting
from steelyard.connect.mqtt.wire import Options
from steelyard.errors import InputError


def options(connection: Connection, client_id: str = "", expiry: int = 0) -> Options:
    """What a connection's file says of its broker; raises InputError SY601 where it cannot be so."""
    version = setting(connection, "version", int, 4)
    if version not in (4, 5):
        raise InputError("SY601", connection.name, field="version", why="must be 4 or 5")
    url = _url(connection)
    return Options(
        url=url,
        client_id=setting(connection, "client_id", str, "") or client_id or fresh(connection.name),
        version=version,
        username=setting(connection, "username", str, ""),
        password=_password(connection),
        keepalive=setting(connection, "keepalive_seconds", int, 60),
        expiry=expiry,
        most=setting(connection, "most_bytes", int, 4 * 1024 * 1024),
        tls=_tls(connection) if url.startswith("mqtts:") else None,
    )


def fresh(name: str) -> str:
    """A client id that no other client of the broker has."""
    return f"steelyard-{name}-{secrets.token_hex(4)}"


def _url(connection: Connection) -> str:
    try:
        parts = urlsplit(connection.url)
        good = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise InputError("SY601", connection.name, field="url", why="must be mqtt://HOST:PORT or mqtts://HOST:PORT")
    if parts.username or parts.password:
        raise InputError("SY601", connection.name, field="url", why="must not hold a user: see username, password_env")
    return connection.url


def _password(connection: Connection) -> bytes:
    """From the environment or a file: never from the connection itself, which is copied and shown."""
    if "password" in connection.settings:
        raise InputError(
            "SY601", connection.name, field="password", why="must be named by password_env or password_file"
        )
    variable = setting(connection, "password_env", str, "")
    if variable:
        if variable not in os.environ:
            raise InputError("SY601", connection.name, field="password_env", why=f"names {variable}, which is not set")
        return os.environ[variable].encode()
    path = _file(connection, "password_file")
    return path.read_bytes().rstrip(b"\r\n") if path else b""


def _tls(connection: Connection) -> ssl.SSLContext:
    """The system's trust, or that of ``ca_file`` alone; our own certificate where the broker wants one."""
    ca, own, key = (_file(connection, name) for name in ("ca_file", "cert_file", "key_file"))
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        if own:
            context.load_cert_chain(own, key)
    except OSError as error:
        raise InputError("SY601", connection.name, field="ca_file, cert_file, key_file", why=str(error)) from error
    return context


def _file(connection: Connection, name: str) -> Path | None:
    named: str = setting(connection, name, str, "")
    if not named:
        return None
    path = connection.folder / named
    if not path.is_file():
        raise InputError("SY601", connection.name, field=name, why=f"names no file: {named}")
    return path
