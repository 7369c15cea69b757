"""The eight items of a dossier, and the list of all documents, as texts and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from steelyard.dots.compare import compare
from steelyard.dots.dossier_words import ITEMS
from steelyard.model.figure import GRADES
from steelyard.model.framework import Framework
from steelyard.model.period import Period, label
from steelyard.paper.show import MONEY, Part, Row, Show, table
from steelyard.take.documents import Document
from steelyard.weigh.known import Known

MOST_FIGURES = 60


@dataclass(frozen=True)
class Parts:
    """What the pages are made of; ``None`` in a row is said as unknown."""

    show: Show
    of: Framework
    subject: str
    span: Period
    shelf: Sequence[Document]
    placed: Mapping[str, Sequence[Document]]
    figures: Sequence[Mapping[str, Any]]
    answers: Mapping[str, Known]

    def all(self, made: str) -> list[Part]:
        """The eight items in order, then the list of all documents."""
        level = self._level()
        eight = {
            "application": self._listed("application"), "finance": self._finance(), "contracts": self._listed("contracts"),
            "invoices": self._listed("invoices", "invoice", "payment"), "completion": self._listed("completion"), "effect": self._effect(),
            "assessment": self._assessment(),
        }  # fmt: skip
        parts = [self._acceptance(level, made, eight), *eight.values()]
        return [self._numbered(number, name, part) for number, (name, part) in
                enumerate(zip((*ITEMS, "all"), (*parts, self._everything()), strict=True), 1)]  # fmt: skip

    def _numbered(self, number: int, name: str, part: Part) -> Part:
        words = self.show.words
        state = words["missing"] if part["missing"] else words["there"]
        return (
            {"after": []}
            | part
            | {"number": str(number), "title": words["items"][name], "state": "" if name == "all" else state}
        )

    def _level(self) -> Mapping[str, Any] | None:
        return next((row for row in self.figures if row["measure"] == self.of.measure and (row["start"], row["end"]) ==
                     (self.span.start, self.span.end)), None)  # fmt: skip

    def _acceptance(self, level: Mapping[str, Any] | None, made: str, others: Mapping[str, Part]) -> Part:
        words, fields = self.show.words, self.show.words["fields"]
        named = self.show.home.subject(self.subject)
        rows: list[Row] = [
            [fields["subject"], self.show.subject(self.subject)],
            [fields["codes"], ", ".join(f"{key} {code}" for key, code in named.codes.items()) if named and named.codes else None],
            [fields["framework"], f"{self.of.label.get(self.show.lang, self.of.id)} ({self.of.id})"],
            [fields["document"], self.of.document or None], [fields["status"], words["status"].get(self.of.status, self.of.status)],
            [fields["force"], self._force()],
            [fields["period"], label(self.span, self.show.home.zone)], *self._level_rows(level),
            [fields["home"], f"{self.show.home.name} ({self.show.home.id})"], [fields["key"], {"digest": self.show.home.public_key.hex()}],
            [fields["made"], made],
        ]  # fmt: skip
        contents = [[str(number), words["items"][name], words["missing"] if name in others and others[name]["missing"] else words["there"]]
                    for number, name in enumerate(ITEMS, 1)]  # fmt: skip
        placed = self._listed("acceptance")["tables"] if self.placed.get("acceptance") else []
        return {
            "missing": False,
            "texts": self._doubts(level),
            "after": [words["signed"]],
            "tables": [
                table([], (2, 7), rows),
                table([words["contents"], words["item"], words["state"]], (1, 6, 2), contents),
                *placed,
            ],
        }

    def _force(self) -> str:
        words, since, until = self.show.words, self.of.in_force, self.of.until
        if since is None:
            return str(words["draft"])
        return f"{since} – {until}" if until else str(words["since"]).format(day=since)

    def _doubts(self, level: Mapping[str, Any] | None) -> list[str]:
        """That there is no level, or that it was weighed before some of the answers came."""
        words = self.show.words
        if level is None:
            return [words["no_level"]]
        later = len(self.answers) > level["heard"]
        return [words["older"].format(heard=f"{level['heard']:g}", answered=len(self.answers))] if later else []

    def _level_rows(self, level: Mapping[str, Any] | None) -> list[Row]:
        fields = self.show.words["fields"]
        if level is None:
            return [[fields["level"], None], [fields["digest"], None]]
        value, low, high = (f"{level[key]:g}" for key in ("value", "low", "high"))
        named = self.of.levels.get(int(level["value"]), {}).get(self.show.lang, "")
        return [
            [fields["level"], f"{value} {named}".strip()], [fields["range"], f"{low} – {high}"],
            [fields["heard"], f"{level['heard']:g} / {level['among']:g}"], [fields["grade"], self.show.grade(level["grade"])],
            [fields["flags"], ", ".join(level["flags"]) or "–"], [fields["digest"], {"digest": level["digest"].hex()}],
        ]  # fmt: skip

    def _listed(self, name: str, *kinds: str) -> Part:
        """The documents of one item, or that there are none; of each of some kinds there must be one."""
        found, words = self.placed.get(name, ()), self.show.words
        lacking = [words["kinds"][kind] for kind in kinds if all(one.kind != kind for one in found)]
        if found:
            texts = [words["lacking"].format(kinds=", ".join(lacking))] if lacking else []
            return {"missing": bool(lacking), "texts": texts, "tables": [self.show.documents(found)]}
        return {"missing": True, "texts": [words["not_there"], words["place"].format(item=name)], "tables": []}

    def _finance(self) -> Part:
        """Contracted, invoiced and paid, as far as the documents tell; a document without its amount makes a sum a lower end."""
        words = self.show.words
        rows: list[Row] = []
        for kind in MONEY:
            found = [one for one in self.shelf if one.kind == kind]
            told = [Decimal(repr(one.amount)) for one in found if one.amount is not None]
            facts = {"sum": f"{sum(told, Decimal(0)):,.2f}", "count": len(found), "without": len(found) - len(told)}
            form = "exact" if len(told) == len(found) else "at_least" if told else "none_told"
            rows.append([words["kinds"][kind], words[form].format(**facts) if found else None])
        placed = self.placed.get("finance", ())
        tables = [
            table([words["kind"], words["amount"]], (2, 7), rows),
            *([self.show.documents(placed)] if placed else []),
        ]
        there = placed or any(
            one.amount is not None for one in self.shelf if one.kind in ("contract", "invoice", "payment")
        )
        return {
            "missing": not there,
            "texts": [] if there else [words["no_documents"]],
            "after": [words["checkers"]],
            "tables": tables,
        }

    def _effect(self) -> Part:
        words, fields = self.show.words, self.show.words["fields"]
        mine = [
            row
            for row in self.figures
            if (row["start"], row["end"]) == (self.span.start, self.span.end) and row["measure"] != self.of.measure
        ]
        rows = [self._before_after(row) for row in mine[:MOST_FIGURES]]
        head = [words["measure"], words["before"], words["after"], words["change"], fields["grade"], fields["digest"]]
        texts = [words["change_note"]] if rows else [words["no_figures"]]
        if len(mine) > len(rows):
            texts.append(words["more"].format(count=len(mine) - len(rows)))
        tables = [table(head, (4, 2, 3, 2, 2, 4), rows)] if rows else []
        placed = self.placed.get("effect", ())
        compared = any(row[3] is not None for row in rows)
        return {
            "missing": not (compared or placed),
            "texts": texts,
            "tables": [*tables, *([self.show.documents(placed)] if placed else [])],
        }

    def _before_after(self, row: Mapping[str, Any]) -> Row:
        """A Figure beside the last one of the same measure that ended before it began, of the same length or nearly so."""
        show, unit = self.show, self.show.unit(row["measure"])
        length = row["end"] - row["start"]
        earlier = [one for one in self.figures if one["measure"] == row["measure"] and one["end"] <= row["start"]
                   and abs((one["end"] - one["start"]) - length) <= length / 20]  # fmt: skip
        last = max(earlier, key=lambda one: one["end"], default=None)
        after = f"{show.number(row['value'], unit)} [{show.number(row['low'], unit)}, {show.number(row['high'], unit)}]"
        flags = f" {', '.join(row['flags'])}" if row["flags"] else ""
        return [show.measure(row["measure"]), show.number(last["value"], unit) if last else None, after,
                show.number(row["value"] - last["value"], unit) if last else None, show.grade(row["grade"]) + flags,
                {"digest": row["digest"].hex()[:24]}]  # fmt: skip

    def _assessment(self) -> Part:
        words = self.show.words
        grades = ", ".join(f"{self.show.grade(grade)} {count}" for grade in GRADES
                           if (count := sum(one.grade == grade for one in self.answers.values())))  # fmt: skip
        counts = words["counts"].format(items=len(self.of.items), answered=len(self.answers),
                                        unanswered=len(self.of.items) - len(self.answers), grades=grades or "–")  # fmt: skip
        head = [words["item"], words["answer"], words["fields"]["grade"], words["date"], words["evidence"]]
        return {"missing": not self.answers, "texts": [counts, *self._inspection()],
                "tables": [table(head, (4, 2, 2, 2, 5), [self._answer(item) for item in self.of.items]), *self._visits()]}  # fmt: skip

    def _answer(self, item: str) -> Row:
        words, found = self.show.words, self.answers.get(item)
        asked = f"{item} {self.show.catalog.items[item]['label'].get(self.show.lang, '')}"
        if found is None:
            return [asked, None, "–", "–", words["unanswered"]]
        told = [words["from"].format(fact=found.fact)] if found.fact else []
        told += [words["contradicts"]] if found.contradicts else []
        told += [f"Figure {found.digest[:16]}"] if found.digest else []
        for word in filter(None, found.document.split("+")):
            one = next((one for one in self.shelf if one.document.startswith(word.lower())), None)
            told.append(f"{one.name} {one.short}" if one else word)
        value = None if found.contradicts else found.value
        return [asked, value, self.show.grade(found.grade), self.show.day(found.at), " · ".join(told) or "–"]

    def _inspection(self) -> list[str]:
        found = compare(self.show.home, self.subject, self.of.id)
        if not found.items:
            return []
        return [self.show.words["inspected"].format(
            count=len(found.items), over=found.count("overstated"), under=found.count("understated"), other=found.count("other"),
            same=found.count("same"), silent=found.count("not_said"))]  # fmt: skip

    def _visits(self) -> list[Part]:
        """Who inspected, when, how many of the drawn items, under which key."""
        words, fields = self.show.words, self.show.words["fields"]
        rows: list[Row] = []
        for leaf in self.show.home.leaves(kind="inspection"):
            said = leaf.header["source"]["inspection"]
            if leaf.header["subjects"][0] == self.subject and said["framework"] == self.of.id:
                drawn = f"{len(said['drawn'])} / {said['among']} ({said['seed']})"
                rows.append([said["assessor"] or None, self.show.day(leaf.start), drawn, {"digest": said["signer"]}])
        return (
            [table([words["checked"], words["date"], words["drawn"], fields["key"]], (3, 2, 3, 4), rows)]
            if rows
            else []
        )

    def _everything(self) -> Part:
        words = self.show.words
        texts = [words["verify"], words["documents_count"].format(count=len(self.shelf))]
        return {"missing": False, "texts": texts, "tables": [self.show.documents(self.shelf)] if self.shelf else []}
