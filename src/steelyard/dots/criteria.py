"""A framework's rule as a goal over states of its items, and its criteria in words.

A state is "item S1 at level 2", "letter B of Q1 chosen", "the option of Q2 gives 3 points". Answers and what solutions give are
both texts of answers, so both are read by ``States.held``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from steelyard.errors import InputError
from steelyard.methods.goal import Gate, Hurdle, Node, Steps, Sum

Item = Mapping[str, Any]
Key = tuple[str, str, Any]
NONE = "A"  # of an item with several letters: none of these
WORDS = ("points", "levels", "share", "mean", "weighted_mean", "bands", "gate", "steps", "industry", "figure", "item")


@dataclass
class States:
    """The states that a rule looks at, numbered in order of appearance."""

    items: Mapping[str, Item]
    keys: list[Key] = field(default_factory=list)
    _numbers: dict[Key, int] = field(default_factory=dict)

    def number(self, item: str, kind: str, least: Any) -> int:
        """The number of a state, new or known."""
        key = (item, kind, least)
        if key not in self._numbers:
            self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return self._numbers[key]

    def held(self, answers: Mapping[str, str]) -> frozenset[int]:
        """The states that hold with some answers, by item."""
        return frozenset(n for n, (item, kind, least) in enumerate(self.keys)
                         if item in answers and _holds(self.items.get(item, {}), answers[item], kind, least))  # fmt: skip


def division_of(industry: str) -> str:
    """The two digits of the division in a GB/T 4754 code, which may begin with the letter of its section; empty for none."""
    return industry[1:3] if industry[:1].isalpha() else industry[:2]


def better(item: Item, first: str | None, second: str) -> str:
    """What two answers to one item come to together: letters joined, else the one that is worth more."""
    if first is None:
        return second
    if item["mode"] == "multi":
        letters = [*first.split("+"), *second.split("+")]
        return "+".join(sorted({*letters} - {NONE})) or NONE
    worth = _points(item) if item["mode"] == "single" else None
    rank = (lambda text: worth[text]) if worth else Fraction
    return max(first, second, key=rank)


def _points(item: Item) -> dict[str, Fraction]:
    return {str(option): Fraction(str(points)) for option, points in item["points"].items()}


def _holds(item: Item, answer: str, kind: str, least: Any) -> bool:
    if kind == "letter":
        return str(least) in answer.split("+")
    if kind == "points":
        return bool(_points(item).get(answer, Fraction(0)) >= least)
    return bool(Fraction(answer) >= least)


@dataclass(frozen=True)
class Read:
    """A Figure that a rule reads: its range and grade, the low end counts; without a grade none was weighed, and it can be any.

    ``least`` is the least that the measure can be, ``low`` to ``high`` what the Figure is, or the measure's bounds.
    """

    label: Mapping[str, str]
    least: float
    low: float
    high: float | None
    grade: str = ""


@dataclass
class Rule:
    """Reads a rule's tree into a goal, as ``weigh`` reads it: what nobody answered is worth the least that it can be.

    ``industry`` is the subject's GB/T 4754 code; ``figures`` what is known of the Figures read, by measure; ``numbers``
    the values in play of items that are numbers, by item.
    """

    measure: str
    items: Mapping[str, Item]
    industry: str = ""
    figures: Mapping[str, Read] = field(default_factory=dict)
    numbers: Mapping[str, Iterable[str]] = field(default_factory=dict)
    states: States = field(init=False)

    def __post_init__(self) -> None:
        self.states = States(self.items)

    def goal(self, rule: Mapping[str, Any]) -> Node:
        """The goal of a whole rule; raises InputError on a word or an item that it does not know."""
        return self._node(rule)

    def _node(self, node: Mapping[str, Any], level: int = 0) -> Node:
        words = [word for word in node if word in WORDS]
        if len(words) != 1:
            raise InputError("SY225", self.measure, words=", ".join(node), known=", ".join(WORDS))
        if words[0] in ("levels", "share"):
            return self._reach(node, level)
        read: dict[str, Callable[[Mapping[str, Any], int], Node]] = {
            "points": self._points, "mean": self._mean, "weighted_mean": self._weighted_mean, "bands": self._bands,
            "gate": self._gate, "steps": self._steps, "industry": self._industry, "figure": self._figure,
            "item": lambda one, at: self._points({"points": [one["item"]]}, at),
        }  # fmt: skip
        return read[words[0]](node, level)

    def _sum(
        self, constant: Fraction, states: Iterable[tuple[Fraction, int]], word: str, items: Sequence[str], **about: Any
    ) -> Sum:
        return Sum(constant, tuple(states), about={"word": word, "items": tuple(items), **about})

    def _item(self, name: str) -> Item:
        if name not in self.items:
            raise InputError("SY224", self.measure, item=name)
        return self.items[name]

    def _worth(self, names: Sequence[str], weight: Fraction) -> tuple[Fraction, list[tuple[Fraction, int]]]:
        """What items are worth: what even no answer is, and the weights of their states."""
        constant, states = Fraction(0), list[tuple[Fraction, int]]()
        for name in names:
            item = self._item(name)
            if item["mode"] == "multi":
                worths = {option: worth for option, worth in _points(item).items() if worth > 0}
                states += [
                    (weight * worth, self.states.number(name, "letter", option)) for option, worth in worths.items()
                ]
                continue
            kind, steps = self._steps_of(name, item)
            constant += weight * steps[0]
            states += [(weight * (high - low), self.states.number(name, kind, high)) for low, high in pairwise(steps)]
        return constant, states

    def _steps_of(self, name: str, item: Item) -> tuple[str, list[Fraction]]:
        """The worths that an item can have, from the least up: by level, by option, or of a number those in play."""
        if item["mode"] == "level":
            return "level", [Fraction(level) for level in range(int(item["levels"]) + 1)]
        if item["mode"] == "single":
            return "points", sorted(set(_points(item).values()))
        least = Fraction(str(item["bounds"][0]))
        return "number", sorted({least, *(Fraction(text) for text in self.numbers.get(name, ()))})

    def _points(self, node: Mapping[str, Any], level: int) -> Sum:
        constant, states = self._worth(node["points"], Fraction(1))
        return self._sum(constant, states, "points", node["points"], level=level)

    def _mean(self, node: Mapping[str, Any], level: int) -> Sum:
        constant, states = self._worth(node["mean"], Fraction(1, len(node["mean"])))
        return self._sum(constant, states, "mean", node["mean"], level=level)

    def _reach(self, node: Mapping[str, Any], level: int) -> Sum:
        word = "levels" if "levels" in node else "share"
        names, reach = node[word], Fraction(str(node["reach"]))
        weight = Fraction(1, len(names) if word == "share" else 1)
        kinds = {"level": "level", "single": "points", "number": "number"}
        states = [(weight, self.states.number(name, kinds[self._item(name)["mode"]], reach)) for name in names]
        return self._sum(Fraction(0), states, word, names, reach=reach, level=level)

    def _weighted_mean(self, node: Mapping[str, Any], level: int) -> Sum:
        parts = [(Fraction(str(part["weight"])), self._node(part["of"], level)) for part in node["weighted_mean"]]
        whole = sum((weight for weight, _ in parts), Fraction(0))
        return _joined([(weight / whole, part) for weight, part in parts], level)

    def _bands(self, node: Mapping[str, Any], level: int) -> Gate:
        of = self._node(node["bands"]["of"], level)
        edges = sorted((Fraction(str(edge)), Fraction(str(worth))) for edge, worth in node["bands"]["at"])
        worths = [worth for _, worth in edges]
        if worths != sorted(worths):
            raise InputError("SY706", self.measure, why="bands must not fall")
        return Gate(tuple((worth, (Hurdle(of, edge),)) for edge, worth in edges[1:]), worths[0])

    def _gate(self, node: Mapping[str, Any], level: int) -> Gate:
        steps = []
        for step in node["gate"]:
            tests = tuple(Hurdle(self._node({k: v for k, v in test.items() if k != "at_least"}, level), Fraction(str(test["at_least"])))
                          for test in step["all"])  # fmt: skip
            steps.append((Fraction(str(step["value"])), tests))
        return Gate(tuple(steps))

    def _steps(self, node: Mapping[str, Any], level: int) -> Steps:
        parts = tuple(self._node(part, number) for number, part in enumerate(node["steps"]["of"], 1))
        return Steps(Fraction(str(node["steps"]["met"])), parts)

    def _industry(self, node: Mapping[str, Any], level: int) -> Node:
        body = node["industry"]
        for name, divisions in body["divisions"].items():
            if division_of(self.industry) in {f"{int(str(code)):02d}" for code in divisions}:
                return self._node(body[name], level)
        return self._node(body["else"], level)

    def _figure(self, node: Mapping[str, Any], level: int) -> Sum:
        """The least that it can be, and what the Figure adds to that: a state, which a claim or a proof may hold."""
        name = node["figure"]
        read = self.figures[name]
        least, most = Fraction(str(read.least)), read.low if read.grade else read.high
        reached = least if most is None else Fraction(str(most))
        states = [(reached - least, self.states.number(name, "number", reached))] if reached > least else []
        return self._sum(least, states, "figure", (), measure=name, weighed=bool(read.grade))


def _joined(parts: Iterable[tuple[Fraction, Node]], level: int) -> Sum:
    """A weighted sum of nodes with sums in it dissolved."""
    constant, items = Fraction(0), list[str]()
    states, others = list[tuple[Fraction, int]](), list[tuple[Fraction, Node]]()
    for weight, part in parts:
        if not isinstance(part, Sum):
            others.append((weight, part))
            continue
        constant += weight * part.constant
        states += [(weight * own, state) for own, state in part.states]
        others += [(weight * own, inner) for own, inner in part.parts]
        items += [*part.about["items"]]
    about = {"word": "weighted_mean", "items": tuple(dict.fromkeys(items)), "level": level}
    return Sum(constant, tuple(states), tuple(others), about)


def words_of(hurdle: Hurdle, items: Mapping[str, Item]) -> dict[str, str]:
    """What a hurdle counts, in Chinese and English."""
    about: Mapping[str, Any] = hurdle.node.about if isinstance(hurdle.node, Sum) else {"word": "tree", "items": ()}
    names, reach = about["items"], about.get("reach")
    bound = bool(names) and all(items[name].get("constrained") for name in names)
    n, zh_items, en_items = len(names), "个约束性题项" if bound else "个题项", "constrained items" if bound else "items"
    zh, en = {
        "points": (f"{n} {zh_items}的得分", f"points of {n} {en_items}"),
        "levels": (f"{n} {zh_items}中达到 {reach} 级的个数", f"how many of {n} {en_items} reach level {reach}"),
        "share": (f"{n} {zh_items}中达到 {reach} 级的占比", f"share of {n} {en_items} that reach level {reach}"),
        "mean": (f"{n} {zh_items}的平均", f"mean of {n} {en_items}"),
        "weighted_mean": (f"{n} {zh_items}的加权平均", f"weighted mean of {n} {en_items}"),
        "figure": (f"指标 {about.get('measure')}", f"measure {about.get('measure')}"),
        "tree": ("分项合计", "parts together"),
    }[str(about["word"])]
    level = about.get("level")
    return {"zh": f"第 {level} 级：{zh}" if level else zh, "en": f"level {level}: {en}" if level else en}
