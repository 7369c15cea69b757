"""Trace and verify: what is whole is SHOWN; one changed byte is BROKEN at its node and at what stands on it, nowhere else."""

from __future__ import annotations

import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import UsageError
from steelyard.share import receive
from steelyard.trace.trace import ranges, trace
from steelyard.trace.verify import verify


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def figure(home, measure, subject):
    (row,) = home.figures(measure, subject).to_pylist()
    return row


def states(home, root):
    return {node.digest: node.state for node in walk(trace(home, root))}


def broken(verdict):
    return {(fault.kind, fault.name) for fault in verdict.faults if not fault.beneath}


def beneath(verdict):
    return {fault.name for fault in verdict.faults if fault.beneath}


def names(home, *pairs):
    return {figure(home, measure, subject)["digest"].hex() for measure, subject in pairs}


OEE = "iso22400/oee"
LEVEL = "sme2024/level"
COVERAGE = "coverage/sme2024-level2"
COVERED = ((COVERAGE, "440300"), (COVERAGE, "440000"))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x01
    path.write_bytes(bytes(data))


def alter(home, sql, *values):
    home.close()
    with sqlite3.connect(home.path / "ledger.db") as connection:
        assert connection.execute(sql, values).rowcount == 1
    connection.close()


def test_every_node_of_an_untouched_home_is_shown_and_verify_holds(make):
    home = make.whole()
    assert verify(home).holds
    for row in home.figures().to_pylist():
        assert {node.state for node in walk(trace(home, row["digest"]))} == {"SHOWN"}


def test_a_trace_runs_from_a_region_s_coverage_through_levels_to_the_answers_of_its_firms(make):
    home = make.whole()
    root = trace(home, figure(home, COVERAGE, "440300")["digest"])
    assert {n.figure["measure"] for n in walk(root) if n.kind == "figure"} == {COVERAGE, LEVEL}
    assert {n.leaf["kind"] for n in walk(root) if n.kind == "leaf"} >= {"answers", "roster"}
    assert root.method["measure"] == COVERAGE


def test_a_trace_names_the_source_file_and_the_rows_of_the_subject(make):
    home = make.whole()
    root = trace(home, figure(home, OEE, "M2")["digest"])
    (leaf,) = [n.leaf for n in walk(root) if n.kind == "leaf" and n.leaf["kind"] == "machine_states"]
    assert leaf["source"]["file"] == "machine_states.csv"
    assert leaf["rows_used"] == "5"


def test_a_beginning_of_a_digest_is_enough_and_an_unknown_one_is_refused(make):
    home = make.whole()
    row = figure(home, OEE, "M1")
    assert trace(home, row["digest"].hex()[:16]).digest == row["digest"].hex()
    for given_text in ("", "xyz", "f" * 65, "0" * 63):
        with pytest.raises(UsageError) as refused:
            trace(home, given_text)
        assert refused.value.code == "SY110"


def test_a_digest_that_nothing_has_is_broken_not_shown(make):
    assert trace(make.whole(), b"\x07" * 32).state == "BROKEN"


def test_rows_are_told_as_people_write_them():
    assert ranges([]) == ""
    assert ranges([2, 3, 4, 9]) == "2-4, 9"
    assert ranges(list(range(0, 50, 2))).endswith("(+5)")


LEAF_STANDERS = {
    "machine_states": ((OEE, "M1"), (OEE, "M2"), (OEE, "L1"), (OEE, "E1")),
    "answers": ((LEVEL, "E1"), (LEVEL, "E2"), *COVERED),
    "roster": COVERED,
}


@pytest.mark.parametrize("table", sorted(LEAF_STANDERS))
def test_a_byte_changed_in_a_leaf_breaks_that_leaf_and_what_stands_on_it_and_nothing_else(make, table):
    home = make.whole()
    (leaf,) = home.leaves(kind=table)
    flip(home.path / leaf.path, 40)
    verdict = verify(home)
    standing = names(home, *LEAF_STANDERS[table])
    assert broken(verdict) == {("leaf", leaf.digest.hex())}
    assert beneath(verdict) == standing
    for row in home.figures().to_pylist():
        seen = states(home, row["digest"])
        assert {d for d, s in seen.items() if s == "BROKEN"} == (standing | {leaf.digest.hex()}) & set(seen)


