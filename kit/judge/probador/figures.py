"""From the numbers of a LoadTestResult to figures by path: zeros that cannot be are no data. Pure.

What probador itself would read stands beside, under "raw.": there an absent field is 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.judge.probador.fields import NUMBERS
from kit.judge.probador.reading import MIN_PACE_MS, LoadResult

_PERCENTILES = ("p50", "p90", "p95", "p99")
# A time or a rate of exactly zero cannot be: probador writes 0.0 for "nothing there" (percentiles of no values).
_TTFT = {f"ttft_{part}_ms": f"ttft_ms.{part}" for part in _PERCENTILES}
_PACES = {"itl_p50_ms": "itl_ms.p50"} | {f"tpot_{part}_ms": f"tpot_ms.{part}" for part in _PERCENTILES}
_LATENCIES = {f"latency_{part}_ms": f"e2e_ms.{part}" for part in ("p50", "p95", "p99", "min", "max")}
_MACHINE = {
    "cold_start_ms": "cold_start_ms",
    "gpu_telemetry.memory_used_mb.max": "memory_max_mb",
    "gpu_telemetry.power_draw_w.mean": "power_mean_w",
}
_RAW_NAMES = {
    "quality.pass_rate": "pass_rate",
    "quality.total_validated": "total_validated",
    "tail_analysis.jitter.itl_cv": "itl_cv",
    "tail_analysis.jitter.spike_count": "spike_count",
    "gpu_telemetry.memory_used_mb.max": "memory_max_mb",
    "gpu_telemetry.power_draw_w.mean": "power_mean_w",
}


def figures(result: LoadResult) -> dict[str, float]:
    """Every figure of a result, by paths as in `kit.metrics.registry`, and the raw numbers under "raw."."""
    return {**_counts(result.numbers), **_served(result), **_beside(result.numbers), **_raw(result.numbers)}


def _positive(numbers: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    return {path: numbers[name] for name, path in names.items() if numbers.get(name, 0) > 0}


def _counts(numbers: Mapping[str, float]) -> dict[str, float]:
    found = {"requests.ok": numbers["successful"], "requests.failed": numbers["failed"]}
    total = numbers["total_requests"]
    if total:
        found["error_rate"] = numbers["failed"] / total  # the field itself is absent in old files
    return found


def _served(result: LoadResult) -> dict[str, float]:
    """What only successful requests can tell."""
    numbers = result.numbers
    ok = numbers["successful"]
    if not ok:
        return {}
    found = _positive(numbers, _LATENCIES | {"throughput_rps": "request_rate_s"}) | {"e2e_ms.n": ok}
    found |= _tokens(numbers, ok)
    if numbers.get("completion_tokens_total") != 0:  # else its TTFT is the latency of empty answers
        ttft = _positive(numbers, _TTFT)
        found |= ttft | ({"ttft_ms.n": ok} if ttft else {})
        found |= _positive(numbers, {"tokens_per_sec": "throughput_tok_s"}) | _decoding(result)
    if numbers.get("goodput_pct", 0) > 0:
        found["goodput_share"] = numbers["goodput_pct"] / 100
    return found


def _tokens(numbers: Mapping[str, float], ok: float) -> dict[str, float]:
    found: dict[str, float] = {}
    if "completion_tokens_total" in numbers:
        found["tokens.completion"] = numbers["completion_tokens_total"]
        found["output_tokens_mean"] = numbers["completion_tokens_total"] / ok
    elif numbers.get("avg_tok_per_req", 0) > 0:
        found["output_tokens_mean"] = numbers["avg_tok_per_req"]
    if numbers.get("prompt_tokens_total", 0) > 0:
        found["tokens.prompt"] = numbers["prompt_tokens_total"]
        found["prompt_tokens_mean"] = numbers["prompt_tokens_total"] / ok
    return found


def _decoding(result: LoadResult) -> dict[str, float]:
    """The pace of the answers; one that nothing decodes at is that of answers that came in one piece."""
    numbers = result.numbers
    found = {path: pace for path, pace in _positive(numbers, _PACES).items() if pace >= MIN_PACE_MS}
    rate = numbers.get("decode_tok_per_sec", 0)
    if 0 < rate <= 1000 / MIN_PACE_MS:
        found["decode_tok_s"] = rate
    layer = numbers.get("decode_us_per_layer", 0)
    if layer > 0 and numbers.get("itl_p50_ms", MIN_PACE_MS) >= MIN_PACE_MS:
        found["decode_us_per_layer"] = layer
    for name, pace in result.paces_ms.items():
        found[f"tpot_ms.by_output.{name}"] = pace
    jitter = {"tail_analysis.jitter.itl_cv": "tpot_cv", "tail_analysis.jitter.spike_count": "spikes"}
    if numbers.get("itl_p50_ms", 0) >= MIN_PACE_MS and numbers["successful"] > 1:
        found |= {path: numbers[name] for name, path in jitter.items() if name in numbers}
    return found


def _beside(numbers: Mapping[str, float]) -> dict[str, float]:
    found = _positive(numbers, _MACHINE)
    if numbers.get("quality.total_validated", 0) > 0 and "quality.pass_rate" in numbers:
        found["pass_rate"] = numbers["quality.pass_rate"]  # 1.0 where nothing was validated
    return found


def _raw(numbers: Mapping[str, float]) -> dict[str, float]:
    """What probador reads: a field that may be absent is 0 then, an optional one is not there."""
    return {
        f"raw.{_RAW_NAMES.get(field.name, field.name)}": numbers.get(field.name, 0)
        for field in NUMBERS
        if field.name in numbers or field.presence == "D"
    }
