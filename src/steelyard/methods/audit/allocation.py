"""How many firms of each stratum to inspect, so that the corrected coverage has a stated margin at least cost.

The estimate is the sum of ``w_h p_h``, ``w_h = N_h / N``; drawn without replacement its variance is the sum of
``w_h^2 S_h^2 (1 / n_h - 1 / N_h)`` (Cochran, Sampling Techniques, 5.5). At least cost the sizes go as ``N_h S_h / sqrt(c_h)``
(Neyman 1934; Cochran 5.5); here whole firms, at least two and at most all of a stratum. Sizes at one price of variance are exact for
the variance that they reach; what the stated variance leaves between two of them is closed by adding single firms and exchanges.
The price also gives a lower bound (Lagrange), and so the gap that is printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from steelyard.errors import InputError
from steelyard.methods import checks

LEAST = 2  # inspections of a stratum: one has no spread
EXCHANGED = 400  # strata up to which pairs are exchanged; beyond, one firm's cost is far below a percent
HALVINGS = 200
CLOSE = 0.002  # of the bound: a gap above it, of few strata, is searched through
TRIES = 20_000


@dataclass(frozen=True)
class Allocation:
    """``size`` (H,) inspections of each stratum; their cost, no plan costs less than ``bound``; the margin that is expected."""

    size: np.ndarray
    cost: float
    bound: float
    margin: float

    @property
    def gap(self) -> float:
        """What the cost can be above the least, as a share of the cost."""
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0


@dataclass(frozen=True)
class _Task:
    """``spread`` / n is a stratum's share of the variance, whose sum may be ``room``; sizes from ``least`` to ``among``."""

    among: np.ndarray
    least: np.ndarray
    cost: np.ndarray
    spread: np.ndarray
    room: float

    def used(self, size: np.ndarray) -> float:
        return float((self.spread / size).sum())

    def met(self, size: np.ndarray) -> bool:
        return self.used(size) <= self.room * (1 + 1e-12) + 1e-15

    def price_of(self, size: np.ndarray) -> float:
        return float(self.cost @ size)


