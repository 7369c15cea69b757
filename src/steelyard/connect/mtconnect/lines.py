"""The lines of an SHDR log, split into stamps, keys and values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.refusal import Refusal

LINE_BYTES = 64 * 1024
SHOWN = 200
_MULTILINE = re.compile(r"\|(--multiline--\S*)\s*$")
_CONFLICT = r"^(?:<<<<<<<|=======|>>>>>>>)"
_LEVEL = r"(?i)^(?:normal|warning|fault|unavailable)$"
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """``stamps`` and ``numbers`` (line numbers) per line; ``line`` (place among them), ``key``, ``value`` per pair.

    ``read`` counts lines that are data, ``refused`` those that are not understood.
    """

    texts: pa.Array
    stamps: pa.Array
    numbers: Ints
    line: Ints
    key: pa.Array
    value: pa.Array
    refused: list[Refusal]
    read: int

    def shown(self, place: int) -> str:
        """The beginning of a line."""
        return str(self.texts[place].as_py())[:SHOWN]


def gather(text: str) -> Lines:
    """Splits a log. Blank lines and those of the protocol (``* PING``) are no data; an asset may span several lines."""
    lines = text.split("\n")
    if "--multiline--" in text:
        lines = _joined(lines)
    texts = pc.utf8_rtrim(pa.array(lines, pa.string()), "\r\n ")
    data = pc.invert(pc.or_(pc.equal(texts, ""), pc.starts_with(texts, "*")))
    numbers = np.flatnonzero(data.to_numpy(zero_copy_only=False)) + 1
    texts = texts.filter(data)
    refused: list[Refusal] = []
    read = len(texts)
    texts, numbers = _without(texts, numbers, pc.greater(pc.binary_length(texts), LINE_BYTES), "SY342", refused)
    texts, numbers = _without(texts, numbers, pc.match_substring_regex(texts, _CONFLICT), "SY303", refused)
    return _split(texts, numbers, refused, read)


def _joined(lines: list[str]) -> list[str]:
    """The lines of a multi-line asset at its first line; the others become blank. One never closed stays as it is."""
    at = 0
    while at < len(lines):
        opened = _MULTILINE.search(lines[at])
        end = _closing(lines, at, opened[1]) if opened else at
        if opened and end > at:
            body = "\n".join(line.rstrip("\r") for line in lines[at + 1 : end])
            lines[at] = lines[at][: opened.start(1)] + body
            lines[at + 1 : end + 1] = [""] * (end - at)
        at = max(at, end) + 1
    return lines


def _closing(lines: list[str], at: int, marker: str) -> int:
    """Where the marker stands alone; the opening line itself when nowhere near."""
    size = 0
    for end in range(at + 1, len(lines)):
        if lines[end].strip() == marker:
            return end
        size += len(lines[end])
        if size > LINE_BYTES:
            break
    return at


def _without(texts: pa.Array, numbers: Ints, bad: pa.Array, code: str, refused: list[Refusal]) -> tuple[pa.Array, Ints]:
    if not pc.any(bad).as_py():
        return texts, numbers
    wrong = bad.to_numpy(zero_copy_only=False)
    refused += [
        Refusal(int(numbers[place]), "", texts[place].as_py()[:SHOWN], code, {"most": LINE_BYTES})
        for place in np.flatnonzero(wrong).tolist()
    ]
    return texts.filter(pa.array(~wrong)), numbers[~wrong]


def _split(texts: pa.Array, numbers: Ints, refused: list[Refusal], read: int) -> Lines:
    """Pairs of most lines at once; conditions and assets, one value each, line by line."""
    fields = pc.split_pattern(texts, "|")
    offsets = fields.offsets.to_numpy().astype(np.int64)
    flat = pc.utf8_trim_whitespace(fields.values)
    starts, counts = offsets[:-1], np.diff(offsets)
    whole = _whole(flat, starts, counts)
    paired = ~whole & (counts >= 3) & (counts % 2 == 1)
    line = np.repeat(np.arange(len(starts)), np.where(paired, (counts - 1) // 2, 0))
    nth = np.arange(len(line)) - np.searchsorted(line, line)
    keys = starts[line] + 1 + 2 * nth
    unnamed = np.unique(line[pc.equal(flat.take(pa.array(keys)), "").to_numpy(zero_copy_only=False)])
    bad = ~whole & ~paired
    bad[unnamed] = True
    for place in np.flatnonzero(bad).tolist():
        value = texts[place].as_py()[:SHOWN]
        refused.append(Refusal(int(numbers[place]), "", value, "SY341" if counts[place] > 1 else "SY340"))
    named = ~bad[line]
    pairs = flat.take(pa.array(keys[named])), flat.take(pa.array(keys[named] + 1))
    line, key, value = _merge(line[named], pairs, np.flatnonzero(whole), texts)
    stamps = flat.take(pa.array(starts))
    good = pa.array(~bad)
    renumbered = np.cumsum(~bad) - 1
    return Lines(texts.filter(good), stamps.filter(good), numbers[~bad], renumbered[line], key, value, refused, read)


def _whole(flat: pa.Array, starts: Ints, counts: Ints) -> Bools:
    """Lines that say one thing: assets (@ASSET@ …) and conditions.

    A condition has 7 fields: stamp, key, level, native code, severity, qualifier, message. Three pairs have 7 too:
    there the fourth and the sixth are keys, so the fourth is not empty, and the sixth not empty or HIGH or LOW.
    """
    many = np.flatnonzero(counts >= 3)
    whole = np.zeros(len(starts), bool)
    whole[many] = _ask(pc.starts_with, flat, starts[many] + 1, "@")
    seven = np.flatnonzero((counts == 7) & ~whole)
    level = _ask(pc.match_substring_regex, flat, starts[seven] + 2, _LEVEL)
    code = _ask(pc.match_substring_regex, flat, starts[seven] + 3, "^$")
    qualifier = _ask(pc.match_substring_regex, flat, starts[seven] + 5, "(?i)^(?:high|low)?$")
    whole[seven] = level & (code | qualifier)
    return whole


def _ask(question: object, flat: pa.Array, places: Ints, pattern: str) -> Bools:
    answer = question(flat.take(pa.array(places)), pattern)  # type: ignore[operator]
    return np.asarray(answer.to_numpy(zero_copy_only=False), dtype=bool)


def _merge(
    line: Ints, pairs: tuple[pa.Array, pa.Array], whole: Ints, texts: pa.Array
) -> tuple[Ints, pa.Array, pa.Array]:
    """Adds lines that say one thing to the pairs of the others, in the order of the log."""
    if not len(whole):
        return line, *pairs
    said = [text.split("|", 2) for text in texts.take(pa.array(whole)).to_pylist()]
    both = np.concatenate([line, whole])
    order = pa.array(np.argsort(both, kind="stable"))
    key = pa.concat_arrays([pairs[0], pa.array([s[1].strip() for s in said], pa.string())])
    value = pa.concat_arrays([pairs[1], pa.array([s[2] for s in said], pa.string())])
    return both[order.to_numpy()], key.take(order), value.take(order)
