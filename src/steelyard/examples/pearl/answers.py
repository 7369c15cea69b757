"""Synthetic answers to the SME 2024 questionnaire and to the question of the smart-factory tier.

Each firm has a latent maturity, in deviations. It depends on city and industry, and all 31 items of the firm depend on
it, so items correlate as in a real survey. Cut-offs are set so that about 42 % of those that answer reach level 2, the
share among 113,792 self-diagnosed firms of October 2024. What firms answer fits together: no more equipment is
networked than is digital, and the links in a system (Q5) are counted from the scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.examples.pearl.identity import given, industries
from steelyard.examples.pearl.places import INDUSTRIES, City
from steelyard.examples.pearl.rows import local, stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCENES = 16
QUESTIONS = 15
ITEMS = tuple([f"Q{i}" for i in range(1, QUESTIONS + 1)] + [f"S{i}" for i in range(1, SCENES + 1)])
TIER = "smart_factory_tier"
GRADES = ("declared", "pledged", "documented", "inspected")
GRADE_SHARES = (0.36, 0.46, 0.13, 0.05)
INSPECTED = 3
FIRST_DAY = np.datetime64("2025-10-01T00:00:00")
DAYS = 182  # to 2026-03-31

# What a firm needs to choose an option, in deviations of its maturity: one number per option from B on.
MULTI: dict[str, tuple[float, ...]] = {
    "Q1": (-1.0, 0.2, 1.5, 0.6),
    "Q4": (0.5, 0.6, 0.1, 0.7, 0.1, -0.1, 0.0, 0.3, 0.2, 0.1, -0.1, -0.3, -0.9, -0.5),
    "Q6": (-1.2, -0.3, 0.9, 0.5),
    "Q7": (-0.5, 0.0, 1.0, 0.7),
    "Q9": (-0.1, 0.0, 0.5, 0.4),
    "Q10": (-1.2, -0.3, -0.2, 0.4, 1.0),
}
# What it needs for each further option of a question with one answer, from B on.
SINGLE: dict[str, tuple[float, ...]] = {
    "Q2": (-1.5, -1.0, -0.2, 0.5),
    "Q3": (-0.9, -0.3, 0.5, 1.3),
    "Q8": (-1.9, -1.1, 0.1, 1.1, 1.8),
    "Q11": (1.0, 1.8, 2.6, 3.2),
    "Q12": (-1.1, 0.1),
    "Q13": (-1.8, -0.2),
    "Q14": (-0.9, 0.2),
    "Q15": (-0.8, 0.3),
}
SCENE_CUTS = (-1.7, 0.47, 1.1, 1.6)
SCENE_EASE = (0.1, -0.2, 0.1, -0.3, -0.1, 0.1, 0.1, -0.2, 0.0, -0.2, 0.2, 0.2, 0.5, 0.1, 0.3, -0.4)
TIER_CUTS = (1.3, 2.2, 2.8, 3.5)
NOT_ASKED = 0.5  # the normal draw below which a firm without a tier was not asked: 7 of 10
NOISE = {"Q12": 1.3, "Q13": 1.3, "Q14": 1.5, "Q15": 1.5, "Q11": 0.9}
MIDDLE = -0.16  # the latent of a middling firm


@dataclass(frozen=True)
class Survey:
    """What a city's firms answered: places of those that did (k,), latent (k,), grade (k,), when (k,), tier (k,).

    ``codes`` (k, 31) are places in ``VOCABULARY``; a tier of -1 means not asked.
    """

    who: Ints
    codes: NDArray[np.int32]
    grades: Ints
    at: NDArray[np.datetime64]
    tiers: Ints


def _letters(count: int) -> list[str]:
    return [chr(ord("B") + i) for i in range(count)]


def _combinations(count: int) -> list[str]:
    """The answer of every set of options; bit 0 is option B; the empty set is A."""
    made = [""]
    for letter in _letters(count):
        made += [f"{low}+{letter}" if low else letter for low in made]
    return ["A", *made[1:]]


def _vocabulary() -> tuple[pa.Array, dict[str, int]]:
    """Every answer text, and where each item's answers begin in it."""
    words: list[str] = []
    begins: dict[str, int] = {}
    for item in ITEMS:
        begins[item] = len(words)
        if item in MULTI:
            words += _combinations(len(MULTI[item]))
        elif item.startswith("Q"):
            words += ["A", *_letters(5)]
        else:
            words += [str(level) for level in range(5)]
    return pa.array(words), begins


VOCABULARY, _BEGINS = _vocabulary()
_DRAWS = SCENES + sum(map(len, MULTI.values())) + len(SINGLE)


def latent(city: City, count: int, seed: int) -> Floats:
    """The maturity of the city's first ``count`` firms, in deviations, (count,)."""
    draws = stream(seed, int(city.code), 1).standard_normal((count, 2))
    trade = np.array([industry.maturity for industry in INDUSTRIES])[industries(city, count)]
    return MIDDLE + city.maturity + trade + 0.45 * draws[:, 0] + 0.8 * draws[:, 1]  # size, and the rest


