"""Forms come back: what did not change is no answer anew, what did is one, and every bad cell is named."""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile

import docx
import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from steelyard.catalog import load
from steelyard.dots.forms import NOTES, form_in, form_out, whose
from steelyard.errors import InputError, UsageError
from steelyard.store.documents import rests_at
from steelyard.store.lake import engine
from steelyard.tabular.answers import fits
from steelyard.take.documents import keep_documents
from steelyard.take.named import Shelf
from steelyard.trace import trace, verify
from steelyard.weigh.known import known

ITEMS = load().items
FRAMEWORK = load().framework("sme2024")
MULTI = {"Q1", "Q4", "Q6", "Q7", "Q9", "Q10"}
CHOICES = {
    item: [str(n) for n in range(5)] if item.startswith("S") else [str(o) for o in ITEMS[item]["points"]]
    for item in FRAMEWORK.items
}
OLD = """
label: {zh: 旧版, en: Old edition}
document: x
status: official
in_force: 2020-01-01
until: 2021-01-01
measure: ''
levels: {}
items:
  old.1: {label: {zh: 题, en: Item}, group: g, mode: level, levels: 3, status: confirmed}
"""


@pytest.fixture
def home(make):
    return make.new("works", kind="factory", subject="E1")


def take(make, home, rows, **more):
    text = "item,answer,grade,document\n" + "".join(f"{row}\n" for row in rows)
    return form_in(home, make.file("form.csv", text), **more)


def codes(taken):
    return [(one.row, one.column, one.code) for one in taken.refused]


def change_csv(path, changes):
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    for row in rows[1:]:
        if row[0] in changes:
            row[1:3] = changes[row[0]]
    path.write_text("\n".join(",".join(row) for row in rows), "utf-8-sig")


def change_xlsx(path, changes):
    book = openpyxl.load_workbook(path)
    for row in book.active.iter_rows():
        if row[0].value in changes:
            row[4].value, row[5].value = changes[row[0].value]
    book.save(path)


def change_docx(path, changes):
    document = docx.Document(path)
    for table in document.tables[1:]:
        for row in table.rows[1:]:
            if row.cells[0].text in changes:
                row.cells[2].text, row.cells[3].text = changes[row.cells[0].text]
    document.save(path)


CHANGE = {".csv": change_csv, ".xlsx": change_xlsx, ".docx": change_docx}


def value_of(item, number):
    return CHOICES[item][1 + number % (len(CHOICES[item]) - 1)]


@pytest.mark.parametrize("ending", sorted(CHANGE))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_form_that_comes_back_as_it_went_out_stores_nothing(make, home, ending, lang):
    take(make, home, ["Q1,B+C,pledged,", "S1,3,declared,"])
    path = make.path / f"form{ending}"
    form_out(home, "sme2024", path, lang=lang)
    taken = form_in(home, path)
    assert (taken.framework, taken.subject) == ("sme2024", "E1")
    assert (taken.read, taken.stored, taken.unchanged, taken.refused) == (31, 0, 31, [])


@settings(
    max_examples=6, phases=[Phase.generate], deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ending=st.sampled_from(sorted(CHANGE)), known_ones=st.sets(st.sampled_from(FRAMEWORK.items), max_size=8),
       changed=st.dictionaries(st.sampled_from(FRAMEWORK.items), st.integers(0, 99), max_size=8), data=st.data())  # fmt: skip
def test_k_changes_store_k_answers_whatever_the_format_and_the_rest_stays(make, ending, known_ones, changed, data):
    home = make.new(f"home{data.draw(st.uuids())}", kind="factory", subject="E1")
    if known_ones:
        take(make, home, [f"{item},{CHOICES[item][0]},declared," for item in sorted(known_ones)])
    path = make.path / f"{home.name}{ending}"
    form_out(home, "sme2024", path)
    CHANGE[ending](path, {item: (value_of(item, number), "pledged") for item, number in changed.items()})
    taken = form_in(home, path)
    assert taken.refused == []
    assert (taken.stored, taken.unchanged) == (len(changed), 31 - len(changed))
    after = known(home, "E1", FRAMEWORK.items, home.now() + 1)
    assert set(after) >= known_ones | set(changed)
    assert all(after[item].value == value_of(item, number) for item, number in changed.items())
    again = make.path / f"again{ending}"
    form_out(home, "sme2024", again)
    assert form_in(home, again).stored == 0


