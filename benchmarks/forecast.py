"""The forecast's back-test on simulated regions, and firms over tiers: closed form and single firms.

``python forecast.py [--seed 1] [--regions 31] [--worlds 20] [--years 7] [--firms 500000] [--write FILE]``. Coverage of regions follows
Bass curves (p lognormal(log .012, .4), q normal(.55, .1), ceiling uniform(.85, 1)) and a random walk of sd .006 a year. Origins are
years 5, 7 and 9, the horizon is 3; the interval of each origin uses only what was known at it. ``straight`` goes on as in the last
year. ``--years`` and ``--firms`` are those of the microsimulation. ``--write`` keeps what was seen, forecast and its interval.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import peak_mib, say

from steelyard.methods.forecast import conformal, curves, tiers

ORIGINS, HORIZON, LEVEL = (5, 7, 9), 3, 0.9


def world(regions: int, dice: np.random.Generator) -> np.ndarray:
    """(R, 12) coverage."""
    ceiling = dice.uniform(0.85, 1, regions)
    parameters = np.stack(
        [dice.normal(np.log(0.012), 0.4, regions), np.log(np.maximum(dice.normal(0.55, 0.1, regions), 0.05)),
         np.log(ceiling / (1 - ceiling))], axis=1)  # fmt: skip
    path = curves.curve(parameters, ORIGINS[-1] + HORIZON, np.zeros(regions))[:, 1:]
    return np.clip(path + np.cumsum(dice.normal(0, 0.006, path.shape), axis=1), 0, 1)


def tried(seen: np.ndarray, origin: int) -> np.ndarray:
    """(5, R, H): what came, the forecast, its low and high, the straight line."""
    known = curves.series(seen[:, :origin])
    made = curves.forecast(known, curves.fit(known), HORIZON)
    low, high = conformal.interval(made, conformal.past(known, HORIZON), LEVEL)
    came = seen[:, origin : origin + HORIZON]
    return np.stack([came, made.value, low, high, curves.linear(known.seen, HORIZON)])


def judged(found: np.ndarray) -> dict[str, Any]:
    """Errors and coverage of results (W, O, 5, R, H)."""
    came, value, low, high, straight = np.moveaxis(found, 2, 0)
    ours, lines, held = np.abs(value - came), np.abs(straight - came), (low <= came) & (came <= high)
    worlds = held.mean(axis=(1, 2, 3))
    by_origin = {
        f"origin {origin}": {
            "mae": round(ours[:, at].mean(), 4), "straight_mae": round(lines[:, at].mean(), 4),
            "ratio": round(ours[:, at].mean() / lines[:, at].mean(), 3), "covers": round(held[:, at].mean(), 4),
            "half_width": round((high - low)[:, at].mean() / 2, 4),
            "three_years_ahead": {"mae": round(ours[:, at, :, -1].mean(), 4), "straight_mae": round(lines[:, at, :, -1].mean(), 4),
                                  "ratio": round(ours[:, at, :, -1].mean() / lines[:, at, :, -1].mean(), 3),
                                  "covers": round(held[:, at, :, -1].mean(), 4)},
        }
        for at, origin in enumerate(ORIGINS)
    }  # fmt: skip
    return {
        **by_origin, "ratio": round(ours.mean() / lines.mean(), 3), "covers": round(held.mean(), 4),
        "covers_by_world": {"least": round(worlds.min(), 3), "median": round(float(np.median(worlds)), 3), "most": round(worlds.max(), 3),
                            "within_88_to_97": round(float(((worlds >= 0.88) & (worlds <= 0.97)).mean()), 2)},
        "target": {"ratio": 0.3, "covers": [0.88, 0.97]},
    }  # fmt: skip


def moved(regions: int, firms: int, years: int, seed: int) -> dict[str, Any]:
    """A microsimulation of firms in six tiers, three sizes and the regions, against the closed form."""
    dice = np.random.default_rng(seed)
    groups, count = regions * 3, 6
    seen = dice.multinomial(50, dice.dirichlet(np.ones(count + 1), count), size=(groups, count))
    rate = tiers.rates(seen, np.arange(groups) % 3)
    now = dice.multinomial(firms, dice.dirichlet(np.ones(groups * count))).reshape(groups, count)
    entering = dice.multinomial(firms // 25, np.full(groups * count, 1 / groups / count), size=years).reshape(
        years, groups, count
    )
    begun = time.perf_counter()
    expected = tiers.expected(rate, now, entering)
    closed = time.perf_counter() - begun
    begun = time.perf_counter()
    drawn = tiers.simulate(rate, now, entering, seed)
    simulated = time.perf_counter() - begun
    error = np.sqrt(np.square(expected.error).sum(axis=1))[1:]  # groups are independent
    away = np.abs(drawn.firms.sum(axis=1) - expected.firms.sum(axis=1))[1:] / error
    return {
        "firms": firms, "years": years, "groups": groups, "tiers": count, "rows_off_one": float(np.abs(rate.sum(axis=2) - 1).max()),
        "seconds_closed": round(closed, 4), "seconds_simulated": round(simulated, 2),
        "worst_national_tier_in_standard_errors": round(float(away.max()), 2), "target": 4,
    }  # fmt: skip


def kept(path: Path, found: np.ndarray, seed: int) -> None:
    """A row a world, origin, region and year ahead."""
    import pyarrow as pa
    from pyarrow import parquet

    came, value, low, high, straight = (each.ravel() for each in np.moveaxis(found, 2, 0))
    index = np.indices(np.moveaxis(found, 2, 0)[0].shape).reshape(4, -1)
    names = {"world": index[0], "origin": np.array(ORIGINS)[index[1]], "region": index[2], "ahead": index[3] + 1}
    columns = {**names, "came": came, "value": value, "low": low, "high": high, "straight": straight}
    parquet.write_table(pa.table(columns).replace_schema_metadata({"seed": str(seed), "level": str(LEVEL)}), path)


def main() -> None:
    """The back-test of all worlds, then the firms."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--regions", type=int, default=31)
    asked.add_argument("--worlds", type=int, default=20)
    asked.add_argument("--years", type=int, default=7)
    asked.add_argument("--firms", type=int, default=500_000)
    asked.add_argument("--write", type=Path)
    given = asked.parse_args()
    dice = np.random.default_rng(given.seed)
    begun = time.perf_counter()
    seen = [world(given.regions, dice) for _ in range(given.worlds)]
    found = np.stack([np.stack([tried(one, origin) for origin in ORIGINS]) for one in seen])
    seconds = time.perf_counter() - begun
    if given.write:
        kept(given.write, found, given.seed)
    say("forecast", {"seed": given.seed, "regions": given.regions, "worlds": given.worlds, "seconds": round(seconds, 2),
                     "backtest": judged(found), "tiers": moved(given.regions, given.firms, given.years, given.seed),
                     "peak_mib": peak_mib()})  # fmt: skip


if __name__ == "__main__":
    main()
