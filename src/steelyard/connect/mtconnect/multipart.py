"""The parts of a ``multipart/x-mixed-replace`` answer, as its bytes come in; never more is held than one part may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

HEADER_BYTES = 8192
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,12})[ \t]*\r?$")
_BLANK = re.compile(rb"\r?\n\r?\n")


class PartError(ValueError):
    """The answer is not what multipart means, or a part is longer than allowed."""


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart content type; empty where it is none."""
    message = Message()
    message["content-type"] = content_type
    if message.get_content_maintype() != "multipart":
        return ""
    return str(message.get_param("boundary") or "")


class Parts:
    """Takes bytes in pieces of any size, gives the bodies of whole parts; raises PartError."""

    def __init__(self, boundary: str, most: int) -> None:
        # Some agents count the leading dashes to the boundary, some do not: any number of them is taken.
        self._mark = re.compile(
            rb"-*" + re.escape(boundary.lstrip("-").encode("latin-1", "replace")) + rb"(--)?[ \t]*\r?\n"
        )
        self._end = re.compile(rb"\r?\n" + self._mark.pattern)
        self._most = most
        self._buffer = bytearray()
        self._length: int | None = None
        self._inside = False
        self.ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that these bytes complete."""
        self._buffer += data
        while not self.ended:
            if not self._inside and not self._open():
                break
            body = self._body()
            if body is None:
                break
            yield body

    def _open(self) -> bool:
        """Past the next boundary and its headers."""
        mark = self._mark.search(self._buffer)
        if mark and mark[1]:
            self.ended = True
        blank = _BLANK.search(self._buffer, mark.end() - 2) if mark and not mark[1] else None
        if not mark or not blank:
            if len(self._buffer) > HEADER_BYTES:
                raise PartError(f"no part begins within {HEADER_BYTES} bytes")
            return False
        length = _LENGTH.search(self._buffer, mark.end(), blank.end())
        self._length = int(length[1]) if length else None
        if self._length is not None and self._length > self._most:
            raise PartError(f"a part of {self._length} bytes; at most {self._most} are read")
        del self._buffer[: blank.end()]
        self._inside = True
        return True

    def _body(self) -> bytes | None:
        """The body of the part that is open, when all of it is there."""
        end = self._length
        if end is None:
            found = self._end.search(self._buffer)
            end = found.start() if found else len(self._buffer) + 1
        if end > len(self._buffer):
            if len(self._buffer) > self._most:
                raise PartError(f"a part longer than {self._most} bytes")
            return None
        body = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._inside = False
        return body
