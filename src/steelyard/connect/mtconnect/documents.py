"""The documents of an agent: devices, streams, assets, errors. Of any version: names count, their namespaces do not.

The only file that parses XML. Nothing outside the document is fetched, no entity is expanded, a DTD is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from steelyard.connect.mtconnect.meanings import unit_of

ASSET_BYTES = 64 * 1024
UNAVAILABLE = "UNAVAILABLE"
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_DECLARED = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WORST_FIRST = ("FAULT", "WARNING")
_LEVELS = {"NORMAL", UNAVAILABLE, *_WORST_FIRST}


class DocumentError(ValueError):
    """Not a document that is read: no XML, or one with a DTD."""


@dataclass(frozen=True)
class Item:
    """A data item: whose it is, what it is called there, and what the probe says of it. ``rate`` in Hz, 0 if not said."""

    subject: str
    signal: str
    unit: str = ""
    type: str = ""
    sub_type: str = ""
    category: str = ""
    rate: float = 0.0


@dataclass
class Devices:
    """What a probe tells: items by id, subjects by the device's uuid (in the order of the document)."""

    items: dict[str, Item] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """``instance`` of the agent's run; ``first`` sequence in its buffer, ``next`` to come; -1 where not said."""

    instance: str
    first: int
    next: int


@dataclass
class Observations:
    """Columns, in the order of sequence: item, stamp as said, µs before it, number (NaN: none), text, whether bad.

    ``count`` is how many observations they are: a time series is one. ``unknown``: the probe
    does not name all items. ``assets_changed``: an event says so.
    """

    items: list[Item] = field(default_factory=list)
    stamps: list[str] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    bad: list[bool] = field(default_factory=list)
    count: int = 0
    unknown: bool = False
    assets_changed: bool = False

    def add(
        self, item: Item, stamp: str, value: float, text: str | None, *, bad: bool = False, before: int = 0
    ) -> None:
        """One value."""
        self.items.append(item)
        self.stamps.append(stamp)
        self.before.append(before)
        self.values.append(value)
        self.texts.append(text)
        self.bad.append(bad)


@dataclass(frozen=True)
class Asset:
    """An asset as JSON text."""

    id: str
    device: str
    stamp: str
    text: str