def _questions(maturity: Floats, noise: Floats, scenes: Ints) -> dict[str, Ints]:
    """Each question's answer as a place in its own part of the vocabulary, (k,) each."""
    answers: dict[str, Ints] = {}
    at = 0
    for item, needs in MULTI.items():
        chosen = maturity[:, None] + 0.7 * noise[:, at : at + len(needs)] > np.array(needs)
        answers[item] = chosen @ (1 << np.arange(len(needs)))
        at += len(needs)
    for item, cuts in SINGLE.items():
        answers[item] = np.searchsorted(cuts, maturity + NOISE.get(item, 0.5) * noise[:, at])
        at += 1
    answers["Q3"] = np.minimum(answers["Q3"], answers["Q2"])
    in_system = (scenes >= 2).sum(axis=1)
    answers["Q5"] = np.searchsorted((1, 2, 0.8 * SCENES, SCENES), in_system, side="right")
    return answers


def _codes(maturity: Floats, noise: Floats) -> NDArray[np.int32]:
    """All 31 answers of each firm as places in ``VOCABULARY``, (k, 31), columns in the order of ``ITEMS``."""
    reached = maturity[:, None] + np.array(SCENE_EASE) + 0.6 * noise[:, :SCENES]
    scenes = np.searchsorted(SCENE_CUTS, reached)
    answers = _questions(maturity, noise[:, SCENES:], scenes)
    answers |= {f"S{i + 1}": scenes[:, i] for i in range(SCENES)}
    return np.column_stack([answers[item] + _BEGINS[item] for item in ITEMS]).astype(np.int32)


def _tiers(maturity: Floats, draws: Floats) -> Ints:
    """The smart-factory tier: 0 to 4, or -1 for the firms that were not asked. Draws are normal, (k, 2)."""
    tier = np.searchsorted(TIER_CUTS, maturity + 0.6 * draws[:, 0])
    return np.where((tier == 0) & (draws[:, 1] < NOT_ASKED), -1, tier)


def survey(city: City, listed: NDArray[np.bool_], seed: int) -> Survey:
    """The answers of a city's firms; ``listed`` (n,) tells which are still on the list. Leavers do not answer.

    The less mature answer a little less often, as those that did not answer would.
    """
    count = len(listed)
    maturity = latent(city, count, seed)
    uniform = stream(seed, int(city.code), 2).random((count, 4))
    answering = uniform[:, 0] < city.answering + 0.02 * maturity
    answering[given(city, count)] = True  # the story speaks of them
    who = np.flatnonzero(listed & answering)
    uniform = uniform[who]
    grades = np.minimum(np.searchsorted(np.cumsum(GRADE_SHARES), uniform[:, 1]), INSPECTED)
    shown = maturity[who] - 0.25 * (grades == INSPECTED)  # an inspector does not take every claim
    minutes = (uniform[:, 2] * DAYS).astype(int) * 1440 + 540 + (uniform[:, 3] * 540).astype(int)
    return Survey(
        who=who,
        codes=_codes(shown, stream(seed, int(city.code), 3).standard_normal((count, _DRAWS))[who]),
        grades=grades,
        at=FIRST_DAY + minutes.astype("timedelta64[m]"),
        tiers=_tiers(shown, stream(seed, int(city.code), 4).standard_normal((count, 2))[who]),
    )


def answer_rows(firms: pa.Array, found: Survey) -> pa.Table:
    """The ``answers`` rows of one city: 31 per firm, and the tier where it was asked.

    ``firms`` are the city's ids; a document is named where the grade is documented or inspected.
    """
    asked = np.flatnonzero(found.tiers >= 0)
    per_firm = np.repeat(np.arange(len(found.who)), len(ITEMS))
    codes = np.concatenate([found.codes.ravel(), found.tiers[asked] + _BEGINS["S1"]])
    items = pa.array([*ITEMS, TIER]).take(
        pa.array(np.concatenate([np.tile(np.arange(len(ITEMS)), len(found.who)), np.full(len(asked), len(ITEMS))]))
    )
    place = np.concatenate([per_firm, asked])
    grades = np.concatenate([found.grades[per_firm], np.where(found.tiers[asked] > 0, GRADES.index("documented"), 0)])
    subjects = firms.take(pa.array(found.who))
    return pa.table(
        {
            "subject": subjects.take(pa.array(place)),
            "item": items,
            "at": pa.array(local(found.at), pa.string()).take(pa.array(place)),
            "value": VOCABULARY.take(pa.array(codes)),
            "grade": pa.array(GRADES).take(pa.array(grades)),
            "document": _documents(subjects).take(pa.array(place, mask=grades < GRADES.index("documented"))),
        }
    )


def _documents(subjects: pa.Array) -> pa.Array:
    """The name of a firm's (synthetic) file of evidence."""
    return pc.binary_join_element_wise("synthetic-evidence-", subjects, ".pdf", "")
