"""S-curves of coverage, one a region, that share what regions have in common; funded intake enters as an external rate.

Bass (1969): of the share ``m`` that ever comes by itself, ``x`` has come, and ``dx/dt = (p + q x)(1 - x)``. Funding reaches a share of
all firms in a year: those not there yet, whether they would ever come or not, have the hazard ``u`` that would bring just these, so
that a funded firm that would have come anyway is not counted twice. Within a year ``u`` is constant and the curve has a closed form.

Log p, log q and logit m are fitted to yearly increments: a coverage that differs from its curve keeps the difference, and so the
forecast goes on from the last value seen. Means and spreads of the three over regions, and the error of a year, are estimated from
all regions together with weak beginnings: a hierarchical model by EM with normal
approximations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.errors import InputError

MEAN = np.array([np.log(0.012), np.log(0.5), 2.5])  # log p, log q, logit m before anything is seen
SPREAD = np.array([0.8, 0.4, 1.2])
ERROR = 0.012  # of a year
FAITH = 5.0  # regions that the beginnings count as
ROUNDS = 8  # of the means and spreads over regions
STEPS = 25  # of the first search of the parameters; later ones begin where the last ended
CLOSE = 1e-5
SHIFT = 1e-5  # of a parameter, for slopes


@dataclass(frozen=True)
class Series:
    """``seen`` (R, T) coverage at the ends of years 1...T, NaN where unheard; ``start`` (R,) coverage at year 0; ``intake`` (R, Y) share
    of all firms funded in each of the years 1...Y >= T, or None: nothing is. ``first`` (R,) the year of each ``start``, where it is
    not 0: of what was before nothing is known, and nothing is learnt.
    """

    seen: np.ndarray
    start: np.ndarray
    intake: np.ndarray | None = None
    first: np.ndarray | None = None

    @property
    def years(self) -> int:
        return int(self.seen.shape[1])

    def until(self, year: int) -> Series:
        """What was known at the end of a year."""
        return Series(self.seen[:, :year], self.start, self.intake, self.first)

    def of(self, rows: np.ndarray) -> Series:
        """Some of the regions, by their rows."""
        intake, first = (None if part is None else part[rows] for part in (self.intake, self.first))
        return Series(self.seen[rows], self.start[rows], intake, first)


@dataclass(frozen=True)
class Fit:
    """``parameters`` (R, 3), their covariance (R, 3, 3); ``mean`` and ``spread`` (3,) over regions, ``error`` of a year (sd)."""

    parameters: np.ndarray
    covariance: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    error: float


@dataclass(frozen=True)
class Forecast:
    """``value`` (R, H) coverage in the H years after the last; ``scale`` (R, H) the error that the fit expects (sd)."""

    value: np.ndarray
    scale: np.ndarray


def series(seen: np.ndarray, start: np.ndarray | None = None, intake: np.ndarray | None = None) -> Series:
    """Series that can be fitted.

    Raises InputError SY783 (shapes), SY787 (a coverage, start or intake outside 0...1, or a region without its last year).
    """
    seen = np.asarray(seen, dtype=float)
    start = np.zeros(len(seen)) if start is None else np.asarray(start, dtype=float)
    if seen.ndim != 2 or not seen.size or start.shape != (len(seen),):
        raise InputError("SY783", name="coverage", found=(seen.shape, start.shape), wanted="(R, T), (R,)")
    if intake is not None:
        intake = np.asarray(intake, dtype=float)
        if intake.ndim != 2 or len(intake) != len(seen) or intake.shape[1] < seen.shape[1]:
            raise InputError("SY783", name="intake", found=intake.shape, wanted=f"({len(seen)}, >= {seen.shape[1]})")
    for name, values in (
        ("coverage", seen),
        ("start", start[:, None]),
        ("intake", seen[:, :0] if intake is None else intake),
    ):
        _a_share(name, values, missing=name == "coverage")
    unheard = np.isnan(seen[:, -1])
    if unheard.any():
        raise InputError("SY787", name="coverage", region=int(np.argmax(unheard)), year=seen.shape[1], value="-")
    return Series(seen, start, intake)


def begun(seen: np.ndarray, intake: np.ndarray | None = None) -> Series:
    """Series that begin where each region is first heard: that coverage is its start.

    Raises InputError as ``series``.
    """
    seen = np.asarray(seen, dtype=float)
    known = series(seen, None, intake)
    first = np.argmax(~np.isnan(seen), axis=1)
    return Series(seen, seen[np.arange(len(seen)), first], known.intake, first + 1)


def funded(firms: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(R, Y) shares of all firms that are funded, from whole firms (R, Y) among (R, T) in the first years, NaN where that is not known.

    A year without its number of firms has that of the next with one; years from T on have that of the last. Raises InputError SY783.
    """
    if (
        firms.ndim != 2
        or among.ndim != 2
        or len(firms) != len(among)
        or firms.shape[1] < among.shape[1]
        or not among.size
    ):
        raise InputError("SY783", name="firms, among", found=(firms.shape, among.shape), wanted="(R, Y), (R, T)")
    whole = np.hstack([among, np.repeat(among[:, -1:], firms.shape[1] - among.shape[1], axis=1)])
    for year in range(whole.shape[1] - 2, -1, -1):
        whole[:, year] = np.where(np.isnan(whole[:, year]), whole[:, year + 1], whole[:, year])
    return np.asarray(np.minimum(np.divide(firms, whole, out=np.zeros(firms.shape), where=whole > 0), 1.0))


