"""Cells and rows against a table: every bad one is named, and stored + refused = read."""

from __future__ import annotations

import csv
import io
import random
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from tabular_bench import Bench, load_table, us

from steelyard.tabular import read, write_report
from steelyard.tabular.codes import CREDIT, credit_digits, industry_division, organisation_digits
from steelyard.tabular.duplicates import combine, first_like

ANSWERS = "subject,item,at,value,grade,document\n"


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("12.5", 12.5, ""),
        ("-1e-3", -0.001, ""),
        ("+5", 5.0, ""),
        (".5", 0.5, ""),
        ("abc", None, "SY311"),
        ("0x10", None, "SY311"),
        ("1_000", None, "SY311"),
        ("1,234.5", None, "SY312"),
        ("1,234", None, "SY312"),
        ("１２３", None, "SY313"),
        ("NaN", None, "SY314"),
        ("-inf", None, "SY314"),
        ("1e999", None, "SY314"),
        ("-200", None, "SY315"),
        ("200", None, "SY316"),
    ],
)
def test_numbers_are_read_or_refused_with_the_most_telling_reason(bench: Bench, text: str, value: object, code: str):
    assert bench.cell("number", text, least=-100, most=100) == (value, code)


@pytest.mark.parametrize(("text", "value", "code"), [("3", 3, ""), ("3.0", 3, ""), ("3.5", None, "SY334")])
def test_integers_are_whole(bench: Bench, text: str, value: object, code: str):
    assert bench.cell("integer", text) == (value, code)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-14T08:00:00Z", us("2026-03-14T08:00")),
        ("2026-03-14T08:00:00.123456+08:00", us("2026-03-14T00:00:00.123456")),
        ("2026-03-14T08:00:00.1234567Z", us("2026-03-14T08:00:00.123456")),
        ("2026-03-14T08:00", us("2026-03-14T00:00")),
        ("2026-03-14 08:00:01", us("2026-03-14T00:00:01")),
        ("2026-03-14", us("2026-03-13T16:00")),
        ("2026-03", us("2026-02-28T16:00")),
        ("2026", us("2025-12-31T16:00")),
    ],
)
def test_times_of_every_accepted_form_are_read_in_the_zone(bench: Bench, text: str, instant: int):
    assert bench.cell("time", text) == (instant, "")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("14/03/2026", "SY319"),
        ("2026/3/14", "SY319"),
        ("2026-02-30", "SY319"),
        ("2026-02-30T08:00Z", "SY319"),
        ("soon", "SY319"),
        ("1969-12-31T23:00:00Z", "SY322"),
        ("0001-01-01", "SY322"),
        ("2300-01-01", "SY322"),
        ("2026-07-05", "SY323"),
    ],
)
def test_times_that_are_none_or_impossible_are_refused(bench: Bench, text: str, code: str):
    assert bench.cell("time", text) == (None, code)


def test_a_column_of_plans_may_lie_in_the_future(bench: Bench):
    assert bench.cell("time", "2030-01-01", future=True)[1] == ""


def test_local_times_that_a_clock_change_skips_or_repeats_ask_for_the_offset(bench: Bench):
    assert bench.cell("time", "2026-03-29 02:30", zone="Europe/Berlin") == (None, "SY320")
    assert bench.cell("time", "2025-10-26 02:30", zone="Europe/Berlin") == (None, "SY321")
    assert bench.cell("time", "2025-10-26 02:30+01:00", zone="Europe/Berlin") == (us("2025-10-26T01:30"), "")
    assert bench.cell("time", "2025-10-26", zone="Europe/Berlin") == (us("2025-10-25T22:00"), "")


def test_a_day_whose_midnight_is_skipped_begins_at_the_change_of_clocks(bench: Bench):
    assert bench.cell("time", "2018-11-04", zone="America/Sao_Paulo") == (us("2018-11-04T03:00"), "")


def test_choices_and_addresses_are_checked(bench: Bench):
    assert bench.cell("choice", "pledge", choices=("declared", "pledged")) == (None, "SY317")
    assert bench.cell("url", "https://example.org/a")[1] == ""
    assert bench.cell("url", "example")[1] == "SY335"


