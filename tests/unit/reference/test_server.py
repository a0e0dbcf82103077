"""kit.reference.server: a real endpoint on loopback, through the kit's load generator and by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from kit.reference.shapes import text_of
from tests.support.scripted import (
    MS,
    answer,
    behaving,
    chat_request,
    connected,
    exchange,
    in_process,
    in_thread,
    loaded,
    read_truths,
)

LOOSE_NS = 20 * MS


# --- through the load generator -------------------------------------------------------------------------


def test_records_of_the_load_generator_agree_with_the_truth(tmp_path: Path) -> None:
    """Salts match requests, tokens are all there; ttft and span of most are near what really happened."""
    path = tmp_path / "truth.jsonl"
    with in_process("--ttft-ms", "40", "--itl-ms", "4", truth=path) as url:
        records = loaded(url, requests=6, concurrency=3, tokens=10)
    truths = {truth.salt: truth for truth in read_truths(path)}
    assert len(truths) == len(records) == 6
    ttft_errors, span_errors = [], []
    for record in records:
        truth = truths[record.salt]
        assert (record.outcome, record.completion_tokens, truth.tokens) == ("ok", 10, 10)
        assert truth.due_ns == truth.received_ns + 40 * MS
        assert record.sent_ns is not None
        ttft_ns = record.chunks[0][0] - record.sent_ns
        ttft_errors.append(abs(ttft_ns - (truth.sent[0][0] - truth.received_ns)))
        span_ns = record.chunks[-1][0] - record.chunks[0][0]
        span_errors.append(abs(span_ns - (truth.sent[-1][0] - truth.sent[0][0])))
    assert median(ttft_errors) < LOOSE_NS
    assert median(span_errors) < LOOSE_NS


def test_no_chunk_leaves_before_it_is_due(tmp_path: Path) -> None:
    """And each is stamped, with its tokens."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=5, itl_ms=1, tokens_per_chunk=3), path) as url:
        loaded(url, requests=4, concurrency=2, tokens=10)
    for truth in read_truths(path):
        assert truth.due_ns is not None
        assert [tokens for _, tokens in truth.sent] == [3, 3, 3, 1]
        dues = [truth.due_ns + after * MS for after in (0, 3, 6, 7)]
        assert all(stamp >= due for (stamp, _), due in zip(truth.sent, dues, strict=True))
        assert truth.finished_ns is not None
        assert truth.finished_ns >= truth.sent[-1][0]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error-event", "error_event"),
        ("cut", "truncated"),
        ("stall", "timeout_idle"),
        ("status-500", "http_status"),
        ("status-429", "http_status"),
        ("slow-headers", None),
        ("reset", "protocol"),
        ("no-answer", "timeout_first"),
        ("no-usage", None),
        ("replay", None),
        ("garbage", "protocol"),
        ("empty", "empty"),
    ],
)
def test_faults_happen_to_the_requests_said(tmp_path: Path, fault: str, error: str | None) -> None:
    """Every second of four, as the load generator sees it and as the log says."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(f"{fault}:2", itl_ms=0.1), path) as url:
        records = loaded(url, requests=4, idle_ms=400 if fault in ("stall", "no-answer") else 10_000)
    assert [record.error for record in records] == [None, error, None, error]
    truths = read_truths(path)
    assert [truth.fault for truth in truths] == [None, fault, None, fault]
    assert [truth.salt for truth in truths] == [record.salt for record in records]
    for truth, record in zip(truths, records, strict=True):
        expected = {"replay": 8, "no-usage": 8, "slow-headers": 8}
        half = 4 if fault in ("error-event", "cut", "stall", "reset", "garbage") else 0
        assert truth.tokens == (expected.get(fault, half) if truth.fault else 8)
        assert (truth.finished_ns is None) == (truth.fault in ("stall", "no-answer"))
        assert record.error is not None or record.text_chars == len(text_of(0, 8))


@pytest.mark.parametrize("shape", ["llamacpp", "ollama", "vllm", "realizar"])
def test_every_shape_arrives_over_the_wire(shape: str) -> None:
    """At full speed, many blocks long."""
    with in_thread(behaving(ttft_ms=0, itl_ms=0, shape=shape)) as url:
        records = loaded(url, requests=4, concurrency=2, tokens=2000)
    assert {(record.outcome, record.text_chars, len(record.chunks)) for record in records} == {
        ("ok", len(text_of(0, 2000)), 2000)
    }


def test_a_server_that_closes_after_each_answer_is_met_with_new_connections() -> None:
    """Although it announced to keep them."""
    with in_thread(behaving(close_after_answer=True)) as url:
        records = loaded(url, requests=4)
    assert [record.outcome for record in records] == ["ok"] * 4
    assert all(record.connect_ns is not None for record in records)
    with in_thread(behaving()) as url:
        kept = loaded(url, requests=4)
    assert [record.connect_ns is None for record in kept] == [False, True, True, True]


def test_hundreds_of_streams_at_once_are_all_answered() -> None:
    """None is lost when all connect in one moment."""
    with in_thread(behaving(ttft_ms=50, itl_ms=5)) as url:
        records = loaded(url, requests=300, concurrency=300, tokens=5)
    assert [record.outcome for record in records] == ["ok"] * 300


# --- queues and batches ---------------------------------------------------------------------------------


def test_a_serial_endpoint_serves_one_after_another_on_an_exact_schedule(tmp_path: Path) -> None:
    """Three at once: each is due a whole service time after the one before, however late that was."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=20, itl_ms=1, batching="serial"), path) as url:
        loaded(url, requests=3, concurrency=3, tokens=6)
    dues = [truth.due_ns or 0 for truth in read_truths(path)]
    assert [after - before for before, after in pairwise(dues)] == [25 * MS] * 2


def test_streams_of_a_continuous_batch_are_due_at_common_steps(tmp_path: Path) -> None:
    """All first texts stand whole steps apart, and none before its ttft."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=10, itl_ms=3, batching="continuous"), path) as url:
        loaded(url, requests=8, concurrency=4, tokens=20)
    truths = read_truths(path)
    firsts = [truth.due_ns or 0 for truth in truths]
    assert all(due >= truth.received_ns + 10 * MS for due, truth in zip(firsts, truths, strict=True))
    together = sorted(firsts[:4])
    assert {(due - together[0]) % (3 * MS) for due in together} == {0}


def test_who_leaves_the_queue_or_a_slot_makes_room(tmp_path: Path) -> None:
    """The first stalls its slot only until it goes; one that waited and went is never served."""
    path = tmp_path / "truth.jsonl"
    with in_thread(behaving(ttft_ms=300, itl_ms=1, batching="serial"), path) as url:
        first, second, third = (connected(url) for _ in range(3))
        for sock in (first, second, third):
            sock.sendall(chat_request())
        with connected(url) as other:
            for gone in (None, second, first):
                if gone is not None:
                    gone.close()
                exchange(other, b"GET /health HTTP/1.1\r\n\r\n")  # so that the endpoint has seen it all
        assert answer(third).complete
        third.close()
    truths = read_truths(path)
    assert [(truth.tokens, truth.finished_ns is None) for truth in truths] == [(0, True), (0, True), (4, False)]
