"""Values of every Sparkplug type: read exactly, the same by columns as one by one, refused where they do not fit."""

from __future__ import annotations

import base64
import json
import math
import struct

import pytest
from edge import NOW, T0, World, dbirth, ddata, metric, nbirth, ndata
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.connect.sparkplug import columns, events, host, values
from steelyard.connect.sparkplug.schema import Payload

# -- values -----------------------------------------------------------------------------------------------------------

TYPES = [
    (1, "int_value", 2**32 - 5, -5.0, None), (1, "int_value", 251, -5.0, None), (2, "int_value", 2**16 - 2, -2.0, None),
    (3, "int_value", 2**32 - 1, -1.0, None), (4, "long_value", 2**64 - 9, -9.0, None),
    (4, "long_value", 2**53 + 1, float(2**53), str(2**53 + 1)), (4, "long_value", 2**63, -(2.0**63), str(-(2**63))),
    (5, "int_value", 255, 255.0, None), (6, "int_value", 65535, 65535.0, None), (7, "int_value", 2**32 - 1, 2.0**32 - 1, None),
    (8, "long_value", 2**64 - 1, 2.0**64, str(2**64 - 1)), (9, "float_value", 1.5, 1.5, None), (10, "double_value", 0.1, 0.1, None),
    (11, "boolean_value", True, 1.0, None), (12, "string_value", "Execute 执行", None, "Execute 执行"),
    (13, "long_value", T0, float(T0), None), (14, "string_value", "t", None, "t"), (15, "string_value", "u-1", None, "u-1"),
    (17, "bytes_value", b"\0\xff", None, base64.b64encode(b"\0\xff").decode()), (18, "bytes_value", b"f", None, "Zg=="),
    (22, "bytes_value", struct.pack("<2b", -1, 2), None, "[-1,2]"), (23, "bytes_value", struct.pack("<h", -2), None, "[-2]"),
    (24, "bytes_value", struct.pack("<i", -3), None, "[-3]"), (25, "bytes_value", struct.pack("<q", -(2**60)), None, f"[{-(2**60)}]"),
    (26, "bytes_value", b"\xff", None, "[255]"), (27, "bytes_value", struct.pack("<H", 9), None, "[9]"),
    (28, "bytes_value", struct.pack("<I", 9), None, "[9]"), (29, "bytes_value", struct.pack("<Q", 2**64 - 1), None, f"[{2**64 - 1}]"),
    (30, "bytes_value", struct.pack("<f", 1.5), None, "[1.5]"), (31, "bytes_value", struct.pack("<2d", 1.5, math.nan), None, '[1.5,"nan"]'),
    (32, "bytes_value", b"\x0a\0\0\0\x34\x80", None, json.dumps([c == "1" for c in "0011010010"]).replace(" ", "")),
    (33, "bytes_value", b"ab\0c\0", None, '["ab","c"]'), (34, "bytes_value", struct.pack("<q", T0), None, f"[{T0}]"),
]  # fmt: skip


@pytest.mark.parametrize(("datatype", "field", "value", "number", "text"), TYPES)
@pytest.mark.parametrize("pad", [0, 200], ids=["one by one", "by columns"])
def test_every_data_type_is_read_exactly_in_births_and_data(datatype, field, value, number, text, pad):
    world = World().take(nbirth(), dbirth(1, fill=lambda p: metric(p, "v", datatype, field, value, alias=3)))
    data = ddata(2, lambda p: [metric(p, None, None, field, value, alias=3, at=T0 + n) for n in range(1 + pad)])
    world.take(data)
    rows = [r[3:] for r in world.rows if r[1] == "v"]
    assert rows == [(number, text, 0)] * (2 + pad)
    assert world.of(events.Refused) == []