def test_ids_with_invisible_characters_or_beyond_200_are_refused(bench: Bench):
    assert bench.cell("subject", "深圳 一厂")[1] == ""
    assert bench.cell("subject", "a\u200bb")[1] == "SY318"
    assert bench.cell("subject", "a\tb")[1] == "SY318"
    assert bench.cell("subject", "a" * 201)[1] == "SY318"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("440300", ""),
        ("440305", ""),
        ("110108", ""),
        ("429004", ""),
        ("469001", ""),
        ("100000", ""),
        ("990000", "SY336"),
        ("449901", "SY336"),
        ("4403", "SY328"),
        ("深圳市", "SY328"),
    ],
)
def test_region_codes_are_known_down_to_the_prefecture(bench: Bench, text: str, code: str):
    assert bench.cell("gbt2260", text)[1] == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("C", ""), ("36", ""), ("C36", ""), ("C3670", ""), ("367", ""), ("Z", "SY329"), ("3", "SY329"), ("99", "SY337")],
)
def test_industry_codes_lead_to_a_known_division(bench: Bench, text: str, code: str):
    assert bench.cell("gbt4754", text)[1] == code


def test_the_division_of_an_industry_code_is_its_first_two_digits():
    assert [industry_division(c) for c in ("C", "C3670", "36", "36７0", "C36700")] == ["C", "36", "36", "", ""]


