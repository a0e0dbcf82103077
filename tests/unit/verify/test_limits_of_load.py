"""The limits of rules about the load, its records and texts: just inside is no finding, just outside is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from kit.documents import Calibration, CalibrationPoint, Cell, ErrorKind, Record, TokenSource
from kit.metrics.accuracy import proven
from kit.metrics.limits import (
    BACKOFF_FIRST_NS,
    BACKOFF_MAX_NS,
    MAX_LAG_NS,
    MAX_LAG_PERCENT,
    MAX_LATE_PERCENT,
    MIN_BUSY_SHARE,
    MIN_SAME_CHARS,
    STAMP_SLACK_NS,
)
from kit.plan.schedule import pause_ns
from tests.support.calibrations import good_point
from tests.support.forge import (
    BATCHED,
    Change,
    document,
    in_calibration,
    in_server,
    records_of,
    text_of,
)
from tests.support.good_bundle import good_files
from tests.support.issues import cell_of, facts, issues, only, record, records

MS = 1_000_000


def by_method(number: int) -> Change:
    """The plan says that its numbers are of this method."""
    return document("plan.json", lambda plan: plan.update(method=number))


METHOD_2, METHOD_3 = by_method(2), by_method(3)


# --- the load ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("less", "found"), [(0.0, False), (1e-6, True)])
def test_so_many_workers_must_be_busy(less: float, found: bool) -> None:
    """On average over the window, also where one of them had a failure that took no time."""

    def idle(cell: Cell, failed: int = 0) -> Cell:
        assert cell.metrics is not None
        in_flight = 2 * MIN_BUSY_SHARE - less
        requests = replace(cell.metrics.requests, failed=failed)
        return replace(cell, metrics=replace(cell.metrics, mean_in_flight=in_flight, requests=requests))

    assert bool(issues("load.busy", only(idle))) is found
    assert bool(issues("load.busy", only(lambda cell: idle(cell, failed=1)))) is found


def late_by(lag_ns: int, latency_ns: int) -> Callable[[Record], Record]:
    """An ok record that was sent so late and took so long."""

    def change(record: Record) -> Record:
        sent_ns = record.intended_ns + lag_ns
        *chunks, (_, chars, channel) = record.chunks
        return replace(record, sent_ns=sent_ns, chunks=(*chunks, (sent_ns + latency_ns, chars, channel)))

    return change


LATENCY_NS = 4 * MAX_LAG_NS * 100 // MAX_LAG_PERCENT  # its share is four times the fixed limit


@pytest.mark.parametrize(("limit_ns", "latency_ns"), [(MAX_LAG_NS, MS), (4 * MAX_LAG_NS, LATENCY_NS)])
@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_requests_may_leave_late_by_the_fixed_limit_or_a_share_of_the_latency(
    limit_ns: int, latency_ns: int, more_ns: int, found: bool
) -> None:
    """Whichever is more; the same for all requests of the cell."""
    change = late_by(limit_ns + more_ns, latency_ns)
    assert bool(issues("load.lag", METHOD_2, records(lambda records: list(map(change, records))))) is found


def test_one_late_request_in_a_hundred_is_no_finding() -> None:
    """It is the 99th percentile that counts."""

    def many(late: int) -> Callable[[list[Record]], list[Record]]:
        def change(records: list[Record]) -> list[Record]:
            base = next(record for record in records if record.sent_ns is not None and record.sent_ns > 300 * MS)
            prompt = [replace(base, id=at, sent_ns=base.intended_ns) for at in range(100)]
            return [late_by(10 * MAX_LAG_NS, MS)(record) if record.id < late else record for record in prompt]

        return change

    assert issues("load.lag", METHOD_2, records(many(1))) == []
    assert len(issues("load.lag", METHOD_2, records(many(2)))) == 1


@pytest.mark.parametrize(("more_ms", "found"), [(0.0, False), (1e-6, True)])
def test_since_method_3_late_requests_count_by_the_time_they_took(more_ms: float, found: bool) -> None:
    """The flag has the words of SUSPECT: 1 % of 2 users' time in a window of 0.6 s are 12 ms."""

    def late(cell: Cell) -> Cell:
        assert cell.metrics is not None
        lag = replace(cell.metrics.send_lag_ms, n=1, mean=12.0 * MAX_LATE_PERCENT + more_ms)
        slow = replace(cell.metrics.e2e_ms, mean=1e6)
        return replace(cell, metrics=replace(cell.metrics, send_lag_ms=lag, e2e_ms=slow))

    words = ["late sends took 1.0 % of the users' time, limit 1 %"] if found else []
    assert issues("load.lag", METHOD_3, only(late)) == words


