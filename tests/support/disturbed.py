"""Telemetry of windows, quiet and disturbed."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from kit.documents.telemetry import TelemetryFacts, TelemetrySummary
from kit.metrics.disturbance import disturbances

CPUS = 2
# A server with as many threads as there are CPUs, and a machine that does little besides.
QUIET = TelemetrySummary(
    samples=60,
    longest_gap_ns=110_000_000,
    other_share=0.01,
    worst_other_share=0.02,
    steal_share=0.0,
    server_share=0.9,
    loadgen_share=0.03,
    cpu_pressure_share=0.4,
    memory_pressure_share=0.0,
    throttled_share=0.0,
    swapped_bytes=0,
    clock_step_ns=12_000,
)


def telemetry(**values: Any) -> TelemetryFacts:
    """What was sampled beside a quiet load but for these values, with the reasons that follow."""
    summary = replace(QUIET, **values)
    return TelemetryFacts(
        samples_sha256=sha256(b"").hexdigest(),
        interval_ns=100_000_000,
        cpus=CPUS,
        sources={"cpu": "proc"},
        ended="stopped",
        summary=summary,
        disturbed=disturbances(summary, CPUS),
    )
