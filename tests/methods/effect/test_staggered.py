"""Group-time effects and what they add up to: R's numbers, and laws that hold for any panel."""

from __future__ import annotations

import numpy as np
import pytest
from effect_panels import mpdta, published, rows, simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.methods.effect import adjusted, aggregate, bands
from steelyard.methods.effect.panel import make
from steelyard.methods.effect.pretrend import pretest
from steelyard.methods.effect.staggered import estimate

WAYS = {
    "simple": aggregate.simple,
    "dynamic": aggregate.dynamic,
    "group": aggregate.group,
    "calendar": aggregate.calendar,
}
SCENARIOS = ["mpdta_nev_dr", "mpdta_nyt_dr", "mpdta_nev_ipw", "mpdta_nev_reg_cov"]


def run(scenario):
    """A panel estimated as a scenario of the R reference files says."""
    controls = "notyet" if "_nyt_" in scenario else "never"
    if scenario.endswith("reg_cov"):
        return adjusted.estimate(mpdta(covariates=True), controls, "varying", "regression")
    if scenario.endswith("ipw"):
        return adjusted.estimate(mpdta(), controls, "varying", "ipw")
    return estimate(mpdta(), controls)


@published
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_cell_and_its_error_is_what_r_did_finds(scenario):
    found = run(scenario)
    keys = zip(found.cells.group.tolist(), found.times[found.cells.time].tolist(), found.cells.asked, strict=True)
    told = {(g, t): k for k, (g, t, asked) in enumerate(keys) if asked}
    expected = [row for row in rows("csdid_R_ref_attgt.csv") if row["scenario"] == scenario]
    assert len(expected) == len(told) == 12
    for row in expected:
        k = told[int(row["group"]), int(row["t"])]
        assert found.att[k] == pytest.approx(float(row["att"]), abs=1e-9)
        assert found.se[k] == pytest.approx(float(row["se"]), abs=1e-9)


@published
@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("way", WAYS)
def test_each_aggregate_and_its_error_is_what_r_did_finds(scenario, way):
    found = run(scenario)
    whole = WAYS[way](found)
    expected = [row for row in rows("csdid_R_ref_aggte.csv") if (row["scenario"], row["type"]) == (scenario, way)]
    assert whole.att == pytest.approx(float(expected[0]["overall_att"]), abs=1e-9)
    assert aggregate.se(found, whole.row) == pytest.approx(float(expected[0]["overall_se"]), abs=1e-9)
    for row in expected if way != "simple" else ():
        at = whole.keys.tolist().index(int(row["egt"]))
        assert whole.atts[at] == pytest.approx(float(row["att_egt"]), abs=1e-9)
        assert aggregate.se(found, whole.rows[at]) == pytest.approx(float(row["se_egt"]), abs=1e-9)


@published
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_pre_trend_test_is_that_of_r_did(scenario):
    told = pretest(run(scenario))
    expected = next(row for row in rows("csdid_R_ref_pretest.csv") if row["scenario"] == scenario)
    assert told.w == pytest.approx(float(expected["W"]), abs=1e-8)
    assert told.p == pytest.approx(float(expected["Wpval"]), abs=1e-5)
    assert told.df == 5


DOUBLY_ROBUST = {  # the vignette of R did, xformla = ~lpop, to seven decimals; moderndid 0.2.0 agrees to all the eight that it prints
    (2004, 2004): (-0.0145297, 0.0221292), (2004, 2005): (-0.0764219, 0.0286713), (2004, 2006): (-0.1404483, 0.0353782),
    (2004, 2007): (-0.1069039, 0.0328865), (2006, 2004): (-0.0004721, 0.0222234), (2006, 2005): (-0.0062025, 0.0184957),
    (2006, 2006): (0.0009606, 0.0194002), (2006, 2007): (-0.0412939, 0.0197211), (2007, 2004): (0.0267278, 0.0140657),
    (2007, 2005): (-0.0045766, 0.0157178), (2007, 2006): (-0.0284475, 0.0181809), (2007, 2007): (-0.0287814, 0.0162390),
}  # fmt: skip


@published
def test_doubly_robust_given_a_covariate_is_what_r_did_finds():
    found = adjusted.estimate(mpdta(covariates=True), "never", "varying", "dr")
    for k in np.flatnonzero(found.cells.asked):
        att, se = DOUBLY_ROBUST[int(found.cells.group[k]), int(found.times[found.cells.time[k]])]
        assert found.att[k] == pytest.approx(att, abs=6e-8)
        assert found.se[k] == pytest.approx(se, abs=6e-8)


@published
def test_weighting_given_a_covariate_is_what_diff_diff_finds():
    """diff-diff 3.13.0, estimation_method="ipw", covariates=["lpop"], run once."""
    found = adjusted.estimate(mpdta(covariates=True), "never", "varying", "ipw")
    whole = aggregate.simple(found)
    assert whole.att == pytest.approx(-0.041777082199140364, abs=1e-9)
    assert aggregate.se(found, whole.row) == pytest.approx(0.011499719363981285, abs=1e-9)


