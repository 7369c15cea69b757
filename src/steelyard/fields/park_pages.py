"""The pages of a park's dossier: where it stands, the four highs, firms that lack, four chains, roster, documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steelyard.fields.four_chains import Indicator
from steelyard.fields.park_clauses import FRAMEWORK, Clause
from steelyard.fields.park_firms import Firm
from steelyard.fields.parks import High, Ratio, Standing, state_of
from steelyard.model.period import iso, label
from steelyard.paper.show import Paper, Part, Row, Show, table

Figure = Mapping[str, Any] | None
MET = ("met",)


@dataclass(frozen=True)
class Pages:
    """What the pages are made of; ``None`` in a row is said as unknown."""

    show: Show
    found: Standing
    shelf: Sequence[Paper]
    floor: str

    def content(self) -> dict[str, Any]:
        """Everything on the pages, as JSON for ``paper.setting``."""
        words, home, made = self.show.words, self.show.home, iso(self.show.home.now())
        of = home.catalog.framework(FRAMEWORK)
        parts = [
            self._summary(made),
            *map(self._high, self.found.highs),
            self._firms(),
            self._chains(),
            self._roster(),
            self._documents(),
        ]
        return {
            "lang": self.show.lang, "title": words["title"], "home": home.name, "synthetic": self.found.synthetic,
            "words": {"unknown": words["unknown"], "synthetic": words["synthetic"]},
            "subtitle": f"{self.found.park.name(self.show.lang)} · {of.label.get(self.show.lang, of.id)} · {label(self.found.period, home.zone)}",
            "footer": words["footer"].format(home=home.name, id=home.id, made=made),
            "parts": [{"after": []} | part | {"number": str(number)} for number, part in enumerate(parts, 1)],
        }  # fmt: skip

    def _summary(self, made: str) -> Part:
        words, fields, home = self.show.words, self.show.words["fields"], self.show.home
        of, park, eligible = home.catalog.framework(FRAMEWORK), self.found.park, self.found.eligibility
        rows: list[Row] = [
            [fields["subject"], self.show.subject(park.id)],
            [fields["codes"], ", ".join(f"{key} {code}" for key, code in park.codes.items()) or None],
            [fields["document"], of.document], [fields["period"], label(self.found.period, home.zone)],
            [words["eligible"], self._said(eligible.clause)], [words["industries"], words["divisions"].format(**eligible.divisions)],
            *([[words["inside"], ", ".join(eligible.inside)]] if eligible.inside else []),
            [words["gate"], self._told(self.found.gate, "level")], [words["met"], self._told(self.found.met, "1")],
            [fields["digest"], {"digest": self.found.gate["digest"].hex()} if self.found.gate else None],
            [fields["home"], f"{home.name} ({home.id})"], [fields["key"], {"digest": home.public_key.hex()}], [fields["made"], made],
        ]  # fmt: skip
        highs = [[one.title[self.show.lang], words["states"][one.state]] for one in self.found.highs]
        texts = [words["not_approval"]] if self.found.weighed else [words["not_weighed"], words["not_approval"]]
        state = state_of(self.found.gate)
        part = self._part(words["parts"]["summary"], state, texts, [table([], (2, 7), rows), table([], (7, 2), highs)])
        return part | {"after": [words["signed"]]}

    def _high(self, high: High) -> Part:
        words, fields = self.show.words, self.show.words["fields"]
        tables = []
        if high.ratios:
            head = [
                words["ratio"],
                words["value"],
                words["range"],
                words["heard"],
                fields["grade"],
                words["says"],
                fields["digest"],
            ]
            tables.append(table(head, (4, 2, 3, 2, 3, 2, 4), list(map(self._ratio, high.ratios))))
        if high.clauses:
            head = [words["item"], words["answer"], words["needs"], words["state"], fields["grade"], words["evidence"]]
            tables.append(table(head, (3, 3, 3, 2, 2, 4), list(map(self._clause, high.clauses))))
        texts = [words["rolled"]] if high.ratios else []
        return self._part(high.title[self.show.lang], high.state, texts, tables)

    def _ratio(self, one: Ratio) -> Row:
        said = f"{one.said.value} ({self.show.grade(one.said.grade)})" if one.said else "–"
        return [one.measure.label[self.show.lang], *self._cells(one.figure, "1")[:4], said, self._digest(one.figure)]

    def _cells(self, figure: Figure, unit: str) -> Row:
        """Value, range, base, grade; unknown where there is no Figure."""
        if figure is None:
            return [None, None, None, None]
        low, high = (self.show.number(figure[side], "1" if unit == "1" else "") for side in ("low", "high"))
        flags = f" {', '.join(figure['flags'])}" if figure["flags"] else ""
        return [self.show.number(figure["value"], unit), f"{low} – {high}", f"{figure['heard']:g} / {figure['among']:g}",
                self.show.grade(figure["grade"]) + flags]  # fmt: skip

    def _told(self, figure: Figure, unit: str) -> str | None:
        cells = self._cells(figure, unit)
        return None if figure is None else f"{cells[0]} [{cells[1]}] · {cells[2]} · {cells[3]}"

    def _digest(self, figure: Figure) -> Any:
        return {"digest": figure["digest"].hex()[:20]} if figure else None

    def _clause(self, one: Clause) -> Row:
        words, told = self.show.words, one.answer
        name = f"{one.label[self.show.lang]} {one.item}"
        if told is None:
            return [name, None, "+".join(one.needs), words["states"][one.state], "–", words["unanswered"]]
        value = words["contradicts"] if told.contradicts else told.value
        return [name, value, "+".join(one.needs) or "–", words["states"][one.state], f"{self.show.grade(told.grade)} {self.show.day(told.at)}",
                self._evidence(told.document)]  # fmt: skip

    def _said(self, one: Clause) -> str | None:
        if one.answer is None:
            return None
        asked = self.show.catalog.items[one.item]
        gist = asked["gist_zh" if self.show.lang == "zh" else "gist"].get(one.answer.value, one.answer.value)
        return f"{gist} · {self.show.words['states'][one.state]} · {self.show.grade(one.answer.grade)} · {self._evidence(one.answer.document)}"

    def _evidence(self, documents: str) -> str:
        """The documents as they were named, those that are kept by name and first digits."""
        told = []
        for word in filter(None, documents.split("+")):
            kept = next((one for one in self.shelf if one.document.startswith(word.lower()) or one.name == word), None)
            told.append(f"{kept.name} {kept.document[:12]}" if kept else word)
        return " · ".join(told) or str(self.show.words["no_paper"])

    def _firms(self) -> Part:
        words = self.show.words
        ratios = [ratio for high in self.found.highs for ratio in high.ratios]
        texts, tables = [words["weak_note"].format(floor=self.show.grade(self.floor))], []
        for ratio in ratios:
            name = ratio.measure.label[self.show.lang]
            counts = ", ".join(
                f"{words['states'][state]} {count}" for state, count in ratio.lacks.counts.items() if count
            )
            texts.append(words["counts"].format(label=name, counts=counts or "0") + self._left(ratio))
            if ratio.lacks.firms:
                head = [name, words["fields"]["subject"], words["state"], words["value"], words["fields"]["grade"]]
                tables.append(table(head, (5, 3, 3, 2, 2), list(map(self._firm, ratio.lacks.firms))))
        lacking = sum(ratio.lacks.lacking for ratio in ratios)
        part = self._part(words["parts"]["firms"], "", texts, tables, missing=bool(lacking))
        return part | {"state": words["lacking"].format(count=lacking)}

    def _left(self, ratio: Ratio) -> str:
        left = ratio.lacks.lacking - ratio.lacks.skip - len(ratio.lacks.firms)
        return f" {self.show.words['more'].format(count=left)}" if left else ""

    def _firm(self, one: Firm) -> Row:
        value = None if one.value is None else f"{one.value:g}"
        return [
            one.names[self.show.lang],
            one.id,
            self.show.words["states"][one.state],
            value,
            self.show.grade(one.grade) if one.grade else "–",
        ]

    def _chains(self) -> Part:
        words = self.show.words
        head = [
            words["measure"],
            words["value"],
            words["range"],
            words["heard"],
            words["fields"]["grade"],
            words["fields"]["digest"],
        ]
        rows = list(map(self._indicator, self.found.chains))
        known = all(one.figure for one in self.found.chains)
        return self._part(
            words["parts"]["chains"], "", [words["ours"]], [table(head, (5, 3, 3, 2, 3, 4), rows)], missing=not known
        )

    def _indicator(self, one: Indicator) -> Row:
        words = self.show.words
        name = one.measure.label[self.show.lang]
        if one.figure is None and one.missing:
            name += f" · {words['no_tables'].format(tables=', '.join(one.missing))}"
        return [name, *self._cells(one.figure, one.measure.unit), self._digest(one.figure)]

    def _roster(self) -> Part:
        words, gaps = self.show.words, self.found.gaps
        if not gaps:
            return self._part(words["parts"]["roster"], "met", [words["no_gaps"]], [])
        head = [words["firm"], words["gap"], words["do"]]
        rows = [[one.firm, one.error.say(self.show.lang), one.error.remedy(self.show.lang)] for one in gaps[:MOST_GAPS]]
        texts = [words["gaps"], *([words["more"].format(count=len(gaps) - MOST_GAPS)] if len(gaps) > MOST_GAPS else [])]
        return self._part(words["parts"]["roster"], "open", texts, [table(head, (2, 5, 5), rows)])

    def _documents(self) -> Part:
        words = self.show.words
        texts = [words["verify"], words["documents_count"].format(count=len(self.shelf))]
        return self._part(
            words["parts"]["all"], "", texts, [self.show.documents(self.shelf)] if self.shelf else [], missing=False
        )

    def _part(
        self, title: str, state: str, texts: Sequence[str], tables: Sequence[Part], *, missing: bool | None = None
    ) -> Part:
        said = self.show.words["states"].get(state, "")
        return {"title": title, "state": said, "missing": state not in MET if missing is None else missing, "texts": list(texts),
                "tables": list(tables)}  # fmt: skip


MOST_GAPS = 30
"""Findings about the roster that the pages list."""
