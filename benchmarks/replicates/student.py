"""Student's t in floats, for a million simulated comparisons; the kit's own has every digit."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log, sqrt

from kit.metrics.probability.student import t_limit

STEPS_OF_DF = 20


@lru_cache(maxsize=1 << 16)
def limit(df: float, confidence: float) -> float:
    return float(t_limit(df, confidence))


def rough_limit(df: float, confidence: float) -> float:
    """Between two degrees of freedom a twentieth apart, so that few limits are ever computed."""
    low = int(df * STEPS_OF_DF)
    part = df * STEPS_OF_DF - low
    one, other = (limit(each / STEPS_OF_DF, confidence) for each in (low, low + 1))
    return one + part * (other - one)


def p_value(t: float, df: float) -> float:
    """Both tails."""
    if not t:
        return 1.0
    a, x = df / 2, df / (df + t * t)
    front = exp(lgamma(a + 0.5) - lgamma(a) - lgamma(0.5) + a * log(x)) * sqrt(1 - x)
    if x < (a + 1) / (a + 2.5):
        return front / a * _fraction(a, 0.5, x)
    return 1 - front / 0.5 * _fraction(0.5, a, 1 - x)


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 500):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + factor * d)
            c = 1 + factor / c
            found *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return found