@settings(
    max_examples=15, phases=[Phase.generate], deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(
    st.sampled_from([*FRAMEWORK.items[:4], "", "Q99", "smart_factory_tier", "＝1"]), st.sampled_from(["", "B", "A+B", "B+C", "2", "B;C", "–1"]),
    st.sampled_from(["", "pledged", "documented", "inspected", "measured", "Pledged"]), st.sampled_from(["", "x.pdf", "../x", "+", "abcdefabcdef"]),
), min_size=1, max_size=6))  # fmt: skip
def test_whatever_the_rows_hold_each_is_stored_refused_or_unchanged_and_what_is_stored_can_be_answered(
    make, home, rows
):
    lines = ["S16,,,", *(",".join(row) for row in rows)]  # one of the framework's own, so that the file is its form
    taken = take(make, home, lines, framework="sme2024")
    assert taken.read == taken.stored + taken.rows_refused + taken.unchanged
    assert taken.rows_refused == len({one.row for one in taken.refused})
    with engine(home.path) as opened:
        home.table_view(opened, "answers")
        stored = opened.rows("SELECT item, value, grade FROM answers")
    assert all(
        fits(item, value, ITEMS) is None and grade in ("declared", "pledged", "documented")
        for item, value, grade in stored
    )


BAD = {
    "Q99,B,pledged,": ("item", "SY330"),
    "smart_factory_tier,1,pledged,": ("item", "SY716"),
    "Q2,Z,pledged,": ("answer", "SY331"),
    "Q1,B+B,pledged,": ("answer", "SY338"),
    "Q1,A+B,pledged,": ("answer", "SY339"),
    "S1,高,pledged,": ("answer", "SY331"),
    "Q2,,pledged,": ("answer", "SY310"),
    "Q2,B,,": ("grade", "SY310"),
    "Q2,B,sure,": ("grade", "SY317"),
    "Q2,B,inspected,": ("grade", "SY719"),
    "Q2,B,measured,": ("grade", "SY719"),
    "Q2,B,documented,": ("grade", "SY703"),
    "Q2,B,documented,gone.pdf": ("document", "SY723"),
    "Q2,B,pledged,abcdefabcdef": ("document", "SY723"),
}


@pytest.mark.parametrize("row", sorted(BAD))
def test_every_bad_cell_is_named_with_its_row_and_the_good_row_beside_it_is_kept(make, home, row):
    taken = take(make, home, ["Q8,B,pledged,", row], framework="sme2024")
    assert codes(taken) == [(3, *BAD[row])]
    assert (taken.read, taken.stored, taken.rows_refused) == (2, 1, 1)
    assert all(one.say(lang) and one.remedy(lang) for one in taken.refused for lang in ("zh", "en"))
    report = taken.report.read_text("utf-8-sig").splitlines()
    assert report[0].startswith("item,answer,grade,document,refused_row")
    assert len(report) == 2


def test_text_in_a_number_is_named(make, home):
    taken = take(make, home, ["fact.equipment_digital,35%,pledged,", "fact.equipment_networked,1.2,pledged,"])
    assert taken.framework == "facts"
    assert codes(taken) == [(2, "answer", "SY701"), (3, "answer", "SY702")]


@pytest.mark.parametrize(
    ("ending", "value"), [(".xlsx", 12 / 37), (".xlsx", 1e-05), (".docx", "０．３５"), (".docx", "0.7292875187405867")]
)
def test_a_number_is_taken_as_excel_or_a_chinese_keyboard_writes_it(make, home, ending, value):
    path = make.path / f"form{ending}"
    form_out(home, "facts", path)
    CHANGE[ending](path, {"fact.equipment_digital": (value, "承诺")})
    taken = form_in(home, path)
    assert (taken.refused, taken.stored) == ([], 1)
    found = known(home, "E1", ["fact.equipment_digital"], home.now() + 1)["fact.equipment_digital"]
    written = unicodedata.normalize("NFKC", str(value))
    assert float(found.value) == pytest.approx(float(written), rel=1e-15)
    assert (found.grade, found.value.isascii()) == ("pledged", True)


