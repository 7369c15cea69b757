"""A tree of criteria as whole numbers in SQL: sums of tenths are exact, and a threshold that is just met is met.

Every node is a fraction with a known divisor. Points are millionths at the finest, weights are the decimals that stand in the
rule; both are read as fractions, so nothing is rounded before the last step. Nodes that only add (points, levels, share, mean and
their weighted means) melt into one sum over answers, however deep they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

from steelyard.errors import InputError

VOCABULARY = ("points", "levels", "share", "mean", "weighted_mean", "bands", "gate", "steps", "figure", "industry")
SIDES = ("points", "points_low", "points_high")
FINE = 10**6  # numbers given as answers count in millionths
FIGURE_FINE = 10**9  # Figures in billionths: what division left beyond is no difference
MOST = 2**62

Item = Mapping[str, Any]
Bounds = tuple[float | None, float | None]
Terms = dict[tuple[str, int], Fraction]  # (item, level to reach or 0 for its points): weight


@dataclass(frozen=True)
class Scaled:
    """SQL of three whole numbers, each ``per`` times a value: proven, the least and the most it can be; |value| ≤ ``most``."""

    sides: Sequence[str]
    per: int
    most: Fraction

    def times(self, factor: int) -> Scaled:
        """The same in finer parts."""
        if factor == 1:
            return self
        return Scaled([f"({side} * {factor})" for side in self.sides], self.per * factor, self.most)


def whole(number: object) -> Fraction:
    """The decimal as it was written: 0.1 is a tenth."""
    return Fraction(str(number))


def item_range(item: Item) -> tuple[Fraction, Fraction] | None:
    """The least and the most that one item can give; None for a number without bounds."""
    if item["mode"] == "level":
        return Fraction(0), Fraction(int(item["levels"]))
    if item["mode"] == "number":
        low, high = item.get("bounds") or (None, None)
        return None if low is None or high is None else (whole(low), whole(high))
    points = [whole(value) for value in item.get("points", {}).values()] or [Fraction(0)]
    if item["mode"] == "multi":
        return sum((min(p, Fraction(0)) for p in points), Fraction(0)), sum(
            (max(p, Fraction(0)) for p in points), Fraction(0)
        )
    return min(points), max(points)


@dataclass
class Tree:
    """Turns nodes into SQL; ``columns`` collects what each kind of answer adds to a sum, ``figures`` the measures read.

    ``ranged`` says that an answer can be worth from ``points_low`` to ``points_high``: ``apart`` are sums of how far these are
    from ``points``.
    """

    items: Mapping[str, Item]
    where: str
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    ranged: bool = False
    columns: dict[str, str] = field(default_factory=dict)
    apart: dict[str, str] = field(default_factory=dict)
    figures: list[str] = field(default_factory=list)

    def scaled(self, node: dict[str, Any]) -> Scaled:
        """A node as SQL; raises InputError on a word that is not in the vocabulary and on what cannot be weighed."""
        made = self._node(node)
        return self._sum(made) if isinstance(made, dict) else made

    def wrong(self, why: str) -> InputError:
        """What to raise on a rule that is well-formed but cannot be weighed."""
        return InputError("SY706", self.where, why=why)

    def _node(self, node: dict[str, Any]) -> Terms | Scaled:
        words = [word for word in node if word in VOCABULARY] if isinstance(node, dict) else []
        if len(words) != 1 or set(node) - {*VOCABULARY, "reach"}:
            raise InputError("SY225", self.where, words=", ".join(node), known=", ".join(VOCABULARY))
        word, body = words[0], node[words[0]]
        if word in ("points", "levels", "share", "mean"):
            part = Fraction(1, len(body)) if word in ("share", "mean") else Fraction(1)
            reach = int(node["reach"]) if word in ("levels", "share") else 0
            return dict.fromkeys(((name, reach) for name in body), part)
        inner: dict[str, Callable[[Any], Terms | Scaled]] = {
            "weighted_mean": self._weighted_mean, "bands": self._bands, "gate": self._gate, "steps": self._steps,
            "figure": self._figure,
        }  # fmt: skip
        if word not in inner:
            raise self.wrong("industry stands in a rule that was not split by it")
        return inner[word](body)

    def _sum(self, terms: Terms) -> Scaled:
        """Σ weight · contribution over all answers: those given, plus what the missing ones can be."""
        ranges = {key: self._range(*key) for key in terms}
        per = lcm(*((weight / self._unit(*key)).denominator for key, weight in terms.items()))
        weights = {key: weight * per for key, weight in terms.items()}
        proven = self._column([self._worth(key, int(k), SIDES[0]) for key, k in weights.items()])
        apart = ["", *(self._apart(weights, side) for side in SIDES[1:])]
        missing = [self._missing({key: weights[key] * ranges[key][side] for key in terms}) for side in (0, 0, 1)]
        sides = [f"({proven}{a}{b})" for a, b in zip(apart, missing, strict=True)]
        most = sum((abs(w) * max(map(abs, ranges[key])) for key, w in terms.items()), Fraction(0))
        return self._checked(Scaled(sides, per, most))

    def _apart(self, weights: Mapping[tuple[str, int], Fraction], side: str) -> str:
        """How far a side is from what is proven: only answers that a fact can give have a range."""
        worths = [(self._worth(key, int(k), side), self._worth(key, int(k), SIDES[0]))
                  for key, k in weights.items() if self.ranged and "from" in self.items[key[0]]]  # fmt: skip
        if not worths:
            return ""
        sql = _by_item([(f"({there} - {here})", name) for (there, name), (here, _) in worths])
        return f" + {self.apart.setdefault(sql, f'd{len(self.apart)}')}"

    def _range(self, name: str, reach: int) -> tuple[Fraction, Fraction]:
        found = item_range(self.items[name])
        if found is None:
            raise self.wrong(f"{name} is a number without bounds, so it has no least and no most")
        return found if not reach else (Fraction(0), Fraction(int(found[1] >= reach)))

    def _unit(self, name: str, reach: int) -> int:
        """How many parts of one the contribution of an item is counted in."""
        item = self.items[name]
        if reach or item["mode"] == "level":
            return 1
        if item["mode"] == "number":
            return FINE
        return lcm(*(whole(points).denominator for points in item.get("points", {}).values()))

    def _worth(self, key: tuple[str, int], weight: int, side: str) -> tuple[str, str]:
        """What an answer to an item adds, and the item."""
        name, reach = key
        if reach:
            return f"CASE WHEN {side} >= {reach} THEN {weight} ELSE 0 END", name
        if self.items[name]["mode"] == "number":
            number = side.replace("points", "number")
            return f"CAST(floor({number} * {FINE} + 0.5) AS BIGINT) * {weight // FINE}", name
        return f"CAST({side} * {weight} AS BIGINT)", name

    def _missing(self, each: dict[tuple[str, int], Fraction]) -> str:
        """What items that nobody answered add: all of it, less that of the answered ones."""
        total = sum(each.values())
        if not total and not any(each.values()):
            return ""
        given = self._column([(str(int(k)), name) for (name, _), k in each.items() if k])
        return f" + {int(total)} - {given}"

    def _column(self, worths: list[tuple[str, str]]) -> str:
        """A name for what each kind of answer adds to a sum; equal ones share it."""
        return self.columns.setdefault(_by_item(worths), f"n{len(self.columns)}")

    def _checked(self, made: Scaled) -> Scaled:
        if made.most * made.per >= MOST:
            raise self.wrong("its weights and points need more than 18 digits together")
        return made

    def _weighted_mean(self, parts: list[dict[str, Any]]) -> Terms | Scaled:
        total = sum((whole(part["weight"]) for part in parts), Fraction(0))
        if not parts or any(whole(part["weight"]) <= 0 for part in parts):
            raise self.wrong("weights must be above zero")
        made = [(whole(part["weight"]) / total, self._node(part["of"])) for part in parts]
        linear = [(weight, of) for weight, of in made if isinstance(of, dict)]
        if len(linear) < len(made):
            return self._combined([(weight, self._sum(of) if isinstance(of, dict) else of) for weight, of in made])
        terms: Terms = {}
        for weight, of in linear:
            for key, inner in of.items():
                terms[key] = terms.get(key, Fraction(0)) + weight * inner
        return terms

    def _combined(self, parts: list[tuple[Fraction, Scaled]]) -> Scaled:
        shares = [weight / of.per for weight, of in parts]
        per = lcm(*(share.denominator for share in shares))
        sides = [" + ".join(f"{of.sides[side]} * {int(share * per)}" for share, (_, of) in zip(shares, parts, strict=True))
                 for side in range(3)]  # fmt: skip
        most = sum((weight * of.most for weight, of in parts), Fraction(0))
        return self._checked(Scaled([f"({side})" for side in sides], per, most))

    def _bands(self, body: dict[str, Any]) -> Scaled:
        of = self.scaled(body["of"])
        edges = sorted(((whole(edge), whole(value)) for edge, value in body["at"]), reverse=True)
        if [value for _, value in edges] != sorted((value for _, value in edges), reverse=True):
            raise self.wrong("the values of bands must rise with their edges")
        per = lcm(*(value.denominator for _, value in edges))
        sides = [
            f"(CASE {' '.join(f'WHEN {side} >= {ceil(edge * of.per)} THEN {int(value * per)}' for edge, value in edges)} END)"
            for side in of.sides
        ]
        return Scaled(sides, per, max(abs(value) for _, value in edges))

    def _gate(self, steps: list[dict[str, Any]]) -> Scaled:
        per = lcm(*(whole(step["value"]).denominator for step in steps))
        sides: list[list[str]] = [[], [], []]
        for step in sorted(steps, key=lambda s: -whole(s["value"])):
            tested = [(self.scaled({k: v for k, v in c.items() if k != "at_least"}), whole(c["at_least"]))
                      for c in step["all"]]  # fmt: skip
            for side in range(3):
                met = " AND ".join(f"{of.sides[side]} >= {ceil(least * of.per)}" for of, least in tested)
                sides[side].append(f"WHEN {met} THEN {int(whole(step['value']) * per)}")
        most = max(abs(whole(step["value"])) for step in steps)
        return Scaled([f"(CASE {' '.join(cases)} ELSE 0 END)" for cases in sides], per, most)

    def _steps(self, body: dict[str, Any]) -> Scaled:
        """Level by level: how many were met in order, plus the score of the first that was not."""
        met = whole(body["met"])
        levels = [self.scaled(node) for node in body["of"]]
        if any(level.most > 1 for level in levels):
            raise self.wrong("the nodes of steps are shares of 1")
        per = lcm(*(level.per for level in levels))
        sides = []
        for side in range(3):
            cases = " ".join(
                f"WHEN {level.sides[side]} < {ceil(met * level.per)} THEN {done * per} + {level.times(per // level.per).sides[side]}"
                for done, level in enumerate(levels)
            )
            sides.append(f"(CASE {cases} ELSE {len(levels) * per} END)")
        return self._checked(Scaled(sides, per, Fraction(len(levels))))

    def _figure(self, name: str) -> Scaled:
        """The subject's Figure of a measure; without one, the measure's bounds."""
        low, high = self.bounds.get(name, (None, None))
        if low is None or high is None:
            raise self.wrong(f"{name} has no bounds, so it cannot stand for a Figure that is missing")
        if name not in self.figures:
            self.figures.append(name)
        number = self.figures.index(name)
        least, most = floor(whole(low) * FIGURE_FINE), ceil(whole(high) * FIGURE_FINE)
        ends = (("value", least), ("low", least), ("high", most))
        sides = [f"coalesce(f{number}_{side}, {bound})" for side, bound in ends]
        return self._checked(Scaled(sides, FIGURE_FINE, max(abs(whole(low)), abs(whole(high)))))


def _by_item(worths: list[tuple[str, str]]) -> str:
    """What each answer adds, chosen by its item; what an item adds in several places is added."""
    adds: dict[str, list[str]] = {}
    for sql, name in worths:
        adds.setdefault(name, []).append(sql)
    alike: dict[str, list[str]] = {}
    for name, sqls in adds.items():
        alike.setdefault(" + ".join(sqls), []).append(quoted(name))
    cases = " ".join(f"WHEN item IN ({', '.join(names)}) THEN {sql}" for sql, names in alike.items())
    return f"CASE {cases} ELSE 0 END" if cases else "0"


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + str(text).replace("'", "''") + "'"