def credit_code(seed: int) -> str:
    letters = random.Random(seed)
    code = "91440300" + "".join(letters.choice("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(8))
    code += organisation_digits([code + "00"])[0]
    return code + credit_digits([code + "0"])[0]


@given(st.integers(0, 10**9), st.integers(0, 17), st.sampled_from(CREDIT))
def test_our_check_letters_agree_with_an_independent_library(seed: int, place: int, letter: str):
    code = credit_code(seed)
    assert uscc.is_valid(code)
    changed = code[:place] + letter + code[place + 1 :]
    assert (credit_digits([changed])[0] == changed[17]) == (uscc.calc_check_digit(changed[:17]) == changed[17])


def test_credit_codes_with_a_slip_of_each_kind_are_refused_with_their_own_codes(bench: Bench):
    code = credit_code(7)
    assert bench.cell("uscc", code) == (code, "")
    assert bench.cell("uscc", "914403001922038216")[1] == ""  # a real one, published by its holder
    other = next(c for c in CREDIT if c != code[17])
    assert bench.cell("uscc", code[:17] + other)[1] == "SY326"
    wrong = next(c for c in "0123456789" if c != code[16])
    assert bench.cell("uscc", code[:16] + wrong + credit_digits([code[:16] + wrong + "0"])[0])[1] == "SY327"
    assert bench.cell("uscc", code.lower())[1] == "SY325"
    assert bench.cell("uscc", code[:17])[1] == "SY325"


@pytest.mark.parametrize(
    ("item", "value", "code"),
    [
        ("Q1", "A", ""),
        ("Q1", "B+D", ""),
        ("Q2", "C", ""),
        ("S1", "4", ""),
        ("Q1", "B+B", "SY338"),
        ("Q1", "A+B", "SY339"),
        ("Q1", "B+Z", "SY331"),
        ("Q2", "B+C", "SY331"),
        ("S1", "5", "SY331"),
        ("S1", "-1", "SY331"),
        ("S1", "1.5", "SY331"),
        ("Q99", "A", "SY330"),
        ("q1", "A", "SY330"),
    ],
)
def test_answers_fit_their_item(bench: Bench, item: str, value: str, code: str):
    done = bench.take("answers", ANSWERS + f"a,{item},2026-01-01,{value},declared,\n")
    assert [r.code for r in done.refused] == ([code] if code else [])


def test_every_bad_cell_of_a_row_is_named_and_the_row_is_refused_whole(bench: Bench):
    done = bench.take("answers", ANSWERS + "a,Q1,nonsense,B,sworn,\n,Q1,2026,B,declared,\nb,Q1,2026,B,declared,x\n")
    assert [(r.row, r.column, r.code) for r in done.refused] == [
        (2, "at", "SY319"),
        (2, "grade", "SY317"),
        (3, "subject", "SY310"),
    ]
    assert done.rows.num_rows == 1
    assert done.read == 3
    assert done.rows.column_names == [*load_table("answers").names, "row"]


def test_an_end_must_come_after_its_start(bench: Bench):
    head = "unit,start,end,state\n"
    done = bench.take("machine_states", head + "m,2026-01-02,2026-01-01,delay\nm,2026-01-01,2026-01-02,delay\n")
    assert [(r.row, r.column, r.code) for r in done.refused] == [(2, "end", "SY324")]


def test_of_two_rows_with_one_key_the_first_is_kept_and_the_other_repeats_or_contradicts_it(bench: Bench):
    rows = "a,Q1,2026-01-01,B,declared,\na,Q1,2025-12-31T16:00:00Z,B,declared,\na,Q1,2026-01-01,C,declared,\n"
    done = bench.take("answers", ANSWERS + rows + "a,Q1,2026-01-01,C,declared,\n")
    assert [(r.row, r.code, r.facts) for r in done.refused] == [
        (3, "SY332", {"first": 2}),
        (4, "SY333", {"first": 2}),
        (5, "SY333", {"first": 2}),
    ]


def test_a_bad_row_does_not_displace_a_good_one_of_its_key(bench: Bench):
    done = bench.take("answers", ANSWERS + "a,Q1,2026,Z,declared,\na,Q1,2026,B,declared,\n")
    assert [r.row for r in done.refused] == [2]


def test_where_all_are_kept_only_identical_rows_are_refused(bench: Bench):
    head = "indicator,subject,as_of,value,source\n"
    done = bench.take("published", head + "i,s,2024,1,x\ni,s,2024,2,x\ni,s,2024,1.0,x\ni,s,2024,2,x\n")
    assert [(r.row, r.code, r.facts["first"]) for r in done.refused] == [(4, "SY332", 2), (5, "SY332", 3)]


def test_one_wrong_day_among_many_thousands_is_found(bench: Bench):
    rows = [f"a,Q1,2026-01-01T00:00:00.{i:06}Z,B,declared," for i in range(30_000)]
    rows[12_345] = "a,Q1,2026-02-30T00:00:00Z,B,declared,"
    done = bench.take("answers", ANSWERS + "\n".join(rows))
    assert [(r.row, r.code) for r in done.refused] == [(12_347, "SY319")]


def test_the_report_can_be_corrected_and_taken_again(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("steelyard.refusal.Refusal.say", lambda self, lang=None: self.code)
    table = load_table("answers")
    raw = bench.raw("answers", ANSWERS + "a,Q1,2026,=Z,declared,doc\nb,Q1,2026,B,sworn,\nc,Q1\nd,Q1,2026,B,declared,\n")
    done = bench.checked(table, raw)
    path = bench.folder / "refused.csv"
    write_report(path, raw, table, done.refused, "zh")
    text = path.read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["refused_row"] for line in lines] == ["2", "3", "4"]
    assert [line["refused_column"] for line in lines] == ["value", "grade", ""]
    assert lines[0]["value"] == "=Z"
    assert lines[2]["subject"] == "c,Q1"
    path.write_text(text.replace("=Z", "C").replace("sworn", "declared"), encoding="utf-8-sig")
    again = bench.checked(table, read(path, table))
    assert again.rows["subject"].to_pylist() == ["a", "b"]
    assert read(path, table).ignored == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_the_first_row_like_each_is_what_a_dictionary_would_say(rows: list[tuple[int, int]]):
    seen: dict[tuple[int, int], int] = {}
    expected = [seen.setdefault(row, i) for i, row in enumerate(rows)]
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    assert first_like(combine(columns)).tolist() == expected


def test_every_code_of_this_room_says_what_and_what_to_do_in_both_languages():
    folder = Path(__file__).parents[2] / "src" / "steelyard"
    texts: dict[str, dict[str, str]] = {}
    for name in ("errors.toml", "errors_input.toml"):
        if (folder / name).exists():
            texts |= tomllib.loads((folder / name).read_text(encoding="utf-8"))
    files = [*(folder / "tabular").rglob("*.py"), *(folder / "connect").rglob("*.py")]
    used = set(re.findall(r'"(SY\d{3})"', " ".join(file.read_text(encoding="utf-8") for file in files)))
    assert used
    for code in used:
        assert set(texts[code]) == {"en", "zh", "do_en", "do_zh"}, code
