"""Ratios of medians with their intervals, and their words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.judge.compare.ratio import Ratio, interval_text, ratio_of, ratio_text, replicates_text

figures = st.lists(st.floats(0.01, 1e6), min_size=3, max_size=6)


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [([6.0], [3.0], 2.0), ([2.0, 4.0], [1.0], 3.0), ([0.0], [3.0], 0.0), ([1.0], [0.0], None), ([], [1.0], None)],
)
def test_the_ratio_is_that_of_the_medians(a: list[float], b: list[float], value: float | None) -> None:
    """Nothing to divide, or to divide by, gives None; one or two replicates give no interval."""
    assert ratio_of(a, b) == Ratio(value, None, None, len(a), len(b))


def test_three_replicates_a_side_have_an_interval_which_is_pinned() -> None:
    """The interval is part of the published method: it may not change unnoticed."""
    assert ratio_of([10.0, 11.0, 12.0], [5.0, 5.5, 6.0]) == Ratio(2.0, 10 / 6, 2.4, 3, 3)


def test_a_zero_among_the_divisors_leaves_no_interval() -> None:
    """A drawn median of zero has no ratio, so the interval would have no end."""
    assert ratio_of([1.0, 1.0, 1.0], [0.0, 1.0, 1.0]) == Ratio(1.0, None, None, 3, 3)


def test_one_replicate_too_few_on_one_side_leaves_no_interval() -> None:
    """Both sides need three."""
    assert ratio_of([1.0, 1.0, 1.0], [2.0, 2.0]).low is None


@settings(max_examples=15, deadline=None)
@given(figures, figures)
def test_the_interval_is_the_same_each_time_and_in_any_order(a: list[float], b: list[float]) -> None:
    """The seed is fixed, and the replicates of a side are exchangeable."""
    found = ratio_of(a, b)
    assert found == ratio_of(a[::-1], sorted(b))
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high
    assert min(a) / max(b) <= found.low
    assert found.high <= max(a) / min(b)


@settings(max_examples=10, deadline=None)
@given(figures, figures)
def test_to_exchange_the_sides_inverts_the_interval(a: list[float], b: list[float]) -> None:
    """So nobody wins by being named first."""
    one, two = ratio_of(a, b), ratio_of(b, a)
    assert one.low is not None
    assert two.high is not None
    assert one.low * two.high == pytest.approx(1)
    assert one.excludes_one == two.excludes_one


def test_the_two_sides_are_drawn_independently() -> None:
    """With the same draws on both sides, equal sides would always give exactly 1."""
    found = ratio_of([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.low, found.high) == (1 / 3, 3.0)


@pytest.mark.parametrize(
    ("ratio", "excludes", "includes"),
    [
        (Ratio(1.2, 1.1, 1.3, 3, 3), True, False),
        (Ratio(0.8, 0.7, 0.9, 3, 3), True, False),
        (Ratio(1.0, 1.0, 1.2, 3, 3), False, True),
        (Ratio(1.2, None, None, 1, 1), False, False),
    ],
)
def test_without_an_interval_one_is_neither_in_nor_out(ratio: Ratio, excludes: bool, includes: bool) -> None:
    """A bound at exactly 1 includes it."""
    assert (ratio.excludes_one, ratio.includes_one) == (excludes, includes)


@pytest.mark.parametrize(
    ("ratio", "text", "interval"),
    [
        (Ratio(1.31, 1.24, 1.37, 3, 3), "1.31 x", "[1.24, 1.37]"),
        (Ratio(1.003, 1.002, 1.01, 3, 3), "1.003 x", "[1.002, 1.010]"),
        (Ratio(1.0, 1.0, 1.0, 3, 3), "1.00 x", "[1.00, 1.00]"),
        (Ratio(1.5, None, None, 1, 1), "1.50 x", ""),
        (Ratio(None, None, None, 0, 1), "–", ""),  # noqa: RUF001
    ],
)
def test_a_ratio_is_written_so_that_its_side_of_one_shows(ratio: Ratio, text: str, interval: str) -> None:
    """Two digits, more where they would show a 1 that it is not."""
    assert (ratio_text(ratio), interval_text(ratio)) == (text, interval)


@pytest.mark.parametrize(
    ("n_a", "n_b", "text"),
    [(1, 1, "one replicate each"), (2, 2, "2 replicates each"), (1, 3, "1 and 3 replicates")],
)
def test_replicates_are_counted_in_words(n_a: int, n_b: int, text: str) -> None:
    """Both sides, if they differ."""
    assert replicates_text(Ratio(1.0, None, None, n_a, n_b)) == text
