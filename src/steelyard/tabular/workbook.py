"""A form as an Excel workbook: drop-downs for what can be chosen, explanations locked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import python_calamine

from steelyard.errors import InputError, UsageError
from steelyard.tabular.form import FORM, HEAD, Filled, Form, Line, head_from
from steelyard.tabular.header import DEPTH, Header, match, spellings
from steelyard.tabular.read import read
from steelyard.tabular.sheet import refuse_bomb

WIDTHS = (11, 14, 30, 60, 14, 13, 26, 46)  # item, group, question, options, answer, grade, document, evidence
ANSWER, GRADE, DOCUMENT = 5, 6, 7
MOST_TYPED = 255  # characters of a typed list that Excel takes
SPARE = 50  # rows of the list of documents that are left for more


def write(form: Form, path: Path) -> None:
    """Write the workbook: the form on the first sheet, the documents kept so far on the second."""
    try:
        import openpyxl  # noqa: PLC0415  - an extra
    except ImportError as error:
        raise UsageError("SY711", str(path), missing=error.name or "openpyxl") from error
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = form.words["form"]
    top = [
        [form.title],
        *([note] for note in form.notes),
        *([HEAD[key][form.lang], value] for key, value in form.head.items()),
    ]
    for at, texts in enumerate(top, 1):
        _texts(sheet, at, texts)
    first = len(top) + 2
    _texts(sheet, first, [form.label("item"), form.words["group"], form.words["question"], form.words["options"],
                          form.label("answer"), form.label("grade"), form.label("document"), form.words["evidence"]])  # fmt: skip
    for at, line in enumerate(form.lines, first + 1):
        _texts(
            sheet,
            at,
            [line.item, line.group, line.question, line.options, line.answer, line.grade, line.document, line.evidence],
        )
    _documents(book, form)
    _dress(sheet, first, first + len(form.lines))
    _choices(sheet, form, first + 1)
    book.save(path)


def _texts(sheet: Any, row: int, texts: list[str]) -> None:
    """Cells as text, whatever they begin with: no cell is a formula, and a code keeps its form."""
    for column, text in enumerate(texts, 1):
        cell = sheet.cell(row, column)
        cell.value, cell.data_type, cell.number_format = text or None, "s" if text else "n", "@"


def _documents(book: Any, form: Form) -> None:
    sheet = book.create_sheet(form.words["documents"])
    for at, (name, said) in enumerate(form.documents, 1):
        _texts(sheet, at, [name, said])
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 40, 60


def _dress(sheet: Any, first: int, last: int) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill, Protection  # noqa: PLC0415

    for column, width in enumerate(WIDTHS):
        sheet.column_dimensions["ABCDEFGH"[column]].width = width
    sheet["A1"].font = Font(bold=True, size=14)
    for cell in sheet[first]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6EE")
    for row in sheet.iter_rows(first + 1, last):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if cell.column in (ANSWER, GRADE, DOCUMENT):
                cell.protection, cell.fill = Protection(locked=False), PatternFill("solid", fgColor="FFFBE6")
    sheet.freeze_panes = sheet.cell(first + 1, 2)
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{first}:{first}"


def _choices(sheet: Any, form: Form, first: int) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    last = first + len(form.lines) - 1
    ruled: dict[tuple[str, ...], Any] = {}
    for at, line in enumerate(form.lines, first):
        rule = _rule(line, form, DataValidation)
        key = (str(rule.type), str(rule.formula1), str(rule.formula2), str(line.several))
        ruled.setdefault(key, rule).add(sheet.cell(at, ANSWER).coordinate)
    grades = DataValidation("list", formula1=f'"{",".join(form.grades)}"', allow_blank=True, showErrorMessage=False)
    grades.add(f"F{first}:F{last}")
    named = DataValidation("list", formula1=f"'{form.words['documents']}'!$A$1:$A${len(form.documents) + SPARE}",
                           allow_blank=True, showErrorMessage=False)  # fmt: skip
    named.add(f"G{first}:G{last}")
    for rule in (*ruled.values(), grades, named):
        sheet.add_data_validation(rule)


def _rule(line: Line, form: Form, validation: Any) -> Any:
    """What an answer's cell accepts. Several letters cannot be listed all, so there the list only proposes."""
    if line.bounds:
        low, high = line.bounds
        return validation("decimal", operator="between", formula1=repr(low), formula2=repr(high), allow_blank=True,
                          showErrorMessage=True, error=f"{low:g} … {high:g}")  # fmt: skip
    listed = ",".join(line.choices)
    if not listed or len(listed) > MOST_TYPED:
        return validation(allow_blank=True)
    return validation("list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=not line.several,
                      error=form.words["choose"], prompt=form.words["join"] if line.several else None,
                      showInputMessage=line.several)  # fmt: skip


def read_workbook(path: Path) -> Filled:
    """Read the first sheet that has a form's columns, else the first; raises what ``tabular.read`` raises."""
    refuse_bomb(path)
    tops = _tops(path)
    sheet = next((name for name, top in tops.items() if {"item", "answer"} <= set(_header(top).known)), None)
    raw = read(path, FORM, sheet)
    top = tops[sheet] if sheet else next(iter(tops.values()))
    letters = {name: _letter(at) for at, name in enumerate(_header(top).names) if name}
    return Filled(raw, head_from(top), lambda row, column: f"{letters.get(column, '')}{row}")


def _tops(path: Path) -> dict[str, list[list[str]]]:
    """The first rows of every sheet as text, by the sheet's name."""
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = [sheet.name for sheet in book.sheets_metadata if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet]
        grids = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=DEPTH * 2) for name in names}
    except (python_calamine.CalamineError, python_calamine.PasswordError, OSError) as error:
        raise InputError("SY201", str(path), reason=str(error)) from None
    return {name: [[_said(cell) for cell in row] for row in grid] for name, grid in grids.items()}


def _said(cell: Any) -> str:
    """A cell as text; a whole number, which Excel makes of an id that was typed anew, as its digits."""
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()


def _header(top: list[list[str]]) -> Header:
    found = (match(row, spellings(FORM)) for row in top)
    return max(found, key=lambda one: len(one.known), default=Header((), []))


def _letter(at: int) -> str:
    return chr(ord("A") + at) if at < 26 else _letter(at // 26 - 1) + _letter(at % 26)
