"""Rules about telemetry: whether it was there, whether its summary follows from it, and whether it can be true."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from operator import attrgetter

from kit.documents import LoadFacts
from kit.documents.telemetry import FIRST_SAMPLED, TelemetryFacts, TelemetrySample
from kit.metrics.limits import (
    CPU_SLACK_NS,
    CPU_SLACK_PERCENT,
    GAP_INTERVALS,
    GAP_SLACK_NS,
    UTC_SLACK_NS,
)
from kit.metrics.telemetry import bracketed, cell_summary, longest_gap_ns
from kit.storage.names import HOST, TELEMETRY
from kit.timestamps import utc_ns
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Found, found_cells

# What only grows; the sampler reads each of them from the kernel, one after the other.
COUNTERS = (
    "busy_ns", "steal_ns", "iowait_ns", "server_ns", "loadgen_ns", "own_ns", "cpu_pressure_ns",
    "memory_pressure_ns", "io_pressure_ns", "server_throttled_ns", "loadgen_throttled_ns", "package_energy_uj",
)  # fmt: skip
# The kernel itself takes back a tick where it had guessed; more than that is no counter.
BACK_NS = 100_000_000


@rule(
    "telemetry.present",
    "flag",
    "cells",
    "Each measured cell was sampled from before its window to after it, without a gap (from method 3 on)",
)
def telemetry_present(evidence: Evidence) -> Steps:
    for found in _measured(evidence):
        yield 1
        yield from (Issue(found.where, why) for why in _absences(found))


def _measured(evidence: Evidence) -> list[Found]:
    """The measured cells of a plan whose cells are sampled."""
    return [each for each in found_cells(evidence) if each.measured and each.plan.method >= FIRST_SAMPLED]


def _absences(found: Found) -> Iterator[str]:
    telemetry, samples, span = found.cell.telemetry, found.files.samples, _window(found.cell.facts)
    if telemetry is None or not samples:
        yield "has no telemetry"
        return
    if telemetry.ended != "stopped":
        yield f"has telemetry that ended early: {telemetry.ended}"
    if span is None:
        return
    if not bracketed(samples, *span):
        yield "has no samples from before its window to after it"
    gap_ns = longest_gap_ns(samples, *span) or 0
    if gap_ns > GAP_INTERVALS * telemetry.interval_ns + GAP_SLACK_NS:
        yield f"has no sample for {gap_ns / 1e9:.1f} s of its window"


def _window(facts: LoadFacts | None) -> tuple[int, int] | None:
    """The window on CLOCK_MONOTONIC, if it is one."""
    if facts is None or facts.window is None or facts.window.end_ns <= facts.window.start_ns:
        return None
    return facts.origin_ns + facts.window.start_ns, facts.origin_ns + facts.window.end_ns


@rule(
    "telemetry.recomputed",
    "reject",
    "cells",
    "What a cell says of its telemetry follows from the samples, bit for bit",
)
def telemetry_recomputed(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        telemetry, samples = found.cell.telemetry, found.files.samples
        name = found.file(TELEMETRY)
        if telemetry is None:
            continue
        yield 1
        if found.plan.method < FIRST_SAMPLED:
            yield Issue(found.where, "has telemetry, which its plan does not call for")
        data = evidence.files.get(name)
        if data is None or sha256(data).hexdigest() != telemetry.samples_sha256:
            yield Issue(name, "is not what the cell says that the sampler left behind")
        if samples is not None and not _ascending(samples):
            yield Issue(name, "has samples that are not one after the other: nothing can be computed from them")
        elif samples is not None:
            yield from (
                Issue(f"{found.where}: telemetry.summary", words) for words in _summary_faults(evidence, found)
            )


def _summary_faults(evidence: Evidence, found: Found) -> Iterator[str]:
    telemetry, cell = found.cell.telemetry, found.cell
    assert telemetry is not None
    try:
        expected = cell_summary(
            found.files.samples or (), evidence.look or (), cell.facts, cell.metrics, telemetry.cpus
        )
    except ArithmeticError:
        yield "cannot be computed from these samples"
        return
    yield from differences(expected, telemetry.summary)


def _ascending(samples: Sequence[TelemetrySample]) -> bool:
    return all(before.at_ns < after.at_ns for before, after in pairwise(samples))


@rule(
    "telemetry.plausible",
    "flag",
    "cells",
    "Samples can be true: counters grow, CPU time there is, within the cell's life, of a server that works",
)
def telemetry_plausible(evidence: Evidence) -> Steps:
    for found in _measured(evidence):
        telemetry, samples = found.cell.telemetry, found.files.samples
        if telemetry is None or not samples:
            continue
        yield 1
        where = found.file(TELEMETRY)
        for why in (
            *_counter_faults(samples),
            *_time_faults(found, samples),
            *_work_faults(found, telemetry, samples),
        ):
            yield Issue(where, why)
        if evidence.host is not None and evidence.host.cpus != telemetry.cpus:
            yield Issue(
                where, f"is of a machine with {telemetry.cpus} CPUs, {HOST} of one with {evidence.host.cpus}"
            )


def _counter_faults(samples: Sequence[TelemetrySample]) -> Iterator[str]:
    for name in COUNTERS:
        values = [value for each in samples if (value := getattr(each, name)) is not None]
        if any(later + BACK_NS < earlier for earlier, later in pairwise(values)):
            yield f"has {name} that goes back"
    for index in range(max((len(each.gpus) for each in samples), default=0)):
        energy = [
            value
            for each in samples
            if index < len(each.gpus) and (value := each.gpus[index].energy_mj) is not None
        ]
        if any(later < earlier for earlier, later in pairwise(energy)):
            yield f"has gpus[{index}].energy_mj that goes back"


def _time_faults(found: Found, samples: Sequence[TelemetrySample]) -> Iterator[str]:
    facts, cell = found.cell.facts, found.cell
    if facts is None:
        return
    try:
        born_ns = facts.origin_ns - (utc_ns(facts.origin_utc) - utc_ns(cell.started_utc))
    except ValueError:
        return  # time.clock says so
    if samples[0].at_ns + UTC_SLACK_NS < born_ns or samples[-1].at_ns > born_ns + cell.duration_ns + UTC_SLACK_NS:
        yield "has samples from before or after the cell"


def _work_faults(found: Found, telemetry: TelemetryFacts, samples: Sequence[TelemetrySample]) -> Iterator[str]:
    """More CPU time than CPUs, or a server that did nothing while it answered."""
    first, last = samples[0], samples[-1]
    most_ns = (last.at_ns - first.at_ns) * telemetry.cpus * (100 + CPU_SLACK_PERCENT) // 100 + CPU_SLACK_NS
    for name in ("busy_ns", "server_ns", "loadgen_ns"):
        grown_ns = _growth(samples, attrgetter(name))
        if grown_ns is not None and grown_ns > most_ns:
            yield f"has more {name} than {telemetry.cpus} CPUs have time"
    if telemetry.summary is None or found.cell.found is not None:
        return  # the processes of a server that already ran are not known
    used = [gpu.utilization_percent for each in samples for gpu in each.gpus]
    if not telemetry.summary.server_share and not any(used):
        yield "shows no work of the server in the window"


def _growth(samples: Sequence[TelemetrySample], value: Callable[[TelemetrySample], int | None]) -> int | None:
    """From the first sample that has it to the last."""
    known = [found for each in samples if (found := value(each)) is not None]
    return known[-1] - known[0] if known else None


RULES = (telemetry_present, telemetry_recomputed, telemetry_plausible)
