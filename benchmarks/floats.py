"""The intervals of kit.metrics.intervals in floats: a simulation needs a million, and decimals take a while."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kit.metrics.limits import EQUIVALENT_PERCENT, MIN_SPREAD, PAIRED_FROM

LEAST = float(MIN_SPREAD) ** 2
MARGIN = math.log(1 + EQUIVALENT_PERCENT / 100)
ENOUGH = 1e-13
TINY = 1e-300


def _estimate(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Difference of the mean logarithms, its standard error, and its degrees of freedom."""
    x, y, n = [math.log(value) for value in a], [math.log(value) for value in b], len(a)
    if n >= PAIRED_FROM:
        mean, variance = _moments([one - other for one, other in zip(x, y, strict=True)])
        return mean, math.sqrt(max(variance, 2 * LEAST) / n), n - 1
    (mean_x, variance_x), (mean_y, variance_y) = _moments(x), _moments(y)
    of_x, of_y = max(variance_x, LEAST) / n, max(variance_y, LEAST) / n
    whole = of_x + of_y
    return mean_x - mean_y, math.sqrt(whole), whole * whole * (n - 1) / (of_x * of_x + of_y * of_y)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def compare(a: Sequence[float], b: Sequence[float]) -> tuple[float, float] | None:
    middle, error, df = _estimate(a, b)
    return middle / error, df


def difference_p(a: Sequence[float], b: Sequence[float]) -> float:
    middle, error, df = _estimate(a, b)
    return _tail(middle / error, df)


def equivalence_p(a: Sequence[float], b: Sequence[float]) -> float | None:
    middle, error, df = _estimate(a, b)
    room = (MARGIN - abs(middle)) / error
    return _tail(room, df) / 2 if room > 0 else 1.0


def _tail(t: float, df: float) -> float:
    """Both tails of Student's distribution beyond t."""
    return _beta(df / (df + t * t), df / 2, 0.5)


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by Lentz's continued fraction."""
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a) if x < 1 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or TINY)
    found = d
    for m in range(1, 1000):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + factor * d or TINY)
            c = 1 + factor / c or TINY
            found *= c * d
        if abs(c * d - 1) < ENOUGH:
            break
    return front / a * found
