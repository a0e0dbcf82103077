"""Whether a window was disturbed, from telemetry alone: no figure of the window is looked at. Pure.

Who called a cell disturbed for its figures could measure until they please.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.documents import Cell, Plan
from kit.documents.container import Accelerator
from kit.documents.telemetry import TelemetryFacts, TelemetrySample, TelemetrySummary
from kit.metrics.limits import (
    GPU_SLOWDOWNS,
    MAX_BUSY_WITH_ROOM,
    MAX_CLOCK_STEP_NS,
    MAX_MEMORY_PRESSURE_SHARE,
    MAX_OTHER_CPUS,
    MAX_OTHER_SHARE,
    MAX_OTHER_SHARE_WITH_ROOM,
    MAX_PRESSURE_WITH_ROOM,
    MAX_SAMPLE_GAP_NS,
    MAX_STEAL_SHARE,
    MAX_SWAPPED_BYTES,
    MAX_THROTTLED_SHARE,
    MAX_WORST_OTHER_CPUS,
    MAX_WORST_OTHER_SHARE,
    MIN_FREE_CPUS,
)
from kit.metrics.telemetry import look_summary
from kit.text import listed

DISTURBED = "disturbed: "  # before each reason in `CellResult.suspect`
EMPTY_WINDOW = "EmptyWindow"  # the kind of the one failure that lateness alone can cause
NO_SAMPLES = "telemetry has no samples of the window"


def disturbances(summary: TelemetrySummary | None, cpus: int) -> tuple[str, ...]:
    """Why a window on a machine of so many CPUs counts as disturbed, in words; empty if nothing says so.

    What telemetry does not know disturbs nothing, but that there is none at all does.
    """
    if summary is None or not summary.samples:
        return (NO_SAMPLES,)
    return tuple(_reasons(summary, max(cpus, 1)))


def cell_disturbances(facts: TelemetryFacts | None) -> tuple[str, ...]:
    """`disturbances` of what was sampled beside a load; none where nothing was to be sampled."""
    return () if facts is None else disturbances(facts.summary, facts.cpus)


def was_tried(cell: Cell) -> bool:
    """Whether a disturbance can spoil this attempt: measured, or so late that its window stayed empty.

    Any other failure is the server's own, and stays.
    """
    late = cell.failure is not None and cell.failure.kind == EMPTY_WINDOW
    return cell.status == "measured" or (cell.status == "failed" and late)


def was_disturbed(cell: Cell) -> bool:
    """Whether telemetry takes such an attempt from the verdict."""
    return was_tried(cell) and bool(cell_disturbances(cell.telemetry))


def to_be_measured_again(plan: Plan, earlier: Sequence[Cell], cell: Cell) -> bool:
    """Whether a cell is to be set aside and measured again: tried, disturbed, and not for the last time.

    `earlier` are the attempts that were set aside before; interrupted ones do not count.
    """
    return was_disturbed(cell) and sum(map(was_tried, earlier)) + 1 < plan.attempts


def max_other_share(cpus: int) -> float:
    """What other programs may have of all CPUs where there is no room."""
    return min(MAX_OTHER_SHARE, MAX_OTHER_CPUS / cpus)


def max_worst_other_share(cpus: int) -> float:
    """What other programs may have of all CPUs for a second where there is no room."""
    return min(MAX_WORST_OTHER_SHARE, MAX_WORST_OTHER_CPUS / cpus)


def _reasons(summary: TelemetrySummary, cpus: int) -> Iterator[str]:
    yield from _other_programs(summary, cpus)
    if summary.throttled_share is not None and summary.throttled_share > MAX_THROTTLED_SHARE:
        share, most = percent(summary.throttled_share), percent(MAX_THROTTLED_SHARE)
        yield f"server or load generator were throttled in {share} of the window, limit {most}"
    yield from _of_the_machine(summary)
    if summary.gpu_other_processes:
        yield f"other processes on the GPU: {summary.gpu_other_processes}"


def _of_the_machine(summary: TelemetrySummary) -> Iterator[str]:
    """What no program of the kit can be the cause of."""
    shares = (
        (summary.steal_share, MAX_STEAL_SHARE, "the hypervisor took {} of the CPU time"),
        (summary.memory_pressure_share, MAX_MEMORY_PRESSURE_SHARE, "programs waited for memory {} of the time"),
    )
    for share, most, words in shares:
        if share is not None and share > most:
            yield f"{words.format(percent(share))}, limit {percent(most)}"
    if summary.swapped_bytes is not None and summary.swapped_bytes > MAX_SWAPPED_BYTES:
        yield f"{summary.swapped_bytes >> 20} MiB went to swap, limit {MAX_SWAPPED_BYTES >> 20} MiB"
    gap_ns, step_ns = summary.longest_gap_ns, summary.clock_step_ns
    if gap_ns is not None and gap_ns > MAX_SAMPLE_GAP_NS:
        yield f"no sample for {gap_ns / 1e9:.1f} s, limit {MAX_SAMPLE_GAP_NS / 1e9:g} s"
    if step_ns is not None and abs(step_ns) > MAX_CLOCK_STEP_NS:
        yield f"the real clock was set by {step_ns / 1e9:+.3f} s, limit {MAX_CLOCK_STEP_NS / 1e9:g} s"
    slowed = [words for bit, words in GPU_SLOWDOWNS.items() if (summary.gpu_throttle or 0) & bit]
    if slowed:
        yield f"the GPU was slowed down: {listed(slowed)}"


def _other_programs(summary: TelemetrySummary, cpus: int) -> Iterator[str]:
    room = _has_room(summary, cpus)
    beside = "" if room else ", no CPU to spare"
    most = MAX_OTHER_SHARE_WITH_ROOM if room else max_other_share(cpus)
    worst_most = 1.0 if room else max_worst_other_share(cpus)
    if summary.other_share is not None and summary.other_share > most:
        yield f"other programs used {percent(summary.other_share)} of the CPU time, limit {percent(most)}{beside}"
    elif summary.worst_other_share is not None and summary.worst_other_share > worst_most:
        used = percent(summary.worst_other_share)
        yield f"other programs used {used} of the CPUs for a second, limit {percent(worst_most)}{beside}"


def _has_room(summary: TelemetrySummary, cpus: int) -> bool:
    """Whether other programs could have CPUs that neither server nor load generator wanted; unknown is no."""
    worst = summary.other_share if summary.worst_other_share is None else summary.worst_other_share
    parts = (worst, summary.server_share, summary.loadgen_share)
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return False
    busy = sum(known)
    free_cpus, pressure = (1 - busy) * cpus, summary.cpu_pressure_share or 0.0
    return busy <= MAX_BUSY_WITH_ROOM and free_cpus >= MIN_FREE_CPUS and pressure <= MAX_PRESSURE_WITH_ROOM


def percent(share: float) -> str:
    """A share with two significant digits at least, e.g. "26 %", "3 %", "0.47 %"."""
    value = share * 100
    return f"{value:.2g} %" if value < 10 else f"{value:.0f} %"


# --- before anything starts -------------------------------------------------------------------------------


def accelerator_of(plan: Plan) -> Accelerator:
    """What the servers of a plan compute on beside CPUs."""
    return plan.hardware.accelerator if plan.hardware else "none"


def look_disturbances(plan: Plan, samples: Sequence[TelemetrySample], cpus: int) -> tuple[str, ...]:
    """Why a machine is not quiet by a look at it; nobody who could not look says so."""
    if len(samples) < 2:
        return ()
    processes = sum(gpu.processes or 0 for gpu in samples[-1].gpus)
    room = accelerator_of(plan) != "none"
    return unquiet(look_summary(samples, cpus), cpus, room=room, gpu_processes=processes)


def unquiet(look: TelemetrySummary | None, cpus: int, *, room: bool, gpu_processes: int = 0) -> tuple[str, ...]:
    """Why a machine on which nothing of the kit runs is not quiet, from a look at it; empty if it is.

    With `room` the servers to come leave CPUs free, because they compute elsewhere. Nobody who could not look says
    that it is not quiet.
    """
    return () if look is None else tuple(_unquiet(look, max(cpus, 1), gpu_processes, room=room))


def _unquiet(look: TelemetrySummary, cpus: int, gpu_processes: int, *, room: bool) -> Iterator[str]:
    most = MAX_OTHER_SHARE_WITH_ROOM if room else max_other_share(cpus)
    worst_most = 1.0 if room else max_worst_other_share(cpus)
    if look.other_share is not None and look.other_share > most:
        yield f"other programs use {percent(look.other_share)} of the CPU time, limit {percent(most)}"
    elif look.worst_other_share is not None and look.worst_other_share > worst_most:
        yield f"other programs use {percent(look.worst_other_share)} of the CPUs for a second"
    yield from _of_the_machine(look)
    if gpu_processes:
        yield f"processes on the GPU: {gpu_processes}"