def test_a_number_of_which_a_spreadsheet_kept_fifteen_digits_is_unchanged(make, home):
    take(make, home, ["fact.equipment_digital,0.7292875187405867,pledged,"])
    path = make.path / "form.xlsx"
    form_out(home, "facts", path)
    change_xlsx(path, {"fact.equipment_digital": (0.729287518740587, "pledged")})
    assert form_in(home, path).stored == 0


def test_the_chinese_words_for_grades_and_full_width_answers_are_taken(make, home):
    rows = ["S1,３,承诺,", "Q1,Ｂ＋Ｃ,申报,", "S2,2,有佐证,", "S3,2,实测,", "S4,九,承诺,"]
    taken = take(make, home, rows)
    assert codes(taken) == [(4, "grade", "SY703"), (5, "grade", "SY719"), (6, "answer", "SY331")]
    found = known(home, "E1", FRAMEWORK.items, home.now() + 1)
    assert {item: (one.value, one.grade) for item, one in found.items()} == {
        "S1": ("3", "pledged"),
        "Q1": ("B+C", "declared"),
    }
    assert all(word in "".join(NOTES["zh"]) for word in ("申报", "承诺", "有佐证"))


def test_a_bad_cell_of_a_workbook_is_named_as_excel_shows_it_and_of_a_word_file_by_its_table(make, home):
    for ending, place in ((".xlsx", "E"), (".docx", "table 2 row 2")):
        path = make.path / f"form{ending}"
        form_out(home, "sme2024", path)
        CHANGE[ending](path, {"Q1": ("Z", "pledged")})
        taken = form_in(home, path)
        assert [one.code for one in taken.refused] == ["SY331"]
        assert taken.places[0].startswith(place)
        if ending == ".xlsx":
            assert openpyxl.load_workbook(path).active[taken.places[0]].value == "Z"


def test_an_item_that_stands_twice_is_refused_in_both_rows_and_nothing_is_guessed(make, home):
    taken = take(make, home, ["Q2,B,pledged,", "Q3,B,pledged,", "Q2,C,pledged,"])
    assert codes(taken) == [(2, "answer", "SY715"), (4, "answer", "SY715")]
    assert known(home, "E1", ["Q2"], home.now() + 1) == {}


def test_a_cell_that_was_emptied_does_not_take_an_answer_back(make, home):
    take(make, home, ["Q2,B,pledged,"])
    (refused,) = take(make, home, ["Q2,,,"]).refused
    assert (refused.row, refused.column, refused.code) == (2, "answer", "SY792")
    assert "CSV" in refused.say("zh")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path)
    change_xlsx(path, {"Q2": (None, None)})
    assert [one.code for one in form_in(home, path).refused] == ["SY717"]


@pytest.mark.parametrize("ending", [".xlsx", ".docx"])
@pytest.mark.parametrize("days", [0, 30])
def test_a_blank_row_is_unchanged_where_somebody_else_answered_after_the_form_was_made(make, home, ending, days):
    path = make.path / f"form{ending}"
    form_out(home, "sme2024", path)
    assert take(make, home, ["S1,3,pledged,"], at=home.now() - days * 86_400_000_000).stored == 1
    taken = form_in(home, path)
    assert (taken.refused, taken.stored, taken.unchanged) == ([], 0, 31)
    assert known(home, "E1", ["S1"], home.now() + 1)["S1"].value == "3"


def test_a_corrected_report_of_refusals_can_be_taken_again(make, home):
    taken = take(make, home, ["Q2,Z,pledged,", "Q8,B,pledged,"])
    path = make.file("mended.csv", taken.report.read_text("utf-8-sig").replace("Q2,Z", "Q2,B"))
    assert form_in(home, path).stored == 1


# documents


