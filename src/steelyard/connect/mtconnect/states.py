"""From signals to machine states: a mapping file says which value of which signal means which state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from steelyard.errors import InputError

STATES = ("production", "setup", "delay", "waiting", "planned_down", "unknown")
UNAVAILABLE = "UNAVAILABLE"
SILENCE = "SILENCE"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class When:
    """While ``signal`` has the value ``equals``, the state is ``state``, whatever else is said."""

    signal: str
    equals: str
    state: str


@dataclass(frozen=True)
class Mapping:
    """``states``: value of ``signal`` in capitals → state; ``otherwise`` for the rest; silence in seconds."""

    signal: str
    states: dict[str, str]
    otherwise: str = "unknown"
    silent_after_seconds: float = 600
    when: tuple[When, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it looks at, its own first."""
        return tuple(dict.fromkeys((self.signal, *(w.signal for w in self.when))))


def load_mapping(path: Path) -> Mapping:
    """Reads a mapping file; raises InputError SY201 (unreadable) or SY209 (not a mapping, with the reason)."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError("SY201", str(path), reason=" ".join(str(error).split())) from None
    try:
        return _mapping(said)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputError("SY209", str(path), reason=str(error)) from None


def _mapping(said: Any) -> Mapping:
    unknown = set(said) - {"label", "signal", "states", "otherwise", "silent_after_seconds", "when", "source"}
    if unknown:
        raise ValueError(f"unknown key: {', '.join(sorted(map(str, unknown)))}")
    table = {str(value).upper(): _state(state) for value, state in said["states"].items()}
    when = tuple(When(_name(w["signal"]), str(w["equals"]).upper(), _state(w["state"])) for w in said.get("when") or ())
    silent = float(said.get("silent_after_seconds", 600))
    if not 0 < silent < 1e9:
        raise ValueError("silent_after_seconds must be a positive number of seconds")
    return Mapping(_name(said["signal"]), table, _state(said.get("otherwise", "unknown")), silent, when)


def _state(state: Any) -> str:
    if state not in STATES:
        raise ValueError(f"state {state!r} is none of {', '.join(STATES)}")
    return str(state)


def _name(signal: Any) -> str:
    if not isinstance(signal, str) or not signal.strip():
        raise ValueError("signal must be a name")
    return signal.strip()


def states(rows: pa.Table, unit: str, mapping: Mapping) -> pa.Table:
    """machine_states of one adapter: unit, start, end (µs UTC, half-open), state, reason, row; never overlapping.

    ``rows`` as of ``read_log``, in any order. A state lasts until the next value of its signal, but no longer than
    the silence after the adapter's last line of any signal: from there it is unknown until its signal is said anew.
    The last one ends with the last line. Without a gap they cover the time from the signal's first value to there.
    """
    instants = np.unique(rows["at"].to_numpy())
    silences = _silences(instants, mapping)
    courses = [_course(rows, signal, silences) for signal in mapping.signals]
    own = courses[0]
    if not len(own.at):
        return _table(unit, [], 0)
    marks = np.unique(np.concatenate([course.at for course in courses]))
    marks = marks[(marks >= own.at[0]) & (marks < instants[-1])]
    pieces = _pieces(marks, courses, mapping)
    return _table(unit, pieces, int(instants[-1]))


def _silences(instants: Ints, mapping: Mapping) -> Ints:
    """When silence begins: so long after a line that no other followed in time."""
    wait = int(mapping.silent_after_seconds * 1e6)
    return instants[:-1][np.diff(instants) > wait] + wait


@dataclass(frozen=True)
class _Course:
    """A signal over time: from each instant on it has a value (None: not known), said on a row."""

    at: Ints
    values: list[str | None]
    rows: list[int]

    def then(self, marks: Ints) -> list[int]:
        """For each mark the place of the value then, -1 before the first."""
        return list((np.searchsorted(self.at, marks, side="right") - 1).tolist())


def _course(rows: pa.Table, signal: str, silences: Ints) -> _Course:
    """A silence is as if the signal had said that it does not know."""
    mine = rows.filter(pc.equal(rows["signal"], signal)).sort_by([("at", "ascending"), ("row", "ascending")])
    said = mine["at"].to_numpy()
    last = np.append(said[1:] != said[:-1], True)[: len(said)]
    mine, said = mine.filter(pa.array(last)), said[last]
    gone = pc.equal(mine["quality"], "unavailable")
    values = pc.if_else(gone, UNAVAILABLE, pc.fill_null(mine["text"], "")).to_pylist() if len(said) else []
    silent = silences[silences >= said[0]] if len(said) else silences[:0]
    at = np.concatenate([said, silent])
    order = np.argsort(at, kind="stable").tolist()
    before = np.maximum(np.searchsorted(said, silent, side="right") - 1, 0).tolist()
    numbers = mine["row"].to_pylist()
    everything = [*values, *([None] * len(silent))]
    places = [*numbers, *(numbers[i] for i in before)]
    return _Course(at[order], [everything[i] for i in order], [places[i] for i in order])


Piece = tuple[int, str, str, int]  # start µs UTC, state, reason, row


def _pieces(marks: Ints, courses: list[_Course], mapping: Mapping) -> list[Piece]:
    """One per change of state or reason."""
    pieces: list[Piece] = []
    places = [course.then(marks) for course in courses]
    for n, start in enumerate(marks.tolist()):
        current: dict[str, str | None] = {}
        for signal, course, then in zip(mapping.signals, courses, places, strict=True):
            current[signal] = course.values[then[n]] if then[n] >= 0 else None
        state, reason = _judge(current, mapping)
        if not pieces or pieces[-1][1:3] != (state, reason):
            pieces.append((start, state, reason, courses[0].rows[places[0][n]]))
    return pieces


def _judge(current: dict[str, str | None], mapping: Mapping) -> tuple[str, str]:
    """The state and its reason at one moment, given the current value of each signal."""
    for when in mapping.when:
        value = current[when.signal]
        if value is not None and _word(value) == when.equals:
            return when.state, value
    value = current[mapping.signal]
    if value is None:
        return "unknown", SILENCE
    if _word(value) == UNAVAILABLE:
        return "unknown", UNAVAILABLE
    return mapping.states.get(_word(value), mapping.otherwise), value


def _word(value: str) -> str:
    """What a mapping compares: capitals, of a condition its level."""
    return value.split("|", 1)[0].strip().upper()


def _table(unit: str, pieces: list[Piece], end: int) -> pa.Table:
    starts = [piece[0] for piece in pieces]
    return pa.table(
        {
            "unit": pa.array([unit] * len(pieces), pa.string()),
            "start": pa.array(starts, pa.int64()),
            "end": pa.array([*starts[1:], end][: len(pieces)], pa.int64()),
            "state": pa.array([piece[1] for piece in pieces], pa.string()),
            "reason": pa.array([piece[2] for piece in pieces], pa.string()),
            "row": pa.array([piece[3] for piece in pieces], pa.int64()),
        }
    )
