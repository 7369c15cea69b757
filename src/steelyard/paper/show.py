"""How values, documents and tables are said on pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from steelyard.catalog import Catalog
from steelyard.model.period import local_day
from steelyard.store.home import Home
from steelyard.store.lake import engine

MONEY = ("contract", "invoice", "payment")
Row = list[Any]
Part = dict[str, Any]


class Paper(Protocol):
    """What is said of a kept document."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> int: ...
    @property
    def amount(self) -> float | None: ...
    @property
    def document(self) -> str: ...


@dataclass(frozen=True)
class Show:
    """How values are said: language, words, zone."""

    home: Home
    lang: str
    words: Mapping[str, Any]
    catalog: Catalog

    def day(self, at: int) -> str:
        return local_day(at, self.home.zone)

    def grade(self, grade: str) -> str:
        return str(self.words["grades"].get(grade, grade))

    def number(self, value: float, unit: str) -> str:
        """Per cent for ratios, else up to six digits with the unit where it is one."""
        return f"{value:.2%}" if unit == "1" else f"{value:g}{' ' + unit if unit and unit != 'level' else ''}"

    def unit(self, measure: str) -> str:
        found = self.catalog.measures.get(measure.split("[", maxsplit=1)[0])
        return found.unit if found else ""

    def measure(self, name: str) -> str:
        found = self.catalog.measures.get(name.split("[", maxsplit=1)[0])
        return f"{found.label.get(self.lang, '')} {name}" if found else name

    def subject(self, name: str) -> str:
        """Name and id, as far as the home knows them."""
        named = self.home.subject(name)
        return f"{named.name(self.lang)} ({name})" if named else name

    def documents(self, found: Sequence[Paper]) -> Part:
        """Documents as a table, each with its whole digest; an amount only where the kind has one."""
        words = self.words
        rows = [
            [
                one.name,
                words["kinds"][one.kind],
                self.day(one.at),
                money(one.amount) if one.kind in MONEY else words["never"],
                {"digest": one.document},
            ]
            for one in found
        ]
        return table(
            [words["name"], words["kind"], words["date"], words["amount"], words["fields"]["digest"]],
            (4, 2, 2, 2, 4),
            rows,
        )


def money(amount: float | None) -> str | None:
    """An amount to the cent, or None where it is not told."""
    return None if amount is None else f"{Decimal(repr(amount)):,.2f}"


def table(head: Sequence[str], widths: Sequence[int], rows: Sequence[Row]) -> Part:
    """A table of a page: heads (none: no header), relative widths, rows."""
    return {"head": list(head), "widths": list(widths), "rows": [list(row) for row in rows]}


def made_up(home: Home, subject: str, tables: Sequence[str] = ("answers", "documents")) -> bool:
    """Whether any row of a subject in some tables was made up."""
    synthetic = {leaf.id for name in tables for leaf in home.leaves(kind=name) if leaf.synthetic}
    with engine(home.path) as opened:
        for name in tables:
            home.table_view(opened, name)
        union = " UNION ALL ".join(
            f'SELECT "{home.catalog.table(name).subject}" AS subject, leaf FROM {name}' for name in tables
        )
        rows = opened.rows(f"SELECT DISTINCT leaf FROM ({union}) WHERE subject = $s", {"s": subject})
    return any(leaf in synthetic for (leaf,) in rows)
