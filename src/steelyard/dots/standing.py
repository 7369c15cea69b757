"""Where a subject stands in a framework: the answers that count, its Figures, its level claimed and proven, and an aim above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from steelyard.catalog import Catalog
from steelyard.catalog.catalog import near
from steelyard.catalog.frameworks import facts_behind
from steelyard.catalog.rules import rule_figures, rule_items
from steelyard.dots.criteria import Read, Rule, States
from steelyard.dots.facts import FLOOR, PROVEN, changed
from steelyard.dots.peers import Peers, peers_of
from steelyard.errors import InputError, UsageError
from steelyard.methods.goal import Node, Way, value, ways
from steelyard.model.framework import Framework
from steelyard.model.measure import Measure
from steelyard.model.period import Period, year_at
from steelyard.store import figures as at_rest
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh import frame
from steelyard.weigh.figures_read import name_figures
from steelyard.weigh.given import counting

__all__ = ["FLOOR", "Aim", "Answer", "Standing", "aim", "expanded", "standing"]


@dataclass(frozen=True)
class Answer:
    """One answer that counts: its value, its grade, and the documents behind it that are not what was sealed."""

    value: str
    grade: str
    changed: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the grade reaches ``FLOOR``, and every document behind it is whole."""
        return self.grade in PROVEN and not self.changed


@dataclass(frozen=True)
class Standing:
    """What is known of a subject in a framework at a period's end.

    ``rule`` is that of the framework's level, with those of judged measures that it reads put in their place; ``figure`` the
    level as weighed, where it was; ``figures`` what is left to read, of which the low end counts.
    """

    subject: str
    framework: Framework
    measure: Measure
    period: Period
    rule: Mapping[str, Any]
    items: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, Answer]
    industry: str = ""
    figure: float | None = None
    figures: Mapping[str, Read] = field(default_factory=dict)
    peers: tuple[Peers, ...] = ()

    @property
    def told(self) -> dict[str, Answer]:
        """The answers by item, and the Figures that were weighed by measure."""
        weighed = {name: Answer(str(read.low), read.grade) for name, read in self.figures.items() if read.grade}
        return {**self.answers, **weighed}

    @property
    def values(self) -> dict[str, str]:
        """The answers and Figures of any grade."""
        return {name: answer.value for name, answer in self.told.items()}

    @property
    def proven(self) -> dict[str, str]:
        """The answers and Figures of ``FLOOR`` and above."""
        return {name: answer.value for name, answer in self.told.items() if answer.proven}

    def label(self, name: str) -> Mapping[str, str]:
        """What an item, or a measure that the rule reads, is called."""
        return self.figures[name].label if name in self.figures else dict(self.items[name]["label"])

    def goal(self, numbers: Mapping[str, Sequence[str]] | None = None) -> tuple[Node, States]:
        """The rule as a goal over states; ``numbers`` are values that items which are numbers can come to."""
        known = {item: [answer.value] for item, answer in self.answers.items()}
        for item, values in (numbers or {}).items():
            known[item] = [*known.get(item, []), *values]
        read = Rule(self.measure.id, self.items, self.industry, self.figures, known)
        return read.goal(self.rule), read.states


@dataclass(frozen=True)
class Aim:
    """A target level as ways to reach it, and where the subject stands: the level claimed, and the level proven."""

    target: int
    states: States
    reach: tuple[Way, ...]
    level: Fraction
    proven_level: Fraction

    @property
    def hurdles(self) -> Way:
        """The hurdles of the target's own step."""
        return self.reach[0]


def aim(standing: Standing, target: int | None, numbers: Mapping[str, Sequence[str]] | None = None) -> Aim:
    """The target (the next level where none is given); raises UsageError when the framework has no such level."""
    node, states = standing.goal(numbers)
    level = value(node, states.held(standing.values))
    levels = standing.framework.levels or dict.fromkeys(range(int(standing.measure.bounds[1] or 0) + 1))
    if target is None:
        target = min((step for step in levels if step > level), default=max(levels))
    reach = tuple(ways(node, Fraction(target))) if target in levels and target > 0 else ()
    if not reach:
        raise UsageError("SY735", target=target, framework=standing.framework.id,
                         known=", ".join(str(step) for step in sorted(levels) if step > 0))  # fmt: skip
    return Aim(target, states, reach, level, value(node, states.held(standing.proven)))


def standing(
    home: Home, subject: str, name: str, period: Period | None = None, *, with_peers: bool = False
) -> Standing:
    """Read what is known of a subject; the newest period with a Figure of the framework's level where none is given, else this year.

    Raises UsageError on an unknown framework or subject, InputError where the subject has answered no item of it.
    """
    framework = home.catalog.framework(name)
    measure = home.catalog.measures.get(framework.measure)
    if measure is None or measure.how not in ("judged", "asked"):
        raise UsageError("SY735", target="–", framework=framework.id, known="–")
    with engine(home.path) as opened:
        industry = _industry(home, opened, subject)
        at_rest.view(home, opened, "levels", measure.id, period, within=False)
        span = period or _newest(home, opened)
        names = rule_items(expanded(measure.rule, home.catalog, None))
        answers = _answers(home, opened, subject, names, span)
        if not answers:
            raise InputError("SY738", subject, framework=framework.id, day=span.last_day(home.zone))
        rule = expanded(measure.rule, home.catalog, answers)
        figures = {below: _figure(home, opened, subject, below, span) for below in rule_figures(rule)}
        at_rest.view(home, opened, "levels", measure.id, span, within=False)
        own = opened.rows("SELECT value FROM levels WHERE subject = $subject", {"subject": subject})
        found = Standing(subject, framework, measure, span, rule, home.catalog.items, answers, industry,
                         own[0][0] if own else None, figures)  # fmt: skip
        return _among_peers(found, home, opened) if with_peers else found


