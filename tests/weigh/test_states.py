"""From signals to states and pieces: holds, gaps, bad samples, overriding signals, counters; and the order of arrival does not matter."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import CATALOG, SECOND, WORDS, binding, sample, see, span, words

DAY = 86_400
HORIZON = 4_000
BASE = 10 * DAY
BOUND = {"bindings": [binding("state", "s")], "state_words": words()}


def spans(*, periods=((BASE, BASE + HORIZON),), **tables):
    return [
        ((row["start"] // SECOND) - BASE, (row["end"] // SECOND) - BASE, row["state"], row["reason"])
        for row in see("unit_states", periods, **tables)
    ]


def states(*samples, **tables):
    return spans(samples=[sample(BASE + at, "s", *said) for at, *said in samples], **{**BOUND, **tables})


def test_a_state_holds_until_the_next_but_no_longer_than_its_hold():
    assert states((0, "RUN"), (50, "STOP"), (70, "STOP"), (500, "RUN")) == [
        (0, 50, "production", "RUN"), (50, 130, "delay", "STOP"), (500, 560, "production", "RUN"),
    ]  # fmt: skip


def test_beyond_its_hold_a_state_counts_while_its_device_is_watched():
    watched = [span(BASE + 100, BASE + 300, subject="D"), span(BASE + 350, BASE + 400, subject="D")]
    assert states((0, "RUN"), (390, "STOP"), watches=watched) == [
        (0, 60, "production", "RUN"), (100, 300, "production", "RUN"), (350, 390, "production", "RUN"), (390, 450, "delay", "STOP"),
    ]  # fmt: skip


def test_the_last_state_ends_with_the_last_evidence_and_a_watch_holds_it_at_most_a_day():
    watched = [span(BASE - 2 * DAY, BASE + 1_000, subject="D")]
    assert states((0, "RUN"), watches=watched)[-1][1] == 1_000
    old = [sample(BASE - DAY + 500, "s", "RUN")]
    assert max(s[1] for s in spans(samples=old, watches=watched, **BOUND)) == 500


@pytest.mark.parametrize("quality", ["bad", "stale", "unavailable"])
def test_a_bad_sample_ends_the_state_and_makes_none(quality):
    assert states((0, "RUN"), (20, "RUN", quality), (40, "RUN")) == [
        (0, 20, "production", "RUN"),
        (40, 100, "production", "RUN"),
    ]


def test_a_historical_sample_counts_as_a_fact():
    assert states((0, "RUN", "historical"), (20, "STOP", "uncertain"))[0] == (0, 20, "production", "RUN")


def test_a_word_that_nobody_mapped_is_unknown_and_words_know_no_capitals():
    assert states((0, " run "), (20, "Dancing")) == [(0, 20, "production", " run "), (20, 80, "unknown", "Dancing")]


def test_a_state_told_as_a_number_is_the_word_of_that_number():
    rule = [{"rule": "plain", "role": "state", "word": "6", "state": "production", "overrides": 1000}, *words()]
    assert states((0, 6.0), state_words=rule) == [(0, 60, "production", "6")]


def test_an_overriding_signal_counts_before_and_for_as_long_as_it_holds():
    mode = binding("state", "m") | {"role": "mode"}
    own = [row | {"overrides": 0} if row["word"] == "STOP" else row for row in words()]
    rule = [*own, {"rule": "plain", "role": "mode", "word": "MANUAL", "state": "setup", "overrides": 1}]
    told = [
        sample(BASE + at, "s", word) for at, word in ((0, "RUN"), (40, "RUN"), (80, "STOP"), (120, "RUN"), (150, "RUN"))
    ]
    told += [sample(BASE + at, "m", word) for at, word in ((30, "MANUAL"), (60, "MANUAL"), (100, "AUTO"))]
    assert _joined(spans(samples=told, bindings=[binding("state", "s"), mode], state_words=rule)) == [
        (0, 30, "production"), (30, 80, "setup"), (80, 120, "delay"), (120, 210, "production"),
    ]  # fmt: skip


def _joined(found):
    """Neighbours of one state as one."""
    out = []
    for start, end, state, _ in sorted(found):
        if out and out[-1][1] == start and out[-1][2] == state:
            out[-1] = (out[-1][0], end, state)
        else:
            out.append((start, end, state))
    return out


EXECUTION = {
    "ACTIVE", "READY", "WAIT", "INTERRUPTED", "FEED_HOLD", "STOPPED", "PROGRAM_STOPPED", "OPTIONAL_STOP", "PROGRAM_OPTIONAL_STOP",
    "PROGRAM_COMPLETED", "UNAVAILABLE",
}  # fmt: skip
"""The values of Execution in the MTConnect standard, of all its versions."""


@pytest.mark.parametrize("rule", ["mtconnect-execution", "mtconnect-execution-mode"])
def test_every_execution_of_the_mtconnect_standard_has_a_state(rule):
    from steelyard.catalog.bindings import rule_words  # noqa: PLC0415

    found = {row["word"]: row["state"] for row in rule_words(rule, CATALOG) if row["role"] == "execution"}
    assert set(found) == EXECUTION | {"*"}
    assert found["WAIT"] == "waiting"
    assert {word for word, state in found.items() if state == "unknown"} == {"UNAVAILABLE", "*"}


@pytest.mark.parametrize("rule", ["packml", "mtconnect-execution-mode", "opc40001-item-state"])
def test_of_a_shipped_rule_every_word_has_a_state_and_the_rest_is_unknown(rule):
    from steelyard.catalog.bindings import rule_words  # noqa: PLC0415

    found = rule_words(rule, CATALOG)
    own = found[0]["role"]
    assert {row["state"] for row in found if row["word"] == "*"} == {"unknown"}
    assert all(row["role"] == own for row in found if row["word"] == "*")


# against an oracle that looks at every second

QUALITIES = st.sampled_from(["good", "good", "good", "good", "bad", "stale", "historical"])
SAID = st.tuples(
    st.one_of(st.integers(-900, HORIZON), st.integers(-2 * DAY, HORIZON)), st.sampled_from([*WORDS, "ODD"]), QUALITIES
)


def oracle(said, watches, hold, second):
    """The state at one second: of the latest sample, where it holds or its device is watched."""
    before = [one for one in said if one[0] <= second]
    if not before:
        return "unknown"
    at, word, quality = max(before)
    if quality in ("bad", "stale") or not (
        second < at + hold or (second < at + DAY and any(a <= second < b for a, b in watches))
    ):
        return "unknown"
    return WORDS.get(word, "unknown")


@settings(max_examples=60, deadline=None)
@given(st.lists(SAID, max_size=40, unique_by=lambda one: one[0]), st.lists(st.tuples(st.integers(-DAY, HORIZON), st.sampled_from([5, 300, 900, DAY])), max_size=3),
       st.sampled_from([30, 100, 120, 300]), st.lists(st.integers(0, HORIZON), min_size=2, max_size=4, unique=True))  # fmt: skip
def test_times_are_what_looking_at_every_second_gives(said, watched, hold, edges):
    watches = [(a, a + lasts) for a, lasts in watched]
    edges = sorted(edges)
    periods = [(BASE + a, BASE + b) for a, b in pairwise(edges)]
    tables = {
        "samples": [sample(BASE + at, "s", word, quality) for at, word, quality in said],
        "bindings": [binding("state", "s", hold_seconds=float(hold))], "state_words": words(),
        "watches": [span(BASE + a, BASE + b, subject="D") for a, b in watches],
        "shifts": [span(BASE, BASE + HORIZON, unit="M", kind="planned_busy")],
    }  # fmt: skip
    found = see("unit_times", periods, **tables)
    for row in found:
        seconds = range(row["start"] // SECOND - BASE, row["end"] // SECOND - BASE)
        seen = [oracle(said, watches, hold, second) for second in seconds]
        for column, state in (
            ("apt", "production"),
            ("aust", "setup"),
            ("adet", "delay"),
            ("adot", "waiting"),
            ("unknown", "unknown"),
        ):
            assert row[column] == seen.count(state)
        assert row["pbt"] == row["apt"] + row["aust"] + row["adet"] + row["adot"] + row["unknown"] == len(seconds)
    alone = [row for period in periods for row in see("unit_times", [period], **tables)]
    assert sorted(map(repr, alone)) == sorted(map(repr, found))


# counters

COUNTED = {"bindings": [binding("produced", "n", counter="running")]}


def made(samples, periods=((BASE, BASE + HORIZON),), **more):
    bound = [binding("produced", "n", **{"counter": "running", **more})]
    return [row["produced"] for row in see("unit_made", periods, samples=samples, bindings=bound)]


def counts(*told):
    return [sample(BASE + at, "n", float(value)) for at, value in told]


def test_the_first_sample_ever_gives_no_count_and_a_reset_counts_from_zero():
    assert made(counts((10, 500))) == [0.0]
    assert made(counts((10, 500), (20, 507), (30, 3), (40, 5))) == [12.0]


def test_a_roll_over_counts_across_its_end_but_a_reset_does_not():
    assert made(counts((10, 65_530), (20, 4)), rollover=65_536.0) == [10.0]
    assert made(counts((10, 500), (20, 4)), rollover=65_536.0) == [4.0]


def test_increments_are_summed_and_belong_to_the_time_before_them():
    assert made(counts((100, 5), (120, 7)), counter="increments") == [12.0]
    halves = [(BASE, BASE + 20), (BASE + 20, BASE + 60)]
    assert made(counts((30, 8)), halves, counter="increments", hold_seconds=20.0) == [4.0, 4.0]
    assert made(counts((30, 8)), halves, counter="increments", hold_seconds=40.0) == [4.0, 2.0]


def test_pieces_between_two_samples_are_shared_out_by_time_at_an_edge():
    found = see("unit_made", [(BASE, BASE + 100), (BASE + 100, BASE + 200)], samples=counts((0, 0), (90, 9), (130, 17), (200, 20)),
                bindings=[binding("produced", "n", counter="running", hold_seconds=60.0)])  # fmt: skip
    assert [(row["produced"], row["prorated"]) for row in found] == [(11.0, 0), (9.0, 0)]
    found = see("unit_made", [(BASE, BASE + 100), (BASE + 100, BASE + 200)], samples=counts((0, 0), (90, 9), (130, 17), (200, 20)),
                bindings=[binding("produced", "n", counter="running", hold_seconds=30.0)])  # fmt: skip
    assert [row["prorated"] for row in found] == [1, 1]


def test_bad_samples_of_a_counter_are_passed_over():
    told = [*counts((10, 5), (30, 9)), sample(BASE + 20, "n", 0.0, "bad")]
    assert made(told) == [4.0]


def test_scrap_makes_good_pieces_of_what_was_produced_and_good_and_scrap_make_what_was_produced():
    told = [
        sample(BASE + at, signal, float(value))
        for signal, end in (("n", 10), ("g", 8), ("x", 2))
        for at, value in ((10, 0), (20, end))
    ]
    both = [binding("produced", "n", counter="running"), binding("scrap", "x", counter="running")]
    (row,) = see("unit_made", [(BASE, BASE + 100)], samples=told, bindings=both)
    assert (row["produced"], row["good"], row["scrap"]) == (10.0, 8.0, 2.0)
    both = [binding("good", "g", counter="running"), binding("scrap", "x", counter="running")]
    (row,) = see("unit_made", [(BASE, BASE + 100)], samples=told, bindings=both)
    assert (row["produced"], row["good"]) == (10.0, 8.0)


def test_product_and_planned_seconds_are_those_in_force_when_the_pieces_were_made():
    told = counts((0, 0), (100, 10), (200, 30), (300, 60))
    told += [sample(BASE, "p", "A"), sample(BASE + 150, "p", "B")]
    bound = [binding("produced", "n", counter="running"), binding("product", "p"),
             binding("planned_seconds_per_item", constant=7.0) | {"role": "*"},
             binding("planned_seconds_per_item", constant=5.0, product="A") | {"role": "A"}]  # fmt: skip
    found = see("unit_made", [(BASE, BASE + 300)], samples=told, bindings=bound)
    assert [(row["product"], row["planned_seconds_per_item"], row["produced"]) for row in found] == [
        ("A", 5.0, 10.0),
        ("B", 7.0, 50.0),
    ]


def test_counts_that_were_handed_in_count_instead_of_the_counter():
    handed = [span(BASE, BASE + 100, unit="M", product="X", produced=3.0, good=3.0, planned_seconds_per_item=1.0)]
    (row,) = see(
        "unit_made", [(BASE, BASE + 100)], samples=counts((0, 0), (50, 9)), production_counts=handed, **COUNTED
    )
    assert row["produced"] == 3.0


def steps(told, limit):
    """Pieces and their times by looking at each sample after the other."""
    found, run = [], []
    for (a, u), (b, v) in pairwise(sorted(told)):
        run.append((a, u))
        if v < u and u - v > u / 100 and not (u - v <= 2 and 2 * v >= u):
            made, run = v, []
        else:
            made = max(v - max(u, *(w for at, w in run if at >= b - 900), 0), 0)
        if b - a <= limit:
            found.append((a, b, made))
    return found


@st.composite
def counters(draw):
    """A counter that runs, stands, is reset to few pieces, and is silent at times."""
    at, value, told = draw(st.sampled_from([-DAY, -DAY // 2, -900, -10, 0])), draw(st.integers(0, 100_000)), []
    for _ in range(draw(st.integers(1, 60))):
        told.append((at, value))
        at += draw(st.sampled_from([1, 5, 10, 10, 10, 60, 700, 1_700, DAY - 100, DAY + 1]))
        value = draw(st.integers(0, 3)) if draw(st.integers(0, 9)) == 0 else value + draw(st.integers(0, 50))
    return told


@settings(max_examples=60, deadline=None)
@given(
    counters(),
    st.lists(st.integers(0, HORIZON), min_size=2, max_size=4, unique=True),
    st.randoms(use_true_random=False),
)
def test_pieces_are_what_looking_at_every_sample_gives_in_any_order(told, edges, shuffled):
    edges = sorted(edges)
    periods = [(BASE + a, BASE + b) for a, b in pairwise(edges)]
    samples = counts(*told)
    found = see("unit_made", periods, samples=samples, **COUNTED)
    for row in found:
        a, b = row["start"] // SECOND - BASE, row["end"] // SECOND - BASE
        wanted = sum(
            n * (min(end, b) - max(start, a)) / (end - start)
            for start, end, n in steps(told, DAY)
            if start < b and end > a
        )
        assert row["produced"] == pytest.approx(wanted, rel=1e-12, abs=1e-9)
    shuffled.shuffle(samples)
    assert repr(see("unit_made", periods, samples=samples, **COUNTED)) == repr(found)
    alone = [row for period in periods for row in see("unit_made", [period], samples=samples, **COUNTED)]
    assert sorted(map(repr, alone)) == sorted(map(repr, found))


@st.composite
def jittery(draw):
    """What a monotone counter tells that steps back by two at most, or by half a hundredth, for at most five minutes."""
    at, value, until, told = 0, draw(st.integers(8, 200_000)), -1, []
    for _ in range(draw(st.integers(2, 60))):
        if at > until and draw(st.booleans()):
            until = at + draw(st.sampled_from([1, 30, 300]))
        back = draw(st.integers(0, max(2, value // 200))) if at <= until else 0
        told.append((at, value - back))
        at += draw(st.sampled_from([1, 5, 10, 30, 60]))
        value += draw(st.sampled_from([0, 0, 1, 1, 2, 40]))
    return told


@settings(max_examples=60, deadline=None)
@given(jittery())
def test_a_counter_that_steps_back_a_little_counts_no_piece_twice_and_none_is_lost(told):
    assert sum(made(counts(*told))) == max(value for _, value in told) - told[0][1]


def test_a_small_drop_is_a_correction_and_a_large_one_a_reset():
    assert made(counts((10, 30), (20, 29), (30, 31))) == [1.0]
    assert made(counts((10, 30_000), (20, 29_701), (30, 30_001))) == [1.0]
    assert made(counts((10, 30_000), (20, 29_699), (30, 29_700))) == [29_700.0]
    assert made(counts((10, 3), (20, 1), (30, 2))) == [2.0]
    (row,) = see("unit_made", [(BASE, BASE + HORIZON)], samples=counts((10, 50), (20, 3), (30, 5)), **COUNTED)
    assert (row["produced"], row["resets"]) == (5.0, 1)


def test_a_correction_that_stands_for_a_quarter_of_an_hour_is_where_counting_goes_on():
    assert made(counts((10, 30), (20, 29), (900, 29), (1_000, 30))) == [1.0]
    assert made(counts((10, 30), (20, 29), (900, 30))) == [0.0]


GARBLED = [3.4e38, -3.4e38, float("inf"), float("-inf"), float("nan"), 1e300, 2.0**63]


@pytest.mark.parametrize("odd", GARBLED)
def test_one_garbled_number_stops_no_view_and_counts_for_nothing(odd):
    (row,) = see(
        "unit_made",
        [(BASE, BASE + HORIZON)],
        samples=[*counts((10, 5), (30, 9)), sample(BASE + 20, "n", odd)],
        **COUNTED,
    )
    assert (row["produced"], row["impossible"]) == (4.0, 0 if odd < 0 else 1)
    rule = [{"rule": "plain", "role": "state", "word": "6", "state": "production", "overrides": 1000}, *words()]
    assert states((0, 6.0), (20, odd), state_words=rule) == [(0, 20, "production", "6")]
    told = [sample(BASE, "p", odd), sample(BASE, "c", odd), *counts((10, 0), (20, 10))]
    bound = [*COUNTED["bindings"], binding("product", "p"), binding("planned_seconds_per_item", "c")]
    (row,) = see("unit_counts", [(BASE, BASE + HORIZON)], samples=told, bindings=bound)
    assert (row["produced"], row["planned_run"]) == (10.0, None)
    value = [{**binding("samples", "n"), "role": "t"}]
    assert see("unit_values", [(BASE, BASE + HORIZON)], samples=[sample(BASE + 1, "n", odd)], bindings=value) == []
    measured = [
        {"unit": "M", "characteristic": "x", "at": BASE * SECOND, "sample": str(n), "value": v}
        for n, v in enumerate((1.0, 3.0, odd))
    ]
    (row,) = see("characteristics", [(BASE, BASE + HORIZON)], measurements=measured)
    assert (row["n"], row["mean"]) == (2, 2.0)
    used = [
        {**span(BASE + 60 * n, BASE + 60 * n + 60, unit="M", meter="E", carrier="electricity_kwh"), "quantity": q}
        for n, q in enumerate((2.0, odd))
    ]
    (row,) = see("energy_sums", [(BASE, BASE + HORIZON)], energy_use=used)
    assert (row["quantity"], row["metered"]) == (2.0, 60.0)


def test_a_counter_that_flips_between_nothing_and_much_stops_no_sum():
    told = [(at, 0 if at % 2 else 2**53 - 1) for at in range(1, 3_000)]
    (row,) = see("unit_made", [(BASE, BASE + HORIZON)], samples=counts(*told), **COUNTED)
    assert row["produced"] == 0.0
    assert row["impossible"] > 1_000


# through a home

SAID_OF = ("subject", "measure", "start", "end", "value", "low", "high", "heard", "among", "grade", "flags")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_late_shuffled_and_repeated_stream_ends_in_figures_equal_to_the_last_bit(make, seed):
    rng = random.Random(seed)
    (start,) = [make.period("2026-03-14", make.new("clock")).start]
    rows, word, total = [], "RUN", 0
    for n in range(2_000):
        at = start + n * 10 * SECOND + rng.randrange(SECOND)
        word = rng.choice([*WORDS][:4]) if rng.random() < 0.02 else word
        total = 0 if rng.random() < 0.002 else total + (word == "RUN")
        quality = "bad" if rng.random() < 0.01 else "good"
        rows += [
            ("D", "s", at, "", word, quality),
            ("D", "n", at, total, "", "good"),
            ("D", "g", at, total, "", "good"),
        ]
    found = []
    for name, late in (("in-order", False), ("late", True)):
        home = make.new(name)
        _bind(home, make)
        make.give(home, "shifts", "unit,start,end,kind\nM,2026-03-14T00:00:00,2026-03-14T08:00:00,planned_busy\n")
        mine = list(rows)
        if late:
            rng.shuffle(mine)
        parts = [mine] if not late else [mine[: len(mine) // 2], mine[len(mine) // 3 :]]
        for n, part in enumerate(parts):
            make.give(home, "samples", _csv(part), f"{n}.csv")
            make.weigh(home, ["iso22400/oee", "losses/planned", "losses/stops"], "2026-03-14")
        found.append([tuple(repr(row[key]) for key in SAID_OF) for row in home.figures().to_pylist()])
    assert len(found[0]) == 3
    assert found[0] == found[1]


def _bind(home, make):
    folder = home.path / "bindings"
    folder.mkdir(exist_ok=True)
    (folder / "m.yaml").write_text(
        "units:\n  M:\n    subject: D\n    hold_seconds: 60\n    state: {signal: s, rule: plain}\n    produced: n\n    good: g\n"
        "    planned_seconds_per_item: 10\n"
    )
    (home.path / "standards" / "mappings").mkdir(parents=True, exist_ok=True)
    (home.path / "standards" / "mappings" / "plain.yaml").write_text(
        "signal: state\nstates: {RUN: production, SETUP: setup, STOP: delay, WAIT: waiting}\n"
    )
    from steelyard.take.bind import bind  # noqa: PLC0415

    home.__dict__.pop("catalog", None)
    bind(home)


def _csv(rows) -> str:
    from steelyard.model.period import moment  # noqa: PLC0415

    lines = [f"{s},{g},{moment(at).isoformat()},{value},{text},{quality}" for s, g, at, value, text, quality in rows]
    return "subject,signal,at,value,text,quality\n" + "\n".join(lines) + "\n"


def test_the_lookback_of_the_views_is_that_of_the_table_of_samples():
    assert CATALOG.tables["samples"].lookback == DAY * SECOND
    for name in ("state_cells", "count_cells", "unit_states", "unit_made"):
        assert str(DAY * SECOND) in CATALOG.views[name]
