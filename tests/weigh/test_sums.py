"""No Figure hangs on the order in which rows were added up: sum() is for whole numbers and decimals, total() for doubles."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from steelyard import golden
from steelyard.catalog import load
from steelyard.store.lake import Embedded

CATALOG = load()
CASES = list(golden.cases(CATALOG))
WHOLE = """CREATE MACRO whole(x) AS
    CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN error('sum() of doubles: use total()') ELSE x END"""


def watched(sql: str) -> str:
    """The same SELECT, failing where sum() is given doubles."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--") or "from:" in line]
    before, *sums = "\n".join(lines).split("sum(")
    return before + "".join(f"sum(whole({text[: _end(text)]}){text[_end(text) :]}" for text in sums)


def _end(text: str) -> int:
    """Where the bracket closes that was opened before a text."""
    depth = 1
    for at in count():
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return at
    raise AssertionError


WATCHED = {
    m.id: replace(m, formula=m.formula and watched(m.formula), views={k: watched(v) for k, v in m.views.items()})
    for m in CATALOG.measures.values()
}


@pytest.mark.parametrize("name", sorted(name for name, measure in CATALOG.measures.items() if measure.formula))
def test_no_formula_and_no_view_sums_doubles_by_sum(name, monkeypatch):
    begin = Embedded.__init__

    def start(self, folder=None):
        begin(self, folder)
        self._con.execute(WHOLE)

    monkeypatch.setattr(Embedded, "__init__", start)
    case = next(case for case in CASES if case.measure.id == name)
    assert golden.run(replace(case, measure=WATCHED[name]), replace(CATALOG, measures=WATCHED)) == []
