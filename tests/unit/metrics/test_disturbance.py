"""Which windows count as disturbed: each reason just inside and just outside of its limit, and what is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Cell, CellFailure
from kit.documents.telemetry import TelemetryFacts, TelemetrySummary
from kit.metrics.disturbance import (
    EMPTY_WINDOW,
    NO_SAMPLES,
    cell_disturbances,
    disturbances,
    max_other_share,
    max_worst_other_share,
    percent,
    to_be_measured_again,
    unquiet,
)
from kit.metrics.limits import (
    MAX_CLOCK_STEP_NS,
    MAX_MEMORY_PRESSURE_SHARE,
    MAX_OTHER_SHARE,
    MAX_OTHER_SHARE_WITH_ROOM,
    MAX_SAMPLE_GAP_NS,
    MAX_STEAL_SHARE,
    MAX_SWAPPED_BYTES,
    MAX_THROTTLED_SHARE,
    MAX_WORST_OTHER_SHARE,
)
from tests.support.disturbed import CPUS, QUIET, telemetry
from tests.support.fakes import demo_plan
from tests.support.forge import BATCHED, path, read
from tests.support.good_bundle import good_files


def of(cpus: int = CPUS, **values: Any) -> tuple[str, ...]:
    return disturbances(replace(QUIET, **values), cpus)


def test_a_quiet_window_is_not_disturbed() -> None:
    """A server that takes all that is left of two CPUs, a percent of other work, samples ten a second."""
    assert of() == ()
    assert of(64, other_share=0.004, worst_other_share=0.01) == ()


@pytest.mark.parametrize(
    ("name", "limit", "more", "words"),
    [
        ("other_share", MAX_OTHER_SHARE, 0.001, "other programs used 3.1 % of the CPU time, limit 3 %"),
        ("worst_other_share", MAX_WORST_OTHER_SHARE, 0.01, "other programs used 21 % of the CPUs for a second"),
        ("steal_share", MAX_STEAL_SHARE, 0.001, "the hypervisor took 1.1 % of the CPU time, limit 1 %"),
        (
            "memory_pressure_share",
            MAX_MEMORY_PRESSURE_SHARE,
            0.001,
            "programs waited for memory 1.1 % of the time",
        ),
        ("throttled_share", MAX_THROTTLED_SHARE, 0.001, "server or load generator were throttled in 1.1 %"),
        ("swapped_bytes", MAX_SWAPPED_BYTES, 1 << 20, "17 MiB went to swap, limit 16 MiB"),
        ("longest_gap_ns", MAX_SAMPLE_GAP_NS, 100_000_000, "no sample for 1.1 s, limit 1 s"),
        ("clock_step_ns", MAX_CLOCK_STEP_NS, 1_000_000, "the real clock was set by +0.051 s, limit 0.05 s"),
        ("clock_step_ns", -MAX_CLOCK_STEP_NS, -3_600 * 10**9, "the real clock was set by -3600.050 s"),
        ("gpu_other_processes", 0, 1, "other processes on the GPU: 1"),
    ],
)
def test_each_reason_has_its_limit(name: str, limit: float, more: float, words: str) -> None:
    """At the limit a window is undisturbed, a little above it the reason says what and how much."""
    at, above = {name: limit}, {name: limit + more}
    assert of(CPUS, **at) == ()
    (reason,) = of(CPUS, **above)
    assert reason.startswith(words)


@pytest.mark.parametrize("bits", [0x1, 0x2, 0x4, 0x10, 0x100, 0x117])
def test_a_gpu_at_its_power_cap_or_idle_is_as_it_should_be(bits: int) -> None:
    """Application clocks, the power cap, sync boost and display clocks disturb nothing."""
    assert of(gpu_throttle=bits) == ()


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x24, "the GPU was slowed down: software thermal slowdown"),
        (0x48, "the GPU was slowed down: hardware slowdown and hardware thermal slowdown"),
        (0x80, "the GPU was slowed down: power brake"),
    ],
)
def test_a_gpu_that_is_too_hot_or_braked_is_disturbed(bits: int, words: str) -> None:
    """Each of the driver's reasons by its name."""
    assert of(gpu_throttle=bits) == (words,)


