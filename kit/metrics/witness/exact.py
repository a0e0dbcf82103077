"""Exact tests on counts, in fractions: the same on every machine. Pure."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb

from kit.metrics.witness.limits import MAX_BY_CHANCE


@lru_cache(maxsize=4096)
def tail(n: int, least: int, share: Fraction) -> Fraction:
    """The chance of `least` or more of n, each with the chance `share`."""
    missing = 1 - share
    return sum((comb(n, k) * share**k * missing ** (n - k) for k in range(max(0, least), n + 1)), Fraction(0))


def mcnemar(discordant: int, concordant: int) -> Fraction:
    """McNemar's exact test, one-sided: the chance that so many of the pairs that part do so in one direction."""
    return tail(discordant + concordant, discordant, Fraction(1, 2))


@lru_cache(maxsize=4096)
def limit_of(n: int, share: Fraction) -> int:
    """The least number of n that `share` does not explain; n + 1 where no number does."""
    return next((least for least in range(n + 1) if tail(n, least, share) <= MAX_BY_CHANCE), n + 1)
