"""Attacks on the end of a load: last requests forgotten, workers that stop, requests that wait for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from kit.documents import Record
from kit.metrics.limits import BACKOFF_FIRST_NS, MAX_STALL_NS, TAIL_SLACK_NS, TURN_SLACK_NS
from tests.support.closed_holes import drained, without_worker
from tests.support.forge import BATCHED, Change, changed, derive, in_records, path, records_of, texts_of
from tests.support.good_bundle import Files, good_files, jsonl, run_files
from tests.support.issues import facts, issues, records
from tests.support.sealed import bundle_verdict, run_verdict

MS = 1_000_000
WINDOW_END_NS = 800 * MS


def rules_against(files: Files, level: str = "reject") -> set[str]:
    return {finding.rule for finding in run_verdict(files).findings if finding.level == level}


def without_the_last(count: int) -> Change:
    """The last records of a cell cut off with their texts: no hole in the ids, no salt to redo."""

    def apply(files: Files) -> None:
        files[path(BATCHED, "texts.jsonl")] = jsonl(texts_of(files, BATCHED)[:-count])
        in_records(lambda found: found[:-count])(files)

    return apply


def errors_of(files: Files) -> float:
    return float(json.loads(files[path(BATCHED)])["metrics"]["error_rate"])


def test_failed_requests_at_the_end_cannot_be_cut_off() -> None:
    """Attack A2: a server that failed at the end of its window, and nobody was to know."""
    ids = [record.id for record in records_of(dict(good_files()), BATCHED)]
    files = run_files(dict.fromkeys(range(ids[-5], ids[-1] + 60), "http_status"))
    assert rules_against(files) == set()
    count = sum(record.id >= ids[-5] for record in records_of(files, BATCHED))
    before = errors_of(files)
    without_the_last(count)(files)
    assert errors_of(files) < before
    assert "load.tail" in rules_against(files)


@pytest.mark.parametrize("count", [3, 4, 6])
def test_slow_requests_at_the_end_cannot_be_cut_off(count: int) -> None:
    """Attack A2: the last of the window, answered or not; a worker rests then. These answers take 40 to 140 ms: a

    rest shorter than the slack is a flag, a longer one refuses.
    """
    files = dict(good_files())
    without_the_last(count)(files)
    found = rules_against(files) | rules_against(files, "flag")
    assert found & {"load.tail", "load.unfinished"}


def test_a_worker_that_stops_early_is_refused_also_beside_a_failure() -> None:
    """Attack A2: one failure switched load.busy off; now neither it nor the end of the load can be had."""
    files = run_files({2: "http_status"})
    in_records(without_worker(1, 3))(files)
    verdict = run_verdict(files)
    assert {"load.tail", "load.busy"} <= {finding.rule for finding in verdict.findings}


def test_a_request_of_the_warm_up_that_is_never_answered_is_no_user() -> None:
    """Attack A2: concurrency 1 pasted as 2. The load would have waited for it until the drain was over."""

    def stalled(found: list[Record]) -> list[Record]:
        end_ns = max(record.done_ns for record in found)
        first = next(record for record in found if record.worker == 1)
        silent = replace(
            first, headers_ns=None, first_event_ns=None, done_ns=end_ns, status=None, outcome="unfinished",
            chunks=(), completion_tokens=None, token_source=None, finish_reason=None, done_seen=False,
            text_chars=0,
        )  # fmt: skip
        kept = [record for record in found if record.worker == 0 or record.id == first.id]
        return [silent if record.id == first.id else record for record in kept]

    found = issues("records.accounting", records(stalled))
    assert found == ["was sent in the warm-up and is unfinished, but there was time to drain"]


def test_a_load_that_waited_for_a_silent_request_until_the_drain_is_flagged() -> None:
    """A server that forgets a request is honest bad luck: it keeps its label, and somebody has to look."""
    verdict = bundle_verdict(drained())
    assert verdict.label == "self-reported"
    assert "load.unfinished" in {finding.rule for finding in verdict.findings}


def resting(before_end_ns: int, error: str | None = None) -> Callable[[list[Record]], list[Record]]:
    """The last request is not there, and the one before of its worker ended so long before the window's last."""

    def change(found: list[Record]) -> list[Record]:
        *rest, last = found
        end_ns = max(r.done_ns for r in rest if r.sent_ns is not None and 200 * MS <= r.sent_ns < WINDOW_END_NS)
        at = max(index for index, record in enumerate(rest) if record.worker == last.worker)
        rest[at] = replace(rest[at], done_ns=end_ns - before_end_ns)
        if error is not None:
            rest[at] = replace(rest[at], outcome="failed", error="http_status", status=500)
        # the other worker has the last word
        return [record for record in rest if record.worker != last.worker or record.id <= rest[at].id]

    return change


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_worker_may_rest_for_a_turn_of_the_loop(more_ns: int, found: bool) -> None:
    """The answer of another may be read before it can send again."""
    assert bool(issues("load.tail", records(resting(TAIL_SLACK_NS + more_ns)))) is found


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_worker_may_pause_after_a_failure(more_ns: int, found: bool) -> None:
    """As long as the load generator pauses after the first, and no longer."""
    change = resting(TAIL_SLACK_NS + BACKOFF_FIRST_NS + more_ns, "http_status")
    assert bool(issues("load.tail", records(change))) is found


