"""Order statistics on integers, small and auditable: the maker and the verifier run these same lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from kit.documents import Distribution, MedianInterval
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL, SAMPLE_FLOORS

BOOTSTRAP_ROUNDS = 2000
BOOTSTRAP_SEED = 2026
NS_PER_MS = 1_000_000
SORT_UP_TO = 500_000  # more values than this are ranked by buckets of 2^16 ns
BUCKET_BITS = 16


def nearest_rank(ordered: Sequence[int], permille: int) -> int:
    """The value at rank ceil(n * permille / 1000) of an ascending, non-empty sequence."""
    rank = -(-len(ordered) * permille // 1000)
    return ordered[max(rank, 1) - 1]


def milliseconds(ns: int) -> float:
    """Nanoseconds as milliseconds, correctly rounded to the nearest float."""
    return ns / NS_PER_MS


def _ranked(values: Sequence[int]) -> dict[int, int]:
    """The nearest-rank percentile for each permille that is told of.

    Many values are counted into buckets first, and only the buckets of a percentile are sorted: a sorted list of
    ten million integers would take 400 MB. The values found are the very same.
    """
    if len(values) <= SORT_UP_TO:
        ordered = sorted(values)
        return {permille: nearest_rank(ordered, permille) for permille in SAMPLE_FLOORS}
    buckets = sorted(Counter([v >> BUCKET_BITS for v in values]).items())
    places = {permille: _place(buckets, len(values), permille) for permille in SAMPLE_FLOORS}
    inside: dict[int, list[int]] = {bucket: [] for bucket, _ in places.values()}
    for value in values:
        if value >> BUCKET_BITS in inside:
            inside[value >> BUCKET_BITS].append(value)
    for found in inside.values():
        found.sort()
    return {permille: inside[bucket][place] for permille, (bucket, place) in places.items()}


def _place(buckets: Sequence[tuple[int, int]], n: int, permille: int) -> tuple[int, int]:
    """The bucket that a percentile of n values lies in, and its place in there, from 0."""
    before, rank = 0, max(-(-n * permille // 1000), 1)
    for bucket, count in buckets:
        if before + count >= rank:
            return bucket, rank - before - 1
        before += count
    raise AssertionError("a rank lies among its values")


def distribution(values_ns: Sequence[int]) -> Distribution:
    """The distribution of integer nanoseconds, in milliseconds; a percentile below its floor is None."""
    n = len(values_ns)
    if not n:
        return Distribution(0, None, None, None, None, None, None, None, None)
    ranked = _ranked(values_ns)

    def at(permille: int) -> float | None:
        return milliseconds(ranked[permille]) if n >= SAMPLE_FLOORS[permille] else None

    return Distribution(
        n=n,
        min=milliseconds(min(values_ns)),
        p50=at(500),
        p90=at(900),
        p95=at(950),
        p99=at(990),
        p999=at(999),
        max=milliseconds(max(values_ns)),
        mean=milliseconds(sum(values_ns) // n),
    )


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle values, of a non-empty sequence."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return float((Fraction(ordered[half - 1]) + Fraction(ordered[half])) / 2)


@lru_cache(maxsize=64)
def _draws(n: int, lane: str) -> tuple[tuple[int, ...], ...]:
    """Which of n values each round draws; it depends on nothing but n and the lane."""

    def draw(round_: int, place: int) -> int:
        digest = sha256(f"kit-bootstrap-1/{BOOTSTRAP_SEED}/{lane}{round_}/{place}".encode()).digest()
        return int.from_bytes(digest[:8], "big") * n >> 64

    return tuple(tuple(draw(round_, place) for place in range(n)) for round_ in range(BOOTSTRAP_ROUNDS))


def bootstrap_medians(values: Sequence[float], lane: str = "") -> list[float]:
    """The median of each round of a bootstrap with a fixed seed; values that belong to other draws need a lane.

    The order of the values does not matter.
    """
    ordered = sorted(values)
    return [median([ordered[place] for place in places]) for places in _draws(len(ordered), lane and f"{lane}/")]


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the median, with a fixed seed: same values, same interval."""
    return _interval(tuple(values))


@lru_cache(maxsize=1 << 16)
def _interval(values: tuple[float, ...]) -> tuple[float, float]:
    """Remembered: tables, scores and plots of one study ask for the same intervals."""
    medians = sorted(bootstrap_medians(values))
    return medians[int(BOOTSTRAP_ROUNDS * 0.025)], medians[int(BOOTSTRAP_ROUNDS * 0.975) - 1]


def median_interval(values: Sequence[float | None]) -> MedianInterval:
    """Of methods 1 and 2: median and bootstrap interval, from three replicates on; missing ones do not count.

    It covers less than it says (benchmarks/intervals.py); since method 3 there is `kit.metrics.intervals`.
    """
    present = [value for value in values if value is not None]
    if not present:
        return MedianInterval(0, None, None, None)
    if len(present) < MIN_REPLICATES_FOR_INTERVAL:
        return MedianInterval(len(present), median(present), None, None)
    low, high = bootstrap_interval(present)
    return MedianInterval(len(present), median(present), low, high)
