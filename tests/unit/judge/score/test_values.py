"""Pessimistic medians: what is not there is the worst, and a middle that is missing is no figure."""

from __future__ import annotations

import math

import pytest

from kit.judge.score.contract import Better
from kit.judge.score.values import pessimistic
from tests.support.studies import subject, trial


@pytest.mark.parametrize(
    ("values", "higher", "lower"),
    [
        ([1.0, 2.0, 9.0], 2.0, 2.0),
        ([1.0, 9.0], 5.0, 5.0),
        ([1.0, 2.0, 4.0, 9.0], 3.0, 3.0),
        ([1.0, None, 9.0], 1.0, 9.0),
        ([1.0, 2.0, None, 9.0], 1.5, 5.5),
        ([1.0, None], -math.inf, math.inf),
        ([None, None], -math.inf, math.inf),
        ([1.0, None, None], -math.inf, math.inf),
        ([None, None, 1.0, 2.0], -math.inf, math.inf),
        ([-1.0, 4.0, 4.0], 4.0, 4.0),
        ([math.nan, 4.0, 6.0], 4.0, 6.0),
        ([math.inf, 4.0, 6.0], 4.0, 6.0),
    ],
)
def test_a_missing_figure_counts_as_the_worst(values: list[float | None], higher: float, lower: float) -> None:
    """What is below 0 or not finite is missing too; halfway to infinity is infinity."""
    ways: dict[Better, float] = {"higher": higher, "lower": lower}
    for better, expected in ways.items():
        trials = [trial(number, "measured", power_mean_w=value) for number, value in enumerate(values, 1)]
        found = pessimistic(subject("a", 1, *trials), "power_mean_w", None, better)
        assert (found.value, found.is_missing) == (expected, math.isinf(expected))
        assert found.lacking == sum(value is None or not 0 <= value < math.inf for value in values)
        assert found.trials == len(values)


def test_a_fallback_is_told() -> None:
    """Only where it stood in."""
    both = subject("a", 1, trial(1, ttft_ms__p99=5.0, ttft_ms__max=9.0), trial(2, ttft_ms__max=7.0))
    found = pessimistic(both, "ttft_ms.p99", "ttft_ms.max", "lower")
    assert (found.value, found.is_fallback, found.lacking) == (6.0, True, 0)
    assert not pessimistic(both, "ttft_ms.max", None, "lower").is_fallback
    down = subject("a", 1, trial(1, "failed", ttft_ms__p99=5.0), trial(2, ttft_ms__p99=5.0))
    assert pessimistic(down, "ttft_ms.p99", "ttft_ms.max", "lower").is_missing