def test_half_a_cpu_of_two_is_a_disturbance() -> None:
    """The burner of the issue: a CPU half of the time, whatever the server takes."""
    for server in (0.05, 0.4, 0.7):
        assert of(other_share=0.25, worst_other_share=0.5, server_share=server) != ()


def test_a_busy_cpu_of_many_disturbs_only_a_server_that_wants_them_all() -> None:
    """One of 64 beside a server on a GPU is nothing; beside 63 threads in step it slows all of them."""
    one = 1 / 64
    assert of(64, other_share=one, worst_other_share=one, server_share=0.03, cpu_pressure_share=0.0) == ()
    assert of(64, other_share=one, worst_other_share=one, server_share=0.97) != ()


def test_whoever_waits_for_a_cpu_has_no_room() -> None:
    """Pressure shows what shares do not: a server that was given only a few of many CPUs."""
    few = {"other_share": 0.05, "worst_other_share": 0.05, "server_share": 0.1}
    assert of(16, **few, cpu_pressure_share=0.05) == ()
    assert of(16, **few, cpu_pressure_share=0.2) == (
        "other programs used 5 % of the CPU time, limit 1.9 %, no CPU to spare",
    )


def test_with_room_a_quarter_of_the_machine_is_too_much() -> None:
    """Memory bandwidth, caches and turbo are shared even where CPUs are not."""
    calm = {"server_share": 0.02, "loadgen_share": 0.02, "cpu_pressure_share": 0.0}
    most = MAX_OTHER_SHARE_WITH_ROOM
    assert of(32, other_share=most, worst_other_share=0.6, **calm) == ()
    (reason,) = of(32, other_share=most + 0.01, worst_other_share=0.6, **calm)
    assert reason == "other programs used 26 % of the CPU time, limit 25 %"


def test_limits_are_parts_of_one_cpu_on_large_machines() -> None:
    """What holds one thread up holds up all that compute in step with it."""
    assert (max_other_share(2), max_other_share(64)) == (0.03, 0.3 / 64)
    assert (max_worst_other_share(2), max_worst_other_share(64)) == (0.2, 0.8 / 64)


def test_a_window_without_samples_is_disturbed() -> None:
    """Nobody knows what happened in it; so is one whose sampler died."""
    assert disturbances(None, 2) == (NO_SAMPLES,)
    assert of(samples=0, longest_gap_ns=10**10) == (NO_SAMPLES,)


def test_what_telemetry_does_not_know_disturbs_nothing() -> None:
    """A kernel without pressure, a machine without a GPU, a cgroup that nobody may read."""
    assert disturbances(TelemetrySummary(samples=60, longest_gap_ns=100_000_000), 2) == ()


def test_where_the_server_is_not_known_there_is_no_room() -> None:
    """Then other programs have the smaller limit."""
    assert of(64, other_share=0.02, worst_other_share=0.02, server_share=None) != ()


def test_a_load_that_was_not_sampled_has_no_reasons() -> None:
    """A run of before, or an engine that cannot."""
    assert cell_disturbances(None) == ()


@given(st.builds(
    TelemetrySummary,
    samples=st.integers(0, 10),
    longest_gap_ns=st.none() | st.integers(0, 10**12),
    other_share=st.none() | st.floats(0, 1000),
    worst_other_share=st.none() | st.floats(0, 1000),
    server_share=st.none() | st.floats(0, 1000),
    loadgen_share=st.none() | st.floats(0, 1000),
    clock_step_ns=st.none() | st.integers(-(2**53), 2**53),
    gpu_throttle=st.none() | st.integers(0, 2**53),
), st.integers(1, 10**6))  # fmt: skip
def test_reasons_are_short_lines_whatever_the_summary_says(summary: TelemetrySummary, cpus: int) -> None:
    """They go into documents whose schema bounds them; the same summary gives the same reasons."""
    reasons = disturbances(summary, cpus)
    assert all(0 < len(reason) <= 300 and reason.isprintable() for reason in reasons)
    assert reasons == disturbances(summary, cpus)


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.0047, "0.47 %"), (0.031, "3.1 %"), (0.1, "10 %"), (0.256, "26 %")]
)
def test_shares_have_two_digits(share: float, text: str) -> None:
    """A reader sees by how much a limit was missed."""
    assert percent(share) == text


