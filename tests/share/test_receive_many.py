"""Many bundles at once: verified one by one, kept together; one that is bad refuses only itself; each Figure knows who told it."""

from __future__ import annotations

import random
import shutil
import sys
import tarfile
from dataclasses import replace
from hashlib import sha256

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.evidence import crew
from steelyard.evidence.canonical import canonical, is_canonical
from steelyard.evidence.record import SCHEMA
from steelyard.examples.homes import Firm
from steelyard.share import pack, receive, receive_many, revoke, trust
from steelyard.share.receive import Received
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.ledger import bundles, leaves, seals, segments
from steelyard.trace import trace
from steelyard.trace.verify import verify

MONTH = "2026-09"


def kept(home) -> list[tuple]:
    columns = ("subject", "measure", "start", "value", "digest", "home")
    return sorted(zip(*(home.figures()[name].to_pylist() for name in columns), strict=True))


def rows(home, table) -> int:
    return len(home.ledger.all(table.select()))


def test_a_batch_is_one_document_and_one_seal_a_measure_and_every_figure_says_who_told_it(province):
    home = province.home
    province.trust(6)
    found = [(f"{i}", province.bundle(i, MONTH)) for i in range(6)]
    outcomes = receive_many(home, found)
    assert [(one.provider, one.figures) for one in outcomes] == [(firm.home, 4) for firm in province.firms]
    assert [row.seal for row in home.ledger.all(leaves.select())] == [1] * 3  # the bundles, who was heard, who they are
    assert (rows(home, segments), rows(home, seals), rows(home, bundles)) == (4, 5, 6)
    assert verify(home).holds
    for firm in province.firms:
        told = home.figures(subject=firm.id)
        assert set(told["home"].to_pylist()) == {firm.home}
        node = trace(home, told["digest"][0].as_py())
        assert (node.state, node.at_home, [child.at_home for child in node.children]) == (
            "SHOWN",
            firm.home,
            [firm.home],
        )
    (path,) = (home.path / "bundles").iterdir()
    with tarfile.open(path) as box:
        assert {entry.name: box.extractfile(entry).read() for entry in box} == {
            f"{sha256(data).hexdigest()}.steelyard": data for _, data in found}  # fmt: skip


def test_one_bad_bundle_refuses_only_itself_and_is_named(province):
    home = province.home
    province.trust(5)
    good = [province.bundle(i, MONTH) for i in range(5)]
    stranger = Firm(77)
    province.firms.append(stranger)
    revoke(home, province.firms[4].key.public.hex())
    found = [
        ("a", good[0]),
        ("b", good[1][:-9]),
        ("c", good[2]),
        ("d", province.bundle(5, MONTH)),
        ("e", good[4]),
        ("f", b""),
        ("g", good[0]),
    ]
    outcomes = receive_many(home, found)
    said = [
        (one.code, one.where) if isinstance(one, InputError) else "repeated" if one.already else "kept"
        for one in outcomes
    ]
    assert said == ["kept", ("SY401", "b"), "kept", ("SY412", "d"), ("SY413", "e"), ("SY401", "f"), "repeated"]
    assert set(home.figures()["home"].to_pylist()) == {province.firms[0].home, province.firms[2].home}
    assert verify(home).holds


def test_a_batch_keeps_what_its_bundles_keep_one_by_one_in_whatever_order_they_come(province, make):
    province.trust(4)
    found = [
        ("", province.bundle(firm, month)) for month in ("2026-07", "2026-08", "2026-08", MONTH) for firm in range(4)
    ]
    shutil.copytree(province.path, make.path / "twin")
    other = make.open(make.path / "twin")
    shuffled = random.Random(7).sample(found, len(found))
    assert all(isinstance(one, Received) for one in receive_many(province.home, shuffled))
    for _, data in found:
        receive(other, data)
    assert kept(other) == kept(province.home)


def test_of_two_bundles_of_one_offer_in_a_batch_the_later_number_is_current(province):
    home = province.home
    province.trust(1)
    first, second = province.bundle(0, MONTH, 1), province.bundle(0, MONTH, 4)
    outcomes = receive_many(home, [("", second), ("", first)])
    assert [one.number for one in outcomes] == [2, 1]
    assert home.figures("sme2024/level")["value"].to_pylist() == [4.0]
    assert verify(home).holds


