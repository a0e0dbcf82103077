"""The quick reader of records agrees with the slow one and with the schema on every line."""

from __future__ import annotations

import copy
from dataclasses import MISSING, fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit.strict.record_decoder
from kit.documents import Dialect, Record
from kit.strict.decode import plain, typed
from kit.strict.json_reader import Json, StrictError
from kit.strict.record_decoder import (
    MAX_CHUNKS,
    MAX_COUNT,
    MAX_STATUS,
    MAX_WORDS_CHARS,
    record_from,
)
from kit.strict.schema import problems, schema
from kit.text import one_of
from tests.support.documents import RECORD, good

COUNTS = st.integers(-1, 3) | st.sampled_from([MAX_COUNT, MAX_COUNT + 1])


def accepted(read: Any, *arguments: object) -> Record | None:
    try:
        made = read(*arguments)
    except StrictError:
        return None
    assert isinstance(made, Record)
    return made


def assert_agreement(line: Json) -> None:
    """`record_from` accepts what both others accept, and makes the same of it."""
    quick = accepted(record_from, line, "f")
    slow = None if problems(line, "record") else accepted(typed, Record, line, "f")
    optional = {field.name: field.default for field in fields(Record) if field.default is not MISSING}
    written = optional.keys() & line.keys() if isinstance(line, dict) else set()
    if slow is not None and any(getattr(slow, name) == optional[name] for name in written):
        slow = None  # what may be left out is
    if slow is not None and slow.chunk_tokens is not None and len(slow.chunk_tokens) != len(slow.chunks):
        slow = None
    assert quick == slow


def test_a_good_line_becomes_its_record() -> None:
    """The happy path gives the same frozen value as `typed`, with tuples inside."""
    made = record_from(good("record"), "f")
    assert made == RECORD == typed(Record, good("record"), "f")
    assert isinstance(made.chunks[0], tuple)
    assert hash(made.chunks) == hash(RECORD.chunks)


def test_a_line_is_not_changed_by_reading_it() -> None:
    """The parsed line belongs to the caller."""
    line = good("record")
    before = copy.deepcopy(line)
    record_from(line, "f")
    assert line == before


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        ({"id": -1}, "id", "expected an integer from 0 to 1000000000000000, found -1"),
        ({"id": True}, "id", "expected an integer from 0 to 1000000000000000, found true"),
        ({"sent_ns": 1.0}, "sent_ns", "expected an integer from 0 to 1000000000000000, found 1.0"),
        ({"done_ns": None}, "done_ns", "expected an integer from 0 to 1000000000000000, found null"),
        ({"status": 1000}, "status", "expected an integer from 0 to 999, found 1000"),
        ({"done_seen": 1}, "done_seen", "expected true or false, found 1"),
        ({"salt": "xyz"}, "salt", 'expected lower-case hex digits, [0-9a-f]{16}, found "xyz"'),
        ({"model": "x" * 201}, "model", 'expected a string of at most 200 characters, found "' + "x" * 57 + '…"'),
        ({"outcome": None}, "outcome", 'expected "ok", "failed" or "unfinished", found null'),
        ({"outcome": []}, "outcome", 'expected "ok", "failed" or "unfinished", found a list'),
        ({"token_source": "guess"}, "token_source", 'expected "usage", "timings" or "chunks", found "guess"'),
        ({"chunks": None}, "chunks", "expected a list, found null"),
        (
            {"chunks": [[1, 2, 0], [1, 2]]},
            "chunks[1]",
            "expected a list of stamp, characters and channel (0 to 2)",
        ),
        ({"chunks": [[1, 2, 3]]}, "chunks[0]", "expected a list of stamp, characters and channel (0 to 2)"),
        ({"chunk_tokens": [1, 1]}, "chunk_tokens", "2 counts for 3 chunks"),
        ({"chunk_tokens": [1, 1, -1]}, "chunk_tokens[2]", "expected a count, found -1"),
        ({"chunk_token": None}, "chunk_token", 'unknown key "chunk_token"; did you mean "chunk_tokens"?'),
        ({"untimed_tokens": 0}, "untimed_tokens", "is written, although it is left out at this value"),
        ({"dialect": []}, "dialect", "is written, although it is left out at this value"),
        ({"count_fault": None}, "count_fault", "is written, although it is left out at this value"),
        ({"untimed_tokens": False}, "untimed_tokens", f"expected an integer from 0 to {MAX_COUNT}, found false"),
        ({"dialect": ["no-end"]}, "dialect", "expected " + one_of(get_args(Dialect)) + ', found "no-end"'),
        ({"dialect": ["no-done"] * 6}, "dialect", "more than 5 items"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, Any], place: str, message: str) -> None:
    """The quick reader explains as well as the slow one."""
    with pytest.raises(StrictError) as raised:
        record_from({**good("record"), **change}, "records.jsonl line 7")
    assert raised.value.where == "records.jsonl line 7"
    assert (raised.value.place, raised.value.message) == (place, message)


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_what_is_no_record_at_all_is_refused(value: Json) -> None:
    """Not an object, or an object without keys."""
    with pytest.raises(StrictError):
        record_from(value, "f")


