"""Shares and pairs of them, exactly: the maker and the verifier run these same lines."""

from __future__ import annotations

from fractions import Fraction
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


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test: of pairs that differ, so many for the one and the other.

    How likely is a split at least so uneven, if each pair were as likely to differ one way as the other?
    """
    pairs = only_first + only_second
    if min(only_first, only_second) < 0:
        raise ValueError("a number of pairs is below zero")
    tail = sum(comb(pairs, at) for at in range(min(only_first, only_second) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**pairs)))
