"""Forms: a framework's questions filled in as far as is known of a subject, handed out, and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steelyard.catalog.catalog import near, read_yaml
from steelyard.catalog.frameworks import FACTS, options
from steelyard.dots.facts import MOST_NEAR, applicable
from steelyard.errors import InputError, UsageError
from steelyard.model.framework import Framework
from steelyard.model.period import instant, iso, local_day, micros, parse
from steelyard.share import seals_over
from steelyard.store.home import Home
from steelyard.store.lake import engine
from steelyard.tabular.answers import bounds
from steelyard.tabular.form import COLUMNS, Filled, Form, Line, printable, read_form, write_form
from steelyard.take.documents import Document, documents_of
from steelyard.take.forms import CLAIMED, FormTaken, take_form
from steelyard.weigh.known import Known, known

LANGUAGES = ("zh", "en")
WORDS: dict[str, dict[str, Any]] = {
    "zh": {"form": "填报表", "documents": "佐证材料", "group": "类别", "question": "问题", "options": "选项", "evidence": "现有证据",
           "choose": "请从下拉列表中选择", "join": "可多选：字母以 + 连接，如 B+C", "draft": "草案，未生效", "level": "填等级 {low}–{high}",
           "number": "填数{unit}", "several": "可多选，以 + 连接", "measured": "实测", "from": "由基础数据 {fact} 得出", "contradicts": "相互矛盾，请重新填写", "not_asked": "不适用于该对象",
           "status": {"official": "官方", "secondary": "转引", "draft": "草案", "ours": "自定"}},
    "en": {"form": "Form", "documents": "Documents", "group": "Group", "question": "Question", "options": "Options", "evidence": "Evidence",
           "choose": "Choose from the list", "join": "Several: letters joined by +, such as B+C", "draft": "DRAFT, not in force",
           "level": "a level from {low} to {high}", "number": "a number{unit}", "several": "several, joined by +", "measured": "measured",
           "from": "from the fact {fact}", "contradicts": "answers contradict one another: answer anew", "not_asked": "not asked of this subject",
           "status": {"official": "official", "secondary": "secondary", "draft": "draft", "ours": "ours"}},
}  # fmt: skip
NOTES = {
    "zh": ("只需填写黄色三列；未变动的行不算重新填报。证据等级：declared 申报、pledged 承诺、documented 有佐证（须写明材料）；inspected 与 measured 不能填报。",
           "佐证材料写材料编号或文件名，多份以 + 连接。空着的题项视为未知，不按零计。"),
    "en": ("Fill in the three yellow columns only; a row left as it is counts as no new answer. Grades: declared, pledged, documented (name the document); inspected and measured cannot be claimed here.",
           "Name documents by id or file name, several joined by +. What is left empty is unknown, never zero."),
}  # fmt: skip


@dataclass(frozen=True)
class FormOut:
    """What handing out a form came to: items in all, how many are filled in, and of those by grade."""

    path: Path
    framework: str
    subject: str
    items: int
    filled: int
    grades: dict[str, int]
    draft: bool


def form_out(home: Home, framework: str, path: Path, *, subject: str = "", lang: str = "zh", day: str = "") -> FormOut:
    """Write the form of a framework for a subject as .xlsx, .docx or .csv, filled in with what is known on an ISO day (today).

    Raises UsageError on an unknown framework or language, or where no subject is told; InputError on an edition that is not in
    force on the day, and on another ending than the three.
    """
    if lang not in LANGUAGES:
        raise UsageError("SY101", why=f"--lang {lang}: {', '.join(LANGUAGES)}")
    of = asking(home, framework)
    who = whose(home, subject)
    day = day or local_day(home.now(), home.zone)
    in_force(of, day)
    found = known(home, who, of.items, min(_end_of(home, day), home.now() + 1))
    form = _form(home, of, who, found, lang, ids=path.suffix.lower() == ".csv")
    write_form(form, path)
    grades = {
        grade: sum(one.grade == grade for one in found.values()) for grade in {one.grade for one in found.values()}
    }
    return FormOut(path, of.id, who, len(of.items), len(found), grades, of.in_force is None)


def asking(home: Home, name: str) -> Framework:
    """A framework by id, or ``facts``: the base facts, which are asked once for all of them. Raises UsageError."""
    if name != FACTS:
        return home.catalog.framework(name)
    return Framework(
        FACTS, {"zh": "基础数据", "en": "Base facts"}, "Steelyard", "ours", "", None, "", {}, tuple(home.catalog.facts)
    )


def blank_form(home: Home, framework: str, items: Sequence[str], path: Path, *, subject: str, lang: str = "zh") -> None:
    """Write a form of some items with nothing filled in: what an assessor takes along. Raises as ``form_out`` does."""
    of = replace(home.catalog.framework(framework), items=tuple(items))
    write_form(_form(home, of, subject, {}, lang, ids=False), path)


def in_force(of: Framework, day: str) -> None:
    """Raises InputError on an edition that is not in force on an ISO day; a draft, which never was, is let through as one."""
    if of.in_force is not None and not of.holds_on(day):
        raise InputError("SY720", of.id, day=day, since=of.in_force or "–", until=of.until or "–")


def whose(home: Home, subject: str) -> str:
    """The subject that was said, else the home's own; raises UsageError where there is neither, and on one that is not known.

    Known is the home's own subject, a row of Table subjects, and of what a Figure or a row of any table speaks.
    """
    who = subject or home.subject_id
    if not who:
        raise UsageError("SY725")
    if who != home.subject_id and home.subject(who) is None and not _spoken_of(home, who):
        found = [home.subject_id, *(one.id for one in home.subjects(most=MOST_NEAR))]
        raise UsageError("SY707", name=who, near=", ".join(near(who, filter(None, found))) or "–")
    return who


def _spoken_of(home: Home, subject: str) -> bool:
    held = {row["table"] for row in home.holdings()}
    tables = [table for name, table in home.catalog.tables.items() if name in held and table.subject in table.names]
    with engine(home.path) as opened:
        for table in tables:
            home.table_view(opened, table.name)
            query = f'SELECT 1 FROM "{table.name}" WHERE "{table.subject}" = $subject LIMIT 1'
            if opened.rows(query, {"subject": subject}):
                return True
    return bool(home.figures(None, subject).num_rows)


def _end_of(home: Home, day: str) -> int:
    try:
        return parse(day, home.zone).end
    except (ValueError, OverflowError) as error:
        raise UsageError("SY109", text=day) from error


def _form(home: Home, of: Framework, subject: str, found: Mapping[str, Known], lang: str, *, ids: bool) -> Form:
    words = WORDS[lang]
    shelf = documents_of(home, subject)
    groups = _groups(home, of) if lang == "en" else {}
    named = home.subject(subject)
    mine = applicable(home.catalog, of, named) if named and of.id in home.catalog.frameworks else of.items
    lines = []
    for name in of.items:
        item = home.catalog.items[name]
        answer = found.get(name)
        cells = cells_of(answer, shelf, ids=ids) if answer else dict.fromkeys(COLUMNS, "")
        group = str(item.get("group", ""))
        lines.append(Line(
            name, groups.get(group, group), _question(item, lang), _options(item, lang), tuple(options(item)), item["mode"] == "multi",
            bounds(item) if item["mode"] == "number" else None, cells["answer"], cells["grade"], cells["document"], _evidence(home, answer, shelf, words) if answer else "" if name in mine else words["not_asked"],
        ))  # fmt: skip
    head = {"framework": of.id, "subject": subject, "made": iso(home.now())}
    title = f"{of.label.get(lang, of.id)}{' · ' + words['draft'] if of.in_force is None else ''}"
    notes = (
        f"{named.name(lang) if named else subject} · {of.document} · {words['status'].get(of.status, of.status)}",
        *NOTES[lang],
    )
    return Form(
        lang,
        title,
        notes,
        head,
        tuple(lines),
        CLAIMED,
        tuple((_said(one, shelf), _named(home, one)) for one in shelf),
        words,
    )


def cells_of(answer: Known, shelf: Sequence[Document], *, ids: bool = True) -> dict[str, str]:
    """How a known answer stands in a form: documents by id, or by file name where that tells them apart.

    What contradicts itself stands as if nothing were known: it is asked again.
    """
    if answer.contradicts:
        return dict.fromkeys(COLUMNS, "") | {"item": answer.item}
    named = []
    for word in filter(None, answer.document.split("+")):
        one = next((one for one in shelf if one.document.startswith(word.lower())), None)
        named.append(word if one is None else one.short if ids else _said(one, shelf))
    if answer.digest:
        named.append(f"figure:{answer.digest[:16]}")
    said = {"item": answer.item, "answer": answer.value, "grade": answer.grade, "document": "+".join(named)}
    return {column: printable(text) for column, text in said.items()}


def _said(one: Document, shelf: Sequence[Document]) -> str:
    alone = sum(other.name == one.name for other in shelf) == 1
    return one.name if alone and "+" not in one.name else one.short


def _named(home: Home, one: Document) -> str:
    return f"{one.name} · {one.kind} · {local_day(one.at, home.zone)} · {one.short}"


def _evidence(home: Home, answer: Known, shelf: Sequence[Document], words: Mapping[str, Any]) -> str:
    """Grade, date, and the documents' names, the Figure, or the fact behind an answer."""
    parts = [answer.grade, local_day(answer.at, home.zone)]
    if answer.contradicts:
        parts.append(words["contradicts"])
    if answer.digest:
        parts.append(f"{words['measured']}: Figure {answer.digest[:16]}")
    if answer.fact:
        parts.append(str(words["from"]).format(fact=answer.fact))
    by_id = {one.document: one for one in shelf}
    for word in filter(None, answer.document.split("+")):
        one = next((found for name, found in by_id.items() if name.startswith(word.lower())), None)
        parts.append(f"{one.name} ({one.kind}, {local_day(one.at, home.zone)})" if one else word)
    return " · ".join(parts)


