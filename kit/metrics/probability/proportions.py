"""Shares and pairs of them, exactly: the maker and the verifier run these same lines."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb, sqrt

Z_95 = 1.959963984540054  # of the normal distribution: 95 % lie within so many standard deviations


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The Wilson interval of 95 % of a share; `ValueError` where there is none. It holds the share itself."""
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share")
    share, square = hits / of, Z_95 * Z_95
    middle = share + square / (2 * of)
    spread = Z_95 * sqrt(share * (1 - share) / of + square / (4 * of * of))
    whole = 1 + square / of
    return min(share, max(0.0, (middle - spread) / whole)), max(share, min(1.0, (middle + spread) / whole))


@lru_cache(maxsize=4096)
def tail(n: int, least: int, share: Fraction) -> Fraction:
    """The chance of `least` or more of n, each with the chance `share`."""
    missing = 1 - share
    return sum((comb(n, k) * share**k * missing ** (n - k) for k in range(max(0, least), n + 1)), Fraction(0))


def mcnemar_one_sided(discordant: int, concordant: int) -> Fraction:
    """McNemar's exact test, one-sided: the chance that so many of the pairs that part do so in one direction."""
    if min(discordant, concordant) < 0:
        raise ValueError("a number of pairs is below zero")
    return tail(discordant + concordant, discordant, Fraction(1, 2))


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test: of pairs that differ, so many for the one and the other.

    How likely is a split at least so uneven, if each pair were as likely to differ one way as the other?
    """
    most, least = max(only_first, only_second), min(only_first, only_second)
    return float(min(Fraction(1), 2 * mcnemar_one_sided(most, least)))
