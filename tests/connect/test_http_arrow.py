"""Arrow streams of strangers are read in full or refused, however they are broken, and never unfold."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pyarrow as pa
import pytest
from arrows import stream

from steelyard.connect.http import arrow, body
from steelyard.errors import InputError


@pytest.mark.parametrize("coding", ["lz4", "zstd"])
def test_arrow_streams_that_could_unfold_are_not_read(coding):
    table = pa.table({"a": np.zeros(100_000)})
    assert arrow.read(stream(table), 100_000, 10) == table
    with pytest.raises(arrow.ArrowError, match="compressed"):
        arrow.read(stream(table, compression=coding), 100_000, 10)
    folded = pa.table({"a": pa.array(["x" * 1000] * 5).dictionary_encode()})
    with pytest.raises(arrow.ArrowError, match="compressed"):
        arrow.read(stream(folded, compression=coding), 100_000, 10)


@pytest.mark.parametrize("column", [
    pa.nulls(10**6), pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array([1])), pa.array([[1]]), pa.array([{"a": 1}]),
])  # fmt: skip
def test_arrow_types_that_take_no_room_or_nest_are_not_read(column):
    with pytest.raises((arrow.ArrowError, OverflowError)):
        arrow.read(stream(pa.table({"a": column})), 100, 10)


def test_a_broken_arrow_stream_is_refused_wherever_it_is_broken():
    whole = stream(pa.table({"a": ["x", "yy", None], "b": [1.5, None, 2.0]}))
    read = 0
    for place in range(len(whole)):
        for change in (0xFF, 0x80, 0x01):
            broken = bytearray(whole)
            broken[place] ^= change
            try:
                table = arrow.read(bytes(broken), 100, 10)
                body._records(table)
                read += 1
            except (arrow.ArrowError, OverflowError, InputError):
                pass
        with suppress(arrow.ArrowError):
            assert arrow.read(whole[:place], 100, 10).num_rows in (0, 3)
    assert read
