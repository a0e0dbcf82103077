"""From samples beside a load to what they say of its window: exact arithmetic, one rounding at the end. Pure.

Counters are interpolated at the edges of a window, power is integrated by the trapezoid rule between them. What
the samples do not reach to on both sides is no data.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter

from kit.documents import LoadFacts, Metrics
from kit.documents.telemetry import GpuSample, TelemetrySample, TelemetrySummary
from kit.metrics.energy import energy_of, gpu_power_mw
from kit.metrics.limits import MAX_WORST_STEPS, WORST_NS, WORST_STEP_NS
from kit.metrics.series import Series, series

CPU_PARTS = ("server_ns", "loadgen_ns", "own_ns")
LOOK_PARTS = ("own_ns",)  # of a machine on which nothing was started yet
DIGITS = 6


def telemetry_summary(
    samples: Sequence[TelemetrySample],
    start_ns: int,
    end_ns: int,
    cpus: int,
    *,
    look: Sequence[TelemetrySample] = (),
    tokens: float | None = None,
    parts: Sequence[str] = CPU_PARTS,
) -> TelemetrySummary | None:
    """What the samples say of [start_ns, end_ns], both on CLOCK_MONOTONIC; None without a window.

    `look` are samples of the idle machine, `tokens` the seen tokens of the window. Everything that is neither of
    `parts` is "other".
    """
    if end_ns <= start_ns:
        return None
    inside = [each for each in samples if start_ns <= each.at_ns <= end_ns]
    of = _Shares(samples, start_ns, end_ns, cpus)
    others = _others(samples, parts)
    throttled = [of.counter(lambda s: s.server_throttled_ns), of.counter(lambda s: s.loadgen_throttled_ns)]
    energy = energy_of(samples, look, start_ns, end_ns)
    mhz = [each.cpu_mhz for each in inside if each.cpu_mhz is not None]
    return TelemetrySummary(
        samples=len(inside),
        longest_gap_ns=longest_gap_ns(samples, start_ns, end_ns),
        other_share=_rounded(_other_share(others, start_ns, end_ns, cpus)),
        worst_other_share=_rounded(_worst(others, start_ns, end_ns, cpus)),
        steal_share=_rounded(of.counter(lambda s: s.steal_ns)),
        server_share=_rounded(of.counter(lambda s: s.server_ns)),
        loadgen_share=_rounded(of.counter(lambda s: s.loadgen_ns)),
        cpu_pressure_share=_rounded(of.counter(lambda s: s.cpu_pressure_ns, of_cpus=False)),
        memory_pressure_share=_rounded(of.counter(lambda s: s.memory_pressure_ns, of_cpus=False)),
        throttled_share=_rounded(sum(known) if (known := [t for t in throttled if t is not None]) else None),
        cpu_mhz_min=min(mhz, default=None),
        cpu_mhz_max=max(mhz, default=None),
        server_peak_bytes=_peak(inside),
        swapped_bytes=_swapped(inside),
        clock_step_ns=_clock_step_ns(samples, start_ns, end_ns),
        gpu_power_w=_rounded(_watts(gpu_power_mw(samples, start_ns, end_ns))),
        gpu_temperature_c=_most(inside, lambda gpu: gpu.temperature_c),
        gpu_memory_peak_bytes=_gpu_memory(inside),
        gpu_throttle=_throttle(inside),
        gpu_other_processes=_other_processes(inside, look),
        energy_j=_rounded(energy.joules),
        energy_source=energy.source,
        joules_per_token=_rounded(energy.joules / Fraction(tokens))
        if energy.joules is not None and tokens
        else None,
    )


def cell_summary(
    samples: Sequence[TelemetrySample],
    look: Sequence[TelemetrySample],
    facts: LoadFacts | None,
    metrics: Metrics | None,
    cpus: int,
) -> TelemetrySummary | None:
    """What the samples of a cell say of its window; None where it had none."""
    if facts is None or facts.window is None:
        return None
    start_ns, end_ns = facts.origin_ns + facts.window.start_ns, facts.origin_ns + facts.window.end_ns
    rate = metrics.throughput_tok_s if metrics else None
    tokens = None if rate is None or metrics is None else rate * metrics.window_s
    return telemetry_summary(samples, start_ns, end_ns, cpus, look=look, tokens=tokens)


def look_summary(samples: Sequence[TelemetrySample], cpus: int) -> TelemetrySummary | None:
    """What samples say of a machine on which nothing was started yet, from the first to the last of them."""
    if len(samples) < 2:
        return None
    return telemetry_summary(samples, samples[0].at_ns, samples[-1].at_ns, cpus, parts=LOOK_PARTS)


def bracketed(samples: Sequence[TelemetrySample], start_ns: int, end_ns: int) -> bool:
    """Whether there are samples before and after."""
    return bool(samples) and samples[0].at_ns <= start_ns and samples[-1].at_ns >= end_ns


def longest_gap_ns(samples: Sequence[TelemetrySample], start_ns: int, end_ns: int) -> int | None:
    """The longest time without a sample that touches the window; an edge counts where nothing lies beyond it."""
    at = [each.at_ns for each in samples]
    if not at:
        return None
    first, last = bisect_right(at, start_ns) - 1, bisect_left(at, end_ns)
    moments = [at[first] if first >= 0 else start_ns]
    moments += at[first + 1 : last]
    moments.append(at[last] if last < len(at) else end_ns)
    return max(later - earlier for earlier, later in pairwise(moments))


# --- CPU ----------------------------------------------------------------------------------------------------


class _Shares:
    """What counters grew by in a window, as shares of it."""

    def __init__(self, samples: Sequence[TelemetrySample], start_ns: int, end_ns: int, cpus: int) -> None:
        self._samples, self._start_ns, self._end_ns, self._cpus = samples, start_ns, end_ns, cpus

    def counter(self, value: Callable[[TelemetrySample], int | None], *, of_cpus: bool = True) -> Fraction | None:
        grown = series(self._samples, value).growth(self._start_ns, self._end_ns)
        if grown is None:
            return None
        return max(Fraction(0), grown) / (self._end_ns - self._start_ns) / (self._cpus if of_cpus else 1)


def _others(samples: Sequence[TelemetrySample], parts: Sequence[str]) -> tuple[Series, ...]:
    """CPU time of everything, then that of each part."""
    return (
        series(samples, lambda s: s.busy_ns),
        *(series(samples, attrgetter(part)) for part in parts),
    )


def _other_share(others: Sequence[Series], start_ns: int, end_ns: int, cpus: int) -> Fraction | None:
    grown = [each.growth(start_ns, end_ns) for each in others]
    known = [each for each in grown if each is not None]
    if len(known) < len(grown):
        return None
    everything, *parts = known
    return max(Fraction(0), everything - sum(parts)) / (end_ns - start_ns) / cpus


def _worst(others: Sequence[Series], start_ns: int, end_ns: int, cpus: int) -> Fraction | None:
    """The share of the worst second of those that begin every half second; of a shorter window its own."""
    if _other_share(others, start_ns, end_ns, cpus) is None:
        return None
    last_ns = max(start_ns, end_ns - WORST_NS)
    # A window of a day is not looked at as closely: it may be one that nobody measured.
    step_ns = max(WORST_STEP_NS, (end_ns - start_ns) // MAX_WORST_STEPS)
    starts = [*range(start_ns, last_ns, step_ns), last_ns]
    return max(
        share for at in starts if (share := _other_share(others, at, min(at + WORST_NS, end_ns), cpus)) is not None
    )


# --- memory, clock, GPUs ------------------------------------------------------------------------------------


def _peak(inside: Sequence[TelemetrySample]) -> int | None:
    peaks = [each.server_peak_bytes for each in inside if each.server_peak_bytes is not None]
    return max(peaks or [s.server_memory_bytes for s in inside if s.server_memory_bytes is not None], default=None)


def _swapped(inside: Sequence[TelemetrySample]) -> int | None:
    used = [each.swap_used_bytes for each in inside if each.swap_used_bytes is not None]
    return max(used) - used[0] if used else None


def _clock_step_ns(samples: Sequence[TelemetrySample], start_ns: int, end_ns: int) -> int | None:
    """How far real time went away from the monotonic clock at most, from the last sample before the window on."""
    at = [each.at_ns for each in samples]
    first, last = max(0, bisect_right(at, start_ns) - 1), bisect_left(at, end_ns) + 1
    ahead = [each.real_ns - each.at_ns for each in samples[first:last]]
    return max((each - ahead[0] for each in ahead), key=abs) if ahead else None


def _most(inside: Sequence[TelemetrySample], value: Callable[[GpuSample], int | None]) -> int | None:
    found = [value(gpu) for each in inside for gpu in each.gpus]
    return max((each for each in found if each is not None), default=None)


def _gpu_memory(inside: Sequence[TelemetrySample]) -> int | None:
    used = [[gpu.memory_used_bytes for gpu in each.gpus if gpu.memory_used_bytes is not None] for each in inside]
    return max((sum(each) for each in used if each), default=None)


def _throttle(inside: Sequence[TelemetrySample]) -> int | None:
    """Every reason that the driver gave for a lower clock, at any time."""
    found = [gpu.throttle for each in inside for gpu in each.gpus if gpu.throttle is not None]
    bits = 0
    for each in found:
        bits |= each
    return bits if found else None


def _processes(samples: Sequence[TelemetrySample]) -> list[int]:
    counts = [[gpu.processes for gpu in each.gpus if gpu.processes is not None] for each in samples]
    return [sum(each) for each in counts if each]


def _other_processes(inside: Sequence[TelemetrySample], look: Sequence[TelemetrySample]) -> int | None:
    """Processes on GPUs that are not the server's: those of the idle machine, and what came in the window."""
    counts = _processes(inside)
    return max(counts) - counts[0] + max(_processes(look), default=0) if counts else None


def _watts(power_mw: Fraction | None) -> Fraction | None:
    return None if power_mw is None else power_mw / 1000


def _rounded(value: Fraction | int | None) -> float | None:
    return None if value is None else float(round(Fraction(value), DIGITS))
