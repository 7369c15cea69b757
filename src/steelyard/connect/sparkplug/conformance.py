"""What a peer does against the specification: found in births, data and deaths, recorded, never fatal.

Each finding names the assertion of Sparkplug B 3.0 that is broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from steelyard.connect.sparkplug import values as of

REBIRTH = "Node Control/Rebirth"
BDSEQ = "bdSeq"
Found = tuple[str, str]
"""Code of the finding, and the assertion with what was seen."""


def of_flags(verb: str, flags: int) -> Iterator[Found]:
    """QoS and retain of a message: only a death of a node may come with QoS 1."""
    kind = f"topics-{verb.lower()}-mqtt" if verb == "DDEATH" else f"payloads-{verb.lower()}"
    if flags & 1:
        yield "SY625", "payloads-ndeath-will-message-retain" if verb == "NDEATH" else _flag(kind, "retain")
    if flags & 6 and verb != "NDEATH":
        yield "SY625", _flag(kind, "qos")


def _flag(kind: str, which: str) -> str:
    return kind if kind.endswith("-mqtt") else f"{kind}-{which}"


def of_topic(verb: str, levels: int) -> Iterator[Found]:
    """Node messages have four levels, device messages five."""
    if levels != (4 if verb[0] == "N" else 5):
        rule = "non-associated" if verb[0] == "N" else "associated"
        yield "SY626", f"topic-structure-namespace-device-id-{rule}-message-types"


def of_header(verb: str, payload: Any) -> Iterator[Found]:
    """Sequence and time of a message."""
    kind = verb.lower()
    if verb == "NDEATH":
        if payload.HasField("seq"):
            yield "SY622", "payloads-ndeath-seq"
        return
    if not payload.HasField("seq"):
        yield "SY622", f"payloads-{kind}-seq"
    elif payload.seq > 255:
        yield "SY622", "payloads-sequence-num-incrementing"
    elif verb == "NBIRTH" and payload.seq:
        yield "SY622", "topics-nbirth-seq-num"
    if not payload.timestamp:
        yield "SY623", f"payloads-{kind}-timestamp"


def of_birth(verb: str, payload: Any) -> Iterator[Found]:
    """Names, types, aliases, times and values of a birth's metrics."""
    metrics = payload.metrics
    for metric in metrics:
        yield from _metric(metric, verb)
    aliases = Counter(metric.alias for metric in metrics if metric.HasField("alias"))
    if aliases and max(aliases.values()) > 1:
        yield "SY624", f"payloads-alias-uniqueness {max(aliases, key=lambda one: aliases[one])}"
    own = {metric.name for metric in metrics if not metric.HasField("alias")} - {BDSEQ, REBIRTH}
    if aliases and own:
        yield "SY624", f"payloads-alias-birth-requirement {min(own)}"
    if verb == "NBIRTH":
        yield from _control(payload)


def _metric(metric: Any, verb: str) -> Iterator[Found]:
    name = metric.name
    if not name:
        yield "SY624", f"payloads-name-requirement alias {metric.alias}"
    if not metric.HasField("datatype"):
        yield "SY624", f"payloads-metric-datatype-req {name}"
    elif not 0 < metric.datatype < len(of.NAMES):
        yield "SY624", f"payloads-metric-datatype-value {name}"
    if not metric.timestamp:
        yield "SY623", f"payloads-name-birth-data-requirement {name}"
    field = metric.WhichOneof("value")
    if metric.is_null and field:
        yield "SY624", f"operational-behavior-data-publish-{verb.lower()}-values {name}"
    yield from of_parts(metric, verb, field)


def of_parts(metric: Any, verb: str, field: str | None) -> Iterator[Found]:
    """Properties, DataSets and Templates of a metric."""
    if metric.HasField("properties"):
        yield from _properties(metric)
    if field == "dataset_value":
        yield from _dataset(metric.dataset_value, metric.name)
    elif field == "template_value":
        yield from _template(metric.template_value, metric.name, verb)


