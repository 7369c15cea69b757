"""Forms go out: one row an item in order, filled in with the answer that counts, evidence beside it, drop-downs for the rest."""

from __future__ import annotations

import csv

import docx
import openpyxl
import pyarrow as pa
import pytest

from steelyard.catalog import load
from steelyard.dots.forms import form_in, form_out
from steelyard.errors import InputError, UsageError
from steelyard.model.figure import GRADES
from steelyard.take import keep_rows
from steelyard.take.documents import keep_documents
from steelyard.weigh.known import known

FRAMEWORK = load().framework("sme2024")
ITEMS = load().items
MINI = """
label: {{zh: 小表, en: Mini}}
document: x
status: {status}
in_force: {in_force}
until: {until}
measure: ''
levels: {{}}
groups: {{组: Group}}
items:
  mini.1: {{label: {{zh: 占比, en: Share}}, group: 组, mode: number, unit: '1', bounds: [0, 1], status: confirmed}}
  mini.2: {{label: {{zh: '=1+1', en: '=1+1'}}, group: 组, mode: single, points: {{'1': 1, '0.8': 0.8, '0': 0}}, gist: {{'1': '=cmd|x'}}, status: confirmed}}
"""


@pytest.fixture
def home(make):
    return make.new("works", kind="factory", subject="E1")


def give(make, home, text, **more):
    taken = form_in(home, make.file("given.csv", "item,answer,grade,document\n" + text), **more)
    assert taken.refused == []


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def sheet_of(path):
    sheet = openpyxl.load_workbook(path).worksheets[0]
    (head,) = (row for row in sheet.iter_rows() if row[4].value in ("答案", "Answer"))
    return sheet, head[0].row


def mini(home, status="official", in_force="2024-01-01", until="null"):
    folder = home.path / "standards" / "mini"
    folder.mkdir(parents=True)
    (folder / "items.yaml").write_text(MINI.format(status=status, in_force=in_force, until=until), encoding="utf-8")


def test_a_csv_form_has_just_four_columns_a_mark_for_excel_and_one_row_an_item_in_order(make, home):
    path = make.path / "form.csv"
    form_out(home, "sme2024", path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfitem,answer,grade,document\r\n")
    assert [row[0] for row in rows_of(path)[1:]] == list(FRAMEWORK.items)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_workbook_has_a_drop_down_of_just_the_options_for_every_answer_and_its_explanations_are_locked(
    make, home, lang
):
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path, lang=lang)
    sheet, head = sheet_of(path)
    rules = {
        cell: rule
        for rule in sheet.data_validations.dataValidation
        for area in rule.sqref.ranges
        for cell in cells(area)
    }
    for at, item in enumerate(FRAMEWORK.items, head + 1):
        assert sheet.cell(at, 1).value == item
        options = ITEMS[item].get("points") or range(int(ITEMS[item].get("levels", 0)) + 1)
        assert rules[f"E{at}"].formula1 == '"' + ",".join(map(str, options)) + '"'
        assert rules[f"E{at}"].showErrorMessage is (ITEMS[item]["mode"] != "multi")
        assert rules[f"F{at}"].formula1 == '"declared,pledged,documented"'
        assert [sheet.cell(at, column).protection.locked for column in range(1, 9)] == [True] * 4 + [False] * 3 + [True]
        assert ITEMS[item]["label"][lang] in sheet.cell(at, 3).value
    assert sheet.protection.sheet


def cells(area):
    return [f"{openpyxl.utils.get_column_letter(column)}{row}" for row in range(area.min_row, area.max_row + 1)
            for column in range(area.min_col, area.max_col + 1)]  # fmt: skip


def test_evidence_stands_beside_each_answer_grade_date_and_the_document_s_name(make, home):
    (kept,) = keep_documents(home, [(make.file("合同.pdf", "x"), "contract")], "E1")
    give(make, home, "S1,3,documented,合同.pdf\n")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path)
    sheet, head = sheet_of(path)
    row = next(row for row in sheet.iter_rows(head + 1) if row[0].value == "S1")
    assert [cell.value for cell in row[4:7]] == ["3", "documented", "合同.pdf"]
    assert row[7].value.startswith("documented · 20")
    assert "合同.pdf (contract, 20" in row[7].value
    form_out(home, "sme2024", make.path / "form.csv")
    assert ["S1", "3", "documented", kept.document.short] in rows_of(make.path / "form.csv")


def test_an_item_is_filled_in_from_the_fact_that_answers_it(make, home):
    give(make, home, "fact.equipment_digital,0.45,pledged,\n")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path, lang="en")
    sheet, head = sheet_of(path)
    row = next(row for row in sheet.iter_rows(head + 1) if row[0].value == "Q2")
    assert [cell.value for cell in row[4:7]] == ["D", "pledged", None]
    assert "from the fact fact.equipment_digital" in row[7].value
    assert form_in(home, path).stored == 0


