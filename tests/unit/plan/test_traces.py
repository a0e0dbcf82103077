"""Traces are read strictly with line numbers; offsets and starts are whole nanoseconds in order."""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import PlannedRequest, TracePin
from kit.errors import InputError
from kit.plan.traces import (
    MAX_AT_MS,
    MAX_TRACE_BYTES,
    TraceLine,
    is_mooncake,
    pin_trace,
    pinned_trace,
    read_trace,
    start_offsets_ns,
    trace_offsets_ns,
    with_trace_length,
)
from kit.strict.json_reader import StrictError

GOOD = b'{"at_ms":0}\n{"at_ms":12.5,"output_tokens":64}\n{"at_ms":12.5,"output_tokens":null}\n{"at_ms":1000}\n'
LINES = (TraceLine(0, None), TraceLine(12_500_000, 64), TraceLine(12_500_000, None), TraceLine(10**9, None))
PLANNED = PlannedRequest(1, 7, "0" * 16, 100)


def test_a_trace_is_read_in_nanoseconds() -> None:
    """Equal times are two requests at once; lengths may be missing."""
    assert read_trace(GOOD, "t.jsonl") == LINES
    assert read_trace(b'{"at_ms":0.1}\n', "t")[0].at_ns == 100_000
    assert read_trace(b'{"at_ms":%d}\n' % MAX_AT_MS, "t")[0].at_ns == MAX_AT_MS * 10**6


def test_a_trace_of_mooncake_is_read_for_its_times_and_answer_lengths() -> None:
    """Its prompts are hashes, which nobody can ask."""
    data = (
        b'{"timestamp": 0, "input_length": 655, "output_length": 52, "hash_ids": [0, 1]}\n'
        b'{"timestamp": 3000, "input_length": 7, "output_length": 5, "hash_ids": [%s]}\n'
        % b",".join([b"46"] * 250)
    )
    assert read_trace(data, "m") == (TraceLine(0, 52), TraceLine(3 * 10**9, 5))
    assert [is_mooncake(data), is_mooncake(GOOD)] == [True, False]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "at least one line"),
        (b'{"at_ms":0}', "line feed"),
        (b'{"at_ms":0}\n\n', "line 2: a blank line"),
        (b'{"at_ms":0}\r\n', "carriage return"),
        (b'{"at_ms":0}\n{"at_ms":"1"}\n', 'line 2: at_ms: expected a number, found "1"'),
        (b'{"at_ms":0}\n{"at_ms":true}\n', "line 2: at_ms: expected a number, found true"),
        (b'{"at_ms":null}\n', "line 1: at_ms: expected a number"),
        (b'{"at_ms":NaN}\n', "NaN"),
        (b'{"at_ms":1e999}\n', "too large"),
        (b'{"at_ms":-1}\n', "line 1: at_ms: must be 0"),
        (b'{"at_ms":1700000000000}\n', "since the start of the trace"),
        (b'{"at_ms":5}\n{"at_ms":4.9}\n', "line 2: at_ms is before"),
        (b"{}\n", 'line 1: missing key "at_ms"'),
        (b'{"at_ms":0,"output_token":1}\n', 'did you mean "output_tokens"?'),
        (b'{"at_ms":0,"at_ms":1}\n', "the same key twice"),
        (b'{"at_ms":0,"output_tokens":1.5}\n', "line 1: output_tokens: expected an integer"),
        (b'{"at_ms":0,"output_tokens":0}\n', "line 1: output_tokens: must be 1"),
        (b'{"at_ms":0,"output_tokens":1000001}\n', "line 1: output_tokens: must be 1"),
        (b"[0]\n", "line 1: expected an object"),
        (b'{"at_ms":0}\nnot json\n', "line 2"),
        (b'{"at_ms":' + b"0" * 70_000 + b"}\n", "longer than"),
        (b'{"timestamp":5}\n{"timestamp":4}\n', "line 2: timestamp is before"),
        (b'{"timestamp":0,"output_length":0}\n', "line 1: output_length: must be 1"),
        (b'{"timestamp":0,"hash_id":[1]}\n', 'did you mean "hash_ids"?'),
        (b'{"timestamp":0,"at_ms":0}\n', 'unknown key "at_ms"'),
        (b"\xff\n", "UTF-8"),
    ],
)
def test_a_wrong_line_is_named(data: bytes, words: str) -> None:
    """File, line and what was expected."""
    with pytest.raises(StrictError) as raised:
        read_trace(data, "my.jsonl")
    assert raised.value.what.startswith("my.jsonl")
    assert words in raised.value.what


