"""Loads made from nothing: a closed loop that keeps the schedule, with paces that somebody thought up."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from benchmarks.drill.forging import Loot, lengthened
from kit.documents import Cell, Record
from kit.plan.schedule import planned_request

SENT_NS, CONNECT_NS, HEADERS_NS, TAIL_NS = 300_000, 100_000, 1_500_000, 40_000
# When a request is sent, and how many tokens it has: when its chunks come.
Pace = Callable[[int, int], list[int]]


def made(loot: Loot, name: str, pace: Pace) -> None:
    """Give a cell records, texts and an end that this pace would have had."""
    cell, model = loot.cells[name], _model(loot.records[name])
    found, over_ns = _requests(loot, cell, pace, model)
    lengthened(loot, name, over_ns)
    facts = loot.cells[name].facts
    assert facts is not None
    loot.cells[name] = replace(loot.cells[name], facts=replace(facts, stale_retries=0))
    loot.records[name] = [record for record, _ in found]
    loot.texts[name] = [text for _, text in found]


def _model(records: list[Record]) -> str | None:
    return next((record.model for record in records if record.model), None)


def _requests(loot: Loot, cell: Cell, pace: Pace, model: str | None) -> tuple[list[tuple[Record, str]], int]:
    load, plan = cell.load, loot.plan
    assert load is not None
    assert load.window_ns is not None
    end_ns = load.warmup_ns + load.window_ns
    workers = [(0, worker) for worker in range(cell.concurrency or 1)]
    over_ns, found = end_ns, list[tuple[Record, str]]()
    while True:
        intended_ns, worker = heapq.heappop(workers)
        if intended_ns >= over_ns:
            break
        planned = planned_request(
            plan.seed, load.lane, len(found), plan.prompts.count, plan.workload.output_tokens
        )
        times = pace(intended_ns + SENT_NS, planned.max_tokens)
        first = intended_ns == 0
        record = Record(
            id=planned.id, worker=worker, prompt=planned.prompt, salt=planned.salt, max_tokens=planned.max_tokens,
            intended_ns=intended_ns, connect_ns=CONNECT_NS if first else None, sent_ns=intended_ns + SENT_NS,
            headers_ns=intended_ns + HEADERS_NS, first_event_ns=times[0], done_ns=times[-1], status=200,
            outcome="ok", error=None, error_detail="", finish_reason="length", done_seen=True,
            prompt_tokens=60 + planned.prompt % 9, completion_tokens=planned.max_tokens, cached_tokens=0,
            token_source="usage", model=model, text_chars=0, text_sha256="", chunks=(), chunk_tokens=None,
        )  # fmt: skip
        found.append(_with_text(record, times))
        if intended_ns + SENT_NS < end_ns:
            over_ns = max(over_ns, times[-1])
        heapq.heappush(workers, (times[-1], worker))
    over_ns += TAIL_NS
    return [_cut(record, text, over_ns) for record, text in found if record.intended_ns < over_ns], over_ns


def _with_text(record: Record, times: list[int]) -> tuple[Record, str]:
    """A text that nobody generated, a word a chunk."""
    words = [f" {record.salt[at % 12 : at % 12 + 4]}{at}" for at in range(len(times))]
    text = "".join(words)
    chunks = tuple((at, len(word), 0) for at, word in zip(times, words, strict=True))
    digest = sha256(text.encode()).hexdigest()
    return replace(record, text_chars=len(text), text_sha256=digest, chunks=chunks), text


def _cut(record: Record, text: str, over_ns: int) -> tuple[Record, str]:
    """What the end of the load leaves of a request."""
    if record.done_ns <= over_ns:
        return record, text
    chunks = tuple(chunk for chunk in record.chunks if chunk[0] <= over_ns)
    text = text[: sum(chunk[1] for chunk in chunks)]
    headers = record.headers_ns if record.headers_ns is not None and record.headers_ns <= over_ns else None
    cut = replace(
        record, outcome="unfinished", done_ns=over_ns, done_seen=False, finish_reason=None, prompt_tokens=None,
        completion_tokens=len(chunks) or None, cached_tokens=None, token_source="chunks" if chunks else None,
        text_chars=len(text), text_sha256=sha256(text.encode()).hexdigest(), chunks=chunks, headers_ns=headers,
        status=200 if headers is not None else None, model=record.model if chunks else None,
        first_event_ns=chunks[0][0] if chunks else None,
    )  # fmt: skip
    return cut, text
