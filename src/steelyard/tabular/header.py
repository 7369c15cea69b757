"""Which columns of a file are which columns of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.errors import InputError
from steelyard.model.table import Table

DEPTH = 20  # a title or a note may stand above the header, within so many lines


@dataclass(frozen=True)
class Header:
    """``names``: for each column of the file the table's name, or None; ``ignored``: those the table does not know."""

    names: tuple[str | None, ...]
    ignored: list[str]

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name)


def spellings(table: Table) -> dict[str, str]:
    """Every accepted spelling of a header, in small letters, to the column's name; a name goes before a label."""
    found = {label.strip().lower(): c.name for c in table.columns for label in c.label.values()}
    return found | {c.name.lower(): c.name for c in table.columns}


def match(cells: Sequence[str], spelled: dict[str, str]) -> Header:
    """Reads one line as a header. Columns that begin with ``refused_`` come from a refusal report: not even ignored."""
    tidy = [cell.strip().strip("\ufeff") for cell in cells]
    names = tuple(spelled.get(cell.lower()) for cell in tidy)
    unknown = [c for c, name in zip(tidy, names, strict=True) if c and not name and not c.startswith("refused_")]
    return Header(names, unknown)


def find(lines: Sequence[Sequence[str]], table: Table, where: str) -> tuple[int, Header]:
    """The first line that names every required column, else the one that names most; and its place among ``lines``.

    Raises InputError SY204 when no line names any column, SY205 when one is missing, SY211 when one stands twice.
    """
    spelled = spellings(table)
    headers = [match(cells, spelled) for cells in lines[:DEPTH]]
    best = max(range(len(headers)), key=lambda i: (len(set(headers[i].known)), -i), default=-1)
    if best < 0 or not headers[best].known:
        raise InputError("SY204", where, table=table.name, names=", ".join(table.names))
    _complete(headers[best].known, table, where)
    return best, headers[best]


def _complete(known: Sequence[str], table: Table, where: str) -> None:
    demand(known, table, where)
    twice = sorted({name for name in known if list(known).count(name) > 1})
    if twice:
        raise InputError("SY211", where, columns=", ".join(twice))


def demand(known: Sequence[str], table: Table, where: str) -> None:
    """Raises InputError SY205 when a key or required column is missing."""
    missing = [c.name for c in table.columns if (c.required or c.name in table.key) and c.name not in known]
    if missing:
        raise InputError("SY205", where, table=table.name, columns=", ".join(missing))
