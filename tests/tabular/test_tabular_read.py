"""Files as they come: encodings, delimiters, headers, malformed lines, workbooks, JSON lines, Parquet."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tabular_bench import Bench, load_table

from steelyard.errors import InputError
from steelyard.tabular import read
from steelyard.tabular.delimited import _careful, _quick
from steelyard.tabular.header import Header

HEAD = "enterprise,list,since,until\n"
ZH = "企业,名录,列入时间,移出时间\n"


def refusals(raw):
    return [(r.row, r.code) for r in raw.refused]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_every_usual_encoding_of_a_chinese_file_gives_the_same_cells(bench: Bench, encoding: str, named: str):
    raw = bench.raw("roster", (ZH + "深圳一厂,规上,2024,\n").encode(encoding))
    assert raw.columns.to_pylist() == [
        {"enterprise": "深圳一厂", "list": "规上", "since": "2024", "until": None, "row": 2}
    ]
    assert (raw.encoding, raw.refused, raw.format) == (named, [], "csv")


def test_in_a_file_of_two_encodings_the_minority_is_refused_by_line(bench: Bench):
    good = [f"厂{i},规上,2024,\n".encode() for i in range(3)]
    raw = bench.raw("roster", ZH.encode() + good[0] + "广州二厂,规上,2024,\n".encode("gb18030") + good[1] + good[2])
    assert raw.columns["row"].to_pylist() == [2, 4, 5]
    assert refusals(raw) == [(3, "SY302")]
    assert raw.refused[0].value == "广州二厂,规上,2024,"
    assert raw.read == 4


def test_utf8_lines_in_a_gb18030_file_are_refused_but_gb_that_is_utf8_by_accident_is_kept(bench: Bench):
    gb = f"{ZH}联通,规上,,\n广州二厂,规上,,\n珠海三厂,规上,,\n".encode("gb18030")
    raw = bench.raw("roster", gb + "深圳一厂,规上,,\n".encode())
    assert raw.columns["enterprise"].to_pylist() == ["联通", "广州二厂", "珠海三厂"]
    assert refusals(raw) == [(5, "SY302")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_splits_the_header_into_known_names(bench: Bench, delimiter: str):
    raw = bench.raw("roster", (HEAD + "a,x,2024,2025\n").replace(",", delimiter))
    assert raw.columns.to_pylist() == [{"enterprise": "a", "list": "x", "since": "2024", "until": "2025", "row": 2}]


def test_headers_match_by_name_or_label_in_any_case_and_unknown_ones_are_reported(bench: Bench):
    raw = bench.raw("roster", " ENTERPRISE ,名录,Remark,refused_row,refused_reason\na,x,hm,3,why\n")
    assert raw.columns.to_pylist() == [{"enterprise": "a", "list": "x", "row": 2}]
    assert raw.ignored == ["Remark"]


def test_a_title_above_the_header_is_passed_over_and_lines_keep_their_numbers(bench: Bench):
    raw = bench.raw("roster", "规上企业名录 2024\n\n" + HEAD + "\na,x,,\n\n\nb,x,,\n,,,\n")
    assert raw.columns["row"].to_pylist() == [5, 8]


def test_cells_are_trimmed_and_empty_ones_are_null(bench: Bench):
    raw = bench.raw("roster", HEAD + ' a ,"\u3000x\t",  ,""\n')
    assert raw.columns.to_pylist() == [{"enterprise": "a", "list": "x", "since": None, "until": None, "row": 2}]


def test_line_numbers_are_those_of_an_editor_when_cells_hold_line_ends(bench: Bench):
    raw = bench.raw("roster", HEAD + 'a,"x\r\ny",,\r\nb,"say ""hi"", now",,\r\n\r\nc,z,,')
    assert raw.columns["row"].to_pylist() == [2, 4, 6]
    assert raw.columns["list"].to_pylist() == ["x\ny", 'say "hi", now', "z"]
    assert raw.refused == []


def test_lines_with_too_many_or_too_few_cells_are_refused_by_number(bench: Bench):
    raw = bench.raw("roster", HEAD + "a,x,,\nb,x\nc,x,,,,\nd,x,,\n")
    assert refusals(raw) == [(3, "SY301"), (4, "SY301")]
    assert raw.columns["row"].to_pylist() == [2, 5]
    assert raw.refused[0].facts == {"found": 2, "expected": 4}
    assert raw.refused[0].value == "b,x"


def test_a_quote_that_is_never_closed_costs_its_own_line_only(bench: Bench):
    raw = bench.raw("roster", HEAD + 'a,"x,,\nb,x,,\n' + "".join(f"c{i},x,,\n" for i in range(3000)))
    assert refusals(raw) == [(2, "SY309")]
    assert raw.columns.num_rows == 3001


def test_merge_markers_and_nul_are_refused_with_their_own_codes(bench: Bench):
    raw = bench.raw("roster", HEAD + "a,x,,\n<<<<<<< HEAD\nb,x,,\n=======\nc,x,,\n>>>>>>> 1a2b\nd\0,x,,\n")
    assert refusals(raw) == [(3, "SY303"), (5, "SY303"), (7, "SY303"), (8, "SY304")]
    assert raw.read == 7


def test_cells_beyond_32_kib_are_refused(bench: Bench):
    raw = bench.raw("roster", HEAD + "a," + "x" * 40_000 + ",,\nb," + "x" * 30_000 + ",,\n")
    assert refusals(raw) == [(2, "SY305")]
    assert raw.columns["row"].to_pylist() == [3]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=6)


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=8), st.booleans())
def test_the_quick_and_the_careful_reader_agree_wherever_both_read(rows: list[list[str]], final: bool):
    lines = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in rows]
    body = ("\n".join(lines) + ("\n" if final else "")).encode()
    header = Header(("a", "b"), [])
    refused: list = []
    slow, slow_rows = _careful(body, header, ",", 2, refused)
    quick = _quick(body, header, ",", 2, refused)
    assert refused == []
    assert [slow["a"].to_pylist(), slow["b"].to_pylist()] == [[r[0] for r in rows], [r[1] for r in rows]]
    assert quick is not None
    assert np.array_equal(quick[1], slow_rows)
    assert [c or "" for c in quick[0]["a"].to_pylist()] == [r[0] for r in rows]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.csv", b"", "SY207"),
        ("a.csv", b"\n\n", "SY207"),
        ("a.csv", HEAD.encode(), "SY207"),
        ("a.csv", b"x,y\n1,2\n", "SY204"),
        ("a.csv", b"enterprise,since\na,2024\n", "SY205"),
        ("a.csv", b"enterprise,list,Enterprise\na,b,c\n", "SY211"),
        ("a.doc", b"x", "SY208"),
        ("a.xlsx", b"no workbook", "SY201"),
        ("a.parquet", b"PAR1 not really PAR1", "SY201"),
        ("a.json", b'[{"enterprise": "a"}]', "SY210"),
        ("a.jsonl", b'{"enterprise": "a"}', "SY205"),
    ],
)
def test_whole_files_that_cannot_be_used_raise_an_input_error(bench: Bench, name: str, data: bytes, code: str):
    with pytest.raises(InputError) as raised:
        bench.raw("roster", data, name)
    assert raised.value.code == code
    assert raised.value.where.endswith(name)


def test_a_missing_file_raises_an_input_error(tmp_path: Path):
    with pytest.raises(InputError) as raised:
        read(tmp_path / "none.csv", load_table("roster"))
    assert raised.value.code == "SY201"


def workbook(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"s{number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_excel_numbers_and_dates_become_text_and_mangled_codes_are_refused(bench: Bench, tmp_path: Path):
    path = workbook(
        tmp_path / "w.xlsx",
        [["名单"], [], ["id", "kind", "uscc", "gbt2260"], [123, "park", 914403001922038216, 440300], [], ["b", "park"]],
    )
    raw = bench.raw("subjects", path.read_bytes(), "a.xlsx")
    assert raw.format == "excel"
    assert raw.columns["row"].to_pylist() == [4, 6]
    assert raw.columns["id"].to_pylist() == ["123", "b"]
    assert raw.columns["gbt2260"].to_pylist() == ["440300", None]
    assert [(r.row, r.column, r.code) for r in raw.refused] == [(4, "uscc", "SY308")]
    done = bench.checked("subjects", raw)
    assert done.read == 2
    assert done.rows["id"].to_pylist() == ["b"]


def test_excel_dates_become_iso_and_sheets_are_chosen_by_name_or_place(bench: Bench, tmp_path: Path):
    day = datetime(2024, 3, 14, 8, 30)  # noqa: DTZ001
    data = workbook(tmp_path / "w.xlsx", [["nothing"]], [["enterprise", "list", "since"], ["a", "x", day]]).read_bytes()
    for sheet in ("s1", 1, "1"):
        assert bench.raw("roster", data, "a.xlsx", sheet).columns["since"].to_pylist() == ["2024-03-14T08:30:00"]
    with pytest.raises(InputError) as raised:
        bench.raw("roster", data, "a.xlsx", "s7")
    assert raised.value.code == "SY206"


def test_a_zip_bomb_in_a_workbook_is_refused_unopened(bench: Bench, tmp_path: Path):
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    with pytest.raises(InputError) as raised:
        bench.raw("roster", path.read_bytes(), "bomb2.xlsx")
    assert raised.value.code == "SY203"


def test_one_cell_far_off_in_a_sheet_does_not_fill_the_memory(bench: Bench, tmp_path: Path):
    path = tmp_path / "far.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = "enterprise"
    book.active["XFD1048576"] = "x"
    book.save(path)
    with pytest.raises(InputError) as raised:
        bench.raw("roster", path.read_bytes(), "far2.xlsx")
    assert raised.value.code == "SY203"


def test_json_lines_keep_digits_as_they_stand_and_refuse_what_is_nested_or_broken(bench: Bench):
    lines = [
        '{"indicator": "i", "subject": "a", "as_of": 2024, "value": 12345678901234567890.10, "source": "s", "more": 1}',
        '{"indicator": {"x": 1}, "subject": "a", "as_of": "2024", "value": 1, "source": "s"}',
        '{"indicator": "i", ',
        "[" * 100_000,
        "",
        '{"indicator": "é", "subject": null, "as_of": "2024", "value": true, "source": "s"}',
    ]
    raw = bench.raw("published", "\n".join(lines), "a.jsonl")
    assert refusals(raw) == [(2, "SY307"), (3, "SY306"), (4, "SY307")]
    assert raw.columns["value"].to_pylist() == ["12345678901234567890.10", "true"]
    assert raw.columns["as_of"].to_pylist() == ["2024", "2024"]
    assert raw.columns["row"].to_pylist() == [1, 6]
    assert raw.ignored == ["more"]


def test_json_objects_nested_a_hundred_thousand_deep_are_refused(bench: Bench):
    deep = '{"enterprise":' + '{"a":' * 100_000 + "1" + "}" * 100_001
    raw = bench.raw("roster", deep + "\n" + json.dumps({"enterprise": "a", "list": "x"}), "a.jsonl")
    assert refusals(raw) == [(1, "SY307")]


def test_parquet_columns_become_text_and_zoned_times_end_in_z(bench: Bench, tmp_path: Path):
    when = datetime(2024, 3, 14, 8, 30, tzinfo=UTC)
    table = pa.table(
        {
            "企业": pa.array(["a", "b"]).dictionary_encode(),
            "list": [1, 2],
            "since": pa.array([when, None], pa.timestamp("ms", "Asia/Shanghai")),
            "until": pa.array([when.replace(tzinfo=None), None], pa.timestamp("ns")),
        }
    )
    parquet.write_table(table, tmp_path / "w.parquet")
    raw = bench.raw("roster", (tmp_path / "w.parquet").read_bytes(), "a.parquet")
    first = raw.columns.to_pylist()[0]
    assert first["enterprise"] == "a"
    assert first["list"] == "1"
    assert first["since"].startswith("2024-03-14T08:30:00")
    assert first["since"].endswith("Z")
    assert first["until"].startswith("2024-03-14T08:30:00")
    assert raw.columns["row"].to_pylist() == [1, 2]