@pytest.fixture
def folder(make):
    path = make.path / "papers"
    for name, text in {
        "invoice/发票.pdf": "invoice",
        "合同/a+b.pdf": "contract",
        "misc.pdf": "misc",
        "one/x.pdf": "1",
        "two/x.pdf": "2",
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    (make.path / "secret.pdf").write_text("secret")
    (path / "link.pdf").symlink_to(make.path / "secret.pdf")
    return path


def test_documents_named_by_file_name_are_kept_on_the_way_of_the_kind_of_their_folder(make, home, folder):
    rows = ["S1,2,documented,发票.pdf", "S2,2,documented,a+b.pdf", "S3,2,documented,a+b.pdf+发票.pdf"]
    taken = take(make, home, rows, documents=folder, framework="sme2024")
    assert taken.refused == []
    assert len(taken.documents) == 2
    assert {child.leaf["kind"] for child in trace(home, taken.leaf.digest).children} == {"document"}
    assert len(trace(home, taken.leaf.digest).children) == 2
    assert verify(home).holds


def test_a_document_is_found_again_by_its_name_or_the_beginning_of_its_id(make, home, folder):
    (kept,) = keep_documents(home, [(folder / "invoice" / "发票.pdf", "invoice")], "E1")
    taken = take(make, home, ["S1,2,documented,发票.pdf", f"S2,2,documented,{kept.document.short}"])
    assert (taken.stored, taken.documents) == (2, [])
    assert {one.document for one in known(home, "E1", ["S1", "S2"], home.now() + 1).values()} == {
        kept.document.document
    }


@pytest.mark.parametrize(("cell", "code"), [
    ("../secret.pdf", "SY724"), ("link.pdf", "SY724"), ("x.pdf", "SY723"), ("none.pdf", "SY723"), ("misc.pdf", "SY721"),
])  # fmt: skip
def test_a_file_outside_the_folder_or_of_two_places_or_of_no_kind_does_not_prove_anything(
    make, home, folder, cell, code
):
    taken = take(make, home, [f"S1,2,documented,{cell}"], documents=folder)
    assert [one.code for one in taken.refused] == [code]
    assert home.leaves(kind="document") == []


def test_a_kind_that_the_fact_does_not_list_gives_no_more_than_a_pledge(make, home, folder):
    taken = take(make, home, ["Q3,B,documented,发票.pdf"], documents=folder)
    assert codes(taken) == [(2, "document", "SY721")]
    assert take(make, home, ["Q3,B,pledged,发票.pdf"], documents=folder).stored == 1


def test_a_document_that_changed_after_sealing_proves_nothing(make, home, folder):
    (kept,) = keep_documents(home, [(folder / "invoice" / "发票.pdf", "invoice")], "E1")
    rests_at(home, kept.document.document).write_text("Invoice")
    assert codes(take(make, home, ["S1,2,documented,发票.pdf"])) == [(2, "document", "SY718")]


def test_a_document_of_another_subject_is_unknown_here(make, home, folder):
    keep_documents(home, [(folder / "invoice" / "发票.pdf", "invoice")], "E2")
    assert codes(take(make, home, ["S1,2,documented,发票.pdf"])) == [(2, "document", "SY723")]


@pytest.mark.parametrize("name", ["长" * 300 + ".pdf", "x" * 5000, "a\0b.pdf"])
def test_a_name_that_no_file_can_have_is_refused_with_a_sentence(home, folder, name):
    named, faults = Shelf(home, "E1", folder).find(name)
    assert (named, [code for code, _ in faults]) == ([], ["SY790"])


def test_a_form_that_names_a_document_of_300_letters_is_refused_in_that_cell(make, home, folder):
    taken = take(make, home, [f"S1,2,pledged,{'x' * 300}.pdf", "S2,2,pledged,"], documents=folder)
    assert (codes(taken), taken.stored) == ([(2, "document", "SY790")], 1)
    assert all(taken.refused[0].say(lang) for lang in ("zh", "en"))


# whose form, which edition


def lose_subject(path):
    book = openpyxl.load_workbook(path)
    for row in book.active.iter_rows(max_row=12):
        if row[0].value in ("对象", "Subject"):
            row[1].value = None
    book.save(path)


def test_a_form_that_lost_its_subject_is_refused_and_never_the_home_s_own(make, home):
    make.give(home, "subjects", "id,kind\nE2,enterprise\n")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path, subject="E2")
    change_xlsx(path, {"S1": ("3", "pledged")})
    lose_subject(path)
    with pytest.raises(InputError) as refused:
        form_in(home, path)
    assert refused.value.code == "SY791"
    assert form_in(home, path, subject="E2").stored == 1
    assert known(home, "E1", ["S1"], home.now() + 1) == {}