@pytest.mark.parametrize(("datatype", "field", "value"), [
    (10, "string_value", "1.5"), (12, "double_value", 1.0), (17, "bytes_value", b"x" * 60_000), (24, "bytes_value", b"abc"),
    (32, "bytes_value", b"\xff\0\0\0\1"), (33, "bytes_value", b"a"), (12, "string_value", "x" * 70_000), (0, "double_value", 1.0),
])  # fmt: skip
def test_a_value_that_does_not_fit_its_type_is_refused_with_its_reason(datatype, field, value):
    world = World().take(nbirth(), dbirth(1, fill=lambda p: metric(p, "v", datatype, field, value)))
    assert [r.code for r in world.of(events.Refused)] == ["SY618"]
    assert world.values("v", "G/E/D") == []


def test_null_and_quality_are_kept_as_told():
    def fill(payload):
        metric(payload, "null", 10, None, None, is_null=True)
        for code in (0, 192, 500, 7):
            made = metric(payload, f"q{code}", 10, "double_value", 1.0)
            made.properties.keys.append("Quality")
            made.properties.values.add(type=3, int_value=code)

    world = World().take(nbirth(), dbirth(1, fill=fill))
    assert {r[1]: r[3:] for r in world.rows if r[0] == "G/E/D"} == {
        "null": (None, None, 2), "q0": (1.0, None, 2), "q192": (1.0, None, 0), "q500": (1.0, None, 3),
    }  # fmt: skip
    assert [r.value for r in world.of(events.Refused)] == ["q7: quality 7"]
    assert "payloads-propertyset-quality-value-value" in world.found()


def test_units_of_properties_reach_the_signal():
    def fill(payload):
        made = metric(payload, "t", 10, "double_value", 1.0)
        made.properties.keys.append("engUnit")
        made.properties.values.add(type=12, string_value="°C")

    assert ("G/E/D", "t", "°C") in World().take(nbirth(), dbirth(1, fill=fill)).names


def test_datasets_and_templates_are_kept_whole_and_members_as_signals():
    def fill(payload):
        data = metric(payload, "d", 16).dataset_value
        data.num_of_columns = 2
        data.columns.extend(["n", "s"])
        data.types.extend([3, 12])
        row = data.rows.add()
        row.elements.add(int_value=2**32 - 1)
        row.elements.add(string_value="x")
        template = metric(payload, "t", 19).template_value
        template.is_definition, template.template_ref, template.version = False, "Pump", "2"
        template.parameters.add(name="maker", type=12, string_value="M")
        template.metrics.add(name="rpm", datatype=3, int_value=2**32 - 4, timestamp=T0 + 1)
        inner = template.metrics.add(name="in", datatype=19).template_value
        inner.is_definition, inner.template_ref = False, "Seal"
        inner.metrics.add(name="wear", datatype=10, double_value=0.5)

    world = World().take(nbirth(), dbirth(1, fill=fill))
    text = {r[1]: r[4] for r in world.rows if r[4]}
    assert json.loads(text["d"]) == {"columns": ["n", "s"], "types": ["Int32", "String"], "rows": [[-1, "x"]]}
    assert json.loads(text["t"])["parameters"] == {"maker": "M"}
    assert json.loads(text["t"])["members"]["in"]["members"] == {"wear": 0.5}
    assert {r[1]: (r[2], r[3]) for r in world.rows if r[1].startswith("t/") and r[3] is not None} == {
        "t/rpm": (NOW + 1000, -4.0), "t/in/wear": (NOW, 0.5),
    }  # fmt: skip


def test_a_definition_of_a_template_is_no_value():
    def birth():
        payload = Payload.FromString(nbirth()[1])
        template = metric(payload, "Pump", 19).template_value
        template.is_definition = True
        return "spBv1.0/G/NBIRTH/E", payload.SerializeToString()

    assert {r[1] for r in World().take(birth()).rows} == {"x"}


def test_what_a_birth_did_not_tell_is_kept_where_it_says_what_it_is():
    world = World().take(nbirth()).take(ddata(1, lambda p: None))
    payload = Payload(timestamp=T0, seq=2)
    metric(payload, "new", 3, "int_value", 5)
    world.take(("spBv1.0/G/NDATA/E", payload.SerializeToString()))
    assert world.values("new") == [5.0]
    assert "operational-behavior-data-publish-nbirth" in world.found()
    assert world.of(events.Rebirth)


