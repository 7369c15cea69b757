"""SHDR logs: every line is stored or refused by number; states cover the observed time once, whatever the order."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from steelyard.connect.mtconnect import Log, Mapping, load_mapping, read_log, states
from steelyard.connect.mtconnect.states import STATES, When
from steelyard.errors import InputError
from steelyard.model.period import EPOCH, micros

ROOT = Path(__file__).parents[2]
HERE = ROOT / "src" / "steelyard" / "connect" / "mtconnect"
EXECUTION = load_mapping(ROOT / "src" / "steelyard" / "standards" / "mappings" / "mtconnect-execution.yaml")
DATA = Path(os.environ.get("STEELYARD_TEST_DATA", ROOT.parent / "shared" / "data")) / "iiot"
NOW = micros(datetime.fromisoformat("2026-07-01T00:00:00Z"))
SECOND = 1_000_000
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"the recorded logs are not at {DATA}")


def log(folder: Path, text: str | bytes, now: int = NOW) -> Log:
    path = folder / "log.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = read_log(path, "m", now)
    assert found.read == found.stored + len({r.row for r in found.refused})
    return found


def said(found: Log) -> list[tuple[int, str, object, str]]:
    return [(r["row"], r["signal"], r["value"], r["text"]) for r in found.rows.to_pylist()]


def test_a_line_of_several_pairs_gives_several_rows_and_counts_once(tmp_path: Path):
    found = log(tmp_path, "2026-01-01T00:00:00.1234567Z|a|1.5|b|x|c|\n")
    assert said(found) == [(1, "a", 1.5, "1.5"), (1, "b", None, "x"), (1, "c", None, "")]
    assert found.read == 1
    assert found.rows["at"][0].as_py() % SECOND == 123_456


def test_conditions_are_one_sample_and_three_pairs_with_a_level_for_a_value_are_three(tmp_path: Path):
    stamp = "2026-01-01T00:00:00Z|"
    lines = ["system|Fault|B6|||Emergency stop", "sys2|Unavailable||||", "s3|WARNING|7|3|HIGH|m"]
    found = log(tmp_path, "\n".join(stamp + line for line in [*lines, "move|NORMAL|x|1|y|2"]))
    assert said(found) == [
        (1, "system", None, "Fault|B6|||Emergency stop"),
        (2, "sys2", None, "Unavailable||||"),
        (3, "s3", None, "WARNING|7|3|HIGH|m"),
        (4, "move", None, "NORMAL"),
        (4, "x", 1.0, "1"),
        (4, "y", 2.0, "2"),
    ]
    assert found.rows["quality"].to_pylist()[1] == "unavailable"


def test_protocol_and_blank_lines_are_no_rows_and_markers_and_cut_lines_are_refused(tmp_path: Path):
    good = "2026-01-01T00:00:00Z|a|1\n"
    bad = ["<<<<<<< HEAD", "=======", ">>>>>>> x", "nonsense", "2026-01-01T00:00:01Z|a", "2026-13-01T00:00:00Z|a|1"]
    bad += ["2026-01-01T00:00:02Z||1", "2026-01-01T00:00:02Z|a|1|b", "2027-01-01T00:00:00Z|a|1"]
    bad += ["2026-01-01T00:00:03Z|a|" + "x" * 70_000]
    found = log(tmp_path, "* PING\n\n" + good + "\n".join(bad) + "\r\n* PONG 1000\r\n")
    codes = ["SY303", "SY303", "SY303", "SY340", "SY341", "SY340", "SY341", "SY341", "SY323", "SY342"]
    assert [(r.row, r.code) for r in found.refused] == list(enumerate(codes, 4))
    assert found.read == 11


def test_an_asset_over_several_lines_is_one_sample(tmp_path: Path):
    text = "2026-01-01T00:00:00Z|@ASSET@|1|Tool|--multiline--A\n<Tool/>\n--multiline--A\n2026-01-01T00:00:01Z|a|1\n"
    found = log(tmp_path, text)
    assert said(found) == [(1, "@ASSET@", None, "1|Tool|<Tool/>"), (4, "a", 1.0, "1")]


def test_of_one_signal_at_one_instant_the_later_line_counts(tmp_path: Path):
    stamp = "2026-01-01T00:00:00Z|"
    found = log(tmp_path, "".join(stamp + line + "\n" for line in ["a|1", "a|2|b|5", "c|7", "c|7", "a|3"]))
    assert said(found) == [(2, "b", 5.0, "5"), (4, "c", 7.0, "7"), (5, "a", 3.0, "3")]
    assert [(r.row, r.code, r.facts["first"]) for r in found.refused] == [(1, "SY343", 5), (3, "SY332", 4)]
    assert [(r.row, r.column, r.code) for r in found.notes] == [(2, "a", "SY343")]


@pytest.mark.parametrize(("data", "code"), [(b"", "SY207"), (b"* PING\n", "SY207"), (b"a,b\n1,2\n", "SY212")])
def test_a_file_that_is_no_log_raises_an_input_error(tmp_path: Path, data: bytes, code: str):
    with pytest.raises(InputError) as raised:
        log(tmp_path, data)
    assert raised.value.code == code


def test_the_sample_beside_the_connector_holds_each_trap(tmp_path: Path):
    found = log(tmp_path, (HERE / "sample" / "press.shdr.txt").read_bytes())
    assert [(r.row, r.code) for r in found.refused] == [
        (11, "SY303"), (14, "SY303"), (15, "SY343"), (16, "SY303"), (21, "SY341"), (22, "SY340"),
    ]  # fmt: skip
    rows = states(found.rows, "p", EXECUTION).to_pylist()
    assert [(r["state"], r["reason"], (r["end"] - r["start"]) / SECOND) for r in rows] == [
        ("waiting", "READY", pytest.approx(299.876544)),
        ("production", "ACTIVE", 420),
        ("delay", "INTERRUPTED", 60),
        ("production", "ACTIVE", 180),
        ("unknown", "UNAVAILABLE", 240),
        ("waiting", "READY", 600),
        ("unknown", "SILENCE", 1800),
    ]


def test_the_manifest_names_mappings_that_ship():
    manifest = yaml.safe_load((HERE / "manifest.yaml").read_text(encoding="utf-8"))
    assert manifest["name"] == "mtconnect"
    for name in manifest["mappings"]:
        load_mapping(ROOT / "src" / "steelyard" / "standards" / "mappings" / f"{name}.yaml")


def samples(observations: list[tuple[int, str, str]]) -> pa.Table:
    """Rows as of a log; seconds, signal, text; of one signal and second the first is kept."""
    once = {(at, signal): text for at, signal, text in reversed(observations)}
    rows = [
        {
            "subject": "m",
            "signal": signal,
            "at": at * SECOND,
            "value": None,
            "text": text,
            "quality": "unavailable" if text == "UNAVAILABLE" else "good",
            "row": at * 10 + len(signal),
        }
        for (at, signal), text in once.items()
    ]
    kinds = [pa.string(), pa.string(), pa.int64(), pa.float64(), pa.string(), pa.string(), pa.int64()]
    names = ["subject", "signal", "at", "value", "text", "quality", "row"]
    return pa.Table.from_pylist(rows, pa.schema(list(zip(names, kinds, strict=True))))


observed = st.lists(
    st.tuples(
        st.integers(0, 5000),
        st.sampled_from(["execution", "load", "mode"]),
        st.sampled_from(["ACTIVE", "READY", "STOPPED", "UNAVAILABLE", "MANUAL", "STRANGE"]),
    ),
    min_size=1,
    max_size=40,
)
MANUAL = Mapping("execution", EXECUTION.states, "unknown", 600, (When("mode", "MANUAL", "waiting"),))


@given(observed, st.integers(0, 2**32), st.sampled_from([EXECUTION, MANUAL]))
def test_states_never_overlap_do_not_depend_on_order_and_cover_all_time_from_first_value_to_last_line(
    observations: list[tuple[int, str, str]], seed: int, mapping: Mapping
):
    rows = samples(observations)
    found = states(rows, "m", mapping)
    order = list(range(rows.num_rows))
    random.Random(seed).shuffle(order)
    assert states(rows.take(order), "m", mapping).equals(found)
    spans = found.to_pylist()
    own = [at for at, signal, _ in observations if signal == "execution"]
    last = max(at for at, _, _ in observations)
    assert sum(s["end"] - s["start"] for s in spans) == ((last - min(own)) * SECOND if own else 0)
    assert all(s["start"] < s["end"] and s["state"] in STATES for s in spans)
    for one, other in pairwise(spans):
        assert one["end"] == other["start"]
        assert (one["state"], one["reason"]) != (other["state"], other["reason"])


def spans(observations: list[tuple[int, str, str]], mapping: Mapping = EXECUTION) -> list[tuple[int, int, str, str]]:
    found = states(samples(observations), "m", mapping).to_pylist()
    return [(s["start"] // SECOND, s["end"] // SECOND, s["state"], s["reason"]) for s in found]


def test_silence_is_unknown_until_the_signal_is_said_anew():
    seen = [(0, "execution", "ACTIVE"), (100, "load", "1"), (2000, "load", "2"), (2100, "execution", "READY")]
    assert spans([*seen, (2200, "load", "3")]) == [
        (0, 700, "production", "ACTIVE"),
        (700, 2100, "unknown", "SILENCE"),
        (2100, 2200, "waiting", "READY"),
    ]


def test_a_value_that_the_mapping_does_not_list_is_otherwise_with_the_value_as_reason():
    assert spans([(0, "execution", "DREAMING"), (9, "load", "1")]) == [(0, 9, "unknown", "DREAMING")]


def test_another_signal_can_override_while_it_is_known():
    seen = [(0, "execution", "ACTIVE"), (10, "mode", "manual"), (20, "mode", "AUTOMATIC"), (30, "load", "1")]
    assert spans(seen, MANUAL) == [
        (0, 10, "production", "ACTIVE"),
        (10, 20, "waiting", "manual"),
        (20, 30, "production", "ACTIVE"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "signal: execution",
        "signal: execution\nstates: {ACTIVE: running}",
        "signal: ''\nstates: {ACTIVE: production}",
        "- a",
        "signal: e\nstates: {A: production}\nsilent_after_seconds: -1",
        "signal: e\nstates: {A: production}\nwhen: [{signal: mode}]",
        "signal: e\nstates: {A: production}\nstate: {}",
        "7",
    ],
)
def test_a_mapping_that_says_nothing_usable_raises_an_input_error(tmp_path: Path, text: str):
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_mapping(tmp_path / "m.yaml")
    assert raised.value.code == "SY209"


def recorded() -> list[Path]:
    return sorted([*(DATA / "nist-smstestbed").glob("*01-20*.txt"), DATA / "mtconnect-cppagent" / "okuma.shdr.txt"])


@real
@pytest.mark.parametrize("path", recorded(), ids=lambda p: p.name)
def test_of_recorded_logs_every_line_is_stored_or_superseded(path: Path):
    found = read_log(path, "m", NOW)
    assert found.read == found.stored + len({r.row for r in found.refused})
    assert {r.code for r in found.refused} <= {"SY332", "SY343"}
    assert found.stored > 0.95 * found.read


@real
@pytest.mark.parametrize("path", sorted((DATA / "nist-smstestbed").glob("Mazak01-*.txt")), ids=lambda p: p.name)
def test_the_states_of_the_recorded_mazak_agree_with_a_plain_walk_over_its_lines(path: Path):
    """The same rule, walked second to second of change in plain Python, with no shared code."""
    lines = [line.split("|") for line in path.read_text(encoding="utf-8").splitlines()]
    events = sorted(
        ((datetime.fromisoformat(f[0]) - EPOCH).total_seconds(), n, f[1], f[2]) for n, f in enumerate(lines)
    )
    totals: dict[str, float] = defaultdict(float)
    current, last = None, events[0][0]
    for at, _, signal, value in events:
        if current is not None:
            heard = min(at - last, 600.0)
            totals[current] += heard
            if at - last > 600:
                totals["SILENCE"] += at - last - heard
                current = "SILENCE"
        last = at
        if signal == "execution":
            current = value
    found: dict[str, float] = defaultdict(float)
    for span in states(read_log(path, "mazak", NOW).rows, "mazak", EXECUTION).to_pylist():
        found[span["reason"]] += (span["end"] - span["start"]) / SECOND
    assert found == pytest.approx(dict(totals), abs=1e-3)
