"""The register map: what each register of a device means, as data of the connection or a CSV or YAML file of the home."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from steelyard.connect.base import Connection, setting
from steelyard.errors import InputError

MOST_ROWS = 100_000
MOST_BYTES = 16 << 20
NUMBERS = {
    "int16": ">i2", "uint16": ">u2", "int32": ">i4", "uint32": ">u4", "int64": ">i8", "uint64": ">u8",
    "float32": ">f4", "float64": ">f8",
}  # fmt: skip
ORDERS = {
    "ABCD": (False, False), "CDAB": (True, False), "BADC": (False, True), "DCBA": (True, True),
    "ABCDEFGH": (False, False), "GHEFCDAB": (True, False), "BADCFEHG": (False, True), "HGFEDCBA": (True, True),
}  # fmt: skip
"""Word order → (words turned round, bytes turned round within each word)."""
KINDS = ("holding", "input", "coil", "discrete")
FIELDS = (
    "signal", "subject", "unit_id", "kind", "address", "type", "order", "scale", "offset", "unit", "every_ms", "words",
)  # fmt: skip


@dataclass(frozen=True)
class Register:
    """One value of a device.

    ``address`` counts from 0, ``size`` in registers (in bits for coils and discrete inputs), ``bit`` is the place in a
    register (-1: none), ``text`` whether it is a string. What is told is raw x ``scale`` + ``offset`` in ``unit``.
    """

    signal: str
    subject: str
    unit_id: int
    kind: str
    address: int
    size: int
    every_ms: int
    dtype: str = ""
    bit: int = -1
    text: bool = False
    swap_words: bool = False
    swap_bytes: bool = False
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    words: Mapping[int, str] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.size

    @property
    def bits(self) -> bool:
        """Whether its kind is addressed by bits."""
        return self.kind in ("coil", "discrete")


def registers(connection: Connection) -> list[Register]:
    """The map of a connection: its ``registers``, or the file that ``map`` names. Raises InputError SY601, SY640."""
    rows, where = _rows(connection)
    if not rows:
        raise InputError("SY601", connection.name, field="registers", why="no register is named")
    if len(rows) > MOST_ROWS:
        raise InputError("SY640", where, row=MOST_ROWS + 1, why=f"more than {MOST_ROWS} registers")
    defaults = {
        "subject": setting(connection, "subject", str, connection.name),
        "unit_id": setting(connection, "unit_id", int, 1),
        "order": setting(connection, "order", str, "ABCD"),
        "every_ms": setting(connection, "every_ms", int, 1000),
        "kind": "holding",
        "type": "uint16",
    }
    base = setting(connection, "base", int, 0)
    found = [_one(row, number, where, defaults, base) for number, row in rows]
    _distinct(found, rows, where)
    return found


def _rows(connection: Connection) -> tuple[list[tuple[int, Mapping[str, Any]]], str]:
    """The rows with their numbers as an editor shows them, and where they stand."""
    name = setting(connection, "map", str, "")
    if not name:
        said = setting(connection, "registers", list, [])
        return list(enumerate(said, 1)), connection.name
    path = connection.folder / name
    text = _read(path, connection)
    if path.suffix.lower() == ".csv":
        table = csv.DictReader(io.StringIO(text))
        return [(table.line_num, row) for row in table], str(path)
    return list(enumerate(_yaml(text, path), 1)), str(path)


def _read(path: Path, connection: Connection) -> str:
    if not path.resolve().is_relative_to(connection.folder.resolve()):
        raise InputError("SY601", connection.name, field="map", why="must lie in the home")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("SY202", str(path), bytes=path.stat().st_size, most=MOST_BYTES)
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("SY201", str(path), reason=" ".join(str(error).split())) from None


def _yaml(text: str, path: Path) -> list[Any]:
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError("SY201", str(path), reason=" ".join(str(error).split())) from None
    if not isinstance(said, list):
        raise InputError("SY640", str(path), row=1, why="must be a list of registers")
    return said


def _one(row: Any, number: int, where: str, defaults: Mapping[str, Any], base: int) -> Register:
    try:
        return _register(row, defaults, base)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError("SY640", where, row=number, why=" ".join(str(error).split())) from None


def _register(row: Mapping[str, Any], defaults: Mapping[str, Any], base: int) -> Register:
    unknown = {str(name) for name in row} - set(FIELDS)
    if unknown:
        raise ValueError(f"unknown field: {', '.join(sorted(unknown))}")
    said = {**defaults, **{name: value for name, value in row.items() if value not in (None, "")}}
    kind = _among(str(said["kind"]).strip().lower(), KINDS, "kind")
    shape = _type(str(said["type"]), kind)
    words, swapped = ORDERS[_among(str(said["order"]).strip().upper(), ORDERS, "order")]
    address = _whole(said.get("address"), "address") - base
    end = address + shape["size"]
    if address < 0 or end > 65_536:
        raise ValueError("address lies outside 0 to 65535")
    return Register(
        signal=_name(said.get("signal"), "signal"), subject=_name(said["subject"], "subject"), kind=kind,
        unit_id=_within(said["unit_id"], "unit_id", 0, 255), address=address,
        every_ms=_within(said["every_ms"], "every_ms", 10, 86_400_000),
        swap_words=words, swap_bytes=swapped, scale=_number(said.get("scale", 1), "scale"),
        offset=_number(said.get("offset", 0), "offset"), unit=str(said.get("unit", "")).strip(),
        words=_words(said.get("words")), **shape,
    )  # fmt: skip


def _type(said: str, kind: str) -> dict[str, Any]:
    """What a type means: size, dtype, bit, text."""
    name, _, of = said.strip().lower().partition(" ")
    if kind in ("coil", "discrete"):
        return {"size": 1}
    if name in NUMBERS and not of:
        return {"size": int(NUMBERS[name][2]) // 2, "dtype": NUMBERS[name]}
    if name == "bit":
        return {"size": 1, "bit": _within(of, "bit", 0, 15)}
    if name == "string":
        return {"size": (_within(of, "string", 1, 250) + 1) // 2, "text": True}
    raise ValueError(f"type {said!r} is none of {', '.join(NUMBERS)}, bit n, string n")


def _words(said: Any) -> dict[int, str]:
    """``2=Stopped;6=Execute``, or a mapping."""
    if not said:
        return {}
    pairs = said.items() if isinstance(said, Mapping) else (part.split("=", 1) for part in str(said).split(";"))
    return {_whole(number, "words"): str(word).strip() for number, word in pairs}


def _name(said: Any, what: str) -> str:
    if not isinstance(said, (str, int)) or not str(said).strip():
        raise ValueError(f"{what} is missing")
    return str(said).strip()


def _among(said: str, choices: Iterable[str], what: str) -> str:
    if said not in choices:
        raise ValueError(f"{what} {said!r} is none of {', '.join(choices)}")
    return said


def _whole(said: Any, what: str) -> int:
    if isinstance(said, bool) or not isinstance(said, (int, str)):
        raise ValueError(f"{what} must be a whole number")
    text = str(said).strip().lower()
    return int(text, 16 if text.startswith("0x") else 10)


def _within(said: Any, what: str, least: int, most: int) -> int:
    number = _whole(said, what)
    if not least <= number <= most:
        raise ValueError(f"{what} must lie between {least} and {most}")
    return number


def _number(said: Any, what: str) -> float:
    number = float(said)
    if not math.isfinite(number) or (what == "scale" and number == 0):
        raise ValueError(f"{what} must be a finite number, scale not 0")
    return number


def _distinct(found: list[Register], rows: list[tuple[int, Mapping[str, Any]]], where: str) -> None:
    seen: set[tuple[str, str]] = set()
    for register, (number, _) in zip(found, rows, strict=True):
        if (register.subject, register.signal) in seen:
            raise InputError("SY640", where, row=number, why=f"{register.subject} {register.signal} is named twice")
        seen.add((register.subject, register.signal))
