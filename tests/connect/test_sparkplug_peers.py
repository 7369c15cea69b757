"""What peers do against the specification is found, once, and stops nothing."""

from __future__ import annotations

import pytest
from edge import T0, World, dbirth, ddata, ddeath, metric, nbirth, ndata, ndeath

from steelyard.connect.sparkplug import events
from steelyard.connect.sparkplug.schema import Payload

# -- what peers do against the specification ----------------------------------------------------------------------------


def changed(message, change):
    topic, raw, *flags = message
    payload = Payload.FromString(raw)
    change(payload)
    return (topic, payload.SerializeToString(), *flags)


def birth_with(change):
    return [changed(nbirth(), change)]


def device_with(change):
    return [nbirth(), changed(dbirth(1), change)]


def data_with(change):
    return [nbirth(), changed(ndata(1), change)]


def of(name):
    return lambda payload: next(m for m in payload.metrics if m.name == name)


def drop(name):
    def change(payload):
        kept = [m for m in payload.metrics if m.name != name]
        del payload.metrics[:]
        payload.metrics.extend(kept)

    return change


def dataset(num=1, columns=("a",), types=(3,)):
    def change(payload):
        data = metric(payload, "d", 16, alias=50).dataset_value
        data.num_of_columns = num
        data.columns.extend(columns)
        data.types.extend(types)

    return change


def template(definition=None, ref="", parameter=None):
    def change(payload):
        made = metric(payload, "t", 19, alias=51).template_value
        made.version = "1"
        if definition is not None:
            made.is_definition = definition
        if ref:
            made.template_ref = ref
        if parameter:
            made.parameters.add(**parameter)

    return change


def properties(keys, **value):
    def change(payload):
        made = metric(payload, "p", 10, "double_value", 1.0, alias=52)
        made.properties.keys.extend(keys)
        if value:
            made.properties.values.add(**value)

    return change


def twice(payload):
    metric(payload, "again", 10, "double_value", 1.0, alias=1)


def sets(name, **fields):
    def change(payload):
        for field, value in fields.items():
            setattr(of(name)(payload), field, value)

    return change


def clears(field, name=""):
    return lambda payload: (of(name)(payload) if name else payload).ClearField(field)


