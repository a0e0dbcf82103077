"""Rules about the end of a load: it goes on at full concurrency until the last request of the window has ended.

So nobody can leave out the last requests, let workers stop early, or fill a load up with requests that only wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from kit.documents import Record, Sessions, Window
from kit.metrics.aggregate import sent_in
from kit.metrics.limits import MAX_STALL_NS, TAIL_SLACK_NS, TURN_SLACK_NS
from kit.plan.schedule import pause_ns
from kit.verify.circumstances.sessions import asked_of, rests_until_ns
from kit.verify.evidence import Evidence
from kit.verify.rule import Issue, Steps, rule
from kit.verify.rules_load import EITHER, WAITED, by_worker
from kit.verify.views import Loaded, client_loads


def _ended(evidence: Evidence) -> Iterator[tuple[Loaded, Window]]:
    """The measured loads, each with its window: all others may end anywhere."""
    for loaded in client_loads(evidence):
        if loaded.closed and loaded.found.measured and loaded.window is not None and not loaded.facts.interrupted:
            yield loaded, loaded.window


def slack_ns(loaded: Loaded) -> int:
    """How long a worker may rest before the end: answers are read in turns, and a turn can be a stall."""
    return TAIL_SLACK_NS + min(loaded.facts.longest_stall_ns, MAX_STALL_NS)


@rule("load.tail", "reject", "workers", "Every worker goes on until the last request of the window has ended")
def load_tail(evidence: Evidence) -> Steps:
    for loaded, window in _ended(evidence):
        yield len(loaded.users)
        workers = by_worker(loaded.records)
        absent = [worker for worker in loaded.users if worker not in workers]
        if absent:
            yield Issue(loaded.where, f"worker {absent[0]} has no request, and {len(absent) - 1} others have none")
        for worker, rest_ns in _rests_ns(loaded, window, asked_of(evidence)).items():
            if rest_ns > slack_ns(loaded):
                words = f"worker {worker} sent nothing for {rest_ns / 1e6:.0f} ms before the end of the load"
                yield Issue(loaded.of(workers[worker][-1]), words)


def _rests_ns(loaded: Loaded, window: Window, asked: Sessions | None) -> dict[int, int]:
    """How long each worker had sent nothing, without a reason, when the last request of the window had ended."""
    last_ns = _last_ns(loaded, window)
    return {
        worker: last_ns - (rests_until_ns(loaded, asked, mine) if asked else _busy_until_ns(mine))
        for worker, mine in sorted(by_worker(loaded.records).items())
    }


def _last_ns(loaded: Loaded, window: Window) -> int:
    """When the last request of the window had ended, and the window itself."""
    ends = (record.done_ns for record in loaded.records if sent_in(record, window))
    return max(window.end_ns, max(ends, default=0))


def _busy_until_ns(mine: Sequence[Record]) -> int:
    """Until when a worker had reason not to send again: its last answer, and the pause after a failure."""
    last = mine[-1]
    if last.error not in WAITED | EITHER:
        return last.done_ns
    failures = 0
    for before, after in pairwise(mine):
        failures = failures + 1 if after.intended_ns - before.done_ns == pause_ns(failures) else 0
    return last.done_ns + pause_ns(failures)


@rule(
    "load.unfinished",
    "flag",
    "loads",
    "The end cuts what the workers had begun meanwhile, and no request that gave nothing for the whole window",
)
def load_unfinished(evidence: Evidence) -> Steps:
    for loaded, window in _ended(evidence):
        yield 1
        cut = [record for record in loaded.records if record.outcome == "unfinished"]
        drained = loaded.facts.duration_ns >= window.end_ns + loaded.load.drain_ns
        if len(cut) >= len(loaded.users) and not drained and not _ended_with_the_window(loaded, window, cut):
            words = (
                f"the load ended while all {len(loaded.users)} workers waited for an answer ({len(cut)} were cut)"
            )
            yield Issue(loaded.where, words)
        rests = _rests_ns(loaded, window, asked_of(evidence))
        rested = [worker for worker, rest_ns in rests.items() if rest_ns > TURN_SLACK_NS]
        if rested and not _stalled(loaded):
            words = f"the end cut {len(cut)} requests, not {len(loaded.users) - 1}: worker {rested[0]} rested"
            yield Issue(loaded.where, words)
        silent = [record for record in cut if _silent(record, window)]
        if silent:
            words = f"and {len(silent) - 1} others were in flight for the whole window without a piece of text"
            yield Issue(loaded.of(silent[0]), words)


def _ended_with_the_window(loaded: Loaded, window: Window, cut: Sequence[Record]) -> bool:
    """Whether all that is cut was sent just after the window, of which no request was in flight any more."""
    after = all(record.sent_ns is not None and record.sent_ns >= window.end_ns for record in cut)
    in_time = loaded.facts.duration_ns <= window.end_ns + TAIL_SLACK_NS
    return after and in_time and _last_ns(loaded, window) == window.end_ns


def _stalled(loaded: Loaded) -> bool:
    """Whether the load generator says that it did not run for longer than a turn."""
    return 0 < loaded.facts.longest_stall_ns <= MAX_STALL_NS


def _silent(record: Record, window: Window) -> bool:
    spans = record.intended_ns <= window.start_ns and record.done_ns >= window.end_ns
    return spans and not any(window.start_ns <= chunk[0] < window.end_ns for chunk in record.chunks)


RULES = (load_tail, load_unfinished)
