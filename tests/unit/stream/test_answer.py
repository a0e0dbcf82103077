"""kit.stream.record: what a stream said, in the shape of every runtime, cut anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import CONTENT, REASONING, TOOL, Answer, Usage
from kit.stream.record import parse
from tests.support.streams import (
    DONE,
    SHAPES,
    calls_made,
    chunk,
    cut,
    event,
    llamacpp,
    ollama,
    reads,
    realizar,
    stamp_at,
    unstamped,
    usage,
    vllm,
)

WORDS = ["Hé", "llo", " 🌍", "!"]


def read(*parts: bytes) -> Answer:
    """Parse with the number of the part as the stamp."""
    return parse(enumerate(parts))


def said(*deltas: object) -> Answer:
    return read(*(event(chunk(delta)) for delta in deltas), event(chunk({}, "stop")), DONE)


# --- shapes of the runtimes -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_every_runtime_gives_text_finish_and_end(shape: str) -> None:
    """Text, chunks, finish reason, model and [DONE] are found in the shape of each runtime."""
    answer = parse([(3, SHAPES[shape](WORDS))])
    assert answer.text == "Héllo 🌍!"
    assert answer.chunks == ((3, 2, CONTENT), (3, 3, CONTENT), (3, 2, CONTENT), (3, 1, CONTENT))
    assert (answer.done_seen, answer.model, answer.error) == (True, "m", None)
    assert answer.finish_reason == ("length" if shape.startswith("vllm") else "stop")


def test_usage_and_timings_of_each_runtime_are_kept() -> None:
    """Usage comes from any chunk, cached tokens and predicted_n where sent, nothing where not."""
    assert parse([(0, llamacpp(WORDS))]).usage == Usage(7, 4, 0)
    assert parse([(0, llamacpp(WORDS))]).predicted_tokens == 4
    assert parse([(0, ollama(WORDS))]).usage == Usage(7, 4, None)
    assert parse([(0, realizar(WORDS))]).usage is None


def test_usage_in_the_finish_chunk_counts_and_the_last_one_wins() -> None:
    """Usage beside choices is taken, `usage: null` does not erase it, a later one replaces it."""
    first, last = (event(chunk({}, "stop", usage=usage(count))) for count in (3, 9))
    assert read(first, last, event(chunk({}, usage=None)), DONE).usage == Usage(7, 9, None)


@pytest.mark.parametrize("delta", [{"role": "assistant"}, {"content": ""}, {"content": None}, {}, None])
def test_an_event_without_text_is_no_chunk_but_is_the_first_event(delta: object) -> None:
    """Role-only, empty and null contents never count as text, yet they stamp the first event."""
    answer = read(event(chunk(delta)), event(chunk({"content": "a"})), DONE)
    assert answer.chunks == ((1, 1, CONTENT),)
    assert (answer.first_event_ns, answer.last_event_ns) == (0, 2)


@pytest.mark.parametrize(
    ("delta", "text", "channels"),
    [
        ({"reasoning": "hm"}, "hm", [REASONING]),
        ({"reasoning_content": "hm"}, "hm", [REASONING]),
        ({"reasoning": "hm", "reasoning_content": "hm"}, "hm", [REASONING]),
        ({"reasoning": "hm", "reasoning_content": "so"}, "hmso", [REASONING]),
        ({"reasoning": "hm", "content": "a"}, "hma", [REASONING, CONTENT]),
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"x'}}]}, '{"x', [TOOL]),
        ({"tool_calls": [{"function": {"arguments": "a"}}, {"function": {"arguments": "b"}}]}, "ab", [TOOL]),
        ({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}, "", []),
        ({"tool_calls": [{"function": None}], "content": "a"}, "a", [CONTENT]),
        ({"tool_calls": [{"function": {"arguments": {"x": "é"}}}]}, '{"x": "é"}', [TOOL]),
        ({"function_call": {"name": "f", "arguments": "a"}}, "a", [TOOL]),
        ({"reasoning_text": "hm"}, "hm", [REASONING]),
        ({"thinking": "hm"}, "hm", [REASONING]),
        ({"reasoning": {"content": "hm"}}, "hm", [REASONING]),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, "hm", [REASONING]),
        ({"reasoning": "hm", "reasoning_details": [{"text": "hm"}]}, "hm", [REASONING]),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, "", []),
        ({"thoughts": "nobody knows this name"}, "", []),
        ({"content": None, "refusal": "no"}, "no", [CONTENT]),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", [CONTENT]),
        ({"content": ["a", "b"]}, "ab", [CONTENT]),
        ({"content": {"type": "text", "text": "a"}}, "a", [CONTENT]),
        (
            {"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"text": "a"}]},
            "hma",
            [REASONING, CONTENT],
        ),
        ({"content": [{"type": "reasoning", "text": "hm"}]}, "hm", [REASONING]),
    ],
)
def test_generated_text_is_found_in_every_channel(delta: object, text: str, channels: list[int]) -> None:
    """Content, reasoning under both names and tool arguments are chunks of their own channel."""
    answer = said(delta)
    assert answer.text == text
    assert [channel for _, _, channel in answer.chunks] == channels


def test_the_text_of_the_older_completions_endpoint_is_content() -> None:
    """`choices[0].text` without a delta counts as content."""
    answer = read(event({"choices": [{"index": 0, "text": "abc", "finish_reason": None}]}))
    assert answer.chunks == ((0, 3, CONTENT),)


def test_choices_may_be_missing_null_or_empty() -> None:
    """Such events are legal and hold no text."""
    answer = read(event({"id": "x"}), event({"choices": None}), event({"choices": []}), DONE)
    assert (answer.error, answer.chunks, answer.done_seen) == (None, (), True)


def test_the_first_model_named_is_kept() -> None:
    """Later events without a model, or with another, do not change it."""
    named = [event({"model": model}) for model in (None, "first", "second", None)]
    assert read(*named, event({}), DONE).model == "first"


def test_the_last_reason_that_is_a_word_is_kept_raw() -> None:
    """A later null or "" does not erase the finish reason, and unknown reasons are kept."""
    answer = read(*(event(chunk({}, finish)) for finish in ("stop", "weird_reason", None, "")))
    assert answer.finish_reason == "weird_reason"


# --- tokens per chunk -----------------------------------------------------------------------------------


def counted(*counts: int | None, final: int, before: int = 0) -> tuple[tuple[int, ...] | None, int]:
    """Tokens of each chunk, and those of none, where this is the running usage of chunks of one character."""
    head = event(chunk({"content": ""}, usage=usage(before)))
    texts = [event(chunk({"content": "a"}, usage=None if count is None else usage(count))) for count in counts]
    answer = read(head, *texts, event({"choices": [], "usage": usage(final)}))
    return answer.chunk_tokens, answer.silent_tokens


@pytest.mark.parametrize(
    ("counts", "final", "expected"),
    [
        ((1, 3, 4), 4, (1, 2, 1)),
        ((2, 2), 2, (2, 0)),
        ((1, 1, 2), 2, (1, 0, 1)),
        ((1, None, 3), 3, None),
        ((3, 1, 4), 4, None),
        ((1, 2, 3), 2, None),
        ((1, 1, 1), 1, None),
        ((0, 0, 0), 3, None),
        ((1, 1, 1, 1), 4, None),
        ((40, 41), 41, None),
        ((), 3, None),
    ],
)
def test_tokens_of_chunks_stand_only_where_the_counts_hold(
    counts: tuple[int | None, ...], final: int, expected: tuple[int, ...] | None
) -> None:
    """Every chunk has a count, none falls, most chunks have a token, and no chunk more than its bytes can be."""
    assert counted(*counts, final=final) == (expected, 0)


def test_what_the_count_grows_by_beside_the_text_belongs_to_no_chunk() -> None:
    """Before it, where reasoning is kept back, and behind it, where the end of the text is a token."""
    assert counted(41, 42, 43, final=43, before=40) == ((1, 1, 1), 40)
    assert counted(1, 2, 3, final=4) == ((1, 1, 1), 1)
    assert counted(1, 2, 3, final=0) == ((1, 1, 1), 0)


def test_the_continuous_shape_gives_tokens_per_chunk() -> None:
    """vLLM's continuous_usage_stats give one token a chunk here; without them there is nothing."""
    assert parse([(0, vllm(WORDS, continuous=True))]).chunk_tokens == (1, 1, 1, 1)
    assert parse([(0, vllm(WORDS))]).chunk_tokens is None


