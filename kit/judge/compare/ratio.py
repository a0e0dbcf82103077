"""How many times as much: the ratio of two medians over replicates, with an interval where there are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL
from kit.metrics.stats import BOOTSTRAP_ROUNDS, bootstrap_medians, median
from kit.text import NO_DATA, number

TAIL = 0.025  # on each side of a 95 % interval


@dataclass(frozen=True, slots=True)
class Ratio:
    """median(a) / median(b) with its 95 % interval; `n_a` and `n_b` count the replicates behind it.

    `value` is None where there is nothing to divide, or nothing to divide by; `low` and `high` are None where
    there is no interval: with fewer than three replicates on a side.
    """

    value: float | None
    low: float | None
    high: float | None
    n_a: int
    n_b: int

    @property
    def excludes_one(self) -> bool:
        """Whether there is an interval and 1 lies outside of it: the difference is more than chance explains."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    @property
    def includes_one(self) -> bool:
        """Whether there is an interval and 1 lies in it: nobody can tell the two apart."""
        return self.low is not None and self.high is not None and self.low <= 1 <= self.high


def ratio_of(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """median(a) / median(b) over replicates of two sides, with a 95 % percentile bootstrap interval.

    The replicates of both sides are drawn independently, with a fixed seed: same values, same interval. Lane "a"
    is of the side whose ordered values come first, so that to exchange the sides only inverts the interval.
    """
    top, bottom = (median(side) if side else None for side in (a, b))
    value = top / bottom if top is not None and bottom else None
    enough = min(len(a), len(b)) >= MIN_REPLICATES_FOR_INTERVAL
    if value is None or not enough or not all(b):
        return Ratio(value, None, None, len(a), len(b))
    lane_a, lane_b = ("a", "b") if sorted(a) <= sorted(b) else ("b", "a")
    ratios = sorted(x / y for x, y in zip(bootstrap_medians(a, lane_a), bootstrap_medians(b, lane_b), strict=True))
    low, high = ratios[int(BOOTSTRAP_ROUNDS * TAIL)], ratios[int(BOOTSTRAP_ROUNDS * (1 - TAIL)) - 1]
    return Ratio(value, low, high, len(a), len(b))


def always_equal(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether enough replicates on both sides all gave one and the same figure, for which zero has no ratio."""
    return min(len(a), len(b)) >= MIN_REPLICATES_FOR_INTERVAL and len({*a, *b}) == 1


def ratio_text(ratio: Ratio) -> str:
    """`1.31 x`, or a dash."""
    return NO_DATA if ratio.value is None else f"{number(ratio.value, _digits(ratio))} x"


def interval_text(ratio: Ratio) -> str:
    """`[1.24, 1.37]`, or nothing."""
    if ratio.low is None or ratio.high is None:
        return ""
    digits = _digits(ratio)
    return f"[{number(ratio.low, digits)}, {number(ratio.high, digits)}]"


def _digits(ratio: Ratio) -> int:
    """Two, or as many as it takes to see on which side of 1 everything lies, up to five."""
    parts = [part for part in (ratio.value, ratio.low, ratio.high) if part is not None and part != 1]
    return next((digits for digits in (2, 3, 4) if all(round(part, digits) != 1 for part in parts)), 5)


def replicates_text(ratio: Ratio) -> str:
    """How many replicates stand behind it: `one replicate each`, `2 and 3 replicates`."""
    if ratio.n_a == ratio.n_b:
        return "one replicate each" if ratio.n_a == 1 else f"{ratio.n_a} replicates each"
    return f"{ratio.n_a} and {ratio.n_b} replicates"
