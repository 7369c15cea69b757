"""Take a form back: every bad cell is named, what changed is kept as one sealed leaf of answers, what did not is not an answer anew."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from steelyard import tabular
from steelyard.errors import UsageError
from steelyard.model.figure import GRADES
from steelyard.model.leaf import Leaf
from steelyard.refusal import Refusal
from steelyard.store.documents import whole
from steelyard.store.home import Home
from steelyard.store.lake import file_hash
from steelyard.tabular.answers import fits
from steelyard.tabular.form import COLUMNS, FORM, Filled, guarded_columns
from steelyard.take.documents import keep_documents, leaves_of, proven, strongest
from steelyard.take.named import Named, Shelf
from steelyard.take.take import keep_rows

CLAIMED = ("declared", "pledged", "documented")
"""The grades that a form may claim; an inspection is taken by ``inspect in``, a measurement from machines."""
GRADES_ZH = {"declared": "申报", "pledged": "承诺", "documented": "有佐证", "inspected": "现场核查", "measured": "实测"}
"""The grades as Chinese forms call them; a cell may hold either word."""
_BY_WORD = {chinese: grade for grade, chinese in GRADES_ZH.items()}
Cells = dict[str, Any]


@dataclass(frozen=True)
class FormTaken:
    """What taking a form came to: rows read = stored + refused + unchanged, where empty rows count as unchanged."""

    file: str
    framework: str
    subject: str
    read: int
    stored: int
    unchanged: int
    refused: list[Refusal]
    places: dict[int, str] = field(default_factory=dict)
    leaf: Leaf | None = None
    documents: list[str] = field(default_factory=list)
    report: Path | None = None

    @property
    def rows_refused(self) -> int:
        """How many rows were refused; one row can be refused for several cells."""
        return self.read - self.stored - self.unchanged


def take_form(home: Home, path: Path, filled: Filled, *, framework: str, items: Collection[str], subject: str, at: int,
              known: Sequence[Mapping[str, Cells]], documents: Path | None = None, synthetic: bool = False) -> FormTaken:  # fmt: skip
    """Keep what a filled form says of a subject, as answers given ``at`` (µs UTC).

    ``items`` are the framework's; ``known`` are the cells (answer, grade, document) by item that the form was, or would now be,
    filled with: a row that equals one of them is unchanged; of a file that does not say when it was made they are one.
    ``documents`` is a folder in which documents named by file name lie;
    those in a folder named as a kind are of that kind. Raises UsageError on a date to come.
    """
    if at > home.now():
        raise UsageError("SY712", days=round((at - home.now()) / 8.64e10, 1))
    check = _Check(home, items, framework, subject, known, Shelf(home, subject, documents))
    good = check.sort(filled.raw.columns.to_pylist(), filled.raw.refused)
    kept = keep_documents(home, check.shelf.wanted(good), subject, at, synthetic=synthetic)
    leaf = _keep(home, path, filled.raw.read, good, subject, at, synthetic=synthetic)
    refused = sorted(check.refused, key=lambda one: one.row)
    return FormTaken(
        str(path), framework, subject, filled.raw.read, len(good), check.unchanged, refused,
        {n: filled.place(one.row, one.column) for n, one in enumerate(refused)}, leaf, [one.document.document for one in kept],
        _report(home, path, filled.raw, refused),
    )  # fmt: skip


@dataclass(frozen=True)
class _Good:
    """A row to be kept, with the documents that it names."""

    row: int
    item: str
    answer: str
    grade: str
    documents: tuple[Named, ...]


class _Check:
    def __init__(self, home: Home, items: Collection[str], framework: str, subject: str, known: Sequence[Mapping[str, Cells]],
                 shelf: Shelf) -> None:  # fmt: skip
        self.home = home
        self.items = items
        self.framework = framework
        self.subject = subject
        self.known = known
        self.shelf = shelf
        self.refused: list[Refusal] = []
        self.unchanged = 0

    def sort(self, rows: Sequence[Cells], refused: Sequence[Refusal]) -> list[_Good]:
        """The rows to be kept; counts the unchanged and names the rest."""
        self.refused += refused
        bad = {one.row for one in refused}
        rows = [
            self._folded({name: row.get(name) or "" for name in COLUMNS} | {"row": row["row"]})
            for row in rows
            if row["row"] not in bad
        ]
        twice = self._contradicting(rows)
        out = []
        for row in rows:
            if row["row"] in twice:
                self._refuse(row, "answer", "SY715", item=row["item"], others=", ".join(map(str, twice[row["row"]])))
            elif self._same(row):
                self.unchanged += 1
            elif good := self._look(row):
                out.append(good)
        return out

    def _folded(self, row: Cells) -> Cells:
        """The row with Chinese words for grades, and full-width digits, letters and signs of an answer, as they are kept."""
        items, narrow = self.home.catalog.items, unicodedata.normalize("NFKC", row["answer"])
        better = narrow != row["answer"] and fits(row["item"], narrow, items) is None
        return row | {"grade": _BY_WORD.get(row["grade"], row["grade"]), "answer": narrow if better else row["answer"]}

    def _contradicting(self, rows: Sequence[Cells]) -> dict[int, list[int]]:
        """Rows whose item stands in others too, with the first few of those: which one is meant is not guessed."""
        of: dict[str, list[int]] = {}
        for row in rows:
            of.setdefault(row["item"], []).append(row["row"])
        return {
            at: [other for other in found[:6] if other != at] for found in of.values() if len(found) > 1 for at in found
        }

    def _same(self, row: Cells) -> bool:
        """Whether the row says what is known, or was when the form was made, or nothing of what was not known then."""
        blank = not (row["answer"] or row["grade"] or row["document"])
        if row["item"] not in self.items:
            return False
        before = [known[row["item"]] for known in self.known if row["item"] in known]
        return (blank and len(before) < len(self.known)) or any(self._equal(row, cells) for cells in before)

    def _equal(self, row: Cells, cells: Cells) -> bool:
        said, held = (self.shelf.ids(text["document"]) for text in (row, cells))
        alike = row["answer"] == cells["answer"] or self._rounded(row) == self._rounded(cells)
        return alike and (row["grade"], said) == (cells["grade"], held)

    def _rounded(self, cells: Cells) -> str:
        """A number to the 15 digits that a spreadsheet keeps of it; anything else as it stands."""
        asked = self.home.catalog.items.get(cells["item"], {}).get("mode") == "number"
        fit = asked and fits(cells["item"], cells["answer"], self.home.catalog.items) is None
        return f"{float(cells['answer']):.15g}" if fit else cells["answer"]

    def _look(self, row: Cells) -> _Good | None:
        """A row of which every cell is right, or None after naming those that are not."""
        before = len(self.refused)
        if self._item(row) and self._answered(row):
            self._answer(row)
            named = self._documents(row)
            self._grade(row, named)
            if len(self.refused) == before:
                return _Good(row["row"], row["item"], row["answer"], row["grade"], tuple(named))
        return None

    def _item(self, row: Cells) -> bool:
        known = self.home.catalog.items
        if row["item"] in known and row["item"] not in self.items:
            self._refuse(row, "item", "SY716", framework=self.framework)
            return False
        return True

    def _answered(self, row: Cells) -> bool:
        if not row["answer"]:
            before = any(row["item"] in known for known in self.known)
            dated = len(self.known) > 1
            self._refuse(row, "answer", ("SY717" if dated else "SY792") if before else "SY310", item=row["item"])
        return bool(row["answer"])

    def _answer(self, row: Cells) -> None:
        if found := fits(row["item"], row["answer"], self.home.catalog.items):
            column, fault = found
            self._refuse(row, "answer" if column == "value" else column, fault.code, **fault.facts)

    def _documents(self, row: Cells) -> list[Named]:
        named, faults = self.shelf.find(row["document"])
        for code, facts in faults:
            self.refused.append(Refusal(row["row"], "document", row["document"], code, facts))
        for one in named:
            if one.path is None and not whole(self.home, one.document):
                self._refuse(row, "document", "SY718", document=one.document[:16])
        return named

    def _grade(self, row: Cells, named: Sequence[Named]) -> None:
        grade = row["grade"]
        if not grade:
            self._refuse(row, "grade", "SY310")
        elif grade in GRADES and grade not in CLAIMED:
            self._refuse(row, "grade", "SY719", grade=grade)
        elif grade not in CLAIMED:
            self._refuse(row, "grade", "SY317", choices=", ".join(CLAIMED), suggestion="pledged")
        elif grade == "documented" and not row["document"]:
            self._refuse(row, "grade", "SY703")
        elif grade == "documented" and named:
            self._proof(row, named)

    def _proof(self, row: Cells, named: Sequence[Named]) -> None:
        catalog = self.home.catalog
        item = catalog.items.get(row["item"], {})
        most = strongest([proven(one.kind, item, catalog.facts) for one in named])
        if GRADES.index(most) < GRADES.index(row["grade"]):
            self._refuse(
                row, "document", "SY721", kinds=", ".join(one.kind for one in named), most=most, grade=row["grade"]
            )

    def _refuse(self, row: Cells, column: str, code: str, **facts: object) -> None:
        self.refused.append(Refusal(row["row"], column, row[column], code, facts))


def _keep(
    home: Home, path: Path, read: int, good: Sequence[_Good], subject: str, at: int, *, synthetic: bool
) -> Leaf | None:
    """One leaf of answers that stands on the documents that its rows name."""
    if not good:
        return None
    named = dict.fromkeys(one.document for row in good for one in row.documents)
    table = home.catalog.table("answers")
    rows = pa.table({
        "subject": [subject] * len(good), "item": [row.item for row in good], "at": pa.array([at] * len(good), pa.int64()),
        "value": [row.answer for row in good], "grade": [row.grade for row in good],
        "document": pa.array(["+".join(one.document for one in row.documents) or None for row in good], pa.string()),
        "row": pa.array([row.row for row in good], pa.int64()),
    })  # fmt: skip
    source = {"file": path.name, "sha256": file_hash(path).hex(), "sheet": "", "read": read,
              "parents": [leaf.digest.hex() for leaf in leaves_of(home, list(named)).values()]}  # fmt: skip
    (leaf,) = keep_rows(home, [(table, rows)], source, synthetic=synthetic)
    return leaf


def _report(home: Home, path: Path, raw: tabular.Raw, refused: list[Refusal]) -> Path | None:
    """The refused rows, ready to be corrected and taken again."""
    if not refused:
        return None
    report = home.path / "refusals" / f"{path.stem}-{file_hash(path).hex()[:8]}.csv"
    tabular.write_report(report, replace(raw, columns=guarded_columns(raw.columns)), FORM, refused)
    return report
