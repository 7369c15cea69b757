"""The command ``facts``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from steelyard.errors import language
from steelyard.model.period import local_day

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from steelyard.dots.facts import Line
    from steelyard.weigh.known import Known

_HEADS = {
    "zh": (("缺", "名称", "单位", "谁能答", "可答题项", "补全的表", "用于"), ("已知", "名称", "答案", "证据", "时间", "佐证", "用于", "注意")),
    "en": (("missing", "", "unit", "who can answer", "fills", "completes", "used in"),
           ("known", "", "answer", "grade", "at", "documents", "used in", "look at")),
}  # fmt: skip
_STALE = {"zh": "已过期", "en": "stale"}
_CHANGED = {"zh": "材料已变动（SY718）", "en": "document changed (SY718)"}


def facts(
    home: Annotated[Path, Parameter(help="the folder of the home")], subject: str, *,
    json: Annotated[bool, Parameter(name="--json", negative="", help="print JSON on standard output, and nothing else")] = False,
) -> int:  # fmt: skip
    """Show the fact book of a subject: what is missing, what helps most first, and what is known 事实簿.

    Parameters
    ----------
    subject
        The id of the enterprise, park, chain or region.
    """
    from steelyard.cli.say import as_json, note, table
    from steelyard.dots.facts import document
    from steelyard.dots.facts import facts as read
    from steelyard.store.home import Home

    with Home.open(home) as opened:
        book = read(opened, subject)
        zone = opened.zone
    if json:
        as_json(document(book))
        return 0
    lang = language()
    missing, known = _HEADS[lang]
    table(missing, [(line.id, line.label[lang], line.unit, ",".join(line.who), line.fills, ",".join(line.completes),
                     ",".join(line.forms)) for line in book.missing])  # fmt: skip
    print()
    table(known, [_known(line, line.answer, zone, lang) for line in book.known if line.answer])
    for form in book.forms:
        note(f"{form.framework.id}: {len(form.items) - len(form.missing)}/{len(form.items)}")
    return 0


def _known(line: Line, answer: Known, zone: ZoneInfo, lang: str) -> tuple[str, ...]:
    broken = [f"{_CHANGED[lang]}: {', '.join(one[:12] for one in line.changed)}"] if line.changed else []
    remarks = [*broken, *([_STALE[lang]] if line.stale else []), *line.contradictions]
    source = answer.figure or answer.document
    return (line.id, line.label[lang], f"{answer.value} {line.unit}".strip(), answer.grade,
            local_day(answer.at, zone), source, ",".join(line.forms), "; ".join(remarks))  # fmt: skip
