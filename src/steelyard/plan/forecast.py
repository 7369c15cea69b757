"""Where the curve goes: a coverage's S-curves by region with intervals that were tried on the past, and the chance of each target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from steelyard.errors import InputError, UsageError
from steelyard.methods.forecast import conformal, curves, reach
from steelyard.model.measure import Measure
from steelyard.model.period import parse
from steelyard.plan import flows as roster
from steelyard.plan.forecast_intake import Row, digest_of, intake, of_table
from steelyard.plan.forecast_series import Known, known, own_years
from steelyard.plan.forecast_tiers import course
from steelyard.plan.progress import said
from steelyard.plan.progress_places import Place, nation_of, places
from steelyard.plan.progress_published import yearly
from steelyard.plan.progress_targets import Target, targets
from steelyard.store.home import Home

Document = dict[str, Any]
LEVEL = 0.9
FARTHEST = 30  # years ahead
BELOW = {"nation": "province", "province": "city", "city": "county"}


@dataclass(frozen=True)
class Made:
    """A forecast: the series, R regions × H years of value, low, high and expected error; how intervals did on the past."""

    series: Known
    to: int
    made: curves.Forecast
    errors: conformal.Errors
    low: np.ndarray
    high: np.ndarray
    backtest: conformal.Backtest | None
    funded: str

    @property
    def ahead(self) -> range:
        """The years forecast."""
        return range(self.series.years[-1] + 1, self.to + 1)

    @property
    def tried(self) -> int:
        """How many years ahead the farthest forecast lay that the past could judge."""
        return int(self.errors.horizon.max(initial=0))


def forecast(home: Home, name: str, *, by: str = "", to: int = 2030, rows: Callable[[], Sequence[Row]] | None = None,
             source: str = "", table: str = "") -> tuple[Made, Document]:  # fmt: skip
    """Forecast a coverage by region to the end of a year, and say what it rests on.

    ``rows`` gives the funded intake (region, year, firms) of the file ``source``; ``table`` names one of the home.
    Raises UsageError SY884 (no share), SY889 (year), InputError SY883, SY885 (series), SY886 to SY891 (intake).
    """
    measure = home.catalog.measure(name)
    every = places(home)
    own = every.get(home.subject_id)
    series = known(
        home, measure, by or BELOW.get(own.level if own else "nation", "province"), own, list(every.values())
    )
    last = series.years[-1]
    if not last < to <= last + FARTHEST:
        raise UsageError("SY889", to=to, last=last, first=last + 1, most=last + FARTHEST)
    given = rows() if rows else of_table(home, table, series) if table else None
    if table and given is None:
        raise InputError("SY890", str(home.path), name=table, found=", ".join(sorted(home.catalog.tables)[:8]) + " …")
    shares, told = intake(series, given, to) if given is not None else (None, False)
    found = _made(series, to, shares, "none" if given is None else digest_of(given))
    funding = {"name": (source or table) if given is not None else "none", "sha256": found.funded, "past_told": told}
    return found, {**_document(home, found, every), "intake": funding}


def _made(series: Known, to: int, shares: np.ndarray | None, funded: str) -> Made:
    """Fit, forecast, and learn the errors of earlier forecasts; the back-test where there is an origin for it."""
    horizon = to - series.years[-1]
    begun = curves.begun(series.cells["value"], shares)
    made = curves.forecast(begun, curves.fit(begun), horizon)
    errors = conformal.past(begun, horizon)
    low, high = conformal.interval(made, errors, LEVEL)
    tried = conformal.backtest(begun, horizon, LEVEL) if begun.years > conformal.FIRST + 1 else None
    return Made(series, to, made, errors, low, high, tried if tried and tried.judged else None, funded)


def _document(home: Home, found: Made, every: dict[str, Place]) -> Document:
    series = found.series
    aims = aimed(home, series.measure, found)
    level, own = series.regions[0].level, every.get(home.subject_id)
    nation = nation_of(every)
    return {
        "measure": series.measure.name, "label": series.measure.label, "status": series.measure.status, "by": level,
        "years": list(series.years), "to": found.to, "level": LEVEL, "estimated": True,
        "synthetic": any("synthetic" in flags for flags in series.figures["flags"].to_pylist()),
        "backtest": _tried(found),
        "whole": {**_whole(found, aims), "history": own_years(home, series.measure.name, own.id) if own else []}, "regions": [_region(found, at, aims) for at in range(len(series.regions))],
        "without": list(_without(home, found, every, level)),
        "tiers": course(home, series.measure, series.regions, series.years, found.to) if series.measure.how == "rolled" else None,
        "published": yearly(home, "share_transformed", [nation.id if nation else "CN-100000"]),
    }  # fmt: skip


def aimed(home: Home, measure: Measure, found: Made) -> list[tuple[Target, int]]:
    """The targets that the measure answers as a share, with the place of their year in the forecast."""
    years = list(found.ahead)
    due = [
        (target, int(target.by[:4]))
        for target in targets(home.catalog)
        if measure.id in target.measures and target.unit == "1"
    ]
    return [(target, years.index(year)) for target, year in due if year in years and target.times == 1]


def _tried(found: Made) -> Document:
    """How often the intervals held on the past, and how wrong the curve was beside a straight line."""
    back = found.backtest
    about = {"regions": found.errors.regions, "errors": len(found.errors.ratio), "years_ahead_tried": found.tried}
    if back is None:
        return {**about, "realised": None}
    return {
        **about, "realised": back.coverage, "judged": back.judged, "error": _mean(back.error), "straight_line_error": _mean(back.linear),
        "half_width": _mean(back.width),
        "by_origin": [
            {"year": found.series.years[0] + int(origin) - 1, "realised": _or_none(held), "error": _or_none(error), "straight": _or_none(line)}
            for origin, held, error, line in zip(back.origins, back.covered, back.error, back.linear, strict=True)
        ],
    }  # fmt: skip


def _mean(values: np.ndarray) -> float | None:
    return _or_none(np.nanmean(values)) if not np.isnan(values).all() else None


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _whole(found: Made, aims: Sequence[tuple[Target, int]]) -> Document:
    """All regions together, by their firms: the mean, its interval from regions drawn together, and the chance of each target."""
    made, firms = found.made, found.series.firms
    value, low, high = reach.whole(made.value, made.scale, firms, found.errors, LEVEL)
    return {
        "regions": len(found.series.regions), "firms": float(firms.sum()),
        "years": [_year(*one) for one in zip(found.ahead, value, low, high, strict=True)],
        "chances": [
            {"target": target.id, "label": target.label, "by": target.by, "goal": target.value,
             "mean": asdict(reach.together(made.value[:, at], made.scale[:, at], firms, target.value or 0.0, found.errors)),
             "each": asdict(reach.together(made.value[:, at], made.scale[:, at], firms, target.value or 0.0, found.errors, each=True))}
            for target, at in aims
        ],
    }  # fmt: skip


def _year(year: int, value: float, low: float, high: float) -> Document:
    return {"year": year, "value": float(value), "low": float(low), "high": float(high)}


def _region(found: Made, at: int, aims: Sequence[tuple[Target, int]]) -> Document:
    series, made = found.series, found.made
    cells = {field: values[at] for field, values in series.cells.items()}
    seen = [year for year, value in enumerate(cells["value"]) if not np.isnan(value)]
    return {
        **series.regions[at].document(), "heard_years": len(seen), "pooled": len(seen) < 2,
        "history": [
            {"year": series.years[year], **{field: float(values[year]) for field, values in cells.items()}, "grade": series.grades[at, year]}
            for year in seen
        ],
        "years": [_year(*one) for one in zip(found.ahead, made.value[at], found.low[at], found.high[at], strict=True)],
        "chances": [{"target": target.id, "by": target.by, "goal": target.value, **asdict(chance)} for target, chance in chances(found, at, aims)],
    }  # fmt: skip


def chances(found: Made, at: int, aims: Sequence[tuple[Target, int]]) -> list[tuple[Target, reach.Chance]]:
    """How likely a region reaches each target by its date."""
    made = found.made
    return [
        (target, reach.one(made.value[at, when], made.scale[at, when], target.value or 0.0, found.errors))
        for target, when in aims
    ]


def _without(home: Home, found: Made, every: dict[str, Place], level: str) -> list[Document]:
    """Regions of the level without a forecast, each with the reason."""
    series, own = found.series, every.get(home.subject_id)
    last = str(series.years[-1])
    told = [{**place.document(), "why": _late(place, year, last)} for place, year in series.apart]
    seen = {place.id for place in (*series.regions, *(place for place, _ in series.apart))}
    rest = [
        place
        for place in every.values()
        if place.level == level and place.id not in seen and (own is None or own.holds(place))
    ]
    if not rest or series.measure.how != "rolled":
        return told
    firms = roster.listed_by(home, series.measure, [place.id for place in rest], parse(last, home.zone))
    return told + [
        {**place.document(), "why": _none(series.measure, place, firms.get(place.id, 0), last)} for place in rest
    ]


def _late(place: Place, year: int, last: str) -> Document:
    return {
        "code": "", "what": {"zh": f"最后有数的是 {year} 年，{last} 年没有：不作预测，也不补填", "en": f"last heard in {year}, not in {last}: no forecast, and nothing is filled in"},
        "do": {"zh": f"请计量其 {last} 年的数，或取入该地的数据包", "en": f"weigh its Figure of {last}, or take the bundle of its home"},
    }  # fmt: skip


def _none(measure: Measure, place: Place, firms: int, last: str) -> Document:
    if not firms:
        return said(InputError("SY895", place.id, region=place.id, roster=measure.rule["roster"], period=last))
    return said(InputError("SY896", place.id, name=measure.id, place=place.id, period=last, others="–"))
