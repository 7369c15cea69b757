"""What a bundle may be made of to do harm: it refuses itself by name, and the others of its batch are kept."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from inspect import signature

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.evidence import lots
from steelyard.evidence.canonical import digest
from steelyard.evidence.parts import METHODS, ZSTD, read_table, table_bytes
from steelyard.evidence.record import figure_digests
from steelyard.examples import homes
from steelyard.model.period import Period, parse
from steelyard.share import make_offer, pack, receive_many, unkept
from steelyard.share.attend import turn
from steelyard.share.listening import standing
from steelyard.share.pack import bundle_bytes
from steelyard.store.ledger import methods
from steelyard.trace.verify import verify

MONTH = "2026-09"


@pytest.fixture
def altered(province, monkeypatch):
    """The next bundle of a firm, well signed, with some of what goes into it altered."""

    def made(firm: int, **changes) -> bytes:
        def instead(*given):
            named = zip(signature(bundle_bytes).parameters, given, strict=True)
            return bundle_bytes(*(changes[name](value) if name in changes else value for name, value in named))

        with monkeypatch.context() as patch:
            patch.setattr(homes, "bundle_bytes", instead)
            return province.bundle(firm, MONTH)

    return made


def boxed(header: str, *, offset: int | None = None) -> bytes:
    """A container with a header that nobody signed; its first entry said to lie at an offset."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        box.writestr("bundle.json", header)
        box.writestr("bundle.sig", b"0" * 64)
        if offset is not None:
            box.infolist()[0].header_offset = offset
    return out.getvalue()


def with_figures(**fields):
    """Figures of which one says something else, with the digests that belong to that."""

    def changed(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[1] |= fields
        columns = {name: [row[name] for row in rows] for name in table.schema.names}
        columns["flags"] = [tuple(flags) for flags in columns["flags"]]
        return pa.table(columns | {"digest": list(figure_digests(columns))}, schema=table.schema)

    return changed


def broken_text(subjects: pa.Table) -> pa.Table:
    at = subjects.schema.get_field_index("name_zh")
    return subjects.set_column(at, "name_zh", pa.array([b"\xff\xfe"]).view(pa.string()))


def test_whatever_a_malformed_bundle_is_made_of_it_refuses_only_itself(province, altered):
    home = province.home
    province.trust(6)
    header = {"provider": {"id": "x"}, "offer": {"id": "y"}, "signer": "00", "number": -1e300}
    found = [
        ("huge", boxed(json.dumps(header))),
        ("deep", boxed('{"signer":' + "[" * 700 + "]" * 700 + "}")),
        ("far", boxed("{}", offset=2**64 - 1)),
        ("name\udcff", b"no bundle"),
        ("text", altered(0, subjects=broken_text)),
        ("purpose", altered(1, offer=lambda offer: replace(offer, purpose=7))),
        ("smallest", altered(2, offer=lambda offer: replace(offer, smallest="3"))),
        ("subjects", altered(3, offer=lambda offer: replace(offer, subjects=(7,)))),
        ("measures", altered(4, offer=lambda offer: replace(offer, measures="*"))),
        ("good", province.bundle(5, MONTH)),
    ]
    *refused, good = receive_many(home, found)
    assert [one.code for one in refused if isinstance(one, InputError)] == [
        "SY405", "SY405", "SY401", "SY401", "SY408", "SY405", "SY405", "SY405", "SY405"]  # fmt: skip
    assert good.figures == 4
    assert len(unkept.not_kept(home.ledger)) == 9
    assert verify(home).holds


def stream(
    table: pa.Table, *, blocks: int = 1, compression: str | None = None, said: dict[str, str] | None = None
) -> bytes:
    out = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        compression=compression, metadata_version=pa.ipc.MetadataVersion.V4 if said else pa.ipc.MetadataVersion.V5
    )
    with pa.ipc.new_stream(out, table.schema, options=options) as written:
        for _ in range(blocks):
            for block in table.combine_chunks().to_batches():
                written.write_batch(block, custom_metadata=said)
    return out.getvalue().to_pybytes()


ONE = pa.table([[bytes(32)], ["{}"]], schema=METHODS)


@pytest.mark.parametrize("data", [
    stream(METHODS.empty_table())[:8], stream(ONE)[len(stream(METHODS.empty_table())) - 8 :], b"", b"ARROW1", stream(pa.table({"x": [1]})),
    stream(ONE, compression="zstd"),
    stream(ONE, compression="lz4"),
    stream(ONE, said={"ARROW:experimental_compression": "zstd"}),
    stream(ONE, blocks=2),
    pa.compress(stream(pa.table([[bytes(32)], ["a" * 10_000_000]], schema=METHODS)), "zstd", asbytes=True),
    pa.compress(stream(ONE), "zstd", asbytes=True)[:-4],
], ids=["cut", "no_schema", "empty", "word", "columns", "zstd", "lz4", "old_zstd", "blocks", "bomb", "cut_zstd"])  # fmt: skip
def test_a_table_asks_for_no_more_memory_than_its_bytes_tell(data):
    with pytest.raises((ValueError, OSError, pa.ArrowException)) as refused:
        read_table(data, METHODS)
    assert "decompress" not in str(refused.value).lower() or data.startswith(ZSTD)