def _question(item: Mapping[str, Any], lang: str) -> str:
    label, asks = item["label"].get(lang, ""), item.get("asks", {}).get(lang, "")
    return f"{label}：{asks}" if asks and lang == "zh" else f"{label}: {asks}" if asks else label


def _options(item: Mapping[str, Any], lang: str) -> str:
    """The options with their gists, a line each; for a level or a number what may be written."""
    words = WORDS[lang]
    gists = item.get("gist_zh" if lang == "zh" else "gist") or item.get("gist") or {}
    told = [f"{key}  {gists.get(key, gists.get(str(key), ''))}".rstrip() for key in (gists or options(item))]
    if item["mode"] == "number":
        return str(words["number"]).format(unit=f"（{item['unit']}）" if item.get("unit") else "")
    if item["mode"] == "level":
        told.insert(0, words["level"].format(low=0, high=item["levels"]))
    if item["mode"] == "multi":
        told.insert(0, words["several"])
    return "\n".join(told)


def _groups(home: Home, of: Framework) -> dict[str, str]:
    """English names of groups, as the framework's own file gives them."""
    for folder in reversed(home.catalog.folders):
        if (path := folder / of.id / "items.yaml").is_file():
            return dict(read_yaml(path).get("groups") or {})
    return {}


def form_in(home: Home, path: Path, *, subject: str = "", framework: str = "", documents: Path | None = None, at: int | None = None,
            synthetic: bool = False) -> FormTaken:  # fmt: skip
    """Take a form back. Framework and subject may be left out where the file says them; CSV says its framework by its items.

    A row counts as unchanged where it equals what the form was handed out with, or what is known now. Raises InputError where the
    file is of another framework or subject than was said, and where a workbook or a Word file does not say its subject nor does
    the caller: the home's own is taken for CSV alone, which has no place to say it. UsageError on a subject that is not known.
    """
    filled = read_form(path)
    names = [row["item"] for row in filled.raw.columns.to_pylist() if row["item"]]
    of = asking(home, _framework(home, path, framework, filled.head.get("framework", ""), names))
    given = home.now() if at is None else at
    in_force(of, local_day(given, home.zone))
    who = whose(home, _said_subject(path, filled, subject))
    shelf = documents_of(home, who)
    found = [
        known(home, who, of.items, home.now() + 1),
        *(_then(home, who, of.items, made) for made in _made(home, filled.head)),
    ]
    cells = [{item: cells_of(one, shelf) for item, one in answers.items()} for answers in found]
    return take_form(home, path, filled, framework=of.id, items=frozenset(of.items), subject=who, at=given,
                     known=cells, documents=documents, synthetic=synthetic)  # fmt: skip