@pytest.mark.parametrize(("stalls", "rests"), [(1, 1), (10, 1)])
def test_a_worker_may_rest_while_the_load_generator_stood_still(stalls: int, rests: int) -> None:
    """As it says itself, but not longer than the longest stall that leaves a cell its numbers."""
    change = facts(longest_stall_ns=stalls * MAX_STALL_NS)
    assert issues("load.tail", change, records(resting(TAIL_SLACK_NS + rests * MAX_STALL_NS))) == []
    assert len(issues("load.tail", change, records(resting(TAIL_SLACK_NS + rests * MAX_STALL_NS + 1)))) == 1


def test_a_worker_without_a_request_is_missed() -> None:
    """However few the records are."""
    found = issues("load.tail", records(lambda found: [record for record in found if record.worker == 0]))
    assert found[0] == "worker 1 has no request, and 0 others have none"


@pytest.mark.parametrize(("more_ns", "found"), [(0, False), (1, True)])
def test_a_rest_longer_than_a_turn_is_worth_a_look(more_ns: int, found: bool) -> None:
    """Two answers may end within one turn of the loop; and a stall is said."""
    change = records(resting(TURN_SLACK_NS + more_ns))
    assert bool(issues("load.unfinished", change)) is found
    assert issues("load.unfinished", facts(longest_stall_ns=MAX_STALL_NS), change) == []


def test_a_load_that_nobody_ended_is_flagged() -> None:
    """Every worker was cut, though there was no request of the window to wait for any more."""

    def all_cut(found: list[Record]) -> list[Record]:
        end_ns = max(record.done_ns for record in found)
        last = {record.worker: record.id for record in found}
        return [
            replace(record, outcome="unfinished", done_ns=end_ns) if record.id in last.values() else record
            for record in found
        ]

    assert len(issues("load.unfinished", records(all_cut))) == 1
    assert issues("load.unfinished", records(lambda found: found)) == []


@pytest.mark.parametrize(("late_ns", "found"), [(TAIL_SLACK_NS, False), (TAIL_SLACK_NS + 1, True)])
def test_requests_of_just_after_the_window_are_cut_by_its_end(late_ns: int, found: bool) -> None:
    """Where the last answers of the window came in it, all workers may have sent again when the load ends."""

    def change(old: list[Record]) -> list[Record]:
        kept = [record for record in old if record.sent_ns is not None and record.sent_ns < WINDOW_END_NS]
        kept = [replace(record, done_ns=min(record.done_ns, WINDOW_END_NS - 1)) for record in kept]
        last = {record.worker: record for record in kept}
        return kept + [
            replace(
                each, id=len(kept) + number, outcome="unfinished", intended_ns=WINDOW_END_NS - 1,
                sent_ns=WINDOW_END_NS, done_ns=WINDOW_END_NS + 1, chunks=(),
            )
            for number, each in enumerate(last.values())
        ]  # fmt: skip

    said = issues("load.unfinished", records(change), facts(duration_ns=WINDOW_END_NS + late_ns))
    assert [words for words in said if "waited for an answer" in words] == (
        ["the load ended while all 2 workers waited for an answer (2 were cut)"] if found else []
    )


def test_idle_workers_are_no_pause_after_a_failure() -> None:
    """What failures cost is known to the nanosecond, so all the rest counts: here half of the users are gone."""
    files = run_files({3: "http_status", 4: "http_status"})
    assert issues_of(files, "load.busy") == []
    in_records(without_worker(1, 4))(files)
    assert len(issues_of(files, "load.busy")) == 1


def issues_of(files: Files, rule: str) -> list[str]:
    derive(files)
    found = run_verdict(files).findings
    return [finding.message for finding in found if finding.rule == rule and BATCHED in finding.where]


def test_taking_records_out_never_improves_the_label() -> None:
    """From the end, one after the other."""
    for count in (1, 2, 3, 5, 8):
        assert bundle_verdict(changed(without_the_last(count))).label != "consistent"