def test_a_measured_figure_fills_an_item_and_its_digest_stands_beside_it(make):
    home = make.new("city")
    make.give(home, "subjects", "id,kind\nE1,enterprise\nM1,unit\n")
    make.give(home, "memberships", "subject,of,role\nM1,E1,unit\n")
    make.give(home, "equipment", "unit,since,until\nM1,,\n")
    watches = home.catalog.table("watches")
    session = {"subject": "M1", "start": 1_773_446_400_000_000, "end": 1_773_460_800_000_000, "row": 1}
    rows = pa.Table.from_pylist([session])
    keep_rows(home, [(watches, rows)], {"file": "x", "sha256": "00" * 32, "sheet": "", "read": 1})
    make.weigh(home, ["facts/equipment_digital"], "2026-03-14")
    (figure,) = home.figures("facts/equipment_digital", "E1").to_pylist()
    path = make.path / "form.csv"
    form_out(home, "sme2024", path, subject="E1")
    (row,) = (row for row in rows_of(path) if row[0] == "Q2")
    assert row[1:] == ["E", "measured", f"figure:{figure['digest'].hex()[:16]}"]
    assert form_in(home, path, subject="E1").stored == 0
    text = path.read_text("utf-8-sig").replace("Q2,E,measured", "Q2,D,measured")
    taken = form_in(home, make.file("claims.csv", text), subject="E1")
    assert "SY719" in [one.code for one in taken.refused]


def test_the_same_answer_counts_in_a_form_as_in_weighing(make, home):
    give(make, home, "S1,2,pledged,\n", at=home.now() - 10**9)
    give(make, home, "S1,4,declared,\n")
    form_out(home, "sme2024", make.path / "form.csv")
    assert ["S1", "2", "pledged", ""] in rows_of(make.path / "form.csv")


def test_a_form_of_a_day_shows_what_was_known_on_that_day(make, home):
    give(make, home, "S1,2,pledged,\n", at=1_773_446_400_000_000)  # 2026-03-14
    for day, filled in (("2026-03-13", 0), ("2026-03-14", 1)):
        assert form_out(home, "sme2024", make.path / "form.csv", day=day).filled == filled


def test_a_word_form_has_a_table_per_group_with_what_is_known(make, home):
    give(make, home, "S1,2,pledged,\n")
    path = make.path / "form.docx"
    form_out(home, "sme2024", path)
    tables = docx.Document(path).tables
    assert [cell.text for cell in tables[0].columns[0].cells] == ["评估框架", "对象", "生成时间"]
    assert len(tables) == 1 + len({ITEMS[item]["group"] for item in FRAMEWORK.items})
    row = next(row for table in tables for row in table.rows if row.cells[0].text == "S1")
    assert [cell.text for cell in row.cells[2:4]] == ["2", "pledged"]
    fonts = docx.Document(path).styles["Normal"].element.rPr.rFonts
    assert fonts.get("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}eastAsia") == "宋体"


def test_a_draft_says_so_and_an_edition_not_in_force_is_refused(make, home):
    mini(home, status="draft", in_force="null")
    path = make.path / "form.xlsx"
    assert form_out(home, "mini", path, lang="en").draft
    assert "DRAFT" in openpyxl.load_workbook(path).worksheets[0]["A1"].value
    with pytest.raises(InputError) as refused:
        form_out(home, "sme2024", path, day="2024-09-03")
    assert refused.value.code == "SY720"
    assert "2024-09-04" in refused.value.say("en")


def test_a_number_is_bounded_and_no_text_of_a_standard_becomes_a_formula(make, home):
    mini(home)
    path = make.path / "form.xlsx"
    form_out(home, "mini", path, lang="en")
    sheet, head = sheet_of(path)
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert sheet.cell(head + 1, 2).value == "Group"
    numbers = [rule for rule in sheet.data_validations.dataValidation if rule.type == "decimal"]
    assert [(rule.formula1, rule.formula2) for rule in numbers] == [("0.0", "1.0")]


@pytest.mark.parametrize("ending", [".xlsx", ".docx", ".csv"])
@pytest.mark.parametrize("name", ["scan\x07 7", "a\u202ebc", "\x00x\uffff", "a\nb"])
def test_a_document_that_cannot_be_printed_stops_no_form_and_its_row_comes_back_unchanged(make, home, ending, name):
    answers = home.catalog.table("answers")
    row = {
        "subject": "E1",
        "item": "S1",
        "at": home.now() - 10**9,
        "value": "3",
        "grade": "pledged",
        "document": name,
        "row": 1,
    }
    keep_rows(
        home, [(answers, pa.Table.from_pylist([row]))], {"file": "x", "sha256": "00" * 32, "sheet": "", "read": 1}
    )
    path = make.path / f"form{ending}"
    form_out(home, "sme2024", path)
    taken = form_in(home, path)
    assert (taken.refused, taken.stored, taken.unchanged) == ([], 0, 31)


