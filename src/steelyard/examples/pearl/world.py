"""Builds the homes of the example world with the verbs alone: a factory, suppliers, a chain leader, two parks, a province."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from steelyard import share
from steelyard.examples.pearl import chain, factory, files, park_life, plans, province
from steelyard.examples.pearl.identity import FACTORY
from steelyard.model.period import Period, local_day, parse
from steelyard.store.home import Home
from steelyard.take import Taken, take
from steelyard.weigh import weigh

QUARTER = "2026Q1"
DAY = 86_400_000_000
Say = Callable[[str], None]


def build(folder: Path, scale: float, seed: int, say: Say) -> dict[str, Path]:
    """Make the world's files and homes below a folder; returns the homes by name. ``say`` hears of each step."""
    firms = province.firms(scale, seed)
    members, life = chain.suppliers(seed, scale), park_life.rows(firms, seed)
    world = World(folder, scale, seed, say)
    say("guangdong")
    top = world.home(
        "guangdong",
        "广东省工业和信息化厅（合成）",
        "region",
        "CN-440000",
        {**_with(firms, life), "regions": province.regions()},
    )
    top.take_published()
    parks = {park: world.park(park, firms, life if park == park_life.PARK else {}) for park in _parks(firms)}
    leader = world.leader(members)
    for firm in chain.homes(members, set(firms["answers"]["subject"].to_pylist())):
        world.firm(firm, firms, leader, seed)
    leader.weigh([], QUARTER)
    leader.weigh(["chain/connected"], "today")
    leader.send(top, ["chain/*", "coverage/*"], "chain progress")
    for park in parks.values():
        park.send(top, ["park/*", "four-chains/*"], "high-standard digital park")
    say("weigh guangdong")
    top.weigh([], QUARTER)
    asked = top.home.path / "plans" / plans.NAME
    asked.parent.mkdir()
    asked.write_text(plans.question(firms["roster"].num_rows), encoding="utf-8")
    return world.finish()


def _parks(firms: Mapping[str, pa.Table]) -> list[str]:
    return list(firms["subjects"].filter(pc.equal(firms["subjects"]["kind"], "park"))["id"].to_pylist())


class World:
    """The homes under construction, below one folder."""

    def __init__(self, folder: Path, scale: float, seed: int, say: Say) -> None:
        self.folder = folder
        self.scale = scale
        self.seed = seed
        self.say = say
        self.sites: dict[str, Site] = {}

    def home(self, name: str, title: str, kind: str, subject: str, tables: Mapping[str, pa.Table]) -> Site:
        """Make a home and let it take some tables, written as files first."""
        home = Home.create(self.folder / name, name=title, kind=kind, subject=subject)
        site = Site(home, self.say)
        self.sites[name] = site
        filled = {table: rows for table, rows in tables.items() if rows.num_rows}
        paths = files.write(filled, self.folder / "files" / name, scale=self.scale, seed=self.seed)
        for path in paths:
            if path.suffix == ".csv":
                site.take(path)
        return site

    def park(self, park: str, firms: Mapping[str, pa.Table], life: Mapping[str, pa.Table]) -> Site:
        """A park's home with its own firms, their answers, its roster and what goes on in it; weighed."""
        self.say(park)
        members = firms["memberships"].filter(pc.equal(firms["memberships"]["of"], park))
        ids = pc.unique(members["subject"])
        tables = {
            "subjects": _only(firms["subjects"], "id", pa.array([*ids.to_pylist(), park])),
            "memberships": members, "roster": _only(firms["roster"], "enterprise", ids),
            "answers": _only(firms["answers"], "subject", ids),
        }  # fmt: skip
        site = self.home(park.lower(), f"{park}（合成）", "park", park, _with(tables, life))
        site.weigh([], QUARTER)
        return site

    def leader(self, members: Mapping[str, pa.Table]) -> Site:
        """The chain leader's home with its suppliers in tiers."""
        self.say("chain leader")
        roles = members["memberships"]
        leader = roles.filter(pc.equal(roles["role"], "leader"))["subject"][0].as_py()
        return self.home("leader", "链主企业（合成）", "leader", leader, members)

    def firm(self, firm: str, firms: Mapping[str, pa.Table], leader: Site, seed: int) -> None:
        """A supplier's home: its own answers and, at the factory, its machines; weighed and shared with the leader."""
        self.say(firm)
        tables = {"answers": _only(firms["answers"], "subject", pa.array([firm]))}
        works = firm == FACTORY
        if works:
            tables |= factory.simulate(seed)
        else:
            tables["subjects"] = _only(firms["subjects"], "id", pa.array([firm]))
        site = self.home("factory" if works else f"supplier-{firm.lower()}", f"{firm}（合成）", "factory", firm, tables)
        site.weigh([], QUARTER)
        if works:
            site.weigh(["iso22400/oee"], QUARTER, each="month")
        site.send(leader, ["sme2024/level", "iso22400/oee"], "one chain, one strategy", subjects=[firm])

    def finish(self) -> dict[str, Path]:
        """Close all homes."""
        paths = {name: site.home.path for name, site in self.sites.items()}
        for site in self.sites.values():
            site.home.close()
        return paths


class Site:
    """One home of the world, with the verbs as a user would call them."""

    def __init__(self, home: Home, say: Say) -> None:
        self.home = home
        self.say = say

    def take(self, path: Path) -> Taken:
        """Take a file of synthetic rows; the region list belongs to the subjects."""
        table = "subjects" if "regions" in path.stem else None
        return take(self.home, path, table=table, synthetic="regions" not in path.stem)

    def take_published(self) -> None:
        """Take the figures that others published and the standards ship."""
        for path in self.home.catalog.published():
            take(self.home, path, table="published")

    def weigh(self, measures: Sequence[str], period: str, each: str | None = None) -> None:
        """Weigh for a period as people write it; ``today`` is the day of the clock."""
        span = _today(self.home) if period == "today" else parse(period, self.home.zone)
        weigh(self.home, measures, list(span.split(each, self.home.zone)) if each else [span])

    def send(self, to: Site, measures: Sequence[str], purpose: str, subjects: Sequence[str] = ("*",)) -> None:
        """Offer, pack, and let the other home, which trusts this one, take the bundle."""
        span = Period(
            parse("2026", self.home.zone).start, max(parse("2026", self.home.zone).end, self.home.now() + 2 * DAY)
        )
        share.trust(to.home, self.home.public_key.hex(), self.home.name, subject=self.home.subject_id)
        offer = share.make_offer(self.home, consumer=to.home.id, measures=measures, subjects=subjects, period=span,
                                 until=self.home.now() + 366 * DAY, purpose=purpose)  # fmt: skip
        packed = share.pack(self.home, offer)
        share.receive(to.home, packed.path.read_bytes(), str(packed.path))


def _today(home: Home) -> Period:
    day = local_day(home.now(), home.zone)
    return parse(day, home.zone)


def _with(tables: Mapping[str, pa.Table], more: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Tables with the rows of others after their own."""
    both = {name: pa.concat_tables([tables[name], rows]) for name, rows in more.items() if name in tables}
    return {**tables, **more, **both}


def _only(table: pa.Table, column: str, ids: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table[column], ids))
