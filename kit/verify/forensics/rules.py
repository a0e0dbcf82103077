"""Rules on records that were made, copied or scaled instead of measured. They flag, with the statistic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from kit.documents import Entry, Host, Record
from kit.documents.telemetry import TelemetryFacts, TelemetrySample
from kit.metrics.results import place_of
from kit.storage.names import RESULT, TELEMETRY
from kit.verify.evidence import Evidence
from kit.verify.forensics import limits
from kit.verify.forensics.chance import digits_chi2
from kit.verify.forensics.copies import Stream, copies
from kit.verify.forensics.gaps import Noise, common_step, last_digits, noise, stamps, window_gaps
from kit.verify.forensics.replicates import Alike, alike, pooled
from kit.verify.forensics.steps import interleaved, together
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, counting_cells, found_cells, loaded_cells

# How many requests a server decodes together, by the setting that says so. Others are not judged.
SLOTS = {"llamacpp": "slots", "ollama": "num_parallel", "vllm": "max_num_seqs"}


@rule("forensic.copy", "flag", "requests", "No request has the gaps of another one, as they are or scaled")
def forensic_copy(evidence: Evidence) -> Steps:
    streams = []
    for load, loaded in enumerate(loaded_cells(evidence)):
        for record in loaded.records:
            times = stamps(record, limits.COPY_GAPS + 1)
            if len(times) > limits.COPY_GAPS:  # when it ended says what it overlaps
                streams.append(Stream(loaded.of(record), load, (*times, record.chunks[-1][0])))
    yield len(streams)
    for copy in copies(streams):
        words = f"has the gaps of {copy.first.where}, times {copy.scale:.3f}"
        yield Issue(copy.second.where, words)


@rule(
    "forensic.step_alignment",
    "flag",
    "cells",
    "Streams of a server that batches step together, and those of a server with one slot follow each other",
)
def forensic_step_alignment(evidence: Evidence) -> Steps:
    for loaded in _judged(evidence):
        slots = _slots(evidence, loaded)
        if slots is None or loaded.concurrency < 2:
            continue
        streams = _first(loaded.records)
        if slots == 1:
            yield 1
            chunks, inside = interleaved(streams)
            if inside > limits.MAX_INTERLEAVED * chunks:
                words = f"has {inside} of {chunks} chunks inside another answer, of a server with one slot"
                yield Issue(loaded.where, words)
            continue
        found = together(streams, limits.STEP_NS, limits.MAX_EXPECTED)
        if found is None or found.chunks < limits.MIN_STEP_CHUNKS:
            continue
        yield 1
        if found.excess < limits.MIN_TOGETHER:
            words = (
                f"has streams that do not step together: {found.observed:.3f} of {found.chunks} chunks lie within"
                f" {found.within_ns / 1e6:.2f} ms of another stream's, {found.expected:.3f} would by chance"
            )
            yield Issue(loaded.where, words)


def _judged(evidence: Evidence) -> Iterator[Loaded]:
    """The measured cells with a window that is long enough to tell."""
    for loaded in loaded_cells(evidence):
        window = loaded.window
        if window and loaded.found.measured and window.end_ns - window.start_ns >= limits.MIN_WINDOW_NS:
            yield loaded


def _slots(evidence: Evidence, loaded: Loaded) -> int | None:
    entries: dict[str, Entry] = {entry.name: entry for entry in evidence.plan.entries} if evidence.plan else {}
    entry = entries.get(loaded.cell.entry)
    value = entry.settings.get(SLOTS.get(entry.runtime, "")) if entry else None
    return value if type(value) is int else None


def _first(records: Sequence[Record]) -> list[list[int]]:
    """The streams of the first chunks of a cell: more of them decide nothing."""
    found, count = [], 0
    for record in records:
        if count > limits.MAX_CELL_GAPS:
            break
        times = stamps(record, limits.MAX_CELL_GAPS)
        if len(times) > 1:
            found.append(times)
        count += len(times)
    return found


@rule("forensic.too_smooth", "flag", "cells", "The gaps of a cell have the tail and the noise of a real server")
def forensic_too_smooth(evidence: Evidence) -> Steps:
    for loaded in _judged(evidence):
        groups = _gaps(loaded)
        if sum(map(len, groups)) < limits.MIN_NOISE_GAPS:
            continue
        yield 1
        found = noise(groups)
        if found is None:
            yield Issue(loaded.where, "has gaps that are all the same")
            continue
        resolution_ns = loaded.facts.clock_resolution_ns
        yield from (Issue(loaded.where, words) for words in smooth_faults(found, resolution_ns))


def _gaps(loaded: Loaded) -> list[list[int]]:
    window = loaded.window
    assert window is not None
    return window_gaps(loaded.records, window, limits.MAX_CELL_GAPS)


def smooth_faults(found: Noise, clock_resolution_ns: int) -> Iterator[str]:
    """What such noise lacks."""
    if found.variation < limits.MIN_VARIATION:
        yield f"has gaps that hardly vary within a request: {found.variation:.4f} of their mean"
    elif found.skewness < limits.MIN_SKEWNESS and found.kurtosis < limits.MIN_KURTOSIS:
        yield (
            f"has gaps without a tail: skewness {found.skewness:.2f}, kurtosis {found.kurtosis:.2f}"
            f" of {found.n} gaps"
        )
    if found.following > limits.MAX_FOLLOWING:
        yield f"has gaps that follow the one before: correlation {found.following:.2f}, as of averaged stamps"
    if found.ties > limits.MAX_TIES and clock_resolution_ns == 1:
        yield f"has {found.ties:.1%} gaps that are equal to another, to the nanosecond"


@rule(
    "forensic.digits",
    "flag",
    "cells",
    "The last digits of gaps are those of a clock that counts as fine as it says",
)
def forensic_digits(evidence: Evidence) -> Steps:
    counting = _counts_finely(evidence.host)
    for loaded in _judged(evidence):
        values = [gap for group in _gaps(loaded) for gap in group]
        if len(values) < limits.MIN_DIGIT_GAPS or loaded.facts.clock_resolution_ns != 1:
            continue
        yield 1
        step = common_step(values)
        chi2 = digits_chi2(last_digits(values))
        if step >= limits.ROUND_NS:
            yield Issue(loaded.where, f"has stamps rounded to {step} ns, of a clock of 1 ns")
        elif chi2 > limits.MAX_DIGITS_CHI2 and counting:
            words = f"has last digits that are no chance: chi square {chi2:.0f} of {len(values)} gaps"
            yield Issue(loaded.where, f"{words}, at most {limits.MAX_DIGITS_CHI2:.0f} is")


def _counts_finely(host: Host | None) -> bool:
    """Whether the clock counts below a nanosecond; a PC with Linux that does not name its clock has such a one."""
    if host is None or host.clock_source is not None:
        return host is not None and host.clock_source in limits.COUNTING_CLOCKS
    return host.system == "Linux" and host.architecture in limits.COUNTING_MACHINES


@rule(
    "forensic.between_runs",
    "flag",
    "rows",
    "Replicates differ as much as the requests within them let expect",
)
def forensic_between_runs(evidence: Evidence) -> Steps:
    rows: dict[tuple[str, str, int], list[list[float]]] = {}
    counting = {found.name for found in counting_cells(evidence)}
    for loaded in _judged(evidence):
        paces = [pace for record in loaded.records if (pace := _pace(record)) is not None]
        if loaded.found.name in counting and len(paces) >= limits.MIN_RUN_REQUESTS:
            rows.setdefault(place_of(loaded.found.planned), []).append(paces)
    every: list[Alike] = []
    for (entry, shape, concurrency), runs in rows.items():
        found = alike(runs) if len(runs) > 1 else None
        if found is not None:
            yield 1
            every.append(found)
            if too_alike(found):
                yield Issue(f"{RESULT}: {entry}{f' {shape}' if shape else ''} at {concurrency}", _words(found))
    whole = pooled(every) if len(every) > 1 else None
    if whole is not None and too_alike(whole):
        yield Issue(f"{RESULT}: all rows", _words(whole))


def _pace(record: Record) -> float | None:
    """Nanoseconds a chunk, of a whole answer."""
    if record.outcome != "ok" or len(record.chunks) < 2:
        return None
    return (record.chunks[-1][0] - record.chunks[0][0]) / (len(record.chunks) - 1)


def too_alike(found: Alike) -> bool:
    """Whether no independent runs come so near to each other."""
    return found.ratio < limits.MAX_ALIKE_RATIO and found.chance < limits.ALIKE_P


def _words(found: Alike) -> str:
    return (
        f"replicates are too alike: the variance of their means is {found.ratio:.2g} of what the requests within"
        f" them predict (p = {found.chance:.1g}, {found.freedom} degrees of freedom)"
    )


@rule(
    "forensic.scaled",
    "flag",
    "cells",
    "Samples come in the interval of their timer, and CPU time is counted in the ticks of Linux",
)
def forensic_scaled(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        telemetry, samples = found.cell.telemetry, found.files.samples
        if telemetry is None or not samples or len(samples) < limits.MIN_SAMPLES:
            continue
        yield 1
        linux = evidence.host is not None and evidence.host.system == "Linux"
        yield from (Issue(found.file(TELEMETRY), words) for words in _scaled(telemetry, samples, linux))


def _scaled(telemetry: TelemetryFacts, samples: Sequence[TelemetrySample], linux: bool) -> Iterator[str]:
    between = sorted(later.at_ns - earlier.at_ns for earlier, later in pairwise(samples))
    middle, interval = between[len(between) // 2], telemetry.interval_ns
    if abs(middle - interval) > limits.MAX_INTERVAL_OFF * interval:
        yield f"has a sample every {middle / 1e6:.1f} ms, not every {interval / 1e6:.0f} ms: times may be scaled"
    step = common_step(each.busy_ns for each in samples if each.busy_ns)
    if linux and len(samples) >= limits.MIN_TICK_SAMPLES and step % limits.TICK_NS:
        yield f"has CPU time in steps of {step} ns, which the kernel counts in {limits.TICK_NS // 10**6} ms"


@rule(
    "evidence.build",
    "flag",
    "cells",
    "Every cell of an entry had the same version of the server on the same device",
)
def evidence_build(evidence: Evidence) -> Steps:
    first: dict[str, tuple[str, str | None, str | None]] = {}
    for found in found_cells(evidence):
        server, running = found.cell.server, found.cell.found
        told = server or running
        if told is None or not found.measured:
            continue
        yield 1
        # Of a server that already ran its settings stand for the device, which it does not tell.
        device_here = server.device if server else str(running.settings) if running and running.settings else None
        name, version, device = first.setdefault(found.cell.entry, (found.name, told.version, device_here))
        for what, here, there in (("version", told.version, version), ("device", device_here, device)):
            if here != there:
                words = f"has another {what} of the server than {name}: {here} and {there}"
                yield Issue(f"{found.where}: server.{what}", words)


RULES = (
    forensic_copy,
    forensic_step_alignment,
    forensic_too_smooth,
    forensic_digits,
    forensic_between_runs,
    forensic_scaled,
    evidence_build,
)
