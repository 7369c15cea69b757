"""What goes on in the synthetic park: rows that the tables take, of firms of the province, the same for the same seed."""

from __future__ import annotations

from collections import Counter

from steelyard.examples.pearl import park_life, province

FILLED = {"supplies", "exchanges", "projects", "services", "lots", "scenes", "chain_links", "answers"}


def test_the_park_fills_every_table_of_the_four_chains(shunde):
    assert set(shunde) == FILLED
    assert all(table.num_rows for table in shunde.values())


def test_its_rows_have_the_columns_keys_and_choices_that_the_tables_name(shunde, wanted):
    for name, table in shunde.items():
        columns, key, rules = wanted[name]
        assert set(table.column_names) == set(columns)
        keys = list(zip(*(table[column].to_pylist() for column in key), strict=True))
        assert len(set(keys)) == len(keys), name
        for column, rule in rules.items():
            found = set(table[column].to_pylist())
            assert not (rule.get("required") and None in found), (name, column)
            assert found - {None} <= set(rule.get("choices", found)), (name, column)


def test_those_who_tell_are_members_of_the_park_and_some_of_them_tell_nothing(shunde, guangdong, wanted):
    rows = guangdong["memberships"].to_pylist()
    members = {row["subject"] for row in rows if row["of"] == park_life.PARK and row["until"] is None}
    tells = {
        "supplies": "customer",
        "exchanges": "from",
        "projects": "member",
        "services": "firm",
        "lots": "firm",
        "scenes": "subject",
    }
    for name, column in tells.items():
        told = set(shunde[name][column].to_pylist())
        assert told <= members, name
        assert told != members, name
    assert Counter(shunde["answers"]["subject"].to_pylist())[park_life.PARK] == len(park_life.SAID)


def test_some_cells_are_left_untold_so_that_ranges_widen(shunde):
    for name, column in (
        ("supplies", "live"),
        ("supplies", "sole"),
        ("lots", "back"),
        ("services", "digital"),
        ("scenes", "provider"),
    ):
        assert None in shunde[name][column].to_pylist(), (name, column)


def test_the_same_seed_makes_the_same_park_and_another_one_another(guangdong, shunde):
    again = park_life.rows(guangdong, seed=1)
    assert all(again[name].equals(table) for name, table in shunde.items())
    assert not park_life.rows(guangdong, seed=2)["supplies"].equals(shunde["supplies"])


def test_the_smallest_world_has_a_park_too():
    made = park_life.rows(province.firms(scale=0.0005, seed=3), seed=3)
    assert set(made) == FILLED