def variance(rate: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(H,) variance of a yes or no in a stratum where the share ``rate`` is expected; 0.25 is the most there can be, nearly."""
    rate, among = np.asarray(rate, dtype=float), np.asarray(among, dtype=float)
    found: np.ndarray = rate * (1 - rate) * among / np.maximum(among - 1, 1)
    return found


def allocate(among: np.ndarray, spread: np.ndarray, cost: np.ndarray, margin: float, confidence: float = 0.95,
             least: int = LEAST) -> Allocation:  # fmt: skip
    """Sizes at least cost whose interval is expected to be at most ``margin`` to either side.

    ``among`` (H,) firms; ``spread`` (H,) expected variance of the finding (``variance`` makes it of a rate); ``cost`` (H,) money per
    inspection; ``margin`` a share, 0 asks for everybody. Raises InputError SY781 (negative), SY782 (a stratum without firms), SY783
    (shapes), SY785 (a margin or confidence that is none).
    """
    among, spread, cost = (
        np.asarray(among, dtype=np.int64),
        np.asarray(spread, dtype=float),
        np.asarray(cost, dtype=float),
    )
    checks.fit(len(among), spread=spread, cost=cost)
    checks.none_empty(among)
    checks.at_least_zero(spread=spread, cost=cost)
    checks.between("confidence", confidence, 0, 1)
    if not 0 <= margin <= 1:
        raise InputError("SY785", name="margin", value=margin, low=0, high=1)
    weight, z = among / among.sum(), NormalDist().inv_cdf((1 + confidence) / 2)
    part = weight**2 * spread
    fixed = float((part / among).sum())
    task = _Task(among, np.minimum(least, among), cost, part, (margin / z) ** 2 + fixed)
    size, bound = _solve(task)
    return Allocation(size, task.price_of(size), bound, z * float(np.sqrt(max(task.used(size) - fixed, 0.0))))


def _solve(task: _Task) -> tuple[np.ndarray, float]:
    """Sizes that meet the task, and the bound on their cost."""
    if task.met(task.least):
        return task.least, task.price_of(task.least)
    below, above, price = _bracket(task)
    bound = task.price_of(above) + price * (task.used(above) - task.room)
    size = _dropped(task, _filled(task, below, above))
    if len(size) <= EXCHANGED:
        size = _exchanged(task, size)
    if task.price_of(size) - bound > CLOSE * bound:
        size = _Search(task, size, price, bound).best
    return size, min(max(bound, task.price_of(task.least)), task.price_of(size))


def _at(task: _Task, price: float) -> np.ndarray:
    """Sizes of least ``cost n + price spread / n``: the least n with ``n (n + 1) >= price spread / cost``."""
    with np.errstate(divide="ignore"):  # a stratum without variance needs nobody
        ratio = np.log(price) + np.log(task.spread) - np.log(np.maximum(task.cost, 1e-300))
    size = np.ceil((np.sqrt(1 + 4 * np.exp(np.minimum(ratio, 70))) - 1) / 2)
    return np.asarray(np.clip(size, task.least, task.among).astype(np.int64))


def _bracket(task: _Task) -> tuple[np.ndarray, np.ndarray, float]:
    """Sizes at two neighbouring prices, the first short of the task and the second not, and the price of the second."""
    low, high = -700.0, 690.0  # logarithms of the price
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if task.met(_at(task, np.exp(middle))):
            high = middle
        else:
            low = middle
    above = _at(task, np.exp(high))
    if not task.met(above):  # only everybody will do: rounding of the room
        above = task.among
    return _at(task, np.exp(low)), above, float(np.exp(high))


def _filled(task: _Task, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Sizes from those below, towards those above, until the task is met; the dearest left out where they can be."""
    size = above.copy()
    for stratum in np.argsort(-task.cost, kind="stable"):
        lowered = size.copy()
        lowered[stratum] = below[stratum]
        if task.met(lowered):
            size = lowered
    return size


def _dropped(task: _Task, size: np.ndarray) -> np.ndarray:
    """Sizes without the firms that the task does not need, the dearest first."""
    size = size.copy()
    spare = task.room - task.used(size)
    for stratum in np.argsort(-task.cost, kind="stable"):
        fewest = int(np.clip(_fewest(task, stratum, size, spare), task.least[stratum], size[stratum]))
        spare -= task.spread[stratum] * (1 / fewest - 1 / size[stratum])
        size[stratum] = fewest
    return size


def _fewest(task: _Task, stratum: int, size: np.ndarray, spare: float) -> float:
    """The fewest firms of one stratum when its variance may grow by ``spare``."""
    spread = task.spread[stratum]
    return float(np.ceil(spread / (spread / size[stratum] + max(spare, 0.0)) - 1e-12)) if spread > 0 else 0.0


def _exchanged(task: _Task, size: np.ndarray) -> np.ndarray:
    """Sizes after the best exchanges of firms of two strata, while one saves money."""
    for _ in range(4 * len(size) + 20):
        moves = [_one_less(task, size), _one_more(task, size)]
        saved, better = max(moves, key=lambda move: move[0])
        if saved <= 1e-12 * task.price_of(size) or not task.met(better):
            return size
        size = _dropped(task, better)
    return size


def _one_less(task: _Task, size: np.ndarray) -> tuple[float, np.ndarray]:
    """One firm less of a stratum, as many more of another as that needs: the most that this saves, and the sizes."""
    can = size > task.least
    grown = np.where(can, task.spread * (1 / np.maximum(size - 1, 1) - 1 / size), np.inf)
    need = grown - (task.room - task.used(size))  # (i) to be taken from the other's variance
    left = (task.spread / size)[None, :] - need[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(left > 0, np.ceil(task.spread / left - 1e-12), np.inf)
    wanted = np.where(wanted <= task.among, np.maximum(wanted, size), np.inf)
    np.fill_diagonal(wanted, np.inf)
    return _best(task.cost[:, None] - _paid(task.cost, wanted - size), size, -1, wanted)


def _one_more(task: _Task, size: np.ndarray) -> tuple[float, np.ndarray]:
    """One firm more of a stratum, as many less of another as that allows: the most that this saves, and the sizes."""
    shrunk = task.spread * (1 / size - 1 / (size + 1))
    freed = np.where(size < task.among, shrunk + task.room - task.used(size), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.ceil(task.spread / ((task.spread / size)[None, :] + freed[:, None]) - 1e-12)
    wanted = np.where((size < task.among)[:, None], np.clip(np.nan_to_num(wanted), task.least, size), size)
    np.fill_diagonal(wanted, size)
    return _best(_paid(task.cost, size - wanted) - task.cost[:, None], size, 1, wanted)


class _Search:
    """The cheapest sizes, by trying all that can be cheaper than the ones known, up to ``TRIES`` beginnings of them.

    At a price of variance each stratum's size costs something above that stratum's least; sizes whose sum of this exceeds what the
    known ones cost above the bound cannot be cheaper. What was found when the tries end is kept, so it is never dearer.
    """

    def __init__(self, task: _Task, known: np.ndarray, price: float, bound: float) -> None:
        self.task, self.best, self.tries = task, known, 0
        self.cost, self.bound = task.price_of(known), bound
        self.options = [self._options(stratum, price) for stratum in range(len(known))]
        self.least_left = np.array([min(spread for _, _, spread in each) for each in self.options] + [0.0])
        self.least_left = np.cumsum(self.least_left[::-1])[::-1]
        self._from(0, [], 0.0, 0.0)

    def _options(self, stratum: int, price: float) -> list[tuple[float, int, float]]:
        """Sizes of a stratum that can be part of cheaper ones, least extra first: the extra, the size, its variance."""
        sizes = np.arange(self.task.least[stratum], self.task.among[stratum] + 1)
        spread = self.task.spread[stratum] / sizes
        worth = self.task.cost[stratum] * sizes + price * spread
        extra = worth - worth.min()
        order = np.argsort(extra, kind="stable")[:TRIES]
        order = order[extra[order] <= self.cost - self.bound]
        return list(zip(extra[order].tolist(), sizes[order].tolist(), spread[order].tolist(), strict=True))

    def _from(self, stratum: int, chosen: list[int], extra: float, spread: float) -> None:
        """Try everything that begins with ``chosen``."""
        self.tries += 1
        if stratum == len(self.options):
            cost = self.task.price_of(np.array(chosen))
            if cost < self.cost:
                self.best, self.cost = np.array(chosen), cost
            return
        for more, size, adds in self.options[stratum]:
            if self.tries > TRIES or extra + more >= self.cost - self.bound:
                return
            if spread + adds + self.least_left[stratum + 1] <= self.task.room * (1 + 1e-12) + 1e-15:
                self._from(stratum + 1, [*chosen, size], extra + more, spread + adds)


def _paid(cost: np.ndarray, firms: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # no number of firms will do, even where they cost nothing
        found: np.ndarray = np.where(np.isfinite(firms), cost * firms, np.inf)
    return found


def _best(saved: np.ndarray, size: np.ndarray, step: int, wanted: np.ndarray) -> tuple[float, np.ndarray]:
    first, second = np.unravel_index(int(np.argmax(saved)), saved.shape)
    if not np.isfinite(saved[first, second]):
        return 0.0, size
    made = size.copy()
    made[first] += step
    made[second] = int(wanted[first, second])
    return float(saved[first, second]), made
