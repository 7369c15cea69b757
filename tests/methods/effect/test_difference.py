"""A difference of means, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from steelyard.errors import InputError
from steelyard.methods.effect.difference import between, paired


def test_two_groups_differ_as_welch_says():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, 30), rng.normal(1, 1, 50)
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    ours = between(a, b)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_before_and_after_is_taken_unit_by_unit():
    rng = np.random.default_rng(1)
    before = rng.normal(10, 5, 20)
    after = before + rng.normal(1, 0.5, 20)
    theirs = stats.ttest_rel(after, before).confidence_interval()
    ours = paired(before, after)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_groups_that_do_not_vary_have_no_doubt():
    found = between(np.full(3, 2.0), np.full(4, 1.0))
    assert (found.value, found.low, found.high) == (1, 1, 1)


@pytest.mark.parametrize("call", [lambda: paired(np.ones(1), np.ones(1)), lambda: between(np.ones(5), np.ones(1))])
def test_a_single_unit_gives_no_interval_and_is_refused(call):
    with pytest.raises(InputError, match="SY769"):
        call()