def test_a_leaf_whose_file_is_gone_is_broken(make):
    home = make.whole()
    (leaf,) = home.leaves(kind="answers")
    (home.path / leaf.path).unlink()
    assert ("leaf", leaf.digest.hex()) in broken(verify(home))
    assert trace(home, leaf.digest).state == "BROKEN"


def test_a_leaf_s_bytes_are_not_read_when_only_headers_are_asked(make):
    home = make.whole()
    (leaf,) = home.leaves(kind="answers")
    flip(home.path / leaf.path, 40)
    assert trace(home, figure(home, LEVEL, "E1")["digest"], leaf_bytes=False).state == "SHOWN"


def segment(home, measure):
    with sqlite3.connect(home.path / "ledger.db") as connection:
        (path,) = connection.execute("SELECT path FROM segments WHERE measure = ?", (measure,)).fetchone()
    connection.close()
    return home.path / path


def test_a_byte_changed_in_a_segment_of_figures_breaks_it_and_leaves_other_measures_whole(make):
    home = make.whole()
    level = figure(home, LEVEL, "E1")["digest"]
    oee = figure(home, OEE, "M1")["digest"]
    cover = figure(home, COVERAGE, "440300")["digest"]
    path = segment(home, LEVEL)
    flip(path, 40)
    verdict = verify(home)
    assert ("segment", path.relative_to(home.path).as_posix()) in broken(verdict)
    assert trace(home, level).state == "BROKEN"
    assert trace(home, cover).state == "BROKEN"
    assert trace(home, oee).state == "SHOWN"


def test_a_value_rewritten_in_a_readable_segment_breaks_that_figure_and_what_stands_on_it_only(make):
    home = make.whole()
    one, two = (figure(home, LEVEL, firm)["digest"] for firm in ("E1", "E2"))
    covered = names(home, *COVERED)
    path = segment(home, LEVEL)
    table = pq.read_table(path)
    values = [
        9.0 if d == two else v for d, v in zip(table["digest"].to_pylist(), table["value"].to_pylist(), strict=True)
    ]
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", pa.array(values)), path)
    verdict = verify(home)
    assert broken(verdict) == {("segment", path.relative_to(home.path).as_posix()), ("figure", two.hex())}
    assert beneath(verdict) == covered
    assert trace(home, one).state == "SHOWN"
    assert trace(home, two).state == "BROKEN"
    assert states(home, figure(home, COVERAGE, "440300")["digest"])[one.hex()] == "SHOWN"


def test_a_byte_changed_in_an_index_of_digests_is_named_and_no_figure_is_shown_on_its_word(make):
    home = make.whole()
    cover = figure(home, COVERAGE, "440300")["digest"]
    path = segment(home, LEVEL)
    flip(path.with_suffix(".digests"), 0)
    verdict = verify(home)
    assert broken(verdict) == {("index", path.relative_to(home.path).as_posix())}
    assert trace(home, cover).state == "BROKEN"
    assert trace(home, figure(home, OEE, "M1")["digest"]).state == "SHOWN"


def test_a_header_of_a_leaf_changed_in_the_ledger_is_broken_with_what_stands_on_it(make):
    home = make.whole()
    (leaf,) = home.leaves(kind="answers")
    alter(home, "UPDATE leaves SET header = replace(header, 'answers.csv', 'another.csv') WHERE id = ?", leaf.id)
    verdict = verify(home)
    assert broken(verdict) == {("leaf", leaf.digest.hex())}
    assert beneath(verdict) == names(home, *LEAF_STANDERS["answers"])
    assert trace(home, figure(home, OEE, "E1")["digest"]).state == "SHOWN"


