"""Heard: who was expected, what came when, what did not; what came and was not kept is said; the unheard widen intervals."""

from __future__ import annotations

import json

import pytest

from steelyard.cli import main
from steelyard.errors import InputError
from steelyard.model.period import parse
from steelyard.share import heard, receive, receive_many, revoke
from steelyard.share.heard import document
from steelyard.weigh import weigh

LEVEL, COVERAGE = "sme2024/level", "coverage/sme2024-level2"


def expecting(ours, home, who: str = "trusted", more: str = "") -> None:
    ours.subscribe(
        home, "firms", f"from: {who}\npushed: true\nexpect: {{measures: [{LEVEL}], every: month, due_days: 10{more}}}\n"
    )


def at(home, text: str) -> None:
    """Let the home's clock stand at the start of a day."""
    start = parse(text, home.zone).start
    home.now = lambda: start


def states(home, period: str = "2026-09") -> dict[str, str]:
    return {row.source.subject: row.state for row in heard(home, parse(period, home.zone)).rows}


def test_the_unheard_are_named_and_who_came_late_or_is_still_awaited_is_told_apart(province, ours):
    home = province.home
    at(home, "2026-10-02")
    province.trust(4)
    expecting(ours, home)
    receive(home, province.bundle(0, "2026-09"))
    assert list(states(home).values()) == ["awaited"] * 3 + ["heard"]
    at(home, "2026-10-20")
    receive(home, province.bundle(1, "2026-09"))
    receive(home, province.bundle(2, "2026-08"))  # another month is not this one
    found = heard(home)  # the last complete month
    assert {row.source.subject[-1]: row.state for row in found.rows} == {
        "0": "heard",
        "1": "late",
        "2": "unheard",
        "3": "unheard",
    }
    assert states(home, "2026-08") | {} == {"E-440300-00000": "unheard", "E-440300-00001": "unheard", "E-440300-00002": "late",
                                            "E-440300-00003": "unheard"}  # fmt: skip
    assert [row.source.name for row in found.rows if row.state == "unheard"] == [
        "第2号企业（合成）",
        "第3号企业（合成）",
    ]


def test_what_lacks_of_a_home_is_said(province, ours):
    home = province.home
    at(home, "2026-10-20")
    province.trust(1)
    ours.subscribe(
        home,
        "firms",
        f"from: trusted\npushed: true\nexpect: [{{measures: [{LEVEL}, none/*], due_days: 5, since: 2026-09}}]\n",
    )
    receive(home, province.bundle(0, "2026-09"))
    (row,) = heard(home, parse("2026Q3", home.zone)).rows
    assert (row.state, row.lacks) == ("partly", ("none/*",))


def test_a_period_that_is_no_whole_month_expects_nothing(province, ours):
    province.trust(1)
    expecting(ours, province.home)
    assert states(province.home, "2026-09-14") == {}
    assert len(heard(province.home, parse("2026Q2", province.home.zone)).rows) == 3


def test_a_roster_says_who_is_expected_whichever_home_tells(province, ours, make):
    home = province.home
    at(home, "2026-10-20")
    province.trust(2)
    make.give(home, "roster", "enterprise,list,since,until\nE-440300-00000,above_size,,\nE-440300-00001,above_size,2027-01-01,\n"
              "E-440300-00009,above_size,,\n")  # fmt: skip
    expecting(ours, home, "{roster: above_size}")
    receive(home, province.bundle(0, "2026-09"))
    assert states(home) == {"E-440300-00000": "late", "E-440300-00009": "unheard"}


def test_repeated_older_and_revoked_bundles_are_said_with_their_home(province, ours):
    home = province.home
    province.trust(1)
    expecting(ours, home)
    first, second, third = (province.bundle(0, "2026-09") for _ in range(3))
    receive(home, second)
    receive(home, second)
    receive(home, second)
    with pytest.raises(InputError):
        receive(home, first)
    revoke(home, province.firms[0].key.public.hex())
    with pytest.raises(InputError):
        receive(home, third)
    said = document(home, heard(home))["not_kept"]
    assert {(one["why"], one["number"], one["count"], one["home"]) for one in said} == {
        ("repeated", 2, 2, province.firms[0].home), ("SY417", 1, 1, province.firms[0].home), ("SY413", 3, 1, province.firms[0].home)}  # fmt: skip
    assert all(one["name"] == "第0号企业（合成）" for one in said)
    assert heard(home).rows[0].trusted == "revoked"


def test_an_unheard_home_widens_the_interval_of_its_roll_up_and_hearing_it_narrows_it(province, ours, make):
    home = province.home
    home.now = lambda: parse("2026-10-20", home.zone).start
    province.trust(4)
    firms = [firm.id for firm in province.firms]
    make.give(home, "subjects", "id,kind,gbt2260\n" + "".join(f"{firm},enterprise,440300\n" for firm in firms)
              + "440300,region,440300\nCN-440000,region,440000\n", synthetic=True)  # fmt: skip
    make.give(home, "roster", "enterprise,list\n" + "".join(f"{firm},above_size\n" for firm in firms), synthetic=True)
    expecting(ours, home)
    period = parse("2026-09", home.zone)

    def coverage() -> tuple[float, float, float, float, float]:
        weigh(home, [COVERAGE], [period])
        row = home.figures(COVERAGE, "440300", period).to_pylist()[0]
        return row["value"], row["low"], row["high"], row["heard"], row["among"]

    receive_many(home, [("", province.bundle(0, "2026-09", 3)), ("", province.bundle(1, "2026-09", 0))])
    assert coverage() == (0.5, 0.25, 0.75, 2.0, 4.0)
    assert sorted(row.source.subject for row in heard(home, period).rows if row.state == "unheard") == firms[2:]
    receive(home, province.bundle(2, "2026-09", 4))
    assert coverage() == (2 / 3, 0.5, 0.75, 3.0, 4.0)
    receive(home, province.bundle(3, "2026-09", 1))
    value, low, high, *_ = coverage()
    assert value == low == high == 0.5


def test_the_command_prints_one_document_or_lines_with_the_unheard_first(province, ours, capsys):
    province.trust(2)
    expecting(ours, province.home)
    receive(province.home, province.bundle(1, "2026-09"))
    for arguments in (
        ["heard", str(province.path), "--period", "2026-09", "--json"],
        ["heard", str(province.path), "--period", "2026-09"],
    ):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
        out = capsys.readouterr()
        if "--json" in arguments:
            assert json.loads(out.out)["expected"] == 2
        else:
            assert "1/2" in out.err
            assert "E-440300-00000" in out.out.splitlines()[1]
