"""What a subject has and lacks for a target level, and which of what it lacks is only evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from steelyard.dots.criteria import Item, States, words_of
from steelyard.dots.standing import FLOOR, Aim, Standing, aim, standing
from steelyard.methods.goal import Hurdle, Node, Sum, value
from steelyard.model.period import Period, iso
from steelyard.store.home import Home

MET, CLAIMED, SHORT, UNANSWERED = "met", "claimed", "short", "unanswered"
"""Of a criterion or an item: proven; only claimed; not there; not answered at all, or of a Figure, never weighed."""


@dataclass(frozen=True)
class Lack:
    """An item or Figure that a criterion could still gain from: the answer and its grade, what would count, and how much it would add.

    ``adds`` is what raising it to ``want`` adds to the criterion, ``unproven`` what a better proof of the answer adds to the
    proven value; ``gist`` says in words what ``want`` asks; ``changed`` names documents that are not what was sealed (SY718).
    """

    item: str
    label: Mapping[str, str]
    state: str
    value: str | None
    grade: str | None
    want: str
    gist: Mapping[str, str]
    adds: float
    unproven: float
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Criterion:
    """One criterion of the target: its value with all answers and with proven ones alone, what it needs, and what it lacks.

    Of a Figure that was never weighed value, proven and gap are None: nothing is known, which is not zero.
    """

    words: Mapping[str, str]
    value: float | None
    proven: float | None
    need: float
    gap: float | None
    state: str
    items: tuple[Lack, ...]


@dataclass(frozen=True)
class Diagnosis:
    """A subject against a target: levels claimed and proven, criteria, peers.

    ``in_force`` says whether the edition holds on the period's last day; ``answered`` of ``asked`` items have an answer.
    """

    standing: Standing
    aim: Aim
    day: str
    in_force: bool
    answered: int
    asked: int
    criteria: tuple[Criterion, ...]

    @property
    def state(self) -> str:
        """Whether the target is met, claimed, unanswered or short."""
        states = {criterion.state for criterion in self.criteria}
        return next((state for state in (SHORT, UNANSWERED, CLAIMED) if state in states), MET)

    def lacking(self, state: str) -> dict[str, Lack]:
        """The items of criteria that are not met, by item, that are short, unanswered or claimed; each once."""
        found = {lack.item: lack for criterion in self.criteria if criterion.state != MET for lack in criterion.items
                 if (lack.unproven > 0 if state == CLAIMED else lack.state == state)}  # fmt: skip
        return {item: found[item] for item in (*self.standing.items, *self.standing.figures) if item in found}

    def document(self) -> dict[str, Any]:
        """As JSON-ready fields."""
        known = self.standing
        return {
            "subject": known.subject, "framework": known.framework.id, "status": known.framework.status,
            "in_force": self.in_force, "measure": known.measure.id, "start": iso(known.period.start),
            "end": iso(known.period.end), "target": self.aim.target, "state": self.state, "floor": FLOOR,
            "level": float(self.aim.level), "proven_level": float(self.aim.proven_level), "figure": known.figure,
            "answered": self.answered, "asked": self.asked, "criteria": [_criterion_document(c) for c in self.criteria],
            "figures": {name: {"low": read.low, "high": read.high, "grade": read.grade} if read.grade else None
                        for name, read in known.figures.items()},
            "changed_documents": {item: list(answer.changed) for item, answer in known.answers.items() if answer.changed},
            "only_evidence": [*self.lacking(CLAIMED)], "unanswered": [*self.lacking(UNANSWERED)],
            "answered_short": [*self.lacking(SHORT)], "peers": [asdict(group) for group in known.peers],
        }  # fmt: skip


def _criterion_document(criterion: Criterion) -> dict[str, Any]:
    fields = {name: found for name, found in vars(criterion).items() if name not in ("words", "items")}
    items = [{name: dict(found) if isinstance(found, Mapping) else found for name, found in vars(lack).items()}
             for lack in criterion.items]  # fmt: skip
    return {"criterion": dict(criterion.words), **fields, "items": items}


def diagnose(
    home: Home, subject: str, framework: str, target: int | None = None, period: Period | None = None
) -> Diagnosis:
    """Compare a subject with a framework's level, the next one unless a target is given; see ``standing`` for what is raised."""
    known = standing(home, subject, framework, period, with_peers=True)
    aimed = aim(known, target)
    day = known.period.last_day(home.zone)
    asked = {item for item, _, _ in aimed.states.keys} - {*known.figures}
    criteria = tuple(_criterion(hurdle, known, aimed.states) for hurdle in aimed.hurdles)
    return Diagnosis(
        known, aimed, day, known.framework.holds_on(day), len(asked & {*known.answers}), len(asked), criteria
    )


