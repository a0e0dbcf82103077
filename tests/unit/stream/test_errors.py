"""kit.stream.record: errors that a stream tells, and streams that break the protocol."""

from __future__ import annotations

import json

import pytest

from kit.documents import CONTENT, Answer
from kit.stream import answer, sse
from kit.stream.record import parse
from tests.support.streams import DONE, chunk, event


def read(*parts: bytes) -> Answer:
    """Parse with the number of the part as the stamp."""
    return parse(enumerate(parts))


def said(*deltas: object) -> Answer:
    return read(*(event(chunk(delta)) for delta in deltas), event(chunk({}, "stop")), DONE)


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ({"error": {"message": "out\nof \x1b[31mmemory", "code": 500}}, "out of [31mmemory"),
        ({"error": "it broke"}, "it broke"),
        ({"object": "error", "message": "bad", "code": 400}, "bad"),
        ({"error": {"code": 17}}, '{"code": 17}'),
        ({"error": {}}, '{"error": {}}'),
        ({"error": {"message": "é" * 5000}}, "é" * 200),
        ({"error": "a\ud800b"}, "a b"),
    ],
)
def test_an_error_event_is_kept_with_clean_words(value: object, detail: str) -> None:
    """Every shape of error is found, its text made printable and at most 200 characters long."""
    answer = read(event(chunk({"content": "a"})), event(json.dumps(value)), event(chunk({}, "stop")), DONE)
    assert (answer.error, answer.error_detail) == ("error_event", detail)
    assert (answer.text, answer.finish_reason, answer.done_seen) == ("a", "stop", True)


def test_text_beside_an_error_is_not_generated_text() -> None:
    """An event that holds both is an error and nothing else."""
    answer = read(event(chunk({"content": "a"})), event(chunk({"content": "b"}, error="oom")), DONE)
    assert (answer.error, answer.text) == ("error_event", "a")


def test_a_null_error_is_no_error() -> None:
    """Servers that always send the key do not fail."""
    assert read(event(chunk({}, error=None)), DONE).error is None


def test_the_first_error_is_the_one_kept() -> None:
    """Garbage after an error event does not hide what the server said."""
    answer = read(event({"error": "first"}), event("{"), DONE)
    assert (answer.error, answer.error_detail, answer.done_seen) == ("error_event", "first", False)


def with_usage(**fields: object) -> dict[str, object]:
    return {"usage": {"prompt_tokens": 1, "completion_tokens": 1, **fields}}


BAD_EVENTS: list[object] = [
    "",
    "{",
    "[1]",
    "null",
    '"text"',
    '{"a": NaN}',
    '{"a": -Infinity}',
    '{"a": ' + "1" * 5000 + "}",
    '{"a": "\x01"}',
    "[DONE] ]",
    '{"a":' * 65 + "1" + "}" * 65,
    "[" * 500_000,
    '{"a": "' + r"\"{" * 100_000,
    {"choices": {}},
    {"choices": [7]},
    chunk([]),
    chunk({"content": 5}),
    chunk({"content": ["a"]}),
    chunk({"reasoning": 1}),
    chunk({"tool_calls": {}}),
    chunk({"tool_calls": [{"function": {"arguments": {}}}]}),
    {"choices": [{"index": 1, "delta": {"content": "a"}}]},
    {"choices": [{"delta": {}, "finish_reason": 3}]},
    {"choices": [{"delta": {}, "finish_reason": "x" * 201}]},
    {"model": 3},
    {"usage": []},
    {"usage": {}},
    with_usage(completion_tokens=-1),
    with_usage(completion_tokens=10**9 + 1),
    with_usage(completion_tokens=1.0),
    with_usage(prompt_tokens=True),
    with_usage(prompt_tokens="3"),
    with_usage(prompt_tokens_details=[]),
    with_usage(prompt_tokens_details={"cached_tokens": -1}),
    {"timings": 3},
    {"timings": {"predicted_n": 0.5}},
]


@pytest.mark.parametrize("bad", BAD_EVENTS, ids=lambda bad: str(bad)[:40])
def test_an_event_that_breaks_the_protocol_ends_the_reading(bad: object) -> None:
    """Text before it is kept, nothing after it is, and the detail says something."""
    answer = read(event(chunk({"content": "a"})), event(bad), event(chunk({"content": "b"})), DONE)
    assert (answer.error, answer.text, answer.done_seen) == ("protocol", "a", False)
    assert 0 < len(answer.error_detail) <= 200


@pytest.mark.parametrize(
    "good",
    [
        {"a": "[" * 1000},
        {"a": [[[[1]]]], "b": [{}] * 100},
        with_usage(completion_tokens=10**9),
        with_usage(prompt_tokens_details=None),
        with_usage(prompt_tokens_details={"cached_tokens": None}),
        {"timings": {"predicted_ms": 5}},
        {"timings": None},
        {"model": "x" * 200},
        {"choices": [{"index": None, "delta": {}}]},
    ],
    ids=lambda good: str(good)[:40],
)
def test_an_odd_event_within_the_rules_is_no_error(good: object) -> None:
    """Brackets in strings, many siblings, nulls and values at the limit pass."""
    assert read(event(good), DONE).error is None


def test_a_lone_surrogate_in_a_text_becomes_a_replacement_character() -> None:
    """The text can be encoded, a real pair stays, and the count of characters is that of the text."""
    answer = read(event(r'{"choices":[{"delta":{"content":"a\ud800b\ud83c\udf0d"}}]}'))
    assert answer.text == "a\ufffdb🌍"
    assert answer.chunks == ((0, 4, CONTENT),)


def test_bytes_that_are_no_utf8_are_replaced_as_the_standard_says() -> None:
    """A broken byte costs one character and no error."""
    assert read(event(chunk({"content": "a?b"})).replace(b"?", b"\xff")).text == "a\ufffdb"


def test_limits_are_protocol_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event, a text and a number of events just beyond their limits each end the reading."""
    long = event(chunk({"content": "x" * sse.MAX_EVENT_BYTES}))
    assert read(long).error == "protocol"
    assert read(long[:-2]).error == "protocol"  # even when the event never ends
    assert read(b"\n\n" * 3, long[: sse.MAX_EVENT_BYTES]).error is None
    monkeypatch.setattr(answer, "MAX_TEXT_CHARS", 50)
    assert said({"content": "a" * 30}, {"content": "b" * 20}).error is None
    beyond = said({"content": "a" * 30}, {"content": "b" * 21})
    assert (beyond.error, beyond.text) == ("protocol", "a" * 30)
    monkeypatch.setattr(sse, "MAX_EVENTS", 3)
    assert said({"content": "a"}).error is None
    assert said({"content": "a"}, {"content": "b"}).error == "protocol"
