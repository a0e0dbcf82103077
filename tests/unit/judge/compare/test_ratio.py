"""Ratios of medians with their intervals, and their words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.judge.compare.ratio import (
    Ratio,
    interval_text,
    is_always_equal,
    more_text,
    no_interval_text,
    range_text,
    ratio_of,
    ratio_text,
    replicates_text,
)

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
    found = ratio_of([10.0, 11.0, 12.0], [5.0, 5.5, 6.0])
    assert found == Ratio(2.0, 1.6264800200483869, 2.4592985777230774, 3, 3, 0.95)


def test_a_zero_leaves_no_interval() -> None:
    """It has no logarithm."""
    assert ratio_of([1.0, 1.0, 1.0], [0.0, 1.0, 1.0]) == Ratio(1.0, None, None, 3, 3)
    assert ratio_of([0.0, 1.0, 1.0], [1.0, 1.0, 1.0]) == Ratio(1.0, None, None, 3, 3)


def test_one_replicate_too_few_on_one_side_leaves_no_interval() -> None:
    """Both sides need three."""
    assert ratio_of([1.0, 1.0, 1.0], [2.0, 2.0]).low is None


@settings(max_examples=30, deadline=None)
@given(figures, figures, st.sampled_from([0.95, 0.99]))
def test_the_interval_holds_the_ratio_of_medians(a: list[float], b: list[float], confidence: float) -> None:
    """Which the t of logarithms alone need not, where one figure lies far off."""
    found = ratio_of(a, b, confidence)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.confidence == confidence


@settings(max_examples=30, deadline=None)
@given(figures, figures)
def test_to_exchange_the_sides_inverts_the_interval(a: list[float], b: list[float]) -> None:
    """So nobody wins by being named first."""
    one, two = ratio_of(a, b), ratio_of(b, a)
    assert one.low is not None
    assert two.high is not None
    assert one.low * two.high == pytest.approx(1)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], True),
        ([2.0, 2.0, 2.0], [2.0, 2.0, 2.0, 2.0], True),
        ([0.0, 0.0], [0.0, 0.0], False),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 1.0], False),
    ],
)
def test_always_equal_needs_enough_replicates_that_are_all_the_same(
    a: list[float], b: list[float], equal: bool
) -> None:
    """Also zeros, which have no ratio."""
    assert is_always_equal(a, b) is equal


@pytest.mark.parametrize(
    ("ratio", "text", "interval"),
    [
        (Ratio(1.31, 1.24, 1.37, 3, 3), "1.31 x", "[1.24, 1.37]"),
        (Ratio(1.003, 1.002, 1.01, 3, 3), "1.003 x", "[1.002, 1.010]"),
        (Ratio(1.0, 1.0, 1.0, 3, 3), "1.00 x", "[1.00, 1.00]"),
        (Ratio(0.999, 0.951, 1.043, 3, 3), "1.00 x", "[0.95, 1.04]"),
        (Ratio(1.5, None, None, 1, 1), "1.50 x", ""),
        (Ratio(None, None, None, 0, 1), "–", ""),  # noqa: RUF001
    ],
)
def test_a_ratio_is_written_so_that_its_side_of_one_shows(ratio: Ratio, text: str, interval: str) -> None:
    """Two digits, more where two that differ would show a 1 that it is not."""
    assert (ratio_text(ratio), interval_text(ratio)) == (text, interval)


@pytest.mark.parametrize(
    ("n_a", "n_b", "text"),
    [(1, 1, "one replicate each"), (2, 2, "2 replicates each"), (1, 3, "1 and 3 replicates")],
)
def test_replicates_are_counted_in_words(n_a: int, n_b: int, text: str) -> None:
    """Both sides, if they differ."""
    assert replicates_text(Ratio(1.0, None, None, n_a, n_b)) == text


def test_what_is_open_is_told_as_a_range() -> None:
    """And nothing where there is none."""
    assert range_text(Ratio(1.04, 0.9, 1.3, 3, 3, 0.95)) == "0.90 x to 1.30 x"
    assert range_text(Ratio(1.04, None, None, 1, 1)) == ""


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (Ratio(2.0, None, None, 2, 2), "2 replicates each, so no interval"),
        (Ratio(None, None, None, 3, 3), "a figure is 0, so no interval"),
    ],
)
def test_why_there_is_no_interval(ratio: Ratio, words: str) -> None:
    """Too few replicates, or a zero."""
    assert no_interval_text(ratio) == words


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (
            [100.0, 90.0, 110.0],
            [88.0, 80.0, 96.0],
            "2 more replicates would probably tell if it really is 1.14 x",
        ),
        ([101.0, 100.0, 102.0], [99.0, 99.5, 98.0], "1 more replicate would probably tell"),
        ([100.0, 50.0, 200.0], [51.0, 190.0, 101.0], "even 50 more replicates would hardly tell"),
        ([100.0], [90.0], ""),
    ],
)
def test_how_many_more_replicates_would_tell(a: list[float], b: list[float], words: str) -> None:
    """By the ratio and the spread as they seem now."""
    assert words in more_text(ratio_of(a, b), a, b)