def _criterion(hurdle: Hurdle, known: Standing, states: States) -> Criterion:
    held, proven = states.held(known.values), states.held(known.proven)
    words, need = words_of(hurdle, known.items), float(hurdle.least)
    if (unweighed := _unweighed(hurdle, known)) is not None:
        return Criterion(words, None, None, need, None, UNANSWERED, (unweighed,))
    all_of_it, proven_of_it = value(hurdle.node, held), value(hurdle.node, proven)
    state = MET if proven_of_it >= hurdle.least else CLAIMED if all_of_it >= hurdle.least else SHORT
    lacks = sorted(_lacks(hurdle.node, known, states, held, proven), key=lambda lack: -lack.adds)
    gap = float(max(Fraction(0), hurdle.least - all_of_it))
    return Criterion(words, float(all_of_it), float(proven_of_it), need, gap, state, tuple(lacks))


def _unweighed(hurdle: Hurdle, known: Standing) -> Lack | None:
    """What a criterion lacks that asks for one Figure which was never weighed, and would not hold without it."""
    about = hurdle.node.about if isinstance(hurdle.node, Sum) else {}
    if about.get("word") != "figure" or about["weighed"] or known.figures[about["measure"]].least >= hurdle.least:
        return None
    name = about["measure"]
    more = float(hurdle.least) - known.figures[name].least
    return Lack(name, known.label(name), UNANSWERED, None, None, f"{float(hurdle.least):g}", gist({}, ""), more, 0.0)


def _lacks(node: Node, known: Standing, states: States, held: frozenset[int], proven: frozenset[int]) -> Iterator[Lack]:
    by_item: dict[str, list[tuple[Fraction, int]]] = {}
    for weight, state in weights(node):
        by_item.setdefault(states.keys[state][0], []).append((weight, state))
    for item, mine in by_item.items():
        adds = sum((weight for weight, one in mine if one not in held), Fraction(0))
        unproven = sum((weight for weight, one in mine if one in held - proven), Fraction(0))
        answer = known.told.get(item)
        if not adds and not unproven:
            continue
        lacking = UNANSWERED if answer is None else SHORT if adds else CLAIMED
        missing = [states.keys[one] for _, one in mine if one not in (held if adds else proven)]
        asked = known.items.get(item, {})
        want = _want(asked, missing)
        yield Lack(item, known.label(item), lacking, answer.value if answer else None, answer.grade if answer else None,
                   want, gist(asked, want), float(adds), float(unproven), answer.changed if answer else ())  # fmt: skip


def weights(node: Node) -> list[tuple[Fraction, int]]:
    """The states that a node sums and what each is worth; parts that are no sums are left out."""
    if not isinstance(node, Sum):
        return []
    inner = [(weight * own, state) for weight, part in node.parts for own, state in weights(part)]
    return [*node.states, *inner]


def _want(item: Item, missing: list[tuple[str, str, Any]]) -> str:
    """The answer that holds all missing states: the letters, or the option of the highest."""
    if missing[0][1] == "letter":
        return "+".join(str(letter) for _, _, letter in missing)
    most = max(Fraction(least) for _, _, least in missing)
    if missing[0][1] == "points":
        return next(str(option) for option, points in item["points"].items() if Fraction(str(points)) >= most)
    return str(most)


def gist(item: Item, answer: str) -> dict[str, str]:
    """What an answer says, in both languages; empty where the item has no words for it."""
    said = {}
    for lang, name in (("zh", "gist_zh"), ("en", "gist")):
        words = {str(option): text for option, text in (item.get(name) or {}).items()}
        said[lang] = "; ".join(words[option] for option in answer.split("+") if option in words)
    return said