@pytest.mark.parametrize(("column", "value"), [
    ("kind", "roster"), ("grade", "inspected"), ("rows", 1), ("synthetic", 1), ("start", 1), ("end", 2), ("first", "A"), ("last", "Z"),
    ("path", "lake/other.parquet"), ("source", b"\x00" * 32), ("seal", 1), ("header", "{"), ("header", "[]"), ("header", "{}"),
])  # fmt: skip
def test_any_column_of_a_leaf_s_ledger_row_changed_is_broken(make, column, value):
    home = make.whole()
    (leaf,) = home.leaves(kind="answers")
    alter(home, f'UPDATE leaves SET "{column}" = ? WHERE id = ?', value, leaf.id)
    assert ("leaf", leaf.digest.hex()) in broken(verify(home))


@pytest.mark.parametrize(("column", "value"), [
    ("signature", b"\x00" * 64), ("root", b"\x01" * 32), ("count", 999), ("at", 5), ("previous", b"\x02" * 32), ("kind", "other"),
    ("signer", b"\x03" * 32),
])  # fmt: skip
def test_any_column_of_a_seal_changed_breaks_what_is_under_it(make, column, value):
    home = make.whole()
    row = figure(home, LEVEL, "E1")
    with sqlite3.connect(home.path / "ledger.db") as connection:
        (number,) = connection.execute(
            "SELECT x.seal FROM sections x JOIN segments s ON s.id = x.segment WHERE s.measure = ?", (LEVEL,)).fetchone()  # fmt: skip
    connection.close()
    alter(home, f'UPDATE seals SET "{column}" = ? WHERE number = ?', value, number)
    verdict = verify(home)
    assert ("seal", str(number)) in broken(verdict)
    assert trace(home, row["digest"]).state == "BROKEN"
    assert trace(home, figure(home, OEE, "M1")["digest"]).state == "SHOWN"


def test_a_seal_taken_out_leaves_a_hole_in_the_chain(make):
    home = make.whole()
    alter(home, "DELETE FROM seals WHERE number = 2")
    kinds = {kind for kind, _ in broken(verify(home))}
    assert "seal" in kinds


def test_a_set_of_inputs_changed_in_the_ledger_is_broken_with_what_stands_on_it(make):
    home = make.whole()
    row = figure(home, LEVEL, "E1")
    alter(home, "UPDATE inputs SET digests = ? WHERE root = ?", b"\x09" * 32, row["inputs"])
    verdict = verify(home)
    assert broken(verdict) == {("inputs", row["inputs"].hex())}
    assert row["digest"].hex() in beneath(verdict)
    assert trace(home, row["digest"]).state == "BROKEN"
    assert trace(home, figure(home, OEE, "M1")["digest"]).state == "SHOWN"


def test_a_set_of_inputs_that_is_missing_at_the_home_that_made_the_figure_is_broken(make):
    home = make.whole()
    row = figure(home, LEVEL, "E1")
    alter(home, "DELETE FROM inputs WHERE root = ?", row["inputs"])
    assert trace(home, row["digest"]).state == "BROKEN"


def test_the_text_of_a_method_changed_in_the_ledger_is_broken_with_what_stands_on_it(make):
    home = make.whole()
    row = figure(home, LEVEL, "E1")
    alter(home, "UPDATE methods SET document = replace(document, '80', '10') WHERE digest = ?", row["method"])
    verdict = verify(home)
    assert broken(verdict) == {("method", row["method"].hex())}
    assert beneath(verdict) == names(home, (LEVEL, "E1"), (LEVEL, "E2"), *COVERED)
    assert trace(home, figure(home, COVERAGE, "440300")["digest"]).state == "BROKEN"
    assert trace(home, figure(home, OEE, "M1")["digest"]).state == "SHOWN"


def test_the_text_of_a_method_taken_out_of_the_ledger_is_broken(make):
    home = make.whole()
    row = figure(home, LEVEL, "E1")
    alter(home, "DELETE FROM methods WHERE digest = ?", row["method"])
    assert trace(home, row["digest"]).state == "BROKEN"


