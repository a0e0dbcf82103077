"""The fields of a LoadTestResult, the result document of `probador llm`: which must be there, and their range.

Source: the field table of `paiml/probar` at 78df23c, crates/probar/src/llm/loadtest.rs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Nothing that is measured comes near it, and sums of such numbers are still exact to a thousandth in a float.
MOST = 10**12
MAX_CONCURRENCY = 1_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """A number of a result by its name, with dots where it lies inside other objects.

    R must be there, D is 0 to probador when absent, O may be left out or null.
    """

    name: str
    presence: Literal["R", "D", "O"]
    whole: bool = False
    least: float = 0
    most: float = MOST


def _fields(presence: Literal["R", "D", "O"], names: str, most: float = MOST) -> tuple[Field, ...]:
    """A name that begins with "#" is a whole number."""
    return tuple(
        Field(name.removeprefix("#"), presence, whole=name.startswith("#"), most=most) for name in names.split()
    )


NUMBERS = (
    *_fields("R", "#total_requests #successful #failed throughput_rps"),
    *_fields("R", "latency_p50_ms latency_p95_ms latency_p99_ms ttft_p50_ms tokens_per_sec"),
    *_fields("D", "avg_tok_per_req itl_p50_ms decode_tok_per_sec prefill_tok_per_sec"),
    *_fields("R", "elapsed_secs"),
    Field("concurrency", "R", whole=True, least=1, most=MAX_CONCURRENCY),
    *_fields("D", "ttft_p90_ms ttft_p95_ms ttft_p99_ms tpot_p50_ms tpot_p90_ms tpot_p95_ms tpot_p99_ms"),
    *_fields("D", "latency_min_ms latency_max_ms latency_stddev_ms"),
    *_fields("D", "error_rate", most=1),
    *_fields("D", "#prompt_tokens_total #completion_tokens_total"),
    *_fields("D", "truncated_pct", most=100),
    *_fields("D", "sse_batch_ratio"),
    *_fields("D", "goodput_pct", most=100),
    *_fields("O", "decode_us_per_layer #num_layers cold_start_ms"),
    *_fields("O", "#quality.total_validated"),
    *_fields("O", "quality.pass_rate", most=1),
    *_fields("O", "tail_analysis.jitter.itl_cv #tail_analysis.jitter.spike_count"),
    *_fields("O", "gpu_telemetry.memory_used_mb.max gpu_telemetry.power_draw_w.mean"),
)
# One entry of `request_details`: a request that succeeded.
DETAILS = _fields("R", "latency_ms ttft_ms #completion_tokens #prompt_tokens itl_ms")
TEXTS = ("timestamp", "runtime_name")
KNOWN = frozenset(field.name.partition(".")[0] for field in NUMBERS) | {
    *TEXTS,
    "output_tokens_dist",
    "brick_trace_summary",
    "request_details",
    "dataset_stats",
}
