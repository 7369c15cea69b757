"""The general way of reading metrics: every data type, null, historical, quality; one metric at a time, through protobuf."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steelyard.connect.base import BAD, GOOD, HISTORICAL, UNCERTAIN
from steelyard.connect.sparkplug import conformance
from steelyard.connect.sparkplug import values as of
from steelyard.connect.sparkplug.events import Event, Finding, Heard, Refused, Values
from steelyard.connect.sparkplug.latest import Latest
from steelyard.connect.sparkplug.nodes import Metric, Stream

Signal = Callable[[str, str, str], int]
_LATEST = 2**52  # ms
_AHEAD = 86_400_000_000  # µs that a clock may be ahead: what is told of later times is no past


@dataclass
class Rows:
    """Values on their way out, row by row."""

    signals: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    text: list[str | None] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)

    def values(self) -> Values:
        texts = self.text if any(text is not None for text in self.text) else None
        quality = np.array(self.quality, np.uint8) if any(self.quality) else None
        return Values(
            np.array(self.signals, np.int32), np.array(self.at, np.int64), np.array(self.value), texts, quality
        )


class Reader:
    """Reads the metrics of births and of data into rows; says what it finds and refuses."""

    def __init__(self, signal: Signal, latest: Latest) -> None:
        self._signal = signal
        self._latest = latest
        self._out: list[Event] = []
        self._rows = Rows()
        self._found: set[tuple[str, str]] = set()

    def taken(self) -> list[Event]:
        """All events since the last call."""
        self._turn()
        out, self._out = self._out, []
        return out

    def say(self, event: Event) -> None:
        """An event in its order: rows before it go out before it."""
        self._turn()
        self._out.append(event)

    def tell(self, values: Values) -> None:
        """Values in their order, each the last of its metric from here on."""
        self.say(values)
        self._latest.note(values)

    def _turn(self) -> None:
        if self._rows.signals:
            rows, self._rows = self._rows, Rows()
            self.tell(rows.values())

    def find(self, subject: str, found: Iterator[conformance.Found]) -> None:
        """Findings, each kind once a subject."""
        for code, text in found:
            kind = (subject, text.split(" ", 1)[0])
            if kind not in self._found:
                self._found.add(kind)
                self._out.append(Finding(subject, code, text))

    def refuse(self, code: str, value: str, subject: str, count: int = 1, **facts: Any) -> None:
        self._out.append(Refused(code, value, count, {"subject": subject, **facts}))

    def birth(self, stream: Stream, payload: Any, now: int) -> None:
        """Take a birth as the schema of a stream, and its values as values."""
        self._forget(stream)
        for metric in payload.metrics:
            if metric.name and not control(metric.name) and not _definition(metric):
                self._enter(stream, metric)
        for metric in payload.metrics:
            known = stream.by_name.get(metric.name)
            if known:
                self._one(stream, metric, known, stamp(payload, now), GOOD)

    def _forget(self, stream: Stream) -> None:
        """What the birth before said of a stream, and the values since."""
        self._turn()
        self._latest.forget(stream.signals())
        stream.by_name.clear()
        stream.by_alias.clear()
        stream.parts.clear()

    def _enter(self, stream: Stream, metric: Any) -> None:
        number = self._signal(stream.subject, metric.name, of.unit(metric))
        known = Metric(metric.name, metric.datatype, number)
        stream.by_name[metric.name] = known
        if metric.HasField("alias"):
            stream.by_alias[metric.alias] = known

    def data(self, stream: Stream, verb: str, payload: Any, now: int, *, doubtful: bool = False) -> bool:
        """Take the values of a DATA message; False where it holds what the birth did not tell.

        Where a birth may be missing (doubtful), what only an alias names is uncertain.
        """
        whole = True
        default = stamp(payload, now)
        history: list[int] = []
        for metric in payload.metrics:
            known = stream.by_name.get(metric.name) if metric.name else stream.by_alias.get(metric.alias)
            if control(metric.name):
                continue
            self.find(stream.subject, conformance.of_data(verb, metric, known.datatype if known else None))
            if known is None:
                whole = False
                known = self._stranger(stream, metric)
            if known is not None:
                quality = UNCERTAIN if doubtful and not metric.name else GOOD
                kept = self._one(stream, metric, known, default, quality)
                if kept and metric.is_historical and at(metric, default) < now + _AHEAD:
                    history.append(at(metric, default))
        if history:
            self._history(stream, history)
        return whole

    def _stranger(self, stream: Stream, metric: Any) -> Metric | None:
        """A metric that no birth told: kept where it says name and type itself."""
        if metric.name and metric.datatype:
            return Metric(metric.name, metric.datatype, self._signal(stream.subject, metric.name, of.unit(metric)))
        self.refuse("SY616", metric.name or f"alias {metric.alias}", stream.subject)
        return None

    def _history(self, stream: Stream, history: list[int]) -> None:
        start, end = min(history), max(history)
        if stream.told and stream.told <= start:
            start = stream.told  # told in order: between two messages nothing happened
        stream.told = max(end, stream.told)
        self.say(Heard(stream.subject, start, end))

    def _one(self, stream: Stream, metric: Any, known: Metric, default: int, quality: int) -> bool:
        """Take one value; False where it is refused."""
        when = at(metric, default)
        try:
            _check(when)
            quality = max(quality, _quality(metric))
            value, text = (math.nan, None) if metric.is_null else of.told(metric, known.datatype)
            self._add(known.signal, when, value, text, quality)
            if metric.WhichOneof("value") == "template_value":
                self._members(stream, metric.template_value, known.name, when, quality)
        except (of.Unfit, UnicodeDecodeError) as error:
            self.refuse("SY618", f"{known.name}: {error}", stream.subject)
            return False
        return True

    def _members(self, stream: Stream, template: Any, name: str, when: int, quality: int) -> None:
        for member in template.metrics:
            inner, moment = f"{name}/{member.name}", at(member, when)
            try:
                _check(moment)
                value, text = (math.nan, None) if member.is_null else of.told(member, member.datatype)
            except of.Unfit as error:
                self.refuse("SY618", f"{inner}: {error}", stream.subject)
                continue
            signal = self._signal(stream.subject, inner, of.unit(member))
            stream.parts.add(signal)
            self._add(signal, moment, value, text, quality)
            if member.WhichOneof("value") == "template_value":
                self._members(stream, member.template_value, inner, when, quality)

    def _add(self, signal: int, when: int, value: float, text: str | None, quality: int) -> None:
        rows = self._rows
        rows.signals.append(signal)
        rows.at.append(when)
        rows.value.append(value)
        rows.text.append(text)
        rows.quality.append(quality if text is not None or value == value or quality > BAD else BAD)  # noqa: PLR0124  - NaN


def _quality(metric: Any) -> int:
    if metric.is_historical:
        return HISTORICAL
    return of.quality(metric) if metric.HasField("properties") else GOOD


def _check(when: int) -> None:
    if not 0 < when < _LATEST * 1000:
        raise of.Unfit(f"time {when}")


def control(name: str) -> bool:
    """Whether a metric speaks to the protocol, not of the machine."""
    return name == conformance.BDSEQ or name.startswith(("Node Control/", "Device Control/"))


def _definition(metric: Any) -> bool:
    return metric.WhichOneof("value") == "template_value" and bool(metric.template_value.is_definition)


def stamp(payload: Any, now: int) -> int:
    """The time of a payload in µs UTC; ours where it has none."""
    told: int = payload.timestamp
    return told * 1000 if told else now


def at(metric: Any, default: int) -> int:
    told: int = metric.timestamp
    return told * 1000 if told else default