def test_a_document_that_looks_like_a_formula_is_text_in_every_format_and_comes_back_as_it_was(make, home):
    for n, name in enumerate(["=HYPERLINK(1)", "-2+3", "@SUM(A1)", "'=x", "-5"], 1):
        make.give(
            home,
            "answers",
            f'subject,item,at,value,grade,document\nE1,S{n},2026-03-01,3,pledged,"{name}"\n',
            f"a{n}.csv",
        )
    for ending in (".csv", ".xlsx", ".docx"):
        path = make.path / f"form{ending}"
        form_out(home, "sme2024", path)
        taken = form_in(home, path)
        assert (taken.refused, taken.stored) == ([], 0)
    said = {row[0]: row[3] for row in rows_of(make.path / "form.csv")}
    assert [said[f"S{n}"] for n in range(1, 6)] == ["'=HYPERLINK(1)", "'-2+3", "'@SUM(A1)", "''=x", "-5"]


def test_a_report_of_refusals_is_no_formula_and_comes_back_as_it_was(make, home):
    taken = form_in(home, make.file("given.csv", "item,answer,grade,document\nS1,9,pledged,=cmd\n"))
    assert "S1,9,pledged,'=cmd," in taken.report.read_text("utf-8-sig")
    (again,) = form_in(home, make.file("again.csv", taken.report.read_bytes())).refused[1:]
    assert (again.column, again.value) == ("document", "=cmd")


def test_head_title_and_notes_of_a_workbook_are_text(make, home):
    make.give(home, "subjects", "id,kind,name_zh\n=1+1,enterprise,=2+2\n")
    path = make.path / "form.xlsx"
    form_out(home, "sme2024", path, subject="=1+1")
    sheet, head = sheet_of(path)
    top = [cell for row in sheet.iter_rows(max_row=head) for cell in row if cell.value is not None]
    assert {cell.data_type for cell in top} == {"s"}
    assert "=1+1" in {cell.value for cell in top}


def test_a_satisfaction_written_as_a_number_in_excel_is_read_as_its_option(make, home):
    mini(home)
    path = make.path / "form.xlsx"
    form_out(home, "mini", path)
    book = openpyxl.load_workbook(path)
    sheet, head = book.worksheets[0], sheet_of(path)[1]
    sheet.cell(head + 1, 5).value, sheet.cell(head + 1, 6).value = 0.35, "pledged"
    sheet.cell(head + 2, 5).value, sheet.cell(head + 2, 6).value = 0.8, "pledged"
    book.save(path)
    assert form_in(home, path).stored == 2
    assert {one.value for one in known(home, "E1", ["mini.1", "mini.2"], home.now() + 1).values()} == {"0.35", "0.8"}


def test_the_facts_themselves_are_a_form(make, home):
    path = make.path / "facts.xlsx"
    made = form_out(home, "facts", path)
    assert made.items == len(home.catalog.facts)
    assert form_in(home, path).stored == 0


@pytest.mark.parametrize(("what", "code"), [
    ({"framework": "sme2025"}, "SY705"), ({"lang": "fr"}, "SY101"), ({"day": "someday"}, "SY720"), ({"path": "form.pdf"}, "SY208"),
])  # fmt: skip
def test_what_cannot_be_written_is_told(make, home, what, code):
    given = {"framework": "sme2024", "path": "form.csv", **what}
    with pytest.raises((InputError, UsageError)) as refused:
        form_out(home, given.pop("framework"), make.path / given.pop("path"), **given)
    assert refused.value.code in (code, "SY109")


def test_a_subject_must_be_told_where_the_home_is_none(make):
    with pytest.raises(UsageError) as refused:
        form_out(make.new("city"), "sme2024", make.path / "form.csv")
    assert refused.value.code == "SY725"


def test_items_that_are_not_asked_of_such_a_subject_are_in_the_form_and_say_so(make, home):
    make.give(home, "subjects", "id,kind,gbt4754\nE1,enterprise,2614\n")
    for framework, asked in (("park/2025", False), ("sme2024", True)):
        path = make.path / f"{asked}.xlsx"
        form_out(home, framework, path, lang="en")
        sheet, head = sheet_of(path)
        told = [row[7].value for row in sheet.iter_rows(head + 1)]
        assert told == [None if asked else "not asked of this subject"] * len(home.catalog.framework(framework).items)


@pytest.mark.parametrize("framework", sorted(load().frameworks))
def test_every_framework_that_is_shipped_goes_out_and_comes_back_unchanged(make, home, framework):
    of = home.catalog.framework(framework)
    day = of.in_force or ""
    for ending in (".xlsx", ".csv"):
        path = make.path / f"form{ending}"
        assert form_out(home, framework, path, day=day).items == len(of.items)
        taken = form_in(home, path, framework=framework)
        assert (taken.read, taken.stored, taken.refused) == (len(of.items), 0, [])


def test_grades_that_cannot_be_claimed_are_not_offered():
    assert set(GRADES) - {"declared", "pledged", "documented"} == {"inspected", "measured"}
