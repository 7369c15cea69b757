"""A home of some firms with one answer each: a measure of firms, ``own/score``, and the share of firms that reach 1, ``own/reached``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steelyard.store.home import Home

SCORE = """label: {en: Score, zh: 得分}
source: ours
status: ours
of: [enterprise]
unit: "1"
bounds: [0, 4]
better: higher
how: read
from: [answers]
"""
FORMULA = """SELECT a.subject, p.start, p."end", max(CAST(a.value AS DOUBLE)) AS value, max(CAST(a.value AS DOUBLE)) AS low,
max(CAST(a.value AS DOUBLE)) AS high, 1.0 AS heard, 1.0 AS among, min(a.grade) AS grade
FROM answers a JOIN periods p ON a.at < p."end" WHERE a.item = 'S1' GROUP BY a.subject, p.start, p."end" """
REACHED = """label: {en: Share of firms that reach 1, zh: 达到 1 的企业比例}
source: ours
status: ours
of: [park, cluster, region]
unit: "1"
bounds: [0, 1]
better: higher
how: rolled
rule: {share: {of: own/score, at_least: 1}, roster: above_size}
"""
MEASURE = "own/reached"


@dataclass(frozen=True)
class Firm:
    """A firm: where, of which industry and size, its score (None: not heard), and to whom it belongs."""

    id: str
    code: str = ""
    score: int | None = 1
    size: str = ""
    industry: str = "35"
    of: tuple[str, ...] = ()
    listed: bool = True


def group(name: str, count: int, reach: int, **more) -> list[Firm]:
    """So many firms, of which some reach 1."""
    return [Firm(f"{name}{n}", score=1 if n < reach else 0, **more) for n in range(count)]


def give(make, home: Home, firms: Iterable[Firm], places: Iterable[str] = (), more: Iterable[str] = ()) -> Home:
    """Take firms, places (``id,kind,code`` each) and memberships (``subject,of,role,since,until`` each)."""
    folder = home.path / "standards" / "own"
    for name, text in (("score", SCORE), ("reached", REACHED)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "measure.yaml").write_text(text, encoding="utf-8")
    (folder / "score" / "formula.sql").write_text(FORMULA, encoding="utf-8")
    home.__dict__.pop("catalog", None)
    firms = list(firms)
    rows = {
        "subjects": ["id,kind,gbt2260,gbt4754", *(f"{place}," for place in places),
                     *(f"{f.id},enterprise,{f.code},{f.industry}" for f in firms)],
        "memberships": ["subject,of,role,since,until", *(f"{f.id},{above},member,," for f in firms for above in f.of), *more],
        "roster": ["enterprise,list", *(f"{f.id},above_size" for f in firms if f.listed), *(f"{f.id},{f.size}" for f in firms if f.size)],
        "answers": ["subject,item,at,value,grade", *(f"{f.id},S1,2018-02-01,{f.score},declared" for f in firms if f.score is not None)],
    }  # fmt: skip
    for table, lines in rows.items():
        if len(lines) > 1:
            assert make.give(home, table, "\n".join(lines) + "\n").rows_refused == 0
    return home


def changes(make, home: Home, *rows: str) -> None:
    """Take changes of divisions, ``code,into,since,kind`` each."""
    assert (
        make.give(
            home,
            "division_changes",
            "\n".join(["code,into,since,kind,name_before,name_after", *(f"{row},," for row in rows)]) + "\n",
        ).rows_refused
        == 0
    )
