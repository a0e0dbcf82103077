"""How many mutants were killed, as a share with its interval where they are a sample. Pure."""

from __future__ import annotations

import math

Z_95 = 1.959964  # of the normal distribution, both sides


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927): never outside of 0 to 1, and right for shares near 1."""
    if not trials:
        return 0.0, 1.0
    share, square = successes / trials, Z_95**2
    middle = share + square / (2 * trials)
    half = Z_95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    low, high = (middle - half) / (1 + square / trials), (middle + half) / (1 + square / trials)
    return max(0.0, low), min(1.0, high)


def score_text(killed: int, tried: int, whole: int) -> str:
    """The score for people: of all mutants, or of a sample with its interval."""
    if not tried:
        return "no mutants"
    text = f"{killed:,} of {tried:,} mutants killed, {100 * killed / tried:.1f} %"
    if tried == whole:
        return text
    low, high = wilson(killed, tried)
    return f"{text} (95 % interval {100 * low:.1f} to {100 * high:.1f} %; a sample of {whole:,})"