def _a_share(name: str, values: np.ndarray, *, missing: bool) -> None:
    right = ((values >= 0) & (values <= 1)) | (np.isnan(values) if missing else False)
    if not right.all():
        region, year = (int(place) for place in np.argwhere(~right)[0])
        raise InputError("SY787", name=name, region=region, year=year + 1, value=values[region, year])


def curve(parameters: np.ndarray, years: int, start: np.ndarray, intake: np.ndarray | None = None,
          first: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """(R, years + 1) coverage at the ends of years 0...``years`` by ``parameters`` (R, 3); years without an entry in ``intake`` fund
    nobody, and until the year ``first`` (R,) it stands at its start.
    """
    p, q = np.exp(parameters[:, 0]), np.exp(parameters[:, 1])
    m = 1 / (1 + np.exp(-parameters[:, 2]))
    x = np.minimum(start / m, 1 - 1e-9)
    begin = np.zeros(len(m)) if first is None else first
    if intake is None:
        run = np.maximum(np.arange(years + 1)[:, None] - begin, 0)
        decay = (1 - x) / (p + q * x) * np.exp(-run * (p + q))
        return np.asarray((m * (1 - p * decay) / (1 + q * decay)).T + np.maximum(start - m, 0.0)[:, None])
    return _funded(np.stack([p, q, m]), x, np.maximum(start - m * x, 0.0), years, intake, begin)


def _funded(bass: np.ndarray, x: np.ndarray, never: np.ndarray, years: int, intake: np.ndarray,
            begin: np.ndarray) -> np.ndarray:  # fmt: skip
    """The curve where firms are funded; ``never``: the share reached among those that would not have come by themselves."""
    p, q, m = bass
    path = [m * x + never]
    for year in range(years):
        left = 1 - path[-1]
        share = intake[:, year] if year < intake.shape[1] else np.zeros(len(m))
        u = -np.log1p(-np.minimum(share / np.maximum(left, 1e-12), 1 - 1e-9))
        outer = p + u
        decay = (1 - x) / (outer + q * x) * np.exp(-(outer + q))
        runs = year >= begin
        x = np.where(runs, (1 - outer * decay) / (1 + q * decay), x)
        never = np.where(runs, 1 - m - (1 - m - never) * np.exp(-u), never)
        path.append(m * x + never)
    return np.stack(path, axis=1)


def fit(known: Series) -> Fit:
    """The most likely curves of all regions, and what they have in common."""
    steps = _Increments(known)
    mean, spread, error = MEAN, SPREAD, ERROR
    parameters = np.tile(mean, (len(known.seen), 1))
    for turn in range(ROUNDS):
        parameters, covariance, weight = _search(steps, parameters, mean, spread, error, STEPS if turn == 0 else 6)
        if turn == ROUNDS - 1:
            break
        mean, spread = _common(parameters, covariance)
        error = _error(steps, parameters, weight)
    return Fit(parameters, covariance, mean, spread, error)


def _common(parameters: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads over regions, joined by the beginnings as by ``FAITH`` regions."""
    count = len(parameters) + FAITH
    mean = (parameters.sum(axis=0) + FAITH * MEAN) / count
    own = (np.square(parameters - mean) + np.diagonal(covariance, axis1=1, axis2=2)).sum(axis=0)
    return mean, np.sqrt((own + FAITH * (SPREAD**2 + np.square(MEAN - mean))) / count)


def _error(steps: _Increments, parameters: np.ndarray, used: float) -> float:
    """The error of a year: what is left over what was not used up by parameters, joined by the beginning."""
    left = np.square(steps.left(parameters)).sum()
    free = max(float(steps.count - used), 0.0)
    return float(np.sqrt((left + FAITH * ERROR**2) / (free + FAITH)))


class _Increments:
    """Increments between years that were heard, divided by the root of the years between."""

    def __init__(self, known: Series) -> None:
        self.known = known
        seen = np.hstack([known.start[:, None], known.seen])
        years = np.arange(seen.shape[1])
        begin = np.zeros((len(seen), 1), dtype=int) if known.first is None else known.first[:, None]
        heard = ~np.isnan(seen)
        self.last = np.maximum(np.maximum.accumulate(np.where(heard, years, 0), axis=1)[:, :-1], begin)
        self.last = np.minimum(self.last, seen.shape[1] - 1)
        self.heard = heard[:, 1:] & (years[1:] > begin)
        self.root = np.sqrt(np.maximum(years[1:] - self.last, 1))
        self.found = np.where(self.heard, seen[:, 1:] - np.take_along_axis(seen, self.last, axis=1), 0.0)
        self.count = int(self.heard.sum())

    def left(self, parameters: np.ndarray) -> np.ndarray:
        """(R, T) increments seen less those of the curves, over the root of their years; 0 where nothing was heard."""
        path = curve(parameters, self.known.years, self.known.start, self.known.intake, self.known.first)
        grown = path[:, 1:] - np.take_along_axis(path, self.last, axis=1)
        return np.where(self.heard, (self.found - grown) / self.root, 0.0)

    def slopes(self, parameters: np.ndarray, left: np.ndarray) -> np.ndarray:
        """(R, T, 3) slopes of ``left`` along the parameters."""
        return np.stack([(self.left(parameters + step) - left) / SHIFT for step in SHIFT * np.eye(3)], axis=2)


def _search(steps: _Increments, parameters: np.ndarray, mean: np.ndarray, spread: np.ndarray, error: float,
            rounds: int) -> tuple[np.ndarray, np.ndarray, float]:  # fmt: skip
    """Parameters of greatest posterior (Levenberg-Marquardt, all regions at once), their covariance, and how many were used up."""
    prior = np.diag(1 / spread**2)
    damping = np.full(len(parameters), 1e-3)
    loss = _loss(steps, parameters, mean, spread, error)
    for _ in range(rounds):
        left = steps.left(parameters)
        slopes = steps.slopes(parameters, left)
        gain = np.einsum("rti,rtj->rij", slopes, slopes) / error**2 + prior
        pull = np.einsum("rti,rt->ri", slopes, left) / error**2 + (parameters - mean) / spread**2
        damped = gain + damping[:, None, None] * np.eye(3) * np.diagonal(gain, axis1=1, axis2=2)[:, None, :]
        step = -np.linalg.solve(damped, pull[:, :, None])[:, :, 0]
        tried = parameters + np.clip(step, -1.0, 1.0)
        new = _loss(steps, tried, mean, spread, error)
        better = new < loss
        parameters, loss = np.where(better[:, None], tried, parameters), np.where(better, new, loss)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-9, 1e6)
        if (np.abs(step[better]) < CLOSE).all():
            break
    slopes = steps.slopes(parameters, steps.left(parameters))
    told = np.einsum("rti,rtj->rij", slopes, slopes) / error**2
    covariance = np.linalg.inv(told + prior)
    return parameters, covariance, float(np.einsum("rij,rji->", covariance, told))


def _loss(steps: _Increments, parameters: np.ndarray, mean: np.ndarray, spread: np.ndarray, error: float) -> np.ndarray:
    """(R,) minus twice the logarithm of the posterior, up to a constant."""
    found: np.ndarray = (np.square(steps.left(parameters)).sum(axis=1) / error**2
                         + np.square((parameters - mean) / spread).sum(axis=1))  # fmt: skip
    return found


def forecast(known: Series, made: Fit, horizon: int) -> Forecast:
    """The curves' further course from the last values seen: coverage kept within 0...1, and the error expected of it."""
    last, years = known.years, known.years + horizon

    def grown(parameters: np.ndarray) -> np.ndarray:
        path = curve(parameters, years, known.start, known.intake, known.first)
        return np.asarray(path[:, last + 1 :] - path[:, last, None])

    plain = grown(made.parameters)
    slopes = np.stack([(grown(made.parameters + step) - plain) / SHIFT for step in SHIFT * np.eye(3)], axis=2)
    unknown = np.einsum("rhi,rij,rhj->rh", slopes, made.covariance, slopes)
    scale = np.sqrt(unknown + made.error**2 * np.arange(1, horizon + 1))
    return Forecast(np.clip(known.seen[:, -1, None] + plain, 0.0, 1.0), scale)


def linear(seen: np.ndarray, horizon: int) -> np.ndarray:
    """(R, H) straight lines through the last two years, the baseline to beat, within 0...1. Needs two years without gaps."""
    step = seen[:, -1] - seen[:, -2]
    return np.asarray(np.clip(seen[:, -1, None] + step[:, None] * np.arange(1, horizon + 1), 0.0, 1.0))
