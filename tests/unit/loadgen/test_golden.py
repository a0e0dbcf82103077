"""kit.loadgen and kit.stream.record against the truth log of the reference endpoint: every shape, every fault."""

from __future__ import annotations

from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import get_args

import pytest

from kit.documents import Record
from kit.metrics.aggregate import cell_metrics
from kit.reference.faults import FAULTS, Fault
from kit.reference.shapes import Shape
from kit.reference.truth import Truth
from tests.support.hostile import Ran, asked, carried_out, limits, verdict
from tests.support.scripted import MS, behaving, in_thread, read_truths

SHAPES: tuple[Shape, ...] = get_args(Shape)
TOKENS, HALF = 8, 4
Seen = tuple[str, int, int | None, str | None, str | None, bool]
Pair = tuple[Record, Truth]


def paired(ran: Ran, path: Path) -> list[Pair]:
    """Each record with what the endpoint knows of its request, by the salt."""
    truths = {truth.salt: truth for truth in read_truths(path)}
    return [(record, truths[record.salt]) for record in ran.records if record.salt in truths]


def origin_ns(pairs: list[Pair]) -> float:
    """The origin of the records on the clock of the truths: the middle of all chunks."""
    return median(
        sent_ns - chunk[0]
        for record, truth in pairs
        for chunk, (sent_ns, _) in zip(record.chunks, truth.sent, strict=False)
    )


# --- faults ---------------------------------------------------------------------------------------------


def one_of_each(shape: Shape, folder: Path) -> dict[Fault | None, Pair]:
    """One load with a request for each fault and one without: request n + 2 has fault n, the first has none."""
    rules = [f"{fault}:{place + 2}" for place, fault in enumerate(FAULTS)]
    path = folder / f"{shape}.jsonl"
    count = len(FAULTS) + 1
    with in_thread(behaving(*reversed(rules), ttft_ms=5, itl_ms=2, shape=shape), path) as url:
        wanted = limits(first_ms=500, idle_ms=200)
        ran = carried_out(asked(url, requests=count, concurrency=count, timeouts=wanted, tokens=(TOKENS, TOKENS)))
    return {truth.fault: (record, truth) for record, truth in paired(ran, path)}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[Shape, dict[Fault | None, Pair]]:
    folder = tmp_path_factory.mktemp("truths")
    with ThreadPoolExecutor(len(SHAPES)) as pool:
        return dict(zip(SHAPES, pool.map(lambda shape: one_of_each(shape, folder), SHAPES), strict=True))


def expected(shape: Shape, fault: Fault | None) -> Seen:
    """Verdict, chunks, tokens and their source, finish reason, whether [DONE] was seen."""
    finish = "stop" if shape == "realizar" else "length"
    counted = "chunks" if shape == "realizar" or fault == "no-usage" else "usage"
    halves = {
        "cut": "truncated",
        "stall": "timeout_idle",
        "reset": "protocol",
        "garbage": "protocol",
        "error-event": "truncated" if shape == "ollama" else "error_event",
    }
    nothing = {"status-500": "http_status", "status-429": "http_status", "no-answer": "timeout_first"}
    if fault in halves:
        # After an error realizar goes on to its usual end, and vLLM says [DONE].
        ended = fault == "error-event" and shape in ("realizar", "vllm")
        said = "stop" if ended and shape == "realizar" else None
        return halves[fault], HALF, HALF, "chunks", said, ended
    if fault in nothing:
        return nothing[fault], 0, None, None, None, False
    if fault == "empty":
        return "empty", 0, None, None, finish, True
    return "ok", TOKENS, TOKENS, counted, finish, True


@pytest.mark.parametrize("fault", [None, *FAULTS])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_fault_of_every_shape_is_judged_as_what_it_was(
    shape: Shape, fault: Fault | None, answers: dict[Shape, dict[Fault | None, Pair]]
) -> None:
    """And the chunks of the record are those that left the endpoint."""
    record, truth = answers[shape][fault]
    seen = (len(record.chunks), record.completion_tokens, record.token_source, record.finish_reason)
    assert (verdict(record), *seen, record.done_seen) == expected(shape, fault)
    assert [len(truth.sent), truth.tokens] == [len(record.chunks)] * 2
    assert (truth.finished_ns is None) == (fault in ("stall", "no-answer"))
    assert (record.error is None) == (record.error_detail == "")
    statuses = {"status-500": 500, "status-429": 429, "no-answer": None}
    assert record.status == statuses.get(fault or "", 200)


