"""What a plan is asked: a YAML file that a home keeps, read field by field; nothing in it is guessed, nothing unknown is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from steelyard.catalog.catalog import Catalog, near, read_yaml
from steelyard.errors import InputError

EVERYWHERE = "default"
MOST_YEARS = 20
KEYS = ("plan", "years", "budget", "coverage", "figures", "objective", "targets", "floors", "capacity", "regions", "unheard", "priorities",
        "discount", "spillover", "parks", "inspections")  # fmt: skip
Yearly = Mapping[int, float]


@dataclass(frozen=True)
class Assumed:
    """A number, whose it is (home: the question's own), and where it comes from."""

    value: float
    status: str
    source: str


@dataclass(frozen=True)
class Priority:
    """A kind of firm that goes first: its ``weight``, and how it is recognised: roles in chains, lists of the roster, industries."""

    names: Mapping[str, str]
    weight: Assumed
    roles: tuple[str, ...]
    lists: tuple[str, ...]
    industries: tuple[str, ...]


@dataclass(frozen=True)
class Parks:
    """Projects of parks themselves: usual cost (CNY), weight, and how many are to be funded by the end of which year."""

    cost: float | None
    weight: float
    at_least: Yearly
    source: str = ""


@dataclass(frozen=True)
class Visits:
    """A round of inspections: its cost (CNY) in exactly ``year``, or at the latest in ``by``, or where it fits."""

    id: str
    region: str
    cost: float
    year: int | None
    by: int | None
    weight: float
    source: str = ""


@dataclass(frozen=True)
class Question:
    """``targets`` and ``floors`` are shares of all firms of the roster by the end of a year; ``capacity`` is provider-days a year.

    ``floors`` and ``capacity`` are by region, ``default`` for those not named. ``document`` is the file as it was read.
    """

    name: str
    document: dict[str, Any]
    years: tuple[int, ...]
    budget: tuple[float, ...]
    coverage: str
    level_of: str
    level: float
    roster: str
    objective: str
    targets: Yearly
    floors: Mapping[str, Yearly]
    capacity: Mapping[str, Yearly]
    regions: tuple[str, ...]
    fund_unheard: bool
    priorities: Mapping[str, Priority]
    discount: Assumed
    leader_saving: Assumed | None
    pilot_saving: Assumed | None
    pilot_budget: float
    parks: Parks | None
    inspections: tuple[Visits, ...]
    figures: str = ""

    @property
    def price(self) -> list[float]:
        """What money of each year counts, that of the first year 1."""
        return [float((1.0 + self.discount.value) ** -t) for t in range(len(self.years))]


@dataclass(frozen=True)
class _Reader:
    """The document with the place that errors name."""

    where: str
    years: tuple[int, ...] = field(default=())

    def wrong(self, name: str, value: object, wanted: str) -> InputError:
        return InputError("SY902", self.where, field=name, value=value, wanted=wanted)

    def keys(self, name: str, given: Any, known: tuple[str, ...]) -> dict[str, Any]:
        """A mapping without unknown keys; raises InputError SY901, SY902."""
        if not isinstance(given, dict):
            raise self.wrong(name, given, "{key: value}")
        for key in given:
            if key not in known:
                close = ", ".join(near(str(key), known) or known)
                raise InputError("SY901", self.where, key=f"{name}.{key}" if name else key, near=close)
        return given

    def number(self, name: str, given: Any, most: float = float("inf"), least: float = 0.0) -> float:
        if (
            isinstance(given, bool)
            or not isinstance(given, int | float)
            or not isfinite(given)
            or not least <= given <= most
        ):
            raise self.wrong(name, given, f"{least:g}…{most:g}" if isfinite(most) else f">= {least:g}")
        return float(given)

    def year(self, name: str, given: Any) -> int:
        """One of the plan's years; raises InputError SY903."""
        given = int(given) if isinstance(given, str) and given.isdecimal() else given
        if given not in self.years or isinstance(given, bool):
            raise InputError("SY903", self.where, field=name, year=given, first=self.years[0], last=self.years[-1])
        return int(given)

    def yearly(self, name: str, given: Any, most: float = float("inf"), *, each: bool = False) -> dict[int, float]:
        """A number for some years; with ``each`` one number stands for every year, and none may be missing."""
        if each and not isinstance(given, dict):
            return dict.fromkeys(self.years, self.number(name, given, most))
        if not isinstance(given, dict):
            raise self.wrong(name, given, f"{{{self.years[-1]}: …}}")
        found = {self.year(name, year): self.number(f"{name}.{year}", value, most) for year, value in given.items()}
        if each and len(found) < len(self.years):
            missing = ", ".join(str(year) for year in self.years if year not in found)
            raise self.wrong(name, given, f"{{{missing}: …}}")
        return found

    def by_region(
        self, name: str, given: Any, most: float = float("inf"), *, each: bool = False
    ) -> dict[str, dict[int, float]]:
        """Numbers by region, then by year; a mapping of years alone stands for every region."""
        if isinstance(given, dict) and not all(str(key).isdecimal() for key in given):
            return {str(region): self.yearly(f"{name}.{region}", of, most, each=each) for region, of in given.items()}
        return {EVERYWHERE: self.yearly(name, given, most, each=each)}

    def words(self, name: str, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not given:
            raise self.wrong(name, given, "[…]")
        return tuple(map(str, given))


def question(path: Path, catalog: Catalog) -> Question:
    """Read a question; raises InputError that names file, field and what is wanted (SY201, SY221, SY901-SY903, SY905)."""
    if not path.is_file():
        raise InputError("SY201", str(path), reason="no such file")
    return question_of(read_yaml(path), path.stem, str(path), catalog)


def question_of(document: dict[str, Any], name: str, where: str, catalog: Catalog) -> Question:
    """A question from its document; ``name`` stands where it names itself not."""
    known = _Reader(where).keys("", document, KEYS)
    read = _Reader(where, _years(_Reader(where), known.get("years")))
    for needed in ("budget", "coverage"):
        if needed not in known:
            raise read.wrong(needed, None, "…")
    budget = read.yearly("budget", known["budget"], each=True)
    level_of, level, roster = _level(catalog, known["coverage"], where)
    usual = _assumptions(catalog)
    spill = read.keys("spillover", known.get("spillover", {}), ("leader", "pilots"))
    pilots = read.keys("spillover.pilots", spill.get("pilots", {}), ("budget", "saving", "source"))
    if "pilots" in spill and "budget" not in pilots:
        raise read.wrong("spillover.pilots.budget", None, "…")
    asked = _objective(read, known)
    return Question(
        str(known.get("plan", name)), document, read.years, tuple(budget[year] for year in read.years), str(known["coverage"]), level_of,
        level, roster, asked, read.yearly("targets", known.get("targets", {}), 1.0), read.by_region("floors", known.get("floors", {}), 1.0),
        read.by_region("capacity", known["capacity"], each=True) if "capacity" in known else {},
        read.words("regions", known["regions"]) if "regions" in known else (), _unheard(read, known), _priorities(read, known, catalog),
        _assumed(read, "discount", known, usual["discount"]),
        _assumed(read, "spillover.leader", spill, usual["leader_saving"], "saving") if "leader" in spill else None,
        _assumed(read, "spillover.pilots", spill, usual["pilot_saving"], "saving") if "pilots" in spill else None,
        read.number("spillover.pilots.budget", pilots.get("budget", 0)), _parks(read, known), _inspections(read, known),
        str(known.get("figures", "")),
    )  # fmt: skip


def _years(read: _Reader, given: Any) -> tuple[int, ...]:
    whole = isinstance(given, list) and given and all(isinstance(year, int) and 2000 <= year < 2200 for year in given)
    if not whole or given != list(range(given[0], given[0] + len(given))) or len(given) > MOST_YEARS:
        raise read.wrong("years", given, "[2026, 2027, …]")
    return tuple(given)


def _objective(read: _Reader, known: Mapping[str, Any]) -> str:
    asked = known.get("objective", "reach")
    if asked not in ("reach", "most"):
        raise read.wrong("objective", asked, "reach, most")
    if asked == "reach" and not known.get("targets") and not known.get("floors"):
        raise read.wrong("targets", None, "{2027: 0.8, …}")
    return str(asked)


def _unheard(read: _Reader, known: Mapping[str, Any]) -> bool:
    if known.get("unheard", "leave") not in ("leave", "fund"):
        raise read.wrong("unheard", known["unheard"], "leave, fund")
    return bool(known.get("unheard", "leave") == "fund")


def _level(catalog: Catalog, name: Any, where: str) -> tuple[str, float, str]:
    """The level's measure, the level and the roster that a measure of coverage counts; raises InputError SY905."""
    usable = [one.id for one in catalog.measures.values() if one.how == "rolled" and _shares(one.rule)]
    if name not in usable:
        raise InputError("SY905", where, name=name, known=", ".join(usable))
    rule = catalog.measures[name].rule
    return str(rule["share"]["of"]), float(rule["share"]["at_least"]), str(rule["roster"])


def _shares(rule: Mapping[str, Any]) -> bool:
    share = rule.get("share")
    return isinstance(share, dict) and {"of", "at_least"} <= share.keys() and "roster" in rule


def _assumptions(catalog: Catalog) -> dict[str, Assumed]:
    """The shipped assumptions, each replaced by the home's own."""
    told: dict[str, Any] = {}
    for folder in catalog.folders:
        for path in folder.glob("plan/assumptions.yaml"):
            told |= read_yaml(path)
    return {name: Assumed(float(one["value"]), str(one["status"]), str(one["source"])) for name, one in told.items()}


def _assumed(read: _Reader, name: str, known: Mapping[str, Any], usual: Assumed, inner: str = "") -> Assumed:
    """A number of the question, else the usual one."""
    own = known.get(name.rsplit(".", maxsplit=1)[-1])
    if inner and own is not None:
        allowed = (inner, "source", "budget") if name.endswith("pilots") else (inner, "source")
        own = read.keys(name, own, allowed)
        name, source, own = f"{name}.{inner}", str(own.get("source", "")), own.get(inner)
    else:
        source = ""
    if own is None:
        return usual
    return Assumed(read.number(name, own, 0.95), "home", source)


def _priorities(read: _Reader, known: Mapping[str, Any], catalog: Catalog) -> dict[str, Priority]:
    """The shipped kinds and the home's, with the question's weights; ``priorities: none`` leaves all out."""
    told: dict[str, Any] = {}
    for folder in catalog.folders:
        for path in folder.glob("plan/priorities.yaml"):
            told |= read_yaml(path).get("priorities", {})
    if known.get("priorities") == "none":
        return {}
    own = read.keys("priorities", known.get("priorities", {}), tuple(told))
    return {name: _priority(read, name, one, own.get(name)) for name, one in told.items()}


def _priority(read: _Reader, name: str, shipped: Mapping[str, Any], own: Any) -> Priority:
    weight = Assumed(float(shipped["weight"]), str(shipped["status"]), str(shipped["source"]))
    if own is not None:
        told = own if isinstance(own, dict) else {"weight": own}
        told = read.keys(f"priorities.{name}", told, ("weight", "source"))
        weight = Assumed(
            read.number(f"priorities.{name}", told.get("weight"), 100, 1), "home", str(told.get("source", ""))
        )
    lists = (tuple(map(str, shipped.get(key, ()))) for key in ("roles", "lists", "industries"))
    return Priority(shipped["label"], weight, *lists)


def _parks(read: _Reader, known: Mapping[str, Any]) -> Parks | None:
    if "parks" not in known:
        return None
    told = read.keys("parks", known["parks"], ("cost", "weight", "at_least", "source"))
    cost = read.number("parks.cost", told["cost"]) if "cost" in told else None
    return Parks(cost, read.number("parks.weight", told.get("weight", 1)), read.yearly("parks.at_least", told.get("at_least", {})),
                 str(told.get("source", "")))  # fmt: skip


def _inspections(read: _Reader, known: Mapping[str, Any]) -> tuple[Visits, ...]:
    given = known.get("inspections", [])
    if not isinstance(given, list):
        raise read.wrong("inspections", given, "[{id: …, cost: …, year: …}]")
    found = tuple(_visits(read, f"inspections[{number}]", one) for number, one in enumerate(given))
    for number, one in enumerate(found):
        if one.id in [other.id for other in found[:number]]:
            raise read.wrong("inspections.id", one.id, "…")
    return found


def _visits(read: _Reader, name: str, given: Any) -> Visits:
    told = read.keys(name, given, ("id", "region", "cost", "year", "by", "weight", "source"))
    for needed in ("id", "cost"):
        if needed not in told:
            raise read.wrong(f"{name}.{needed}", None, "…")
    year, by = (read.year(f"{name}.{key}", told[key]) if key in told else None for key in ("year", "by"))
    return Visits(str(told["id"]), str(told.get("region", "")), read.number(f"{name}.cost", told["cost"]), year, by,
                  read.number(f"{name}.weight", told.get("weight", 1)), str(told.get("source", "")))  # fmt: skip
