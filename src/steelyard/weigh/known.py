"""What is known of one subject's items and facts: for each the answer that counts, as it is weighed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.catalog import Catalog
from steelyard.catalog.frameworks import facts_behind
from steelyard.model.figure import GRADES
from steelyard.model.period import Period
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import Engine, engine
from steelyard.weigh import frame
from steelyard.weigh.exact import quoted
from steelyard.weigh.figures_read import name_figures
from steelyard.weigh.given import COUNTED, Given, counting

_SIDES = "item, value, at_worst, at_best, grade, coalesce(fact, ''), coalesce(figure, ''), contradicts"
_EQUAL = "item, value, value, value, grade, '', '', false"


@dataclass(frozen=True)
class Known:
    """The answer that counts: its value, grade, when given (µs UTC), the documents behind it as they were named, joined by +.

    ``fact`` is the fact that it comes from, ``figure`` the measure of the Figure that answered the fact, ``digest`` that
    Figure's, ``at`` its end. ``low`` and ``high`` are answers for the range that it has; ``contradicts`` says that they are two
    answers of one grade and moment.
    """

    item: str
    value: str
    grade: str
    at: int
    document: str = ""
    fact: str = ""
    figure: str = ""
    low: str = ""
    high: str = ""
    contradicts: bool = False
    digest: str = ""


def known(
    home: Home, subject: str, items: Sequence[str], before: int, grades: Sequence[str] = GRADES
) -> dict[str, Known]:
    """Of each item, or fact, the answer that counts before a moment (µs UTC): the highest grade, then the latest.

    Of the Figures that answer facts the newest that ended by then count. Only answers of some ``grades`` are looked at, and
    Figures only where measured is among them.
    """
    if not items:
        return {}
    with engine(home.path) as opened:
        _name_own(home, opened, subject, before, grades)
        given = _counted(home, opened, subject, items, before, figures="measured" in grades)
        rows = opened.rows(f"SELECT {_SIDES if given.ranged else _EQUAL} FROM ({given.sql}) AS given")
        told = _told(opened)
        read = _read(opened) if given.ranged and any(row[6] for row in rows) else {}
    return {row[0]: _known(row, told, read) for row in rows}


def _name_own(home: Home, opened: Engine, subject: str, before: int, grades: Sequence[str]) -> None:
    """Name the answers of one subject alone, of some grades, and one period that ends at a moment."""
    home.table_view(opened, "answers")
    graded = ", ".join(map(quoted, grades))
    opened.hold("own_answers", f'SELECT * FROM answers WHERE subject = $subject AND "at" < $before AND grade IN ({graded})',
                {"subject": subject, "before": before})  # fmt: skip
    opened.view("answers", "SELECT * FROM own_answers")
    frame.name_periods(opened, [Period(FOREVER[0], before)], home.now())


def _counted(home: Home, opened: Engine, subject: str, items: Sequence[str], before: int, *, figures: bool) -> Given:
    """The answers that count; a fact is asked as an item that the fact itself answers."""
    asked = _asked_of(home.catalog)
    behind = [asked[fact]["measure"] for fact in facts_behind(asked, list(items)) if asked[fact].get("measure")]
    read = list(dict.fromkeys(behind)) if figures else []
    name_figures(home, opened, read, Period(FOREVER[0], before), subject=subject, newest=True)
    return counting(opened, asked, items)


def _asked_of(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """All items, with the facts as items that the fact answers."""
    return catalog.items | {
        name: {**fact, "from": {"fact": name, "same": True}} for name, fact in catalog.facts.items()
    }


def _told(opened: Engine) -> dict[tuple[str, str], tuple[int, str]]:
    """When each item was last answered with each grade, and the documents named then."""
    rows = opened.rows("SELECT item, grade, \"at\", coalesce(document, '') FROM answers ORDER BY 3")
    return {(item, grade): (at, document) for item, grade, at, document in rows}


def _read(opened: Engine) -> dict[str, tuple[int, str]]:
    """The end and the digest of the Figure of each measure that counted."""
    rows = opened.rows(f"""SELECT f.measure, f."end", f.digest FROM figures_there f
        JOIN read_figures r ON r.digest = f.digest JOIN {COUNTED} c ON c.figure = r.measure""")
    return {measure: (end, bytes(digest).hex()) for measure, end, digest in rows}


def _known(row: tuple[Any, ...], told: Mapping[tuple[str, str], tuple[int, str]],
           read: Mapping[str, tuple[int, str]]) -> Known:  # fmt: skip
    item, value, low, high, grade, fact, figure, contradicts = row
    at, document, digest = 0, "", ""
    if figure:
        at, digest = read[figure]
    else:
        at, document = max(told[key] for key in ((item, grade), (fact, grade)) if key in told)
    return Known(item, value, grade, at, document, fact, figure, low, high, bool(contradicts), digest)


def clashes(home: Home, subject: str) -> list[tuple[str, int, str, list[str]]]:
    """Item, moment (µs UTC), grade and values where files said different things of one moment with one grade.

    The file taken last counts, as a correction; the others are named so that somebody may look.
    """
    with engine(home.path) as opened:
        home.table_view(opened, "answers")
        rows = opened.rows("""
            SELECT item, "at", grade, list(DISTINCT value) FROM answers__taken WHERE subject = $subject
            GROUP BY item, "at", grade HAVING count(DISTINCT value) > 1 ORDER BY item, "at", grade""", {"subject": subject})  # fmt: skip
    return [(item, at, grade, sorted(values)) for item, at, grade, values in rows]
