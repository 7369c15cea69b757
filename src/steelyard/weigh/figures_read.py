"""The Figures that answers are weighed with: those that a rule names, and those that answer a fact."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from steelyard.model.period import Period
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine
from steelyard.weigh.exact import quoted
from steelyard.weigh.given import COUNTED

_NONE = pa.schema([
    ("measure", pa.string()), ("subject", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("value", pa.float64()),
    ("low", pa.float64()), ("high", pa.float64()), ("heard", pa.float64()), ("among", pa.float64()), ("grade", pa.string()),
    ("digest", pa.binary()), ("synthetic", pa.bool_()), ("clash", pa.int32()), ("unplaced", pa.int32()),
])  # fmt: skip
_KEYS = 'subject, start, "end"'
_NEWEST = """
    SELECT measure, subject, p_start AS start, p_end AS "end", value, low, high, heard, among, grade, digest, synthetic, clash, unplaced FROM (
        SELECT f.*, p.start AS p_start, p."end" AS p_end,
               row_number() OVER (PARTITION BY f.measure, f.subject, p.start, p."end" ORDER BY f."end" DESC, f.start) AS place
        FROM figures_there f JOIN periods p ON f."end" <= p."end") AS placed
    WHERE place = 1"""


def name_figures(home: Home, opened: Engine, measures: Sequence[str], span: Period, *, subject: str = "",
                 newest: bool = False) -> None:  # fmt: skip
    """Name ``read_figures``: the current Figures of some measures for exactly the ``periods``.

    Of one ``subject`` alone where it is named. With ``newest`` those that ended last by the end of each period, the longest of them, instead; ``figures_there`` are all.
    """
    opened.register("no_figures", _NONE.empty_table())
    for number, name in enumerate(measures):
        at_rest.view(home, opened, f"read_{number}", name, span, within=True)
    parts = ["SELECT * FROM no_figures", *(_part(home, number, name) for number, name in enumerate(measures))]
    one = f" WHERE subject = {quoted(subject)}" if subject else ""
    opened.hold("figures_there", f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS every_one{one}")
    if newest:
        opened.hold("read_figures", _NEWEST)
        return
    opened.hold(
        "read_figures", 'SELECT f.* FROM figures_there f JOIN periods p ON f.start = p.start AND f."end" = p."end"'
    )


def _part(home: Home, number: int, name: str) -> str:
    """The Figures of one measure. What was answered by people keeps its base, which is of items; a reading counts as one."""
    people = home.catalog.measures[name].how in ("asked", "judged")
    base = "heard, among" if people else "1.0 AS heard, 1.0 AS among"
    flags = ", ".join(f"CASE WHEN list_contains(flags, '{flag}') THEN 1 ELSE 0 END AS {column}"
                      for column, flag in (("clash", "contradicting"), ("unplaced", "industry_unknown")))  # fmt: skip
    return (f"SELECT {quoted(name)} AS measure, {_KEYS}, value, low, high, {base}, grade, digest, "
            f"list_contains(flags, 'synthetic') AS synthetic, {flags} FROM read_{number}")  # fmt: skip


def figures_behind(named: Sequence[str], *, through_facts: bool) -> str:
    """The SELECT of the Figures behind each result: those that the rule names, and those that answered a fact that counts."""
    listed = ", ".join(map(quoted, named)) or "''"
    parts = [f"SELECT {_KEYS}, digest FROM read_figures WHERE measure IN ({listed})"]
    if through_facts:
        parts.append(
            f'SELECT f.subject, f.start, f."end", f.digest FROM read_figures f JOIN {COUNTED} c ON c.figure = f.measure '
            'AND c.subject = f.subject AND c.start = f.start AND c."end" = f."end"'
        )
    return f"SELECT {_KEYS}, list(digest) AS digests FROM ({' UNION '.join(parts)}) AS behind GROUP BY {_KEYS}"
