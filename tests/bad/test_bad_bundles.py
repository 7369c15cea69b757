"""Bundles each broken in one way, with the code of the refusal; nothing at all of a refused bundle is kept."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from hashlib import sha256

import pyarrow as pa
import pytest

from steelyard.errors import InputError, UsageError
from steelyard.evidence import merkle
from steelyard.evidence.canonical import canonical
from steelyard.evidence.parts import METHODS, read_table, table_bytes
from steelyard.evidence.record import RECORD, SCHEMA, figure_digests
from steelyard.evidence.seal import Key
from steelyard.share import make_offer, pack, receive, revoke, trust
from steelyard.trace.verify import verify

HOUR = 3_600_000_000
DAYS = 24 * HOUR


class Case:
    """A works, a park that trusts it, and the bundle that goes wrong between them."""

    def __init__(self, make) -> None:
        self.make = make
        self.works, self.park, self.offer, self.data = make.pair()

    def entries(self) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(self.data)) as box:
            return {info.filename: box.read(info) for info in box.infolist()}

    def header(self) -> dict:
        return json.loads(self.entries()["bundle.json"])

    def signed(
        self,
        header: dict | None = None,
        parts: dict[str, bytes] | None = None,
        key: Key | None = None,
        text: bytes | None = None,
    ):
        """The bundle with another header or other parts, signed anew; by the works' own key unless another is given."""
        entries = self.entries() | (parts or {})
        key = key or self.works.key
        held = {name: data for name, data in entries.items() if not name.startswith("bundle.")}
        document = self.header() | {"signer": key.public.hex(),
                                    "parts": {n: {"bytes": len(d), "sha256": sha256(d).hexdigest()} for n, d in held.items()}} | (header or {})  # fmt: skip
        text = canonical(document) if text is None else text
        return zipped({"bundle.json": text, "bundle.sig": key.sign(text), **held})

    def figures(self, change) -> bytes:
        table = read_table(self.entries()["figures.arrow"], SCHEMA)
        return table_bytes(change(table))

    def methods(self, change) -> bytes:
        """The texts of methods with each changed; its digest stays."""
        table = read_table(self.entries()["methods.arrow"], METHODS)
        texts = [change(text) for text in table["document"].to_pylist()]
        return table_bytes(pa.table([table["digest"].combine_chunks(), texts], schema=METHODS))


