"""Rules about numbers and the records they come from: recomputed by the maker's own functions, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from kit.documents import Record
from kit.metrics.aggregate import sent_in
from kit.metrics.results import make_result
from kit.storage.names import PLAN, RECORDS, RESULT, TEXTS
from kit.stream.record import is_success
from kit.verify.difference import differences
from kit.verify.evidence import Evidence
from kit.verify.recompute import recomputed_failures, recomputed_metrics
from kit.verify.rule import Issue, Steps, rule
from kit.verify.views import Loaded, client_loads, counting_cells, eps_ns, loaded_cells


@rule("metrics.recomputed", "reject", "cells", "Every number of a cell follows from its records, bit for bit")
def metrics_recomputed(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        if loaded.cell.metrics is not None:
            yield 1
            yield from (Issue(f"{loaded.where}: metrics", words) for words in _metric_faults(loaded))
        # Loads of the first method are from before reasons were kept, and may have none.
        if loaded.facts.failures is not None or loaded.load.method > 1:
            expected = recomputed_failures(loaded.found.files)
            for words in differences(expected, loaded.facts.failures):
                yield Issue(f"{loaded.where}: facts.failures", words)


def _metric_faults(loaded: Loaded) -> Iterator[str]:
    if loaded.window is None:
        yield "cannot be: there is no window they could come from"
        return
    try:
        expected = recomputed_metrics(loaded.found.files)
    except (ArithmeticError, LookupError):
        # Records against the rules of records.outcome; numbers of such records mean nothing.
        yield "cannot be computed from these records"
        return
    yield from differences(expected, loaded.cell.metrics)


@rule("metrics.result", "reject", "lines and rows", "result.json is what the plan and the cells give, bit for bit")
def metrics_result(evidence: Evidence) -> Steps:
    result, plan = evidence.result, evidence.plan
    if result is None or plan is None:
        return
    yield len(result.cells) + len(result.rows)
    cells = {found.planned.id: found.cell for found in counting_cells(evidence)}
    expected = make_result(plan, sha256(evidence.files[PLAN]).hexdigest(), cells, evidence.calibration)
    yield from (Issue(RESULT, words) for words in differences(expected, result))


@rule(
    "records.complete", "reject", "records", "Request ids are 0 to N-1, and records and texts are those first kept"
)
def records_complete(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield len(loaded.records)
        facts, place = loaded.facts, loaded.found.file
        if len(loaded.records) != facts.requests:
            yield Issue(place(RECORDS), f"has {len(loaded.records)} records, the load had {facts.requests}")
        ids = zip(loaded.records, loaded.request_ids, strict=False)
        wrong = next(((at, record.id, id_) for at, (record, id_) in enumerate(ids, 1) if record.id != id_), None)
        if wrong is not None:
            yield Issue(place(RECORDS), f"line {wrong[0]} is of request {wrong[1]}, not {wrong[2]}")
        for file, digest in ((RECORDS, facts.records_sha256), (TEXTS, facts.texts_sha256)):
            data = evidence.files.get(place(file))
            if data is not None and sha256(data).hexdigest() != digest:
                yield Issue(place(file), "has another sha256 than the load left behind")


@rule("records.outcome", "reject", "records", "Outcome, error, status, text and token count of a record agree")
def records_outcome(evidence: Evidence) -> Steps:
    for loaded in loaded_cells(evidence):
        yield len(loaded.records)
        for record in loaded.records:
            yield from (Issue(loaded.of(record), why) for why in _outcome_faults(record, loaded.load.method))


def _outcome_faults(record: Record, method: int) -> Iterator[str]:
    if method == 1 and _says_more(record):
        yield "says of its tokens or stream what no record of the first method says"
    if (record.outcome == "failed") != (record.error is not None):
        yield f"is {record.outcome} with the error {record.error}"
    if (record.completion_tokens is None) != (not record.chunks):
        yield "counts tokens without text, or text without tokens"
    if (record.completion_tokens is None) != (record.token_source is None):
        yield "has a token count without a source, or a source without a count"
    if record.outcome == "ok":
        yield from (f"is ok, but {what}" for what in _missing(record))
    if record.count_fault is not None and (
        record.token_source in (None, "usage") or record.chunk_tokens is not None
    ):
        yield "says that its usage was not believed, and counts by it"
    if (record.untimed_tokens or 0) > max(0, (record.completion_tokens or 0) - 1):
        yield "has no token that belongs to its text"
    # Before method 2 no other status than 200 was one of success.
    good = record.status == 200 or (method > 1 and is_success(record.status))
    if record.error == "http_status" and (record.status is None or good):
        yield "failed by its HTTP status, but has none that is an error"
    if record.error in ("connect", "empty") and record.chunks:
        yield f"failed as {record.error}, but has text"


def _says_more(record: Record) -> bool:
    """Whether a record has a member that came with the second method."""
    return bool(record.dialect or record.count_fault) or (record.reasoning_tokens, record.untimed_tokens) != (
        None,
        0,
    )


def _missing(record: Record) -> Iterator[str]:
    """What an ok record lacks of what makes it ok (see kit.stream.record)."""
    if not is_success(record.status):
        yield "its status is none of success"
    if record.finish_reason is None:
        yield "it has no finish reason"
    if record.done_seen == ("no-done" in record.dialect):
        yield "the end of its stream was not seen"
    if not record.chunks or not record.completion_tokens:
        yield "it has no text or no tokens"
    if None in (record.sent_ns, record.headers_ns, record.first_event_ns):
        yield "it lacks a stamp"


@rule(
    "records.accounting", "reject", "records", "Only the end of the load cuts requests, none of them in the window"
)
def records_accounting(evidence: Evidence) -> Steps:
    for loaded in client_loads(evidence):
        yield len(loaded.records)
        if loaded.facts.interrupted:
            continue
        yield from _cut_early(loaded)
        yield from _cut_in_window(loaded)


def _cut_early(loaded: Loaded) -> Iterator[Issue]:
    """All unfinished requests are cut at one moment, and nothing ends after it."""
    last_end_ns = max((r.done_ns for r in loaded.records if r.outcome != "unfinished"), default=0)
    for record in loaded.records:
        if record.outcome == "unfinished" and record.done_ns + eps_ns(loaded) < last_end_ns:
            yield Issue(loaded.of(record), "is unfinished, but other requests ended later: it was not cut")


def _cut_in_window(loaded: Loaded) -> Iterator[Issue]:
    """A request sent before the window ends is followed to its end, unless the drain ran out."""
    window = loaded.window
    if window is None or loaded.facts.duration_ns >= window.end_ns + loaded.load.drain_ns:
        return
    for record in loaded.records:
        sent_ns = record.sent_ns
        if record.outcome == "unfinished" and sent_ns is not None and sent_ns < window.end_ns:
            when = "in the window" if sent_in(record, window) else "in the warm-up"
            yield Issue(loaded.of(record), f"was sent {when} and is unfinished, but there was time to drain")


RULES = (metrics_recomputed, metrics_result, records_complete, records_outcome, records_accounting)
