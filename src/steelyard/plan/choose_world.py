"""Who can be funded, read from a home: firms of the roster below the level, with cost, region, priorities, chains and parks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from math import isnan
from typing import Any

import numpy as np

from steelyard.errors import InputError
from steelyard.model.period import Period, label, parse
from steelyard.model.subject import SIZES
from steelyard.plan.choose_costs import Cost, Usual, told
from steelyard.plan.choose_places import Region, place, regions_of
from steelyard.plan.question import Priority, Question
from steelyard.store import figures
from steelyard.store.home import Home
from steelyard.store.lake import Engine, engine

PARK = "park"  # what project_costs names as measure where the project is a park's own
LEADER = "leader"


@dataclass(frozen=True)
class Firm:
    """A firm of the roster: its level where a Figure tells it (None: unheard, or undecided), codes, lists, and what weighs for it."""

    id: str
    name: str
    code: str
    industry: str
    level: float | None
    region: int
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Chain:
    """A chain: its leader, and those who supply him; ``led``: the leader is at the level already."""

    id: str
    name: str
    leader: str
    suppliers: tuple[str, ...]
    led: bool


@dataclass(frozen=True)
class Park:
    """A park: its firms on the roster, those at the level, those below it, and what its own project costs (None: not told)."""

    id: str
    name: str
    region: int
    members: tuple[str, ...]
    reached: int
    cost: Cost | None


@dataclass(frozen=True)
class World:
    """Candidates in order of their id, and the regions, chains and parks that they belong to; ``(n,)`` arrays over candidates.

    ``kinds`` names the priorities of each; ``cell`` numbers city and industry, -1 where either is unknown; ``chain`` is the chain
    whose leader can help a firm, -1 for none. ``notes`` counts what was left out, and why;
    ``others`` are the firms of the roster that are no candidates.
    """

    question: Question
    period: Period
    regions: tuple[Region, ...]
    firms: tuple[Firm, ...]
    costs: tuple[Cost, ...]
    kinds: tuple[tuple[str, ...], ...]
    chains: tuple[Chain, ...]
    parks: tuple[Park, ...]
    cost: np.ndarray
    days: np.ndarray
    weight: np.ndarray
    region: np.ndarray
    cell: np.ndarray
    chain: np.ndarray
    synthetic: bool
    label: str = ""
    others: Mapping[str, Firm] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def leads(self) -> Mapping[str, tuple[Chain, ...]]:
        """The chains that a firm leads, by firm."""
        found: dict[str, tuple[Chain, ...]] = {}
        for chain in self.chains:
            found[chain.leader] = (*found.get(chain.leader, ()), chain)
        return found


def world_of(home: Home, asked: Question) -> World:
    """Read a home for a question; raises InputError SY904 (an unknown region), SY906 (nobody on the roster, or no Figure of the level)."""
    with engine(home.path) as opened:
        for name in ("subjects", "memberships", "roster", "project_costs", "supplies"):
            if name in home.catalog.tables:
                home.table_view(opened, name)
        period = _period(home, opened, asked)
        at = period.end - 1
        places = regions_of(home, opened, asked)
        firms, synthetic, grades, undecided = _roster(home, opened, asked, period, places)
        lists = _grouped(opened, "SELECT enterprise, list FROM roster WHERE " + _holds("roster"), at)
        ties = opened.rows(f"""SELECT m.subject, m."of", m.role, s.kind, coalesce(s.name_zh, s.name_en, s.id), s.gbt2260
            FROM memberships m JOIN subjects s ON s.id = m."of" WHERE s.kind IN ('chain', 'park') AND {_holds("m")} ORDER BY ALL""",
            {"at": at})  # fmt: skip
        trade = _trade(home, opened, at)
        own = told(opened, asked.level_of, asked.level, PARK)
        usual = Usual(home.catalog, asked.level)
    made = _world(asked, period, places, _known(firms, lists), ties, trade, own, usual, synthetic, grades)
    return replace(made, label=label(period, home.zone), notes={**made.notes, "undecided": undecided})


def _holds(name: str) -> str:
    return f"({name}.since IS NULL OR {name}.since <= $at) AND ({name}.until IS NULL OR {name}.until > $at)"


def _period(home: Home, opened: Engine, asked: Question) -> Period:
    """The period of the level's Figures: the one asked for, else the newest that the home holds. Names them ``level_now``, one a firm."""
    if asked.figures:
        period = parse(asked.figures, home.zone)
        figures.view(home, opened, "level_now", asked.level_of, period, within=False)
        return period
    figures.view(home, opened, "level_any", asked.level_of, None, within=False)
    opened.view(
        "level_now",
        """SELECT * EXCLUDE (newest) FROM (SELECT *, row_number() OVER (
        PARTITION BY subject ORDER BY "end" DESC, start DESC) AS newest FROM level_any) WHERE newest = 1""",
    )
    found = opened.rows('SELECT start, "end" FROM level_any ORDER BY "end" DESC, start LIMIT 1')
    if not found:
        raise InputError("SY906", str(home.path), name=asked.level_of, list=asked.roster)
    return Period(*found[0])