@pytest.mark.parametrize(
    ("failures", "pause"),
    [(0, BACKOFF_FIRST_NS), (1, 2 * BACKOFF_FIRST_NS), (6, 64 * BACKOFF_FIRST_NS), (7, BACKOFF_MAX_NS)],
)
def test_the_pause_doubles_up_to_its_limit(failures: int, pause: int) -> None:
    """10 ms after the first failure, never more than a second, however many there were."""
    assert pause_ns(failures) == pause
    assert pause_ns(10**6) == BACKOFF_MAX_NS


WAITS: dict[ErrorKind, tuple[bool, bool]] = {  # whether the next request may follow at once, and after the pause
    "connect": (False, True),
    "http_status": (False, True),
    "timeout_first": (False, True),
    "timeout_idle": (False, True),
    "timeout_total": (False, True),
    "protocol": (True, True),
    "truncated": (True, True),
    "error_event": (True, False),
    "empty": (True, False),
}


@pytest.mark.parametrize("error", WAITS)
@pytest.mark.parametrize("waited", [False, True])
def test_a_worker_waits_after_the_failures_that_the_load_generator_sees_itself(
    error: ErrorKind, waited: bool
) -> None:
    """And not after those that are found when the answer is read; some can be either."""
    assert set(WAITS) == set(get_args(ErrorKind))

    def failed(found: list[Record]) -> list[Record]:
        before = replace(found[13], outcome="failed", error=error)
        after = replace(found[15], intended_ns=before.done_ns + (BACKOFF_FIRST_NS if waited else 0))
        assert after.worker == before.worker
        return [*found[:13], before, found[14], after, found[16], *found[18:]]

    assert bool(issues("load.closed_loop", records(failed))) is not WAITS[error][waited]


@pytest.mark.parametrize("off_ns", [-1, 1])
def test_a_worker_sends_just_when_its_last_answer_ended(off_ns: int) -> None:
    """The intended time is computed, so not even a nanosecond is free."""
    change = record(lambda record: replace(record, intended_ns=record.intended_ns + off_ns))
    assert len(issues("load.closed_loop", change)) == 1


# --- records and texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chars", "count"), [(MIN_SAME_CHARS - 1, 0), (MIN_SAME_CHARS, 1)])
def test_the_same_answer_counts_from_a_paragraph_on(chars: int, count: int) -> None:
    """Shorter ones may well be the same."""
    text = ("ab" * chars)[:chars]
    assert len(issues("text.duplicates", text_of(3, text), text_of(4, text))) == count


@pytest.mark.parametrize(("source", "most"), [("usage", 0), ("chunks", 1)])
@pytest.mark.parametrize(("more", "count"), [(0, 0), (1, 1)])
def test_a_request_may_have_as_many_tokens_as_it_was_allowed(
    source: TokenSource, most: int, more: int, count: int
) -> None:
    """Counted by chunks one more, which is the text that the end flushes."""

    def change(record: Record) -> Record:
        tokens = record.max_tokens + most + more
        return replace(record, completion_tokens=tokens, token_source=source, chunk_tokens=None)

    assert len(issues("tokens.limit", record(change))) == count


@pytest.mark.parametrize(("fewer", "count"), [(1, 0), (2, 1)])
def test_a_request_may_have_one_chunk_more_than_tokens(fewer: int, count: int) -> None:
    """One for the end."""
    change = record(lambda r: replace(r, completion_tokens=len(r.chunks) - fewer, chunk_tokens=None))
    assert len(issues("tokens.chunks", change)) == count