def test_a_word_form_that_tells_two_subjects_is_refused(make, home):
    path = make.path / "form.docx"
    form_out(home, "sme2024", path)
    document = docx.Document(path)
    document.tables[0].add_row().cells[0].text = "Subject"
    document.tables[0].rows[-1].cells[1].text = "E9"
    document.save(path)
    with pytest.raises(InputError) as refused:
        form_in(home, path)
    assert refused.value.code == "SY791"


def test_a_form_of_a_subject_that_looks_like_a_formula_comes_back_as_that_subject_s(make, home):
    make.give(home, "subjects", "id,kind\n=1+1,enterprise\n")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path, subject="=1+1")
    change_xlsx(path, {"S1": ("3", "pledged")})
    taken = form_in(home, path)
    assert (taken.subject, taken.stored) == ("=1+1", 1)
    assert known(home, "E1", ["S1"], home.now() + 1) == {}


def test_a_subject_of_which_the_home_knows_nothing_is_refused_and_its_like_is_named(make, home):
    make.give(home, "subjects", "id,kind\nworks-south,enterprise\n")
    for ask in (lambda: form_out(home, "sme2024", make.path / "f.csv", subject="works-suoth"),
                lambda: take(make, home, ["S1,3,pledged,"], subject="works-suoth")):  # fmt: skip
        with pytest.raises(UsageError) as refused:
            ask()
        assert refused.value.code == "SY707"
        assert "works-south" in refused.value.say("en")


def test_a_subject_is_known_by_its_row_by_rows_that_speak_of_it_and_as_the_home_s_own(make, home):
    make.give(home, "subjects", "id,kind\nE2,enterprise\n")
    make.give(home, "roster", "enterprise,list\nE3,above_size\n")
    keep_documents(home, [(make.file("a.pdf", "a"), "photo")], "E4")
    assert [whose(home, one) for one in ("", "E1", "E2", "E3", "E4")] == ["E1", "E1", "E2", "E3", "E4"]


def test_a_form_of_another_framework_edition_or_subject_than_said_is_refused_as_a_whole(make, home):
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path)
    for said in ({"framework": "smart-factory2025"}, {"subject": "E2"}):
        with pytest.raises(InputError) as refused:
            form_in(home, path, **said)
        assert refused.value.code == "SY722"
    with pytest.raises(InputError) as refused:
        take(make, home, ["Q1,B,pledged,"], framework="smart-factory2025")
    assert refused.value.code == "SY722"


def test_a_csv_form_says_its_framework_by_its_items_or_asks(make, home):
    assert take(make, home, ["Q8,B,pledged,"]).framework == "sme2024"
    with pytest.raises(InputError) as refused:
        take(make, home, ["Q8,B,pledged,", "smart_factory_tier,1,pledged,"])
    assert refused.value.code == "SY726"


def test_a_form_without_a_subject_asks_for_one(make):
    with pytest.raises(UsageError) as refused:
        take(make, make.new("city", kind="region"), ["Q8,B,pledged,"])
    assert refused.value.code == "SY725"


def test_an_edition_that_is_not_in_force_on_that_day_is_refused(make, home):
    folder = home.path / "standards" / "old"
    folder.mkdir(parents=True)
    (folder / "items.yaml").write_text(OLD, encoding="utf-8")
    for day, code in ((1_580_000_000_000_000, None), (1_640_000_000_000_000, "SY720")):
        if code is None:
            assert take(make, home, ["old.1,2,pledged,"], at=day).stored == 1
            continue
        with pytest.raises(InputError) as refused:
            take(make, home, ["old.1,2,pledged,"], at=day)
        assert refused.value.code == code


def test_an_answer_cannot_be_given_in_the_future(make, home):
    with pytest.raises(UsageError) as refused:
        take(make, home, ["Q8,B,pledged,"], at=home.now() + 10**12)
    assert refused.value.code == "SY712"


