"""Small homes of real parts, built once and copied, so that a test may break its own copy."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from spark_cluster import standalone
from steelyard.model.period import Period, parse
from steelyard.share import make_offer, pack, trust
from steelyard.store.home import Home
from steelyard.take import take
from steelyard.weigh import weigh

ITEMS = [f"Q{i}" for i in range(1, 16)] + [f"S{i}" for i in range(1, 17)]
MEASURES = ["iso22400/oee", "sme2024/level", "coverage/sme2024-level2"]
DAY = "2026-03-14"
FILES = {
    "subjects": "id,kind,gbt2260\nM1,unit,\nM2,unit,\nL1,line,\nE1,enterprise,440300\nE2,enterprise,440300\nE3,enterprise,440300\n"
                "440300,region,440300\n440000,region,440000\n",
    "memberships": "subject,of,role\nM1,L1,unit\nM2,L1,unit\nL1,E1,line\n",
    "roster": "enterprise,list\nE1,above_size\nE2,above_size\nE3,above_size\n",
    "shifts": "unit,start,end,kind\nM1,2026-03-14T08:00:00,2026-03-14T16:00:00,planned_busy\n"
              "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,planned_busy\n",
    "machine_states": "unit,start,end,state\nM1,2026-03-14T08:00:00,2026-03-14T12:00:00,production\n"
                      "M1,2026-03-14T12:00:00,2026-03-14T13:00:00,setup\nM1,2026-03-14T13:00:00,2026-03-14T16:00:00,delay\n"
                      "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,production\n",
    "production_counts": "unit,start,end,product,produced,good,planned_seconds_per_item\n"
                         "M1,2026-03-14T08:00:00,2026-03-14T16:00:00,X,180,171,60\n"
                         "M2,2026-03-14T08:00:00,2026-03-14T10:00:00,Y,200,200,30\n",
}  # fmt: skip


def answers(firm: str, level: int, at: str = "2026-03-01", grade: str = "documented") -> str:
    """One firm's 31 answers: a weak one for level 0, a strong one else."""
    document = "scan-1" if grade in ("documented", "inspected") else ""
    several = {"Q1", "Q4", "Q6", "Q7", "Q9", "Q10"}
    rows = []
    for item in ITEMS:
        strong = "B+C+D+E" if item in several else "C"
        value = str(level) if item.startswith("S") else strong if level else "A"
        rows.append(f"{firm},{item},{at},{value},{grade},{document}\n")
    return "".join(rows)


FILES["answers"] = "subject,item,at,value,grade,document\n" + answers("E1", 3) + answers("E2", 0)


PEERS = (
    "connect/",
    "take/test_follow",
    "take/test_restarts",
    "examples/test_plant",
    "store/test_spark",
    "weigh/test_engines",
)
WORLDS = ("api", "console", "examples")


def pytest_collection_modifyitems(items):
    """Tests that wait for brokers, servers and clusters of their own are asked again where a busy machine kept them waiting; those of
    folders that build a world once stay on one worker.
    """
    tests = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(tests)
        if path.as_posix().startswith(PEERS):
            item.add_marker(pytest.mark.flaky(reruns=2))
        if path.parts[0] in WORLDS:
            item.add_marker(pytest.mark.xdist_group(path.parts[0]))


def pytest_make_parametrize_id(val):
    """A long text as a parameter is named by its length and its digest."""
    if not isinstance(val, str | bytes) or len(val) < 80:
        return None
    data = val if isinstance(val, bytes) else val.encode(errors="surrogatepass")
    return f"{len(val)} {sha256(data).hexdigest()[:8]}"


class Makers:
    """What tests of homes are made with."""

    files = FILES
    measures = MEASURES
    answers = staticmethod(answers)

    def __init__(self, path: Path, whole: Path) -> None:
        self.path = path
        self._whole = whole
        self._opened: list[Home] = []

    def new(self, name: str = "home", **kinds: str) -> Home:
        """An empty home."""
        made = Home.create(self.path / name, **{"name": name, "kind": "region", **kinds})
        self._opened.append(made)
        return made

    def open(self, path: Path) -> Home:
        opened = Home.open(path)
        self._opened.append(opened)
        return opened

    def whole(self, name: str = "whole") -> Home:
        """A copy of the home that holds all of ``FILES`` and the Figures weighed from them."""
        shutil.copytree(self._whole, self.path / name)
        return self.open(self.path / name)

    def file(self, name: str, text: str | bytes) -> Path:
        path = self.path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def give(self, home: Home, table: str, text: str | bytes, name: str = "", **more):
        """Take a text as a CSV file into a table."""
        return take(home, self.file(name or f"{table}.csv", text), table=table, **more)

    def period(self, text: str, home: Home) -> Period:
        return parse(text, home.zone)

    def weigh(self, home: Home, names: list[str], text: str):
        return weigh(home, names, [parse(text, home.zone)])

    def pair(self):
        """A home with Figures, a park that trusts it, an offer, and a bundle's bytes."""
        works, park = self.whole("works"), self.new("park", kind="park")
        trust(park, works.public_key.hex(), "works", subject="E1")
        offer = self.offer(works, park.id)
        return works, park, offer, pack(works, offer).path.read_bytes()

    def offer(self, works: Home, consumer: str, **terms):
        values = {"measures": ["*"], "subjects": ["*"], "period": parse("2026", works.zone), "until": works.now() + 10**12,
                  "purpose": "test", "smallest": 3, **terms}  # fmt: skip
        return make_offer(works, consumer=consumer, **values)

    def close(self) -> None:
        for home in self._opened:
            home.close()


@pytest.fixture(scope="session")
def whole_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    makers = Makers(path, path)
    home = makers.new("home")
    for table, text in FILES.items():
        assert makers.give(home, table, text).rows_refused == 0
    makers.weigh(home, ["iso22400/oee"], DAY)
    makers.weigh(home, MEASURES[1:], "2026")
    makers.close()
    return path / "home"


@pytest.fixture
def make(tmp_path, whole_path):
    """Homes, files and bundles for one test."""
    makers = Makers(tmp_path, whole_path)
    yield makers
    makers.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The address of a standalone Spark with two workers; see ``spark_cluster``."""
    with standalone(tmp_path_factory.mktemp("spark")) as address:
        yield address
