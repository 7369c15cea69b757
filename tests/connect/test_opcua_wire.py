"""What is read by arrays equals what the general decoder reads one by one; and bytes that are cut off are an error, not a value."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("asyncua", reason="no asyncua: pip install steelyard[opcua]")

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import to_binary

from steelyard.connect.opcua.columns import Rows, joined, micros, qualities
from steelyard.connect.opcua.settings import Wanted
from steelyard.connect.opcua.values import Reader
from steelyard.connect.opcua.wire import read_items, read_published

V = ua.VariantType
WHOLE = {V.SByte: (-128, 127), V.Byte: (0, 255), V.Int16: (-(2**15), 2**15 - 1), V.UInt16: (0, 2**16 - 1), V.Int32: (-(2**31), 2**31 - 1),
         V.UInt32: (0, 2**32 - 1), V.Int64: (-(2**63), 2**63 - 1), V.UInt64: (0, 2**64 - 1)}  # fmt: skip
MOMENTS = st.integers(0, 4 * 10**15).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
VARIANTS = st.one_of(
    *(st.integers(low, high).map(lambda n, kind=kind: ua.Variant(n, kind)) for kind, (low, high) in WHOLE.items()),
    st.floats(allow_nan=False).map(lambda x: ua.Variant(x, V.Double)),
    st.floats(width=32, allow_nan=False).map(lambda x: ua.Variant(x, V.Float)),
    st.booleans().map(lambda b: ua.Variant(b, V.Boolean)),
    st.text(max_size=5).map(lambda text: ua.Variant(text, V.String)),
    st.lists(st.integers(0, 9), max_size=3).map(lambda some: ua.Variant(some, V.Int32, is_array=True)),
    MOMENTS.map(lambda at: ua.Variant(at, V.DateTime)),
)
STATUS = st.sampled_from([0, 0, 0, 0x40000000, 0x80310000, 0x480])
ONE = st.builds(lambda *parts: parts, VARIANTS, STATUS, st.none() | MOMENTS, st.none() | MOMENTS, st.integers(1, 20))


def refused(handle, value):
    raise AssertionError(value)


def reader():
    return Reader(1000, refused, lambda kind, body: None)


def on_the_wire(ones):
    """Each value as often as it says, as the server writes it."""
    values = [ua.DataValue(v, ua.StatusCode(s), a, b) for v, s, a, b, times in ones for _ in range(times)]
    body = b"".join(struct.pack("<I", n) + to_binary(ua.DataValue, value) for n, value in enumerate(values))
    return values, body + b"\xff\xff\xff\xff"


@settings(max_examples=150, deadline=None)
@given(st.lists(ONE, min_size=1, max_size=12))
def test_values_read_by_arrays_equal_those_read_one_by_one(ones):
    values, body = on_the_wire(ones)
    parts, end = read_items(body, 0, len(values), reader().odd)
    assert end == len(body) - 4
    got = joined(parts)
    one_by_one = Rows()
    for handle, value in enumerate(values):
        reader().odd(handle, value, one_by_one)
    assert got.handle.tolist() == one_by_one.handle
    assert got.at.tolist() == one_by_one.at
    assert got.status.tolist() == one_by_one.status
    assert (got.text or [None] * len(values)) == one_by_one.text
    assert [x for x in got.value.tolist() if not math.isnan(x)] == [x for x in one_by_one.value if not math.isnan(x)]
    assert [math.isnan(x) for x in got.value.tolist()] == [math.isnan(x) for x in one_by_one.value]


@settings(max_examples=60, deadline=None)
@given(st.lists(ONE, min_size=1, max_size=4), st.data())
def test_bytes_that_are_cut_off_are_an_error(ones, data):
    values, body = on_the_wire(ones)
    cut = data.draw(st.integers(0, len(body) - 5))
    with pytest.raises((ua.UaError, struct.error, IndexError, ValueError)):
        read_items(body[:cut], 0, len(values), reader().odd)


def test_picoseconds_stand_behind_the_time_that_they_belong_to():
    """OPC 10000-6, 5.2.2.17: source time, its picoseconds, server time, its picoseconds."""
    second = 116_444_736_010_000_000
    for count in (1, 20):
        one = struct.pack("<BBdqHqH", 0x3D, 11, 2.5, second, 7, second + 10, 9)
        body = b"".join(struct.pack("<I", n) + one for n in range(count)) + b"\xff" * 4
        parts, end = read_items(body, 0, count, reader().odd)
        assert end == len(body) - 4
        assert joined(parts).at.tolist() == [1_000_000] * count
        assert joined(parts).value.tolist() == [2.5] * count


def test_the_recorded_publish_response_gives_the_values_that_its_server_had():
    """Recorded from our simulated station: eleven values of press-7, numbers and texts."""
    body = bytes.fromhex("".join((files("steelyard.connect.opcua") / "sample" / "publish.hex").read_text().split()))
    told = read_published(Buffer(body), reader().odd)
    got = joined(told.parts)
    assert not told.ended
    assert got.at.tolist() == [1772352000250000] * 11
    assert got.value[~np.isnan(got.value)].tolist() == [1200, 20, 1180, 61.5, 1.25]
    assert [text for text in got.text if text] == ["Execute", "Production", "Executing", "Processing", "A-7"]
    assert qualities(got.status) is None


def test_a_time_that_is_not_said_is_none():
    assert micros(0) == 0
    assert micros(-1) == 0
    assert micros(116_444_736_000_000_000 + 15) == 1


@pytest.mark.parametrize(("text", "steps"), [
    ("/Line/Press", [("", "Line"), ("", "Press")]),
    ("/{http://x.org/UA/}A&/B/C&&", [("http://x.org/UA/", "A/B"), ("", "C&")]),
])  # fmt: skip
def test_a_browse_path_is_read_by_its_steps(text, steps):
    assert Wanted(text).steps() == steps