def _roster(
    home: Home, opened: Engine, asked: Question, period: Period, places: tuple[Region, ...]
) -> tuple[list[Firm], bool, dict[str, int], int]:
    """Firms with the level that their Figure's whole interval tells, whether one is synthetic, grades, and how many tell none."""
    sql = f"""SELECT r.enterprise, coalesce(s.name_zh, s.name_en, r.enterprise), s.gbt2260, s.gbt4754,
                     CASE WHEN coalesce(f.low, f.value) >= $level THEN coalesce(f.low, f.value)
                          WHEN coalesce(f.high, f.value) < $level THEN coalesce(f.value, f.high) END, f.grade,
                     coalesce(list_contains(f.flags, 'synthetic'), false)
              FROM (SELECT DISTINCT enterprise FROM roster WHERE list = $list AND {_holds("roster")}) r
              LEFT JOIN subjects s ON s.id = r.enterprise LEFT JOIN level_now f ON f.subject = r.enterprise ORDER BY 1"""
    rows = opened.rows(sql, {"list": asked.roster, "at": period.end - 1, "level": asked.level})
    grades: dict[str, int] = {}
    for row in rows:
        if row[5]:
            grades[row[5]] = grades.get(row[5], 0) + 1
    if not grades:
        raise InputError("SY906", str(home.path), name=asked.level_of, list=asked.roster)
    put = cache(lambda code: place(code, places))
    firms = [
        Firm(id_, name, code or "", (industry or "").lstrip("ABCDEFGHIJKLMNOPQRST"), level, put(code or ""))
        for id_, name, code, industry, level, _, _ in rows
    ]
    undecided = sum(
        one.level is None and one.region >= 0 and row[5] is not None for one, row in zip(firms, rows, strict=True)
    )
    return firms, any(row[6] for row in rows), grades, undecided


def _grouped(opened: Engine, sql: str, at: int) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for subject, name in opened.rows(sql, {"at": at}):
        found.setdefault(subject, set()).add(name)
    return found


def _known(firms: list[Firm], lists: Mapping[str, set[str]]) -> dict[str, Firm]:
    none: set[str] = set()
    return {one.id: Firm(one.id, one.name, one.code, one.industry, one.level, one.region, frozenset(lists.get(one.id, none)))
            for one in firms}  # fmt: skip


def _trade(home: Home, opened: Engine, at: int) -> dict[str, set[str]]:
    """By customer, those who supply him by the table ``supplies``, where the home holds one."""
    if "supplies" not in home.catalog.tables:
        return {}
    found: dict[str, set[str]] = {}
    sql = "SELECT DISTINCT supplier, customer FROM supplies WHERE " + _holds("supplies")
    for supplier, customer in opened.rows(sql, {"at": at}):
        found.setdefault(customer, set()).add(supplier)
    return found


def _world(asked: Question, period: Period, places: tuple[Region, ...], known: dict[str, Firm], ties: list[tuple[Any, ...]],
           trade: Mapping[str, set[str]], own: Mapping[str, Cost], usual: Usual, synthetic: bool, grades: dict[str, int]) -> World:  # fmt: skip
    below = [
        one
        for one in known.values()
        if (one.level is None and asked.fund_unheard) or (one.level is not None and one.level < asked.level)
    ]
    inside = [one for one in below if one.region >= 0]
    number = {one.id: at for at, one in enumerate(inside)}
    costs = tuple(_cost(one, own.get(one.id), usual) for one in inside)
    chains = _chains(ties, trade, known, asked)
    parks = _parks(ties, known, own, asked, places)
    leaders = {chain.leader for chain in chains}
    kinds = tuple(_kinds(one, asked.priorities, leaders) for one in inside)
    notes = {
        "outside": sum(one.region < 0 for one in known.values()), "estimated": sum(one.status == "ours" or isnan(own[firm.id].days) for firm, one in zip(inside, costs, strict=True)),
        "unheard": sum(one.level is None and one.region >= 0 for one in known.values()), "two_parks": _twice(parks, number),
        "uncoded": sum(not one.code for one in known.values()),
    }  # fmt: skip
    return World(
        asked, period, _counted(places, known.values(), inside, asked.level), tuple(inside), costs, kinds, chains, parks,
        np.array([one.cost for one in costs], dtype=float), np.array([one.days for one in costs], dtype=float),
        np.array([_weight(names, asked.priorities) for names in kinds], dtype=float), np.array([one.region for one in inside], dtype=np.int32),
        _cells(inside), _followed(inside, chains, number), synthetic, "", {one.id: one for one in known.values() if one.id not in number}, grades, notes,
    )  # fmt: skip


