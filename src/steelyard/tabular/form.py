"""A form for people: one content, written as XLSX, DOCX or CSV, and read back from any of them as text, cell by cell."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from steelyard.errors import InputError
from steelyard.model.table import Column, Table
from steelyard.tabular.raw import Raw
from steelyard.tabular.read import read

ENDINGS = (".xlsx", ".docx", ".csv")
COLUMNS = ("item", "answer", "grade", "document")
FORM = Table(
    "form", {"en": "Form", "zh": "表单"}, (
        Column("item", "text", {"en": "Item", "zh": "题项"}, required=True),
        Column("answer", "text", {"en": "Answer", "zh": "答案"}),
        Column("grade", "text", {"en": "Grade", "zh": "证据等级"}),
        Column("document", "text", {"en": "Document", "zh": "佐证材料"}),
    ), ("item",), "item",
)  # fmt: skip
"""What a form asks of its columns; everything else in the file is explanation."""
HEAD = {
    "framework": {"en": "Framework", "zh": "评估框架"},
    "subject": {"en": "Subject", "zh": "对象"},
    "made": {"en": "Made at", "zh": "生成时间"},
}
"""The facts above the rows, by which a file says whose form it is."""


@dataclass(frozen=True)
class Line:
    """One item: the question with its options as text, what can be chosen, and what is known of the answer.

    ``several`` says that choices are joined by +; ``bounds`` limits a number. ``evidence`` names what stands behind the answer.
    """

    item: str
    group: str
    question: str
    options: str
    choices: tuple[str, ...] = ()
    several: bool = False
    bounds: tuple[float, float] | None = None
    answer: str = ""
    grade: str = ""
    document: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Form:
    """Title and notes in one language, ``head`` by the keys of ``HEAD``, lines in order; grades and documents to choose from."""

    lang: str
    title: str
    notes: tuple[str, ...]
    head: dict[str, str]
    lines: tuple[Line, ...]
    grades: tuple[str, ...]
    documents: tuple[tuple[str, str], ...] = ()
    words: dict[str, str] = field(default_factory=dict)

    def label(self, column: str) -> str:
        """What a column is called."""
        return FORM.column(column).label[self.lang]


@dataclass(frozen=True)
class Filled:
    """What came back: the cells as text, the head where the format has one, and how to say where a cell stands."""

    raw: Raw
    head: dict[str, str]
    place: Callable[[int, str], str]


def write_form(form: Form, path: Path) -> None:
    """Write ``.xlsx``, ``.docx`` or ``.csv``; raises InputError SY208 on another ending."""
    ending = path.suffix.lower()
    if ending == ".xlsx":
        from steelyard.tabular.workbook import write  # noqa: PLC0415  - openpyxl takes a third of a second
    elif ending == ".docx":
        from steelyard.tabular.word import write  # noqa: PLC0415
    elif ending == ".csv":
        write = _write_csv
    else:
        raise InputError("SY208", str(path), extension=ending, extensions=" ".join(ENDINGS))
    path.parent.mkdir(parents=True, exist_ok=True)
    write(form, path)


def read_form(path: Path) -> Filled:
    """Read a form back; raises InputError SY208 on another ending, and what ``tabular.read`` raises."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError("SY208", str(path), extension=ending, extensions=" ".join(ENDINGS))
    if ending == ".docx":
        from steelyard.tabular.word import read_word  # noqa: PLC0415

        return read_word(path)
    raw = read(path, FORM)
    if ending == ".csv":
        return Filled(raw, {}, lambda row, column: f"{row}:{column}")
    from steelyard.tabular.workbook import head_of, letters_of  # noqa: PLC0415

    letters = letters_of(path)
    return Filled(raw, head_of(path), lambda row, column: f"{letters.get(column, '')}{row}")


def _write_csv(form: Form, path: Path) -> None:
    """UTF-8 with a byte order mark, so that Excel opens it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows((line.item, line.answer, line.grade, line.document) for line in form.lines)


def head_from(rows: list[list[str]]) -> dict[str, str]:
    """The facts of ``HEAD`` among some rows of cells: a label in either language, then its value."""
    names = {label: key for key, labels in HEAD.items() for label in labels.values()}
    return {names[row[0]]: row[1] for row in rows if len(row) > 1 and row[0] in names}
