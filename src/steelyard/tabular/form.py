"""A form for people: one content, written as XLSX, DOCX or CSV, and read back from any of them as text, cell by cell."""

from __future__ import annotations

import csv
import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

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
MOST_UNFOLDED = 50 * 1024 * 1024  # bytes; a form of 1,000 items takes two
_UNFIT = ("Cc", "Cf", "Cs")  # control, format and half characters: no cell holds them, or nobody sees them
_FORMULA = "[=+\\-@＝＋－＠\t\r]"  # what a spreadsheet takes a cell of CSV for a formula by
_GUARDED = re.compile(f"'*{_FORMULA}")
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


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


def printable(text: str, keep: str = "") -> str:
    """A text without what no cell can hold, or nobody can see; ``keep`` names such characters that may stay."""
    return "".join(c for c in text if c in keep or not (unicodedata.category(c) in _UNFIT or c in "\ufffe\uffff"))


def _tidied(form: Form) -> Form:
    """The same form in printable characters; several lines of a cell stay so."""
    return replace(
        form, title=_lines(form.title), notes=tuple(map(_lines, form.notes)),
        head={key: _lines(said) for key, said in form.head.items()}, lines=tuple(map(_tidied_line, form.lines)),
        documents=tuple((_lines(name), _lines(said)) for name, said in form.documents),
    )  # fmt: skip


def _tidied_line(line: Line) -> Line:
    texts: dict[str, Any] = {name: _lines(said) for name, said in vars(line).items() if isinstance(said, str)}
    return replace(line, **texts)


def _lines(text: str) -> str:
    return printable(text, "\n")


def write_form(form: Form, path: Path) -> None:
    """Write ``.xlsx``, ``.docx`` or ``.csv``, without characters that cannot be printed; raises InputError SY208 on another ending."""
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
    write(_tidied(form), path)


def read_form(path: Path) -> Filled:
    """Read a form back; of a workbook the first sheet that has a form's columns.

    Raises InputError SY208 on another ending, SY203 where it unfolds beyond 50 MB, and what ``tabular.read`` raises.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError("SY208", str(path), extension=ending, extensions=" ".join(ENDINGS))
    if ending == ".csv":
        raw = read(path, FORM)
        return Filled(replace(raw, columns=_each(raw.columns, unguarded)), {}, lambda row, column: f"{row}:{column}")
    _refuse_large(path)
    if ending == ".docx":
        from steelyard.tabular.word import read_word  # noqa: PLC0415

        return read_word(path)
    from steelyard.tabular.workbook import read_workbook  # noqa: PLC0415

    return read_workbook(path)


def _refuse_large(path: Path) -> None:
    """What is packed well counts: text does, and its readers take many times its size; pictures do not, and are left alone."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as packed:
            parts = [part for part in packed.infolist() if part.file_size > 2 * part.compress_size]
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise InputError("SY201", str(path), reason=str(error)) from None
    unfolded = sum(part.file_size for part in parts)
    if unfolded > MOST_UNFOLDED:
        ratio = round(unfolded / max(1, sum(part.compress_size for part in parts)))
        raise InputError("SY203", str(path), bytes=unfolded, ratio=ratio)


def _write_csv(form: Form, path: Path) -> None:
    """UTF-8 with a byte order mark, so that Excel opens it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(guarded, (line.item, line.answer, line.grade, line.document)) for line in form.lines)


def guarded(text: str) -> str:
    """A cell of CSV behind an apostrophe where a spreadsheet would take it for a formula; numbers stay."""
    return f"'{text}" if _GUARDED.match(text) and not _DECIMAL.fullmatch(text) else text


def unguarded(text: str) -> str:
    """What ``guarded`` was given."""
    return text[1:] if text.startswith("'") and _GUARDED.match(text) else text


def guarded_columns(columns: pa.Table) -> pa.Table:
    """A form's cells, each as ``guarded`` gives it."""
    return _each(columns, guarded)


def _each(columns: pa.Table, change: Callable[[str], str]) -> pa.Table:
    """The text columns of a form with every cell changed; empty ones stay empty."""
    for name in set(COLUMNS).intersection(columns.column_names):
        at = columns.column_names.index(name)
        cells = [cell and change(cell) for cell in columns[name].to_pylist()]
        columns = columns.set_column(at, name, pa.array(cells, pa.string()))
    return columns


def head_from(rows: list[list[str]]) -> dict[str, str]:
    """The facts of ``HEAD`` among some rows of cells: a label in either language, then its value.

    What is told twice and not alike, and what is empty, is not told.
    """
    names = {label: key for key, labels in HEAD.items() for label in labels.values()}
    told: dict[str, set[str]] = {}
    for row in rows:
        if len(row) > 1 and row[0] in names:
            told.setdefault(names[row[0]], set()).add(row[1])
    return {key: said.pop() for key, said in told.items() if len(said) == 1 and said != {""}}
