"""How likely a statistic is by chance. Pure; `math` is exact enough where nothing of it is stored."""

from __future__ import annotations

from math import exp, inf, lgamma, log

MAX_STEPS = 10_000
SMALL = 1e-15


def chi2_below(value: float, freedom: float) -> float:
    """How likely a chi square is at most this: the regularised lower incomplete gamma function, by its series."""
    if value <= 0:
        return 0.0
    a, x = freedom / 2, value / 2
    if x > a + 50 * (a**0.5 + 1):
        return 1.0
    term = total = 1 / a
    for step in range(1, MAX_STEPS):
        term *= x / (a + step)
        total += term
        if term < total * SMALL:
            break
    return min(1.0, exp(a * log(x) - x - lgamma(a)) * total)


def digits_chi2(counts: list[int]) -> float:
    """Chi square of counts that should be equal."""
    expected = sum(counts) / len(counts)
    return sum((count - expected) ** 2 for count in counts) / expected if expected else inf