REMOVALS = {
    "inputs": "DELETE FROM inputs WHERE id = 1", "methods": "DELETE FROM methods WHERE rowid = 1",
    "leaves": "DELETE FROM leaves WHERE kind = 'answers'", "segments": "DELETE FROM segments WHERE id = 1",
    "sections": "DELETE FROM sections WHERE segment = 1", "seals": "DELETE FROM seals WHERE number = 3",
    "last seal": "DELETE FROM seals WHERE number = (SELECT max(number) FROM seals)",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(REMOVALS))
def test_verify_names_a_row_that_was_taken_out_of_the_ledger(make, name):
    home = make.whole()
    alter(home, REMOVALS[name])
    assert not verify(home).holds


@pytest.mark.parametrize(("column", "value"), [
    ("path", "lake/figures/none.parquet"), ("sha256", b"\x00" * 32), ("measure", "iso22400/nee"),
    ("rows", 99), ("start", 7), ("end", 8),
])  # fmt: skip
def test_verify_names_a_row_of_a_segment_that_was_changed(make, column, value):
    home = make.whole()
    alter(home, f'UPDATE segments SET "{column}" = ? WHERE id = 1', value)
    assert not verify(home).holds


@pytest.mark.parametrize(("column", "value"), [
    ("seal", 1), ("offset", 4), ("count", 1), ("home", "0123456789abcdef"),
])  # fmt: skip
def test_verify_names_a_section_of_a_segment_that_was_changed(make, column, value):
    home = make.whole()
    alter(home, f'UPDATE sections SET "{column}" = ? WHERE segment = 1', value)
    assert not verify(home).holds


def test_an_offer_changed_in_the_ledger_is_broken(make):
    home = make.whole()
    offer = make.offer(home, "*")
    alter(home, "UPDATE offers SET document = replace(document, '\"smallest\":3', '\"smallest\":1')")
    assert broken(verify(home)) == {("offer", offer.id)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_byte_of_any_parquet_file_changed_is_found(make, data):
    home = make._opened[0] if make._opened else make.whole()
    paths = sorted(home.path.glob("lake/**/*.parquet"))
    path = data.draw(st.sampled_from(paths))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
    try:
        assert not verify(home).holds
    finally:
        path.write_bytes(whole)


def test_a_segment_that_lost_the_name_of_a_column_is_broken(make):
    home = make.whole()
    level = figure(home, LEVEL, "E1")["digest"]
    for path in home.path.glob("lake/figures/*.parquet"):
        path.write_bytes(path.read_bytes().replace(b"high", b"hich"))
    assert trace(home, level).state == "BROKEN"
    assert ("segment", path.relative_to(home.path).as_posix()) in broken(verify(home))


def test_figures_that_came_from_another_home_are_held_there_and_verify_here(make):
    works, park, _, data = make.pair()
    receive(park, data)
    assert verify(park).holds
    root = trace(park, figure(works, LEVEL, "E1")["digest"])
    assert (root.state, root.at_home) == ("SHOWN", works.id)
    assert [(child.state, child.at_home) for child in root.children] == [("HELD", works.id)]


def test_a_bundle_changed_after_it_was_taken_is_broken(make):
    _, park, _, data = make.pair()
    receive(park, data)
    (path,) = (park.path / "bundles").iterdir()
    flip(path, len(data) // 2)
    (leaf,) = park.leaves(kind="bundle")
    assert ("leaf", leaf.digest.hex()) in broken(verify(park))


def test_every_figure_of_a_large_segment_is_found_in_its_own_row(make, monkeypatch):
    monkeypatch.setattr("steelyard.store.lake.LARGE", 4)
    monkeypatch.setattr("steelyard.store.lake.LARGE_GROUP", 3)
    home = make.new()
    for table, text in make.files.items():
        make.give(home, table, text)
    firms = [f"G{n}" for n in range(8)]
    make.give(
        home,
        "answers",
        "subject,item,at,value,grade,document\n" + "".join(make.answers(firm, 1) for firm in firms),
        "more.csv",
    )
    make.weigh(home, ["sme2024/level"], "2026")
    rows = home.figures("sme2024/level").to_pylist()
    assert len(rows) >= 8
    assert {trace(home, row["digest"]).state for row in rows} == {"SHOWN"}
