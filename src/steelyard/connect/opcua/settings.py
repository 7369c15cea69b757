"""The settings of an OPC UA connection, checked: what to read, how fast, and how it is secured."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.connect.base import Connection, setting
from steelyard.errors import InputError

POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MODES = ("Sign", "SignAndEncrypt")
NODE_ID = re.compile(r"^(?:nsu=(?P<uri>[^;]+);|ns=(?P<index>\d+);)?(?P<kind>[isgb])=(?P<name>.+)$", re.DOTALL)
STEP = re.compile(r"/(?:\{(?P<uri>[^}]*)\})?(?P<name>(?:&.|[^/&])+)", re.DOTALL)


@dataclass(frozen=True)
class Wanted:
    """One node that is asked for: a node id or a browse path under Objects, and what to call it (empty: by its path)."""

    node: str
    subject: str = ""
    signal: str = ""
    unit: str = ""

    @property
    def is_path(self) -> bool:
        """Whether it is told by names, which stay when a server numbers its nodes anew."""
        return self.node.startswith("/")

    def steps(self) -> list[tuple[str, str]]:
        """Of a path: namespace URI (empty: any) and browse name of each step; ``&`` escapes ``/`` and itself."""
        return [(m["uri"] or "", re.sub(r"&(.)", r"\1", m["name"])) for m in STEP.finditer(self.node)]


@dataclass(frozen=True)
class Security:
    """How the channel and the user are secured. ``fingerprint``: SHA-256 of the server's certificate, hex, or empty."""

    policy: str
    mode: str
    certificate: str
    key: str
    key_password: str | None
    fingerprint: str
    trust: Path | None
    user: str
    password: str
    plain_password: bool


@dataclass(frozen=True)
class Settings:
    """All of them. Times in milliseconds where the protocol has them so, else as the name says."""

    url: str
    folder: Path
    nodes: tuple[Wanted, ...]
    security: Security
    publishing_ms: float
    sampling_ms: float
    queue_size: int
    batch: int
    max_nodes: int
    depth: int
    longest_text: int
    every_time: bool
    history: bool
    history_values: int
    timeout: float
    refresh_hours: float
    retry_seconds: float


def read_settings(connection: Connection) -> Settings:
    """The settings of a connection; raises InputError SY601 where one is missing or wrong."""
    publishing = _number(connection, "publishing_ms", 250, 10)
    return Settings(
        url=_url(connection),
        folder=connection.folder,
        nodes=tuple(_wanted(connection, each) for each in setting(connection, "nodes", list, [])),
        security=_security(connection),
        publishing_ms=publishing,
        sampling_ms=_number(connection, "sampling_ms", publishing, -1),
        queue_size=int(_number(connection, "queue_size", 100, 1)),
        batch=int(_number(connection, "batch", 1000, 1)),
        max_nodes=int(_number(connection, "max_nodes", 10_000, 1)),
        depth=int(_number(connection, "depth", 10, 1)),
        longest_text=int(_number(connection, "longest_text", 8192, 1)),
        every_time=setting(connection, "every_time", bool, False),
        history=setting(connection, "history", bool, True),
        history_values=int(_number(connection, "history_values", 2_000_000, 1)),
        timeout=_number(connection, "timeout_seconds", 4, 0.1),
        refresh_hours=_number(connection, "refresh_hours", 6, 0),
        retry_seconds=_number(connection, "retry_seconds", 30, 0.1),
    )


def wrong(connection: Connection, name: str, why: str) -> InputError:
    """The error for a setting that cannot be used."""
    return InputError("SY601", connection.name, field=name, why=why)


def _number(connection: Connection, name: str, default: float, least: float) -> float:
    value = float(setting(connection, name, (int, float), default))
    if not value >= least:
        raise wrong(connection, name, f"must be at least {least}")
    return value


def _url(connection: Connection) -> str:
    if not re.match(r"^opc\.tcp://[^/@]+(/.*)?$", connection.url):
        raise wrong(connection, "url", "must be opc.tcp://host:port/path; user and password have settings of their own")
    return connection.url


def _wanted(connection: Connection, given: Any) -> Wanted:
    """A node of the list ``nodes``: text, or a mapping of texts."""
    told = {"node": given} if isinstance(given, str) else given
    if not isinstance(told, Mapping) or set(told) - {"node", "subject", "signal", "unit"}:
        raise wrong(connection, "nodes", f"each is a text or has node, subject, signal, unit: {given!r}")
    if not all(isinstance(value, str) for value in told.values()):
        raise wrong(connection, "nodes", f"must hold texts only: {given!r}")
    wanted = Wanted(**told) if told.get("node") else Wanted("")
    readable = "".join(m[0] for m in STEP.finditer(wanted.node)) == wanted.node if wanted.is_path else False
    if not readable and not _is_node_id(wanted.node):
        raise wrong(connection, "nodes", f"neither nsu=…;s=… nor /{{urn}}Name/Name: {wanted.node!r}")
    return wanted


def _is_node_id(text: str) -> bool:
    found = NODE_ID.match(text)
    return bool(found) and (found["kind"] != "i" or found["name"].isdigit())  # type: ignore[index]


def _security(connection: Connection) -> Security:
    policy = _one_of(connection, "security", POLICIES, "None")
    own = setting(connection, "certificate", str, "own")
    key = setting(connection, "key", str, "")
    if policy != "None" and own != "own" and not key:
        raise wrong(connection, "key", "missing: a certificate of your own needs its private key")
    trust = setting(connection, "trust", str, "")
    fingerprint = re.sub(r"^sha256:|[\s:]", "", setting(connection, "fingerprint", str, "").lower())
    return Security(
        policy=policy,
        mode=_one_of(connection, "mode", MODES, "SignAndEncrypt"),
        certificate=own,
        key=key,
        key_password=_secret(connection, "key_password_env") or None,
        fingerprint=fingerprint,
        trust=connection.folder / trust if trust else None,
        user=setting(connection, "user", str, ""),
        password=_secret(connection, "password_env"),
        plain_password=setting(connection, "plain_password", bool, False),
    )


def _one_of(connection: Connection, name: str, choices: tuple[str, ...], default: str) -> str:
    value = str(setting(connection, name, str, default))
    if value not in choices:
        raise wrong(connection, name, f"must be one of {', '.join(choices)}")
    return value


def _secret(connection: Connection, name: str) -> str:
    """What the environment variable holds that a setting names; secrets do not stand in files."""
    variable = setting(connection, name, str, "")
    if variable and variable not in os.environ:
        raise wrong(connection, name, f"the environment has no variable {variable}")
    return os.environ.get(variable, "") if variable else ""
