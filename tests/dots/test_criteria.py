"""A rule read as a goal, against the SQL that weighs it: the same value for the same answers, whatever the tree."""

from __future__ import annotations

from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.catalog import load
from steelyard.dots.criteria import Read, Rule, better, division_of
from steelyard.dots.standing import expanded
from steelyard.errors import InputError
from steelyard.methods.goal import value
from steelyard.model.measure import Measure
from steelyard.model.period import Period
from steelyard.store.lake import engine
from steelyard.weigh import frame, judged

ITEMS = {
    "M1": {"mode": "multi", "points": {"A": 0, "B": 0.7, "C": 0.7, "D": 0.9}},
    "M2": {"mode": "multi", "points": {"A": 0, "B": 1.875, "C": 1.25}},
    "O1": {"mode": "single", "points": {"A": 0, "B": 1.5, "C": 3}},
    "O2": {"mode": "single", "points": {"1": 1, "0.8": 0.8, "0.5": 0.5, "0": 0}},
    "O3": {"mode": "single", "points": {"1": 1, "0.8": 0.8, "0.5": 0.5, "0": 0}},
    "L1": {"mode": "level", "levels": 4},
    "L2": {"mode": "level", "levels": 3},
    "N1": {"mode": "number", "unit": "1", "bounds": [0, 1]},
}
ANSWERS = {
    "M1": ["A", "B", "B+C", "C+D", "B+C+D"], "M2": ["A", "B", "C", "B+C"], "O1": ["A", "B", "C"], "O2": ["0", "0.5", "0.8", "1"],
    "O3": ["0", "0.5", "0.8", "1"], "L1": ["0", "1", "2", "3", "4"], "L2": ["0", "1", "2", "3"], "N1": ["0", "0.25", "0.8", "1"],
}  # fmt: skip

names = st.lists(st.sampled_from(sorted(ITEMS)), min_size=1, max_size=5, unique=True)
levels = st.lists(st.sampled_from(["L1", "L2"]), min_size=1, max_size=2, unique=True)
tenths = st.integers(1, 60).map(lambda number: number / 10)
leaves = st.one_of(
    names.map(lambda chosen: {"points": chosen}), names.map(lambda chosen: {"mean": chosen}),
    st.builds(lambda word, chosen, reach: {word: chosen, "reach": reach}, st.sampled_from(["levels", "share"]), levels, st.integers(1, 3)),
)  # fmt: skip
shares = st.lists(st.sampled_from(["O2", "O3", "N1"]), min_size=1, max_size=3, unique=True).map(
    lambda chosen: {"mean": chosen}
)


def above(nodes):
    weighted = st.lists(
        st.builds(lambda weight, of: {"weight": weight, "of": of}, tenths, nodes), min_size=1, max_size=3
    )
    tests = st.lists(st.builds(lambda of, least: {**of, "at_least": least}, nodes, tenths), min_size=1, max_size=2)
    gates = st.lists(tests, min_size=1, max_size=3).map(
        lambda steps: [{"value": n + 1, "all": step} for n, step in enumerate(steps)]
    )
    edges = st.lists(tenths, min_size=1, max_size=3, unique=True).map(
        lambda found: [[0, 0], *([edge, n] for n, edge in enumerate(sorted(found), 1))]
    )
    return st.one_of(
        weighted.map(lambda parts: {"weighted_mean": parts}), gates.map(lambda steps: {"gate": steps}),
        st.builds(lambda of, at: {"bands": {"of": of, "at": at}}, nodes, edges),
        st.lists(shares, min_size=1, max_size=3).map(lambda parts: {"steps": {"met": 0.8, "of": parts}}),
    )  # fmt: skip


rules = st.recursive(leaves, above, max_leaves=5)
answers = st.dictionaries(st.sampled_from(sorted(ANSWERS)), st.integers(0, 4), min_size=1).map(
    lambda drawn: {item: ANSWERS[item][place % len(ANSWERS[item])] for item, place in drawn.items()})  # fmt: skip


