"""From how many of n on chance alone does not explain a share, in fractions. Pure."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from kit.metrics.probability.proportions import tail
from kit.metrics.witness.limits import MAX_BY_CHANCE


@lru_cache(maxsize=4096)
def limit_of(n: int, share: Fraction) -> int:
    """The least number of n that `share` does not explain; n + 1 where no number does."""
    return next((least for least in range(n + 1) if tail(n, least, share) <= MAX_BY_CHANCE), n + 1)
