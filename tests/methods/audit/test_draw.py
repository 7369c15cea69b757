"""The draw of firms: anyone who knows the seed makes the same one, and nobody's order or company matters."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import InputError
from steelyard.methods.audit.draw import draw, ranks

FIRMS = [f"91{number:016d}" for number in range(60)]
STRATUM = np.arange(60) % 3


def test_the_smallest_hashes_of_each_stratum_are_drawn_as_anyone_can_compute_them():
    drawn = draw("sealed seed", FIRMS, STRATUM, np.array([4, 0, 20]))
    for stratum, size in enumerate((4, 0, 20)):
        own = [firm for firm, code in zip(FIRMS, STRATUM, strict=True) if code == stratum]
        by_hand = sorted(own, key=lambda firm: sha256(f"sealed seed\n{firm}".encode()).hexdigest())[:size]
        assert {firm for firm, chosen in zip(FIRMS, drawn, strict=True) if chosen} & set(own) == set(by_hand)


@given(st.permutations(range(60)), st.text(max_size=9))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_roster_does_not_matter(order, seed):
    size = np.array([3, 5, 1])
    drawn = draw(seed, FIRMS, STRATUM, size)
    again = draw(seed, [FIRMS[place] for place in order], STRATUM[list(order)], size)
    assert (again == drawn[list(order)]).all()


def test_a_larger_sample_keeps_the_smaller_and_other_strata_do_not_matter():
    small, large = (draw("s", FIRMS, STRATUM, np.array([size, 2, 2])) for size in (3, 9))
    assert (small <= large).all()
    own = STRATUM == 0
    alone = draw(
        "s", [firm for firm, inside in zip(FIRMS, own, strict=True) if inside], np.zeros(20, int), np.array([9])
    )
    assert (alone == large[own]).all()


def test_every_firm_of_a_stratum_is_drawn_about_as_often():
    times = sum(draw(str(seed), FIRMS, np.zeros(60, int), np.array([15])).astype(int) for seed in range(400))
    assert times.sum() == 400 * 15
    assert np.abs(times - 100).max() < 4.5 * np.sqrt(400 * 0.25 * 0.75)


def test_ranks_name_the_reserve():
    rank = ranks("s", FIRMS, STRATUM, 3)
    assert all(sorted(rank[stratum == STRATUM]) == list(range(20)) for stratum in range(3))


@pytest.mark.parametrize(("code", "change"), [
    ("SY780", {"size": [21, 0, 0]}), ("SY781", {"size": [-1, 0, 0]}), ("SY783", {"size": [1, 1]}), ("SY784", {"firms": [*FIRMS[:59], FIRMS[0]]}),
    ("SY783", {"firms": FIRMS[:9]}),
])  # fmt: skip
def test_what_cannot_be_drawn_is_refused(code, change):
    asked = {"firms": FIRMS, "size": [1, 1, 1]} | change
    with pytest.raises(InputError) as refused:
        draw("s", asked["firms"], STRATUM, np.array(asked["size"]))
    assert refused.value.code == code
