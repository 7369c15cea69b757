"""A small province whose firms claim a level, an assessor, and what she finds: for the tests of audits."""

from __future__ import annotations

from contextlib import contextmanager

from steelyard.evidence.seal import Key
from steelyard.model.period import iso, moment, parse
from steelyard.plan import audit_draw, audit_weigh
from steelyard.plan.audit_draw import Wanted
from steelyard.take.draw import read_draw
from steelyard.take.inspection import draw_items, seal_inspection, take_inspection, trust_assessor
from steelyard.weigh import weigh

COVERAGE = "coverage/sme2024-level2"
LEVEL = "sme2024/level"
CITIES = ("440100", "440300")
DAY = 86_400 * 10**6
EXPECTED = {"yes": 0.1, "no": 0.02, "unheard": 0.5}


class Region:
    """``firms`` by id with the level that each claims (None: it says nothing), half of them in each of two cities."""

    def __init__(self, make, levels, sizes=()) -> None:
        self.make = make
        self.home = make.new("province", kind="region", subject="440000")
        self.firms = {f"F{number:02d}": level for number, level in enumerate(levels)}
        places = "440000,region,440000\n" + "".join(f"{city},region,{city}\n" for city in CITIES)
        rows = "".join(f"{firm},enterprise,{CITIES[number % 2]}\n" for number, firm in enumerate(self.firms))
        listed = "".join(f"{firm},above_size,\n" for firm in self.firms)
        listed += "".join(f"{firm},{size},\n" for firm, size in zip(self.firms, sizes, strict=False) if size)
        self.give("subjects", f"id,kind,gbt2260\n{places}{rows}")
        self.give("roster", f"enterprise,list,until\n{listed}")
        self.say(self.firms)
        self.key = Key.new()
        trust_assessor(self.home, self.key.public.hex(), "Zhang San")

    def give(self, table, text):
        taken = self.make.give(self.home, table, text)
        assert taken.refused == []
        return taken

    def say(self, levels, at="2026-03-01", period="2026"):
        """Firms claim levels, and everything is weighed."""
        said = "".join(self.make.answers(f, level, at, "pledged") for f, level in levels.items() if level is not None)
        self.give("answers", f"subject,item,at,value,grade,document\n{said}")
        self.weigh([LEVEL, COVERAGE], period)

    def weigh(self, names, period):
        weigh(self.home, names, [parse(period, self.home.zone)])

    @property
    def period(self):
        return parse("2026", self.home.zone)

    def seeded(self, by="region", **more):
        return audit_draw.seal_seed(self.home, COVERAGE, self.period, by, **more)

    def closed(self, **more):
        return audit_draw.close(self.home, self.seeded(**more))

    def drawn(self, margin=0.05, *, by="region", beacon="", **more):
        return audit_draw.draw(self.home, self.closed(by=by, beacon=beacon), wanted(margin, **more))

    @contextmanager
    def days_ago(self, days):
        """What is done inside is done by a clock that is days behind."""
        now = self.home.now
        self.home.now = lambda: now() - days * DAY
        yield
        self.home.now = now

    def inspect(self, firm, level, *, items=31, key=None, days_ago=0):
        """One visit, so many days ago, from the draw of items to the leaf that is sealed now."""
        with self.days_ago(days_ago):
            draw = draw_items(self.home, "sme2024", firm, items, "lottery")
            at = self.home.now()
        asked = read_draw(draw, "")[0].items
        answers = {line.split(",")[1]: line.split(",")[3] for line in self.make.answers(firm, level).splitlines()}
        form = self.make.file(f"{firm}.csv", "item,answer,document\n" + "".join(f"{i},{answers[i]},\n" for i in asked))
        data = seal_inspection(form, draw, key or self.key, "Zhang San", iso(at))
        path = self.make.file(f"{firm}-{level}-{items}.inspection", data)
        return take_inspection(self.home, path)

    def inspect_all(self, firms, truth):
        """Visits of some firms; the levels that they prove are weighed in the month."""
        for firm in firms:
            self.inspect(firm, truth[firm])
        self.weigh([LEVEL], self.month)

    @property
    def month(self):
        return f"{moment(self.home.now()).astimezone(self.home.zone):%Y-%m}"

    def audited(self, of, **more):
        return audit_weigh.weigh_audit(self.home, of, **more)


def wanted(margin=0.05, confidence=0.95, costs=None, earlier=None, **more):
    return Wanted(margin, confidence, EXPECTED, 10.0, earlier or {}, costs or {}, **more)
