"""kit.stream.record.record: how an exchange is judged and what is kept of it."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from kit.documents import CONTENT, ErrorKind, Exchange, PlannedRequest
from kit.stream.record import record
from tests.support.streams import DONE, chunk, event, llamacpp, realizar, usage

WORDS = ["Hé", "llo", " 🌍", "!"]
REQUEST = PlannedRequest(id=5, prompt=2, salt="abc", max_tokens=16)


def exchange(body: bytes = b"", status: int | None = 200, **changes: Any) -> Exchange:
    base = Exchange(
        id=5,
        worker=1,
        intended_ns=10,
        connect_ns=11,
        sent_ns=12,
        headers_ns=13,
        done_ns=99,
        status=status,
        pieces=((20, body),),
        complete=True,
    )
    return dataclasses.replace(base, **changes)


def test_a_good_exchange_is_recorded_whole() -> None:
    """Everything of the request, the exchange and the answer stands in the record; stamps are untouched."""
    kept, text = record(exchange(llamacpp(WORDS)), REQUEST)
    assert (kept.outcome, kept.error, kept.error_detail) == ("ok", None, "")
    assert text == "Héllo 🌍!"
    assert kept.text_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert kept.text_chars == 8 == sum(chars for _, chars, _ in kept.chunks)
    assert (kept.id, kept.worker, kept.prompt, kept.salt, kept.max_tokens) == (5, 1, 2, "abc", 16)
    assert (kept.intended_ns, kept.connect_ns, kept.sent_ns, kept.headers_ns) == (10, 11, 12, 13)
    assert (kept.first_event_ns, kept.done_ns, kept.chunks[0]) == (20, 99, (20, 2, CONTENT))
    assert (kept.prompt_tokens, kept.completion_tokens, kept.cached_tokens) == (7, 4, 0)
    assert (kept.token_source, kept.finish_reason, kept.done_seen, kept.model) == ("usage", "stop", True, "m")


@pytest.mark.parametrize(
    ("body", "tokens", "source"),
    [
        (llamacpp(WORDS), 4, "usage"),
        (event(chunk({"content": "a"}, timings={"predicted_n": 3})), 3, "timings"),
        (event(chunk({"content": "a"}, timings={"predicted_n": 0})), 1, "chunks"),
        (realizar(WORDS), 4, "chunks"),
        (event(chunk({"role": "assistant"}, usage=usage(1))), None, None),
        (event(chunk({"content": "a"}, usage=usage(0))), 1, "chunks"),
        (b"", None, None),
    ],
)
def test_tokens_come_from_the_best_source_there_is(body: bytes, tokens: int | None, source: str | None) -> None:
    """Usage before timings before the number of chunks; no count where nothing was generated."""
    kept, _ = record(exchange(body), REQUEST)
    assert (kept.completion_tokens, kept.token_source) == (tokens, source)


TEXT, FINISH = event(chunk({"content": "a"})), event(chunk({}, "stop"))
GOOD = TEXT + FINISH + DONE


@pytest.mark.parametrize(
    ("seen", "kind", "detail"),
    [
        (
            exchange(TEXT, failure="timeout_idle", failure_detail="60 s\nof silence"),
            "timeout_idle",
            "60 s of silence",
        ),
        (exchange(GOOD, failure="protocol", failure_detail="no chunk size"), "protocol", "no chunk size"),
        (exchange(status=None, complete=False), "truncated", "the connection ended before an answer"),
        (exchange(b'{"error":{"message":"busy"}}', 503), "http_status", "busy"),
        (exchange(b'{"error":"no model"}', 404), "http_status", "no model"),
        (exchange(b'{"detail":[{"msg":"x"}]}', 422), "http_status", "x"),
        (exchange(b"<h1>Bad\x00 Gateway</h1>", 502), "http_status", "Bad Gateway"),
        (exchange(b"\xff" * 3000, 500), "http_status", "\ufffd" * 200),
        (exchange(b"", 500), "http_status", "HTTP 500"),
        (exchange(b"", 302, failure_detail="redirected"), "http_status", "redirected"),
        (exchange(TEXT + event({"error": "oom"}) + FINISH + DONE), "error_event", "oom"),
        (exchange(TEXT + event("{") + FINISH + DONE), "protocol", "not JSON: {"),
        (exchange(FINISH + DONE), "empty", "no text came"),
        (exchange(b'{"error":"not a stream"}'), "empty", "no events: not a stream"),
        (
            exchange(TEXT + DONE),
            "truncated",
            "[DONE] without a finish reason: the server ended the answer early",
        ),
        (
            exchange(event(chunk({"role": "assistant"})) + DONE),
            "truncated",
            "[DONE] before any text and without a finish reason: the server ended the answer early",
        ),
        (
            exchange(FINISH + event({"usage": usage(40)}) + DONE),
            "empty",
            "no text came, though the server counts 40 tokens",
        ),
        (exchange(b"\x1f\x8b" + GOOD, 500), "http_status", "HTTP 500"),
        (exchange(TEXT), "truncated", "no finish reason, no [DONE]"),
        (exchange(TEXT + FINISH, complete=False), "truncated", "no [DONE], the body was cut"),
        (exchange(GOOD, complete=False), "truncated", "the body was cut"),
        (exchange(TEXT, complete=False), "truncated", "no finish reason, no [DONE], the body was cut"),
    ],
)
def test_every_fault_has_its_kind_and_words(seen: Exchange, kind: ErrorKind, detail: str | None) -> None:
    """A failed request is never ok; the first fault in the order of the rules names the kind."""
    kept, _ = record(seen, REQUEST)
    assert (kept.outcome, kept.error) == ("failed", kind)
    assert detail is None or kept.error_detail == detail
    assert kept.error_detail


def test_a_failed_stream_keeps_what_arrived() -> None:
    """Text, chunks and a count stay in the record of a request that broke off."""
    kept, text = record(exchange(TEXT + TEXT, complete=False, failure="timeout_total"), REQUEST)
    assert (text, len(kept.chunks), kept.completion_tokens, kept.token_source) == ("aa", 2, 2, "chunks")


def test_an_unfinished_request_is_no_failure() -> None:
    """It has no error, whatever the half of its stream looks like, and its tokens are its chunks."""
    kept, text = record(exchange(TEXT, complete=False, unfinished=True), REQUEST)
    assert (kept.outcome, kept.error, kept.error_detail) == ("unfinished", None, "")
    assert (text, kept.completion_tokens, kept.token_source) == ("a", 1, "chunks")
    assert record(exchange(b"", None, unfinished=True), REQUEST)[0].outcome == "unfinished"


def test_the_body_of_an_error_status_is_no_stream() -> None:
    """Events in the body of a 500 are neither text nor tokens."""
    kept, text = record(exchange(GOOD, 500), REQUEST)
    assert (text, kept.chunks, kept.completion_tokens, kept.first_event_ns) == ("", (), None, None)


# --- the end of an answer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "dialect"),
    [
        (exchange(GOOD), ()),
        (exchange(TEXT + FINISH), ("no-done",)),
        (exchange(TEXT + event(chunk({}, "stop"))[:-2]), ("no-done",)),
        (exchange(TEXT + event({"choices": [{"delta": {}, "finish_reason": 2}]})), ("no-done", "odd-finish")),
        (exchange(GOOD, 201), ()),
        (exchange(GOOD, 299), ()),
    ],
)
def test_a_finish_reason_and_the_end_of_the_body_are_a_whole_answer(
    seen: Exchange, dialect: tuple[str, ...]
) -> None:
    """With or without [DONE], which is noted; with any status of success."""
    kept, text = record(seen, REQUEST)
    assert (kept.outcome, kept.error, text) == ("ok", None, "a")
    assert kept.dialect == dialect
    assert kept.done_seen != ("no-done" in dialect)


@pytest.mark.parametrize(
    "seen", [exchange(TEXT, unfinished=True), exchange(TEXT), exchange(TEXT + FINISH, complete=False)]
)
def test_what_is_no_whole_answer_has_no_dialect_of_its_end(seen: Exchange) -> None:
    """[DONE] was not left out: it did not come."""
    assert record(seen, REQUEST)[0].dialect == ()


# --- counts that cannot be ------------------------------------------------------------------------------


def counted(value: object, chunks: int = 5, **event_members: object) -> bytes:
    """An answer of so many chunks, with this usage at its end."""
    text = b"".join(event(chunk({"content": f" w{n}"})) for n in range(chunks))
    return text + FINISH + event({"choices": [], "usage": value, **event_members}) + DONE


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (usage(3), "below-chunks"),
        (usage(0), "below-chunks"),
        (usage(17), "above-limit"),
        (usage(10**9), "above-limit"),
        (usage(-1), "not-a-count"),
        ({"completion_tokens": 5.0}, "not-a-count"),
        ({"completion_tokens": "5"}, "not-a-count"),
        ({"completion_tokens": True}, "not-a-count"),
        ({"completion_tokens": [5]}, "not-a-count"),
        ({"completion_tokens": 10**18}, "not-a-count"),
        ([5], "not-a-count"),
        ("5 tokens", "not-a-count"),
        ({}, "missing-part"),
        ({"completion_tokens": None, "prompt_tokens": 7}, "missing-part"),
        ({"prompt_tokens": 7, "total_tokens": 12}, "missing-part"),
        ({"completion_tokens_details": {"reasoning_tokens": 3}}, "missing-part"),
    ],
)
def test_a_count_that_cannot_be_costs_no_answer(value: object, fault: str) -> None:
    """The chunks count, or timings where there are some, and the record says why."""
    kept, _ = record(exchange(counted(value)), REQUEST)
    assert (kept.outcome, kept.completion_tokens, kept.token_source) == ("ok", 5, "chunks")
    assert (kept.count_fault, kept.untimed_tokens, kept.chunk_tokens) == (fault, 0, None)
    timed, _ = record(exchange(counted(value, timings={"predicted_n": 6})), REQUEST)
    assert (timed.completion_tokens, timed.token_source, timed.count_fault) == (6, "timings", fault)


@pytest.mark.parametrize("tokens", [4, 5, 6, 7])
def test_a_count_that_can_be_is_believed(tokens: int) -> None:
    """From one below the chunks on: the end may flush a piece of text that is no token of its own."""
    kept, _ = record(exchange(counted(usage(tokens))), REQUEST)
    assert (kept.completion_tokens, kept.token_source, kept.count_fault) == (tokens, "usage", None)
    assert kept.untimed_tokens == 0


def test_timings_that_cannot_be_are_not_believed_either() -> None:
    """Then the chunks count; where there is a usage its own fault is named."""
    for predicted, fault in ((2, "below-chunks"), (17, "above-limit")):
        kept, _ = record(exchange(counted(None, timings={"predicted_n": predicted})), REQUEST)
        assert (kept.completion_tokens, kept.token_source, kept.count_fault) == (5, "chunks", fault)
    kept, _ = record(exchange(counted({}, timings={"predicted_n": 2})), REQUEST)
    assert kept.count_fault == "missing-part"


def test_an_answer_without_a_limit_may_be_of_any_length() -> None:
    """`max_tokens` was left out of the request: no count is above it."""
    body = counted(usage(40), timings={})
    assert record(exchange(body), REQUEST)[0].count_fault == "above-limit"
    kept, _ = record(exchange(body), REQUEST, limited=False)
    assert (kept.completion_tokens, kept.count_fault) == (40, None)


def test_the_usage_of_several_choices_is_of_none() -> None:
    """The first choice is timed and counted by its chunks; the other is noted."""
    other = event({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": None}]})
    kept, text = record(
        exchange(TEXT + other + TEXT + other + FINISH + event({"usage": usage(4)}) + DONE), REQUEST
    )
    assert (kept.outcome, text, kept.dialect) == ("ok", "aa", ("choices",))
    assert (kept.completion_tokens, kept.token_source, kept.count_fault) == (2, "chunks", "several-choices")


@pytest.mark.parametrize(
    ("usages", "prompt", "completion", "cached"),
    [
        ([usage(5), usage(0, prompt=0)], 7, 5, None),
        ([usage(5), {}], 7, 5, None),
        ([usage(5), {"completion_tokens": None}], 7, 5, None),
        ([usage(5), {"completion_tokens": -1}], 7, 5, None),
        ([{"prompt_tokens": 7}, {"completion_tokens": 5}], 7, 5, None),
        ([{"prompt_tokens": "7", "completion_tokens": 5}], None, 5, None),
        ([{"prompt_tokens": -7, "completion_tokens": 5}], None, 5, None),
        ([{"input_tokens": 7, "output_tokens": 5}], 7, 5, None),
        ([usage(5, cached=3), usage(5)], 7, 5, 3),
        ([{**usage(5), "prompt_tokens_details": {"cached_tokens": "3"}}], 7, 5, None),
        ([usage(4, cached=0), usage(5, cached=0)], 7, 5, 0),
    ],
)
def test_parts_of_usage_are_put_together(
    usages: list[object], prompt: int | None, completion: int, cached: int | None
) -> None:
    """Of each member the later count; what is none takes back none."""
    ends = b"".join(event({"usage": each}) for each in usages)
    text = b"".join(event(chunk({"content": f" w{n}"})) for n in range(5))
    kept, _ = record(exchange(text + FINISH + ends + DONE), REQUEST)
    assert (kept.prompt_tokens, kept.completion_tokens, kept.cached_tokens) == (prompt, completion, cached)
    assert (kept.token_source, kept.count_fault) == ("usage", None)
