"""Canonical bytes, Merkle trees, seals, policies."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.evidence import merkle
from steelyard.evidence.canonical import canonical, digest, number, plain
from steelyard.evidence.policy import AllOf, AnyOf, Distrust, Fresh, NotRevoked, Seen, SignedBy
from steelyard.evidence.record import RECORD, figure_digests, figure_record
from steelyard.evidence.seal import Key, Seal, fingerprint, signed

FINITE = st.floats(allow_nan=False, allow_infinity=False)
DIGEST = st.binary(min_size=32, max_size=32)
TIME = st.integers(-(2**53) + 1, 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FIGURE = st.fixed_dictionaries({
    "subject": TEXT, "measure": TEXT, "start": TIME, "end": TIME,
    **dict.fromkeys(("value", "low", "high", "heard", "among"), FINITE),
    "grade": TEXT, "estimated": st.booleans(), "flags": st.lists(TEXT, max_size=3).map(tuple),
    "method": DIGEST, "inputs": DIGEST, "replaces": st.none() | DIGEST,
})  # fmt: skip
EXACT = st.floats(-(2.0**53) + 1, 2.0**53 - 1)  # beyond, a whole double reads back as an integer that RFC 8785 refuses
JSON = st.recursive(
    st.none() | st.booleans() | TIME | EXACT | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12,
)  # fmt: skip


@given(FINITE)
@settings(max_examples=2000)
def test_a_number_is_written_as_rfc_8785_writes_it(x):
    assert number(x) == rfc8785.dumps(x).decode()


@pytest.mark.parametrize("x", [0.0, -0.0, 1e-6, 1e-7, 123456789012345680.0, 1e16, 1e20, 1e21, 1e22, 5e-324, 1.7976931348623157e308,
                               0.1 + 0.2, 100.0, -1.5, 9007199254740993.0, 1e-5, 0.0001])  # fmt: skip
def test_a_number_at_an_edge_of_the_notation_is_written_as_rfc_8785_writes_it(x):
    assert number(x) == rfc8785.dumps(x).decode()


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_canonical_form(x):
    with pytest.raises(ValueError):
        number(x)


@given(st.lists(FIGURE, max_size=6))
def test_the_fast_digests_of_figures_are_those_of_the_plain_records(figures):
    columns = {name: [figure[name] for figure in figures] for name in RECORD}
    assert list(figure_digests(columns)) == [sha256(figure_record(figure)).digest() for figure in figures]


@given(FIGURE, st.sampled_from(RECORD), st.data())
def test_a_figure_with_another_field_has_another_digest(figure, name, data):
    other = data.draw(FIGURE)
    changed = {**figure, name: other[name]}
    same = figure_record(figure) == figure_record(changed)
    one, two = figure_digests({k: [figure[k], changed[k]] for k in RECORD})
    assert (one == two) == same


@given(JSON)
def test_canonical_bytes_round_trip_and_do_not_depend_on_the_order_of_keys(document):
    text = canonical(document)
    assert canonical(json.loads(text)) == text
    if isinstance(document, dict):
        assert digest(dict(reversed(document.items()))) == digest(document)


def test_json_from_outside_is_small_and_well_formed_or_refused():
    assert plain(b'{"a": 1}') == {"a": 1}
    for bad in (b"{", b"[" * 100_000, b"\xff", b"", b'{"a": NaN}'):
        with pytest.raises(ValueError):
            plain(bad)
    with pytest.raises(ValueError):
        plain(b'"' + b"a" * 100 + b'"', most=50)


def naive(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word: the split is at the largest power of two below the count."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


@given(st.lists(DIGEST, max_size=70), st.randoms())
def test_a_root_does_not_depend_on_the_order_of_arrival_and_is_that_of_rfc_6962(digests, rng):
    shuffled = digests.copy()
    rng.shuffle(shuffled)
    assert merkle.root(shuffled) == merkle.root(digests) == naive(sorted(digests))


@pytest.mark.parametrize("count", [0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 3 * 1024, 5 * 1024 + 7])
def test_the_roots_of_blocks_make_the_root_of_the_whole(count):
    ordered = sorted(sha256(str(i).encode()).digest() for i in range(count))
    blocks = merkle.block_roots(ordered)
    assert len(blocks) == -(-count // merkle.BLOCK)
    assert blocks == [naive(ordered[i : i + merkle.BLOCK]) for i in range(0, count, merkle.BLOCK)]
    assert merkle.root_of_blocks(blocks) == naive(ordered)


@given(st.lists(DIGEST, min_size=1, max_size=40, unique=True), st.data())
def test_a_root_changes_when_a_digest_is_changed_or_left_out(digests, data):
    i = data.draw(st.integers(0, len(digests) - 1))
    bit = bytearray(digests[i])
    bit[data.draw(st.integers(0, 31))] ^= 1
    assert merkle.root([*digests[:i], bytes(bit), *digests[i + 1 :]]) != merkle.root(digests)
    assert merkle.root(digests[:i] + digests[i + 1 :]) != merkle.root(digests)


KEY, OTHER = Key.new(), Key.new()


def seal() -> Seal:
    unsigned = Seal(3, "leaves", b"r" * 32, 7, 1_700_000_000_000_000, KEY.public, b"p" * 32)
    return replace(unsigned, signature=KEY.sign(unsigned.message()))


def test_a_seal_holds_as_it_was_signed():
    assert seal().holds()


@pytest.mark.parametrize(("field", "value"), [
    ("number", 4), ("kind", "figures"), ("root", b"s" * 32), ("count", 8), ("at", 1_700_000_000_000_001),
    ("signer", OTHER.public), ("signer", b"short"), ("previous", b"q" * 32), ("signature", b"\x00" * 64), ("signature", b""),
], ids=lambda part: part if isinstance(part, str) else type(part).__name__)  # fmt: skip
def test_a_seal_with_any_field_changed_does_not_hold(field, value):
    assert not replace(seal(), **{field: value}).holds()


def test_a_key_survives_its_file_and_its_fingerprint_is_the_home_s_id():
    again = Key.load(KEY.pem())
    assert again.public == KEY.public
    assert signed(KEY.public, b"m", again.sign(b"m"))
    assert not signed(KEY.public, b"n", again.sign(b"m"))
    assert fingerprint(KEY.public) == sha256(KEY.public).hexdigest()[:16]


def test_a_file_that_is_no_ed25519_key_is_no_key():
    with pytest.raises(ValueError):
        Key.load(b"-----BEGIN PRIVATE KEY-----\nno\n-----END PRIVATE KEY-----\n")


HOUR = 3_600_000_000
NOW = 1_700_000_000_000_000


def seen(signer: bytes = KEY.public, made: int = NOW, until: int = NOW + HOUR, now: int = NOW) -> Seen:
    return Seen(signer, made, until, now)


def code(rule, what: Seen) -> str:
    try:
        rule.verify(what)
    except Distrust as why:
        return why.code
    return ""


@pytest.mark.parametrize("kind", [AllOf, AnyOf])
def test_an_empty_policy_is_refused_for_it_would_trust_anybody(kind):
    with pytest.raises(Distrust) as refused:
        kind(())
    assert refused.value.code == "SY411"


def test_signed_by_asks_for_one_of_its_keys():
    assert code(SignedBy(frozenset({KEY.public})), seen()) == ""
    assert code(SignedBy(frozenset({KEY.public})), seen(OTHER.public)) == "SY412"
    assert code(SignedBy(frozenset()), seen()) == "SY412"


def test_a_revoked_key_is_revoked_whatever_time_it_wrote():
    assert code(NotRevoked(frozenset({KEY.public})), seen(made=0)) == "SY413"
    assert code(NotRevoked(frozenset({OTHER.public})), seen()) == ""


@pytest.mark.parametrize(("made", "until", "expected"), [
    (NOW, NOW + HOUR, ""), (NOW - 24 * HOUR, NOW, ""), (NOW - 24 * HOUR - 1, NOW + HOUR, "SY414"), (NOW - HOUR, NOW - 1, "SY414"),
    (NOW + 300_000_000, NOW + HOUR, ""), (NOW + 300_000_001, NOW + HOUR, "SY415"),
])  # fmt: skip
def test_fresh_bears_five_minutes_of_skew_and_ends_at_its_age_and_its_until(made, until, expected):
    assert code(Fresh(24 * HOUR), seen(made=made, until=until)) == expected


def test_all_of_gives_the_first_reason_and_any_of_is_content_with_one():
    yes, no, old = SignedBy(frozenset({KEY.public})), SignedBy(frozenset({OTHER.public})), Fresh(0)
    stale = seen(made=NOW - HOUR)
    assert code(AllOf((yes, yes)), stale) == ""
    assert code(AllOf((yes, old, no)), stale) == "SY414"
    assert code(AnyOf((no, yes)), stale) == ""
    assert code(AnyOf((no, old)), stale) == "SY412"
    assert code(AnyOf((AllOf((yes, old)), AllOf((yes, Fresh(2 * HOUR))))), stale) == ""
