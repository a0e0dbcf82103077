"""Rules about the load: what was asked is what the seed says, by so many workers, each after its last answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from math import ceil

from kit.documents import PlannedRequest, PlannedTurn, Record, Window
from kit.metrics.aggregate import sent_in
from kit.metrics.limits import (
    BACKOFF_MAX_NS,
    MAX_LAG_NS,
    MAX_LAG_PERCENT,
    MIN_BUSY_SHARE,
    MIN_STEADY_SHARE,
    STEADY_FROM_METHOD,
)
from kit.metrics.stats import nearest_rank
from kit.metrics.steadiness import slowest_part
from kit.metrics.suspicion import BY_EFFECT, lateness
from kit.plan.schedule import pause_ns, planned_request
from kit.plan.traces import start_offsets_ns, with_trace_length
from kit.plan.workloads.corpus import prompt_count
from kit.storage.names import PLAN
from kit.verify.circumstances.sessions import asked_of, turns_of_load
from kit.verify.circumstances.traces import trace_lines
from kit.verify.evidence import Evidence
from kit.verify.known import has_own_prompts
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, eps_ns, loaded_cells

# Errors after which the worker waits: the load generator saw them itself. The others are found when the answer
# is read after the load; "protocol" and "truncated" can be either.
WAITED = frozenset({"connect", "http_status", "timeout_first", "timeout_idle", "timeout_total"})
EITHER = frozenset({"protocol", "truncated"})


@rule(
    "load.schedule", "reject", "records", "Prompt, salt and length of each request are those that the seed gives"
)
def load_schedule(evidence: Evidence) -> Steps:
    plan = evidence.plan
    if plan is None:
        return
    if not has_own_prompts(plan):  # their number could be anything: nothing of that size may be built
        yield Issue(f"{PLAN}: prompts", "are not this kit's, so the schedule cannot be made again")
        return
    asked, lines = asked_of(evidence), trace_lines(evidence) or ()
    for loaded in loaded_cells(evidence):
        shape = loaded.shape
        if shape is None:
            continue
        yield len(loaded.records)
        made = shape.input_tokens
        count = plan.prompts.count if made is None else prompt_count(made)
        turns = turns_of_load(loaded, asked) if asked else {}
        for record, id_ in zip(loaded.records, loaded.request_ids, strict=False):
            if plan.workload.sessions is not None or record.session is not None:
                yield from (Issue(loaded.of(record), why) for why in _turn_faults(record, turns.get(record.id)))
                continue
            if record.id != id_:
                break  # records.complete refuses it; the order of the prompts is made anew for every pass of them
            lane = loaded.found.planned.lane
            expected = planned_request(plan.seed, lane, record.id, count, shape.output_tokens)
            expected = with_trace_length(expected, lines)
            if expected != PlannedRequest(record.id, record.prompt, record.salt, record.max_tokens):
                yield Issue(loaded.of(record), "has another prompt, salt or length than the schedule gives it")


def _turn_faults(record: Record, turn: PlannedTurn | None) -> Iterator[str]:
    if turn is None:
        yield "is of a session, but the plan has none that can be made again"
        return
    if (record.session, record.turn, record.turns) != (turn.session, turn.turn, turn.turns):
        named = f"turn {record.turn} of {record.turns} of session {record.session}"
        yield f"is {named}; its worker was at turn {turn.turn} of {turn.turns} of session {turn.session}"
    elif (record.prompt, record.salt, record.max_tokens) != (turn.prompt, turn.salt, turn.max_tokens):
        yield "has another prompt, salt or length than the schedule gives its turn"
    elif record.think_ns != turn.think_ns:
        yield f"was thought about for {record.think_ns} ns, not for {turn.think_ns}"


@rule(
    "load.concurrency",
    "reject",
    "records",
    "There are the declared workers and no more; each has one request at a time",
)
def load_concurrency(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield len(loaded.records)
        for record in loaded.records:
            if loaded.closed and record.worker >= loaded.concurrency:
                yield Issue(loaded.of(record), f"is of worker {record.worker} of {loaded.concurrency}")
        for mine in by_worker(loaded.records).values():
            for before, after in pairwise(mine):
                begun_ns = after.sent_ns if after.sent_ns is not None else after.done_ns
                if begun_ns + eps_ns(loaded) < before.done_ns:
                    yield Issue(loaded.of(after), f"was sent before its worker's request {before.id} had ended")


def by_worker(records: Sequence[Record]) -> dict[int, list[Record]]:
    """The records of each worker, in the order of the file."""
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.worker, []).append(record)
    return found


@rule(
    "load.busy",
    "flag",
    "cells",
    "But for pauses after failures, the mean number of requests in flight is near the declared one",
)
def load_busy(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        metrics, window = loaded.cell.metrics, loaded.window
        if metrics is None or metrics.mean_in_flight is None or window is None or not loaded.closed:
            continue
        yield 1
        excused = _excused_ns(loaded.records, window) / (window.end_ns - window.start_ns)
        excused += metrics.sessions.thinking if metrics.sessions else 0.0
        if metrics.mean_in_flight + excused < loaded.concurrency * MIN_BUSY_SHARE:
            words = f"only {metrics.mean_in_flight:.3f} of {loaded.concurrency} requests in flight on average"
            why = "thinking, connecting or pausing" if metrics.sessions else "connecting or pausing"
            but = f", and {excused:.3f} {why} after a failure" if excused else ""
            yield Issue(loaded.where, words + but)


def _excused_ns(records: Sequence[Record], window: Window) -> int:
    """How long in the window workers had no request in flight because one had failed."""
    total = 0
    for mine in by_worker(records).values():
        for record, following in zip_longest(mine, mine[1:]):
            if record.outcome != "failed":
                continue
            until_ns = following.intended_ns if following else record.done_ns + BACKOFF_MAX_NS
            since_ns = record.intended_ns if record.sent_ns is None else record.done_ns
            total += max(0, min(until_ns, window.end_ns) - max(since_ns, window.start_ns))
    return total


@rule(
    "load.closed_loop",
    "reject",
    "records",
    "Each worker means to send when its last answer ended, or after its pause",
)
def load_closed_loop(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if not loaded.closed:
            continue
        yield len(loaded.records)
        first = loaded.records[: loaded.concurrency]
        in_order = [record.worker for record in first] == list(range(len(first)))
        if not in_order and not loaded.load.ramp_ns:  # on a ramp the first may send again before the last begins
            yield Issue(loaded.where, "the first requests are not one of each worker, in order")
        for mine in by_worker(loaded.records).values():
            yield from _session_issues(loaded, mine) if asked_of(evidence) else _chain_issues(loaded, mine)


def _chain_issues(loaded: Loaded, mine: Sequence[Record]) -> Iterator[Issue]:
    yield from _first_issues(loaded, mine)
    failures = 0
    for before, after in pairwise(mine):
        waited = after.intended_ns - before.done_ns == pause_ns(failures)
        failures = failures + 1 if waited else 0
        may_wait, may_not = before.error in WAITED | EITHER, before.error not in WAITED
        if not ((waited and may_wait) or (after.intended_ns == before.done_ns and may_not)):
            words = f"was not meant for when its worker's request {before.id} ended, or for after the pause"
            yield Issue(loaded.of(after), words)


def _first_issues(loaded: Loaded, mine: Sequence[Record]) -> Iterator[Issue]:
    worker = mine[0].worker
    starts_ns = start_offsets_ns(loaded.concurrency, loaded.load.ramp_ns) if loaded.load.ramp_ns else ()
    if mine[0].intended_ns != (starts_ns[worker] if worker < len(starts_ns) else 0):
        yield Issue(loaded.of(mine[0]), "is the first of its worker, but was not meant for the start of the load")
    for before, after in pairwise(mine):
        if before.outcome == "unfinished":
            yield Issue(loaded.of(after), f"follows request {before.id}, which the end of the load cut")


def _session_issues(loaded: Loaded, mine: Sequence[Record]) -> Iterator[Issue]:
    """A user thinks as long as the schedule says (load.schedule), and pauses after a turn that failed."""
    yield from _first_issues(loaded, mine)
    failures = 0
    for before, after in pairwise(mine):
        failed = before.outcome == "failed"
        due_ns = before.done_ns + after.think_ns + (pause_ns(failures) if failed else 0)
        failures = failures + 1 if failed else 0
        if after.intended_ns != due_ns:
            words = f"was not meant for when its user had thought after request {before.id}, or had paused"
            yield Issue(loaded.of(after), words)


@rule(
    "load.lag", "flag", "records", "Requests went out when they were meant to: the client was not the bottleneck"
)
def load_lag(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        window = loaded.window
        if window is None:
            continue
        if evidence.plan is not None and evidence.plan.method >= BY_EFFECT:
            yield from _late_by_effect(loaded)
            continue
        chosen = [r for r in loaded.records if sent_in(r, window) and r.error != "connect"]
        lags = sorted(record.sent_ns - record.intended_ns for record in chosen if record.sent_ns is not None)
        yield len(lags)
        if lags and nearest_rank(lags, 990) > _max_lag_ns(chosen):
            words = f"p99 send delay is {nearest_rank(lags, 990) / 1e6:.1f} ms: the client was late"
            yield Issue(loaded.where, words)


def _late_by_effect(loaded: Loaded) -> Steps:
    """As for SUSPECT; that the cell's numbers follow from its records is another rule's to say."""
    metrics = loaded.cell.metrics
    if metrics is not None:
        yield metrics.send_lag_ms.n
        users = loaded.concurrency if loaded.closed else max(1, ceil(metrics.mean_in_flight or 0))
        yield from (Issue(loaded.where, words) for words in lateness(users, metrics))


def _max_lag_ns(records: Sequence[Record]) -> int:
    latencies = sorted(
        record.chunks[-1][0] - record.sent_ns for record in records if record.chunks and record.sent_ns is not None
    )
    return max(MAX_LAG_NS, nearest_rank(latencies, 500) * MAX_LAG_PERCENT // 100 if latencies else 0)


@rule("load.steady", "flag", "cells", "Without failures, no part of the window is much slower than the rest of it")
def load_steady(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        window = loaded.window
        if window is None or not loaded.found.measured or loaded.plan.method < STEADY_FROM_METHOD:
            continue
        if loaded.found.attempt is not None:
            continue  # set aside because something disturbed it, and no figure is of it
        if not loaded.closed:
            continue  # where nobody asks, nothing comes
        if loaded.plan.workload.sessions is not None:
            continue  # users who think, and long first turns, leave parts of a window without tokens
        if any(record.outcome == "failed" for record in loaded.records):
            continue  # while its requests fail a server streams less, and the error rate says so
        yield 1
        slowest = slowest_part(loaded.records, window)
        if slowest is not None and slowest < MIN_STEADY_SHARE:
            words = (
                f"a part of the window had {slowest:.0%} of the usual tokens: the server slowed down or stopped"
            )
            yield Issue(loaded.where, words)


RULES = (load_schedule, load_concurrency, load_busy, load_closed_loop, load_lag, load_steady)
