"""The quick way of records, and the arrays they keep: it takes nothing that the long way refuses."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.documents import Record
from kit.documents.chunks import MAX_SHORT, Chunks, channels_of, chars_of, stamps_of
from kit.strict import StrictError, plain, quick_record, read_line, record_from, write_jsonl_line
from kit.strict.record_decoder import MAX_COUNT
from tests.support.documents import good

LINE = write_jsonl_line(good("record"))[:-1]
ITEMS = b"[[3000000,5,0],[5000000,4,1],[7000000,3,2]]"
PIECES = (b"[", b"]", b",", b'"', b"\\", b"0", b"-1", b"1e3", b".5", b" ", b"\n", b"null", b'"chunks":', b"{}")


def long_way(line: bytes) -> Record | None:
    """The record, where the long way takes the line and the kit would write it so."""
    try:
        value = read_line(line, "f", 1)
        record = record_from(value, "f")
    except StrictError:
        return None
    return record if write_jsonl_line(value) == line + b"\n" else None


def with_items(items: bytes) -> bytes:
    assert ITEMS in LINE
    return LINE.replace(ITEMS, items)


def test_a_line_of_the_kit_goes_the_quick_way() -> None:
    made = quick_record(LINE)
    assert made is not None
    assert made == long_way(LINE)
    assert isinstance(made.chunks, Chunks)
    assert plain(made) == good("record")


@pytest.mark.parametrize(
    "items",
    [
        b"[[1,2,0],[1,2]]", b"[[1,2,0],[1,2,0,0]]", b"[[1,2,3]]", b"[[01,2,0]]", b"[[1,2,-0]]", b"[[-1,2,0]]",
        b"[[1.0,2,0]]", b"[[1e3,2,0]]", b"[[1, 2,0]]", b"[[1,2,0],]", b"[[1,2,0]],[[1,2,0]]", b"[[1,,0]]",
        b"[[1,2,0][1,2,0]]", b"[[[1,2,0]]]", b"[[1,2,true]]", b"[[1,2,null]]", b'[["1",2,0]]', b"[[1,2,0]",
        b"[[%d,2,0]]" % (MAX_COUNT + 1), b"[[1%s,2,0]]" % (b"0" * 5000), b"[[1,%d,0]]" % 2**63, b"[]", b"[[]]",
        b"", b"[[,,]]", b"[[\xd9\xa1,2,0]]", b"[[1_0,2,0]]",
    ],
)  # fmt: skip
def test_other_chunks_do_not_go_the_quick_way(items: bytes) -> None:
    """Whether the long way takes them or not."""
    assert quick_record(with_items(items)) is None


@pytest.mark.parametrize(
    "line",
    [
        LINE + b" ",
        b" " + LINE,
        LINE[:-1],
        LINE + LINE,
        LINE.replace(b'"id":', b'"id":0,"id":'),
        LINE.replace(b'"chunks":', b'"chunks":[],"chunks":'),
        LINE.replace(b',"completion_tokens"', b',"chunks":[[1,2,0]],"completion_tokens"'),
        LINE.replace(b'"chunks":', b'"x\\"chunks":'),
        LINE.replace(b'"chunks":', b'"x","chunks":'),
        LINE.replace(b'"error_detail":"', b'"error_detail":"\\u0041'),
        LINE.replace(b'"error_detail":"', b'"error_detail":"\xff'),
        LINE.replace(b'"salt":"', b'"salt":"x'),
        b"",
        ITEMS,
        b',"chunks":[[1,2,0]]',
        b'{"a":1,"chunks":[[1,2,0]]}',
    ],
)
def test_other_lines_do_not_go_the_quick_way(line: bytes) -> None:
    assert quick_record(line) is None


@given(st.data())
def test_no_change_of_a_line_makes_the_ways_differ(data: st.DataObject) -> None:
    """Whatever is put in, taken out or written over: what goes the quick way goes the long one alike."""
    line = LINE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line)))
        end = data.draw(st.integers(at, min(len(line), at + 4)))
        line = line[:at] + data.draw(st.sampled_from((b"", *PIECES))) + line[end:]
    quick = quick_record(line)
    assert quick is None or quick == long_way(line)


@given(
    st.lists(st.tuples(st.integers(0, MAX_COUNT), st.integers(0, 2 * MAX_SHORT), st.integers(0, 2)), min_size=1)
)
def test_any_chunks_come_the_quick_way_as_they_were_written(chunks: list[tuple[int, int, int]]) -> None:
    document = {**good("record"), "chunks": [list(chunk) for chunk in chunks], "chunk_tokens": None}
    made = quick_record(write_jsonl_line(document)[:-1])
    assert made is not None
    assert made.chunks == tuple(chunks)


CHUNK = st.tuples(st.integers(0, MAX_COUNT), st.sampled_from([0, 1, MAX_SHORT, MAX_SHORT + 1]), st.integers(0, 2))


@given(st.lists(CHUNK, max_size=4), st.integers(-5, 5), st.integers(-5, 5))
def test_chunks_are_read_like_the_tuple_of_them(chunks: list[tuple[int, int, int]], first: int, last: int) -> None:
    made, same = Chunks(*([chunk[part] for chunk in chunks] for part in range(3))), tuple(chunks)
    assert (made == same, same == made, made != same, hash(made) == hash(same)) == (True, True, False, True)
    assert (len(made), [*made], made[first:last], bool(made)) == (len(same), [*same], same[first:last], bool(same))
    assert [made[at] for at in range(len(same))] == [*same]
    assert pickle.loads(pickle.dumps(made)) == made
    assert (*stamps_of(made),) == (*stamps_of(same),)
    assert (*channels_of(made),) == (*channels_of(same),)
    assert chars_of(made) == chars_of(same)
    assert repr(made) == repr(same)


@pytest.mark.parametrize("other", [(), ((1, 2, 1),), [(1, 2, 0)], None, Chunks([1], [2], [1])])
def test_other_chunks_are_not_equal(other: Any) -> None:
    assert Chunks([1], [2], [0]) != other


def test_a_number_that_fits_no_array_is_refused() -> None:
    with pytest.raises(OverflowError):
        Chunks([2**63], [1], [0])
