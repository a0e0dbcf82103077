"""Figures over replicates: Student's t on their logarithms, for one figure and for the ratio of two. Pure.

benchmarks/intervals.py shows how often these intervals hold the truth, beside other methods.
All arithmetic is decimal (kit.metrics.probability.student), so that a verifier on another machine finds the very
same bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from math import isfinite

from kit.documents import MedianInterval
from kit.metrics.limits import EQUIVALENT_PERCENT, MIN_REPLICATES_FOR_INTERVAL, MIN_SPREAD, PAIRED_FROM
from kit.metrics.probability.student import ARITHMETIC, t_limit, two_sided_p
from kit.metrics.stats import median

CONFIDENCE = 0.95
_LEAST = Decimal(MIN_SPREAD) ** 2  # of the variance of logarithms
_FOUR_IN_FIVE = 0.6  # 80 % of a t lie below what 60 % lie within


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    @property
    def excludes_one(self) -> bool:
        """Of a ratio: whether the two surely differ."""
        return not self.low <= 1 <= self.high

    @property
    def is_equivalent(self) -> bool:
        """Of a ratio: whether the two surely differ by less than counts."""
        return self.lies_within(EQUIVALENT_PERCENT)

    def lies_within(self, percent: float) -> bool:
        """Of a ratio: whether the two surely differ by less than so much."""
        most = 1 + percent / 100
        return 1 / most <= self.low and self.high <= most


@dataclass(frozen=True, slots=True)
class _Estimate:
    """A difference of logarithms (or a logarithm), the standard error of it, and its degrees of freedom."""

    middle: Decimal
    error: Decimal
    df: float

    def interval(self, confidence: float) -> Interval:
        reach = t_limit(self.df, confidence) * self.error
        return Interval(float((self.middle - reach).exp()), float((self.middle + reach).exp()))


# --- one figure -------------------------------------------------------------------------------------------


def median_over_replicates(values: Sequence[float | None]) -> MedianInterval:
    """Median over replicates with the 95 % interval of `figure_interval`; missing replicates do not count."""
    present = [value for value in values if value is not None]
    if not present:
        return MedianInterval(0, None, None, None)
    found = figure_interval(present)
    middle = median(present)
    if found is None:
        return MedianInterval(len(present), middle, None, None)
    return MedianInterval(len(present), middle, found.low, found.high)


def figure_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Where a figure lies, by three replicates or more: Student's t on logarithms, widened to hold the median.

    Figures with a zero or below have no logarithms: t on the figures as they are, never below 0 unless one of them
    is.
    """
    if len(values) < MIN_REPLICATES_FOR_INTERVAL or not all(map(isfinite, values)):
        return None
    return _figure_interval(tuple(values), confidence)


@lru_cache(maxsize=1 << 14)
def _figure_interval(values: tuple[float, ...], confidence: float) -> Interval:
    """Remembered: tables, scores and plots of one study ask for the same intervals."""
    n = len(values)
    with localcontext(ARITHMETIC):
        if min(values) > 0:
            mean, variance = _moments(_logarithms(values))
            found = _Estimate(mean, (variance / n).sqrt(), n - 1).interval(confidence)
        else:
            mean, variance = _moments([Decimal(value) for value in values])
            reach = t_limit(n - 1, confidence) * (variance / n).sqrt()
            low = mean - reach if min(values) < 0 else max(mean - reach, Decimal(0))
            found = Interval(float(low), float(mean + reach))
    middle = median(values)
    return Interval(min(found.low, middle), max(found.high, middle))


# --- two figures ------------------------------------------------------------------------------------------


def compare(a: Sequence[float], b: Sequence[float]) -> tuple[float, float] | None:
    """(t, degrees of freedom) of the difference of two figures' logarithms; None where there is no interval."""
    found = _difference(tuple(a), tuple(b))
    if found is None:
        return None
    with localcontext(ARITHMETIC):
        return float(found.middle / found.error), found.df


