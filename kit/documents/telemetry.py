"""What was sampled on the machine beside a window: telemetry.jsonl, and its summary in cell.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.documents.pins import Sparse

FIRST_SAMPLED = 3  # the first method whose cells are sampled
# 2020-01-01T00:00:00Z: nanoseconds since 1970 have 19 digits, and documents of the kit hold integers of 18.
REAL_EPOCH_S = 1_577_836_800


@dataclass(frozen=True, slots=True)
class GpuSample(Sparse):
    """One GPU at one moment; None is what its driver does not tell.

    `energy_mj` is the card's own counter since its driver was loaded; `throttle` the driver's bits of reasons;
    `processes` how many compute on it.
    """

    power_mw: int | None = None
    energy_mj: int | None = None
    sm_mhz: int | None = None
    memory_mhz: int | None = None
    temperature_c: int | None = None
    throttle: int | None = None
    memory_used_bytes: int | None = None
    utilization_percent: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class TelemetrySample(Sparse):
    """One line of telemetry.jsonl. Times and counters only grow; None is no data.

    `at_ns` is a reading of CLOCK_MONOTONIC, the clock of `LoadFacts.origin_ns`, and `real_ns` the real time of the
    same moment, since `REAL_EPOCH_S`. `busy_ns` is the CPU time of everything, `steal_ns` what a hypervisor took;
    these, iowait, pressure and the energy of the package count from the first sample on. `server_ns`,
    `loadgen_ns` and `own_ns` are the parts of the server, the load generator, and of the kit itself (sampler
    included). Pressure is the total of "some". `cpu_mhz` is a mean over CPUs.
    """

    at_ns: int
    real_ns: int
    busy_ns: int | None = None
    steal_ns: int | None = None
    iowait_ns: int | None = None
    server_ns: int | None = None
    loadgen_ns: int | None = None
    own_ns: int | None = None
    cpu_pressure_ns: int | None = None
    memory_pressure_ns: int | None = None
    io_pressure_ns: int | None = None
    cpu_mhz: int | None = None
    server_memory_bytes: int | None = None
    server_peak_bytes: int | None = None
    server_throttled_ns: int | None = None
    loadgen_throttled_ns: int | None = None
    swap_used_bytes: int | None = None
    package_energy_uj: int | None = None
    gpus: tuple[GpuSample, ...] = ()


@dataclass(frozen=True, slots=True)
class TelemetrySummary(Sparse):
    """What the samples say of the window (kit.metrics.telemetry); shares are of all CPUs; None is no data.

    `other_share` is the CPU time of everything that is neither server, load generator nor kit, `worst_other_share`
    that of the worst second. `longest_gap_ns` is the longest time without a sample. Energy is of the window, minus
    idle where an idle power is known; `joules_per_token` is per seen token of the window.
    """

    samples: int
    longest_gap_ns: int | None
    other_share: float | None = None
    worst_other_share: float | None = None
    steal_share: float | None = None
    server_share: float | None = None
    loadgen_share: float | None = None
    cpu_pressure_share: float | None = None
    memory_pressure_share: float | None = None
    throttled_share: float | None = None
    cpu_mhz_min: int | None = None
    cpu_mhz_max: int | None = None
    server_peak_bytes: int | None = None
    swapped_bytes: int | None = None
    clock_step_ns: int | None = None
    gpu_power_w: float | None = None
    gpu_temperature_c: int | None = None
    gpu_memory_peak_bytes: int | None = None
    gpu_throttle: int | None = None
    gpu_other_processes: int | None = None
    energy_j: float | None = None
    energy_source: str | None = None
    joules_per_token: float | None = None


@dataclass(frozen=True, slots=True)
class TelemetryFacts(Sparse):
    """How telemetry was sampled beside one load. `ended` is why it has no more samples: "stopped" is as it should.

    `sources` says what stood behind the figures, by group ("cpu": "proc", "server": "cgroup2", "gpu": "nvml").
    `disturbed` holds the reasons why the cell counts as disturbed (kit.metrics.disturbance).
    """

    samples_sha256: str
    interval_ns: int
    cpus: int
    sources: Mapping[str, str]
    ended: str
    summary: TelemetrySummary | None
    disturbed: tuple[str, ...] = ()
