"""Two days of a real Mazak: the share of its time that it worked, against a plain walk through the same log."""

from __future__ import annotations

import os
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steelyard.take import take

DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
LOGS = {"2016-10-06": "Mazak01-20161006-20161007.txt", "2016-10-21": "Mazak01-20161021-20161022.txt"}
STATE = {"ACTIVE": "production", "READY": "waiting", "PROGRAM_COMPLETED": "waiting",
         **dict.fromkeys(("INTERRUPTED", "FEED_HOLD", "OPTIONAL_STOP", "STOPPED", "PROGRAM_STOPPED"), "delay")}  # fmt: skip
SILENT = 600_000_000


def micros(text: str) -> int:
    when = datetime.fromisoformat(text)
    return round((when.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)


def walk(path: Path, day: str) -> dict[str, float]:
    """Seconds of each state within a UTC day, line by line: the value of execution holds until the next one or 600 s of silence."""
    heard, said = set(), {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        stamp, *fields = line.split("|")
        try:
            at = micros(stamp)
        except ValueError:
            continue
        heard.add(at)
        for key, value in zip(fields[::2], fields[1::2], strict=False):
            if key.split(":")[-1] == "execution":
                said[at] = value
    instants = sorted(heard)
    start = micros(f"{day}T00:00:00Z")
    end = start + 86_400_000_000
    spoken = sorted(said)
    seconds = dict.fromkeys(("production", "waiting", "delay", "unknown"), 0.0)
    for at, after in zip(spoken, [*spoken[1:], instants[-1]], strict=True):
        silent = after
        for i in range(bisect_right(instants, at) - 1, len(instants) - 1):
            if instants[i] >= after:
                break
            if instants[i + 1] - instants[i] > SILENT:
                silent = min(after, instants[i] + SILENT)
                break
        state = STATE.get(said[at].upper(), "unknown")
        seconds[state] += max(0, min(silent, end) - max(at, start)) / 1e6
        seconds["unknown"] += max(0, min(after, end) - max(silent, start)) / 1e6
    return seconds


@pytest.mark.parametrize("day", sorted(LOGS))
def test_a_mazak_s_utilization_of_a_day_is_that_of_a_plain_walk_through_its_log(make, day):
    path = DATA / "iiot" / "nist-smstestbed" / LOGS[day]
    if not path.is_file():
        pytest.skip(f"needs {path}")
    home = make.new(kind="factory", zone="UTC")
    taken = take(home, path, subject="Mazak01", mapping="mtconnect-execution")
    assert taken.stored + taken.rows_refused == taken.read
    make.weigh(home, ["iso22400/utilization_efficiency"], day)
    (row,) = home.figures("iso22400/utilization_efficiency", "Mazak01").to_pylist()
    spent = walk(path, day)
    observed = spent["production"] + spent["waiting"] + spent["delay"]
    assert row["value"] == pytest.approx(spent["production"] / (spent["production"] + spent["delay"]), rel=1e-9)
    assert row["heard"] == pytest.approx(observed, abs=1e-3)
    assert row["among"] == pytest.approx(86_400, abs=1e-6)
    assert row["grade"] == "measured"
    assert row["low"] <= row["value"] <= row["high"]