def plain_cell(outcome, times, cohort, g, t, base, controls):
    """One cell by the formula of the paper, unit by unit: the effect and its influence."""
    n = len(cohort)
    never = cohort == 0
    last = max(times[t], times[base])
    control = never if controls == "never" else never | ((cohort > last) & (cohort != g))
    change = outcome[:, t] - outcome[:, base]
    known = ~np.isnan(change)
    here, there = (cohort == g) & known, control & known
    psi = np.zeros(n)
    psi[here] = (change[here] - change[here].mean()) * n / here.sum()
    psi[there] -= (change[there] - change[there].mean()) * n / there.sum()
    return change[here].mean() - change[there].mean(), psi


@given(
    st.integers(0, 10_000),
    st.sampled_from(["never", "notyet"]),
    st.sampled_from(["varying", "universal"]),
    st.sampled_from([0.0, 0.2]),
)
@settings(max_examples=25, deadline=None)
def test_sums_by_cohort_say_what_influence_functions_unit_by_unit_say(seed, controls, base, holes):
    outcome, times, cohort = simulated(seed, n=60)
    outcome[np.random.default_rng(seed + 1).random(outcome.shape) < holes] = np.nan
    cluster = np.random.default_rng(seed + 2).integers(0, 9, len(cohort))
    panel, clustered = make(outcome, times, cohort), make(outcome, times, cohort, cluster=cluster)
    found, grouped = estimate(panel, controls, base), estimate(clustered, controls, base)
    cells = found.cells
    psi = []
    for k in range(len(found.att)):
        att, one = plain_cell(outcome, times, cohort, cells.group[k], cells.time[k], cells.base[k], controls)
        assert found.att[k] == pytest.approx(att, abs=1e-10)
        psi.append(one)
    psi += [(cohort == g) - (cohort == g).mean() for g in found.cohorts]
    every = np.array(psi)
    np.testing.assert_allclose(found.covariance, every @ every.T / len(cohort) ** 2, atol=1e-12)
    sums = np.array([np.bincount(cluster, one) for one in psi])
    np.testing.assert_allclose(grouped.covariance, sums @ sums.T / len(cohort) ** 2, atol=1e-12)


def test_clusters_of_one_unit_are_no_clusters():
    outcome, times, cohort = simulated(3)
    alone = estimate(make(outcome, times, cohort))
    named = estimate(make(outcome, times, cohort, cluster=np.arange(len(cohort))))
    np.testing.assert_allclose(alone.covariance, named.covariance, atol=1e-14)


@pytest.mark.parametrize("estimator", adjusted.ESTIMATORS)
def test_without_covariates_all_estimators_are_the_plain_one(estimator):
    outcome, times, cohort = simulated(4)
    outcome[::7, 2] = np.nan
    panel = make(outcome, times, cohort)
    plain, found = estimate(panel, "notyet"), adjusted.estimate(panel, "notyet", "varying", estimator)
    np.testing.assert_allclose(found.att, plain.att, atol=1e-10)
    np.testing.assert_allclose(found.covariance, plain.covariance, atol=1e-10)


def test_a_universal_base_adds_up_the_steps_of_a_varying_one():
    outcome, times, cohort = simulated(5)
    varying, universal = (estimate(make(outcome, times, cohort), base=base) for base in ("varying", "universal"))
    steps = {
        (int(g), int(t)): a
        for g, t, a, asked in zip(
            varying.cells.group, varying.cells.time, varying.att, varying.cells.asked, strict=True
        )
        if asked
    }
    one = {
        (int(g), int(t)): a for g, t, a in zip(universal.cells.group, universal.cells.time, universal.att, strict=True)
    }
    assert one[5, 0] == pytest.approx(-(steps[5, 1] + steps[5, 2] + steps[5, 3]))
    np.testing.assert_allclose(aggregate.universal(varying).atts, aggregate.universal(universal).atts, atol=1e-12)


def test_intervals_hold_a_planted_effect_as_often_as_they_say():
    """200 panels of 120 units: the simple effect within its 95 % interval in 90 to 99 % of them, the event study within its band."""
    inside, all_inside = 0, 0
    for seed in range(200):
        outcome, times, cohort = simulated(seed, effect=0.5)
        found = estimate(make(outcome, times, cohort))
        chosen = aggregate.after(found)
        shares = found.shares[np.searchsorted(found.cohorts, found.cells.group)]
        truth = np.average(0.5 * (1 + found.event / 2), weights=np.where(chosen, shares, 0.0))
        whole, study = aggregate.simple(found), aggregate.dynamic(found)
        inside += abs(whole.att - truth) <= 1.96 * aggregate.se(found, whole.row)
        planted = np.where(study.keys >= 0, 0.5 * (1 + study.keys / 2), 0.0)
        critical = bands.sup_t(study.rows @ found.covariance @ study.rows.T)
        all_inside += bool(np.all(np.abs(study.atts - planted) <= critical * aggregate.se(found, study.rows)))
    assert 0.90 <= inside / 200 <= 0.99
    assert 0.88 <= all_inside / 200 <= 0.99