def expanded(rule: Any, catalog: Catalog, answered: Mapping[str, Any] | None) -> Any:
    """A rule with ``figure`` of a judged or asked measure replaced by that measure's own rule.

    Where ``answered`` is given, only if one of its items was answered: else its Figure is what is known.
    """
    if isinstance(rule, list):
        return [expanded(part, catalog, answered) for part in rule]
    if not isinstance(rule, dict):
        return rule
    below = catalog.measures.get(str(rule.get("figure")))
    if below is not None and below.how in ("judged", "asked"):
        inner = expanded(below.rule, catalog, answered)
        if answered is None or any(item in answered for item in rule_items(inner)):
            return {key: part for key, part in rule.items() if key != "figure"} | dict(inner)
    return {key: expanded(part, catalog, answered) for key, part in rule.items()}


def _among_peers(found: Standing, home: Home, opened: Engine) -> Standing:
    node, states = found.goal()
    level = found.figure if found.figure is not None else float(value(node, states.held(found.values)))
    return replace(found, peers=peers_of(home, opened, found.subject, found.industry, level, found.period))


def _industry(home: Home, opened: Engine, subject: str) -> str:
    home.table_view(opened, "subjects")
    rows = opened.rows("SELECT gbt4754 FROM subjects WHERE id = $subject", {"subject": subject})
    if not rows:
        known = [str(row[0]) for row in opened.rows("SELECT id FROM subjects ORDER BY id LIMIT 10000")]
        raise UsageError("SY707", name=subject, near=", ".join(near(subject, known)) or "–")
    return str(rows[0][0] or "")


def _newest(home: Home, opened: Engine) -> Period:
    """The newest period of which there is a level of anybody, else the present year."""
    rows = opened.rows('SELECT start, "end" FROM levels ORDER BY "end" DESC, start LIMIT 1')
    return Period(*rows[0]) if rows else year_at(home.now(), home.zone)


def _answers(home: Home, opened: Engine, subject: str, names: Sequence[str], span: Period) -> dict[str, Answer]:
    """The answers that count, as ``weigh`` counts them; the worst of those that contradict."""
    home.table_view(opened, "answers", span)
    opened.hold("own_answers", "SELECT * FROM answers WHERE subject = $subject", {"subject": subject})
    opened.view("answers", "SELECT * FROM own_answers")
    frame.name_periods(opened, [span], home.now())
    items = home.catalog.items
    behind = [items[fact]["measure"] for fact in facts_behind(items, list(names)) if items[fact].get("measure")]
    name_figures(home, opened, list(dict.fromkeys(behind)), span)
    given = counting(opened, items, names)
    value = "CASE WHEN contradicts THEN at_worst ELSE value END" if given.ranged else "value"
    behind_it = "coalesce(fact, ''), coalesce(figure, '')" if given.ranged else "'', ''"
    rows = opened.rows(
        f"SELECT item, {value}, grade, {behind_it} FROM ({given.sql}) AS given WHERE subject = $subject",
        {"subject": subject},
    )
    cells = _documents(opened, span)
    named = {item: max(cells.get((item, grade), (0, "")), cells.get((fact, grade), (0, "")))[1]
             for item, _, grade, fact, figure in rows if not figure}  # fmt: skip
    broken = changed(home, subject, named)
    return {item: Answer(said, grade, broken.get(item, ())) for item, said, grade, *_ in rows}


def _documents(opened: Engine, span: Period) -> dict[tuple[str, str], tuple[int, str]]:
    """When each item was last answered with each grade before a period's end (µs UTC), and the documents named then."""
    rows = opened.rows("""SELECT item, grade, max("at"), coalesce(arg_max(coalesce(document, ''), "at"), '') FROM answers
        WHERE "at" < $end GROUP BY item, grade""", {"end": span.end})  # fmt: skip
    return {(item, grade): (at, document) for item, grade, at, document in rows}


def _figure(home: Home, opened: Engine, subject: str, name: str, span: Period) -> Read:
    """What is known of the subject's Figure of a measure."""
    at_rest.view(home, opened, "one_measure", name, span, within=False)
    rows = opened.rows("SELECT low, high, grade FROM one_measure WHERE subject = $subject", {"subject": subject})
    measure = home.catalog.measure(name)
    least = float(measure.bounds[0] or 0.0)
    low, high, grade = rows[0] if rows else (least, measure.bounds[1], "")
    return Read(measure.label, least, low, high, grade)
