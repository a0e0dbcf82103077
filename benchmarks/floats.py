"""Intervals of ratios over replicates, by Welch's t on logarithms. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by Lentz's continued fraction."""
    if x <= 0:
        return 0.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    f, c, d = 1.0, 1.0, 0.0
    for i in range(300):
        m = i // 2
        if i == 0:
            part = 1.0
        elif i % 2 == 0:
            part = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            part = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + part * d or 1e-30)
        c = 1 + part / c or 1e-30
        f *= c * d
        if abs(1 - c * d) < 1e-13:
            break
    return front * (f - 1) / a


@lru_cache(maxsize=1 << 16)
def t_quantile(tail: float, df: float) -> float:
    """The t above which lies `tail` of the distribution."""
    low, high = 0.0, 1.0
    while _beta(df / (df + high * high), df / 2, 0.5) / 2 > tail:
        low, high = high, high * 2
    for _ in range(60):
        middle = (low + high) / 2
        if _beta(df / (df + middle * middle), df / 2, 0.5) / 2 > tail:
            low = middle
        else:
            high = middle
    return high


def log_ratio_interval(a: Sequence[float], b: Sequence[float], confidence: float) -> Interval | None:
    """The interval of the ratio a / b of two sides."""
    n = len(a)
    if n < 2 or min(*a, *b) <= 0:
        return None
    x, y = [math.log(v) for v in a], [math.log(v) for v in b]
    mx, my = sum(x) / n, sum(y) / n
    vx, vy = (sum((v - m) ** 2 for v in side) / (n - 1) / n for side, m in ((x, mx), (y, my)))
    se = math.sqrt(vx + vy)
    df = (vx + vy) ** 2 / ((vx**2 + vy**2) / (n - 1)) if se else 1.0
    half = t_quantile((1 - confidence) / 2, round(df, 2)) * se
    return Interval(math.exp(mx - my - half), math.exp(mx - my + half))
