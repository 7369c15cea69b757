"""The fact book of a subject: what is known, by what grade and how fresh, what is missing, and what each missing fact would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from steelyard.catalog import Catalog
from steelyard.catalog.catalog import near
from steelyard.errors import UsageError
from steelyard.model.figure import GRADES
from steelyard.model.framework import Framework
from steelyard.model.period import iso, micros, moment
from steelyard.model.subject import Subject
from steelyard.store.documents import whole
from steelyard.store.home import Home
from steelyard.take.draw import applicable
from steelyard.take.named import Shelf
from steelyard.weigh.known import Known, clashes, known

__all__ = ["Facts", "Form", "Line", "applicable", "changed", "document", "facts"]

MONTHS = 12
MOST_NEAR = 10_000
FLOOR = "documented"
"""The grade from which an answer counts as proven."""
PROVEN = GRADES[GRADES.index(FLOOR) :]


@dataclass(frozen=True)
class Line:
    """One fact, or one item that only people can answer, with what is known of it and where it is used.

    ``forms`` are the frameworks that it answers something in; ``fills`` counts their items that it would answer now, and
    ``completes`` names the frameworks that would then lack nothing. ``stale_from`` is when the answer ceases to be fresh (µs UTC).
    ``changed`` names the documents behind the answer whose bytes are not those that were sealed: it is not proven.
    """

    id: str
    kind: str
    label: Mapping[str, str]
    unit: str
    who: tuple[str, ...]
    answer: Known | None
    forms: tuple[str, ...]
    fills: int = 0
    completes: tuple[str, ...] = ()
    stale_from: int | None = None
    stale: bool = False
    contradictions: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether the answer's grade is that of proof, and every document behind it whole."""
        return self.answer is not None and self.answer.grade in PROVEN and not self.changed

    @property
    def helps(self) -> tuple[int, int, int, str]:
        """What sorts missing ones: forms completed, items filled, forms used in; the most first."""
        return -len(self.completes), -self.fills, -len(self.forms), self.id


@dataclass(frozen=True)
class Form:
    """A framework with its items that apply to the subject, and those of them that are answered, by themselves or by a fact."""

    framework: Framework
    items: tuple[str, ...]
    answered: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """The items that nothing answers."""
        return tuple(item for item in self.items if item not in self.answered)


@dataclass(frozen=True)
class Facts:
    """The fact book: what is missing, what helps most first; then what is known, what needs a look first."""

    subject: Subject
    at: int
    missing: list[Line] = field(default_factory=list)
    known: list[Line] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)


def facts(home: Home, name: str, at: int | None = None) -> Facts:
    """Read the fact book of a subject at a moment (µs UTC; now); raises UsageError on a subject that the home does not know."""
    subject = home.subject(name)
    if subject is None:
        found = [one.id for one in home.subjects(most=MOST_NEAR)]
        raise UsageError("SY707", name=name, near=", ".join(near(name, found)) or "–")
    now = home.now() if at is None else at
    applied = {one.id: applicable(home.catalog, one, subject) for one in home.catalog.frameworks.values()}
    asked = list(dict.fromkeys([*(item for items in applied.values() for item in items), *home.catalog.facts]))
    answers = known(home, name, asked, now)
    forms = [Form(home.catalog.frameworks[framework], items, frozenset(answers).intersection(items))
             for framework, items in applied.items() if items]  # fmt: skip
    broken = changed(home, name, {item: answer.document for item, answer in answers.items()})
    book = _Book(home.catalog, home.zone, now, forms, answers, _said(home, name, answers, home.zone), broken)
    lines = list(book.lines())
    return Facts(
        subject, now,
        sorted((line for line in lines if line.answer is None), key=lambda line: line.helps),
        sorted((line for line in lines if line.answer), key=lambda line: (not line.contradictions, not line.changed, not line.stale, line.helps)),
        forms,
    )  # fmt: skip


