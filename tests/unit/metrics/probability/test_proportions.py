"""kit.metrics.probability.proportions: intervals of shares and pairs, against known values and by counting."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.metrics.probability.proportions import mcnemar, wilson


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (149, 164, 0.8546, 0.9438),  # 90.85 %, as published of HumanEval at 32B
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson_is_the_textbook_s(hits: int, of: int, low: float, high: float) -> None:
    """To four places."""
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilson_holds_the_share_and_is_its_own_mirror(asked: tuple[int, int]) -> None:
    """Between 0 and 1."""
    hits, of = asked
    low, high = wilson(hits, of)
    assert 0 <= low <= hits / of <= high <= 1
    assert wilson(of - hits, of) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("hits", "of"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_has_no_interval(hits: int, of: int) -> None:
    """It is an error of ours."""
    with pytest.raises(ValueError, match="is no share"):
        wilson(hits, of)


@pytest.mark.parametrize("pair", list(product(range(6), range(6))))
def test_mcnemar_counts_the_splits_that_are_at_least_so_uneven(pair: tuple[int, int]) -> None:
    """Of all ways in which so many coins fall."""
    first, second = pair
    coins = first + second
    uneven = sum(abs(2 * sum(falls) - coins) >= abs(first - second) for falls in product((0, 1), repeat=coins))
    assert mcnemar(first, second) == uneven / 2**coins


def test_mcnemar_of_many_pairs_is_small_and_of_none_is_one() -> None:
    """Thirty against none is no chance."""
    assert mcnemar(30, 0) < 1e-8
    assert mcnemar(0, 0) == 1
    with pytest.raises(ValueError, match="below zero"):
        mcnemar(-1, 2)
