"""What samples say of a window: against machines whose truth is known, and against a slow and simple way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents.telemetry import GpuSample, TelemetrySample, TelemetrySummary
from kit.metrics.series import Series, series
from kit.metrics.telemetry import bracketed, longest_gap_ns, look_summary, telemetry_summary
from tests.support.telemetry import Machine, samples_of

S, MS = 1_000_000_000, 1_000_000
CPUS = 4


def summary(
    samples: Sequence[TelemetrySample], start_ns: int, end_ns: int, look: Sequence[TelemetrySample] = ()
) -> TelemetrySummary:
    found = telemetry_summary(samples, start_ns, end_ns, CPUS, look=look, tokens=100.0)
    assert found is not None
    return found


# --- straight lines -------------------------------------------------------------------------------------------

moments = st.lists(st.integers(0, 200), min_size=2, max_size=12, unique=True).map(sorted)
values = st.lists(st.integers(-50, 1000), min_size=12, max_size=12)


def naive_value(line: Series, at: Fraction) -> Fraction:
    """By looking through all pieces."""
    for (a, y), (b, z) in pairwise(zip(line.at_ns, line.values, strict=True)):
        if a <= at <= b:
            return y + Fraction(z - y) * (at - a) / (b - a)
    raise AssertionError("outside")


@given(moments, values, st.integers(0, 200), st.integers(0, 200))
def test_values_and_areas_are_those_of_straight_lines(at: list[int], ys: list[int], one: int, other: int) -> None:
    """At any moment between the first and the last; the area by pieces so small that each is a trapezoid."""
    line = Series(tuple(at), tuple(ys[: len(at)]))
    start, end = min(one, other), max(one, other)
    inside = at[0] <= start and end <= at[-1]
    if not inside:
        assert line.growth(start, end) is None
        assert line.integral(start, end) is None
        return
    first, last = naive_value(line, Fraction(start)), naive_value(line, Fraction(end))
    assert line.growth(start, end) == last - first
    steps = [(naive_value(line, Fraction(t)) + naive_value(line, Fraction(t + 1))) / 2 for t in range(start, end)]
    assert line.integral(start, end) == sum(steps)


def test_a_quantity_that_some_samples_lack_is_a_line_between_the_others() -> None:
    """Sources that cost much are read less often."""
    samples = [TelemetrySample(at, 0, busy_ns=at if at % 20 == 0 else None) for at in range(0, 101, 10)]
    assert series(samples, lambda s: s.busy_ns).value(35) == 35


# --- a machine that is always the same ------------------------------------------------------------------------


@given(
    st.lists(st.integers(20, 900), min_size=30, max_size=60),
    st.integers(0, 2000),
    st.integers(100, 4000),
    st.fractions(0, 2),
    st.fractions(0, 1),
)
def test_constant_rates_give_their_shares_at_any_edges(
    gaps_ms: list[int], start_ms: int, length_ms: int, server: Fraction, other: Fraction
) -> None:
    """Whenever samples came and wherever the window lies between them."""
    machine = Machine(server=server, other=other)
    at_ns = [sum(gaps_ms[:n]) * MS for n in range(len(gaps_ms))]
    samples = [machine.sample(at, at) for at in at_ns]
    start_ns, end_ns = start_ms * MS + 123, (start_ms + length_ms) * MS + 456
    found = summary(samples, start_ns, end_ns)
    if not bracketed(samples, start_ns, end_ns):
        assert (found.server_share, found.other_share, found.energy_j) == (None, None, None)
        return
    assert found.server_share == pytest.approx(float(server / CPUS), abs=2e-6)
    assert found.other_share == pytest.approx(float(other / CPUS), abs=2e-6)
    assert found.worst_other_share == pytest.approx(float(other / CPUS), abs=2e-6)
    assert found.loadgen_share == pytest.approx(0.05 / CPUS, abs=2e-6)
    assert found.cpu_pressure_share == pytest.approx(0.02, abs=2e-6)
    assert found.energy_j == pytest.approx(30 * (end_ns - start_ns) / S, rel=1e-6, abs=2e-6)
    assert found.energy_source == "cpu package, idle included"
    assert found.joules_per_token == pytest.approx((found.energy_j or 0) / 100, abs=2e-6)


def test_another_program_for_a_second_shows_in_the_worst_second() -> None:
    """2 of 4 CPUs from 3 to 4 s: a tenth of ten seconds, and half of the worst."""
    calm = list(samples_of(0, 12 * S, Machine(other=Fraction(0))))
    samples = [
        replace(each, busy_ns=(each.busy_ns or 0) + 2 * min(max(each.at_ns - 3 * S, 0), S)) for each in calm
    ]
    found = summary(samples, S, 11 * S)
    assert (found.other_share, found.worst_other_share) == (0.05, 0.5)
    quiet = summary(calm, S, 11 * S)
    assert (quiet.other_share, quiet.worst_other_share) == (0.0, 0.0)


def test_parts_that_are_more_than_the_whole_leave_nothing() -> None:
    """Ticks of the machine and exact times of processes do not add up to the last millisecond."""
    samples = [replace(each, busy_ns=(each.busy_ns or 0) // 2) for each in samples_of(0, 3 * S)]
    assert summary(samples, S, 2 * S).other_share == 0.0


@pytest.mark.parametrize("lacking", ["busy_ns", "server_ns", "loadgen_ns", "own_ns"])
def test_without_one_of_the_parts_nobody_knows_what_the_others_took(lacking: str) -> None:
    """None, and not a guess; of an idle machine only the kit's own part is needed."""
    without: dict[str, Any] = {lacking: None}
    samples = [replace(each, **without) for each in samples_of(0, 3 * S)]
    found = summary(samples, S, 2 * S)
    assert (found.other_share, found.worst_other_share) == (None, None)
    look = look_summary(samples, CPUS)
    assert look is not None
    assert (look.other_share is None) == (lacking in ("busy_ns", "own_ns"))
    assert look_summary(samples[:1], CPUS) is None


