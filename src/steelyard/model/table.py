"""Table: the shape of rows that are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

TYPES = ("text", "number", "integer", "time", "choice", "subject", "uscc", "gbt2260", "gbt4754")


@dataclass(frozen=True)
class Column:
    """One column: its type, whether it must be filled, its choices and bounds.

    A ``time`` whose ``future`` is false may not lie after the moment of taking.
    """

    name: str
    type: str
    label: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    future: bool = False


@dataclass(frozen=True)
class Table:
    """Columns in order; the key that names a row; which columns are the subject, the start and the end.

    ``grade`` is the evidence that rows of this table carry unless a column named ``grade`` says it row by row.
    ``keep_all`` keeps rows with one key and several contents side by side; elsewhere the one taken last counts.
    A table that is not ``by_hand`` is written by Steelyard alone. Of a ``whole`` table the newest block replaces all before.
    ``lookback`` is how long, in microseconds, an instant can count before and after itself: a value holds until the next, a
    counter's pieces belong to the time since the one before. Rows that count ``through`` another table speak of the subjects
    which that table binds to theirs, by the column of the same name: samples of a device, through bindings, of a unit.
    """

    name: str
    label: dict[str, str]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    subject: str
    start: str = ""
    end: str = ""
    grade: str = "documented"
    keep_all: bool = False
    by_hand: bool = True
    whole: bool = False
    lookback: int = 0
    through: str = ""

    def column(self, name: str) -> Column:
        """The column of that name; raises KeyError."""
        return {c.name: c for c in self.columns}[name]

    @property
    def calendar(self) -> bool:
        """Whether its rows plan ahead: a calendar is read whole, for a day without a shift is a fact too."""
        return bool(self.start) and self.column(self.start).future

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)
