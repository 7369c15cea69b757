"""What is no plain number: one DataValue of asyncua to a number, a text, or both."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from asyncua import ua

from steelyard.connect.opcua.columns import EXACT, Rows

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1601, 1, 2, tzinfo=UTC)
MICRO = timedelta(microseconds=1)

Structures = Callable[[ua.NodeId, bytes], Any]
"""Takes apart the body of a structure by the NodeId of its encoding; None where it is unknown."""


def micros_of(moment: datetime | None) -> int:
    """µs UTC of asyncua's time; 0 where there is none."""
    if moment is None:
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - BEGIN) // MICRO if moment > FIRST else 0


def time_of(value: ua.DataValue) -> int:
    """The source's time, else the server's, µs UTC; 0 where neither is said."""
    return max(0, micros_of(value.SourceTimestamp)) or max(0, micros_of(value.ServerTimestamp))


def status_of(value: ua.DataValue) -> int:
    """The status code as a number; 0 (good) where it is not said."""
    return int(value.StatusCode.value) if value.StatusCode else 0


class TooLong(Exception):  # noqa: N818  - told to the caller, who counts it as refused
    """A text is longer than is kept; holds its beginning."""


class Reader:
    """Turns values into rows. ``longest``: characters of a text that are kept; ``refuse``: told of those that are not."""

    def __init__(self, longest: int, refuse: Callable[[int, str], None], structures: Structures) -> None:
        self.longest = longest
        self.refuse = refuse
        self.structures = structures

    def odd(self, handle: int, value: ua.DataValue, rows: Rows) -> None:
        """Put one value of any kind into rows, or refuse it."""
        status = status_of(value)
        try:
            number, text = (math.nan, None) if status >= 1 << 31 else self.both(value.Value)
        except TooLong as long:
            self.refuse(handle, str(long))
            return
        rows.add(handle, time_of(value), number, status, text)

    def both(self, variant: ua.Variant | None) -> tuple[float, str | None]:
        """A number (NaN where there is none) and a text (None where there is none)."""
        inner = variant.Value if variant is not None else None
        if isinstance(inner, datetime) and not micros_of(inner):
            return math.nan, None  # the protocol's way to say: no time
        if isinstance(inner, bool | int | float) and not isinstance(inner, Enum):
            wide = isinstance(inner, int) and abs(inner) >= EXACT
            return float(inner), str(inner) if wide else None
        number = float(micros_of(inner)) if isinstance(inner, datetime) else math.nan
        text = self.plain(inner)
        if text is not None and not isinstance(text, str):
            text = json.dumps(text, ensure_ascii=False, separators=(",", ":"), default=str)
        if text is not None and len(text) > self.longest:
            raise TooLong(text[:80])
        return number, text

    def plain(self, inner: Any) -> Any:
        """Values of OPC UA as those that JSON has; texts as they are."""
        if inner is None or (isinstance(inner, str | int | float) and not isinstance(inner, Enum)):
            return inner
        said = next((said for kind, said in SAID.items() if isinstance(inner, kind)), None)
        if said:
            return said(inner)
        if isinstance(inner, list | tuple):
            return [self.plain(each) for each in inner]
        if isinstance(inner, dict):
            return {key: self.plain(each) for key, each in inner.items()}
        return self._nested(inner)

    def _nested(self, inner: Any) -> Any:
        if isinstance(inner, ua.Variant | ua.DataValue):
            return self.plain(inner.Value)
        return self._structure(inner) if isinstance(inner, ua.ExtensionObject) else self._fields(inner)

    def _structure(self, inner: ua.ExtensionObject) -> Any:
        """A structure of the server's own: by its definition, else its bytes."""
        body = inner.Body or b""
        known = self.structures(inner.TypeId, body) if body else None
        return self.plain(known) if known is not None else {"type": inner.TypeId.to_string(), "body": _base64(body)}

    def _fields(self, inner: Any) -> Any:
        if dataclasses.is_dataclass(inner) and not isinstance(inner, type):
            return {each.name: self.plain(getattr(inner, each.name)) for each in dataclasses.fields(inner)
                    if each.name not in {"Encoding", "TypeId"}}  # fmt: skip
        return str(inner)


def _base64(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


SAID: dict[type, Callable[[Any], Any]] = {
    datetime: _iso,
    ua.StatusCode: lambda code: code.name,
    ua.LocalizedText: lambda text: text.Text,
    ua.QualifiedName: lambda name: name.Name,
    ua.NodeId: lambda node: node.to_string(),
    UUID: str,
    bytes: _base64,
    Enum: lambda member: member.name,
}
