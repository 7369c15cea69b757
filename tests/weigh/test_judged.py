"""Rules over answers: which answer counts, what facts answer, and trees of criteria in exact numbers, level by level."""

from __future__ import annotations

from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.catalog import load
from steelyard.catalog.rules import rule_items
from steelyard.errors import InputError
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store.lake import engine
from steelyard.store.portable import portable
from steelyard.store.rows import schema_of
from steelyard.weigh import frame, judged
from steelyard.weigh.given import counting

CATALOG = load()
END = 1_000
X = {"mode": "single", "points": {"1": 1, "0.8": 0.8, "0.5": 0.5, "0": 0}}
FIGURES = pa.schema([("measure", pa.string()), ("subject", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("value", pa.float64()),
                     ("low", pa.float64()), ("high", pa.float64()), ("heard", pa.float64()), ("among", pa.float64()), ("grade", pa.string()),
                     ("digest", pa.binary()), ("synthetic", pa.bool_()), ("clash", pa.int32()), ("unplaced", pa.int32())])  # fmt: skip


def figure(measure, value, low=None, high=None, subject="F", grade="measured", heard=1.0, among=1.0):
    return {"measure": measure, "subject": subject, "start": 0, "end": END, "value": value, "low": value if low is None else low,
            "high": value if high is None else high, "heard": heard, "among": among, "grade": grade, "digest": b"d", "synthetic": False,
            "clash": 0, "unplaced": 0}  # fmt: skip


def answer(item, value, grade="declared", at=1, subject="F"):
    return {"subject": subject, "item": item, "at": at, "value": value, "grade": grade}


def weighed(rule, items, answers=(), figures=(), subjects=(), bounds=None, how="judged"):
    """The rows that a rule makes, by subject, and the answers that counted."""
    measure = Measure("x/y", {}, ("enterprise",), "1", how, "higher", "s", "ours", (0, None), ("answers",), rule=rule)
    with engine() as opened:
        frame.name_periods(opened, [Period(0, END)], END)
        for name, rows in (("answers", answers), ("subjects", subjects)):
            opened.register(name, pa.Table.from_pylist(list(rows), schema=schema_of(CATALOG.tables[name])))
        opened.register("read_figures", pa.Table.from_pylist(list(figures), schema=FIGURES))
        for name, table in judged.item_tables(items).items():
            opened.register(name, table)
        held = opened.hold
        opened.hold = lambda name, sql, parameters=None: (portable(sql), held(name, sql, parameters))
        given_ = counting(opened, items, rule_items(rule))
        sql = judged.asked_sql(measure, given_) if how == "asked" else judged.judged_sql(measure, items, given_, bounds)
        portable(sql)  # it stays in what both engines read alike
        return {row["subject"]: row for row in opened.arrow(sql).to_pylist()}


def one(*args, **more):
    (row,) = weighed(*args, **more).values()
    return row


def sides(row):
    return row["value"], row["low"], row["high"]


def said(row):
    return row["heard"], row["among"], row["flags"]


def grade(row):
    return judged.RANK.split("'")[1::2][row["rank"]]


Q = {"Q": {"mode": "single", "points": {"A": 0, "B": 2, "C": 5}}}


@pytest.mark.parametrize(("answers", "points", "of_grade"), [
    ([("A", "declared", 1), ("C", "declared", 2)], 5, "declared"),
    ([("B", "inspected", 1), ("C", "pledged", 9)], 2, "inspected"),
    ([("B", "documented", 5), ("C", "documented", 4), ("A", "pledged", 9)], 2, "documented"),
    ([("C", "declared", END), ("B", "declared", 1)], 2, "declared"),
])  # fmt: skip
def test_the_highest_grade_counts_and_of_one_grade_the_latest_before_the_end(answers, points, of_grade):
    row = one({"points": ["Q"]}, Q, [answer("Q", value, grade, at) for value, grade, at in answers])
    assert sides(row) == (points,) * 3
    assert grade(row) == of_grade


def test_a_fact_answers_an_item_and_competes_with_its_direct_answers_by_grade_and_time():
    items = {
        "share": {
            "mode": "single",
            "points": {"A": 0, "B": 1.5, "C": 3},
            "from": {"fact": "fact.s", "above": {"A": None, "B": 0.1, "C": 0.2}},
        },
        "fact.s": {"mode": "number", "bounds": [0, 1]},
    }
    rule = {"points": ["share"]}
    fact = answer("fact.s", "0.15", "documented", 3)
    assert one(rule, items, [fact])["value"] == 1.5
    assert one(rule, items, [fact, answer("share", "C", "pledged", 9)])["value"] == 1.5
    assert one(rule, items, [fact, answer("share", "C", "documented", 9)])["value"] == 3
    assert one(rule, items, [fact, answer("share", "C", "documented", 2)])["value"] == 1.5
    assert grade(one(rule, items, [fact])) == "documented"


@pytest.mark.parametrize(("word", "number", "points"), [
    ("above", "0", 0), ("above", "0.1", 0), ("above", "0.1000001", 1.5), ("above", "0.2", 1.5), ("above", "0.21", 3),
    ("at_least", "0", 0), ("at_least", "0.0999", 0), ("at_least", "0.1", 1.5), ("at_least", "0.2", 3), ("at_least", "1", 3),
])  # fmt: skip
def test_above_needs_more_than_its_threshold_and_at_least_is_content_with_it(word, number, points):
    items = {
        "share": {
            "mode": "single",
            "points": {"A": 0, "B": 1.5, "C": 3},
            "from": {"fact": "fact.s", word: {"A": None, "B": 0.1, "C": 0.2}},
        },
        "fact.s": {"mode": "number"},
    }
    assert one({"points": ["share"]}, items, [answer("fact.s", number)])["value"] == points


def test_below_every_threshold_a_fact_answers_nothing():
    items = {
        "share": {
            "mode": "single",
            "points": {"B": 1, "C": 3},
            "from": {"fact": "fact.s", "above": {"B": 0.1, "C": 0.2}},
        },
        "fact.s": {"mode": "number"},
    }
    assert weighed({"points": ["share"]}, items, [answer("fact.s", "0.1")]) == {}


def test_a_mapped_fact_gives_many_options_to_many_and_the_best_to_one():
    systems = {"mode": "multi", "points": {"A": 0, "erp": 1, "mes": 1, "wms": 1}}
    items = {
        "many": {
            "mode": "multi",
            "points": {"A": 0, "B": 2, "C": 3},
            "from": {"fact": "fact.systems", "map": {"erp": "B", "mes": "C", "A": "A"}},
        },
        "one": {**X, "from": {"fact": "fact.systems", "map": {"erp": "0.5", "mes": "1"}}},
        "fact.systems": systems,
    }
    rule = {"points": ["many", "one"]}
    assert sides(one(rule, items, [answer("fact.systems", "erp+mes")])) == (6, 6, 6)
    assert sides(one(rule, items, [answer("fact.systems", "mes+wms")])) == (4, 4, 4)
    assert said(one(rule, items, [answer("fact.systems", "A")])) == (1, 2, "incomplete")
    assert weighed(rule, items, [answer("fact.systems", "wms")]) == {}


def test_the_same_options_and_the_same_number_pass_from_fact_to_item():
    items = {
        "n": {"mode": "number", "bounds": [0, 100], "from": {"fact": "fact.n", "same": True}},
        "fact.n": {"mode": "number", "bounds": [0, 100]},
    }
    row = one({"points": ["n"]}, items, [answer("fact.n", "12.345678", "pledged")])
    assert sides(row) == (12.345678,) * 3
    assert one({"item": "n"}, items, [answer("fact.n", "12.345678", "pledged")], how="asked")["value"] == 12.345678


MEASURED = {
    "share": {
        "mode": "single",
        "points": {"A": 0, "B": 1.5, "C": 3},
        "from": {"fact": "fact.s", "above": {"A": None, "B": 0.1, "C": 0.2}},
    },
    "fact.s": {"mode": "number", "bounds": [0, 1], "measure": "facts/s"},
}


def test_a_measured_figure_answers_a_fact_above_every_claim_and_its_range_stays():
    rule = {"points": ["share"]}
    claims = [answer("fact.s", "0.9", "inspected", 9), answer("share", "C", "inspected", 9)]
    row = one(rule, MEASURED, claims, [figure("facts/s", 0.15, 0.05, 0.5)])
    assert sides(row) == (1.5, 0, 3)
    assert grade(row) == "measured"
    assert sides(one(rule, MEASURED, claims, [figure("facts/s", 0.15)])) == (1.5, 1.5, 1.5)
    assert grade(one(rule, MEASURED, claims, [figure("facts/s", 0.15, grade="declared")])) == "inspected"


def test_two_answers_of_one_grade_and_moment_count_as_the_range_between_them_and_are_flagged():
    both = [answer("fact.s", "0.15", "documented", 3), answer("share", "C", "documented", 3)]
    row = one({"points": ["share"]}, MEASURED, both)
    assert sides(row) == (1.5, 1.5, 3)
    assert said(row) == (1, 1, "contradicting")
    agree = [answer("fact.s", "0.5", "documented", 3), answer("share", "C", "documented", 3)]
    assert said(one({"points": ["share"]}, MEASURED, agree)) == (1, 1, "")


def test_a_figure_stands_in_a_rule_with_its_range_and_its_base_and_without_one_its_bounds_do():
    rule = {"gate": [{"value": 1, "all": [{"figure": "m/level", "at_least": 2}, {"points": ["Q"], "at_least": 2}]}]}
    bounds = {"m/level": (0, 5)}
    row = one(rule, Q, [answer("Q", "B")], [figure("m/level", 2, 2, 3, heard=18, among=20)], bounds=bounds)
    assert sides(row) == (1, 1, 1)
    assert said(row) == (19, 21, "incomplete")
    row = one(rule, Q, [answer("Q", "B")], bounds=bounds)
    assert sides(row) == (0, 0, 1)
    assert said(row) == (1, 2, "incomplete")
    alone = one(
        {"bands": {"of": {"figure": "m/level"}, "at": [[0, 0], [1.8, 2]]}},
        {},
        [],
        [figure("m/level", 1.8)],
        bounds=bounds,
    )
    assert sides(alone) == (2, 2, 2)
    with pytest.raises(InputError, match="SY706"):
        one(rule, Q, [answer("Q", "B")], bounds={"m/level": (0, None)})


LEVELS = {f"l{level}.{n}": X for level in range(1, 6) for n in range(1, 5)}
STEPS = {"steps": {"met": 0.8, "of": [{"mean": [f"l{level}.{n}" for n in range(1, 5)]} for level in range(1, 6)]}}
LEVEL = {"bands": {"of": STEPS, "at": [[0, 0], [0.8, 1], [1.8, 2], [2.8, 3], [3.8, 4], [4.8, 5]]}}


def levels(*scores, below="0"):
    """Answers of the four requirements of each level in turn; the levels that are left out are answered with 0."""
    given_ = [*scores, *([(below,) * 4] * (5 - len(scores)))]
    return [answer(f"l{level}.{n}", value) for level, four in enumerate(given_, 1) for n, value in enumerate(four, 1)]


FULL, JUST, UNDER = ("1",) * 4, ("0.8",) * 4, ("1", "0.8", "0.8", "0.5")


@pytest.mark.parametrize(("answers", "score", "level"), [
    (levels(), 0, 0),
    (levels(("1", "1", "1", "0")), 0.75, 0),
    (levels(JUST), 1, 1),
    (levels(UNDER, FULL, FULL), 0.775, 0),  # a level that is not met stops the count, whatever is above
    (levels(FULL, JUST), 2, 2),
    (levels(FULL, FULL, JUST, ("1", "0.5", "0.5", "0.2")), None, None),
    (levels(FULL, FULL, FULL, ("0.8", "0.8", "0.5", "0")), 3.525, 3),
    (levels(FULL, FULL, FULL, ("1", "1", "0.8", "0")), 3.7, 3),
    (levels(FULL, FULL, FULL, UNDER), 3.775, 3),
    (levels(FULL, FULL, FULL, JUST), 4, 4),
    (levels(FULL, FULL, FULL, FULL, UNDER), 4.775, 4),
    (levels(FULL, FULL, FULL, FULL, JUST), 5, 5),
])  # fmt: skip
def test_level_by_level_each_met_level_counts_one_and_the_first_unmet_its_score(answers, score, level):
    known = [one_ for one_ in answers if one_["value"] in X["points"]]
    row = one(STEPS, LEVELS, known)
    if score is None:  # an answer that is no option is unknown, not zero
        assert said(row) == (19, 20, "incomplete")
        return
    assert sides(row) == (score,) * 3
    assert one(LEVEL, LEVELS, known)["value"] == level


@pytest.mark.parametrize(("fourth", "score"), [(0.55, 3.55), (0.71, 3.71)])
def test_scores_of_3_55_and_3_71_that_were_published_as_level_3_are_level_3(fourth, score):
    items = {f"q{n}": {"mode": "single", "points": {"1": 1, "part": fourth, "0": 0}} for n in range(1, 6)}
    rule = {"steps": {"met": 0.8, "of": [{"points": [name]} for name in items]}}
    answers = [answer("q1", "1"), answer("q2", "1"), answer("q3", "1"), answer("q4", "part"), answer("q5", "1")]
    assert one(rule, items, answers)["value"] == score
    assert one({"bands": {"of": rule, "at": LEVEL["bands"]["at"]}}, items, answers)["value"] == 3


def test_what_is_missing_could_still_lift_every_level_that_it_belongs_to():
    answers = [one_ for one_ in levels(FULL, JUST, FULL, ("0.5",) * 4) if one_["item"] not in ("l3.1", "l4.1", "l5.1")]
    row = one(STEPS, LEVELS, answers)
    assert sides(row) == (2.75, 2.75, 3.625)
    assert said(row) == (17, 20, "incomplete")


def test_eight_weights_of_a_tenth_reach_a_threshold_of_eight_tenths_exactly():
    items = {f"q{n}": X for n in range(10)}
    rule = {"weighted_mean": [{"weight": 0.1, "of": {"mean": [name]}} for name in items]}
    answers = [answer(name, "1" if n < 8 else "0") for n, name in enumerate(items)]
    assert one(rule, items, answers)["value"] == 0.8
    gate = {"gate": [{"value": 1, "all": [{**rule, "at_least": 0.8}]}]}
    assert one(gate, items, answers)["value"] == 1


def test_an_item_that_counts_twice_in_a_mean_is_added_twice():
    items = {"s": {"mode": "level", "levels": 4}}
    rule = {
        "weighted_mean": [{"weight": 1, "of": {"points": ["s"]}}, {"weight": 1, "of": {"levels": ["s"], "reach": 2}}]
    }
    assert sides(one(rule, items, [answer("s", "3")])) == (2, 2, 2)


PROCESS = {
    "industry": {
        "divisions": {"process": [17, 22]},
        "process": {"mean": ["p", "q"]},
        "else": {"mean": ["p", "q", "design"]},
    }
}
PQD = {"p": X, "q": X, "design": X}


def firm(name, code):
    return {"id": name, "kind": "enterprise", "gbt4754": code}


@pytest.mark.parametrize(("code", "expected"), [
    ("17", (0.5, 0.5, 0.5, 2, 2, "")), ("C1711", (0.5, 0.5, 0.5, 2, 2, "")), ("36", (2 / 3, 2 / 3, 2 / 3, 3, 3, "")),
    (None, (0.5, 0.5, 2 / 3, 3, 3, "industry_unknown")), ("C", (0.5, 0.5, 2 / 3, 3, 3, "industry_unknown")),
])  # fmt: skip
def test_the_industry_chooses_the_rule_and_the_items_and_an_unknown_one_leaves_the_range(code, expected):
    answers = [answer("p", "1"), answer("q", "0"), answer("design", "1")]
    row = one(PROCESS, PQD, answers, subjects=[firm("F", code)])
    assert sides(row) == pytest.approx(expected[:3])
    assert said(row) == expected[3:]


def test_an_industry_without_its_branches_is_refused_with_what_it_needs():
    with pytest.raises(InputError, match="SY706"):
        one({"industry": {"divisions": {"process": [17]}, "else": {"mean": ["p"]}}}, PQD, [answer("p", "1")])


@pytest.mark.parametrize("rule", [
    {"points": ["free"]}, {"bands": {"of": {"mean": ["p"]}, "at": [[0, 1], [0.5, 0]]}},
    {"weighted_mean": [{"weight": 0, "of": {"mean": ["p"]}}]}, {"steps": {"met": 0.8, "of": [{"points": ["p", "q"]}]}},
])  # fmt: skip
def test_what_has_no_range_is_not_weighed(rule):
    with pytest.raises(InputError, match="SY706"):
        one(rule, {**PQD, "free": {"mode": "number"}}, [answer("p", "1")])


ONE_ITEM = st.sampled_from(["1", "0.8", "0.5", "0", None])


@settings(max_examples=40, deadline=None)
@given(st.lists(ONE_ITEM, min_size=6, max_size=6), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_a_weighted_mean_is_what_fractions_give_whatever_its_weights(values, weights):
    items = {f"q{n}": X for n in range(6)}
    rule = {
        "weighted_mean": [
            {"weight": weight / 10, "of": {"mean": [f"q{2 * n}", f"q{2 * n + 1}"]}} for n, weight in enumerate(weights)
        ]
    }
    answers = [answer(f"q{n}", value) for n, value in enumerate(values) if value]
    if not answers:
        return

    def worked(missing):
        half = [Fraction(value) if value else missing for value in values]
        return sum(w * (half[2 * n] + half[2 * n + 1]) / 2 for n, w in enumerate(weights)) / sum(weights)

    low, high = worked(Fraction(0)), worked(Fraction(1))
    assert sides(one(rule, items, answers)) == pytest.approx((low, low, high), abs=1e-15)
    met = {"gate": [{"value": 1, "all": [{**rule, "at_least": 0.8}]}]}
    assert sides(one(met, items, answers)) == (low >= Fraction(8, 10), low >= Fraction(8, 10), high >= Fraction(8, 10))
