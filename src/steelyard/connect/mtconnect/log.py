"""Reads SHDR logs: ``timestamp|key|value|key|value…``, conditions, assets, as rows of ``samples``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.connect.moments import EARLIEST, GRACE, LATEST
from steelyard.connect.mtconnect.lines import Lines, gather
from steelyard.errors import InputError
from steelyard.model.period import iso
from steelyard.refusal import Refusal

MOST_BYTES = 2 << 30
_NUMBER = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$"
_UNAVAILABLE = r"(?i)^unavailable(?:\||$)"
_STAMP = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$"
_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d:?\d\d$"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Log:
    """A log, taken apart.

    ``rows``: subject, signal, at (µs UTC), value (float64 or null), text (the value as it stood), quality (good or
    unavailable), row (line). ``read`` = lines with a row in ``rows`` + distinct lines in ``refused``; an asset over
    several lines counts as its first. ``notes``: values superseded within a line of which others were kept.
    ``first`` and ``last``: the earliest and latest time observed, µs UTC; 0 when nothing was.
    """

    rows: pa.Table
    refused: list[Refusal]
    read: int
    first: int = 0
    last: int = 0
    notes: list[Refusal] = field(default_factory=list)

    @property
    def stored(self) -> int:
        """How many lines have a row in ``rows``."""
        return len(pc.unique(self.rows["row"]))


def read_log(path: Path, subject: str, now: int | None = None) -> Log:
    """Reads an adapter's log as samples of ``subject``; ``now`` is µs UTC, the clock's time unless given.

    Values sent again from days before are kept at their own time. Raises InputError SY201, SY202, SY207, SY212.
    """
    found = gather(_text(path))
    if not found.read:
        raise InputError("SY207", str(path))
    at, timed = times(found, now if now is not None else time.time_ns() // 1000)
    if not timed.any():
        raise InputError("SY212", str(path))
    rows = rows_of(found, at, timed, subject)
    kept, notes = _latest(rows, found.refused)
    at = kept["at"].to_numpy()
    found.refused.sort(key=lambda r: r.row)
    return Log(kept, found.refused, found.read, int(at.min()), int(at.max()), notes)


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError("SY202", str(path), bytes=size, most=MOST_BYTES)
        data = path.read_bytes()
    except OSError as error:
        raise InputError("SY201", str(path), reason=error.strerror or str(error)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def times(found: Lines, now: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """µs UTC of each line, and whether it can be used; those that cannot are refused."""
    at = moments(found.stamps)
    good = (at >= EARLIEST) & (at < LATEST) & (at <= now + GRACE)
    for place in np.flatnonzero(~good).tolist():
        late = at[place] > now + GRACE
        facts: dict[str, object] = {"now": iso(now)} if late else {}
        line = int(found.numbers[place])
        found.refused.append(Refusal(line, "", found.shown(place), "SY323" if late else "SY340", facts))
    return at, good


def moments(stamps: pa.Array) -> Ints:
    """µs UTC, -1 where it is no time; finer fractions cut off. One without an offset is UTC, as the standard has it."""
    if pc.any(pc.match_substring_regex(stamps, r"\.\d{7}|@")).as_py():
        stamps = pc.replace_substring_regex(stamps, r"(\.\d{6})\d+", r"\1")
        stamps = pc.replace_substring_regex(stamps, r"@[\d.]*$", "")
    bare = pc.match_substring_regex(stamps, r":\d\d(?:\.\d+)?$")
    if pc.any(bare).as_py():
        stamps = pc.if_else(bare, pc.binary_join_element_wise(stamps, "Z", ""), stamps)
    formed = pc.or_(pc.match_substring_regex(stamps, _STAMP), pc.match_substring_regex(stamps, _ZONED))
    found = _cast(pc.if_else(formed, stamps, pa.scalar(None, pa.string()))).cast(pa.int64())
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def _cast(stamps: pa.Array) -> pa.Array:
    """Text to timestamps, null where the calendar has no such time: halves until only the bad ones are left."""
    kind = pa.timestamp("us", "UTC")
    if stamps.null_count == len(stamps):
        return pa.nulls(len(stamps), kind)
    try:
        return stamps.cast(kind)
    except pa.ArrowInvalid:
        if len(stamps) == 1:
            return pa.nulls(1, kind)
    half = len(stamps) // 2
    return pa.concat_arrays([_cast(stamps[:half]), _cast(stamps[half:])])


def rows_of(found: Lines, at: Ints, timed: npt.NDArray[np.bool_], subject: str) -> pa.Table:
    """One row per pair, in the order of the log."""
    keep = timed[found.line]
    line = found.line[keep]
    mask = pa.array(keep)
    text = pc.utf8_trim_whitespace(found.value.filter(mask))
    missing = pc.match_substring_regex(text, _UNAVAILABLE)
    numeric = pc.match_substring_regex(text, _NUMBER)
    plain = pc.utf8_ltrim(pc.if_else(numeric, text, pa.scalar(None, pa.string())), "+")
    value = plain.cast(pa.float64())
    value = pc.if_else(pc.is_finite(value), value, pa.scalar(None, pa.float64()))
    return pa.table(
        {
            "subject": pa.repeat(pa.scalar(subject), len(line)),
            "signal": pc.utf8_trim_whitespace(found.key.filter(mask)),
            "at": pa.array(at[line], pa.int64()),
            "value": value,
            "text": text,
            "quality": pc.if_else(missing, "unavailable", "good"),
            "row": pa.array(found.numbers[line], pa.int64()),
        }
    )


def _latest(rows: pa.Table, refused: list[Refusal]) -> tuple[pa.Table, list[Refusal]]:
    """Per signal at one instant the last counts. A line that loses all its values is refused, else these are notes."""
    signal = rows["signal"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    instants, instant = np.unique(rows["at"].to_numpy(), return_inverse=True)
    order = np.argsort(signal * len(instants) + instant, kind="stable")
    code = (signal * len(instants) + instant)[order]
    last = np.append(code[1:] != code[:-1], True)
    if last.all():
        return rows, []
    ends = np.flatnonzero(last)
    winner = np.empty(len(order), np.int64)
    winner[order] = order[ends[np.searchsorted(ends, np.arange(len(order)))]]
    lost = np.flatnonzero(winner != np.arange(len(order)))
    keep = np.ones(len(order), bool)
    keep[lost] = False
    kept = rows.filter(pa.array(keep))
    alive = set(kept["row"].to_pylist())
    notes: list[Refusal] = []
    for refusal in _superseded(rows, lost, winner):
        (notes if refusal.row in alive else refused).append(refusal)
    return kept, notes


def _superseded(rows: pa.Table, lost: Ints, winner: Ints) -> list[Refusal]:
    losers = rows.select(["row", "signal", "text"]).take(pa.array(lost)).to_pylist()
    winners = rows.select(["row", "text"]).take(pa.array(winner[lost])).to_pylist()
    return [
        Refusal(
            loser["row"],
            loser["signal"],
            loser["text"],
            "SY332" if loser["text"] == by["text"] else "SY343",
            {"first": by["row"]},
        )
        for loser, by in zip(losers, winners, strict=True)
    ]