@given(
    st.lists(st.tuples(st.integers(0, 1 << 12), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_whatever_bytes_are_changed_a_table_is_read_or_refused(changes, packed):
    """Messages of other kinds, lengths that cannot be, offsets beyond the end: nothing else is raised, and nothing crashes."""
    data = bytearray(stream(pa.concat_tables([ONE] * (900 if packed else 3))))
    for at, new in changes:
        data[at % len(data) : at % len(data) + len(new)] = new
    with suppress(ValueError, TypeError, OSError, pa.ArrowException):
        read_table(pa.compress(bytes(data), "zstd", asbytes=True) if packed else bytes(data), METHODS).to_pylist()


def test_a_table_comes_back_as_it_was_packed_or_not():
    for count in (0, 1, 5_000):
        table = pa.table([[number.to_bytes(32) for number in range(count)], ["{}"] * count], schema=METHODS)
        data = table_bytes(table)
        assert read_table(data, METHODS).equals(table)
        assert data.startswith(b"\x28\xb5\x2f\xfd") == (count == 5_000)


def test_what_a_bundle_carries_beyond_its_figures_is_refused_or_left_out(province, altered):
    """A flag that is none; subjects of which no Figure speaks; the text of a method that none names."""
    home = province.home
    province.trust(4)
    known = set(home.ledger.all(methods.select()))
    digest_ = digest({"of": "nothing"})
    found = [
        ("flag", altered(0, figures=with_figures(flags=[None]))),
        ("subjects", altered(1, subjects=lambda table: pa.concat_tables([table] * 9))),
        ("method", altered(2, methods=lambda told: told | {digest_: {"of": "nothing"}})),
        ("good", province.bundle(3, MONTH)),
    ]
    flag, subjects, method, good = receive_many(home, found)
    assert (flag.code, subjects.code) == ("SY408", "SY408")
    assert (method.figures, good.figures) == (4, 4)
    assert digest_ not in {row.digest for row in home.ledger.all(methods.select())}
    assert len(home.ledger.all(methods.select())) == len(known) + 4
    assert verify(home).holds


def test_a_fault_of_the_program_over_one_bundle_refuses_that_one_alone(province, monkeypatch):
    """Whatever the columns of all bundles together stumble over is looked for by halves."""
    province.trust(5)
    found = [(str(i), province.bundle(i, MONTH)) for i in range(5)]
    columns = lots._columns

    def stumbling(figures: pa.Table):
        if province.firms[3].id in figures["subject"].to_pylist():
            raise IndexError("stumbled")
        return columns(figures)

    monkeypatch.setattr(lots, "_columns", stumbling)
    outcomes = receive_many(province.home, found)
    assert [getattr(one, "code", "") for one in outcomes] == ["", "", "", "SY408", ""]
    assert verify(province.home).holds


def test_figures_that_no_home_could_have_weighed_are_refused_and_an_unknown_measure_is_passed_on(province, altered):
    home = province.home
    province.trust(6)
    wrong = [{"among": -2.0}, {"heard": -1.0}, {"grade": "sure"}, {"end": 0}, {"start": -(2**60)}]
    found = [("", altered(firm, figures=with_figures(**fields))) for firm, fields in enumerate(wrong)]
    outcomes = receive_many(home, [*found, ("", altered(5, figures=with_figures(measure="elsewhere/new")))])
    assert [one.code for one in outcomes[:-1]] == ["SY408"] * 5
    assert outcomes[-1].figures == 4
    period = Period(parse("2025", home.zone).start, parse("2028", home.zone).end)
    offer = make_offer(
        home, consumer="*", measures=["*"], subjects=["*"], period=period, until=home.now() + 10**9, purpose="on"
    )
    assert pack(home, offer).figures == 4


def test_a_fault_of_pulling_is_noted_and_pushes_go_on(trusting, ours, monkeypatch):
    works, park = trusting.works, trusting.park
    pack(works, trusting.offer)
    ours.subscribe(works, "park", ours.from_home(park, "https://127.0.0.1:1"))

    def fails(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr("steelyard.share.attend.pull_by", fails)
    with ours.served(park) as url:
        ours.subscribe(works, "park", f"to: {{key: {park.public_key.hex()}, name: park}}\nurl: {url}\n", "deliveries")
        turn(works)
    assert "out of order" in standing(works)["subscriptions/park"].why
    assert park.figures().num_rows > 0
