"""A forecast as Figures: estimated, with the Figures of the series behind them, and flags that say how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steelyard.errors import UsageError
from steelyard.model.measure import Measure
from steelyard.model.period import parse
from steelyard.plan.forecast import LEVEL, Made, aimed, chances
from steelyard.store.home import Home
from steelyard.weigh.keep import Weighed
from steelyard.weigh.modelled import Modelled, keep_modelled

COVERAGE, REACH, FIRMS = "forecast/coverage", "forecast/reach", "forecast/firms"
Document = dict[str, Any]


def keep(home: Home, found: Made, document: Document) -> list[Weighed]:
    """Seal a forecast's coverages, chances and firms by tier.

    Raises UsageError SY892 where the measure has a parameter that a forecast has no place for.
    """
    about = _about(found.series.measure, found.series.years[-1], found.series.regions[0].level, found.funded)
    done = [keep_modelled(home, _named(COVERAGE, about), _coverages(home, found), found.series.figures)]
    aims = aimed(home, found.series.measure, found)
    for at, (target, _) in enumerate(aims):
        name = _named(REACH, {**about, "aim": target.id})
        done.append(keep_modelled(home, name, _chances(home, found, at), found.series.figures))
    tiers = document["tiers"]
    for tier in range(tiers["tiers"] if tiers else 0):
        name = _named(FIRMS, {**{key: about[key] for key in about if key != "intake"}, "tier": str(tier)})
        done.append(keep_modelled(home, name, _firms(home, found, tiers, tier), found.series.figures))
    return done


def _about(measure: Measure, origin: int, by: str, funded: str) -> dict[str, str]:
    """The parameters that name a forecast."""
    other = set(measure.chosen) - {"floor"}
    if other:
        raise UsageError("SY892", name=measure.name, parameter=", ".join(sorted(other)))
    named = {"of": measure.id, "origin": str(origin), "by": by, **measure.chosen}
    return named if funded == "none" else {**named, "intake": funded}


def _named(measure: str, about: dict[str, str]) -> str:
    return f"{measure}[{','.join(f'{key}={value}' for key, value in sorted(about.items()))}]"


def _flags(found: Made, ahead: int, *, pooled: bool) -> tuple[str, ...]:
    back = found.backtest
    return (
        f"horizon_{ahead}", f"level_{LEVEL:.2f}", "untried" if back is None else f"realised_{back.coverage:.2f}",
        *(["beyond_tried"] if ahead > found.tried else []), *(["pooled"] if pooled else []),
    )  # fmt: skip


def _base(found: Made, at: int) -> dict[str, float]:
    """Heard of among of the last year known."""
    return {key: float(found.series.cells[key][at, -1]) for key in ("heard", "among")}


def _coverages(home: Home, found: Made) -> Iterator[Modelled]:
    for at, region in enumerate(found.series.regions):
        pooled = int(found.series.heard_years[at]) < 2
        for ahead, year in enumerate(found.ahead):
            value, low, high = (float(cells[at, ahead]) for cells in (found.made.value, found.low, found.high))
            flags = _flags(found, ahead + 1, pooled=pooled)
            yield Modelled(region.id, parse(str(year), home.zone), value, low, high, **_base(found, at), flags=flags)


def _chances(home: Home, found: Made, which: int) -> Iterator[Modelled]:
    aims = aimed(home, found.series.measure, found)
    for at, region in enumerate(found.series.regions):
        target, chance = chances(found, at, aims)[which]
        flags = _flags(found, aims[which][1] + 1, pooled=int(found.series.heard_years[at]) < 2)
        span = parse(target.by[:4], home.zone)
        yield Modelled(region.id, span, chance.value, chance.low, chance.high, **_base(found, at), flags=flags)


def _firms(home: Home, found: Made, tiers: Document, tier: int) -> Iterator[Modelled]:
    for at, region in enumerate(found.series.regions):
        one = tiers["by_region"][at]
        value, low, high = one["expected"][tier]
        yield Modelled(region.id, parse(str(found.to), home.zone), value, low, high, **_base(found, at),
                       flags=(f"horizon_{found.to - found.series.years[-1]}", "rates_taken_as_known"))  # fmt: skip