def test_an_empty_window_says_nothing() -> None:
    """It has no length to share."""
    assert telemetry_summary(list(samples_of(0, S)), S, S, CPUS) is None


def test_no_sample_is_no_data() -> None:
    """And no zero."""
    found = summary([], 0, S)
    assert found == TelemetrySummary(samples=0, longest_gap_ns=None)


# --- gaps, clock, memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ms", "gap_ms"),
    [
        ([900, 1000, 1100, 1900, 2000, 2100], 800),
        ([900, 2100], 1200),
        ([1500], 500),
        ([1400], 600),
        ([500], 1500),
        ([0, 1100, 1200, 1950, 2600], 1100),
    ],
)
def test_the_longest_gap_touches_the_window(at_ms: list[int], gap_ms: int) -> None:
    """Of 1 to 2 s: with the neighbours outside, or the edge where there is none."""
    samples = [TelemetrySample(at * MS, 0) for at in at_ms]
    assert longest_gap_ns(samples, S, 2 * S) == gap_ms * MS


def test_a_step_of_the_clock_is_the_farthest_from_where_it_was() -> None:
    """An hour ahead and back again, within the window; outside it does not count."""
    samples = list(samples_of(0, 4 * S))
    away = [
        replace(e, real_ns=e.real_ns - 3600 * S * (15 * MS * 100 <= e.at_ns <= 16 * MS * 100)) for e in samples
    ]
    assert summary(away, S, 3 * S).clock_step_ns == -3600 * S
    assert summary(away, 2 * S, 3 * S).clock_step_ns == 0