def test_a_huge_file_is_refused_before_it_is_parsed() -> None:
    """By its size alone."""
    with pytest.raises(StrictError, match="are more than"):
        read_trace(bytes(MAX_TRACE_BYTES + 1), "t")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_trace_or_a_strict_error(data: bytes) -> None:
    """Nothing else is ever raised."""
    for each in (data, b'{"at_ms":' + data + b"}\n"):
        with suppress(StrictError):
            assert read_trace(each, "t")


def test_speed_divides_the_times_of_a_trace() -> None:
    """Twice as fast, or four times as slow."""
    assert trace_offsets_ns(LINES) == (0, 12_500_000, 12_500_000, 10**9)
    assert trace_offsets_ns(LINES, 2000) == (0, 6_250_000, 6_250_000, 5 * 10**8)
    assert trace_offsets_ns(LINES, 250) == (0, 50_000_000, 50_000_000, 4 * 10**9)


@given(st.lists(st.integers(0, MAX_AT_MS), min_size=1, max_size=20).map(sorted), st.integers(1, 10**6))
def test_offsets_never_fall(times_ms: list[int], speed_milli: int) -> None:
    """At any speed."""
    data = b"".join(json.dumps({"at_ms": at}).encode() + b"\n" for at in times_ms)
    offsets = trace_offsets_ns(read_trace(data, "t"), speed_milli)
    assert list(offsets) == sorted(offsets)
    assert len(offsets) == len(times_ms)


def test_a_request_gets_the_length_of_its_line_if_it_has_one() -> None:
    """The prompt and salt stay those of the schedule; after the last line too."""
    assert with_trace_length(PLANNED, LINES).max_tokens == 64
    assert with_trace_length(PLANNED, LINES[2:]).max_tokens == 100
    assert with_trace_length(PLANNED, LINES[:1]) == PLANNED


def test_a_pin_names_a_trace_by_its_hash() -> None:
    """Other bytes under the same name are refused."""
    pin = pin_trace(GOOD, "my trace (1).jsonl", LINES, 2000)
    assert pin == TracePin("my-trace--1-.jsonl", sha256(GOOD).hexdigest(), 4, 2000)
    assert pinned_trace(GOOD, pin, "trace.jsonl") == LINES
    with pytest.raises(InputError, match="not the trace"):
        pinned_trace(GOOD + b'{"at_ms":1000}\n', pin, "trace.jsonl")


@pytest.mark.parametrize(
    ("name", "pinned"), [("-x", "x"), ("..", "trace"), ("é", "trace"), ("a" * 300, "a" * 200)]
)
def test_a_pin_has_a_name_that_documents_allow(name: str, pinned: str) -> None:
    """Whatever the file is called."""
    assert pin_trace(GOOD, name, LINES, 1000).name == pinned


def test_users_of_a_ramp_start_evenly() -> None:
    """The first at once, the last one step before the end."""
    assert start_offsets_ns(4, 1000) == (0, 250, 500, 750)
    assert start_offsets_ns(3, 1000) == (0, 333, 666)
    assert start_offsets_ns(3, 0) == (0, 0, 0)


@given(st.integers(1, 500), st.integers(0, 10**12))
def test_every_user_of_a_ramp_starts_before_it_ends(concurrency: int, ramp_ns: int) -> None:
    """In order, with steps that differ by a nanosecond at most."""
    starts = start_offsets_ns(concurrency, ramp_ns)
    steps = {after - before for before, after in zip((*starts, ramp_ns), (*starts, ramp_ns)[1:], strict=False)}
    assert len(starts) == concurrency
    assert starts[0] == 0
    assert max(steps) - min(steps) <= 1
