"""From a figure to points: our curve, and the original's to the digit. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kit.judge.score.contract import Better, Contract, ExtraRule, Grade, MetricRule, PlatformClass

BEST, GOOD = 100.0, 75.0
# probador: below good never reads as good, and what spikes and variation may take off.
CAP_BELOW_GOOD = 74
MAX_SPIKES, MAX_VARIATION, MAX_JITTER = 20.0, 10.0, 30


@dataclass(frozen=True, slots=True)
class Band:
    """The thresholds that hold for one figure."""

    better: Better
    excellent: float
    good: float
    zero_at: float | None = None


def band_of(rule: MetricRule, each: PlatformClass | None, concurrency: int) -> Band:
    """The thresholds of a metric: its own, or those of the class from the largest level up to `concurrency`."""
    if rule.excellent is not None and rule.good is not None:
        return Band(rule.better, rule.excellent, rule.good, rule.zero_at)
    assert each is not None  # contracts are read so that a metric has thresholds or every class has them
    levels = next(table.levels for table in each.thresholds if table.metric == rule.name)
    level = [level for level in levels if level.concurrency <= concurrency][-1]
    return Band(rule.better, level.excellent, level.good, rule.zero_at)


def points(value: float, band: Band) -> float:
    """kit-1 and kit-2: 0 to 100, continuous and monotone. `value` is at least 0.

    100 at or beyond excellent, 75 at good, a line between. Beyond good 75 * v/good (higher is better),
    75 * good/v (lower is better), or a line down to 0 at `zero_at`.
    """
    excellent, good = band.excellent, band.good
    if band.better == "higher":
        if value >= excellent:
            return BEST
        return GOOD * value / good if value < good else GOOD + (BEST - GOOD) * (value - good) / (excellent - good)
    if value <= excellent:
        return BEST
    if value <= good:
        return GOOD + (BEST - GOOD) * (good - value) / (good - excellent)
    if band.zero_at is not None:
        return max(0.0, GOOD * (band.zero_at - value) / (band.zero_at - good))
    return GOOD * good / value


def jitter_points(value: float, limit: float, full: float, full_at: float) -> float:
    """Points off: 0 up to `limit`, rising in a line to `full` at `full_at` times the limit. Infinity: `full`."""
    share = (value / limit - 1) / (full_at - 1)
    return full * min(1.0, max(0.0, share))


def grade_of(composite: float, grades: Sequence[Grade]) -> str:
    """The first grade that the composite reaches."""
    return next((each.grade for each in grades if composite >= each.at_least), grades[-1].grade)


# --- the original, to the digit ---------------------------------------------------------------------------


def half_away(value: float | Fraction) -> int:
    """Rounded to a whole number, halves away from zero. For values from 0 on."""
    whole = math.floor(value)
    return whole + (value - whole >= Fraction(1, 2))


def whole_points(value: float, band: Band) -> int:
    """probador-2.0: whole points, rounded, at most 74 below good (facts: llm/score.rs, steps 1 and 2)."""
    excellent, good = band.excellent, band.good
    if band.better == "higher":
        if value >= excellent:
            return 100
        if value <= 0:
            return 0
        if value >= good:
            return half_away(75.0 + 25.0 * ((value - good) / (excellent - good)))
        return min(half_away(75.0 * value / good), CAP_BELOW_GOOD)
    if value <= excellent:
        return 100
    if value <= good:
        return half_away(75.0 + 25.0 * ((good - value) / (good - excellent)))
    return min(half_away(75.0 * good / value), CAP_BELOW_GOOD)


def whole_jitter(spikes: float, variation: float) -> int:
    """probador-2.0, step 3: 2 points a spike (at most 20) and 1 for each percent of variation (at most 10)."""
    return min(MAX_JITTER, half_away(min(2.0 * spikes, MAX_SPIKES) + min(100.0 * variation, MAX_VARIATION)))


def extra_points(value: float, rule: ExtraRule, contract: Contract) -> float:
    """The points of an extra card, on the curve of the contract's algorithm."""
    band = Band(rule.better, rule.excellent, rule.good)
    return float(whole_points(value, band)) if contract.is_copy else points(max(value, 0.0), band)