def _properties(metric: Any) -> Iterator[Found]:
    keys, found = metric.properties.keys, metric.properties.values
    if len(keys) != len(found):
        yield "SY628", f"payloads-propertyset-keys-array-size {metric.name}"
    for key, value in zip(keys, found, strict=False):
        if not value.HasField("type"):
            yield "SY628", f"payloads-metric-propertyvalue-type-req {metric.name}"
        if key.lower() == "quality":
            if value.type != of.INT32:
                yield "SY628", f"payloads-propertyset-quality-value-type {metric.name}"
            if value.int_value not in of.QUALITY:
                yield "SY628", f"payloads-propertyset-quality-value-value {metric.name}"


def _dataset(data: Any, name: str) -> Iterator[Found]:
    if not data.types:
        yield "SY628", f"payloads-dataset-parameter-type-req {name}"
    if len(data.columns) != len(data.types):
        yield "SY628", f"payloads-dataset-types-num {name}"
    if data.num_of_columns != len(data.columns):
        yield "SY628", f"payloads-dataset-column-size {name}"
    if any(kind not in of.BASIC for kind in data.types):
        yield "SY628", f"payloads-dataset-types-value {name}"


def _template(data: Any, name: str, verb: str) -> Iterator[Found]:
    if not data.HasField("is_definition"):
        yield "SY628", f"payloads-template-is-definition {name}"
    if data.is_definition and data.template_ref:
        yield "SY628", f"payloads-template-definition-ref {name}"
    if data.is_definition and verb != "NBIRTH":
        yield "SY628", f"payloads-template-definition-nbirth-only {name}"
    if not data.is_definition and not data.template_ref:
        yield "SY628", f"payloads-template-instance-ref {name}"
    for one in data.parameters:
        if not one.name:
            yield "SY628", f"payloads-template-parameter-name-required {name}"
        if not one.HasField("type"):
            yield "SY628", f"payloads-template-parameter-type-req {name}"


def _control(payload: Any) -> Iterator[Found]:
    """What only the birth of a node must hold: its death's number, and the way to ask for births."""
    own = {metric.name: metric for metric in payload.metrics if metric.name in (BDSEQ, REBIRTH)}
    if BDSEQ not in own:
        yield "SY621", "payloads-nbirth-bdseq"
    elif own[BDSEQ].datatype != of.INT64:
        yield "SY621", f"message-flow-edge-node-birth-publish-nbirth-payload-bdSeq {of.type_name(own[BDSEQ].datatype)}"
    if REBIRTH not in own:
        yield "SY620", "payloads-nbirth-rebirth-req"
        return
    asked = own[REBIRTH]
    if asked.datatype != of.BOOLEAN:
        yield "SY620", "operational-behavior-data-commands-rebirth-datatype"
    if asked.boolean_value:
        yield "SY620", "operational-behavior-data-commands-rebirth-value"
    if asked.HasField("alias"):
        yield "SY620", "operational-behavior-data-commands-rebirth-name-aliases"
    defined = {
        m.name for m in payload.metrics if m.WhichOneof("value") == "template_value" and m.template_value.is_definition
    }
    used = {m.template_value.template_ref for m in payload.metrics if m.WhichOneof("value") == "template_value"} - {""}
    if used - defined:
        yield "SY628", f"payloads-template-definition-nbirth {min(used - defined)}"


def of_data(verb: str, metric: Any, datatype: int | None) -> Iterator[Found]:
    """A metric of a DATA message, against what its birth told (None: nothing)."""
    if datatype is None:
        yield "SY627", f"operational-behavior-data-publish-{verb[0].lower()}birth {metric.name}"
    elif metric.HasField("datatype") and metric.datatype != datatype:
        yield "SY627", f"payloads-metric-datatype-value {metric.name}"
    if metric.HasField("alias") and metric.name:
        yield "SY627", "payloads-alias-data-cmd-requirement"
    if not metric.timestamp:
        yield "SY623", f"payloads-name-birth-data-requirement {metric.name}"
    yield from of_parts(metric, verb, metric.WhichOneof("value"))


def bdseq(payload: Any) -> int | None:
    """The number that joins a birth and a death; None where the payload has none."""
    return next((int(m.long_value or m.int_value) for m in payload.metrics if m.name == BDSEQ), None)
