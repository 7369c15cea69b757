"""The regions of a plan: those that it names, else those one step below the home's own; a firm is in the nearest by its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.catalog.catalog import near
from steelyard.errors import InputError
from steelyard.plan.question import EVERYWHERE, Question
from steelyard.store.home import Home
from steelyard.store.lake import Engine

NATION = "10"  # 100000 stands for the whole country


@dataclass(frozen=True)
class Region:
    """A region: its firms on the roster ``among``, those ``heard``, those that ``reached`` the level, those that can be funded."""

    id: str
    names: Mapping[str, str]
    stem: str
    among: int = 0
    heard: int = 0
    reached: int = 0
    candidates: int = 0


def stem(code: str) -> str:
    """The digits of a GB/T 2260 code that say something: 440600 → 4406, 440000 → 44, 100000 → none."""
    while code.endswith("00"):
        code = code[:-2]
    return "" if code == NATION else code


def regions_of(home: Home, opened: Engine, asked: Question) -> tuple[Region, ...]:
    """The plan's regions in order of their id; raises InputError SY904 on one that the home does not know."""
    rows = opened.rows("SELECT id, coalesce(name_zh, id), coalesce(name_en, name_zh, id), coalesce(gbt2260, '') FROM subjects "
                       "WHERE kind = 'region' ORDER BY id")  # fmt: skip
    known = {id_: Region(id_, {"zh": zh, "en": en}, stem(code)) for id_, zh, en, code in rows}
    for name in asked.regions:
        if name not in known:
            raise _unknown("regions", name, known)
    own = known[home.subject_id].stem if home.subject_id in known else ""
    below = [one for one in known.values() if len(one.stem) == len(own) + 2 and one.stem.startswith(own)]
    found = (
        [known[name] for name in sorted(set(asked.regions))]
        or below
        or [one for one in known.values() if one.stem == own]
    )
    names = [one.id for one in found]
    asking = {"floors": asked.floors, "capacity": asked.capacity}
    for field, by_region in asking.items():
        for name in by_region:
            if name not in (EVERYWHERE, *names):
                raise _unknown(field, name, names)
    if not found:
        raise _unknown("regions", home.subject_id or "–", known)
    return tuple(found)


def _unknown(field: str, name: str, known: Mapping[str, Region] | list[str]) -> InputError:
    return InputError("SY904", field=field, name=name, near=", ".join(near(name, known) or list(known)[:5]) or "–")


def place(code: str, regions: tuple[Region, ...]) -> int:
    """The number of the region with the longest stem that begins a code, -1 where none does."""
    fits = [(len(one.stem), at) for at, one in enumerate(regions) if code and code.startswith(one.stem)]
    return max(fits)[1] if fits else -1
