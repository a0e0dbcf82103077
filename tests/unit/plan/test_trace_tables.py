"""Traces as others publish them: times and lengths of a table, or the line that is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.plan.trace_tables import any_trace, is_table, played_trace, trace_bytes
from kit.plan.traces import MAX_AT_MS, MAX_TRACE_BYTES, TraceLine, read_trace
from kit.strict import StrictError

S = 1_000_000_000
AZURE = (
    b"TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    b"2023-11-16 23:59:59.9799600,374,44\r\n"
    b"2023-11-17 00:00:00.5,396,0\r\n"
)
AZURE_2024 = (
    b"TIMESTAMP,ContextTokens,GeneratedTokens\n"
    b"2024-05-10 00:00:00.009930+00:00,2162,5\n"
    b"2024-05-10 02:00:00.009930+02:00,2399,6\n"
)
BURST = (
    b"\xef\xbb\xbfTimestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    b"5,ChatGPT,472,18,490,Conversation log\n"
    b'45.25,"GPT-4, new",1087,230.0,1317,Conversation log\n'
)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (AZURE, (TraceLine(0, 44), TraceLine(520_040_000, 1))),
        (AZURE_2024, (TraceLine(0, 5), TraceLine(0, 6))),
        (BURST, (TraceLine(0, 18), TraceLine(40 * S + S // 4, 230))),
        (b'{"at_ms":0}\n{"at_ms":0.5,"output_tokens":3}\n', (TraceLine(0, None), TraceLine(500_000, 3))),
        (b'{"timestamp":0,"output_length":3}\n', (TraceLine(0, 3),)),
    ],
)
def test_every_form_is_read_for_times_and_lengths(data: bytes, lines: tuple[TraceLine, ...]) -> None:
    """From the first request on; one without an answer asks for one token."""
    assert any_trace(data, "t") == lines
    assert read_trace(trace_bytes(lines), "t") == lines
    assert (played_trace(data, "t") == data) != is_table(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a,b\n1,2\n", "line 1: is no table of requests: expected the columns TIMESTAMP"),
        (b"TIMESTAMP,TIMESTAMP,GeneratedTokens\n1,2,3\n", "is no table of requests"),
        (b"TIMESTAMP,GeneratedTokens\n", "at least one request"),
        (b"TIMESTAMP,GeneratedTokens\n2023-11-16 18:17:03\n", "line 2: has 1 columns, the head 2"),
        (b"TIMESTAMP,GeneratedTokens\nnoon,1\n", "line 2: TIMESTAMP is no time: 'noon'"),
        (b"TIMESTAMP,GeneratedTokens\n2023-02-30 18:17:03,1\n", "is no time"),
        (b"Timestamp,Response tokens\n-1,1\n", "Timestamp is no time: '-1'"),
        (b"Timestamp,Response tokens\n1,many\n", "Response tokens must be 0 to"),
        (b"Timestamp,Response tokens\n1,999999999\n", "Response tokens must be 0 to"),
        (b"Timestamp,Response tokens\n5,1\n4,1\n", "line 3: its time is before"),
        (b"Timestamp,Response tokens\n0,1\n%d,1\n" % (MAX_AT_MS // 1000 + 1), "more than seven days"),
        (b'Timestamp,Response tokens\n"1,1\n', "cannot be read"),
        (b"Timestamp,Response tokens\n1,\xff\n", "not UTF-8"),
        (b"Timestamp,Response tokens\n" + b"1" * 200_000 + b",1\n", "cannot be read: field larger"),
    ],
)
def test_a_wrong_row_is_named(data: bytes, words: str) -> None:
    """File, line and what was expected."""
    with pytest.raises(StrictError) as raised:
        any_trace(data, "my.csv")
    assert raised.value.what.startswith("my.csv")
    assert words in raised.value.what


def test_a_huge_table_is_refused_before_it_is_parsed() -> None:
    """By its size alone."""
    with pytest.raises(StrictError, match="are more than"):
        any_trace(b"Timestamp,Response tokens\n" + bytes(MAX_TRACE_BYTES), "t")


@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_a_strict_error(data: bytes) -> None:
    """Nothing else is ever raised."""
    for each in (data, b"TIMESTAMP,GeneratedTokens\n" + data, b"Timestamp,Response tokens\n1," + data):
        try:
            any_trace(each, "t")
        except StrictError:
            continue


@given(st.lists(st.tuples(st.integers(0, MAX_AT_MS * 10**6), st.none() | st.integers(1, 10**6)), min_size=1))
def test_a_kept_trace_is_the_same_to_the_nanosecond(rows: list[tuple[int, int | None]]) -> None:
    """Through the milliseconds of its file."""
    lines = tuple(TraceLine(at_ns, tokens) for at_ns, tokens in sorted(rows, key=lambda row: row[0]))
    assert read_trace(trace_bytes(lines), "t") == lines