def _said_subject(path: Path, filled: Filled, said: str) -> str:
    """The subject that was said or that the file tells; empty for CSV, which never does."""
    told = filled.head.get("subject", "")
    if said and told and said != told:
        raise InputError("SY722", str(path), what="subject", said=said, found=told)
    if not (said or told or path.suffix.lower() == ".csv"):
        raise InputError("SY791", str(path))
    return said or told


def _made(home: Home, head: Mapping[str, str]) -> list[int]:
    """The moment that a form says it was made (µs UTC), or none."""
    try:
        return [micros(instant(head["made"], home.zone))]
    except (KeyError, ValueError, OverflowError):
        return []


def _then(home: Home, subject: str, items: Sequence[str], made: int) -> dict[str, Known]:
    """What was known when a form was made: not what was dated earlier but only taken, or weighed, since."""
    taken, weighed = _taken_by(home, subject, made), home.figures(None, subject, known_on=made)["digest"].to_pylist()
    digests = {digest.hex() for digest in weighed}
    answers = known(home, subject, items, made + 1)
    return {
        item: one
        for item, one in answers.items()
        if (one.digest in digests if one.digest else not taken.isdisjoint((item, one.fact)))
    }


def _taken_by(home: Home, subject: str, moment: int) -> set[str]:
    """The items and facts of which some answer was sealed by a moment (µs UTC)."""
    with engine(home.path) as opened:
        leaves = home.table_view(opened, "answers")
        query = "SELECT item, min(leaf) FROM answers__taken WHERE subject = $subject GROUP BY item"
        first = dict(opened.rows(query, {"subject": subject}))
    proof = seals_over(home, [leaf for leaf in leaves if leaf.id in first.values()])
    at = {seal["number"]: seal["at"] for seal in proof["seals"]}
    sealed = {bytes.fromhex(leaf["digest"]): at[leaf["seal"]] for leaf in proof["leaves"]}
    by_then = {leaf.id for leaf in leaves if sealed.get(leaf.digest, moment + 1) <= moment}
    return {item for item, leaf in first.items() if leaf in by_then}


def _framework(home: Home, path: Path, said: str, head: str, names: Sequence[str]) -> str:
    """The framework that was said, that the head or the items of the file tell; raises InputError where two of them differ."""
    known = (*home.catalog.frameworks.values(), asking(home, FACTS))
    found = [of.id for of in known if not set(of.items).isdisjoint(names)]
    told = head or (found[0] if len(found) == 1 else "")
    if said and told and said != told and said not in found:
        raise InputError("SY722", str(path), what="framework", said=said, found=told)
    if not said and not told:
        raise InputError("SY726", str(path), found=", ".join(found) or "–")
    return said or told
