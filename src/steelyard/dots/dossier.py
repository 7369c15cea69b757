"""The dossier that pilot cities ask for: eight items as one PDF, and a bundle with the very bytes, which verifies offline.

Items: programme reference of the SME pilot cities (acceptance file, application, financial check sheet, contracts, invoices and
proof of payment, completion report, evidence of effect, self-assessment with evidence). What is missing is said, never inferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.dots.dossier_parts import Parts
from steelyard.dots.dossier_words import BY_KIND, ITEMS, WORDS
from steelyard.dots.forms import LANGUAGES, in_force, whose
from steelyard.errors import InputError, UsageError
from steelyard.model.framework import Framework
from steelyard.model.period import Period, iso, label, year_at
from steelyard.paper.setting import set_pdf
from steelyard.paper.show import Show, made_up
from steelyard.share.enclose import check_whole, enclose, to_anyone
from steelyard.store.home import Home
from steelyard.take.documents import Document, documents_of, leaves_of
from steelyard.weigh.known import known


@dataclass(frozen=True)
class Dossier:
    """What was written: the PDF, the bundle, which of the eight items are there, and how many documents and Figures it holds."""

    pdf: Path
    bundle: Path
    there: tuple[str, ...]
    missing: tuple[str, ...]
    documents: int
    figures: int
    synthetic: bool


def dossier(home: Home, path: Path, framework: str, *, subject: str = "", period: Period | None = None, lang: str = "zh",
            place: Mapping[str, str] | None = None) -> Dossier:  # fmt: skip
    """Write ``path`` (.pdf) and the bundle beside it for a subject, a framework and a period.

    Without a period it is the newest with a level of the subject, else the present year. ``place`` puts a document, by the first
    digits of its id, into one of ``ITEMS``. Raises UsageError on unknown names, InputError on an edition that is not in force at
    the period's end, on a document that is not what was sealed, and where a character cannot be set.
    """
    if path.suffix.lower() != ".pdf":
        raise UsageError("SY794", name=path.name)
    if lang not in LANGUAGES:
        raise UsageError("SY101", why=f"--lang {lang}: {', '.join(LANGUAGES)}")
    of, who = home.catalog.framework(framework), whose(home, subject)
    span = period or _newest(home, of, who)
    in_force(of, span.last_day(home.zone))
    shelf = documents_of(home, who)
    check_whole(home, path, [one.document for one in shelf])
    case = Case(home, of, who, span, lang, shelf, _placed(shelf, place or {}))
    content = case.content()
    offer = to_anyone(home, who, case.figures, span, f"dossier {of.id}")
    packed = enclose(home, path, set_pdf(content, home.now()), offer, leaves_of(home, [one.document for one in shelf]))
    there = tuple(name for name, part in zip(ITEMS, content["parts"], strict=False) if not part["missing"])
    return Dossier(
        path,
        packed.path,
        there,
        tuple(name for name in ITEMS if name not in there),
        len(shelf),
        packed.figures,
        case.synthetic,
    )


def _newest(home: Home, of: Framework, subject: str) -> Period:
    rows = home.figures(of.measure, subject).to_pylist() if of.measure else []
    if rows:
        last = max(rows, key=lambda row: (row["end"], -row["start"]))
        return Period(last["start"], last["end"])
    return year_at(home.now(), home.zone)


def _placed(shelf: Sequence[Document], place: Mapping[str, str]) -> dict[str, list[Document]]:
    """The documents by item: those placed by hand there, the others by their kind; the rest under an empty name."""
    by_hand: dict[str, str] = {}
    for item, ids in place.items():
        if item not in ITEMS:
            raise UsageError("SY101", why=f"--place {item}: {', '.join(ITEMS)}")
        for word in ids.split("+"):
            found = [one for one in shelf if one.document.startswith(word.lower()) or one.name == word]
            if len(found) != 1 or not word:
                raise InputError(
                    "SY723",
                    f"--place {item}",
                    value=word,
                    count=len(found),
                    ids=", ".join(one.short for one in found) or "–",
                )
            by_hand[found[0].document] = item
    out: dict[str, list[Document]] = {}
    for one in shelf:
        out.setdefault(by_hand.get(one.document, BY_KIND.get(one.kind, "")), []).append(one)
    return out


@dataclass
class Case:
    """All that a dossier speaks of."""

    home: Home
    of: Framework
    subject: str
    span: Period
    lang: str
    shelf: Sequence[Document]
    placed: Mapping[str, Sequence[Document]]
    figures: list[dict[str, Any]] = field(init=False)
    synthetic: bool = field(init=False)

    def __post_init__(self) -> None:
        self.figures = self.home.figures(None, self.subject).to_pylist()
        self.synthetic = any("synthetic" in row["flags"] for row in self.figures) or made_up(self.home, self.subject)

    def content(self) -> dict[str, Any]:
        """Everything on the pages, as JSON."""
        words = WORDS[self.lang]
        answers = known(self.home, self.subject, self.of.items, min(self.span.end, self.home.now() + 1))
        show = Show(self.home, self.lang, words, self.home.catalog)
        parts = Parts(show, self.of, self.subject, self.span, self.shelf, self.placed, self.figures, answers)
        named = self.home.subject(self.subject)
        who = named.name(self.lang) if named else self.subject
        made = iso(self.home.now())
        return {
            "lang": self.lang, "title": words["title"], "home": self.home.name, "synthetic": self.synthetic,
            "words": {"unknown": words["unknown"], "synthetic": words["synthetic"]},
            "subtitle": f"{who} · {self.of.label.get(self.lang, self.of.id)} · {label(self.span, self.home.zone)}",
            "footer": words["footer"].format(home=self.home.name, id=self.home.id, made=made), "parts": parts.all(made),
        }  # fmt: skip