def test_memory_and_swap_of_the_window() -> None:
    """The peak as the kernel keeps it, else the most that was seen; swap by how much it grew."""
    samples = [replace(e, swap_used_bytes=7 + (e.at_ns // S) * 5) for e in samples_of(0, 4 * S)]
    found = summary(samples, S, 3 * S)
    assert found.server_peak_bytes == (1 << 30) + 3000
    assert found.swapped_bytes == 10
    assert summary([replace(e, server_peak_bytes=None) for e in samples], S, 3 * S).server_peak_bytes == 1 << 30


def test_throttled_time_is_of_server_and_load_generator() -> None:
    """A quota of either bends the window."""
    samples = [
        replace(e, server_throttled_ns=e.at_ns // 5, loadgen_throttled_ns=e.at_ns // 5)
        for e in samples_of(0, 3 * S)
    ]
    assert summary(samples, S, 2 * S).throttled_share == 0.1


# --- GPUs -----------------------------------------------------------------------------------------------------


def test_the_counter_of_a_card_counts_where_its_power_agrees() -> None:
    """400 W for two seconds, minus 100 W of the idle machine."""
    look = list(samples_of(0, 2 * S, Machine(power_mw=100_000)))
    found = summary(list(samples_of(0, 4 * S, Machine(power_mw=400_000))), S, 3 * S, look)
    assert (found.energy_j, found.energy_source) == (600.0, "gpu counter, minus idle")
    assert (found.gpu_power_w, found.joules_per_token) == (400.0, 6.0)
    assert (found.gpu_temperature_c, found.gpu_memory_peak_bytes, found.gpu_throttle) == (60, 8 << 30, 0)


@pytest.mark.parametrize(("percent", "agrees"), [(100, True), (96, True), (104, True), (90, False), (110, False)])
def test_power_and_counter_must_agree(percent: int, agrees: bool) -> None:
    """Within five percent; else there is no energy, and it says why."""
    samples = list(samples_of(0, 4 * S, Machine(power_mw=400_000, counter_percent=percent)))
    found = summary(samples, S, 3 * S)
    assert (found.energy_j is not None) == agrees
    assert found.energy_source is not None
    assert found.energy_source.startswith("gpu counter" if agrees else "none: power and energy counter")


def test_a_card_that_did_nothing_leaves_the_energy_to_the_cpu() -> None:
    """A server on the CPU beside an idle GPU."""
    samples = [
        replace(e, gpus=(replace(e.gpus[0], utilization_percent=0),))
        for e in samples_of(0, 4 * S, Machine(power_mw=20_000))
    ]
    found = summary(samples, S, 3 * S)
    assert (found.energy_j, found.energy_source) == (60.0, "cpu package, idle included")


def test_of_two_cards_both_must_tell() -> None:
    """Half of the energy is no energy; power is of both."""
    one, dark = GpuSample(power_mw=100_000), GpuSample(temperature_c=3)
    samples = [replace(e, gpus=(one, one), package_energy_uj=None) for e in samples_of(0, 3 * S)]
    found = summary(samples, S, 2 * S)
    assert (found.energy_j, found.energy_source, found.gpu_power_w) == (200.0, "gpu power, idle included", 200.0)
    found = summary([replace(e, gpus=(one, dark)) for e in samples], S, 2 * S)
    assert (found.energy_j, found.energy_source, found.gpu_power_w) == (None, None, None)


def test_other_processes_on_a_card_are_those_before_and_those_that_came() -> None:
    """Two of others in the look, one more in the window; every reason for a lower clock counts."""
    look = [replace(e, gpus=(GpuSample(processes=2),)) for e in samples_of(0, S)]
    samples = [
        replace(e, gpus=(GpuSample(processes=3 + (e.at_ns > 2 * S), throttle=1 << (e.at_ns // S)),))
        for e in samples_of(0, 4 * S)
    ]
    found = summary(samples, S, 3 * S, look)
    assert (found.gpu_other_processes, found.gpu_throttle) == (3, 0b1110)
    assert summary(samples, 0, S).gpu_other_processes == 0
