"""Development cycles: durations of projects, the unfinished ones kept as what they are, lower bounds.

Kaplan-Meier medians by group; log-normal and Weibull accelerated failure time by lifelines, whose result is a time ratio: 0.70 is
"30 % shorter". The mean of finished projects is told beside it, with by how much it errs: it leaves out the long ones.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.errors import InputError

MODELS = ("lognormal", "weibull")
QUANTILES = (0.25, 0.5, 0.75)
Z = 1.959964
MACHINE = 1e-8  # a standard error below it says that nothing varies


@dataclass(frozen=True)
class Group:
    """One side: projects, finished ones, Kaplan-Meier median with 95 % interval (None: not reached), mean of the finished."""

    n: int
    finished: int
    median: float | None
    low: float | None
    high: float | None
    mean_of_finished: float


@dataclass(frozen=True)
class Ratio:
    """A time ratio treated over untreated with its 95 % interval, the model's AIC, and its mean duration on either side."""

    ratio: float
    low: float
    high: float
    se_log: float
    aic: float
    mean_treated: float
    mean_untreated: float


@dataclass(frozen=True)
class Cycles:
    """Both groups, each model that settles, the name of the one that fits best, quantile ratios, a Cox model's hazard ratio."""

    treated: Group
    untreated: Group
    models: dict[str, Ratio]
    best: str
    quantiles: dict[float, float | None]
    hazard: float | None

    @property
    def censored(self) -> float:
        """The share of projects that are not finished."""
        return 1 - (self.treated.finished + self.untreated.finished) / (self.treated.n + self.untreated.n)

    @property
    def naive(self) -> float:
        """The ratio of the means of finished projects."""
        return self.treated.mean_of_finished / self.untreated.mean_of_finished


def compare(
    duration: np.ndarray, finished: np.ndarray, treated: np.ndarray, covariates: np.ndarray | None = None
) -> Cycles:
    """Durations (n,) of treated and untreated projects (bool), finished or not (bool), with covariates (n, k) held fixed in the models.

    Raises InputError SY760 where a duration is not positive, SY761 where none of a side has finished,
    SY762 where no model settles: too few projects for so many covariates, durations that do not vary.
    """
    check(duration, finished, treated)
    rows = covariates if covariates is not None else np.empty((len(duration), 0))
    frame = _frame(duration, finished, treated, rows)
    models = {name: found for name in MODELS if (found := _aft(name, frame))}
    if not models:
        raise InputError("SY762", n=len(duration), finished=int(finished.sum()), covariates=rows.shape[1])
    sides = {side: survival(duration[treated == side], finished[treated == side]) for side in (True, False)}
    return Cycles(
        _group(sides[True], duration[treated], finished[treated]),
        _group(sides[False], duration[~treated], finished[~treated]),
        models,
        min(models, key=lambda name: models[name].aic),
        {p: _over(reached(sides[True], p), reached(sides[False], p)) for p in QUANTILES},
        _hazard(frame),
    )


def check(duration: np.ndarray, finished: np.ndarray, treated: np.ndarray) -> None:
    """Refuse what no duration can be; raises InputError as `compare` does."""
    wrong = ~(duration > 0)
    if wrong.any():
        raise InputError("SY760", n=int(wrong.sum()), first=int(np.flatnonzero(wrong)[0]) + 1)
    for side, name in ((True, "treated"), (False, "untreated")):
        if not finished[treated == side].any():
            raise InputError("SY761", side=name, n=int((treated == side).sum()))


def survival(duration: np.ndarray, finished: np.ndarray) -> Any:
    """The Kaplan-Meier curve of lifelines, with its log-log interval."""
    from lifelines import KaplanMeierFitter  # noqa: PLC0415  - heavy

    return KaplanMeierFitter().fit(duration, finished)


def reached(curve: Any, p: float) -> float | None:
    """The time by which a share ``p`` of projects has finished; None where the curve does not come so far."""
    from lifelines.utils import qth_survival_time  # noqa: PLC0415  - heavy

    return _finite(qth_survival_time(1 - p, curve.survival_function_))


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _over(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below is not None else None


def _group(curve: Any, duration: np.ndarray, finished: np.ndarray) -> Group:
    from lifelines.utils import median_survival_times  # noqa: PLC0415  - heavy

    low, high = median_survival_times(curve.confidence_interval_).to_numpy()[0]
    return Group(len(duration), int(finished.sum()), _finite(curve.median_survival_time_), _finite(low), _finite(high),
                 float(duration[finished].mean()))  # fmt: skip


def _frame(duration: np.ndarray, finished: np.ndarray, treated: np.ndarray, covariates: np.ndarray) -> Any:
    """A frame for lifelines; covariates centred and scaled, which leaves the ratio as it is and the search well-conditioned."""
    from pandas import DataFrame  # noqa: PLC0415  - heavy

    spread = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)
    columns = {f"x{i}": scaled[:, i] for i in range(scaled.shape[1]) if spread[i] > 0}
    return DataFrame({"duration": duration, "finished": finished, "treated": treated.astype(float), **columns})


def _settled(model: Any, frame: Any, place: Any) -> tuple[float, float] | None:
    """Coefficient and standard error at ``place`` of a model fitted to a frame; None where the search finds no maximum.

    What lifelines warns of on its way is left aside: whether a maximum was found shows in the standard error, which then is finite
    and not beyond all reason (a factor of e^10).
    """
    from lifelines.exceptions import ConvergenceError  # noqa: PLC0415  - heavy

    told = np.column_stack([np.ones(len(frame)), frame.drop(columns=["duration", "finished"]).to_numpy()])
    if np.linalg.matrix_rank(told) < told.shape[1]:
        return None  # one covariate tells what others tell, or there are more of them than projects
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(frame, "duration", "finished")
    except (ConvergenceError, np.linalg.LinAlgError):
        return None
    slope, se = float(model.params_[place]), float(model.standard_errors_[place])
    return (slope, se) if np.isfinite(slope) and MACHINE < se < 10 else None


def _aft(name: str, frame: Any) -> Ratio | None:
    from lifelines import LogNormalAFTFitter, WeibullAFTFitter  # noqa: PLC0415  - heavy

    scale = float(frame["duration"].median())  # the search starts near 1 whatever the unit of time
    near_one = frame.assign(duration=frame["duration"] / scale)
    model = (LogNormalAFTFitter if name == "lognormal" else WeibullAFTFitter)()
    found = _settled(model, near_one, ("mu_" if name == "lognormal" else "lambda_", "treated"))
    if not found:
        return None
    slope, se = found
    means, on = model.predict_expectation(near_one).to_numpy() * scale, frame["treated"].to_numpy() == 1
    shift = 2 * int(frame["finished"].sum()) * np.log(scale)  # the likelihood in the unit that was handed in
    return Ratio(
        float(np.exp(slope)),
        float(np.exp(slope - Z * se)),
        float(np.exp(slope + Z * se)),
        se,
        float(model.AIC_ + shift),
        float(means[on].mean()),
        float(means[~on].mean()),
    )


def _hazard(frame: Any) -> float | None:
    """How many times as often a running treated project finishes: above 1 says shorter, without the shape that the models assume."""
    from lifelines import CoxPHFitter  # noqa: PLC0415  - heavy

    found = _settled(CoxPHFitter(), frame, "treated")
    return float(np.exp(found[0])) if found else None