def parse(data: bytes) -> Any:
    """The root element; raises DocumentError."""
    if b"\0" in data[:64] or _DECLARED.search(data):  # nor in an encoding in which the pattern would not show
        raise DocumentError("it has a DTD, or is no UTF-8")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
                             attribute_defaults=False, remove_comments=True, remove_pis=True)  # fmt: skip
    try:
        root = etree.fromstring(data.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DocumentError(" ".join(str(error).split())) from None
    if root.getroottree().docinfo.doctype:
        raise DocumentError("it has a DTD")
    if not local(root).startswith("MTConnect"):
        raise DocumentError(f"it is no document of MTConnect, but {local(root)}")
    return root


def local(element: Any) -> str:
    """An element's name without its namespace; empty for what is no element (an entity that is not expanded)."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def errors(root: Any) -> list[tuple[str, str]]:
    """Codes and texts of an error document, of whichever version; empty if it is none."""
    if local(root) != "MTConnectError":
        return []
    said = [e for e in root.iter("{*}*") if e.get("errorCode")]
    return [(e.get("errorCode"), " ".join("".join(e.itertext()).split())) for e in said] or [("UNKNOWN", "")]


def devices(root: Any) -> Devices:
    """What a probe says. A name that two items of a device share names neither: their ids do."""
    found = Devices()
    for holder in root.iter("{*}Devices"):
        for device in holder.iterchildren("{*}*"):
            name, uuid = device.get("name") or "", device.get("uuid") or ""
            taken = name in found.subjects.values()
            subject = uuid if taken or not name else name
            subject = subject or device.get("id") or "device"
            found.subjects[uuid or subject] = subject
            _items(device, subject, found.items)
    return found


def _items(device: Any, subject: str, items: dict[str, Item]) -> None:
    said = list(device.iter("{*}DataItem"))
    names: dict[str, int] = {}
    for item in said:
        names[item.get("name") or ""] = names.get(item.get("name") or "", 0) + 1
    for item in said:
        name, key = item.get("name") or "", item.get("id") or ""
        items[key] = Item(
            subject, name if name and names[name] == 1 else key, unit_of(item.get("units") or ""),
            item.get("type") or "", item.get("subType") or "", (item.get("category") or "").upper(),
            _double(item.get("sampleRate")),
        )  # fmt: skip


def header(root: Any) -> Header:
    """What the header says; the sequence to come follows from the observations where an agent does not say it."""
    said: Mapping[str, str] = next((dict(e.attrib) for e in root.iterchildren("{*}Header")), {})
    return Header(said.get("instanceId", ""), _whole(said.get("firstSequence")), _whole(said.get("nextSequence")))


def last_sequence(root: Any) -> int:
    """The highest sequence of a streams document; -1 when it has none."""
    return max((_whole(e.get("sequence")) for e in _told(root)), default=-1)


def _told(root: Any) -> Iterator[Any]:
    return (e for e in root.iter("{*}*") if e.get("dataItemId"))


def observations(root: Any, known: Devices, since: int = -1) -> Observations:
    """The observations of a streams document from a sequence on; items that the probe does not name keep the stream's names."""
    rows = []
    for stream in root.iter("{*}DeviceStream"):
        for element in stream.iter("{*}*"):
            key = element.get("dataItemId")
            sequence = _whole(element.get("sequence")) if key else -1
            if key and not 0 <= sequence < since:
                rows.append((sequence, element, _item(key, element, stream, known)))
    rows.sort(key=lambda row: row[0])
    found = Observations(count=len(rows), unknown=any(e.get("dataItemId") not in known.items for _, e, _ in rows))
    worst = _together(rows)
    for _, element, item in rows:
        _observe(element, item, worst, found)
    return found


def _item(key: str, element: Any, stream: Any, known: Devices) -> Item:
    item = known.items.get(key)
    if item:
        return item
    uuid = stream.get("uuid") or ""
    subject = known.subjects.get(uuid) or stream.get("name") or uuid or "device"
    category = {"Samples": "SAMPLE", "Condition": "CONDITION"}.get(local(element.getparent()), "EVENT")
    kind = element.get("type") or local(element)
    return Item(subject, element.get("name") or key, "", kind, element.get("subType") or "", category)


def _together(rows: list[tuple[int, Any, Item]]) -> dict[tuple[str, str, str], str]:
    """Warnings and faults of one item at one instant share a key of the lake: they are told in one text, worst first."""
    active: dict[tuple[str, str, str], dict[str, str]] = {}
    for _, element, item in rows:
        if _is_condition(element) and local(element).upper() in _WORST_FIRST:
            key = (item.subject, item.signal, element.get("timestamp") or "")
            active.setdefault(key, {})[element.get("conditionId") or element.get("nativeCode") or ""] = _condition(
                element
            )
    several = {key: list(texts.values()) for key, texts in active.items() if len(texts) > 1}
    return {key: "\n".join(sorted(texts, key=_rank)) for key, texts in several.items()}


def _rank(text: str) -> int:
    return _WORST_FIRST.index(text.split("|", 1)[0].upper())


def _is_condition(element: Any) -> bool:
    return local(element.getparent()) in ("Condition", "Conditions")


def _condition(element: Any) -> str:
    """As an adapter writes it: LEVEL|native code|severity|qualifier|message. Some agents write the level for the message."""
    level, message = local(element), (element.text or "").strip()
    if level.upper() not in _LEVELS:
        level, message = message, ""
    said = (element.get(name) or "" for name in ("nativeCode", "nativeSeverity", "qualifier"))
    return "|".join([level, *said, message])


def _observe(element: Any, item: Item, worst: Mapping[tuple[str, str, str], str], found: Observations) -> None:
    stamp, text, name = element.get("timestamp") or "", (element.text or "").strip(), local(element)
    if _is_condition(element):
        text = _condition(element)
        if name.upper() in _WORST_FIRST:
            text = worst.get((item.subject, item.signal, stamp)) or text
        found.add(item, stamp, math.nan, text, bad=text.upper().startswith(UNAVAILABLE + "|"))
    elif text.upper() == UNAVAILABLE:
        found.add(item, stamp, math.nan, UNAVAILABLE, bad=True)
    elif name.endswith(("DataSet", "Table")):
        found.add(item, stamp, math.nan, json.dumps(_entries(element), ensure_ascii=False))
    elif element.get("sampleCount") is not None and name.endswith("TimeSeries"):
        _series(element, item, stamp, text, found)
    else:
        _plain(element, item, stamp, text, found)
    found.assets_changed |= name in ("AssetChanged", "AssetRemoved") and text.upper() != UNAVAILABLE


def _plain(element: Any, item: Item, stamp: str, text: str, found: Observations) -> None:
    """A sample's number speaks for itself; an event keeps its text too, since 007 is no number but a name."""
    value = _double(text, math.nan)
    code = element.get("nativeCode")
    if code:
        text, value = f"{code}|{text}", math.nan
    keeps = math.isnan(value) or item.category != "SAMPLE"
    found.add(item, stamp, value, text if keeps else None)


def _series(element: Any, item: Item, stamp: str, text: str, found: Observations) -> None:
    """The stamp is that of the last value; the others lie before it at the sample rate. Without a rate it stays a text."""
    rate = _double(element.get("sampleRate")) or item.rate
    values = [_double(part, math.nan) for part in text.split()]
    if rate <= 0:
        found.add(item, stamp, math.nan, text)
        return
    for n, value in enumerate(values):
        before = round((len(values) - 1 - n) / rate * 1e6)
        found.add(item, stamp, value, None, bad=math.isnan(value), before=before)


def _entries(element: Any) -> dict[str, Any]:
    """The entries of a data set, the rows of a table; one that was removed is null."""
    return {entry.get("key") or "": _entry(entry) for entry in element.iterchildren("{*}Entry")}


def _entry(entry: Any) -> Any:
    if (entry.get("removed") or "").lower() == "true":
        return None
    cells = {cell.get("key") or "": _cell(cell) for cell in entry.iterchildren("{*}Cell")}
    return cells or _cell(entry)


def _cell(element: Any) -> Any:
    text = (element.text or "").strip()
    value = _double(text, math.nan)
    return text if math.isnan(value) or (text[:2].isdigit() and text[0] == "0") else value


def assets(root: Any) -> list[Asset]:
    """The assets of an assets document."""
    found = []
    for holder in root.iter("{*}Assets"):
        for asset in holder.iterchildren("{*}*"):
            key = asset.get("assetId") or ""
            text = json.dumps(_tree(asset), ensure_ascii=False)
            found.append(Asset(key, asset.get("deviceUuid") or "", asset.get("timestamp") or "", text))
    return found


def _tree(element: Any) -> dict[str, Any]:
    """An element as JSON: its name, its attributes, its text, its parts."""
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    text = (element.text or "").strip()
    parts = [_tree(part) for part in element.iterchildren("{*}*")]
    said = {"name": local(element), "attributes": attributes, "text": text, "parts": parts}
    return {name: value for name, value in said.items() if value}


def _double(text: str | None, otherwise: float = 0.0) -> float:
    if text is None or not _NUMBER.fullmatch(text):
        return otherwise
    value = float(text)
    return value if math.isfinite(value) else otherwise


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else -1