def log_ratio_interval(a: Sequence[float], b: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Where a / b lies, by replicates in the same order: Student's t on logarithms, paired or by Welch.

    None with fewer than three replicates on a side, and where one is not above 0.
    """
    found = _difference(tuple(a), tuple(b))
    if found is None:
        return None
    with localcontext(ARITHMETIC):
        return found.interval(confidence)


def difference_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """How likely so large a difference is between two equal ones; None where nobody can tell."""
    found = compare(a, b)
    return None if found is None else two_sided_p(*found)


def equivalence_p(a: Sequence[float], b: Sequence[float], percent: float = EQUIVALENT_PERCENT) -> float | None:
    """How likely the two would seem so alike if they differed by what counts; None where nobody can tell."""
    found = _difference(tuple(a), tuple(b))
    if found is None:
        return None
    with localcontext(ARITHMETIC):
        room = float((_margin(percent) - abs(found.middle)) / found.error)
    return two_sided_p(room, found.df) / 2 if room > 0 else 1.0


def beyond_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    """How likely the two would seem so unlike if they differed by no more than what counts; None as above."""
    found = _difference(tuple(a), tuple(b))
    if found is None:
        return None
    with localcontext(ARITHMETIC):
        beyond = float((abs(found.middle) - _margin()) / found.error)
    return two_sided_p(beyond, found.df) / 2 if beyond > 0 else 1.0


def more_replicates(
    a: Sequence[float], b: Sequence[float], confidence: float, most: int, percent: float = EQUIVALENT_PERCENT
) -> int | None:
    """How many more on each side would tell with a chance of 80 % whether the two differ, or are equivalent.

    If the ratio and the spread are what they seem; None if even `most` more would not.
    """
    found = _difference(tuple(a), tuple(b))
    if found is None:
        return None
    n = min(len(a), len(b))
    pairs = len(a) == len(b)
    with localcontext(ARITHMETIC):
        apart = abs(found.middle)
        room = max(apart, _margin(percent) - apart)
        gaps = _moments([x - y for x, y in zip(_logarithms(a), _logarithms(b), strict=True)])[1] if pairs else None
        for more in range(1, most + 1):
            then = n + more
            error, df = found.error * (Decimal(n) / then).sqrt(), found.df * (then - 1) / (n - 1)
            if gaps is not None and then >= PAIRED_FROM:
                error, df = (max(gaps, 2 * _LEAST) / then).sqrt(), then - 1
            if room >= (t_limit(df, confidence) + t_limit(df, _FOUR_IN_FIVE)) * error:
                return more
    return None


@lru_cache(maxsize=16)
def _margin(percent: float = EQUIVALENT_PERCENT) -> Decimal:
    """The difference of logarithms that counts."""
    return (1 + Decimal(str(percent)) / 100).ln(ARITHMETIC)


@lru_cache(maxsize=1 << 12)
def _difference(a: tuple[float, ...], b: tuple[float, ...]) -> _Estimate | None:
    least = min(len(a), len(b))
    if least < MIN_REPLICATES_FOR_INTERVAL or not all(isfinite(value) and value > 0 for value in a + b):
        return None
    with localcontext(ARITHMETIC):
        x, y = _logarithms(a), _logarithms(b)
        if len(a) == len(b) and least >= PAIRED_FROM:
            mean, variance = _moments([one - other for one, other in zip(x, y, strict=True)])
            return _Estimate(mean, (max(variance, 2 * _LEAST) / least).sqrt(), least - 1)
        (mean_x, variance_x), (mean_y, variance_y) = _moments(x), _moments(y)
        of_x, of_y = max(variance_x, _LEAST) / len(x), max(variance_y, _LEAST) / len(y)
        whole = of_x + of_y
        df = whole * whole / (of_x * of_x / (len(x) - 1) + of_y * of_y / (len(y) - 1))
        return _Estimate(mean_x - mean_y, whole.sqrt(), float(df))


def _logarithms(values: Sequence[float]) -> list[Decimal]:
    return [Decimal(value).ln() for value in values]


def _moments(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Mean and variance."""
    n = len(values)
    mean = sum(values, Decimal(0)) / n
    return mean, sum(((value - mean) ** 2 for value in values), Decimal(0)) / (n - 1)


# --- many comparisons -------------------------------------------------------------------------------------


def holm(p_values: Sequence[float], error: float) -> list[float]:
    """The error at which each of several comparisons is held, so that all together err in at most `error`.

    Holm's steps: the smallest p is held to error / m, the next to error / (m - 1), and so on, as long as they are
    below; all from the first that is not are held to its error.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    held = [0.0] * len(p_values)
    left, still_below = len(p_values), True
    for place in order:
        held[place] = error / left
        still_below = still_below and p_values[place] < held[place]
        left -= still_below
    return held
