"""The statistics of probador, by its own definitions; those of the kit (`kit.metrics.stats`) are stricter.

Source: crates/probar/src/llm/loadtest.rs and benchmark.rs of `paiml/probar` at 78df23c.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import floor, sqrt
from statistics import fmean, stdev

# Student's t for a 95 % interval by number of runs; (from, t), the last one that is not above counts.
T_VALUES = (
    (1, 0.0),
    (2, 12.706),
    (3, 4.303),
    (4, 3.182),
    (5, 2.776),
    (6, 2.571),
    (7, 2.447),
    (8, 2.365),
    (9, 2.306),
    (10, 2.262),
    (11, 2.145),
    (16, 2.086),
    (21, 2.042),
    (31, 1.96),
)


def percentile(values: Sequence[float], share: float) -> float:
    """Linear interpolation at index (n - 1) * share of the sorted values; 0.0 of none, as probador writes it."""
    if not values:
        return 0.0
    ordered = sorted(values)
    index = (len(ordered) - 1) * share
    low = floor(index)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (index - low)


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation; 0.0 below two values."""
    return stdev(values) if len(values) > 1 else 0.0


def ratio(part: float, whole: float) -> float:
    """`part` / `whole`, 0.0 where there is no whole."""
    return part / whole if whole else 0.0


def variation(values: Sequence[float]) -> float:
    """Sample deviation / mean; 0.0 of none."""
    return ratio(deviation(values), fmean(values)) if values else 0.0


def spans(values: Sequence[float]) -> list[float]:
    """[min, p50, p90, max]."""
    return [float(percentile(values, share)) for share in (0, 0.5, 0.9, 1)]


def slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares line through (x, y): its slope and r squared; zeros where there is no line to draw."""
    if len(points) < 2 or not any(a != b for a, b in pairwise(x for x, _ in points)):
        return 0.0, 0.0
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    square_x = sum((x - mean_x) ** 2 for x, _ in points)
    square_y = sum((y - mean_y) ** 2 for _, y in points)
    product = sum((x - mean_x) * (y - mean_y) for x, y in points)
    if not square_x:
        return 0.0, 0.0
    return product / square_x, ratio(product**2, square_x * square_y)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean -+ t * deviation / sqrt(n), the 95 % interval of a bench report; `values` not empty."""
    t = [t for least, t in T_VALUES if len(values) >= least][-1]
    reach = t * deviation(values) / sqrt(len(values))
    return fmean(values) - reach, fmean(values) + reach
