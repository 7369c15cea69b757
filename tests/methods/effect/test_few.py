"""Few treated units: published figures of Proposition 99, and laws that any synthetic must obey."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from steelyard.errors import InputError, UsageError
from steelyard.methods.effect import few

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("STEELYARD_TEST_DATA") or ROOT.parent / "shared" / "data") / "effect"
published = pytest.mark.skipif(not DATA.is_dir(), reason="the published panels are not here: set STEELYARD_TEST_DATA")


def matrix(name, unit, time, outcome, delimiter=","):
    with (DATA / name).open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle, delimiter=delimiter))
    units, times = sorted({r[unit] for r in rows}), sorted({float(r[time]) for r in rows})
    y = np.full((len(units), len(times)), np.nan)
    for r in rows:
        y[units.index(r[unit]), times.index(float(r[time]))] = float(r[outcome])
    return units, times, y


def california():
    units, times, y = matrix("california_prop99.csv", "State", "Year", "PacksPerCapita", ";")
    return units, y, np.where(np.array(units) == "California", times.index(1989), -1)


@published
@pytest.mark.parametrize(
    ("estimator", "value", "within"), [("sdid", -15.60383, 1e-5), ("did", -27.34911, 1e-5), ("sc", -19.51363, 1e-5)]
)
def test_proposition_99_comes_out_as_published(estimator, value, within):
    _, y, starts = california()
    assert few.estimate(y, starts, estimator).att == pytest.approx(value, abs=within)


@published
def test_the_synthetic_california_is_made_of_the_states_that_the_paper_names():
    units, y, starts = california()
    donors = [u for u in units if u != "California"]
    found = few.estimate(y, starts, "sdid").fits[19]
    assert [donors[i] for i in np.argsort(-found.weights)[:4]] == ["Nevada", "New Hampshire", "Connecticut", "Delaware"]
    assert found.times[-3:] == pytest.approx([0.366, 0.206, 0.427], abs=1e-3)
    by_abadie = few.estimate(y, starts, "sc").fits[19].weights
    assert [donors[i] for i in np.argsort(-by_abadie)[:4]] == ["Utah", "Montana", "Nevada", "Connecticut"]


def frank_wolfe(a, b, ridge, weights, rounds, stop):
    """The published search for weights (Arkhangelsky et al., appendix): one vertex at a time, exact steps."""
    last = np.inf
    for _ in range(rounds):
        residual = a @ weights - b
        slope = a.T @ residual + ridge * weights
        step = -weights.copy()
        step[slope.argmin()] += 1
        moved = a @ step
        down = -(slope @ step)
        length = down / (moved @ moved + ridge * (step @ step)) if down > 0 else 0
        weights = weights + min(1, max(0, length)) * step
        value = np.square(a @ weights - b).sum() + ridge * np.square(weights).sum()
        if last - value < stop:
            break
        last = value
    return weights


def as_published(y, start):
    """Synthetic difference-in-differences with the search, the early stop and the sparsifying of the reference program."""
    donors, path = y[:-1], y[-1]
    sigma = np.diff(donors[:, :start], axis=1).std(ddof=1)
    before, after = donors[:, :start], donors[:, start:].mean(axis=1)
    problems = {
        "units": ((before - before.mean(axis=1, keepdims=True)).T, path[:start] - path[:start].mean(),
                  (len(path) - start) ** 0.5 * sigma**2 * start),
        "times": (before - before.mean(axis=0), after - after.mean(), (1e-6 * sigma) ** 2 * len(donors)),
    }  # fmt: skip
    found = {}
    for name, (a, b, ridge) in problems.items():
        stop = (1e-5 * sigma) ** 2 * len(b)
        weights = frank_wolfe(a, b, ridge, np.full(a.shape[1], 1 / a.shape[1]), 100, stop)
        weights = np.where(weights <= weights.max() / 4, 0, weights)
        found[name] = frank_wolfe(a, b, ridge, weights / weights.sum(), 10_000, stop)
    gap = path - found["units"] @ donors
    return gap[start:].mean() - found["times"] @ gap[:start]


@published
def test_the_exact_weights_and_the_published_search_agree():
    _, y, starts = california()
    ordered = np.vstack([y[starts < 0], y[starts >= 0]])
    searched = as_published(ordered, 19)
    assert few.estimate(y, starts, "sdid").att == pytest.approx(searched, abs=1e-7)
    assert few.estimate(y, starts, "sdid", exact=True).att == pytest.approx(searched, abs=5e-3)


@published
def test_the_synthetic_basque_country_fits_no_worse_than_a_general_solver_finds():
    units, times, y = matrix("basque.csv", "regionname", "year", "gdpcap")
    here = [i for i, unit in enumerate(units) if not unit.startswith("Spain")]
    y, basque = y[here], next(k for k, i in enumerate(here) if units[i].startswith("Basque"))
    starts = np.where(np.arange(len(here)) == basque, times.index(1970), -1)
    found = few.estimate(y, starts, "sc")
    a, b = np.delete(y, basque, axis=0)[:, :15].T, y[basque, :15]
    general = minimize(lambda w: np.square(a @ w - b).sum(), np.full(16, 1 / 16), bounds=[(0, 1)] * 16,
                       constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"maxiter": 500, "ftol": 1e-12})  # fmt: skip
    assert found.pre_rmspe**2 * 15 <= general.fun + 1e-9
    assert found.pre_rmspe == pytest.approx((general.fun / 15) ** 0.5, rel=1e-3)
    assert -1.0 < found.att < -0.4  # thousand dollars of 1986 a head; published with predictors: about -0.6 to -0.7


@published
def test_california_is_among_the_most_extreme_of_its_placebos():
    _, y, starts = california()
    actual, pretended = few.estimate(y, starts, "sdid"), few.placebos(y, starts, "sdid")
    assert len(pretended) == 38
    assert few.rank_p(actual, pretended, by_ratio=False) == (2, 2 / 39)
    assert 7 < np.std([one.att for one in pretended], ddof=1) < 12


@published
def test_without_any_one_donor_california_still_smokes_less():
    _, y, starts = california()
    without = few.leave_one_out(y, starts, "sc")
    assert len(without) == 6
    assert all(-21 < att < -17 for att in without.values())


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 10), st.sampled_from([0.0, 0.1, 5.0]))
@settings(max_examples=60, deadline=None)
def test_weights_are_on_the_simplex_and_no_step_to_a_vertex_does_better(seed, n, m, ridge):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(m, n)), rng.normal(size=m)
    w = few.simplex(a, b, ridge)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1)
    slope = a.T @ (a @ w - b) + ridge * w
    assert slope @ w == pytest.approx(slope.min(), abs=1e-8)  # optimal: no vertex lies downhill


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 10), st.sampled_from([0.1, 5.0]))
@settings(max_examples=30, deadline=None)
def test_the_published_search_stays_on_the_simplex_and_ends_near_the_exact_weights(seed, n, m, ridge):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(m, n)), rng.normal(size=m)

    def loss(w):
        return np.square(a @ w - b).sum() + ridge * np.square(w).sum()

    found, best = few.searched(a, b, ridge, 1e-9), few.simplex(a, b, ridge)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert loss(best) - 1e-9 <= loss(found) <= loss(best) * 1.01 + 1e-3


def test_a_panel_that_never_moves_has_no_effect_and_ends():
    assert few.estimate(np.ones((5, 8)), np.array([5, -1, -1, -1, -1])).att == pytest.approx(0)


def planted(seed, donors=20, periods=30, effect=4.0, cohorts=(18, 24)):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(2, periods)).cumsum(axis=1)
    y = (
        rng.uniform(0, 1, size=(donors + 2, 2)) @ factors
        + rng.normal(size=(donors + 2, 1))
        + 0.1 * rng.normal(size=(donors + 2, periods))
    )
    starts = np.full(donors + 2, -1)
    starts[:2] = cohorts
    for i in range(2):
        y[i, cohorts[i] :] += effect
    return y, starts


@pytest.mark.parametrize("estimator", ["sdid", "sc"])
def test_a_planted_effect_on_two_cohorts_comes_back(estimator):
    found = [few.estimate(*planted(seed), estimator).att for seed in range(10)]
    assert np.mean(found) == pytest.approx(4, abs=0.15)


def test_cohorts_are_put_together_by_their_treated_cells():
    y, starts = planted(3)
    one = few.estimate(y, starts, "did")
    parts = {g: few.fit(y[starts == g], y[starts < 0], g, "did").effects for g in (18, 24)}
    assert one.att == pytest.approx((parts[18].sum() + parts[24].sum()) / 18)
    assert one.dynamic[0] == pytest.approx((parts[18][0] + parts[24][0]) / 2)
    assert one.dynamic[-1] == pytest.approx(parts[18][-1])


def test_placebos_of_several_units_are_drawn_and_come_out_the_same_again():
    y, starts = planted(1)
    first, again = (few.placebos(y, starts, "sdid", most=15, seed=4) for _ in range(2))
    assert len(first) == 15
    assert [one.att for one in first] == [one.att for one in again]
    assert abs(np.mean([one.att for one in first])) < 1


def test_too_few_donors_give_no_placebo_and_no_rank():
    y, starts = planted(1, donors=3)
    assert few.placebos(y, starts) == []
    assert few.rank_p(few.estimate(y, starts), [], by_ratio=False) is None
    assert few.leave_one_out(*(part[[0, 2]] for part in planted(1, donors=1))) == {}


@pytest.mark.parametrize(
    ("cohorts", "donors", "code"),
    [((2, 24), 5, "SY757"), ((30, 24), 5, "SY758"), ((18, 24), 0, "SY756"), ((-1, -1), 5, "SY759")],
)
def test_a_panel_that_cannot_answer_is_refused(cohorts, donors, code):
    y, _ = planted(0, donors=donors)
    starts = np.full(len(y), -1)
    starts[:2] = cohorts
    with pytest.raises(InputError) as refused:
        few.estimate(y, starts)
    assert refused.value.code == code


def test_an_unknown_estimator_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="sdid, sc, did"):
        few.estimate(*planted(0), "ols")
