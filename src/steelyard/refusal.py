"""Refusal: one cell or line that was not taken, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.errors import explain

SHOWN = 80  # characters of a value that a message repeats


@dataclass(frozen=True)
class Refusal:
    """Row (line number as an editor or Excel shows it), column (empty: the whole line), the cell, a code, its facts."""

    row: int
    column: str
    value: str
    code: str
    facts: dict[str, object] = field(default_factory=dict)

    def say(self, lang: str | None = None) -> str:
        """What is wrong with it and why, in ``zh`` or ``en``."""
        return explain(self.code).what(lang, self._texts())

    def remedy(self, lang: str | None = None) -> str:
        """What to do."""
        return explain(self.code).do(lang, self._texts())

    def _texts(self) -> dict[str, object]:
        shown = self.value if len(self.value) <= SHOWN else self.value[:SHOWN] + "…"
        return {"row": self.row, "column": self.column, "value": shown, **self.facts}