# -- by columns and one by one ------------------------------------------------------------------------------------------

KINDS = {1: "int_value", 3: "int_value", 4: "long_value", 7: "int_value", 8: "long_value", 9: "float_value", 10: "double_value",
         11: "boolean_value", 12: "string_value", 13: "long_value"}  # fmt: skip


def drawn(draw, field):
    if field == "int_value":
        return draw(st.integers(0, 2**32 - 1))
    if field == "long_value":
        return draw(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**54), st.integers(0, 300)))
    if field == "boolean_value":
        return draw(st.booleans())
    if field == "string_value":
        return draw(st.text(max_size=20))
    return draw(st.floats(width=32 if field == "float_value" else 64, allow_nan=False))


@st.composite
def messages_of_one_birth(draw):
    """A birth of metrics of many types, and data that are mostly plain."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    aliases = draw(
        st.lists(
            st.one_of(st.integers(0, 300), st.integers(0, 2**40)), min_size=len(kinds), max_size=len(kinds), unique=True
        )
    )
    birth = Payload(timestamp=T0, seq=0)
    metric(birth, "bdSeq", 4, "long_value", 0)
    for n, (kind, alias) in enumerate(zip(kinds, aliases, strict=True)):
        metric(birth, f"m{n}", kind, KINDS[kind], drawn(draw, KINDS[kind]), alias=alias)
    sent = [("spBv1.0/G/NBIRTH/E", birth.SerializeToString())]
    for seq in range(1, draw(st.integers(2, 12))):
        payload = Payload(timestamp=T0 + seq, seq=seq)
        for _ in range(draw(st.integers(0, 8))):
            n = draw(st.integers(0, len(kinds) - 1))
            odd = draw(st.integers(0, 12))
            made = metric(payload, f"m{n}" if odd == 1 or seq % 3 == 0 else None, kinds[n] if odd == 2 else None,
                          KINDS[kinds[n]], drawn(draw, KINDS[kinds[n]]), None if odd == 3 else T0 + draw(st.integers(0, 10**9)))  # fmt: skip
            if not made.name:
                made.alias = aliases[n] if odd != 4 else aliases[n] + 1
            made.is_historical, made.is_null = odd == 5, odd == 6
            made.is_transient = odd == 7
        sent.append(("spBv1.0/G/NDATA/E", payload.SerializeToString()))
    return sent


@given(messages_of_one_birth())
@settings(deadline=None)
def test_reading_by_columns_gives_the_rows_of_reading_one_by_one(sent):
    whole, single = World(), World()
    whole.take(*sent)
    for message in sent:
        single.take(message)
    few, host.FEW = host.FEW, 0
    try:
        columnar = World().take(*sent)
    finally:
        host.FEW = few
    named = [sorted(map(repr, world.rows)) for world in (whole, single, columnar)]
    assert named[0] == named[1] == named[2]
    refused = [sorted(map(repr, world.of(events.Refused))) for world in (whole, single, columnar)]
    assert refused[0] == refused[1] == refused[2]


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=5), st.data())
def test_no_bytes_make_columns_fail(raws, data):
    world = World().take(nbirth())
    stream = world.host.nodes["G", "E"].streams[""]
    good = ndata(1, 5.0)[1]
    cut = [good[: data.draw(st.integers(0, len(good)))] + raw for raw in raws]
    found = columns.decode(cut, [stream.known] * len(cut), world.host._book.slots)
    assert len(found.odd) == len(cut)


def test_plain_messages_are_not_odd():
    """The fast way is taken at all."""
    world = World().take(nbirth(metrics=[(f"m{n}", n) for n in range(300)]))
    stream = world.host.nodes["G", "E"].streams[""]
    raws = [ndata(1, -1.5, alias=n)[1] for n in range(300)] + [ndata(2, 1.0, name="m7")[1]]
    found = columns.decode(raws, [stream.known] * 301, world.host._book.slots)
    assert found.odd == [False] * 301
    assert found.seq == [1] * 300 + [2]


def test_types_have_their_names():
    assert (values.type_name(34), values.type_name(99)) == ("DateTimeArray", "type 99")
