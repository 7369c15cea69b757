"""Files each broken in one way: the code, the row; the good rows stay; stored + refused = read; the report can be taken again."""

from __future__ import annotations

import csv
import gzip
import io

import openpyxl
import pytest

from steelyard.errors import InputError, UsageError
from steelyard.take import take

STATES = "unit,start,end,state\n"
GOOD = "P1,2026-03-14T08:00:00,2026-03-14T09:00:00,production\n"
LATER = "P1,2026-03-14T12:00:00,2026-03-14T13:00:00,setup\n"
ANSWERS = "subject,item,at,value,grade\n"
SUBJECTS = "id,kind,uscc,gbt2260,gbt4754\n"
COUNTS = "unit,start,end,product,produced,planned_seconds_per_item\n"

# name: (table, text before the bad line, the bad line, text after it, code)
ROWS = {
    "unknown item": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,Q99,2026-03-01,B,declared", "", "SY330"),
    "letter that the item has not": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,Q2,2026-03-01,Z,declared", "", "SY331"),
    "several letters where one is asked": ("answers", ANSWERS, "E1,Q2,2026-03-01,B+C,declared", "E1,Q1,2026-03-01,B,declared\n", "SY331"),
    "level 5 of 4": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,S1,2026-03-01,5,declared", "", "SY331"),
    "letter twice": ("answers", ANSWERS + "E1,Q2,2026-03-01,B,declared\n", "E1,Q1,2026-03-01,B+B,declared", "", "SY338"),
    "none of these and more": ("answers", ANSWERS + "E1,Q2,2026-03-01,B,declared\n", "E1,Q1,2026-03-01,A+B,declared", "", "SY339"),
    "inspected without a document": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,pledged\n", "E1,Q2,2026-03-01,B,inspected", "", "SY703"),
    "text in the number of a fact": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,fact.equipment_digital,2026-03-01,35%,declared", "", "SY701"),
    "number beyond its bounds": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,fact.equipment_digital,2026-03-01,35,declared", "", "SY702"),
    "grade that no hand may give": ("answers", ANSWERS + "E1,Q1,2026-03-01,B,declared\n", "E1,Q2,2026-03-01,B,measured", "", "SY317"),
    "same row twice": ("machine_states", STATES + GOOD, GOOD.strip(), LATER, "SY332"),
    "same key saying otherwise": ("machine_states", STATES + GOOD, GOOD.strip().replace("production", "delay"), LATER, "SY333"),
    "date in the future": ("machine_states", STATES + GOOD, "P1,2126-03-14T10:00:00,2126-03-14T11:00:00,setup", LATER, "SY323"),
    "year before 1970": ("machine_states", STATES + GOOD, "P1,1899-12-30T10:00:00,2026-03-14T11:00:00,setup", LATER, "SY322"),
    "no time at all": ("machine_states", STATES + GOOD, "P1,yesterday,2026-03-14T11:00:00,setup", LATER, "SY319"),
    "day that does not exist": ("machine_states", STATES + GOOD, "P1,2026-02-30,2026-03-14T11:00:00,setup", LATER, "SY319"),
    "end before start": ("machine_states", STATES + GOOD, "P1,2026-03-14T11:00:00,2026-03-14T10:00:00,setup", LATER, "SY324"),
    "end at its start": ("machine_states", STATES + GOOD, "P1,2026-03-14T11:00:00,2026-03-14T11:00:00,setup", LATER, "SY324"),
    "wrong choice": ("machine_states", STATES + GOOD, "P1,2026-03-14T10:00:00,2026-03-14T11:00:00,running", LATER, "SY317"),
    "empty required cell": ("machine_states", STATES + GOOD, ",2026-03-14T10:00:00,2026-03-14T11:00:00,setup", LATER, "SY310"),
    "too many fields": ("machine_states", STATES + GOOD, "P1,2026-03-14T10:00:00,2026-03-14T11:00:00,setup,x,y", LATER, "SY301"),
    "too few fields": ("machine_states", STATES + GOOD, "P1,2026-03-14T10:00:00", LATER, "SY301"),
    "NUL byte": ("machine_states", STATES + GOOD, "P1,2026-03-14T10:00:00,\0,setup", LATER, "SY304"),
    "merge-conflict marker": ("machine_states", STATES + GOOD, "<<<<<<< HEAD", LATER, "SY303"),
    "invisible character in an id": ("machine_states", STATES + GOOD, "P\u200b1,2026-03-14T10:00:00,2026-03-14T11:00:00,setup", LATER, "SY318"),
    "check letter of a credit code": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,91350100M000100Y44,,", "", "SY326"),
    "credit code too short": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,9144030,,", "", "SY325"),
    "letter that no credit code has": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,91440300I000000000,,", "", "SY325"),
    "region written as its name": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,,深圳,", "", "SY328"),
    "region that is not in the list": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,,990000,", "", "SY336"),
    "industry of no form": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,,,steel", "", "SY329"),
    "industry that is not in the list": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,enterprise,,,C9999", "", "SY337"),
    "kind of subject unknown": ("subjects", SUBJECTS + "E1,enterprise,,,\n", "E2,company,,,", "", "SY317"),
    "negative count": ("production_counts", COUNTS, "P1,2026-03-14T08:00,2026-03-14T09:00,X,-3,60", "", "SY315"),
    "text in a number": ("production_counts", COUNTS, "P1,2026-03-14T08:00,2026-03-14T09:00,X,12 pieces,60", "", "SY311"),
    "NaN": ("production_counts", COUNTS, "P1,2026-03-14T08:00,2026-03-14T09:00,X,NaN,60", "", "SY314"),
    "infinity": ("production_counts", COUNTS, "P1,2026-03-14T08:00,2026-03-14T09:00,X,inf,60", "", "SY314"),
    "thousands separators": ("production_counts", COUNTS, 'P1,2026-03-14T08:00,2026-03-14T09:00,X,"1,234",60', "", "SY312"),
    "full-width digits": ("production_counts", COUNTS, "P1,2026-03-14T08:00,2026-03-14T09:00,X,１２,60", "", "SY313"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_bad_row_is_named_with_its_row_and_code_and_the_good_rows_stay(make, name):
    table, before, bad, after, code = ROWS[name]
    home = make.new()
    taken = make.give(home, table, before + bad + "\n" + after)
    row = before.count("\n") + 1
    assert {(r.row, r.code) for r in taken.refused} == {(row, code)}
    assert (taken.rows_refused, taken.stored) == (1, before.count("\n") - 1 + after.count("\n"))
    assert taken.stored + taken.rows_refused == taken.read
    assert sum(leaf.rows for leaf in home.leaves(kind=table)) == taken.stored
    for refusal in taken.refused:
        assert refusal.say("zh")
        assert refusal.say("en")
        assert refusal.remedy("en")
    assert str(row) in taken.report.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(("zone", "time", "code"), [
    ("Europe/Berlin", "2026-03-29T02:30:00", "SY320"), ("Europe/Berlin", "2025-10-26T02:30:00", "SY321"),
    ("Asia/Shanghai", "1986-05-04T02:30:00", "SY320"),
])  # fmt: skip
def test_a_local_time_that_does_not_exist_or_came_twice_is_refused_not_guessed(make, zone, time, code):
    home = make.new(zone=zone)
    taken = make.give(home, "samples", f"subject,signal,at,value\nP1,x,2025-01-01T00:00:00,1\nP1,x,{time},2\n")
    assert [(r.row, r.column, r.code) for r in taken.refused] == [(3, "at", code)]


def test_a_line_in_another_encoding_is_refused_alone(make):
    lines = [b"id,kind,name_zh", "E1,enterprise,深圳钢铁厂".encode(), "E2,enterprise,广州机床厂".encode(),
             "E3,enterprise,佛山陶瓷厂".encode("gb18030")]  # fmt: skip
    taken = make.give(make.new(), "subjects", b"\n".join(lines) + b"\n")
    assert [(r.row, r.code) for r in taken.refused] == [(4, "SY302")]
    assert (taken.read, taken.stored) == (3, 2)


def test_a_refusal_report_corrected_can_be_taken_again(make):
    home = make.new()
    bad = "P1,2026-03-14T10:00:00,2026-03-14T11:00:00,running\n"
    taken = make.give(home, "machine_states", STATES + GOOD + bad + LATER)
    rows = list(csv.DictReader(io.StringIO(taken.report.read_text(encoding="utf-8-sig"))))
    assert [(r["refused_row"], r["refused_column"], r["refused_code"]) for r in rows] == [("3", "state", "SY317")]
    corrected = taken.report.read_bytes().replace(b"running", b"production", 1)
    again = make.give(home, "machine_states", corrected, "corrected.csv")
    assert (again.read, again.stored, again.refused) == (1, 1, [])
    assert sum(leaf.rows for leaf in home.leaves(kind="machine_states")) == 3


def test_a_file_taken_twice_is_stored_once(make):
    home = make.new()
    make.give(home, "machine_states", STATES + GOOD)
    again = make.give(home, "machine_states", STATES + GOOD, "another name.csv")
    assert again.already
    assert len(home.leaves(kind="machine_states")) == 1


def workbook(cut: int | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["unit", "start", "end", "state"])
    book.active.append(["P1", "2026-03-14T08:00:00", "2026-03-14T09:00:00", "production"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()[:cut]


FILES = {
    "empty file": ("a.csv", b"", "SY207"),
    "nothing but blank lines": ("a.csv", b"\n\n \n", "SY207"),
    "no header": ("a.csv", GOOD.encode(), "SY204"),
    "prose": ("a.csv", b"Dear Sir,\nplease find enclosed\n", "SY204"),
    "key column missing": ("a.csv", b"start,end,state\n2026-03-14T08:00,2026-03-14T09:00,production\n", "SY205"),
    "column named twice": (
        "a.csv",
        b"unit,start,end,state,state\nP1,2026-03-14T08:00,2026-03-14T09:00,setup,delay\n",
        "SY211",
    ),
    "unknown extension": ("a.pdf", b"%PDF-1.7", "SY208"),
    "no extension": ("a", (STATES + GOOD).encode(), "SY208"),
    "truncated gz": ("a.csv.gz", gzip.compress((STATES + GOOD).encode())[:-9], "SY208"),
    "gz under the name of csv": ("a.csv", gzip.compress((STATES + GOOD * 50).encode())[:-9], None),
    "truncated workbook": ("a.xlsx", workbook(-300), "SY201"),
    "workbook that is text": ("a.xlsx", (STATES + GOOD).encode(), "SY201"),
    "parquet that is none": ("a.parquet", b"PAR1 nothing PAR1", "SY201"),
    "one json list": ("a.jsonl", b'[{"unit": "P1"}]', "SY210"),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_broken_as_a_whole_is_refused_and_leaves_no_trace(make, name):
    file, data, code = FILES[name]
    home = make.new()
    with pytest.raises(InputError) as refused:
        take(home, make.file(file, data), table="machine_states")
    assert refused.value.code == code or (code is None and refused.value.code in ("SY201", "SY204"))
    assert refused.value.exit_status == 3
    assert home.leaves() == []


def test_a_sheet_that_the_workbook_has_not_is_refused(make):
    with pytest.raises(InputError) as refused:
        take(make.new(), make.file("a.xlsx", workbook()), table="machine_states", sheet="Tabelle9")
    assert refused.value.code == "SY206"


@pytest.mark.parametrize(("line", "code"), [
    ('{"unit": "P1", "start": ', "SY306"), ('["P1"]', "SY306"), ('{"unit": {"a": 1}}', "SY307"), ('{"unit": ' + "[" * 5000 + "}", "SY307"),
])  # fmt: skip
def test_a_bad_json_line_is_refused_alone(make, line, code):
    good = '{"unit": "P1", "start": "2026-03-14T08:00:00", "end": "2026-03-14T09:00:00", "state": "setup"}'
    taken = make.give(make.new(), "machine_states", f"{good}\n{line}\n", "a.jsonl")
    assert [(r.row, r.code) for r in taken.refused] == [(2, code)]
    assert (taken.read, taken.stored) == (2, 1)


WRONG_USE = {
    "file that is not there": (InputError, "SY201", lambda h, m: take(h, h.path / "none.csv")),
    "grade that is none": (InputError, "SY226", lambda h, m: m.give(h, "machine_states", STATES + GOOD, grade="certain")),
    "table that is none": (UsageError, "SY104", lambda h, m: m.give(h, "machine_state", STATES + GOOD)),
    "table that no hand fills": (UsageError, "SY113", lambda h, m: m.give(h, "bundles", "subject,at\nE1,2026-01-01\n")),
    "table that cannot be told": (UsageError, "SY111", lambda h, m: take(h, m.file("x.csv", "a,b\n1,2\n"))),
    "log of nobody": (UsageError, "SY112", lambda h, m: take(h, m.file("x.txt", "2026-03-14T08:00:00Z|execution|ACTIVE\n"))),
    "log that is none": (InputError, "SY208", lambda h, m: take(h, m.file("x.log", "no time here\n"), table="samples", subject="P1")),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG_USE))
def test_a_take_that_was_asked_wrongly_says_so(make, name):
    kind, code, act = WRONG_USE[name]
    with pytest.raises(kind) as refused:
        act(make.new(), make)
    assert refused.value.code == code