def test_two_people_with_one_form_do_not_undo_each_other(make, home):
    take(make, home, ["Q1,B,declared,", "Q2,B,declared,"])
    first, second = make.path / "first.xlsx", make.path / "second.xlsx"
    form_out(home, "sme2024", first)
    form_out(home, "sme2024", second)
    change_xlsx(first, {"Q1": ("B+C", "pledged")})
    change_xlsx(second, {"Q2": ("C", "pledged")})
    assert form_in(home, first).stored == 1
    assert form_in(home, second).stored == 1
    assert {one.item: one.value for one in known(home, "E1", ["Q1", "Q2"], home.now() + 1).values()} == {
        "Q1": "B+C",
        "Q2": "C",
    }


# files that are none


@pytest.mark.parametrize("name", ["form.pdf", "form"])
def test_another_ending_is_refused(make, home, name):
    with pytest.raises(InputError) as refused:
        form_in(home, make.file(name, "x"))
    assert refused.value.code == "SY208"


@pytest.mark.parametrize("ending", [".docx", ".xlsx"])
def test_a_file_that_only_bears_the_name_is_refused(make, home, ending):
    with zipfile.ZipFile(io.BytesIO(), "w") as box:
        box.writestr("a", "b")
        empty = box.fp.getvalue()
    for data in (b"x", b"PK\x03\x04" + b"\0" * 40, empty):
        with pytest.raises(InputError) as refused:
            form_in(home, make.file(f"form{ending}", data))
        assert refused.value.code in ("SY201", "SY204", "SY207")


def test_a_word_file_that_unfolds_without_measure_is_refused(make, home):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("word/document.xml", b" " * (1 << 24))
    with pytest.raises(InputError) as refused:
        form_in(home, make.file("form.docx", out.getvalue()))
    assert refused.value.code == "SY203"


@pytest.mark.parametrize("ending", [".docx", ".xlsx"])
def test_a_form_that_unfolds_beyond_fifty_megabytes_is_refused_although_no_part_is_odd(make, ending):
    home = make.new("works", kind="factory", subject="E1")
    path = make.path / f"form{ending}"
    form_out(home, "sme2024", path)
    filler = "".join(f"<!-- {n} -->" for n in range(5_000)).encode()  # folds to about a hundredth
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as box:
        for n in range(14):
            box.writestr(f"word/more{n}.xml", filler * 60)
    with pytest.raises(InputError) as refused:
        form_in(home, path)
    assert (refused.value.code, refused.value.facts["ratio"] < 200) == ("SY203", True)


@pytest.mark.parametrize("first", ["", "封面"])
def test_a_form_is_found_on_whichever_sheet_it_stands(make, home, first):
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path)
    change_xlsx(path, {"S1": ("3", "pledged"), "S2": ("9", "pledged")})
    book = openpyxl.load_workbook(path)
    book.create_sheet("cover", 0)["A1"] = first or None
    book.save(path)
    taken = form_in(home, path)
    assert (taken.subject, taken.stored, [one.code for one in taken.refused]) == ("E1", 1, ["SY331"])
    assert openpyxl.load_workbook(path).worksheets[1][taken.places[0]].value == "9"


def test_a_word_file_whose_xml_names_entities_does_not_unfold_them(make, home):
    path = make.path / "form.docx"
    form_out(home, "sme2024", path)
    out = io.BytesIO()
    with zipfile.ZipFile(path) as box, zipfile.ZipFile(out, "w") as evil:
        for info in box.infolist():
            data = box.read(info)
            if info.filename == "word/document.xml":
                head, body = data.split(b"?>", 1)
                entity = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
                data = head + b"?>" + entity + body.replace(b">Q2<", b">&e;<", 1)
            evil.writestr(info, data)
    taken = form_in(home, make.file("evil.docx", out.getvalue()))
    assert taken.stored == 0


def test_text_in_content_controls_of_word_counts(make, home):
    path = make.path / "form.docx"
    form_out(home, "sme2024", path)
    document = docx.Document(path)
    cells = document.tables[1].rows[1].cells
    for at, text in ((2, "B"), (3, "pledged")):
        paragraph = cells[at].paragraphs[0]._p
        paragraph.append(docx.oxml.parse_xml(
            '<w:sdt xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:sdtContent><w:r><w:t>'
            f"{text}</w:t></w:r></w:sdtContent></w:sdt>"))  # fmt: skip
    document.save(path)
    assert form_in(home, path).stored == 1
