"""kit.reference.response_plan: what is sent, in each shape and with each fault, as our own readers see it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Answer, Exchange, PlannedRequest, Record, Usage
from kit.loadgen.http1 import ResponseFramer
from kit.reference.faults import FAULTS, Fault
from kit.reference.requests import Ask
from kit.reference.response_plan import ResponsePlan, response_plan
from kit.reference.shapes import WORDS, Shape, script, text_of
from kit.stream.record import parse, record
from tests.support.scripted import behaving

ASK = Ask(tokens=9, stream=True, include_usage=True, salt=None, prompt_tokens=7)
SHAPES: tuple[Shape, ...] = get_args(Shape)
EARLY, FIRST, REST = 1, 2, 3  # stamps: at once, with the first text, after it


def told(shape: Shape, ask: Ask = ASK, fault: Fault | None = None, tokens_per_chunk: int = 1) -> ResponseFramer:
    """The whole answer to request 1, read as the load generator does; it ends with the connection."""
    plan = response_plan(behaving(shape=shape, tokens_per_chunk=tokens_per_chunk), ask, 1, fault, close=False)
    assert plan is not None
    framer = ResponseFramer()
    for stamp, data in sent(plan, shape):
        if data and not framer.complete:
            framer.feed(stamp, data)
    if plan.after != "keep":
        framer.eof(REST)
    return framer


def sent(plan: ResponsePlan, shape: Shape) -> list[tuple[int, bytes]]:
    words = script(shape, plan.tokens_per_chunk, 1 << 16)
    texts = [words.texts(chunk, 1) for chunk in range(plan.full)] + [plan.last]
    rest = [(REST, data) for data in texts[1:]]
    return [(EARLY, plan.early), (FIRST, plan.opening + texts[0]), *rest]


def answer_of(framer: ResponseFramer) -> Answer:
    return parse(framer.pieces)


def judged(framer: ResponseFramer) -> Record:
    """What the load generator would make of the answer."""
    exchange = Exchange(
        id=0,
        worker=0,
        intended_ns=0,
        connect_ns=None,
        sent_ns=0,
        headers_ns=framer.headers_ns,
        done_ns=9,
        status=framer.status,
        pieces=tuple(framer.pieces),
        complete=framer.complete,
        failure=None,
        failure_detail="",
        unfinished=False,
    )
    return record(exchange, PlannedRequest(0, 0, "0" * 16, ASK.tokens))[0]


# --- shapes ---------------------------------------------------------------------------------------------


@given(st.sampled_from(SHAPES), st.integers(1, 60), st.integers(1, 20))
def test_every_shape_is_read_to_the_last_token(shape: Shape, tokens: int, per_chunk: int) -> None:
    """Text, chunks, finish reason, end and connection, for any length and any tokens per chunk."""
    framer = told(shape, replace(ASK, tokens=tokens), tokens_per_chunk=per_chunk)
    answer = answer_of(framer)
    assert answer.text == text_of(0, tokens)
    assert len(answer.chunks) == -(-tokens // per_chunk)
    assert answer.finish_reason == ("stop" if shape == "realizar" else "length")
    assert (answer.done_seen, answer.error, answer.model) == (True, None, "reference")
    assert (framer.status, framer.complete, framer.keep_alive, framer.error) == (200, True, True, None)


@pytest.mark.parametrize(
    ("shape", "usage", "predicted"),
    [
        ("llamacpp", Usage(7, 9, 0), 9),
        ("ollama", Usage(7, 9, None), None),
        ("vllm", Usage(7, 9, None), None),
        ("realizar", None, None),
    ],
)
def test_counts_come_as_each_runtime_gives_them(shape: Shape, usage: Usage | None, predicted: int | None) -> None:
    """Usage where asked for (realizar has none), timings of llama.cpp whether asked for or not."""
    answer = answer_of(told(shape))
    assert (answer.usage, answer.predicted_tokens) == (usage, predicted)
    unasked = answer_of(told(shape, replace(ASK, include_usage=False)))
    assert (unasked.usage, unasked.predicted_tokens) == (None, predicted)
    assert unasked.text == answer.text


@pytest.mark.parametrize(
    ("shape", "head", "event"),
    [
        ("llamacpp", FIRST, FIRST),
        ("ollama", FIRST, FIRST),
        ("vllm", EARLY, FIRST),
        ("realizar", EARLY, EARLY),
    ],
)
def test_what_comes_before_the_first_text_is_as_in_each_runtime(shape: Shape, head: int, event: int) -> None:
    """The head and the role of realizar before prefill, of vLLM the head alone; text never early."""
    framer = told(shape)
    answer = answer_of(framer)
    assert (framer.headers_ns, answer.first_event_ns, answer.chunks[0][0]) == (head, event, FIRST)


def test_the_finish_reason_stands_where_each_runtime_puts_it() -> None:
    """On the last text in vLLM, in a chunk of its own elsewhere; Ollama repeats the role beside each text."""
    bodies = {shape: b"".join(data for _, data in told(shape).pieces) for shape in SHAPES}
    last = WORDS[8].encode()
    assert b'"content":"' + last + b'"},"logprobs":null,"finish_reason":"length"' in bodies["vllm"]
    assert b'"finish_reason":"length","index":0,"delta":{}' in bodies["llamacpp"]
    assert b'"delta":{},"finish_reason":"stop"' in bodies["realizar"]
    assert [bodies[shape].count(b'"role"') for shape in SHAPES] == [1, 10, 1, 1]


def test_the_head_of_llamacpp_ends_as_the_last_chunk_of_a_body_begins() -> None:
    """A client that looks for 0 CR LF CR LF would take the head for the end."""
    plan = response_plan(behaving(), ASK, 1, None, close=False)
    assert plan is not None
    assert b"max=100\r\n\r\n" in plan.opening


@given(st.integers(0, 50), st.integers(1, 30), st.integers(1, 9))
def test_a_block_of_chunks_is_what_the_single_chunks_are(chunk: int, chunks: int, per_chunk: int) -> None:
    """Sent at once or one by one, the bytes are the same."""
    words = script("ollama", per_chunk, 1 << 13)
    chunks = min(chunks, words.block)
    assert words.texts(chunk, chunks) == b"".join(words.texts(chunk + n, 1) for n in range(chunks))
    assert len(words.texts(chunk, words.block)) <= max(1 << 13, len(words.texts(0, 1)))


def test_an_answer_that_is_no_stream_has_text_and_usage() -> None:
    """One JSON document, after the time of all its chunks."""
    plan = response_plan(behaving(tokens_per_chunk=2), replace(ASK, stream=False), 3, None, close=True)
    assert plan is not None
    framer = ResponseFramer()
    assert framer.feed(0, plan.last)
    assert (framer.keep_alive, framer.headers["x-request"]) == (False, "3")
    assert text_of(0, 9).encode() in framer.pieces[0][1]
    assert b'"completion_tokens":9' in framer.pieces[0][1]
    assert (plan.silent, plan.last_tokens, plan.after) == (4, 9, "close")


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("cut", "truncated"),
        ("reset", "truncated"),
        ("stall", "truncated"),
        ("status-500", "http_status"),
        ("status-429", "http_status"),
        ("slow-headers", None),
        ("no-usage", None),
        ("replay", None),
        ("garbage", "protocol"),
        ("empty", "empty"),
    ],
)
def test_each_fault_is_what_its_name_says(shape: Shape, fault: Fault, outcome: str | None) -> None:
    """As the load generator judges it, in every shape."""
    found = judged(told(shape, fault=fault))
    assert (found.error, found.outcome) == (outcome, "failed" if outcome else "ok")


@pytest.mark.parametrize(
    ("shape", "outcome", "done"),
    [
        ("llamacpp", "error_event", False),
        ("ollama", "truncated", False),
        ("vllm", "error_event", True),
        ("realizar", "error_event", True),
    ],
)
def test_an_error_in_mid_stream_is_told_as_each_runtime_does(shape: Shape, outcome: str, done: bool) -> None:
    """Ollama swallows it; vLLM and realizar end with [DONE] all the same; half of the text is there."""
    framer = told(shape, fault="error-event")
    found = judged(framer)
    assert (found.error, found.done_seen, found.text_chars) == (outcome, done, len(text_of(0, 4)))
    assert framer.complete


def test_without_usage_the_chunks_are_what_is_left_to_count() -> None:
    """Neither usage nor timings."""
    assert judged(told("llamacpp", fault="no-usage")).token_source == "chunks"
    assert judged(told("llamacpp")).token_source == "usage"


@pytest.mark.parametrize("tokens", [1, 2, 3])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_in_the_shortest_answers_counts_its_tokens_right(shape: Shape, fault: Fault, tokens: int) -> None:
    """Half of one chunk is none: as many tokens as the plan says are in its bytes."""
    plan = response_plan(behaving(shape=shape), replace(ASK, tokens=tokens), 1, fault, close=False)
    if plan is None:
        assert fault == "no-answer"
        return
    body = b"".join(data for _, data in sent(plan, shape))
    assert sum(body.count(b'"content":"' + word.encode()) for word in WORDS[:3]) == plan.full + plan.last_tokens


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "no-answer"])
def test_what_becomes_of_the_connection_is_the_same_with_and_without_a_stream(fault: Fault, stream: bool) -> None:
    """Closed, reset or left hanging by three faults, kept by all others; a refusal needs no slot."""
    plan = response_plan(behaving(), replace(ASK, stream=stream), 1, fault, close=False)
    assert plan is not None
    assert plan.after == {"cut": "close", "reset": "reset", "stall": "hang"}.get(fault, "keep")
    assert plan.at_once == fault.startswith("status")


@pytest.mark.parametrize(
    ("fault", "status", "complete", "tokens"),
    [
        ("cut", 200, False, 0),
        ("error-event", 500, True, 0),
        ("garbage", 200, True, 9),
        ("empty", 200, True, 0),
        ("no-usage", 200, True, 9),
    ],
)
def test_faults_have_their_like_in_answers_that_are_no_stream(
    fault: Fault, status: int, complete: bool, tokens: int
) -> None:
    """An error is a status, half of a body is cut, garbage is no JSON."""
    plan = response_plan(behaving(), replace(ASK, stream=False), 1, fault, close=False)
    assert plan is not None
    framer = ResponseFramer()
    assert framer.feed(0, plan.last) == complete
    assert (framer.status, framer.error, plan.last_tokens) == (status, None, tokens)
    body = b"".join(data for _, data in framer.pieces)
    assert (b"usage" in body) == (fault == "empty")
    assert body.endswith(b"}") == (fault in ("error-event", "empty", "no-usage"))


def test_a_replayed_answer_waits_for_its_last_token() -> None:
    """And so does slow-headers for its head."""
    behaviour = behaving(tokens_per_chunk=2)
    replayed = response_plan(behaviour, ASK, 1, "replay", close=False)
    slow = response_plan(behaviour, ASK, 1, "slow-headers", close=False)
    assert replayed is not None
    assert slow is not None
    assert (replayed.silent, slow.silent, slow.slow_head) == (4, 0, True)
    assert slow.early.endswith(b"\r\n\r\n")
