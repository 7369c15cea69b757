"""What holds for every table of the synthetic world."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pyarrow import csv
from stdnum.cn import uscc

from steelyard.examples.pearl import files


@pytest.fixture(params=["works", "guangdong", "appliances"])
def world(request):
    return request.getfixturevalue(request.param)


def test_every_table_has_the_columns_that_the_standards_name(world, wanted):
    for name, table in world.items():
        assert table.column_names == wanted[name][0]


def test_no_two_rows_have_the_same_key(world, wanted):
    for name, table in world.items():
        keys = list(zip(*(table[column].to_pylist() for column in wanted[name][1]), strict=True))
        assert len(set(keys)) == len(keys)


def test_required_cells_are_filled_and_choices_are_kept(world, wanted):
    for name, table in world.items():
        for column, rule in wanted[name][2].items():
            found = set(table[column].unique().to_pylist())
            assert not (rule.get("required") and None in found)
            assert found - {None} <= set(rule.get("choices", found))


def test_times_are_local_iso_text_with_the_offset_of_shanghai(world, wanted):
    for name, table in world.items():
        for column in [column for column, rule in wanted[name][2].items() if rule["type"] == "time"]:
            for text in table[column].unique().to_pylist():
                assert text is None or datetime.fromisoformat(text).utcoffset() == timedelta(hours=8)


def test_what_is_invented_says_so_in_both_languages(world):
    for row in world["subjects"].to_pylist():
        if row["kind"] != "region":
            assert row["name_zh"].endswith("（合成）")
            assert row["name_en"].endswith("(synthetic)")


def test_region_and_industry_codes_are_in_the_official_lists(world, standards):
    for column in ("gbt2260", "gbt4754"):
        lines = (standards / "codes" / f"{column}.csv").read_text("utf-8").splitlines()[1:]
        assert set(world["subjects"][column].unique().to_pylist()) - {None} <= {line.split(",")[0] for line in lines}


def test_memberships_name_subjects_that_exist(works, guangdong, appliances):
    known = {row for tables in (works, guangdong, appliances) for row in tables["subjects"]["id"].to_pylist()}
    for tables in (works, guangdong, appliances):
        assert set(tables["memberships"]["subject"].to_pylist()) | set(tables["memberships"]["of"].to_pylist()) <= known


def test_credit_codes_are_valid_unique_and_of_the_firms_city(guangdong):
    rows = [row for row in guangdong["subjects"].to_pylist() if row["kind"] == "enterprise"]
    assert all(uscc.is_valid(row["uscc"]) for row in rows)
    assert all(row["uscc"][:8] == f"91{row['gbt2260']}" for row in rows)
    assert len({row["uscc"] for row in rows}) == len(rows)


def test_the_organisation_part_of_a_credit_code_has_the_check_digit_of_gb_11714(guangdong):
    for code in guangdong["subjects"]["uscc"].drop_null().to_pylist():
        total = sum(int(c, 36) * w for c, w in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
        assert code[16] == {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def test_files_are_named_synthetic_and_read_back_as_they_were(works, tmp_path):
    paths = files.write(works, tmp_path / "made", seed=1)
    assert {path.name for path in paths} == {f"synthetic-{name}.csv" for name in works}
    for path, table in zip(paths, works.values(), strict=True):
        options = csv.ConvertOptions(column_types=table.schema, strings_can_be_null=True)
        assert csv.read_csv(path, convert_options=options).combine_chunks().equals(table.combine_chunks())


def test_a_readme_beside_the_files_says_synthetic_generator_scale_and_seed(guangdong, tmp_path):
    files.write(guangdong, tmp_path, generator="province", scale=0.02, seed=7)
    text = (tmp_path / "README.md").read_text("utf-8")
    for word in ("合成", "Synthetic", "province", "0.02", "| 7 |", "synthetic-answers.csv"):
        assert word in text
