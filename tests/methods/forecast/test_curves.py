"""S-curves: they are the Bass model's, share what regions have in common, and beat straight lines."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from forecast_worlds import bass
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

from steelyard.errors import InputError
from steelyard.methods.forecast import curves

NOTHING = np.zeros(1)
BASS = st.tuples(st.floats(-6, -2), st.floats(-2, 0.3), st.floats(-1, 5))


def by_small_steps(p, q, m, start, u):
    """The curve of two kinds of firms, those that come by themselves and those that do not, as a differential equation."""
    own = min(start, m * (1 - 1e-9))

    def slope(_, state):
        x = state[0] / m
        return [(p + u + q * x) * (m - state[0]), u * (1 - m - state[1])]

    return solve_ivp(slope, (0, 1), [own, start - own], rtol=1e-10, atol=1e-12).y[:, -1].sum()


@given(BASS, st.floats(0, 0.7), st.floats(0, 0.25))
@settings(max_examples=40, deadline=None)
def test_a_year_is_the_bass_differential_equation_with_funding_as_an_external_rate(theta, start, funded):
    parameters = np.array([theta])
    p, q, m = np.exp(theta[0]), np.exp(theta[1]), 1 / (1 + np.exp(-theta[2]))
    u = -np.log1p(-min(funded / (1 - start), 1 - 1e-9))
    path = curves.curve(parameters, 1, np.array([start]), np.array([[funded]]))
    assert path[0, 1] == pytest.approx(by_small_steps(p, q, m, start, u), abs=1e-7)


@given(BASS, st.floats(0, 0.9))
@settings(max_examples=40, deadline=None)
def test_funding_nobody_is_no_funding_and_curves_only_rise_within_0_and_1(theta, start):
    plain = curves.curve(np.array([theta]), 12, np.array([start]))
    assert curves.curve(np.array([theta]), 12, np.array([start]), np.zeros((1, 5))) == pytest.approx(plain, abs=1e-7)
    assert plain[0, 0] == pytest.approx(start)
    assert (np.diff(plain) >= -1e-12).all()
    assert plain.max() <= 1 + 1e-12


@given(BASS, st.floats(0, 0.5), st.floats(0, 0.15), st.floats(0, 0.1))
@settings(max_examples=40, deadline=None)
def test_more_funding_is_never_less_coverage_and_all_that_are_funded_count(theta, start, funded, more):
    one, two = (
        curves.curve(np.array([theta]), 1, np.array([start]), np.array([[share]]))[0, 1]
        for share in (funded, funded + more)
    )
    assert one - 1e-12 <= two <= 1 + 1e-12
    assert two >= start + (funded + more) * (1 - 1e-9)


def test_all_firms_funded_is_full_coverage_whatever_the_ceiling():
    assert curves.curve(np.array([[-4.0, -1.0, 0.0]]), 1, np.array([0.3]), np.array([[0.7]]))[0, 1] == pytest.approx(1)


def test_parameters_are_those_of_a_solver_of_its_own_at_the_same_priors():
    known = curves.series(bass(3, regions=6, years=8))
    made = curves.fit(known)

    def left(theta, seen):
        path = curves.curve(theta[None], 8, NOTHING)[0]
        return np.concatenate(
            [(np.diff(np.append(0, seen)) - np.diff(path)) / made.error, (theta - made.mean) / made.spread]
        )

    for region in range(6):
        found = least_squares(left, made.mean, args=(known.seen[region],), xtol=1e-12, ftol=1e-12).x
        assert made.parameters[region] == pytest.approx(found, abs=2e-3)


def test_what_regions_have_in_common_is_found():
    made = curves.fit(curves.series(bass(0, regions=200)))
    assert made.mean[:2] == pytest.approx([np.log(0.012), np.log(0.55)], abs=0.1)
    assert made.spread[0] == pytest.approx(0.4, abs=0.1)
    assert made.error == pytest.approx(0.006, abs=0.001)


def test_the_error_is_at_most_three_tenths_of_a_straight_lines():
    ours, lines = [], []
    for seed, origin in product(range(8), (5, 7, 9)):
        seen = bass(seed)
        known, came = curves.series(seen[:, :origin]), seen[:, origin : origin + 3]
        ours.append(np.abs(curves.forecast(known, curves.fit(known), 3).value - came).mean())
        lines.append(np.abs(curves.linear(known.seen, 3) - came).mean())
    assert np.mean(ours) <= 0.3 * np.mean(lines)


def test_regions_do_not_depend_on_their_order():
    seen, order = bass(4, regions=9, years=7), np.random.default_rng(0).permutation(9)
    one, two = (curves.series(rows) for rows in (seen, seen[order]))
    values = [curves.forecast(known, curves.fit(known), 3).value for known in (one, two)]
    assert values[1] == pytest.approx(values[0][order], abs=1e-6)


def test_a_forecast_goes_on_from_the_last_value_and_is_less_sure_the_farther_it_goes():
    known = curves.series(bass(5, years=6))
    lifted = curves.series(known.seen + np.array([0.0] * 5 + [0.05]))
    made = curves.fit(known)
    plain, higher = curves.forecast(known, made, 3), curves.forecast(lifted, made, 3)
    assert higher.value - plain.value == pytest.approx(np.full((31, 3), 0.05), abs=1e-12)
    assert (np.diff(plain.scale) > 0).all()


def test_a_year_that_was_not_heard_is_no_zero():
    seen = bass(6, years=8)
    gaps = seen.copy()
    gaps[::2, 4] = np.nan
    full, part = (curves.forecast(known, curves.fit(known), 2).value for known in map(curves.series, (seen, gaps)))
    assert part == pytest.approx(full, abs=0.02)


def test_one_region_alone_leans_on_what_is_believed_beforehand():
    known = curves.series(np.array([[0.02, 0.05]]))
    made = curves.forecast(known, curves.fit(known), 4)
    assert 0.05 < made.value[0, 0] < made.value[0, 3] < 1


@pytest.mark.parametrize(("code", "asked"), [
    ("SY787", {"seen": [[0.2, 47]]}), ("SY787", {"seen": [[0.2, np.nan]]}), ("SY787", {"seen": [[0.2, 0.3]], "start": [np.nan]}),
    ("SY787", {"seen": [[0.2, 0.3]], "intake": [[0.1, -0.1]]}), ("SY783", {"seen": [[0.2, 0.3]], "intake": [[0.1]]}),
    ("SY783", {"seen": [0.2, 0.3]}), ("SY783", {"seen": [[0.2, 0.3]], "start": [0, 0]}),
])  # fmt: skip
def test_series_that_cannot_be_are_refused(code, asked):
    with pytest.raises(InputError) as refused:
        curves.series(**{name: np.array(value, dtype=float) for name, value in asked.items()})
    assert refused.value.code == code


def test_a_series_that_begins_where_it_is_first_heard_learns_nothing_from_before():
    seen = bass(8, regions=12, years=9)
    late = curves.begun(seen[:, 3:])
    same = curves.Series(seen, late.start, None, late.first + 3)
    one, two = (curves.fit(known) for known in (late, same))
    assert two.parameters == pytest.approx(one.parameters, abs=1e-6)
    values = [curves.forecast(known, made, 3).value for known, made in ((late, one), (same, two))]
    assert values[1] == pytest.approx(values[0], abs=1e-6)


def test_a_region_heard_once_has_the_course_of_all_regions_from_where_it_stands():
    seen = bass(8, regions=12, years=6)
    seen[4, :5] = np.nan
    known = curves.begun(seen)
    made = curves.fit(known)
    assert made.parameters[4] == pytest.approx(made.mean, abs=0.05)
    ahead = curves.forecast(known, made, 3)
    assert seen[4, 5] < ahead.value[4, 0] < ahead.value[4, 2]
    assert ahead.scale[4, 2] > np.median(ahead.scale[:, 2])


def test_a_funded_curve_that_begins_late_is_the_same_curve_later():
    parameters, start = np.array([[-4.0, -0.7, 2.0]]), np.array([0.2])
    intake = np.array([[0.0, 0.0, 0.05, 0.1, 0.02]])
    late = curves.curve(parameters, 5, start, intake, np.array([2]))
    assert late[0, 2:] == pytest.approx(curves.curve(parameters, 3, start, intake[:, 2:])[0])
    assert (late[0, :3] == late[0, 0]).all()


def test_funded_firms_are_shares_of_the_firms_of_their_year():
    among = np.array([[100.0, np.nan, 200.0]])
    shares = curves.funded(np.array([[10.0, 10.0, 10.0, 400.0]]), among)
    assert shares == pytest.approx(np.array([[0.1, 0.05, 0.05, 1.0]]))
    with pytest.raises(InputError) as refused:
        curves.funded(np.ones((1, 2)), among)
    assert refused.value.code == "SY783"
