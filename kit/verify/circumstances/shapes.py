"""Rules about kinds of request: lengths as the server counts them, and arrivals that no answer delays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kit.documents import Shape
from kit.metrics.limits import MAX_LENGTH_PERCENT, MAX_LENGTH_TOKENS
from kit.metrics.stats import nearest_rank
from kit.metrics.timing import sent_in
from kit.plan.schedule import arrivals_ns
from kit.plan.traces import trace_offsets_ns
from kit.plan.workloads.corpus import NAME as CORPUS
from kit.plan.workloads.shapes import hull
from kit.storage.names import PLAN
from kit.verify.circumstances.traces import trace_fault, trace_lines
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, loaded_cells

MAX_BURSTINESS_MILLI = 10_000  # of a plan: a gap of shape 10 takes ten draws, and every one is made again


@rule(
    "plan.shapes",
    "reject",
    "shapes",
    "Kinds of request are distinct, together the workload's lengths, and arrive as its loop says",
)
def plan_shapes(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None or (not plan.workload.shapes and plan.workload.loop == "closed"):
        return
    work = plan.workload
    yield max(1, len(work.shapes))
    where = f"{PLAN}: workload"
    names = [shape.name for shape in work.shapes]
    if len(set(names)) != len(names):
        yield Issue(f"{where}.shapes", "name the same thing twice")
    if work.shapes and hull(shape.output_tokens for shape in work.shapes) != work.output_tokens:
        yield Issue(f"{where}.output_tokens", "are not those of all shapes together")
    for shape in work.shapes:
        yield from (Issue(f"{where}.shapes: {shape.name}", why) for why in _shape_faults(evidence, shape))
    if work.loop == "open":
        yield from (Issue(where, why) for why in _open_faults(evidence))
    elif work.arrivals is not None or work.burstiness_milli is not None or work.trace is not None:
        yield Issue(where, "is a closed loop with arrivals")


def _shape_faults(evidence: Evidence, shape: Shape) -> Iterator[str]:
    plan = evidence.plan
    if plan is None:
        return
    if shape.output_tokens.min > shape.output_tokens.max:
        yield "min of its output tokens is above max"
    if (shape.input_tokens is not None) != (plan.prompts.name == CORPUS):
        yield "has a length of prompts without the corpus, or none with it"
    timed = plan.workload.loop == "open" and plan.workload.trace is None
    if (shape.rate_milli_per_s is not None) != timed:
        yield "has a rate in a loop without rates, or none in one with them"
    if shape.speed_milli is not None and plan.workload.trace is None:
        yield "has a speed, but there is no trace"


def _open_faults(evidence: Evidence) -> Iterator[str]:
    work = evidence.plan.workload if evidence.plan is not None else None
    if work is None:
        return
    if len(work.concurrencies) != 1:
        yield "is an open loop of several concurrencies"
    if not work.shapes:
        yield "is an open loop without rates or speeds"
    if (work.burstiness_milli is not None) != (work.arrivals == "gamma"):
        yield "has a burstiness that its arrivals do not have, or lacks one"
    if work.burstiness_milli is not None and work.burstiness_milli > MAX_BURSTINESS_MILLI:
        yield f"has a burstiness above {MAX_BURSTINESS_MILLI / 1000:g}"
    if (work.trace is not None) == (work.arrivals is not None):
        yield "has both a trace and arrivals, or neither"
    fault = trace_fault(evidence)
    if fault is not None:
        yield fault


@rule(
    "load.arrivals",
    "reject",
    "records",
    "In an open loop every request of the schedule up to the end of the window is there, meant for its own time",
)
def load_arrivals(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if loaded.closed or not _is_sane(evidence, loaded):
            continue
        yield len(loaded.records)
        due = _due_ns(evidence, loaded)
        # A trace ends: what stands behind its last request was never due.
        wrong = next((record for record in loaded.records if record.intended_ns != next(due, None)), None)
        if wrong is not None:
            yield Issue(loaded.of(wrong), "was not meant for the time that the schedule gives it")
            continue
        following = next(islice(due, 0, 1), None)
        window = loaded.window
        ended = loaded.found.measured and not loaded.facts.interrupted
        if following is not None and window is not None and ended and following < window.end_ns:
            yield Issue(loaded.where, "lacks requests that were due before the end of the window")
        drained = window is not None and loaded.facts.duration_ns >= window.end_ns + loaded.load.drain_ns
        if window is not None and ended and not drained:
            cut = [r for r in loaded.records if r.outcome == "unfinished" and sent_in(r, window)]
            yield from (Issue(loaded.of(record), "was cut before the drain was over") for record in cut)


def _is_sane(evidence: Evidence, loaded: Loaded) -> bool:
    """Whether the arrivals can be made again at a bounded cost; other rules refuse those of which they cannot."""
    loop, trace, pinned = loaded.load.loop, loaded.load.trace, loaded.plan.workload.trace
    if trace is not None:
        return pinned is not None and pinned.sha256 == trace.sha256 and trace_lines(evidence) is not None
    return bool(loop.rate_milli_per_s) and (loop.burstiness_milli or 1000) <= MAX_BURSTINESS_MILLI


def _due_ns(evidence: Evidence, loaded: Loaded) -> Iterator[int]:
    trace = loaded.load.trace
    if trace is not None:
        return iter(trace_offsets_ns(trace_lines(evidence) or (), trace.speed_milli))
    return arrivals_ns(loaded.plan.seed, loaded.found.planned.lane, loaded.load.loop)


@rule(
    "load.lengths",
    "flag",
    "cells",
    "Prompts made to a length have it: the median of the server's counts is within 1 %, or 4 tokens",
)
def load_lengths(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        wanted = loaded.load.made_up.input_tokens if loaded.load.made_up else None
        counts = sorted(
            r.prompt_tokens for r in loaded.records if r.outcome == "ok" and r.prompt_tokens is not None
        )
        if wanted is None or not counts:
            continue
        yield 1
        middle = nearest_rank(counts, 500)
        if abs(middle - wanted) > max(MAX_LENGTH_TOKENS, wanted * MAX_LENGTH_PERCENT // 100):
            yield Issue(
                loaded.where, f"has prompts of {middle} tokens by the server's count, {wanted} were planned"
            )


@rule("load.nominal", "note", "cells", "The server counted the made-up prompts before the load")
def load_nominal(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if loaded.load.made_up is not None:
            yield 1
            if loaded.load.made_up.fit is None:
                yield Issue(loaded.where, "has prompts of nominal length: the server did not count their tokens")


RULES = (plan_shapes, load_arrivals, load_lengths, load_nominal)