def test_an_older_bundle_of_another_offer_does_not_become_current(province, monkeypatch):
    """In one batch or in two; what it says of months that nobody told later is kept."""
    home, clock = province.home, [province.home.now()]
    province.trust(2)
    offer = type(province).offer
    monkeypatch.setattr(home, "now", lambda: clock[0])

    def made(firm: int, minutes: int, name: str, *told: tuple[str, int]) -> list[tuple[str, bytes]]:
        with monkeypatch.context() as patch:
            patch.setattr(province, "offer", lambda *given: replace(offer(province, *given), id=name))
            clock[0] += minutes * 60_000_000
            found = [("", province.bundle(firm, month, level)) for month, level in told]
            clock[0] -= minutes * 60_000_000
        return found

    def told(firm: int) -> list[float]:
        return home.figures("sme2024/level", province.firms[firm].id)["value"].to_pylist()

    newer = {firm: made(firm, 2, "b" * 12, (MONTH, 4)) for firm in range(2)}
    older = {firm: made(firm, 1, "a" * 12, (MONTH, 1), ("2026-10", 2)) for firm in range(2)}
    clock[0] += 3 * 60_000_000
    receive_many(home, [*newer[0], *older[0]])
    assert told(0) == [4.0, 2.0]
    receive_many(home, newer[1])
    clock[0] += 1
    receive_many(home, older[1])
    assert told(1) == [4.0, 2.0]
    assert verify(home).holds


def test_the_very_same_figures_sent_again_in_a_newer_bundle_are_kept_and_traced(make):
    works, park = make.whole("works"), make.new("park", kind="park")
    trust(park, works.public_key.hex(), "works")
    offer = make.offer(works, park.id)
    both = [("", pack(works, offer).path.read_bytes()) for _ in range(2)]
    first, second = receive_many(park, both)
    assert (first.number, second.number, second.already) == (1, 2, False)
    assert receive(park, pack(works, offer).path.read_bytes()).number == 3
    assert park.figures().num_rows == first.figures
    assert verify(park).holds
    assert trace(park, park.figures()["digest"][0].as_py()).state == "SHOWN"


@pytest.mark.parametrize("heard_first", [True, False])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("corrections", [1, 2])
def test_a_copy_that_another_home_hands_on_does_not_undo_what_the_firm_corrected(
    make, heard_first, together, corrections
):
    """The park holds the old Figure and tells it last; the province has the firm's own word, whether it had heard the old one or not."""
    works, park, province = make.whole("works"), make.new("park", kind="park"), make.new("province")
    trust(park, works.public_key.hex(), "works")
    trust(province, works.public_key.hex(), "works", subject="E1")
    trust(province, park.public_key.hex(), "park")
    terms = {"measures": ["sme2024/level"], "subjects": ["E1"]}
    up, side = make.offer(works, province.id, **terms), make.offer(works, park.id, **terms)
    receive(park, pack(works, side).path.read_bytes())
    handed_on = make.offer(park, province.id, **terms)
    if heard_first:
        receive(province, pack(works, up).path.read_bytes())
        receive(province, pack(park, handed_on).path.read_bytes())
        assert province.figures()["home"].to_pylist() == [works.id]
    heads = make.files["answers"].partition("\n")[0]
    own = []
    for level, at in [(2, "2026-04-01"), (0, "2026-05-01")][2 - corrections :]:
        make.give(works, "answers", f"{heads}\n{make.answers('E1', level, at=at)}", name=f"{at}.csv")
        make.weigh(works, ["sme2024/level"], "2026")
        own.append(("", pack(works, up).path.read_bytes()))
    copy = [("", pack(park, handed_on).path.read_bytes())]
    for batch in [own + copy] if together else [own, copy]:
        assert all(isinstance(one, Received) for one in receive_many(province, batch))
    now = province.figures("sme2024/level", "E1")
    assert (now["value"].to_pylist(), now["home"].to_pylist()) == ([0.0], [works.id])
    assert park.figures("sme2024/level", "E1")["value"].to_pylist() != [0.0]
    assert verify(province).holds