def zipped(entries, how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    pairs = entries.items() if isinstance(entries, dict) else entries
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", how) as box:
        warnings.simplefilter("ignore")
        for name, data in pairs:
            box.writestr(name, data)
    return out.getvalue()


def with_value(table: pa.Table, value: float, *, honest: bool) -> pa.Table:
    """One Figure's value changed; an honest liar writes its digest anew."""
    rows = table.to_pylist()
    rows[0] |= {"value": value}
    if honest:
        columns = {name: [row[name] for row in rows] for name in RECORD} | {
            "flags": [tuple(row["flags"]) for row in rows]
        }
        for row, digest in zip(rows, figure_digests(columns), strict=True):
            row["digest"] = digest
    return pa.Table.from_pylist(rows, table.schema)


def flipped(data: bytes, needle: bytes) -> bytes:
    at = data.index(needle) + len(needle) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BROKEN = {}


def broken(code: str):
    def keep(build):
        BROKEN[build.__name__] = (code, build)
        return build

    return keep


@broken("SY401")
def empty(c):
    return b""


@broken("SY401")
def truncated(c):
    return c.data[: len(c.data) // 2]


@broken("SY401")
def last_byte_gone(c):
    return c.data[:-1]


@broken("SY401")
def not_a_zip(c):
    return b"%PDF-1.7 not a bundle" * 50


@broken("SY401")
def compressed_part(c):
    return zipped(c.entries(), zipfile.ZIP_DEFLATED)


@broken("SY401")
def signature_missing(c):
    return zipped({k: v for k, v in c.entries().items() if k != "bundle.sig"})


@broken("SY401")
def header_missing(c):
    return zipped({k: v for k, v in c.entries().items() if k != "bundle.json"})


@broken("SY401")
def crc_of_a_part_wrong(c):
    return flipped(c.data, c.entries()["figures.arrow"])


@broken("SY402")
def zip_bomb_by_its_directory(c):
    data = bytearray(zipped(c.entries()))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")  # uncompressed size in the central directory
    return bytes(data)


@broken("SY403")
def path_that_climbs_out(c):
    return zipped({**c.entries(), "../x": b"x"})


@broken("SY403")
def absolute_path(c):
    return zipped({**c.entries(), "/etc/passwd": b"x"})


@broken("SY403")
def windows_path(c):
    return zipped({**c.entries(), "..\\..\\x": b"x"})


@broken("SY403")
def extra_part(c):
    return zipped({**c.entries(), "notes.txt": b"x"})


@broken("SY403")
def name_in_other_case(c):
    return zipped({**c.entries(), "Figures.parquet": b"x"})


@broken("SY404")
def two_files_of_one_name(c):
    return zipped([*c.entries().items(), ("figures.arrow", b"x")])


@broken("SY405")
def header_not_json(c):
    return c.signed(text=b"not json")


@broken("SY405")
def header_not_canonical(c):
    return c.signed(text=json.dumps(c.header(), indent=1).encode())


@broken("SY405")
def header_is_a_list(c):
    return c.signed(text=b"[]")


@broken("SY405")
def header_nested_without_measure(c):
    return c.signed(text=b"[" * 500_000 + b"]" * 500_000)


@broken("SY405")
def header_of_megabytes(c):
    return c.signed({"provider": {"name": "x" * (2 << 20)}})


@broken("SY405")
def header_without_a_number(c):
    header = {k: v for k, v in c.header().items() if k != "number"}
    return c.signed(text=canonical(header))


@broken("SY405")
def signer_that_is_no_key(c):
    return c.signed({"signer": "zz" * 32})


@broken("SY405")
def number_as_text(c):
    return c.signed({"number": "1"})


@broken("SY405")
def offer_without_fields(c):
    return c.signed({"offer": {}})


@broken("SY406")
def part_missing(c):
    return zipped({k: v for k, v in c.entries().items() if k != "subjects.arrow"})


@broken("SY406")
def part_that_the_header_does_not_name(c):
    parts = {k: v for k, v in c.header()["parts"].items() if k != "methods.arrow"}
    return c.signed({"parts": parts})


@broken("SY407")
def figures_swapped_with_another_bundle_s(c):
    other = pack(c.works, c.make.offer(c.works, c.park.id, measures=("sme2024/*",))).path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(other)) as box:
        return zipped({**c.entries(), "figures.arrow": box.read("figures.arrow")})


@broken("SY407")
def value_changed_without_signing(c):
    return zipped({**c.entries(), "figures.arrow": c.figures(lambda t: with_value(t, 99.0, honest=True))})


@broken("SY407")
def method_text_changed_without_signing(c):
    return zipped({**c.entries(), "methods.arrow": c.methods(lambda text: text.replace("sum", "max"))})


@broken("SY408")
def a_bundle_of_the_format_before(c):
    names = {"figures.arrow": "figures.parquet", "subjects.arrow": "subjects.parquet", "methods.arrow": "methods.json"}
    return zipped({names.get(name, name): data for name, data in c.entries().items()})


@broken("SY408")
def a_bundle_of_a_format_to_come(c):
    return c.signed({"format": 3})


@broken("SY408")
def figures_that_are_no_table_signed_by_a_trusted_key(c):
    return c.signed(parts={"figures.arrow": b"garbage"})


@broken("SY408")
def subjects_that_are_no_table_signed_by_a_trusted_key(c):
    return c.signed(parts={"subjects.arrow": b"ARROW1garbageARROW1"})


@broken("SY408")
def figures_of_another_shape(c):
    return c.signed(parts={"figures.arrow": table_bytes(pa.table({"x": [1]}))})


@broken("SY408")
def subjects_of_another_shape(c):
    return c.signed(parts={"subjects.arrow": table_bytes(pa.table({"x": [1]}))})


@broken("SY408")
def methods_that_are_no_table(c):
    return c.signed(parts={"methods.arrow": b"{}"})


@broken("SY408")
def methods_that_are_no_json(c):
    return c.signed(parts={"methods.arrow": c.methods(lambda _: "{")})


@broken("SY408")
def methods_that_are_a_list(c):
    return c.signed(parts={"methods.arrow": c.methods(lambda _: "[]")})


@broken("SY408")
def methods_without_a_text(c):
    return c.signed(parts={"methods.arrow": c.methods(lambda _: None)})


@broken("SY408")
def text_of_a_method_missing(c):
    return c.signed(parts={"methods.arrow": table_bytes(METHODS.empty_table())})


@broken("SY408")
def text_of_a_method_replaced(c):
    return c.signed(parts={"methods.arrow": c.methods(lambda text: text.replace("sme2024/level", "sme2024/score"))})


@broken("SY408")
def figures_cut_short_and_signed(c):
    return c.signed(parts={"figures.arrow": c.entries()["figures.arrow"][:-20]})


@broken("SY409")
def value_changed_and_signed_but_not_its_digest(c):
    return c.signed(parts={"figures.arrow": c.figures(lambda t: with_value(t, 99.0, honest=False))})


@broken("SY409")
def value_and_digest_changed_but_not_the_root(c):
    return c.signed(parts={"figures.arrow": c.figures(lambda t: with_value(t, 99.0, honest=True))})


@broken("SY409")
def a_figure_left_out(c):
    return c.signed(parts={"figures.arrow": c.figures(lambda t: t.slice(1))})


@broken("SY409")
def a_figure_twice(c):
    twice = c.figures(lambda t: pa.concat_tables([t, t.slice(0, 1)]))
    digests = read_table(twice, SCHEMA)["digest"].to_pylist()
    return c.signed({"figures": len(digests), "root": merkle.root(digests).hex()}, {"figures.arrow": twice})


@broken("SY409")
def count_that_is_wrong(c):
    return c.signed({"figures": 1})


@broken("SY410")
def signature_of_zeros(c):
    return zipped({**c.entries(), "bundle.sig": b"\x00" * 64})


@broken("SY410")
def signature_cut_short(c):
    return zipped({**c.entries(), "bundle.sig": c.entries()["bundle.sig"][:10]})


@broken("SY410")
def signature_by_another_key(c):
    return zipped({**c.entries(), "bundle.sig": Key.new().sign(c.entries()["bundle.json"])})


@broken("SY410")
def header_changed_after_signing(c):
    return zipped({**c.entries(), "bundle.json": c.entries()["bundle.json"].replace(b'"number":1', b'"number":9')})


@broken("SY411")
def nobody_is_trusted(c):
    c.park = c.make.new("lonely", kind="park")
    return pack(c.works, c.make.offer(c.works, c.park.id)).path.read_bytes()


@broken("SY412")
def changed_and_signed_by_the_attacker(c):
    return c.signed(key=Key.new())


@broken("SY413")
def key_revoked(c):
    revoke(c.park, c.works.public_key.hex())
    return c.data


@broken("SY414")
def too_old(c):
    made = c.header()["made"]
    c.park.now = lambda: made + 93 * DAYS
    return c.signed({"until": made + 365 * DAYS})


@broken("SY414")
def past_its_until(c):
    c.park.now = lambda: c.header()["until"] + 1
    return c.data


@broken("SY415")
def made_in_the_future(c):
    return c.signed({"made": c.header()["made"] + DAYS})


@broken("SY416")
def for_another_home(c):
    return pack(c.works, c.make.offer(c.works, "0123456789abcdef")).path.read_bytes()


@broken("SY417")
def older_number_after_a_newer(c):
    receive(c.park, pack(c.works, c.offer).path.read_bytes())
    return c.data


@broken("SY417")
def same_number_with_another_content(c):
    receive(c.park, c.data)
    return c.signed({"made": c.header()["made"] + 1})


@broken("SY418")
def figures_beyond_the_offer(c):
    return c.signed({"offer": c.header()["offer"] | {"measures": ["iso22400/*"]}})


@broken("SY418")
def subjects_beyond_the_offer(c):
    return c.signed({"offer": c.header()["offer"] | {"subjects": ["E2"]}})


@broken("SY418")
def periods_beyond_the_offer(c):
    return c.signed({"offer": c.header()["offer"] | {"end": str(c.works.now() - 10**14)}})


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_bundle_broken_in_one_way_is_refused_with_its_code_and_nothing_of_it_is_kept(make, name):
    code, build = BROKEN[name]
    case = Case(make)
    data = build(case)
    before = (case.park.figures().num_rows, len(case.park.leaves()), len(list((case.park.path / "bundles").iterdir())))
    with pytest.raises(InputError) as refused:
        receive(case.park, data)
    assert refused.value.code == code, refused.value.say("en")
    assert refused.value.say("zh")
    assert refused.value.remedy("en")
    assert (
        case.park.figures().num_rows,
        len(case.park.leaves()),
        len(list((case.park.path / "bundles").iterdir())),
    ) == before
    assert verify(case.park).holds


def test_the_whole_bundle_is_taken_and_taking_it_twice_keeps_nothing_twice(make):
    case = Case(make)
    data = case.signed()
    first = receive(case.park, data)
    assert first.provider == case.works.id
    rows = case.park.figures().num_rows
    assert receive(case.park, data).already
    assert case.park.figures().num_rows == rows == first.figures


@pytest.mark.parametrize("key", ["", "xy", "00", "0" * 63, "g" * 64])
def test_what_is_no_public_key_is_not_trusted(make, key):
    with pytest.raises(UsageError) as refused:
        trust(make.new(), key, "nobody")
    assert refused.value.code == "SY420"


def test_a_key_that_was_never_trusted_cannot_be_revoked(make):
    with pytest.raises(UsageError) as refused:
        revoke(make.new(), "00" * 32)
    assert refused.value.code == "SY412"


def test_an_offer_that_covers_nothing_makes_no_bundle(make):
    works = make.whole()
    with pytest.raises(InputError) as refused:
        pack(works, make.offer(works, "*", measures=("none/*",)))
    assert refused.value.code == "SY422"


def test_an_offer_past_its_time_makes_no_bundle(make):
    works = make.whole()
    with pytest.raises(InputError) as refused:
        pack(works, make.offer(works, "*", until=works.now() - DAYS))
    assert refused.value.code == "SY414"


def test_the_same_terms_are_the_same_offer(make):
    works = make.whole()
    terms = {
        "consumer": "*",
        "measures": ["*"],
        "subjects": ["*"],
        "period": make.period("2026", works),
        "until": 10**18,
        "purpose": "p",
    }
    assert make_offer(works, **terms).id == make_offer(works, **terms).id
    assert make_offer(works, **terms | {"smallest": 4}).id != make_offer(works, **terms).id
