"""What is to be chosen: firms, years, yearly budgets, provider-days by region and year, coverage floors by region.

Least-cost and most-coverage plans are one problem: firm ``i`` funded in year ``t`` counts ``cost[i] * price[t] - weight[i] * worth[t]``,
and the least sum is looked for. A plan at least cost has ``worth`` 0; one that reaches most has ``price`` 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.errors import InputError

NEVER = -1  # the year of a firm that is not funded


@dataclass(frozen=True)
class Problem:
    """``n`` firms, ``T`` years, ``R`` regions, ``F`` floors a region; money in one unit throughout.

    ``region`` (n,) 0...R-1; ``cost`` (n,) money that the budget of its year pays; ``days`` (n,) provider-days; ``weight`` (n,)
    priority; ``budget`` (T,) money; ``capacity`` (R, T) provider-days; ``floors`` (R, F) firms of the region to be funded by the
    end of year ``by`` (F,), counted from 0; ``price`` (T,) and ``worth`` (T,) as in the module's text; ``penalty``: what one firm
    short of a floor counts (infinite: floors hold).

    ``total`` (F,) firms to be funded by then in all regions but the last ``aside``; of its cost a firm of ``group`` (n,) pays the
    part ``share`` (G, T) in each year, 0...1: what another's example or its leader spares it.
    """

    region: np.ndarray
    cost: np.ndarray
    days: np.ndarray
    weight: np.ndarray
    budget: np.ndarray
    capacity: np.ndarray
    floors: np.ndarray
    by: np.ndarray
    price: np.ndarray
    worth: np.ndarray
    total: np.ndarray
    group: np.ndarray
    share: np.ndarray
    aside: int = 0
    penalty: float = float("inf")

    @property
    def firms(self) -> int:
        return len(self.cost)

    @property
    def years(self) -> int:
        return len(self.budget)

    @property
    def regions(self) -> int:
        return len(self.capacity)

    @property
    def counting(self) -> np.ndarray:
        """(R,) 1 where a region's firms count towards the totals."""
        return (np.arange(self.regions) < self.regions - self.aside).astype(float)

    def paid(self, year: np.ndarray) -> np.ndarray:
        """(n,) money of each firm of a plan; 0 where ``year`` is NEVER."""
        return np.where(year >= 0, self.cost * self.share[self.group, year], 0.0)

    def counts_for(self) -> np.ndarray:
        """(T, F): 1 where a firm funded in that year counts towards that floor."""
        return (np.arange(self.years)[:, None] <= self.by).astype(float)

    def least_cost(self, price: np.ndarray) -> Problem:
        """The same world, at least cost; ``price`` (T,) is what money of each year counts (discount, falling prices)."""
        return replace(self, price=np.asarray(price, dtype=float), worth=np.zeros(self.years))

    def most(self, worth: np.ndarray | None = None) -> Problem:
        """The same world, reaching the most weight; ``worth`` (T,) is what weight of each year counts, 1 without one."""
        chosen = np.ones(self.years) if worth is None else np.asarray(worth, dtype=float)
        return replace(self, price=np.zeros(self.years), worth=chosen)

    def values(self, year: np.ndarray) -> np.ndarray:
        """(n,) what each firm of a plan counts; 0 where ``year`` is NEVER."""
        counted: np.ndarray = self.paid(year) * self.price[year] - np.where(
            year >= 0, self.weight * self.worth[year], 0.0
        )
        return counted


def only(problem: Problem, firms: np.ndarray) -> Problem:
    """The problem with some of its firms (a mask or numbers)."""
    return replace(
        problem,
        region=problem.region[firms],
        cost=problem.cost[firms],
        days=problem.days[firms],
        weight=problem.weight[firms],
        group=problem.group[firms],
    )


def problem(region: np.ndarray, cost: np.ndarray, days: np.ndarray, budget: np.ndarray, capacity: np.ndarray,
            floors: np.ndarray | None = None, by: np.ndarray | None = None, weight: np.ndarray | None = None,
            price: np.ndarray | None = None, worth: np.ndarray | None = None, total: np.ndarray | None = None, aside: int = 0,
            group: np.ndarray | None = None, share: np.ndarray | None = None) -> Problem:  # fmt: skip
    """A problem whose arrays fit and hold finite numbers of at least 0; floors are rounded up to whole firms.

    Without ``weight`` every firm weighs 1, without ``price`` money counts 1 in every year, without ``worth`` weight counts nothing,
    without ``share`` every firm pays its whole cost in every year.
    Raises InputError SY770 (negative or not a number), SY771 (shapes that do not fit), SY772 (a floor in a region without firms).
    """
    count, years = len(cost), len(budget)
    capacity = np.asarray(capacity, dtype=float)
    floors = np.zeros((len(capacity), 0)) if floors is None else np.asarray(floors, dtype=float)
    made = Problem(
        np.asarray(region, dtype=np.int32), np.asarray(cost, dtype=float), np.asarray(days, dtype=float),
        np.ones(count) if weight is None else np.asarray(weight, dtype=float), np.asarray(budget, dtype=float), capacity,
        np.ceil(floors - 1e-9), np.zeros(0, dtype=int) if by is None else np.asarray(by, dtype=int),
        np.ones(years) if price is None else np.asarray(price, dtype=float),
        np.zeros(years) if worth is None else np.asarray(worth, dtype=float),
        np.zeros(floors.shape[1]) if total is None else np.ceil(np.asarray(total, dtype=float) - 1e-9),
        np.zeros(count, dtype=np.int32) if group is None else np.asarray(group, dtype=np.int32),
        np.ones((1, years)) if share is None else np.asarray(share, dtype=float), aside,
    )  # fmt: skip
    _check(made)
    return made


def _check(made: Problem) -> None:
    floors = (made.regions, len(made.by))
    shaped(made, region=(made.firms,), days=(made.firms,), weight=(made.firms,), price=(made.years,), worth=(made.years,),
           capacity=(made.regions, made.years), floors=floors, total=(len(made.by),), group=(made.firms,),
           share=(len(made.share), made.years))  # fmt: skip
    for name in ("cost", "days", "weight", "budget", "capacity", "floors", "price", "worth", "total", "share"):
        finite(name, getattr(made, name))
    inside("region", made.region, made.regions)
    inside("by", made.by, made.years)
    inside("group", made.group, len(made.share))
    settled(made.region, made.floors)


def shaped(made: object, **shapes: tuple[int, ...]) -> None:
    """Refuse an array of another shape (SY771)."""
    for name, shape in shapes.items():
        found = getattr(made, name).shape
        if found != shape:
            raise InputError("SY771", name=name, found=found, wanted=shape)


def finite(name: str, values: np.ndarray) -> None:
    """Refuse negative numbers and such that are none (SY770)."""
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        place = np.unravel_index(int(np.argmax(wrong)), values.shape)
        raise InputError("SY770", name=name, value=values[place], at=", ".join(map(str, map(int, place))))


def settled(region: np.ndarray, floors: np.ndarray) -> None:
    """Refuse a floor (R, F) where nobody is (SY772)."""
    empty = (np.bincount(region, minlength=len(floors)) == 0) & (floors > 0).any(axis=1)
    if empty.any():
        raise InputError("SY772", region=int(np.flatnonzero(empty)[0]))


def inside(name: str, values: np.ndarray, end: int) -> None:
    """Refuse numbers that do not count from 0 to less than ``end`` (SY771)."""
    if len(values) and not 0 <= values.min() <= values.max() < end:
        raise InputError("SY771", name=name, found=f"{values.min()}…{values.max()}", wanted=f"0…{end - 1}")
