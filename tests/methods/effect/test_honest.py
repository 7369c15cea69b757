"""Honest bounds: the numbers of the R package on the Medicaid expansions, and what any such bound must do."""

from __future__ import annotations

import numpy as np
import pytest
from effect_panels import matrix, published, rows, simulated

from steelyard.methods.effect import aggregate, honest
from steelyard.methods.effect.panel import make
from steelyard.methods.effect.staggered import estimate

RELATIVE = {0.5: (0.0240, 0.0672), 1.0: (0.0170, 0.0720), 1.5: (0.00824, 0.0797), 2.0: (-0.000916, 0.0881)}
SMOOTH = {0.0: (0.0259, 0.0607), 0.01: (0.0132, 0.0787), 0.02: (0.00286, 0.0907), 0.03: (-0.00714, 0.101), 0.04: (-0.0171, 0.111),
          0.05: (-0.0271, 0.121)}  # fmt: skip


def medicaid() -> honest.Study:
    """The README of HonestDiD: states that expanded in 2014 and those that did not by 2015; two-way fixed effects, base 2013.

    Least squares with state and year effects; standard errors clustered by state with fixest's correction.
    """
    found = [
        r | {"g": r["yexp2"] or "0"}
        for r in rows("ehec_data.csv")
        if int(r["year"]) < 2016 and float(r["yexp2"] or 0) != 2015
    ]
    outcome, times = matrix(found, "stfips", "year", "dins")
    expanded = matrix(found, "stfips", "year", "g")[0][:, 0] == 2014
    n, size = outcome.shape
    shown = [t for t in range(size) if times[t] != 2013]
    unit, time = np.divmod(np.arange(n * size), size)
    x = np.hstack(
        [np.eye(n)[unit], np.eye(size)[time][:, 1:], (expanded[unit][:, None] * (time[:, None] == shown)).astype(float)]
    )
    inverse = np.linalg.pinv(x.T @ x)
    fit = inverse @ x.T @ outcome.ravel()
    scores = ((outcome.ravel() - x @ fit)[:, None] * x).reshape(n, size, -1).sum(axis=1)
    few = n / (n - 1) * (n * size - 1) / (n * size - size - len(shown))
    covariance = few * inverse @ scores.T @ scores @ inverse
    return honest.Study(fit[-len(shown) :], covariance[-len(shown) :, -len(shown) :], 5, np.array([1.0, 0.0]))


@published
@pytest.mark.parametrize("mbar", RELATIVE)
def test_relative_magnitudes_are_those_of_the_r_package(mbar):
    """To a step of its search grid, 0.0004, of which its own draws move the ends too."""
    found = honest.relative(medicaid(), mbar)
    assert (found.low, found.high) == (
        pytest.approx(RELATIVE[mbar][0], abs=4e-4),
        pytest.approx(RELATIVE[mbar][1], abs=4e-4),
    )


@published
@pytest.mark.parametrize("m", SMOOTH)
def test_smoothness_is_that_of_the_r_package(m):
    found = honest.smooth(medicaid(), m)
    assert (found.low, found.high) == (pytest.approx(SMOOTH[m][0], abs=2e-4), pytest.approx(SMOOTH[m][1], abs=5e-4))


@published
def test_breakdown_values_are_where_the_intervals_reach_nought():
    study = medicaid()
    assert 1.85 < honest.breakdown(study) < 2.0
    assert 0.022 < honest.smooth_breakdown(study) < 0.024


def study(seed: int = 0, effect: float = 1.0) -> honest.Study:
    found = estimate(make(*simulated(seed, n=300, effect=effect, cohorts=(0, 5))))
    whole = aggregate.universal(found)
    before = int((whole.keys < 0).sum())
    return honest.Study(whole.atts, whole.rows @ found.covariance @ whole.rows.T, before, np.full(3, 1 / 3))


@pytest.mark.parametrize("of", [honest.relative, honest.smooth])
def test_more_doubt_never_makes_a_bound_narrower(of):
    found = [of(study(), m) for m in (0.0, 0.1, 0.5, 1.0, 2.0)]
    widths = [one.high - one.low for one in found]
    assert widths == sorted(widths)


def test_a_bound_turns_with_the_sign_of_the_outcome_and_grows_with_its_unit():
    one = study()
    other = honest.Study(-10 * one.beta, 100 * one.covariance, one.before, one.weights)
    for of in (honest.relative, honest.smooth):
        a, b = of(one, 0.5 if of is honest.relative else 0.1), of(other, 0.5 if of is honest.relative else 1.0)
        assert b.low == pytest.approx(-10 * a.high, abs=0.3)
        assert b.high == pytest.approx(-10 * a.low, abs=0.3)


def test_no_effect_has_no_breakdown():
    none = honest.Study(np.array([0.1, -0.1, 0.0, 0.0]), np.eye(4) * 0.01, 2, np.array([0.5, 0.5]))
    assert honest.breakdown(none) == 0
    assert honest.smooth_breakdown(none) == 0


def test_where_trends_do_part_as_before_the_interval_holds_the_truth():
    """100 draws of an event study in which trends part after treatment by as much as before: 95 % at least hold the effect."""
    covariance = 0.01 * (np.eye(5) + 0.5)
    drift = np.array([0.2, 0.1, 0.0, 0.1, 0.2])  # steps of 0.1 down to the base, then up: Mbar = 1
    inside = 0
    for seed in range(100):
        beta = np.random.default_rng(seed).multivariate_normal(drift + np.array([0, 0, 0, 1, 1]), covariance)
        found = honest.relative(honest.Study(beta, covariance, 3, np.array([0.5, 0.5])), 1.0, seed=seed)
        inside += found.low <= 1.0 <= found.high
    assert inside >= 92