@pytest.mark.parametrize("shape", SHAPES)
def test_several_tokens_in_a_chunk_are_counted_by_usage(shape: Shape) -> None:
    """Eight tokens in chunks of three; where there is no usage the chunks are all there is."""
    with in_thread(behaving(ttft_ms=0, itl_ms=0, shape=shape, tokens_per_chunk=3)) as url:
        ran = carried_out(asked(url))
    record = ran.records[0]
    counted = (3, "chunks") if shape == "realizar" else (8, "usage")
    assert (len(record.chunks), record.completion_tokens, record.token_source) == (3, *counted)


# --- time -----------------------------------------------------------------------------------------------

LOOSE_NS = 200 * MS  # the endpoint shares this interpreter, and this machine may be busy


@pytest.mark.parametrize("shape", SHAPES)
def test_times_are_those_of_the_truth(shape: Shape, tmp_path: Path) -> None:
    """Never shorter, and gaps closer than the endpoint's own lateness; loosely, for this is no benchmark."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=15, itl_ms=3, shape=shape), path) as url:
        ran = carried_out(asked(url, requests=4, concurrency=2))
    pairs = paired(ran, path)
    assert len(pairs) == 4
    gaps = []
    for record, truth in pairs:
        assert record.sent_ns is not None
        late_ns = record.chunks[0][0] - record.sent_ns - (truth.sent[0][0] - truth.received_ns)
        assert -MS < late_ns < LOOSE_NS
        assert truth.sent[0][0] - truth.received_ns >= 15 * MS
        here = [later[0] - earlier[0] for earlier, later in pairwise(record.chunks)]
        there = [later[0] - earlier[0] for earlier, later in pairwise(truth.sent)]
        gaps += [abs(one - other) for one, other in zip(here, there, strict=True)]
    assert median(gaps) < (MS if ran.run.stamp_source == "kernel" else LOOSE_NS)


def test_the_tokens_of_a_window_are_those_that_left_within_it(tmp_path: Path) -> None:
    """Exactly, but for what left within 5 ms of an edge."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=10, itl_ms=2), path) as url:
        load = asked(
            url,
            requests=None,
            concurrency=3,
            warmup_ns=40 * MS,
            window_ns=150 * MS,
            drain_ns=2_000 * MS,
            tokens=(5, 20),
        )
        ran = carried_out(load)
    window = ran.run.window
    assert window is not None
    assert (window.start_ns, window.end_ns) == (40 * MS, 190 * MS)
    pairs = paired(ran, path)
    stamps = sorted(sent_ns - origin_ns(pairs) for _, truth in pairs for sent_ns, _ in truth.sent)
    metrics = cell_metrics(ran.records, window, open_loop=False)
    tokens = round((metrics.throughput_tok_s or 0) * 0.15)
    inner, outer = (
        bisect_left(stamps, window.end_ns + edge) - bisect_left(stamps, window.start_ns - edge)
        for edge in (-5 * MS, 5 * MS)
    )
    assert 0 < inner <= tokens <= outer
    assert metrics.mean_in_flight is not None
    assert 2 < metrics.mean_in_flight <= 3


def test_what_is_in_flight_at_the_end_is_unfinished_with_what_had_come(tmp_path: Path) -> None:
    """No drain: as many as there are workers, and the endpoint saw all of them leave."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=5, itl_ms=5), path) as url:
        ran = carried_out(
            asked(url, requests=None, concurrency=5, window_ns=60 * MS, drain_ns=0, tokens=(200, 200))
        )
    pairs = paired(ran, path)
    assert [verdict(record) for record, _ in pairs] == ["unfinished"] * 5
    assert [truth.finished_ns for _, truth in pairs] == [None] * 5
    for record, truth in pairs:
        assert 0 < len(record.chunks) <= len(truth.sent)
        assert (record.completion_tokens, record.token_source) == (len(record.chunks), "chunks")
        missed = [sent_ns for sent_ns, _ in truth.sent[len(record.chunks) :]]
        assert all(sent_ns - origin_ns(pairs) > record.done_ns - 5 * MS for sent_ns in missed)
