"""Small parks whose firms stand in every way to the three ratios."""

from __future__ import annotations

import shutil
from pathlib import Path

from steelyard.catalog import load

CATALOG = load()
BUILT: dict[tuple, Path] = {}
SUBJECTS = {
    "A1": "甲一厂", "A2": "甲二厂", "A3": "甲三厂", "A4": "甲四厂", "A5": "甲五厂", "B1": "乙一厂",
}  # fmt: skip
SAID = {
    "eligible": "state_council", "industrial_internet": "yes", "public_services": "production+living+government",
    "operation": "assets+economy+green+safety", "compute": "yes", "data": "yes",
}  # fmt: skip


def rows(subject: str, values: dict[str, str], grade: str = "documented", at: str = "2026-03-10") -> str:
    """Answers as CSV rows; a documented one names its paper."""
    paper = "paper.pdf" if grade in ("documented", "inspected") else ""
    return "".join(f"{subject},{item},{at},{value},{grade},{paper}\n" for item, value in values.items())


def park_says(subject: str, **more: str) -> str:
    """A park's own answers: all clauses met, but for what is given."""
    said = {f"park25.{item}": value for item, value in (SAID | more).items() if value}
    return rows(subject, said)


class World:
    """A home with two parks. In P1 firm A1 does all, documented; A2 by its word alone; A3 fails all; A4 is unheard; A5 is on no
    roster. In P2 the one firm B1 does all, documented, and the park answers every clause.
    """

    def __init__(self, make, kind="park", subject="P1", **said) -> None:
        self.make = make
        self.home = make.new("parks", kind=kind, subject=subject)
        self.home.__dict__["catalog"] = CATALOG
        self._fill(said)

    @classmethod
    def weighed(cls, make, factory, kind="park", subject="P1"):
        """A copy of the world as it was once built and weighed."""
        if (kind, subject) not in BUILT:
            first = cls(type(make)(factory.mktemp("park-world"), Path()), kind, subject).weigh()
            first.home.close()
            BUILT[kind, subject] = first.home.path
        made = cls.__new__(cls)
        made.make = make
        shutil.copytree(BUILT[kind, subject], make.path / "parks")
        made.home = make.open(make.path / "parks")
        made.home.__dict__["catalog"] = CATALOG
        return made

    def _fill(self, said: dict[str, str]) -> None:
        firms = "".join(f"{one},enterprise,{name},440600,33\n" for one, name in SUBJECTS.items())
        self.give(
            "subjects",
            "id,kind,name_zh,gbt2260,gbt4754\nCN-440000,region,广东,440000,\nP1,park,甲园,440600,\nP2,park,乙园,440600,\n"
            + firms,
        )
        self.give(
            "memberships",
            "subject,of,role,since,until\n"
            + "".join(f"{one},P{1 if one[0] == 'A' else 2},member,2020-01-01,\n" for one in SUBJECTS),
        )
        self.give(
            "roster",
            "enterprise,list,since,until\n"
            + "".join(f"{one},above_size,2020-01-01,\n" for one in SUBJECTS if one != "A5"),
        )
        told = (
            park_says("P1", **said)
            + park_says("P2")
            + self.firm("A1", 2, "2", "fibre+5g")
            + self.firm("B1", 3, "1", "5g+fibre")
        )
        told += self.firm("A2", 2, "1", "fibre+5g", "declared") + self.firm("A3", 0, "0", "fibre")
        self.give("answers", "subject,item,at,value,grade,document\n" + told)

    def firm(self, firm: str, level: int, services: str, networks: str, grade: str = "documented") -> str:
        facts = {"park25f.services": services, "park25f.gigabit": networks}
        return self.make.answers(firm, level, grade=grade) + rows(firm, facts, grade, "2026-03-01")

    def give(self, table: str, text: str, name: str = ""):
        taken = self.make.give(self.home, table, text, name or f"{table}.csv")
        assert taken.rows_refused == 0, taken.refused[0].say("en")
        return taken

    def weigh(self, period: str = "2026Q1"):
        names = ["park/2025/gate", "park/2025/highs", "park/2025/parks", "plan2024/parks-2027"]
        names += [name for name in self.home.catalog.measures if name.startswith("four-chains/")]
        self.make.weigh(self.home, names, period)
        return self
