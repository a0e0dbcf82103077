"""Order statistics on integers, small and auditable: the maker and the verifier run these same lines."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate

from kit.documents import Distribution, MedianInterval
from kit.metrics.limits import MIN_REPLICATES_FOR_INTERVAL, SAMPLE_FLOORS

BOOTSTRAP_ROUNDS = 2000
BOOTSTRAP_SEED = 2026
NS_PER_MS = 1_000_000
SORT_UP_TO = 500_000  # more values than this are ranked by at most 2^12 buckets
BUCKETS_BITS = 12


def nearest_rank(ordered: Sequence[int], permille: int) -> int:
    """The value at rank ceil(n * permille / 1000) of an ascending, non-empty sequence."""
    rank = -(-len(ordered) * permille // 1000)
    return ordered[max(rank, 1) - 1]


def milliseconds(ns: int) -> float:
    """Nanoseconds as milliseconds, correctly rounded to the nearest float."""
    return ns / NS_PER_MS


def _ranked(values: Sequence[int]) -> dict[int, int]:
    """The nearest-rank percentile for each permille that is told of."""
    ranks = {permille: max(-(-len(values) * permille // 1000), 1) for permille in SAMPLE_FLOORS}
    found = _at_ranks(values, sorted(set(ranks.values())))
    return {permille: found[rank] for permille, rank in ranks.items()}


def _at_ranks(values: Sequence[int], ranks: Sequence[int]) -> dict[int, int]:
    """The value at each of these ranks (from 1, ascending) in the order of the values.

    Many values are counted into buckets first, and only the buckets with such a rank are looked at: a sorted list
    of ten million integers would take 400 MB. The values found are the very same.
    """
    if len(values) <= SORT_UP_TO:
        ordered = sorted(values)
        return {rank: ordered[rank - 1] for rank in ranks}
    low = min(values)
    bits = max(0, (max(values) - low).bit_length() - BUCKETS_BITS)
    before, found, todo = 0, dict[int, int](), dict[int, tuple[int, list[int]]]()
    for bucket, count in sorted(Counter((value - low) >> bits for value in values).items()):
        mine = [rank - before for rank in ranks if before < rank <= before + count]
        if mine and bits:
            todo[bucket] = before, mine
        found.update((before + rank, low + bucket) for rank in mine if not bits)
        before += count
    inside = {bucket: array("q") for bucket in todo}
    for value in values if todo else ():
        if (bucket := (value - low) >> bits) in inside:
            inside[bucket].append(value)
    for bucket, (before, mine) in todo.items():
        found.update((before + rank, value) for rank, value in _at_ranks(inside.pop(bucket), mine).items())
    return found


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
    return ordered[half] if len(ordered) % 2 else _between(ordered[half - 1], ordered[half])


def _between(low: float, high: float) -> float:
    return float((Fraction(low) + Fraction(high)) / 2)


@lru_cache(maxsize=64)
def _middles(n: int, lane: str) -> tuple[tuple[int, int], ...]:
    """Where the middle of what each round draws stands among n values in ascending order: one place, or two.

    It depends on nothing but n and the lane: what is drawn has the order of its places.
    """

    def draw(round_: int, place: int) -> int:
        digest = sha256(f"kit-bootstrap-1/{BOOTSTRAP_SEED}/{lane}{round_}/{place}".encode()).digest()
        return int.from_bytes(digest[:8], "big") * n >> 64

    drawn = (sorted(draw(round_, place) for place in range(n)) for round_ in range(BOOTSTRAP_ROUNDS))
    return tuple((places[(n - 1) // 2], places[n // 2]) for places in drawn)


@lru_cache(maxsize=64)
def _counted_middles(n: int) -> tuple[tuple[tuple[int, int], int], ...]:
    """Each of the middles once, with the number of rounds that have it: few values have few of them."""
    return tuple(Counter(_middles(n, "")).items())


def _middle(ordered: Sequence[float], at: tuple[int, int]) -> float:
    return ordered[at[0]] if len(ordered) % 2 else _between(ordered[at[0]], ordered[at[1]])


def bootstrap_medians(values: Sequence[float], lane: str = "") -> list[float]:
    """The median of each round of a bootstrap with a fixed seed; values that belong to other draws need a lane.

    The order of the values does not matter.
    """
    ordered = sorted(values)
    return [_middle(ordered, at) for at in _middles(len(ordered), lane and f"{lane}/")]


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the median, with a fixed seed: same values, same interval."""
    return _interval(tuple(values))


@lru_cache(maxsize=1 << 16)
def _interval(values: tuple[float, ...]) -> tuple[float, float]:
    """Remembered: tables, scores and plots of one study ask for the same intervals."""
    ordered = sorted(values)
    ranked = sorted((_middle(ordered, at), count) for at, count in _counted_middles(len(ordered)))
    ends = list(accumulate(count for _, count in ranked))
    low, high = int(BOOTSTRAP_ROUNDS * 0.025), int(BOOTSTRAP_ROUNDS * 0.975) - 1
    return ranked[bisect_right(ends, low)][0], ranked[bisect_right(ends, high)][0]


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
