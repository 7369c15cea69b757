"""Samples as they are pushed: each one judged by itself, so that one bad value does not cost the others."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa

from steelyard.connect import moments
from steelyard.connect.base import BAD, QUALITIES, Inlet
from steelyard.model.period import EPOCH, micros
from steelyard.refusal import Refusal

CELL_BYTES = 32 * 1024
LEAST_MICROS = micros(EPOCH.replace(year=2000))  # a number below is seconds or milliseconds, which is not guessed
_TOPIC = re.compile(r"[/.]")


class Sample(msgspec.Struct):
    """One value of one signal: ``at`` as ISO 8601 or µs UTC; or, in the shape of a Unified Namespace, ``timestamp_ms``,
    with ``topic`` instead of subject and signal.
    """

    value: float | int | str | bool | None = None
    subject: str = ""
    signal: str = ""
    at: str | int | None = None
    timestamp_ms: int | float | None = None
    topic: str = ""
    quality: str = "good"
    unit: str = ""


@dataclass
class Judge:
    """Turns samples into columns; ``refused`` names those that it could not use, by their place from 1 on."""

    zone: ZoneInfo | None
    now: int
    subject: str = ""
    signal: str = ""
    names: list[tuple[str, str, str]] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def take(self, samples: Iterable[tuple[int, Sample]]) -> None:
        """Judge samples, each with its place."""
        for row, sample in samples:
            try:
                name = _name(sample, self.subject, self.signal)
                at = self._at(sample)
                quality, (value, text) = _quality(sample), _value(sample.value)
            except moments.MomentError as error:
                self.refused.append(_refusal(row, error))
                continue
            self.names.append(name)
            self.at.append(at)
            self.value.append(value)
            self.text.append(text)
            self.quality.append(quality)

    def _at(self, sample: Sample) -> int:
        try:
            return moments.within(_micros(sample, self.zone), self.now)
        except moments.MomentError as error:
            shown = sample.at if sample.at is not None else sample.timestamp_ms
            raise _fault(error.code, "at", "" if shown is None else shown, **error.facts) from None

    def keep(self, inlet: Inlet, number: Callable[[tuple[str, str, str]], int], then: Callable[[], None]) -> None:
        """Hand them over."""
        signals = np.fromiter((number(name) for name in self.names), np.int32, len(self.names))
        inlet.keep(
            signals, np.array(self.at, np.int64), np.array(self.value, np.float64), text=pa.array(self.text, pa.string()),
            quality=np.array(self.quality, np.uint8), received=self.now, then=then,
        )  # fmt: skip


def topic(name: str) -> tuple[str, str]:
    """Subject and signal of a topic ``umh.v1.enterprise.….asset._contract.path.name``, written with . or with /.

    Without a contract (a part that begins with _) the last part is the signal.
    """
    parts = [part for part in _TOPIC.split(name) if part]
    if parts[:2] == ["umh", "v1"]:
        parts = parts[2:]
    cut = next((place for place, part in enumerate(parts) if part.startswith("_")), None)
    if cut is None:
        return "/".join(parts[:-1]), "/".join(parts[-1:])
    return "/".join(parts[:cut]), "/".join(parts[cut + 1 :])


def _name(sample: Sample, subject: str, signal: str) -> tuple[str, str, str]:
    if sample.topic:
        subject, signal = topic(sample.topic)
    found = sample.subject or subject, sample.signal or signal, sample.unit
    for column, text, least in zip(("subject", "signal", "unit"), found, (1, 1, 0), strict=True):
        if not least <= len(text) <= 200 or not text.isprintable():
            odd = next((f"U+{ord(letter):04X}" for letter in text if not letter.isprintable()), "-")
            raise _fault("SY318", column, ascii(text), length=len(text), odd=odd)
    return found


def _micros(sample: Sample, zone: ZoneInfo | None) -> int:
    if isinstance(sample.at, str):
        return moments.from_text(sample.at, zone)
    if sample.at is not None:
        if sample.at < LEAST_MICROS:
            raise moments.MomentError("SY319", hint="timestamp_ms")
        return sample.at
    if sample.timestamp_ms is None or not math.isfinite(sample.timestamp_ms):
        raise moments.MomentError("SY319", hint="at, timestamp_ms")
    return round(sample.timestamp_ms * 1000)


def _quality(sample: Sample) -> int:
    if sample.quality not in QUALITIES:
        raise _fault("SY317", "quality", sample.quality, choices=", ".join(QUALITIES), suggestion="?")
    return BAD if sample.value is None and sample.quality == "good" else QUALITIES.index(sample.quality)


def _value(value: float | str | bool | None) -> tuple[float, str | None]:
    """The number, NaN where there is none, and the text where it is one."""
    if value is None:
        return math.nan, None
    if isinstance(value, str):
        if (size := len(value.encode())) > CELL_BYTES:
            raise _fault("SY305", "value", value, bytes=size, most=CELL_BYTES)
        return math.nan, value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _fault("SY314", "value", value)
    return number, None


def _fault(code: str, column: str, value: Any, **facts: object) -> moments.MomentError:
    return moments.MomentError(code, column=column, value=str(value), **facts)


def _refusal(row: int, error: moments.MomentError) -> Refusal:
    facts = dict(error.facts)
    return Refusal(row, str(facts.pop("column")), str(facts.pop("value")), error.code, facts)
