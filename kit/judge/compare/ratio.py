"""How many times as much: the ratio of two medians over replicates, with an interval where there are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kit.documents.pins import Sparse
from kit.metrics.intervals import CONFIDENCE, Interval, log_ratio_interval, more_replicates
from kit.metrics.limits import EQUIVALENT_PERCENT, MIN_REPLICATES_FOR_INTERVAL
from kit.metrics.stats import median
from kit.text import NO_DATA, number

Relation = Literal["apart", "tied", "open"]
MOST_MORE = 50  # replicates that anybody would add
TIED_WORDS = f"tied within {EQUIVALENT_PERCENT} %"


@dataclass(frozen=True, slots=True)
class Ratio(Sparse):
    """median(a) / median(b) with its interval; `n_a` and `n_b` count the replicates behind it.

    `value` is None where there is nothing to divide, or nothing to divide by; `low` and `high` are None where
    there is no interval: with fewer than three replicates on a side, or with a figure of 0. `confidence` is that
    of the interval: what the comparison is held to so that all of one verdict err in at most 5 % (verdicts.py).
    """

    value: float | None
    low: float | None
    high: float | None
    n_a: int
    n_b: int
    confidence: float | None = None

    @property
    def interval(self) -> Interval | None:
        return None if self.low is None or self.high is None else Interval(self.low, self.high)


def ratio_of(a: Sequence[float], b: Sequence[float], confidence: float = CONFIDENCE) -> Ratio:
    """median(a) / median(b) over replicates, in the same order, with an interval that holds it.

    It is 1 and nothing else where all replicates of both sides gave one and the same figure.
    """
    top, bottom = (median(side) if side else None for side in (a, b))
    value = top / bottom if top is not None and bottom else None
    found = log_ratio_interval(a, b, confidence)
    if value is None or found is None:
        return Ratio(value, None, None, len(a), len(b))
    if is_always_equal(a, b):
        return Ratio(value, 1.0, 1.0, len(a), len(b), confidence)
    return Ratio(value, min(found.low, value), max(found.high, value), len(a), len(b), confidence)


def is_always_equal(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether enough replicates on both sides all gave one and the same figure, for which zero has no ratio."""
    return min(len(a), len(b)) >= MIN_REPLICATES_FOR_INTERVAL and len({*a, *b}) == 1


# --- in words ---------------------------------------------------------------------------------------------


def ratio_text(ratio: Ratio) -> str:
    """`1.31 x`, or a dash."""
    return NO_DATA if ratio.value is None else f"{number(ratio.value, _digits(ratio))} x"


def interval_text(ratio: Ratio) -> str:
    """`[1.24, 1.37]`, or nothing."""
    if ratio.low is None or ratio.high is None:
        return ""
    digits = _digits(ratio)
    return f"[{number(ratio.low, digits)}, {number(ratio.high, digits)}]"


def range_text(ratio: Ratio) -> str:
    """`0.9 x to 1.3 x`, or nothing."""
    if ratio.low is None or ratio.high is None:
        return ""
    return f"{number(ratio.low, 2)} x to {number(ratio.high, 2)} x"


def _digits(ratio: Ratio) -> int:
    """Two; where the two differ as many as it takes to see on which side of 1 everything lies, up to five."""
    if ratio.interval is not None and not ratio.interval.excludes_one:
        return 2
    parts = [part for part in (ratio.value, ratio.low, ratio.high) if part is not None and part != 1]
    return next((digits for digits in (2, 3, 4) if all(round(part, digits) != 1 for part in parts)), 5)


def replicates_text(ratio: Ratio) -> str:
    """How many replicates stand behind it: `one replicate each`, `2 and 3 replicates`."""
    if ratio.n_a == ratio.n_b:
        return "one replicate each" if ratio.n_a == 1 else f"{ratio.n_a} replicates each"
    return f"{ratio.n_a} and {ratio.n_b} replicates"


def no_interval_text(ratio: Ratio) -> str:
    """Why there is no interval."""
    if min(ratio.n_a, ratio.n_b) >= MIN_REPLICATES_FOR_INTERVAL:
        return "a figure is 0, so no interval"
    return f"{replicates_text(ratio)}, so no interval"


def more_text(
    ratio: Ratio, a: Sequence[float], b: Sequence[float], within_percent: float = EQUIVALENT_PERCENT
) -> str:
    """How many more replicates would tell the two apart, or that they are tied, if the ratio is what it seems."""
    if ratio.confidence is None or ratio.value is None:
        return ""
    more = more_replicates(a, b, ratio.confidence, MOST_MORE, within_percent)
    really = f"if it really is {number(ratio.value, 2)} x"
    if more is None:
        return f"even {MOST_MORE} more replicates would hardly tell {really}"
    return f"{more} more replicate{'s' if more > 1 else ''} would probably tell {really}"
