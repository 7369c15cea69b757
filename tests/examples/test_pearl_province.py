"""The synthetic firms stand in the published numbers and answer as a population would."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict

import numpy as np
import pytest

from steelyard.examples.pearl import province
from steelyard.examples.pearl.identity import FACTORY, LEADER, identities, identity
from steelyard.examples.pearl.places import CITIES, counts

TOTAL = 71_996
CONSTRAINED = ("S1", "S3", "S6", "S7", "S8", "S9", "S10", "S11", "S12", "S13")
RULE = ((4, 80, 10, 6), (3, 60, 8, 5), (2, 40, 6, 3), (1, 20, 6, 3))  # level, score, scenes, constrained
FIFTHS = dict(zip("ABCDE", (0, 0.25, 0.5, 0.75, 1.0), strict=True))
THIRDS = {"A": 0, "B": 0.5, "C": 1.0}
SINGLE = {
    "Q2": (6, FIFTHS), "Q3": (6, FIFTHS), "Q5": (10, FIFTHS), "Q11": (7.5, FIFTHS),
    "Q8": (7.5, dict(zip("ABCDEF", (0, 0.2, 0.4, 0.6, 0.8, 1.0), strict=True))),
    "Q12": (7, THIRDS), "Q13": (7, THIRDS), "Q14": (3, THIRDS), "Q15": (3, THIRDS),
}  # fmt: skip
MULTI = {"Q1": 2, "Q4": 0.7, "Q6": 1.25, "Q7": 1.25, "Q9": 1.875, "Q10": 1.5}


def score(answers):
    """Points of Q1 to Q15 by the 2024 edition, computed from its text alone."""
    total = sum(most * shares[answers[item]] for item, (most, shares) in SINGLE.items())
    for item, each in MULTI.items():
        chosen = [] if answers[item] == "A" else answers[item].split("+")
        total += each * len(chosen) + 0.2 * (item == "Q4" and "O" in chosen)
    return total


def level(answers):
    """The highest level whose two conditions hold, 0 where none does."""
    points, scenes = score(answers) + 1e-9, {item: int(answers[item]) for item in answers if item.startswith("S")}
    for k, least, some, constrained in RULE:
        reached = [item for item, value in scenes.items() if value >= k]
        if points >= least and len(reached) >= some and len(set(reached) & set(CONSTRAINED)) >= constrained:
            return k
    return 0


@pytest.fixture(scope="module")
def answered(guangdong):
    """Firm to its answers by item, the tier left out."""
    found = defaultdict(dict)
    for row in guangdong["answers"].to_pylist():
        if row["item"] != "smart_factory_tier":
            found[row["subject"]][row["item"]] = row["value"]
    return dict(found)


@pytest.fixture(scope="module")
def grades(guangdong):
    return dict(
        zip(guangdong["answers"]["subject"].to_pylist(), guangdong["answers"]["grade"].to_pylist(), strict=True)
    )


def test_the_same_seed_makes_the_same_province(guangdong):
    again = province.firms(scale=0.02, seed=1)
    assert all(guangdong[name].equals(again[name]) for name in guangdong)


def test_another_seed_makes_other_answers_by_the_same_firms(guangdong):
    other = province.firms(scale=0.02, seed=2)
    assert not guangdong["answers"].equals(other["answers"])
    assert guangdong["subjects"].equals(other["subjects"])


def test_the_numbers_of_firms_at_scale_1_are_the_published_ones_of_2023(standards):
    with (standards / "published" / "guangdong.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["as_of"].startswith("2023-12-31")]
    published = {row["subject"]: float(row["value"]) for row in rows if row["indicator"].startswith("above_size")}
    made = counts(1.0)
    assert sum(made.values()) == TOTAL
    assert all(published[f"CN-{code}"] == count for code, count in made.items())
    assert made["440300"] == 14_188


@pytest.mark.parametrize("scale", [0.0005, 0.001, 0.02, 0.1, 1 / 3, 0.999])
def test_at_any_scale_the_total_is_the_rounded_one_and_each_city_has_a_firm(scale):
    made = counts(scale)
    assert sum(made.values()) == round(TOTAL * scale)
    assert len(made) == 21
    assert min(made.values()) >= 1


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.0001, 1.5])
def test_a_scale_that_cannot_hold_21_cities_is_refused(scale):
    with pytest.raises(ValueError, match="scale"):
        counts(scale)


def test_all_21_cities_their_province_and_the_nation_are_subjects(guangdong):
    regions = {row["id"]: row for row in guangdong["subjects"].to_pylist() if row["kind"] == "region"}
    assert set(regions) == {"CN-100000", "CN-440000"} | {f"CN-{city.code}" for city in CITIES}
    assert regions["CN-440600"]["name_zh"] == "佛山市"
    firms = [row for row in guangdong["subjects"].to_pylist() if row["kind"] == "enterprise"]
    assert Counter(row["gbt2260"] for row in firms) == counts(0.02)


def test_the_list_of_the_end_of_2023_holds_every_firm_and_some_have_left_since(guangdong):
    rows = guangdong["roster"].to_pylist()
    on_the_day = [r for r in rows if r["since"] < "2024" and (r["until"] is None or r["until"] > "2024")]
    assert len(on_the_day) == len(rows) == round(TOTAL * 0.02)
    assert 0.01 < sum(r["until"] is not None for r in rows) / len(rows) < 0.06
    assert len({r["since"] for r in rows}) > 50


def test_a_firm_is_the_same_and_answers_the_same_at_a_larger_scale(guangdong):
    larger = province.firms(scale=0.05, seed=1)
    for name, column in (("subjects", "id"), ("answers", "subject")):
        few = {tuple(r.values()) for r in guangdong[name].to_pylist() if r[column].startswith("E-")}
        assert few < {tuple(row.values()) for row in larger[name].to_pylist()}


def test_a_firm_answers_all_31_items_once_at_one_time_and_in_one_grade(guangdong, answered):
    rows = [r for r in guangdong["answers"].to_pylist() if r["item"] != "smart_factory_tier"]
    assert len({(r["subject"], r["item"]) for r in rows}) == len(rows)
    assert all(len(items) == 31 for items in answered.values())
    assert len({(r["subject"], r["at"], r["grade"]) for r in rows}) == len(answered)


def test_about_93_of_100_firms_on_the_list_answer_and_none_that_left(guangdong, answered):
    listed = {row["enterprise"] for row in guangdong["roster"].to_pylist() if row["until"] is None}
    assert answered.keys() <= listed
    assert 0.90 < len(answered) / len(listed) < 0.96
    assert {FACTORY, LEADER} <= answered.keys()


def test_answers_fall_between_october_2025_and_march_2026(guangdong):
    days = [text[:10] for text in guangdong["answers"]["at"].unique().to_pylist()]
    assert "2025-10-01" <= min(days) <= max(days) <= "2026-03-31"


def test_about_42_of_100_that_answer_reach_level_2_and_every_level_occurs(answered):
    shares = np.bincount([level(items) for items in answered.values()], minlength=5) / len(answered)
    assert 0.38 < shares[2:].sum() < 0.46
    assert 0.10 < shares[0] < 0.25
    assert shares[1] > shares[2] > shares[3] > shares[4] > 0.01


def test_score_and_scenes_of_a_firm_go_together(answered):
    points = [score(items) for items in answered.values()]
    scenes = [sum(int(items[f"S{i}"]) for i in range(1, 17)) for items in answered.values()]
    assert np.corrcoef(points, scenes)[0, 1] > 0.8


def test_delta_cities_and_electronics_are_ahead_of_the_rest(guangdong, answered):
    levels = {firm: level(items) for firm, items in answered.items()}
    trade = dict(
        zip(guangdong["subjects"]["id"].to_pylist(), guangdong["subjects"]["gbt4754"].to_pylist(), strict=True)
    )
    shenzhen = np.mean([value >= 2 for firm, value in levels.items() if firm[2:8] == "440300"])
    others = np.mean([value >= 2 for firm, value in levels.items() if firm[2:8] in ("445200", "440500", "440800")])
    assert shenzhen > others
    assert np.mean([v for f, v in levels.items() if trade[f] == "39"]) > np.mean(
        [v for f, v in levels.items() if trade[f] in ("17", "18", "19")]
    )


def test_most_answers_are_declared_or_pledged_and_better_grades_name_a_document(guangdong, grades):
    shares = Counter(grades.values())
    assert shares["declared"] + shares["pledged"] > 0.75 * len(grades)
    assert shares["documented"] > shares["inspected"] > 0
    for row in guangdong["answers"].to_pylist():
        assert (row["document"] is not None) == (row["grade"] in ("documented", "inspected"))


def test_inspected_firms_score_a_little_lower():
    answers = province.firms(scale=0.3, seed=3)["answers"].to_pylist()
    scenes = defaultdict(list)
    for row in answers:
        if row["item"].startswith("S"):
            scenes[row["grade"]].append(int(row["value"]))
    assert np.mean(scenes["inspected"]) < np.mean(scenes["pledged"]) - 0.05


def test_no_more_equipment_is_networked_than_is_digital(answered):
    assert all(items["Q3"] <= items["Q2"] for items in answered.values())


def test_tiers_of_smart_factories_are_documented_and_few_are_high(guangdong):
    rows = [row for row in guangdong["answers"].to_pylist() if row["item"] == "smart_factory_tier"]
    found = Counter(row["value"] for row in rows)
    assert found["0"] > found["1"] > found["2"] > found["3"]
    assert {row["grade"] for row in rows if row["value"] != "0"} == {"documented"}


def test_two_parks_and_a_cluster_have_dated_members_and_the_factory_is_in_a_park(guangdong):
    kinds = Counter(guangdong["subjects"]["kind"].to_pylist())
    assert (kinds["park"], kinds["cluster"]) == (2, 1)
    rows = guangdong["memberships"].to_pylist()
    assert min(Counter(row["of"] for row in rows).values()) >= 3
    assert all(row["since"] for row in rows)
    assert FACTORY in {row["subject"] for row in rows if row["of"] == "PK-440600-01"}


def test_names_of_firms_are_unique_within_a_city():
    names = identities(CITIES[2], 14_188)["name_zh"].to_pylist()
    assert len(set(names)) == len(names)


def test_who_a_firm_is_follows_from_its_id_alone(guangdong):
    rows = {row["id"]: row for row in guangdong["subjects"].to_pylist()}
    for firm in (FACTORY, LEADER, "E-445300-00003"):
        assert identity(firm).to_pylist() == [rows[firm]]
