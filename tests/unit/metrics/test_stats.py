"""Order statistics: nearest rank, sample floors, medians, intervals."""

from __future__ import annotations

import math
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.metrics import stats
from kit.metrics.limits import SAMPLE_FLOORS
from kit.metrics.stats import (
    bootstrap_interval,
    bootstrap_medians,
    distribution,
    median,
    median_interval,
    nearest_rank,
)

ints = st.lists(st.integers(0, 10**12), min_size=1, max_size=300)


@pytest.mark.parametrize(
    ("values", "permille", "expected"),
    [
        ([7], 500, 7),
        ([1, 2], 500, 1),
        ([1, 2, 3], 500, 2),
        (list(range(1, 101)), 990, 99),
        (list(range(1, 101)), 999, 100),
        (list(range(1, 1001)), 999, 999),
        (list(range(1, 4001)), 500, 2000),
        (list(range(1, 4002)), 500, 2001),
        ([1, 2, 3], 0, 1),
        ([1, 2, 3], 1000, 3),
    ],
)
def test_nearest_rank_takes_the_value_at_the_rank_rounded_up(
    values: list[int], permille: int, expected: int
) -> None:
    """The rank is ceil(n * p), at least 1."""
    assert nearest_rank(values, permille) == expected


@given(ints, st.integers(1, 1000))
def test_nearest_rank_has_at_least_p_of_the_values_at_or_below_it(values: list[int], permille: int) -> None:
    """The definition of a percentile: enough values at or below, not enough strictly below."""
    ordered = sorted(values)
    found = nearest_rank(ordered, permille)
    assert sum(value <= found for value in values) * 1000 >= permille * len(values)
    assert sum(value < found for value in values) * 1000 < permille * len(values)


@pytest.mark.parametrize(("permille", "floor"), [(750, 17), (900, 44), (950, 90), (990, 459), (999, 4603)])
def test_floors_are_the_smallest_n_for_99_percent_confidence(permille: int, floor: int) -> None:
    """p^n <= 0.01 holds at the floor and not one below it."""
    p = permille / 1000
    assert SAMPLE_FLOORS[permille] == floor
    assert p**floor <= 0.01 < p ** (floor - 1)
    assert floor == math.ceil(math.log(0.01) / math.log(p))


@pytest.mark.parametrize(("permille", "name"), [(900, "p90"), (950, "p95"), (990, "p99"), (999, "p999")])
def test_a_percentile_appears_exactly_at_its_floor(permille: int, name: str) -> None:
    """One sample too few gives None, the floor gives a number."""
    floor = SAMPLE_FLOORS[permille]
    assert getattr(distribution(range(floor - 1)), name) is None
    assert getattr(distribution(range(floor)), name) is not None


def test_a_distribution_is_in_milliseconds_of_integer_nanoseconds() -> None:
    """Each number is one correctly rounded division."""
    found = distribution([3_000_000, 1_500_000, 1])
    assert (found.n, found.min, found.p50, found.max) == (3, 1e-06, 1.5, 3.0)
    assert found.mean == 1.5
    assert found.p90 is None


def test_a_distribution_of_nothing_has_no_numbers() -> None:
    """No data is None, never 0."""
    found = distribution([])
    assert found.n == 0
    assert {found.min, found.p50, found.p90, found.p95, found.p99, found.p999, found.max, found.mean} == {None}


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_the_median_does_not_depend_on_the_order(values: list[float]) -> None:
    """Sorting or reversing changes nothing, and the median lies inside the values."""
    assert median(values) == median(list(reversed(values)))
    assert min(values) <= median(values) <= max(values)


def test_a_spread_of_two_replicates_has_no_interval() -> None:
    """An interval needs at least three replicates."""
    assert median_interval([1.0, 3.0]).median == 2.0
    assert median_interval([1.0, 3.0]).low is None


def test_a_spread_leaves_missing_replicates_out() -> None:
    """None is no data, not a zero; nothing but None is no median."""
    assert median_interval([None, 5.0]).median == 5.0
    assert median_interval([None, 5.0]).n == 1
    assert median_interval([None, None]).median is None


def test_the_bootstrap_interval_is_the_same_on_every_machine() -> None:
    """A fixed named draw: this very interval, whatever the order of the replicates."""
    values = [10.0, 11.0, 12.0, 13.0, 20.0]
    assert bootstrap_interval(values) == bootstrap_interval(values[::-1]) == (10.0, 20.0)
    narrow = bootstrap_interval([10.0, 10.1, 10.2] * 4)
    assert narrow == (10.0, 10.2)


@settings(max_examples=10)
@given(st.lists(st.floats(0, 1e6) | st.sampled_from([1.0, 2.0]), min_size=3, max_size=8))
def test_the_interval_is_that_of_every_round_drawn_one_by_one(values: list[float]) -> None:
    """Bit for bit: results of the first two methods are recomputed for ever."""
    ordered, medians = sorted(values), []
    for round_ in range(2000):
        words = (f"kit-bootstrap-1/2026/{round_}/{place}".encode() for place in range(len(values)))
        drawn = (int.from_bytes(sha256(each).digest()[:8], "big") * len(values) >> 64 for each in words)
        medians.append(median([ordered[place] for place in drawn]))
    assert bootstrap_medians(values) == medians
    assert bootstrap_interval(values) == (sorted(medians)[50], sorted(medians)[1949])


@settings(max_examples=15)  # each one draws 2,000 bootstrap rounds
@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=6))
def test_the_interval_holds_the_median(values: list[float]) -> None:
    """low <= median <= high."""
    found = median_interval(values)
    assert found.low is not None
    assert found.median is not None
    assert found.high is not None
    assert found.low <= found.median <= found.high


@given(
    st.lists(st.integers(-5, 5) | st.integers(0, 10**7) | st.integers(0, 10**15), min_size=1, max_size=200),
    st.sampled_from([0, 1, 7, 50]),
    st.integers(0, 12),
)
def test_many_values_are_ranked_by_buckets_to_the_same_percentile(values: list[int], most: int, bits: int) -> None:
    """The way for millions of values finds the very values that sorting finds, however often it goes deeper."""
    sorted_way = {permille: stats.nearest_rank(sorted(values), permille) for permille in SAMPLE_FLOORS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "SORT_UP_TO", most)
        patch.setattr(stats, "BUCKETS_BITS", max(1, bits))
        assert stats._ranked(values) == sorted_way
