"""Intervals over replicates: pinned bounds, what they hold, what has none, and Holm's steps."""

from __future__ import annotations

from math import exp, log, sqrt
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.metrics.intervals import (
    Interval,
    compare,
    difference_p,
    equivalence_p,
    figure_interval,
    holm,
    log_ratio_interval,
    median_over_replicates,
    more_replicates,
)
from kit.metrics.limits import MIN_SPREAD, PAIRED_FROM

LEAST = float(MIN_SPREAD)
T2, T4 = 4.302652729749462, 2.7764451051977934  # two-sided 95 %, of 2 and 4 degrees of freedom
figures = st.lists(st.floats(0.01, 1e6), min_size=3, max_size=7)


# --- one figure -------------------------------------------------------------------------------------------


def test_the_interval_of_a_figure_is_pinned() -> None:
    """Bounds are in result.json, so they are the same on every machine, to the last digit."""
    found = median_over_replicates([174.6, 160.8, 176.9])
    assert (found.n, found.median) == (3, 174.6)
    assert (found.low, found.high) == (150.0411225236952, 194.01193171587587)


def test_it_is_the_t_of_the_logarithms() -> None:
    """Recomputed in floats."""
    values = [90.0, 100.0, 120.0]
    logs = [log(value) for value in values]
    reach = T2 * stdev(logs) / sqrt(3)
    found = figure_interval(values)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exp(fmean(logs) - reach), exp(fmean(logs) + reach)))


@settings(max_examples=40, deadline=None)
@given(figures, st.randoms())
def test_it_holds_the_median_and_takes_replicates_in_any_order(values: list[float], random: Random) -> None:
    """Also where one lies far off, which the mean of logarithms alone would follow."""
    found = median_over_replicates(values)
    assert found.low is not None
    assert found.median is not None
    assert found.high is not None
    assert found.low <= found.median <= found.high
    shuffled = random.sample(values, len(values))
    again = median_over_replicates(shuffled)
    assert (again.low, again.high) == pytest.approx((found.low, found.high), rel=1e-12)


def test_it_is_widened_to_hold_the_median() -> None:
    """Ten replicates, four of them low: the mean of the logarithms is pulled below all of the six."""
    values = [100.0] * 6 + [1.0] * 4
    found = figure_interval(values)
    assert found is not None
    assert found.high == 100.0


def test_equal_replicates_have_no_spread() -> None:
    """Shares of right answers are 1 in all of them."""
    assert figure_interval([1.0] * 3) == Interval(1.0, 1.0)


def test_with_a_zero_it_is_the_t_of_the_figures_and_never_negative() -> None:
    """Error rates are mostly 0, which has no logarithm."""
    found = figure_interval([0.0, 0.0, 0.01])
    assert found is not None
    assert found.low == 0
    assert found.high == pytest.approx(0.01 / 3 + T2 * stdev([0, 0, 0.01]) / sqrt(3))
    assert figure_interval([0.0, 0.0, 0.0]) == Interval(0.0, 0.0)
    below = figure_interval([-1.0, 0.0, 1.0])
    assert below is not None
    assert below.low < 0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0, 2.0, float("inf")], [1.0, 2.0, float("nan")]])
def test_too_few_or_infinite_figures_have_no_interval(values: list[float]) -> None:
    """Two have one that is right and reaches everywhere."""
    assert figure_interval(values) is None


def test_missing_replicates_do_not_count() -> None:
    """None is no data, never 0."""
    assert median_over_replicates([None, 5.0]).median == 5.0
    assert median_over_replicates([None, None]).n == 0
    assert median_over_replicates([None, 1.0, 2.0, 3.0]) == median_over_replicates([1.0, 2.0, 3.0])


# --- two figures ------------------------------------------------------------------------------------------


def test_few_replicates_are_compared_by_welch() -> None:
    """Each side with a spread of its own: 4 degrees of freedom if they are alike, 2 if one has none."""
    found = compare([100.0, 110.0, 121.0], [50.0, 55.0, 60.5])
    assert found is not None
    assert found[1] == pytest.approx(4)
    unlike = compare([100.0, 200.0, 400.0], [50.0, 50.0, 50.0])
    assert unlike is not None
    assert unlike[1] == pytest.approx(2, abs=1e-4)


def test_in_comparisons_equal_replicates_are_no_certainty() -> None:
    """No figure is known better than a tenth of a percent; else what was rounded would beat what is equal."""
    found = log_ratio_interval([50.0] * 3, [50.0] * 3)
    assert found is not None
    assert log(found.high) == pytest.approx(T4 * LEAST * sqrt(2 / 3))
    paired = log_ratio_interval([50.0] * 5, [50.0] * 5)
    assert paired is not None
    assert log(paired.high) == pytest.approx(T4 * LEAST * sqrt(2 / 5))