def test_a_missing_key_is_refused_by_every_reader() -> None:
    """No field has a default but those that are left out at it."""
    for name in good("record"):
        line = {key: value for key, value in good("record").items() if key != name}
        with pytest.raises(StrictError, match=f'missing key "{name}"'):
            record_from(line, "f")
        assert_agreement(line)


def test_the_list_of_chunks_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap is inclusive and looked at before anything is built."""
    monkeypatch.setattr(kit.strict.record_decoder, "MAX_CHUNKS", 3)
    assert len(record_from(good("record"), "f").chunks) == 3
    line = {**good("record"), "chunks": [[0, 1, 0]] * 4, "chunk_tokens": None}
    with pytest.raises(StrictError, match="chunks: more than 3 items"):
        record_from(line, "f")


def test_the_limits_are_those_of_the_schema() -> None:
    """A limit that is changed in one place only is noticed."""
    properties = schema("record")["properties"]
    assert properties["chunks"]["maxItems"] == properties["chunk_tokens"]["maxItems"] == MAX_CHUNKS
    assert properties["error_detail"]["maxLength"] == properties["model"]["maxLength"] == MAX_WORDS_CHARS
    assert properties["status"]["maximum"] == MAX_STATUS
    assert schema("common")["$defs"]["count"]["maximum"] == schema("common")["$defs"]["ns"]["maximum"] == MAX_COUNT


SPARSE = ("reasoning_tokens", "untimed_tokens", "count_fault", "dialect")
ODD = st.one_of(
    st.none(),
    st.booleans(),
    COUNTS,
    st.sampled_from([0.0, 1.0, -0.5, 999, 1000, 10**18]),
    st.sampled_from(["", "ok", "failed", "usage", "mixed", "timeout_idle", "0" * 16, "0" * 64, "0" * 63 + "\n"]),
    st.sampled_from(["x" * 200, "x" * 201, "\u0660" * 16]),
    st.lists(COUNTS, max_size=4),
    st.just({}),
    st.sampled_from(
        ["below-chunks", "no-done", ["no-done"], ["no-done", "choices"], ["no-done", 1], ["no-done"] * 6]
    ),
)
CHUNK = st.lists(COUNTS, min_size=3, max_size=3) | st.lists(COUNTS | st.booleans() | st.none(), max_size=4) | ODD


@given(st.sampled_from([*good("record"), *SPARSE, "extra"]), ODD)
def test_readers_agree_on_any_value_in_any_field(name: str, value: Any) -> None:
    """One field after the other takes every odd value."""
    assert_agreement({**good("record"), name: value})


@given(st.lists(CHUNK, max_size=4), st.none() | st.lists(COUNTS | st.booleans(), max_size=4))
def test_readers_agree_on_any_chunks(chunks: list[Any], counts: list[Any] | None) -> None:
    """Lists of chunks and counts, good and bad ones mixed."""
    assert_agreement({**good("record"), "chunks": chunks, "chunk_tokens": counts})


@pytest.mark.parametrize(
    "sparse",
    [
        {"reasoning_tokens": 0},
        {"reasoning_tokens": 40, "untimed_tokens": 40},
        {"untimed_tokens": None},
        {"count_fault": "below-chunks"},
        {"dialect": ["no-done", "choices"]},
    ],
)
def test_what_most_records_leave_out_is_read_where_it_stands(sparse: dict[str, Any]) -> None:
    """And is written again as it was."""
    line = {**good("record"), **sparse}
    found = record_from(line, "f")
    assert {name: getattr(found, name) for name in sparse} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in sparse.items()
    }
    assert plain(found) == line
    assert_agreement(line)
