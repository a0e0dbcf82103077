"""Ways to an interval of the logarithm of a ratio (or of one figure), from replicates."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from math import comb, exp, log, sqrt
from statistics import fmean

from benchmarks.replicates.student import limit, rough_limit
from kit.metrics.limits import MIN_SPREAD, PAIRED_FROM

Span = tuple[float, float] | None
Values = Sequence[float]
LEAST = float(MIN_SPREAD) ** 2
CONFIDENCE = 0.95
# Ranks of the differences that bound a 95 % interval, from tables of the rank sum and of the signed ranks.
RANK_SUM = {5: 2, 10: 23}
SIGNED_RANK = {10: 8}
SIGN = {10: 1}


def variance(values: Values) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _around(middle: float, reach: float) -> Span:
    return middle - reach, middle + reach


# --- Student's t ------------------------------------------------------------------------------------------


def welch_t(a: Values, b: Values) -> tuple[float, float, float]:
    """Difference, its standard error and degrees of freedom."""
    x, y = max(variance(a), LEAST) / len(a), max(variance(b), LEAST) / len(b)
    df = (x + y) ** 2 / (x * x / (len(a) - 1) + y * y / (len(b) - 1))
    return fmean(a) - fmean(b), sqrt(x + y), df


def paired_t(a: Values, b: Values) -> tuple[float, float, float]:
    """The same of the differences of replicates that were measured beside each other."""
    gaps = [one - other for one, other in zip(a, b, strict=True)]
    return fmean(gaps), sqrt(max(variance(gaps), 2 * LEAST) / len(gaps)), len(gaps) - 1.0


def kit_t(a: Values, b: Values) -> tuple[float, float, float]:
    """What `kit.metrics.intervals` takes."""
    return (paired_t if len(a) >= PAIRED_FROM else welch_t)(a, b)


def welch(a: Values, b: Values) -> Span:
    middle, error, df = welch_t(a, b)
    return _around(middle, rough_limit(df, CONFIDENCE) * error)


def paired(a: Values, b: Values) -> Span:
    middle, error, df = paired_t(a, b)
    return _around(middle, limit(df, CONFIDENCE) * error)


def yuen(a: Values, b: Values) -> Span:
    """Welch's t on trimmed means with winsorised variances: a fifth off at each end."""
    if len(a) < 5:
        return None
    (mean_a, x, left_a), (mean_b, y, left_b) = _trimmed(a), _trimmed(b)
    df = (x + y) ** 2 / (x * x / (left_a - 1) + y * y / (left_b - 1))
    return _around(mean_a - mean_b, rough_limit(df, CONFIDENCE) * sqrt(x + y))


def _trimmed(values: Values) -> tuple[float, float, int]:
    n, off = len(values), len(values) // 5
    ordered = sorted(values)
    kept = ordered[off : n - off]
    winsorised = [kept[0]] * off + kept + [kept[-1]] * off
    spread = max(variance(winsorised), LEAST) * (n - 1)
    return fmean(kept), spread / (len(kept) * (len(kept) - 1)), len(kept)


# --- ranks ------------------------------------------------------------------------------------------------


def rank_sum(a: Values, b: Values) -> Span:
    """Wilcoxon's rank sum, turned into an interval around the estimate of Hodges and Lehmann."""
    if len(a) not in RANK_SUM:
        return None
    return _ranked([one - other for one in a for other in b], RANK_SUM[len(a)])


def signed_rank(a: Values, b: Values) -> Span:
    gaps = [one - other for one, other in zip(a, b, strict=True)]
    if len(gaps) not in SIGNED_RANK:
        return None
    return _ranked([(x + y) / 2 for at, x in enumerate(gaps) for y in gaps[at:]], SIGNED_RANK[len(gaps)])


def sign(a: Values, b: Values) -> Span:
    gaps = [one - other for one, other in zip(a, b, strict=True)]
    return _ranked(gaps, SIGN[len(gaps)]) if len(gaps) in SIGN else None


def _ranked(values: list[float], off: int) -> Span:
    values.sort()
    return values[off], values[-1 - off]


# --- the bootstrap of before ------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _weights(n: int) -> list[tuple[int, int, float]]:
    """(place, place, probability) of the two middle values of n draws from n ordered values."""
    half = n // 2
    total = float(n) ** n
    if n % 2:
        below = [
            sum(comb(n, k) * i**k * (n - i) ** (n - k) for k in range(half + 1, n + 1)) / total
            for i in range(n + 1)
        ]
        return [(i, i, below[i + 1] - below[i]) for i in range(n)]
    found = []
    for i in range(n):
        for j in range(i + 1, n):
            ways = comb(n, half) * ((i + 1) ** half - i**half) * ((n - j) ** half - (n - j - 1) ** half)
            found.append((i, j, ways / total))
    for i in range(n):
        both = sum(
            comb(n, k) * comb(n - k, up) * i**k * (n - i - 1) ** up for k in range(half) for up in range(half)
        )
        found.append((i, i, both / total))
    return found


def _medians(values: Values) -> list[tuple[float, float]]:
    ordered = [exp(value) for value in sorted(values)]
    return [((ordered[i] + ordered[j]) / 2, weight) for i, j, weight in _weights(len(values))]


def _percentiles(found: list[tuple[float, float]]) -> Span:
    found.sort()
    sums = list(accumulate(weight for _, weight in found))
    low, high = (found[min(bisect_left(sums, part), len(found) - 1)][0] for part in (0.025, 0.975))
    return log(low), log(high)


def bootstrap(a: Values, b: Values) -> Span:
    """The percentiles of the ratio of medians over all draws there are, each with its probability."""
    return _percentiles([(x / y, one * other) for x, one in _medians(a) for y, other in _medians(b)])


METHODS: Mapping[str, Callable[[Values, Values], Span]] = {
    "bootstrap of medians": bootstrap,
    "Welch t": welch,
    "paired t": paired,
    "Yuen's trimmed t": yuen,
    "rank sum (H-L)": rank_sum,
    "signed rank": signed_rank,
    "sign": sign,
}


# --- one figure -------------------------------------------------------------------------------------------


def one_bootstrap(values: Values) -> Span:
    return _percentiles(_medians(values))


def one_t(values: Values) -> Span:
    reach = limit(len(values) - 1, CONFIDENCE) * sqrt(max(variance(values), LEAST) / len(values))
    middle = sorted(values)[len(values) // 2]
    low, high = fmean(values) - reach, fmean(values) + reach
    return min(low, middle), max(high, middle)