@pytest.mark.parametrize(("worker", "found"), [(1, False), (2, True)])
def test_workers_are_counted_from_zero(worker: int, found: bool) -> None:
    """Two users are the workers 0 and 1."""
    found_words = issues("load.concurrency", record(lambda each: replace(each, worker=worker)))
    assert any("is of worker" in each for each in found_words) is found


def counted(tokens: int) -> Change:
    """The server's counter after the load: so many more than before it."""
    return in_server(
        counters_before={"completion_tokens": 1000}, counters_after={"completion_tokens": 1000 + tokens}
    )


def test_the_server_may_count_what_the_records_allow_and_no_more() -> None:
    """All tokens of the answers, and up to the limit of each request that was cut, tried again, or both."""
    found = records_of(dict(good_files()), BATCHED)
    low = sum(each.completion_tokens or 0 for each in found if each.outcome == "ok")
    cut = [each for each in found if each.outcome != "ok"]
    high = low + sum(max(each.completion_tokens or 0, each.max_tokens) for each in cut)
    assert low < high
    for tokens, wrong in ((low - 1, True), (low, False), (high, False), (high + 1, True)):
        assert bool(issues("evidence.server", counted(tokens))) is wrong
    longest = 64
    retried = facts(stale_retries=2)
    assert issues("evidence.server", retried, counted(high + 2 * longest)) == []
    assert len(issues("evidence.server", retried, counted(high + 2 * longest + 1))) == 1


# --- the end of the load ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_unfinished_requests_are_cut_when_nothing_ends_any_more(more_ns: int, found: bool) -> None:
    """By the slack of stamps before the last end, and no more."""

    def cut(records: list[Record]) -> list[Record]:
        last_ns = max(record.done_ns for record in records if record.outcome != "unfinished")
        *others, last = records
        assert last.outcome == "unfinished"
        return [*others, replace(last, done_ns=last_ns - STAMP_SLACK_NS - more_ns)]

    assert bool(issues("records.accounting", records(cut))) is found


@pytest.mark.parametrize(("less_ns", "found"), [(0, False), (1, True)])
def test_a_request_of_the_window_may_be_cut_only_after_the_drain(less_ns: int, found: bool) -> None:
    """Once the drain has run out, what is still running is cut; before that it is waited for."""
    cell = cell_of()
    assert cell.facts is not None
    assert cell.facts.window is not None
    assert cell.load is not None
    over_ns = cell.facts.window.end_ns + cell.load.drain_ns

    def cut(records: list[Record]) -> list[Record]:
        return [
            replace(record, outcome="unfinished", done_ns=over_ns) if record.id == 6 else record
            for record in records
        ]

    duration = facts(duration_ns=over_ns - less_ns)
    words = issues("records.accounting", records(cut), duration)
    assert any("there was time to drain" in each for each in words) is found


# --- the calibration --------------------------------------------------------------------------------------


def test_what_fails_is_tried_four_times_at_most_and_what_holds_is_not_tried_again() -> None:
    """Twice at least, as the first version of the kit did; and nothing follows a good one."""
    bad = replace(good_point(1), pace=0.5, ok=False, faults=("pace",))
    words = "points: 1 streams at 200 tokens/s were not tried as a calibration tries"
    good = good_point(1)
    rows = {(good,): False, (bad, good): False, (bad, bad): False}
    rows |= {(bad, bad, bad, good): False, (bad,) * 4: False}
    rows |= {(bad,): True, (good, good): True, (bad,) * 5: True, (bad, good, good): True}
    for tries, found in rows.items():

        def tried(calibration: Calibration, tries: tuple[CalibrationPoint, ...] = tries) -> Calibration:
            points = (*tries, *calibration.points[1:])
            return replace(calibration, points=points, ceiling=proven((*points, *calibration.steps)))

        assert issues("calibration.consistent", in_calibration(tried)) == ([words] if found else [])
