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
        ({"object": "error"}, '{"object": "error"}'),
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
    "{",
    "[1]",
    '{"a": ' + "1" * 5000 + "}",
    '{"a": "\x01"}',
    '"half',
    'half"}}]}',
    "[DONE] ]",
    '{"a":' * 65 + "1" + "}" * 65,
    "[" * 500_000,
    '{"a": "' + r"\"{" * 100_000,
    {"choices": {"a": 1}},
    {"choices": "a"},
    {"choices": [7]},
    chunk("a"),
    chunk(["a"]),
    chunk({"content": 5}),
    chunk({"content": [5]}),
    chunk({"content": [["a"]]}),
    chunk({"content": [{"type": "text", "text": 5}]}),
    chunk({"refusal": 5}),
    chunk({"tool_calls": {"a": 1}}),
    chunk({"tool_calls": ["a"]}),
    chunk({"tool_calls": [{"function": "a"}]}),
    chunk({"tool_calls": [{"function": {"arguments": 5}}]}),
]


@pytest.mark.parametrize("bad", BAD_EVENTS, ids=lambda bad: str(bad)[:40])
def test_an_event_that_breaks_what_holds_text_ends_the_reading(bad: object) -> None:
    """Text before it is kept, nothing after it is, and the detail says something."""
    answer = read(event(chunk({"content": "a"})), event(bad), event(chunk({"content": "b"})), DONE)
    assert (answer.error, answer.text, answer.done_seen) == ("protocol", "a", False)
    assert 0 < len(answer.error_detail) <= 200


HARMLESS_EVENTS: list[object] = [
    "",
    "   ",
    "ping",
    "keep-alive 17",
    "null",
    "true",
    "17",
    "NaN",
    '""',
    '"ping"',
    "[]",
    "{}",
    {"type": "ping"},
    '{"a": NaN, "b": -Infinity}',
    '{"a": 1, "a": 2}',
    {"a": "[" * 1000},
    {"a": [[[[1]]]], "b": [{}] * 100},
    {"error": None},
    {"error": ""},
    {"error": False},
    {"error": {}},
    {"error": []},
    {"error": {"code": None, "message": ""}},
    {"choices": None},
    {"choices": {}},
    {"choices": [None]},
    {"choices": [{"index": None, "delta": {}}]},
    {"choices": [{"index": "0", "delta": {}}]},
    {"choices": [{"index": 1, "delta": {"content": "no"}}]},
    {"choices": [{"delta": None, "finish_reason": []}]},
    chunk([]),
    chunk({"content": []}),
    chunk({"content": False}),
    chunk({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
    chunk({"reasoning": True, "reasoning_content": 1, "thinking": {"a": 1}}),
    chunk({"tool_calls": {}}),
    chunk({"tool_calls": [None, {"function": None}, {"function": {"arguments": {}}}]}),
    {"model": 3},
    {"model": {"id": "m"}},
    {"model": "x" * 201},
    {"usage": []},
    {"usage": "5 tokens"},
    {"usage": {}},
    with_usage(completion_tokens=-1),
    with_usage(completion_tokens=10**9 + 1),
    with_usage(completion_tokens=1.0),
    with_usage(completion_tokens="1"),
    with_usage(completion_tokens=True),
    with_usage(prompt_tokens=True),
    with_usage(prompt_tokens_details=[]),
    with_usage(prompt_tokens_details={"cached_tokens": -1}),
    with_usage(completion_tokens_details="none"),
    {"timings": 3},
    {"timings": []},
    {"timings": {"predicted_n": 0.5}},
]


@pytest.mark.parametrize("odd", HARMLESS_EVENTS, ids=lambda odd: str(odd)[:40])
def test_an_odd_event_that_holds_no_text_is_read_over(odd: object) -> None:
    """Before, between and behind the text; the answer says what it says without it."""
    text = [event(chunk({"content": word})) for word in ("a", "b")]
    answer = read(event(odd), text[0], event(odd), text[1], event(chunk({}, "stop")), event(odd), DONE)
    assert (answer.error, answer.text, answer.finish_reason, answer.done_seen) == (None, "ab", "stop", True)
    assert [stamp for stamp, _, _ in answer.chunks] == [1, 3]


@pytest.mark.parametrize(
    ("noise", "first"), [(b"data: ping\n\n", 1), (b"data:\n\n", 1), (b": ping\n\n", 1), (event({}), 0)]
)
def test_a_heartbeat_is_not_the_first_event(noise: bytes, first: int) -> None:
    """Only what could hold something of the answer is."""
    assert read(noise, event(chunk({"content": "a"}))).first_event_ns == first


def test_names_that_are_too_long_are_cut() -> None:
    """A path of a file in a cache is a model's name at some servers; it costs no answer."""
    answer = read(event(chunk({"content": "a"}, "r" * 300, model="m" * 300)), DONE)
    assert (answer.model, answer.finish_reason, answer.error) == ("m" * 200, "r" * 200, None)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("stop", "stop"),
        (2, "2"),
        (True, "true"),
        ({"type": "length", "length": 9}, "length"),
        ({"type": 3}, '{"type": 3}'),
        (["stop"], '["stop"]'),
        (None, None),
        ("", None),
        ("null", None),
        ("None", None),
        (False, None),
        (0, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_finish_reason_of_any_form_is_the_end_if_it_says_something(reason: object, kept: str | None) -> None:
    """What is no string is noted; what stands for nothing yet is no reason."""
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    answer = read(event(chunk({"content": "a"})), event(last), DONE)
    assert answer.finish_reason == kept
    assert answer.dialect == (("odd-finish",) if kept is not None and not isinstance(reason, str) else ())


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"event: error\ndata: out of memory\n\n", "out of memory"),
        (b'event:error\ndata:{"message":"out of memory","code":500}\n\n', "out of memory"),
        (b'error: {"code":500,"message":"out of memory"}\n\n', "out of memory"),
        (b"event: error\ndata:\n\n", "an error without words"),
    ],
)
def test_an_event_that_is_named_an_error_is_one(body: bytes, detail: str) -> None:
    """Whatever its data are; llama.cpp once had a field of that name instead of data."""
    answer = read(event(chunk({"content": "a"})), body, event(chunk({}, "stop")), DONE)
    assert (answer.error, answer.error_detail, answer.text) == ("error_event", detail, "a")


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