def test_a_home_cannot_speak_for_another(province):
    """A trusted home that signs what it says comes from another one is refused, and holds up none of that one's numbers."""
    province.trust(2)
    liar, other = province.firms
    own, liar.home = liar.home, other.home
    with pytest.raises(InputError) as refused:
        receive(province.home, province.bundle(0, MONTH))
    assert refused.value.code == "SY800"
    assert own in refused.value.say()
    assert receive(province.home, province.bundle(1, MONTH)).figures == 4


def test_compaction_keeps_who_told_each_figure_beside_the_home_s_own(province):
    home = province.home
    province.trust(3)
    for month in ("2026-05", "2026-06", "2026-07", "2026-08", MONTH):
        for firm in range(3):
            receive(home, province.bundle(firm, month))
    before = kept(home)
    assert rows(home, segments) == 60
    receive(home, province.bundle(0, "2026-10"))  # the sixteenth of each measure: they are merged
    assert rows(home, segments) == 4
    assert set(before) <= set(kept(home))
    assert verify(home).holds
    assert trace(home, before[0][4]).at_home == before[0][5]


def test_figures_that_came_before_homes_were_noted_by_figure_are_read_beside_the_new_ones(province):
    """An older program kept who told in the section: such sections stay as they are."""
    home = province.home
    province.trust(2)
    receive(home, province.bundle(0, MONTH))
    table = home.figures().select(SCHEMA.names)
    older = [{**row, "subject": "E-old"} for row in table.to_pylist() if row["measure"] == "sme2024/level"]
    rows_ = pa.Table.from_pylist(older, SCHEMA)
    with home.ledger.write() as connection:
        seal = home.seal(connection, "taken", rows_["digest"].to_pylist())
        at_rest.keep(home, connection, rows_, seal, "0123456789abcdef")
    told = home.figures("sme2024/level")
    assert dict(zip(told["subject"].to_pylist(), told["home"].to_pylist(), strict=True)) == {
        "E-old": "0123456789abcdef", province.firms[0].id: province.firms[0].home}  # fmt: skip


def test_processes_beside_each_other_come_to_the_same(province, monkeypatch):
    province.trust(12)
    found = [(str(i), province.bundle(i, MONTH)) for i in range(12)]
    found[5] = ("5", found[5][1][:-1])
    monkeypatch.setattr(crew, "FEW", 4)
    monkeypatch.setattr(crew, "PART", 2)
    monkeypatch.setattr(sys.modules["steelyard.share.receive"], "BATCH", 6)
    outcomes = receive_many(province.home, iter(found))
    assert [isinstance(one, Received) for one in outcomes] == [i != 5 for i in range(12)]
    assert [one.provider for one in outcomes if isinstance(one, Received)] == [
        f.home for i, f in enumerate(province.firms) if i != 5
    ]
    assert verify(province.home).holds


def test_a_home_that_trusts_nobody_refuses_all_of_a_batch(province, make):
    province.trust(1)
    lonely: Home = make.new("lonely")
    assert [one.code for one in receive_many(lonely, [("", province.bundle(0, MONTH)), ("", b"x")])] == [
        "SY411",
        "SY411",
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(JSON)
def test_the_fast_path_of_canonical_bytes_says_what_the_plain_one_says(document):
    try:
        text = canonical(document)
    except ValueError:
        return
    assert is_canonical(document, text)
    assert not is_canonical(document, text + b" ")


def test_a_helper_that_is_killed_loses_nothing(province, monkeypatch):
    province.trust(8)
    monkeypatch.setattr(crew, "FEW", 2)
    monkeypatch.setattr(crew, "PART", 2)
    monkeypatch.setattr(crew, "HELPER", "import sys; sys.exit(0)")
    outcomes = receive_many(province.home, [("", province.bundle(i, MONTH)) for i in range(8)])
    assert all(isinstance(one, Received) for one in outcomes)
