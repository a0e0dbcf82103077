"""What figures are called, and the figures themselves, in comparisons and recommendations."""

from __future__ import annotations

from kit.documents import MedianInterval
from kit.errors import InputError
from kit.metrics.registry import METRICS, Metric, meant_metric
from kit.text import NO_DATA, number, plain_text


def quantity(path: str) -> Metric:
    """What the path is; `InputError` naming the nearest one if there is no such figure."""
    if path not in METRICS:
        raise InputError(
            f"Unknown metric {plain_text(path)!r}.",
            meant_metric(path, METRICS, "Name one like throughput_tok_s or ttft_ms.p50."),
        )
    return METRICS[path]


def judged_quantity(path: str) -> Metric:
    """`quantity` of which more or less is better; `InputError` for one that only describes the load."""
    found = quantity(path)
    if found.better == "neither":
        raise InputError(
            f"{path} has no better direction, so it cannot be compared.",
            "Name a rate or a time, like throughput_tok_s or ttft_ms.p50.",
        )
    return found


def figure_text(what: Metric, value: float | None) -> str:
    """A figure with its unit, `81.2 tok/s`; a dash for no data."""
    return NO_DATA if value is None else f"{number(value, what.digits)} {what.unit}".rstrip()


def median_interval_text(what: Metric, interval: MedianInterval) -> str:
    """A median with its interval, `81.2 [80.1, 83.0]`, without the unit; a dash for no data."""
    shown = number(interval.median, what.digits)
    if interval.low is None or interval.high is None:
        return shown
    return f"{shown} [{number(interval.low, what.digits)}, {number(interval.high, what.digits)}]"
