"""kit-search-1: which levels there are, how many a search measures, and where it ends."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.metrics.users import (
    CLIMB,
    Bracket,
    bracket,
    climb,
    is_kept,
    levels_between,
    median_share,
    most_steps,
    next_level,
    path,
)


def test_levels_are_every_number_up_to_16_and_then_eight_an_octave() -> None:
    """With both ends, whatever they are."""
    assert levels_between(1, 40) == (*range(1, 17), 18, 20, 22, 24, 26, 28, 30, 32, 36, 40)
    assert levels_between(5, 5) == (5,)
    assert levels_between(17, 19) == (17, 18, 19)
    assert levels_between(1, 4096)[-3:] == (3584, 3840, 4096)
    assert max(len(levels_between(first, 4096)) for first in (1, 11, 17)) <= 100


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_levels_ascend_and_stay_between_their_ends(one: int, other: int) -> None:
    """Each step is at most an eighth, or one user."""
    first, most = sorted((one, other))
    levels = levels_between(first, most)
    assert (levels[0], levels[-1], sorted(set(levels))) == (first, most, list(levels))
    assert all(b <= max(a + 1, a * 9 / 8) for a, b in pairwise(levels))


@pytest.mark.parametrize("first", [1, 2, 3, 5, 11, 17])
def test_a_search_measures_at_most_log2_of_the_range_and_three_levels(first: int) -> None:
    """Whatever the answer is, and it finds it."""
    for most in (*range(first, 260), 500, 512, 1000, 1024, 4096):
        levels = levels_between(first, most)
        assert most_steps(levels) <= math.log2(most - first + 1) + 3
        for answer in levels:
            steps = path(levels, answer)
            kept = {level: level <= answer for level in steps}
            assert bracket(kept).kept == answer
            assert len(set(steps)) == len(steps)


def test_a_search_climbs_by_four_and_then_bisects() -> None:
    """No level is far above the answer, and the last is measured only where it may be the answer."""
    levels = levels_between(1, 64)
    assert path(levels, 12) == (1, 4, 16, 10, 13, 11, 12)
    assert path(levels, 64)[:3] == (1, 4, 16)
    assert path(levels, 64)[-1] == 64
    assert path(levels, 0) == (1,)
    assert climb(levels) == (1, 4, 16, 64)
    assert climb((5,)) == (5,)
    for answer in levels:
        assert max(path(levels, answer)) <= max(CLIMB * answer, answer + 32)


@given(st.lists(st.booleans(), min_size=10, max_size=10), st.integers(1, 200))
def test_a_search_ends_whatever_it_meets(fates: list[bool], most: int) -> None:
    """Noise makes levels contradict each other; the bracket is closed all the same, or the end is reached."""
    levels, kept = levels_between(1, most), dict[int, bool]()
    while (level := next_level(levels, kept)) is not None:
        assert level not in kept
        kept[level] = fates[len(kept) % len(fates)]
    found = bracket(kept)
    assert found.again == ()
    low = -1 if found.kept is None else levels.index(found.kept)
    high = len(levels) if found.missed is None else levels.index(found.missed)
    assert high == low + 1


def test_a_level_is_kept_by_the_median_of_its_replicates() -> None:
    """One bad window of three decides nothing, two do; a replicate without data keeps nothing."""
    assert is_kept([0.95], 950)
    assert not is_kept([0.949], 950)
    assert is_kept([0.99, 0.5, 0.96], 950)
    assert not is_kept([0.99, 0.9, 0.5], 950)
    assert not is_kept([0.99, None, 0.99], 950)
    assert not is_kept([], 950)
    assert median_share([0.9, 1.0]) == 0.95
    assert median_share([None]) is None


def test_a_bracket_of_a_plan_ends_at_the_first_level_that_is_not_kept() -> None:
    """What is kept above it is named and does not count."""
    assert bracket({1: True, 4: True, 16: False}) == Bracket(4, 16)
    assert bracket({16: True, 1: True, 4: False, 8: True}) == Bracket(1, 4, (8, 16))
    assert bracket({1: False, 4: False}) == Bracket(None, 1)
    assert bracket({1: True}) == Bracket(1, None)
    assert bracket({}) == Bracket(None, None)
