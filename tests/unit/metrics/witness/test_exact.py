"""Exact tests against sums by hand, and where their limits lie."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from kit.metrics.probability.proportions import mcnemar_one_sided, tail
from kit.metrics.witness.exact import limit_of
from kit.metrics.witness.limits import MAX_BY_CHANCE


@pytest.mark.parametrize(("n", "least"), [(0, 0), (1, 1), (5, 0), (5, 3), (6, 6), (4, 5)])
def test_a_tail_is_the_share_of_all_outcomes_that_reach_it(n: int, least: int) -> None:
    """By counting every outcome of n draws with the chance 1/3."""
    share = Fraction(1, 3)
    counted = Fraction(0)
    for outcome in product((False, True), repeat=n):
        hits = sum(outcome)
        if hits >= least:
            counted += share**hits * (1 - share) ** (n - hits)
    assert tail(n, least, share) == counted


@pytest.mark.parametrize(
    ("discordant", "concordant", "chance"),
    [(0, 0, 1), (7, 0, Fraction(1, 128)), (10, 1, Fraction(12, 2048)), (3, 3, Fraction(42, 64))],
)
def test_mcnemar_is_a_coin_tossed_for_each_pair_that_parts(
    discordant: int, concordant: int, chance: Fraction
) -> None:
    """Known values; with no pair that parts nothing speaks against anybody."""
    assert mcnemar_one_sided(discordant, concordant) == chance


@pytest.mark.parametrize("n", [1, 4, 8, 16, 64])
def test_a_limit_is_the_least_number_that_chance_does_not_explain(n: int) -> None:
    """One fewer is still explained; where even all are, nothing is beyond the limit."""
    share = Fraction(1, 10)
    limit = limit_of(n, share)
    assert limit == n + 1 or tail(n, limit, share) <= MAX_BY_CHANCE
    assert tail(n, limit - 1, share) > MAX_BY_CHANCE
