"""What an assessor brings: a drawn sample of items, and sealed answers to them. Documents only; no home is needed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from steelyard.catalog import Catalog
from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.errors import InputError, UsageError
from steelyard.evidence.canonical import canonical, plain
from steelyard.evidence.seal import Key, signed
from steelyard.model.framework import Framework
from steelyard.model.subject import Subject

FORMAT = 1
MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Draw:
    """A sample of a framework's items for a subject: made ``at`` (ISO time) from a seed, out of so many, sealed by ``signer`` (hex)."""

    subject: str
    framework: str
    items: tuple[str, ...]
    among: int
    seed: str
    at: str
    signer: str


@dataclass(frozen=True)
class Inspection:
    """An assessor's answers on site: (item, value, document named) each; ``at`` is an ISO time, ``signer`` the assessor's key (hex)."""

    subject: str
    framework: str
    assessor: str
    at: str
    answers: tuple[tuple[str, str, str], ...]
    draw: Draw
    draw_signature: str
    signer: str
    on_site: bool = True


def applicable(catalog: Catalog, framework: Framework, subject: Subject) -> tuple[str, ...]:
    """The items of a framework that a subject is asked: none where it speaks of others, and those of its industry alone.

    All of them where the industry is not known. Raises InputError SY706 on a rule whose ``industry`` cannot be read.
    """
    measure = catalog.measures.get(framework.measure)
    if measure is None:
        return framework.items
    if subject.kind not in measure.of:
        return ()
    division = subject.codes.get("gbt4754", "").lstrip("ABCDEFGHIJKLMNOPQRST")[:2]
    try:
        elsewhere = _asked(catalog, measure.rule, "") - _asked(catalog, measure.rule, division)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        why = "industry needs divisions {name: [two digits, …]}, a node under each name, and else"
        raise InputError("SY706", measure.id, why=why) from error
    return tuple(item for item in framework.items if item not in elsewhere)


def _asked(catalog: Catalog, rule: Any, division: str) -> set[str]:
    """The items of a rule and of the judged or asked measures whose Figures it reads; of every industry where none is told."""
    mine = _placed(rule, division) if division else rule
    below = [catalog.measures[name] for name in rule_figures(mine) if name in catalog.measures]
    return set(rule_items(mine)).union(
        *(_asked(catalog, one.rule, division) for one in below if one.how in ("judged", "asked"))
    )


def _placed(node: Any, division: str) -> Any:
    """A rule with each ``industry`` replaced by the node that it has for a division."""
    if isinstance(node, list):
        return [_placed(part, division) for part in node]
    if not isinstance(node, dict):
        return node
    if "industry" not in node:
        return {key: _placed(part, division) for key, part in node.items()}
    body = node["industry"]
    named = (
        name for name, codes in body["divisions"].items() if division in {f"{int(str(code)):02d}" for code in codes}
    )
    return _placed(body[next(named, "else")], division)


def sample(items: Sequence[str], constrained: Collection[str], count: int, seed: str) -> tuple[str, ...]:
    """``count`` items: constrained ones first, else in the order of SHA-256 over seed, line feed and item.

    Anybody who knows the seed draws the same again. Raises UsageError when there are not so many, or the seed is empty.
    """
    if not 0 < count <= len(items) or not seed.strip():
        raise UsageError("SY101", why=f"--items {count} of {len(items)}, --seed {seed!r}")
    return tuple(
        sorted(items, key=lambda item: (item not in constrained, sha256(f"{seed}\n{item}".encode()).digest()))[:count]
    )


def sealed(document: Draw | Inspection, key: Key) -> bytes:
    """The bytes of the file: what it says, and the signature over that as canonical JSON."""
    said = {"format": FORMAT, **asdict(document)}
    name = type(document).__name__.lower()
    return json.dumps({name: said, "signature": key.sign(canonical(said)).hex()}, ensure_ascii=False, indent=1).encode()


def read_draw(data: bytes, where: str) -> tuple[Draw, str]:
    """A draw and its signature in hex; raises InputError SY728 on anything but what its signer sealed."""
    said, signature = _open(data, "draw", where)
    return _draw(said, where), signature


def read_inspection(data: bytes, where: str) -> tuple[Inspection, str]:
    """An inspection and its signature in hex; raises InputError SY728 on anything but what its signers sealed."""
    said, signature = _open(data, "inspection", where)
    try:
        draw, drawn = {"format": FORMAT, **said["draw"]}, str(said["draw_signature"])
        _verify(draw, drawn, where)
        answers = tuple((str(item), str(value), str(document)) for item, value, document in said["answers"])
        fields = {name: said[name] for name in ("subject", "framework", "assessor", "at", "signer")}
        found = Inspection(
            **fields, answers=answers, draw=_draw(draw, where), draw_signature=drawn, on_site=said["on_site"] is True
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("SY728", where, why=f"a field is missing or wrong: {error}") from error
    if (found.subject, found.framework) != (found.draw.subject, found.draw.framework):
        raise InputError("SY728", where, why=f"the draw is of {found.draw.subject} in {found.draw.framework}")
    complete(found, where)
    return found, signature


def complete(found: Inspection, where: str) -> None:
    """Raises InputError SY729 where the answers are not exactly those of the items drawn, each once."""
    answered = [item for item, _, _ in found.answers]
    twice = {item for item in answered if answered.count(item) > 1}
    missing, outside = set(found.draw.items) - set(answered), (set(answered) - set(found.draw.items)) | twice
    if missing or outside:
        raise InputError("SY729", where, missing=_listed(missing), outside=_listed(outside))


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "–"


def _draw(said: dict[str, Any], where: str) -> Draw:
    try:
        fields = {name: str(said[name]) for name in ("subject", "framework", "seed", "at", "signer")}
        return Draw(**fields, items=tuple(map(str, said["items"])), among=int(said["among"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("SY728", where, why=f"a field is missing or wrong: {error}") from error


def _open(data: bytes, name: str, where: str) -> tuple[dict[str, Any], str]:
    try:
        document = plain(data, MOST_BYTES)
        said, signature = dict(document[name]), str(document["signature"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("SY728", where, why=f"no {name}: {error}") from error
    _verify(said, signature, where)
    return said, signature


def _verify(said: dict[str, Any], signature: str, where: str) -> None:
    try:
        holds = said.get("format") == FORMAT and signed(
            bytes.fromhex(said["signer"]), canonical(said), bytes.fromhex(signature)
        )
    except (KeyError, TypeError, ValueError):
        holds = False
    if not holds:
        raise InputError("SY728", where, why="the signature does not hold: bytes were changed, or somebody else signed")


def read_file(path: Path) -> bytes:
    """The bytes of a draw; raises InputError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("SY201", str(path), reason=error.strerror or str(error)) from error


def write_key(path: Path, key: Key) -> None:
    """Write a private key into a new file that only its owner may read; raises OSError where one is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key.pem())


def now_micros() -> int:
    """Now, in microseconds UTC."""
    return time.time_ns() // 1000


def read_key(path: Path) -> Key:
    """An assessor's private key; raises InputError SY728."""
    try:
        return Key.load(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise InputError("SY728", str(path), why=f"no Ed25519 key in PEM: {error}") from error
