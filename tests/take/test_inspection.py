"""Inspections: an assessor's own sealed answers to what was drawn; they supersede by grade, and nothing is overwritten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli import main
from steelyard.dots.compare import compare
from steelyard.dots.forms import form_in, form_out
from steelyard.errors import InputError, UsageError
from steelyard.evidence.seal import Key
from steelyard.model.period import iso, micros, moment
from steelyard.store.lake import engine
from steelyard.take.documents import keep_documents
from steelyard.take.draw import Draw, Inspection, read_draw, read_inspection, read_key, sample, sealed, write_key
from steelyard.take.inspection import (
    assessors_of,
    draw_items,
    revoke_assessor,
    seal_inspection,
    take_inspection,
    trust_assessor,
)
from steelyard.trace import verify
from steelyard.weigh.known import known

FRAMEWORK = "sme2024"


class Visit:
    """A factory that answered, an assessor that it trusts, and the files that go between them."""

    def __init__(self, make) -> None:
        self.make = make
        self.home = make.new("works", kind="factory", subject="E1")
        self.key = Key.new()
        trust_assessor(self.home, self.key.public.hex(), "Zhang San")

    def say(self, *rows, **more):
        taken = form_in(self.home, self.make.file("said.csv", "item,answer,grade,document\n" + "\n".join(rows)), **more)
        assert taken.refused == []

    def drawn(self, *items, key=None, framework=FRAMEWORK, subject="E1"):
        """A draw of just these items; honest only where the seed would draw them."""
        key = key or self.home.key
        return sealed(Draw(subject, framework, items, 31, "seed", iso(self.home.now()), key.public.hex()), key)

    def draw(self, count=3, seed="lottery 26-11-22: 7"):
        return draw_items(self.home, FRAMEWORK, "E1", count, seed)

    def sealed(self, rows, draw, key=None, at=None):
        form = self.make.file("found.csv", "item,answer,grade,document\n" + "\n".join(rows))
        data = seal_inspection(form, draw, key or self.key, "Zhang San", iso(at or self.home.now()))
        return self.make.file("visit.inspection", data)

    def visit(self, level="1", **more):
        draw = self.draw_on(more["at"]) if "at" in more else self.draw()
        return take_inspection(
            self.home, self.sealed([f"{item},{level},," for item in read_draw(draw, "")[0].items], draw, **more)
        )

    def draw_on(self, at, framework=FRAMEWORK):
        """An honest draw made at a moment (µs UTC)."""
        drawn, _ = read_draw(draw_items(self.home, framework, "E1", 3, "seed"), "")
        return sealed(replace(drawn, at=iso(at)), self.home.key)

    def answers(self):
        with engine(self.home.path) as opened:
            self.home.table_view(opened, "answers")
            return sorted(opened.rows("SELECT item, value, grade FROM answers"))


@pytest.fixture
def visit(make):
    return Visit(make)


def test_the_constrained_items_are_drawn_first_and_the_seed_draws_the_same_again(visit):
    items, first = visit.home.catalog.items, read_draw(visit.draw(), "")[0]
    assert all(items[item].get("constrained") for item in first.items)
    assert read_draw(visit.draw(), "")[0].items == first.items
    assert read_draw(visit.draw(seed="another"), "")[0].items != first.items
    every = read_draw(visit.draw(count=31), "")[0].items
    assert set(every) == set(visit.home.catalog.framework(FRAMEWORK).items)
    assert every[:3] == first.items


@given(
    st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=40, unique=True),
    st.text(min_size=1).filter(str.strip),
    st.data(),
)
def test_a_draw_is_a_sample_without_repetition_whatever_the_order_of_the_items_and_a_greater_one_contains_a_smaller(
    items, seed, data
):
    constrained = data.draw(st.sets(st.sampled_from(items)))
    count = data.draw(st.integers(1, len(items)))
    drawn = sample(items, constrained, count, seed)
    assert len(set(drawn)) == count
    assert drawn == sample(items[::-1], constrained, count, seed)
    assert sample(items, constrained, len(items), seed)[:count] == drawn
    assert len(set(drawn) & constrained) == min(count, len(constrained))


def test_an_inspection_stands_against_what_was_said_before_and_after_and_overwrites_nothing(visit):
    visit.say("S1,4,pledged,", "S7,4,pledged,", "S9,3,pledged,")
    taken = visit.visit()
    drawn = taken.inspection.draw.items
    visit.say(*(f"{item},4,pledged," for item in drawn))
    counted = known(visit.home, "E1", drawn, visit.home.now() + 1)
    assert {(one.value, one.grade) for one in counted.values()} == {("1", "inspected")}
    assert len([row for row in visit.answers() if row[2] == "pledged"]) >= len(drawn)
    assert verify(visit.home).holds


def test_a_pledge_that_claims_the_very_moment_of_the_visit_does_not_displace_it(visit):
    taken = visit.visit(at=visit.home.now() - 10**9)
    visit.say(f"{taken.inspection.draw.items[0]},4,pledged,", at=taken.leaf.start)
    found = known(visit.home, "E1", taken.inspection.draw.items, visit.home.now() + 1)
    assert found[taken.inspection.draw.items[0]].value == "1"


def test_the_leaf_names_the_assessor_s_key_the_signature_and_the_draw_and_stands_on_the_file(visit):
    taken = visit.visit()
    said = taken.leaf.header["source"]["inspection"]
    assert said["signer"] == visit.key.public.hex()
    assert said["drawn"] == list(taken.inspection.draw.items)
    assert (said["on_site"], said["among"], said["draw_signer"]) == (True, 31, visit.home.public_key.hex())
    (file,) = visit.home.leaves(kind="inspection")
    assert taken.leaf.header["source"]["parents"] == [file.digest.hex()]
    assert json.loads((visit.home.path / file.path).read_text())["signature"] == said["signature"]


def test_an_inspection_taken_twice_is_kept_once(visit):
    draw = visit.draw()
    path = visit.sealed([f"{item},1,," for item in read_draw(draw, "")[0].items], draw)
    assert not take_inspection(visit.home, path).already
    assert take_inspection(visit.home, path).already
    assert len(visit.home.leaves(kind="answers")) == 1


def test_the_file_of_an_inspection_that_was_changed_afterwards_is_broken(visit):
    visit.visit()
    (file,) = visit.home.leaves(kind="inspection")
    path = visit.home.path / file.path
    path.write_bytes(path.read_bytes().replace(b'"1"', b'"4"'))
    kinds = {fault.kind for fault in verify(visit.home).faults if not fault.beneath}
    assert kinds == {"leaf", "inspection"}


# what is refused, and then nothing is kept


def refused(visit, path, code):
    with pytest.raises((InputError, UsageError)) as why:
        take_inspection(visit.home, path)
    assert why.value.code == code
    assert why.value.say("zh")
    assert why.value.say("en")
    assert visit.home.leaves(kind="answers") == visit.home.leaves(kind="inspection") == []


def test_an_unknown_a_revoked_and_the_home_s_own_key_are_not_trusted(visit):
    draw = visit.draw()
    rows = [f"{item},1,," for item in read_draw(draw, "")[0].items]
    refused(visit, visit.sealed(rows, draw, key=Key.new()), "SY727")
    with pytest.raises(UsageError) as why:
        trust_assessor(visit.home, visit.home.public_key.hex(), "ourselves")
    assert why.value.code == "SY420"
    refused(visit, visit.sealed(rows, draw, key=visit.home.key), "SY727")
    revoke_assessor(visit.home, visit.key.public.hex())
    assert [one.state for one in assessors_of(visit.home)] == ["revoked"]
    refused(visit, visit.sealed(rows, draw), "SY727")
    trust_assessor(visit.home, visit.key.public.hex(), "Zhang San")
    assert not take_inspection(visit.home, visit.sealed(rows, draw)).already


def test_a_draw_of_an_unknown_key_is_not_trusted(visit):
    drawn = visit.drawn("S1", key=Key.new())
    refused(visit, visit.sealed(["S1,1,,"], drawn), "SY727")


def test_items_that_the_seed_does_not_draw_are_told(visit):
    refused(visit, visit.sealed(["Q2,B,,"], visit.drawn("Q2")), "SY728")


def test_any_changed_byte_of_what_was_sealed_is_told(visit):
    draw = visit.draw()
    path = visit.sealed([f"{item},1,," for item in read_draw(draw, "")[0].items], draw)
    whole = json.loads(path.read_bytes())
    for change in (
        lambda d: d["inspection"].update(subject="E2"), lambda d: d["inspection"]["answers"][0].__setitem__(1, "4"),
        lambda d: d["inspection"]["draw"].update(seed="x"), lambda d: d["inspection"].update(on_site=False),
        lambda d: d.update(signature="00" * 64), lambda d: d["inspection"].pop("draw"), lambda d: d.pop("inspection"),
    ):  # fmt: skip
        document = json.loads(path.read_bytes())
        change(document)
        refused(visit, visit.make.file("changed.inspection", json.dumps(document)), "SY728")
    assert json.loads(path.read_bytes()) == whole
    for junk in (b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000):
        refused(visit, visit.make.file("junk.inspection", junk), "SY728")


def test_answers_beyond_or_short_of_the_draw_are_named_before_sealing(visit):
    draw = visit.draw()
    items = read_draw(draw, "")[0].items
    for rows in (
        [f"{item},1,," for item in items[:2]],
        [f"{item},1,," for item in (*items, "Q2")],
        [f"{item},1,," for item in (*items, items[0])],
    ):
        with pytest.raises(InputError) as why:
            visit.sealed(rows, draw)
        assert why.value.code == "SY729"


def test_answers_short_of_the_draw_are_named_even_where_another_tool_sealed_them(visit):
    drawn, signature = read_draw(visit.draw(), "")
    found = Inspection(
        "E1",
        FRAMEWORK,
        "Zhang",
        iso(visit.home.now()),
        ((drawn.items[0], "1", ""),),
        drawn,
        signature,
        visit.key.public.hex(),
    )
    refused(visit, visit.make.file("short.inspection", sealed(found, visit.key)), "SY729")


def test_a_value_that_the_item_cannot_have_a_visit_to_come_and_an_unknown_document_are_refused(visit):
    draw = visit.draw()
    items = read_draw(draw, "")[0].items
    refused(visit, visit.sealed([f"{item},9,," for item in items], draw), "SY331")
    refused(visit, visit.sealed([f"{item},1,," for item in items], draw, at=visit.home.now() + 10**12), "SY712")
    refused(visit, visit.sealed([f"{item},1,,photo.jpg" for item in items], draw), "SY723")


DAY = 86_400 * 10**6


def local(visit, text):
    return micros(datetime.fromisoformat(text).replace(tzinfo=visit.home.zone))


def on_a_day(visit, drawn, at, framework=FRAMEWORK, value="1"):
    draw = visit.draw_on(drawn, framework)
    return visit.sealed([f"{item},{value},," for item in read_draw(draw, "")[0].items], draw, at=at)


def test_a_visit_is_not_dated_before_the_day_of_the_draw_but_may_be_that_very_day(visit):
    drawn = local(visit, "2026-03-02T15:00")
    refused(visit, on_a_day(visit, drawn, local(visit, "2026-03-01T23:59")), "SY795")
    assert not take_inspection(visit.home, on_a_day(visit, drawn, local(visit, "2026-03-02T00:00"))).already


def test_a_visit_lies_in_the_time_in_which_the_edition_is_in_force(visit):
    early = local(visit, "2024-09-03T12:00")
    refused(visit, on_a_day(visit, early, early), "SY720")
    assert take_inspection(visit.home, on_a_day(visit, early, early + DAY)).inspection.answers


def test_a_draft_that_was_never_in_force_can_be_tried_out(visit):
    at = local(visit, "2026-03-02T12:00")
    assert take_inspection(visit.home, on_a_day(visit, at, at, "gbt39116/draft2024", "0")).inspection.answers


def test_answers_that_were_not_given_on_site_are_no_inspection(visit):
    draw = visit.draw()
    path = visit.sealed([f"{item},1,," for item in read_draw(draw, "")[0].items], draw)
    found, _ = read_inspection(path.read_bytes(), "")
    refused(visit, visit.make.file("remote.inspection", sealed(replace(found, on_site=False), visit.key)), "SY796")


def test_a_draw_of_a_subject_that_is_not_there_is_told_the_nearest(visit):
    visit.make.give(visit.home, "subjects", "id,kind,gbt4754\nE77,enterprise,C2511\n")
    with pytest.raises(UsageError) as why:
        draw_items(visit.home, FRAMEWORK, "E78", 3, "seed")
    assert why.value.code == "SY707"
    assert "E77" in why.value.say("en")
    path = visit.sealed(["S1,1,,"], visit.drawn("S1", subject="E78"))
    refused(visit, path, "SY707")


def test_a_process_firm_is_drawn_only_what_its_industry_is_asked(visit):
    visit.make.give(visit.home, "subjects", "id,kind,gbt4754\nE1,enterprise,C2511\n")
    with pytest.raises(UsageError) as why:
        draw_items(visit.home, "gbt39116/2020", "E1", 94, "seed")
    assert why.value.code == "SY101"
    draw = draw_items(visit.home, "gbt39116/2020", "E1", 89, "seed")
    drawn, _ = read_draw(draw, "")
    assert drawn.among == 89
    assert not any(".product_design." in item for item in drawn.items)
    taken = take_inspection(visit.home, visit.sealed([f"{item},1,," for item in drawn.items], draw))
    assert len(taken.inspection.answers) == compare(visit.home, "E1", "gbt39116/2020").among == 89


def told(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0), capsys.readouterr()


def test_the_commands_seal_and_compare_by_days_of_the_place(visit, capsys):
    drawn = local(visit, "2026-03-02T15:00")
    draw = visit.make.file("draw.json", visit.draw_on(drawn))
    items = read_draw(draw.read_bytes(), "")[0].items
    form = visit.make.file("found.csv", "item,answer,document\n" + "".join(f"{item},1,\n" for item in items))
    write_key(key := visit.make.path / "zhang.pem", visit.key)
    out = visit.make.path / "e1.inspection"
    sealing = ("inspect", "seal", str(form), "--draw", str(draw), "--key", str(key), "--out", str(out), "--at")
    for more, code in (
        (("2026-03-02", "--zone", "Mars/A"), "SY107"),
        (("2026-03-01",), "SY795"),
        (("2999-01-01",), "SY712"),
    ):
        status, said = told(capsys, *sealing, *more)
        assert (status, said.err[:5], out.exists()) == (2 if code == "SY107" else 3, code, False)
    assert told(capsys, *sealing, "2026-03-02")[0] == 0
    take_inspection(visit.home, out)
    assert moment(local(visit, "2026-03-02")).date().isoformat() == "2026-03-01"
    shown = told(capsys, "inspect", "compare", str(visit.home.path), "E1", FRAMEWORK)[1].out
    assert "2026-03-02" in shown
    assert "2026-03-01" not in shown


def test_an_inspection_stands_on_the_documents_that_it_names(visit):
    (kept,) = keep_documents(visit.home, [(visit.make.file("photo.jpg", "jpg"), "photo")], "E1")
    draw = visit.draw()
    taken = take_inspection(
        visit.home, visit.sealed([f"{item},1,,photo.jpg" for item in read_draw(draw, "")[0].items], draw)
    )
    assert len(taken.leaf.header["source"]["parents"]) == 2
    found = known(visit.home, "E1", taken.inspection.draw.items, visit.home.now() + 1)
    assert {one.document for one in found.values()} == {kept.document.document}


def test_a_factory_s_own_file_cannot_claim_an_inspection_but_a_region_s_can(make):
    text = (
        "subject,item,at,value,grade,document\nE1,S1,2026-03-01,2,inspected,scan\nE1,S2,2026-03-01,2,documented,scan\n"
    )
    taken = make.give(make.new("works", kind="factory"), "answers", text)
    assert [(one.row, one.column, one.code) for one in taken.refused] == [(2, "grade", "SY719")]
    assert (taken.read, taken.stored) == (2, 1)
    assert make.give(make.new("city", kind="region"), "answers", text).stored == 2


def test_a_form_that_shows_an_inspection_comes_back_unchanged(visit):
    visit.visit()
    path = visit.make.path / "form.csv"
    form_out(visit.home, FRAMEWORK, path)
    taken = form_in(visit.home, path)
    assert (taken.stored, taken.unchanged, taken.refused) == (0, 31, [])


# comparison


def test_the_comparison_tells_overstated_understated_same_and_not_said(visit):
    draw = visit.draw(count=4)
    first, second, third, fourth = read_draw(draw, "")[0].items
    visit.say(f"{first},4,pledged,", f"{second},1,declared,", f"{third},2,pledged,")
    take_inspection(visit.home, visit.sealed([f"{item},2,," for item in (first, second, third, fourth)], draw))
    found = compare(visit.home, "E1", FRAMEWORK)
    verdicts = {one.item: one.verdict for one in found.items}
    assert verdicts == {first: "overstated", second: "understated", third: "same", fourth: "not_said"}
    assert found.differences == 2
    assert found.among == 31


def test_what_was_said_after_the_visit_does_not_change_the_comparison(visit):
    draw = visit.draw(count=1)
    (item,) = read_draw(draw, "")[0].items
    visit.say(f"{item},4,pledged,")
    take_inspection(visit.home, visit.sealed([f"{item},2,,"], draw))
    visit.say(f"{item},2,pledged,")
    (one,) = compare(visit.home, "E1", FRAMEWORK).items
    assert (one.said, one.found, one.verdict) == ("4", "2", "overstated")


def test_a_pledge_that_a_fact_gives_is_compared_too(visit):
    visit.say("fact.equipment_digital,0.9,pledged,")
    draw = visit.draw(count=31)
    drawn = read_draw(draw, "")[0].items
    rows = [f"{item},{'1' if item.startswith('S') else 'B'},," for item in drawn]
    take_inspection(visit.home, visit.sealed(rows, draw))
    (one,) = (one for one in compare(visit.home, "E1", FRAMEWORK).items if one.item == "Q2")
    assert (one.said, one.found, one.verdict) == ("E", "B", "overstated")


def test_the_order_of_letters_is_no_difference(visit):
    visit.say("Q1,C+B,pledged,")
    draw = visit.draw(count=31)
    rows = [
        f"{item},{'1' if item.startswith('S') else 'B+C' if item == 'Q1' else 'B'},,"
        for item in read_draw(draw, "")[0].items
    ]
    take_inspection(visit.home, visit.sealed(rows, draw))
    assert {one.verdict for one in compare(visit.home, "E1", FRAMEWORK).items if one.item == "Q1"} == {"same"}


# keys


def test_a_key_is_written_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "a.pem"
    write_key(path, made := Key.new())
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path).public == made.public
    with pytest.raises(FileExistsError):
        write_key(path, Key.new())
    (tmp_path / "b.pem").write_text("none")
    for bad in ("b.pem", "c.pem"):
        with pytest.raises(InputError) as why:
            read_key(tmp_path / bad)
        assert why.value.code == "SY728"
