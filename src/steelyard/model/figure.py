"""Figure: the one shape of every number, from a machine's OEE to a nation's coverage."""

from __future__ import annotations

from dataclasses import dataclass

GRADES = ("declared", "pledged", "documented", "inspected", "measured")
"""The evidence behind a Figure, weakest first; a Figure inherits the weakest of its inputs."""


def weakest(grades: list[str]) -> str:
    """The weakest of some grades; raises ValueError on an unknown one or on none."""
    return GRADES[min(GRADES.index(grade) for grade in grades)]


@dataclass(frozen=True)
class Figure:
    """An immutable number with its meaning, range, base, grade and descent.

    ``value``, ``low`` and ``high`` are in the measure's unit; ``heard`` of ``among`` counts members or seconds;
    ``start`` and ``end`` are microseconds UTC, half-open. ``method`` and ``inputs`` are SHA-256 digests: of the method's
    document and of the Merkle root over the inputs. ``replaces`` is the digest of the Figure that this one corrects.
    What is not known has no Figure, so no number here can be missing.
    """

    digest: bytes
    subject: str
    measure: str
    start: int
    end: int
    value: float
    low: float
    high: float
    heard: float
    among: float
    grade: str
    estimated: bool
    flags: tuple[str, ...]
    method: bytes
    inputs: bytes
    replaces: bytes | None