# --- again or not -------------------------------------------------------------------------------------------


def cell(status: Any = "measured", *, facts: TelemetryFacts | None = None) -> Cell:
    return replace(read(dict(good_files()), path(BATCHED), Cell), status=status, telemetry=facts)


def test_a_disturbed_cell_is_measured_again_as_often_as_planned() -> None:
    """Interrupted attempts do not count; the last is not measured again."""
    plan = replace(demo_plan(), attempts=3)
    bad = cell(facts=telemetry(other_share=0.3))
    cut = cell("interrupted", facts=telemetry(other_share=0.3))
    assert to_be_measured_again(plan, [], bad)
    assert to_be_measured_again(plan, [bad, cut, cut], bad)
    assert not to_be_measured_again(plan, [bad, bad], bad)


def test_a_window_that_a_disturbance_left_empty_is_measured_again() -> None:
    """No request began in it, which lateness alone can cause; any other failure is the server's own."""
    plan, busy = replace(demo_plan(), attempts=2), telemetry(other_share=0.3)

    def failed(kind: str, facts: TelemetryFacts) -> Cell:
        return replace(cell("failed", facts=facts), failure=CellFailure("window", kind, "words"), metrics=None)

    late = failed(EMPTY_WINDOW, busy)
    assert to_be_measured_again(plan, [], late)
    assert not to_be_measured_again(plan, [late], late)
    assert not to_be_measured_again(plan, [late], cell(facts=busy))
    assert not to_be_measured_again(plan, [], failed(EMPTY_WINDOW, telemetry()))
    assert not to_be_measured_again(plan, [], failed("ServerDied", busy))


def test_only_what_was_measured_and_disturbed_is_measured_again() -> None:
    """A failure stays a failure: else whoever dislikes a figure would let the server fail."""
    plan = replace(demo_plan(), attempts=3)
    assert not to_be_measured_again(plan, [], cell(facts=telemetry()))
    assert not to_be_measured_again(plan, [], cell("failed", facts=telemetry(other_share=0.3)))
    assert not to_be_measured_again(plan, [], cell("interrupted", facts=telemetry(other_share=0.3)))
    assert not to_be_measured_again(replace(plan, attempts=1), [], cell(facts=telemetry(other_share=0.3)))


# --- before the start ---------------------------------------------------------------------------------------


def test_an_idle_machine_is_quiet() -> None:
    """A percent of other work is what every machine does."""
    assert unquiet(replace(QUIET, server_share=None), 2, room=False) == ()
    assert unquiet(None, 2, room=False) == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"other_share": 0.25}, "other programs use 25 % of the CPU time, limit 3 %"),
        ({"worst_other_share": 0.5}, "other programs use 50 % of the CPUs for a second"),
        ({"steal_share": 0.05}, "the hypervisor took 5 % of the CPU time, limit 1 %"),
        ({"longest_gap_ns": 3 * 10**9}, "no sample for 3.0 s, limit 1 s"),
    ],
)
def test_a_busy_machine_is_not_quiet(values: dict[str, Any], words: str) -> None:
    """What would disturb a cell is seen before it starts."""
    assert unquiet(replace(QUIET, **values), 2, room=False) == (words,)


def test_where_servers_compute_on_a_gpu_a_busy_cpu_is_not_waited_for() -> None:
    """But whoever computes there as well is."""
    one = replace(QUIET, other_share=1 / 32, worst_other_share=1 / 32)
    assert unquiet(one, 32, room=True) == ()
    assert unquiet(one, 32, room=True, gpu_processes=2) == ("processes on the GPU: 2",)
