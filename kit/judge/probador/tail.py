"""`tail_analysis` of a LoadTestResult: far percentiles, jitter and drift.

Spikes carry the index of their request, and drift is over time; probador sorts the values before both, so that its
indices are ranks and its drift is always found.
"""

from __future__ import annotations

from collections.abc import Sequence

from kit.judge.probador.requests import Seen
from kit.judge.probador.spreads import percentile, ratio, slope, variation
from kit.strict.json_reader import Json

SPIKE_THRESHOLD = 5.0  # times the median ITL, probador's default
MAX_SPIKES = 20
# A line through fewer points explains half of their spread by chance now and then.
MIN_FOR_DRIFT = 30
DRIFT_R_SQUARED = 0.5
MS_PER_MIN = 60_000


def tail_analysis(requests: Sequence[Seen]) -> dict[str, Json]:
    """Of successful requests in the order in which they were sent."""
    values = {
        "itl": [each.itl_ms for each in requests if each.itl_ms is not None],
        "ttft": [each.ttft_ms for each in requests],
        "latency": [each.latency_ms for each in requests],
    }
    far: dict[str, Json] = {}
    ratios: dict[str, Json] = {}
    for name, found in values.items():
        far[f"{name}_p999_ms"] = percentile(found, 0.999)
        far[f"{name}_p9999_ms"] = percentile(found, 0.9999)
        ratios[f"tail_ratio_{name}"] = ratio(percentile(found, 0.99), percentile(found, 0.5))
    return {**far, **ratios, "jitter": _jitter(requests, values["itl"]), "drift": _drift(requests)}


def _jitter(requests: Sequence[Seen], itls: Sequence[float]) -> dict[str, Json]:
    threshold = SPIKE_THRESHOLD * percentile(itls, 0.5)
    spikes: list[Json] = [
        {"request_idx": index, "itl_ms": each.itl_ms}
        for index, each in enumerate(requests)
        if each.itl_ms is not None and each.itl_ms > threshold > 0
    ]
    spikes = spikes[:MAX_SPIKES]
    listed: dict[str, Json] = {"spikes": spikes} if spikes else {}
    return {
        "itl_cv": variation(itls),
        "itl_iqr_ms": percentile(itls, 0.75) - percentile(itls, 0.25),
        "spike_count": len(spikes),
        "spike_threshold_ms": threshold,
        **listed,
    }


def _drift(requests: Sequence[Seen]) -> dict[str, Json]:
    itl = slope([(each.sent_ms / MS_PER_MIN, each.itl_ms) for each in requests if each.itl_ms is not None])
    ttft = slope([(each.sent_ms / MS_PER_MIN, each.ttft_ms) for each in requests])
    rising = any(rise > 0 and fit > DRIFT_R_SQUARED for rise, fit in (itl, ttft))
    return {
        "itl_slope_ms_per_min": itl[0],
        "ttft_slope_ms_per_min": ttft[0],
        "degradation_detected": rising and len(requests) >= MIN_FOR_DRIFT,
    }
