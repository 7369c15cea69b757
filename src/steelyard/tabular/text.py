"""From the bytes of a text file to clean UTF-8 lines: encodings, merge conflicts, NUL."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from steelyard.errors import InputError
from steelyard.refusal import Refusal

MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>")
_HIGH = re.compile(rb"[\x80-\xff]")
_THREE = re.compile(rb"[\xe0-\xef][\x80-\xbf][\x80-\xbf]")


@dataclass(frozen=True)
class Text:
    """UTF-8 with line feeds, in which refused lines are blank, so that line numbers stay as an editor shows them."""

    data: bytes
    encoding: str
    refused: list[Refusal]


def clean(data: bytes, where: str) -> Text:
    """Byte order mark, else strict UTF-8, else GB18030; in a mixed file the majority of lines rules.

    Lines in the other encoding, merge-conflict markers and lines with NUL are refused. Raises InputError SY207 on an
    empty file and SY201 on bytes that are no text.
    """
    refused: list[Refusal] = []
    data, encoding = _decode(data, where, refused)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not data.strip():
        raise InputError("SY207", where)
    suspects = (b"\0", *MARKERS)
    if any(mark in data for mark in suspects):
        data = _without_bad_lines(data, refused)
    return Text(data, encoding, refused)


def _decode(data: bytes, where: str, refused: list[Refusal]) -> tuple[bytes, str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _recode(data, "utf-16", where), "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return _utf8_with_mark(data[3:], refused), "utf-8-sig"
    if _is(data, "utf-8"):
        return data, "utf-8"
    return _gb_or_mixed(data, where, refused)


def _recode(data: bytes, encoding: str, where: str) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8", "strict")
    except UnicodeError as error:
        raise InputError("SY201", where, reason=str(error)) from None


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _utf8_with_mark(data: bytes, refused: list[Refusal]) -> bytes:
    return data if _is(data, "utf-8") else _keep_lines(data.split(b"\n"), "utf-8", refused)


def _gb_or_mixed(data: bytes, where: str, refused: list[Refusal]) -> tuple[bytes, str]:
    lines = data.split(b"\n")
    spoken = [_speaks(line) for line in lines if _HIGH.search(line)]
    utf8, gb = spoken.count("utf-8"), spoken.count("gb18030")
    if not utf8 and _is(data, "gb18030"):
        return data.decode("gb18030").encode(), "gb18030"
    if not utf8 + gb:
        raise InputError("SY201", where, reason="neither UTF-8 nor GB18030")
    encoding = "utf-8" if utf8 >= gb else "gb18030"
    return _keep_lines(lines, encoding, refused), encoding


def _speaks(line: bytes) -> str:
    """What a line with bytes above 127 is evidence of; GB18030 can be valid UTF-8 by accident, seldom by threes."""
    if _is(line, "utf-8"):
        return "utf-8" if _THREE.search(line) else ""
    return "gb18030" if _is(line, "gb18030") else ""


def _keep_lines(lines: list[bytes], encoding: str, refused: list[Refusal]) -> bytes:
    """The lines in that encoding, as UTF-8; others become blank and are refused."""
    kept = []
    for number, line in enumerate(lines, 1):
        other = _HIGH.search(line) and (_speaks(line) not in (encoding, "") or not _is(line, encoding))
        if other:
            shown = _speaks(line) or "bytes"
            value = line.rstrip(b"\r").decode("gb18030" if shown == "gb18030" else "utf-8", "replace")
            refused.append(Refusal(number, "", value, "SY302", {"encoding": encoding, "other": shown}))
        kept.append(b"" if other else line if encoding == "utf-8" else line.decode(encoding).encode())
    return b"\n".join(kept)


def _without_bad_lines(data: bytes, refused: list[Refusal]) -> bytes:
    lines = data.split(b"\n")
    for at, line in enumerate(lines):
        code = "SY304" if b"\0" in line else "SY303" if line.startswith(MARKERS) else ""
        if code:
            value = line.replace(b"\0", "␀".encode()).decode("utf-8", "replace")
            refused.append(Refusal(at + 1, "", value, code))
            lines[at] = b""
    return b"\n".join(lines)