def changed(home: Home, subject: str, cells: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By item, the kept documents that its cell names whose bytes are not those that were sealed (SY718); only items with any."""
    shelf = Shelf(home, subject, None)
    kept = frozenset(one.document for one in shelf.kept)
    named = {item: shelf.ids(cell) & kept for item, cell in cells.items() if cell}
    broken = {one for one in frozenset[str]().union(*named.values()) if not whole(home, one)}
    return {item: tuple(sorted(ids & broken)) for item, ids in named.items() if ids & broken}


def _said(home: Home, subject: str, answers: Mapping[str, Known], zone: ZoneInfo) -> dict[str, list[str]]:
    """What contradicts, in words, by item: files of one moment, and a fact against its item."""
    said: dict[str, list[str]] = {}
    for item, at, grade, values in clashes(home, subject):
        said.setdefault(item, []).append(
            f"{' ≠ '.join(values)} ({grade}, {moment(at).astimezone(zone):%Y-%m-%d %H:%M})"
        )
    for item, answer in answers.items():
        if answer.contradicts:
            day = moment(answer.at).astimezone(zone)
            said.setdefault(item, []).append(
                f"{answer.low} ≠ {answer.high} ({answer.grade}, {day:%Y-%m-%d %H:%M}; {answer.fact})"
            )
    return said


@dataclass(frozen=True)
class _Book:
    catalog: Catalog
    zone: ZoneInfo
    now: int
    forms: Sequence[Form]
    answers: Mapping[str, Known]
    said: Mapping[str, Sequence[str]]
    changed: Mapping[str, tuple[str, ...]]

    def lines(self) -> Iterator[Line]:
        """Every fact that some form uses or that is known, then the items that no fact answers, or that were answered directly."""
        users: dict[str, list[tuple[str, str]]] = {}
        direct: dict[str, str] = {}
        for form in self.forms:
            for item in form.items:
                fact = (self.catalog.items[item].get("from") or {}).get("fact", "")
                users.setdefault(fact if fact in self.catalog.facts else item, []).append((form.framework.id, item))
                if not fact or _by_itself(self.answers.get(item)):
                    direct[item] = form.framework.id
        for name, fact in self.catalog.facts.items():
            if name in users or name in self.answers:
                yield self._line(name, "fact", fact, users.get(name, []))
        for item, framework in direct.items():
            yield self._line(item, "item", self.catalog.items[item], [(framework, item)])

    def _line(self, name: str, kind: str, asked: Mapping[str, Any], users: Sequence[tuple[str, str]]) -> Line:
        answer = self.answers.get(name)
        stale_from = self._stale_from(answer, asked.get("holds_months"))
        filled = {item for _, item in users} - set(self.answers) if answer is None else set()
        completes = [form.framework.id for form in self.forms if form.missing and filled.issuperset(form.missing)]
        return Line(
            name, kind, asked["label"], str(asked.get("unit", "")), tuple(asked.get("who", ("person",))), answer,
            tuple(dict.fromkeys(framework for framework, _ in users)), len(filled), tuple(completes), stale_from,
            stale_from is not None and stale_from < self.now, tuple(self.said.get(name, ())),
            self.changed.get(name, ()),
        )  # fmt: skip

    def _stale_from(self, answer: Known | None, months: int | None) -> int | None:
        if answer is None or not months:
            return None
        return micros(_later(moment(answer.at).astimezone(self.zone), months))


def _by_itself(answer: Known | None) -> bool:
    """Whether an item that a fact could answer was answered directly, alone or against the fact."""
    return answer is not None and (not answer.fact or answer.contradicts)


def _later(day: datetime, months: int) -> datetime:
    """The same day some months later; the last of the month where there is no such day."""
    index = day.year * MONTHS + day.month - 1 + months
    for date in range(day.day, 0, -1):
        try:
            return day.replace(year=index // MONTHS, month=index % MONTHS + 1, day=date)
        except ValueError:
            continue
    raise AssertionError(day)


def document(book: Facts) -> dict[str, Any]:
    """The fact book as JSON; times in ISO 8601 UTC."""
    return {
        "subject": book.subject.id, "at": iso(book.at),
        "missing": [_as_json(line) for line in book.missing], "known": [_as_json(line) for line in book.known],
        "forms": [{"framework": form.framework.id, "label": form.framework.label, "items": len(form.items),
                   "answered": len(form.items) - len(form.missing), "missing": list(form.missing)} for form in book.forms],
    }  # fmt: skip


def _as_json(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"id": line.id, "kind": line.kind, "label": dict(line.label), "unit": line.unit, "who": list(line.who),
                            "forms": list(line.forms)}  # fmt: skip
    if line.answer is None:
        return told | {"fills": line.fills, "completes": list(line.completes)}
    answer = line.answer
    return told | {
        "value": answer.value, "low": answer.low, "high": answer.high, "grade": answer.grade, "at": iso(answer.at),
        "stale_from": None if line.stale_from is None else iso(line.stale_from), "stale": line.stale,
        "documents": [one for one in answer.document.split("+") if one], "fact": answer.fact if line.kind == "item" else "",
        "measure": answer.figure, "figure": answer.digest, "contradictions": list(line.contradictions),
        "proven": line.proven, "changed_documents": list(line.changed),
    }  # fmt: skip
