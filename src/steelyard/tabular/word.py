"""A form as a Word document: a table per group, filled in as far as is known, and read back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from steelyard.errors import InputError, UsageError
from steelyard.refusal import Refusal
from steelyard.tabular.form import COLUMNS, FORM, HEAD, Filled, Form, Line, head_from
from steelyard.tabular.header import match, spellings
from steelyard.tabular.raw import Raw, settle
from steelyard.tabular.sheet import refuse_bomb

WIDTHS = (1.5, 7.2, 2.3, 2.5, 3.9, 7.3)  # cm of 24.7: item, question and options, answer, grade, document, evidence
FONTS = {"w:ascii": "Times New Roman", "w:hAnsi": "Times New Roman", "w:eastAsia": "宋体"}


def _docx(path: Path) -> Any:
    try:
        import docx  # noqa: PLC0415  - an extra
    except ImportError as error:
        raise UsageError("SY711", str(path), missing=error.name or "docx") from error
    return docx


def write(form: Form, path: Path) -> None:
    """Write the document in landscape, a heading and a table per group."""
    document = _docx(path).Document()
    _page(document)
    document.add_heading(form.title, 1)
    for note in form.notes:
        document.add_paragraph(note)
    _table(document, [[HEAD[key][form.lang], value] for key, value in form.head.items()], (4.0, 12.0))
    header = [form.label("item"), form.words["question"], form.label("answer"), form.label("grade"), form.label("document"),
              form.words["evidence"]]  # fmt: skip
    for group, lines in groupby(form.lines, key=lambda line: line.group):
        document.add_heading(group or form.title, 2)
        _table(document, [header, *map(_cells, lines)], WIDTHS, header=True)
    document.save(str(path))


def _cells(line: Line) -> list[str]:
    asked = f"{line.question}\n{line.options}" if line.options else line.question
    return [line.item, asked, line.answer, line.grade, line.document, line.evidence]


def _page(document: Any) -> None:
    from docx.enum.section import WD_ORIENT  # noqa: PLC0415
    from docx.oxml.ns import qn  # noqa: PLC0415
    from docx.shared import Cm, Pt  # noqa: PLC0415

    page = document.sections[0]
    page.orientation, page.page_width, page.page_height = WD_ORIENT.LANDSCAPE, Cm(29.7), Cm(21.0)
    page.left_margin = page.right_margin = Cm(2.5)
    for name in ("Normal", "Heading 1", "Heading 2"):  # without a named font Word takes any for Chinese
        fonts = document.styles[name].element.get_or_add_rPr().get_or_add_rFonts()
        for theme in [key for key in fonts.attrib if "heme" in key]:
            del fonts.attrib[theme]
        for key, value in FONTS.items():
            fonts.set(qn(key), value)
    document.styles["Normal"].font.size = Pt(9)


def _table(document: Any, rows: list[list[str]], widths: tuple[float, ...], *, header: bool = False) -> None:
    from docx.oxml import OxmlElement  # noqa: PLC0415
    from docx.shared import Cm  # noqa: PLC0415

    table = document.add_table(len(rows), len(widths), style="Table Grid")
    table.autofit = False
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text, width in zip(row.cells, texts, widths, strict=True):
            cell.text, cell.width = text, Cm(width)
    if header:  # repeated on every page
        table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001
        for cell in table.rows[0].cells:
            cell.paragraphs[0].runs[0].bold = True


def read_word(path: Path) -> Filled:
    """Read the tables of a document that have a form's columns; raises InputError SY201, SY203, SY204, SY207."""
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    refuse_bomb(path)
    document = _docx(path).Document
    try:
        tables = [list(_rows(table)) for table in document(str(path)).tables]
    except Exception as error:  # noqa: BLE001  - a package without its parts, XML that is none: the library raises what it meets
        raise InputError("SY201", str(path), reason=" ".join(str(error).split())[:200]) from None
    cells: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
    places: dict[int, tuple[int, int]] = {}
    for number, rows in enumerate(tables, 1):
        names = match(rows[0], spellings(FORM)).names if rows else ()
        if not {"item", "answer"} <= {name for name in names if name}:
            continue
        for at, row in enumerate(rows[1:], 2):
            places[len(places) + 1] = (number, at)
            found = {name: text for name, text in zip(names, row, strict=False) if name}
            for name, column in cells.items():
                column.append(found.get(name))
    if not places:
        raise InputError("SY204", str(path), table="form", names=", ".join(COLUMNS))
    return Filled(_raw(cells), head_from([row for rows in tables for row in rows]), _placing(places))


def _rows(table: Any) -> Iterator[list[str]]:
    """The texts of a table's cells; text inside content controls and tracked insertions counts, deletions do not."""
    from docx.oxml.ns import qn  # noqa: PLC0415

    for row in table._tbl.iter(qn("w:tr")):  # noqa: SLF001  - the library's own cells pass over content controls
        yield ["\n".join("".join(part.text or "" for part in line.iter(qn("w:t"))) for line in cell.iter(qn("w:p"))).strip()
               for cell in row.iter(qn("w:tc"))]  # fmt: skip


def _raw(cells: dict[str, list[str | None]]) -> Raw:
    refused: list[Refusal] = []
    columns = {name: pa.chunked_array([pa.array(column, pa.string())]) for name, column in cells.items()}
    rows = np.arange(1, len(cells["item"]) + 1, dtype=np.int64)
    return Raw(settle(columns, rows, refused), refused, "word", "")


def _placing(places: dict[int, tuple[int, int]]) -> Any:
    def place(row: int, column: str) -> str:
        table, at = places.get(row, (0, row))
        return f"table {table} row {at} {column}".rstrip()

    return place