def _cost(firm: Firm, own: Cost | None, usual: Usual) -> Cost:
    """What the home tells, with the usual provider-days where it tells none; else our estimate."""
    ours = usual.of(_size(firm), firm.industry[:2])
    return ours if own is None else replace(own, days=ours.days) if isnan(own.days) else own


def _size(firm: Firm) -> str:
    return next((size for size in SIZES if size in firm.lists), "")


def _kinds(firm: Firm, priorities: Mapping[str, Priority], leaders: set[str]) -> tuple[str, ...]:
    return tuple(name for name, one in priorities.items()
                 if (LEADER in one.roles and firm.id in leaders) or not firm.lists.isdisjoint(one.lists)
                 or (one.industries and firm.industry.startswith(one.industries)))  # fmt: skip


def _weight(names: Iterable[str], priorities: Mapping[str, Priority]) -> float:
    return 1.0 + sum(priorities[name].weight.value - 1.0 for name in names)


def _chains(
    ties: list[tuple[Any, ...]], trade: Mapping[str, set[str]], known: Mapping[str, Firm], asked: Question
) -> tuple[Chain, ...]:
    """Each chain with a leader; firms are its members of other roles, and those who supply its leader."""
    members: dict[str, list[tuple[str, str, str]]] = {}
    for subject, of, role, kind, name, _ in ties:
        if kind == "chain":
            members.setdefault(of, []).append((subject, role, name))
    found = []
    for chain, rows in sorted(members.items()):
        for leader in sorted({subject for subject, role, _ in rows if role == LEADER}):
            suppliers = {subject for subject, role, _ in rows if role != LEADER} | trade.get(leader, set())
            held = known.get(leader)
            led = held is not None and held.level is not None and held.level >= asked.level
            found.append(Chain(chain, rows[0][2], leader, tuple(sorted(suppliers - {leader})), led))
    return tuple(found)


def _parks(ties: list[tuple[Any, ...]], known: Mapping[str, Firm], own: Mapping[str, Cost], asked: Question,
           places: tuple[Region, ...]) -> tuple[Park, ...]:  # fmt: skip
    members: dict[str, set[str]] = {}
    names: dict[str, tuple[str, str]] = {}
    for subject, of, _, kind, name, code in ties:
        if kind == "park":
            members.setdefault(of, set()).add(subject)
            names[of] = (name, code or "")
    found = []
    for park, firms in sorted(members.items()):
        listed = tuple(sorted(firm for firm in firms if firm in known))
        levels = [known[firm].level for firm in listed]
        usual = asked.parks.cost if asked.parks else None
        cost = own.get(park) or (
            Cost(usual, usual, usual, 0.0, "home", asked.parks.source) if asked.parks and usual is not None else None
        )
        reached = sum(level is not None and level >= asked.level for level in levels)
        found.append(Park(park, names[park][0], place(names[park][1], places), listed, reached, cost))
    return tuple(found)


def _twice(parks: Iterable[Park], number: Mapping[str, int]) -> list[str]:
    """Candidates that are firms of several parks at once: each is funded once."""
    seen: dict[str, int] = {}
    for park in parks:
        for firm in park.members:
            seen[firm] = seen.get(firm, 0) + 1
    return sorted(firm for firm, count in seen.items() if count > 1 and firm in number)


def _counted(
    places: tuple[Region, ...], known: Iterable[Firm], inside: Iterable[Firm], level: float
) -> tuple[Region, ...]:
    """The regions with their firms on the roster, those heard, those at the level, and those that can be funded."""
    sums = np.zeros((len(places) + 1, 4), dtype=int)
    for one in known:
        sums[one.region] += (1, one.level is not None, one.level is not None and one.level >= level, 0)
    for one in inside:
        sums[one.region, 3] += 1
    return tuple(
        Region(one.id, one.names, one.stem, *map(int, row)) for one, row in zip(places, sums[:-1], strict=True)
    )


def _cells(inside: list[Firm]) -> np.ndarray:
    """(n,) a number for each city and industry, -1 where either is not known (00: the province is no city)."""
    named = [
        f"{one.code[:4]} {one.industry[:2]}"
        if one.code[2:4] not in ("", "00") and len(one.code) >= 4 and len(one.industry) >= 2
        else ""
        for one in inside
    ]
    numbers = {name: at for at, name in enumerate(sorted(set(named) - {""}))}
    return np.array([numbers.get(name, -1) for name in named], dtype=np.int64)


def _followed(inside: list[Firm], chains: tuple[Chain, ...], number: Mapping[str, int]) -> np.ndarray:
    """(n,) the chain whose leader can help: one that is led already before one whose leader can be funded; leaders follow none."""
    found = np.full(len(inside), -1, dtype=np.int64)
    leaders = {chain.leader for chain in chains if chain.leader in number and not chain.led}
    for at, chain in sorted(enumerate(chains), key=lambda pair: (pair[1].led, -pair[0])):
        if chain.led or chain.leader in number:
            for firm in chain.suppliers:
                if firm in number and firm not in leaders:
                    found[number[firm]] = at
    return found