def weighed(rule: dict, given_: dict[str, str]) -> float | None:
    """What the SQL makes of the answers of one subject; None where it makes no Figure."""
    measure = Measure(
        "x/y", {}, ("enterprise",), "1", "judged", "higher", "s", "ours", (0, None), ("answers",), rule=rule
    )
    with engine() as opened:
        frame.name_periods(opened, [Period(0, 10)], 10)
        opened.register("answers", pa.table({"subject": ["F"] * len(given_), "item": [*given_], "value": [*given_.values()],
                                             "grade": ["declared"] * len(given_), "at": [1] * len(given_)}))  # fmt: skip
        for name, table in judged.item_tables(ITEMS).items():
            opened.register(name, table)
        rows = opened.rows(f"SELECT value FROM ({judged.judged_sql(measure, ITEMS)}) AS made")
    return float(rows[0][0]) if rows else None


@settings(max_examples=80, deadline=None)
@given(rules, answers)
def test_a_goal_is_worth_what_weighing_the_rule_makes_of_it(rule, given_):
    read = Rule("x/y", ITEMS, numbers={item: [text] for item, text in given_.items()})
    node = read.goal(rule)
    found = weighed(rule, given_)
    if found is not None:
        assert float(value(node, read.states.held(given_))) == pytest.approx(found, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(rules, st.sampled_from(sorted(ANSWERS)), st.integers(0, 4), st.integers(0, 4))
def test_two_answers_together_hold_the_states_of_both(rule, item, first, second):
    one, other = (ANSWERS[item][place % len(ANSWERS[item])] for place in (first, second))
    read = Rule("x/y", ITEMS, numbers={item: [one, other]})
    read.goal(rule)
    together = better(ITEMS[item], one, other)
    assert read.states.held({item: together}) == read.states.held({item: one}) | read.states.held({item: other})


@pytest.mark.parametrize(("code", "rule"), [
    ("SY224", {"points": ["M9"]}), ("SY225", {"median": ["M1"]}), ("SY706", {"bands": {"of": {"points": ["M1"]}, "at": [[0, 2], [1, 1]]}}),
])  # fmt: skip
def test_a_rule_that_cannot_be_read_is_refused(code, rule):
    with pytest.raises(InputError) as refused:
        Rule("x/y", ITEMS).goal(rule)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("industry", "worth"), [("2211", 1), ("C2211", 1), ("3511", Fraction(1, 2)), ("", Fraction(1, 2))]
)
def test_the_rule_follows_the_industry(industry, worth):
    rule = {"industry": {"divisions": {"process": [22]}, "process": {"mean": ["O2"]}, "else": {"mean": ["O2", "O3"]}}}
    read = Rule("x/y", ITEMS, industry)
    node = read.goal(rule)
    assert value(node, read.states.held({"O2": "1"})) == worth
    assert division_of(industry) in ("22", "35", "")


def test_the_rule_of_a_judged_measure_stands_in_for_its_figure_where_its_items_are_answered():
    catalog = load()
    rule = {"bands": {"of": {"figure": "gbt39116/2020/score"}, "at": [[0, 0], [1.8, 2]]}}
    assert expanded(rule, catalog, {}) == rule
    assert "figure" not in expanded(rule, catalog, {"cmmm20.data.1": "1"})["bands"]["of"]
    read = Rule("x/y", catalog.items, figures={"gbt39116/2020/score": Read({}, 0, 2.5, 2.7, "documented")})
    node = read.goal(rule)
    assert value(node, read.states.held({"gbt39116/2020/score": "2.5"})) == 2
    assert value(node, ()) == 0


def test_a_figure_counts_by_its_low_end_and_one_that_was_never_weighed_not_at_all():
    for known, low in ((Read({}, 0, 0.1, 0.6, "pledged"), "0.1"), (Read({}, 0, 0, 1), "")):
        read = Rule("x/y", {}, figures={"a/b": known})
        node = read.goal({"figure": "a/b"})
        assert value(node, read.states.held({"a/b": low} if low else {})) == Fraction(low or 0)
        assert value(node, ()) == 0