def test_more_replicates_are_compared_pair_by_pair() -> None:
    """So what both sides share counts for nothing."""
    drift = [100.0, 80.0, 60.0, 90.0, 120.0]
    other = [value * 0.9 * factor for value, factor in zip(drift, (1.0, 1.01, 0.99, 1.0, 1.0), strict=True)]
    found = log_ratio_interval(drift, other)
    assert found is not None
    assert found.excludes_one
    assert found.high / found.low < 1.03
    assert len(drift) == PAIRED_FROM
    short = log_ratio_interval(drift[:4], other[:4])
    assert short is not None
    assert not short.excludes_one
    uneven = log_ratio_interval(drift, other[:4])  # nobody knows which belong together
    assert uneven is not None
    assert not uneven.excludes_one


def test_the_paired_t_is_that_of_the_gaps() -> None:
    """Recomputed in floats."""
    a, b = [10.0, 11.0, 12.0, 13.0, 15.0], [9.0, 9.5, 11.5, 12.0, 12.5]
    gaps = [log(x / y) for x, y in zip(a, b, strict=True)]
    reach = T4 * stdev(gaps) / sqrt(5)
    found = log_ratio_interval(a, b)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exp(fmean(gaps) - reach), exp(fmean(gaps) + reach)))


@settings(max_examples=40, deadline=None)
@given(figures, figures, st.sampled_from([0.9, 0.95, 0.99]))
def test_an_interval_excludes_one_just_where_p_is_below_its_error(
    a: list[float], b: list[float], confidence: float
) -> None:
    """Test and interval are one and the same."""
    found, p = log_ratio_interval(a, b, confidence), difference_p(a, b)
    assert found is not None
    assert p is not None
    assert found.excludes_one == (p < 1 - confidence)


@settings(max_examples=40, deadline=None)
@given(figures, st.floats(0.8, 1.25), st.sampled_from([0.9, 0.98]))
def test_an_interval_lies_within_the_margin_just_where_both_tests_reject(
    a: list[float], ratio: float, confidence: float
) -> None:
    """Of two one-sided tests; so the interval has twice their error."""
    b = [value * ratio * (1 + place / 1000) for place, value in enumerate(a)]
    found, p = log_ratio_interval(a, b, confidence), equivalence_p(a, b)
    assert found is not None
    assert p is not None
    assert found.is_equivalent == (p < (1 - confidence) / 2)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0]),
        ([0.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
        ([1.0, 1.0, 1.0], [1.0, 1.0, -1.0]),
        ([1.0, 1.0, 1.0], [1.0, 1.0, float("nan")]),
    ],
)
def test_too_few_replicates_and_zeros_cannot_be_compared(a: list[float], b: list[float]) -> None:
    """By none of the functions."""
    assert compare(a, b) is None
    assert log_ratio_interval(a, b) is None
    assert difference_p(a, b) is None
    assert equivalence_p(a, b) is None
    assert more_replicates(a, b, 0.95, 10) is None


def test_more_replicates_are_fewer_where_the_difference_is_larger() -> None:
    """And none help where there is nothing to see but noise."""
    noise, other = [0.9, 1.0, 1.1], [1.0, 1.1, 0.9]
    needed = [more_replicates([r * x for x in noise], other, 0.95, 200) for r in (1.5, 1.2, 1.1)]
    assert None not in needed
    assert needed == sorted(filter(None, needed))
    assert more_replicates([1.02 * x for x in noise], other, 0.95, 50) is None


# --- many comparisons -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p_values", "held"),
    [
        ([0.001, 0.04, 0.01], [0.05 / 3, 0.05, 0.025]),
        ([0.02, 0.001], [0.05, 0.025]),
        ([0.03, 0.03], [0.025, 0.025]),
        ([0.5, 0.001, 0.5], [0.025, 0.05 / 3, 0.025]),
        ([0.04], [0.05]),
        ([], []),
    ],
)
def test_holm_steps_down_as_long_as_they_are_below(p_values: list[float], held: list[float]) -> None:
    """The first that is not ends it: all the others are held to its error."""
    assert holm(p_values, 0.05) == pytest.approx(held)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_at_least_what_equal_shares_would(p_values: list[float]) -> None:
    """And never more than each alone."""
    by_holm = [p < most for p, most in zip(p_values, holm(p_values, 0.05), strict=True)]
    by_shares = [p < 0.05 / len(p_values) for p in p_values]
    assert all(one or not other for one, other in zip(by_holm, by_shares, strict=True))
    assert all(p < 0.05 or not one for one, p in zip(by_holm, p_values, strict=True))
