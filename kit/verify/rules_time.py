"""Rules about time: stamps of a request, the window, the two clocks, and the order of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import le

from kit.documents import Phase, Record, Window
from kit.documents.chunks import stamps_of
from kit.documents.phases import CONTAINER_PHASES, PHASES, START, STOP, WITNESS_PHASES
from kit.documents.vocabulary import SERVER
from kit.metrics.clocks import clock_difference_ns, clock_slack_ns, clock_was_set
from kit.metrics.limits import MAX_RESOLUTION_NS, READING_SLACK_NS, UTC_SLACK_NS
from kit.timestamps import utc_ns
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Found, Loaded, eps_ns, found_cells, loaded_cells, with_server

# "window" may be missing: a window shorter than the load generator's tick is over before it is announced.
NEEDED_PHASES = frozenset(PHASES) - CONTAINER_PHASES - WITNESS_PHASES


@rule(
    "time.monotonic", "reject", "records", "Stamps ascend: intended, sent, headers, first event, chunks, done, end"
)
def time_monotonic(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield len(loaded.records)
        if loaded.facts.clock_resolution_ns > MAX_RESOLUTION_NS:
            yield Issue(f"{loaded.where}: facts.clock_resolution_ns", "is too coarse to time tokens")
        for record in loaded.records:
            yield from (Issue(loaded.of(record), why) for why in _stamp_faults(record, loaded))


def _stamp_faults(record: Record, loaded: Loaded) -> Iterator[str]:
    eps = eps_ns(loaded)
    single = (record.intended_ns, record.sent_ns, record.headers_ns, record.first_event_ns)
    chunks = stamps_of(record.chunks)
    if all(map(le, chunks, chunks[1:])):
        chunks = [*chunks[:1], *chunks[-1:]]  # those between ascend
    stamps = [at for at in (*single, *chunks, record.done_ns, loaded.facts.duration_ns) if at is not None]
    if any(later + eps < earlier for earlier, later in pairwise(stamps)):
        yield "has stamps that go backwards"
    if record.connect_ns is not None:
        # Before an answer a connection may be made anew, after the request was sent over a stale one.
        latest = record.sent_ns if record.headers_ns is not None and record.sent_ns is not None else record.done_ns
        if not record.intended_ns - eps <= record.connect_ns <= latest + eps:
            yield "connects before it is intended or after it was sent"
    if record.sent_ns is None and (record.headers_ns is not None or record.chunks):
        yield "has an answer, but was never sent"


@rule(
    "time.window", "reject", "cells", "The window is the one the load fixes, and the load lasted at least as long"
)
def time_window(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if not loaded.found.measured and loaded.facts.window is None:
            continue
        yield 1
        yield from (Issue(f"{loaded.where}: facts.window", why) for why in _window_faults(loaded))


def _window_faults(loaded: Loaded) -> Iterator[str]:
    load, facts = loaded.load, loaded.facts
    if load.window_ns is None or facts.window != Window(load.warmup_ns, load.warmup_ns + load.window_ns):
        yield "is not warm-up to warm-up plus window"
    if facts.window and facts.duration_ns < facts.window.end_ns:
        yield "ends after the load itself"


@rule(
    "time.clock", "reject", "spans", "Real time and monotonic time agree, for each cell and for its load within it"
)
def time_clock(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        cell, facts = found.cell, found.cell.facts
        yield 1
        if clock_was_set(cell):
            continue  # it says so itself, and counts for nothing: time.steps
        yield from _span_issues(found.where, cell.started_utc, cell.ended_utc, cell.duration_ns)
        moments = [cell.started_utc, cell.ended_utc]
        if cell.server:
            moments[1:1] = [cell.server.started_utc, cell.server.stopped_utc or cell.ended_utc]
        if facts:
            yield 1
            yield from _span_issues(f"{found.where}: facts", facts.origin_utc, facts.ended_utc, facts.duration_ns)
            moments[len(moments) // 2 : len(moments) // 2] = [facts.origin_utc, facts.ended_utc]
        if not _ascend(moments):
            yield Issue(found.where, "the load is not inside the server's life, or that not inside the cell")
        if found.measured and cell.server and cell.server.stopped_utc is None:
            yield Issue(f"{found.where}: server", "has no observed stop")


def _span_issues(where: str, started_utc: str, ended_utc: str, duration_ns: int) -> Iterator[Issue]:
    try:
        off_ns = abs(clock_difference_ns(started_utc, ended_utc, duration_ns))
    except ValueError:
        yield Issue(where, "has a time that does not exist")
        return
    if off_ns > clock_slack_ns(duration_ns):
        yield Issue(where, f"real time and duration differ by {off_ns // 1_000_000} ms")


def _moment(utc: str) -> int | None:
    try:
        return utc_ns(utc)
    except ValueError:
        return None


def _ascend(moments: Sequence[str]) -> bool:
    known = [_moment(moment) for moment in moments]
    return all(a is None or b is None or a <= b + UTC_SLACK_NS for a, b in pairwise(known))


@rule("time.one_at_a_time", "reject", "servers", "No two servers of a run live at the same time")
def time_one_at_a_time(evidence: Evidence) -> Steps:
    spans, era = [], 0
    for found, server in with_server(evidence):
        yield 1
        if clock_was_set(found.cell):
            era += 1  # times before and after it are of two clocks
            continue
        started, stopped = _moment(server.started_utc), _moment(server.stopped_utc or found.cell.ended_utc)
        if started is None or stopped is None:
            yield Issue(f"{found.where}: server", "has a time that does not exist")
        else:
            spans.append((era, started, stopped, found))
    spans.sort(key=lambda span: span[:3])
    for (era_before, _, stopped, before), (era_after, started, _, after) in pairwise(spans):
        if era_before == era_after and started + UTC_SLACK_NS < stopped:
            yield Issue(f"{after.where}: server", f"was started before that of {before.name} had stopped")


@rule("time.order", "reject", "cells", "Cells were measured one after the other, in the order of the plan")
def time_order(evidence: Evidence) -> Steps:
    cells = found_cells(evidence)
    yield len(cells)
    for before, after in pairwise(cells):
        if clock_was_set(before.cell) or clock_was_set(after.cell):
            continue
        if not _ascend((before.cell.started_utc, before.cell.ended_utc, after.cell.started_utc)):
            yield Issue(after.where, f"does not come after {before.files.folder}, as planned")


@rule(
    "time.steps", "flag", "cells", "Nobody set the real-time clock during the run, and the machine did not sleep"
)
def time_steps(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        yield 1
        if clock_was_set(found.cell):
            yield Issue(
                found.where, "had its real-time clock set, so its times cannot be checked; it does not count"
            )


@rule(
    "time.phases", "reject", "phases", "The phases of a cell follow each other in their order, inside its duration"
)
def time_phases(evidence: Evidence) -> Steps:
    for found in found_cells(evidence):
        phases = found.cell.phases
        yield len(phases)
        yield from (Issue(f"{found.where}: phases", why) for why in _phase_faults(found, phases))


def _phase_faults(found: Found, phases: Sequence[Phase]) -> Iterator[str]:
    order = iter(PHASES)
    if not all(phase.name in order for phase in phases):  # `in` uses the iterator up: a subsequence test
        yield "are unknown, repeated or out of order"
    stamps = [at for phase in phases for at in (phase.started_ns, phase.ended_ns)]
    if any(later < earlier for earlier, later in pairwise(stamps)):
        yield "overlap or go backwards"
    if (
        stamps and stamps[-1] > found.cell.duration_ns + READING_SLACK_NS
    ):  # their log begins before the cell's clock
        yield "end after the cell"
    if found.measured:
        if found.plan.loads:
            return  # of a load by hand none are kept
        contained = found.cell.server is not None and found.cell.server.container is not None
        needed = NEEDED_PHASES | (CONTAINER_PHASES if contained else frozenset())
        needed |= WITNESS_PHASES if found.plan.witness is not None else frozenset()
        if found.cell.runtime == SERVER:
            needed -= {START, STOP}  # by others, or not at all
        if missing := needed - {phase.name for phase in phases}:
            yield f"lack {', '.join(sorted(missing))}, although the cell is measured"
        if any(phase.outcome != "ok" for phase in phases):
            yield "did not all end well, although the cell is measured"


RULES = (
    time_monotonic,
    time_window,
    time_clock,
    time_one_at_a_time,
    time_order,
    time_steps,
    time_phases,
)