# --- any bytes, any cut ----------------------------------------------------------------------------------

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), min_size=1, max_size=6)
places = st.lists(st.integers(0, 10_000), max_size=40)


def last_bytes_of_text_events(body: bytes, blank_line: bytes) -> list[int]:
    """Where each event with text ends, found by splitting; no builder writes blank lines of another kind."""
    blocks = body.split(blank_line)
    ends = accumulate(len(block) + len(blank_line) for block in blocks)
    has_text = [b'"content":"' in block and b'"content":""' not in block for block in blocks]
    return [end - 1 for end, text in zip(ends, has_text, strict=True) if text]


@given(st.sampled_from(sorted(SHAPES)), texts, st.sampled_from([b"\n", b"\r\n", b"\r"]), places)
def test_any_cut_gives_the_same_answer_with_the_right_stamps(
    shape: str, words: list[str], line_end: bytes, cuts: Sequence[int]
) -> None:
    """Only stamps depend on the cuts, and each is that of the piece with the event's last byte."""
    body = SHAPES[shape](words).replace(b"\n", line_end)
    pieces = cut(body, cuts)
    answer = parse(pieces)
    assert unstamped(answer) == unstamped(parse([(0, body)]))
    assert answer.text == "".join(words)
    places = last_bytes_of_text_events(body, 2 * line_end)
    assert [stamp for stamp, _, _ in answer.chunks] == [stamp_at(pieces, place) for place in places]


pieces_of_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "content", "usage", "completion_tokens", "error", "message", "index"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(st.lists(st.binary(max_size=40) | pieces_of_json.map(event), max_size=8))
def test_no_bytes_raise(parts: list[bytes]) -> None:
    """Random bytes and random JSON end in an answer whose text can be encoded and whose counts agree."""
    answer = read(*parts)
    assert len(answer.text.encode().decode()) == sum(chars for _, chars, _ in answer.chunks)
    answer.error_detail.encode()


@pytest.mark.parametrize("size", [1, 100, 1_000_000])
def test_the_work_grows_with_the_stream_and_not_faster(size: int) -> None:
    """Twice the events make at most twice the calls, in one piece and in pieces of one byte each."""
    body = llamacpp(["a"] * 500).removesuffix(DONE)
    once, twice = reads(body, size), reads(body + body, size)
    few, many = calls_made(lambda: parse(once)), calls_made(lambda: parse(twice))
    assert few < many < 2.1 * few


def test_twenty_thousand_events_in_one_byte_pieces_read_alike() -> None:
    """A long stream cut at every byte gives the same answer as in one piece."""
    body = b"".join(event({"choices": [{"delta": {"content": "a"}}]}) for _ in range(20_000)) + DONE
    answer = parse(reads(body, 1))
    assert len(answer.chunks) == 20_000
    assert unstamped(answer) == unstamped(parse([(0, body)]))
    assert answer.last_event_ns == len(body) - 1
