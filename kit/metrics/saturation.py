"""What a row of loads of rising level says: whether the server is saturated, the Pareto frontier, the knee. Pure.

Formulas and their sources are in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from kit.documents import Metrics, SweepLevel
from kit.metrics.limits import EQUAL_PERCENT, FLAT_STEPS, GROWTH_PERCENT, MIN_KNEE_HEIGHT


@dataclass(frozen=True, slots=True)
class Point:
    """What one level came to. `load` is users or requests per second; None is no data."""

    id: str
    load: float
    throughput_tok_s: float | None
    decode_tok_s: float | None
    latency_ms: float | None
    ttft_ms: float | None = None


def _latency_ms(metrics: Metrics) -> float | None:
    """Median latency; where arrivals have a schedule, from the intended send on."""
    return (metrics.e2e_from_intended_ms or metrics.e2e_ms).p50


def point(level: SweepLevel) -> Point:
    """The level as the functions below want it."""
    load = level.concurrency if level.concurrency is not None else (level.rate_milli_per_s or 0) / 1000
    numbers = level.metrics
    if numbers is None:
        return Point(level.id, load, None, None, None)
    ttft_ms = (numbers.ttft_from_intended_ms or numbers.ttft_ms).p50
    return Point(level.id, load, numbers.throughput_tok_s, numbers.decode_tok_s, _latency_ms(numbers), ttft_ms)


def _is_flat(before: Point, after: Point) -> bool:
    """Whether a step bought waiting and no throughput: the one grew by over 5 %, the other by under 5 %."""
    if before.throughput_tok_s is None or after.throughput_tok_s is None:
        return False
    if before.latency_ms is None or after.latency_ms is None:
        return False
    factor = 1 + GROWTH_PERCENT / 100
    return (
        after.throughput_tok_s < before.throughput_tok_s * factor and after.latency_ms > before.latency_ms * factor
    )


def saturated(points: Sequence[Point]) -> bool:
    """Whether the last two steps were both flat (see above); `points` in the order of their load."""
    last = points[-FLAT_STEPS - 1 :]
    return len(last) > FLAT_STEPS and all(_is_flat(before, after) for before, after in pairwise(last))


def pareto(points: Sequence[Point]) -> tuple[str, ...]:
    """The ids of levels that no other beats: more throughput for all, faster decode or sooner text for each.

    In the order of `points`, a level joins unless one that is in is as good in all; it then drives out those that
    it is as good as. Within EQUAL_PERCENT is as good, so of equal levels the one of the least load stays.
    """
    kept: list[Point] = []
    for new in points:
        if new.throughput_tok_s is None or new.decode_tok_s is None:
            continue
        if not any(_as_good(old, new) for old in kept):
            kept = [old for old in kept if not _as_good(new, old)] + [new]
    return tuple(each.id for each in kept)


def _as_good(one: Point, other: Point) -> bool:
    """Whether `one` is as good as `other` for all and for each; both have rates. No TTFT is worse than any."""
    factor = 1 + EQUAL_PERCENT / 100
    return (
        (one.throughput_tok_s or 0) * factor >= (other.throughput_tok_s or 0)
        and (one.decode_tok_s or 0) * factor >= (other.decode_tok_s or 0)
        and (other.ttft_ms is None or (one.ttft_ms is not None and one.ttft_ms <= other.ttft_ms * factor))
    )


def knee(points: Sequence[Point]) -> str | None:
    """The id of the level where throughput stands highest above the chord of its curve; None if it has no knee.

    Load and throughput are each scaled to 0..1; the knee is the largest difference y - x (Kneedle, Satopää et
    al. 2011). It needs three levels and a difference of MIN_KNEE_HEIGHT.
    """
    known = [(each.id, each.load, each.throughput_tok_s) for each in points if each.throughput_tok_s is not None]
    if len(known) < 3:
        return None
    loads, heights = [load for _, load, _ in known], [height for _, _, height in known]
    wide, tall = max(loads) - min(loads), max(heights) - min(heights)
    if wide <= 0 or tall <= 0:
        return None
    above = [((height - min(heights)) / tall - (load - min(loads)) / wide, name) for name, load, height in known]
    highest = max(value for value, _ in above)
    return next(name for value, name in above if value == highest) if highest >= MIN_KNEE_HEIGHT else None


def reason_to_stop(levels: Sequence[SweepLevel]) -> Literal["saturated", "no_answers"] | None:
    """Why no further level is worth its time; None while one is."""
    last = levels[-1].metrics
    if last is None or not last.requests.ok:
        return "no_answers"
    return "saturated" if saturated([point(level) for level in levels]) else None