def test_bands_are_those_of_a_bootstrap_with_signs_over_units():
    outcome, times, cohort = simulated(6, n=400)
    found = estimate(make(outcome, times, cohort))
    study = aggregate.dynamic(found)
    psi = np.array([plain_cell(outcome, times, cohort, g, t, b, "never")[1]
                    for g, t, b in zip(found.cells.group, found.cells.time, found.cells.base, strict=True)])  # fmt: skip
    psi = np.vstack([psi, [(cohort == g) - (cohort == g).mean() for g in found.cohorts]])
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (4000, len(cohort)))
    drawn = signs @ (study.rows @ psi).T / len(cohort)
    by_units = np.quantile(np.abs(drawn / aggregate.se(found, study.rows)).max(axis=1), 0.95)
    assert bands.sup_t(study.rows @ found.covariance @ study.rows.T) == pytest.approx(by_units, abs=0.08)


def test_exposed_neighbours_are_no_controls():
    """Never-treated units that feel a treated neighbour pull the effect towards nought; the map takes them out."""
    outcome, times, cohort = simulated(7, n=2000, effect=1.0)
    touched = (cohort == 0) & (np.arange(len(cohort)) % 2 == 0)
    outcome[touched, 2:] += 0.5
    exposed = np.where(touched, 3, 0)
    blind, seeing = (aggregate.simple(estimate(make(outcome, times, cohort, exposed=e))).att for e in (None, exposed))
    clean = aggregate.simple(estimate(make(outcome[~touched], times, cohort[~touched]))).att
    assert seeing - blind > 0.1
    assert seeing == pytest.approx(clean, abs=0.05)


def test_a_unit_exposed_later_serves_until_then_among_the_not_yet_treated():
    outcome, times, cohort = simulated(8, cohorts=(3, 5))
    panel = make(outcome, times, cohort, exposed=np.where(cohort == 5, 4, 0))
    found = estimate(panel, "notyet")
    cells = [
        (int(g), int(times[t]))
        for g, t, asked in zip(found.cells.group, found.cells.time, found.cells.asked, strict=True)
        if asked
    ]
    assert (3, 3) in cells
    assert (3, 4) not in cells
    assert (3, 4) in found.empty


@pytest.mark.parametrize(("cohorts", "controls", "code"), [
    ((3, 5), "never", "SY743"), ((4,), "never", "SY744"), ((4,), "notyet", "SY744"), ((0,), "never", "SY742"), ((1, 0), "never", "SY742"),
    ((99, 0), "never", "SY742"),
])  # fmt: skip
def test_a_panel_without_a_comparison_says_so(cohorts, controls, code):
    outcome, times, cohort = simulated(9, cohorts=cohorts)
    with pytest.raises(InputError) as refused:
        estimate(make(outcome, times, cohort), controls)
    assert refused.value.code == code


def test_one_period_is_no_panel():
    outcome, times, cohort = simulated(9)
    with pytest.raises(InputError) as refused:
        make(outcome[:, :1], times[:1], cohort)
    assert refused.value.code == "SY741"


def test_units_treated_from_the_first_time_on_are_dropped_and_counted_and_later_ones_are_untreated():
    outcome, times, cohort = simulated(10, cohorts=(0, 1, 3, 99))
    panel = make(outcome, times, cohort)
    assert (panel.always, panel.later) == ((cohort == 1).sum(), (cohort == 99).sum())
    assert panel.units == (cohort != 1).sum()
    assert panel.cohorts.tolist() == [3]


@pytest.mark.parametrize(("seed", "covariate"), [(1, "constant"), (2, "treatment")])
def test_covariates_that_cannot_be_used_are_refused(seed, covariate):
    outcome, times, cohort = simulated(seed)
    values = (
        np.ones(outcome.shape)
        if covariate == "constant"
        else np.repeat((cohort > 0)[:, None] * 1.0, len(times), axis=1)
    )
    with pytest.raises(InputError) as refused:
        adjusted.estimate(make(outcome, times, cohort, covariates=values[:, :, None]), "never", "varying", "dr")
    assert refused.value.code == "SY745"


def test_doubly_robust_takes_out_a_trend_that_follows_a_covariate():
    """Treated units have a larger covariate, and outcomes grow with it: plain differences are off, all three estimators are not."""
    outcome, times, cohort = simulated(11, n=3000, effect=1.0, cohorts=(0, 4))
    size = np.random.default_rng(0).standard_normal(len(cohort)) + 0.5 * (cohort > 0)
    grown = outcome + size[:, None] * times
    panel = make(grown, times, cohort, covariates=np.repeat(size[:, None], len(times), axis=1)[:, :, None])
    truth = aggregate.simple(estimate(make(outcome, times, cohort))).att
    assert abs(aggregate.simple(estimate(panel)).att - truth) > 0.5
    for estimator in adjusted.ESTIMATORS:
        assert aggregate.simple(adjusted.estimate(panel, "never", "varying", estimator)).att == pytest.approx(
            truth, abs=0.15
        )
