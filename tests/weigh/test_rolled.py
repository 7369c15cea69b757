"""Roll-ups against a plain count: circles change nothing, and very many Figures are named by their seals."""

from __future__ import annotations

import random
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from steelyard.model.period import parse
from steelyard.trace import trace, verify
from steelyard.weigh import rolled

LEVEL, SHARE = "sme2024/level", "coverage/sme2024-level1"
PERIODS = ("2026-01", "2026-02", "2026Q1")
PARKS = ("P1", "P2")
REGIONS = {"CN-440000": "440000", "CN-440100": "440100", "CN-440300": "440300"}
ENDS = ("", "2026-01-31", "2026-02-15")


def some_firms(seed):
    """Firms in regions and parks, on the roster for a while or not at all, that answered in one month, two or none."""
    rng = random.Random(seed)
    return [{
        "code": rng.choice(["440100", "440300", ""]), "parks": {park for park in PARKS if rng.random() < 0.5},
        "roster": rng.choice([None, *ENDS]), "level": rng.randint(0, 2),
        "answered": {day for day in ("2026-01-10", "2026-02-10") if rng.random() < 0.6},
    } for _ in range(9)]  # fmt: skip


def built(make, name, firms):
    """A home with these firms, weighed for months and the quarter."""
    home = make.new(name)
    subjects = [f"{region},region,{code}\n" for region, code in REGIONS.items()] + [f"{park},park,\n" for park in PARKS]
    subjects += [f"F{n},enterprise,{firm['code']}\n" for n, firm in enumerate(firms)]
    make.give(home, "subjects", "id,kind,gbt2260\n" + "".join(subjects))
    members = [f"F{n},{park},member,,\n" for n, firm in enumerate(firms) for park in sorted(firm["parks"])]
    if members:
        make.give(home, "memberships", "subject,of,role,since,until\n" + "".join(members))
    listed = [f"F{n},above_size,,{firm['roster']}\n" for n, firm in enumerate(firms) if firm["roster"] is not None]
    if listed:
        make.give(home, "roster", "enterprise,list,since,until\n" + "".join(listed))
    answers = "".join(
        make.answers(f"F{n}", firm["level"], at=day) for n, firm in enumerate(firms) for day in sorted(firm["answered"])
    )
    if answers:
        make.give(home, "answers", "subject,item,at,value,grade,document\n" + answers)
    for period in PERIODS:
        make.weigh(home, [LEVEL], period)
    for period in PERIODS:
        make.weigh(home, [SHARE], period)
    return home


def counted(home, firms, group, period):
    """Value, low, high, heard and among, a firm at a time."""
    levels = home.figures(LEVEL).to_pylist()
    reached = possible = heard = among = 0
    for n, firm in enumerate(firms):
        inside = group in firm["parks"] or (
            firm["code"] and REGIONS.get(group) in (firm["code"], firm["code"][:2] + "0000")
        )
        until = firm["roster"]
        if not inside or until is None or (until and _micros(home, until) <= period.start):
            continue
        among += 1
        mine = [
            row
            for row in levels
            if row["subject"] == f"F{n}" and row["start"] >= period.start and row["end"] <= period.end
        ]
        if mine:
            newest = min(mine, key=lambda row: (-row["end"], row["start"]))
            heard, reached, possible = heard + 1, reached + (newest["low"] >= 1), possible + (newest["high"] >= 1)
    if not heard:
        return None
    value = reached / heard
    return value, min(reached / among, value), max((possible + among - heard) / among, value), heard, among


def _micros(home, day):
    return int(datetime.fromisoformat(day).replace(tzinfo=home.zone).timestamp() * 1e6)


@pytest.mark.parametrize("seed", range(6))
def test_a_roll_up_says_what_a_plain_count_says(make, seed):
    firms = some_firms(seed)
    home = built(make, "home", firms)
    for text in PERIODS:
        period = make.period(text, home)
        said = {row["subject"]: row for row in home.figures(SHARE, period=period).to_pylist()}
        for group in (*PARKS, *REGIONS):
            wanted, row = counted(home, firms, group, period), said.get(group)
            assert (row is None) == (wanted is None)
            if row:
                assert tuple(row[name] for name in ("value", "low", "high", "heard", "among")) == wanted


@pytest.fixture
def many(make, monkeypatch):
    """A home in which two Figures of a period count as very many."""
    monkeypatch.setattr(rolled, "MOST_NAMED", 1)
    firm = {"code": "440100", "parks": {"P1"}, "roster": "", "answered": {"2026-01-10"}, "level": 1}
    return built(make, "many", [firm, firm, firm])


def test_a_roll_up_of_very_many_names_the_seals_over_them_and_is_traced_to_them(many):
    (row,) = many.figures(SHARE, "P1", many_period(many)).to_pylist()
    tree = trace(many, row["digest"])
    seals = [node for node in tree.children if node.kind == "seal"]
    assert tree.state == "SHOWN"
    assert [node.seal["figures"] for node in seals] == [3]
    assert seals[0].seal["measures"] == [LEVEL]
    assert verify(many).holds


def test_a_changed_figure_breaks_the_roll_up_that_names_its_seal(many):
    (row,) = many.figures(SHARE, "P1", many_period(many)).to_pylist()
    for path in (many.path / "lake" / "figures").glob("*.parquet"):
        table = pq.read_table(path)
        if set(table["measure"].to_pylist()) == {LEVEL}:
            pq.write_table(
                table.set_column(table.column_names.index("value"), "value", pa.array([4.0] * len(table))), path
            )
    assert trace(many, row["digest"]).state == "BROKEN"
    assert row["digest"].hex() in {fault.name for fault in verify(many).faults if fault.beneath}


def many_period(home):
    return parse("2026-01", home.zone)
