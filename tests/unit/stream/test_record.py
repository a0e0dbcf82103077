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
        (exchange(GOOD, 201), "http_status", None),
        (exchange(TEXT + event({"error": "oom"}) + FINISH + DONE), "error_event", "oom"),
        (exchange(TEXT + event("{") + FINISH + DONE), "protocol", "not JSON: {"),
        (exchange(FINISH + DONE), "empty", "no text came"),
        (exchange(b'{"error":"not a stream"}'), "empty", "no events: not a stream"),
        (exchange(TEXT + DONE), "truncated", "no finish reason"),
        (exchange(TEXT + FINISH), "truncated", "no [DONE]"),
        (exchange(GOOD, complete=False), "truncated", "the body was cut"),
        (exchange(TEXT, complete=False), "truncated", "no finish reason, no [DONE], the body was cut"),
        (
            exchange(TEXT + event(chunk({}, "stop", usage=usage(0))) + DONE),
            "protocol",
            "usage counts 0 tokens for 1 characters",
        ),
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
