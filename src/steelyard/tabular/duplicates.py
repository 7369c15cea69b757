"""Rows with one key: repeats of the same row, and rows that contradict one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]


def combine(columns: list[Codes]) -> Codes:
    """One integer per row, equal where all columns are; columns hold codes from 0, in any order."""
    total = np.zeros(len(columns[0]), dtype=np.int64)
    size = 1
    for codes in columns:
        span = int(codes.max(initial=0)) + 1
        if size * span >= 2**62:
            total = np.unique(total, return_inverse=True)[1].astype(np.int64)
            size = int(total.max(initial=0)) + 1
        total = total * span + codes
        size *= span
    return total


def first_like(codes: Codes) -> Codes:
    """For each row the place of the first row with the same code; its own where it is the first."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.empty(len(codes), dtype=np.int64)
    first[order] = order[np.maximum.accumulate(np.where(starts, np.arange(len(codes)), 0))]
    return first


def doubles(keys: list[Codes], contents: list[Codes], *, keep_all: bool) -> tuple[Codes, Codes, npt.NDArray[np.bool_]]:
    """Places of refused rows, the place of the row that each meets, and whether it says the same.

    The first row of a key is kept; with ``keep_all`` every other content of it too, once.
    """
    if not len(keys[0]):
        return np.array([], np.int64), np.array([], np.int64), np.array([], bool)
    key = combine(keys)
    here = np.arange(len(key))
    met = first_like(key)
    if (met == here).all():
        return here[:0], here[:0], np.array([], bool)
    content = first_like(combine([key, *contents]))
    if keep_all:
        late = np.flatnonzero(content != here)
        return late, content[late], np.ones(len(late), bool)
    late = np.flatnonzero(met != here)
    same = content[late] == content[met[late]]
    return late, met[late], same
