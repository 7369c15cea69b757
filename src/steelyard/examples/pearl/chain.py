"""A chain leader that makes home appliances in Foshan, and its suppliers in three tiers: firms of the province."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.examples.pearl.identity import FACTORY, LEADER, identities
from steelyard.examples.pearl.places import CITIES, counts
from steelyard.examples.pearl.rows import day, stream, text_rows

CHAIN = "CH-440600-01"
LIST = f"chain:{CHAIN}"
HOMES = 6
RISE = "2025-10-01"
SMALL = 0.02  # the scale whose firms the chain is drawn from: they exist at every larger one

Rows = list[tuple[str | None, ...]]


class Tier(NamedTuple):
    """A role in the chain, how many suppliers it has, and from which cities (none: any) and divisions they come."""

    role: str
    size: int
    cities: tuple[str, ...]
    industries: tuple[str, ...]


TIERS = (
    Tier("tier1", 12, ("440600", "442000", "441900"), ("33", "29", "38", "39")),
    Tier(
        "tier2", 16, ("440600", "441900", "440300", "441300", "442000", "440700"), ("29", "32", "26", "34", "39", "22")
    ),
    Tier("tier3", 12, (), ("31", "32", "26", "28", "35", "23", "29")),
)


def _registry(scale: float) -> pa.Table:
    """The ``subjects`` rows of the firms that exist both at this scale and at the small one."""
    here, small = counts(scale), counts(SMALL)
    return pa.concat_tables([identities(city, min(here[city.code], small[city.code])) for city in CITIES])


def _draw(firms: pa.Table, taken: set[str], tier: Tier, random: np.random.Generator) -> list[str]:
    """The suppliers of a tier: from its industries and cities as far as there are such firms, then any others."""
    fits = pc.is_in(firms["gbt4754"], pa.array(tier.industries))
    if tier.cities:
        fits = pc.and_(fits, pc.is_in(firms["gbt2260"], pa.array(tier.cities)))
    ids = firms["id"].to_pylist()
    order = sorted(random.permutation(len(ids)).tolist(), key=lambda i: not fits[i].as_py())
    return [ids[i] for i in order if ids[i] not in taken][: tier.size]


def _memberships(tier: str, firms: list[str], random: np.random.Generator) -> Rows:
    """Since when each supplies the leader; one in twelve no longer does."""
    years, ends = random.integers(2015, 2025, len(firms)), random.integers(1, 13, len(firms))
    untils = [day("2025-12-31") if random.random() < 1 / 12 and firm != FACTORY else None for firm in firms]
    return [
        (firm, CHAIN, tier, day(f"{year}-{month:02d}-01"), until)
        for firm, year, month, until in zip(firms, years.tolist(), ends.tolist(), untils, strict=True)
    ]


def _risen(rows: Rows, tier: str) -> Rows:
    """The last member of a tier stood one tier lower before, so who stood where depends on the date."""
    place = max(i for i, row in enumerate(rows) if row[2] == tier)
    firm = rows[place][0]
    before = (firm, CHAIN, "tier2", day("2019-01-01"), day(RISE))
    return [*rows[:place], before, (firm, CHAIN, tier, day(RISE), None), *rows[place + 1 :]]


def _tiers(firms: pa.Table, random: np.random.Generator) -> dict[str, list[str]]:
    """Who supplies in which tier; the factory stands first in tier 1."""
    taken, found = {FACTORY, LEADER}, {}
    for tier in TIERS:
        found[tier.role] = _draw(firms, taken, tier, random)
        taken |= set(found[tier.role])
    found["tier1"] = [FACTORY, *found["tier1"]][: TIERS[0].size]
    return found


def suppliers(seed: int = 1, scale: float = SMALL) -> dict[str, pa.Table]:
    """Tables ``subjects``, ``memberships`` and ``roster`` of the chain: its leader and 40 suppliers in three tiers.

    They are firms of ``province.firms(scale, ...)`` and have the same ids, names and codes there. ``roster`` lists the
    members under ``chain:CH-440600-01``. ValueError where the scale is too small for 21 cities.
    """
    random = stream(seed, 440_600, 7)
    firms = _registry(scale)
    tiers = _tiers(firms, random)
    rows: Rows = [(LEADER, CHAIN, "leader", day("2015-01-01"), None)]
    for tier, members in tiers.items():
        rows += _memberships(tier, members, random)
    rows = _risen(rows, "tier1")
    chain = text_rows("subjects", [(CHAIN, "chain", "家用电器产业链（合成）", "Home-appliance chain (synthetic)")])
    ids = pa.array([row[0] for row in rows])
    return {
        "subjects": pa.concat_tables([chain, firms.filter(pc.is_in(firms["id"], ids))]),
        "memberships": text_rows("memberships", rows),
        "roster": text_rows("roster", _listed(rows)),
    }


def _listed(rows: Rows) -> Rows:
    """Each member once, from its first day in the chain to its last."""
    spans: dict[str | None, tuple[str | None, str | None]] = {}
    for firm, _, _, since, until in rows:
        spans[firm] = (spans.get(firm, (since,))[0], until)
    return [(firm, LIST, *span) for firm, span in spans.items()]


def homes(tables: dict[str, pa.Table], answered: Container[str], count: int = HOMES) -> list[str]:
    """The suppliers that have a home of their own: the factory, then members still in tier 1 and tier 2 by turns that answered."""
    rows = [row for row in tables["memberships"].to_pylist() if row["until"] is None]
    first, second = ([row["subject"] for row in rows if row["role"] == tier] for tier in ("tier1", "tier2"))
    turns = [firm for pair in zip(first, second, strict=False) for firm in pair if firm in answered]
    return list(dict.fromkeys([FACTORY, *turns]))[:count]