BREACHES = [
    ("payloads-nbirth-rebirth-req", birth_with(drop("Node Control/Rebirth"))),
    ("operational-behavior-data-commands-rebirth-datatype", birth_with(sets("Node Control/Rebirth", datatype=3))),
    ("operational-behavior-data-commands-rebirth-value", birth_with(sets("Node Control/Rebirth", boolean_value=True))),
    ("operational-behavior-data-commands-rebirth-name-aliases", birth_with(sets("Node Control/Rebirth", alias=9))),
    ("payloads-nbirth-bdseq", birth_with(drop("bdSeq"))),
    ("message-flow-edge-node-birth-publish-nbirth-payload-bdSeq", birth_with(sets("bdSeq", datatype=8))),
    ("payloads-ndeath-bdseq", [nbirth(), changed(ndeath(), drop("bdSeq"))]),
    ("payloads-ndeath-seq", [nbirth(), changed(ndeath(), lambda p: setattr(p, "seq", 3))]),
    ("payloads-nbirth-seq", birth_with(clears("seq"))),
    ("topics-nbirth-seq-num", [nbirth(seq=4)]),
    ("payloads-sequence-num-incrementing", data_with(lambda p: setattr(p, "seq", 256))),
    ("payloads-dbirth-seq", device_with(clears("seq"))),
    ("payloads-ndata-seq", data_with(clears("seq"))),
    ("payloads-ddata-seq", [nbirth(), dbirth(1), changed(ddata(2, lambda p: None), clears("seq"))]),
    ("payloads-ddeath-seq", [nbirth(), dbirth(1), changed(ddeath(2), clears("seq"))]),
    ("payloads-nbirth-timestamp", birth_with(clears("timestamp"))),
    ("payloads-dbirth-timestamp", device_with(clears("timestamp"))),
    ("payloads-ndata-timestamp", data_with(clears("timestamp"))),
    ("payloads-ddata-timestamp", [nbirth(), dbirth(1), changed(ddata(2, lambda p: None), clears("timestamp"))]),
    ("payloads-ddeath-timestamp", [nbirth(), dbirth(1), changed(ddeath(2), clears("timestamp"))]),
    ("payloads-name-birth-data-requirement", birth_with(clears("timestamp", "x"))),
    ("payloads-name-requirement", birth_with(clears("name", "x"))),
    ("payloads-metric-datatype-req", birth_with(clears("datatype", "x"))),
    ("payloads-metric-datatype-value", birth_with(sets("x", datatype=77))),
    ("payloads-alias-uniqueness", birth_with(twice)),
    ("payloads-alias-birth-requirement", birth_with(lambda p: metric(p, "bare", 10, "double_value", 1.0))),
    ("payloads-alias-data-cmd-requirement", data_with(lambda p: metric(p, "x", None, "double_value", 1.0, alias=1))),
    ("operational-behavior-data-publish-nbirth-values", birth_with(sets("x", is_null=True))),
    ("operational-behavior-data-publish-dbirth-values", device_with(sets("y", is_null=True))),
    ("operational-behavior-data-publish-nbirth", data_with(lambda p: metric(p, "z", 10, "double_value", 1.0))),
    ("operational-behavior-data-publish-dbirth", [nbirth(), dbirth(1), ddata(2, lambda p: metric(p, "z", 10, "double_value", 1.0))]),
    ("payloads-nbirth-retain", [(*nbirth(), 0x31)]), ("payloads-nbirth-qos", [(*nbirth(), 0x32)]),
    ("payloads-dbirth-retain", [nbirth(), (*dbirth(1), 0x31)]), ("payloads-dbirth-qos", [nbirth(), (*dbirth(1), 0x32)]),
    ("payloads-ndata-retain", [nbirth(), (*ndata(1), 0x31)]), ("payloads-ndata-qos", [nbirth(), (*ndata(1), 0x32)]),
    ("payloads-ddata-retain", [nbirth(), dbirth(1), (*ddata(2, lambda p: None), 0x31)]),
    ("payloads-ddata-qos", [nbirth(), dbirth(1), (*ddata(2, lambda p: None), 0x32)]),
    ("topics-ddeath-mqtt", [nbirth(), dbirth(1), (*ddeath(2), 0x32)]),
    ("payloads-ndeath-will-message-retain", [nbirth(), (*ndeath()[:2], 0x33)]),
    ("topic-structure-namespace-device-id-associated-message-types", [nbirth(), ("spBv1.0/G/DBIRTH/E", dbirth(1)[1])]),
    ("topic-structure-namespace-device-id-non-associated-message-types", [("spBv1.0/G/NBIRTH/E/D", nbirth()[1])]),
    ("payloads-dataset-types-num", birth_with(dataset(1, ("a",), (3, 3)))),
    ("payloads-dataset-parameter-type-req", birth_with(dataset(1, ("a",), ()))),
    ("payloads-dataset-column-size", birth_with(dataset(3))),
    ("payloads-dataset-types-value", birth_with(dataset(1, ("a",), (17,)))),
    ("payloads-template-is-definition", birth_with(template(None, "T"))),
    ("payloads-template-definition-ref", birth_with(template(True, "T"))),
    ("payloads-template-definition-nbirth-only", device_with(template(True))),
    ("payloads-template-definition-nbirth", birth_with(template(False, "T"))),
    ("payloads-template-instance-ref", birth_with(template(False))),
    ("payloads-template-parameter-name-required", birth_with(template(True, "", {"type": 12}))),
    ("payloads-template-parameter-type-req", birth_with(template(True, "", {"name": "a"}))),
    ("payloads-propertyset-keys-array-size", birth_with(properties(["a", "b"], type=3, int_value=1))),
    ("payloads-metric-propertyvalue-type-req", birth_with(properties(["a"], int_value=1))),
    ("payloads-propertyset-quality-value-type", birth_with(properties(["Quality"], type=12, int_value=192))),
    ("payloads-propertyset-quality-value-value", birth_with(properties(["Quality"], type=3, int_value=5))),
]  # fmt: skip


@pytest.mark.parametrize(("assertion", "sent"), BREACHES, ids=[name for name, _ in BREACHES])
def test_what_a_peer_breaks_is_found_and_what_follows_is_read(assertion, sent):
    world = World().take(*sent)
    assert assertion in world.found()
    world.take(nbirth(at=T0 + 5, bdseq=9), ndata(1, 42.0))
    assert world.values("x")[-1] == 42.0


def test_a_peer_that_keeps_to_the_specification_is_not_found_at_fault():
    world = World().take(
        nbirth(), dbirth(1), ndata(2), ddata(3, lambda p: metric(p, None, None, "double_value", 1.0, alias=7))
    )
    world.take(ddeath(4), ndeath())
    assert world.found() == set()


def test_findings_are_told_once_each_kind():
    world = World().take(nbirth(control=False)).take(nbirth(control=False, at=T0 + 1, bdseq=1))
    assert (
        sorted(e.text for e in world.of(events.Finding)) == ["payloads-nbirth-bdseq", "payloads-nbirth-rebirth-req"][1:]
    )


def test_a_gap_is_a_finding():
    world = World().take(nbirth(), ndata(3)).tick(5)
    assert [e.code for e in world.of(events.Finding)] == ["SY629"]


def test_the_reorder_time_can_be_set():
    assert World(reorder=9).take(nbirth(), ndata(3)).tick(8).of(events.Rebirth) == []
    assert World(reorder=9).take(nbirth(), ndata(3)).tick(9).of(events.Rebirth) != []


def test_devices_of_one_name_under_two_nodes_are_two():
    other = [(topic.replace("/E", "/F"), raw) for topic, raw in (nbirth(), dbirth(1))]
    world = World().take(nbirth(), dbirth(1), *other)
    assert {e.subject for e in world.of(events.Online)} == {"G/E", "G/E/D", "G/F", "G/F/D"}


def test_payloads_that_are_none_are_refused_and_counted():
    world = World().take(("spBv1.0/G/NBIRTH/E", b"\xff\xff"), ("spBv1.0/G/NDATA/E", b"{}"))
    assert [r.code for r in world.of(events.Refused)] == ["SY615", "SY615"]
